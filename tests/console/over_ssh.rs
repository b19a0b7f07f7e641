//! Keys, bytes and the clipboard on a line that is slow.

use crate::support::World;
use crate::terminal::Terminal;
use crate::{Stage, to_the_escalation};

#[test]
fn keys_before_the_first_picture_are_handled_in_order() {
    let stage = Stage::new();
    let mut console = stage.console(&[]);
    // Nothing is on the screen yet.
    console.press("/latency\r");
    console.see("1 fit \"latency\"");
    console.see("orders-latency");
}

#[test]
fn a_key_that_comes_with_a_resize_is_not_lost() {
    let stage = Stage::new();
    let mut console = stage.console(&[]);
    console.see("● ALARM  high orders-cpu-high");
    console.press("/");
    let typed = "orders-latency-and-more";
    for (at, key) in typed.chars().enumerate() {
        console.resize(if at % 2 == 0 { 80 } else { 100 }, 30);
        console.press(&key.to_string());
    }
    console.press("\r");
    console.see(&format!("fit \"{typed}\""));
}

#[test]
fn half_a_sequence_from_the_terminal_stops_nothing() {
    let stage = Stage::new();
    let mut console = stage.console(&[]);
    let before = console.see("▶● ALARM  high orders-cpu-high");
    console.press("\u{1b}[");
    // The ages of the alarms go on.
    let next = console.until("another age", |screen| screen != before);
    console.until("one more", |screen| screen != next);
    // What never ended is over: the next key works.
    console.press("\u{1b}[B");
    console.see("▶● ALARM  med ");
}

#[test]
fn more_keys_at_once_than_a_buffer_holds_are_all_handled() {
    let stage = Stage::new();
    let mut console = stage.console(&[]);
    console.see("▶● ALARM  high orders-cpu-high");
    // 1,250 letters that are typed and taken back, and some that stay.
    console.press(&format!("/{}latency\r", "a\u{7f}".repeat(1250)));
    console.see("1 fit \"latency\"");
}

