//! Colours by meaning. A theme says how each role looks; nothing else names a colour.

mod ascii;
mod color;
mod role;

use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::config::{Depth, Glyphs};
use crate::document::{Kind, Node, Problem, Problems, Reader, Source, SourceError, parse, render};
use crate::embedded;
pub use ascii::flat;
use color::Rgb;
pub use color::{Ink, LEAST_CONTRAST, contrast};
pub use role::{ROLES, Role};

/// How a role looks, as the theme says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// The colour of the text.
    pub fg: Option<Ink>,
    /// The colour behind it.
    pub bg: Option<Ink>,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it is underlined.
    pub underline: bool,
    /// Whether the terminal's two colours change places.
    pub reverse: bool,
}

/// A theme that was read without errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    looks: Vec<Look>,
    styles: Vec<Style>,
    glyphs: Glyphs,
}

/// A colour that a terminal shows, and what it looks like.
type Shown = Option<(Color, Rgb)>;

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// The file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is none of that name.
    #[error(
        "there is no theme {0:?}; there are {names}, or name a file such as ./my-theme.toml",
        names = Theme::names().join(", ")
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
    /// The names of the themes that are part of the binary.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        embedded::THEMES.iter().map(|(name, _)| *name).collect()
    }

    /// Finds a theme's text by name, or reads a file.
    ///
    /// # Errors
    /// When there is none of that name, or the file cannot be read.
    pub fn source(name: &str) -> Result<Source, ThemeError> {
        let embedded = embedded::THEMES.iter().find(|(known, _)| *known == name);
        match embedded {
            Some((known, text)) => Ok(Source::new(format!("embedded:{known}.toml"), *text)),
            None if name.contains(['/', '.']) => Ok(Source::read_kept(Path::new(name))?),
            None => Err(ThemeError::Unknown(name.to_owned())),
        }
    }

    /// Loads a theme by name, or from a file.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be used.
    pub fn load(name: &str, depth: Depth, glyphs: Glyphs) -> Result<Self, ThemeError> {
        let source = Self::source(name)?;
        let (theme, problems) = Self::compile(&source);
        if problems.iter().any(Problem::is_error) {
            return Err(ThemeError::Problems {
                name: source.name.to_string(),
                report: render(&source, &problems, false),
            });
        }
        Ok(theme.shown(depth, glyphs))
    }

    /// Reads a theme, with everything that is wrong with it: what cannot be used is an error, what
    /// is hard to read a warning.
    #[must_use]
    pub fn compile(source: &Source) -> (Self, Vec<Problem>) {
        let (root, syntax) = parse(&source.text);
        let problems = Problems::default();
        problems.syntax(syntax);
        let reader = Reader::new(&root, "the theme", &problems);
        reader.required("format");
        reader.integer("format", 1..=1);
        let name = reader.required_string("name");
        reader.required("roles");
        let mut looks = vec![Look::default(); ROLES.len()];
        let mut nodes: Vec<Option<&Node>> = vec![None; ROLES.len()];
        if let Some(table) = reader.table("roles") {
            for (index, (_, name)) in ROLES.iter().enumerate() {
                if let Some(node) = table.required(name) {
                    looks[index] = look(node, name, &problems);
                    nodes[index] = Some(node);
                }
            }
            table.finish();
        }
        reader.finish();
        let theme = Self {
            name: name.map_or_else(String::new, |name| name.value),
            looks,
            styles: Vec::new(),
            glyphs: Glyphs::Unicode,
        };
        for (role, found) in theme.contrasts() {
            if let Some(node) = nodes[role as usize].filter(|_| found < LEAST_CONTRAST) {
                problems.push(
                    Problem::warning(format!(
                        "`{}` is hard to read: its contrast is {found:.1}:1",
                        ROLES[role as usize].1
                    ))
                    .at(node.span.clone())
                    .help("text needs 4.5:1 (WCAG 2.2, 1.4.3)"),
                );
            }
        }
        (theme, problems.into_sorted())
    }

    /// The theme as a terminal shows it.
    #[must_use]
    pub fn shown(mut self, depth: Depth, glyphs: Glyphs) -> Self {
        let styles = self.looks.iter().enumerate().map(|(index, look)| {
            let (fg, bg) = self.inks(*look, depth);
            let mut style = Style::new();
            style.fg = fg.map(|(color, _)| color);
            style.bg = bg.filter(|_| look.bg.is_some()).map(|(color, _)| color);
            // Where there are no colours, what had a background of its own still stands out.
            let lost = depth == Depth::None && look.bg.is_some() && index != Role::Text as usize;
            for (wanted, modifier) in [
                (look.bold, Modifier::BOLD),
                (look.underline, Modifier::UNDERLINED),
                (look.reverse || lost, Modifier::REVERSED),
            ] {
                if wanted {
                    style = style.add_modifier(modifier);
                }
            }
            style
        });
        self.styles = styles.collect();
        self.glyphs = glyphs;
        self
    }

    /// What a terminal shows in the place of a role's colours, and what that looks like; the
    /// ground is the whole screen's where the role has none of its own.
    fn inks(&self, look: Look, depth: Depth) -> (Shown, Shown) {
        let whole = self.looks[Role::Text as usize];
        let fg = look.fg.or(whole.fg);
        // A ground on which its text cannot be read is no substitute.
        let ground = |own: Look| {
            let text = own.fg.or(whole.fg).map(Ink::rgb);
            own.bg.and_then(|bg| bg.shown(depth, text))
        };
        let bg = ground(look).or_else(|| ground(whole));
        let on = bg.map(|(_, rgb)| rgb);
        (fg.and_then(|fg| fg.shown(depth, on)), bg)
    }

    /// How well each role is told from what is behind it, where the theme says both.
    #[must_use]
    pub fn contrasts(&self) -> Vec<(Role, f64)> {
        let ground = self.looks[Role::Text as usize];
        let each = ROLES.iter().filter_map(|(role, _)| {
            let look = self.looks[*role as usize];
            let (fg, bg) = (look.fg.or(ground.fg)?, look.bg.or(ground.bg)?);
            Some((*role, contrast(fg.rgb(), bg.rgb())))
        });
        each.collect()
    }

    /// How a role looks, as the theme says.
    #[must_use]
    pub fn look(&self, role: Role) -> Look {
        self.looks.get(role as usize).copied().unwrap_or_default()
    }

    /// A theme in which every role looks the same, for measuring.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            name: String::new(),
            looks: Vec::new(),
            styles: Vec::new(),
            glyphs: Glyphs::Unicode,
        }
    }

    /// How a role looks on this terminal.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The same, with signs of ASCII alone.
    #[must_use]
    pub fn in_ascii(self) -> Self {
        Self {
            glyphs: Glyphs::Ascii,
            ..self
        }
    }

    /// Puts signs that the terminal knows in the place of those that it does not.
    pub fn finish(&self, buffer: &mut Buffer) {
        if self.glyphs == Glyphs::Ascii {
            ascii::flatten(buffer);
        }
    }
}

