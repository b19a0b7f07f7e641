//! What the terminal can show: colours, and signs beyond ASCII.

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None, by `NO_COLOR` or `TERM`.
    None,
    /// Sixteen.
    Sixteen,
    /// 256.
    Indexed,
    /// 24 bits.
    True,
}

/// What somebody asked for instead of what is detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// What the terminal says that it can.
    #[default]
    Auto,
    /// Colours, wherever the output goes.
    Always,
    /// Exactly so many.
    Forced(Depth),
}

impl ColorChoice {
    /// The words for it, on the command line and in the configuration.
    pub const ALL: [(&'static str, Self); 6] = [
        ("auto", Self::Auto),
        ("always", Self::Always),
        ("never", Self::Forced(Depth::None)),
        ("16", Self::Forced(Depth::Sixteen)),
        ("256", Self::Forced(Depth::Indexed)),
        ("truecolor", Self::Forced(Depth::True)),
    ];

    /// Finds the choice of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        found.map(|(_, choice)| *choice)
    }

    /// How many colours follow from it, where the output goes to a terminal or not.
    #[must_use]
    pub fn depth(self, terminal: bool) -> Depth {
        match self {
            Self::Forced(depth) => depth,
            Self::Always => match Depth::of_terminal(&environment) {
                Depth::None => Depth::Sixteen,
                depth => depth,
            },
            Self::Auto if !terminal || environment("NO_COLOR").is_some() => Depth::None,
            Self::Auto => Depth::of_terminal(&environment),
        }
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Depth {
    /// What the terminal's description says, as <https://no-color.org> and terminals have it.
    fn of_terminal(set: &dyn Fn(&str) -> Option<String>) -> Self {
        let term = set("TERM").unwrap_or_default();
        let direct = set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
        match term.as_str() {
            "" | "dumb" => Self::None,
            // Their consoles have no more, whatever was inherited from elsewhere.
            "linux" | "ansi" | "cons25" | "screen" | "xterm" | "vt220" if !direct => Self::Sixteen,
            "linux" | "ansi" | "cons25" => Self::Sixteen,
            "vt100" | "vt102" => Self::None,
            _ if direct || term.ends_with("-direct") => Self::True,
            _ if term.contains("256") => Self::Indexed,
            _ => Self::Sixteen,
        }
    }
}

fn locale(set: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set)
}

/// Which signs the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// Unicode.
    #[default]
    Unicode,
    /// ASCII alone.
    Ascii,
}

impl Glyphs {
    /// Asks the locale, as POSIX has it: `LC_ALL` before `LC_CTYPE` before `LANG`.
    #[must_use]
    pub fn detect() -> Self {
        Self::of_locale(&environment)
    }

    /// The locale that decides it, where one is set.
    #[must_use]
    pub fn locale() -> Option<String> {
        locale(&environment)
    }

    fn of_locale(set: &dyn Fn(&str) -> Option<String>) -> Self {
        let locale = locale(set).unwrap_or_default().to_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(all: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| {
            let found = all.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn terminals_say_how_many_colours_they_show() {
        for (term, color, wanted) in [
            ("xterm-256color", "", Depth::Indexed),
            ("xterm-256color", "truecolor", Depth::True),
            ("tmux-256color", "", Depth::Indexed),
            ("xterm", "", Depth::Sixteen),
            ("linux", "truecolor", Depth::Sixteen),
            ("xterm-direct", "", Depth::True),
            ("vt100", "", Depth::None),
            ("dumb", "truecolor", Depth::None),
        ] {
            let set = [("TERM", term), ("COLORTERM", color)];
            assert_eq!(Depth::of_terminal(&with(&set)), wanted, "{term} {color}");
        }
    }

    #[test]
    fn the_locale_says_which_signs_there_are() {
        for (set, wanted) in [
            (&[("LANG", "en_US.UTF-8")][..], Glyphs::Unicode),
            (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], Glyphs::Ascii),
            (&[("LC_CTYPE", "C.utf8"), ("LANG", "C")], Glyphs::Unicode),
            (&[("LANG", "de_DE.ISO-8859-1")], Glyphs::Ascii),
            (&[], Glyphs::Ascii),
        ] {
            assert_eq!(Glyphs::of_locale(&with(set)), wanted, "{set:?}");
        }
    }
}
