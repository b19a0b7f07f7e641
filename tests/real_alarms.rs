//! Alarm definitions as people really write them, as a board. Where they are is said by
//! `STANDDOWN_ALARMS`, or they lie beside the project; without them there is nothing to show.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use support::{World, localstack, run_python_of};

fn definitions() -> Option<PathBuf> {
    let named = std::env::var_os("STANDDOWN_ALARMS").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/alarms.json");
    named.or(Some(beside)).filter(|path| path.exists())
}

#[test]
fn each_is_shown_as_it_was_defined() {
    let Some(path) = definitions() else {
        println!("no alarm definitions here: set STANDDOWN_ALARMS to a file of them");
        return;
    };
    let defined: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let world = World::new();
    let server = localstack(&world);
    let text = run_python_of(
        "python",
        "alarms_put.py",
        &[&server.endpoint, path.to_str().unwrap()],
    );
    let put: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(put.len(), defined.len());

    let run = |arguments: &[&str]| {
        let output = world
            .standdown(arguments)
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .output()
            .unwrap();
        let said = support::Said::from(output);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    let shown: Vec<Value> = serde_json::from_str(&run(&["alarms", "--json"])).unwrap();
    assert_eq!(shown.len(), defined.len());
    for alarm in &shown {
        let put = &put[alarm["name"].as_str().unwrap()];
        let same = |mine: &str, theirs: &str| {
            assert_eq!(
                alarm[mine], put[theirs],
                "{mine} of {}: {put}",
                alarm["name"]
            );
        };
        same("comparison", "ComparisonOperator");
        same("description", "AlarmDescription");
        if put.get("Metrics").is_none() {
            same("namespace", "Namespace");
            same("metric", "MetricName");
            same("period", "Period");
            let statistic = put.get("Statistic").or(put.get("ExtendedStatistic"));
            assert_eq!(Some(&alarm["statistic"]), statistic);
            let dimensions: BTreeMap<&str, &str> = put["Dimensions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| {
                    (
                        one["Name"].as_str().unwrap(),
                        one["Value"].as_str().unwrap(),
                    )
                })
                .collect();
            assert_eq!(alarm["dimensions"], serde_json::json!(dimensions));
        }
        if put.get("Threshold").is_some() {
            assert_eq!(alarm["threshold"].as_f64(), put["Threshold"].as_f64());
        }
    }
    let unanswered = run(&["alarms", "--without-playbook"]);
    println!("{}", unanswered.lines().last().unwrap());
    assert!(
        unanswered.contains("are answered by a playbook"),
        "{unanswered}"
    );
}
