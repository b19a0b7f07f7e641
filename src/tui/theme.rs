//! Colours by meaning. A theme says how each role looks; nothing else names a colour.

use std::path::Path;

use ratatui::style::{Color, Modifier, Style};

use crate::document::{Kind, Node, Problem, Problems, Reader, Source, SourceError, parse, render};
use crate::embedded;

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal),* $(,)?) => {
        /// What a piece of the screen means.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role {
            $($(#[$doc])* $role),*
        }

        const ROLES: &[(Role, &str)] = &[$((Role::$role, $name)),*];
    };
}

roles! {
    /// Ordinary text.
    Text = "text",
    /// What matters less.
    Dim = "dim",
    /// Titles.
    Heading = "heading",
    /// Lines between panes.
    Border = "border",
    /// The selected row.
    Selection = "selection",
    /// Keys to press.
    Key = "key",
    /// The question.
    Prompt = "prompt",
    /// The recommended answer.
    Recommended = "recommended",
    /// An alarm in ALARM.
    Alarm = "alarm",
    /// An alarm that is OK, a step that went well.
    Ok = "ok",
    /// An alarm without data.
    NoData = "no_data",
    /// Severity critical.
    Critical = "critical",
    /// Severity high.
    High = "high",
    /// Severity medium.
    Medium = "medium",
    /// Severity low.
    Low = "low",
    /// Something that runs.
    Running = "running",
    /// A result that is ready ahead.
    Ready = "ready",
    /// Something that failed.
    Failed = "failed",
    /// The badge of a rehearsal.
    Rehearsal = "rehearsal",
    /// The badge of a real account.
    Live = "live",
    /// Data that is not live.
    Late = "late",
    /// An error message.
    Error = "error",
    /// Charts.
    Chart = "chart",
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None, by `NO_COLOR` or `TERM`.
    None,
    /// 256.
    Indexed,
    /// 24 bits.
    True,
}

impl Depth {
    /// Asks the environment, as <https://no-color.org> and terminals have it.
    #[must_use]
    pub fn detect() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        if set("NO_COLOR").is_some() || term == "dumb" {
            Self::None
        } else if set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") {
            Self::True
        } else {
            Self::Indexed
        }
    }
}

/// A theme that was read without errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    styles: Vec<Style>,
}

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// The file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is none of that name.
    #[error(
        "there is no theme {0:?}; there are dark and light, or name a file such as ./my-theme.toml"
    )]
    Unknown(String),
    /// The file is wrong.
    #[error("failed to use the theme {name}:\n\n{report}")]
    Problems {
        /// The file.
        name: String,
        /// Everything that is wrong, with places.
        report: String,
    },
}

impl Theme {
    /// Loads a theme by name, or from a file.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be used.
    pub fn load(name: &str, depth: Depth) -> Result<Self, ThemeError> {
        let embedded = embedded::THEMES.iter().find(|(known, _)| *known == name);
        let source = match embedded {
            Some((known, text)) => Source::new(format!("embedded:{known}.toml"), *text),
            None if name.contains(['/', '.']) => Source::read(Path::new(name))?,
            None => return Err(ThemeError::Unknown(name.to_owned())),
        };
        let (theme, problems) = Self::compile(&source, depth);
        if problems.is_empty() {
            return Ok(theme);
        }
        Err(ThemeError::Problems {
            name: source.name.to_string(),
            report: render(&source, &problems, false),
        })
    }

    fn compile(source: &Source, depth: Depth) -> (Self, Vec<Problem>) {
        let (root, syntax) = parse(&source.text);
        let problems = Problems::default();
        problems.syntax(syntax);
        let reader = Reader::new(&root, "the theme", &problems);
        reader.required("format");
        reader.integer("format", 1..=1);
        reader.required_string("name");
        reader.required("roles");
        let mut styles = vec![Style::new(); ROLES.len()];
        if let Some(table) = reader.table("roles") {
            for (index, (_, name)) in ROLES.iter().enumerate() {
                if let Some(node) = table.required(name) {
                    styles[index] = style(node, name, &problems, depth);
                }
            }
            table.finish();
        }
        reader.finish();
        (Self { styles }, problems.into_sorted())
    }

