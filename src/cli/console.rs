//! `standdown`: the console, on live alarms or in a rehearsal.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::alarms_seen::report_alarms;
use super::changes::changes;
use super::healer::Rules;
use super::live::Live;
use super::rehearse::Stage;
use super::{CliError, approvals, farewell, healing, lists, looks, notify, stores};
use crate::actions::VOCABULARY;
use crate::actions::programs::LocalPrograms;
use crate::config::Settings;
use crate::engine::{self, Recorder};
use crate::incident::IncidentId;
use crate::journal::{JournalError, Summary};
use crate::notify::{Kind, Signal};
use crate::playbook::Catalog;
use crate::tui::{self, Front, Left, Surroundings, TerminalError, Writing};

/// Opens the console on live alarms. Everything slow happens behind the first picture.
pub(super) async fn run(settings: &Settings) -> Result<u8, CliError> {
    live(Wanted::default(), settings).await
}

/// What the console is opened for.
#[derive(Default)]
struct Wanted {
    open: Option<IncidentId>,
    start: Option<(String, BTreeMap<String, String>)>,
    writing: Option<Writing>,
}

/// Opens the console on a playbook that is started without an alarm.
pub(super) async fn start(
    start: (String, BTreeMap<String, String>),
    writing: Option<Writing>,
    settings: &Settings,
) -> Result<u8, CliError> {
    let wanted = Wanted {
        start: Some(start),
        writing,
        ..Wanted::default()
    };
    live(wanted, settings).await
}

/// Where the console is shown.
enum Shown {
    Screen(Box<tui::Opened>),
    Lines(Writing),
}

/// Begins to show the console on the screen, or line by line: where that was asked for, where the
/// terminal cannot be drawn on, and where the output goes elsewhere while somebody types.
fn open(
    front: &Front,
    writing: Option<Writing>,
    settings: &Settings,
) -> Result<Shown, TerminalError> {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    let (input, output) = (
        std::io::stdin().is_terminal(),
        std::io::stdout().is_terminal(),
    );
    let plain = settings.flags.plain || dumb || (input && !output);
    let text = || {
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        Writing::Text {
            width: columns.unwrap_or(80).clamp(40, 500),
            glyphs: looks::glyphs(settings),
        }
    };
    Ok(match writing.or_else(|| plain.then(text)) {
        Some(writing) => Shown::Lines(writing),
        None => Shown::Screen(Box::new(tui::open(front)?)),
    })
}

async fn show(shown: Shown, surroundings: Surroundings) -> Result<Left, TerminalError> {
    match shown {
        Shown::Lines(writing) => tui::run_plain(surroundings, writing).await,
        Shown::Screen(opened) => tui::run(*opened, surroundings).await,
    }
}

/// Opens the console on an incident.
pub(super) async fn resume(id: IncidentId, settings: &Settings) -> Result<u8, CliError> {
    let wanted = Wanted {
        open: Some(id),
        ..Wanted::default()
    };
    live(wanted, settings).await
}

async fn live(wanted: Wanted, settings: &Settings) -> Result<u8, CliError> {
    let front = looks::front(settings, None, settings.refresh.value)?;
    let shown = open(&front, wanted.writing, settings)?;
    let (recorder, untold) = stores::telling(settings, &stores::path(settings, stores::INCIDENTS)?);
    let live = Live::begin(settings, &recorder);
    let (found, incidents) = watch::channel(None);
    tokio::spawn(look_for_incidents(recorder.clone(), found));
    let watched = live.boards.clone();
    let rules = Rules::later(settings);
    let catalog = catalog(settings);
    let (looking, _) = watch::channel(tui::Screen::Board);
    let (opened, of) = watch::channel(None);
    let lists = lists::follow(lists::From {
        recorder: recorder.clone(),
        store: stores::path(settings, stores::INCIDENTS)?,
        redactor: settings.redactor(),
        catalog: catalog.clone(),
        open: of,
        looking: looking.subscribe(),
        aws: Arc::clone(&live.pool),
    });
    let surroundings = Surroundings {
        front,
        reload: looks::reload(settings),
        themes: looks::themes(settings),
        catalog: catalog.clone(),
        boards: live.boards,
        visible: live.visible,
        acknowledge: Box::new(Live::acknowledge(&recorder, &live.updates, settings)),
        recorder: recorder.clone(),
        engine: engine::Settings {
            vocabulary: VOCABULARY,
            aws: live.pool,
            programs: Arc::new(LocalPrograms),
            actor: engine::actor(),
            speed: 1.0,
            redactor: settings.redactor(),
            changes: changes(settings),
            catalog: catalog.clone(),
        },
        rehearsal: None,
        hints: Default::default(),
        fresh: false,
        open: wanted.open,
        start: wanted.start,
        incidents,
        requests: approvals::follow(settings, false, looking.subscribe()),
        healings: healing::follow(rules.clone(), &recorder, looking.subscribe()),
        looking,
        untold,
        signals: signals(settings),
        lists,
        reply: approvals::answers(settings),
        opened: Box::new(move |handle| {
            opened.send_replace(Some(handle.clone()));
            report_alarms(handle, watched.clone());
            rules.clone().follow(handle, watched.clone());
        }),
    };
    let left = show(shown, surroundings).await?;
    notify::before_leaving(settings, &recorder).await;
    Ok(farewell::say(&left, settings))
}

