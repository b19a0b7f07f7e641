use proptest::prelude::{Strategy as _, any, prop, proptest};
use proptest::test_runner::Config;

use super::*;

/// Replies of terminals, in their 7-bit form, as xterm, VTE, kitty, foot, `WezTerm`, iTerm2, Windows
/// Terminal, tmux and the Linux console send them.
const REPLIES: [&[u8]; 44] = [
    b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
    b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
    b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1b]12;rgba:ffff/ffff/ffff/ffff\x07",
    b"\x1b]4;1;rgb:cccc/0000/0000\x1b\\",
    b"\x1b]52;c;cm0gLXJmIC8=\x07",
    b"\x1b]52;c;\x1b\\",
    b"\x1b]lwindow title 1\x1b\\",
    b"\x1b]Licon 2\x1b\\",
    b"\x1b]l\x1b\\",
    b"\x1b]1337;ReportCellSize=20.0;10.0\x1b\\",
    b"\x1b]99;i=1:p=?;\x1b\\",
    b"\x1b]21;background=rgb:00/00/00\x1b\\",
    b"\x1b[>0;10;1c",
    b"\x1b[>1;3000;0c",
    b"\x1b[?62;4;22c",
    b"\x1b[?6c",
    b"\x1b[=0c",
    b"\x1b[?1;2c",
    b"\x1b[?2026;2$y",
    b"\x1b[?2026;0$y",
    b"\x1b[12;2$y",
    b"\x1b[?997;1n",
    b"\x1b[0n",
    b"\x1b[?13n",
    b"\x1b[24;80R",
    b"\x1b[1;1R",
    b"\x1b[?24;80R",
    b"\x1b[8;40;120t",
    b"\x1b[4;600;800t",
    b"\x1b[3;0;0t",
    b"\x1b[1t",
    b"\x1b[2;1;1;112;112;1;0x",
    b"\x1b[?1u",
    b"\x1b[?0;4;S",
    b"\x1b[?2;0;800;600S",
    b"\x1bP>|XTerm(388)\x1b\\",
    b"\x1bP!|00000000\x1b\\",
    b"\x1bP1$r0;1;31m\x1b\\",
    b"\x1bP0$r\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^12;3q\x1b\\",
    b"\x1bX1 2 q\x1b\\",
];

const APART: [u64; 4] = [0, 10, 60, 200];

fn key(c: char) -> Input {
    Input::Key {
        key: KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE),
        alone: true,
    }
}

/// What is found in pieces that come so many milliseconds after each other, and in a key a second
/// later.
fn found(pieces: &[&[u8]], apart: u64) -> Vec<Input> {
    let mut decoder = Decoder::new(false);
    let mut now = Duration::from_secs(5);
    let mut all = Vec::new();
    for piece in pieces {
        all.extend(decoder.feed(piece, now));
        now += Duration::from_millis(apart);
        all.extend(decoder.wait(now));
    }
    all.extend(decoder.feed(b"1", now + Duration::from_millis(1)));
    all
}

