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

use super::budget::{self, Budget};
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

/// What a function is called within a loop, where each call is paid for.
const PAID: &str = "_paid";

/// Rewrites an expression so that what is not known stays unknown, and loops end.
pub(super) fn strict(mut expression: IdedExpr) -> IdedExpr {
    rewrite(&mut expression, false);
    expression
}

fn rewrite(node: &mut IdedExpr, in_loop: bool) {
    let named = |name: &str| {
        if in_loop {
            format!("{name}{PAID}")
        } else {
            name.to_owned()
        }
    };
    match &mut node.expr {
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                rewrite(target, in_loop);
            }
            let arguments = call.args.iter_mut();
            arguments.for_each(|argument| rewrite(argument, in_loop));
            match call.func_name.as_str() {
                operators::EQUALS => call.func_name = named(EQUAL),
                operators::NOT_EQUALS => call.func_name = named(UNEQUAL),
                operators::IN => call.func_name = named(CONTAINS),
                _ if in_loop => budget::weigh(call),
                _ => {}
            }
        }
        Expr::Select(select) => {
            rewrite(&mut select.operand, in_loop);
            if select.test {
                let operand = std::mem::take(&mut *select.operand);
                let field = text(&select.field);
                node.expr = match path(&operand) {
                    // Whether its variable is known at all is found out first.
                    Some(path) => call(&named(HAS_PATH), vec![operand, field, text(&path)]),
                    None => call(&named(HAS), vec![operand, field]),
                };
            }
        }
        Expr::Comprehension(inner) => {
            rewrite(&mut inner.iter_range, in_loop);
            rewrite(&mut inner.accu_init, in_loop);
            rewrite(&mut inner.loop_cond, true);
            rewrite(&mut inner.loop_step, true);
            rewrite(&mut inner.result, in_loop);
            // `all` is the loop that begins with true.
            let all = matches!(
                &inner.accu_init.expr,
                Expr::Literal(LiteralValue::Boolean(truth)) if **truth
            );
            if all {
                let range = std::mem::take(&mut inner.iter_range);
                inner.iter_range = ided(call(&named(NOT_EMPTY), vec![range]));
            }
            budget::charge(inner);
        }
        Expr::List(list) => {
            let elements = list.elements.iter_mut();
            elements.for_each(|element| rewrite(element, in_loop));
        }
        Expr::Map(map) => {
            let entries = map.entries.iter_mut();
            entries.for_each(|entry| rewrite_entry(entry, in_loop));
        }
        Expr::Struct(structure) => {
            let entries = structure.entries.iter_mut();
            entries.for_each(|entry| rewrite_entry(entry, in_loop));
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn rewrite_entry(entry: &mut IdedEntryExpr, in_loop: bool) {
    match &mut entry.expr {
        EntryExpr::StructField(field) => rewrite(&mut field.value, in_loop),
        EntryExpr::MapEntry(entry) => {
            rewrite(&mut entry.key, in_loop);
            rewrite(&mut entry.value, in_loop);
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
    let budget = Budget::default();
    budget.register(context);
    register_as(context, "", &Budget::free(), unreadable);
    register_as(context, PAID, &budget, unreadable);
}

fn register_as(
    context: &mut cel::Context<'_, '_>,
    suffix: &str,
    budget: &Budget,
    unreadable: &Arc<BTreeSet<String>>,
) {
    let known = Arc::clone(unreadable);
    let pays = || budget.clone();
    let (same, differs, among, held, at, full) = (pays(), pays(), pays(), pays(), pays(), pays());
    let name = |name: &str| format!("{name}{suffix}");
    // The names begin with `@`, which no overload of the standard library does.
    let registered = [
        context.add_function(&name(EQUAL), move |a: Value, b: Value| {
            same.read(&a)?;
            same.read(&b)?;
            equal(&a, &b)
        }),
        context.add_function(&name(UNEQUAL), move |a: Value, b: Value| {
            differs.read(&a)?;
            differs.read(&b)?;
            equal(&a, &b).map(|same| !same)
        }),
        context.add_function(&name(CONTAINS), move |item: Value, all: Value| {
            among.read(&all)?;
            contains(&item, &all)
        }),
        context.add_function(&name(HAS), move |map: Value, field: Arc<String>| {
            held.read(&map)?;
            has(&map, &field)
        }),
        context.add_function(
            &name(HAS_PATH),
            move |map: Value, field: Arc<String>, path: Arc<String>| {
                at.read(&map)?;
                let member = format!("{path}.{field}");
                if known.contains(&member) {
                    return Err(ExecutionError::undeclared_reference(&member));
                }
                has(&map, &field)
            },
        ),
        context.add_function(&name(NOT_EMPTY), move |items: Value| {
            full.read(&items)?;
            not_empty(items)
        }),
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
