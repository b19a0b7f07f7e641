//! Makes three-valued logic of CEL's two-valued one.
//!
//! CEL's `&&`, `||`, `all` and `exists` follow Kleene already, where an operand that cannot be
//! evaluated is the third value. This module adds what CEL answers with `false` although nothing is
//! known: `has()` and `in` on what a failed run would have told, `all()` of an empty list, and the
//! comparison of a text with a number. Each becomes a call of a function that is registered here.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, operators,
};
use cel::{ExecutionError, Value};

use super::show;

/// The names of the functions; no author can write them.
const EQUAL: &str = "@equal";
const UNEQUAL: &str = "@unequal";
const HAS: &str = "@has";
const HAS_PATH: &str = "@has_path";
const CONTAINS: &str = "@contains";
const NOT_EMPTY: &str = "@not_empty";

/// What a comparison of different types is called in the error it ends in.
pub(super) const MIXED: &str = "compares different types";

/// Rewrites an expression so that what is not known stays unknown.
pub(super) fn strict(mut expression: IdedExpr) -> IdedExpr {
    rewrite(&mut expression);
    expression
}

fn rewrite(node: &mut IdedExpr) {
    match &mut node.expr {
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                rewrite(target);
            }
            call.args.iter_mut().for_each(rewrite);
            let name = match call.func_name.as_str() {
                operators::EQUALS => EQUAL,
                operators::NOT_EQUALS => UNEQUAL,
                operators::IN => CONTAINS,
                _ => return,
            };
            name.clone_into(&mut call.func_name);
        }
        Expr::Select(select) => {
            rewrite(&mut select.operand);
            if select.test {
                let operand = std::mem::take(&mut *select.operand);
                let field = text(&select.field);
                node.expr = match path(&operand) {
                    // Whether its variable is known at all is found out first.
                    Some(path) => call(HAS_PATH, vec![operand, field, text(&path)]),
                    None => call(HAS, vec![operand, field]),
                };
            }
        }
        Expr::Comprehension(inner) => {
            rewrite(&mut inner.iter_range);
            rewrite(&mut inner.accu_init);
            rewrite(&mut inner.loop_cond);
            rewrite(&mut inner.loop_step);
            rewrite(&mut inner.result);
            // `all` is the loop that begins with true.
            let all = matches!(
                &inner.accu_init.expr,
                Expr::Literal(LiteralValue::Boolean(truth)) if **truth
            );
            if all {
                let range = std::mem::take(&mut inner.iter_range);
                inner.iter_range = ided(call(NOT_EMPTY, vec![range]));
            }
        }
        Expr::List(list) => list.elements.iter_mut().for_each(rewrite),
        Expr::Map(map) => map.entries.iter_mut().for_each(rewrite_entry),
        Expr::Struct(structure) => structure.entries.iter_mut().for_each(rewrite_entry),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn rewrite_entry(entry: &mut IdedEntryExpr) {
    match &mut entry.expr {
        EntryExpr::StructField(field) => rewrite(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            rewrite(&mut entry.key);
            rewrite(&mut entry.value);
        }
    }
}

fn ided(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

fn call(name: &str, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    })
}

fn text(text: &str) -> IdedExpr {
    ided(Expr::Literal(LiteralValue::String(text.to_owned().into())))
}

/// `a.b` as it is written; `None` for anything that is not a variable and its fields.
fn path(node: &IdedExpr) -> Option<String> {
    match &node.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", path(&select.operand)?, select.field))
        }
        _ => None,
    }
}

/// Registers the functions in a context. `unreadable` names members, such as `cpu.share`, that
/// should have been computed from what could not be read.
pub(super) fn register(context: &mut cel::Context<'_, '_>, unreadable: &Arc<BTreeSet<String>>) {
    let known = Arc::clone(unreadable);
    // The names begin with `@`, which no overload of the standard library does.
    let registered = [
        context.add_function(EQUAL, |a: Value, b: Value| equal(&a, &b)),
        context.add_function(UNEQUAL, |a: Value, b: Value| {
            equal(&a, &b).map(|same| !same)
        }),
        context.add_function(CONTAINS, |item: Value, all: Value| contains(&item, &all)),
        context.add_function(HAS, |map: Value, field: Arc<String>| has(&map, &field)),
        context.add_function(
            HAS_PATH,
            move |map: Value, field: Arc<String>, path: Arc<String>| {
                let member = format!("{path}.{field}");
                if known.contains(&member) {
                    return Err(ExecutionError::undeclared_reference(&member));
                }
                has(&map, &field)
            },
        ),
        context.add_function(NOT_EMPTY, not_empty),
    ];
    debug_assert!(registered.iter().all(Result::is_ok));
}

