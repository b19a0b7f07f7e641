//! Text for the screen: cleaned of what could move the cursor, cut to fit.

use std::borrow::Cow;

use crate::alarms::Row;
use crate::document::is_deceptive;
use crate::incident::AlarmRef;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The longest text that is looked at, in characters: a megabyte on one line is not read by
/// anybody, and must not slow the screen down.
const LONGEST: usize = 2000;

/// Whether a text is of printable ASCII alone: each byte is a letter of one column then.
#[must_use]
pub fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// Whether a sign is a letter by itself, of one column as Unicode counts them: ASCII, and what the console
/// draws with.
#[must_use]
pub fn is_narrow(sign: char) -> bool {
    matches!(sign, ' '..='~' | '·' | '×' | '–' | '—' | '…' | '←'..='↓' | '≤' | '≥' | '─'..='▟' | '●' | '○' | '◌' | '◆' | '▶' | '✓' | '✗' | '⠀'..='⣿')
}

/// How many columns a text takes.
fn columns(text: &str) -> usize {
    if is_printable(text) {
        text.len()
    } else {
        text.width()
    }
}

/// Takes control characters out, and what reorders or hides text. Tabs become spaces, line ends
/// a visible mark.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    clean_up_to(text, LONGEST)
}

/// The same without an end, where it is written and not drawn.
#[must_use]
pub fn clean_whole(text: &str) -> Cow<'_, str> {
    clean_up_to(text, usize::MAX)
}