#[test]
fn a_burst_and_a_kilobyte_of_keys_answer_one_question_at_most() {
    let stage = Stage::new();
    let mut console = stage.careful();
    to_the_escalation(&mut console);
    // Each of them answers something: the escalation, the decision, a manual step.
    console.press(&"a12sfd\r".repeat(150));
    // The message log has it, whatever was said since.
    console.press("m");
    console.see("came with the question, and did not answer it");
    let record = stage.world.run(&["incidents", "--rehearsals", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&record.out).unwrap();
    let id = all[0]["id"].as_str().unwrap();
    let events = stage.world.run(&["export", id]).out;
    let answers = ["escalation_approved", "branch_taken", "step_confirmed"];
    let given = events
        .lines()
        .filter(|line| answers.iter().any(|kind| line.contains(kind)))
        .count();
    assert!(given <= 1, "{given}:\n{events}");
}

#[test]
fn a_question_that_stood_behind_another_view_takes_no_key_that_came_with_it() {
    let stage = Stage::new();
    let mut console = stage.careful();
    to_the_escalation(&mut console);
    console.press("b");
    let board = console.see("incident open");
    // However long it stood there.
    console.until("another second", |screen| *screen != board);
    console.press("ia");
    console.see("came with the question, and did not answer it");
    console.see("Escalate now, along the path");
}

#[test]
fn a_form_is_not_confirmed_by_the_keys_that_opened_it() {
    let stage = Stage::new();
    let mut console = stage.careful();
    to_the_escalation(&mut console);
    console.press("Ex\r");
    console.see("came with the question, and did not answer it");
    // What was typed is still there, and the next Enter counts.
    console.until_it_takes("\r", "escalated");
}

#[test]
fn a_paste_confirms_nothing() {
    let stage = Stage::new();
    let mut console = stage.console(&[]);
    to_the_escalation(&mut console);
    console.press("\u{1b}[200~a\r1\r\u{1b}[201~");
    let screen = console.see("nothing was pasted");
    assert!(screen.contains("Escalate now, along the path"), "{screen}");
    // In a form it is typed, as one line, and not confirmed.
    console.press("n");
    console.see("what happened");
    console.press("\u{1b}[200~one\rtwo\u{1b}[201~");
    let screen = console.see("one two");
    assert!(screen.contains("Record a note"), "{screen}");
}

#[test]
fn every_frame_is_shown_at_once() {
    let stage = Stage::new();
    let mut console = stage.console(&[]);
    console.see("● ALARM  high orders-cpu-high");
    let before = console.raw.len();
    console.press("j");
    console.drawn_after(before, "\u{1b}[?2026l");
    let written = String::from_utf8_lossy(&console.raw[before..]).into_owned();
    assert!(written.starts_with("\u{1b}[?2026h"), "{written:?}");
    let (begins, ends) = ("\u{1b}[?2026h", "\u{1b}[?2026l");
    let all = String::from_utf8_lossy(&console.raw).into_owned();
    assert_eq!(all.matches(begins).count(), all.matches(ends).count());
}

#[test]
fn a_link_is_sent_to_the_clipboard_and_kept_in_a_file() {
    let stage = Stage::new();
    let mut console = stage.console(&[]);
    console.see("● ALARM  high orders-cpu-high");
    let before = console.raw.len();
    console.press("l");
    console.see("sent to your terminal's clipboard: the link to the alarm");
    let sent = String::from_utf8_lossy(&console.raw[before..]).into_owned();
    assert!(
        sent.contains("\u{1b}]52;c;aHR0cHM6Ly9ldS1jZW50cmFsLTEuY29uc29sZS5hd3MuYW1hem9uLmNvbS"),
        "{sent:?}"
    );
    let kept = std::fs::read_to_string(stage.world.path("state/standdown/copied.txt")).unwrap();
    assert_eq!(
        kept,
        "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#alarmsV2:alarm/orders-cpu-high\n"
    );
}

#[test]
fn where_the_terminal_takes_no_clipboard_the_file_is_named() {
    let stage = Stage::new();
    let mut console = stage.console(&[("TERM", "linux")]);
    console.see("orders-cpu-high");
    console.see("ALARM");
    console.press("l");
    console.see("this terminal takes no clipboard");
    assert!(!String::from_utf8_lossy(&console.raw).contains("\u{1b}]52;"));
}

#[test]
fn times_are_utc_or_local_by_one_key() {
    let stage = Stage::new();
    let mut console = stage.console(&[("TZ", "Asia/Kolkata")]);
    to_the_escalation(&mut console);
    // The record's lines at the bottom begin with their time.
    let shown = |screen: &str, zone: &str| {
        let mut lines = screen
            .lines()
            .filter(|line| line.contains("succeeded, run ahead"));
        lines.any(|line| {
            line.split(' ')
                .any(|word| word.contains(':') && word.ends_with(zone))
        })
    };
    console.until("UTC", |screen| shown(screen, "Z"));
    console.press("z");
    console.until("local times", |screen| shown(screen, "+05:30"));
    console.press("z");
    console.until("UTC", |screen| shown(screen, "Z"));
}

#[test]
fn the_bell_rings_when_a_question_comes_and_nobody_looks() {
    let stage = Stage::new();
    let mut console = stage.console(&[]);
    console.see("● ALARM  high orders-cpu-high");
    console.see("cpu-high-utilization");
    assert!(String::from_utf8_lossy(&console.raw).contains("\u{1b}[?1004h"));
    console.press("\r");
    console.see("answers this alarm");
    let before = console.raw.len();
    // The incident is opened, and the window loses the focus before its question is there.
    console.press("\r\u{1b}[O");
    console.see("Escalate now, along the path");
    console.drawn_after(before, "\u{7}");
}

#[test]
fn filter_sort_and_view_come_back() {
    let stage = Stage::new();
    stage.world.introduced();
    let mut console = stage.live(&[]);
    console.see("orders-cpu-high");
    console.press("/state:ok\r");
    console.see("fit \"state:ok\"");
    console.press("o");
    console.see("sorted by severity");
    console.press("q");
    assert_eq!(console.end().0, 0);
    let mut console = stage.live(&[]);
    console.see("the filter of last time is on: state:ok; Esc clears it");
    let screen = console.see("by severity · ");
    assert!(!screen.contains("● ALARM"), "{screen}");
}

#[test]
fn the_first_start_has_an_introduction_that_takes_no_key_away() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.world.path("state")).unwrap();
    let mut console = stage.live(&[]);
    console.see("leads through an incident, one question at a time");
    // The key does what it does.
    console.press("/latency\r");
    console.see("fit \"latency\"");
    console.press("\u{1b}OP");
    console.see("leads through an incident");
    console.press("\r");
    console.see("fit \"latency\"");
    console.press("q");
    assert_eq!(console.end().0, 0);
    let mut console = stage.live(&[]);
    let screen = console.see("the filter of last time is on");
    assert!(!screen.contains("leads through an incident"), "{screen}");
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_loses_nothing() {
    let world = World::new();
    let mut console = Terminal::start(&world, &["rehearse"], 40, 12, &[]);
    console.see("ALARM");
    console.resize(39, 11);
    console.see("too small");
    console.resize(100, 30);
    console.see("STATE");
}
