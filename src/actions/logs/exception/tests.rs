//! Tests of the parent module.

use super::*;

fn named(message: &str) -> String {
    find(message).map_or_else(String::new, |found| {
        let said = found
            .said
            .map(|said| format!(": {said}"))
            .unwrap_or_default();
        let cause = found
            .cause
            .map(|cause| format!(" < {cause}"))
            .unwrap_or_default();
        format!("{}{said}{cause}", found.class)
    })
}

#[test]
fn a_python_traceback_is_named_by_its_last_line() {
    let one = "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    float(x)\nValueError: could not convert";
    assert_eq!(named(one), "ValueError: could not convert");
    assert_eq!(
        named(&format!("ERROR:root:failed\n{one}")),
        "ValueError: could not convert"
    );
    let bare = "Traceback (most recent call last):\n  File \"a.py\", line 3\nKeyboardInterrupt";
    assert_eq!(named(bare), "KeyboardInterrupt");
}

#[test]
fn a_chained_traceback_is_named_by_its_final_exception() {
    let chain = |between: &str| {
        format!(
            "Traceback (most recent call last):\n  File \"a\"\nKeyError: 'id'\n\n{between}\n\nTraceback (most recent call last):\n  File \"b\"\napp.OrderError: no order"
        )
    };
    assert_eq!(
        named(&chain(
            "During handling of the above exception, another exception occurred:"
        )),
        "app.OrderError: no order"
    );
    assert_eq!(
        named(&chain(
            "The above exception was the direct cause of the following exception:"
        )),
        "app.OrderError: no order < KeyError"
    );
}

#[test]
fn a_lambda_function_writes_the_exception_above_its_traceback() {
    let event = "[ERROR] ValueError: bad input\rTraceback (most recent call last):\r\u{a0}\u{a0}File \"/var/task/a.py\", line 3, in f";
    assert_eq!(named(event), "ValueError: bad input");
}

#[test]
fn a_node_error_is_named_by_class_and_text() {
    let stack =
        "TypeError: Cannot read properties of undefined (reading 'id')\n    at f (/app/a.js:1:2)";
    assert_eq!(
        named(stack),
        "TypeError: Cannot read properties of undefined (reading 'id')"
    );
    let uncaught = format!("/app/a.js:1\n    x.id;\n      ^\n\n{stack}\n\nNode.js v20.1.0");
    assert_eq!(named(&uncaught), named(stack));
    let logged = format!("2026-11-20 03:14:15 error: request failed {stack}");
    assert_eq!(named(&logged), named(stack));
    let caused = format!("{stack} {{\n  [cause]: RangeError: too far\n}}");
    assert!(
        named(&caused).ends_with(" < RangeError"),
        "{}",
        named(&caused)
    );
}

#[test]
fn a_go_panic_is_named_by_its_text() {
    let panic = "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:8 +0x1d";
    assert_eq!(
        named(panic),
        "panic: runtime error: index out of range [5] with length 3"
    );
    assert!(find(panic).unwrap().is_fatal);
    let logged = format!("2026/11/20 03:14:15 {panic}");
    assert_eq!(named(&logged), named(panic));
    assert_eq!(named("don't panic: all is well"), "");
}

#[test]
fn a_dotnet_exception_is_named_by_class_text_and_inner_exception() {
    let stack = "Unhandled exception. System.InvalidOperationException: no order\n ---> System.IO.IOException: gone\n   at A.B() in /src/a.cs:line 5\n   --- End of inner exception stack trace ---\n   at C.D()";
    assert_eq!(
        named(stack),
        "System.InvalidOperationException: no order < System.IO.IOException"
    );
    let flat =
        "System.InvalidOperationException: no order ---> System.IO.IOException: gone\n   at A.B()";
    assert_eq!(named(flat), named(stack));
}

#[test]
fn ruby_and_php_errors_are_named_by_class_and_text() {
    let ruby = "app.rb:5:in 'work': undefined method 'x' for nil (NoMethodError)\n\tfrom app.rb:9:in '<main>'";
    assert_eq!(named(ruby), "NoMethodError: undefined method 'x' for nil");
    assert_eq!(
        named("OrderError (no such order):"),
        "OrderError: no such order"
    );
    assert_eq!(
        named(
            "PHP Fatal error:  Uncaught TypeError: no number in /app/a.php:5\nStack trace:\n#0 {main}"
        ),
        "TypeError: no number"
    );
}

#[test]
fn a_rust_panic_is_named_by_its_text() {
    assert_eq!(
        named("thread 'main' panicked at src/a.rs:1:2:\nno order\nnote: run with"),
        "panicked: no order"
    );
    assert_eq!(
        named("thread 'main' panicked at 'no order', src/a.rs:1:2"),
        "panicked: no order"
    );
}

#[test]
fn java_needs_a_stack_or_the_class_in_front() {
    assert_eq!(
        named("java.io.IOException: gone"),
        "java.io.IOException: gone"
    );
    assert!(find("java.io.IOException: gone").unwrap().by_class);
    assert_eq!(named("retrying after java.io.IOException: gone"), "");
    assert_eq!(
        mentioned("retrying after java.io.IOException: gone"),
        Some("java.io.IOException")
    );
}

#[test]
fn ordinary_lines_hold_no_exception() {
    for line in [
        "INFO 0 errors found",
        "Error handling is enabled",
        "order 5 failed",
        "",
        "ERROR order failed: no answer",
    ] {
        assert_eq!(find(line), None, "{line}");
    }
}
