//! Several consoles, a disk that fails and a terminal that goes away, in a real pty.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Server, World, run_python, simulate};
use terminal::Terminal;

const ENTER: &str = "\r";

fn console(world: &World, server: &Server) -> Terminal {
    let arguments = [
        "rehearse",
        "stuck-instance",
        "--simulator",
        &server.endpoint,
    ];
    Terminal::start(world, &arguments, 100, 30, &[])
}

/// From the alarm to the change that waits for a yes.
fn to_the_approval(terminal: &mut Terminal) {
    terminal.see("● ALARM  high orders-a-status-check");
    terminal.see("instance-unreachable");
    terminal.press(ENTER);
    terminal.see("▶ Instance Does Not Pass Its Status Check   answers this alarm");
    terminal.press(ENTER);
    terminal.see("2  Restart the instance   ◀ recommended");
    terminal.press("2");
    let screen = terminal.see("Shall this change be made?");
    for wanted in [
        "AWS-RestartEC2Instance",
        "changes   i-0a1b2c3d4e5f60718",
        "account 111122223333 · eu-central-1",
    ] {
        assert!(screen.contains(wanted), "{screen}");
    }
}

fn pid(terminal: &Terminal) -> Pid {
    Pid::from_raw(i32::try_from(terminal.pid()).unwrap())
}

#[test]
fn a_change_is_approved_by_typing_its_target_and_followed_step_by_step() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "10");
    let mut terminal = console(&world, &server);
    to_the_approval(&mut terminal);
    terminal.press("a");
    terminal.see("type i-0a1b2c3d4e5f60718, what is changed");
    terminal.press("yes\r");
    terminal.see("that is not \"i-0a1b2c3d4e5f60718\"; nothing was done");
    terminal.press("\x15i-0a1b2c3d4e5f60718\r");
    terminal.see("stopInstances aws:changeInstanceState");
    terminal.see("Restarted");
    terminal.press("q");
    let (code, raw) = terminal.end();
    assert_eq!(code, 0);
    assert!(raw.contains("head "), "{raw}");
}

#[test]
fn a_second_console_follows_asks_and_takes_over_and_the_first_one_follows() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "10");
    let mut first = console(&world, &server);
    to_the_approval(&mut first);
    let mut second = console(&world, &server);
    second.see("READ-ONLY:");
    second.see("you follow");
    second.see("Shall this change be made?");
    // What it follows is live.
    first.press("n");
    first.see("Record a note");
    first.press("seen by both\r");
    second.see("note: seen by both");
    // It cannot answer for the writer.
    second.press("f");
    second.see("Do not make this change");
    second.press("mine\r");
    second.see("this console only follows");
    // By consent.
    second.press("T");
    second.see("Take the incident over");
    second.press(ENTER);
    first.see("asks to take over");
    first.press("H");
    first.see("Hand the incident over");
    first.press(ENTER);
    first.see("READ-ONLY:");
    second.until("the writer", |screen| !screen.contains("READ-ONLY"));
    // Without it, by typing the writer's name.
    first.press("T");
    first.see("Take the incident over");
    let user = nix::unistd::User::from_uid(nix::unistd::getuid())
        .unwrap()
        .unwrap()
        .name;
    first.press(&format!("{user}\r"));
    second.see("READ-ONLY:");
    first.until("the writer", |screen| !screen.contains("READ-ONLY"));
    // At once, when the writer is gone.
    kill(pid(&first), Signal::SIGKILL).unwrap();
    second.see("went silent");
    second.press("T");
    second.until("the writer", |screen| !screen.contains("READ-ONLY"));
    second.press("a");
    second.see("type i-0a1b2c3d4e5f60718");
    second.press("i-0a1b2c3d4e5f60718\r");
    second.see("Restarted");
}

#[test]
fn a_console_that_was_stopped_finds_itself_overtaken() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "10");
    let mut first = console(&world, &server);
    to_the_approval(&mut first);
    kill(pid(&first), Signal::SIGSTOP).unwrap();
    let mut second = console(&world, &server);
    second.see("you follow");
    second.see("went silent");
    second.press("T");
    second.until("the writer", |screen| !screen.contains("READ-ONLY"));
    kill(pid(&first), Signal::SIGCONT).unwrap();
    first.see("READ-ONLY:");
    first.see("Shall this change be made?");
}

#[test]
fn while_it_cannot_record_it_says_so_keeps_events_and_refuses_changes() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "10");
    let mut terminal = console(&world, &server);
    to_the_approval(&mut terminal);
    let store = rusqlite::Connection::open(world.path("state/standdown/rehearsals.db")).unwrap();
    store.execute_batch("BEGIN EXCLUSIVE").unwrap();
    terminal.press("n");
    terminal.see("Record a note");
    terminal.press("kept\r");
    terminal.see("NOT RECORDING since");
    let said = |screen: &str| screen.contains("1 events") && screen.contains("kept in memory");
    terminal.until("what is kept", said);
    terminal.press("a");
    terminal.see("type i-0a1b2c3d4e5f60718");
    terminal.press("i-0a1b2c3d4e5f60718\r");
    terminal.see("it could not be recorded, and was not done");
    store.execute_batch("ROLLBACK").unwrap();
    terminal.until("recording", |screen| !screen.contains("NOT RECORDING"));
    terminal.see("note: kept");
    let said = world.run(&["verify", "20"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn a_file_that_may_not_grow_is_said_and_what_was_kept_is_handed_out() {
    let world = World::new();
    let script = format!(
        "ulimit -f 400; exec {} rehearse stuck-instance --speed 10",
        env!("CARGO_BIN_EXE_standdown")
    );
    let mut terminal = Terminal::program(&world, &["sh", "-c", &script], 100, 30, &[]);
    to_the_approval(&mut terminal);
    for number in 0..60 {
        if terminal.screen().contains("NOT RECORDING") {
            break;
        }
        terminal.press("n");
        terminal.see("Record a note");
        terminal.press(&format!("note {number} {}\r", "x".repeat(900)));
        terminal.until("recorded or kept", |screen| {
            screen.contains(&format!("note: note {number} ")) || screen.contains("NOT RECORDING")
        });
    }
    terminal.see("NOT RECORDING since");
    terminal.press("q");
    let (code, raw) = terminal.end();
    assert_eq!(code, 0);
    assert!(
        raw.contains("events could not be recorded") && raw.contains(".jsonl"),
        "{raw}"
    );
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
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
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
fn a_terminal_that_is_closed_ends_it_with_the_record_whole() {
    let world = World::new();
    let said = run_python(
        "hangup.py",
        &format!(
            "{}|{}",
            env!("CARGO_BIN_EXE_standdown"),
            world.folder.path().display()
        ),
    );
    assert_eq!(said.trim(), "129");
    let listed: serde_json::Value =
        serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
    assert_eq!(listed[0]["status"], "open", "{listed}");
    assert_eq!(
        listed[0]["writer"],
        serde_json::Value::Null,
        "the lease was given back: {listed}"
    );
    assert_eq!(world.run(&["verify", "20"]).code, 0);
}
