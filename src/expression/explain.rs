//! Why a condition holds: what it read, and the values it found.

use std::collections::BTreeSet;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::{ExecutionError, Value};
use serde::{Deserialize, Serialize};

use super::{CompileError, EvaluateError, MAX_LOOP_NESTING, MAX_LOOPS, Scope, show};

/// What became of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Something it reads is not known.
    Unknown,
}

/// One value that a condition read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The path as written, such as `cpu.maximum`.
    pub name: String,
    /// Its value, or `None` when it is unknown.
    pub value: Option<String>,
}

/// A condition's verdict with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What became of it.
    pub verdict: Verdict,
    /// What it read, in the order written.
    pub evidence: Vec<Evidence>,
    /// Why it could not be computed, when that is not for want of a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Explanation {
    /// Names the values that are missing.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.evidence
            .iter()
            .filter(|evidence| evidence.value.is_none())
            .map(|evidence| evidence.name.as_str())
    }
}

/// A free path of an expression: a variable and the fields taken from it.
pub(super) struct Path<'a> {
    pub root: String,
    pub member: Option<String>,
    text: String,
    node: &'a IdedExpr,
}

/// Explains `strict`, which was made of `expression`.
pub(super) fn explain(strict: &IdedExpr, expression: &IdedExpr, scope: &Scope) -> Explanation {
    let context = scope.context();
    let mut missing = None;
    let (verdict, error) = match resolve(strict, expression, &context) {
        Ok(Value::Bool(true)) => (Verdict::True, None),
        Ok(Value::Bool(false)) => (Verdict::False, None),
        Ok(other) => (
            Verdict::Unknown,
            Some(format!("{} is not true or false", show(&other))),
        ),
        Err(EvaluateError::Unknown(name)) => {
            missing = Some(name);
            (Verdict::Unknown, None)
        }
        Err(EvaluateError::Failed(reason)) => (Verdict::Unknown, Some(reason)),
    };
    let mut seen = BTreeSet::new();
    let mut evidence: Vec<Evidence> = paths(expression)
        .into_iter()
        .filter(|path| seen.insert(path.text.clone()))
        .map(|path| Evidence {
            value: resolve(path.node, path.node, &context)
                .ok()
                .map(|value| brief(&value)),
            name: path.text,
        })
        .collect();
    // What made it unknown is named, also where no path of the text leads to it.
    let named = |name: &String| {
        let mut absent = evidence.iter().filter(|one| one.value.is_none());
        absent.any(|one| one.name.contains(name.as_str()))
    };
    if let Some(name) = missing.filter(|name| !named(name)) {
        evidence.push(Evidence { name, value: None });
    }
    Explanation {
        verdict,
        evidence,
        error,
    }
}

pub(super) fn resolve(
    strict: &IdedExpr,
    expression: &IdedExpr,
    context: &cel::Context<'_, '_>,
) -> Result<Value, EvaluateError> {
    Value::resolve(strict, context).map_err(|error| match error {
        ExecutionError::UndeclaredReference(name) => EvaluateError::Unknown(name.to_string()),
        ExecutionError::NoSuchKey(key) => EvaluateError::Unknown(
            paths(expression)
                .into_iter()
                .find(|path| path.member.as_deref() == Some(key.as_str()))
                .map_or_else(|| key.to_string(), |path| path.text),
        ),
        ExecutionError::FunctionError { message, .. } => EvaluateError::Failed(message),
        other => EvaluateError::Failed(other.to_string()),
    })
}

