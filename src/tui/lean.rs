//! What is written to the terminal: only what changed, in as few bytes as it takes.
//!
//! A line over SSH can be slow; what a key causes should fit into one packet. The colours stay as
//! they are from one frame to the next, the cursor is moved by the shortest sequence, and a frame
//! in which nothing changed writes nothing.

use std::fmt::Write as _;
use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

/// What the terminal writes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen {
    fg: Color::Reset,
    bg: Color::Reset,
    modifier: Modifier::empty(),
};

/// A terminal that is written to.
pub(super) struct Lean<W: Write> {
    inner: CrosstermBackend<W>,
    size: Size,
    pen: Option<Pen>,
    at: Option<(u16, u16)>,
    cursor: Option<bool>,
    /// Whether a frame has begun and not ended.
    inside: bool,
    bytes: String,
}

impl<W: Write> Lean<W> {
    /// Writes to a terminal of a size, which is not asked for again: that would open the terminal's
    /// device with every frame.
    pub fn new(writer: W, size: Size) -> Self {
        Self {
            inner: CrosstermBackend::new(writer),
            size,
            pen: None,
            at: None,
            cursor: None,
            inside: false,
            bytes: String::new(),
        }
    }

    /// Begins the frame with the first thing that is written in it.
    fn begin(&mut self) {
        if !self.inside {
            self.inside = true;
            // What follows is shown at once: <https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036>.
            self.bytes.push_str("\x1b[?2026h");
        }
    }

    fn put(&mut self) -> io::Result<()> {
        self.inner.write_all(self.bytes.as_bytes())?;
        self.bytes.clear();
        Ok(())
    }

    fn go(&mut self, x: u16, y: u16) {
        match self.at {
            Some(at) if at == (x, y) => {}
            Some((from, row)) if row == y && x > from => match x - from {
                1 => self.bytes.push_str("\x1b[C"),
                many => drop(write!(self.bytes, "\x1b[{many}C")),
            },
            Some((_, row)) if x == 0 && row + 1 == y => self.bytes.push_str("\r\n"),
            _ if x == 0 => drop(write!(self.bytes, "\x1b[{}H", y + 1)),
            _ => drop(write!(self.bytes, "\x1b[{};{}H", y + 1, x + 1)),
        }
    }

    fn take(&mut self, wanted: Pen) {
        if self.pen == Some(wanted) {
            return;
        }
        let mut parts = String::new();
        let from = match self.pen {
            Some(pen) if wanted != PLAIN => pen,
            // Everything goes at once.
            _ => {
                parts.push('0');
                PLAIN
            }
        };
        let (gone, come) = (
            from.modifier - wanted.modifier,
            wanted.modifier - from.modifier,
        );
        for (modifier, off) in [
            (Modifier::BOLD, 22),
            (Modifier::UNDERLINED, 24),
            (Modifier::REVERSED, 27),
        ] {
            if gone.contains(modifier) {
                add(&mut parts, off);
            }
        }
        for (modifier, on) in [
            (Modifier::BOLD, 1),
            (Modifier::UNDERLINED, 4),
            (Modifier::REVERSED, 7),
        ] {
            if come.contains(modifier) {
                add(&mut parts, on);
            }
        }
        if wanted.fg != from.fg {
            sgr_color(&mut parts, wanted.fg, 30);
        }
        if wanted.bg != from.bg {
            sgr_color(&mut parts, wanted.bg, 40);
        }
        let _ = write!(self.bytes, "\x1b[{parts}m");
        self.pen = Some(wanted);
    }
}

fn add(parts: &mut String, number: impl std::fmt::Display) {
    let gap = if parts.is_empty() { "" } else { ";" };
    let _ = write!(parts, "{gap}{number}");
}

/// Adds a colour's numbers to those of an SGR sequence; `base` is 30 for text and 40 for what is behind
/// it.
pub fn sgr_color(parts: &mut String, color: Color, base: u8) {
    let named = |place: u8| base + place;
    let bright = |place: u8| base + 60 + place;
    let code = match color {
        Color::Reset => named(9),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index) => return add(parts, format_args!("{};5;{index}", named(8))),
        Color::Rgb(r, g, b) => {
            return add(parts, format_args!("{};2;{r};{g};{b}", named(8)));
        }
    };
    add(parts, code);
}

impl<W: Write> Backend for Lean<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            self.begin();
            self.go(x, y);
            self.take(Pen {
                fg: cell.fg,
                bg: cell.bg,
                modifier: cell.modifier,
            });
            self.bytes.push_str(cell.symbol());
            // After the last column, and after signs that are wide or of several letters, every
            // terminal has its own idea of where it is.
            let narrow = cell.symbol().chars().count() == 1
                && unicode_width::UnicodeWidthStr::width(cell.symbol()) == 1;
            self.at = (narrow && x + 1 < self.size.width).then_some((x + 1, y));
        }
        self.put()
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor != Some(false) {
            self.begin();
            self.bytes.push_str("\x1b[?25l");
            self.cursor = Some(false);
        }
        self.put()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor != Some(true) {
            self.begin();
            self.bytes.push_str("\x1b[?25h");
            self.cursor = Some(true);
        }
        self.put()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Never asked for: the answer would come between the keys.
        Ok(self.at.unwrap_or_default().into())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        if self.at != Some((x, y)) {
            self.begin();
            self.go(x, y);
            self.at = Some((x, y));
        }
        self.put()
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.begin();
        // Terminals clear in the colour that they write on.
        self.take(PLAIN);
        self.put()?;
        self.at = None;
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.inside) {
            self.bytes.push_str("\x1b[?2026l");
        }
        self.put()?;
        Write::flush(&mut self.inner)
    }
}

