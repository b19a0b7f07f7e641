//! The timeline against the script of a scenario: what the alarms and CloudTrail tell, entry for entry.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::shop::Shop;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/telling/script.toml");

/// What was read outside, each with its source, who and what.
fn outside(entries: &Value) -> Vec<(DateTime<Utc>, String)> {
    let all = entries.as_array().unwrap().iter();
    all.filter(|one| one["source"] != "journal")
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            let actor = text("actor");
            let actor = actor.rsplit('/').next().unwrap().to_owned();
            let before = one["minutes_before_alarm"].as_i64();
            let before = before.map_or(String::new(), |minutes| format!(" ({minutes})"));
            let deployment = if one["deployment"] == true {
                " new version"
            } else {
                ""
            };
            (
                text("at").parse().unwrap(),
                format!(
                    "{} {actor} {}{deployment}{before}",
                    text("source"),
                    text("text")
                ),
            )
        })
        .collect()
}

const WANTED: [(&str, &str); 7] = [
    (
        "-14m",
        "api pipeline ecs UpdateService orders new version (4)",
    ),
    ("-12m", "api ada ssm PutParameter /shop/limits (2)"),
    (
        "-11m",
        "api eve ecs DeleteService orders failed: AccessDenied",
    ),
    ("-10m", "alarm CloudWatch orders-errors OK → ALARM"),
    ("10s", "api grace monitoring SetAlarmState orders-errors"),
    ("21s", "alarm CloudWatch orders-errors ALARM → OK"),
    ("30s", "api grace ecs UpdateService orders new version"),
];

#[test]
fn a_rehearsals_timeline_is_its_script_entry_for_entry() {
    let shop = Shop::open("high", "", "");
    // The world of a rehearsal outlives its console as long as this server runs.
    let server = crate::support::simulate(&shop.world, SCRIPT, "10");
    let arguments = ["rehearse", SCRIPT, "--simulator", &server.endpoint];
    let mut console = crate::terminal::Terminal::start(&shop.world, &arguments, 120, 40, &[]);
    console.see("orders-errs");
    console.press("\r");
    console.see("▶ Orders Errs   answers this alarm");
    console.press("\r");
    console.see("alarm orders-errors: ALARM → OK");
    // Forty of the scenario's seconds take four.
    console.until("the last of the script", |_| {
        let scripted = began(&shop) + chrono::TimeDelta::seconds(4);
        Utc::now() > scripted
    });
    console.press("n");
    console.see("Record a note");
    console.press("it is over\r");
    console.see("note: it is over");
    console.press("q");
    console.end();
    let id = incident(&shop);
    let said = shop.run(&["timeline", &id, "--json"]);
    let entries: Value = serde_json::from_str(&said.out).unwrap();
    let told = outside(&entries);
    let texts: Vec<&str> = told.iter().map(|(_, text)| without_reason(text)).collect();
    let wanted: Vec<&str> = WANTED.iter().map(|(_, text)| *text).collect();
    assert_eq!(texts, wanted);
    // To the second, as CloudTrail tells time; what comes after the beginning ten times as quick. An
    // alarm is seen at the end of its period.
    let began = began(&shop);
    for ((at, text), (offset, _)) in told.iter().zip(WANTED) {
        let scripted = offset.strip_prefix('-').map_or_else(
            || humantime::parse_duration(offset).unwrap().as_secs_f64() / 10.0,
            |before| -humantime::parse_duration(before).unwrap().as_secs_f64(),
        );
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        let apart = (*at - began).num_milliseconds() as f64 / 1000.0 - scripted;
        let late = if text.starts_with("alarm") { 12.0 } else { 1.0 };
        assert!((-1.0..=late).contains(&apart), "{text}: {apart} s");
    }
    // The rest is the record's, in its order, and nothing is told twice.
    let journal: Vec<&Value> = entries
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["source"] == "journal")
        .collect();
    let places: Vec<u64> = journal
        .iter()
        .map(|one| one["id"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(places.windows(2).all(|two| two[0] < two[1]), "{places:?}");
    let text = said.out;
    assert_eq!(text.matches("ALARM → OK").count(), 1, "{text}");
    assert_eq!(text.matches("it is over").count(), 1);
}

/// CloudWatch says why after a colon.
fn without_reason(text: &str) -> &str {
    text.split(": Threshold").next().unwrap()
}

fn incident(shop: &Shop) -> String {
    let said = shop.run(&["incidents", "--rehearsals", "--json"]);
    let all: Value = serde_json::from_str(&said.out).unwrap();
    all[0]["id"].as_str().unwrap().to_owned()
}

/// When the scenario began.
fn began(shop: &Shop) -> DateTime<Utc> {
    let said = shop.run(&["incidents", "--rehearsals", "--json"]);
    let all: Value = serde_json::from_str(&said.out).unwrap();
    all[0]["rehearsal"]["began"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn fetched_again_it_only_grows_and_is_filtered_and_paginated() {
    let shop = Shop::with(SCRIPT, "high", "", "");
    let console = shop.console(&[]);
    let id = shop.incident();
    let fetch = |more: &[&str]| -> Vec<Value> {
        let mut arguments = vec!["timeline", &id, "--json"];
        arguments.extend(more);
        let said = shop.run(&arguments);
        assert_eq!(said.code, 0, "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    };
    let first = fetch(&[]);
    let mut console = console;
    // Until the last of the script has happened.
    let mut later = first.clone();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !later.iter().any(|one| {
        one["text"] == "ecs UpdateService orders"
            && one["actor"] == "arn:aws:iam::111122223333:user/grace"
    }) {
        assert!(std::time::Instant::now() < deadline, "{later:#?}");
        later = fetch(&[]);
    }
    for one in &first {
        assert!(later.contains(one), "{one} was there before");
    }
    console.press("q");
    console.end();
    let count = |more: &[&str]| fetch(more).len();
    assert_eq!(count(&["--source", "api", "--offline"]), 5);
    assert_eq!(count(&["--source", "api,alarm", "--offline"]), 7);
    assert_eq!(count(&["--actor", "GRACE", "--offline"]), 2);
    assert_eq!(count(&["--contains", "putparameter", "--offline"]), 1);
    let api = ["--source", "api", "--offline", "--limit", "2"];
    assert_eq!(count(&api), 2);
    let page = |page: &str| fetch(&[&api[..], &["--page", page]].concat());
    assert_eq!((page("3").len(), page("4").len()), (1, 0));
    let from = page("2")[0]["at"].as_str().unwrap().to_owned();
    assert_eq!(count(&["--source", "api", "--offline", "--from", &from]), 3);
    assert_eq!(count(&["--source", "api", "--offline", "--to", &from]), 2);
    let said = shop.run(&["timeline", &id]);
    for wanted in [
        "◆ deployment 4 min before the alarm",
        "CloudTrail delivers within 15 minutes: calls after ",
    ] {
        assert!(said.out.contains(wanted), "{wanted}: {}", said.out);
    }
    let offline = shop.run(&["timeline", &id, "--offline"]);
    assert!(
        offline.out.contains("AWS was not asked again"),
        "{}",
        offline.out
    );
    assert_eq!(shop.run(&["timeline", &id, "--page", "2"]).code, 2);
}
