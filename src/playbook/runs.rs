//! Reads what an automated step runs, and where.

use super::model::Run;
use super::parse::{self, Draft};
use super::vocabulary::KeyKind;
use super::{ActionKey, ActionKind, Parameter, parameter};
use crate::document::{Node, Problem, Reader};
use crate::expression::{Quoting, Scope};

/// Reads `run` or `runs`; the second value tells which.
pub(super) fn runs(
    reader: &Reader<'_>,
    draft: &Draft<'_>,
    local: &[&'static str],
) -> (Vec<Run>, bool) {
    let single = reader.table("run");
    let many = reader.tables("runs");
    match (single, many.is_empty()) {
        (Some(_), false) => {
            draft.problems.push(
                Problem::error("a step has either `run` or `runs`")
                    .at(reader.span.clone())
                    .help("remove one of them"),
            );
            (Vec::new(), false)
        }
        (Some(table), true) => {
            let run = run(&table, String::new(), draft, local);
            table.finish();
            (run.into_iter().collect(), false)
        }
        (None, true) => {
            draft.problems.push(
                Problem::error("an automated step has nothing to run")
                    .at(reader.span.clone())
                    .help(format!(
                        "add `run.KIND = {{ … }}`, where KIND is one of {}",
                        kinds(draft)
                    )),
            );
            (Vec::new(), false)
        }
        (None, false) => {
            let mut seen: Vec<String> = Vec::new();
            let mut all = Vec::new();
            for table in many {
                let name = table.required_string("as");
                if let Some(name) = &name {
                    parse::variable_name(&name.value, &name.span, draft.problems);
                    if seen.contains(&name.value) {
                        draft.problems.push(
                            Problem::error(format!("two runs are named `{}`", name.value))
                                .at(name.span.clone()),
                        );
                    }
                }
                let after = table.string("after");
                if let Some(after) = &after
                    && !seen.contains(&after.value)
                {
                    draft.problems.push(
                        Problem::error(format!("no earlier run is named `{}`", after.value))
                            .at(after.span.clone())
                            .help("`after` names a run that stands above this one"),
                    );
                }
                let name = name.map(|name| name.value).unwrap_or_default();
                seen.push(name.clone());
                if let Some(mut run) = run(&table, name, draft, local) {
                    run.after = after.map(|after| after.value);
                    all.push(run);
                }
                table.finish();
            }
            (all, true)
        }
    }
}

fn kinds(draft: &Draft<'_>) -> String {
    let names: Vec<&str> = draft
        .vocabulary
        .kinds
        .iter()
        .map(|kind| kind.name)
        .collect();
    names.join(", ")
}

fn run(table: &Reader<'_>, name: String, draft: &Draft<'_>, local: &[&'static str]) -> Option<Run> {
    let mut given = draft
        .vocabulary
        .kinds
        .iter()
        .filter_map(|kind| table.node(kind.name).map(|node| (kind, node)));
    let Some((kind, node)) = given.next() else {
        draft.problems.push(
            Problem::error("this run names no kind of action")
                .at(table.span.clone())
                .help(format!("write one of {}", kinds(draft))),
        );
        return None;
    };
    if let Some((second, node)) = given.next() {
        draft.problems.push(
            Problem::error(format!(
                "this run is both `{}` and `{}`",
                kind.name, second.name
            ))
            .at(node.span.clone())
            .help("use `runs = [ … ]` for several actions in one step"),
        );
    }
    let (mut parameters, (profile, region)) = parameters(kind, node, draft, local);
    let (mut kind, mut json) = (kind, node.to_json());
    if let Some((other, others)) = (kind.instead)(&json, &parameters)
        && let Some(other) = draft.vocabulary.kind(other)
    {
        // What it is asked does not hang on a value: an expression may stand for each.
        json = others.show(&Scope::default());
        (kind, parameters) = (other, others);
    }
    let mut permissions = (kind.permissions)(&json);
    if draft.reads_parameters(&json) {
        permissions.push("ssm:GetParameter".into());
    }
    Some(Run {
        name,
        after: None,
        kind: kind.name,
        mutating: (kind.mutating)(&json),
        prefetched: (kind.prefetched)(&json),
        permissions,
        parameters,
        profile,
        region,
    })
}

/// A profile and a region.
type Elsewhere = (Option<Parameter>, Option<Parameter>);

/// Reads `at`: where something runs, if not where the alarm is.
pub(super) fn at(reader: &Reader<'_>, draft: &Draft<'_>, local: &[&'static str]) -> Elsewhere {
    const PROFILE: ActionKey = ActionKey::optional(
        "profile",
        KeyKind::Text,
        "the profile to run with; the alarm's unless given",
    );
    const REGION: ActionKey = ActionKey::optional(
        "region",
        KeyKind::Text,
        "the region to run in; the alarm's unless given",
    );
    let Some(table) = reader.table("at") else {
        return (None, None);
    };
    let mut on_expression =
        |expression: &crate::expression::Expression, span| draft.uses(expression, span, local);
    let mut read = |key: &ActionKey| {
        let node = table.node(key.name)?;
        Some(parameter::read(
            key,
            node,
            Quoting::Text,
            draft.problems,
            &mut on_expression,
        ))
    };
    let elsewhere = (read(&PROFILE), read(&REGION));
    table.finish();
    elsewhere
}

fn parameters(
    kind: &ActionKind,
    node: &Node,
    draft: &Draft<'_>,
    local: &[&'static str],
) -> (Parameter, Elsewhere) {
    let reader = Reader::new(node, format!("`{}`", kind.name), draft.problems);
    let elsewhere = at(&reader, draft, local);
    let json = node.to_json();
    let powershell = json["document"]
        .as_str()
        .is_some_and(|document| document.contains("PowerShell"));
    let quoting = if powershell {
        Quoting::PowerShell
    } else {
        Quoting::Posix
    };
    let mut on_expression =
        |expression: &crate::expression::Expression, span| draft.uses(expression, span, local);
    let mut entries = Vec::new();
    for key in kind.keys {
        let value = if key.required {
            reader.required(key.name)
        } else {
            reader.node(key.name)
        };
        if let Some(value) = value {
            draft.secrets_named(key, value);
            let value = parameter::read(key, value, quoting, draft.problems, &mut on_expression);
            entries.push((key.name.to_owned(), value));
        }
    }
    if let Err((key, reason)) = (kind.check)(&json) {
        let span = reader
            .entries()
            .iter()
            .find(|(name, _, _)| name == key)
            .map_or(node.span.clone(), |(_, _, value)| value.span.clone());
        draft.problems.push(Problem::error(reason).at(span));
    }
    reader.finish();
    (Parameter::Map(entries), elsewhere)
}

/// Reads a change that stands by itself: what takes another one back.
pub(super) fn change(node: &Node, draft: &Draft<'_>, local: &[&'static str]) -> Option<Run> {
    let table = Reader::new(node, "`undo`", draft.problems);
    let run = run(&table, String::new(), draft, local);
    table.finish();
    if let Some(run) = &run
        && !run.mutating
    {
        draft.problems.push(
            Problem::error("what takes a change back is a change itself")
                .at(node.span.clone())
                .help("write undo.ssm_automation = { document = \"…\", … }"),
        );
    }
    run
}

/// A step that changes the system makes one change, once, after approval.
pub(super) fn one_change(reader: &Reader<'_>, draft: &Draft<'_>, runs: &[Run]) {
    let refuse = |key: &'static str, message: &str, help: &str| {
        if let Some(node) = reader.node(key) {
            draft.problems.push(
                Problem::error(message.to_owned())
                    .at(node.span.clone())
                    .help(help.to_owned()),
            );
        }
    };
    let alone = "make it a step of its own with one `run`, and read in the steps around it";
    refuse(
        "for_each",
        "a step that changes the system makes one change",
        alone,
    );
    refuse(
        "until",
        "a change is never made again and again",
        "wait for its effect in the next step",
    );
    if runs.len() > 1 {
        refuse(
            "runs",
            "a step that changes the system makes one change",
            alone,
        );
    }
    if reader
        .integer("retries", 0..=10)
        .is_some_and(|retries| retries > 0)
    {
        refuse(
            "retries",
            "a change is never tried again by itself",
            "take `retries` away; the responder is asked",
        );
    }
    if reader.boolean("prefetch") == Some(true) {
        refuse(
            "prefetch",
            "a change is never made ahead of the responder",
            "take `prefetch` away",
        );
    }
}
