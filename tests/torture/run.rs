//! One run: a world, a console that is killed a few times, and the count at the end.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use standdown::document::Source;
use standdown::incident::{Event, IncidentStatus, Recorded};
use standdown::journal::{Hash, Journal};
use standdown::rehearsal::scenario::{Fault, FaultKind};
use standdown::rehearsal::{Scenario, Simulator, World};

/// Scenario seconds in a second.
const SPEED: f64 = 600.0;
/// The longest a console may live before it is killed.
const LONGEST_LIFE: Duration = Duration::from_millis(900);
/// Kills in a run at most.
const MOST_KILLS: u64 = 3;

/// What was counted.
#[derive(Debug, Default)]
pub struct Counts {
    pub kills: u64,
    pub stops: u64,
    pub lost: u64,
    pub reset: u64,
    pub failed: u64,
    pub acknowledged: u64,
    pub executed: u64,
    pub missing: u64,
    pub twice: u64,
    pub unfinished: u64,
    pub ends: u64,
    pub broken: u64,
    pub failures: Vec<String>,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.stops += other.stops;
        self.lost += other.lost;
        self.reset += other.reset;
        self.failed += other.failed;
        self.acknowledged += other.acknowledged;
        self.executed += other.executed;
        self.missing += other.missing;
        self.twice += other.twice;
        self.unfinished += other.unfinished;
        self.ends += other.ends;
        self.broken += other.broken;
        self.failures.extend(other.failures);
    }
}

/// Random numbers that can be repeated: xorshift64*.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

fn world(dice: &mut Dice, counts: &mut Counts) -> World {
    let source = Source::new("scenario.toml", include_str!("scenario.toml"));
    let scenario = Scenario::compile(&source).0.unwrap();
    let world = World::new(scenario, chrono::Utc::now(), SPEED);
    let kind = match dice.below(10) {
        0..=2 => {
            counts.lost += 1;
            Some(FaultKind::LoseReply)
        }
        3 => {
            counts.reset += 1;
            Some(FaultKind::Reset)
        }
        4 => {
            counts.failed += 1;
            Some(FaultKind::Error)
        }
        _ => None,
    };
    if let Some(kind) = kind {
        world.add_fault(Fault {
            operation: "StartAutomationExecution".into(),
            kind,
            times: Some(1 + dice.below(2)),
            share: 1.0,
            from: f64::MIN,
            until: f64::MAX,
        });
    }
    world
}

fn console(folder: &Path, endpoint: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_standdown"))
        .args(["rehearse", "scenario.toml", "--playbooks", "playbooks"])
        .args(["--auto", "--events", "--simulator", endpoint])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("XDG_STATE_HOME", folder.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads what the console acknowledges until it ends, killing it after `life`. A line that was cut
/// off by the kill was not acknowledged.
fn listen(
    mut child: Child,
    life: Option<Duration>,
    heard: &mut HashMap<u64, Value>,
) -> (Option<i32>, String) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    let lines = BufReader::new(child.stdout.take().unwrap());
    let errors = child.stderr.take().unwrap();
    let told = std::thread::spawn(move || std::io::read_to_string(errors).unwrap_or_default());
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let killer = std::thread::spawn(move || {
        let Some(life) = life else { return };
        // Whichever comes first: its own end, or ours for it.
        if end.recv_timeout(life).is_err() {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    });
    for line in lines.split(b'\n').map_while(Result::ok) {
        if let Ok(event) = serde_json::from_slice::<Value>(&line)
            && let Some(sequence) = event["sequence"].as_u64()
        {
            heard.insert(sequence, event);
        }
    }
    let _ = ended.send(());
    killer.join().unwrap();
    let code = child.wait().unwrap().code();
    (code, told.join().unwrap())
}

pub fn run(runtime: &tokio::runtime::Runtime, dice: &mut Dice) -> Counts {
    let mut counts = Counts::default();
    let folder = tempfile::tempdir().unwrap();
    let playbooks = folder.path().join("playbooks");
    std::fs::create_dir(&playbooks).unwrap();
    let own = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&playbooks, own).unwrap();
    std::fs::write(
        playbooks.join("torture.toml"),
        include_str!("playbook.toml"),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("scenario.toml"),
        include_str!("scenario.toml"),
    )
    .unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let simulator = runtime
        .block_on(Simulator::listen(world(dice, &mut counts), address))
        .unwrap();
    let endpoint = simulator.endpoint();
    let mut heard = HashMap::new();
    let began = Instant::now();
    let last = if dice.below(20) == 0 {
        stopped(dice, &folder, &endpoint, &mut heard, &mut counts)
    } else {
        killed(dice, &folder, &endpoint, &mut heard, &mut counts)
    };
    counts.acknowledged = heard.len() as u64;
    let started = simulator.world.started();
    for document in ["First", "Second"] {
        let times = started
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["document"] == document)
            .count() as u64;
        counts.executed += times;
        counts.twice += times.saturating_sub(1);
        if times == 0 {
            counts.unfinished += 1;
            let why = ends(&store(&folder));
            counts
                .failures
                .push(format!("{document} was never made: {why}"));
        }
    }
    if last.0 != Some(0) {
        counts.unfinished += 1;
        counts.failures.push(format!(
            "not finished after {:?}: {:?} {}",
            began.elapsed(),
            last.0,
            last.1.trim()
        ));
    }
    count(&store(&folder), &heard, &mut counts);
    counts
}

