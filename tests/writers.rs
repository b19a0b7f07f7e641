//! Several consoles on one incident, and a disk that fails, in a real pty.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use nix::sys::signal::{Signal, kill};
use support::{World, simulate};
use terminal::{Terminal, console, pid, to_the_approval};

#[test]
fn a_change_is_approved_by_typing_its_target_and_followed_step_by_step() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "10");
    let mut terminal = console(&world, &server, &[]);
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
    let mut first = console(&world, &server, &[]);
    to_the_approval(&mut first);
    let mut second = console(&world, &server, &[]);
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
    second.press("\r");
    first.see("asks to take over");
    first.press("H");
    first.see("Hand the incident over");
    first.press("\r");
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
    let mut first = console(&world, &server, &[]);
    to_the_approval(&mut first);
    kill(pid(&first), Signal::SIGSTOP).unwrap();
    let mut second = console(&world, &server, &[]);
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
    let mut terminal = console(&world, &server, &[]);
    to_the_approval(&mut terminal);
    let store = rusqlite::Connection::open(world.path("state/standdown/rehearsals.db")).unwrap();
    store.execute_batch("BEGIN EXCLUSIVE").unwrap();
    terminal.press("n");
    terminal.see("Record a note");
    terminal.press("kept\r");
    terminal.see("NOT RECORDING since");
    // The note, and whatever the alarm does meanwhile.
    let said = |screen: &str| screen.contains("kept in memory") && !screen.contains(" 0 events");
    terminal.until("what is kept", said);
    terminal.press("a");
    terminal.see("type i-0a1b2c3d4e5f60718");
    terminal.press("i-0a1b2c3d4e5f60718\r");
    terminal.see("it could not be recorded, and was not done");
    store.execute_batch("ROLLBACK").unwrap();
    terminal.until("recording", |screen| !screen.contains("NOT RECORDING"));
    // From the record: the screen shows the last three events.
    let exported = world.run(&["export", "20"]);
    assert!(exported.out.contains("\"kept\""), "{}", exported.out);
    let said = world.run(&["verify", "20"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

/// Gives the world's folder, and all in it, to somebody.
fn give(world: &World, to: &str) {
    let done = std::process::Command::new("chown")
        .args(["-R", to])
        .arg(world.folder.path())
        .status();
    assert!(done.unwrap().success());
}

/// Runs the console as somebody whom the file system can refuse something.
fn unprivileged(world: &World, arguments: &[&str]) -> Terminal {
    let binary = env!("CARGO_BIN_EXE_standdown");
    if !nix::unistd::geteuid().is_root() {
        return Terminal::start(world, arguments, 100, 30, &[]);
    }
    let copy = world.path("standdown");
    if !copy.exists() {
        std::fs::copy(binary, &copy).unwrap();
        give(world, "65534:65534");
    }
    let mut argv = vec![
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    argv.push(copy.to_str().unwrap());
    argv.extend(arguments);
    Terminal::program(world, &argv, 100, 30, &[])
}

#[test]
fn in_a_read_only_folder_it_shows_what_is_recorded_and_changes_nothing() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let arguments = ["rehearse", "stuck-instance", "--speed", "10"];
    let mut terminal = unprivileged(&world, &arguments);
    to_the_approval(&mut terminal);
    terminal.press("q");
    let (code, _) = terminal.end();
    assert_eq!(code, 0);
    let folder = world.path("state/standdown");
    let mode = |mode| set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
    for file in std::fs::read_dir(&folder).unwrap() {
        set_permissions(file.unwrap().path(), Permissions::from_mode(0o400)).unwrap();
    }
    mode(0o500);
    let mut terminal = unprivileged(&world, &arguments);
    terminal.see("NOT RECORDING since");
    terminal.see("is read-only");
    terminal.see("Shall this change be made?");
    terminal.press("n");
    terminal.see("Record a note");
    terminal.press("kept\r");
    terminal.see("note: kept");
    terminal.press("a");
    terminal.see("type i-0a1b2c3d4e5f60718");
    terminal.press("i-0a1b2c3d4e5f60718\r");
    terminal.see("it could not be recorded, and was not done");
    // Once it can be written, what was kept is.
    for file in std::fs::read_dir(&folder).unwrap() {
        set_permissions(file.unwrap().path(), Permissions::from_mode(0o600)).unwrap();
    }
    mode(0o700);
    terminal.until("recording", |screen| !screen.contains("NOT RECORDING"));
    terminal.press("q");
    terminal.end();
    give(&world, &nix::unistd::geteuid().to_string());
    let said = world.run(&["export", "20"]);
    assert!(said.out.contains("\"kept\""), "{}{}", said.out, said.err);
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
    assert_eq!(code, 1);
    assert!(
        raw.contains("events could not be recorded") && raw.contains(".jsonl"),
        "{raw}"
    );
}
