//! Files that commands write: as a whole, or not at all, and never over somebody else's.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what was written is said here"
)]

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{CliError, SUCCESS};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A report in Markdown; whose it is was looked at before.
    Markdown,
    /// A page of this program.
    Page,
    /// JSON.
    Json,
}

impl Form {
    /// Whether a text may be written over: it is empty, or of the same form.
    fn is(self, text: &str) -> bool {
        let text = text.trim_start();
        text.is_empty()
            || match self {
                Self::Markdown => true,
                Self::Page => text.starts_with("<!DOCTYPE html>"),
                Self::Json => text.starts_with('{'),
            }
    }
}

/// Writes a file; `-` is the standard output.
pub(super) fn write_file(path: &Path, text: &str, form: Form) -> Result<u8, CliError> {
    if path == Path::new("-") {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        return Ok(SUCCESS);
    }
    let failed = |error: std::io::Error| {
        CliError::Said(format!("failed to write {}: {error}", path.display()))
    };
    // Where a link leads is written, and the link stays.
    let target: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    // Others may read a new one as far as the umask lets them.
    let mut mode = Permissions::from_mode(0o666);
    let mut there = false;
    match fs::metadata(&target) {
        Ok(known) if !known.is_file() => {
            return Err(CliError::Said(format!("{} is no file", path.display())));
        }
        Ok(known) => {
            let before = fs::read(&target).map_err(failed)?;
            if !form.is(&String::from_utf8_lossy(&before)) {
                return Err(CliError::Said(format!(
                    "{} is something else, and is left as it is; name another file",
                    path.display()
                )));
            }
            (mode, there) = (known.permissions(), true);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .permissions(mode.clone())
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    if there {
        file.as_file().set_permissions(mode).map_err(failed)?;
    }
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    let hint = if form == Form::Markdown {
        "; write impact, causes and action items into it: making it again keeps them"
    } else {
        ""
    };
    eprintln!("standdown: wrote {}{hint}", path.display());
    Ok(SUCCESS)
}
