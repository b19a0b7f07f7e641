//! Log messages as programs write them: three corpora, whose groups and counts are known.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "a test fails by panicking, and need not be fast"
)]

use std::collections::BTreeMap;

use standdown::actions::{Clusters, Grouped};

/// Numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % below
    }

    fn address(&mut self) -> String {
        format!(
            "{}.{}.{}.{}",
            self.roll(256),
            self.roll(256),
            self.roll(256),
            self.roll(256)
        )
    }

    fn id(&mut self) -> String {
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            self.roll(1 << 31),
            self.roll(65_536),
            self.roll(4096),
            self.roll(4096),
            self.roll(1 << 40)
        )
    }
}

fn names(grouped: &Grouped) -> BTreeMap<&str, u64> {
    grouped
        .clusters
        .iter()
        .map(|cluster| (cluster.name.as_str(), cluster.count))
        .collect()
}

#[test]
fn java_stack_traces_whole_and_line_by_line() {
    let mut dice = Dice(1);
    for by_line in [false, true] {
        let mut clusters = Clusters::default();
        let mut events = 0;
        for number in 0..900_u64 {
            let (class, cause) = match number % 9 {
                0..=4 => (
                    "org.springframework.dao.DataAccessResourceFailureException",
                    Some("java.sql.SQLTransientConnectionException"),
                ),
                5..=7 => ("java.lang.NullPointerException", None),
                _ => ("com.example.orders.PaymentDeclinedException", None),
            };
            let mut text = format!(
                "2026-11-20 03:{:02}:{:02},{:03} ERROR [http-nio-8080-exec-{}] c.e.o.OrderService - order {} of {} failed: {class}: attempt {}",
                dice.roll(60),
                dice.roll(60),
                dice.roll(1000),
                dice.roll(200),
                dice.roll(100_000),
                dice.id(),
                dice.roll(5)
            );
            for frame in 0..dice.roll(6) + 2 {
                text.push_str(&format!(
                    "\n\tat com.example.orders.C{frame}.m{}(C{frame}.java:{})",
                    dice.roll(9),
                    dice.roll(500)
                ));
            }
            if let Some(cause) = cause {
                text.push_str(&format!("\nCaused by: {cause}: HikariPool-1 - Connection is not available, request timed out after {}ms.\n\t... 71 more", dice.roll(60_000)));
            }
            let at = i64::try_from(number).unwrap();
            if by_line {
                for line in text.lines() {
                    clusters.add("app", at, line);
                    events += 1;
                }
            } else {
                clusters.add("app", at, &text);
                events += 1;
            }
        }
        assert_eq!(events > 900, by_line);
        let found = clusters.finish();
        assert_eq!((found.messages, found.other), (900, 0));
        let wanted = BTreeMap::from([
            (
                "DataAccessResourceFailureException caused by SQLTransientConnectionException",
                500,
            ),
            ("NullPointerException", 300),
            ("PaymentDeclinedException", 100),
        ]);
        assert_eq!(names(&found), wanted);
    }
}

#[test]
fn nginx_access_and_error_logs() {
    let mut dice = Dice(2);
    let mut clusters = Clusters::default();
    let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..2_000_u64 {
        let (method, path, route, status) = match number % 10 {
            0..=4 => (
                "GET",
                format!("/orders/{}?page={}", dice.roll(100_000), dice.roll(9)),
                "/orders/*",
                200,
            ),
            5 | 6 => (
                "GET",
                format!("/orders/{}", dice.roll(100_000)),
                "/orders/*",
                502,
            ),
            7 => ("POST", "/api/v2/carts".to_owned(), "/api/v2/carts", 201),
            8 => ("GET", format!("/img/{}.png", dice.id()), "/img/*.png", 304),
            _ => ("GET", "/health".to_owned(), "/health", 200),
        };
        clusters.add(
            "access",
            i64::try_from(number).unwrap(),
            &format!(
                "{} - - [20/Nov/2026:03:{:02}:{:02} +0000] \"{method} {path} HTTP/1.1\" {status} {} \"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64) {}\"",
                dice.address(), dice.roll(60), dice.roll(60), dice.roll(90_000), dice.roll(200)
            ),
        );
        *wanted
            .entry(format!("{method} {route} {status}"))
            .or_default() += 1;
    }
    for number in 0..250_u64 {
        clusters.add(
            "error",
            2_000 + i64::try_from(number).unwrap(),
            &format!(
                "2026/11/20 03:14:{:02} [error] {}#{}: *{} connect() failed (111: Connection refused) while connecting to upstream, client: {}, server: shop.example, request: \"GET /orders/{} HTTP/1.1\", upstream: \"http://{}:8080/\", host: \"shop.example\"",
                dice.roll(60), dice.roll(90), dice.roll(90), dice.roll(100_000), dice.address(), dice.roll(1000), dice.address()
            ),
        );
    }
    let found = clusters.finish();
    assert_eq!((found.messages, found.other), (2_250, 0));
    let counts = names(&found);
    for (name, count) in &wanted {
        assert_eq!(counts.get(name.as_str()), Some(count), "{name}: {counts:?}");
    }
    let refused = counts
        .iter()
        .find(|(name, _)| name.starts_with("error: connect() failed"));
    assert_eq!(refused.map(|(_, count)| *count), Some(250), "{counts:?}");
    assert_eq!(counts.len(), 6, "{counts:?}");
}

#[test]
fn json_by_level_and_message() {
    let mut dice = Dice(3);
    let mut clusters = Clusters::default();
    for number in 0..1_200_u64 {
        let (level, message) = match number % 12 {
            0..=5 => (
                "info",
                format!(
                    "order {} accepted in {} ms",
                    dice.roll(100_000),
                    dice.roll(900)
                ),
            ),
            6..=9 => (
                "warn",
                format!("retrying {} for customer {}", dice.id(), dice.roll(9_000)),
            ),
            10 => (
                "error",
                format!(
                    "order {} accepted in {} ms",
                    dice.roll(100_000),
                    dice.roll(900)
                ),
            ),
            _ => ("error", "payment gateway answered 'declined'".to_owned()),
        };
        // The order of the keys, and what else there is, changes nothing.
        let line = if number % 2 == 0 {
            serde_json::json!({"ts": number, "level": level, "msg": message, "trace": dice.id()})
        } else {
            serde_json::json!({"msg": message, "host": dice.address(), "level": level})
        };
        clusters.add("json", i64::try_from(number).unwrap(), &line.to_string());
    }
    let found = clusters.finish();
    let wanted = BTreeMap::from([
        ("info: order * accepted in * ms", 600),
        ("warn: retrying * for customer *", 400),
        ("error: order * accepted in * ms", 100),
        ("error: payment gateway answered *", 100),
    ]);
    assert_eq!(names(&found), wanted);
    let first = &found.clusters[0];
    // Errors stand first.
    assert_eq!((first.first, first.last), (10, 1_198));
    assert!(first.sample.contains("accepted in"), "{}", first.sample);
}
