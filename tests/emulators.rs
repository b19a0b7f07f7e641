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
use standdown::actions::{Context, Probe, Probing, Remotes};
use standdown::aws::{AwsSettings, Pool, Reach};
use standdown::engine::Settings;
use standdown::incident::{AttemptStatus, Intent};
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

fn settings(endpoint: &str, cli: &str) -> Settings {
    let path = environment_of(cli).join("bin");
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
    walk_with("cli", endpoint, actions).await
}

/// The same, with the AWS CLI of an environment.
async fn walk_with(
    cli: &str,
    endpoint: &str,
    actions: &[(&str, String)],
) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let first = actions[0].0;
    let handle = engine_support::open_steps(
        folder.path(),
        first,
        &steps(actions),
        settings(endpoint, cli),
    )
    .await;
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
    let mut actions = common(instance, &server.endpoint);
    let parameters = "run.aws = { service = \"ssm\", operation = \"describe-parameters\" }";
    actions.push(("parameters", parameters.to_owned()));
    let [one, two] = ["cli", "cli2"].map(|cli| {
        let found = runtime.block_on(walk_with(cli, &server.endpoint, &actions));
        common_holds(&found, instance);
        found
    });
    // Version 1 tells the second of these times as a number.
    let launched = one["instances"]["Reservations"][0]["Instances"][0]["LaunchTime"].as_str();
    assert!(launched.unwrap().ends_with('Z'), "{launched:?}");
    let changed = one["parameters"]["Parameters"][0]["LastModifiedDate"].as_str();
    assert!(changed.unwrap().ends_with('Z'), "{changed:?}");
    for name in ["instances", "parameters"] {
        assert_eq!(one[name], two[name]);
    }
}

#[test]
fn what_does_not_exist_is_not_asked_for_again() {
    let world = World::new();
    let server = moto(world.folder.path());
    let actions = [
        ("group", "retries = 3\nrun.logs = { groups = [\"/no/such\"], window = \"5m\" }".to_owned()),
        ("instance", "retries = 3\nrun.aws = { service = \"ec2\", operation = \"describe-instances\", input = { InstanceIds = [\"i-0123456789abcdef0\"] } }".to_owned()),
        ("program", "retries = 1\nrun.exec = { command = [\"false\"] }".to_owned()),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let attempts = runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&server.endpoint, "cli");
        let handle =
            engine_support::open_steps(folder.path(), "group", &steps(&actions), settings).await;
        let snapshot = engine_support::ended(&handle).await;
        let execution = snapshot.state.execution().unwrap();
        let attempts = execution.attempts.values();
        attempts.fold(BTreeMap::new(), |mut all, attempt| {
            *all.entry(attempt.step.0.to_string()).or_insert(0) += 1;
            all
        })
    });
    let wanted = [("group", 1), ("instance", 1), ("program", 2)];
    assert_eq!(
        attempts,
        wanted.map(|(step, count)| (step.to_owned(), count)).into()
    );
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

const CHILD: &str = "schemaVersion: '0.3'
description: Stops instances one by one, each once somebody agreed.
parameters:
  Instances: {type: StringList, description: Which.}
mainSteps:
  - name: each
    action: aws:loop
    timeoutSeconds: 600
    inputs:
      Iterators: '{{ Instances }}'
      Steps:
        - {name: ask, action: 'aws:approve', inputs: {Approvers: ['arn:aws:iam::123456789012:role/ops'], Message: 'Stop {{ each.CurrentIteratorValue }}?'}}
        - {name: stop, action: 'aws:executeAwsApi', inputs: {Service: ec2, Api: StopInstances, InstanceIds: ['{{ each.CurrentIteratorValue }}']}}
";

const PARENT: &str = "schemaVersion: '0.3'
description: Starts another document, and runs commands.
parameters:
  Instances: {type: StringList, description: Which.}
  Unit: {type: String, description: What., default: nginx}
