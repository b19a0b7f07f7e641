//! A change as whoever decides about it reads it: line by line, the same on every screen.
//!
//! It says everything that the digest covers, and nothing that it does not.

use std::time::Duration;

use super::{Intent, Plan, Target, Terms};
use crate::playbook::{ApprovalRule, WaveSize};
use crate::runbook::Work;

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub label: &'static str,
    /// What it says.
    pub text: String,
    /// How much it matters.
    pub weight: Weight,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// What is done, and to what.
    Heading,
    /// What belongs to it.
    Plain,
    /// What stands against it.
    Warning,
}

/// Writes a change down.
#[must_use]
pub fn sheet(intent: &Intent) -> Vec<Fact> {
    let mut sheet = Sheet(Vec::new());
    match &intent.plan {
        Some(plan) => sheet.plan(intent, plan),
        None => sheet.parameters(intent),
    }
    if let Some(terms) = &intent.terms {
        sheet.terms(intent, terms);
    }
    sheet.0
}

/// The longest text of a line, in characters: less than what a screen cuts.
const LONGEST: usize = 1000;

struct Sheet(Vec<Fact>);

impl Sheet {
    /// What is too long for a line goes on in the next ones: nothing that runs is cut off.
    fn say(&mut self, label: &'static str, text: String, weight: Weight) {
        let (mut label, mut text) = (label, text);
        while let Some((end, _)) = text.char_indices().nth(LONGEST) {
            let rest = text.split_off(end);
            self.0.push(Fact {
                label,
                text,
                weight,
            });
            (label, text) = ("goes on", rest);
        }
        self.0.push(Fact {
            label,
            text,
            weight,
        });
    }

    fn place(&mut self, intent: &Intent) {
        let place = format!("account {} · {}", intent.account, intent.region);
        self.say("in", place, Weight::Heading);
    }

    /// A change that was described before AWS was asked about it.
    fn parameters(&mut self, intent: &Intent) {
        let version = intent.parameters["version"].as_str();
        let version = version.unwrap_or("the default one");
        let runs = format!("{}, version {version}, as an Automation", intent.document());
        self.say("runs", runs, Weight::Heading);
        for target in intent.targets() {
            self.say("changes", target, Weight::Heading);
        }
        self.place(intent);
        let given = intent.parameters["parameters"].as_object();
        for (name, value) in given.into_iter().flatten() {
            self.say("with", format!("{name} = {value}"), Weight::Plain);
        }
    }

    fn plan(&mut self, intent: &Intent, plan: &Plan) {
        let what = if intent.undoes.is_some() {
            "takes back"
        } else {
            "runs"
        };
        let runs = format!(
            "{}, version {}, as an Automation",
            plan.document, plan.version
        );
        self.say(what, runs, Weight::Heading);
        let many = plan.targets.len() > 1;
        for (index, target) in plan.targets.iter().enumerate() {
            let number = if many {
                format!("{}. ", index + 1)
            } else {
                String::new()
            };
            self.say(
                "changes",
                format!("{number}{}", said(target)),
                Weight::Heading,
            );
        }
        self.place(intent);
        if let Some(radius) = plan.blast_radius() {
            self.say("which is", radius, Weight::Heading);
        }
        if let Some(over) = intent.over_ceiling() {
            let text = format!("over the playbook's ceiling: {over}");
            self.say("stopped", text, Weight::Warning);
        }
        if let Some(raised) = intent.terms.as_ref().and_then(|terms| terms.raised.clone()) {
            self.say(
                "raised",
                format!("over the ceiling, because {raised}"),
                Weight::Warning,
            );
        }
        if let Some(closed) = &plan.closed {
            self.say("calendar", closed.clone(), Weight::Warning);
        }
        for (name, values) in &plan.parameters {
            if plan.target_parameter.as_ref() == Some(name) {
                continue;
            }
            let sources = intent.terms.as_ref().map(|terms| &terms.sources);
            let source = sources.and_then(|sources| sources.get(name));
            let source = source.map(|source| format!("   ← {source}"));
            self.say(
                "with",
                format!(
                    "{name} = {}{}",
                    values.join(", "),
                    source.unwrap_or_default()
                ),
                Weight::Plain,
            );
        }
        if let Some(name) = &plan.target_parameter
            && let Some(source) = intent
                .terms
                .as_ref()
                .and_then(|terms| terms.sources.get(name))
        {
            self.say(
                "with",
                format!("{name}: the above   ← {source}"),
                Weight::Plain,
            );
        }
        let reviewed = if plan.reviewed {
            "the reviewed text"
        } else {
            "nobody has reviewed it here"
        };
        let weight = if plan.reviewed {
            Weight::Plain
        } else {
            Weight::Warning
        };
        self.say(
            "document",
            format!(
                "SHA-256 {}… · {reviewed}",
                plan.hash.get(..16).unwrap_or(&plan.hash)
            ),
            weight,
        );
        let role = plan.role.clone();
        self.say(
            "as",
            role.unwrap_or_else(|| "whoever starts it: the document assumes no role".into()),
            Weight::Plain,
        );
        self.work(plan);
        for remark in &plan.remarks {
            self.say("remark", remark.clone(), Weight::Warning);
        }
        for gate in &plan.gates {
            let text = format!("its step {gate} waits for an approval of its own, in AWS");
            self.say("asks", text, Weight::Plain);
        }
        if let Some(alarm) = &plan.alarm {
            let text = format!("the alarm {alarm}, when it fires; what has begun is finished");
            self.say("ended by", text, Weight::Plain);
        }
    }

