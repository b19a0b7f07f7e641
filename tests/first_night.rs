//! The first night on somebody's account: 150 alarms that boto3 put into LocalStack, both major versions
//! of the AWS CLI, a mail server and a receiver as Slack's. `doctor`, the board, both standard
//! playbooks, a page and a report.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test fails by panicking, and compares what was read twice"
)]

#[path = "support/inbox.rs"]
mod inbox;
#[path = "support/receiver.rs"]
mod receiver;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use inbox::Inbox;
use receiver::Receiver;
use serde_json::{Value, json};
use support::{Said, Server, World, environment_of, localstack, run_python};
use terminal::Terminal;

const ALARMS: usize = 150;
/// How long a walk may take: its diagnostics are tried three times where LocalStack lacks the service.
const WALK: Duration = Duration::from_mins(4);

struct Night {
    world: World,
    server: Server,
    slack: Receiver,
}

impl Night {
    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = self.server.environment();
        let cli = environment_of("cli2").join("bin");
        all.push(("PATH", format!("{}:/usr/bin:/bin", cli.display())));
        all.push(("HOOK", self.slack.url.clone()));
        all
    }

    fn standdown(&self, arguments: &[&str]) -> Said {
        let mut command = self.world.standdown(arguments);
        command.envs(self.environment());
        Said::from(command.output().unwrap())
    }

    /// What the AWS CLI of an environment answers.
    fn aws(&self, cli: &str, arguments: &[&str]) -> Value {
        let output = Command::new(environment_of(cli).join("bin/aws"))
            .args(arguments)
            .args(["--output", "json"])
            .env_clear()
            .envs(self.environment())
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .env("HOME", self.world.folder.path())
            .output()
            .unwrap();
        let said = Said::from(output);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    fn console(&self, rows: u16) -> Terminal {
        let all = self.environment();
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, &**value)).collect();
        Terminal::start(&self.world, &[], 190, rows, &all)
    }
}

/// Compares what the board says of each alarm with what the AWS CLI says; returns what differs.
fn differences(night: &Night, cli: &str, board: &[Value]) -> Vec<String> {
    let theirs = night.aws(
        cli,
        &[
            "cloudwatch",
            "describe-alarms",
            "--alarm-types",
            "MetricAlarm",
            "CompositeAlarm",
        ],
    );
    let both = ["MetricAlarms", "CompositeAlarms"];
    let theirs: Vec<&Value> = both
        .iter()
        .flat_map(|kind| theirs[kind].as_array().unwrap())
        .collect();
    assert_eq!((theirs.len(), board.len()), (ALARMS, ALARMS));
    let mine: BTreeMap<&str, &Value> = board
        .iter()
        .map(|alarm| (alarm["name"].as_str().unwrap(), alarm))
        .collect();
    let mut wrong = Vec::new();
    for alarm in theirs {
        let name = alarm["AlarmName"].as_str().unwrap();
        let mine = mine[name];
        let statistic = match &alarm["Statistic"] {
            Value::Null => &alarm["ExtendedStatistic"],
            statistic => statistic,
        };
        let mut dimensions = json!({});
        for one in alarm["Dimensions"].as_array().into_iter().flatten() {
            dimensions[one["Name"].as_str().unwrap()] = one["Value"].clone();
        }
        let description = alarm["AlarmDescription"].as_str().unwrap_or_default();
        for (field, theirs) in [
            ("state", &alarm["StateValue"]),
            ("reason", &alarm["StateReason"]),
            ("arn", &alarm["AlarmArn"]),
            ("description", &json!(description)),
            ("threshold", &alarm["Threshold"]),
            ("comparison", &alarm["ComparisonOperator"]),
            ("namespace", &alarm["Namespace"]),
            ("metric", &alarm["MetricName"]),
            ("dimensions", &dimensions),
            ("statistic", statistic),
            ("period", &alarm["Period"]),
            ("unit", &alarm["Unit"]),
            ("actions_enabled", &alarm["ActionsEnabled"]),
            ("rule", &alarm["AlarmRule"]),
        ] {
            if mine[field] != *theirs {
                wrong.push(format!(
                    "{field} of {name}: {} and not {theirs}",
                    mine[field]
                ));
            }
        }
    }
    wrong
}

