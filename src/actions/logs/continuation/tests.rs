//! Tests of the parent module.

use super::*;

/// The messages that the lines of one stream make.
fn joined(lines: &[&str]) -> Vec<String> {
    let mut closed = Vec::new();
    let mut open: Option<Open> = None;
    for line in lines {
        if open.as_mut().is_some_and(|open| open.take(line, false)) {
            continue;
        }
        closed.extend(
            open.replace(Open::new(0, line, false, 0))
                .map(|open| open.text),
        );
    }
    closed.extend(open.map(|open| open.text));
    closed
}

fn is_one(text: &str) {
    let mut lines: Vec<&str> = vec!["INFO before"];
    lines.extend(text.lines());
    lines.push("INFO after");
    let found = joined(&lines);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!(found[1].lines().count(), text.lines().count(), "{found:#?}");
}

#[test]
fn a_python_traceback_goes_on_to_the_line_with_its_exception() {
    is_one(
        "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    float(x)\n    ^^^^^^^^\nValueError: could not convert",
    );
}

#[test]
fn chained_tracebacks_are_one_message() {
    is_one(
        "Traceback (most recent call last):\n  File \"a\"\nKeyError: 'id'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b\"\napp.NoOrder: no order",
    );
}

#[test]
fn two_tracebacks_in_a_row_are_two_messages() {
    let found = joined(&[
        "Traceback (most recent call last):",
        "  File \"a\"",
        "KeyError: 'id'",
        "Traceback (most recent call last):",
        "  File \"a\"",
        "ValueError: x",
    ]);
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn a_go_panic_goes_on_to_its_last_goroutine() {
    is_one(
        "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.(*Server).run(0x1, {0x2, 0x3})\n\t/app/main.go:8 +0x1d\nmain.main()\n\t/app/main.go:3\ncreated by main.start in goroutine 7\n\t/app/main.go:2\n\ngoroutine 7 [select]:\nmain.wait()\n\t/app/main.go:9\nexit status 2",
    );
    is_one(
        "panic: boom\n[signal SIGSEGV: segmentation violation]\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:8",
    );
}

#[test]
fn a_rust_panic_goes_on_with_its_text_and_note() {
    is_one("thread 'main' panicked at src/a.rs:1:2:\nno order\nnote: run with `RUST_BACKTRACE=1`");
}

#[test]
fn an_uncaught_error_of_node_begins_with_its_source() {
    is_one(
        "/app/a.js:1\n    x.id;\n      ^\n\nTypeError: Cannot read\n    at f (/app/a.js:1:2) {\n  code: 'X'\n}\n\nNode.js v20.1.0",
    );
}

#[test]
fn java_dotnet_and_ruby_stacks_are_one_message_each() {
    is_one(
        "java.lang.IllegalStateException: closed\n\tat c.e.A.b(A.java:1)\nCaused by: java.io.IOException: gone\n\t... 3 more",
    );
    is_one(
        "System.InvalidOperationException: no order\n ---> System.IO.IOException: gone\n   at A.B() in /src/a.cs:line 5\n   --- End of inner exception stack trace ---\n   at C.D()",
    );
    is_one(
        "app.rb:5:in 'work': undefined method 'x' for nil (NoMethodError)\n\tfrom app.rb:9:in '<main>'",
    );
    is_one(
        "OrderError (no such order):\n\napp/models/order.rb:5:in `load'\napp/models/order.rb:9:in `find'",
    );
}

#[test]
fn frames_behind_a_time_stamp_are_joined() {
    let found = joined(&[
        "2026-11-20 03:14:15,123 ERROR root: Traceback (most recent call last):",
        "2026-11-20 03:14:15,124 ERROR root:   File \"a.py\", line 3",
        "2026-11-20 03:14:15,124 ERROR root: ValueError: bad",
        "2026-11-20 03:14:16,000 ERROR root: other",
    ]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].ends_with("\nValueError: bad"), "{found:#?}");
    let found = joined(&[
        "2026-11-20 03:14:15,123 ERROR java.io.IOException: gone",
        "2026-11-20 03:14:15,124 ERROR \tat a.b.C(D.java:1)",
        "2026-11-20 03:14:15,125 ERROR Caused by: java.io.EOFException: end",
    ]);
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn a_traceback_does_not_join_the_line_that_logs_it() {
    let found = joined(&[
        "ERROR something failed",
        "Traceback (most recent call last):",
        "  File \"a\"",
        "KeyError: 1",
    ]);
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn ordinary_lines_are_messages_of_their_own() {
    let lines = [
        "INFO a",
        "ERROR b",
        "ValueError: c",
        "done(5)",
        "INFO: d",
        "TypeError: e",
        "panic: f",
        "INFO g",
    ];
    assert_eq!(joined(&lines).len(), lines.len());
}

#[test]
fn a_line_that_the_runtime_cut_is_put_together() {
    let mut open = Open::new(0, "half a ", true, 0);
    assert!(open.take("line", false));
    assert_eq!(open.text, "half a line");
    assert!(!open.take("another", false));
}

#[test]
fn a_joined_message_is_bounded() {
    let mut open = Open::new(0, &"ä".repeat(JOINED), false, 0);
    for _ in 0..100 {
        open.take(&format!("\t{}", "x".repeat(1000)), false);
    }
    assert!(open.text.len() <= JOINED);
}
