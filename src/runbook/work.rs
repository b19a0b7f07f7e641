//! What a runbook does, one thing after the other: its steps, the steps of its loops, and the steps
//! of the documents that it starts.
//!
//! A text that is needed and not at hand is named in [`Description::wanted`]; whoever asks reads it
//! and describes the runbook anew.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Declared, Runbook, RunbookStep, parameter, step};

/// How many levels of documents below the first one are read.
pub const LEVELS: usize = 3;
/// The most text of a description, in bytes. A request for an approval has to fit into a file of
/// 256 KiB together with it.
const MOST_TEXT: usize = 96 * 1024;
/// The most steps that are looked at. A document that starts itself many times over has no end.
const MOST_STEPS: usize = 400;
/// Command documents whose whole work is the commands that they are given.
const SHELLS: [&str; 2] = ["AWS-RunShellScript", "AWS-RunPowerShellScript"];

/// One thing that a document does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// How deep it is: 0 for a step of the document itself.
    pub depth: usize,
    /// The name of the step.
    pub step: String,
    /// Its action, such as `aws:executeAwsApi`.
    pub action: String,
    /// What it does, line by line, with the values filled in that are known beforehand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
    /// What cannot be told before it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<String>,
}

/// A document that another one starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Its name or ARN.
    pub name: String,
    /// The version that is asked for; the default one where none is.
    pub version: Option<String>,
}

/// A document that another one starts, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its text.
    pub content: String,
    /// What identifies it, for people: its version, its hash, whether it was reviewed.
    pub identity: String,
}

/// What was read of the documents that are started: the text, or why it could not be read.
pub type Texts = BTreeMap<Wanted, Result<Text, String>>;

/// All that a runbook does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// One thing after the other.
    pub work: Vec<Work>,
    /// Its own steps, and those of its loops, that ask for an approval.
    pub gates: Vec<String>,
    /// Documents whose text is not at hand.
    pub wanted: BTreeSet<Wanted>,
}

/// Describes what a runbook does when it is given these parameters.
#[must_use]
pub fn describe(runbook: &Runbook, given: &BTreeMap<String, Value>, texts: &Texts) -> Description {
    let mut writer = Writer {
        texts,
        out: Description::default(),
        text: 0,
        left_out: 0,
        seen: 0,
    };
    let scope = Scope::new(&runbook.parameters, given);
    writer.steps(&runbook.steps, &scope, &At::default());
    writer.end();
    writer.out
}

/// Where a step is.
#[derive(Debug, Clone, Default)]
struct At {
    depth: usize,
    /// How many documents are above it.
    level: usize,
    /// The loops around it, each with a dot.
    within: String,
}

/// The values that are known before anything runs.
#[derive(Debug, Clone)]
struct Scope(BTreeMap<String, Value>);

impl Scope {
    /// Nothing is known beforehand.
    fn unknown() -> Self {
        Self(BTreeMap::new())
    }

    fn new(declared: &BTreeMap<String, Declared>, given: &BTreeMap<String, Value>) -> Self {
        let defaults = declared.iter().filter_map(|(name, declared)| {
            let value = declared.default.clone()?;
            Some((name.clone(), value))
        });
        let mut values: BTreeMap<String, Value> = defaults.collect();
        for (name, value) in given {
            // Systems Manager takes every parameter as a list of texts.
            let single = declared.get(name).is_some_and(|known| !known.is_list());
            let value = match value {
                Value::Array(items) if single && items.len() == 1 => items[0].clone(),
                other => other.clone(),
            };
            values.insert(name.clone(), value);
        }
        Self(values)
    }