/// Opens the console on a stage.
pub(super) async fn rehearse(
    stage: Stage,
    (unfinished, fresh): (Option<Summary>, bool),
    settings: &Settings,
) -> Result<u8, CliError> {
    let feed = stage.feed();
    let live = Live::over(Arc::clone(&stage.engine.aws), vec![stage.source()], &feed);
    let speed = if (stage.rehearsal.speed - 1.0).abs() < f64::EPSILON {
        String::new()
    } else {
        format!(" ×{}", stage.rehearsal.speed)
    };
    let title = format!("{}{speed}", stage.rehearsal.scenario);
    let front = looks::front(settings, Some(title), feed.interval)?;
    let shown = open(&front, None, settings)?;
    let (watched, stage) = (live.boards.clone(), Arc::new(stage));
    let (on_stage, after) = (Arc::clone(&stage), Arc::clone(&stage));
    let rules = Rules::later(settings);
    let (looking, _) = watch::channel(tui::Screen::Board);
    let (_found, none) = watch::channel(None);
    let (opened, of) = watch::channel(None);
    let recorder = stage.recorder.clone();
    let catalog = catalog(settings);
    let lists = lists::follow(lists::From {
        recorder: recorder.clone(),
        store: stores::path(settings, stores::REHEARSALS)?,
        redactor: settings.redactor(),
        catalog: catalog.clone(),
        open: of,
        looking: looking.subscribe(),
        aws: Arc::clone(&stage.engine.aws),
    });
    let surroundings = Surroundings {
        front,
        reload: looks::reload(settings),
        themes: looks::themes(settings),
        catalog,
        boards: live.boards,
        visible: live.visible,
        acknowledge: Box::new(Live::acknowledge(&recorder, &live.updates, settings)),
        recorder: recorder.clone(),
        engine: stage.engine.clone(),
        rehearsal: Some(stage.rehearsal.clone()),
        hints: stage.scenario.answers.clone(),
        fresh,
        open: unfinished.map(|summary| summary.id),
        start: None,
        incidents: none,
        requests: approvals::follow(settings, true, looking.subscribe()),
        healings: healing::follow(rules.clone(), &recorder, looking.subscribe()),
        looking,
        // Nobody outside is told in a rehearsal.
        untold: watch::channel(Vec::new()).1,
        signals: signals(settings),
        lists,
        reply: approvals::answers(settings),
        opened: Box::new(move |handle| {
            opened.send_replace(Some(handle.clone()));
            on_stage.follow(handle);
            report_alarms(handle, watched.clone());
            rules.clone().follow(handle, watched.clone());
        }),
    };
    let left = show(shown, surroundings).await?;
    if let Some((_, last)) = &left.incident {
        after.remember(last).await;
    }
    Ok(farewell::say(&left, settings))
}

/// How this terminal calls its user.
fn signals(settings: &Settings) -> Vec<Signal> {
    let channels = settings.channels.value.iter();
    let own = channels.filter_map(|one| match one.channel.kind {
        Kind::Terminal(signal) => Some(signal),
        _ => None,
    });
    own.collect()
}

/// Reads the playbooks on another thread: compiling them takes longer than a first picture may.
fn catalog(settings: &Settings) -> watch::Receiver<Arc<Catalog>> {
    let (read, catalog) = watch::channel(Arc::new(Catalog::default()));
    let settings = settings.clone();
    tokio::task::spawn_blocking(move || read.send_replace(Arc::new(super::catalog(&settings))));
    catalog
}

/// How often it is looked for what other consoles and watchers have opened.
const UNFINISHED: Duration = Duration::from_secs(5);

/// Looks for incidents. A journal that cannot be used says so here.
async fn look_for_incidents(
    recorder: Recorder,
    found: watch::Sender<Option<Result<Vec<Summary>, String>>>,
) {
    loop {
        let all = recorder.call(|journal| journal.incidents()).await;
        let all = all.map_err(|error: JournalError| error.to_string());
        found.send_if_modified(|known| {
            let new = known.as_ref() != Some(&all);
            if new {
                *known = Some(all);
            }
            new
        });
        tokio::select! {
            () = found.closed() => return,
            () = sleep(UNFINISHED) => {}
        }
    }
}
