//! The command line: one file per subcommand.
#![expect(clippy::print_stderr, reason = "the edge: errors are said here")]

mod alarms;
mod alarms_seen;
mod approvals;
mod aside;
mod automation;
mod changes;
mod check;
mod console;
mod cost;
mod doctor;
mod events;
mod export;
mod farewell;
mod healer;
mod healing;
mod incidents;
mod lists;
mod live;
mod looks;
mod note;
mod notify;
mod paint;
mod progress;
mod reach;
mod record;
mod rehearse;
mod report;
mod resume;
mod run;
mod shell;
mod simulate;
mod stats;
mod status;
mod stores;
mod theme;
mod timeline;
mod verify;
mod watch;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::actions::VOCABULARY;
use crate::aws::machine::Machine;
use crate::config::{ColorChoice, ConfigError, Flags, Settings};
use crate::embedded;
use crate::playbook::Catalog;

/// Everything went well.
pub const SUCCESS: u8 = 0;
/// Something is wrong with what was looked at, or could not be done.
pub const FAILURE: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;

/// A terminal incident console: from the first alarm to stand-down, one step at a time.
#[derive(Debug, Parser)]
#[command(
    name = "standdown",
    version,
    about,
    after_help = "Examples:
  standdown                         watch the alarms of the usual AWS account and region
  standdown rehearse                practise with a simulated AWS; nothing real is touched
  standdown resume                  take the latest unfinished incident up where it stands
  standdown check playbooks/        look for mistakes in playbooks

Exit codes: 0 success, 1 a problem was found or something failed, 2 wrong usage,
128 + N when signal N ended the console."
)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub struct Arguments {
    /// What to do; without it, the console opens.
    #[command(subcommand)]
    command: Option<Subcommands>,
    /// Search this folder for playbooks before all others.
    #[arg(long, global = true, value_name = "DIR")]
    playbooks: Option<PathBuf>,
    /// Use this AWS profile; several are watched side by side.
    #[arg(long = "profile", global = true, value_name = "NAME")]
    profiles: Vec<String>,
    /// Use this AWS region; several are watched side by side.
    #[arg(
        long = "region",
        global = true,
        value_name = "REGION",
        value_delimiter = ','
    )]
    regions: Vec<String>,
    /// Watch every region that is open to the accounts.
    #[arg(long, global = true)]
    all_regions: bool,
    /// Change nothing at AWS, whatever a playbook says.
    #[arg(long, global = true)]
    read_only: bool,
    /// Use this theme: a name from `standdown theme list`, or a file.
    #[arg(long, global = true, value_name = "THEME")]
    theme: Option<String>,
    /// Show so many colours: auto, always, never, 16, 256 or truecolor.
    #[arg(long, global = true, value_name = "WHEN", value_parser = color)]
    color: Option<ColorChoice>,
    /// Write and read line by line instead of drawing a screen: for screen readers, serial
    /// consoles and scripts.
    #[arg(long, global = true)]
    plain: bool,
    /// Show ASCII signs alone, also where the locale knows more.
    #[arg(long, global = true)]
    ascii: bool,
    /// Keep the journal in this folder instead of the usual one.
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Read this configuration file instead of the usual one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Look for mistakes in playbooks, and list them all at once.
    Check(check::Arguments),
    /// Print the board of alarms once.
    Alarms(alarms::Arguments),
    /// Look for what is missing: terminal, credentials, permissions, what playbooks need.
    Doctor(doctor::Arguments),
    /// Without a screen: open incidents when alarms fire, and run their diagnostics.
    Watch(watch::Arguments),
    /// Say what an hour of watching costs in calls and dollars.
    Cost(cost::Arguments),
    /// Practise: play a scenario against a simulated AWS.
    Rehearse(rehearse::Arguments),
    /// Serve a scenario's simulated AWS to any AWS client.
    Simulate(simulate::Arguments),
    /// Start a playbook without an alarm.
    Run(run::Arguments),
    /// List incidents, unfinished ones first.
    Incidents(incidents::Arguments),
    /// Take an unfinished incident up where it stands, or read a finished one.
    Resume(resume::Arguments),
    /// Record a note in an incident.
    Note(note::Arguments),
    /// Say that you have an incident, and its escalation: nobody else is asked.
    Ack(aside::Acknowledge),
    /// Tell those who wait for the end of an incident how it stands.
    Update(aside::Update),
    /// Print the card that hands an incident over, at most 20 lines.
    Handover(aside::HandOver),
    /// Say how an incident stands.
    Status(status::Arguments),
    /// Print what happened when: the record, the alarms' history, the calls to AWS.
    Timeline(timeline::Arguments),
    /// Write an incident's report.
    Report(report::Arguments),
    /// List what is to be done because of incidents.
    Actions(report::Actions),
    /// Count what the record says about playbooks, and say what follows from it.
    Stats(stats::Arguments),
    /// The Automation documents that change the system: list, compare, publish.
    Automation(automation::Arguments),
    /// Healing rules: list them, and what they have done.
    Healing(healing::Arguments),
    /// Tell others, and see what they were not told.
    Notify(notify::Arguments),
    /// List what others ask you to agree to.
    Approvals(approvals::Arguments),
    /// Agree to a change that somebody else asks for.
    Approve(approvals::Approve),
    /// Refuse a change that somebody else asks for.
    Deny(approvals::Deny),
    /// Find the first event of a record that was altered, removed or reordered.
    Verify(verify::Arguments),
    /// Themes: list them, show one, look for mistakes in one.
    Theme(theme::Arguments),
    /// Print what a shell needs to complete commands: bash, elvish, fish, powershell or zsh.
    Completions(shell::Completions),
    /// Print the manual page, or write a page for each command.
    Man(shell::Man),
    /// Print an incident's record as JSON Lines.
    Export(export::Arguments),
    /// Read an exported record into this journal, to be read and counted.
    Import(export::ImportArguments),
}