    /// Fills in what is known. What is not stays as it is written, in its braces.
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(name, value)| (name.clone(), self.fill(value)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> Value {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inside, after)) = after.split_once("}}") else {
                break;
            };
            let known = self.0.get(inside.trim());
            if before.is_empty()
                && out.is_empty()
                && after.is_empty()
                && let Some(value) = known
            {
                return value.clone();
            }
            out.push_str(before);
            match known {
                Some(Value::String(value)) => out.push_str(value),
                Some(value) => out.push_str(&value.to_string()),
                None => {
                    out.push_str("{{");
                    out.push_str(inside);
                    out.push_str("}}");
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Value::String(out)
    }
}

struct Writer<'a> {
    texts: &'a Texts,
    out: Description,
    text: usize,
    left_out: usize,
    /// How many steps were looked at.
    seen: usize,
}

impl Writer<'_> {
    fn steps(&mut self, steps: &[RunbookStep], scope: &Scope, at: &At) {
        for step in steps {
            self.step(step, scope, at);
        }
    }

    fn step(&mut self, step: &RunbookStep, scope: &Scope, at: &At) {
        self.seen += 1;
        if self.left_out > 0 || self.seen > MOST_STEPS {
            self.left_out += 1;
            return;
        }
        let inputs = scope.fill(step.whole.get("inputs").unwrap_or(&Value::Null));
        let inputs = inputs.as_object().cloned().unwrap_or_default();
        let mut work = Work {
            depth: at.depth,
            step: step.name.clone(),
            action: step.action.clone(),
            says: flow(step),
            unresolved: None,
        };
        match step.action.as_str() {
            "aws:loop" => self.repeat(work, step, inputs, scope, at),
            "aws:executeAutomation" => self.automation(work, inputs, at),
            "aws:runCommand" => self.command(work, inputs, at),
            action => {
                if action == "aws:approve" && at.level == 0 {
                    self.out.gates.push(format!("{}{}", at.within, step.name));
                }
                work.unresolved = elsewhere(action, &inputs);
                tell_call(&mut work.says, inputs);
                self.push(work);
            }
        }
    }

    fn repeat(
        &mut self,
        mut work: Work,
        step: &RunbookStep,
        mut inputs: Map<String, Value>,
        scope: &Scope,
        at: &At,
    ) {
        inputs.remove("Steps");
        inputs.remove("IteratorDataType");
        if let Some(over) = inputs.remove("Iterators") {
            work.says.push(format!("for each of {}", short(&over)));
        }
        if let Some(condition) = inputs.remove("LoopCondition") {
            work.says.push(format!("again while {}", short(&condition)));
        }
        tell_all(&mut work.says, inputs);
        let (steps, unread) = inner_steps(step);
        if unread > 0 {
            work.unresolved = Some(format!("{unread} of the steps in it cannot be read"));
        }
        self.push(work);
        let at = At {
            depth: at.depth + 1,
            level: at.level,
            within: format!("{}{}.", at.within, step.name),
        };
        self.steps(&steps, scope, &at);
    }

    fn automation(&mut self, mut work: Work, mut inputs: Map<String, Value>, at: &At) {
        let wanted = wanted(&mut inputs);
        let given = inputs.remove("RuntimeParameters").unwrap_or_default();
        let by_reference = !given.is_object() && !given.is_null();
        if let Value::Object(given) = &given {
            tell_all(&mut work.says, given.clone());
        } else if by_reference {
            tell(&mut work.says, "RuntimeParameters", &given);
        }
        // Each target gets an execution of its own, with another value of this parameter.
        let targeted = inputs
            .get("TargetParameterName")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let maps = inputs.contains_key("TargetMaps");
        let abroad = inputs.contains_key("TargetLocations");
        tell_all(&mut work.says, inputs);
        let text = match self.started(wanted, &mut work, at.level < LEVELS) {
            Some(text) => Runbook::parse(&text.content).map_err(|error| error.to_string()),
            None => return self.push(work),
        };
        match text {
            Ok(child) => {
                let scope = if by_reference || maps {
                    work.unresolved = Some("its parameters are known only when it runs".into());
                    Scope::unknown()
                } else {
                    let given = given.as_object().cloned().unwrap_or_default();
                    let given = given.into_iter().collect();
                    let mut scope = Scope::new(&child.parameters, &given);
                    if let Some(name) = &targeted {
                        scope.0.remove(name);
                        work.unresolved = Some(format!(
                            "it runs for each target, and which those are is known only when it runs: {name}"
                        ));
                    }
                    scope
                };
                if abroad {
                    work.unresolved = Some(
                        "it runs in the accounts and regions of TargetLocations, whose documents are not read here"
                            .into(),
                    );
                }
                if let Some(role) = &child.assume_role {
                    let role = short(&scope.fill(&Value::String(role.clone())));
                    if !role.trim().is_empty() {
                        work.says.push(format!("assumes the role {role}"));
                    }
                }
                self.push(work);
                let at = At {
                    depth: at.depth + 1,
                    level: at.level + 1,
                    within: String::new(),
                };
                self.steps(&child.steps, &scope, &at);
            }
            Err(error) => {
                work.unresolved = Some(format!("what it does cannot be read: {error}"));
                self.push(work);
            }
        }
    }

    fn command(&mut self, mut work: Work, mut inputs: Map<String, Value>, at: &At) {
        let wanted = wanted(&mut inputs);
        let shell = wanted
            .as_ref()
            .is_ok_and(|wanted| SHELLS.contains(&wanted.name.as_str()));
        let given = inputs.remove("Parameters").unwrap_or_default();
        tell_all(&mut work.says, inputs);
        let by_reference = !given.is_object() && !given.is_null();
        if let Value::Object(given) = &given {
            tell_all(&mut work.says, given.clone());
        } else if by_reference {
            tell(&mut work.says, "Parameters", &given);
        }
        if shell {
            if let Ok(wanted) = wanted {
                work.says.insert(0, format!("document {}", wanted.name));
            }
            if by_reference {
                work.unresolved = Some("its commands are known only when it runs".into());
            } else if given.get("commands").is_none() {
                work.unresolved = Some("it names no commands".into());
            }
            return self.push(work);
        }
        let text = self.started(wanted, &mut work, true).cloned();
        let steps = text.map(|text| command_steps(&text.content, &given));
        match steps {
            Some(Err(error)) => {
                work.unresolved = Some(format!("what it does cannot be read: {error}"));
                self.push(work);
            }
            Some(Ok(steps)) => {
                if by_reference {
                    work.unresolved = Some("its parameters are known only when it runs".into());
                }
                self.push(work);
                for one in steps {
                    let unresolved = elsewhere(&one.action, &one.inputs);
                    let mut says = one.says;
                    tell_all(&mut says, one.inputs);
                    self.push(Work {
                        depth: at.depth + 1,
                        step: one.step,
                        action: one.action,
                        says,
                        unresolved,
                    });
                }
            }
            None => self.push(work),
        }
    }

    /// The text of a document that is started, if it is at hand; says which one it is.
    fn started(
        &mut self,
        wanted: Result<Wanted, String>,
        work: &mut Work,
        read: bool,
    ) -> Option<&Text> {
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(why) => {
                work.unresolved = Some(why);
                return None;
            }
        };
        let name = match &wanted.version {
            Some(version) => format!("document {}, version {version}", wanted.name),
            None => format!("document {}", wanted.name),
        };
        if !read {
            work.says.insert(0, name);
            work.unresolved = Some(format!(
                "what it does is not shown: it is more than {LEVELS} documents down"
            ));
            return None;
        }
        match self.texts.get(&wanted) {
            Some(Ok(text)) => {
                work.says
                    .insert(0, format!("document {}, {}", wanted.name, text.identity));
                Some(text)
            }
            Some(Err(why)) => {
                work.says.insert(0, name);
                work.unresolved = Some(format!("what it does cannot be read: {why}"));
                None
            }
            None => {
                work.says.insert(0, name);
                work.unresolved = Some("what it does was not read".into());
                self.out.wanted.insert(wanted);
                None
            }
        }
    }

    fn push(&mut self, work: Work) {
        let size: usize =
            work.says.iter().map(String::len).sum::<usize>() + work.step.len() + work.action.len();
        if self.left_out > 0 || self.text + size > MOST_TEXT {
            self.left_out += 1;
            return;
        }
        self.text += size;
        self.out.work.push(work);
    }

    /// Whatever is left out is counted.
    fn end(&mut self) {
        if self.left_out == 0 {
            return;
        }
        let (steps, kib) = (self.left_out, MOST_TEXT / 1024);
        let noun = if steps == 1 { "step is" } else { "steps are" };
        self.out.work.push(Work {
            depth: 0,
            step: "…".into(),
            action: "more".into(),
            says: Vec::new(),
            unresolved: Some(format!(
                "{steps} more {noun} not shown, nor what is in them: all of it is longer than {kib} KiB or {MOST_STEPS} steps; read the documents themselves"
            )),
        });
    }
}

