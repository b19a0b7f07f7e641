//! The scenarios from the first alarm to the outcome, without a screen.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use standdown::aws::{AwsSettings, Place, Pool};
use standdown::document::Source;
use standdown::rehearsal::{Scenario, Simulator, World as SimulatedWorld};
use support::World;

fn play(scenario: &str) -> Value {
    let said = World::new().run(&["rehearse", scenario, "--auto", "--speed", "20", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

fn number(played: &Value, key: &str) -> f64 {
    played[key].as_f64().unwrap()
}

/// Whether the diagnostics ran side by side. One after the other they take six times as long as
/// the longest one, and more; how close they come to it is measured, and not tested.
fn run_side_by_side(played: &Value) -> bool {
    number(played, "diagnostics_ms") < 2.0 * number(played, "longest_diagnostic_ms")
}

#[test]
fn cpu_spike_ends_mitigated_by_scaling_out() {
    let played = play("cpu-spike");
    assert_eq!(
        played["path"],
        json!([
            "cpu-001",
            "cpu-002",
            "cpu-003",
            "cpu-004",
            "cpu-changes",
            "cpu-005",
            "scale-out",
            "verify",
            "cause-gone",
            "mitigated"
        ])
    );
    assert_eq!(
        (&played["outcome"], &played["status"]),
        (&json!("mitigated"), &json!("completed"))
    );
    assert_eq!(played["playbook"], "cpu-high-utilization");
    assert!(run_side_by_side(&played), "{played}");
    assert!(number(&played, "events") > 30.0 && number(&played, "wall_ms") > 0.0);
}

#[test]
fn db_connections_ends_mitigated_by_freeing_connections() {
    let played = play("db-connections");
    assert_eq!(
        played["path"],
        json!([
            "db-001",
            "db-002",
            "db-003",
            "db-004",
            "db-005",
            "db-changes",
            "db-006",
            "free-connections",
            "verify",
            "cause-known",
            "mitigated"
        ])
    );
    assert!(run_side_by_side(&played), "{played}");
}

#[test]
fn a_rehearsal_keeps_its_own_store_and_takes_notes() {
    let world = World::new();
    assert_eq!(
        world
            .run(&["rehearse", "cpu-spike", "--auto", "--speed", "50"])
            .code,
        0
    );
    let real: Value = serde_json::from_str(&world.run(&["incidents", "--json"]).out).unwrap();
    assert_eq!(real, json!([]));
    let rehearsed: Value =
        serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
    assert_eq!(
        (
            &rehearsed[0]["status"],
            &rehearsed[0]["rehearsal"]["scenario"]
        ),
        (&json!("closed"), &json!("cpu-spike"))
    );
    let id = rehearsed[0]["id"].as_str().unwrap();
    assert_eq!(world.run(&["note", id, "looked", "at", "it"]).code, 0);
    let after: Value =
        serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
    assert_eq!(
        after[0]["events"].as_u64(),
        rehearsed[0]["events"].as_u64().map(|events| events + 1)
    );
    let unknown = world.run(&["note", "nope", "x"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.err.contains("no incident's id begins with"),
        "{}",
        unknown.err
    );
}

#[test]
fn the_scenarios_are_listed() {
    let said = World::new().run(&["rehearse", "--list", "--json"]);
    let list: Value = serde_json::from_str(&said.out).unwrap();
    let ids: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    let scenarios = [
        "cpu-spike",
        "db-connections",
        "dynamodb-throttling",
        "ecs-unhealthy",
        "stuck-instance",
    ];
    assert_eq!(ids, scenarios);
    for one in list.as_array().unwrap() {
        assert!(
            (180.0..=600.0).contains(&one["lasts_seconds"].as_f64().unwrap()),
            "{one}"
        );
    }
}

#[test]
fn ecs_unhealthy_ends_mitigated_by_a_restart_that_was_verified() {
    let played = play("ecs-unhealthy");
    assert_eq!(
        played["path"],
        json!([
            "service", "tasks", "causes", "decide", "restart", "restored"
        ])
    );
    assert_eq!(played["outcome"], "mitigated");
}

#[test]
fn dynamodb_throttling_ends_mitigated_by_more_capacity() {
    let played = play("dynamodb-throttling");
    assert_eq!(
        played["path"],
        json!(["table", "use", "decide", "raise", "raised"])
    );
    assert_eq!(played["outcome"], "mitigated");
}

/// What a document does to a scenario's world: the states of its alarms before and after.
async fn after(scenario: &str, document: &str, parameters: &[(&str, &str)]) -> Vec<(String, bool)> {
    let (_, text) = standdown::embedded::SCENARIOS
        .iter()
        .find(|(name, _)| *name == format!("{scenario}.toml"))
        .unwrap();
    let (read, problems) = Scenario::compile(&Source::new("x.toml", *text));
    assert_eq!(problems, []);
    let simulated = SimulatedWorld::new(read.unwrap(), chrono::Utc::now(), 200.0);
    let simulator = Simulator::listen(simulated, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let pool = Pool::new(AwsSettings {
        region: Some("eu-central-1".into()),
        rehearsal_endpoint: Some(simulator.endpoint()),
        ..AwsSettings::default()
    });
    let aws = pool.at(&Place::default()).await.unwrap();
    let mut start = aws.ssm.start_automation_execution().document_name(document);
    for (name, value) in parameters {
        start = start.parameters(*name, vec![(*value).to_owned()]);
    }
    start.send().await.unwrap();
    // Long enough for the document, and for every alarm to have seen what it did.
    while simulator.world.now() < 400.0 {
        tokio::task::yield_now().await;
    }
    let alarms = aws.cloudwatch.describe_alarms().send().await.unwrap();
    let fires = |alarm: &aws_sdk_cloudwatch::types::MetricAlarm| {
        alarm.state_value() == Some(&aws_sdk_cloudwatch::types::StateValue::Alarm)
    };
    let mut found: Vec<(String, bool)> = alarms
        .metric_alarms()
        .iter()
        .map(|alarm| (alarm.alarm_name().unwrap().to_owned(), fires(alarm)))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_right_fix_clears_the_alarm_and_a_wrong_one_makes_it_worse() {
    let service = [
        ("ClusterName", "shop"),
        ("ServiceName", "checkout"),
        ("Ask", "no"),
    ];
    let right = after("ecs-unhealthy", "restart-ecs-service", &service).await;
    let state = |found: &[(String, bool)], name: &str| {
        let alarm = found.iter().find(|(known, _)| known == name);
        alarm.unwrap_or_else(|| panic!("{name}: {found:?}")).1
    };
    assert!(
        !state(&right, "checkout-tasks-low") && !state(&right, "checkout-5xx"),
        "{right:?}"
    );
    let wrong = after("ecs-unhealthy", "stop-unhealthy-ecs-tasks", &service[..2]).await;
    assert!(
        state(&wrong, "checkout-tasks-low") && state(&wrong, "checkout-5xx"),
        "{wrong:?}"
    );
    let group = [
        ("AutoScalingGroupName", "orders-asg"),
        ("DesiredCapacity", "4"),
    ];
    let scaled = after("cpu-spike", "set-asg-capacity", &group).await;
    assert!(
        !state(&scaled, "orders-cpu-high") && !state(&scaled, "orders-latency"),
        "{scaled:?}"
    );
    let hot = [
        ("InstanceIds", "i-0a1b2c3d4e5f60718"),
        ("Unit", "orders.service"),
    ];
    let moved = after("cpu-spike", "restart-service", &hot).await;
    assert!(
        state(&moved, "orders-cpu-high") && state(&moved, "orders-latency"),
        "the load goes on: {moved:?}"
    );
    let freeing = [
        ("InstanceIds", "i-0a1b2c3d4e5f60718"),
        ("Commands", "psql -Atc \"select pg_terminate_backend(1)\""),
    ];
    let freed = after("db-connections", "run-command", &freeing).await;
    assert!(!state(&freed, "orders-database-connections"), "{freed:?}");
    let pool = [
        ("InstanceIds", "i-0a1b2c3d4e5f60718"),
        ("Url", "http://127.0.0.1:8080/admin"),
    ];
    let grown = after("db-connections", "reset-connection-pool", &pool).await;
    assert!(
        state(&grown, "orders-database-connections") && state(&grown, "orders-pool-waiting"),
        "it takes what is left: {grown:?}"
    );
    let table = [("TableName", "carts")];
    let more = after("dynamodb-throttling", "raise-dynamodb-capacity", &table).await;
    assert!(!state(&more, "carts-throttled"), "{more:?}");
}
