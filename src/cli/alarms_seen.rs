//! What becomes of an incident's alarms belongs into its record.

use std::sync::Arc;

use tokio::sync::watch;

use crate::alarms::Board;
use crate::engine::{Handle, Unanswered};
use crate::incident::Command;

/// Records what becomes of the incident's alarms.
pub(super) fn report_alarms(handle: &Handle, mut boards: watch::Receiver<Arc<Board>>) {
    let handle = handle.clone();
    tokio::spawn(async move {
        loop {
            let board = Arc::clone(&boards.borrow_and_update());
            let snapshot = handle.snapshot();
            let Some(incident) = &snapshot.state.incident else {
                return;
            };
            for known in &incident.alarms {
                let row = board
                    .rows
                    .iter()
                    .find(|row| row.alarm.name == known.name && row.alarm.region == known.region);
                if let Some(row) = row.filter(|row| row.alarm.state != known.state) {
                    let (state, reason) = (row.alarm.state, row.alarm.reason.clone());
                    let seen = Command::AlarmSeen {
                        name: known.name.clone(),
                        state,
                        reason,
                    };
                    // What cannot be recorded now is seen again at the next refresh.
                    if matches!(
                        handle.ask(seen).await,
                        Err(Unanswered::Refused(_) | Unanswered::Gone)
                    ) {
                        return;
                    }
                }
            }
            if boards.changed().await.is_err() {
                return;
            }
        }
    });
}
