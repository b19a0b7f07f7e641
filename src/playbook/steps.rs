//! Reads the steps of a playbook.

use std::time::Duration;

use super::catalog::glob;
use super::model::{
    Automated, Branch, Call, Decision, Diagnostic, Manual, Outcome, Run, Step, StepId, StepKind,
};
use super::parse::{self, Draft, Output};
use super::{ActionKey, KeyKind, parameter, remediation, runs};
use crate::document::{Kind, Located, Node, Problem, Reader};
use crate::expression::{Quoting, ShellLine, Template, unsafe_value};

/// How long an attempt may take where the step does not say: long enough for Run Command.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
/// The oldest prefetched result that is good enough where the step does not say.
const DEFAULT_MAX_AGE: Duration = Duration::from_mins(1);
/// Names that outputs cannot take.
const RESERVED: [&str; 9] = [
    "alarm",
    "inputs",
    "env",
    "secrets",
    "incident",
    "execution",
    "item",
    "output",
    "answers",
];

#[derive(Clone, Copy)]
enum Word {
    Automated,
    Manual,
    Decision,
    Outcome,
    Playbook,
}

pub(super) fn step(mut reader: Reader<'_>, draft: &Draft<'_>) -> Step {
    let id = reader.required_string("id");
    let id = id.map_or_else(
        || StepId::from(""),
        |text| {
            reader.rename(format!("step {:?}", text.value));
            parse::identifier(&text.value, &text.span, draft.problems);
            let id = StepId::from(text.value.as_str());
            draft.ids.borrow_mut().push((id.clone(), text.span));
            id
        },
    );
    let title = reader
        .required_string("title")
        .map(|text| text.value)
        .unwrap_or_default();
    if title.contains("{{") {
        let span = reader.node("title").map_or(0..0, |node| node.span.clone());
        draft.problems.push(
            Problem::error("a title holds no values")
                .at(span)
                .help("write plain text, and put the value into the description"),
        );
    }
    reader.required("description");
    let description = draft
        .template(&reader, "description", &[])
        .unwrap_or_else(empty);
    reader.required("kind");
    let word = reader.choice(
        "kind",
        &[
            ("automated", Word::Automated),
            ("manual", Word::Manual),
            ("decision", Word::Decision),
            ("outcome", Word::Outcome),
            ("playbook", Word::Playbook),
        ],
    );
    let on_failure = parse::on_failure(&reader, draft);
    let estimate = reader.duration("estimate");
    let max_visits = reader
        .integer("max_visits", 1..=100)
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(3);
    let kind = match word {
        Some(Word::Automated) => Some(automated(&reader, draft)),
        Some(Word::Manual) => Some(manual(&reader, draft)),
        Some(Word::Decision) => Some(decision(&reader, draft)),
        Some(Word::Outcome) => {
            reader.required("outcome");
            reader
                .choice("outcome", &Outcome::ALL)
                .map(StepKind::Outcome)
        }
        Some(Word::Playbook) => Some(StepKind::Playbook(call(&reader, &id, draft))),
        None => None,
    };
    if let Some(kind) = kind {
        reader.finish();
        return Step {
            id,
            title,
            description,
            on_failure,
            estimate,
            max_visits,
            frame: 0,
            kind,
        };
    }
    // Without a kind, nobody knows which keys belong: saying so once is enough.
    Step {
        id,
        title,
        description,
        on_failure,
        estimate,
        max_visits,
        frame: 0,
        kind: StepKind::Outcome(Outcome::Stop),
    }
}

fn empty() -> Template {
    Template::compile("").unwrap_or_else(|_| unreachable!("an empty text has no expressions"))
}

