//! Colours on the command line's output: by meaning, as on the screen.

use std::io::IsTerminal as _;

use ratatui::style::{Color, Modifier, Style};

use crate::config::{Depth, Glyphs, Settings};
use crate::tui::{Role, Theme};

/// Writes texts in the theme's colours, where the output shows any.
pub(super) struct Paint {
    theme: Theme,
    depth: Depth,
}

impl Paint {
    pub fn new(settings: &Settings) -> Self {
        let depth = settings.color.value.depth(std::io::stdout().is_terminal());
        // What is wrong with a theme is said where it is used for a screen.
        let theme = Theme::load(&settings.theme.value, depth, Glyphs::Unicode);
        Self {
            theme: theme.unwrap_or_else(|_| Theme::plain()),
            depth,
        }
    }

    /// A text in a role. The ground stays the terminal's.
    pub fn role(&self, role: Role, text: &str) -> String {
        let mut style = self.theme.style(role);
        if role == Role::Text {
            style.bg = None;
        }
        let begin = begin(style, self.depth);
        if begin.is_empty() {
            return text.to_owned();
        }
        format!("{begin}{text}{}", end(self.depth))
    }
}

/// The sequence that begins a style.
pub(super) fn begin(style: Style, depth: Depth) -> String {
    let color = |color: Color, bright: u8, named: u8, wide: u8| match color {
        Color::Rgb(r, g, b) => format!("{wide};2;{r};{g};{b}"),
        Color::Indexed(index) => format!("{wide};5;{index}"),
        other => {
            let place = [
                Color::Black,
                Color::Red,
                Color::Green,
                Color::Yellow,
                Color::Blue,
                Color::Magenta,
                Color::Cyan,
                Color::Gray,
                Color::DarkGray,
                Color::LightRed,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightBlue,
                Color::LightMagenta,
                Color::LightCyan,
                Color::White,
            ]
            .iter()
            .position(|known| *known == other)
            .and_then(|place| u8::try_from(place).ok())
            .unwrap_or(7);
            if place < 8 {
                format!("{}", named + place)
            } else {
                format!("{}", bright + place - 8)
            }
        }
    };
    let mut parts = Vec::new();
    for (modifier, code) in [
        (Modifier::BOLD, "1"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
    ] {
        if style.add_modifier.contains(modifier) {
            parts.push(code.to_owned());
        }
    }
    parts.extend(style.fg.map(|fg| color(fg, 90, 30, 38)));
    parts.extend(style.bg.map(|bg| color(bg, 100, 40, 48)));
    if depth == Depth::None || parts.is_empty() {
        return String::new();
    }
    format!("\x1b[{}m", parts.join(";"))
}

/// The sequence that ends it.
pub(super) fn end(depth: Depth) -> &'static str {
    if depth == Depth::None { "" } else { "\x1b[0m" }
}
