//! What rules have done, counted: over all, by layer, and by rung of the ladder.

use std::collections::BTreeMap;

use serde::Serialize;

use super::healing::{ALL, HealingRecord, HealingStatus, Switch};
use crate::playbook::Catalog;

/// Counts of what was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Counts {
    /// What acted, or acts.
    pub total: usize,
    /// Of those, what healed.
    pub succeeded: usize,
    /// What was applied, and nothing has verified.
    pub applied: usize,
    /// What did not.
    pub failed: usize,
    /// What was set off and did not act.
    pub skipped: usize,
    /// What acts now, or is about to.
    pub active: usize,
    /// The share that healed, of those that healed or failed, in percent; none where neither is.
    pub success_rate: Option<f64>,
    /// The rules there are.
    pub rules_registered: usize,
    /// The rules that count.
    pub rules_enabled: usize,
}

impl Counts {
    fn add(&mut self, one: &HealingRecord) {
        match one.status {
            HealingStatus::Completed => self.succeeded += 1,
            HealingStatus::Applied => self.applied += 1,
            HealingStatus::Failed => self.failed += 1,
            HealingStatus::Skipped => {
                self.skipped += 1;
                return;
            }
            HealingStatus::Pending | HealingStatus::InProgress => self.active += 1,
        }
        self.total += 1;
        // What nobody has verified is neither a success nor a failure.
        let ended = self.succeeded + self.failed;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        if ended > 0 {
            self.success_rate = Some(self.succeeded as f64 * 100.0 / ended as f64);
        }
    }
}

/// What rules have done.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Over all.
    pub all: Counts,
    /// By the layer at which they heal.
    pub layers: BTreeMap<String, Counts>,
    /// By the rung of the ladder that a rule declares, from 1 to 4; rules that are gone have none.
    pub rungs: BTreeMap<u8, Counts>,
}

impl Tally {
    /// Counts what the rules there are have done, and those that are gone.
    #[must_use]
    pub fn of(rules: &Catalog, done: &[HealingRecord], switches: &[Switch]) -> Self {
        let mut tally = Self::default();
        for entry in &rules.entries {
            let Some(healing) = &entry.playbook.healing else {
                continue;
            };
            let on = healing.enabled && is_on(switches, &entry.playbook.id);
            let layer = tally.layers.entry(healing.layer.name().to_owned());
            let rung = tally.rungs.entry(entry.playbook.rung);
            for counts in [&mut tally.all, layer.or_default(), rung.or_default()] {
                counts.rules_registered += 1;
                counts.rules_enabled += usize::from(on);
            }
        }
        for one in done {
            tally.all.add(one);
            tally.layers.entry(one.layer.clone()).or_default().add(one);
            if let Some(entry) = rules.get(&one.rule) {
                let rung = tally.rungs.entry(entry.playbook.rung);
                rung.or_default().add(one);
            }
        }
        tally
    }
}

/// Whether nobody has switched a rule off, or all of them.
#[must_use]
pub fn is_on(switches: &[Switch], rule: &str) -> bool {
    !switches
        .iter()
        .any(|one| !one.enabled && (one.rule == rule || one.rule == ALL))
}
