//! `standdown healing`: the rules, and what they have done.

mod act;
mod history;
mod list;
mod pane;
mod run;
mod watch;

use clap::Subcommand;
pub(super) use pane::follow;

use super::{CliError, SUCCESS, say, stores};
use crate::actions::VOCABULARY;
use crate::clock;
use crate::config::Settings;
use crate::embedded;
use crate::engine;
use crate::journal::{ALL, Switch};
use crate::playbook::Catalog;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the rules.
    List(list::Arguments),
    /// Let a rule act upon one thing, because of an alarm that fires; it is described first.
    Run(run::Arguments),
    /// Without a screen: heal what rules may heal by themselves.
    Watch(watch::Arguments),
    /// List what rules have done, and what they have not, and why.
    History(history::Arguments),
    /// Count what rules have done, over all and by layer.
    Stats(history::Arguments),
    /// Let a rule count again that was disabled.
    Enable {
        /// The rule.
        rule: String,
    },
    /// Let a rule count no longer, for every console on this store.
    Disable {
        /// The rule.
        rule: String,
    },
    /// Let no rule act any longer, for every console on this store. What acts already goes on.
    StopAll {
        /// Let them act again.
        #[arg(long)]
        off: bool,
    },
}

/// The rules: those of the folders that are searched for playbooks, in `healing/`, before those of
/// the binary.
pub(super) fn rules(settings: &Settings) -> Catalog {
    let folders: Vec<_> = settings
        .playbook_folders()
        .into_iter()
        .map(|folder| folder.join("healing"))
        .collect();
    Catalog::load(&folders, embedded::HEALING, &VOCABULARY)
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<u8, CliError> {
    match arguments.command {
        Command::List(arguments) => list::run(&arguments, settings),
        Command::Run(arguments) => run::run(&arguments, settings).await,
        Command::Watch(arguments) => watch::run(&arguments, settings).await,
        Command::History(arguments) => history::history(&arguments, settings),
        Command::Stats(arguments) => history::stats(&arguments, settings, &rules(settings)),
        Command::Enable { rule } => switch(settings, known(settings, &rule)?, true),
        Command::Disable { rule } => switch(settings, known(settings, &rule)?, false),
        Command::StopAll { off } => switch(settings, ALL, off),
    }
}

/// A rule's own name: what stands for all of them is `stop-all`'s to say.
fn known<'a>(settings: &Settings, rule: &'a str) -> Result<&'a str, CliError> {
    match rules(settings).get(rule) {
        Some(_) => Ok(rule),
        None => Err(CliError::Usage(format!(
            "there is no rule {rule:?}; `standdown healing list` lists them"
        ))),
    }
}

fn switch(settings: &Settings, rule: &str, enabled: bool) -> Result<u8, CliError> {
    let actor = engine::actor();
    let switch = Switch {
        rule: rule.to_owned(),
        enabled,
        by: format!("{}@{}", actor.user, actor.host),
        at: clock::now(),
    };
    stores::open(settings, stores::INCIDENTS)?.switch_healing(&switch)?;
    say!("{switch}");
    Ok(SUCCESS)
}
