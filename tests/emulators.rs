//! Playbook steps from end to end against emulated AWS that nobody here wrote, with the real AWS
//! CLI: LocalStack and moto, as far as each of them goes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "a test fails by panicking, and need not be fast"
)]

#[path = "support/engine.rs"]
mod engine_support;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use standdown::actions::programs::{Invocation, LocalPrograms, Programs, Running};
use standdown::actions::{Probe, Probing};
use standdown::aws::{AwsSettings, Pool};
use standdown::engine::Settings;
use standdown::incident::AttemptStatus;
use standdown::playbook::SecretSource;
use support::{World, environment_of, localstack, run_python_of};

/// This machine's programs, with an environment that leads the AWS CLI to the emulator.
struct Led(BTreeMap<String, String>);

impl Programs for Led {
    fn run(&self, mut invocation: Invocation) -> Running<'_> {
        invocation.environment.extend(self.0.clone());
        LocalPrograms.run(invocation)
    }

    fn probe(&self, probe: Probe) -> Probing<'_> {
        Box::pin(probe.ask())
    }

    fn secret(&self, source: &SecretSource) -> Option<Result<String, String>> {
        LocalPrograms.secret(source)
    }
}

fn settings(endpoint: &str) -> Settings {
    let path = environment_of("cli").join("bin");
    let aws = path.join("aws");
    assert!(aws.exists(), "{} is missing", aws.display());
    let led = BTreeMap::from([
        (
            "PATH".to_owned(),
            format!("{}:/usr/bin:/bin", path.display()),
        ),
        ("AWS_ENDPOINT_URL".to_owned(), endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID".to_owned(), "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), "test".to_owned()),
    ]);
    let pool = Pool::new(AwsSettings {
        profile: None,
        region: Some("eu-central-1".into()),
        rehearsal_endpoint: Some(endpoint.to_owned()),
        ..AwsSettings::default()
    });
    Settings {
        aws: Arc::new(pool),
        ..engine_support::with_programs(Arc::new(Led(led)))
    }
}

/// One step for each action, one after the other; each has `output` under its own name.
fn steps(actions: &[(&str, String)]) -> String {
    let mut text = String::from("[secrets.db]\nfrom = \"ssm:/prod/db/ro\"\n");
    for (index, (name, run)) in actions.iter().enumerate() {
        let next = actions.get(index + 1).map_or("end", |(name, _)| name);
        text.push_str(&format!(
            "\n[[steps]]\nid = \"{name}\"\nkind = \"automated\"\ntitle = \"t\"\ndescription = \"d\"\nexpect = \"e\"\noutput = \"{name}\"\non_failure = \"continue\"\ntimeout = \"50s\"\nnext = \"{next}\"\n{run}\n"
        ));
    }
    text.push_str("\n[[steps]]\nid = \"end\"\nkind = \"outcome\"\ntitle = \"t\"\ndescription = \"d\"\noutcome = \"resolved\"\n");
    text
}

/// Walks the steps to their end, and returns each one's output; every one must have succeeded.
async fn walk(endpoint: &str, actions: &[(&str, String)]) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let first = actions[0].0;
    let handle =
        engine_support::open_steps(folder.path(), first, &steps(actions), settings(endpoint)).await;
    let snapshot = engine_support::ended(&handle).await;
    let execution = snapshot.state.execution().unwrap();
    for attempt in execution.attempts.values() {
        let (result, _) = attempt.end.as_ref().unwrap();
        assert_eq!(
            result.status,
            AttemptStatus::Succeeded,
            "{}: {result:?}",
            attempt.step
        );
    }
    assert!(
        !format!("{:?}", snapshot.events).contains("correct-horse"),
        "the secret is in the record"
    );
    execution
        .outputs
        .iter()
        .map(|(name, output)| (name.clone(), (*output.json).clone()))
        .collect()
}

fn common(instance: &str, endpoint: &str) -> Vec<(&'static str, String)> {
    let host = endpoint.trim_start_matches("http://");
    let (host, port) = host.split_once(':').unwrap();
    vec![
        ("errors", "run.logs = { groups = [\"/app/web\"], pattern = \"ERROR\", window = \"30m\" }".into()),
        ("query", "run.logs_insights = { groups = [\"/app/web\"], query = \"fields @message\", window = \"30m\" }\nprefetch = true".into()),
        ("command", format!("run.ssm_command = {{ instances = [\"{instance}\"], commands = [\"uptime\"], read_only = true }}")),
        ("instances", "run.aws = { service = \"ec2\", operation = \"describe-instances\", input = { Filters = [{ Name = \"tag:Role\", Values = [\"web\"] }] } }".into()),
        ("secret", "run.exec = { command = [\"sh\", \"-c\", \"printf %s \\\"$PW\\\" | wc -c; echo $PW\"], environment = { PW = \"{{ secrets.db }}\" } }".into()),
        ("port", format!("run.tcp = {{ host = \"{host}\", port = {port} }}")),
    ]
}

