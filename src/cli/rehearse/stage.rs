//! What a rehearsal is played on: a simulated AWS, and everything the console needs there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::Visited;

use crate::actions::VOCABULARY;
use crate::actions::automation::Reviewed;
use crate::alarms::{FeedSettings, Source};
use crate::aws::{AwsSettings, Place, Pool};
use crate::cli::CliError;
use crate::cli::changes::changes;
use crate::config::Settings;
use crate::engine::{self, Handle, Recorder, Snapshot, outside};
use crate::incident::{Event, Rehearsal, Verdict};
use crate::playbook::Catalog;
use crate::rehearsal::{RehearsedPrograms, Scenario, Simulator, World, control};

/// Which world is played in.
pub(super) enum Where {
    /// One of this process's own, which began then.
    Here { began: DateTime<Utc>, speed: f64 },
    /// One that is served already.
    At(Visited),
}

/// A simulated AWS with everything the console needs to play in it.
pub(in crate::cli) struct Stage {
    /// Ends with the stage, where it is this process's own.
    _simulator: Option<Simulator>,
    address: SocketAddr,
    pub scenario: Scenario,
    pub engine: engine::Settings,
    pub recorder: Recorder,
    pub catalog: Catalog,
    pub rehearsal: Rehearsal,
}

impl Stage {
    pub(super) async fn set(
        scenario: Scenario,
        world: Where,
        settings: &Settings,
        recorder: Recorder,
    ) -> Result<Self, CliError> {
        let (simulator, address, began, speed) = match world {
            Where::At(visited) => (None, visited.address, visited.began, visited.speed),
            Where::Here { began, speed } => {
                let world = World::new(scenario.clone(), began, speed);
                let world = keeping(world, settings);
                let simulator =
                    Simulator::listen(world, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
                let address = simulator.address;
                (Some(simulator), address, began, speed)
            }
        };
        let rehearsal = Rehearsal {
            scenario: scenario.id.clone(),
            began,
            speed,
        };
        let pool = Arc::new(Pool::new(AwsSettings {
            profile: None,
            region: Some(scenario.region.clone()),
            rehearsal_endpoint: Some(format!("http://{address}")),
            // A scenario's seconds.
            breaker: crate::breaker::Policy {
                recovery: settings.breaker.value.recovery.div_f64(speed),
                ..settings.breaker.value
            },
        }));
        pool.at(&Place::default()).await?;
        let catalog = crate::cli::catalog(settings);
        let engine = engine::Settings {
            vocabulary: VOCABULARY,
            aws: pool,
            programs: Arc::new(RehearsedPrograms { simulator: address }),
            actor: engine::actor(),
            speed,
            redactor: settings.redactor(),
            changes: engine::Changes {
                // The simulated account has the binary's own documents.
                reviewed: Arc::new(Reviewed {
                    hashes: crate::embedded::AUTOMATIONS
                        .iter()
                        .map(|(name, text)| ((*name).to_owned(), crate::document::sha256(text)))
                        .collect(),
                    unknown: None,
                }),
                // In a rehearsal nobody has an AWS identity.
                require_caller: false,
                ..changes(settings)
            },
            catalog: watch::channel(Arc::new(catalog.clone())).1,
        };
        Ok(Self {
            _simulator: simulator,
            address,
            scenario,
            engine,
            recorder,
            catalog,
            rehearsal,
        })
    }

    /// Keeps what the simulated AWS tells of an incident: it ends with the rehearsal.
    pub async fn remember(&self, last: &Snapshot) {
        let Some(incident) = &last.state.incident else {
            return;
        };
        let engine = &self.engine;
        let found = outside(&last.state, &engine.aws, &engine.redactor).await;
        let id = incident.id.clone();
        // Without it the timeline is the record's alone, and says so.
        let kept = self
            .recorder
            .call(move |journal| journal.add_moments(&id, &found.moments));
        drop(kept.await);
    }

    /// Tells the world what the responder confirms, from now on and from before.
    pub fn follow(&self, handle: &Handle) {
        let address = self.address;
        let mut snapshots = handle.subscribe();
        tokio::spawn(async move {
            let mut seen = 0;
            loop {
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                for recorded in snapshot.events.iter().skip(seen) {
                    if let Event::StepConfirmed {
                        step,
                        verdict: Verdict::Done,
                        ..
                    } = &recorded.event
                    {
                        let body = serde_json::json!({"step": step, "at": recorded.at}).to_string();
                        // A world that is gone mends nothing any more.
                        let _ = control(address, "POST", "/_standdown/confirm", &body).await;
                    }
                }
                seen = snapshot.events.len();
                if snapshots.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// The one source of its alarms.
    pub fn source(&self) -> Source {
        Source {
            account: self.scenario.account.clone(),
            ..Source::new(Place::default(), String::new(), false)
        }
    }

    /// How often the alarms are asked for: faster when the scenario's time runs faster.
    pub fn feed(&self) -> FeedSettings {
        let seconds = (5.0 / self.rehearsal.speed).clamp(0.1, 5.0);
        FeedSettings {
            interval: Duration::from_secs_f64(seconds),
            redactor: self.engine.redactor.clone(),
            speed: self.rehearsal.speed,
        }
    }
}

/// What is started in this world is kept beside the journal, so that it outlives this process as
/// AWS would. Where nothing can be kept, the world forgets with the process.
fn keeping(world: World, settings: &Settings) -> World {
    let name = format!(
        "world-{}-{}.jsonl",
        world.scenario.id,
        world.began.timestamp_millis()
    );
    let folder = settings.state_folder().ok();
    let path = folder
        .filter(|folder| crate::document::make_folder(folder).is_ok())
        .map(|folder| folder.join(name));
    match path {
        Some(path) => world.keeping(&path),
        None => world,
    }
}