/// The steps of a loop, and how many of them are none.
pub(super) fn inner_steps(outer: &RunbookStep) -> (Vec<RunbookStep>, usize) {
    let inputs = outer.whole.get("inputs");
    let all = inputs.and_then(|inputs| inputs.get("Steps")?.as_array());
    let all = all.map(Vec::as_slice).unwrap_or_default();
    let steps: Vec<RunbookStep> = all.iter().filter_map(|inner| step(inner).ok()).collect();
    let unread = all.len() - steps.len();
    (steps, unread)
}

/// The document that a step starts.
fn wanted(inputs: &mut Map<String, Value>) -> Result<Wanted, String> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let name = inputs.remove("DocumentName").and_then(text);
    let name = name.ok_or("it does not name the document that it starts")?;
    if name.contains("{{") {
        return Err(format!(
            "which document it starts is known only when it runs: {name}"
        ));
    }
    let version = inputs
        .remove("DocumentVersion")
        .and_then(text)
        .filter(|version| version != "$DEFAULT" && !version.is_empty());
    if let Some(version) = version.as_ref().filter(|version| version.contains("{{")) {
        return Err(format!(
            "which version of {name} it starts is known only when it runs: {version}"
        ));
    }
    Ok(Wanted { name, version })
}

/// A step of a command document.
struct CommandStep {
    step: String,
    action: String,
    says: Vec<String>,
    inputs: Map<String, Value>,
}

