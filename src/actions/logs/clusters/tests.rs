//! Tests of the parent module.

use super::super::shapes::is_of_pattern;
use super::*;

fn grouped(events: &[(i64, &str)]) -> Grouped {
    let mut clusters = Clusters::default();
    for (at, text) in events {
        clusters.add("s", *at, text);
    }
    checked(clusters.finish())
}

fn of_lines<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> Grouped {
    let mut clusters = Clusters::default();
    for (at, line) in (0..).zip(lines) {
        clusters.add("s", at, line.as_ref());
    }
    checked(clusters.finish())
}

/// Checks what is true of any result.
fn checked(found: Grouped) -> Grouped {
    let counted: u64 = found.clusters.iter().map(|one| one.count).sum();
    assert_eq!(found.messages, counted + found.other);
    assert!(
        found
            .clusters
            .iter()
            .all(|one| one.name.chars().count() <= 100)
    );
    assert!(found.clusters.iter().all(|one| one.first <= one.last));
    found
}

fn word(index: u32) -> String {
    format!("{index:05}")
        .bytes()
        .map(|digit| char::from(b'g' + digit - b'0'))
        .collect()
}

#[test]
fn messages_that_differ_in_numbers_and_ids_are_one_pattern() {
    let found = grouped(&[
        (
            1,
            "2026-11-20T03:14:15.123Z ERROR order 4711 timed out after 5000 ms",
        ),
        (
            3,
            "2026-11-20T03:14:17.456Z ERROR order 4712 timed out after 5001 ms",
        ),
        (2, "connection to 10.0.3.7:5432 refused for 'alice'"),
    ]);
    assert_eq!((found.other, found.messages), (0, 3));
    let [orders, connection] = found.clusters.as_slice() else {
        unreachable!("two patterns")
    };
    assert_eq!(orders.pattern, "* ERROR order * timed out after * ms");
    assert_eq!(orders.name, "ERROR order * timed out after * ms");
    assert_eq!((orders.count, orders.first, orders.last), (2, 1, 3));
    assert_eq!(connection.pattern, "connection to * refused for *");
}

#[test]
fn identifiers_in_hexadecimal_are_masked_whole() {
    let found = of_lines(
        ["4d7ab0f1", "abcdef12", "00000001", "deadbeef"]
            .map(|trace| format!("ERROR order failed, trace {trace}")),
    );
    assert_eq!(
        (found.clusters.len(), found.clusters[0].count),
        (1, 4),
        "{found:?}"
    );
}

#[test]
fn a_stack_that_was_logged_line_by_line_is_one_message() {
    let mut clusters = Clusters::default();
    for stream in ["a", "b"] {
        clusters.add(stream, 1, "java.lang.IllegalStateException: closed");
    }
    // Two streams at once: each goes on with its own.
    for line in [
        "\tat c.e.A.b(A.java:1)",
        "Caused by: java.io.IOException: gone",
        "\t... 3 more",
    ] {
        clusters.add("a", 2, line);
    }
    clusters.add("b", 2, "\tat c.e.A.b(A.java:2)");
    let found = clusters.finish();
    assert_eq!(found.messages, 2);
    let names: Vec<&str> = found.clusters.iter().map(|one| one.name.as_str()).collect();
    assert!(
        names.contains(&"IllegalStateException caused by IOException"),
        "{names:?}"
    );
    assert!(names.contains(&"IllegalStateException"), "{names:?}");
}

#[test]
fn a_megabyte_on_one_line_is_cut() {
    let found = grouped(&[(1, &"ä".repeat(1_000_000))]);
    assert!(found.clusters[0].sample.len() <= 1024);
}

/// Three exceptions, as the lines of 40 tracebacks each.
fn tracebacks() -> Vec<Vec<String>> {
    (0..120)
        .map(|index| {
            let last = match index % 3 {
                0 => format!("ValueError: could not convert string to float: 'x{index}'"),
                1 => format!("KeyError: 'order-{index}'"),
                _ => format!("requests.exceptions.ConnectionError: port {index} refused"),
            };
            vec![
                "Traceback (most recent call last):".to_owned(),
                format!("  File \"/app/orders.py\", line {index}, in load"),
                "    return float(text)".to_owned(),
                last,
            ]
        })
        .collect()
}

