//! `standdown approvals`, `approve` and `deny`: what others ask this user to agree to.
//!
//! Whoever agrees sees what the requester saw, from the same lines, and the digest of it is
//! computed here.

mod pane;
mod reply;

use std::io::Write as _;

use super::{CliError, FAILURE, SUCCESS, on_a_line, print_json, say, typed};
use crate::approvals::{Decision, FileError, Folder, Sent, name};
use crate::clock;
use crate::config::Settings;
use crate::document::is_deceptive;
use crate::incident::{Intent, Weight, sheet};
use crate::tui::wrap;
pub(super) use pane::{answers, follow};
use reply::is_not_own;
pub(super) use reply::{folder, reply};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print JSON: everything that each request says.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Approve {
    /// The request, as `standdown approvals` names it; the beginning of the name is enough.
    request: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Deny {
    /// The request, as `standdown approvals` names it; the beginning of the name is enough.
    request: String,
    /// Why; the requester reads it, and it is recorded.
    #[arg(long)]
    why: String,
}

type Listed = Vec<Result<Sent, (String, FileError)>>;

fn listed(settings: &Settings) -> Result<(Folder, Listed), CliError> {
    let folder = folder(settings)?;
    let failed = |error| {
        let path = folder.path().display();
        CliError::Said(format!(
            "the folder of approvals {path} cannot be read: {error}; are you a member of its group?"
        ))
    };
    let all = Sent::list(&folder).map_err(failed)?;
    Ok((folder, all))
}

pub(super) fn list(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let (_, all) = listed(settings)?;
    if arguments.json {
        let requests: Vec<_> = all
            .iter()
            .flatten()
            .map(|sent| {
                serde_json::json!({
                    "request": name(&sent.digest), "digest": sent.digest, "asked_by": user(sent.uid),
                    "uid": sent.uid, "open": is_open(sent), "until": sent.request.until,
                    "incident": sent.request.intent.incident, "reason": sent.request.reason,
                    "intent": sent.request.intent, "rehearsal": sent.request.rehearsal,
                    "shown": sent.request.shown(),
                })
            })
            .collect();
        return print_json(&requests);
    }
    for one in &all {
        match one {
            Ok(sent) => say!("{}", on_a_line(&line(sent))),
            Err((file, error)) => {
                let line = format!("{file}: does not count: {error}");
                say!("{}", on_a_line(&line));
            }
        }
    }
    if all.is_empty() {
        say!("nobody asks for an approval");
    }
    Ok(SUCCESS)
}

fn is_open(sent: &Sent) -> bool {
    clock::now() < sent.request.until
}

fn line(sent: &Sent) -> String {
    let intent = &sent.request.intent;
    let state = if is_open(sent) {
        format!("until {}", sent.request.until.format("%Y-%m-%d %H:%MZ"))
    } else {
        "ended".to_owned()
    };
    let rehearsal = if sent.request.rehearsal {
        "REHEARSAL  "
    } else {
        ""
    };
    format!(
        "{}  {state}  {rehearsal}{} asks to run {} on {}: {}",
        name(&sent.digest),
        user(sent.uid),
        intent.document(),
        intent.confirmation(),
        sent.request.reason
    )
}

fn user(uid: u32) -> String {
    let known = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid));
    let known = known.ok().flatten().map(|user| user.name);
    known.unwrap_or_else(|| format!("uid {uid}"))
}

/// Finds the one request that a name stands for.
fn find(wanted: &str, settings: &Settings) -> Result<(Folder, Sent), CliError> {
    let (folder, all) = listed(settings)?;
    let mut found: Vec<Sent> = all
        .into_iter()
        .flatten()
        .filter(|sent| !wanted.is_empty() && sent.digest.starts_with(wanted))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(sent), true) if is_open(&sent) => Ok((folder, sent)),
        (Some(sent), true) => Err(CliError::Said(format!(
            "the request {} ended at {}; it has to be asked for again",
            name(&sent.digest),
            sent.request.until.format("%Y-%m-%d %H:%M:%SZ")
        ))),
        (None, _) => Err(CliError::Usage(format!(
            "no request begins with {wanted:?}; `standdown approvals` lists what waits. One that was there was answered, or what was to be done has changed"
        ))),
        (Some(_), false) => Err(CliError::Usage(format!(
            "{wanted:?} is the beginning of several requests; write more of it"
        ))),
    }
}

/// The column in which the facts of a change begin.
const INDENT: usize = 13;
/// The width of a terminal that does not say how wide it is.
const WIDTH: usize = 80;

/// Prints a fact. It is wrapped here, and not by the terminal: nothing in it can begin a row that looks
/// like another fact.
fn fact(mark: &str, label: &str, text: &str) -> std::io::Result<()> {
    let columns = ratatui::crossterm::terminal::size().map_or(WIDTH, |(columns, _)| columns.into());
    let width = columns.saturating_sub(INDENT).max(20);
    let mut lines = wrap(&visible(text), width).into_iter();
    say!("{mark} {label:<11}{}", lines.next().unwrap_or_default());
    for line in lines {
        say!("{:INDENT$}{line}", "");
    }
    Ok(())
}

