//! A command that is not declared read-only: it runs as an Automation with one aws:runCommand
//! step, as every change to the system does.

use std::time::Duration;

use serde_json::{Value, json};

use crate::playbook::Parameter;

/// The Automation document that runs it; it comes with the playbooks.
const DOCUMENT: &str = "run-command";
/// The document's parameter that names the instances.
const INSTANCES: &str = "InstanceIds";
/// What the document knows how to pass on.
const KEYS: [&str; 6] = [
    "instances",
    "tags",
    "document",
    "commands",
    "execution_timeout",
    "read_only",
];
/// What the document's step runs.
const SHELL: &str = "AWS-RunShellScript";

pub(super) fn changes(parameters: &Value) -> bool {
    parameters["read_only"] != Value::Bool(true)
}

/// What cannot be said of such a command.
pub(super) fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let other = super::KIND
        .keys
        .iter()
        .find(|key| !KEYS.contains(&key.name) && parameters.get(key.name).is_some());
    let refuse = |key, what: &str| {
        Err((
            key,
            format!(
                "{what}: a command that is not declared `read_only = true` runs as the Automation {DOCUMENT}; write `run.ssm_automation` with a document of your own"
            ),
        ))
    };
    if let Some(key) = other {
        return refuse(
            key.name,
            &format!("`{}` does not go with a change", key.name),
        );
    }
    if parameters["document"]
        .as_str()
        .is_some_and(|document| document != SHELL)
    {
        return refuse("document", &format!("only {SHELL} goes with a change"));
    }
    if seconds(parameters).is_none() {
        return refuse("execution_timeout", "this is from 1s to 55m");
    }
    Ok(())
}

/// The document's step ends after an hour, whatever goes on by then.
const LONGEST: Duration = Duration::from_mins(55);

/// How long it may run on an instance, in seconds: ten minutes unless it says otherwise.
fn seconds(parameters: &Value) -> Option<u64> {
    let Some(text) = parameters.get("execution_timeout") else {
        return Some(Duration::from_mins(10).as_secs());
    };
    let span = humantime::parse_duration(text.as_str()?).ok()?;
    Some(span.as_secs()).filter(|seconds| (1..=LONGEST.as_secs()).contains(seconds))
}

/// The Automation that runs it, where it changes something. Lines keep how values are quoted in
/// them.
pub(super) fn instead(
    written: &Value,
    parameters: &Parameter,
) -> Option<(&'static str, Parameter)> {
    let seconds = seconds(written).filter(|_| changes(written))?;
    let Parameter::Map(given) = parameters else {
        return None;
    };
    let take = |name: &str| {
        let found = given.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    };
    let mut inner = vec![(
        "ExecutionTimeout".to_owned(),
        Parameter::Plain(json!([seconds.to_string()])),
    )];
    inner.extend(take("commands").map(|lines| ("Commands".to_owned(), lines)));
    inner.extend(take("instances").map(|ids| (INSTANCES.to_owned(), ids)));
    let mut all = vec![
        ("document".to_owned(), Parameter::Plain(DOCUMENT.into())),
        (
            "target_parameter".to_owned(),
            Parameter::Plain(INSTANCES.into()),
        ),
        ("parameters".to_owned(), Parameter::Map(inner)),
    ];
    all.extend(take("tags").map(|tags| {
        let tags = Parameter::Map(vec![("tags".to_owned(), tags)]);
        ("targets".to_owned(), tags)
    }));
    Some(("ssm_automation", Parameter::Map(all)))
}