    /// Everything that runs, step by step, with what loops and other documents bring.
    fn work(&mut self, plan: &Plan) {
        if plan.work.is_empty() {
            let short = |action: &str| action.strip_prefix("aws:").unwrap_or(action).to_owned();
            let steps = plan.steps.iter();
            let steps: Vec<String> = steps
                .map(|(name, action)| format!("{name} ({})", short(action)))
                .collect();
            self.say("does", steps.join(" → "), Weight::Plain);
            return;
        }
        let mut label = "does";
        for work in &plan.work {
            let indent = "  ".repeat(work.depth);
            let action = work.action.strip_prefix("aws:").unwrap_or(&work.action);
            let step = format!("{indent}{} ({action})", work.step);
            self.say(std::mem::take(&mut label), step, Weight::Plain);
            for line in &work.says {
                self.say("", format!("{indent}    {line}"), Weight::Plain);
            }
            if let Some(why) = &work.unresolved {
                let text = format!("{}: {why}", work.step);
                self.say("unknown", text, Weight::Warning);
            }
        }
        let later = |work: &Work| work.says.iter().any(|line| line.contains("{{"));
        if plan.work.iter().any(later) {
            let text = "values in {{ }} are known only while it runs";
            self.say("", text.into(), Weight::Plain);
        }
    }

    fn terms(&mut self, intent: &Intent, terms: &Terms) {
        let mut plain = |label, text: Option<String>| {
            if let Some(text) = text {
                self.say(label, text, Weight::Plain);
            }
        };
        plain("stops", terms.stops.clone());
        plain(
            "takes",
            terms
                .estimate
                .map(|seconds| format!("about {}", span(seconds))),
        );
        plain("turns", turns(intent, terms));
        let within = terms.verify_within.map(span).unwrap_or_default();
        let verify = terms.verify.as_ref();
        plain(
            "verified",
            verify.map(|holds| format!("{holds}, within {within}")),
        );
        plain("undone by", terms.undo.clone());
        let lacks = match (&terms.verify, &terms.undo) {
            _ if intent.undoes.is_some() => None,
            (None, None) => Some("nobody looks whether it worked, and nothing takes it back"),
            (None, Some(_)) => Some("nobody looks whether it worked"),
            (Some(_), None) => Some("nothing takes it back"),
            (Some(_), Some(_)) => None,
        };
        if let Some(lacks) = lacks {
            self.say(
                "lacks",
                format!("{lacks}: the playbook does not say how"),
                Weight::Warning,
            );
        }
        let needs = match (&terms.approval, &terms.preapproved) {
            (_, Some(by)) => format!("nobody else: agreed to beforehand by {by}"),
            (ApprovalRule::None, None) => "nobody's approval".into(),
            (ApprovalRule::Own, None) => "your own approval".into(),
            (ApprovalRule::Document, None) => {
                "the approval that the document asks for in AWS".into()
            }
            (ApprovalRule::Others { count, group }, None) => {
                format!("{count} of the group {group}, beside whoever asks")
            }
        };
        self.say("needs", needs, Weight::Plain);
    }
}

fn said(target: &Target) -> String {
    let mut said = target.id.clone();
    if let Some(name) = &target.name {
        said = format!("{said} · {name}");
    }
    if let Some(zone) = &target.zone {
        said = format!("{said} · {zone}");
    }
    match target.online {
        Some(false) => format!("{said} · its agent does not answer"),
        _ => said,
    }
}

fn turns(intent: &Intent, terms: &Terms) -> Option<String> {
    let size = terms.wave?;
    let waves = intent.waves();
    let each = match size {
        WaveSize::Count(count) => format!("{count} at a time"),
        WaveSize::Percent(percent) => format!("{percent} % at a time"),
    };
    let look = if terms.verify.is_some() {
        " and a look"
    } else {
        ""
    };
    Some(format!(
        "{}, {each}, with a pause of {}{look} after each",
        waves.len(),
        span(terms.pause)
    ))
}

fn span(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_shown_to_its_end() {
        let mut sheet = Sheet(Vec::new());
        let long = format!("{}; and this", "x".repeat(3 * LONGEST));
        sheet.say("with", long.clone(), Weight::Plain);
        let whole: String = sheet.0.iter().map(|fact| fact.text.as_str()).collect();
        assert_eq!(whole, long);
        assert!(
            sheet
                .0
                .iter()
                .all(|fact| fact.text.chars().count() <= LONGEST)
        );
    }
}
