//! The key behind a control character or a control sequence.
//!
//! Only sequences that terminals send for keys are known here; every other one is a reply, or
//! nothing. The encodings are those of xterm (`ctlseqs`), the Linux console, rxvt, and the `CSI u`
//! form of xterm's `formatOtherKeys` and kitty's keyboard protocol.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The key of a control character; none for NUL.
pub(super) fn control(byte: u8) -> Option<KeyEvent> {
    Some(match byte {
        b'\r' => KeyCode::Enter.into(),
        b'\t' => KeyCode::Tab.into(),
        0x7f | 0x08 => KeyCode::Backspace.into(),
        0x01..=0x1a => KeyEvent::new(
            KeyCode::Char(char::from(byte - 1 + b'a')),
            KeyModifiers::CONTROL,
        ),
        0x1c..=0x1f => KeyEvent::new(
            KeyCode::Char(char::from(byte - 0x1c + b'4')),
            KeyModifiers::CONTROL,
        ),
        _ => return None,
    })
}

/// The key that a letter stands for after `ESC O`, and after `ESC [` where nothing stands between.
pub(super) fn function(letter: u8) -> Option<KeyEvent> {
    Some(match letter {
        b'A' => KeyCode::Up.into(),
        b'B' => KeyCode::Down.into(),
        b'C' => KeyCode::Right.into(),
        b'D' => KeyCode::Left.into(),
        b'H' => KeyCode::Home.into(),
        b'F' => KeyCode::End.into(),
        b'P'..=b'S' => KeyCode::F(letter - b'P' + 1).into(),
        b'Z' => KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT),
        b'M' => KeyCode::Enter.into(),
        _ => return None,
    })
}

/// The key of a control sequence `ESC [ parameters letter` without prefix and intermediates. A
/// cursor position report (`R`), a device status (`n`), attributes (`c`), window reports (`t`) and
/// terminal parameters (`x`) are none.
pub(super) fn sequence(parameters: &[u8], letter: u8) -> Option<KeyEvent> {
    let text = std::str::from_utf8(parameters).ok()?;
    // What stands after a colon tells more about the same parameter.
    let numbers: Option<Vec<u32>> = text
        .split(';')
        .map(|part| {
            let number = part.split(':').next().unwrap_or(part);
            if number.is_empty() {
                Some(1)
            } else {
                number.parse().ok()
            }
        })
        .collect();
    let numbers = numbers?;
    let modifiers = |at: usize| modifiers(numbers.get(at).copied().unwrap_or(1));
    match (letter, numbers.as_slice()) {
        (b'A'..=b'D' | b'F' | b'H' | b'P' | b'Q' | b'S' | b'Z', []) => function(letter),
        (b'A'..=b'D' | b'F' | b'H' | b'P' | b'Q' | b'S', [1] | [1, _]) => {
            Some(with(function(letter)?, modifiers(1)?))
        }
        (b'Z', [1]) => function(letter),
        (b'R', [1]) if text.is_empty() => function(letter),
        // `modifyOtherKeys`.
        (b'~', [27, _, code]) => Some(with(character(*code)?, modifiers(1)?)),
        (b'~', [number] | [number, _]) => Some(with(numbered(*number)?, modifiers(1)?)),
        (b'u', [code] | [code, _] | [code, _, _]) if !text.is_empty() => {
            // A key that is let go is no press.
            let released = text
                .split(';')
                .nth(1)
                .is_some_and(|part| part.ends_with(":3"));
            let key = with(character(*code)?, modifiers(1)?);
            (!released).then_some(key)
        }
        _ => None,
    }
}

fn with(key: KeyEvent, modifiers: KeyModifiers) -> KeyEvent {
    match key.code {
        KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => {
            KeyEvent::new(KeyCode::BackTab, modifiers)
        }
        code => KeyEvent::new(code, key.modifiers | modifiers),
    }
}

/// The modifiers of a parameter: one more than the sum of 1 for Shift, 2 for Alt, 4 for Control.
/// Values above 16 are no modifiers of a key press, but a column.
fn modifiers(parameter: u32) -> Option<KeyModifiers> {
    let bits = parameter.checked_sub(1).filter(|bits| *bits < 256)?;
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
        (8, KeyModifiers::SUPER),
    ] {
        if bits & bit != 0 {
            modifiers |= modifier;
        }
    }
    Some(modifiers)
}

fn character(code: u32) -> Option<KeyEvent> {
    Some(match code {
        27 => KeyCode::Esc.into(),
        13 | 57414 => KeyCode::Enter.into(),
        9 => KeyCode::Tab.into(),
        8 | 127 => KeyCode::Backspace.into(),
        57399..=57408 => KeyCode::Char(char::from_digit(code - 57399, 10)?).into(),
        // Keys without a character have numbers in the private use area.
        57344..=63743 => return None,
        code => KeyCode::Char(char::from_u32(code).filter(|c| !c.is_control())?).into(),
    })
}

/// The key of `ESC [ number ~`.
fn numbered(number: u32) -> Option<KeyEvent> {
    let function = |from: u32, first: u8| {
        let past = u8::try_from(number - from).unwrap_or(0);
        KeyCode::F(first + past)
    };
    Some(
        match number {
            1 | 7 => KeyCode::Home,
            2 => KeyCode::Insert,
            3 => KeyCode::Delete,
            4 | 8 => KeyCode::End,
            5 => KeyCode::PageUp,
            6 => KeyCode::PageDown,
            11..=15 => function(11, 1),
            17..=21 => function(17, 6),
            23..=26 => function(23, 11),
            28..=29 => function(28, 15),
            31..=34 => function(31, 17),
            _ => return None,
        }
        .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_common_terminals_are_known() {
        for (parameters, letter, code, modifiers) in [
            ("", b'A', KeyCode::Up, KeyModifiers::NONE),
            ("1;5", b'C', KeyCode::Right, KeyModifiers::CONTROL),
            ("5", b'~', KeyCode::PageUp, KeyModifiers::NONE),
            ("15;2", b'~', KeyCode::F(5), KeyModifiers::SHIFT),
            ("", b'Z', KeyCode::BackTab, KeyModifiers::SHIFT),
            ("27", b'u', KeyCode::Esc, KeyModifiers::NONE),
            ("99;5", b'u', KeyCode::Char('c'), KeyModifiers::CONTROL),
            ("27;5;13", b'~', KeyCode::Enter, KeyModifiers::CONTROL),
        ] {
            let found = sequence(parameters.as_bytes(), letter).unwrap();
            assert_eq!(
                (found.code, found.modifiers),
                (code, modifiers),
                "{parameters}"
            );
        }
    }

    #[test]
    fn reports_are_no_keys() {
        for (parameters, letter) in [
            ("24;80", b'R'),
            ("1;2", b'R'),
            ("0", b'n'),
            ("62;4;22", b'c'),
            ("8;40;120", b't'),
            ("2;1;1;112;112;1;0", b'x'),
            ("200", b'~'),
            ("97;5:3", b'u'),
            ("", b'u'),
            ("3;7;9", b'A'),
        ] {
            assert_eq!(
                sequence(parameters.as_bytes(), letter),
                None,
                "{parameters}"
            );
        }
    }
}
