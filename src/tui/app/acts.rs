//! What is done for the screen: each in a task of its own, which says what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::desk::{Said, of_tail};
use super::surroundings::{Reload, Surroundings};
use crate::clock;
use crate::engine::{self, Handle, Recorder};
use crate::incident::{AlarmRef, Command, IncidentId, Rehearsal};
use crate::journal::{JournalError, Switch};
use crate::playbook::{Catalog, Severity, StepId};
use crate::tui::message::Message;

pub(super) fn ask(
    handle: Option<&Handle>,
    command: Command,
    done: String,
    said: mpsc::Sender<Said>,
) {
    // Submitted here, so that two keys keep their order; only the answer is waited for elsewhere.
    let submitted = handle.map(|handle| handle.submit(command));
    tokio::spawn(async move {
        let answer = match submitted {
            Some(Ok(answered)) => answered
                .await
                .unwrap_or(Err(engine::Unanswered::Gone))
                .map(|()| done)
                .map_err(|error| error.to_string()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("no incident is open".into()),
        };
        // The console may have ended meanwhile.
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}

/// Lets a healing rule count, or count no longer, for every console on the store.
pub(super) fn switch(
    surroundings: &Surroundings,
    rule: String,
    enabled: bool,
    said: mpsc::Sender<Said>,
) {
    let actor = &surroundings.engine.actor;
    let switch = Switch {
        by: format!("{}@{}", actor.user, actor.host),
        at: clock::now(),
        rule,
        enabled,
    };
    let recorder = surroundings.recorder.clone();
    tokio::spawn(async move {
        let done = switch.to_string();
        let kept = recorder
            .call(move |journal| journal.switch_healing(&switch))
            .await;
        let answer = kept
            .map(|()| done)
            .map_err(|error: JournalError| format!("not switched: {error}"));
        // The console may have ended meanwhile.
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}

pub(super) fn start(
    handle: Option<&Handle>,
    playbook: &str,
    catalog: &Catalog,
    said: mpsc::Sender<Said>,
) {
    let Some(entry) = catalog.get(playbook) else {
        return;
    };
    ask(
        handle,
        Command::start(entry),
        format!("started: {}", entry.playbook.name),
        said,
    );
}

/// Asks something of the engine itself.
pub(super) fn steer(
    handle: Option<&Handle>,
    control: engine::Control,
    done: String,
    said: mpsc::Sender<Said>,
) {
    let Some(handle) = handle.cloned() else {
        return;
    };
    tokio::spawn(async move {
        let answer = handle
            .control(control)
            .await
            .map(|()| done)
            .map_err(|error| error.to_string());
        // The console may have ended meanwhile.
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}

pub(super) fn open_incident(
    (alarm, grade): (&AlarmRef, Option<Severity>),
    playbook: &str,
    catalog: &Catalog,
    surroundings: &Surroundings,
    said: mpsc::Sender<Said>,
) {
    let Some(entry) = catalog.get(playbook).cloned() else {
        return;
    };
    let alarm = alarm.clone();
    let surroundings = surroundings.taking_up();
    tokio::spawn(async move {
        let recorder = surroundings.recorder.clone();
        let wanted = alarm.clone();
        // A watcher or another console may have opened one for it meanwhile.
        // What cannot be read cannot be written either, which is said below.
        let known = if surroundings.fresh {
            Ok(None)
        } else {
            recorder
                .call(move |journal| journal.unfinished_for(&wanted))
                .await
        };
        if let Ok(Some(id)) = known {
            return take_up_now(id, surroundings, said).await;
        }
        let settings = surroundings.settings.clone();
        let open = Command::open_for(&entry, Some(alarm), grade, surroundings.rehearsal.clone());
        let handle = match engine::open(open, recorder, settings).await {
            Ok(handle) => handle,
            Err(error) => {
                let _ = said
                    .send(Said::Message(Message::Answered(Err(error.to_string()))))
                    .await;
                return;
            }
        };
        let started = handle
            .ask(Command::start(&entry))
            .await
            .map(|()| format!("incident {} is open", handle.id))
            .map_err(|error| error.to_string());
        // Opened first: what follows belongs to it.
        let _ = said.send(Said::Opened(handle)).await;
        let _ = said.send(Said::Message(Message::Answered(started))).await;
    });
}

pub(super) fn take_up(id: IncidentId, surroundings: &Surroundings, said: mpsc::Sender<Said>) {
    tokio::spawn(take_up_now(id, surroundings.taking_up(), said));
}

/// What it takes to open an incident, or to take one up.
struct TakingUp {
    settings: engine::Settings,
    recorder: Recorder,
    rehearsal: Option<Rehearsal>,
    fresh: bool,
}

impl Surroundings {
    fn taking_up(&self) -> TakingUp {
        TakingUp {
            settings: self.engine.clone(),
            recorder: self.recorder.clone(),
            rehearsal: self.rehearsal.clone(),
            fresh: self.fresh,
        }
    }
}

async fn take_up_now(id: IncidentId, surroundings: TakingUp, said: mpsc::Sender<Said>) {
    let (mut settings, recorder) = (surroundings.settings, surroundings.recorder);
    // Whom to ask next is read with the playbooks: nothing is decided before it is known. The
    // binary has playbooks of its own; where reading failed, the incident is taken up without.
    drop(settings.catalog.wait_for(|catalog| catalog.is_read()).await);
    let answer = match engine::resume(id.clone(), recorder, settings).await {
        Ok(handle) => {
            let role = handle.snapshot().role.clone();
            // Who only watches hands over to whoever opens the incident.
            let watched = match &role {
                engine::Role::Follower {
                    writer: Some(writer),
                    ..
                } => engine::is_watcher(&writer.to_string()),
                _ => false,
            };
            if watched && let Err(error) = handle.control(engine::Control::TakeOver).await {
                let _ = said
                    .send(Said::Message(Message::Answered(Err(error.to_string()))))
                    .await;
            }
            let _ = said.send(Said::Opened(handle)).await;
            Ok(match role {
                engine::Role::Follower { .. } if watched => {
                    format!("incident {id}: the watcher hands it over to you")
                }
                engine::Role::Writer { .. } => format!("incident {id}: you are where it stood"),
                engine::Role::Imported => {
                    format!("incident {id} was imported: it can be read, and not continued")
                }
                engine::Role::Follower { writer, .. } => format!(
                    "incident {id} is written by {}; you follow",
                    writer.map_or_else(|| "nobody".into(), |writer| writer.to_string())
                ),
            })
        }
        Err(error) => Err(format!("incident {id} could not be taken up: {error}")),
    };
    let _ = said.send(Said::Message(Message::Answered(answer))).await;
}

/// Says what came of something.
pub(super) fn answer(
    said: mpsc::Sender<Said>,
    done: impl Future<Output = Result<String, String>> + Send + 'static,
) {
    tokio::spawn(async move {
        let answer = done.await;
        // The console may have ended meanwhile.
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}

/// Reads the theme and the keys anew, on a thread that may wait for a disk.
pub(super) fn reload(reload: Reload, said: mpsc::Sender<Said>) {
    tokio::spawn(async move {
        let read = tokio::task::spawn_blocking(move || reload()).await;
        let answer = match read {
            Ok(Ok(looks)) => {
                let text = format!("the theme {} and the keys were read", looks.theme.name);
                let _ = said.send(Said::Looks(Box::new(looks))).await;
                Ok(text)
            }
            Ok(Err(why)) => Err(why),
            Err(error) => Err(error.to_string()),
        };
        let _ = said.send(Said::Message(Message::Answered(answer))).await;
    });
}

/// Reads messages on demand, until it is aborted.
pub(super) fn tail(
    snapshot: Arc<engine::Snapshot>,
    settings: engine::Settings,
    of: (StepId, String),
    follow: bool,
    said: mpsc::Sender<Said>,
) -> AbortHandle {
    let task = async move {
        let (found, mut messages) = mpsc::channel(1);
        let reads = engine::tail(snapshot, settings, of.clone(), follow, found);
        let tells = async {
            while let Some(found) = messages.recv().await {
                let tail = Box::new(of_tail(of.clone(), found));
                let message = Message::TailRead(tail);
                if said.send(Said::Message(message)).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(reads, tells);
    };
    tokio::spawn(task).abort_handle()
}

/// Opens an incident without an alarm, starts a playbook, and answers what was answered already.
pub(super) fn start_alone(
    playbook: String,
    inputs: BTreeMap<String, String>,
    surroundings: &Surroundings,
    said: mpsc::Sender<Said>,
) {
    let surroundings = surroundings.taking_up();
    tokio::spawn(async move {
        let opened = alone(&playbook, inputs, surroundings, &said).await;
        let _ = said.send(Said::Message(Message::Answered(opened))).await;
    });
}

async fn alone(
    playbook: &str,
    inputs: BTreeMap<String, String>,
    surroundings: TakingUp,
    said: &mpsc::Sender<Said>,
) -> Result<String, String> {
    let mut settings = surroundings.settings;
    let entry = match settings.catalog.wait_for(|catalog| catalog.is_read()).await {
        Ok(catalog) => catalog.get(playbook).cloned(),
        Err(_) => None,
    };
    let entry = entry.ok_or_else(|| format!("there is no playbook {playbook}"))?;
    let open = Command::open_for(&entry, None, None, surroundings.rehearsal);
    let handle = engine::open(open, surroundings.recorder, settings)
        .await
        .map_err(|error| error.to_string())?;
    let id = handle.id.clone();
    let _ = said.send(Said::Opened(handle.clone())).await;
    let refused = |error: engine::Unanswered| error.to_string();
    handle.ask(Command::start(&entry)).await.map_err(refused)?;
    for (name, text) in inputs {
        handle
            .ask(Command::ProvideInput { name, text })
            .await
            .map_err(refused)?;
    }
    Ok(format!("incident {id} is open"))
}