mainSteps:
  - {name: own, action: 'aws:executeAutomation', timeoutSeconds: 60, inputs: {DocumentName: started-child, RuntimeParameters: {Instances: '{{ Instances }}'}}}
  - {name: gone, action: 'aws:executeAutomation', timeoutSeconds: 60, inputs: {DocumentName: not-there}}
  - {name: shell, action: 'aws:runCommand', timeoutSeconds: 60, inputs: {DocumentName: AWS-RunShellScript, InstanceIds: '{{ Instances }}', Parameters: {commands: ['systemctl restart {{ Unit }}']}}}
";

/// What a change would do, read from an account that nobody here wrote; and what becomes of it when
/// a document that it starts changes between the approval and the start.
#[test]
fn a_change_shows_what_runs_inside_other_documents_and_holds_them_to_it() {
    use standdown::actions::automation::{Reviewed, Standards, survey, unchanged};
    let world = World::new();
    let server = moto(world.folder.path());
    let folder = world.folder.path().join("playbooks/automation");
    let publish = |child: &str| {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("started-child.yaml"), child).unwrap();
        std::fs::write(folder.join("starts-others.yaml"), PARENT).unwrap();
        let playbooks = world.folder.path().join("playbooks");
        let mut command = world.standdown(&[
            "automation",
            "publish",
            "started-child",
            "starts-others",
            "--playbooks",
            playbooks.to_str().unwrap(),
        ]);
        command
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        let said = support::Said::from(command.output().unwrap());
        assert_eq!(said.code, 0, "{said:?}");
    };
    publish(CHILD);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let settings = settings(&server.endpoint, "cli");
        let aws = Reach::new(settings.aws, None);
        let context = Context {
            aws: aws.clone(),
            secrets: Arc::new([]),
            programs: settings.programs,
            redactor: settings.redactor,
            deadline: tokio::time::Instant::now() + std::time::Duration::from_mins(1),
            speed: 1.0,
            since: None,
            remotes: Remotes::unheard(),
            run: String::new(),
        };
        let intent: Intent = serde_json::from_value(json!({
            "kind": "ssm_automation",
            "parameters": {
                "document": "starts-others",
                "parameters": {"Instances": ["web-1", "web-2"]},
                "target_parameter": "Instances",
            },
            "account": "123456789012", "region": "eu-central-1", "incident": "20261121-abcdef",
            "playbook": "h", "step": "s", "visit": 1, "nonce": "00000000-0000-0000-0000-000000000001",
        }))
        .unwrap();
        let reviewed = Reviewed::default();
        let standards = Standards {
            reviewed: &reviewed,
            calendars: &[],
            alarms: &[],
        };
        let plan = survey(&intent, &context, standards).await.unwrap();
        let said: Vec<String> = plan
            .work
            .iter()
            .flat_map(|work| {
                let step = format!("{}{} {}", "  ".repeat(work.depth), work.step, work.action);
                std::iter::once(step)
                    .chain(work.says.clone())
                    .chain(work.unresolved.clone())
            })
            .collect();
        let said = said.join("\n");
        for part in [
            "own aws:executeAutomation\ndocument started-child, version 1, SHA-256 ",
            "Instances = [\"web-1\",\"web-2\"]",
            "  each aws:loop\nfor each of [\"web-1\",\"web-2\"]",
            "    ask aws:approve",
            "    stop aws:executeAwsApi\nec2:StopInstances",
            "gone aws:executeAutomation\ndocument not-there\nwhat it does cannot be read",
            "shell aws:runCommand\ndocument AWS-RunShellScript",
            "commands = systemctl restart nginx",
        ] {
            assert!(said.contains(part), "{part}\nis missing in\n{said}");
        }
        assert_eq!(plan.gates, Vec::<String>::new(), "the gate is the child's");
        let aws = aws.aws().await.unwrap();
        unchanged(&aws, &plan).await.unwrap();
        publish(&CHILD.replace("StopInstances", "TerminateInstances"));
        let otherwise = unchanged(&aws, &plan).await.unwrap_err().to_string();
        assert!(
            otherwise.contains("started-child, which starts-others starts, is no longer"),
            "{otherwise}"
        );
    });
}
