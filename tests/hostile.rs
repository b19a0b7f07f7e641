//! Endpoints, names and files that mean no good: a clear message, nothing lost, no panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use support::World;
use terminal::Terminal;

/// An endpoint that answers everything alike.
fn endpoint(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(answer);
        }
    });
    format!("http://{address}")
}

fn alarms(endpoint: &str) -> support::Said {
    let world = World::new();
    let output = world
        .standdown(&["alarms"])
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "y")
        .output()
        .unwrap();
    support::Said::from(output)
}

#[test]
fn an_endpoint_that_is_not_aws_is_said_to_be_none() {
    let html: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 20\r\n\r\n<html>portal</html>\n";
    let bad: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nbad";
    let broken: &[u8] = b"HTTP/1.1 500 Oh\r\ncontent-length: 4\r\n\r\noops";
    let garbage: &[u8] = b"\x00\xff\x1b[2J not http at all\r\n\r\n";
    for (name, answer) in [
        ("html", html),
        ("400", bad),
        ("500", broken),
        ("garbage", garbage),
        ("reset", b""),
    ] {
        let said = alarms(&endpoint(answer));
        assert_eq!(said.code, 1, "{name}: {}", said.out);
        assert!(
            said.err.contains("cloudwatch:DescribeAlarms"),
            "{name}: {}",
            said.err
        );
        assert!(
            !said.err.contains('\x1b') && !said.err.contains("panicked"),
            "{name}: {}",
            said.err
        );
    }
}

#[test]
fn an_endpoint_that_refuses_is_said_to_be_out_of_reach() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let said = alarms(&format!("http://127.0.0.1:{port}"));
    assert_eq!(said.code, 1);
    assert!(said.err.contains("could not reach AWS"), "{}", said.err);
}

#[test]
fn a_console_without_answers_says_since_when_and_still_takes_keys() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // It accepts, and never answers.
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let extra = [
        ("AWS_ENDPOINT_URL", silent.as_str()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "y"),
    ];
    let mut terminal = Terminal::start(&world, &[], 80, 24, &extra);
    terminal.see("Waiting for the first alarms");
    terminal.press("?");
    terminal.see("keys that are valid here");
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
    let refused = endpoint(b"HTTP/1.1 500 Oh\r\ncontent-length: 4\r\n\r\noops");
    let extra = [
        ("AWS_ENDPOINT_URL", refused.as_str()),
        extra[1],
        extra[2],
        extra[3],
    ];
    let mut terminal = Terminal::start(&world, &[], 80, 24, &extra);
    terminal.see("delayed for");
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}

/// A scenario whose every text is hostile.
fn hostile_scenario() -> String {
    let nasty = "\\u001b[2J\\u0000\\u202eevil\\u200b日本語\\u009b31m";
    let long = "x".repeat(150_000);
    format!(
        r#"format = 1
id = "hostile"
title = "t"
summary = "s"
playbook = "cpu-high-utilization"
account = "111122223333"
region = "eu-central-1"
alarm = "a {nasty}"
lasts = "3m"
[[metrics]]
namespace = "AWS/EC2"
name = "CPUUtilization"
dimensions = {{ InstanceId = "i-0a1b2c3d4e5f60718" }}
points = [{{ at = "-1h", value = 99 }}]
[[alarms]]
name = "a {nasty}"
description = "{nasty}{long}"
namespace = "AWS/EC2"
metric = "CPUUtilization"
dimensions = {{ InstanceId = "i-0a1b2c3d4e5f60718" }}
threshold = 90
[[instances]]
id = "i-0a1b2c3d4e5f60718"
[[logs]]
group = "/app/orders"
message = "ERROR {nasty} {long}"
every = "10m"
from = "-20m"
[[commands]]
match = "*"
delay = "100ms"
output = "{nasty}{long}"
[[programs]]
match = "*"
delay = "100ms"
output = "{nasty} not json"
"#
    )
}

