//! Every way to go, in a real pty: signals, a closed terminal, a panic, Ctrl-Z; and a wall clock
//! that is set meanwhile. The terminal is given back, and the record is whole.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::exit,
    reason = "a test fails by panicking, and one of them ends as the console does"
)]

#[path = "support/engine.rs"]
mod engine_support;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use nix::sys::signal::{Signal, kill};
use serde_json::Value;
use standdown::alarms::Board;
use standdown::config::{Depth, Glyphs};
use standdown::engine::Recorder;
use standdown::playbook::Catalog;
use standdown::tui::{self, Front, Header, Looks, Manners, Remembered, Surroundings, Theme};
use support::{World, run_python, simulate};
use terminal::{Terminal, console, pid, to_the_approval};
use tokio::sync::watch;

const GIVEN_BACK: [&str; 3] = ["\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l"];

/// The terminal is given back, it is said how to go on, and the head that was printed is the
/// record's.
fn left_in_order(world: &World, raw: &str) {
    // All of it belongs to what is written last.
    let (_, last) = raw.rsplit_once("\x1b[?2026l").unwrap();
    for wanted in GIVEN_BACK {
        assert!(last.contains(wanted), "{wanted:?} in {last:?}");
    }
    let (_, said) = last.rsplit_once(GIVEN_BACK[0]).unwrap();
    let id = said
        .split_once("`standdown resume ")
        .and_then(|(_, rest)| rest.split_once('`'))
        .unwrap_or_else(|| panic!("{said}"))
        .0;
    let head = said
        .split_once("head ")
        .unwrap_or_else(|| panic!("{said}"))
        .1
        .split_whitespace()
        .next()
        .unwrap();
    let verified = world.run(&["verify", id, "--head", head]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let listed: Value =
        serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
    assert_eq!(listed[0]["writer"], Value::Null, "the lease: {listed}");
}

#[test]
fn every_signal_gives_the_terminal_back_and_leaves_the_record_whole() {
    for signal in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
    ] {
        let world = World::new();
        let arguments = ["rehearse", "stuck-instance", "--speed", "10"];
        // Wide, so that what is said at the end is not wrapped.
        let mut terminal = Terminal::start(&world, &arguments, 160, 40, &[]);
        to_the_approval(&mut terminal);
        kill(pid(&terminal), signal).unwrap();
        let (code, raw) = terminal.end();
        assert_eq!(
            code,
            128 + u32::try_from(signal as i32).unwrap(),
            "{signal}"
        );
        left_in_order(&world, &raw);
    }
}

#[test]
fn a_terminal_that_is_closed_ends_it_with_the_record_whole() {
    for (how, kept) in [("open", false), ("locked", true)] {
        let world = World::new();
        let folder = world.folder.path().display();
        let said = run_python(
            "hangup.py",
            &format!("{}|{folder}|{how}", env!("CARGO_BIN_EXE_standdown")),
        );
        assert!(said.starts_with("129\n"), "{how}: {said}");
        // The note is in the record, or handed out where the store did not take it.
        assert_eq!(said.contains("remembered"), kept, "{how}: {said}");
        let exported = world.run(&["export", "20"]).out;
        assert_eq!(exported.contains("remembered"), !kept, "{how}: {exported}");
        let listed: Value =
            serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
        assert_eq!(listed[0]["status"], "open", "{how}: {listed}");
        if !kept {
            assert_eq!(listed[0]["writer"], Value::Null, "the lease: {listed}");
        }
        assert_eq!(world.run(&["verify", "20"]).code, 0, "{how}");
    }
}

const FOLDER: &str = "STANDDOWN_TEST_FOLDER";

