//! Every promise about the terminal, in a real pty.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use support::{World, simulate};
use terminal::{Terminal, to_the_approval};

const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";

fn rehearse(world: &World, arguments: &[&str]) -> Terminal {
    let mut all = vec!["rehearse"];
    all.extend(arguments);
    Terminal::start(world, &all, 80, 24, &[])
}

/// From the alarm to the incident, at a decision, the escalation answered.
fn to_the_decision(terminal: &mut Terminal) {
    terminal.see("● ALARM  high orders-cpu-high");
    terminal.press(ENTER);
    terminal.see("▶ High CPU Utilization Investigation   answers this alarm");
    terminal.press(ENTER);
    terminal.see("Escalate now, along the path \"primary\"?");
    terminal.see("size(cpu.hot_for_15_minutes) > 0");
    terminal.press("a");
    terminal.see("Choose a path");
}

#[test]
fn cpu_spike_is_walked_by_keys_to_its_outcome() {
    let world = World::new();
    let mut terminal = rehearse(&world, &["cpu-spike", "--speed", "10"]);
    terminal.see("REHEARSAL cpu-spike ×10  111122223333 · eu-central-1");
    to_the_decision(&mut terminal);
    let screen = terminal.see("◀ recommended");
    assert!(screen.contains("3  Scale out   ◀ recommended"), "{screen}");
    assert!(screen.contains("because CPU peaked at 98"), "{screen}");
    assert!(screen.contains("scaling.launched = 0"), "{screen}");

    // Another branch than the recommended one wants a reason, and can be left.
    terminal.press("2");
    terminal.see("although \"Scale out\" is recommended");
    terminal.press(ENTER);
    terminal.see("this needs an answer");
    terminal.press(ESCAPE);
    terminal.until("no form", |screen| {
        !screen.contains("although \"Scale out\"")
    });

    terminal.press("3");
    terminal.see("scale-out · automated · Raise the desired capacity");
    terminal.see("DesiredCapacity = 4");
    terminal.press("a");
    terminal.see("type orders-asg, what is changed");
    terminal.press("orders-asg");
    terminal.press(ENTER);
    terminal.see("verify · automated · Wait for CPU to come down");
    terminal.see("cause-gone · decision");
    terminal.press("3");
    let screen = terminal.see("The playbook ended: completed · mitigated, escalated on the way");
    assert!(
        screen.contains("What is the incident's status now?"),
        "{screen}"
    );
    terminal.press("b");
    terminal.see("○ OK     high orders-cpu-high");
    terminal.press("i");
    terminal.see("What is the incident's status now?");
    terminal.press("M");
    terminal.see("Say that the effect is gone: the incident becomes mitigated");
    terminal.press(ENTER);
    terminal.see(" mitigated · escalated");
    terminal.press("R");
    terminal.see("Say that the cause is gone: the incident becomes resolved");
    terminal.press(ENTER);
    terminal.see("The incident is resolved. Close it?");
    terminal.press("C");
    terminal.see("Say that nothing more is to be done: the incident becomes closed");
    terminal.press(ENTER);
    terminal.see("The incident is closed.");
    terminal.press("q");
    let (code, raw) = terminal.end();
    assert_eq!(code, 0);
    assert!(raw.contains("\x1b[?1049l"), "the terminal is given back");
    assert!(!raw.contains("is unfinished"));
}

#[test]
fn a_console_that_was_closed_takes_the_incident_up_where_it_stood() {
    let world = World::new();
    let mut terminal = rehearse(&world, &["--speed", "20"]);
    to_the_decision(&mut terminal);
    terminal.press("3");
    terminal.see("scale-out · automated");
    terminal.see("Shall this change be made?");
    terminal.press("n");
    terminal.see("Record a note");
    terminal.press("half asleep");
    terminal.press(ENTER);
    terminal.see("note: half asleep");
    terminal.press("q");
    let (code, raw) = terminal.end();
    assert_eq!(code, 0);
    assert!(
        raw.contains("is unfinished; `standdown resume 2") && raw.contains("head "),
        "{raw}"
    );

    let mut terminal = rehearse(&world, &["--speed", "20"]);
    let screen = terminal.see("scale-out · automated · Raise the desired capacity");
    assert!(screen.contains("escalated"), "{screen}");
    terminal.see("note: half asleep");
    terminal.press("a");
    terminal.see("type orders-asg, what is changed");
    terminal.press("orders-asg");
    terminal.press(ENTER);
    terminal.see("cause-gone · decision");
}

