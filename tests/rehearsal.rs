//! Both scenarios from the first alarm to the outcome, without a screen.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use support::World;

fn play(scenario: &str) -> Value {
    let said = World::new().run(&["rehearse", scenario, "--auto", "--speed", "20", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

fn number(played: &Value, key: &str) -> f64 {
    played[key].as_f64().unwrap()
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
    assert!(
        number(&played, "diagnostics_ms") <= 1.2 * number(&played, "longest_diagnostic_ms"),
        "{played}"
    );
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
    assert!(
        number(&played, "diagnostics_ms") <= 1.2 * number(&played, "longest_diagnostic_ms"),
        "{played}"
    );
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
    assert_eq!(ids, ["cpu-spike", "db-connections", "stuck-instance"]);
    for one in list.as_array().unwrap() {
        assert!(
            (180.0..=600.0).contains(&one["lasts_seconds"].as_f64().unwrap()),
            "{one}"
        );
    }
}