/// Runs the screen itself, which panics once an incident is open. Called by the test below, in a
/// pty of its own.
#[test]
#[ignore = "only in a pty, by the test below"]
fn the_screen_that_panics() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let code = runtime.block_on(async {
        let steps = format!(
            "{}run.exec = {{ command = [\"true\"] }}\n",
            engine_support::HEAD
        );
        let handle = engine_support::open(&folder, &steps).await;
        handle.leave().await;
        let (_catalog, catalog) = watch::channel(Arc::new(Catalog::default()));
        let (_boards, boards) = watch::channel(Arc::new(Board::default()));
        let (_unfinished, unfinished) = watch::channel(None);
        let (visible, _) = watch::channel(Vec::new());
        let looks = Looks {
            theme: Theme::load("dark", Depth::None, Glyphs::Unicode).unwrap(),
            keys: Arc::default(),
        };
        let front = Front {
            looks: looks.clone(),
            manners: Manners {
                prompt_delay: Duration::ZERO,
                mouse: false,
                measures: false,
                copied: None,
            },
            remembered: (Remembered::default(), None),
            header: Header::default(),
            refresh: Duration::from_mins(1),
            severities: Vec::new(),
        };
        let opened = tui::open(&front).unwrap();
        let surroundings = Surroundings {
            front,
            reload: Arc::new(move || Ok(looks.clone())),
            themes: Box::new(|name| Err(format!("no theme {name}"))),
            start: None,
            catalog,
            boards,
            visible,
            recorder: Recorder::start(&folder.join("journal.db")),
            engine: engine_support::settings(),
            rehearsal: None,
            acknowledge: Box::new(|_| Box::pin(async { Ok(()) })),
            hints: BTreeMap::new(),
            fresh: false,
            open: Some(handle.id.clone()),
            incidents: unfinished,
            requests: watch::channel(Arc::default()).1,
            healings: watch::channel(Arc::default()).1,
            untold: watch::channel(Vec::new()).1,
            signals: Vec::new(),
            lists: watch::channel(Arc::default()).1,
            looking: watch::channel(standdown::tui::Screen::Board).0,
            reply: Box::new(|_| Box::pin(async { Err("nobody asks".into()) })),
            opened: Box::new(|handle| {
                let handle = handle.clone();
                // Not the incident's task, and not the screen's.
                drop(tokio::spawn(async move {
                    panic!("{} in the background", handle.id)
                }));
                panic!("the screen fails")
            }),
        };
        let left = tui::run(opened, surroundings).await.unwrap();
        // Told apart from the code with which a test fails.
        assert_eq!(left.how.code(), 101);
        println!("in the background: {:?}", left.failures);
        7
    });
    std::process::exit(code);
}

#[test]
fn a_panic_of_the_screen_gives_the_terminal_back_and_leaves_in_order() {
    let world = World::new();
    let folder = world.folder.path().display().to_string();
    let this = std::env::current_exe().unwrap();
    let argv = [
        this.to_str().unwrap(),
        "--exact",
        "the_screen_that_panics",
        "--ignored",
        "--nocapture",
    ];
    let terminal = Terminal::program(&world, &argv, 160, 40, &[(FOLDER, &folder)]);
    let (code, raw) = terminal.end();
    assert_eq!(code, 7, "{raw}");
    let (_, said) = raw.split_once(GIVEN_BACK[0]).unwrap();
    for wanted in [
        "the screen fails",
        "please report it",
        "in the background: [",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains(GIVEN_BACK[0]), "given back once: {said}");

    let (journal, recovered) =
        standdown::journal::Journal::open(&world.path("journal.db")).unwrap();
    assert_eq!(recovered, None);
    let incident = &journal.incidents().unwrap()[0];
    assert_eq!(incident.writer, None, "the lease was given back");
    assert!(journal.verify(&incident.id, None).unwrap().holds());
}

/// The record's events: their time, and the event.
fn record(world: &World) -> Vec<(DateTime<Utc>, Value)> {
    let said = world.run(&["export", "20"]);
    assert_eq!(said.code, 0, "{}", said.err);
    said.out
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|line| Some((line["at"].as_str()?.parse().unwrap(), line["event"].clone())))
        .collect()
}

#[test]
fn a_wall_clock_that_is_set_changes_no_order_and_fires_nothing_twice() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "10");
    let library = support::wall_clock(&world);
    let hand = world.write("wall", "0");
    let extra = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("WALL_CLOCK", hand.to_str().unwrap()),
    ];
    let set = |seconds: &str| {
        let aside = world.write("wall-next", seconds);
        std::fs::rename(aside, &hand).unwrap();
    };
    let mut terminal = console(&world, &server, &extra);
    to_the_approval(&mut terminal);
    set("3600");
    terminal.press("n");
    terminal.see("Record a note");
    terminal.press("an hour forward\r");
    terminal.see("note: an hour forward");
    terminal.press("a");
    terminal.see("type i-0a1b2c3d4e5f60718");
    terminal.press("i-0a1b2c3d4e5f60718\r");
    // From the record: the screen shows the last three events, and others come in between.
    terminal.until("a change that AWS has named", |_| {
        let events = record(&world);
        let named = |event: &Value| event["attempt_identified"]["remote"]["automation"].is_string();
        events.iter().any(|(_, event)| named(event))
    });
    set("-3600");
    // The next console begins an hour before the events it goes on from, while the change runs.
    kill(pid(&terminal), Signal::SIGKILL).unwrap();
    terminal.end();
    let mut terminal = console(&world, &server, &extra);
    terminal.see("The playbook ended: completed · mitigated");
    terminal.press("q");
    terminal.end();

    let events = record(&world);
    assert!(
        events.windows(2).all(|pair| pair[0].0 <= pair[1].0),
        "{events:#?}"
    );
    let count = |kind: &str| {
        events
            .iter()
            .filter(|(_, event)| !event[kind].is_null())
            .count()
    };
    assert_eq!(count("approval_granted"), 1, "{events:#?}");
    let mut ends = HashMap::<&str, usize>::new();
    for (_, event) in &events {
        if let Some(attempt) = event["attempt_ended"]["attempt"].as_str() {
            *ends.entry(attempt).or_default() += 1;
        }
    }
    assert!(
        ends.len() > 3 && ends.values().all(|count| *count == 1),
        "{ends:?}"
    );
    assert_eq!(world.run(&["verify", "20"]).code, 0);
}

