//! Forty kinds of secrets through every entrance: none in the store, the export or on a screen.
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use support::{World, simulate};
use terminal::Terminal;

const SECRETS: &str = include_str!("support/secrets.txt");
const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAsecretsecret\nqk7aBcDeFgsecretsecret\n-----END RSA PRIVATE KEY-----";

/// What was written as it is, and what of it must not be found anywhere.
fn lines() -> Vec<(String, String)> {
    SECRETS
        .lines()
        .map(|line| {
            let inner = line.split_once('«').unwrap().1.split_once('»').unwrap().0;
            (line.replace(['«', '»'], ""), inner.to_owned())
        })
        .collect()
}

fn hidden() -> Vec<String> {
    let mut all: Vec<String> = lines().into_iter().map(|(_, inner)| inner).collect();
    all.extend([
        "MIIEowIBAAKCAQEAsecretsecret".into(),
        "qk7aBcDeFgsecretsecret".into(),
    ]);
    all
}

fn toml(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A scenario that says every secret in a command's output, a program's, an automation's failure,
/// the logs and the alarms.
fn scenario() -> String {
    let all: Vec<String> = lines().into_iter().map(|(line, _)| line).collect();
    let text = toml(&format!("{}\n{KEY}\n", all.join("\n")));
    let mut scenario = format!(
        r#"format = 1
id = "leaky"
title = "Leaky"
summary = "Says every secret there is."
playbook = "leaky"
account = "111122223333"
region = "eu-central-1"
alarm = "leaky"
lasts = "60s"
answers = {{ word = {word} }}
[[instances]]
id = "i-0a1b2c3d4e5f60718"
[[commands]]
match = "*"
output = {text}
error = {text}
[[programs]]
match = "tool *"
output = {text}
error = {text}
exit_code = 3
[[programs]]
match = "aws *"
output = {json}
[[automations]]
document = "Leak"
parameters = ["Name"]
steps = [{{ name = "say", action = "aws:sleep", takes = "1s", fails = {text} }}]
"#,
        word = toml(&lines()[13].0),
        json = toml(&serde_json::json!({"MasterUserPassword": "hunter2", "lines": all, "env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}).to_string()),
    );
    for (number, line) in all.iter().enumerate() {
        let name = if number == 0 {
            "leaky".to_owned()
        } else {
            format!("other-{number}")
        };
        scenario += &format!(
            "[[alarms]]\nname = {}\ndescription = {}\nstate = \"ALARM\"\nsince = \"-5m\"\n",
            toml(&name),
            toml(line),
        );
    }
    // A key that is logged line by line, and every secret as a line of its own.
    for line in KEY.lines().chain(all.iter().map(String::as_str)) {
        scenario += &format!(
            "[[logs]]\ngroup = \"/app\"\nmessage = {}\nevery = \"60s\"\nfrom = \"-2m\"\n",
            toml(line)
        );
    }
    scenario
}

const PLAYBOOK: &str = r#"format = 1
id = "leaky"
name = "Leaky"
summary = "Reads everything."
owner = "tests"
impact = 4
severities = ["low"]
incident_types = ["test"]
start = "all"
[[answers]]
name = "leaky"
[inputs.word]
type = "string"
from = ["ask"]
prompt = "A word"
[escalation]
path = "primary"
[[steps]]
id = "all"
kind = "automated"
title = "Read it all"
description = "d"
expect = "e"
output = "all"
success = "all.command.total > 0"
on_failure = "continue"
next = "change"
runs = [
  { as = "command", ssm_command = { instances = ["i-0a1b2c3d4e5f60718"], commands = ["echo {{ inputs.word }}"], read_only = true, capture = { word = 'password=(\S+)' } } },
  { as = "tool", exec = { command = ["tool", "x"], capture = { word = 'password=(\S+)' } } },
  { as = "cli", aws = { service = "rds", operation = "describe-db-instances" } },
  { as = "logs", logs = { groups = ["/app"], window = "30m" } },
]
[[steps]]
id = "change"
kind = "automated"
title = "Change"
description = "d"
expect = "e"
on_failure = "continue"
next = "ask"
run.ssm_automation = { document = "Leak", parameters = { Name = "x" }, target_parameter = "Name" }
[[steps]]
id = "ask"
kind = "manual"
title = "Ask"
description = "d"
output = "asked"
next = "end"
ask.word = { type = "string", prompt = "a word" }
[[steps]]
id = "end"
kind = "outcome"
title = "End"
description = "d"
outcome = "resolved"
"#;

fn leaky() -> World {
    let world = World::new();
    world.write("leaky.toml", scenario());
    let playbook = world.write("playbooks/leaky.toml", PLAYBOOK);
    for path in [playbook.parent().unwrap(), &playbook] {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    world
}

fn none_in(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for secret in hidden() {
        assert!(!text.contains(&secret), "{what} holds {secret:?}");
    }
}

#[test]
fn no_secret_reaches_the_store_or_the_export() {
    let world = leaky();
    let said = world.run(&[
        "rehearse",
        "leaky.toml",
        "--auto",
        "--events",
        "--speed",
        "50",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("***") && said.out.contains("execution_ended"),
        "{}",
        said.out
    );
    none_in("what is printed", said.out.as_bytes());
    let listed: serde_json::Value =
        serde_json::from_str(&world.run(&["incidents", "--rehearsals", "--json"]).out).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    for (line, _) in lines() {
        let said = world.run(&["note", id, &line]);
        assert_eq!(said.code, 0, "{}", said.err);
        none_in("the answer", said.out.as_bytes());
    }
    assert_eq!(world.run(&["note", id, KEY]).code, 0);
    for entry in std::fs::read_dir(world.path("state/standdown")).unwrap() {
        let path = entry.unwrap().path();
        none_in(&path.display().to_string(), &std::fs::read(&path).unwrap());
    }
    let export = world.run(&["export", id]);
    assert!(export.code == 0 && export.out.contains("***"));
    none_in("the export", export.out.as_bytes());
}

#[test]
fn no_secret_reaches_a_screen() {
    let world = leaky();
    let mut terminal = Terminal::start(
        &world,
        &["rehearse", "leaky.toml", "--speed", "20"],
        160,
        60,
        &[],
    );
    terminal.see("● ALARM");
    terminal.press("/leaky\r");
    terminal.press("\r");
    terminal.see("▶ Leaky   answers this alarm");
    terminal.press("\r");
    terminal.see("A word");
    terminal.press("\r");
    // What stands in the line is the responder's own typing; what was recorded of it is masked.
    terminal.press("\x15password=hunter2\r");
    terminal.see("Shall this change be made?");
    terminal.press("n");
    terminal.see("Record a note");
    let typed = terminal.raw.len();
    terminal.press("\x1b");
    terminal.until("no form", |screen| !screen.contains("Record a note"));
    terminal.press("a");
    terminal.see("type x, what is changed");
    terminal.press("x\r");
    terminal.see("Is it done?");
    for _ in 0..5 {
        terminal.press(" ");
    }
    terminal.press("q");
    let (_, raw) = terminal.end();
    let after = raw.as_bytes().get(typed..).unwrap_or_default();
    none_in("the screen", after);
}

#[test]
fn no_secret_reaches_the_list_of_alarms_and_own_patterns_are_masked_too() {
    let world = leaky();
    world.write(
        "config/standdown/config.toml",
        "redact = ['''other-\\d(\\d)''']\n",
    );
    let scenario = world.path("leaky.toml").display().to_string();
    let server = simulate(&world, &scenario, "1");
    let output = world
        .standdown(&["alarms", "--json"])
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "y")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("\"leaky\"") && text.contains("***"), "{text}");
    assert!(
        text.contains("other-1***") && !text.contains("other-11"),
        "{text}"
    );
    none_in("the list", &output.stdout);
}
