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
        '▶' | '▸' | '→' | '≥' => '>',
        '◀' | '◂' | '←' | '≤' => '<',
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

/// Replaces every sign beyond ASCII on the screen.
pub fn flatten(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
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
    text.chars().map(plain_or_line).collect()
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
    }
}