fn are_three_exceptions(found: &Grouped) {
    let names: Vec<(&str, u64)> = found
        .clusters
        .iter()
        .map(|one| (one.name.as_str(), one.count))
        .collect();
    assert_eq!(
        names,
        [
            ("KeyError: *", 40),
            ("ValueError: could not convert string to float: *", 40),
            ("requests.exceptions.ConnectionError: port * refused", 40)
        ]
    );
    assert!(found.clusters.iter().all(|one| one.level == Level::Error));
    assert_eq!(found.messages, 120);
}

#[test]
fn tracebacks_as_one_event_each_are_patterns_named_by_exception() {
    are_three_exceptions(&of_lines(tracebacks().iter().map(|lines| lines.join("\n"))));
}

#[test]
fn tracebacks_line_by_line_are_patterns_named_by_exception() {
    are_three_exceptions(&of_lines(tracebacks().concat()));
}

#[test]
fn tracebacks_in_container_json_are_patterns_named_by_exception() {
    let docker = |line: &String| {
        serde_json::json!({"log": format!("{line}\n"), "stream": "stderr", "time": "2026-11-20T03:14:15Z"}).to_string()
    };
    are_three_exceptions(&of_lines(tracebacks().concat().iter().map(docker)));
    let cri = |line: &String| format!("2026-11-20T03:14:15.123456789Z stderr F {line}");
    are_three_exceptions(&of_lines(tracebacks().concat().iter().map(cri)));
}

#[test]
fn pods_that_share_a_stream_go_on_with_their_own_tracebacks() {
    let mut lines = Vec::new();
    let all = tracebacks();
    for pair in all.chunks(2) {
        for (one, two) in pair[0].iter().zip(&pair[1]) {
            for (pod, line) in [("a", one), ("b", two)] {
                lines.push(
                    serde_json::json!({"log": line, "kubernetes": {"pod_name": pod}}).to_string(),
                );
            }
        }
    }
    are_three_exceptions(&of_lines(lines));
}

#[test]
fn a_go_panic_line_by_line_is_fatal_and_named_by_its_text() {
    let panic = "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:8 +0x1d\nexit status 2";
    let found = of_lines(panic.lines());
    assert_eq!(found.messages, 1);
    assert_eq!(
        found.clusters[0].name,
        "panic: runtime error: index out of range [*] with length *"
    );
    assert_eq!(found.clusters[0].level, Level::Fatal);
}

#[test]
fn the_most_serious_come_first_and_then_the_most_frequent() {
    let found = of_lines([
        "INFO a b c",
        "INFO a b c",
        "INFO a b c",
        "WARN a b c",
        "ERROR one",
        "ERROR two",
        "ERROR two",
        "FATAL gone",
    ]);
    let patterns: Vec<&str> = found
        .clusters
        .iter()
        .map(|one| one.pattern.as_str())
        .collect();
    assert_eq!(
        patterns,
        [
            "FATAL gone",
            "ERROR two",
            "ERROR one",
            "WARN a b c",
            "INFO a b c"
        ]
    );
}

#[test]
fn a_frequent_error_is_kept_whatever_came_before_it() {
    let logins = (0..250).map(|index| format!("INFO {} logged in", word(index)));
    let errors = std::iter::repeat_n("ERROR connection pool exhausted".to_owned(), 3000);
    let found = of_lines(logins.chain(errors.clone()));
    assert_eq!(
        (found.clusters[0].name.as_str(), found.clusters[0].count),
        ("ERROR connection pool exhausted", 3000)
    );
    let once = (0..5000).map(|index| format!("INFO {0} {1} {0} {1}", word(index), word(index * 7)));
    let found = of_lines(once.chain(errors));
    assert_eq!(
        (found.clusters[0].name.as_str(), found.clusters[0].count),
        ("ERROR connection pool exhausted", 3000)
    );
    assert_eq!(found.messages, 8000);
    assert!(found.other > 0 && found.other_patterns > 0);
}

