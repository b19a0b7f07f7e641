//! The simulator against clients that nobody here wrote.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use support::{World, run_python, run_python_of, simulate};

#[test]
fn unmodified_boto3_talks_to_it() {
    let world = World::new();
    let server = simulate(&world, "cpu-spike", "20");
    assert_eq!(
        run_python("boto3_simulator.py", &server.endpoint).trim(),
        "ok"
    );
}

#[test]
fn unmodified_boto3_reads_the_rest_of_an_account() {
    let world = World::new();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/actions/scenario.toml");
    let server = simulate(&world, scenario, "20");
    // LocalStack's boto3 is older than log alarms and mute rules.
    let said = run_python_of("moto", "boto3_account.py", &[&server.endpoint]);
    assert_eq!(said.trim(), "ok");
}

#[test]
fn older_clients_talk_to_it_in_the_query_protocol() {
    let world = World::new();
    let server = simulate(&world, "cpu-spike", "1");
    assert_eq!(run_python("boto3_query.py", &server.endpoint).trim(), "ok");
}

#[test]
fn automations_are_started_once_found_followed_and_stopped() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "20");
    let said = run_python("boto3_automation.py", &server.endpoint);
    assert_eq!(said.trim(), "ok");
}

#[test]
fn it_listens_on_loopback_only() {
    let said = World::new().run(&["simulate", "cpu-spike", "--listen", "0.0.0.0:0"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("loopback"), "{}", said.err);
}
