//! `standdown watch`: no screen; opens the incident when an alarm with a playbook fires, so that
//! the evidence is there before the responder logs in.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what could not be done is said here"
)]

mod alert;
mod known;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use nix::fcntl::{Flock, FlockArg};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::changes::changes;
use super::live::Live;
use super::{CliError, FAILURE, SUCCESS, printable, shell_word, stores};
use crate::actions::VOCABULARY;
use crate::actions::programs::LocalPrograms;
use crate::alarms::{Board, Freshness, Row, Source, graded, key, severity};
use crate::aws::Place;
use crate::cli::alarms_seen::report_alarms;
use crate::clock;
use crate::config::Settings;
use crate::engine::{self, Control, Handle, Recorder, Role};
use crate::incident::{AlarmRef, AlarmState, Command, IncidentId, IncidentStatus};
use crate::journal::{Journal, lock_file};
use crate::playbook::{Catalog, Entry, Severity};
use known::{Known, MOST};

/// How long `--once` waits for the first whole list of alarms, and for the diagnostics.
/// How often it is looked for escalations that nobody carries on.
const ASKING: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_mins(3);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Look once, run what has to be run, and end: for cron.
    #[arg(long)]
    once: bool,
    /// Open nothing for an alarm that was in ALARM for longer than this when the watch began; such
    /// alarms are listed once.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    since: Duration,
    /// Leave alarms alone that are less grave: critical, high, medium or low.
    #[arg(long, value_name = "SEVERITY", default_value = "low", value_parser = parse_severity)]
    at_least: Severity,
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    let known = Severity::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, severity)| *severity).ok_or_else(|| {
        let names: Vec<&str> = Severity::ALL.iter().map(|(name, _)| *name).collect();
        format!("write one of {}", names.join(", "))
    })
}

struct Watcher<'a> {
    settings: &'a Settings,
    catalog: Catalog,
    recorder: Recorder,
    engine: engine::Settings,
    live: Live,
    at_least: Severity,
    open: Vec<Handle>,
    /// When it was looked last for escalations that nobody carries on.
    asked_at: Instant,
    /// Held while an incident is opened: two watchers of one store must not both open it.
    lock: PathBuf,
    /// The folder of the journal, as a shell takes it.
    state: String,
    /// Alarms that an incident was opened for, each with the time since when it fires.
    taken: HashSet<(crate::alarms::Key, Option<DateTime<Utc>>)>,
    /// What tells somebody of an incident, until it has.
    alerts: JoinSet<(IncidentId, bool)>,
    /// Whether this is one look only.
    once: bool,
    /// Whether it was said that no more are opened.
    full: bool,
    failed: bool,
    /// What has been in ALARM since before this time opens nothing.
    since: DateTime<Utc>,
    /// The alarms that were listed because they are older than that.
    listed: HashSet<crate::alarms::Key>,
}

/// What is to become of an alarm that fires.
enum Decision<'a> {
    /// It is opened, unless somebody knows of it.
    Open(Severity, &'a Row, Entry),
    /// It is left alone.
    Leave,
    /// Something is not known yet.
    Later,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let began = crate::clock::now();
    let store = stores::path(settings, stores::INCIDENTS)?;
    let (recorder, _) = stores::telling(settings, &store);
    stores::tell_of_damage(&recorder);
    let live = Live::begin(settings, &recorder);
    let catalog = super::catalog(settings);
    super::say_refused(settings, &catalog);
    let engine = engine::Settings {
        vocabulary: VOCABULARY,
        aws: Arc::clone(&live.pool),
        programs: Arc::new(LocalPrograms),
        actor: engine::watcher(),
        speed: 1.0,
        redactor: settings.redactor(),
        // Nobody is there to approve anything.
        changes: engine::Changes {
            read_only: true,
            ..changes(settings)
        },
        catalog: watch::channel(Arc::new(catalog.clone())).1,
    };
    let mut watcher = Watcher {
        settings,
        catalog,
        recorder,
        engine,
        live,
        at_least: arguments.at_least,
        open: Vec::new(),
        // At the first look.
        asked_at: Instant::now()
            .checked_sub(ASKING)
            .unwrap_or_else(Instant::now),
        lock: store.with_extension("watch"),
        state: shell_word(store.parent().unwrap_or(&store)),
        taken: HashSet::new(),
        alerts: JoinSet::new(),
        once: arguments.once,
        full: false,
        failed: false,
        since: chrono::TimeDelta::from_std(arguments.since)
            .ok()
            .and_then(|span| began.checked_sub_signed(span))
            .unwrap_or(DateTime::<Utc>::MIN_UTC),
        listed: HashSet::new(),
    };
    let mut ends = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    tokio::select! {
        _ = ends.recv() => {}
        _ = interrupts.recv() => {}
        () = watcher.watch() => {}
    }
    for handle in std::mem::take(&mut watcher.open) {
        handle.leave().await;
    }
    super::notify::before_leaving(settings, &watcher.recorder).await;
    let unpaged = watcher
        .recorder
        .call(|journal| super::reach::nobody_paged(journal));
    for text in unpaged.await? {
        watcher.failed = true;
        eprintln!("standdown: {text}");
    }
    let unsent = watcher
        .recorder
        .call(|journal| journal.unsent_messages())
        .await?;
    for lost in unsent.iter().filter(|one| one.dead && one.at >= began) {
        watcher.failed = true;
        eprintln!(
            "standdown: a message of {} was given up: {}: {}",
            lost.incident,
            printable(&lost.channel),
            printable(lost.error.as_deref().unwrap_or_default())
        );
    }
    Ok(if watcher.failed { FAILURE } else { SUCCESS })
}