/// Values in an explanation stay short: a map or list says its size.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = show(value);
    if text.chars().count() <= LONGEST {
        return text;
    }
    match value {
        Value::List(items) => format!("{} items", items.len()),
        Value::Map(map) => format!("{} entries", map.map.len()),
        _ => text.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

/// Refuses an expression whose loops could keep the console busy for good; gives how many it has.
pub(super) fn bounded(expression: &IdedExpr, source: &str) -> Result<usize, CompileError> {
    let mut loops = 0;
    let deepest = depth(expression, &mut loops);
    if deepest <= MAX_LOOP_NESTING && loops <= MAX_LOOPS {
        return Ok(loops);
    }
    Err(CompileError {
        message: format!(
            "the expression has {loops} loops, nested {deepest} deep; at most {MAX_LOOPS} and {MAX_LOOP_NESTING} are allowed"
        ),
        span: 0..source.len(),
    })
}

/// How deep loops nest; counts them on the way.
fn depth(node: &IdedExpr, loops: &mut usize) -> usize {
    let mut deepest = |nodes: &[&IdedExpr]| {
        nodes
            .iter()
            .map(|node| depth(node, loops))
            .max()
            .unwrap_or(0)
    };
    match &node.expr {
        Expr::Comprehension(inner) => {
            let outside = deepest(&[&inner.iter_range, &inner.accu_init]);
            let inside = deepest(&[&inner.loop_cond, &inner.loop_step, &inner.result]) + 1;
            *loops += 1;
            outside.max(inside)
        }
        Expr::Call(call) => {
            let nodes: Vec<&IdedExpr> = call.args.iter().chain(call.target.as_deref()).collect();
            deepest(&nodes)
        }
        Expr::List(list) => deepest(&list.elements.iter().collect::<Vec<_>>()),
        Expr::Select(select) => deepest(&[&select.operand]),
        Expr::Map(map) => deepest(&entries(&map.entries)),
        Expr::Struct(structure) => deepest(&entries(&structure.entries)),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

fn entries(entries: &[cel::common::ast::IdedEntryExpr]) -> Vec<&IdedExpr> {
    entries
        .iter()
        .flat_map(|entry| match &entry.expr {
            EntryExpr::StructField(field) => vec![&field.value],
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        })
        .collect()
}

/// Collects the free paths of an expression, longest first found, in source order.
pub(super) fn paths(expression: &IdedExpr) -> Vec<Path<'_>> {
    let mut found = Vec::new();
    collect(expression, &mut Vec::new(), &mut found);
    found
}

fn collect<'a>(node: &'a IdedExpr, bound: &mut Vec<&'a str>, found: &mut Vec<Path<'a>>) {
    if let Some((root, text, member)) = chain(node) {
        if !bound.contains(&root) {
            found.push(Path {
                root: root.to_owned(),
                member,
                text,
                node,
            });
        }
        return;
    }
    match &node.expr {
        Expr::Call(call) => {
            if let Some(target) = &call.target {
                collect(target, bound, found);
            }
            for argument in &call.args {
                collect(argument, bound, found);
            }
        }
        Expr::Comprehension(comprehension) => {
            collect(&comprehension.iter_range, bound, found);
            collect(&comprehension.accu_init, bound, found);
            let before = bound.len();
            bound.push(&comprehension.iter_var);
            bound.push(&comprehension.accu_var);
            if let Some(second) = &comprehension.iter_var2 {
                bound.push(second);
            }
            collect(&comprehension.loop_cond, bound, found);
            collect(&comprehension.loop_step, bound, found);
            collect(&comprehension.result, bound, found);
            bound.truncate(before);
        }
        Expr::List(list) => {
            for element in &list.elements {
                collect(element, bound, found);
            }
        }
        Expr::Select(select) => collect(&select.operand, bound, found),
        Expr::Map(map) => collect_entries(&map.entries, bound, found),
        Expr::Struct(structure) => collect_entries(&structure.entries, bound, found),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn collect_entries<'a>(
    entries: &'a [cel::common::ast::IdedEntryExpr],
    bound: &mut Vec<&'a str>,
    found: &mut Vec<Path<'a>>,
) {
    for entry in entries {
        match &entry.expr {
            EntryExpr::StructField(field) => collect(&field.value, bound, found),
            EntryExpr::MapEntry(entry) => {
                collect(&entry.key, bound, found);
                collect(&entry.value, bound, found);
            }
        }
    }
}

/// Reads `a.b["c"]` as its root, its text and its first field; `None` for anything else.
fn chain(node: &IdedExpr) -> Option<(&str, String, Option<String>)> {
    match &node.expr {
        Expr::Ident(name) => Some((name, name.clone(), None)),
        Expr::Select(select) if !select.test => {
            let (root, text, member) = chain(&select.operand)?;
            let member = member.or_else(|| Some(select.field.clone()));
            Some((root, format!("{text}.{}", select.field), member))
        }
        Expr::Call(call) if call.func_name == "_[_]" && call.target.is_none() => {
            let [operand, index] = call.args.as_slice() else {
                return None;
            };
            let (root, text, member) = chain(operand)?;
            match &index.expr {
                Expr::Literal(LiteralValue::String(key)) => {
                    // A key in brackets names an item, not a field that could be misspelt.
                    Some((root, format!("{text}[{:?}]", key.inner()), member))
                }
                Expr::Literal(LiteralValue::Int(index)) => {
                    Some((root, format!("{text}[{}]", index.inner()), member))
                }
                _ => None,
            }
        }
        _ => None,
    }
}
