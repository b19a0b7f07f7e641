//! The one language of conditions and of `{{ }}`: CEL.
//!
//! Compiles when a playbook loads, evaluates against a [`Scope`], and explains which values
//! made a condition true. Every expression comes from a file that may be hostile: its length
//! and nesting are capped before the parser sees it, and it is parsed on a thread with a large
//! stack. It must never read a clock, a file or an environment variable.

mod budget;
mod explain;
mod scope;
mod shell;
mod strict;
mod template;

pub use budget::MAX_STEPS;
pub use explain::{Evidence, Explanation, Verdict};
pub use scope::{Scope, from_json, show, to_json};
pub use shell::{ShellLine, unsafe_value};
pub use template::{Quoting, RenderError, Template};

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use cel::common::ast::IdedExpr;
use scope::Read;

/// The longest expression, in bytes.
pub const MAX_LENGTH: usize = 1024;
/// The deepest nesting of brackets, and the longest run of prefix operators.
pub const MAX_NESTING: usize = 16;
/// The deepest nesting of `exists`, `all`, `map` and `filter`, and the most of them: each level
/// multiplies the work, each `map` can double a value, and nothing stops an evaluation halfway.
pub const MAX_LOOP_NESTING: usize = 2;
/// The most loops in one expression.
pub const MAX_LOOPS: usize = 8;
/// The stack of the thread that parses, in bytes: 1 KiB of source needs less than 2 MiB.
const PARSER_STACK: usize = 16 * 1024 * 1024;

/// A compiled expression, cheap to clone.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    program: Arc<cel::Program>,
    /// What is evaluated: the program, in three-valued logic.
    strict: Arc<IdedExpr>,
    /// Of an expression with loops: what it read last, and what came of it. A screen asks with every
    /// frame, and what it reads rarely changes.
    last: Option<Arc<Mutex<Last>>>,
}

/// What came of an expression's latest evaluation, and what it read.
#[derive(Default)]
struct Last {
    value: Option<(Read, Result<cel::Value, EvaluateError>)>,
    explanation: Option<(Read, Explanation)>,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expression({:?})", self.source)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// Why an expression does not compile, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// What is wrong.
    pub message: String,
    /// Byte range in the expression.
    pub span: Range<usize>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// Something it reads is not known (yet).
    #[error("{0} is not known")]
    Unknown(String),
    /// It cannot be computed from the values there are.
    #[error("{0}")]
    Failed(String),
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is too long, too deeply nested, or not CEL.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        cap(source)?;
        let owned = source.to_owned();
        let parsed = std::thread::Builder::new()
            .name("cel-parser".into())
            .stack_size(PARSER_STACK)
            .spawn(move || cel::Program::compile(&owned))
            .map_err(|error| error.to_string())
            .and_then(|thread| {
                thread
                    .join()
                    .map_err(|_| "the CEL parser failed".to_owned())
            });
        match parsed {
            Ok(Ok(program)) => explain::bounded(program.expression(), source).map(|loops| Self {
                source: source.into(),
                strict: Arc::new(strict::strict(program.expression().clone())),
                program: Arc::new(program),
                last: (loops > 0).then(Arc::default),
            }),
            Ok(Err(errors)) => Err(first_error(source, &errors)),
            Err(message) => Err(CompileError {
                message,
                span: 0..source.len(),
            }),
        }
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Names the variables it reads, without those its own macros bind.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<String> {
        explain::paths(self.program.expression())
            .into_iter()
            .map(|path| path.root)
            .collect()
    }