/// What a command document does, step by step.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-schemas-features.html>
fn command_steps(content: &str, given: &Value) -> Result<Vec<CommandStep>, String> {
    let whole: Value = if content.trim_start().starts_with('{') {
        serde_json::from_str(content).map_err(|error| error.to_string())?
    } else {
        serde_saphyr::from_str(content).map_err(|error| error.to_string())?
    };
    let declared = whole["parameters"].as_object().into_iter().flatten();
    let declared = declared
        .map(|(name, declared)| (name.clone(), parameter(declared)))
        .collect();
    let scope = match given {
        Value::Object(given) => Scope::new(&declared, &given.clone().into_iter().collect()),
        Value::Null => Scope::new(&declared, &BTreeMap::new()),
        // Given by reference: not even the defaults are known to count.
        _ => Scope::unknown(),
    };
    let filled = |inputs: &Value| scope.fill(inputs).as_object().cloned().unwrap_or_default();
    if let Some(steps) = whole["mainSteps"].as_array() {
        return Ok(steps
            .iter()
            .map(|step| {
                let text = |key: &str| step[key].as_str().unwrap_or("?").to_owned();
                let mut says = Vec::new();
                for key in ["precondition", "onFailure"] {
                    if let Some(value) = step.get(key) {
                        says.push(format!("{key} = {}", short(&scope.fill(value))));
                    }
                }
                CommandStep {
                    step: text("name"),
                    action: text("action"),
                    says,
                    inputs: filled(&step["inputs"]),
                }
            })
            .collect());
    }
    // Schema 1.2: plugins with properties, each of which is one set of inputs or several.
    let Some(plugins) = whole["runtimeConfig"].as_object() else {
        return Err("it has neither mainSteps nor runtimeConfig".into());
    };
    let mut steps = Vec::new();
    for (action, plugin) in plugins {
        let each = match &plugin["properties"] {
            Value::Array(each) => each.clone(),
            one => vec![one.clone()],
        };
        for (index, inputs) in each.iter().enumerate() {
            let id = inputs["id"].as_str().map(str::to_owned);
            let name = id.unwrap_or_else(|| (index + 1).to_string());
            steps.push(CommandStep {
                step: name,
                action: action.clone(),
                says: Vec::new(),
                inputs: filled(inputs),
            });
        }
    }
    Ok(steps)
}

