//! Where a rule acts without a screen: the incident of the alarm that sets it off.

use std::sync::Arc;

use tokio::sync::watch;

use crate::actions::VOCABULARY;
use crate::actions::programs::LocalPrograms;
use crate::aws::Pool;
use crate::cli::changes::changes;
use crate::config::Settings;
use crate::engine::{self, Handle, Recorder, Role};
use crate::incident::{Actor, AlarmRef, Command, ExecutionStatus};
use crate::playbook::Entry;

/// An engine without a screen.
pub(super) fn engine_of(settings: &Settings, pool: Arc<Pool>, actor: Actor) -> engine::Settings {
    engine::Settings {
        vocabulary: VOCABULARY,
        aws: pool,
        programs: Arc::new(LocalPrograms),
        actor,
        speed: 1.0,
        redactor: settings.redactor(),
        changes: changes(settings),
        catalog: watch::channel(Arc::new(crate::cli::catalog(settings))).1,
    }
}

/// Takes up the alarm's unfinished incident, or opens one. `None` where another console writes it:
/// that one heals it.
pub(super) async fn incident_of(
    alarm: &AlarmRef,
    entry: &Entry,
    recorder: &Recorder,
    engine: &engine::Settings,
) -> Result<Option<Handle>, String> {
    let wanted = alarm.clone();
    let known = recorder
        .call(move |journal| journal.unfinished_for(&wanted))
        .await
        .map_err(|error| error.to_string())?;
    let handle = if let Some(id) = known {
        engine::resume(id, recorder.clone(), engine.clone()).await
    } else {
        let open = Command::open_for(entry, Some(alarm.clone()), None, None);
        engine::open(open, recorder.clone(), engine.clone()).await
    };
    let handle = handle.map_err(|error| error.to_string())?;
    let snapshot = handle.snapshot();
    let incident = snapshot.state.incident.as_ref();
    // What a rule fills in and checks before it sends is said of the alarm that an incident was
    // opened for.
    let own = incident.and_then(|incident| incident.alarms.front());
    if let (Some(incident), false) = (incident, own.is_some_and(|own| own.is_same(alarm))) {
        let why = format!(
            "the alarm belongs to the incident {}, which was opened for another one; heal it there, by hand",
            incident.id
        );
        handle.leave().await;
        return Err(why);
    }
    if matches!(handle.snapshot().role, Role::Writer { .. }) {
        return Ok(Some(handle));
    }
    handle.leave().await;
    Ok(None)
}

/// Whether a healing goes on in an incident.
pub(super) fn heals(handle: &Handle) -> bool {
    handle
        .snapshot()
        .state
        .executions
        .iter()
        .any(|walk| walk.healing.is_some() && walk.status == ExecutionStatus::InProgress)
}
