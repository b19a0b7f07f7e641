//! What one evaluation may cost. CEL has loops, and what they run over comes from outside: without a
//! limit, two nested loops over 10,000 items keep a thread busy for a minute.
//!
//! The limit counts steps, not time: the same values give the same answer on every machine. A step is
//! one turn of a loop, or 64 bytes, or one item, of what a function reads or makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::{ExecutionError, Value};

/// The most steps of one evaluation: a tenth of a second on a slow host.
pub const MAX_STEPS: u64 = 200_000;
/// Bytes of a text that one step reads.
const BYTES: usize = 64;

/// The names of the functions; no author can write them.
const AFFORD: &str = "@afford";
const WEIGH: &str = "@weigh";
/// The names of function libraries, which stand where a value would.
const LIBRARIES: [&str; 6] = ["optional", "math", "strings", "base64", "sets", "cel"];

/// What is left to spend, if that is limited. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Budget(Option<Arc<AtomicU64>>);

impl Default for Budget {
    fn default() -> Self {
        Self(Some(Arc::new(AtomicU64::new(MAX_STEPS))))
    }
}

impl Budget {
    /// One that never ends, for what is evaluated once.
    pub fn free() -> Self {
        Self(None)
    }

    /// Spends some steps.
    ///
    /// # Errors
    /// When no more are left.
    fn spend(&self, steps: u64) -> Result<(), ExecutionError> {
        let Some(left) = &self.0 else {
            return Ok(());
        };
        let less = |left: u64| Some(left.saturating_sub(steps));
        let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if before.is_ok_and(|before| before > steps) {
            return Ok(());
        }
        Err(ExecutionError::function_error(
            "budget",
            format!(
                "it takes more than {MAX_STEPS} steps with these values; compare fewer items, or count them in the query"
            ),
        ))
    }

    /// Spends what it takes to hand a value to a function: the evaluator copies all that is in it.
    ///
    /// # Errors
    /// When no more is left.
    pub fn read(&self, value: &Value) -> Result<(), ExecutionError> {
        match value {
            Value::String(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
                self.spend(size(value, 0))
            }
            _ => Ok(()),
        }
    }

    /// Registers the functions that spend it.
    pub fn register(&self, context: &mut cel::Context<'_, '_>) {
        let (turns, sizes) = (self.clone(), self.clone());
        let registered = [
            context.add_function(AFFORD, move |goes_on: bool| {
                turns.spend(1).map(|()| goes_on)
            }),
            context.add_function(WEIGH, move |value: Value| {
                sizes.read(&value).map(|()| value)
            }),
        ];
        debug_assert!(registered.iter().all(Result::is_ok));
    }
}

/// The steps of a value and of all that is in it, beside `counted`, as far as anybody can pay.
fn size(value: &Value, counted: u64) -> u64 {
    if counted > MAX_STEPS {
        return counted;
    }
    let inside = |counted, one| size(one, counted);
    match value {
        Value::String(text) => counted + (text.len() / BYTES) as u64,
        Value::Bytes(bytes) => counted + (bytes.len() / BYTES) as u64,
        Value::List(items) => items.iter().fold(counted + items.len() as u64, inside),
        Value::Map(map) => map
            .map
            .values()
            .fold(counted + map.map.len() as u64, inside),
        _ => counted,
    }
}

/// Makes each turn of a loop cost a step. An error in a loop's condition ends `all` and `exists` too,
/// which go on after an error in their steps.
pub(super) fn charge(node: &mut cel::common::ast::ComprehensionExpr) {
    if !matches!(node.loop_cond.expr, Expr::Literal(_)) {
        let condition = std::mem::take(&mut node.loop_cond);
        node.loop_cond = call(AFFORD, vec![condition]);
        return;
    }
    // `map` and `filter` keep their condition, and so their form, by which the evaluator builds one
    // list in place of one for each turn.
    let Expr::Call(step) = &mut node.loop_step.expr else {
        return;
    };
    match (step.func_name.as_str(), step.args.as_mut_slice()) {
        (operators::CONDITIONAL, [guard, ..]) => guarded(guard, boolean(false)),
        (operators::ADD, [_, added]) => {
            if let Expr::List(list) = &mut added.expr
                && let Some(item) = list.elements.first_mut()
            {
                guarded(item, boolean(false));
            }
        }
        _ => {}
    }
}

/// Evaluates a part only after a step was paid for.
fn guarded(part: &mut IdedExpr, otherwise: IdedExpr) {
    let inner = std::mem::take(part);
    let paid = call(AFFORD, vec![boolean(true)]);
    *part = call(operators::CONDITIONAL, vec![paid, inner, otherwise]);
}

/// Makes a function cost as much as what it reads is large.
pub(super) fn weigh(node: &mut CallExpr) {
    let library = |target: &IdedExpr| matches!(&target.expr, Expr::Ident(name) if LIBRARIES.contains(&name.as_str()));
    if let Some(target) = &mut node.target {
        if !library(target) {
            weighed(target);
        }
        return;
    }
    if node.func_name == operators::ADD {
        // A loop's own list grows by what is added.
        let grows = matches!(node.args.first().map(|part| &part.expr), Some(Expr::Ident(name)) if name.starts_with('@'));
        if !grows {
            node.args.iter_mut().for_each(weighed);
        }
    } else if node
        .func_name
        .starts_with(|c: char| c.is_ascii_alphabetic())
        && let Some(first) = node.args.first_mut()
    {
        weighed(first);
    }
}

fn weighed(part: &mut IdedExpr) {
    if !matches!(part.expr, Expr::Literal(_)) {
        let inner = std::mem::take(part);
        *part = call(WEIGH, vec![inner]);
    }
}

fn boolean(truth: bool) -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Literal(LiteralValue::Boolean(truth.into())),
    }
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target: None,
            args,
        }),
    }
}
