//! What a playbook may say about the kinds of action.
//!
//! Each kind is declared once, beside the code that runs it; this is the shape of such a
//! declaration. Checking, prefetching and the documentation read it.

use std::fmt;

use super::Parameter;

/// A key of an action's table.
#[derive(Debug, Clone, Copy)]
pub struct ActionKey {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: KeyKind,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, with its unit.
    pub about: &'static str,
}

impl ActionKey {
    /// Declares a key that must be there.
    #[must_use]
    pub const fn required(name: &'static str, kind: KeyKind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            required: true,
            about,
        }
    }

    /// Declares a key that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, kind: KeyKind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            about,
        }
    }
}

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Text; may hold `{{ }}`.
    Text,
    /// A list of texts, or one `{{ }}` that yields a list.
    TextList,
    /// Names with texts.
    TextMap,
    /// Names with texts, each of which may be exactly `{{ secrets.NAME }}`.
    Environment,
    /// Shell lines: a list of texts, in which every `{{ }}` is quoted as one word.
    ShellLines,
    /// A duration such as `"15m"`.
    Duration,
    /// A number.
    Number,
    /// A whole number from 0.
    Integer,
    /// True or false.
    Boolean,
    /// Any value; texts in it may hold `{{ }}`.
    Json,
}

/// A kind of action.
#[derive(Clone, Copy)]
pub struct ActionKind {
    /// Its name in `run.NAME`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [ActionKey],
    /// The fields of its output; empty when they depend on what it calls.
    pub output: &'static [&'static str],
    /// Whether it runs ahead of the responder without being asked to, with these parameters as
    /// written: what is billed by what it reads does not.
    pub prefetched: fn(&serde_json::Value) -> bool,
    /// Whether it changes the system, with these parameters as written.
    pub mutating: fn(&serde_json::Value) -> bool,
    /// The IAM permissions it needs, with these parameters as written.
    pub permissions: fn(&serde_json::Value) -> Vec<String>,
    /// Rules beyond types: gets the parameters as written, returns the key at fault and why.
    pub check: fn(&serde_json::Value) -> Result<(), (&'static str, String)>,
    /// The other kind that is run in its place, and that one's parameters, where these as written
    /// ask for it.
    pub instead: fn(&serde_json::Value, &Parameter) -> Option<(&'static str, Parameter)>,
}

impl ActionKind {
    /// For kinds that ask nothing of AWS.
    #[must_use]
    pub fn unpermitted(_: &serde_json::Value) -> Vec<String> {
        Vec::new()
    }

    /// For kinds that may run ahead whatever they are asked.
    #[must_use]
    pub fn always(_: &serde_json::Value) -> bool {
        true
    }

    /// For kinds that are always run themselves.
    #[must_use]
    pub fn itself(_: &serde_json::Value, _: &Parameter) -> Option<(&'static str, Parameter)> {
        None
    }

    /// For kinds that only read.
    #[must_use]
    pub fn never(_: &serde_json::Value) -> bool {
        false
    }
}

impl fmt::Debug for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionKind")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The kinds of action there are.
#[derive(Debug, Clone, Copy)]
pub struct Vocabulary {
    /// The kinds.
    pub kinds: &'static [ActionKind],
}

impl Vocabulary {
    /// Finds a kind.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&'static ActionKind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}
