//! Signs for terminals that know ASCII alone. What has no sign of its own is shown as `?`.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr as _;

/// What stands for a sign.
fn plain(sign: char) -> char {
    match sign {
        ' '..='~' => sign,
        '─' | '━' | '—' | '–' | '╌' | '┄' | '−' => '-',
        '│' | '┃' | '╎' | '├' | '┤' => '|',
        '┌' | '┐' | '┘' | '┬' | '┴' | '┼' => '+',
        '└' => '`',
        '●' => '*',
        '○' => 'o',
        '◌' => '~',
        '◆' => '#',
        '▶' | '▸' | '→' => '>',
        '◀' | '◂' | '←' => '<',
        '▾' | '↓' => 'v',
        '↑' => '^',
        '✓' => '+',
        '✗' | '×' => 'x',
        '·' | '⋅' => '.',
        '…' | '⏎' => '~',
        '▁' | '▂' => '_',
        '▃' | '▄' => '-',
        '▅' | '▆' => '=',
        '▇' | '█' | '▐' | '▌' => '#',
        '‘' | '’' => '\'',
        '“' | '”' => '"',
        '\u{2800}' => ' ',
        '\u{2801}'..='\u{28ff}' => '*',
        '\u{a0}' => ' ',
        _ => '?',
    }
}

/// What stands for a sign that takes two of ASCII: one alone would say something else.
fn two(sign: char) -> Option<[char; 2]> {
    match sign {
        '≥' => Some(['>', '=']),
        '≤' => Some(['<', '=']),
        '≠' => Some(['!', '=']),
        _ => None,
    }
}

/// Replaces every sign beyond ASCII on the screen.
pub fn flatten(buffer: &mut Buffer) {
    for at in 0..buffer.content.len() {
        let symbol = buffer.content[at].symbol();
        if symbol.is_ascii() {
            continue;
        }
        if let Some([first, second]) = symbol.chars().next().and_then(two) {
            // The second one takes the place of a blank beside it, if there is one.
            let blank = |at: usize| {
                buffer
                    .content
                    .get(at)
                    .is_some_and(|cell| cell.symbol() == " ")
            };
            let (one, other) = match (blank(at + 1), at.checked_sub(1).filter(|at| blank(*at))) {
                (true, _) => (at, at + 1),
                (false, Some(before)) => (before, at),
                (false, None) => {
                    buffer.content[at].set_char('?');
                    continue;
                }
            };
            buffer.content[one].set_char(first);
            buffer.content[other].set_char(second);
            continue;
        }
        let cell = &mut buffer.content[at];
        let symbol = cell.symbol();
        // A sign of two columns leaves the second one free.
        let sign = match symbol.width() {
            1 => symbol.chars().next().map_or(' ', plain),
            _ => '?',
        };
        cell.set_char(sign);
    }
}

/// Replaces every sign beyond ASCII in a text.
#[must_use]
pub fn flat(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match two(sign) {
            Some(signs) => out.extend(signs),
            None => out.push(plain_or_line(sign)),
        }
    }
    out
}

fn plain_or_line(sign: char) -> char {
    if sign == '\n' { sign } else { plain(sign) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_apart_in_ascii_too() {
        let marks = ['●', '?', '○', '◌', '◆', '▶', '✓', '✗', '–', '·'].map(plain);
        let different: std::collections::BTreeSet<char> = marks.into_iter().collect();
        assert_eq!(different.len(), marks.len(), "{marks:?}");
        assert_eq!(flat("日本 ✓ ok"), "?? + ok");
        assert_eq!(flat("97 ≥ 90, a≤b"), "97 >= 90, a<=b");
        for (text, shown) in [
            ("97 ≥ 90", "97 >=90"),
            ("97 ≥90", "97>=90"),
            ("97≥90", "97?90"),
        ] {
            let mut buffer = Buffer::with_lines([text]);
            flatten(&mut buffer);
            assert_eq!(buffer, Buffer::with_lines([shown]), "{text}");
        }
    }
}