fn color(word: &str) -> Result<ColorChoice, String> {
    let words: Vec<&str> = ColorChoice::ALL.iter().map(|(word, _)| *word).collect();
    ColorChoice::of(word).ok_or_else(|| format!("write one of {}", words.join(", ")))
}

/// Why a command ended badly.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] crate::journal::JournalError),
    /// The incident was not found.
    #[error(transparent)]
    Find(#[from] crate::journal::FindError),
    /// The record could not be exported.
    #[error(transparent)]
    Export(#[from] crate::journal::ExportError),
    /// The export could not be imported.
    #[error(transparent)]
    Import(#[from] crate::journal::ImportError),
    /// The incident could not be opened.
    #[error(transparent)]
    Open(#[from] crate::engine::OpenError),
    /// AWS cannot be used.
    #[error(transparent)]
    Connect(#[from] crate::aws::ConnectError),
    /// A call failed.
    #[error(transparent)]
    Aws(#[from] crate::aws::AwsError),
    /// The simulator cannot listen.
    #[error(transparent)]
    Listen(#[from] crate::rehearsal::simulator::ListenError),
    /// The terminal cannot be used.
    #[error(transparent)]
    Terminal(#[from] crate::tui::TerminalError),
    /// A file cannot be read.
    #[error(transparent)]
    Source(#[from] crate::document::SourceError),
    /// Something that has been said in full.
    #[error("{0}")]
    Said(String),
    /// What was asked for does not exist.
    #[error("{0}")]
    Usage(String),
    /// Standard output is gone.
    #[error("failed to write the output: {0}")]
    Output(#[from] std::io::Error),
}

/// Runs the command line and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => ExitCode::from(code),
        // Whoever read the output has seen enough, as with `| head`.
        Err(
            CliError::Output(error) | CliError::Export(crate::journal::ExportError::Write(error)),
        ) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::from(SUCCESS),
        Err(error) => {
            eprintln!("standdown: {}", printable(&error.to_string()));
            ExitCode::from(if matches!(error, CliError::Usage(_)) {
                USAGE
            } else {
                FAILURE
            })
        }
    }
}

fn run(arguments: Arguments) -> Result<u8, CliError> {
    let flags = Flags {
        theme: arguments.theme,
        color: arguments.color,
        ascii: arguments.ascii,
        plain: arguments.plain,
        profiles: profiles(&arguments.profiles),
        regions: arguments.regions,
        all_regions: arguments.all_regions,
        read_only: arguments.read_only,
        playbooks: arguments.playbooks,
        state: arguments.state,
        config: arguments.config,
    };
    let mut settings = Settings::load(&flags)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        // A file that may not grow any more is an error to be told, and not the end.
        let _limit = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(
            nix::sys::signal::Signal::SIGXFSZ as i32,
        ))?;
        if let Some(what) = arguments.command.as_ref().and_then(changes)
            && settings.read_only.value
        {
            return Err(CliError::Said(format!(
                "this is read-only ({}): {what}; leave that out to do it",
                settings.read_only.origin
            )));
        }
        // The others look at no account, or at a simulated one.
        let watching = matches!(
            arguments.command,
            None | Some(
                Subcommands::Alarms(_)
                    | Subcommands::Doctor(_)
                    | Subcommands::Watch(_)
                    | Subcommands::Healing(healing::Arguments {
                        command: healing::Command::Watch(_) | healing::Command::Run(_),
                    })
                    | Subcommands::Cost(_)
                    | Subcommands::Resume(_)
                    | Subcommands::Run(_)
            )
        );
        if settings.all_regions.value && watching {
            live::in_all_regions(&mut settings).await;
        }
        match arguments.command {
            None => console::run(&settings).await,
            Some(Subcommands::Check(arguments)) => check::run(&arguments, &settings),
            Some(Subcommands::Alarms(arguments)) => alarms::run(&arguments, &settings).await,
            Some(Subcommands::Doctor(arguments)) => doctor::run(&arguments, &settings).await,
            Some(Subcommands::Watch(arguments)) => watch::run(&arguments, &settings).await,
            Some(Subcommands::Cost(arguments)) => cost::run(&arguments, &settings).await,
            Some(Subcommands::Rehearse(arguments)) => {
                // The console of a rehearsal holds a world, any other a screen.
                Box::pin(rehearse::run(arguments, &settings)).await
            }
            Some(Subcommands::Simulate(arguments)) => simulate::run(arguments).await,
            Some(Subcommands::Run(arguments)) => run::run(arguments, &settings).await,
            Some(Subcommands::Incidents(arguments)) => incidents::run(&arguments, &settings),
            Some(Subcommands::Resume(arguments)) => {
                Box::pin(resume::run(arguments, &settings)).await
            }
            Some(Subcommands::Note(arguments)) => note::run(&arguments, &settings),
            Some(Subcommands::Ack(arguments)) => aside::acknowledge(arguments, &settings).await,
            Some(Subcommands::Update(arguments)) => aside::update(arguments, &settings).await,
            Some(Subcommands::Handover(arguments)) => aside::hand_over(arguments, &settings).await,
            Some(Subcommands::Status(arguments)) => status::run(&arguments, &settings),
            Some(Subcommands::Timeline(arguments)) => timeline::run(&arguments, &settings).await,
            Some(Subcommands::Report(arguments)) => report::run(&arguments, &settings).await,
            Some(Subcommands::Actions(arguments)) => report::actions(&arguments, &settings),
            Some(Subcommands::Stats(arguments)) => stats::run(&arguments, &settings),
            Some(Subcommands::Automation(arguments)) => automation::run(arguments, &settings).await,
            Some(Subcommands::Healing(arguments)) => healing::run(arguments, &settings).await,
            Some(Subcommands::Approvals(arguments)) => approvals::list(&arguments, &settings),
            Some(Subcommands::Approve(arguments)) => {
                approvals::approve(&arguments, &settings).await
            }
            Some(Subcommands::Deny(arguments)) => approvals::deny(&arguments, &settings).await,
            Some(Subcommands::Notify(arguments)) => notify::run(arguments, &settings).await,
            Some(Subcommands::Verify(arguments)) => verify::run(&arguments, &settings),
            Some(Subcommands::Theme(arguments)) => theme::run(&arguments, &settings),
            Some(Subcommands::Completions(arguments)) => shell::completions(&arguments),
            Some(Subcommands::Man(arguments)) => shell::man(&arguments),
            Some(Subcommands::Export(arguments)) => export::run(&arguments, &settings),
            Some(Subcommands::Import(arguments)) => export::import(&arguments, &settings),
        }
    });
    // What still runs reads only; nobody waits for it.
    runtime.shutdown_background();
    result
}

/// What a command would change, or let be changed, and does not where nothing may be: the same as on
/// the screen.
fn changes(command: &Subcommands) -> Option<&'static str> {
    match command {
        Subcommands::Approve(_) | Subcommands::Deny(_) => Some("nothing was answered"),
        Subcommands::Healing(healing::Arguments { command }) => match command {
            healing::Command::Run(_) => Some("nothing was healed"),
            healing::Command::Enable { .. } | healing::Command::StopAll { off: true } => {
                Some("no rule was let act")
            }
            _ => None,
        },
        Subcommands::Automation(arguments) if arguments.publishes() => {
            Some("nothing was published")
        }
        _ => None,
    }
}

fn catalog(settings: &Settings) -> Catalog {
    Catalog::load(
        &settings.playbook_folders(),
        embedded::PLAYBOOKS,
        &VOCABULARY,
    )
}

/// What stands in `./playbooks` although nobody asked for it.
fn not_asked_for() -> Option<String> {
    let here = std::path::Path::new("playbooks");
    let mut files = std::fs::read_dir(here).ok()?.map_while(Result::ok);
    files
        .any(|entry| entry.path().extension().is_some_and(|end| end == "toml"))
        .then(|| "not used: ask for it with --playbooks ./playbooks".to_owned())
}

/// Says on standard error which files are not used.
fn say_refused(settings: &Settings, catalog: &Catalog) {
    if let Some(refused) = catalog.refused() {
        eprintln!("standdown: {}", on_a_line(&refused));
    }
    if settings.playbooks.value.is_none()
        && let Some(text) = not_asked_for()
    {
        eprintln!("standdown: ./playbooks is {text}");
    }
}

/// Prints a value as JSON, indented.
fn print_json(value: &impl serde::Serialize) -> Result<u8, CliError> {
    use std::io::Write as _;
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::other)?;
    let text = crate::document::harmless_json(text);
    writeln!(std::io::stdout(), "{text}")?;
    Ok(SUCCESS)
}

/// A path as one word of a shell's command line.
fn shell_word(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    // A path cannot hold the one thing that cannot be quoted.
    let quoted = shlex::try_quote(&text).map(std::borrow::Cow::into_owned);
    quoted.unwrap_or(text)
}

/// What is typed on standard input, up to the end of the line.
fn typed() -> Result<String, CliError> {
    use std::io::{BufRead as _, Read as _};
    /// More than any name that has to be typed.
    const LONGEST: u64 = 64 * 1024;
    let mut line = Vec::new();
    std::io::stdin()
        .lock()
        .take(LONGEST)
        .read_until(b'\n', &mut line)
        .map_err(|error| CliError::Said(format!("what is typed cannot be read: {error}")))?;
    // A terminal may have put its reply to somebody's question between the letters.
    let line = crate::tui::without_replies(&String::from_utf8_lossy(&line));
    Ok(line.trim().to_owned())
}

/// Says a line on standard output; whoever reads it may have seen enough.
macro_rules! say {
    ($($text:tt)*) => {
        std::io::Write::write_fmt(
            &mut std::io::stdout(),
            format_args!("{}\n", format_args!($($text)*)),
        )?
    };
}
use say;
use write::{Form, write_file};

/// A text from outside as a part of one line: what it says cannot look like a line of its own.
fn on_a_line(text: &str) -> String {
    crate::tui::clean(text).into_owned()
}

/// Text for a terminal, line by line without what could move the cursor.
fn printable(text: &str) -> String {
    text.lines()
        .map(crate::tui::clean)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The profiles of a flag: several are divided by commas, and a name may have a comma in it.
fn profiles(given: &[String]) -> Vec<String> {
    // A configuration that cannot be read is said by whoever connects.
    let machine = Machine::read().unwrap_or_default();
    let known = |name: &str| machine.names().any(|known| known == name);
    given
        .iter()
        .flat_map(|text| {
            if !text.contains(',') || known(text) {
                vec![text.clone()]
            } else {
                text.split(',').map(str::to_owned).collect()
            }
        })
        .collect()
}