fn automated(reader: &Reader<'_>, draft: &Draft<'_>) -> StepKind {
    reader.required("expect");
    let output = output_name(reader, draft);
    let for_each = reader
        .node("for_each")
        .and_then(|node| draft.expression(node, "for_each", &[]));
    let local: &[&'static str] = if for_each.is_some() { &["item"] } else { &[] };
    let (mut runs, named_runs) = runs::runs(reader, draft, local);
    let (profile, region) = runs::at(reader, draft, local);
    for run in &mut runs {
        run.profile = run.profile.take().or_else(|| profile.clone());
        run.region = run.region.take().or_else(|| region.clone());
    }
    let values = values(reader, draft);
    if let Some((name, span)) = &output {
        let fields = output_fields(&runs, named_runs, for_each.is_some(), &values, draft);
        draft.outputs.borrow_mut().push(Output {
            name: name.clone(),
            span: span.clone(),
            fields,
        });
    } else if !values.is_empty() {
        draft.problems.push(
            Problem::error("`values` need an `output` to stand in")
                .at(reader.span.clone())
                .help("add `output = \"name\"`"),
        );
    }
    let condition = |key| {
        reader
            .node(key)
            .and_then(|node| draft.expression(node, key, &[]))
    };
    let success = condition("success");
    let until = condition("until");
    if until.is_some() && output.is_none() {
        draft.problems.push(
            Problem::error("`until` needs an `output` to look at")
                .at(reader.span.clone())
                .help("add `output = \"name\"`"),
        );
    }
    let remediation = runs.iter().any(|run| run.mutating).then(|| {
        runs::one_change(reader, draft, &runs);
        Box::new(remediation::read(reader, draft))
    });
    if remediation.is_none() {
        changes_nothing(reader, draft);
    }
    let prefetched = runs.iter().all(|run| run.prefetched);
    let permissions = reader.strings("permissions");
    needed(reader, &permissions, &runs, draft);
    StepKind::Automated(Box::new(Automated {
        diagnostic: reader.choice("diagnostic", &Diagnostic::ALL),
        expect: draft.template(reader, "expect", &[]).unwrap_or_else(empty),
        output: output.map(|(name, _)| name),
        reads: values
            .iter()
            .flat_map(|(_, expression)| expression.variables())
            .collect(),
        values,
        success,
        timeout: reader.duration("timeout").unwrap_or(DEFAULT_TIMEOUT),
        retries: reader
            .integer("retries", 0..=10)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(0),
        max_age: reader.duration("max_age").unwrap_or(DEFAULT_MAX_AGE),
        permissions: parse::plain(permissions),
        manual: draft.template(reader, "manual", &[]),
        next: draft.target(reader, "next"),
        // Waiting for something is for the responder's arrival, not ahead of it.
        prefetch: reader
            .boolean("prefetch")
            .unwrap_or(prefetched && until.is_none()),
        runs,
        named_runs,
        for_each,
        max_parallel: reader
            .integer("max_parallel", 1..=50)
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(8),
        until,
        every: reader.duration("every").unwrap_or(Duration::from_secs(10)),
        remediation,
    }))
}

/// What belongs to a change stands with one.
fn changes_nothing(reader: &Reader<'_>, draft: &Draft<'_>) {
    for key in [
        "approval",
        "preapproved",
        "stops",
        "ceiling",
        "waves",
        "verify",
        "undo",
    ] {
        if let Some(node) = reader.node(key) {
            draft.problems.push(
                Problem::error(format!("`{key}` belongs to a change: this step only reads"))
                    .at(node.span.clone())
                    .help(format!("take `{key}` away")),
            );
        }
    }
}

/// A step that lists its permissions lists all that its actions need.
fn needed(reader: &Reader<'_>, listed: &[Located<String>], runs: &[Run], draft: &Draft<'_>) {
    if reader.node("permissions").is_none() {
        return;
    }
    let mut missing: Vec<&str> = runs
        .iter()
        .flat_map(|run| &run.permissions)
        .map(String::as_str)
        .filter(|needed| {
            !listed
                .iter()
                .any(|listed| glob(&listed.value, needed) || listed.value == "*")
        })
        .collect();
    missing.dedup();
    if !missing.is_empty() {
        draft.problems.push(
            Problem::warning(format!(
                "`permissions` leaves out what this step needs: {}",
                missing.join(", ")
            ))
            .at(reader
                .node("permissions")
                .map_or(0..0, |node| node.span.clone()))
            .help("add it, or leave `permissions` out: each action knows what it needs"),
        );
    }
}

fn call(reader: &Reader<'_>, id: &StepId, draft: &Draft<'_>) -> Call {
    let playbook = reader.required_string("playbook");
    if let Some(playbook) = &playbook {
        draft
            .calls
            .borrow_mut()
            .push((id.clone(), playbook.clone()));
    }
    let with = reader.table("with").map(|table| {
        table
            .entries()
            .iter()
            .map(|(name, _, node)| {
                let key = ActionKey::optional("with", KeyKind::Json, "an input's value");
                let value = parameter::read(
                    &key,
                    node,
                    Quoting::Typed,
                    draft.problems,
                    &mut |expression, span| draft.uses(expression, span, &[]),
                );
                (name.clone(), value)
            })
            .collect()
    });
    let on = reader.table("on").map(|table| {
        let on = Outcome::ALL
            .iter()
            .filter(|(name, _)| table.node(name).is_some())
            .map(|(name, outcome)| (*outcome, draft.target(&table, name)))
            .collect();
        table.finish();
        on
    });
    Call {
        playbook: playbook.map(|text| text.value).unwrap_or_default(),
        with: with.unwrap_or_default(),
        on: on.unwrap_or_default(),
        next: reader.node("next").map(|_| draft.target(reader, "next")),
    }
}

fn output_name(reader: &Reader<'_>, draft: &Draft<'_>) -> Option<(String, std::ops::Range<usize>)> {
    let text = reader.string("output")?;
    parse::variable_name(&text.value, &text.span, draft.problems);
    if RESERVED.contains(&text.value.as_str()) {
        draft.problems.push(
            Problem::error(format!("`{}` is taken", text.value))
                .at(text.span.clone())
                .help(format!(
                    "these names have a meaning already: {}",
                    RESERVED.join(", ")
                )),
        );
    }
    Some((text.value, text.span))
}

fn values(reader: &Reader<'_>, draft: &Draft<'_>) -> Vec<(String, crate::expression::Expression)> {
    let Some(table) = reader.table("values") else {
        return Vec::new();
    };
    table
        .entries()
        .iter()
        .filter_map(|(name, span, node)| {
            parse::variable_name(name, span, draft.problems);
            Some((name.clone(), draft.expression(node, name, &[])?))
        })
        .collect()
}

fn output_fields(
    runs: &[Run],
    named: bool,
    mapped: bool,
    values: &[(String, crate::expression::Expression)],
    draft: &Draft<'_>,
) -> Option<Vec<String>> {
    let mut fields: Vec<String> = values.iter().map(|(name, _)| name.clone()).collect();
    if mapped {
        // Items are read in brackets; what follows a dot is one of the step's own values.
        return Some(fields);
    }
    if named {
        fields.extend(runs.iter().map(|run| run.name.clone()));
        return Some(fields);
    }
    let kind = runs
        .first()
        .and_then(|run| draft.vocabulary.kind(run.kind))?;
    if kind.output.is_empty() {
        return None;
    }
    fields.extend(kind.output.iter().map(ToString::to_string));
    Some(fields)
}

fn manual(reader: &Reader<'_>, draft: &Draft<'_>) -> StepKind {
    let commands = match reader.node("commands") {
        Some(Node {
            kind: Kind::Array(items),
            ..
        }) => items
            .iter()
            .filter_map(|item| {
                let template = draft.template_at(reader, "commands", item, &[])?;
                let line = [ShellLine::Template(&template)];
                if let Some((_, inside, why)) = unsafe_value(line) {
                    parameter::not_a_word(inside, why, item, draft.problems);
                }
                Some(template)
            })
            .collect(),
        Some(node) => {
            reader.wrong_type("commands", node, "an array of strings");
            Vec::new()
        }
        None => Vec::new(),
    };
    let ask = parse::inputs(reader, "ask", draft, &[]);
    let output = output_name(reader, draft);
    if let Some((name, span)) = &output {
        let mut fields: Vec<String> = ask.iter().map(|input| input.name.clone()).collect();
        fields.push("verdict".into());
        if reader.node("verified_by").is_some() {
            fields.push("verified".into());
        }
        draft.outputs.borrow_mut().push(Output {
            name: name.clone(),
            span: span.clone(),
            fields: Some(fields),
        });
    } else if !ask.is_empty() {
        draft.problems.push(
            Problem::error("what is asked for needs a name to be read by")
                .at(reader.span.clone())
                .help("add `output = \"name\"`; later steps read name.VALUE"),
        );
    }
    StepKind::Manual(Manual {
        commands,
        ask,
        output: output.map(|(name, _)| name),
        verified_by: reader
            .node("verified_by")
            .map(|_| draft.target(reader, "verified_by")),
        next: draft.target(reader, "next"),
    })
}

fn decision(reader: &Reader<'_>, draft: &Draft<'_>) -> StepKind {
    let mut branches = Vec::new();
    let mut otherwise = 0;
    for entry in reader.tables("branches") {
        let when = entry.node("when");
        let is_otherwise = entry.boolean("otherwise") == Some(true);
        if when.is_some() == is_otherwise {
            draft.problems.push(
                Problem::error("a branch has either `when` or `otherwise = true`")
                    .at(entry.span.clone())
                    .help("give the condition under which it is recommended, or make it the one taken otherwise"),
            );
        }
        otherwise += usize::from(is_otherwise);
        branches.push(Branch {
            label: entry
                .required_string("label")
                .map(|text| text.value)
                .unwrap_or_default(),
            when: when.and_then(|node| draft.expression(node, "when", &[])),
            because: draft.template(&entry, "because", &[]),
            skip_unknown: entry.choice("when_unknown", &[("stop", false), ("skip", true)])
                == Some(true),
            next: draft.target(&entry, "next"),
        });
        entry.finish();
    }
    if otherwise != 1 {
        draft.problems.push(
            Problem::error(format!(
                "this decision has {otherwise} branches marked `otherwise`"
            ))
            .at(reader.span.clone())
            .help("mark exactly one branch `otherwise = true`: what to do when no condition holds"),
        );
    }
    // The branch taken otherwise is considered last, wherever it was written.
    branches.sort_by_key(|branch| branch.when.is_none());
    if branches.len() > 9 {
        draft.problems.push(
            Problem::error(format!("this decision has {} branches", branches.len()))
                .at(reader.span.clone())
                .help("at most 9 can be chosen by number; split the decision in two"),
        );
    }
    StepKind::Decision(Decision { branches })
}