/// Says which API is called, where one is, and with what.
fn tell_call(says: &mut Vec<String>, mut inputs: Map<String, Value>) {
    let service = inputs.get("Service").and_then(Value::as_str);
    let api = inputs.get("Api").and_then(Value::as_str);
    if let (Some(service), Some(api)) = (service, api) {
        says.push(format!("{service}:{api}"));
        inputs.remove("Service");
        inputs.remove("Api");
    }
    tell_all(says, inputs);
}

/// Where a step leads, where that is not simply to the next one, and to the end when it fails.
fn flow(step: &RunbookStep) -> Vec<String> {
    let usual = |key: &str, text: &str| key != "isEnd" && text == "Abort";
    ["onFailure", "onCancel", "nextStep", "isEnd"]
        .into_iter()
        .filter_map(|key| {
            let text = short(step.whole.get(key)?);
            (!usual(key, &text)).then(|| format!("{key} = {text}"))
        })
        .collect()
}

/// What an action does with something that stands elsewhere, and is not read here.
fn elsewhere(action: &str, inputs: &Map<String, Value>) -> Option<String> {
    let named = |key: &str| inputs.get(key).map(short);
    let api = || {
        let service = named("Service")?.to_lowercase();
        Some(format!("{service}:{}", named("Api")?.to_lowercase()))
    };
    let what = match action {
        "aws:executeAwsApi" => match api().as_deref() {
            Some("ssm:startautomationexecution" | "ssm:startchangerequestexecution") => {
                "it starts an Automation".to_owned()
            }
            Some("ssm:sendcommand") => "it sends a command".to_owned(),
            Some("lambda:invoke") => "it runs the code of a function".to_owned(),
            Some("states:startexecution" | "stepfunctions:startexecution") => {
                "it runs a state machine".to_owned()
            }
            _ => return None,
        },
        "aws:configurePackage" | "aws:applications" | "aws:psModule" | "aws:runDockerAction" => {
            "it installs or runs a package".to_owned()
        }
        "aws:executeScript" if !inputs.contains_key("Script") => format!(
            "its script stands in the attachment {}",
            named("Attachment").unwrap_or_default()
        ),
        "aws:runDocument" => format!(
            "it runs the document {}",
            named("documentPath")
                .or(named("documentType"))
                .unwrap_or_default()
        ),
        "aws:downloadContent" => format!(
            "it downloads from {} {}",
            named("sourceType").unwrap_or_default(),
            named("sourceInfo").unwrap_or_default()
        ),
        "aws:invokeLambdaFunction" => "it runs the code of a function".to_owned(),
        "aws:executeStateMachine" => "it runs a state machine".to_owned(),
        "aws:invokeWebhook" => "it calls a webhook".to_owned(),
        "aws:createStack" if inputs.contains_key("TemplateURL") => {
            "it makes a stack of a template".to_owned()
        }
        "aws:executeCodeCatalystWorkflow" => "it runs a workflow".to_owned(),
        _ => return None,
    };
    Some(format!("{what}, which is not read here"))
}

