//! Tests of the parent module.

use super::*;

fn check(level: Level, lines: &[&str]) {
    for line in lines {
        assert_eq!(level_of(line), level, "{line}");
    }
}

#[test]
fn an_error_is_found_where_programs_write_its_level() {
    check(
        Level::Error,
        &[
            "ERROR order failed",
            "2026-11-20T03:14:15.123Z ERROR order 4711 timed out",
            "2026-11-20 03:14:15,123 [main] ERROR c.e.Orders - failed",
            "[2026-11-20 03:14:15,123: ERROR/MainProcess] failed",
            "ERROR:root:failed",
            "[error] failed",
            "<error> failed",
            "2026-11-20T03:14:15Z\terror\tfailed",
            "time=1 level=error msg=failed",
            "E/Activity: failed",
            "E1120 03:14:15.123456 1 a.go:5] failed",
            "11-20 03:14:15.123  1702  2395 E Activity: failed",
            "<11>Nov 20 03:14:15 host app: failed",
            "Nov 20 03:14:15 host sshd[12]: error: no answer",
            "npm ERR! failed",
            "SEVERE: failed",
        ],
    );
}

#[test]
fn a_fatal_message_is_told_from_an_error() {
    check(
        Level::Fatal,
        &[
            "FATAL: password authentication failed",
            "2026-11-20 03:14:15 CRITICAL root gone",
            "[crit] 5#5: gone",
            "[emerg] gone",
            "F1120 03:14:15.123456 1 a.go:5] gone",
            "panic: runtime error",
            "fatal: gone",
            "level=fatal msg=gone",
        ],
    );
}

#[test]
fn a_warning_is_no_error() {
    check(
        Level::Warning,
        &[
            "WARN slow",
            "[warn] slow",
            "W1120 03:14:15.123456 1 a.go:5] connection refused",
            "Warning: slow",
        ],
    );
}

#[test]
fn the_word_error_in_a_sentence_is_no_level() {
    check(
        Level::Other,
        &[
            "INFO 0 errors found",
            "2026-11-20 03:14:15 INFO ERROR count is 0",
            "mod_jk child workerEnv in error state 6",
            "the error rate is 5 %",
            "I1120 03:14:15.123456 1 a.go:5] connection refused",
            "handled an ERROR-level event of a neighbour",
            "order shipped",
            "",
        ],
    );
}

#[test]
fn a_message_without_a_level_is_an_error_if_it_says_so() {
    check(
        Level::Error,
        &[
            "Error: no answer",
            "Failed to connect to the database",
            "dial tcp 10.0.0.1:5432: connect: connection refused",
            "java.lang.Thread: Out of memory",
            "container was OOMKilled",
            "OOM while reading",
            "write failed: No space left on device",
            "2026-11-20T03:14:15Z 4d7a Task timed out after 3.00 seconds",
        ],
    );
}
