//! Tells somebody of an incident, through the configured program.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::actions::programs::{Invocation, LocalPrograms, Programs as _, base_environment};
use crate::incident::{AlarmRef, IncidentId};
use crate::playbook::Entry;

/// How long the configured program may take.
const ALERT: Duration = Duration::from_secs(30);

/// What there is to tell.
pub(super) fn invocation(
    argv: Vec<String>,
    id: &IncidentId,
    alarm: &AlarmRef,
    entry: &Entry,
    resume: &str,
) -> Invocation {
    let mut environment = base_environment();
    for (name, value) in [
        ("STANDDOWN_INCIDENT", id.to_string()),
        ("STANDDOWN_RESUME", resume.to_owned()),
        ("STANDDOWN_TITLE", entry.playbook.name.clone()),
        ("STANDDOWN_PLAYBOOK", entry.playbook.id.clone()),
        ("STANDDOWN_ALARM", alarm.name.clone()),
        ("STANDDOWN_REASON", alarm.reason.clone()),
        ("STANDDOWN_ACCOUNT", alarm.account.clone()),
        ("STANDDOWN_REGION", alarm.region.clone()),
    ] {
        environment.insert(name.to_owned(), crate::tui::clean(&value).to_string());
    }
    Invocation { argv, environment }
}

/// The note that an incident gets once somebody was told of it.
pub(super) const TOLD: &str = "the configured program has told somebody";
/// From one try to the next, doubled up to [`SLOWEST`].
const AGAIN: Duration = Duration::from_secs(15);
const SLOWEST: Duration = Duration::from_mins(5);

/// Tells it, and tries again until it is told or was tried so often; says each time why nobody was.
pub(super) async fn until_told(
    id: IncidentId,
    invocation: Invocation,
    tries: u32,
) -> (IncidentId, bool) {
    let program = invocation.argv.first().cloned().unwrap_or_default();
    let mut wait = AGAIN;
    for number in 1..=tries {
        match tell(invocation.clone()).await {
            Ok(()) => return (id, true),
            Err(why) => eprintln!("standdown: {program} did not tell anybody of {id}: {why}"),
        }
        if number < tries {
            sleep(wait).await;
            wait = (wait * 2).min(SLOWEST);
        }
    }
    (id, false)
}

/// Tells it; gives why nobody was told.
async fn tell(invocation: Invocation) -> Result<(), String> {
    match timeout(ALERT, LocalPrograms.run(invocation)).await {
        Ok(Ok(finished)) if finished.exit_code == Some(0) => Ok(()),
        Ok(Ok(finished)) => Err(format!("it ended with {}", finished.ending())),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it took longer than {ALERT:?}")),
    }
}