fn tell_all(says: &mut Vec<String>, inputs: Map<String, Value>) {
    for (name, value) in inputs {
        tell(says, &name, &value);
    }
}

/// A value on one line.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Says a value on a line, or on one for each of its own lines.
fn tell(says: &mut Vec<String>, name: &str, value: &Value) {
    let lines: Vec<String> = match value {
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        // Commands are read one by one, also where there is a single one. Whatever stands among them
        // that is no text is shown as it is.
        Value::Array(items) if items.iter().any(is_long) => items
            .iter()
            .flat_map(|item| match item {
                Value::String(text) => text.lines().map(str::to_owned).collect(),
                other => vec![other.to_string()],
            })
            .collect(),
        other => return says.push(format!("{name} = {other}")),
    };
    match lines.as_slice() {
        [] => says.push(format!("{name} = \"\"")),
        [one] => says.push(format!("{name} = {one}")),
        several => {
            says.push(format!("{name}:"));
            says.extend(several.iter().map(|line| format!("  {line}")));
        }
    }
}

/// Whether a member of a list is better read on a line of its own.
fn is_long(item: &Value) -> bool {
    item.as_str().is_some_and(|text| text.contains([' ', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn runbook(steps: &str) -> Runbook {
        let text = format!(
            "schemaVersion: '0.3'\nparameters:\n  Instances: {{type: StringList}}\n  Name: {{type: String, default: web}}\nmainSteps:\n{steps}"
        );
        Runbook::parse(&text).unwrap()
    }

    fn given() -> BTreeMap<String, Value> {
        [("Instances".to_owned(), json!(["i-1", "i-2"]))].into()
    }

    fn said(work: &[Work]) -> Vec<String> {
        let mut all = Vec::new();
        for one in work {
            let indent = "  ".repeat(one.depth);
            all.push(format!("{indent}{} {}", one.step, one.action));
            all.extend(one.says.iter().map(|line| format!("{indent}| {line}")));
            all.extend(one.unresolved.iter().map(|why| format!("{indent}? {why}")));
        }
        all
    }

    #[test]
    fn a_loop_shows_its_steps_and_their_gates() {
        let looped = runbook(
            "  - name: each
    action: aws:loop
    inputs:
      Iterators: '{{ Instances }}'
      Steps:
        - {name: ask, action: 'aws:approve', inputs: {Message: 'Stop {{ each.CurrentIteratorValue }}?'}}
        - {name: stop, action: 'aws:executeAwsApi', onFailure: Continue, inputs: {Service: ec2, Api: StopInstances, InstanceIds: ['{{ each.CurrentIteratorValue }}']}}
        - {name: nested, action: 'aws:loop', inputs: {MaxIterations: 2, LoopCondition: {Variable: '{{ x.Y }}', BooleanEquals: true}, Steps: [{name: gate, action: 'aws:approve', inputs: {}}]}}
",
        );
        let described = describe(&looped, &given(), &Texts::new());
        assert_eq!(described.gates, ["each.ask", "each.nested.gate"]);
        assert_eq!(
            said(&described.work),
            [
                "each aws:loop",
                "| for each of [\"i-1\",\"i-2\"]",
                "  ask aws:approve",
                "  | Message = Stop {{ each.CurrentIteratorValue }}?",
                "  stop aws:executeAwsApi",
                "  | onFailure = Continue",
                "  | ec2:StopInstances",
                "  | InstanceIds = {{ each.CurrentIteratorValue }}",
                "  nested aws:loop",
                "  | again while {\"Variable\":\"{{ x.Y }}\",\"BooleanEquals\":true}",
                "  | MaxIterations = 2",
                "    gate aws:approve",
            ]
        );
    }

    /// A document that starts itself, for ever.
    fn forever(wanted: &BTreeSet<Wanted>) -> Texts {
        let content = "schemaVersion: '0.3'\nparameters: {Who: {type: String}}\nmainSteps:\n- {name: again, action: 'aws:executeAutomation', inputs: {DocumentName: Again, RuntimeParameters: {Who: '{{ Who }}!'}}}";
        wanted
            .iter()
            .map(|one| {
                let text = Text {
                    content: content.into(),
                    identity: "version 1".into(),
                };
                (one.clone(), Ok(text))
            })
            .collect()
    }

    #[test]
    fn documents_are_read_three_levels_down_and_no_further() {
        let first = runbook(
            "  - {name: first, action: 'aws:executeAutomation', inputs: {DocumentName: Again, RuntimeParameters: {Who: ['{{ Name }}']}}}\n",
        );
        let mut texts = Texts::new();
        for _ in 0..10 {
            texts.extend(forever(&describe(&first, &given(), &texts).wanted));
        }
        let described = describe(&first, &given(), &texts);
        assert!(described.wanted.is_empty());
        assert_eq!(
            said(&described.work),
            [
                "first aws:executeAutomation",
                "| document Again, version 1",
                "| Who = [\"web\"]",
                "  again aws:executeAutomation",
                "  | document Again, version 1",
                "  | Who = web!",
                "    again aws:executeAutomation",
                "    | document Again, version 1",
                "    | Who = web!!",
                "      again aws:executeAutomation",
                "      | document Again",
                "      | Who = web!!!",
                "      ? what it does is not shown: it is more than 3 documents down",
            ]
        );
    }

    #[test]
    fn commands_are_shown_line_by_line() {
        let shell = runbook(
            "  - {name: run, action: 'aws:runCommand', inputs: {DocumentName: AWS-RunShellScript, InstanceIds: '{{ Instances }}', Parameters: {commands: ['sudo systemctl restart {{ Name }}', \"a\\nb\"]}}}\n",
        );
        assert_eq!(
            said(&describe(&shell, &given(), &Texts::new()).work),
            [
                "run aws:runCommand",
                "| document AWS-RunShellScript",
                "| InstanceIds = [\"i-1\",\"i-2\"]",
                "| commands:",
                "|   sudo systemctl restart web",
                "|   a",
                "|   b",
            ]
        );
    }

    #[test]
    fn a_command_document_of_ones_own_is_read() {
        let own = runbook(
            "  - {name: run, action: 'aws:runCommand', inputs: {DocumentName: Own, DocumentVersion: 4, Parameters: {Port: ['80']}}}\n",
        );
        let wanted = Wanted {
            name: "Own".into(),
            version: Some("4".into()),
        };
        let missing = describe(&own, &given(), &Texts::new());
        assert_eq!(missing.wanted, [wanted.clone()].into());
        assert!(missing.work[0].unresolved.is_some());
        for (content, expected) in [
            (
                "schemaVersion: '2.2'\nparameters: {Port: {type: String}}\nmainSteps:\n- {action: 'aws:runShellScript', name: close, inputs: {runCommand: ['ufw deny {{ Port }}']}}",
                "  | runCommand = ufw deny 80",
            ),
            (
                "schemaVersion: '1.2'\nruntimeConfig: {'aws:runShellScript': {properties: [{id: close, runCommand: ['ufw deny 1']}]}}",
                "  | runCommand = ufw deny 1",
            ),
        ] {
            let text = Text {
                content: content.into(),
                identity: "version 4".into(),
            };
            let texts = [(wanted.clone(), Ok(text))].into();
            let described = said(&describe(&own, &given(), &texts).work);
            assert!(described.contains(&expected.to_owned()), "{described:?}");
            assert!(described.contains(&"  close aws:runShellScript".to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_resolved_is_named() {
        let vague = runbook(
            "  - {name: a, action: 'aws:executeAutomation', inputs: {DocumentName: '{{ pick.Name }}'}}
  - {name: b, action: 'aws:executeAutomation', inputs: {}}
  - {name: c, action: 'aws:runCommand', inputs: {DocumentName: D, DocumentVersion: '{{ pick.Version }}'}}
  - {name: d, action: 'aws:runCommand', inputs: {DocumentName: AWS-RunShellScript}}
  - {name: e, action: 'aws:loop', inputs: {Steps: [7]}}
",
        );
        let described = describe(&vague, &given(), &Texts::new());
        assert!(described.work.iter().all(|work| work.unresolved.is_some()));
        assert!(described.wanted.is_empty());
    }

    #[test]
    fn nothing_of_a_list_vanishes() {
        let mut says = Vec::new();
        let mixed = json!(["echo harmless text", ["rm -rf /srv"], 7, {"a": 1}]);
        tell(&mut says, "commands", &mixed);
        assert_eq!(
            says,
            [
                "commands:",
                "  echo harmless text",
                "  [\"rm -rf /srv\"]",
                "  7",
                "  {\"a\":1}"
            ]
        );
    }

    #[test]
    fn a_default_is_no_fact_where_the_parameters_are_not_known() {
        let content = "schemaVersion: '0.3'\nparameters: {Victim: {type: String, default: i-harmless}}\nmainSteps:\n- {name: stop, action: 'aws:executeAwsApi', onFailure: 'step:stop', inputs: {Service: ec2, Api: StopInstances, InstanceIds: ['{{ Victim }}']}}";
        let command = "schemaVersion: '2.2'\nparameters: {Line: {type: String, default: echo nothing}}\nmainSteps:\n- {action: 'aws:runShellScript', name: run, inputs: {runCommand: ['{{ Line }}']}}\n- {action: 'aws:runDocument', name: more, inputs: {documentPath: Hidden}}";
        let known = |name: &str, content: &str| {
            let wanted = Wanted {
                name: name.into(),
                version: None,
            };
            let text = Text {
                content: content.into(),
                identity: "version 1".into(),
            };
            (wanted, Ok(text))
        };
        let texts: Texts = [known("Child", content), known("Own", command)].into();
        for step in [
            "{name: a, action: 'aws:executeAutomation', inputs: {DocumentName: Child, RuntimeParameters: '{{ pick.All }}'}}",
            "{name: a, action: 'aws:executeAutomation', inputs: {DocumentName: Child, TargetParameterName: Victim, Targets: [{Key: 'tag:env', Values: [prod]}]}}",
            "{name: a, action: 'aws:executeAutomation', inputs: {DocumentName: Child, TargetMaps: '{{ pick.Maps }}'}}",
            "{name: a, action: 'aws:runCommand', inputs: {DocumentName: Own, Parameters: '{{ pick.All }}'}}",
        ] {
            let described = describe(&runbook(&format!("  - {step}\n")), &given(), &texts);
            let said = said(&described.work).join("\n");
            assert!(
                !said.contains("i-harmless") && !said.contains("echo nothing"),
                "{said}"
            );
            assert!(described.work[0].unresolved.is_some(), "{said}");
        }
        let plain =
            runbook("  - {name: a, action: 'aws:runCommand', inputs: {DocumentName: Own}}\n");
        let said = said(&describe(&plain, &given(), &texts).work).join("\n");
        assert!(said.contains("runCommand = echo nothing"), "{said}");
        assert!(
            said.contains("? it runs the document Hidden, which is not read here"),
            "{said}"
        );
    }

    #[test]
    fn what_is_too_long_is_counted() {
        let script = "x".repeat(40 * 1024);
        let step = |name: &str| {
            format!(
                "  - {{name: {name}, action: 'aws:executeScript', inputs: {{Script: {script}}}}}\n"
            )
        };
        let parsed = runbook(&step("a"));
        let mut long = parsed.clone();
        long.steps = vec![parsed.steps[0].clone(); 4];
        let described = describe(&long, &given(), &Texts::new());
        assert_eq!(described.work.len(), 3);
        let last = described
            .work
            .last()
            .and_then(|work| work.unresolved.clone());
        assert!(last.unwrap().starts_with("2 more steps are not shown"));
    }
}
