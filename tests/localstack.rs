//! The real SDK against LocalStack: an AWS that nobody here wrote.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use standdown::actions::programs::LocalPrograms;
use standdown::actions::{Context, Remotes, run};
use standdown::aws::{AwsSettings, Pool, Reach};
use standdown::redaction::Redactor;
use support::{Server, World, localstack, run_python};

/// The board as the binary prints it.
fn board(world: &World, server: &Server) -> Vec<Value> {
    let output = world
        .standdown(&["alarms", "--json"])
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn alarms_metrics_and_logs_that_others_put_are_seen() {
    let world = World::new();
    let server = localstack(&world);
    run_python("localstack_put.py", &server.endpoint);

    let alarms = board(&world, &server);
    assert_eq!(alarms.len(), 121, "every page is read");
    assert_eq!(
        (&alarms[0]["name"], &alarms[0]["state"]),
        (&json!("put-077"), &json!("ALARM")),
        "ALARM comes first"
    );
    assert_eq!(alarms[0]["reason"], "set by hand");
    assert_eq!(alarms[0]["dimensions"]["Host"], "a");

    run_python("localstack_fire.py", &server.endpoint);
    let fired = board(&world, &server)
        .into_iter()
        .find(|alarm| alarm["name"] == "evaluated")
        .unwrap();
    assert_eq!(fired["state"], "ALARM", "one that LocalStack evaluated");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(actions(&server));
}

async fn actions(server: &Server) {
    let settings = AwsSettings {
        profile: None,
        region: Some("eu-central-1".into()),
        rehearsal_endpoint: Some(server.endpoint.clone()),
        ..AwsSettings::default()
    };
    let context = Context {
        since: None,
        aws: Reach::new(Arc::new(Pool::new(settings)), None),
        secrets: Arc::from([]),
        programs: Arc::new(LocalPrograms),
        deadline: tokio::time::Instant::now() + Duration::from_secs(30),
        redactor: Redactor::default(),
        speed: 1.0,
        remotes: Remotes::unheard(),
        run: String::new(),
    };
    let metric = json!({
        "namespace": "App/Test", "name": "Steps", "dimensions": {"Host": "a"},
        "window": "20m", "period": "1m", "statistics": ["Average", "Maximum"], "threshold": 95,
    });
    let output = run("metric", metric, &context).await.unwrap();
    assert_eq!(
        (&output["maximum"], &output["last"]),
        (&json!(100.0), &json!(100.0)),
        "{output}"
    );
    assert_eq!(
        (&output["datapoints"], &output["minutes_over"]),
        (&json!(15), &json!(6.0)),
        "{output}"
    );
    assert_eq!(output["trend"], "rising", "{output}");

    let nothing = json!({"namespace": "App/Test", "name": "Nothing", "window": "20m"});
    let output = run("metric", nothing, &context).await.unwrap();
    assert_eq!(output["datapoints"], 0);

    let logs = json!({"groups": ["/app/localstack"], "pattern": "ERROR", "window": "30m"});
    let output = run("logs", logs, &context).await.unwrap();
    assert_eq!(
        (&output["events"], &output["truncated"]),
        (&json!(40), &json!(false)),
        "{output}"
    );
    assert_eq!(
        (
            &output["patterns"][0]["pattern"],
            &output["patterns"][0]["count"]
        ),
        (&json!("ERROR order * failed"), &json!(40))
    );

    let missing = run(
        "logs",
        json!({"groups": ["/no/such"], "window": "5m"}),
        &context,
    )
    .await
    .unwrap_err();
    assert!(
        missing.message.contains("logs:FilterLogEvents"),
        "{}",
        missing.message
    );
}