#[test]
fn suspended_it_gives_the_terminal_back_and_continued_it_draws_anew() {
    let world = World::new();
    let mut terminal = Terminal::start(&world, &["rehearse"], 80, 24, &[]);
    terminal.see("● ALARM  high");
    for way in ["key", "signal", "stopped"] {
        let before = terminal.raw.len();
        match way {
            "key" => terminal.press("\x1a"),
            "signal" => kill(pid(&terminal), Signal::SIGTSTP).unwrap(),
            _ => kill(pid(&terminal), Signal::SIGSTOP).unwrap(),
        }
        let stat = format!("/proc/{}/stat", terminal.pid());
        let began = Instant::now();
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
            assert!(
                began.elapsed() < terminal::PATIENCE,
                "{way}: it does not stop"
            );
            std::thread::yield_now();
        }
        kill(pid(&terminal), Signal::SIGCONT).unwrap();
        terminal.drawn_after(before, "\u{1b}[?1049h");
        terminal.see("● ALARM  high");
    }
    // A signal more than once, and without having been stopped.
    for _ in 0..3 {
        kill(pid(&terminal), Signal::SIGCONT).unwrap();
    }
    terminal.press("?");
    terminal.see("keys that are valid here");
    terminal.press("q");
    let (code, raw) = terminal.end();
    assert_eq!(code, 0);
    assert!(
        raw.matches("\u{1b}[?1049l").count() >= 3,
        "given back each time it was suspended"
    );
}

#[test]
fn a_machine_whose_clock_is_wrong_makes_the_change_once_like_any_other() {
    std::thread::scope(|scope| {
        for seconds in ["3600", "-3600", "240", "-240"] {
            scope.spawn(move || changes_once(seconds));
        }
    });
}

fn changes_once(seconds: &str) {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "10");
    let library = support::wall_clock(&world);
    let hand = world.write("wall", seconds);
    let extra = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("WALL_CLOCK", hand.to_str().unwrap()),
    ];
    let mut terminal = console(&world, &server, &extra);
    to_the_approval(&mut terminal);
    terminal.press("a");
    terminal.see("type i-0a1b2c3d4e5f60718");
    terminal.press("i-0a1b2c3d4e5f60718\r");
    terminal.see("The playbook ended: completed · mitigated");
    terminal.press("q");
    terminal.end();
    // The request was signed with the time at AWS, and not with this machine's.
    let signed: Vec<DateTime<Utc>> = record(&world)
        .iter()
        .filter_map(|(_, event)| {
            event["approval_granted"]["signed_at"]
                .as_str()?
                .parse()
                .ok()
        })
        .collect();
    let [signed] = signed[..] else {
        panic!("{seconds}: {signed:?}")
    };
    let away = (Utc::now() - signed).num_seconds().abs();
    assert!(away < 60, "{seconds}: signed {away} s away");
}

#[test]
fn below_a_wrapper_the_shell_gets_its_turn_and_brings_it_back() {
    let world = World::new();
    world.introduced();
    let mut shell = Terminal::program(
        &world,
        &["bash", "--norc", "-i"],
        100,
        30,
        &[("PS1", "shell> ")],
    );
    shell.see("shell>");
    let console = env!("CARGO_BIN_EXE_standdown");
    shell.press(&format!("sh -c '{console} rehearse cpu-spike; true'\r"));
    shell.see("orders-cpu-high");
    shell.press("\x1a");
    shell.see("Stopped");
    shell.press("echo its-$((20+1))-turn\r");
    shell.see("its-21-turn");
    shell.press("fg\r");
    shell.until("the console is back", |screen| {
        screen.contains("orders-cpu-high") && !screen.contains("its-21-turn")
    });
    shell.press("q");
    shell.until("it has ended", |screen| screen.contains("shell>"));
}