#[test]
fn an_error_is_kept_before_frequent_information() {
    let errors = (0..1500).map(|index| format!("ERROR {} {}", word(index), word(index * 3)));
    let often = (0..6000).flat_map(|index| {
        let line = format!("INFO {} {}", word(index), word(index * 3));
        [line.clone(), line]
    });
    let found = of_lines(errors.chain(often));
    let kept = found
        .clusters
        .iter()
        .filter(|one| one.level == Level::Error)
        .count();
    assert_eq!((kept, found.clusters.len()), (1500, 2000));
}

#[test]
fn levels_exceptions_and_outcomes_stay_apart() {
    for (one, two) in [
        ("ERROR order 5 failed", "WARN order 5 failed"),
        (
            "request to 10.0.0.1 timed out",
            "request to 10.0.0.1 refused",
        ),
        ("KeyError: 'a'", "ValueError: 'a'"),
        ("java.io.IOException: gone", "java.io.EOFException: gone"),
        ("Link ok", "Link error"),
    ] {
        assert_eq!(of_lines([one, two]).clusters.len(), 2, "{one}");
    }
}

#[test]
fn words_that_vary_become_a_variable() {
    let found = of_lines(
        ["oslo", "rome", "paris", "tokyo", "lima"]
            .map(|city| format!("rebuilt the index of {city} today")),
    );
    assert_eq!(found.clusters.len(), 1, "{found:?}");
    assert_eq!(found.clusters[0].pattern, "rebuilt the index of * today");
    assert_eq!(found.clusters[0].count, 5);
    let found = of_lines(["took 5 ms to load", "took 3 s to load", "took 4 ms to load"]);
    assert_eq!(found.clusters[0].pattern, "took * * to load");
}

#[test]
fn ten_thousand_streams_are_not_kept_open_at_once() {
    let mut clusters = Clusters::default();
    for index in 0..10_000 {
        clusters.add(&format!("stream {index}"), 1, "INFO one message");
        assert!(clusters.open.len() <= STREAMS);
    }
    let found = checked(clusters.finish());
    assert_eq!((found.messages, found.clusters.len()), (10_000, 1));
}

#[test]
fn open_messages_are_bounded_in_bytes() {
    let mut clusters = Clusters::default();
    for index in 0..2000 {
        clusters.add(&format!("stream {index}"), 1, &"x".repeat(40_000));
        let bytes: usize = clusters.open.values().map(|open| open.text.len()).sum();
        assert!(bytes <= OPEN_BYTES && bytes == clusters.open_bytes);
    }
    assert_eq!(checked(clusters.finish()).messages, 2000);
}

#[test]
fn every_message_is_counted_once_and_is_of_its_pattern() {
    const WORDS: [&str; 28] = [
        "INFO",
        "ERROR",
        "5",
        "10.0.0.1",
        "order",
        "failed",
        "'x y'",
        "*",
        "Traceback (most recent call last):",
        "ValueError: a",
        "\tat a.b.C(D.java:1)",
        "panic: no",
        "\n",
        "日本",
        "user",
        "bob",
        "/a/b",
        "key=value",
        "(",
        ")",
        "{\"level\":50,\"msg\":\"a 5\"}",
        "GET",
        "blk_-5",
        "a",
        "b",
        "c",
        "\"",
        "0xff",
    ];
    let mut seed = 42_u64;
    let mut random = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for _ in 0..5 {
        let mut clusters = Clusters::default();
        let mut single = Vec::new();
        for index in 0..3000 {
            let line: Vec<&str> = (0..=random(6))
                .map(|_| WORDS[random(WORDS.len())])
                .collect();
            let line = line.join(" ");
            clusters.add(&format!("{}", random(3)), index, &line);
            if single.len() < 100 {
                single.push(line);
            }
        }
        checked(clusters.finish());
        let mut clusters = Clusters::default();
        for (index, line) in single.iter().enumerate() {
            clusters.add(&format!("{index}"), 1, line);
        }
        let found = checked(clusters.finish());
        for line in single {
            assert!(
                found
                    .clusters
                    .iter()
                    .any(|one| is_of_pattern(&one.pattern, &line)),
                "{line:?}"
            );
        }
    }
}