    /// Names the functions it calls.
    #[must_use]
    pub fn functions(&self) -> BTreeSet<String> {
        self.program
            .references()
            .functions()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// Lists what it reads as variable and first field: `cpu.maximum` is `("cpu", Some("maximum"))`.
    #[must_use]
    pub fn members(&self) -> BTreeSet<(String, Option<String>)> {
        explain::paths(self.program.expression())
            .into_iter()
            .map(|path| (path.root, path.member))
            .collect()
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// When a value it reads is unknown, or when it cannot be computed.
    pub fn evaluate(&self, scope: &Scope) -> Result<cel::Value, EvaluateError> {
        self.remembered(
            scope,
            |last| &mut last.value,
            || explain::resolve(&self.strict, self.program.expression(), &scope.context()),
        )
    }

    /// Evaluates it as a condition and says which values decided.
    #[must_use]
    pub fn explain(&self, scope: &Scope) -> Explanation {
        self.remembered(
            scope,
            |last| &mut last.explanation,
            || explain::explain(&self.strict, self.program.expression(), scope),
        )
    }

    /// Works something out, unless it was worked out last from the same values.
    fn remembered<T: Clone>(
        &self,
        scope: &Scope,
        slot: impl Fn(&mut Last) -> &mut Option<(Read, T)>,
        work: impl FnOnce() -> T,
    ) -> T {
        let Some(last) = &self.last else {
            return work();
        };
        let read = scope.read(&self.variables());
        // Whoever asks for the same meanwhile waits for this answer, and does not work it out again.
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slot(&mut last);
        if let Some((_, answer)) = slot.as_ref().filter(|(before, _)| *before == read) {
            return answer.clone();
        }
        let answer = work();
        *slot = Some((read, answer.clone()));
        answer
    }
}

fn cap(source: &str) -> Result<(), CompileError> {
    if source.trim().is_empty() {
        return Err(CompileError {
            message: "the expression is empty".into(),
            span: 0..source.len(),
        });
    }
    if source.len() > MAX_LENGTH {
        return Err(CompileError {
            message: format!(
                "the expression is {} bytes long, at most {MAX_LENGTH} are allowed",
                source.len()
            ),
            span: 0..source.len(),
        });
    }
    let (mut depth, mut prefixes, mut chained) = (0_usize, 0_usize, 0_usize);
    for (at, byte) in source.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match byte {
            b'!' | b'-' => prefixes += 1,
            b' ' | b'\t' | b'\n' => {}
            _ => prefixes = 0,
        }
        if byte == b'?' {
            chained += 1;
        }
        if depth > MAX_NESTING || prefixes > MAX_NESTING || chained > MAX_NESTING {
            return Err(CompileError {
                message: format!("the expression nests deeper than {MAX_NESTING} levels"),
                span: at..at + 1,
            });
        }
    }
    Ok(())
}

fn first_error(source: &str, errors: &cel::ParseErrors) -> CompileError {
    let Some(error) = errors.errors.first() else {
        return CompileError {
            message: "this is not CEL".into(),
            span: 0..source.len(),
        };
    };
    let (line, column) = error.pos;
    let line = usize::try_from(line.max(1)).unwrap_or(1) - 1;
    let column = usize::try_from(column.max(1)).unwrap_or(1) - 1;
    let line_start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let mut start = (line_start + column).min(source.len());
    while !source.is_char_boundary(start) {
        start -= 1;
    }
    let width = source[start..].chars().next().map_or(0, char::len_utf8);
    let message = error.msg.lines().next().unwrap_or("unreadable").trim();
    CompileError {
        message: format!("this is not CEL: {message}"),
        span: if width == 0 {
            0..source.len()
        } else {
            start..start + width
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.set_json(
            "cpu",
            &serde_json::json!({"maximum": 97.5, "datapoints": 15, "name": "x"}),
        );
        scope.set(
            "waited",
            cel::Value::Duration(chrono::Duration::minutes(16)),
        );
        scope
    }

    #[test]
    fn integers_compare_with_floats() {
        let truth = Expression::compile("cpu.maximum >= 90 && cpu.datapoints > 3.5")
            .unwrap()
            .explain(&scope());
        assert_eq!(truth.verdict, Verdict::True);
    }

    #[test]
    fn an_explanation_names_values_and_what_is_unknown() {
        let explanation = Expression::compile("cpu.maximum > 90 && scaling.launched == 0")
            .unwrap()
            .explain(&scope());
        assert_eq!(explanation.verdict, Verdict::Unknown);
        let shown: Vec<_> = explanation
            .evidence
            .iter()
            .map(|e| (e.name.as_str(), e.value.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [("cpu.maximum", Some("97.5")), ("scaling.launched", None)]
        );
    }

    #[test]
    fn durations_compare() {
        let explanation = Expression::compile("waited > duration('15m')")
            .unwrap()
            .explain(&scope());
        assert_eq!(explanation.verdict, Verdict::True);
    }

    #[test]
    fn what_a_failed_run_would_have_told_is_unknown_also_in_has() {
        let mut scope = Scope::default();
        scope.set_json(
            "net",
            &serde_json::json!({
                "alb": {"ok": false, "reason": "AccessDenied"},
                "asg": {"ok": true, "desired": 2},
            }),
        );
        scope.set_json(
            "nodes",
            &serde_json::json!({"a": {"ok": false, "reason": "x"}}),
        );
        scope.unreadable("net.share");
        for (source, verdict) in [
            ("has(net.alb.latency)", Verdict::Unknown),
            (
                "has(net.alb.latency) && net.alb.latency > 1",
                Verdict::Unknown,
            ),
            ("!has(net.alb.latency)", Verdict::Unknown),
            ("'latency' in net.alb", Verdict::Unknown),
            ("net.alb.latency > 1", Verdict::Unknown),
            ("net.alb.ok", Verdict::False),
            ("has(net.share)", Verdict::Unknown),
            ("has(net.asg.latency)", Verdict::False),
            ("has(net.asg.desired)", Verdict::True),
            ("has(gone.share)", Verdict::Unknown),
            ("nodes.exists(n, has(nodes[n].x))", Verdict::Unknown),
            // What decides without it, decides.
            ("net.asg.desired == 2 || net.alb.latency > 1", Verdict::True),
            (
                "net.asg.desired == 3 && net.alb.latency > 1",
                Verdict::False,
            ),
        ] {
            let found = Expression::compile(source).unwrap().explain(&scope);
            assert_eq!(found.verdict, verdict, "{source}: {found:?}");
        }
    }

    #[test]
    fn nothing_is_true_of_all_items_of_an_empty_list() {
        let mut scope = Scope::default();
        scope.set_json("items", &serde_json::json!([]));
        for (source, verdict) in [
            ("items.all(i, i > 0)", Verdict::Unknown),
            ("size(items) == 0 || items.all(i, i > 0)", Verdict::True),
            ("size(items) > 0 && items.all(i, i > 0)", Verdict::False),
            ("items.exists(i, i > 0)", Verdict::False),
            ("[1, 2].all(i, i > 0)", Verdict::True),
        ] {
            let found = Expression::compile(source).unwrap().explain(&scope);
            assert_eq!(found.verdict, verdict, "{source}");
        }
    }

    #[test]
    fn a_comparison_of_different_types_is_a_fault_and_not_false() {
        let mut scope = Scope::default();
        scope.set_json(
            "web",
            &serde_json::json!({"status": "503", "count": 5, "share": 0.5, "none": null, "list": [5]}),
        );
        for source in [
            "web.status == 503",
            "503 != web.status",
            "web.status > 500",
            "web.count == '5'",
            "web.status in [503, 504]",
            "web.list == 5",
            "web.share * web.count > 2.0",
        ] {
            let found = Expression::compile(source).unwrap().explain(&scope);
            assert_eq!(found.verdict, Verdict::Unknown, "{source}");
            assert!(found.error.is_some(), "{source}: {found:?}");
        }
        for (source, verdict) in [
            ("web.count == 5.0", Verdict::True),
            ("web.count == 5", Verdict::True),
            ("web.none == null", Verdict::True),
            ("web.status == null", Verdict::False),
            ("web.status in ['503']", Verdict::True),
            ("5.0 in web.list", Verdict::True),
        ] {
            let found = Expression::compile(source).unwrap().explain(&scope);
            assert_eq!(found.verdict, verdict, "{source}: {found:?}");
        }
    }

    #[test]
    fn variables_bound_by_macros_are_not_free() {
        let expression =
            Expression::compile("cpu.exists(i, cpu[i].x > 1) && [1].all(n, n > m)").unwrap();
        let free: Vec<_> = expression.variables().into_iter().collect();
        assert_eq!(free, ["cpu", "m"]);
    }

    #[test]
    fn hostile_expressions_are_refused_before_parsing() {
        for source in [
            "(".repeat(1000),
            "!".repeat(1000) + "x",
            "a?".repeat(400),
            "x".repeat(1025),
            String::new(),
        ] {
            assert!(Expression::compile(&source).is_err(), "{source}");
        }
        for source in [
            "[".repeat(16),
            "-".repeat(16),
            "a.".repeat(510),
            "a+".repeat(510),
            "a&&".repeat(340),
        ] {
            assert!(Expression::compile(&source).is_err(), "{source}");
        }
    }

    #[test]
    fn loops_that_could_go_on_for_good_are_refused() {
        let nested = (0..12).fold("true".to_owned(), |inner, n| {
            format!("[1,2,3].all(x{n}, {inner})")
        });
        let mapped = format!("['a']{}", ".map(x, x + x)".repeat(40));
        for source in [nested, mapped] {
            assert!(
                Expression::compile(&source)
                    .unwrap_err()
                    .message
                    .contains("loops"),
                "{source}"
            );
        }
        assert!(Expression::compile("a.exists(x, x.b.exists(y, y > 1))").is_ok());
    }

    #[test]
    fn an_evaluation_that_takes_too_many_steps_is_unknown_and_says_why() {
        let mut scope = Scope::default();
        let items: Vec<usize> = (0..10_000).collect();
        let long = "a line of a log\n".repeat(60_000);
        scope.set_json(
            "out",
            &serde_json::json!({"json": items, "text": long, "none": []}),
        );
        for source in [
            "out.json.all(a, out.json.all(b, a != b || a == b))",
            "out.json.exists(a, out.json.exists(b, a + b < 0))",
            "out.json.exists(a, out.json.exists(b, b.nothing == 1))",
            "size(out.json.map(a, size(out.json.filter(b, b > a)))) > 0",
            "out.json.filter(a, out.json.exists_one(b, b == a)).size() == 10",
            "out.json.all(a, out.json == out.json)",
            "out.json.exists(a, -1 in out.json)",
            "out.json.all(a, has(out.json))",
            "out.json.all(a, 'json' in out)",
            "out.json.exists(a, out.text.contains('nothing'))",
            "out.json.exists(a, matches(out.text, 'nothing'))",
            "out.json.map(a, out.text + out.text).size() > 1",
        ] {
            let found = Expression::compile(source).unwrap().explain(&scope);
            assert_eq!(found.verdict, Verdict::Unknown, "{source}: {found:?}");
            let why = found.error.unwrap_or_default();
            assert!(why.contains("200000 steps"), "{source}: {why}");
        }
        // What people write stays far below it.
        for (source, verdict) in [
            ("out.json.all(a, a >= 0)", Verdict::True),
            (
                "has(out.json) && size(out.json) > 1 && out.json == out.json",
                Verdict::True,
            ),
            ("out.json.exists(a, a == 9999)", Verdict::True),
            ("out.json.exists_one(a, a == 9999)", Verdict::True),
            (
                "size(out.json.filter(a, a % 2 == 0)) == 5000",
                Verdict::True,
            ),
            ("out.json.map(a, a + 1)[9] == 10", Verdict::True),
            (
                "out.json.map(a, a > 9997, a) == [9998, 9999]",
                Verdict::True,
            ),
            (
                "[1, 2].exists(a, out.text.contains('nothing'))",
                Verdict::False,
            ),
        ] {
            let found = Expression::compile(source).unwrap().explain(&scope);
            assert_eq!(found.verdict, verdict, "{source}: {found:?}");
        }
    }

    #[test]
    fn what_came_of_the_same_values_is_remembered_and_of_others_is_not() {
        let expression = Expression::compile("out.exists(a, a > limit)").unwrap();
        let mut scope = Scope::default();
        scope.set_json("out", &serde_json::json!([1, 2, 3]));
        scope.set_json("limit", &serde_json::json!(2));
        for _ in 0..2 {
            assert_eq!(expression.explain(&scope).verdict, Verdict::True);
        }
        scope.set_json("limit", &serde_json::json!(3));
        assert_eq!(expression.explain(&scope).verdict, Verdict::False);
        scope.set_json("out", &serde_json::json!([1, 2, 4]));
        assert_eq!(expression.explain(&scope).verdict, Verdict::True);
        assert_eq!(expression.evaluate(&scope), Ok(cel::Value::Bool(true)));
        scope.unreadable("out.x");
        assert_eq!(expression.explain(&scope).verdict, Verdict::True);
        assert!(expression.evaluate(&Scope::default()).is_err());
    }

    #[test]
    fn an_error_points_into_the_text() {
        let error = Expression::compile("cpu.maximum >= ").unwrap_err();
        assert!(error.message.starts_with("this is not CEL"), "{error}");
    }
}
