//! Recognises the access logs of web servers and load balancers.

use std::sync::LazyLock;

use regex::Regex;

/// A request and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    pub method: String,
    pub route: String,
    pub status: String,
}

impl Access {
    /// The request as a pattern: `GET /orders/* 500`.
    pub fn pattern(&self) -> String {
        format!("{} {} {}", self.method, self.route, self.status)
    }

    /// Whether the server failed.
    pub fn is_error(&self) -> bool {
        self.status.starts_with('5')
    }
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new($text).unwrap_or_else(|error| unreachable!("not a pattern: {error}"))
        });
    };
}

// Apache, nginx, and frameworks that quote the request and write the status after it.
pattern!(
    QUOTED,
    r#""([A-Z]{3,7}) (\S+)(?: HTTP/[\d.]+)?" (\d{3})(?: |$)"#
);
// Load balancers write the status of the answer before the request.
pattern!(
    BALANCER,
    r#" (\d{3}|-) (?:\d{3}|-) \d+ \d+ "([A-Z]{3,7}) (\S+) HTTP"#
);
// Gin, the framework of Go.
pattern!(GIN, r#"\| +(\d{3}) \|.*\| +([A-Z]{3,7}) +"([^"]+)""#);
// Morgan, the logger of Express: `GET /orders 200 1.5 ms - 12`.
pattern!(
    BARE,
    r"^(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (/\S*) (\d{3})(?: [\d.]+ ms.*)?$"
);
// A request that is no HTTP: scanners send all kinds of bytes.
pattern!(BROKEN, r#"^\S+ \S+ \S+ \[[^\]]+\] "[^"]*" (\d{3}) "#);
// Segments of a path that name one thing among many.
pattern!(
    ID,
    r"^(?:\d+|[0-9a-fA-F]{8,}|[0-9a-fA-F-]{32,}|[A-Za-z0-9_-]*\d[A-Za-z0-9_-]{10,})$"
);

/// Finds the request in a line of an access log.
pub(super) fn access(line: &str) -> Option<Access> {
    let found = |method: &str, path: &str, status: &str| Access {
        method: method.to_owned(),
        route: route(path),
        status: status.to_owned(),
    };
    let bytes = line.as_bytes();
    if line.contains("\" ") || line.ends_with('"') {
        if let Some(all) = QUOTED.captures(line) {
            return Some(found(&all[1], &all[2], &all[3]));
        }
        if line.contains(" HTTP/")
            && let Some(all) = BALANCER.captures(line)
        {
            return Some(found(&all[2], &all[3], &all[1]));
        }
        if line.contains("| ")
            && let Some(all) = GIN.captures(line)
        {
            return Some(found(&all[2], &all[3], &all[1]));
        }
        if line.contains("] \"")
            && let Some(all) = BROKEN.captures(line)
        {
            return Some(found("-", "*", &all[1]));
        }
    } else if matches!(bytes.first(), Some(b'G' | b'P' | b'D' | b'H' | b'O'))
        && let Some(all) = BARE.captures(line)
    {
        return Some(found(&all[1], &all[2], &all[3]));
    }
    None
}

/// Returns a path without its host and query, with identifiers masked.
pub(super) fn route(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => path,
    };
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            // What follows an identifier says what kind of thing it is.
            let (stem, rest) = segment.split_at(segment.find('.').unwrap_or(segment.len()));
            if ID.is_match(stem) {
                format!("*{rest}")
            } else {
                segment.to_owned()
            }
        })
        .collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(line: &str) -> Option<String> {
        access(line).map(|access| access.pattern())
    }

    #[test]
    fn access_logs_of_frameworks_and_load_balancers_are_recognised() {
        for line in [
            r#"10.0.0.7 - alice [20/Nov/2026:03:14:15 +0000] "GET /orders/4711?x=1 HTTP/1.1" 500 512 "-" "curl/8.5""#,
            r#"INFO:     10.0.0.1:5 - "GET /orders/12 HTTP/1.1" 500 Internal Server Error"#,
            r#"[GIN] 2026/11/20 - 03:14:15 | 500 |    1.2ms |   10.0.0.1 | GET      "/orders/5""#,
            r#"http 2026-11-20T03:14:15.1Z app/lb/50dc6c495c0c9188 10.0.0.1:2817 10.0.0.2:80 0.000 0.001 0.000 500 500 34 366 "GET http://www.example.com:80/orders/7 HTTP/1.1" "curl/7.46.0" - -"#,
            "GET /orders/9 500 12.345 ms - 120",
        ] {
            assert_eq!(
                pattern(line).as_deref(),
                Some("GET /orders/* 500"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_request_in_a_sentence_is_no_access_log() {
        assert_eq!(pattern("GET /orders was slow"), None);
        assert_eq!(pattern(r#"the client sent "GET" 5 times"#), None);
    }

    #[test]
    fn a_broken_request_has_a_status_only() {
        let line = r#"10.0.0.7 - - [20/Nov/2026:03:14:15 +0000] "\x16\x03\x01" 400 150 "-" "-""#;
        assert_eq!(pattern(line).as_deref(), Some("- * 400"));
    }
}