/// A text on one line, in which nothing can hide: of several blanks in a row their number is told, of an
/// invisible sign its code. Blanks at the beginning indent, which misleads nobody.
fn visible(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    let indent = text.len() - text.trim_start_matches(' ').len();
    out.push_str(&text[..indent]);
    let mut rest = text[indent..].chars().peekable();
    while let Some(sign) = rest.next() {
        let blank = |sign: &char| *sign != '\n' && sign.is_whitespace();
        let invisible = is_deceptive(sign) || BLANK_LETTERS.contains(&sign);
        // A string takes whatever is written into it.
        let _ = match sign {
            '\n' => write!(out, "⏎"),
            _ if blank(&sign) => {
                let mut count = 1;
                while rest.next_if(blank).is_some() {
                    count += 1;
                }
                if count <= FEW {
                    write!(out, "{:count$}", "")
                } else {
                    write!(out, "[{count} blanks]")
                }
            }
            sign if sign.is_control() || invisible => {
                write!(out, "[U+{:04X}]", u32::from(sign))
            }
            sign => write!(out, "{sign}"),
        };
    }
    out
}

/// As many blanks in a row hide nothing: the facts themselves are set apart by them.
const FEW: usize = 4;
/// Letters that terminals draw as blanks.
const BLANK_LETTERS: [char; 9] = [
    '\u{00ad}', '\u{034f}', '\u{115f}', '\u{1160}', '\u{17b4}', '\u{17b5}', '\u{2800}', '\u{3164}',
    '\u{ffa0}',
];

/// Prints a change as every screen shows it.
pub(super) fn show_sheet(intent: &Intent) -> std::io::Result<()> {
    for one in sheet(intent) {
        let mark = match one.weight {
            Weight::Warning => "!",
            Weight::Heading | Weight::Plain => " ",
        };
        fact(mark, one.label, &one.text)?;
    }
    Ok(())
}

/// Prints once more what somebody is about to agree to: whatever stands above it may have scrolled away.
pub(super) fn show_gist(intent: &Intent) -> std::io::Result<()> {
    say!("");
    say!("In short:");
    fact(" ", "runs", intent.document())?;
    fact(" ", "changes", &intent.confirmation())?;
    let place = [&intent.account, &intent.region].map(String::as_str);
    fact(" ", "in", &format!("account {} · {}", place[0], place[1]))
}

/// Prints what will be done.
fn show(sent: &Sent) -> std::io::Result<()> {
    let request = &sent.request;
    if request.rehearsal {
        say!("This is a REHEARSAL: nothing real is changed.");
    }
    say!("{} asks for your approval.", user(sent.uid));
    say!("");
    fact(" ", "because", &request.reason)?;
    let incident = format!("{} · {}", request.intent.incident, request.incident_title);
    fact(" ", "incident", &incident)?;
    show_sheet(&request.intent)?;
    let until = request.until.format("%Y-%m-%d %H:%M:%SZ");
    fact(" ", "until", &until.to_string())?;
    fact(" ", "digest", &sent.digest)?;
    show_gist(&request.intent)?;
    say!("");
    Ok(())
}

pub(super) async fn approve(arguments: &Approve, settings: &Settings) -> Result<u8, CliError> {
    let (folder, sent) = find(&arguments.request, settings)?;
    is_not_own(&sent)?;
    show(&sent)?;
    let wanted = sent.request.intent.confirmation();
    let what = sent.request.intent.to_type();
    write!(std::io::stdout(), "To agree, {}: ", on_a_line(&what))?;
    std::io::stdout().flush()?;
    let typed = typed()?;
    if typed != wanted || wanted.trim().is_empty() {
        say!("that is not {wanted:?}; you have agreed to nothing");
        return Ok(FAILURE);
    }
    let place = (&folder, &sent);
    if let Some(why) = reply(settings, place, &typed, Decision::Approved).await? {
        say!(
            "! your answer does not say who you are to AWS: {}",
            on_a_line(&why)
        );
    }
    say!(
        "You have agreed. The console of {} takes it from here.",
        user(sent.uid)
    );
    Ok(SUCCESS)
}

pub(super) async fn deny(arguments: &Deny, settings: &Settings) -> Result<u8, CliError> {
    if arguments.why.trim().is_empty() {
        return Err(CliError::Usage("say why: --why \"…\"".into()));
    }
    let (folder, sent) = find(&arguments.request, settings)?;
    let decision = Decision::Denied(arguments.why.clone());
    reply(settings, (&folder, &sent), "", decision).await?;
    say!("You have denied it. {} is told why.", user(sent.uid));
    Ok(SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn nothing_hides_in_a_fact() {
        for (text, shown) in [
            ("restart orders", "restart orders"),
            ("  - a step", "  - a step"),
            (
                &format!("x{}  in  prod", " ".repeat(70)),
                "x[72 blanks]in  prod",
            ),
            ("a\u{a0}\u{3000}b", "a  b"),
            (
                "a\u{202e}b\u{200b}c\u{3164}d",
                "a[U+202E]b[U+200B]c[U+3164]d",
            ),
            ("one\ntwo\u{1b}[2J", "one⏎two[U+001B][2J"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
