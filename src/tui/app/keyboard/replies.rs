//! Replies that lost their introducer: `ESC ]`, `ESC [` or only the `ESC` went to another program,
//! or came so much earlier that it was taken for the Esc key.
//!
//! What is left looks like text. It is recognized only in a piece that arrived at once: a person's
//! key arrives on its own.

/// What the beginning of a run of printable bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Torn {
    /// A reply without its introducer, of so many bytes.
    Reply(usize),
    /// What may become one with more bytes.
    Unfinished,
    /// The body of a string, whose terminator has not come yet.
    Body,
    /// Text.
    Text,
}

/// Letters that end the control sequences of reports.
const REPORTS: &[u8] = b"cnRtuxySIO~";

/// Looks at the printable bytes at the beginning of a piece.
pub(super) fn torn(run: &[u8]) -> Torn {
    // A key arrives on its own.
    if run.len() < 2 {
        return Torn::Text;
    }
    if is_body(run) {
        return Torn::Body;
    }
    if run[0] == b']' && run[1..].iter().all(u8::is_ascii_digit) {
        return Torn::Unfinished;
    }
    let bracket = usize::from(run[0] == b'[');
    let rest = &run[bracket..];
    let prefix = rest
        .iter()
        .take_while(|byte| matches!(byte, b'<'..=b'?'))
        .count();
    let parameters = &rest[prefix..];
    let digits = parameters
        .iter()
        .take_while(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
        .count();
    let tail = &parameters[digits..];
    let between = tail
        .iter()
        .take_while(|byte| matches!(byte, b' '..=b'/'))
        .count();
    let separated = parameters[..digits].contains(&b';');
    let marked = bracket > 0 || prefix > 0 || separated;
    let Some(last) = tail.get(between) else {
        // The end of the piece, before the letter that ends a sequence.
        let numbered = digits > 0 || bracket > 0 && prefix > 0;
        let begun = marked && numbered && prefix <= 1 && (bracket == 0 || between <= 1);
        return if begun { Torn::Unfinished } else { Torn::Text };
    };
    let length = bracket + prefix + digits + between + 1;
    let ends = REPORTS.contains(last)
        || prefix > 0 && (bracket > 0 || separated) && last.is_ascii_alphabetic()
        || bracket > 0 && digits > 0 && matches!(last, b'A'..=b'H' | b'P'..=b'S' | b'M' | b'm');
    // Without a bracket, it is a reply where nothing but replies follows it: `5n` may be typed.
    let status = matches!(&run[..length], b"0n" | b"3n");
    let alone = || {
        let after = &run[length..];
        after.is_empty() || !matches!(torn(after), Torn::Text)
    };
    let whole = bracket > 0 || prefix > 0 || alone();
    let focus = bracket > 0 && digits == 0 && prefix == 0 && between == 0;
    let is_reply = if focus {
        run.len() == 2 && last.is_ascii_alphabetic()
    } else {
        ends && whole && between <= 2 && prefix <= 1 && (status || marked && digits > 0)
    };
    if is_reply {
        Torn::Reply(length)
    } else {
        Torn::Text
    }
}

/// Whether a run begins like the body of a string that terminals send: `]11;…`, `11;rgb:…`,
/// `P1$r…`, `1+r…`, `>|…`, `!|…`.
fn is_body(run: &[u8]) -> bool {
    let rest = match run[0] {
        b']' | b'P' => &run[1..],
        _ => run,
    };
    let introduced = rest.len() < run.len();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let after = &rest[digits..];
    if run[0] == b']' {
        return digits > 0 && after.first() == Some(&b';');
    }
    let starts = |with: &[u8]| after.starts_with(with);
    if starts(b"$r") || starts(b"+r") || starts(b">|") || starts(b"!|") || starts(b"!~") {
        return introduced || digits > 0 || starts(b">|") || starts(b"!|");
    }
    // Colours: `11;rgb:…`, `4;12;rgb:…`; the clipboard: `52;c;…`.
    digits > 0
        && after.first() == Some(&b';')
        && [&b"rgb:"[..], b"rgba:", b"c;", b"p;", b"s;"]
            .iter()
            .any(|body| {
                let value = &after[1..];
                let number = value
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit())
                    .count();
                let value = match value.get(number) {
                    Some(b';') if number > 0 => &value[number + 1..],
                    _ => value,
                };
                value.starts_with(body)
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_reply_is_recognized() {
        for reply in [
            ">0;10;1c",
            "[>0;10;1c",
            "?62;4;22c",
            "?2026;2$y",
            "[?2026;2$y",
            "24;80R",
            "[24;80R",
            "8;40;120t",
            "?997;1n",
            "[0n",
            "0n",
            "[I",
            "[O",
            "?1u",
            "[?997;1n",
            "[A",
            "[1;5C",
            "2;1;1;112;112;1;0x",
            "<0;3;4M",
        ] {
            assert_eq!(torn(reply.as_bytes()), Torn::Reply(reply.len()), "{reply}");
        }
        for body in [
            "]11;rgb:1e1e/1e1e/2e2e",
            "11;rgb:1e1e/",
            "4;1;rgb:ff",
            "P1$r0m",
            "1+r544e",
            ">|XTerm",
        ] {
            assert_eq!(torn(body.as_bytes()), Torn::Body, "{body}");
        }
        for begun in [
            "[?", "]1", "]11", "[>0;1", "?2026;", ">0", "[24;8", "?2026;2$",
        ] {
            assert_eq!(torn(begun.as_bytes()), Torn::Unfinished, "{begun}");
        }
    }

    #[test]
    fn several_in_one_piece_are_recognized_one_by_one() {
        for (run, length) in [("24;80R1;1R", 6), ("0n24;80R", 2), ("24;80R>0;10;1c", 6)] {
            assert_eq!(torn(run.as_bytes()), Torn::Reply(length), "{run}");
        }
        assert_eq!(torn(b"24;80Rhello"), Torn::Text);
    }

    #[test]
    fn what_people_type_at_once_stays_text() {
        for text in [
            "1",
            "[",
            "?",
            "jj",
            "dd",
            "12",
            "5c",
            "i-0abc",
            "[error] it",
            "[1] first",
            "90m",
            "a?b",
            "-> next",
            "prod/eu-west-1",
            "1. look",
            "50 %",
            "ARN:aws",
            "<1h",
            ">= 5",
        ] {
            assert_eq!(torn(text.as_bytes()), Torn::Text, "{text}");
        }
    }
}