#[test]
fn a_note_from_another_terminal_shows_in_the_console() {
    let world = World::new();
    let mut terminal = rehearse(&world, &["--speed", "20"]);
    to_the_decision(&mut terminal);
    let list: serde_json::Value =
        serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
    let said = world.run(&["note", list[0]["id"].as_str().unwrap(), "from elsewhere"]);
    assert_eq!(said.code, 0, "{}", said.err);
    terminal.see("note: from elsewhere");
    // And the console goes on writing after it.
    terminal.press("4");
    terminal.see("although");
    terminal.press("I know better");
    terminal.press(ENTER);
    terminal.see("inspect-host · manual");
}

#[test]
fn an_escalation_can_be_put_off_with_a_reason() {
    let world = World::new();
    let mut terminal = rehearse(&world, &["--speed", "20"]);
    terminal.see("● ALARM  high");
    terminal.press(ENTER);
    terminal.see("answers this alarm");
    terminal.press(ENTER);
    terminal.see("postpone, with a reason");
    terminal.press("p");
    terminal.see("for how many minutes");
    terminal.press(ENTER);
    terminal.press("it is nearly over");
    terminal.press(ENTER);
    terminal.see("escalation put off until");
    terminal.see("Choose a path");
    // One key escalates at any time.
    terminal.press("E");
    terminal.see("Escalate now");
    terminal.press("it is not");
    terminal.press(ENTER);
    terminal.see("escalated");
}

#[test]
fn the_incident_is_acknowledged_and_graded_and_takes_another_alarm() {
    let world = World::new();
    let mut terminal = rehearse(&world, &["--speed", "20"]);
    to_the_decision(&mut terminal);
    terminal.press("A");
    terminal.see("acknowledged ·");
    terminal.press("G");
    terminal.see("critical, high, medium or low");
    terminal.press("crit");
    terminal.press(ENTER);
    terminal.see("severity high → critical");
    terminal.press("b");
    terminal.see("incident open: i");
    terminal.press("/");
    terminal.see("words, -words");
    terminal.press("search");
    terminal.until("one row", |screen| {
        screen.contains("search-5xx") && !screen.contains("● ALARM  med  orders-service")
    });
    terminal.press(ENTER);
    terminal.see("1 fit \"search\"");
    terminal.press("t");
    terminal.see("search-5xx was added to the incident");
    terminal.press("i");
    terminal.see("alarm search-5xx belongs to it");
}

#[test]
fn db_connections_is_walked_by_keys_with_an_answer_that_is_checked() {
    let world = World::new();
    let mut terminal = rehearse(&world, &["db-connections", "--speed", "30"]);
    terminal.see("● ALARM  crit orders-database-conn");
    terminal.press(ENTER);
    terminal.see("▶ Database Connection Issues Investigation   answers this alarm");
    terminal.press(ENTER);
    terminal.see("From which application servers shall the connection be tested?");
    terminal.press(ENTER);
    terminal.see("i-0c3d4e5f60718293a");
    terminal.press(" nonsense");
    terminal.press(ENTER);
    terminal.see("\"nonsense\" is not an instance id");
    terminal.press(&"\u{7f}".repeat(9));
    terminal.press(ENTER);
    terminal.see("Escalate now, along the path \"database\"?");
    terminal.press("a");
    terminal.see("Connections are used up   ◀ recommended");
    terminal.press("3");
    terminal.see("free-connections · automated");
    terminal.see("pg_terminate_backend");
    terminal.press("a");
    terminal.see("type i-0a1b2c3d4e5f60718, what is changed");
    terminal.press("i-0a1b2c3d4e5f60718");
    terminal.press(ENTER);
    terminal.see("cause-known · decision");
    terminal.press("2");
    terminal.see("The playbook ended: completed · mitigated");
}

#[test]
fn the_tree_reads_any_step_and_comes_back() {
    let world = World::new();
    let mut terminal = rehearse(&world, &["--speed", "20"]);
    to_the_decision(&mut terminal);
    terminal.press("\t");
    terminal.see("✓ Verify CPU Metrics");
    terminal.see("└ Stand down: it is over");
    terminal.press("\x1b[H");
    terminal.press(ENTER);
    terminal.see("cpu-001 · automated · Verify CPU Metrics");
    terminal.see("minutes_over 1");
    terminal.press(ESCAPE);
    terminal.see("Choose a path");
}