fn clean_up_to(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest && is_printable(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == longest {
            out.push('…');
            break;
        }
        match c {
            '\t' => out.push_str("  "),
            '\n' => out.push('⏎'),
            c if c.is_control() => out.push('·'),
            c if is_deceptive(c) => {}
            // Terminals do not agree on how wide the letter before it is with it.
            '\u{fe00}'..='\u{fe0f}' => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A number with its noun: `1 change`, `2 changes`.
pub fn counted(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// Cleans a text and cuts it to a width in columns, with `…` where something is missing.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    let text = clean(text);
    if columns(&text) <= width {
        return text.into_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        out.push(c);
        used += wide;
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// Cuts a text to a width, and fills it up with spaces.
#[must_use]
pub fn column(text: &str, width: usize) -> String {
    let mut text = fit(text, width);
    let missing = width.saturating_sub(columns(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// Breaks a text into lines of a width, between words where it can. A line that is indented goes on
/// with the same indentation, up to half of the width.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let paragraph = clean(paragraph);
        let words = paragraph.trim_start_matches(' ');
        let indent = (paragraph.len() - words.len()).min(width / 2);
        let blanks = " ".repeat(indent);
        let broken = broken(words, (width - indent).max(1));
        lines.extend(broken.into_iter().map(|line| format!("{blanks}{line}")));
    }
    lines
}

/// Breaks a paragraph into lines of a width.
fn broken(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in paragraph.split(' ') {
        let gap = usize::from(!line.is_empty());
        let wide = columns(word);
        if used + gap + wide <= width {
            if gap == 1 {
                line.push(' ');
            }
            line.push_str(word);
            used += gap + wide;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            // A letter can change how wide the one before it is.
            used = if c.is_ascii() {
                used + wide
            } else {
                columns(&line)
            };
        }
    }
    lines.push(line);
    lines
}

/// Says how long ago something was, in at most four characters: `7s`, `12m`, `3h`, `26d`.
#[must_use]
pub fn age(duration: chrono::Duration) -> String {
    let seconds = duration.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The latest value that an alarm compares, beside what it is compared with: `97.2 >= 90`. The sign is
/// true of the two numbers, whatever the alarm's state is.
#[must_use]
pub fn against(row: &Row, now: chrono::DateTime<chrono::Utc>) -> String {
    let (alarm, series) = (&row.alarm, &row.values);
    let computed = || {
        row.facts
            .watched
            .as_ref()
            .is_some_and(|watched| watched.is_expression())
    };
    let Some(last) = series.last() else {
        return match (&series.failed, computed(), alarm.threshold) {
            (Some(_), _, _) => "not readable".to_owned(),
            (None, true, _) => "by expression".to_owned(),
            (None, false, Some(threshold)) => {
                let sign = relation(alarm).map_or("vs", |(sign, _)| sign);
                format!("– {sign} {}", exact(threshold))
            }
            (None, false, None) => String::new(),
        };
    };
    // What is old is no answer to the question whether it alarms.
    if let Some(age) = series.age(now).filter(|_| series.is_old(now)) {
        return format!("{} {} ago", number(last), self::age(age));
    }
    if let Some((lower, upper)) = series.band {
        return if last > upper {
            format!("{} > {} band", number(last), number(upper))
        } else if last < lower {
            format!("{} < {} band", number(last), number(lower))
        } else {
            format!("{} in {}…{}", number(last), number(lower), number(upper))
        };
    }
    let Some(threshold) = alarm.threshold else {
        return number(last);
    };
    let sign = relation(alarm).map_or("vs", |(sign, otherwise)| {
        if holds(sign, last, threshold) {
            sign
        } else {
            otherwise
        }
    });
    format!("{} {sign} {}", apart(last, threshold), exact(threshold))
}

/// How an alarm compares, and the sign that is true where its comparison is not.
fn relation(alarm: &AlarmRef) -> Option<(&'static str, &'static str)> {
    Some(match alarm.comparison.as_deref()? {
        "GreaterThanOrEqualToThreshold" => (">=", "<"),
        "GreaterThanThreshold" => (">", "<="),
        "LessThanThreshold" => ("<", ">="),
        "LessThanOrEqualToThreshold" => ("<=", ">"),
        _ => return None,
    })
}

fn holds(sign: &str, value: f64, threshold: f64) -> bool {
    match sign {
        ">=" => value >= threshold,
        ">" => value > threshold,
        "<" => value < threshold,
        _ => value <= threshold,
    }
}

/// A number that was set, with all its digits; thousands and more are scaled only where nothing is
/// lost by it.
#[must_use]
pub fn exact(value: f64) -> String {
    for (size, unit) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] {
        let scaled = value / size;
        let short = format!("{scaled}");
        if scaled.abs() >= 10.0
            && short.len() <= 6
            && short
                .parse::<f64>()
                .is_ok_and(|back| (back * size).total_cmp(&value).is_eq())
        {
            return format!("{short}{unit}");
        }
    }
    format!("{value}")
}

/// A value in as few digits as keep it apart from the number beside it, and on the right side of it.
fn apart(value: f64, from: f64) -> String {
    let short = number(value);
    if value.total_cmp(&from).is_eq() {
        return exact(value);
    }
    let reads = |text: &str| {
        let (digits, size) = match text.chars().last() {
            Some('G') => (&text[..text.len() - 1], 1e9),
            Some('M') => (&text[..text.len() - 1], 1e6),
            Some('k') => (&text[..text.len() - 1], 1e3),
            _ => (text, 1.0),
        };
        digits.parse::<f64>().ok().map(|number| number * size)
    };
    let fits = |text: &str| {
        reads(text).is_some_and(|read| read.partial_cmp(&from) == value.partial_cmp(&from))
    };
    if fits(&short) {
        return short;
    }
    (0..=17)
        .map(|digits| format!("{value:.digits$}"))
        .find(|text| fits(text))
        .unwrap_or_else(|| format!("{value}"))
}

/// Whether bars of a metric begin at zero: what is counted, and what is a share.
#[must_use]
pub fn begins_at_zero(statistic: Option<&str>, metric: Option<&str>, unit: Option<&str>) -> bool {
    let counted = matches!(statistic, Some("Sum" | "SampleCount"));
    let named = metric.is_some_and(|name| {
        [
            "Utilization",
            "Percent",
            "Count",
            "Errors",
            "Requests",
            "Usage",
        ]
        .iter()
        .any(|word| name.contains(word))
    });
    counted || named || matches!(unit, Some("Percent" | "Count"))
}

/// Draws values as a row of bars, the latest at the right. Bars begin at zero, or at the lowest value.
#[must_use]
pub fn sparkline(values: &[f64], width: usize, from_zero: bool) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = &values[values.len().saturating_sub(width)..];
    let finite = || shown.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (
        finite().fold(if from_zero { 0.0 } else { f64::MAX }, f64::min),
        finite().fold(f64::MIN, f64::max),
    );
    shown
        .iter()
        .map(|value| {
            if !value.is_finite() {
                return ' ';
            }
            let height = if high > low {
                (value - low) / (high - low)
            } else {
                0.5
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 7"
            )]
            let index = (height * 7.0).round() as usize;
            BARS[index.min(7)]
        })
        .collect()
}

/// Writes a number as people read it: three significant digits, large ones with k, M, G.
#[must_use]
pub fn number(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, "G"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match scaled.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_loses_what_moves_the_cursor() {
        assert_eq!(clean("a\x1b[2Jb\0c"), "a·[2Jb·c");
        assert_eq!(clean("a\u{202e}evil\u{200b}"), "aevil");
        assert_eq!(clean("\u{9b}31m"), "·31m");
        assert!(clean(&"x".repeat(1_000_000)).chars().count() <= LONGEST + 1);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(fit("日本語のアラーム", 7), "日本語…");
        assert_eq!(column("日", 4), "日  ");
    }

    #[test]
    fn wrapping_never_exceeds_the_width() {
        for width in 1..20 {
            for line in wrap("a verylongwordindeed 日本語 and more\nsecond", width) {
                assert!(line.width() <= width.max(2), "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn an_indented_line_goes_on_with_its_indentation() {
        assert_eq!(wrap("  one two three", 9), ["  one two", "  three"]);
        assert_eq!(wrap("          x", 4), ["  x"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [97.25, 0.856, 3.9e9, 12_345.0, 100.0, 0.0].map(number),
            ["97.2", "0.86", "3.9G", "12.3k", "100", "0"]
        );
    }

    #[test]
    fn narrow_signs_take_one_column_each() {
        let narrow: String = (' '..=char::MAX).filter(|sign| is_narrow(*sign)).collect();
        assert!(narrow.chars().all(|sign| sign.width() == Some(1)));
        assert_eq!(narrow.width(), narrow.chars().count());
    }

    #[test]
    fn ages_are_short() {
        let seconds = chrono::Duration::seconds;
        assert_eq!(
            [7, 720, 10_800, 90_000, 3_000_000].map(|s| age(seconds(s))),
            ["7s", "12m", "3h", "25h", "34d"]
        );
    }
}
