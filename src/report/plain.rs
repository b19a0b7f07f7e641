//! Text from outside, for a file that somebody opens.

use crate::document::is_deceptive;

/// A text on one line, without what moves a cursor or turns the direction of writing round.
pub(super) fn one_line(text: &str) -> String {
    let kept = text.chars().filter(|c| !is_deceptive(*c));
    kept.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The same with its lines kept.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(one_line).collect()
}

/// Text that Markdown takes for text: no HTML, picture, cell or named link of its own. What looks like
/// a URL may be shown as one.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '[' | ']' | '|' | '*' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // What begins a heading, a list or a quotation does so at the start of a line alone.
    if out.starts_with(['#', '-', '+', '=', '~']) {
        out.insert(0, '\\');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_says_is_no_markup() {
        assert_eq!(
            escaped("<script>alert(1)</script> [x](http://y) `a`|b\u{1b}[2J\u{202e}"),
            "&lt;script&gt;alert(1)&lt;/script&gt; \\[x\\](http://y) \\`a\\`\\|b \\[2J"
        );
        assert_eq!(escaped("# no heading"), "\\# no heading");
    }
}
