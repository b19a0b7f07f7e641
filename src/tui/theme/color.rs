//! Colours: how they are written, what a terminal makes of them, and how well they are told apart.

use ratatui::style::Color;

use crate::config::Depth;

/// Red, green and blue, from 0 to 255.
pub type Rgb = (u8, u8, u8);

/// The sixteen colours by their names, as xterm shows them unless told otherwise.
const NAMED: [(&str, Color, Rgb); 16] = [
    ("black", Color::Black, (0, 0, 0)),
    ("red", Color::Red, (205, 0, 0)),
    ("green", Color::Green, (0, 205, 0)),
    ("yellow", Color::Yellow, (205, 205, 0)),
    ("blue", Color::Blue, (0, 0, 238)),
    ("magenta", Color::Magenta, (205, 0, 205)),
    ("cyan", Color::Cyan, (0, 205, 205)),
    ("white", Color::Gray, (229, 229, 229)),
    ("bright-black", Color::DarkGray, (127, 127, 127)),
    ("bright-red", Color::LightRed, (255, 0, 0)),
    ("bright-green", Color::LightGreen, (0, 255, 0)),
    ("bright-yellow", Color::LightYellow, (255, 255, 0)),
    ("bright-blue", Color::LightBlue, (92, 92, 255)),
    ("bright-magenta", Color::LightMagenta, (255, 0, 255)),
    ("bright-cyan", Color::LightCyan, (0, 255, 255)),
    ("bright-white", Color::White, (255, 255, 255)),
];

/// The least contrast of text: level AA of the Web Content Accessibility Guidelines 2.2, 1.4.3.
pub const LEAST_CONTRAST: f64 = 4.5;

/// A colour as a theme names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// 24 bits.
    Exact(Rgb),
    /// One of the sixteen, by its place.
    Named(usize),
}

impl Ink {
    /// Reads `#ff8a65` or `bright-red`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if let Some(place) = NAMED.iter().position(|(name, _, _)| *name == text) {
            return Some(Self::Named(place));
        }
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Self::Exact((part(0)?, part(2)?, part(4)?)))
    }

    /// What it looks like.
    #[must_use]
    pub fn rgb(self) -> Rgb {
        match self {
            Self::Exact(rgb) => rgb,
            Self::Named(place) => NAMED[place].2,
        }
    }

    /// What a terminal shows instead, and what that looks like. On a ground, the nearest that can
    /// be read there is taken.
    #[must_use]
    pub fn shown(self, depth: Depth, on: Option<Rgb>) -> Option<(Color, Rgb)> {
        match (self, depth) {
            (_, Depth::None) => None,
            (Self::Named(place), _) => Some((NAMED[place].1, NAMED[place].2)),
            (Self::Exact(rgb), Depth::True) => Some((Color::Rgb(rgb.0, rgb.1, rgb.2), rgb)),
            (Self::Exact(rgb), Depth::Indexed) => {
                let all = (16..=255_u8).map(|index| (Color::Indexed(index), indexed(index)));
                nearest(all, rgb, on)
            }
            (Self::Exact(rgb), Depth::Sixteen) => {
                let all = NAMED.iter().map(|(_, color, rgb)| (*color, *rgb));
                nearest(all, rgb, on)
            }
        }
    }
}

/// A colour of the 6×6×6 cube, or of the 24 greys, of the 256-colour palette.
fn indexed(index: u8) -> Rgb {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    if index >= 232 {
        let level = 8 + (index - 232) * 10;
        return (level, level, level);
    }
    let place = usize::from(index - 16);
    (STEPS[place / 36], STEPS[place / 6 % 6], STEPS[place % 6])
}

fn nearest(
    all: impl Iterator<Item = (Color, Rgb)> + Clone,
    wanted: Rgb,
    on: Option<Rgb>,
) -> Option<(Color, Rgb)> {
    // What was harder to read than that before need not become easier.
    let least = on.map_or(0.0, |on| contrast(wanted, on).min(LEAST_CONTRAST));
    let legible = |(_, rgb): &(Color, Rgb)| on.is_none_or(|on| contrast(*rgb, on) >= least);
    let by_distance = |(_, rgb): &(Color, Rgb)| {
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        square(rgb.0, wanted.0) + square(rgb.1, wanted.1) + square(rgb.2, wanted.2)
    };
    let fitting = all.clone().filter(legible).min_by_key(by_distance);
    fitting.or_else(|| all.min_by_key(by_distance))
}

/// How well two colours are told apart, from 1 to 21: the contrast ratio of WCAG 2.2.
#[must_use]
pub fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The relative luminance of WCAG 2.2, from 0 to 1.
fn luminance((red, green, blue): Rgb) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_find_their_neighbours() {
        let shown = |rgb, depth, on| Ink::Exact(rgb).shown(depth, on).map(|(color, _)| color);
        assert_eq!(
            shown((255, 0, 0), Depth::Indexed, None),
            Some(Color::Indexed(196))
        );
        assert_eq!(
            shown((128, 128, 128), Depth::Indexed, None),
            Some(Color::Indexed(244))
        );
        assert_eq!(
            shown((250, 10, 10), Depth::Sixteen, None),
            Some(Color::LightRed)
        );
        assert_eq!(shown((250, 10, 10), Depth::None, None), None);
    }

    #[test]
    fn a_neighbour_that_cannot_be_read_is_passed_over() {
        // The nearest of the sixteen to this blue is blue, on which nobody reads black.
        let (color, rgb) = Ink::Exact((60, 60, 240))
            .shown(Depth::Sixteen, Some((0, 0, 0)))
            .unwrap();
        assert!(
            color != Color::Blue && contrast(rgb, (0, 0, 0)) >= 3.0,
            "{color:?}"
        );
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 1e-9);
        // #767676 on white is the well-known grey that just passes.
        assert!((contrast((0x76, 0x76, 0x76), (255, 255, 255)) - 4.54).abs() < 0.01);
    }
}
