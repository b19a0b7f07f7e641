//! The keys of the commands: those of the table, and what the configuration gives instead.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{COMMANDS, CommandId, Entry, Place};

/// Which keys each row of the table has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Vec<Vec<String>>);

/// Why keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// No row has this name.
    #[error("there is no command `{name}`{hint}")]
    Unknown {
        /// The name.
        name: String,
        /// One that is meant, perhaps.
        hint: String,
    },
    /// This is no key.
    #[error(
        "`{key}` is no key; write it like \"x\", \"Ctrl-R\", \"Alt-2\", \"F5\", \"Enter\" or \"PgDn\""
    )]
    NoKey {
        /// The command.
        name: String,
        /// What was written.
        key: String,
    },
    /// Two commands would have the same key where both are valid.
    #[error("the key `{key}` would mean both `{one}` and `{other}`")]
    Conflict {
        /// The key.
        key: String,
        /// A command.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The key is needed for something that cannot be given away.
    #[error("the key `{key}` always means `{taken}`, so `{name}` cannot have it")]
    Fixed {
        /// The command.
        name: String,
        /// The key.
        key: String,
        /// What it means.
        taken: &'static str,
    },
}

impl KeyProblem {
    /// The name in the configuration at which it stands.
    #[must_use]
    pub fn at<'a>(&'a self, given: &'a BTreeMap<String, Vec<String>>) -> &'a str {
        match self {
            Self::Unknown { name, .. } | Self::NoKey { name, .. } | Self::Fixed { name, .. } => {
                name
            }
            Self::Conflict { one, other, .. } if given.contains_key(*one) => {
                if given.contains_key(*other) {
                    other
                } else {
                    one
                }
            }
            Self::Conflict { other, .. } => other,
        }
    }
}

/// Keys that mean the same whatever is open: a way out must not depend on a configuration.
const FIXED: [(&str, &str); 2] = [("Ctrl-C", "quit"), ("Ctrl-Z", "suspend")];

impl Default for Keys {
    fn default() -> Self {
        let own = |entry: &Entry| entry.keys.iter().map(ToString::to_string).collect();
        Self(COMMANDS.iter().map(own).collect())
    }
}

impl Keys {
    /// The keys of the table, and others for the commands that are named. A command without keys
    /// is found in the palette.
    ///
    /// # Errors
    /// What is wrong with them, all at once.
    pub fn with(given: &BTreeMap<String, Vec<String>>) -> Result<Self, Vec<KeyProblem>> {
        let mut keys = Self::default();
        let mut problems = Vec::new();
        for (name, wanted) in given {
            let Some(row) = COMMANDS.iter().position(|entry| entry.name == name) else {
                problems.push(unknown(name));
                continue;
            };
            let mut own = Vec::new();
            for key in wanted {
                let Some(spelled) = spelled(key) else {
                    problems.push(KeyProblem::NoKey {
                        name: name.clone(),
                        key: key.clone(),
                    });
                    continue;
                };
                let fixed = FIXED.iter().find(|(fixed, _)| *fixed == spelled);
                if let Some((_, taken)) = fixed.filter(|(_, taken)| taken != name) {
                    problems.push(KeyProblem::Fixed {
                        name: name.clone(),
                        key: spelled,
                        taken,
                    });
                    continue;
                }
                own.push(spelled);
            }
            keys.0[row] = own;
        }
        problems.extend(keys.conflicts());
        if problems.is_empty() {
            Ok(keys)
        } else {
            Err(problems)
        }
    }

    /// Pairs that share a key where both are valid, and do not share it in the table: what shares
    /// one there has an order of precedence that was thought about.
    fn conflicts(&self) -> Vec<KeyProblem> {
        let mut found = Vec::new();
        for (index, one) in COMMANDS.iter().enumerate() {
            for (later, other) in COMMANDS.iter().enumerate().skip(index + 1) {
                if one.id == other.id || !one.place.meets(other.place) {
                    continue;
                }
                let shared = self.0[index].iter().find(|key| {
                    let both =
                        one.keys.contains(&key.as_str()) && other.keys.contains(&key.as_str());
                    self.0[later].contains(key) && !both
                });
                found.extend(shared.map(|key| KeyProblem::Conflict {
                    key: key.clone(),
                    one: one.name,
                    other: other.name,
                }));
            }
        }
        found
    }

    /// The keys of a row.
    #[must_use]
    pub fn of(&self, entry: &Entry) -> &[String] {
        let row = COMMANDS.iter().position(|one| one.name == entry.name);
        row.map_or(&[], |row| &self.0[row])
    }

    /// All rows with their keys, in the table's order.
    pub fn rows(&self) -> impl Iterator<Item = (&'static Entry, &[String])> {
        COMMANDS.iter().zip(self.0.iter().map(Vec::as_slice))
    }

