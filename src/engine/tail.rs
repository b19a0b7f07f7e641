//! Messages of a log group, read on demand and followed: for eyes alone, nothing is recorded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Settings, Snapshot};
use crate::actions::Tailing;
use crate::aws::Reach;
use crate::clock;
use crate::incident::scope_of;
use crate::playbook::{StepId, StepKind};

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(5);

/// What a look found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Messages {
    /// The messages that are kept, the oldest first, each with its time in milliseconds.
    pub lines: Vec<(i64, String)>,
    /// How it went.
    pub status: String,
    /// Whether it goes on.
    pub following: bool,
}

/// Reads the messages that a run of a step looks at, and goes on every five seconds if it is to,
/// until nobody listens.
pub async fn tail(
    snapshot: Arc<Snapshot>,
    settings: Settings,
    (step, run): (StepId, String),
    follow: bool,
    found: mpsc::Sender<Messages>,
) {
    let failed = |status: String| Messages {
        status,
        ..Messages::default()
    };
    let (aws, mut tailing) = match prepare(&snapshot, &settings, &step, &run) {
        Ok(prepared) => prepared,
        Err(why) => {
            let _ = found.send(failed(why)).await;
            return;
        }
    };
    let every = EVERY.div_f64(settings.speed.max(1.0));
    loop {
        let status = match aws.aws().await {
            Ok(aws) => match tailing.look(&aws, &settings.redactor).await {
                // The oldest come first.
                Ok(()) if tailing.is_behind() && follow => "reading on: newer ones follow".into(),
                Ok(()) if tailing.is_behind() => {
                    "the oldest alone were read: following reads on".into()
                }
                Ok(()) => format!("read {}Z", clock::now().format("%H:%M:%S")),
                Err(error) => format!("not read: {error}"),
            },
            Err(error) => format!("not read: {error}"),
        };
        let messages = Messages {
            lines: tailing.lines().cloned().collect(),
            status,
            following: follow,
        };
        if found.send(messages).await.is_err() || !follow {
            return;
        }
        tokio::select! {
            () = found.closed() => return,
            () = sleep(every) => {}
        }
    }
}

fn prepare(
    snapshot: &Snapshot,
    settings: &Settings,
    step: &StepId,
    run: &str,
) -> Result<(Reach, Tailing), String> {
    let state = &snapshot.state;
    let execution = state.execution().ok_or("no playbook is walked")?;
    let found = execution.playbook.step(&step.0).map(|step| &step.kind);
    let Some(StepKind::Automated(automated)) = found else {
        return Err(format!("{step} reads no log group"));
    };
    let run = automated
        .runs
        .iter()
        .find(|one| one.name == run && one.kind == "logs")
        .ok_or_else(|| format!("{step} reads no log group"))?;
    let scope = scope_of(state, clock::now(), step);
    let parameters = run
        .parameters
        .render(&scope)
        .map_err(|error| error.to_string())?;
    let alarm = state
        .incident
        .as_ref()
        .and_then(|incident| incident.alarms.front());
    let (profile, region) = run.at(&scope)?;
    let reach = Reach::new(Arc::clone(&settings.aws), alarm.map(Into::into));
    let reach = reach.elsewhere(profile, region);
    Ok((reach, Tailing::new(parameters)?))
}
