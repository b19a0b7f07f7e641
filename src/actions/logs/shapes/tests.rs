//! Tests of the parent module.

use super::*;

fn pattern(message: &str) -> String {
    shape(message).pattern
}

#[test]
fn access_logs_are_told_apart_by_method_route_and_status() {
    let line = |path: &str, status: &str| {
        format!(
            r#"10.0.0.7 - alice [20/Nov/2026:03:14:15 +0000] "GET {path} HTTP/1.1" {status} 512 "-" "curl/8.5""#
        )
    };
    assert_eq!(
        pattern(&line("/orders/4711?x=1", "500")),
        "GET /orders/* 500"
    );
    assert_eq!(
        pattern(&line("/orders/4711", "500")),
        pattern(&line("/orders/9", "500"))
    );
    assert_ne!(
        pattern(&line("/orders/1", "500")),
        pattern(&line("/orders/1", "200"))
    );
    assert_eq!(
        pattern(&line("/api/v2/users", "200")),
        "GET /api/v2/users 200"
    );
}

#[test]
fn an_access_log_is_an_error_if_the_server_failed() {
    let line = |status: &str| {
        format!(r#"10.0.0.7 - - [20/Nov/2026:03:14:15 +0000] "GET / HTTP/1.1" {status} 5"#)
    };
    assert_eq!(shape(&line("503")).level, Level::Error);
    assert_eq!(shape(&line("404")).level, Level::Other);
    assert_eq!(shape(&line("200")).level, Level::Other);
}

#[test]
fn exceptions_are_named_by_class_and_root_cause() {
    let trace = "2026-11-20 03:14:15,123 ERROR [exec-7] c.e.Orders - failed for order 4711\n\
        java.lang.RuntimeException: cannot load\n\tat c.e.Orders.load(Orders.java:42)\n\
        Caused by: java.sql.SQLTimeoutException: no answer\n\t... 31 more";
    assert_eq!(
        shape(trace).name.as_deref(),
        Some("RuntimeException caused by SQLTimeoutException")
    );
    let other = trace.replace("4711", "12").replace(":42)", ":43)");
    assert_eq!(pattern(trace), pattern(&other));
    assert_ne!(
        pattern(trace),
        pattern(&trace.replace("SQLTimeout", "SQLSyntaxError"))
    );
}

#[test]
fn json_is_grouped_by_its_message_and_level() {
    let one = r#"{"ts":"2026-11-20T03:14:15Z","level":"error","msg":"order 4711 failed","id":"a"}"#;
    let two = r#"{"level":"error","msg":"order 12 failed","id":"b","extra":1}"#;
    assert_eq!(pattern(one), "error: order * failed");
    assert_eq!(pattern(one), pattern(two));
    assert_ne!(pattern(one), pattern(&two.replace("error", "warn")));
    assert_eq!(pattern(r#"{"a":1,"b":2}"#), "{a, b}");
}

#[test]
fn the_level_of_json_may_be_a_number_or_have_another_name() {
    for (line, level) in [
        (r#"{"level":50,"msg":"a"}"#, Level::Error),
        (r#"{"level":60,"msg":"a"}"#, Level::Fatal),
        (r#"{"level":30,"msg":"Failed to connect"}"#, Level::Other),
        (r#"{"severity":"CRITICAL","message":"a"}"#, Level::Fatal),
        (r#"{"log.level":"warn","message":"a"}"#, Level::Warning),
        (r#"{"log":{"level":"error"},"message":"a"}"#, Level::Error),
        (r#"{"levelname":"INFO","message":"0 errors"}"#, Level::Other),
        (r#"{"message":"ERROR: no answer"}"#, Level::Error),
    ] {
        assert_eq!(shape(line).level, level, "{line}");
    }
}

#[test]
fn an_error_next_to_the_message_keeps_patterns_apart() {
    let one = r#"{"level":"error","msg":"request failed","error":"dial tcp 10.0.0.1:5432: connection refused"}"#;
    assert_eq!(
        pattern(one),
        "error: request failed: dial tcp *: connection refused"
    );
    let two = r#"level=error ts=1 msg="request failed" err="i/o timed out""#;
    assert_eq!(pattern(two), "error: request failed: i/o timed out");
    assert_eq!(shape(two).level, Level::Error);
}

#[test]
fn json_with_a_stack_trace_is_named_by_its_exception() {
    let python = r#"{"level":"error","msg":"failed","exc_info":"Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError: bad value 5"}"#;
    assert_eq!(pattern(python), "ValueError: bad value *");
    let node = r#"{"level":50,"msg":"failed","err":{"type":"TypeError","message":"x is not a function","stack":"TypeError: x is not a function\n    at a (b.js:1:2)"}}"#;
    assert_eq!(pattern(node), "TypeError: x is not a function");
    let java = r#"{"level":"ERROR","message":"failed","stack_trace":"java.lang.IllegalStateException: closed\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: gone"}"#;
    assert_eq!(
        shape(java).name.as_deref(),
        Some("IllegalStateException caused by IOException")
    );
    let lambda = r#"{"errorType":"KeyError","errorMessage":"'id'","stackTrace":["  File a"]}"#;
    assert_eq!(pattern(lambda), "KeyError: *");
    let prefixed = format!("2026-11-20T03:14:15Z\t4d7a\tERROR\tInvoke Error \t{lambda}");
    assert_eq!(pattern(&prefixed), "KeyError: *");
}

#[test]
fn an_access_log_in_json_is_one() {
    let line = r#"{"method":"GET","path":"/orders/5","status":502,"ms":3}"#;
    assert_eq!(
        (pattern(line).as_str(), shape(line).level),
        ("GET /orders/* 502", Level::Error)
    );
}

#[test]
fn an_nginx_error_does_not_depend_on_its_client() {
    let line = |client: &str| {
        format!(
            "2026/11/20 03:14:15 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting to upstream, client: {client}, server: _, request: \"GET / HTTP/1.1\""
        )
    };
    assert_eq!(pattern(&line("10.0.0.1")), pattern(&line("10.0.0.2")));
    assert!(pattern(&line("10.0.0.1")).starts_with("error: connect() failed"));
    assert_eq!(shape(&line("10.0.0.1")).level, Level::Error);
}

#[test]
fn a_java_exception_in_the_middle_of_a_line_leaves_the_line_its_name() {
    let found = shape("INFO retrying after java.io.IOException: gone");
    assert_eq!((found.name, found.level), (None, Level::Other));
    assert_ne!(found.scope, "");
}

#[test]
fn a_name_has_words_when_the_message_has_some() {
    assert_eq!(
        name_of(&pattern("\"the pool is exhausted\"")),
        "the pool is exhausted"
    );
    assert_eq!(
        name_of("* [*] ERROR order * * timed out"),
        "ERROR order * timed out"
    );
    assert_eq!(name_of("*"), "*");
}

#[test]
fn a_literal_star_does_not_keep_a_message_from_its_pattern() {
    for message in [
        "BLOCK* ask 10.0.0.1:5 to delete",
        "*** stack smashing *** 5",
        "a * b",
        "SELECT * FROM t WHERE id=5",
    ] {
        assert!(is_of_pattern(&pattern(message), message), "{message}");
    }
    assert!(!is_of_pattern("order * failed", "order 5 has not failed"));
    assert!(is_of_pattern("order * failed", "order gold failed"));
}

#[test]
fn wrapped_lines_are_of_the_pattern_of_what_they_wrap() {
    let line = r#"{"log":"order 5 failed\n","stream":"stderr"}"#;
    assert!(is_of_pattern("order * failed", line));
    assert!(is_of_pattern(
        "ValueError: bad value *",
        "2026-11-20T03:14:15Z stderr F ValueError: bad value 7"
    ));
}
