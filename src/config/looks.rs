//! How the console looks, and its keys, as the configuration says.

use std::collections::BTreeMap;

use super::ColorChoice;
use crate::commands::{KeyProblem, Keys};
use crate::document::{Kind, Node, Problem, Reader};

/// How many colours.
pub(super) fn color(reader: &Reader<'_>) -> Option<ColorChoice> {
    reader.choice("color", &ColorChoice::ALL)
}

/// Keys by the names of commands: one, or a list; an empty list takes the usual ones away.
pub(super) fn keys(reader: &Reader<'_>) -> Option<BTreeMap<String, Vec<String>>> {
    let node = reader.node("keys")?;
    let table = reader.table("keys")?;
    let mut given = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (name, span, node) in table.entries() {
        let Some(keys) = listed(node) else {
            table.problems().push(
                Problem::error("this is neither a key nor a list of keys")
                    .at(node.span.clone())
                    .help("write it like \"Ctrl-R\" or [\"r\", \"F5\"]"),
            );
            continue;
        };
        places.insert(name.clone(), span.clone());
        given.insert(name.clone(), keys);
    }
    if let Err(problems) = Keys::with(&given) {
        for problem in problems {
            let at = places.get(problem.at(&given)).cloned();
            let help = match &problem {
                KeyProblem::Unknown { .. } => "`?` in the console, and the README, list all names",
                KeyProblem::NoKey { .. } => "an empty list takes a command's keys away",
                KeyProblem::Conflict { .. } => "give one of them another key, or none: []",
                KeyProblem::Fixed { .. } => "a way out must not depend on a configuration",
            };
            let said = Problem::error(problem.to_string())
                .at(at.unwrap_or_else(|| node.span.clone()))
                .help(help);
            table.problems().push(said);
        }
    }
    Some(given)
}

fn listed(node: &Node) -> Option<Vec<String>> {
    let text = |node: &Node| match &node.kind {
        Kind::String(text) => Some(text.clone()),
        _ => None,
    };
    match &node.kind {
        Kind::String(text) => Some(vec![text.clone()]),
        Kind::Array(all) => all.iter().map(text).collect(),
        _ => None,
    }
}