#[test]
fn a_terminal_of_any_size_is_no_reason_to_fall_over() {
    let world = World::new();
    let mut terminal = Terminal::start(&world, &["rehearse"], 20, 5, &[]);
    terminal.see("too small");
    terminal.resize(120, 40);
    terminal.see("PLAYBOOK");
    for (columns, rows) in [(1, 1), (200, 60), (40, 12), (2, 50), (80, 24)] {
        terminal.resize(columns, rows);
    }
    terminal.see("● ALARM  high");
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn without_a_terminal_it_says_what_to_do_instead() {
    for arguments in [&["rehearse"][..], &[][..]] {
        let said = World::new().run(arguments);
        assert_eq!(said.code, 1);
        assert!(
            said.err.contains("there is no terminal") && said.err.contains("--auto"),
            "{}",
            said.err
        );
    }
}

#[test]
fn without_credentials_the_screen_says_what_is_missing_and_how_to_rehearse() {
    let world = World::new();
    let mut terminal = Terminal::start(&world, &[], 80, 24, &[]);
    let screen = terminal.see("no AWS region is set");
    assert!(screen.contains("standdown rehearse"), "{screen}");
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
    let mut terminal = Terminal::start(&world, &[], 80, 24, &[("AWS_REGION", "eu-central-1")]);
    let screen = terminal.see("no AWS credentials were found");
    assert!(screen.contains("aws sso login"), "{screen}");
}

#[test]
fn live_alarms_are_walked_like_rehearsed_ones() {
    let world = World::new();
    let server = simulate(&world, "cpu-spike", "20");
    let extra = [
        ("AWS_ENDPOINT_URL", server.endpoint.as_str()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "y"),
    ];
    let mut terminal = Terminal::start(&world, &[], 80, 24, &extra);
    let screen = terminal.see("● ALARM  high orders-cpu-high");
    assert!(
        screen.contains(" LIVE ") && screen.contains("111122223333"),
        "{screen}"
    );
    terminal.press(ENTER);
    terminal.see("answers this alarm");
    terminal.press(ENTER);
    terminal.see("Escalate now");
    terminal.press("a");
    // Here the `aws` program is asked for Auto Scaling, which the simulator does not serve over
    // the wire: the step fails in words, and the walk goes on.
    terminal.see("Choose a path");
    terminal.press("q");
    let (_, raw) = terminal.end();
    assert!(raw.contains("is unfinished; `standdown resume 2"), "{raw}");
    // The next console offers it first, and `resume` goes there at once.
    let mut terminal = Terminal::start(&world, &[], 80, 24, &extra);
    let screen = terminal.see("unfinished incidents");
    assert!(screen.contains("High CPU Utilization"), "{screen}");
    terminal.press(ENTER);
    terminal.see("Choose a path");
    terminal.press("q");
    terminal.end();
    let mut terminal = Terminal::start(&world, &["resume"], 80, 24, &extra);
    terminal.see("Choose a path");
}

#[test]
fn without_colour_nothing_is_coloured() {
    let world = World::new();
    let mut terminal = Terminal::start(&world, &["rehearse"], 80, 24, &[("NO_COLOR", "1")]);
    terminal.see("● ALARM  high");
    let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
    assert!(
        !raw.contains("[38;") && !raw.contains("[48;") && !raw.contains("[31m"),
        "{raw:?}"
    );
}

#[test]
fn a_command_is_copied_through_the_terminal() {
    let world = World::new();
    let mut terminal = rehearse(&world, &["--speed", "20"]);
    to_the_decision(&mut terminal);
    terminal.press("4");
    terminal.see("although \"Scale out\" is recommended");
    terminal.press("it may be a job");
    terminal.press(ENTER);
    terminal.see("inspect-host · manual");
    terminal.press("y");
    terminal.see("sent to your terminal's clipboard: aws ssm start-session");
    assert!(String::from_utf8_lossy(&terminal.raw).contains("\x1b]52;c;"));
}

#[test]
fn a_playbook_that_changed_meanwhile_is_said_and_the_walk_keeps_its_own() {
    let world = World::new();
    let text = include_str!("../playbooks/instance-unreachable.toml");
    world.write("own/instance-unreachable.toml", text);
    let arguments = [
        "--playbooks",
        "own",
        "rehearse",
        "stuck-instance",
        "--speed",
        "10",
    ];
    let mut terminal = Terminal::start(&world, &arguments, 100, 30, &[]);
    to_the_approval(&mut terminal);
    terminal.press("q");
    terminal.end();
    let other = text.replace("Restart the Instance", "Reboot the Instance");
    assert_ne!(other, text);
    world.write("own/instance-unreachable.toml", other);
    let mut terminal = Terminal::start(&world, &arguments, 100, 30, &[]);
    terminal.see("has changed since");
    let screen = terminal.see("Shall this change be made?");
    assert!(
        screen.contains("Restart the Instance") && !screen.contains("Reboot"),
        "{screen}"
    );
}