#[test]
fn hostile_names_logs_and_output_stay_text() {
    let world = World::new();
    world.write("hostile.toml", hostile_scenario());
    let mut terminal = Terminal::start(
        &world,
        &["rehearse", "./hostile.toml", "--speed", "20"],
        80,
        24,
        &[],
    );
    let screen = terminal.see("● ALARM  high a ·[2J·evil");
    assert!(
        !screen.contains('\u{202e}') && !screen.contains('\u{200b}'),
        "{screen}"
    );
    terminal.press("\r");
    terminal.see("answers this alarm");
    terminal.press("\r");
    terminal.see("Escalate now");
    terminal.press("a");
    terminal.see("Choose a path");
    terminal.press("\x1b[6~");
    terminal.see("ERROR evil");
    terminal.press("q");
    let (code, raw) = terminal.end();
    assert_eq!(code, 0);
    assert!(!raw.contains("\x1b[2J\0") && !raw.contains('\u{202e}') && !raw.contains('\u{9b}'));
}

#[test]
fn scenarios_themes_and_configurations_that_are_broken_are_said() {
    let world = World::new();
    world.write("bad.toml", "format = 1\nid = ");
    world.write("bin.toml", [0xff, 0x00]);
    world.write("big.toml", vec![b'#'; 2 * 1024 * 1024]);
    std::fs::create_dir(world.path("dir.toml")).unwrap();
    for file in [
        "./bad.toml",
        "./bin.toml",
        "./big.toml",
        "./dir.toml",
        "./none.toml",
    ] {
        for arguments in [
            &["rehearse", file, "--auto"][..],
            &["rehearse", "--config", file, "--auto"],
            &["simulate", file],
        ] {
            let said = world.run(arguments);
            assert_eq!(said.code, 1, "{arguments:?}: {}", said.out);
            assert!(
                said.err.starts_with("standdown: ") && said.err.contains(&file[2..]),
                "{arguments:?}: {}",
                said.err
            );
        }
        let mut terminal = Terminal::start(&world, &["rehearse", "--theme", file], 80, 24, &[]);
        terminal.until("an error", |screen| screen.contains("standdown: "));
        assert_eq!(terminal.end().0, 1, "{file}");
    }
    let said = world.run(&["rehearse", "no-such-scenario"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("cpu-spike and db-connections"),
        "{}",
        said.err
    );
}

#[test]
fn a_broken_playbook_is_listed_as_broken_and_stops_nothing() {
    let world = World::new();
    world.write(
        "playbooks/broken.toml",
        "format = 1\nid = \"my-broken-one\"\nname = 3\n",
    );
    let mut terminal = Terminal::start(&world, &["rehearse", "--speed", "20"], 80, 24, &[]);
    terminal.see("● ALARM  high");
    terminal.press("\r");
    let screen = terminal.see("✗ my-broken-one is broken");
    assert!(
        screen.contains("▶ High CPU Utilization Investigation"),
        "{screen}"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let world = World::new();
    world.write("state", "a file where the folder should be");
    let said = world.run(&["rehearse", "--auto", "--speed", "100"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("--state"), "{}", said.err);
}

#[test]
fn json_holds_no_sign_that_moves_a_cursor_or_turns_writing_round() {
    let world = World::new();
    let name = "a\u{9b}31mb\u{9d}0;x\u{202e}c\u{200b}d\u{7f}";
    let text = "x".replace('x', name);
    let opened = world.run(&["rehearse", "stuck-instance", "--auto", "--speed", "100"]);
    assert_eq!(opened.code, 0, "{opened:?}");
    let all: serde_json::Value =
        serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
    let id = all[0]["id"].as_str().unwrap().to_owned();
    let noted = world.run(&["note", &id, &text]);
    assert_eq!(noted.code, 0, "{noted:?}");
    for arguments in [
        &["status", &id, "--json"][..],
        &["timeline", &id, "--json"],
        &["report", &id, "--format", "json"],
        &["export", &id],
        &["incidents", "--rehearsals", "--json"],
    ] {
        let said = world.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        let odd = |c: char| (c.is_control() && c != '\n') || ['\u{202e}', '\u{200b}'].contains(&c);
        assert!(!said.out.contains(odd), "{arguments:?}: {}", said.out);
    }
}