/// What can be compared with each other.
#[derive(PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Truth,
    List,
    Map,
    Duration,
    Time,
    Null,
    Other,
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => Kind::Number,
        Value::String(_) => Kind::Text,
        Value::Bool(_) => Kind::Truth,
        Value::List(_) => Kind::List,
        Value::Map(_) => Kind::Map,
        Value::Duration(_) => Kind::Duration,
        Value::Timestamp(_) => Kind::Time,
        Value::Null => Kind::Null,
        _ => Kind::Other,
    }
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Number => "the number",
            Self::Text => "the text",
            Self::Truth => "the boolean",
            Self::List => "the list",
            Self::Map => "the map",
            Self::Duration => "the duration",
            Self::Time => "the time",
            Self::Null => "null",
            Self::Other => "the value",
        }
    }
}

fn described(value: &Value) -> String {
    let shown = show(value);
    match kind(value) {
        Kind::Null => "null".to_owned(),
        Kind::Text => format!("the text '{shown}'"),
        kind => format!("{} {shown}", kind.name()),
    }
}

fn equal(a: &Value, b: &Value) -> Result<bool, ExecutionError> {
    let (one, other) = (kind(a), kind(b));
    if one != other && one != Kind::Null && other != Kind::Null {
        return Err(mixed(a, b));
    }
    Ok(match (a, b) {
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => whole(*a, *b),
        _ => a == b,
    })
}

/// Whether a whole number and a fraction are the same number.
#[expect(
    clippy::cast_precision_loss,
    reason = "what a fraction cannot tell apart is equal to it"
)]
fn whole(a: i64, b: f64) -> bool {
    (a as f64).total_cmp(&b).is_eq()
}

fn mixed(a: &Value, b: &Value) -> ExecutionError {
    ExecutionError::function_error(
        "==",
        format!("it {MIXED}: {} with {}", described(a), described(b)),
    )
}

fn contains(item: &Value, all: &Value) -> Result<bool, ExecutionError> {
    match all {
        Value::List(items) => {
            let mut wrong = None;
            for one in items.iter() {
                match equal(item, one) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(error) => wrong = Some(error),
                }
            }
            wrong.map_or(Ok(false), Err)
        }
        Value::Map(_) => match item {
            Value::String(field) => has(all, field),
            _ => Ok(false),
        },
        other => Err(ExecutionError::function_error(
            "in",
            format!("{} is no list and no map", described(other)),
        )),
    }
}

/// Tells whether a map has a field. What a failed run would have told is unknown.
fn has(map: &Value, field: &Arc<String>) -> Result<bool, ExecutionError> {
    let Value::Map(fields) = map else {
        return Err(ExecutionError::function_error(
            "has",
            format!("{} has no fields", described(map)),
        ));
    };
    let of = |name: &str| fields.map.get(&cel::objects::Key::from(name.to_owned()));
    if of(field).is_some() {
        return Ok(true);
    }
    let failed = matches!(of("ok"), Some(Value::Bool(false))) && of("reason").is_some();
    if failed {
        return Err(ExecutionError::no_such_key(field));
    }
    Ok(false)
}

/// A list or map with items in it: nothing is true of all items of nothing.
fn not_empty(items: Value) -> Result<Value, ExecutionError> {
    let empty = match &items {
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.map.is_empty(),
        _ => false,
    };
    if empty {
        let why = "`all` of an empty list is unknown; write `size(list) == 0 ||` before it if an empty list will do";
        return Err(ExecutionError::function_error("all", why));
    }
    Ok(items)
}
