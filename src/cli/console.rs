//! `standdown`: the console, on live alarms or in a rehearsal.

use std::sync::Arc;

use tokio::sync::watch;

use super::alarms_seen::report_alarms;
use super::rehearse::Stage;
use super::{CliError, farewell, stores};
use crate::actions::VOCABULARY;
use crate::actions::programs::LocalPrograms;
use crate::alarms::{Board, FeedSettings, watch as watch_alarms};
use crate::aws::{Aws, AwsSettings, Place, Pool};
use crate::config::Settings;
use crate::engine::{self, Recorder};
use crate::incident::{AlarmRef, IncidentId};
use crate::journal::{JournalError, Summary};
use crate::playbook::Catalog;
use crate::tui::{self, Connection, Header, Surroundings, TerminalError, Theme};

/// Opens the console on live alarms. Everything slow happens behind the first picture.
pub(super) async fn run(settings: &Settings) -> Result<u8, CliError> {
    live(None, settings).await
}

/// Opens the console on an incident.
pub(super) async fn resume(id: IncidentId, settings: &Settings) -> Result<u8, CliError> {
    live(Some(id), settings).await
}

async fn live(open: Option<IncidentId>, settings: &Settings) -> Result<u8, CliError> {
    let theme = theme(settings)?;
    let recorder = Recorder::start(&stores::path(settings, stores::INCIDENTS)?);
    let (connections, connection) = watch::channel(Connection::Connecting);
    let (boards, board) = watch::channel(Arc::new(Board::default()));
    let (visible, seen) = watch::channel(Vec::new());
    let (found, unfinished) = watch::channel(None);
    let feed = FeedSettings {
        interval: settings.refresh.value,
        redactor: settings.redactor(),
    };
    let refresh = feed.interval;
    let aws = AwsSettings {
        profile: settings.profile.value.clone(),
        region: settings.region.value.clone(),
        rehearsal_endpoint: None,
    };
    let pool = Arc::new(Pool::new(aws));
    tokio::spawn(connect(Arc::clone(&pool), feed, connections, boards, seen));
    if open.is_none() {
        tokio::spawn(look_for_unfinished(recorder.clone(), found));
    }
    let watched = board.clone();
    let header = Header {
        region: settings.region.value.clone().unwrap_or_default(),
        ..Header::default()
    };
    let surroundings = Surroundings {
        theme,
        header,
        refresh,
        catalog: catalog(settings),
        connection,
        boards: board,
        visible,
        recorder,
        engine: engine::Settings {
            vocabulary: VOCABULARY,
            aws: pool,
            programs: Arc::new(LocalPrograms),
            actor: engine::actor(),
            speed: 1.0,
            redactor: settings.redactor(),
        },
        rehearsal: None,
        hints: Default::default(),
        open,
        unfinished,
        opened: Box::new(move |handle| report_alarms(handle, watched.clone())),
    };
    Ok(farewell::say(&tui::run(surroundings).await?))
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
    tokio::spawn(watch_alarms(
        Arc::clone(&stage.aws),
        feed.clone(),
        boards,
        seen,
    ));
    let (connections, connection) = watch::channel(Connection::Connecting);
    tokio::spawn(identify(Arc::clone(&stage.aws), connections));
    let speed = if (stage.rehearsal.speed - 1.0).abs() < f64::EPSILON {
        String::new()
    } else {
        format!(" ×{}", stage.rehearsal.speed)
    };
    let (watched, stage) = (board.clone(), Arc::new(stage));
    let on_stage = Arc::clone(&stage);
    let (_found, none) = watch::channel(None);
    let refresh = feed.interval;
    let surroundings = Surroundings {
        theme,
        header: Header {
            account: stage.scenario.account.clone(),
            region: stage.aws.region.clone(),
            rehearsal: Some(format!("{}{speed}", stage.rehearsal.scenario)),
            ..Header::default()
        },
        refresh,
        catalog: catalog(settings),
        connection,
        boards: board,
        visible,
        recorder: stage.recorder.clone(),
        engine: stage.engine.clone(),
        rehearsal: Some(stage.rehearsal.clone()),
        hints: stage.scenario.answers.clone(),
        open: unfinished.map(|summary| summary.id),
        unfinished: none,
        opened: Box::new(move |handle| {
            on_stage.follow(handle);
            report_alarms(handle, watched.clone());
        }),
    };
    Ok(farewell::say(&tui::run(surroundings).await?))
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
    pool: Arc<Pool>,
    feed: FeedSettings,
    connections: watch::Sender<Connection>,
    boards: watch::Sender<Arc<Board>>,
    seen: watch::Receiver<Vec<Arc<AlarmRef>>>,
) {
    match pool.at(&Place::default()).await {
        Ok(aws) => {
            tokio::join!(
                identify(Arc::clone(&aws), connections),
                watch_alarms(aws, feed, boards, seen)
            );
        }
        Err(error) => {
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

/// Looks for incidents that nobody has finished. A journal that cannot be used says so here.
async fn look_for_unfinished(
    recorder: Recorder,
    found: watch::Sender<Option<Result<Vec<Summary>, String>>>,
) {
    let all = recorder.call(|journal| journal.incidents()).await;
    let unfinished = all
        .map(|all| all.into_iter().filter(Summary::is_unfinished).collect())
        .map_err(|error: JournalError| error.to_string());
    found.send_replace(Some(unfinished));
}