impl Watcher<'_> {
    async fn watch(&mut self) {
        let once = self.once;
        let mut boards = self.live.boards.clone();
        let until = Instant::now() + PATIENCE;
        let mut troubles: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let board = Arc::clone(&boards.borrow_and_update());
            self.say_troubles(&board, &mut troubles);
            // Whole pages only: what was not read yet is not known to be new.
            let decided = self.look(&board).await;
            while let Some(ended) = self.alerts.try_join_next() {
                self.told(ended.ok()).await;
            }
            self.give_up_what_is_asked_for().await;
            self.go_on_asking().await;
            // A source that is late may come back; one that is lost needs somebody.
            let read = |source: &Source| {
                source.complete || matches!(source.freshness, Freshness::Lost { .. })
            };
            let late = once && Instant::now() >= until;
            if late || (once && decided && board.sources.iter().all(read)) {
                for source in board.sources.iter().filter(|source| !source.complete) {
                    self.failed = true;
                    eprintln!(
                        "standdown: the alarms of {} could not be read",
                        source.place
                    );
                }
                self.finish(until).await;
                while let Some(ended) = self.alerts.join_next().await {
                    self.told(ended.ok()).await;
                }
                return;
            }
            tokio::select! {
                changed = boards.changed() => if changed.is_err() { return },
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// Takes up incidents in which somebody was asked for help and the console has gone: the next level
    /// is asked from here.
    async fn go_on_asking(&mut self) {
        if self.asked_at.elapsed() < ASKING {
            return;
        }
        self.asked_at = Instant::now();
        let left = self.recorder.call(known::left_asking).await;
        let left = match left {
            Ok(left) => left,
            Err(error) => {
                eprintln!("standdown: {}", printable(&error.to_string()));
                return;
            }
        };
        for id in left {
            if self.open.iter().any(|handle| handle.id == id) {
                continue;
            }
            let handle = engine::resume(id.clone(), self.recorder.clone(), self.engine.clone());
            match handle.await {
                Ok(handle) => {
                    // Whoever had it is gone: it is taken over at once, or somebody came meanwhile.
                    if !matches!(handle.snapshot().role, Role::Writer { .. })
                        && let Err(error) = handle.control(engine::Control::TakeOver).await
                    {
                        eprintln!("standdown: {id}: {}", printable(&error.to_string()));
                    }
                    eprintln!("standdown: {id}: nobody has it open; its escalation goes on here");
                    self.open.push(handle);
                }
                Err(error) => eprintln!("standdown: {}", printable(&error.to_string())),
            }
        }
    }

    /// Says once what is wrong with each source, and once that it is well again.
    fn say_troubles(&self, board: &Board, known: &mut BTreeMap<String, String>) {
        for source in &board.sources {
            let trouble = source.trouble(clock::now(), self.settings.refresh.value);
            let name = source.place.to_string();
            // Ages grow; only another reason is news.
            let reason = trouble.as_deref().map(|text| {
                text.split_once(": ")
                    .map_or(text, |(_, reason)| reason)
                    .to_owned()
            });
            match (reason, known.get(&name)) {
                (Some(reason), before) if before != Some(&reason) => {
                    eprintln!("standdown: {name}: {}", printable(&reason));
                    known.insert(name, reason);
                }
                (None, Some(_)) => {
                    eprintln!("standdown: {name}: live again");
                    known.remove(&name);
                }
                _ => {}
            }
        }
    }

    /// Opens what has to be opened, the gravest first; tells whether everything was decided.
    async fn look(&mut self, board: &Board) -> bool {
        let firing = |row: &&Row| row.alarm.state == AlarmState::Alarm;
        self.list_old(board);
        let mut due = Vec::new();
        let mut decided = true;
        for row in board.rows.iter().filter(firing) {
            match self.decide(board, row) {
                Decision::Open(grade, row, entry) => due.push((grade, row, entry)),
                Decision::Leave => {}
                Decision::Later => decided = false,
            }
        }
        // The freshest first among equals: it is what somebody is needed for now.
        due.sort_by_key(|(grade, row, _)| (*grade, std::cmp::Reverse(row.alarm.since)));
        if due.is_empty() {
            self.full = false;
            return decided;
        }
        let lock = match self.lock() {
            Ok(Some(lock)) => lock,
            // Another watcher is at it: what it opens is known at the next look.
            Ok(None) => return false,
            Err(error) => {
                self.failed = true;
                let lock = self.lock.display();
                eprintln!("standdown: the lock {lock} cannot be had: {error}");
                return decided;
            }
        };
        let mut full = false;
        for (_, row, entry) in due {
            let rules = &self.settings.severities.value;
            let grade = graded(&row.alarm, row.details.severity(), rules);
            match self.fired(&row.alarm, grade, &entry).await {
                Ok(too_many) => full |= too_many,
                Err(error) => {
                    self.failed = true;
                    let name = printable(&row.alarm.name);
                    eprintln!("standdown: {name}: {}", printable(&error));
                }
            }
        }
        drop(lock);
        if full && !self.full {
            let minutes = known::LATELY.num_minutes();
            eprintln!(
                "standdown: {MOST} incidents were opened here within {minutes} minutes, which is the most; others wait"
            );
        }
        self.full = full;
        decided
    }

    /// Whether an alarm fired long before the watch began: whoever needed to know of it does.
    fn is_old(&self, alarm: &AlarmRef) -> bool {
        alarm.since.is_some_and(|since| since < self.since)
    }

    /// Lists once what is too old to open an incident for, and would be answered by a playbook.
    fn list_old(&mut self, board: &Board) {
        let old: Vec<&AlarmRef> = board
            .rows
            .iter()
            .map(|row| &*row.alarm)
            .filter(|alarm| alarm.state == AlarmState::Alarm && self.is_old(alarm))
            .filter(|alarm| !self.catalog.answering(&alarm.subject()).is_empty())
            .filter(|alarm| !self.listed.contains(&key(alarm)))
            .collect();
        if old.is_empty() {
            return;
        }
        eprintln!(
            "standdown: {} in ALARM since before {}, and nothing is opened for {} (`--since` sets this):",
            match old.len() {
                1 => "1 alarm has been".to_owned(),
                count => format!("{count} alarms have been"),
            },
            self.since.format("%Y-%m-%d %H:%M:%SZ"),
            if old.len() == 1 { "it" } else { "them" }
        );
        for alarm in old {
            let since = alarm.since.map_or_else(String::new, |since| {
                since.format("%Y-%m-%d %H:%M:%SZ").to_string()
            });
            eprintln!("standdown:   {} since {since}", printable(&alarm.name));
            self.listed.insert(key(alarm));
        }
    }

    fn decide<'a>(&self, board: &Board, row: &'a Row) -> Decision<'a> {
        let alarm = &row.alarm;
        if self.is_old(alarm) {
            return Decision::Leave;
        }
        if self.taken.contains(&(key(alarm), alarm.since)) {
            return Decision::Leave;
        }
        let place = Place::new(&alarm.profile, &alarm.region);
        let Some(source) = board.source(&place).filter(|source| source.mutes_asked) else {
            return Decision::Later;
        };
        if board.acknowledgement(alarm, clock::now()).is_some() || !board.muting(alarm).is_empty() {
            return Decision::Leave;
        }
        let answering = self.catalog.answering(&alarm.subject());
        let Some(entry) = answering.first().map(|entry| (*entry).clone()) else {
            return Decision::Leave;
        };
        if self.at_least != Severity::Low && !tags_are_known(row, source) {
            return Decision::Later;
        }
        let grade = severity(
            alarm,
            row.details.severity(),
            &self.settings.severities.value,
            Some(entry.playbook.impact),
        );
        if grade > self.at_least {
            Decision::Leave
        } else {
            Decision::Open(grade, row, entry)
        }
    }

    /// Takes the watchers' lock, unless another watcher has it.
    fn lock(&self) -> Result<Option<Flock<File>>, std::io::Error> {
        let file = lock_file(&self.lock)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(lock)),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, error)) => Err(error.into()),
        }
    }

    /// Sees to it that there is an incident; tells whether there were too many lately.
    async fn fired(
        &mut self,
        alarm: &AlarmRef,
        grade: Option<Severity>,
        entry: &Entry,
    ) -> Result<bool, String> {
        let wanted = alarm.clone();
        let known = self
            .recorder
            .call(move |journal: &mut Journal| known::look_up(journal, &wanted, clock::now()))
            .await
            .map_err(|error| error.to_string())?;
        match known {
            Known::Acknowledged | Known::Held => return Ok(false),
            Known::TooMany => return Ok(true),
            Known::Taken => {}
            Known::Untold(_) if self.settings.alert.value.is_empty() => {}
            Known::Abandoned(id) | Known::Untold(id) => {
                let handle = engine::resume(id, self.recorder.clone(), self.engine.clone()).await;
                let handle = handle.map_err(|error| error.to_string())?;
                if matches!(handle.snapshot().role, Role::Writer { .. }) {
                    self.begin(handle, alarm, entry).await?;
                } else {
                    handle.leave().await;
                    // Somebody else has it, or had it until just now.
                    return Ok(false);
                }
            }
            Known::New => {
                let open = Command::open_for(entry, Some(alarm.clone()), grade, None);
                let handle = engine::open(open, self.recorder.clone(), self.engine.clone())
                    .await
                    .map_err(|error| error.to_string())?;
                self.begin(handle, alarm, entry).await?;
            }
        }
        self.taken.insert((key(alarm), alarm.since));
        Ok(false)
    }

    /// Runs ahead what the playbook reads, and tells how to go on with it.
    async fn begin(
        &mut self,
        handle: Handle,
        alarm: &AlarmRef,
        entry: &Entry,
    ) -> Result<(), String> {
        report_alarms(&handle, self.live.boards.clone());
        let begun = handle.snapshot().state.execution().is_some();
        let prepared = if begun {
            Ok(())
        } else {
            handle.ask(Command::prepare(entry)).await
        };
        let id = handle.id.clone();
        let resume = format!("standdown --state {} resume {id}", self.state);
        let line = format!(
            "opened {id} for {}: {}; {resume}",
            printable(&alarm.name),
            entry.playbook.id
        );
        // Whoever reads it may be gone; the incident is open all the same.
        let _ = writeln!(std::io::stdout(), "{line}");
        let argv = self.settings.alert.value.clone();
        if !argv.is_empty() {
            let tries = if self.once { 1 } else { u32::MAX };
            let invocation = alert::invocation(argv, &id, alarm, entry, &resume);
            self.alerts.spawn(alert::until_told(id, invocation, tries));
        }
        self.open.push(handle);
        prepared.map_err(|error| format!("the playbook was not prepared: {error}"))
    }

    /// Records that somebody was told: whoever watches next need not.
    async fn told(&mut self, ended: Option<(IncidentId, bool)>) {
        let Some((id, true)) = ended else {
            self.failed = true;
            return;
        };
        // A console that has taken the incident over knows of it.
        if let Some(handle) = self.open.iter().find(|handle| handle.id == id)
            && let Err(error) = handle.ask(Command::Note(alert::TOLD.into())).await
        {
            self.failed = true;
            eprintln!("standdown: {id}: that somebody was told is not recorded: {error}");
        }
    }

    /// A console that opens the incident gets it at once; what is closed needs nobody.
    async fn give_up_what_is_asked_for(&mut self) {
        let mut kept = Vec::new();
        for handle in std::mem::take(&mut self.open) {
            let snapshot = handle.snapshot();
            let ours = match &snapshot.role {
                Role::Writer { asked: None } => true,
                Role::Writer { asked: Some(_) } => {
                    // If it fails, the other console takes over when this one goes silent.
                    let _ = handle.control(Control::HandOver).await;
                    false
                }
                Role::Follower { .. } | Role::Imported => false,
            };
            let incident = snapshot.state.incident.as_ref();
            let closed = incident.is_some_and(|one| one.status == IncidentStatus::Closed);
            if ours && !closed {
                kept.push(handle);
            } else {
                let id = handle.id.clone();
                handle.leave().await;
                let _ = writeln!(std::io::stdout(), "gave {id} up");
            }
        }
        self.open = kept;
    }

    /// Waits until the diagnostics have ended.
    async fn finish(&self, until: Instant) {
        for handle in &self.open {
            let mut snapshots = handle.subscribe();
            let idle = snapshots.wait_for(|snapshot| {
                let execution = snapshot.state.walking();
                execution.is_none_or(|execution| {
                    execution.running().next().is_none() && execution.retries.is_empty()
                })
            });
            if tokio::time::timeout_at(until, idle).await.is_err() {
                eprintln!("standdown: {}: not all diagnostics have ended", handle.id);
            }
        }
    }
}

/// Whether an alarm's severity is known as well as it can be: its tags were read, or cannot be.
fn tags_are_known(row: &Row, source: &Source) -> bool {
    let refused = source.missing.iter().any(|text| text.starts_with("tags"));
    row.details.tags.is_some() || row.alarm.arn.is_empty() || refused
}