/// The 8-bit forms: bare, and as UTF-8 writes them.
fn eight_bit(reply: &[u8], utf8: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = reply;
    while let Some((&byte, more)) = rest.split_first() {
        rest = more;
        if let (0x1b, Some(&next)) = (byte, more.first()) {
            if utf8 {
                bytes.push(0xc2);
            }
            bytes.push(next + 0x40);
            rest = &more[1..];
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

#[test]
fn a_reply_is_no_key_and_the_next_key_works() {
    for reply in REPLIES {
        let bare = eight_bit(reply, false);
        let utf8 = eight_bit(reply, true);
        for form in [reply, &bare, &utf8] {
            assert_eq!(found(&[form], 0), [key('1')], "{:?}", reply.escape_ascii());
        }
    }
}

#[test]
fn a_reply_that_is_torn_at_any_byte_is_no_key() {
    for reply in REPLIES {
        for form in [
            reply.to_vec(),
            eight_bit(reply, false),
            eight_bit(reply, true),
        ] {
            for at in 1..form.len() {
                for apart in APART {
                    let (one, two) = form.split_at(at);
                    let what = format!("{} | {}", one.escape_ascii(), two.escape_ascii());
                    assert_eq!(found(&[one, two], apart), [key('1')], "{what} {apart} ms");
                }
            }
        }
    }
}

#[test]
fn a_reply_that_comes_byte_by_byte_is_no_key() {
    for reply in REPLIES {
        let pieces: Vec<&[u8]> = reply.chunks(1).collect();
        for apart in APART {
            assert_eq!(
                found(&pieces, apart),
                [key('1')],
                "{:?}",
                reply.escape_ascii()
            );
        }
    }
}

#[test]
fn a_reply_that_a_stalled_line_tears_apart_is_no_key() {
    for pieces in [
        &["\u{1b}[", "1", ";1R"][..],
        &["\u{1b}[?", "1", "c"],
        &["\u{1b}[0", "n"],
        &["\u{1b}[?997;", "1n"],
        &["\u{1b}[24;80", "R"],
        &["\u{1b}[?62", ";", "1", "c"],
        &["\u{1b}]11;rgb:1e1e/1", "e1e/2e2e\u{1b}\\"],
        &["\u{1b}]11;rgb:1e1e/1", "e1e/2e2e", "\u{7}"],
        &["\u{1b}P>|XTerm(", "370)\u{1b}", "\\"],
    ] {
        for apart in [300, 1200, 3000] {
            let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
            assert_eq!(found(&pieces, apart), [key('1')], "{pieces:?} {apart}");
        }
    }
    // An Esc that comes alone is a key, and what follows it is the rest of a reply.
    let torn: [&[u8]; 4] = [b"\x1b", b"[", b"?", b"62;1c"];
    let keys = found(&torn, 300);
    assert!(
        matches!(&keys[..], [Input::Key { key: first, .. }, last] if first.code == KeyCode::Esc && *last == key('1')),
        "{keys:?}"
    );
}

#[test]
fn a_reply_without_its_introducer_is_no_key() {
    for reply in REPLIES {
        // Without `ESC`, without `ESC` and its letter, and without the 8-bit introducer.
        for lost in [1, 2] {
            let rest = &reply[lost..];
            let utf8 = eight_bit(reply, true);
            // One letter is what a person types.
            if rest.len() < 2 || lost == 2 && matches!(rest, b"1t" | b"l\x1b\\") {
                continue;
            }
            assert_eq!(found(&[rest], 0), [key('1')], "{:?}", rest.escape_ascii());
            if lost == 2 {
                let rest = &utf8[2..];
                assert_eq!(found(&[rest], 0), [key('1')], "{:?}", rest.escape_ascii());
            }
        }
    }
}

#[test]
fn several_replies_in_one_piece_are_no_keys() {
    let all: Vec<u8> = REPLIES.concat();
    assert_eq!(found(&[&all], 0), [key('1')]);
    for cut in 1..all.len() {
        let (one, two) = all.split_at(cut);
        assert_eq!(found(&[one, two], 100), [key('1')], "{cut}");
    }
}

#[test]
fn replies_without_introducers_and_others_in_one_piece_are_no_keys() {
    let mut all = REPLIES[0].to_vec();
    for reply in REPLIES {
        let rest = &reply[1..];
        if rest != b"[1t" {
            all.extend_from_slice(rest);
        }
        all.extend_from_slice(&eight_bit(reply, true));
        all.extend_from_slice(reply);
        all.extend_from_slice(&eight_bit(reply, false));
    }
    assert_eq!(found(&[&all], 0), [key('1')]);
    // A reader that was held up reads what has come in pieces as large as its buffer.
    for cut in REPLIES[0].len()..all.len() {
        let (one, two) = all.split_at(cut);
        for apart in [0, 10] {
            let around = all[cut.saturating_sub(12)..(cut + 12).min(all.len())].escape_ascii();
            assert_eq!(found(&[one, two], apart), [key('1')], "{cut} {around}");
        }
    }
}

#[test]
fn keys_are_keys() {
    let pressed = |bytes: &[u8]| match found(&[bytes], 500).as_slice() {
        [Input::Key { key, alone }, _] => (key.code, key.modifiers, *alone),
        other => unreachable!("{bytes:?}: {other:?}"),
    };
    for (bytes, code, modifiers) in [
        (&b"\x1b"[..], KeyCode::Esc, KeyModifiers::NONE),
        (b"\r", KeyCode::Enter, KeyModifiers::NONE),
        (b"\x7f", KeyCode::Backspace, KeyModifiers::NONE),
        (b"\x03", KeyCode::Char('c'), KeyModifiers::CONTROL),
        (b"\x1bOP", KeyCode::F(1), KeyModifiers::NONE),
        (b"\x1b[[A", KeyCode::F(1), KeyModifiers::NONE),
        (b"\x1b[A", KeyCode::Up, KeyModifiers::NONE),
        (b"\x1b[5~", KeyCode::PageUp, KeyModifiers::NONE),
        (b"\x1b2", KeyCode::Char('2'), KeyModifiers::ALT),
        (b"?", KeyCode::Char('?'), KeyModifiers::NONE),
        ("ä".as_bytes(), KeyCode::Char('ä'), KeyModifiers::NONE),
        ("Ü".as_bytes(), KeyCode::Char('Ü'), KeyModifiers::SHIFT),
        ("語".as_bytes(), KeyCode::Char('語'), KeyModifiers::NONE),
    ] {
        assert_eq!(pressed(bytes), (code, modifiers, true), "{bytes:?}");
    }
}

#[test]
fn a_key_that_a_slow_line_tore_apart_is_that_key() {
    for (pieces, code) in [
        (&[&b"\x1b"[..], b"[A"][..], KeyCode::Up),
        (&[b"\x1b", b"[", b"5", b"~"], KeyCode::PageUp),
        (&[b"\x1b", b"OQ"], KeyCode::F(2)),
    ] {
        let all = found(pieces, 100);
        let code_of = |input: &Input| match input {
            Input::Key { key, .. } => Some(key.code),
            _ => None,
        };
        assert_eq!(all.first().and_then(code_of), Some(code), "{pieces:?}");
        assert_eq!(all.len(), 2, "{all:?}");
    }
}

#[test]
fn escape_and_a_key_after_it_are_two_keys() {
    for next in ["j", "P", "X", "O"] {
        let mut decoder = Decoder::new(false);
        let mut all = decoder.feed(b"\x1b", Duration::from_secs(1));
        all.extend(decoder.feed(next.as_bytes(), Duration::from_millis(1100)));
        all.extend(decoder.wait(Duration::from_millis(1350)));
        let codes: Vec<KeyCode> = all
            .iter()
            .filter_map(|input| match input {
                Input::Key { key, .. } => Some(key.code),
                _ => None,
            })
            .collect();
        let letter = next.chars().next().map(KeyCode::Char);
        assert_eq!(codes, [KeyCode::Esc, letter.unwrap()]);
    }
}

#[test]
fn keys_that_arrive_together_are_not_alone() {
    let all = found(&[b"1y"], 0);
    let alone: Vec<bool> = all
        .iter()
        .filter_map(|input| match input {
            Input::Key { alone, .. } => Some(*alone),
            _ => None,
        })
        .collect();
    assert_eq!(alone, [false, false, true]);
}

#[test]
fn what_never_ends_swallows_no_later_key() {
    for begun in [
        &b"\x1b]11;rgb:"[..],
        b"\x1bP1$r",
        b"\x1b[",
        b"\x1b[?2026",
        b"\x1b[M",
        b"\x1b[[",
        b"\x1b[200~q",
        b"?2026;",
        b"]11;rgb:1e",
        b"\xe8\xaa",
    ] {
        // An end that is lost costs one letter; after ten seconds it costs none.
        for pieces in [&[begun, b"x"][..], &[begun, b"x", b"2"]] {
            let all = found(pieces, 1001);
            assert_eq!(all.last(), Some(&key('1')), "{:?}", begun.escape_ascii());
        }
        let all = found(&[begun], 11_000);
        assert_eq!(all.last(), Some(&key('1')), "{:?}", begun.escape_ascii());
        // Leaving works at once.
        let leave = Input::Key {
            key: KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
            alone: true,
        };
        assert!(
            found(&[begun, b"\x03"], 100).contains(&leave),
            "{:?}",
            begun.escape_ascii()
        );
    }
}

#[test]
fn a_paste_is_one_input_however_it_comes() {
    let text = b"\x1b[200~q\r\nC3 \x1b[A \xc3\xa4\x1b[201~";
    for at in 1..text.len() {
        let (one, two) = text.split_at(at);
        let pasted = Input::Paste("q\nC3 \u{1b}[A ä".into());
        assert_eq!(found(&[one, two], 100), [pasted, key('1')], "{at}");
    }
}

#[test]
fn an_endless_paste_is_bounded() {
    let mut decoder = Decoder::new(false);
    let mut now = Duration::ZERO;
    let _ = decoder.feed(b"\x1b[200~", now);
    for _ in 0..600 {
        now += Duration::from_millis(1);
        assert_eq!(decoder.feed(&[b'x'; 4096], now), []);
    }
    match decoder.feed(b"\x1b[201~", now).as_slice() {
        [Input::Paste(text)] => assert!(text.len() <= LONGEST_PASTE + 8, "{}", text.len()),
        other => unreachable!("{other:?}"),
    }
}

/// Whole replies and arbitrary bytes, in any order and cut anywhere.
fn pieces() -> impl proptest::strategy::Strategy<Value = Vec<(Vec<u8>, u64)>> {
    let piece = proptest::strategy::Union::new([
        prop::sample::select(REPLIES.to_vec())
            .prop_map(<[u8]>::to_vec)
            .boxed(),
        prop::collection::vec(any::<u8>(), 0..24).boxed(),
        prop::collection::vec(
            prop::sample::select(b"\x1b[]P_^XO;:?<>=$0123ru~Rc\\\x07\x9b\x9d\x9c\xc2".to_vec()),
            0..24,
        )
        .boxed(),
    ]);
    prop::collection::vec((piece, 0_u64..400), 0..8)
}

/// How many random inputs are tried; `STANDDOWN_DECODER_CASES` sets it.
fn cases() -> u32 {
    let given = std::env::var("STANDDOWN_DECODER_CASES").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(20_000)
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    /// Whatever came before, a second of silence later the second key works at the latest, and ten seconds
    /// later the first one.
    #[test]
    fn nothing_that_a_terminal_sends_takes_the_keyboard_away(pieces in pieces()) {
        let mut decoder = Decoder::new(true);
        let mut now = Duration::ZERO;
        for (piece, wait) in &pieces {
            let _ = decoder.feed(piece, now);
            now += Duration::from_millis(*wait);
            let _ = decoder.wait(now);
        }
        let mut later = decoder.clone();
        now += SILENT;
        let _ = decoder.wait(now);
        let _ = decoder.feed(b"j", now);
        now += SILENT;
        let _ = decoder.wait(now);
        let last = decoder.feed(b"j", now);
        proptest::prop_assert_eq!(last, [key('j')]);
        now += STALLED;
        let _ = later.wait(now);
        proptest::prop_assert_eq!(later.feed(b"j", now), [key('j')]);
    }

    /// Whole replies, however they are cut, are no key.
    #[test]
    fn replies_cut_anywhere_are_no_keys(
        which in prop::collection::vec(prop::sample::select(REPLIES.to_vec()), 1..6),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..240), 0..8),
    ) {
        let all = which.concat();
        let mut at: Vec<(usize, u64)> = cuts.iter().map(|(cut, wait)| (cut.index(all.len()), *wait)).collect();
        at.sort_unstable();
        at.dedup_by_key(|(cut, _)| *cut);
        let mut decoder = Decoder::new(false);
        let mut now = Duration::from_secs(1);
        let mut from = 0;
        let mut found = Vec::new();
        for (to, wait) in at.into_iter().chain([(all.len(), 0)]) {
            if to > from {
                found.extend(decoder.feed(&all[from..to], now));
                from = to;
            }
            now += Duration::from_millis(wait);
            found.extend(decoder.wait(now));
        }
        proptest::prop_assert_eq!(found, []);
    }
}
