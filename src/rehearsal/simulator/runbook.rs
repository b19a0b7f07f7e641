//! Plays an Automation document step by step: its branches, its failures, its approvals. What its
//! calls would answer is the scenario's to say.
//!
//! An execution is a function of time, as everything here is: how far it has come by a moment
//! follows from what was started, signalled and stopped before it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::automations::{Execution, Progress, Signal, StepState};
use crate::rehearsal::scenario::AutomationStep;

/// More steps than this are a circle.
const MOST: usize = 500;

/// A document, and what the scenario says of its steps.
pub(super) struct Play<'a> {
    pub document: &'a Json,
    pub told: &'a [AutomationStep],
    pub execution: &'a Execution,
    pub by: f64,
}

/// What one step came to.
enum End {
    Done,
    Failed(String),
    TimedOut(String),
    Rejected,
}

impl Play<'_> {
    fn steps(&self) -> &[Json] {
        self.document["mainSteps"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// How far it has come.
    pub fn run(&self) -> Progress {
        let steps = self.steps();
        let mut known: BTreeMap<String, Json> = self.parameters();
        let mut done: Vec<StepState> = Vec::new();
        let (mut at, mut here) = (self.execution.at, Some(0));
        let mut over: Option<&'static str> = None;
        let mut failure = None;
        let mut waits = false;
        while let Some(step) = here.and_then(|index| steps.get(index)) {
            if done.len() >= MOST {
                over = Some("Failed");
                failure = Some("the document goes round in a circle".to_owned());
                break;
            }
            if self.execution.stopped.is_some_and(|stopped| stopped <= at) {
                over = Some("Cancelled");
                break;
            }
            let name = step["name"].as_str().unwrap_or_default();
            let told = self.told.iter().find(|told| told.name == name);
            let (end, ends) = self.ends(step, told, at, &known);
            let mut state = StepState {
                name: name.to_owned(),
                action: step["action"].as_str().unwrap_or_default().to_owned(),
                status: "InProgress",
                began: Some(at),
                ended: None,
                failure: None,
                outputs: BTreeMap::new(),
            };
            if self.by < at {
                break;
            }
            if self.by < ends {
                waits = step["action"] == "aws:approve";
                state.status = if waits { "Waiting" } else { "InProgress" };
                done.push(state);
                at = ends;
                break;
            }
            at = ends;
            state.ended = Some(ends);
            let (status, why) = match end {
                End::Done => ("Success", None),
                End::Failed(why) => ("Failed", Some(why)),
                End::TimedOut(why) => ("TimedOut", Some(why)),
                End::Rejected => ("Failed", Some("Step was rejected".to_owned())),
            };
            state.status = status;
            state.failure.clone_from(&why);
            if status == "Success" {
                state.outputs = outputs(step, told, &known);
                for (output, value) in &state.outputs {
                    known.insert(format!("{name}.{output}"), value.clone());
                }
            }
            done.push(state);
            let index = here.unwrap_or(0);
            here = if status == "Success" {
                self.follows(index, &known)
            } else {
                let way = step["onFailure"].as_str().unwrap_or("Abort");
                let critical = step["isCritical"] != Json::Bool(false);
                if critical {
                    failure
                        .get_or_insert(format!("Step {name} failed: {}", why.unwrap_or_default()));
                }
                match way.strip_prefix("step:") {
                    Some(next) => self.position(next),
                    None if way == "Continue" => self.follows(index, &known),
                    None => {
                        let gate = step["action"] == "aws:approve";
                        over = Some(match status {
                            "TimedOut" => "TimedOut",
                            _ if gate => "Rejected",
                            _ => "Failed",
                        });
                        None
                    }
                }
            };
        }
        self.progress(done, at, (over, failure), here.is_none(), waits)
    }

    fn progress(
        &self,
        mut done: Vec<StepState>,
        at: f64,
        (over, failure): (Option<&'static str>, Option<String>),
        finished: bool,
        waits: bool,
    ) -> Progress {
        let ended = (over.is_some() || finished) && self.by >= at;
        let status = match over {
            _ if !ended
                && self
                    .execution
                    .stopped
                    .is_some_and(|stopped| stopped <= self.by) =>
            {
                "Cancelling"
            }
            _ if !ended && waits => "Waiting",
            _ if !ended => "InProgress",
            Some(status) => status,
            None if failure.is_some() => "Failed",
            None => "Success",
        };
        // What was not come to is there all the same, as AWS shows it.
        for step in self.steps() {
            let name = step["name"].as_str().unwrap_or_default();
            if !done.iter().any(|state| state.name == name) && (over.is_some() || !ended) {
                done.push(StepState {
                    name: name.to_owned(),
                    action: step["action"].as_str().unwrap_or_default().to_owned(),
                    status: if over.is_some() {
                        "Cancelled"
                    } else {
                        "Pending"
                    },
                    began: None,
                    ended: None,
                    failure: None,
                    outputs: BTreeMap::new(),
                });
            }
        }
        Progress {
            status,
            ended: ended.then_some(at),
            steps: done,
            failure,
        }
    }

    fn parameters(&self) -> BTreeMap<String, Json> {
        let declared = self.document["parameters"].as_object();
        let mut known: BTreeMap<String, Json> = declared
            .into_iter()
            .flatten()
            .filter_map(|(name, declared)| Some((name.clone(), declared.get("default")?.clone())))
            .collect();
        for (name, values) in &self.execution.parameters {
            let list = declared.and_then(|all| all.get(name)).is_some_and(|one| {
                let kind = one["type"].as_str().unwrap_or_default();
                kind == "StringList" || kind.starts_with("List<")
            });
            let value = match (list, values.as_slice()) {
                (false, [one]) => one.clone().into(),
                _ => values.clone().into(),
            };
            known.insert(name.clone(), value);
        }
        known
    }

    /// How a step ends, and when.
    fn ends(
        &self,
        step: &Json,
        told: Option<&AutomationStep>,
        at: f64,
        known: &BTreeMap<String, Json>,
    ) -> (End, f64) {
        let action = step["action"].as_str().unwrap_or_default();
        let limit = step["timeoutSeconds"].as_f64().unwrap_or(f64::INFINITY);
        if action == "aws:approve" {
            return self.approved(at, limit);
        }
        let takes = told.map_or_else(
            || match action {
                "aws:branch" | "aws:updateVariable" => 0.0,
                "aws:sleep" => slept(&filled(&step["inputs"]["Duration"], known)),
                _ => 1.0,
            },
            |told| told.takes,
        );
        if let Some(missing) = unresolved(&step["inputs"], known) {
            return (End::Failed(format!("{missing} has no value")), at);
        }
        if takes > limit {
            let why = format!("Step timed out while {action} was running");
            return (End::TimedOut(why), at + limit);
        }
        match told.and_then(|told| told.fails.clone()) {
            Some(why) => (End::Failed(why), at + takes),
            None => (End::Done, at + takes),
        }
    }

    fn approved(&self, at: f64, limit: f64) -> (End, f64) {
        let signal = self
            .execution
            .signals
            .iter()
            .find(|signal| signal.at >= at && signal.at <= at + limit);
        match signal {
            Some(Signal { kind, at, .. }) if kind == "Approve" => (End::Done, *at),
            Some(Signal { at, .. }) => (End::Rejected, *at),
            None => {
                let why = "nobody approved it in time".to_owned();
                (End::TimedOut(why), at + limit)
            }
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.steps().iter().position(|step| step["name"] == *name)
    }

    /// The step after one that has succeeded.
    fn follows(&self, index: usize, known: &BTreeMap<String, Json>) -> Option<usize> {
        let step = self.steps().get(index)?;
        if step["action"] == "aws:branch" {
            let inputs = &step["inputs"];
            let taken = inputs["Choices"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|choice| holds(choice, known))
                .and_then(|choice| choice["NextStep"].as_str())
                .or_else(|| inputs["Default"].as_str())?;
            return self.position(taken);
        }
        if step["isEnd"] == Json::Bool(true) || step["isEnd"] == "true" {
            return None;
        }
        match step["nextStep"].as_str() {
            Some(next) => self.position(next),
            None => Some(index + 1).filter(|next| *next < self.steps().len()),
        }
    }
}

/// What a step gives back: what the scenario says, or a value of the declared type.
fn outputs(
    step: &Json,
    told: Option<&AutomationStep>,
    known: &BTreeMap<String, Json>,
) -> BTreeMap<String, Json> {
    let mut all = BTreeMap::new();
    for declared in step["outputs"].as_array().into_iter().flatten() {
        let name = declared["Name"].as_str().unwrap_or_default();
        let value = match declared["Type"].as_str() {
            Some("Integer") => 0.into(),
            Some("Boolean") => false.into(),
            Some("StringList" | "MapList") => Json::Array(Vec::new()),
            Some("StringMap") => Json::Object(Map::new()),
            _ => "".into(),
        };
        all.insert(name.to_owned(), value);
    }
    for (name, value) in told.into_iter().flat_map(|told| &told.outputs) {
        all.insert(name.clone(), value.clone());
    }
    let action = step["action"].as_str().unwrap_or_default();
    let usual: &[(&str, &str)] = match action {
        "aws:approve" => &[("ApprovalStatus", "Approved")],
        "aws:runCommand" => &[("Status", "Success"), ("ResponseCode", "0"), ("Output", "")],
        "aws:createImage" | "aws:copyImage" => &[("ImageId", "ami-0123456789abcdef0")],
        _ => &[],
    };
    for (name, value) in usual {
        all.entry((*name).to_owned())
            .or_insert_with(|| (*value).into());
    }
    // An output may be made of what is known already.
    all.into_iter()
        .map(|(name, value)| (name, filled(&value, known)))
        .collect()
}

/// A value with its `{{ }}` filled in; one that is nothing else keeps its type.
pub(super) fn filled(value: &Json, known: &BTreeMap<String, Json>) -> Json {
    match value {
        Json::String(text) => {
            let whole = text
                .trim()
                .strip_prefix("{{")
                .and_then(|rest| rest.strip_suffix("}}"))
                .map(str::trim)
                .filter(|inside| !inside.contains("{{"));
            if let Some(found) = whole.and_then(|name| known.get(name)) {
                return found.clone();
            }
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once("{{") {
                let Some((inside, after)) = after.split_once("}}") else {
                    break;
                };
                out.push_str(before);
                match known.get(inside.trim()) {
                    Some(Json::String(text)) => out.push_str(text),
                    Some(other) => out.push_str(&other.to_string()),
                    None => out.extend(["{{", inside, "}}"]),
                }
                rest = after;
            }
            out.push_str(rest);
            out.into()
        }
        Json::Array(items) => items.iter().map(|item| filled(item, known)).collect(),
        Json::Object(entries) => entries
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, known)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// The first `{{ }}` that nothing has a value for. What Systems Manager knows by itself has one.
fn unresolved(value: &Json, known: &BTreeMap<String, Json>) -> Option<String> {
    let text = filled(value, known).to_string();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}")?;
        if !inside.contains(':') {
            return Some(inside.trim().to_owned());
        }
        rest = after;
    }
    None
}

/// Whether a choice of `aws:branch` is taken.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-branch.html>
fn holds(choice: &Json, known: &BTreeMap<String, Json>) -> bool {
    let all = |key: &str| choice[key].as_array();
    if let Some(every) = all("And") {
        return every.iter().all(|one| holds(one, known));
    }
    if let Some(any) = all("Or") {
        return any.iter().any(|one| holds(one, known));
    }
    if choice.get("Not").is_some() {
        return !holds(&choice["Not"], known);
    }
    let value = filled(&choice["Variable"], known);
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let number = text.parse::<f64>().ok();
    let operators = choice.as_object().into_iter().flatten();
    operators
        .filter(|(name, _)| !["Variable", "NextStep"].contains(&name.as_str()))
        .all(|(name, wanted)| {
            let wanted = filled(wanted, known);
            let wanted_text = wanted
                .as_str()
                .map_or_else(|| wanted.to_string(), str::to_owned);
            let compared = number.zip(wanted_text.parse::<f64>().ok());
            let is = |test: fn(&f64, &f64) -> bool| compared.is_some_and(|(a, b)| test(&a, &b));
            match name.as_str() {
                "StringEquals" => text == wanted_text,
                "EqualsIgnoreCase" => text.eq_ignore_ascii_case(&wanted_text),
                "StartsWith" => text.starts_with(&wanted_text),
                "EndsWith" => text.ends_with(&wanted_text),
                "Contains" => text.contains(&wanted_text),
                "NumericEquals" => compared.is_some_and(|(a, b)| (a - b).abs() < f64::EPSILON),
                "NumericGreater" => is(f64::gt),
                "NumericLesser" => is(f64::lt),
                "NumericGreaterOrEquals" => is(f64::ge),
                "NumericLesserOrEquals" => is(f64::le),
                "BooleanEquals" => text == wanted_text,
                _ => false,
            }
        })
}

/// The seconds of an ISO 8601 duration such as `PT1M30S`.
fn slept(duration: &Json) -> f64 {
    let text = duration.as_str().unwrap_or_default();
    let mut seconds = 0.0;
    let mut number = String::new();
    let mut time = false;
    for c in text.chars() {
        match c {
            'P' => {}
            'T' => time = true,
            c if c.is_ascii_digit() || c == '.' => number.push(c),
            unit => {
                let value: f64 = number.parse().unwrap_or(0.0);
                number.clear();
                seconds += value
                    * match (unit, time) {
                        ('D', _) => 86_400.0,
                        ('H', true) => 3600.0,
                        ('M', true) => 60.0,
                        ('S', true) => 1.0,
                        _ => 0.0,
                    };
            }
        }
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn play(document: &Json, told: &[AutomationStep], signals: Vec<Signal>, by: f64) -> Progress {
        let execution = Execution {
            parameters: BTreeMap::from([("Desired".to_owned(), vec!["4".to_owned()])]),
            signals,
            ..Execution::of("D", 0.0)
        };
        Play {
            document,
            told,
            execution: &execution,
            by,
        }
        .run()
    }

    fn told(name: &str, outputs: Json) -> AutomationStep {
        AutomationStep {
            name: name.into(),
            action: String::new(),
            takes: 2.0,
            fails: None,
            outputs: serde_json::from_value(outputs).unwrap(),
        }
    }

    fn document() -> Json {
        json!({"parameters": {"Desired": {"type": "Integer"}}, "mainSteps": [
            {"name": "look", "action": "aws:executeAwsApi", "inputs": {}, "outputs": [{"Name": "Running", "Selector": "$.x", "Type": "Integer"}]},
            {"name": "which", "action": "aws:branch", "inputs": {"Choices": [{"NextStep": "few", "Variable": "{{ look.Running }}", "NumericLesser": 2}], "Default": "gate"}},
            {"name": "few", "action": "aws:sleep", "inputs": {"Duration": "PT1M"}, "isEnd": true},
            {"name": "gate", "action": "aws:approve", "timeoutSeconds": 100, "inputs": {}},
            {"name": "last", "action": "aws:executeAwsApi", "inputs": {"n": "{{ Desired }}"}},
        ]})
    }

    fn went(progress: &Progress) -> Vec<(&str, &str)> {
        let steps = progress.steps.iter();
        steps
            .map(|step| (step.name.as_str(), step.status))
            .collect()
    }

    #[test]
    fn a_branch_is_taken_by_what_a_step_found() {
        let few = play(
            &document(),
            &[told("look", json!({"Running": 1}))],
            Vec::new(),
            62.0,
        );
        assert_eq!((few.status, few.ended), ("Success", Some(62.0)));
        assert_eq!(
            went(&few),
            [
                ("look", "Success"),
                ("which", "Success"),
                ("few", "Success")
            ]
        );
    }

    #[test]
    fn a_gate_waits_for_a_signal_and_not_for_ever() {
        let many = [told("look", json!({"Running": 3}))];
        let waiting = play(&document(), &many, Vec::new(), 50.0);
        assert_eq!((waiting.status, waiting.ended), ("Waiting", None));
        let signal = |kind: &str| {
            vec![Signal {
                kind: kind.into(),
                at: 10.0,
            }]
        };
        let approved = play(&document(), &many, signal("Approve"), 50.0);
        assert_eq!((approved.status, approved.ended), ("Success", Some(11.0)));
        assert_eq!(
            play(&document(), &many, signal("Reject"), 50.0).status,
            "Rejected"
        );
        assert_eq!(
            play(&document(), &many, Vec::new(), 200.0).status,
            "TimedOut"
        );
    }

    #[test]
    fn a_reference_to_nothing_fails_where_it_is_needed() {
        let text = document()
            .to_string()
            .replace("{{ Desired }}", "{{ look.Other }}");
        let document: Json = serde_json::from_str(&text).unwrap();
        let signal = vec![Signal {
            kind: "Approve".into(),
            at: 10.0,
        }];
        let failed = play(
            &document,
            &[told("look", json!({"Running": 3}))],
            signal,
            50.0,
        );
        assert_eq!(failed.status, "Failed");
        assert!(failed.failure.unwrap().contains("look.Other"));
    }
}