    /// The first key of a command in a place, as it is shown; `:` and its name where it has none.
    #[must_use]
    pub fn shown(&self, id: CommandId, place: Place) -> String {
        let row = self
            .rows()
            .find(|(entry, _)| entry.id == id && entry.place == place);
        match row {
            Some((_, [first, ..])) => first.clone(),
            Some((entry, [])) => format!(":{}", entry.name),
            None => String::new(),
        }
    }

    /// Finds the command that a key asks for in some places.
    #[must_use]
    pub fn find(&self, key: &KeyEvent, places: &[Place]) -> Option<&'static Entry> {
        let name = name(key)?;
        self.rows()
            .find(|(entry, keys)| places.contains(&entry.place) && keys.contains(&name))
            .map(|(entry, _)| entry)
    }

    /// The place of a key among a command's, as the digit of a branch is.
    #[must_use]
    pub fn place_of(&self, key: &KeyEvent, entry: &Entry) -> Option<usize> {
        let name = name(key)?;
        self.of(entry).iter().position(|known| *known == name)
    }
}

fn unknown(name: &str) -> KeyProblem {
    let near = COMMANDS
        .iter()
        .map(|entry| entry.name)
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = near
        .filter(|near| strsim::jaro_winkler(near, name) > 0.8)
        .map(|near| format!("; did you mean `{near}`?"));
    KeyProblem::Unknown {
        name: name.to_owned(),
        hint: hint.unwrap_or_default(),
    }
}

/// Keys with a name, as they are written and as they are shown.
const NAMED: [(&str, KeyCode, &str); 17] = [
    ("up", KeyCode::Up, "↑"),
    ("down", KeyCode::Down, "↓"),
    ("left", KeyCode::Left, "←"),
    ("right", KeyCode::Right, "→"),
    ("pgup", KeyCode::PageUp, "PgUp"),
    ("pageup", KeyCode::PageUp, "PgUp"),
    ("pgdn", KeyCode::PageDown, "PgDn"),
    ("pagedown", KeyCode::PageDown, "PgDn"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
    ("enter", KeyCode::Enter, "Enter"),
    ("tab", KeyCode::Tab, "Tab"),
    ("backtab", KeyCode::BackTab, "BackTab"),
    ("esc", KeyCode::Esc, "Esc"),
    ("delete", KeyCode::Delete, "Delete"),
    ("insert", KeyCode::Insert, "Insert"),
    ("backspace", KeyCode::Backspace, "Backspace"),
];

/// What a terminal sends the same bytes for: the one is the other.
const SENT_AS: [(&str, &str); 4] = [
    ("Ctrl-I", "Tab"),
    ("Ctrl-J", "Enter"),
    ("Ctrl-M", "Enter"),
    ("Ctrl-[", "Esc"),
];

/// Spells a key that somebody wrote as the table does.
fn spelled(written: &str) -> Option<String> {
    if written.eq_ignore_ascii_case("shift-tab") {
        return Some("BackTab".to_owned());
    }
    let (modifier, rest) = match written.split_once('-') {
        Some((word, rest)) if !rest.is_empty() => match word.to_lowercase().as_str() {
            "ctrl" | "c" => ("Ctrl-", rest),
            "alt" | "a" | "m" => ("Alt-", rest),
            _ => return None,
        },
        _ => ("", written),
    };
    let lower = rest.to_lowercase();
    let named = NAMED
        .iter()
        .find(|(name, _, shown)| *name == lower || *shown == rest)
        .map(|(_, _, shown)| (*shown).to_owned());
    let key = match (named, rest.chars().count()) {
        (Some(named), _) => named,
        (None, _) if lower == "space" || rest == " " => "Space".to_owned(),
        (None, 1) if rest.chars().all(|c| !c.is_control()) => match modifier {
            // A terminal tells no case apart there.
            "Ctrl-" => rest.to_uppercase(),
            _ => rest.to_owned(),
        },
        (None, 2 | 3) => {
            let number: u8 = lower.strip_prefix('f')?.parse().ok()?;
            format!(
                "F{}",
                Some(number).filter(|number| (1..=12).contains(number))?
            )
        }
        _ => return None,
    };
    let key = format!("{modifier}{key}");
    let sent = SENT_AS.iter().find(|(written, _)| *written == key);
    Some(sent.map_or(key, |(_, sent)| (*sent).to_owned()))
}

/// Spells a key as the table does.
#[must_use]
pub fn name(key: &KeyEvent) -> Option<String> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let modifier = if control {
        "Ctrl-"
    } else if key.modifiers.contains(KeyModifiers::ALT) {
        "Alt-"
    } else {
        ""
    };
    let key = match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c) if control => c.to_uppercase().to_string(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::F(number) => format!("F{number}"),
        code => NAMED
            .iter()
            .find(|(_, known, _)| *known == code)
            .map(|(_, _, shown)| (*shown).to_owned())?,
    };
    Some(format!("{modifier}{key}"))
}