/// Kills the console a few times, and takes the incident up after each.
fn killed(
    dice: &mut Dice,
    folder: &tempfile::TempDir,
    endpoint: &str,
    heard: &mut HashMap<u64, Value>,
    counts: &mut Counts,
) -> (Option<i32>, String) {
    let kills = 1 + dice.below(MOST_KILLS);
    let mut last = (None, String::new());
    for number in 0..=kills {
        let micros = u64::try_from(LONGEST_LIFE.as_micros()).unwrap();
        let life = (number < kills).then(|| Duration::from_micros(dice.below(micros)));
        last = listen(console(folder.path(), endpoint), life, heard);
        if last.0.is_none() {
            counts.kills += 1;
            // It was killed when everything was done: another console would begin anew.
            if is_closed(&store(folder)) {
                last.0 = Some(0);
                break;
            }
        } else if last.0 == Some(0) {
            break;
        }
    }
    last
}

/// Stops the console, lets another one take over, and continues the first: it must find out, and
/// do nothing any more.
fn stopped(
    dice: &mut Dice,
    folder: &tempfile::TempDir,
    endpoint: &str,
    heard: &mut HashMap<u64, Value>,
    counts: &mut Counts,
) -> (Option<i32>, String) {
    use nix::sys::signal::{Signal, kill};
    let mut first = console(folder.path(), endpoint);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(first.id()).unwrap());
    let mut lines = BufReader::new(first.stdout.take().unwrap());
    // From its first event on there is something to take over.
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let (_hold, timer) = std::sync::mpsc::channel::<()>();
    let _ = timer.recv_timeout(Duration::from_micros(dice.below(600_000)));
    let _ = kill(pid, Signal::SIGSTOP);
    counts.stops += 1;
    // Where everything was done already, another console would begin anew.
    let mut last = (None, String::new());
    if !is_closed(&store(folder)) {
        last = listen(console(folder.path(), endpoint), None, heard);
    }
    let _ = kill(pid, Signal::SIGCONT);
    // What it says from now on nobody needs; that it ends by itself is enough.
    let drained = std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    let errors = first.stderr.take().map(std::io::read_to_string);
    first.wait().unwrap();
    drop((drained.join().unwrap(), errors));
    if last.0 != Some(0) && !is_closed(&store(folder)) {
        // It was stopped in the middle of a write, which keeps everybody else from writing.
        last = listen(console(folder.path(), endpoint), None, heard);
    }
    if is_closed(&store(folder)) {
        last.0 = Some(0);
    }
    last
}

fn store(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("state/standdown/rehearsals.db")
}

fn is_closed(store: &Path) -> bool {
    store.exists() && {
        let all = Journal::open(store).unwrap().0.incidents().unwrap();
        all.iter()
            .any(|summary| summary.status == IncidentStatus::Closed)
    }
}

/// How each attempt ended, for the message of a failure.
fn ends(path: &Path) -> String {
    let journal = Journal::open(path).unwrap().0;
    let all = journal.incidents().unwrap();
    let events = all
        .iter()
        .flat_map(|one| journal.load(&one.id, 0, Hash::default()).unwrap().events);
    let ended: Vec<String> = events
        .filter(|recorded| matches!(recorded.event, Event::AttemptEnded { .. }))
        .map(|recorded| serde_json::to_string(&recorded.event).unwrap())
        .collect();
    ended.join(" ")
}

fn count(path: &Path, heard: &HashMap<u64, Value>, counts: &mut Counts) {
    let journal = Journal::open(path).unwrap().0;
    let all = journal.incidents().unwrap();
    let Some(summary) = all.first().filter(|_| all.len() == 1) else {
        counts.unfinished += 1;
        counts.failures.push(format!("{} incidents", all.len()));
        return;
    };
    if summary.status != IncidentStatus::Closed {
        counts.unfinished += 1;
        counts
            .failures
            .push(format!("{} is {}", summary.id, summary.status.name()));
    }
    let loaded = journal.load(&summary.id, 0, Hash::default()).unwrap();
    counts.broken += u64::from(loaded.broken.is_some());
    let on_disk: HashMap<u64, Value> = loaded
        .events
        .iter()
        .map(|recorded| (recorded.sequence, serde_json::to_value(recorded).unwrap()))
        .collect();
    let missing = heard
        .iter()
        .filter(|(sequence, event)| on_disk.get(sequence) != Some(event))
        .count();
    counts.missing += missing as u64;
    counts.ends += wrong_ends(&loaded.events);
}

/// Attempts that have more or fewer than one end.
fn wrong_ends(events: &[Recorded]) -> u64 {
    let mut ends: HashMap<_, i64> = HashMap::new();
    for recorded in events {
        match &recorded.event {
            Event::AttemptStarted { attempt, .. } => *ends.entry(*attempt).or_default() += 0,
            Event::AttemptEnded { attempt, .. } => *ends.entry(*attempt).or_default() += 1,
            _ => {}
        }
    }
    // The walk may end while a check that ran ahead still runs: it is cancelled with the console.
    ends.values().filter(|count| **count != 1).count() as u64
}
