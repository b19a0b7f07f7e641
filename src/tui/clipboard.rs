//! Copying: to the clipboard of the terminal's own machine, and to a file that is always there.
//!
//! A terminal does not say whether it took a text, and many take none. What is copied is therefore
//! kept in a file as well, and the console says where.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Longer sequences are dropped by terminals without a word: what xterm takes, in bytes of base64.
const LONGEST: usize = 74_994;
/// What GNU Screen passes on at once, in bytes.
const SCREEN_CHUNK: usize = 700;

/// How a text gets to the clipboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By OSC 52.
    Direct,
    /// Through tmux, which passes it on if it is set to.
    Tmux,
    /// Through GNU Screen, in pieces.
    Screen,
    /// Not at all.
    None,
}

fn way() -> Way {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_default();
    if set("TMUX").is_some() {
        Way::Tmux
    } else if set("STY").is_some() {
        Way::Screen
    } else if matches!(
        term.as_str(),
        "linux" | "dumb" | "vt100" | "vt102" | "vt220" | "ansi"
    ) {
        Way::None
    } else {
        Way::Direct
    }
}

/// What is copied.
#[derive(Debug, Clone)]
pub(super) struct Copied {
    pub text: String,
    /// What it is, in words.
    pub what: String,
    /// Where it is kept as well.
    pub kept: Option<PathBuf>,
}

/// Sends what the terminal itself takes, and tells whether it was sent.
pub(super) fn send_to_terminal(text: &str, out: &mut dyn Write) -> bool {
    send(text, way(), out).unwrap_or(false)
}

/// Does the rest, which may take its time: tells tmux, and keeps a file. Says where the text went.
///
/// # Errors
/// When it could be put nowhere.
pub(super) fn finish(copied: &Copied, sent: bool) -> Result<String, String> {
    let Copied { text, what, kept } = copied;
    let sent = sent || (way() == Way::Tmux && through_tmux(text).unwrap_or(false));
    let file = kept.as_deref().map(|place| keep(text, place));
    match (sent, file) {
        (true, Some(Ok(place))) => Ok(format!(
            "sent to your terminal's clipboard: {what} (also in {})",
            place.display()
        )),
        (true, Some(Err(error))) => Ok(format!(
            "sent to your terminal's clipboard: {what}; it could not be kept in a file as well: {error}"
        )),
        (true, None) => Ok(format!("sent to your terminal's clipboard: {what}")),
        (false, Some(Ok(place))) => Ok(format!(
            "this terminal takes no clipboard: {what} is in {}",
            place.display()
        )),
        (false, Some(Err(error))) => Err(format!(
            "failed to copy {what}: the terminal takes no clipboard, and the file: {error}"
        )),
        (false, None) => Err(format!(
            "failed to copy {what}: the terminal takes no clipboard"
        )),
    }
}

fn send(text: &str, way: Way, out: &mut dyn Write) -> io::Result<bool> {
    let encoded = base64(text.as_bytes());
    if encoded.len() > LONGEST {
        return Ok(false);
    }
    match way {
        Way::None | Way::Tmux => return Ok(false),
        Way::Direct => write!(out, "\x1b]52;c;{encoded}\x1b\\")?,
        Way::Screen => {
            let sequence = format!("\x1b]52;c;{encoded}\x07");
            for chunk in sequence.as_bytes().chunks(SCREEN_CHUNK) {
                out.write_all(b"\x1bP")?;
                out.write_all(chunk)?;
                out.write_all(b"\x1b\\")?;
            }
        }
    }
    out.flush()?;
    Ok(true)
}

/// tmux takes no clipboard from programs unless it is told to, and tells its own terminal.
fn through_tmux(text: &str) -> io::Result<bool> {
    let asked = Command::new("tmux")
        .args(["show-options", "-sv", "set-clipboard"])
        .stderr(Stdio::null())
        .output()?;
    if String::from_utf8_lossy(&asked.stdout).trim() == "off" {
        return Ok(false);
    }
    let mut child = Command::new("tmux")
        .args(["load-buffer", "-w", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    Ok(child.wait()?.success())
}

/// Keeps a text where only its owner reads it.
fn keep(text: &str, place: &Path) -> io::Result<PathBuf> {
    let folder = place.parent().unwrap_or(Path::new("."));
    crate::document::make_folder(folder)?;
    // Files of tempfile are their owner's alone.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.persist(place)?;
    Ok(place.to_owned())
}

fn base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str, way: Way) -> (bool, String) {
        let mut out = Vec::new();
        let sent = send(text, way, &mut out).unwrap();
        (sent, String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_way_has_its_sequence() {
        assert_eq!(
            sent("hi", Way::Direct),
            (true, "\x1b]52;c;aGk=\x1b\\".into())
        );
        assert_eq!(sent("hi", Way::None), (false, String::new()));
        let (_, screen) = sent(&"x".repeat(2000), Way::Screen);
        assert!(
            screen
                .split("\x1bP")
                .all(|part| part.len() <= SCREEN_CHUNK + 2)
        );
        let whole: String = screen.replace("\x1bP", "").replace("\x1b\\", "");
        assert!(whole.starts_with("\x1b]52;c;eHh4") && whole.ends_with('\x07'));
        assert!(!sent(&"x".repeat(100_000), Way::Direct).0);
    }

    #[test]
    fn what_the_terminal_does_not_take_is_in_a_file_of_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("deep/copied.txt");
        assert_eq!(keep("secret", &place).unwrap(), place);
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "secret\n");
        let mode = std::fs::metadata(&place).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
