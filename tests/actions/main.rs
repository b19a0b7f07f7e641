//! Every action that reads, against the simulated AWS, whose answers boto3 validates.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use standdown::actions::{ActionError, Context, Remotes, run};
use standdown::aws::{AwsSettings, Place, Pool, Reach};
use standdown::document::Source;
use standdown::incident::AttemptStatus;
use standdown::playbook::SecretSource;
use standdown::redaction::Redactor;
use standdown::rehearsal::{RehearsedPrograms, Scenario, Simulator, World};

struct Account {
    simulator: Simulator,
    context: Context,
}

async fn account(speed: f64) -> Account {
    account_with(speed, "").await
}

async fn account_with(speed: f64, more: &str) -> Account {
    let text = format!("{}\n{more}", include_str!("scenario.toml"));
    let source = Source::new("scenario.toml", text.as_str());
    let (scenario, problems) = Scenario::compile(&source);
    assert_eq!(problems, []);
    let world = World::new(scenario.unwrap(), chrono::Utc::now(), speed);
    let simulator = Simulator::listen(world, SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let settings = AwsSettings {
        profile: None,
        region: Some("eu-central-1".into()),
        rehearsal_endpoint: Some(simulator.endpoint()),
        ..AwsSettings::default()
    };
    let context = Context {
        since: None,
        aws: Reach::new(Arc::new(Pool::new(settings)), None),
        secrets: Arc::from([("db".to_owned(), SecretSource::Ssm("/prod/db/ro".into()))]),
        programs: Arc::new(RehearsedPrograms {
            simulator: simulator.address,
        }),
        deadline: tokio::time::Instant::now() + Duration::from_secs(20),
        redactor: Redactor::default(),
        speed,
        remotes: Remotes::unheard(),
        run: String::new(),
    };
    Account { simulator, context }
}

impl Account {
    async fn run(&self, kind: &str, parameters: Value) -> Value {
        let result = run(kind, parameters, &self.context).await;
        result.unwrap_or_else(|error| panic!("{kind}: {error:?}"))
    }

    async fn fails(&self, kind: &str, parameters: Value) -> ActionError {
        run(kind, parameters, &self.context).await.unwrap_err()
    }

    fn calls(&self, operation: &str) -> u64 {
        self.simulator.world.counted()["calls"][operation]
            .as_u64()
            .unwrap_or_default()
    }
}

fn metric(name: &str) -> Value {
    json!({"namespace": "Shop", "name": name, "dimensions": {"Service": "web"}, "window": "15m"})
}

#[tokio::test]
async fn metrics_are_read_with_math_searches_bands_and_baselines() {
    let account = account(1.0).await;
    let mut plain = metric("Errors");
    plain["statistics"] = json!(["Maximum", "p99", "Average"]);
    plain["threshold"] = 30.into();
    let output = account.run("metric", plain.clone()).await;
    assert_eq!(
        (&output["value"], &output["last"]),
        (&json!(40.0), &json!(40.0))
    );
    assert_eq!(output["statistics"]["p99"]["last"], 40.0);
    assert!(output["minutes_over"].as_f64().unwrap() >= 14.0, "{output}");

    plain["baseline"] = "7d".into();
    let output = account.run("metric", plain).await;
    assert_eq!(output["baseline"]["days"], 7, "{output}");
    assert_eq!(output["baseline"]["average"], 10.0);
    assert_eq!(output["baseline"]["ratio"], 4.0);

    let part = |name: &str| json!({"namespace": "Shop", "name": name, "dimensions": {"Service": "web"}, "statistic": "Sum"});
    let math = json!({
        "expression": "100 * errors / requests", "window": "15m",
        "metrics": {"errors": part("Errors"), "requests": part("Requests")},
    });
    let output = account.run("metric", math).await;
    assert_eq!(output["last"], 20.0, "{output}");

    let search = json!({
        "search": "{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"", "window": "10m", "statistics": ["Average"],
    });
    let output = account.run("metric", search).await;
    assert_eq!(
        (&output["count"], &output["highest"], &output["lowest"]),
        (
            &json!(2),
            &json!("i-0bbbbbbbbbbbbbbbb"),
            &json!("i-0aaaaaaaaaaaaaaaa")
        ),
        "{output}"
    );
    let mut band = metric("Errors");
    band["window"] = "1h".into();
    band["band"] = json!(1.0);
    let output = account.run("metric", band).await;
    assert!(output["minutes_outside"].as_f64().is_some(), "{output}");
    assert!(output["band"]["upper"].as_f64() > output["band"]["lower"].as_f64());
}

#[tokio::test]
async fn the_history_of_an_alarm_is_read() {
    let account = account(1.0).await;
    let output = account
        .run("alarm_history", json!({"alarm": "web-5xx", "window": "1h"}))
        .await;
    assert_eq!(
        (&output["count"], &output["state"]),
        (&json!(1), &json!("ALARM")),
        "{output}"
    );
    assert!(
        output["minutes_in_alarm"].as_f64().unwrap() > 20.0,
        "{output}"
    );
    assert_eq!(output["flapping"], false);
}

#[tokio::test]
async fn json_logs_are_counted_by_field_and_followed() {
    let account = account(20.0).await;
    let logs = json!({"groups": ["/app/web"], "window": "5m", "fields": ["level", "http.status"]});
    let output = account.run("logs", logs.clone()).await;
    assert_eq!(output["events"], output["json"], "{output}");
    let values = &output["fields"]["http.status"]["values"];
    assert_eq!(
        (&values[0]["value"], &values[1]["value"]),
        (&json!(200), &json!(500))
    );
    let counts: u64 = values
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["count"].as_u64().unwrap())
        .sum();
    assert_eq!(counts, output["events"].as_u64().unwrap());
    let patterns = output["patterns"].as_array().unwrap();
    let named = |name: &str| patterns.iter().any(|one| one["name"] == name);
    assert!(named("info: order * done"), "{output}");
    // Errors stand before the rest, however many there are.
    assert_eq!(patterns[0]["level"], "error", "{output}");

    let one = json!({"groups": ["/app/web"], "window": "5m", "streams": ["a"]});
    let alone = account.run("logs", one).await;
    assert_eq!(alone["patterns"].as_array().unwrap().len(), 1, "{alone}");

    let mut follow = logs;
    follow["follow"] = "2s".into();
    let followed = account.run("logs", follow).await;
    assert!(
        followed["events"].as_u64() > output["events"].as_u64(),
        "{followed}"
    );
}

