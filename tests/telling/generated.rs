//! Incidents by the hundred, made by the decider itself, on a clock of their own.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use standdown::actions::VOCABULARY;
use standdown::incident::{
    Actor, AlarmRef, AttemptResult, AttemptStatus, Command, IncidentStatus, Question, Recorded,
    Stamp, State, Verdict, decide, evolve, question,
};
use standdown::journal::Journal;
use standdown::playbook::Severity;

/// Two playbooks: with what runs ahead, retries, decisions, steps by hand, triggers.
const PLAYBOOKS: [&str; 2] = [
    r#"
format = 1
id = "first"
name = "First"
summary = "s"
owner = "o"
impact = 2
rung = 2
severities = ["high"]
incident_types = ["x"]
start = "read"
[[answers]]
name = "alarm-0"
[escalation]
path = "primary"
triggers = ["execution.failed_steps >= 1", "execution.elapsed > duration('40m')"]
[[steps]]
id = "read"
kind = "automated"
title = "Read"
description = "d"
expect = "e"
output = "seen"
on_failure = "continue"
estimate = "10s"
next = "more"
run.exec = { command = ["true"] }
[[steps]]
id = "more"
kind = "automated"
title = "More"
description = "d"
expect = "e"
on_failure = "escalate"
prefetch = true
estimate = "2m"
next = "which"
run.exec = { command = ["true"] }
[[steps]]
id = "which"
kind = "decision"
title = "Which"
description = "d"
[[steps.branches]]
label = "High"
when = "seen.json.level > 50"
next = "mend"
[[steps.branches]]
label = "Low"
when = "seen.json.level > 10"
next = "look"
[[steps.branches]]
label = "Never"
when = "seen.json.level > 1000"
next = "look"
[[steps.branches]]
label = "Nothing"
otherwise = true
next = "up"
[[steps]]
id = "mend"
kind = "manual"
title = "Mend"
description = "d"
estimate = "5m"
on_failure = "lost"
next = "good"
[[steps]]
id = "look"
kind = "manual"
title = "Look"
description = "d"
on_failure = "read"
next = "which"
[[steps]]
id = "good"
kind = "outcome"
title = "Good"
description = "d"
outcome = "resolved"
[[steps]]
id = "up"
kind = "outcome"
title = "Up"
description = "d"
outcome = "escalated"
[[steps]]
id = "lost"
kind = "outcome"
title = "Lost"
description = "d"
outcome = "stop"
"#,
    r#"
format = 1
id = "second"
name = "Second"
summary = "s"
owner = "o"
impact = 3
rung = 1
reviewed = 2020-01-01
review_every = "90d"
severities = ["low"]
incident_types = ["y"]
start = "ask"
[[answers]]
name = "alarm-1"
[[steps]]
id = "ask"
kind = "manual"
title = "Ask"
description = "d"
on_failure = "stop"
next = "good"
[[steps]]
id = "good"
kind = "outcome"
title = "Good"
description = "d"
outcome = "mitigated"
"#,
];

/// The playbooks, with their files' names.
pub fn playbooks() -> impl Iterator<Item = (String, &'static str)> {
    (0..).map(|number| format!("{number}.toml")).zip(PLAYBOOKS)
}

/// Numbers that look random, and are the same each time: Lehmer's, with Park and Miller's factor.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 % most
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.up_to(count) == 0
    }
}

struct Made {
    state: State,
    now: DateTime<Utc>,
    events: Vec<Recorded>,
    dice: Dice,
}

impl Made {
    fn ask(&mut self, command: Command) {
        // Times between two commands are odd, so that means and medians are.
        let passed = 200 + self.dice.up_to(90_000);
        self.now += TimeDelta::milliseconds(i64::try_from(passed).unwrap());
        let seed =
            (u128::from(self.dice.up_to(1 << 30)) << 64) | u128::from(self.dice.up_to(1 << 30));
        let stamp = Stamp {
            at: self.now,
            at_aws: self.now,
            actor: Arc::new(Actor::unknown()),
            seed: uuid::Uuid::from_u128(seed),
        };
        // What does not fit is no event; the generator tries all sorts of things.
        for event in decide(&self.state, command, &stamp).unwrap_or_default() {
            let recorded = Recorded {
                sequence: self.state.sequence + 1,
                at: self.now,
                by: Arc::clone(&stamp.actor),
                event,
            };
            self.state = evolve(self.state.clone(), &recorded);
            self.events.push(recorded);
        }
    }

