//! The state of the simulated alarms, at any time.

use super::world::World;
use crate::incident::AlarmState;
use crate::rehearsal::scenario::{Alarm, AlarmRule, synthetic_state};

/// How far back a transition is looked for, in seconds.
const HORIZON: f64 = 86_400.0;

impl World {
    /// The state of an alarm at a time. A metric alarm is in ALARM when its metric has been
    /// beyond the threshold for all its periods, and OK again as soon as it is not. Alarms are
    /// evaluated at whole seconds, so that a change of state has one time, whenever it is asked for.
    pub(super) fn state(&self, alarm: &Alarm, at: f64) -> AlarmState {
        let at = at.floor();
        match &alarm.rule {
            AlarmRule::Fixed { state, since } if at < *since => match state {
                AlarmState::Ok => AlarmState::InsufficientData,
                AlarmState::Alarm | AlarmState::InsufficientData => AlarmState::Ok,
            },
            AlarmRule::Fixed { state, .. } => *state,
            AlarmRule::Synthetic {
                number, changes, ..
            } => synthetic_state(*number, *changes, at).0,
            AlarmRule::Any(names) => {
                let states: Vec<AlarmState> = self
                    .scenario
                    .alarms
                    .iter()
                    .filter(|child| {
                        names.contains(&child.name) && !matches!(child.rule, AlarmRule::Any(_))
                    })
                    .map(|child| self.state(child, at))
                    .collect();
                if states.contains(&AlarmState::Alarm) {
                    AlarmState::Alarm
                } else {
                    AlarmState::Ok
                }
            }
            AlarmRule::Metric {
                metric,
                threshold,
                above,
                period,
                periods,
                ..
            } => {
                let Some(metric) = self.scenario.metrics.get(*metric) else {
                    return AlarmState::InsufficientData;
                };
                #[expect(clippy::cast_precision_loss, reason = "at most 100 periods")]
                let breaching = (0..=*periods).all(|back| {
                    let level = self.level(metric, at - back as f64 * period);
                    if *above {
                        level >= *threshold
                    } else {
                        level < *threshold
                    }
                });
                if breaching {
                    AlarmState::Alarm
                } else {
                    AlarmState::Ok
                }
            }
        }
    }

    /// Since when the alarm has been in its state, to the second: looked for second by second at
    /// first, then by the minute and within it.
    pub(super) fn since(&self, alarm: &Alarm, at: f64) -> f64 {
        if let AlarmRule::Fixed { since, .. } = alarm.rule {
            return if at < since { at - HORIZON } else { since };
        }
        if let AlarmRule::Synthetic {
            number, changes, ..
        } = alarm.rule
        {
            return synthetic_state(number, changes, at).1;
        }
        let at = at.floor();
        let state = self.state(alarm, at);
        let mut back = 0.0;
        while back < HORIZON {
            let step = if back < 1200.0 { 1.0 } else { 60.0 };
            if self.state(alarm, at - back - step) != state {
                while self.state(alarm, at - back - 1.0) == state {
                    back += 1.0;
                }
                return at - back;
            }
            back += step;
        }
        at - HORIZON
    }

    /// The alarm's changes of state from `from` to `to`, the latest first.
    pub(super) fn changes(
        &self,
        alarm: &Alarm,
        from: f64,
        to: f64,
    ) -> impl Iterator<Item = (f64, AlarmState, AlarmState)> {
        std::iter::successors(Some(self.since(alarm, to)), move |at| {
            Some(self.since(alarm, at - 1.0))
        })
        .take_while(move |at| *at >= from)
        .map(|at| (at, self.state(alarm, at - 1.0), self.state(alarm, at)))
        // The state may be older than the horizon of `since`.
        .take_while(|(_, before, after)| before != after)
    }

    /// Why the alarm is in its state, in CloudWatch's manner.
    pub(super) fn reason(&self, alarm: &Alarm, at: f64) -> String {
        match &alarm.rule {
            AlarmRule::Metric {
                metric,
                threshold,
                above,
                periods,
                ..
            } => {
                let value = self
                    .scenario
                    .metrics
                    .get(*metric)
                    .map_or(0.0, |metric| self.value(metric, at));
                let relation = match (self.state(alarm, at), above) {
                    (AlarmState::Alarm, true) => "was greater than or equal to",
                    (AlarmState::Alarm, false) => "was less than",
                    (_, true) => "was not greater than or equal to",
                    (_, false) => "was not less than",
                };
                format!(
                    "Threshold Crossed: {periods} datapoint(s) [{value}] {relation} the threshold ({threshold:.1})."
                )
            }
            AlarmRule::Any(names) => format!("Composite rule over {} alarm(s)", names.len()),
            AlarmRule::Synthetic { .. } => "Synthetic, for measuring".into(),
            AlarmRule::Fixed { .. } => "Unchanged since the scenario began".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::rehearsal::scenario::Scenario;

    #[test]
    fn a_change_of_state_has_one_time_whenever_it_is_asked_for() {
        for (name, text) in crate::embedded::SCENARIOS {
            let (scenario, _) = Scenario::compile(&Source::new(*name, *text));
            let world = World::new(scenario.unwrap(), chrono::Utc::now(), 1.0);
            for alarm in &world.scenario.alarms {
                let times = [100.0, 100.25, 100.999].map(|at| world.since(alarm, at));
                assert!(
                    times.iter().all(|at| (at - times[0]).abs() < 1e-9),
                    "{name}: {}: {times:?}",
                    alarm.name
                );
            }
        }
    }
}