fn look(node: &Node, role: &str, problems: &Problems) -> Look {
    let reader = Reader::new(node, format!("role `{role}`"), problems);
    let ink = |key: &'static str| reader.node(key).and_then(|node| ink(node, problems));
    let is = |key: &'static str| reader.boolean(key) == Some(true);
    let look = Look {
        fg: ink("fg"),
        bg: ink("bg"),
        bold: is("bold"),
        underline: is("underline"),
        reverse: is("reverse"),
    };
    reader.finish();
    look
}

fn ink(node: &Node, problems: &Problems) -> Option<Ink> {
    let read = match &node.kind {
        Kind::String(text) => Ink::read(text),
        _ => None,
    };
    if read.is_none() {
        problems.push(
            Problem::error("this is not a colour")
                .at(node.span.clone())
                .help("write it like \"#ff8a65\", or name one of the sixteen, like \"bright-red\""),
        );
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(name: &str) -> Theme {
        let (theme, problems) = Theme::compile(&Theme::source(name).unwrap());
        assert!(problems.is_empty(), "{name}: {problems:?}");
        theme
    }

    #[test]
    fn every_theme_can_be_read() {
        assert!(Theme::names().len() >= 6);
        for name in Theme::names() {
            let theme = compiled(name);
            assert_eq!(theme.name, name);
            let least = if name == "high-contrast" {
                7.0
            } else {
                LEAST_CONTRAST
            };
            let contrasts = theme.contrasts();
            // The theme without colours leaves both to the terminal.
            assert_eq!(
                contrasts.len(),
                if name == "none" { 0 } else { ROLES.len() },
                "{name}"
            );
            for (role, found) in contrasts {
                assert!(found >= least, "{name}: {role:?} has {found:.2}");
            }
        }
    }

    #[test]
    fn every_theme_can_be_read_where_there_are_fewer_colours() {
        for name in Theme::names() {
            for depth in [Depth::Indexed, Depth::Sixteen] {
                let theme = compiled(name);
                for (role, word) in ROLES {
                    let (Some((_, fg)), Some((_, bg))) = theme.inks(theme.look(*role), depth)
                    else {
                        continue;
                    };
                    let found = contrast(fg, bg);
                    assert!(
                        found >= LEAST_CONTRAST,
                        "{name} {depth:?} {word}: {found:.2}"
                    );
                }
            }
        }
    }

    #[test]
    fn colour_blind_eyes_tell_its_states_apart() {
        // Protanopia, deuteranopia and tritanopia, by the matrices of Machado, Oliveira and
        // Fernandes (2009) at full severity, on linear light.
        const EYES: [[f64; 9]; 3] = [
            [
                0.152_286, 1.052_583, -0.204_868, 0.114_503, 0.786_281, 0.099_216, -0.003_882,
                -0.048_116, 1.051_998,
            ],
            [
                0.367_322, 0.860_646, -0.227_968, 0.280_085, 0.672_501, 0.047_413, -0.011_820,
                0.042_940, 0.968_881,
            ],
            [
                1.255_528, -0.076_749, -0.178_779, -0.078_411, 0.930_809, 0.147_602, 0.004_733,
                0.691_367, 0.303_900,
            ],
        ];
        let theme = compiled("colour-blind");
        let linear = |part: u8| (f64::from(part) / 255.0).powf(2.2);
        let seen = |eye: &[f64; 9], role: Role| {
            let (r, g, b) = theme.look(role).fg.unwrap().rgb();
            let (r, g, b) = (linear(r), linear(g), linear(b));
            [0, 3, 6].map(|at| {
                let light = eye[at] * r + eye[at + 1] * g + eye[at + 2] * b;
                light.clamp(0.0, 1.0).powf(1.0 / 2.2)
            })
        };
        for eye in &EYES {
            for (one, other) in [
                (Role::Alarm, Role::Ok),
                (Role::Alarm, Role::NoData),
                (Role::Ok, Role::NoData),
                (Role::Failed, Role::Ready),
                (Role::High, Role::Low),
            ] {
                let (a, b) = (seen(eye, one), seen(eye, other));
                let far: f64 = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| (a - b).powi(2))
                    .sum::<f64>()
                    .sqrt();
                assert!(far > 0.2, "{one:?} and {other:?}: {far:.2}");
            }
        }
    }

    #[test]
    fn a_broken_theme_says_where() {
        let source = Source::new(
            "x.toml",
            "format = 1\nname = \"x\"\n[roles]\ntext = { fg = \"blu\" }\ntxt = {}\ndim = { fg = \"#333333\", bg = \"#444444\" }\n",
        );
        let (_, problems) = Theme::compile(&source);
        let report = render(&source, &problems, false);
        for wanted in [
            "x.toml:4",
            "this is not a colour",
            "has no key `txt`",
            "x.toml:6",
            "`dim` is hard to read",
        ] {
            assert!(report.contains(wanted), "{wanted}: {report}");
        }
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        let theme = compiled("dark").shown(Depth::None, Glyphs::Unicode);
        let coloured = |style: &Style| style.fg.is_some() || style.bg.is_some();
        assert!(!theme.styles.iter().any(coloured));
        let selection = theme.style(Role::Selection);
        assert!(selection.add_modifier.contains(Modifier::REVERSED));
        assert!(
            !theme
                .style(Role::Text)
                .add_modifier
                .contains(Modifier::REVERSED)
        );
    }
}