impl<W: Write> Write for Lean<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.inner)
    }
}

impl<W: Write> Lean<W> {
    /// Takes note of another size; terminals move the cursor as they like.
    pub fn resize(&mut self, size: Size) {
        if self.size != size {
            self.size = size;
            self.at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    const WIDTH: u16 = 20;
    const HEIGHT: u16 = 6;

    /// Draws screens one after the other, and returns what a terminal made of them.
    fn shown(screens: &[Buffer]) -> vt100::Parser {
        let mut parser = vt100::Parser::default();
        parser.screen_mut().set_size(
            std::num::NonZeroU16::new(HEIGHT).unwrap(),
            std::num::NonZeroU16::new(WIDTH).unwrap(),
        );
        let mut bytes = Vec::new();
        let mut lean = Lean::new(&mut bytes, Size::new(WIDTH, HEIGHT));
        let mut before = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
        for screen in screens {
            lean.draw(before.diff(screen).into_iter()).unwrap();
            Backend::flush(&mut lean).unwrap();
            before = screen.clone();
        }
        drop(lean);
        parser.process(&bytes);
        parser
    }

    #[derive(Debug, Clone)]
    struct Text(u16, u16, String, usize);

    fn texts() -> impl Strategy<Value = Vec<Text>> {
        let one = (0..WIDTH, 0..HEIGHT, "[a-z ─●]{1,12}", 0..6_usize);
        proptest::collection::vec(
            one.prop_map(|(x, y, text, style)| Text(x, y, text, style)),
            0..12,
        )
    }

    fn style(at: usize) -> Style {
        let styles = [
            Style::new(),
            Style::new().fg(Color::Rgb(1, 2, 3)),
            Style::new().fg(Color::LightRed).bg(Color::Indexed(30)),
            Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Style::new()
                .add_modifier(Modifier::REVERSED)
                .fg(Color::Green),
            Style::new().bg(Color::DarkGray),
        ];
        styles[at]
    }

    fn screen(texts: &[Text]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
        for Text(x, y, text, at) in texts {
            let room = usize::from(WIDTH - x);
            buffer.set_stringn(*x, *y, text, room, style(*at));
        }
        buffer
    }

    proptest! {
        #[test]
        fn a_terminal_shows_what_was_drawn_whatever_was_there_before(
            all in proptest::collection::vec(texts(), 1..5)
        ) {
            let screens: Vec<Buffer> = all.iter().map(|texts| screen(texts)).collect();
            let parser = shown(&screens);
            let wanted = screens.last().unwrap();
            for y in 0..HEIGHT {
                for x in 0..WIDTH {
                    let cell = parser.screen().cell(y, x).unwrap();
                    let own = &wanted[(x, y)];
                    if cell.is_wide_continuation() {
                        continue;
                    }
                    let text = if cell.has_contents() { cell.contents() } else { " " };
                    prop_assert_eq!(text, own.symbol(), "at {},{}", x, y);
                    prop_assert_eq!(cell.bold(), own.modifier.contains(Modifier::BOLD));
                    prop_assert_eq!(cell.underline(), own.modifier.contains(Modifier::UNDERLINED));
                    prop_assert_eq!(cell.inverse(), own.modifier.contains(Modifier::REVERSED));
                    let color = |color: vt100::Color| match color {
                        vt100::Color::Default => Color::Reset,
                        vt100::Color::Idx(1) => Color::Red,
                        vt100::Color::Idx(2) => Color::Green,
                        vt100::Color::Idx(8) => Color::DarkGray,
                        vt100::Color::Idx(9) => Color::LightRed,
                        vt100::Color::Idx(index) => Color::Indexed(index),
                        vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
                    };
                    prop_assert_eq!(color(cell.fgcolor()), own.fg);
                    prop_assert_eq!(color(cell.bgcolor()), own.bg);
                }
            }
        }
    }

    #[test]
    fn wide_signs_take_two_columns() {
        let texts = [
            Text(0, 0, "日本a".into(), 1),
            Text(17, 1, "a日".into(), 2),
            Text(0, 2, "b".into(), 0),
        ];
        let parser = shown(&[screen(&texts)]);
        let rows: Vec<String> = parser.screen().rows(0, WIDTH).collect();
        assert_eq!(rows[0].trim_end(), "日本a");
        assert_eq!(rows[1].trim_start(), "a日");
        assert_eq!(rows[2].trim_end(), "b");
    }

    #[test]
    fn a_frame_in_which_nothing_changed_writes_nothing() {
        let frames = |count: usize| {
            let mut bytes = Vec::new();
            let mut lean = Lean::new(&mut bytes, Size::new(WIDTH, HEIGHT));
            for _ in 0..count {
                lean.draw(std::iter::empty()).unwrap();
                lean.hide_cursor().unwrap();
                Backend::flush(&mut lean).unwrap();
            }
            drop(lean);
            bytes
        };
        assert_eq!(frames(1), frames(5));
    }
}
