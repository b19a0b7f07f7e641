//! Plain mode: the same engine, line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::Stage;
use crate::support::World;
use crate::terminal::{PATIENCE, Terminal};

/// A console on pipes.
struct Plain {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Plain {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let mut child = world
            .standdown(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let input = child.stdin.take().unwrap();
        Self {
            child,
            input,
            lines,
            seen: Vec::new(),
        }
    }

    fn see(&mut self, wanted: &str) {
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no {wanted:?} after:\n{}", self.seen.join("\n")));
            let found = line.contains(wanted);
            self.seen.push(line);
            if found {
                return;
            }
        }
    }

    /// Waits until the alarm is on the board, or is said to have fired.
    fn see_the_alarm(&mut self) {
        while !self.seen.last().is_some_and(|line| fired(line)) {
            self.see("orders-cpu-high");
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    fn end(mut self) -> (i32, Vec<String>) {
        drop(self.input);
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        self.seen.extend(self.lines.iter());
        (code, self.seen)
    }
}

fn fired(line: &str) -> bool {
    line.contains("ALARM") && line.contains("orders-cpu-high")
}

/// The events of the only rehearsal, without times, ids and what depends on how long it took.
fn events(world: &World) -> Vec<String> {
    let all: Value =
        serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
    let text = world.run(&["export", all[0]["id"].as_str().unwrap()]).out;
    let mut all: Vec<String> = Vec::new();
    let mut checks: Vec<String> = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (kind, mut body) = match &line["event"] {
            Value::Object(event) => {
                let (kind, body) = event.iter().next().unwrap();
                (kind.clone(), body.clone())
            }
            Value::String(kind) => (kind.clone(), Value::Null),
            _ => continue,
        };
        if kind == "attempt_started" {
            checks.push(body["step"].to_string());
        }
        // Checks run side by side, and alarms fire when they do: which is first is not the front's
        // doing. What they found is the world's.
        if kind.starts_with("attempt_") || kind.starts_with("alarm_") {
            continue;
        }
        apart(&mut body);
        all.push(format!("{kind} {body}"));
    }
    checks.sort();
    all.push(checks.join(" "));
    all
}

/// Takes out what names a time or is made by chance.
fn apart(value: &mut Value) {
    const OWN: [&str; 10] = [
        "incident",
        "execution",
        "escalation",
        "attempt",
        "prefetched",
        "id",
        "at",
        "until",
        "began",
        "rehearsal",
    ];
    if let Value::Object(fields) = value {
        fields.retain(|name, _| !OWN.contains(&name.as_str()));
        fields.values_mut().for_each(apart);
    }
}

const BRANCH: &str = "1) Stand down: it is over";

#[test]
fn a_rehearsal_by_screen_and_by_plain_mode_leaves_the_same_record() {
    let by_screen = Stage::new();
    let mut console = by_screen.console(&[]);
    crate::to_the_escalation(&mut console);
    console.press("p");
    console.see("for how many minutes");
    console.press("\r");
    console.press("not yet\r");
    console.see("Choose a path");
    console.press("n");
    console.see("what happened");
    console.press("looked at it\r");
    console.see("noted");
    console.press("q");
    assert_eq!(console.end().0, 0);

    let by_lines = Stage::new();
    let arguments = [
        "--plain",
        "rehearse",
        "cpu-spike",
        "--simulator",
        &by_lines.server.endpoint,
    ];
    let mut plain = Plain::start(&by_lines.world, &arguments);
    plain.see_the_alarm();
    plain.say("open");
    plain.see("answers this alarm");
    plain.say("1");
    plain.see("Escalate now, along the path");
    plain.see("2) postpone");
    plain.say("2");
    plain.see("for how many minutes");
    plain.say("");
    plain.see("why");
    plain.say("not yet");
    plain.see("Choose a path");
    plain.say("note");
    plain.see("what happened");
    plain.say("looked at it");
    plain.see("noted");
    let (code, lines) = plain.end();
    assert_eq!(code, 0);
    assert!(lines.iter().any(|line| line.contains(BRANCH)), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')));
    let (one, other) = (events(&by_screen.world), events(&by_lines.world));
    assert!(
        one.iter().any(|kind| kind.contains("looked at it")),
        "{one:#?}"
    );
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

#[test]
fn what_was_found_is_read_searched_and_listed_without_a_picture() {
    let stage = Stage::new();
    let endpoint = stage.server.endpoint.as_str();
    let arguments = ["--plain", "rehearse", "cpu-spike", "--simulator", endpoint];
    let mut plain = Plain::start(&stage.world, &arguments);
    plain.see_the_alarm();
    plain.say("open");
    plain.see("answers this alarm");
    plain.say("1");
    plain.see("cpu-005 · decision");
    plain.see("2) postpone");
    plain.say("evidence");
    plain.see("6 of 6");
    // Beyond the last is the first, and back again: the chart comes with its values as a list.
    plain.say("next-evidence");
    plain.see("1 of 6");
    plain.see("values, the latest first:");
    plain.say("previous-evidence");
    plain.see("6 of 6");
    plain.say("previous-evidence");
    plain.see("5 of 6");
    plain.say("next-evidence");
    plain.see("6 of 6");
    plain.say("next-evidence");
    plain.see("1 of 6");
    plain.say("search");
    plain.see("find a text");
    plain.say("values, the");
    plain.see("1 of ");
    plain.say("next-match");
    plain.see("▶");
    let (code, lines) = plain.end();
    assert_eq!(code, 0);
    // Until there is a board, there is none to read out.
    let boards = lines
        .iter()
        .filter(|line| line.starts_with("Board: 0 in ALARM, 0"));
    assert_eq!(boards.count(), 0, "{lines:#?}");
}

#[test]
fn a_dumb_terminal_gets_lines_and_no_cursor_is_moved() {
    let stage = Stage::new();
    let mut console = stage.console(&[("TERM", "dumb")]);
    console.see("standdown, line by line. REHEARSAL cpu-spike");
    console.until("the alarm", |screen| screen.lines().any(fired));
    console.press("?\r");
    console.see("keys that are valid here");
    console.press(".\r");
    console.press("q\r");
    let (code, raw) = console.end();
    assert_eq!(code, 0);
    assert!(!raw.contains('\u{1b}'), "{raw:?}");
}

#[test]
fn an_answer_that_was_typed_before_the_question_does_not_count() {
    let stage = Stage::new();
    let extra = [("TERM", "dumb"), ("STANDDOWN_PROMPT_DELAY", "1h")];
    let mut console = stage.console(&extra);
    console.until("the alarm", |screen| screen.lines().any(fired));
    console.press("open\r");
    console.see("Which playbook?");
    console.press("1\r");
    console.see("came with the question, and did not answer it");
}

#[test]
fn a_playbook_is_run_without_an_alarm() {
    let world = World::new();
    world.write("playbooks/small.toml", SMALL);
    let mut plain = Plain::start(
        &world,
        &["run", "small", "--plain", "--input", "who=orders"],
    );
    plain.see("Look at orders");
    plain.see("1) done");
    plain.say("1");
    plain.see("note, if you want one");
    plain.say("");
    plain.see("The playbook ended");
    let (code, _) = plain.end();
    assert_eq!(code, 0);
    // The same as JSON Lines.
    let mut json = Plain::start(&world, &["run", "small", "--json", "--input", "who=orders"]);
    json.see("\"answers\":[\"done\"");
    let asked: Value = serde_json::from_str(json.seen.last().unwrap()).unwrap();
    assert_eq!(asked["step"], "look");
    let question = asked["question"].as_str().unwrap();
    assert!(question.contains("Look at orders."), "{question}");
    json.say("1");
    json.see("\"field\":\"note, if you want one\"");
    json.say("");
    json.see("step_confirmed");
    let (code, lines) = json.end();
    assert_eq!(code, 0);
    for line in &lines {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn nothing_in_a_playbook_moves_the_cursor_and_a_name_takes_no_branch() {
    let world = World::new();
    let hostile = SMALL.replace("title = \"Look\"", "title = \"Look\\u001b[2J\"");
    let (head, end) = hostile.split_at(hostile.find("[[steps]]\nid = \"end\"").unwrap());
    let decides = "[[steps]]\nid = \"way\"\nkind = \"decision\"\ntitle = \"Way\"\ndescription = \"Choose.\"\n\
        branches = [{ label = \"One\\u001b]0;x\\u0007\", when = \"true\", next = \"end\" }, \
        { label = \"Two\", otherwise = true, next = \"end\" }]\n\n";
    let head = head.replace("next = \"end\"", "next = \"way\"");
    world.write("playbooks/small.toml", format!("{head}{decides}{end}"));
    let mut plain = Plain::start(&world, &["run", "small", "--plain", "--input", "who=me"]);
    plain.see("1) done");
    plain.say("Tab");
    plain.see("Steps; a number selects one");
    plain.see("Ended");
    plain.say("Tab");
    plain.see("1) done");
    plain.say("1");
    plain.see("note, if you want one");
    plain.say("");
    plain.see("2) Two");
    plain.say("choose");
    plain.see("which one? its number takes it, from 1 to 2");
    plain.say("2");
    plain.see("although");
    let (_, lines) = plain.end();
    let all = lines.join("\n");
    assert!(!all.contains('\u{1b}') && !all.contains('\u{7}'), "{all:?}");
    assert!(all.contains("One·]0;x·"), "{all:?}");
}

#[test]
fn what_cannot_be_run_is_said_at_once() {
    let world = World::new();
    world.write("playbooks/small.toml", SMALL);
    for (arguments, wanted) in [
        (&["run", "nosuch"][..], "there is no playbook \"nosuch\""),
        (
            &["run", "small", "--input", "x=1"],
            "has no input \"x\"; it has who",
        ),
        (&["run", "small", "--input", "x"], "NAME=VALUE"),
        (
            &["run", "small", "--input", "who=me", "--input", "who=you"],
            "--input who is given twice",
        ),
    ] {
        let said = world.run(arguments);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(wanted), "{wanted}: {said:?}");
    }
}

#[test]
fn with_the_output_elsewhere_and_somebody_typing_lines_are_written() {
    let stage = Stage::new();
    let command = format!(
        "{} rehearse cpu-spike --simulator {} | cat",
        env!("CARGO_BIN_EXE_standdown"),
        stage.server.endpoint
    );
    let mut console = Terminal::program(&stage.world, &["sh", "-c", &command], 100, 30, &[]);
    console.see("standdown, line by line");
    console.press("q\r");
    assert_eq!(console.end().0, 0);
}

const SMALL: &str = r#"
format = 1
id = "small"
name = "A Small One"
summary = "For a test."
owner = "standdown"
impact = 1
severities = ["low"]
incident_types = ["availability"]
answers = [{ namespace = "Test" }]
prerequisites = []
start = "look"

[inputs.who]
type = "string"
from = ["ask"]
prompt = "Who?"

[[steps]]
id = "look"
kind = "manual"
title = "Look"
description = "Look at {{ inputs.who }}."
next = "end"

[[steps]]
id = "end"
kind = "outcome"
title = "Ended"
description = "Done."
outcome = "resolved"
"#;
