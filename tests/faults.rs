//! The board while AWS throttles, fails, falls silent or refuses: it stays right, says what is not
//! live, and recovers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "a test fails by panicking, and need not be fast"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use standdown::alarms::{Board, FeedSettings, Freshness, Source, watch};
use standdown::aws::{Aws, AwsSettings, Class, Place, Pool, describe};
use standdown::breaker::Policy;
use standdown::document;
use standdown::incident::{AlarmRef, AlarmState};
use standdown::rehearsal::scenario::{Fault, FaultKind};
use standdown::rehearsal::{Scenario, Simulator, World};
use support::simulate;
use terminal::Terminal;

const HEAD: &str = r#"
format = 1
id = "many"
title = "t"
summary = "s"
playbook = "none"
account = "111122223333"
region = "eu-central-1"
alarm = "burning-00001"

[[metrics]]
namespace = "Shop"
name = "Errors"
points = [{ at = "-20d", value = 10 }]

[[alarms]]
name = "measured"
namespace = "Shop"
metric = "Errors"
threshold = 30
period = "1m"

[[alarms]]
name = "burning"
state = "ALARM"
copies = 150
"#;

struct Watched {
    simulator: Simulator,
    boards: tokio::sync::watch::Receiver<Arc<Board>>,
    visible: tokio::sync::watch::Sender<Vec<Arc<AlarmRef>>>,
}