/// The press of a key that is spelled as the table does.
#[must_use]
pub fn event_of(spelled: &str) -> Option<KeyEvent> {
    let (modifiers, rest) = match spelled.split_once('-') {
        Some(("Ctrl", rest)) => (KeyModifiers::CONTROL, rest),
        Some(("Alt", rest)) => (KeyModifiers::ALT, rest),
        _ => (KeyModifiers::NONE, spelled),
    };
    let named = NAMED.iter().find(|(_, _, shown)| *shown == rest);
    let code = match (named, rest.chars().next()?) {
        (Some((_, code, _)), _) => *code,
        (None, 'F') if rest.len() > 1 => KeyCode::F(rest[1..].parse().ok()?),
        (None, _) if rest == "Space" => KeyCode::Char(' '),
        (None, only) if rest.chars().count() == 1 => {
            let control = modifiers == KeyModifiers::CONTROL;
            KeyCode::Char(if control {
                only.to_ascii_lowercase()
            } else {
                only
            })
        }
        _ => return None,
    };
    Some(KeyEvent::new(code, modifiers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(all: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let each = all.iter().map(|(name, keys)| {
            let keys = keys.iter().map(ToString::to_string).collect();
            ((*name).to_owned(), keys)
        });
        each.collect()
    }

    #[test]
    fn the_table_has_no_conflicts_and_no_name_twice() {
        assert_eq!(Keys::default().conflicts(), []);
        for (index, one) in COMMANDS.iter().enumerate() {
            for other in &COMMANDS[index + 1..] {
                assert_ne!(one.name, other.name);
                let shared = one.keys.iter().any(|key| other.keys.contains(key));
                assert!(
                    !(shared && one.place == other.place),
                    "{one:?} and {other:?}"
                );
            }
            for key in one.keys {
                assert_eq!(spelled(key).as_deref(), Some(*key), "{}", one.name);
                let event = event_of(key).unwrap();
                assert_eq!(name(&event).as_deref(), Some(*key), "{}", one.name);
            }
        }
    }

    #[test]
    fn keys_can_be_given_to_other_commands() {
        let keys = Keys::with(&given(&[("note", &["Ctrl-n", "F5"]), ("quit", &[])])).unwrap();
        let pressed = |code, modifiers| {
            let key = KeyEvent::new(code, modifiers);
            keys.find(&key, &[Place::WithIncident, Place::Everywhere])
                .map(|entry| entry.name)
        };
        assert_eq!(
            pressed(KeyCode::Char('n'), KeyModifiers::CONTROL),
            Some("note")
        );
        assert_eq!(pressed(KeyCode::F(5), KeyModifiers::NONE), Some("note"));
        assert_eq!(pressed(KeyCode::Char('n'), KeyModifiers::NONE), None);
        assert_eq!(pressed(KeyCode::Char('q'), KeyModifiers::NONE), None);
        assert_eq!(keys.shown(CommandId::Quit, Place::Everywhere), ":quit");
    }

    #[test]
    fn what_cannot_be_is_refused_with_both_names() {
        let problems = Keys::with(&given(&[
            ("note", &["d"]),
            ("sort", &["Hyper-x"]),
            ("helpp", &["F2"]),
            ("help", &["ctrl-c"]),
            ("back", &["ctrl-m", "Shift-Tab"]),
            ("suspend", &["Ctrl-j"]),
            // At the board alone, it meets nothing that the incident's keys mean.
            ("acknowledge-alarm", &["d"]),
        ]))
        .unwrap_err();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for wanted in [
            "`d` would mean both `it-worked` and `note`",
            "`d` would mean both `done` and `note`",
            "`Hyper-x` is no key",
            "no command `helpp`; did you mean `help`?",
            "`Ctrl-C` always means `quit`, so `help` cannot have it",
            // A terminal sends the same for both.
            "`Enter` would mean both `open` and `back`",
            "`Enter` would mean both `open` and `suspend`",
        ] {
            assert!(
                said.iter().any(|text| text.contains(wanted)),
                "{wanted}: {said:?}"
            );
        }
        assert!(
            !said
                .iter()
                .any(|text| text.contains("`done` and `acknowledge-alarm`")),
            "{said:?}"
        );
    }

    #[test]
    fn the_readme_lists_every_key() {
        let readme = include_str!("../../README.md");
        for entry in COMMANDS {
            let keys: Vec<String> = if entry.id == CommandId::Branch {
                vec!["`1`…`9`".into()]
            } else {
                entry.keys.iter().map(|key| format!("`{key}`")).collect()
            };
            let row = format!(
                "| {} | `{}` | {} |",
                keys.join(" "),
                entry.name,
                entry.about
            );
            assert!(readme.contains(&row), "the README lacks: {row}");
        }
    }
}