    /// A theme in which every role looks the same, for measuring.
    #[must_use]
    pub fn plain() -> Self {
        Self { styles: Vec::new() }
    }

    /// How a role looks.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}

fn style(node: &Node, role: &str, problems: &Problems, depth: Depth) -> Style {
    let reader = Reader::new(node, format!("role `{role}`"), problems);
    let mut style = Style::new();
    let color = |key: &'static str| {
        reader
            .node(key)
            .and_then(|node| color(node, problems, depth))
    };
    if let Some(fg) = color("fg") {
        style = style.fg(fg);
    }
    if let Some(bg) = color("bg") {
        style = style.bg(bg);
    }
    if reader.boolean("bold") == Some(true) {
        style = style.add_modifier(Modifier::BOLD);
    }
    if reader.boolean("underline") == Some(true) {
        style = style.add_modifier(Modifier::UNDERLINED);
    }
    // Where there are no colours, what had a background of its own still stands out.
    if depth == Depth::None && reader.node("bg").is_some() {
        style = style.add_modifier(Modifier::REVERSED);
    }
    reader.finish();
    style
}

fn color(node: &Node, problems: &Problems, depth: Depth) -> Option<Color> {
    let parsed = match &node.kind {
        Kind::String(text) => hex(text),
        _ => None,
    };
    let Some((red, green, blue)) = parsed else {
        problems.push(
            Problem::error("this is not a colour")
                .at(node.span.clone())
                .help("write it like \"#ff8a65\""),
        );
        return None;
    };
    match depth {
        Depth::None => None,
        Depth::True => Some(Color::Rgb(red, green, blue)),
        Depth::Indexed => Some(Color::Indexed(nearest(red, green, blue))),
    }
}

fn hex(text: &str) -> Option<(u8, u8, u8)> {
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some((part(0)?, part(2)?, part(4)?))
}

/// The nearest colour of the 6×6×6 cube and the 24 greys of the 256-colour palette.
fn nearest(red: u8, green: u8, blue: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let distance = |a: (u8, u8, u8)| {
        let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
        square(a.0, red) + square(a.1, green) + square(a.2, blue)
    };
    let step = |value: u8| {
        (0..6_u8)
            .min_by_key(|index| STEPS[usize::from(*index)].abs_diff(value))
            .unwrap_or(0)
    };
    let (r, g, b) = (step(red), step(green), step(blue));
    let cube = (
        STEPS[usize::from(r)],
        STEPS[usize::from(g)],
        STEPS[usize::from(b)],
    );
    let grey = (0..24_u8)
        .min_by_key(|index| distance((8 + index * 10, 8 + index * 10, 8 + index * 10)))
        .unwrap_or(0);
    let level = 8 + grey * 10;
    if distance((level, level, level)) < distance(cube) {
        232 + grey
    } else {
        16 + 36 * r + 6 * g + b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_theme_has_every_role() {
        for (name, _) in embedded::THEMES {
            assert!(Theme::load(name, Depth::True).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_broken_theme_says_where() {
        let source = Source::new(
            "x.toml",
            "format = 1\nname = \"x\"\n[roles]\ntext = { fg = \"blue\" }\ntxt = {}\n",
        );
        let (_, problems) = Theme::compile(&source, Depth::True);
        let report = render(&source, &problems, false);
        assert!(
            report.contains("x.toml:4") && report.contains("this is not a colour"),
            "{report}"
        );
        assert!(report.contains("has no key `txt`"), "{report}");
    }

    #[test]
    fn colours_find_their_neighbours() {
        assert_eq!(nearest(255, 0, 0), 196);
        assert_eq!(nearest(128, 128, 128), 244);
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        let theme = Theme::load("dark", Depth::None).unwrap();
        assert!(
            theme
                .styles
                .iter()
                .all(|style| style.fg.is_none() && style.bg.is_none())
        );
    }
}
