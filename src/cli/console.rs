//! `standdown`: the console, on live alarms or in a rehearsal.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what cannot be drawn is said here"
)]

use std::sync::Arc;

use tokio::sync::watch;

use super::rehearse::{Stage, report_alarms};
use super::{CliError, SUCCESS};
use crate::actions::VOCABULARY;
use crate::actions::programs::LocalPrograms;
use crate::alarms::{Board, FeedSettings, watch as watch_alarms};
use crate::aws::{Aws, AwsSettings};
use crate::config::Settings;
use crate::engine::{self, AwsState, Recorder};
use crate::incident::{AlarmRef, IncidentId, IncidentStatus};
use crate::journal::{Summary, state_folder};
use crate::playbook::Catalog;
use crate::tui::{self, Connection, Header, Surroundings, TerminalError, Theme};

/// Opens the console on live alarms. Everything slow happens behind the first picture.
pub(super) async fn run(settings: &Settings) -> Result<u8, CliError> {
    let theme = theme(settings)?;
    let (connections, connection) = watch::channel(Connection::Connecting);
    let (states, state) = watch::channel(AwsState::Connecting);
    let (boards, board) = watch::channel(Arc::new(Board::default()));
    let (visible, seen) = watch::channel(Vec::new());
    let (journals, journal) = watch::channel(None);
    let (unfinished, resume) = watch::channel(None);
    let feed = FeedSettings {
        interval: settings.refresh.value,
    };
    let aws = AwsSettings {
        profile: settings.profile.value.clone(),
        region: settings.region.value.clone(),
        rehearsal_endpoint: None,
    };
    tokio::spawn(connect(aws, feed, connections, states, boards, seen));
    tokio::spawn(open_journal(journals, unfinished));
    let watched = board.clone();
    let header = Header {
        region: settings.region.value.clone().unwrap_or_default(),
        ..Header::default()
    };
    let surroundings = Surroundings {
        theme,
        header,
        refresh: feed.interval,
        catalog: catalog(settings),
        connection,
        boards: board,
        visible,
        recorder: journal,
        engine: engine::Settings {
            vocabulary: VOCABULARY,
            aws: state,
            programs: Arc::new(LocalPrograms),
            actor: engine::actor(),
            speed: 1.0,
        },
        rehearsal: None,
        hints: Default::default(),
        resume,
        opened: Box::new(move |handle| report_alarms(handle, watched.clone())),
    };
    let left = tui::run(surroundings).await?;
    say_goodbye(left.as_ref(), "standdown");
    Ok(SUCCESS)
}

/// Opens the console on a stage.
pub(super) async fn rehearse(
    stage: Stage,
    unfinished: Option<Summary>,
    settings: &Settings,
) -> Result<u8, CliError> {
    let theme = theme(settings)?;
    let feed = stage.feed();
    let (boards, board) = watch::channel(Arc::new(Board::default()));
    let (visible, seen) = watch::channel(Vec::new());
    tokio::spawn(watch_alarms(Arc::clone(&stage.aws), feed, boards, seen));
    let (connections, connection) = watch::channel(Connection::Connecting);
    tokio::spawn(identify(Arc::clone(&stage.aws), connections));
    let speed = if (stage.rehearsal.speed - 1.0).abs() < f64::EPSILON {
        String::new()
    } else {
        format!(" ×{}", stage.rehearsal.speed)
    };
    let command = format!("standdown rehearse {}", stage.rehearsal.scenario);
    let (watched, stage) = (board.clone(), Arc::new(stage));
    let on_stage = Arc::clone(&stage);
    let (_journals, journal) = watch::channel(Some(Ok(stage.recorder.clone())));
    let (_resumes, resume) = watch::channel(unfinished.map(|summary| Ok(summary.id)));
    let surroundings = Surroundings {
        theme,
        header: Header {
            account: stage.simulator.world.scenario.account.clone(),
            region: stage.aws.region.clone(),
            rehearsal: Some(format!("{}{speed}", stage.rehearsal.scenario)),
            ..Header::default()
        },
        refresh: feed.interval,
        catalog: catalog(settings),
        connection,
        boards: board,
        visible,
        recorder: journal,
        engine: stage.engine.clone(),
        rehearsal: Some(stage.rehearsal.clone()),
        hints: stage.simulator.world.scenario.answers.clone(),
        resume,
        opened: Box::new(move |handle| {
            on_stage.follow(handle);
            report_alarms(handle, watched.clone());
        }),
    };
    let left = tui::run(surroundings).await?;
    say_goodbye(left.as_ref(), &command);
    Ok(SUCCESS)
}

fn theme(settings: &Settings) -> Result<Theme, TerminalError> {
    Ok(Theme::load(&settings.theme.value, tui::Depth::detect())?)
}

/// Reads the playbooks on another thread: compiling them takes longer than a first picture may.
fn catalog(settings: &Settings) -> watch::Receiver<Arc<Catalog>> {
    let (read, catalog) = watch::channel(Arc::new(Catalog::default()));
    let settings = settings.clone();
    tokio::task::spawn_blocking(move || read.send_replace(Arc::new(super::catalog(&settings))));
    catalog
}

async fn connect(
    settings: AwsSettings,
    feed: FeedSettings,
    connections: watch::Sender<Connection>,
    states: watch::Sender<AwsState>,
    boards: watch::Sender<Arc<Board>>,
    seen: watch::Receiver<Vec<Arc<AlarmRef>>>,
) {
    match Aws::connect(&settings).await {
        Ok(aws) => {
            let aws = Arc::new(aws);
            states.send_replace(AwsState::Ready(Arc::clone(&aws)));
            tokio::join!(
                identify(Arc::clone(&aws), connections),
                watch_alarms(aws, feed, boards, seen)
            );
        }
        Err(error) => {
            states.send_replace(AwsState::Missing(error.to_string()));
            connections.send_replace(Connection::Missing(error.to_string()));
        }
    }
}

/// Finds out whose credentials these are. Without an answer the alarms are shown all the same.
async fn identify(aws: Arc<Aws>, connections: watch::Sender<Connection>) {
    let known = |account: String, identity: String| Connection::Ready {
        region: aws.region.clone(),
        account,
        identity,
    };
    connections.send_replace(known(String::new(), String::new()));
    if let Ok(identity) = aws.identity().await {
        connections.send_replace(known(identity.account, identity.arn));
    }
}

async fn open_journal(
    journals: watch::Sender<Option<Result<Recorder, String>>>,
    unfinished: watch::Sender<Option<Result<IncidentId, String>>>,
) {
    let opened = async {
        let path = state_folder()
            .map_err(|error| error.to_string())?
            .join("journal.db");
        Recorder::open(path)
            .await
            .map_err(|error| error.to_string())
    };
    let opened = opened.await;
    journals.send_replace(Some(opened.clone()));
    let found = async {
        let recorder = opened?;
        let all = recorder
            .call(|journal| journal.incidents())
            .await
            .map_err(|gone| gone.to_string())?;
        all.map_err(|error| error.to_string())
    };
    let found = match found.await {
        Ok(all) => {
            let mut open = all
                .into_iter()
                .filter(|summary| summary.status != IncidentStatus::Closed);
            open.next().map(|summary| Ok(summary.id))
        }
        Err(error) => Some(Err(error)),
    };
    unfinished.send_replace(found);
}

fn say_goodbye(unfinished: Option<&IncidentId>, command: &str) {
    if let Some(id) = unfinished {
        eprintln!("incident {id} is unfinished; `{command}` takes it up where it stands");
    }
}