/// Compares values with what the AWS CLI reads for the same period; returns how many, and what differs.
fn values(night: &Night, board: &[Value]) -> (usize, Vec<String>) {
    let mut wrong = Vec::new();
    let valued = board.iter().filter(|alarm| {
        let simple = alarm["statistic"]
            .as_str()
            .is_some_and(|one| !one.starts_with('p'));
        simple && alarm["value"].is_number() && alarm["period"].as_i64() >= Some(60)
    });
    // Each call starts a program.
    let valued: Vec<&Value> = valued.take(25).collect();
    for alarm in &valued {
        let text = |field: &str| alarm[field].as_str().unwrap();
        let until: chrono::DateTime<chrono::Utc> = text("values_until").parse().unwrap();
        let period = alarm["period"].as_i64().unwrap();
        let from = until - chrono::TimeDelta::seconds(period);
        let dimensions: Vec<Value> = alarm["dimensions"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect();
        let mut input = json!({
            "Namespace": alarm["namespace"], "MetricName": alarm["metric"], "Dimensions": dimensions,
            "StartTime": from.to_rfc3339(), "EndTime": until.to_rfc3339(), "Period": period,
            "Statistics": [alarm["statistic"]],
        });
        if alarm["unit"].is_string() {
            input["Unit"] = alarm["unit"].clone();
        }
        let answer = night.aws(
            "cli2",
            &[
                "cloudwatch",
                "get-metric-statistics",
                "--cli-input-json",
                &input.to_string(),
            ],
        );
        let theirs = &answer["Datapoints"][0][text("statistic")];
        if theirs.as_f64() != alarm["value"].as_f64() {
            wrong.push(format!(
                "{}: {} and not {theirs}",
                text("name"),
                alarm["value"]
            ));
        }
    }
    (valued.len(), wrong)
}

/// Whether a row of the screen is one of the list that a key answers: `  2  Escalate`.
fn option(row: &str) -> Option<(&str, &str)> {
    let row = row.rsplit("  ").count().gt(&1).then_some(row)?;
    let at = row.find(|c: char| c.is_ascii_digit())?;
    let (key, rest) = row[at..].split_at(1);
    let before_is_blank = row[..at].ends_with("  ");
    (before_is_blank && rest.starts_with("  ")).then(|| (key, rest.trim()))
}

/// Walks a playbook of an alarm to its end as somebody does who knows nothing: answers what is asked,
/// escalates where that is proposed, and takes the last path.
fn walk(night: &Night, alarm: &str, playbook: &str, instance: &str) -> String {
    let mut console = night.console(60);
    let first = console.until("the board", |screen| {
        screen.contains(" in ALARM") || screen.contains("unfinished incidents")
    });
    if first.contains("unfinished incidents") {
        console.press("\u{1b}");
        console.see(" in ALARM");
    }
    // The filter of the last console is remembered.
    console.press(&format!("/\u{15}{alarm}\r"));
    console.see(&format!(
        "▶● ALARM  {}",
        if alarm.contains("db") { "crit" } else { "high" }
    ));
    console.press("\r");
    console.see(&format!("▶ {playbook}"));
    console.press("\r");
    let deadline = Instant::now() + WALK;
    let mut last = String::new();
    loop {
        assert!(
            Instant::now() < deadline,
            "{alarm} does not end:\n{}",
            console.screen()
        );
        let screen = console.until("something else to do", |screen| {
            screen != last
                && (screen.contains("The playbook ended")
                    || screen.contains("a  escalate now")
                    || screen.contains("Choose a path")
                    || screen.contains("Enter  answer")
                    || screen.contains("Enter next")
                    || screen.contains("f decline")
                    || screen.contains("d done"))
        });
        last.clone_from(&screen);
        if screen.contains("The playbook ended") {
            console.press("q");
            console.end();
            return screen;
        }
        if screen.contains("Enter next") {
            if screen.contains("The playbook asks") {
                console.press(&format!("\u{15}{instance}\r"));
            } else if screen.contains("yes or no") && !screen.contains("> no") {
                console.press("\u{15}no\r");
            } else {
                console.press("\u{15}I looked at it\r");
            }
        } else if screen.contains("Enter  answer") {
            console.press("\r");
        } else if screen.contains("a  escalate now") {
            console.press("a");
        } else if screen.contains("Choose a path") {
            let last_path = screen.lines().filter_map(option).next_back();
            let (key, _) = last_path.unwrap_or_else(|| panic!("no path:\n{screen}"));
            console.press(key);
        } else if screen.contains("d done") {
            console.press("d");
        } else {
            console.press("f");
        }
    }
}

#[test]
fn the_first_night_on_an_account() {
    let mut inbox = Inbox::open();
    let world = World::new();
    let server = localstack(&world);
    let count = run_python("first_night_put.py", &server.endpoint);
    assert_eq!(count.trim(), ALARMS.to_string());
    let night = Night {
        world,
        server,
        slack: Receiver::answering(&[]),
    };
    let channels = format!(
        "[[channels]]\nname = \"mail\"\nkind = \"email\"\nserver = \"smtp://127.0.0.1:{}\"\nfrom = \"standdown@example.com\"\nto = [\"on-call@example.com\"]\n[[channels]]\nname = \"slack\"\nkind = \"slack\"\nsecret = \"env:HOOK\"\n",
        inbox.port
    );
    night.world.write("config/standdown/config.toml", channels);
    night.world.write(
        "playbooks/escalation.toml",
        "format = 1\n[contacts.call]\nname = \"on-call\"\nchannels = [\"mail\", \"slack\"]\n[[paths.primary.levels]]\ncontacts = [\"call\"]\nwait = \"10m\"\n[[paths.database.levels]]\ncontacts = [\"call\"]\nwait = \"10m\"\n",
    );
    doctor(&night);
    let board = night.standdown(&["alarms", "--json", "--within", "60"]);
    assert_eq!(board.code, 0, "{}", board.err);
    let board: Vec<Value> = serde_json::from_str(&board.out).unwrap();
    for cli in ["cli", "cli2"] {
        let wrong = differences(&night, cli, &board);
        assert!(
            wrong.is_empty(),
            "{cli}: {} differences:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
    let (compared, wrong) = values(&night, &board);
    assert!(
        compared >= 20 && wrong.is_empty(),
        "{compared} values compared: {wrong:?}"
    );
    let instances = night.aws("cli", &["ec2", "describe-instances"]);
    let instance = instances["Reservations"][0]["Instances"][0]["InstanceId"]
        .as_str()
        .unwrap();
    for (alarm, playbook) in [
        ("orders-cpu", "High CPU Utilization Investigation"),
        (
            "orders-db-connections",
            "Database Connection Issues Investigation",
        ),
    ] {
        walk(&night, alarm, playbook, instance);
    }
    let mail = inbox.next();
    assert_eq!(mail["to"], json!(["on-call@example.com"]), "{mail}");
    let chat = night.slack.got();
    assert!(
        chat.iter().any(|got| got.text.contains("orders-")),
        "{chat:?}"
    );
    let listed = night.standdown(&["incidents", "--json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(listed.len(), 2);
    for incident in &listed {
        let id = incident["id"].as_str().unwrap();
        let report = night.standdown(&["report", id]);
        assert_eq!(report.code, 0, "{report:?}");
        assert!(report.out.contains("orders-"), "{report:?}");
    }
}

fn doctor(night: &Night) {
    let began = Instant::now();
    let said = night.standdown(&["doctor"]);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert!(
        said.out.contains("Ready for the night") || said.out.contains(" 1. "),
        "{}",
        said.out
    );
}
