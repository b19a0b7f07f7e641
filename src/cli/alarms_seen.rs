//! What becomes of an incident's alarms, and what AWS knows to be wrong there, belongs into its
//! record.

use std::sync::Arc;

use tokio::sync::watch;

use crate::alarms::{self, Board, ServiceEvent};
use crate::engine::{Handle, Role, Unanswered};
use crate::incident::{Command, Incident};

/// Records what becomes of the incident's alarms, and each open event of AWS Health in their
/// regions once.
pub(super) fn report_alarms(handle: &Handle, mut boards: watch::Receiver<Arc<Board>>) {
    let handle = handle.clone();
    tokio::spawn(async move {
        loop {
            let board = Arc::clone(&boards.borrow_and_update());
            let snapshot = handle.snapshot();
            let Some(incident) = &snapshot.state.incident else {
                return;
            };
            let mut commands = seen(incident, &board);
            // Who only follows leaves that to the writer.
            if matches!(snapshot.role, Role::Writer { .. }) {
                commands.extend(events(incident, &board));
            }
            for command in commands {
                // What cannot be recorded now is seen again at the next refresh.
                if matches!(
                    handle.ask(command).await,
                    Err(Unanswered::Refused(_) | Unanswered::Gone)
                ) {
                    return;
                }
            }
            if boards.changed().await.is_err() {
                return;
            }
        }
    });
}

fn seen(incident: &Incident, board: &Board) -> Vec<Command> {
    incident
        .alarms
        .iter()
        .filter_map(|known| {
            let row = board.rows.iter().find(|row| known.is_same(&row.alarm))?;
            (row.alarm.state != known.state).then(|| Command::AlarmSeen {
                name: known.name.clone(),
                state: row.alarm.state,
                reason: row.alarm.reason.clone(),
            })
        })
        .collect()
}

/// What AWS Health says of the incident's accounts, regions and services, and what is planned
/// there, unless it is noted already, by whichever console.
fn events(incident: &Incident, board: &Board) -> Vec<Command> {
    let namespaces = incident
        .alarms
        .iter()
        .filter_map(|alarm| alarm.namespace.as_deref());
    let services = alarms::services(namespaces);
    let here = |event: &ServiceEvent| {
        incident.alarms.iter().any(|alarm| {
            let region = event.region == alarm.region || event.region == "global";
            region && event.place.profile == alarm.profile
        })
    };
    let concerns = |event: &&ServiceEvent| here(event) && event.concerns(&services);
    board
        .events
        .iter()
        .filter(concerns)
        .map(|event| {
            let since = event
                .at
                .map(|at| format!(", since {}", at.format("%Y-%m-%d %H:%MZ")))
                .unwrap_or_default();
            let word = if event.kind == "health" {
                "AWS Health"
            } else {
                "planned"
            };
            format!(
                "{word}: {} in {}{since} ({})",
                event.title, event.region, event.id
            )
        })
        .filter(|text| !incident.notes.iter().any(|note| note.text == *text))
        .map(Command::Note)
        .collect()
}