#[tokio::test]
async fn an_insights_query_is_followed_typed_and_stopped() {
    let account = account(20.0).await;
    let query = |text: &str| json!({"groups": ["/app/web"], "query": text, "window": "1h"});
    let output = account.run("logs_insights", query("fields @message")).await;
    assert_eq!(output["rows"][0]["errors"], 42);
    assert_eq!(output["rows"][1]["share"], 1.5);
    assert!(output["rows"][0].get("@ptr").is_none());
    assert_eq!(output["statistics"]["records_scanned"], 5000.0);

    let error = account.fails("logs_insights", query("it fails")).await;
    assert!(error.message.contains("Failed"), "{error:?}");
    let error = account.fails("logs_insights", query("nobody knows")).await;
    assert!(error.message.contains("logs:StartQuery"), "{error:?}");

    let hurried = Context {
        deadline: tokio::time::Instant::now() + Duration::from_secs(1),
        ..account.context.clone()
    };
    let error = run("logs_insights", query("slow"), &hurried)
        .await
        .unwrap_err();
    assert_eq!(error.status, AttemptStatus::TimedOut);
    while account.calls("StopQuery") == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn changes_name_who_deployed_and_leave_reads_out() {
    let account = account(1.0).await;
    let ask = |sweep: bool| json!({"resources": ["web"], "window": "2h", "sweep": sweep});
    let output = account.run("changes", ask(false)).await;
    assert_eq!(
        (&output["count"], &output["deployments"]),
        (&json!(1), &json!(1)),
        "{output}"
    );
    assert_eq!(
        output["changes"][0]["actor"],
        "arn:aws:sts::111122223333:assumed-role/deploy/ci"
    );
    let output = account.run("changes", ask(true)).await;
    assert_eq!(output["count"], 2, "the website is not web: {output}");
}

#[tokio::test]
async fn a_command_goes_to_those_online_and_by_tag() {
    let account = account(20.0).await;
    let ids = [
        "i-0aaaaaaaaaaaaaaaa",
        "i-0bbbbbbbbbbbbbbbb",
        "i-0cccccccccccccccc",
    ];
    let command = json!({"instances": ids, "commands": ["uptime"], "read_only": true});
    let error = account.fails("ssm_command", command).await;
    let output = error.output.unwrap();
    assert_eq!(
        (&output["succeeded"], &output["failed"]),
        (&json!(1), &json!(2)),
        "{output}"
    );
    assert_eq!(output["offline"], json!([ids[2]]));
    assert_eq!(output["instances"][ids[1]]["exit_code"], 1);
    assert!(
        error.message.contains("ConnectionLost"),
        "{}",
        error.message
    );

    let tagged = json!({
        "tags": {"Role": "web"}, "commands": ["uptime"], "read_only": true,
        "max_concurrency": "50%", "max_errors": "1", "capture": {"load": "load ([0-9.]+)"},
    });
    let output = account.fails("ssm_command", tagged).await.output.unwrap();
    assert_eq!(
        (&output["total"], &output["succeeded"]),
        (&json!(2), &json!(1)),
        "{output}"
    );
    assert_eq!(output["captured"]["load"], json!([1.5, 9.5]));

    let hashed = json!({
        "instances": [ids[0]], "commands": ["uptime"], "read_only": true, "document_hash": "0".repeat(64),
    });
    let error = account.fails("ssm_command", hashed).await;
    assert!(
        error.message.contains("InvalidDocumentContent"),
        "{}",
        error.message
    );

    let nobody = json!({"instances": [ids[2]], "commands": ["uptime"], "read_only": true});
    let sent = account.calls("SendCommand");
    let error = account.fails("ssm_command", nobody).await;
    assert!(
        error.message.contains("nothing was sent"),
        "{}",
        error.message
    );
    assert_eq!(account.calls("SendCommand"), sent);
}

#[tokio::test]
async fn a_log_group_is_read_by_its_arn() {
    let account = account(1.0).await;
    let arn = |end: &str| format!("arn:aws:logs:eu-central-1:111122223333:log-group:/app/web{end}");
    let ask = |group: &str| json!({"groups": [group], "window": "3h"});
    let named = account.run("logs", ask("/app/web")).await;
    assert!(named["events"].as_u64().unwrap() > 0, "{named}");
    for end in ["", ":*"] {
        let found = account.run("logs", ask(&arn(end))).await;
        assert_eq!(found["events"], named["events"], "{end}: {found}");
    }
    let elsewhere = arn("").replace("eu-central-1", "us-east-1");
    let error = account.fails("logs", ask(&elsewhere)).await;
    assert!(
        error
            .message
            .contains("write `at = { region = \"us-east-1\" }`"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn an_instance_that_systems_manager_refuses_fails_alone() {
    let blind = "[[faults]]\noperation = \"DescribeInstanceInformation\"\nkind = \"deny\"\n";
    let account = account_with(20.0, blind).await;
    let ids = [
        "i-0aaaaaaaaaaaaaaaa",
        "i-0dddddddddddddddd",
        "i-0eeeeeeeeeeeeeeee",
    ];
    let command = json!({"instances": ids, "commands": ["uptime"], "read_only": true});
    let error = account.fails("ssm_command", command).await;
    let output = error.output.unwrap();
    assert_eq!(output["succeeded"], 1, "{output}");
    for id in &ids[1..] {
        assert_eq!(output["instances"][id]["status"], "Refused", "{output}");
        assert!(
            error.message.contains(&format!("{id}: Systems Manager")),
            "{}",
            error.message
        );
    }
    assert!(
        error.message.contains("2 of 3 instances failed"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn in_a_rehearsal_the_scenario_answers_probes() {
    let account = account(20.0).await;
    let error = account
        .fails("http", json!({"url": "https://shop.example/health"}))
        .await;
    assert_eq!(error.message, "the status is 503, and not one below 400");
    assert_eq!(error.output.unwrap()["latency_ms"], 12.5);
    let wanted =
        json!({"url": "https://shop.example/health", "status": [503], "body_match": "^down"});
    assert_eq!(account.run("http", wanted).await["matched"], true);
    let output = account.run("dns", json!({"name": "shop.example"})).await;
    assert_eq!(output["records"], json!(["192.0.2.1"]));
    let error = account
        .fails("tcp", json!({"host": "10.0.0.1", "port": 5432}))
        .await;
    assert!(
        error
            .message
            .contains("has no answer to: tcp 10.0.0.1:5432"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn planned_work_is_what_runs_and_what_comes() {
    let account = account(1.0).await;
    let aws = account.context.aws.aws().await.unwrap();
    let found = standdown::alarms::planned(&aws, &Place::new("", "eu-central-1"), 12)
        .await
        .unwrap();
    let titles: Vec<&str> = found.iter().map(|one| one.title.as_str()).collect();
    assert!(
        titles.contains(&"maintenance window backup runs"),
        "{titles:?}"
    );
    assert!(
        titles.contains(&"maintenance window patching"),
        "{titles:?}"
    );
}