async fn watched(more: &str, interval: Duration) -> Watched {
    let source = document::Source::new("many.toml", format!("{HEAD}{more}").as_str());
    let (scenario, problems) = Scenario::compile(&source);
    assert_eq!(problems, []);
    let world = World::new(scenario.unwrap(), chrono::Utc::now(), 1.0);
    let simulator = Simulator::listen(world, SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let pool = Arc::new(Pool::new(AwsSettings {
        profile: None,
        region: Some("eu-central-1".into()),
        rehearsal_endpoint: Some(simulator.endpoint()),
        ..AwsSettings::default()
    }));
    let (sender, boards) = tokio::sync::watch::channel(Arc::new(Board::default()));
    let (visible, seen) = tokio::sync::watch::channel(Vec::new());
    let settings = FeedSettings {
        interval,
        // A period of a minute passes in three seconds.
        speed: 20.0,
        ..FeedSettings::default()
    };
    let sources = vec![Source::new(Place::default(), String::new(), false)];
    watch(&pool, sources, &settings, sender, &seen);
    Watched {
        simulator,
        boards,
        visible,
    }
}

impl Watched {
    async fn until(&mut self, what: &str, wanted: impl Fn(&Board) -> bool) -> Arc<Board> {
        let found = self.boards.wait_for(|board| wanted(board));
        let found = tokio::time::timeout(Duration::from_mins(2), found).await;
        let board = found.unwrap_or_else(|_| panic!("never: {what}"));
        Arc::clone(&board.unwrap())
    }

    fn calls(&self, operation: &str) -> u64 {
        self.simulator.world.counted()["calls"][operation]
            .as_u64()
            .unwrap_or_default()
    }
}

fn freshness(board: &Board) -> &Freshness {
    &board.sources[0].freshness
}

#[tokio::test]
async fn a_refresh_takes_no_more_calls_than_there_are_pages() {
    let more = "[[alarms]]\nname = \"quiet\"\nstate = \"OK\"\ncopies = 849\n";
    let mut watched = watched(more, Duration::from_mins(10)).await;
    let board = watched.until("complete", Board::complete).await;
    assert_eq!(board.rows.len(), 1000);
    assert_eq!(board.count(AlarmState::Alarm), 150);
    // ⌈1000/100⌉ for all, ⌈150/100⌉ for those in ALARM, which are asked for first.
    assert_eq!(watched.calls("DescribeAlarms"), 12);
}

#[tokio::test]
async fn no_settled_datapoint_is_asked_for_twice() {
    let mut watched = watched("", Duration::from_millis(300)).await;
    let board = watched.until("complete", Board::complete).await;
    let measured = board.rows.iter().find(|row| row.alarm.name == "measured");
    let measured = Arc::clone(&measured.unwrap().alarm);
    watched.visible.send_replace(vec![measured]);
    while watched.calls("GetMetricData") < 6 {
        watched.boards.changed().await.unwrap();
    }
    let board = watched.boards.borrow().clone();
    let row = board.rows.iter().find(|row| row.alarm.name == "measured");
    assert!(
        row.unwrap().values.values.len() >= 15,
        "{:?}",
        row.unwrap().values
    );
    let again = &watched.simulator.world.counted()["again"];
    assert_eq!(*again, serde_json::json!([]), "{again}");
}

#[tokio::test]
async fn ten_thousand_alarms_are_read_although_every_second_call_fails() {
    let more = r#"
[[alarms]]
name = "quiet"
state = "OK"
copies = 9849

[[faults]]
operation = "*"
kind = "throttle"
share = 0.3

[[faults]]
operation = "*"
kind = "error"
share = 0.1

[[faults]]
operation = "*"
kind = "reset"
share = 0.05
"#;
    let mut watched = watched(more, Duration::from_secs(1)).await;
    let first = watched
        .until("the first in ALARM", |board| {
            board.count(AlarmState::Alarm) == 150
        })
        .await;
    assert!(first.rows.len() < 10_000, "what burns comes first");
    // A first page that fails says so at once, and is asked for again with the next refresh.
    let read = |board: &Board| board.sources.iter().all(|source| source.complete);
    let board = watched.until("all that there is", read).await;
    assert_eq!(board.rows.len(), 10_000);
    assert_eq!(board.count(AlarmState::Alarm), 150);
    assert_eq!(board.count(AlarmState::Ok), 9_850);
    assert!(
        watched.calls("DescribeAlarms") > 102,
        "some were tried again"
    );
}

#[tokio::test]
async fn a_silence_is_waited_for_no_longer_than_the_time_out_and_ends_by_itself() {
    let more =
        "[[faults]]\noperation = \"DescribeAlarms\"\nkind = \"hang\"\nfrom = \"2s\"\ntimes = 3\n";
    let mut watched = watched(more, Duration::from_millis(500)).await;
    watched.until("live", Board::complete).await;
    let before = Instant::now();
    let late = |board: &Board| {
        let now = chrono::Utc::now();
        board.sources[0]
            .trouble(now, Duration::from_secs(1))
            .is_some()
    };
    // Nobody publishes while AWS is silent: it is the age that says so.
    while !late(&watched.boards.borrow()) {
        tokio::task::yield_now().await;
        assert!(before.elapsed() < Duration::from_secs(20));
    }
    watched
        .until("live again", |board| {
            matches!(freshness(board), Freshness::Live { at } if chrono::Utc::now() - *at < chrono::Duration::seconds(1))
                && !late(board)
        })
        .await;
}

#[tokio::test]
async fn expired_credentials_are_said_with_the_command_that_renews_them_and_picked_up_again() {
    let more =
        "[[faults]]\noperation = \"DescribeAlarms\"\nkind = \"expire\"\nfrom = \"2s\"\ntimes = 2\n";
    let mut watched = watched(more, Duration::from_millis(500)).await;
    watched.until("live", Board::complete).await;
    let board = watched
        .until("lost", |board| {
            matches!(freshness(board), Freshness::Lost { .. })
        })
        .await;
    let Freshness::Lost { reason, .. } = freshness(&board) else {
        unreachable!("it was waited for")
    };
    assert!(reason.contains("aws sso login"), "{reason}");
    assert_eq!(board.rows.len(), 151, "what was known is still shown");
    watched
        .until("live again", |board| {
            matches!(freshness(board), Freshness::Live { .. })
        })
        .await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named_as_such() {
    let source = HEAD.replace(
        "alarm = \"burning-00001\"",
        "alarm = \"burning-00001\"\nskew = \"10m\"",
    );
    let source = document::Source::new("many.toml", source.as_str());
    let world = World::new(
        Scenario::compile(&source).0.unwrap(),
        chrono::Utc::now(),
        1.0,
    );
    let simulator = Simulator::listen(world, SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let pool = Arc::new(Pool::new(AwsSettings {
        profile: None,
        region: Some("eu-central-1".into()),
        rehearsal_endpoint: Some(simulator.endpoint()),
        ..AwsSettings::default()
    }));
    let (sender, mut boards) = tokio::sync::watch::channel(Arc::new(Board::default()));
    let (_visible, seen) = tokio::sync::watch::channel(Vec::new());
    let sources = vec![Source::new(Place::default(), String::new(), false)];
    let settings = FeedSettings {
        interval: Duration::from_secs(1),
        ..FeedSettings::default()
    };
    watch(&pool, sources, &settings, sender, &seen);
    let says = |board: &Board| {
        let trouble = board.sources[0].trouble(chrono::Utc::now(), Duration::from_secs(10));
        board.complete() && trouble.is_some_and(|text| text.contains("clock is 10m"))
    };
    let found = boards.wait_for(|board| says(board));
    let found = tokio::time::timeout(Duration::from_mins(1), found).await;
    assert_eq!(found.unwrap().unwrap().rows.len(), 151);
}

/// Five profiles, each of which is a simulated account of its own.
fn five(world: &support::World) -> Vec<support::Server> {
    let denied = world.write(
        "denied.toml",
        format!("{HEAD}[[faults]]\noperation = \"DescribeAlarms\"\nkind = \"deny\"\n"),
    );
    let silent = world.write(
        "silent.toml",
        format!("{HEAD}[[faults]]\noperation = \"DescribeAlarms\"\nkind = \"hang\"\n"),
    );
    let scenarios = [
        "cpu-spike",
        "stuck-instance",
        "db-connections",
        denied.to_str().unwrap(),
        silent.to_str().unwrap(),
    ];
    let servers: Vec<support::Server> = scenarios
        .iter()
        .map(|scenario| simulate(world, scenario, "1"))
        .collect();
    let mut profiles = String::new();
    let mut watch = String::new();
    for (name, server) in ["spike", "stuck", "db", "denied", "silent"]
        .iter()
        .zip(&servers)
    {
        profiles.push_str(&format!(
            "[profile {name}]\nregion = eu-central-1\nendpoint_url = {}\naws_access_key_id = a\naws_secret_access_key = b\n",
            server.endpoint
        ));
        watch.push_str(&format!(
            "[[watch]]\nprofile = \"{name}\"\nalias = \"{name}\"\n"
        ));
    }
    world.write("aws", profiles);
    world.write("config/standdown/config.toml", watch);
    servers
}

#[test]
fn one_denied_account_and_a_silent_one_do_not_blank_the_others() {
    let world = support::World::new();
    let _servers = five(&world);
    let profiles = world.path("aws");
    let profiles = profiles.to_str().unwrap();
    let mut terminal = Terminal::start(&world, &[], 140, 40, &[("AWS_CONFIG_FILE", profiles)]);
    terminal.see("orders-a-status-check");
    terminal.see("orders-latency");
    terminal.see("denied eu-central-1: lost for");
    let screen = terminal.see("ask for the permission cloudwatch:DescribeAlarms");
    assert!(screen.contains("orders-a-status-check"), "{screen}");
    // No key waits for the silent one.
    for (key, wanted) in [
        ("o", "by severity"),
        ("/", "Filter"),
        ("\x1b", "by severity"),
    ] {
        let before = Instant::now();
        terminal.press(key);
        terminal.see(wanted);
        assert!(before.elapsed() < Duration::from_secs(1), "{key:?}");
    }
    let screen = terminal.see("silent eu-central-1: delayed");
    assert!(screen.contains("3 of 5 live"), "{screen}");
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);

    let output = world
        .standdown(&["alarms", "--profile", "spike,denied"])
        .env("AWS_CONFIG_FILE", profiles)
        .output()
        .unwrap();
    let said = support::Said::from(output);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("orders-cpu-high"), "{}", said.out);
    assert!(
        said.err
            .contains("denied: cloudwatch:DescribeAlarms is not allowed"),
        "{}",
        said.err
    );
}

#[test]
fn the_list_of_alarms_waits_neither_for_a_silent_account_nor_for_values_and_tags() {
    let world = support::World::new();
    let _servers = five(&world);
    let profiles = world.path("aws");
    let mut child = world
        .standdown(&["alarms", "--profile", "spike,silent"])
        .env("AWS_CONFIG_FILE", &profiles)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = |from: &mut dyn std::io::Read| {
        let mut line = String::new();
        BufReader::new(from).read_line(&mut line).unwrap();
        line
    };
    let first = line(child.stdout.as_mut().unwrap());
    assert!(first.contains("spike eu-central-1"), "{first}");
    let said = line(child.stderr.as_mut().unwrap());
    assert_eq!(
        said,
        "standdown: silent has not answered yet; its alarms follow when it has\n"
    );
    child.kill().unwrap();
    child.wait().unwrap();

    let faults = ["GetMetricData", "ListTagsForResource"]
        .map(|operation| format!("[[faults]]\noperation = \"{operation}\"\nkind = \"hang\"\n"))
        .concat();
    let slow = world.write("slow.toml", format!("{HEAD}{faults}"));
    let server = simulate(&world, slow.to_str().unwrap(), "1");
    std::fs::remove_file(world.path("config/standdown/config.toml")).unwrap();
    let list = |more: &[&str]| {
        let arguments = [&["alarms", "--within", "1"], more].concat();
        let mut command = world.standdown(&arguments);
        command.envs(server.environment());
        support::Said::from(command.output().unwrap())
    };
    let said = list(&[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("not read yet"), "{said:?}");
    for wanted in [
        "alarms are missing: CloudWatch did not answer within 1 s; --within waits longer",
        "alarms in ALARM are missing, and their severity may differ: CloudWatch did not answer",
    ] {
        assert!(said.err.contains(wanted), "{said:?}");
    }
    let all: serde_json::Value = serde_json::from_str(&list(&["--json"]).out).unwrap();
    let because = all[0]["no_value_because"].as_str().unwrap();
    assert!(because.contains("did not answer within 1 s"), "{because}");
    assert!(all[0]["tags"].is_null() && all[0]["value"].is_null());
}

#[tokio::test]
async fn what_keeps_failing_is_left_alone_and_tried_again_carefully() {
    let (simulator, aws) = alone(Policy {
        // Longer than the SDK waits between two tries.
        recovery: Duration::from_secs(4),
        ..Policy::default()
    })
    .await;
    let call = || async {
        let answer = aws.ssm.describe_instance_information().send().await;
        answer.map_err(|error| describe("ssm:DescribeInstanceInformation", &error))
    };
    let calls = || simulator.world.counted()["calls"]["DescribeInstanceInformation"].clone();
    // What AWS refuses is an answer, however often.
    strike(&simulator, FaultKind::Deny, 10);
    for _ in 0..10 {
        assert_eq!(call().await.unwrap_err().class, Class::AccessDenied);
    }
    assert_eq!(aws.broken(), []);
    // Its own failures are not: five on end, the SDK's retries among them.
    strike(&simulator, FaultKind::Error, 5);
    assert_eq!(call().await.unwrap_err().class, Class::Server);
    let held = call().await.unwrap_err();
    assert_eq!(held.class, Class::Open, "{held}");
    assert!(
        held.to_string()
            .contains("it kept failing; it is not called before"),
        "{held}"
    );
    let so_far = calls();
    assert_eq!(call().await.unwrap_err().class, Class::Open);
    assert_eq!(calls(), so_far, "nothing left");
    let broken = aws.broken();
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].refuses(&["DescribeInstanceInformation"]));
    assert!(!broken[0].refuses(&["SendCommand", "GetDocument"]));
    // Neither the other operations of the service nor other services are touched by it.
    aws.ssm
        .describe_automation_executions()
        .send()
        .await
        .unwrap();
    aws.cloudwatch.describe_alarms().send().await.unwrap();
    let began = Instant::now();
    let mut answered = 0;
    while answered < 3 {
        assert!(
            began.elapsed() < terminal::PATIENCE,
            "it does not come back"
        );
        answered += u32::from(call().await.is_ok());
    }
    assert_eq!(aws.broken(), [], "three successes close it");
}

fn strike(simulator: &Simulator, kind: FaultKind, times: u64) {
    simulator.world.add_fault(Fault {
        operation: "DescribeInstanceInformation".into(),
        kind,
        times: Some(times),
        share: 1.0,
        from: f64::MIN,
        until: f64::MAX,
    });
}

/// A simulated account that nobody else asks.
async fn alone(breaker: Policy) -> (Simulator, Arc<Aws>) {
    let (_, text) = standdown::embedded::SCENARIOS[0];
    let (scenario, _) = Scenario::compile(&document::Source::new("x.toml", text));
    let world = World::new(scenario.unwrap(), chrono::Utc::now(), 1.0);
    let simulator = Simulator::listen(world, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let pool = Pool::new(AwsSettings {
        region: Some("eu-central-1".into()),
        rehearsal_endpoint: Some(simulator.endpoint()),
        breaker,
        ..AwsSettings::default()
    });
    let aws = pool.at(&Place::default()).await.unwrap();
    (simulator, aws)
}
