//! Decides which part of a single word varies from message to message.
//!
//! The classes are general ones: numbers, identifiers, addresses, host names, URLs and paths.
//! Nothing in this module knows a particular program's log format.

/// Top-level domains, and the names of private networks, that end a host name.
const TOP_LEVEL: &[&str] = &[
    "com",
    "net",
    "org",
    "edu",
    "gov",
    "mil",
    "int",
    "io",
    "dev",
    "app",
    "cloud",
    "info",
    "biz",
    "internal",
    "local",
    "localdomain",
    "lan",
    "intranet",
    "corp",
    "arpa",
    "svc",
    "example",
    "test",
    "invalid",
    "localhost",
    "aws",
    "me",
    "tv",
    "cc",
    "ai",
    "co",
    "eu",
    "de",
    "uk",
    "fr",
    "it",
    "es",
    "nl",
    "be",
    "ch",
    "at",
    "pl",
    "cz",
    "se",
    "no",
    "fi",
    "dk",
    "ru",
    "ua",
    "cn",
    "tw",
    "hk",
    "jp",
    "kr",
    "in",
    "sg",
    "th",
    "vn",
    "id",
    "my",
    "ph",
    "au",
    "nz",
    "br",
    "ar",
    "mx",
    "cl",
    "ca",
    "us",
    "za",
    "il",
    "tr",
    "gr",
    "pt",
    "hu",
    "ro",
    "ie",
    "om",
    "ae",
    "sa",
];
/// First labels of reversed names: packages and configuration keys, not hosts.
const REVERSED: &[&str] = &[
    "com", "net", "org", "edu", "gov", "io", "java", "javax", "android",
];

/// Returns whether a byte belongs to a word: letters, digits, `_`, `$`, and all of non-ASCII.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Returns whether the text has the form of a UUID.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Returns whether the text is an IPv6 or MAC address: groups of hexadecimal digits and colons.
pub(super) fn is_hex_groups(text: &[u8]) -> bool {
    let text = text.split(|byte| *byte == b'%').next().unwrap_or(text);
    let mut groups = 0;
    let mut hex = 0;
    for group in text.split(|byte| *byte == b':') {
        if group.len() > 4 || !group.iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        groups += 1;
        hex += usize::from(!group.is_empty());
    }
    groups >= 3 && hex >= 1 && (groups >= 5 || text.windows(2).any(|two| two == b"::"))
}

/// Returns whether dotted text is the name of a host, such as `db-1.internal`.
pub(super) fn is_host(text: &[u8]) -> bool {
    let Some(dot) = text.iter().rposition(|byte| *byte == b'.') else {
        return false;
    };
    let first = text.split(|byte| *byte == b'.').next().unwrap_or(text);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let named = |all: &[&str], label: &[u8]| {
        all.iter()
            .any(|one| one.as_bytes().eq_ignore_ascii_case(label))
    };
    !first.is_empty()
        && text.iter().all(plain)
        && named(TOP_LEVEL, &text[dot + 1..])
        && !named(REVERSED, first)
        && !text.windows(2).any(|two| two == b"..")
}

/// Returns whether text is a URL's scheme followed by `://`, at its start.
pub(super) fn is_url(text: &[u8]) -> bool {
    let scheme = text
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
        .count();
    scheme > 1 && text[scheme..].starts_with(b"://")
}

/// What a piece of a word between hyphens, dots and underscores turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// All of it is the same in each message.
    Constant,
    /// It varies from this offset on.
    VariesFrom(usize),
}

/// Classifies a piece of a word that has no hyphens, dots or underscores in it.
pub(super) fn piece(text: &[u8]) -> Piece {
    let mut hex = true;
    let mut changes = 0;
    let mut first_digit = None;
    let mut was_digit = false;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.is_ascii_digit();
        hex &= byte.is_ascii_hexdigit();
        if digit && first_digit.is_none() {
            first_digit = Some(at);
        }
        changes += usize::from(at > 0 && digit != was_digit);
        was_digit = digit;
    }
    match first_digit {
        None if hex && text.len() >= 8 => Piece::VariesFrom(0),
        None => Piece::Constant,
        Some(_) if hex && text.len() >= 6 => Piece::VariesFrom(0),
        Some(at) if changes == 1 && was_digit => Piece::VariesFrom(at),
        Some(_) => Piece::VariesFrom(0),
    }
}

/// Returns whether a word's last piece is a random suffix, such as that of a Kubernetes pod.
pub(super) fn is_random_suffix(text: &[u8]) -> bool {
    text.len() == 5
        && text
            .iter()
            .all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(byte))
}

/// Returns whether a word is the name of a month, in English.
pub(super) fn is_month(word: &[u8]) -> bool {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    word.first().is_some_and(u8::is_ascii_uppercase)
        && MONTHS.iter().any(|month| {
            let month = month.as_bytes();
            month.eq_ignore_ascii_case(word) || month[..3].eq_ignore_ascii_case(word)
        })
}

/// Returns whether a word is the name of a day of the week, in English.
pub(super) fn is_weekday(word: &[u8]) -> bool {
    const DAYS: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    word.first().is_some_and(u8::is_ascii_uppercase)
        && DAYS.iter().any(|day| {
            let day = day.as_bytes();
            day.eq_ignore_ascii_case(word) || day[..3].eq_ignore_ascii_case(word)
        })
}

/// Returns whether a word is a unit of time, size or rate that follows a number.
pub(super) fn is_unit(word: &str) -> bool {
    matches!(
        word,
        "ns" | "us"
            | "µs"
            | "ms"
            | "s"
            | "sec"
            | "secs"
            | "second"
            | "seconds"
            | "msec"
            | "millis"
            | "milliseconds"
            | "min"
            | "mins"
            | "minute"
            | "minutes"
            | "m"
            | "h"
            | "hour"
            | "hours"
            | "day"
            | "days"
            | "B"
            | "b"
            | "byte"
            | "bytes"
            | "KB"
            | "kB"
            | "kb"
            | "MB"
            | "GB"
            | "TB"
            | "KiB"
            | "MiB"
            | "GiB"
            | "TiB"
            | "K"
            | "M"
            | "G"
            | "Mbps"
            | "MHz"
            | "GHz"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_told_from_packages_and_files() {
        for host in [
            "db-1.internal",
            "www.example.com",
            "ip-10-0-0-1.ec2.internal",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for other in [
            "java.io",
            "org.apache.Foo",
            "main.rs",
            "a..com",
            "word",
            "x.y",
        ] {
            assert!(!is_host(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn addresses_of_machines_are_groups_of_hexadecimal_digits() {
        for address in [
            "fe80::1%eth0",
            "::1",
            "00:1b:44:11:3a:b7",
            "2001:db8::8a2e:370:7334",
        ] {
            assert!(is_hex_groups(address.as_bytes()), "{address}");
        }
        for other in ["a:b", "std::io", "12:30:15"] {
            assert!(!is_hex_groups(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_piece_varies_where_its_digits_begin_unless_it_is_random() {
        assert_eq!(piece(b"worker7"), Piece::VariesFrom(6));
        assert_eq!(piece(b"x2v4q"), Piece::VariesFrom(0));
        assert_eq!(piece(b"5000ms"), Piece::VariesFrom(0));
        assert_eq!(piece(b"abcdef12"), Piece::VariesFrom(0));
        assert_eq!(piece(b"deadbeef"), Piece::VariesFrom(0));
        assert_eq!(piece(b"facade"), Piece::Constant);
    }
}
