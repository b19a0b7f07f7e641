//! Keeps the console's pane of healing up to date.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::cli::healer::Rules;
use crate::engine::Recorder;
use crate::journal::{JournalError, Tally};
use crate::playbook::Catalog;
use crate::tui::{Healings, Rule, Screen};

/// How often the store is looked at for what other consoles have done.
const EVERY: Duration = Duration::from_secs(1);
/// What rules did before these is in `standdown healing history`.
const MOST: usize = 500;

/// Reads what rules have done, for as long as somebody looks.
pub(in crate::cli) fn follow(
    rules: Rules,
    recorder: &Recorder,
    mut looking: watch::Receiver<Screen>,
) -> watch::Receiver<Arc<Healings>> {
    let (seen, healings) = watch::channel(Arc::new(Healings::default()));
    let recorder = recorder.clone();
    tokio::spawn(async move {
        let Some(healer) = rules.read().await else {
            seen.send_replace(Arc::new(Healings {
                error: Some("the healing rules could not be read".into()),
                ..Healings::default()
            }));
            return;
        };
        loop {
            // Nothing is read for a pane that nobody sees.
            if looking
                .wait_for(|screen| *screen == Screen::Healings)
                .await
                .is_err()
            {
                return;
            }
            let now = read(&healer.rules, &recorder).await;
            seen.send_if_modified(|before| {
                let new = **before != now;
                if new {
                    *before = Arc::new(now);
                }
                new
            });
            tokio::select! {
                () = seen.closed() => return,
                () = sleep(EVERY) => {}
            }
        }
    });
    healings
}

async fn read(rules: &Arc<Catalog>, recorder: &Recorder) -> Healings {
    let found = recorder
        .call(|journal| Ok::<_, JournalError>((journal.healings()?, journal.healing_switches()?)))
        .await;
    let mut healings = Healings {
        rules: table(rules),
        ..Healings::default()
    };
    match found {
        Ok((runs, switches)) => {
            healings.tally = Tally::of(rules, &runs, &switches);
            healings.runs = runs;
            healings.runs.truncate(MOST);
            healings.switches = switches;
        }
        Err(error) => healings.error = Some(error.to_string()),
    }
    healings
}

fn table(rules: &Catalog) -> Vec<Rule> {
    let mut table: Vec<(u32, Rule)> = rules
        .entries
        .iter()
        .filter_map(|entry| {
            let (playbook, healing) = (&entry.playbook, entry.playbook.healing.as_ref()?);
            let rule = Rule {
                id: playbook.id.clone(),
                title: playbook.name.clone(),
                layer: healing.layer,
                action: healing.action,
                mode: healing.mode,
                rung: playbook.rung,
                trigger: healing.trigger.clone(),
                cooldown: healing.cooldown.as_secs(),
                attempts: healing.attempts,
                window: healing.window.as_secs(),
                enabled: healing.enabled,
            };
            Some((healing.order, rule))
        })
        .collect();
    table.sort_by_key(|(order, rule)| (rule.layer, *order, rule.id.clone()));
    table.into_iter().map(|(_, rule)| rule).collect()
}