fn common_holds(found: &BTreeMap<String, Value>, instance: &str) {
    assert_eq!(
        found["errors"]["patterns"][0]["count"], 30,
        "{}",
        found["errors"]
    );
    assert!(
        found["query"]["count"].as_u64().unwrap() >= 30,
        "{}",
        found["query"]
    );
    assert_eq!(found["command"]["instances"][instance]["status"], "Success");
    let reservation = &found["instances"]["Reservations"][0]["Instances"][0];
    assert_eq!(reservation["InstanceId"], instance);
    // It reached the program, and nothing else.
    assert_eq!(found["secret"]["lines"], 2);
    assert!(
        found["secret"]["output"]
            .as_str()
            .unwrap()
            .starts_with("21\n"),
        "{}",
        found["secret"]
    );
    assert_eq!(found["port"]["open"], true);
}

#[test]
fn localstack_from_end_to_end_and_watched() {
    let world = World::new();
    let server = localstack(&world);
    let instance = run_python_of(
        "python",
        "emulator_put.py",
        &[&server.endpoint, "cloudwatch"],
    );
    let instance = instance.trim();
    let mut actions = common(instance, &server.endpoint);
    actions.extend([
        ("metric", "run.metric = { namespace = \"Shop\", name = \"Errors\", dimensions = { Service = \"web\" }, window = \"20m\", threshold = 95 }".to_owned()),
        ("history", "run.alarm_history = { alarm = \"web-errors\", window = \"1h\" }".to_owned()),
        ("health", format!("run.http = {{ url = \"{}/_localstack/health\", body_match = \"cloudwatch\" }}", server.endpoint)),
    ]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(walk(&server.endpoint, &actions));
    common_holds(&found, instance);
    assert_eq!(
        (&found["metric"]["last"], &found["metric"]["datapoints"]),
        (&json!(100.0), &json!(15))
    );
    assert_eq!(found["history"]["state"], "ALARM", "{}", found["history"]);
    assert!(found["history"]["count"].as_u64().unwrap() >= 1);
    assert_eq!(
        (&found["health"]["status"], &found["health"]["matched"]),
        (&json!(200), &json!(true))
    );

    // The watcher opens the incident by itself, and the evidence is there.
    let text = engine_support::playbook_from("errors", &steps(&actions)).replace(
        "[[answers]]\nname = \"*\"",
        "[[answers]]\nnamespace = \"Shop\"",
    );
    world.write("playbooks/web.toml", text);
    let mut watch = world.standdown(&["watch", "--once"]);
    for (name, value) in settings_environment(&server.endpoint) {
        watch.env(name, value);
    }
    let said = support::Said::from(watch.output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("for web-errors: "), "{said:?}");
    let id = said.out.split_whitespace().nth(1).unwrap().to_owned();
    let export = world.run(&["export", &id]).out;
    assert!(
        !export.contains("step_arrived") && export.contains("\"patterns\""),
        "{export}"
    );
    let again = {
        let mut watch = world.standdown(&["watch", "--once"]);
        for (name, value) in settings_environment(&server.endpoint) {
            watch.env(name, value);
        }
        support::Said::from(watch.output().unwrap())
    };
    assert!(
        !again.out.contains("opened"),
        "the same alarm once: {again:?}"
    );
}

fn settings_environment(endpoint: &str) -> Vec<(&'static str, String)> {
    let path = environment_of("cli").join("bin");
    vec![
        ("PATH", format!("{}:/usr/bin:/bin", path.display())),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

struct Moto {
    child: Child,
    endpoint: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts moto's server, which says on its standard error where it listens.
fn moto(folder: &Path) -> Moto {
    use std::io::{BufRead as _, BufReader};
    let mut child = Command::new(environment_of("moto").join("bin/moto_server"))
        .args(["-H", "127.0.0.1", "-p", "0"])
        .current_dir(folder)
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let endpoint = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()))
        .unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    Moto { child, endpoint }
}

#[test]
fn moto_from_end_to_end() {
    let world = World::new();
    let server = moto(world.folder.path());
    let instance = run_python_of("python", "emulator_put.py", &[&server.endpoint]);
    let instance = instance.trim();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(walk(&server.endpoint, &common(instance, &server.endpoint)));
    common_holds(&found, instance);
}

#[test]
fn automation_documents_are_published_to_an_account_that_nobody_here_wrote() {
    let world = World::new();
    let server = moto(world.folder.path());
    let said = |arguments: &[&str]| {
        let mut command = world.standdown(arguments);
        command
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        support::Said::from(command.output().unwrap())
    };
    let before = said(&["automation", "diff"]);
    assert!(
        before.code == 1 && before.out.contains("not in the account"),
        "{before:?}"
    );
    let published = said(&["automation", "publish"]);
    assert_eq!(published.code, 0, "{published:?}");
    assert_eq!(
        published.out.matches(": created").count(),
        18,
        "{published:?}"
    );
    let after = said(&["automation", "diff"]);
    assert_eq!(after.code, 0, "{after:?}");
    let listed = said(&["automation", "list"]);
    assert_eq!(listed.out.matches("version 1").count(), 18, "{listed:?}");
}
