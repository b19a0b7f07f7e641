//! Healing rules: playbooks that begin by themselves, or are put before the responder.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::parse::Draft;
use crate::document::{Problem, Reader};
use crate::expression::{Expression, Scope, Template, Verdict};

/// What makes a playbook a healing rule.
#[derive(Debug, Clone)]
pub struct Healing {
    /// Where it heals.
    pub layer: Layer,
    /// The name of what sets it off: the alarms that it answers, under `when`.
    pub trigger: String,
    /// The condition, beside the alarm's.
    pub when: Option<Expression>,
    /// What it does, in a word.
    pub action: Action,
    /// What it does it with, in a line.
    pub parameters: String,
    /// The one thing that it acts upon: nothing else heals that meanwhile.
    pub resource: Template,
    /// How long it leaves a resource alone after it has acted.
    pub cooldown: Duration,
    /// How often it acts upon a resource within the window.
    pub attempts: u32,
    /// The window.
    pub window: Duration,
    /// Its place among the rules of its layer; of two that are set off, the first acts.
    pub order: u32,
    /// Whether it counts at all.
    pub enabled: bool,
    /// Whether it acts by itself.
    pub mode: Mode,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$about])* $variant,)* }

        impl $name {
            /// All of them with their names.
            pub const ALL: &[(&'static str, Self)] = &[$(($word, Self::$variant),)*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// The layer of a system that a rule heals.
    Layer {
        /// Machines, groups of them, disks.
        Infrastructure = "infrastructure",
        /// What AWS runs for the application.
        Platform = "platform",
        /// The application itself.
        Application = "application",
        /// What it keeps.
        Data = "data",
        /// The ways between.
        Network = "network",
    }
}

words! {
    /// What a rule does.
    Action {
        /// Ends something and begins it again.
        Restart = "restart",
        /// Puts another one in its place.
        Replace = "replace",
        /// Gives it more.
        Scale = "scale",
        /// Goes back to what was before.
        Rollback = "rollback",
        /// Mends it where it is.
        Repair = "repair",
        /// Lets another one take over.
        Failover = "failover",
    }
}

words! {
    /// Whether a rule acts by itself.
    Mode {
        /// It is put before the responder.
        Propose = "propose",
        /// It runs, where it was agreed to beforehand, and is shown.
        Auto = "auto",
    }
}

impl Healing {
    /// Whether its condition holds; without a condition it does.
    #[must_use]
    pub fn holds(&self, scope: &Scope) -> Verdict {
        let when = self.when.as_ref();
        when.map_or(Verdict::True, |when| when.explain(scope).verdict)
    }

    /// Tells whether it is set off, and by what it would act upon; `None` where it is not.
    #[must_use]
    pub fn set_off(&self, scope: &Scope) -> Option<String> {
        if self.holds(scope) != Verdict::True {
            return None;
        }
        let resource = self
            .resource
            .render(scope, crate::expression::Quoting::Text)
            .ok()?;
        resource
            .as_str()
            .map(str::to_owned)
            .filter(|text| !text.is_empty())
    }
}

/// A length of time that is one: over none, a rule would act again and again.
fn some_time(table: &Reader<'_>, draft: &Draft<'_>, key: &'static str) -> Option<Duration> {
    let span = table.duration(key)?;
    if span.is_zero() {
        let problem = Problem::error(format!("`{key}` is no time at all"))
            .at(table.span.clone())
            .help(
                "over no time the rule would act again and again; write it like \"10m\" or \"1h\"",
            );
        draft.problems.push(problem);
    }
    Some(span)
}

/// Reads `[healing]`.
pub(super) fn read(reader: &Reader<'_>, draft: &Draft<'_>) -> Option<Healing> {
    let table = reader.table("healing")?;
    let text = |key| {
        let text = table.required_string(key);
        text.map(|text| text.value).unwrap_or_default()
    };
    for key in ["layer", "action", "cooldown", "attempts", "resource"] {
        table.required(key);
    }
    let mode = table.choice("mode", Mode::ALL).unwrap_or(Mode::Propose);
    let healing = Healing {
        layer: table.choice("layer", Layer::ALL).unwrap_or(Layer::Platform),
        trigger: text("trigger"),
        when: table
            .node("when")
            .and_then(|node| draft.expression(node, "when", &[])),
        action: table
            .choice("action", Action::ALL)
            .unwrap_or(Action::Repair),
        parameters: text("parameters"),
        resource: draft.template(&table, "resource", &[]).unwrap_or_else(|| {
            Template::compile("")
                .unwrap_or_else(|_| unreachable!("an empty text has no expressions"))
        }),
        cooldown: some_time(&table, draft, "cooldown").unwrap_or(Duration::from_mins(10)),
        attempts: table
            .integer("attempts", 1..=20)
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(1),
        window: some_time(&table, draft, "window").unwrap_or(Duration::from_hours(1)),
        order: table
            .integer("order", 1..=1000)
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(1000),
        enabled: table.boolean("enabled").unwrap_or(true),
        mode,
    };
    let never = table.boolean("never_auto").unwrap_or(false);
    if never && mode == Mode::Auto {
        draft.problems.push(
            Problem::error(
                "this rule never acts by itself: `never_auto` stands beside `mode = \"auto\"`",
            )
            .at(table.span.clone())
            .help("write mode = \"propose\""),
        );
    }
    table.finish();
    Some(healing)
}
