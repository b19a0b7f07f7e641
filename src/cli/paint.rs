//! Colours on the command line's output: by meaning, as on the screen.

use std::io::IsTerminal as _;

use ratatui::style::{Modifier, Style};

use crate::config::{Depth, Glyphs, Settings};
use crate::tui::{Role, Theme, sgr_color};

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
    let mut parts = String::new();
    for (modifier, code) in [
        (Modifier::BOLD, "1"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
    ] {
        if style.add_modifier.contains(modifier) {
            parts += if parts.is_empty() { "" } else { ";" };
            parts += code;
        }
    }
    for (color, base) in [(style.fg, 30), (style.bg, 40)] {
        if let Some(color) = color {
            sgr_color(&mut parts, color, base);
        }
    }
    if depth == Depth::None || parts.is_empty() {
        return String::new();
    }
    format!("\x1b[{parts}m")
}

/// The sequence that ends it.
pub(super) fn end(depth: Depth) -> &'static str {
    if depth == Depth::None { "" } else { "\x1b[0m" }
}