    /// What somebody, or a check, does next.
    fn next(&mut self) -> Option<Command> {
        let running = self
            .state
            .walking()
            .and_then(|walk| walk.running().next().map(|one| one.id));
        if let Some(attempt) = running.filter(|_| !self.dice.one_in(4)) {
            let result = if self.dice.one_in(7) {
                AttemptResult::ended(AttemptStatus::Failed, "it failed", None)
            } else {
                AttemptResult::succeeded(json!({ "json": { "level": self.dice.up_to(100) } }))
            };
            return Some(Command::AttemptEnded { attempt, result });
        }
        let state = self.state.clone();
        Some(match question(&state, self.now) {
            Question::Escalation(one) if self.dice.one_in(3) => Command::PostponeEscalation {
                escalation: one.id,
                until: self.now + TimeDelta::minutes(3),
                reason: "later".into(),
            },
            Question::Escalation(one) => Command::ApproveEscalation {
                escalation: one.id,
                note: None,
            },
            Question::Manual { step, visit } => Command::Confirm {
                step: step.id.clone(),
                visit,
                verdict: match self.dice.up_to(8) {
                    0 => Verdict::Failed,
                    1 => Verdict::Skipped,
                    _ => Verdict::Done,
                },
                note: None,
                answers: Default::default(),
            },
            Question::Decision {
                step,
                visit,
                branches,
                ..
            } => {
                let other = usize::try_from(self.dice.up_to(4)).unwrap();
                let recommended = branches.iter().position(|one| one.recommended);
                // Where nothing is recommended, somebody decides all the same.
                let recommended = recommended.unwrap_or(branches.len() - 1);
                // The first is often not believed; the third is never taken, nor recommended.
                let doubted = recommended == 0 || self.dice.one_in(3);
                let branch = match other {
                    2 => recommended,
                    other if doubted => other,
                    _ => recommended,
                };
                Command::TakeBranch {
                    step: step.id.clone(),
                    visit,
                    branch,
                    reason: Some("I know better".into()),
                }
            }
            Question::Working(_) => Command::Tick,
            _ => return None,
        })
    }
}

/// Writes as many incidents into a journal; the same each time.
pub fn incidents(journal: &mut Journal, count: u64) {
    let mut start: DateTime<Utc> = "2026-09-01T00:00:00Z".parse().unwrap();
    for number in 0..count {
        let mut made = Made {
            state: State::new(VOCABULARY),
            now: start,
            events: Vec::new(),
            dice: Dice(number * 7919 + 17),
        };
        start += TimeDelta::hours(7);
        let alarm = format!("alarm-{}", made.dice.up_to(120));
        let since = made.now - TimeDelta::seconds(i64::try_from(made.dice.up_to(1800)).unwrap());
        let known = (!made.dice.one_in(5)).then_some(since);
        made.ask(Command::Open {
            title: format!("Incident {number}"),
            severity: Severity::High,
            alarm: Some(AlarmRef {
                arn: format!("arn:aws:cloudwatch:eu-central-1:111122223333:alarm:{alarm}"),
                name: alarm,
                since: known,
                ..AlarmRef::default()
            }),
            rehearsal: None,
        });
        let id = made.state.incident.as_ref().unwrap().id.clone();
        for walk in 0..=made.dice.up_to(2) {
            let which = made.dice.up_to(3).min(1);
            let (name, text) = playbooks().nth(usize::try_from(which).unwrap()).unwrap();
            made.ask(Command::Start {
                name,
                text: text.into(),
                others: Vec::new(),
                trusted: true,
            });
            if walk == 0 && !made.dice.one_in(6) {
                made.ask(Command::SetStatus(IncidentStatus::Acknowledged));
            }
            // Some are left in the middle.
            let most = if made.dice.one_in(9) { 4 } else { 400 };
            for _ in 0..most {
                let Some(command) = made.next() else { break };
                made.ask(command);
            }
            if made.state.walking().is_some() {
                if made.dice.one_in(2) {
                    break;
                }
                let reason = "enough".into();
                made.ask(Command::StopExecution { reason });
            }
        }
        for status in [
            IncidentStatus::Mitigated,
            IncidentStatus::Resolved,
            IncidentStatus::Closed,
        ] {
            if made.dice.one_in(5) {
                break;
            }
            made.ask(Command::SetStatus(status));
        }
        journal.append(&id, 0, &made.events, None).unwrap();
    }
}
