//! Level by level, on a simulated clock: it stands still until the next thing is due.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use standdown::actions::VOCABULARY;
use standdown::document::Source;
use standdown::incident::{
    Actor, AlarmRef, Command, Effect, Event, IncidentStatus, Recorded, Refusal, Stamp, State,
    decide, effects, evolve,
};
use standdown::playbook::{EscalationPaths, Severity};

use crate::engine_support::playbook_from;

const STEPS: &str = "[[steps]]\nid = \"look\"\nkind = \"manual\"\ntitle = \"Look\"\ndescription = \"d\"\non_failure = \"continue\"\nnext = \"good\"\n[[steps]]\nid = \"good\"\nkind = \"outcome\"\ntitle = \"Good\"\ndescription = \"d\"\noutcome = \"resolved\"\n";
const TRIGGER: &str =
    "[escalation]\npath = \"primary\"\ntriggers = [\"execution.elapsed > duration('15m')\"]\n";

struct Clock {
    state: State,
    now: DateTime<Utc>,
    wakes: Vec<DateTime<Utc>>,
    seed: u128,
    who: Actor,
    events: Vec<(DateTime<Utc>, Event)>,
}

impl Clock {
    fn at(start: &str, severity: Severity, paths: &str, more: &str) -> Self {
        let (paths, problems) = EscalationPaths::compile(&Source::new(
            "escalation.toml",
            format!("format = 1\n{paths}"),
        ));
        assert!(problems.is_empty(), "{problems:#?}");
        let mut clock = Self {
            state: State::new(VOCABULARY).escalating(Arc::new(paths)),
            now: start.parse().unwrap(),
            wakes: Vec::new(),
            seed: 0,
            who: Actor {
                user: "ada".into(),
                uid: 1001,
                ..Actor::unknown()
            },
            events: Vec::new(),
        };
        clock
            .ask(Command::Open {
                title: "t".into(),
                severity,
                alarm: Some(AlarmRef {
                    name: "a".into(),
                    ..AlarmRef::default()
                }),
                rehearsal: None,
            })
            .unwrap();
        clock
            .ask(Command::Start {
                name: "p.toml".into(),
                text: playbook_from("look", &format!("{more}{STEPS}")),
                others: Vec::new(),
                trusted: true,
            })
            .unwrap();
        clock
    }

    fn ask(&mut self, command: Command) -> Result<(), Refusal> {
        self.seed += 1;
        let stamp = Stamp {
            at: self.now,
            at_aws: self.now,
            actor: Arc::new(self.who.clone()),
            seed: uuid::Uuid::from_u128(self.seed),
        };
        for event in decide(&self.state, command, &stamp)? {
            let recorded = Recorded {
                sequence: self.state.sequence + 1,
                at: self.now,
                by: Arc::clone(&stamp.actor),
                event: event.clone(),
            };
            self.state = evolve(self.state.clone(), &recorded);
            for effect in effects(&self.state, &event) {
                if let Effect::WakeAt(at) = effect {
                    self.wakes.push(at);
                }
            }
            self.events.push((self.now, event));
        }
        Ok(())
    }

    fn another(&mut self) {
        self.who = Actor {
            user: "grace".into(),
            uid: 1002,
            ..Actor::unknown()
        };
    }

    /// Lets time pass, as an engine does: it ticks when something said that it is due.
    fn wait(&mut self, span: TimeDelta) {
        let end = self.now + span;
        loop {
            self.wakes.sort();
            let due = self.wakes.iter().position(|at| *at <= end);
            let Some(due) = due else { break };
            self.now = self.wakes.remove(due).max(self.now);
            self.ask(Command::Tick).unwrap();
        }
        self.now = end;
        self.ask(Command::Tick).unwrap();
    }

    fn minutes(&mut self, minutes: i64) {
        self.wait(TimeDelta::minutes(minutes));
    }

    /// Who was asked, with the time of day at which.
    fn asked(&self) -> Vec<String> {
        let told = self.events.iter().filter_map(|(at, event)| {
            let what = match event {
                Event::EscalationLevelAsked {
                    level, contacts, ..
                } => format!("{level} {}", contacts.join("+")),
                Event::EscalationHeld { until, .. } => format!("held {}", until.format("%H:%M")),
                Event::EscalationExhausted { .. } => "nobody".into(),
                Event::EscalationAcknowledged { note, .. } => {
                    format!("acknowledged {}", note.as_deref().unwrap_or("-"))
                }
                Event::EscalationRaised { .. } => "raised".into(),
                Event::EscalationApproved {
                    unanswered: true, ..
                } => "by itself".into(),
                _ => return None,
            };
            Some(format!("{} {what}", at.format("%H:%M:%S")))
        });
        told.collect()
    }
}

const LEVELS: &str = r#"
[contacts.second]
name = "second responder"
channels = ["pager"]
[contacts.commander]
channels = ["pager"]
[contacts.database]
name = "database on-call"
channels = ["pager"]
[contacts.director]
channels = ["pager"]
[[paths.primary.levels]]
contacts = ["second"]
wait = "10m"
[[paths.primary.levels]]
contacts = ["commander", "database"]
wait = "15m"
[[paths.primary.levels]]
contacts = ["director"]
wait = "20m"
"#;
const START: &str = "2026-11-20T03:00:00Z";

fn now(clock: &mut Clock) {
    let reason = "it grows".to_owned();
    clock.ask(Command::Escalate { reason }).unwrap();
}

#[test]
fn nobody_answers_and_each_level_has_its_minutes() {
    let mut clock = Clock::at(START, Severity::High, LEVELS, "");
    now(&mut clock);
    clock.minutes(120);
    assert_eq!(
        clock.asked(),
        [
            "03:00:00 raised",
            "03:00:00 1 second responder",
            "03:10:00 2 commander+database on-call",
            "03:25:00 3 director",
            "03:45:00 nobody",
        ]
    );
    let walk = clock.state.walking().unwrap();
    assert!(walk.escalated, "it is marked, and goes on");
    assert!(walk.current().is_some());
}

#[test]
fn whoever_has_it_ends_it_and_whoever_asked_writes_down_who() {
    let mut clock = Clock::at(START, Severity::High, LEVELS, "");
    now(&mut clock);
    clock.minutes(12);
    let own = clock.ask(Command::AcknowledgeEscalation { note: None });
    assert_eq!(own, Err(Refusal::WhoAnswered));
    clock.another();
    clock
        .ask(Command::AcknowledgeEscalation { note: None })
        .unwrap();
    clock.minutes(120);
    assert_eq!(
        clock.asked()[2..],
        [
            "03:10:00 2 commander+database on-call",
            "03:12:00 acknowledged -",
        ]
    );
    let incident = clock.state.incident.as_ref().unwrap();
    assert_eq!(incident.status, IncidentStatus::Acknowledged);
    let again = clock.ask(Command::AcknowledgeEscalation { note: None });
    assert_eq!(again, Err(Refusal::NothingToAcknowledge));
}

#[test]
fn what_was_handed_over_is_the_responders_picture() {
    let mut clock = Clock::at(START, Severity::High, LEVELS, "");
    clock.ask(Command::Note("looked at disks".into())).unwrap();
    clock.minutes(3);
    now(&mut clock);
    let (channels, picture) = clock
        .events
        .iter()
        .find_map(|(_, event)| match event {
            Event::EscalationLevelAsked {
                channels, picture, ..
            } => Some((channels.clone(), picture.clone())),
            _ => None,
        })
        .unwrap();
    assert_eq!(channels, ["pager"]);
    assert!(picture.len() <= 20, "{picture:#?}");
    for wanted in [
        "t · high · open, 3 min old",
        "next: by hand: Look",
        "looked at disks",
    ] {
        assert!(
            picture.iter().any(|line| line.contains(wanted)),
            "{wanted}: {picture:#?}"
        );
    }
}

#[test]
fn a_mitigated_incident_asks_nobody_else() {
    let mut clock = Clock::at(START, Severity::High, LEVELS, "");
    now(&mut clock);
    clock
        .ask(Command::SetStatus(IncidentStatus::Mitigated))
        .unwrap();
    clock.minutes(120);
    assert_eq!(clock.asked().len(), 2);
}

#[test]
fn what_is_over_pages_nobody_and_what_comes_back_does() {
    // Nobody answered, and it was mended meanwhile.
    let mut clock = Clock::at(START, Severity::Critical, LEVELS, TRIGGER);
    clock.minutes(16);
    clock
        .ask(Command::SetStatus(IncidentStatus::Resolved))
        .unwrap();
    clock.minutes(60);
    assert_eq!(clock.asked(), ["03:16:00 raised"]);
    // It comes back: whoever asks again is heard, level by level.
    now(&mut clock);
    clock.minutes(12);
    assert_eq!(
        clock.asked()[2..],
        [
            "04:16:00 1 second responder",
            "04:26:00 2 commander+database on-call"
        ]
    );
}

#[test]
fn whoever_takes_the_incident_up_goes_on_where_it_was() {
    let mut clock = Clock::at(START, Severity::High, LEVELS, "");
    now(&mut clock);
    // No console was there for eleven minutes.
    clock.now += TimeDelta::minutes(11);
    clock.ask(Command::TakeUp).unwrap();
    assert_eq!(
        clock.asked()[2..],
        ["03:11:00 2 commander+database on-call"]
    );
}

#[test]
fn a_path_that_repeats_begins_anew() {
    let paths = "[contacts.a]\nchannels = [\"pager\"]\n[paths.primary]\nrepeat = 1\n[[paths.primary.levels]]\ncontacts = [\"a\"]\nwait = \"5m\"\n";
    let mut clock = Clock::at(START, Severity::High, paths, "");
    now(&mut clock);
    clock.minutes(60);
    assert_eq!(
        clock.asked(),
        [
            "03:00:00 raised",
            "03:00:00 1 a",
            "03:05:00 1 a",
            "03:10:00 nobody",
        ]
    );
}

#[test]
fn time_alone_asks_and_a_critical_incident_does_not_wait_for_an_answer() {
    // The trigger fires on time, with nothing else happening; the question is asked once.
    for (severity, after) in [
        (Severity::High, &["03:15:01 raised"][..]),
        (
            Severity::Critical,
            &[
                "03:15:01 raised",
                "03:17:01 by itself",
                "03:17:01 1 second responder",
            ],
        ),
    ] {
        let mut clock = Clock::at(START, severity, LEVELS, TRIGGER);
        clock.minutes(15);
        assert!(clock.asked().is_empty());
        clock.wait(TimeDelta::seconds(1));
        clock.minutes(5);
        assert_eq!(clock.asked(), after);
    }
}

#[test]
fn what_was_put_off_is_asked_again_and_only_then_counts_down() {
    let mut clock = Clock::at(START, Severity::Critical, LEVELS, TRIGGER);
    clock.minutes(16);
    let id = clock.state.pending_escalation().unwrap().id;
    let until = clock.now + TimeDelta::minutes(30);
    let reason = "the fix is running".to_owned();
    clock
        .ask(Command::PostponeEscalation {
            escalation: id,
            until,
            reason,
        })
        .unwrap();
    clock.minutes(29);
    assert_eq!(clock.asked(), ["03:16:00 raised"]);
    clock.minutes(4);
    assert_eq!(
        clock.asked()[1..],
        [
            "03:46:00 raised",
            "03:48:00 by itself",
            "03:48:00 1 second responder",
        ]
    );
}

const WEEK: &str = r#"
[hours.office]
time_zone = "Europe/Berlin"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
to = "18:00"
[hours.night]
time_zone = "Europe/Berlin"
from = "22:00"
to = "06:30"
[contacts.team]
hours = ["office"]
channels = ["pager"]
[contacts.oncall]
channels = ["pager"]
"#;
const ON_DUTY: &str = "[[paths.primary.levels]]\ncontacts = [\"team\"]\nwait = \"10m\"\n[[paths.primary.levels]]\ncontacts = [\"team\", \"oncall\"]\nwait = \"10m\"\n";

#[test]
fn whoever_is_not_on_duty_is_not_asked() {
    let paths = format!("{WEEK}{ON_DUTY}");
    // A Friday in Berlin, by day and by night.
    let mut day = Clock::at("2026-11-20T09:00:00Z", Severity::High, &paths, "");
    now(&mut day);
    assert_eq!(day.asked()[1..], ["09:00:00 1 team"]);
    day.minutes(10);
    assert_eq!(day.asked()[2..], ["09:10:00 2 team+oncall"]);
    let mut night = Clock::at(START, Severity::High, &paths, "");
    now(&mut night);
    assert_eq!(night.asked()[1..], ["03:00:00 2 oncall"]);
    // Where nobody is on duty at all, everybody is asked: an escalation is never lost.
    let nobody = format!("{WEEK}[[paths.primary.levels]]\ncontacts = [\"team\"]\nwait = \"10m\"\n");
    let mut night = Clock::at(START, Severity::High, &nobody, "");
    now(&mut night);
    assert_eq!(night.asked()[1..], ["03:00:00 1 team"]);
}

#[test]
fn quiet_hours_wake_nobody_for_what_can_wait_until_it_cannot() {
    let paths = format!(
        "{WEEK}[quiet]\nhours = [\"night\"]\nseverities = [\"medium\", \"low\"]\n{ON_DUTY}"
    );
    let mut clock = Clock::at(START, Severity::Medium, &paths, "");
    now(&mut clock);
    assert_eq!(clock.asked()[1..], ["03:00:00 held 05:30"]);
    clock.minutes(149);
    assert_eq!(clock.asked().len(), 2);
    clock.minutes(1);
    assert_eq!(clock.asked()[2..], ["05:30:00 2 oncall"]);
    // One that becomes graver meanwhile is not quiet any more.
    let mut clock = Clock::at(START, Severity::Medium, &paths, "");
    now(&mut clock);
    clock.minutes(5);
    clock.ask(Command::Regrade(Severity::Critical)).unwrap();
    clock.wait(TimeDelta::seconds(1));
    assert_eq!(clock.asked()[2..], ["03:05:01 2 oncall"]);
}

#[test]
fn a_path_that_is_not_known_says_that_nobody_was_asked() {
    let mut clock = Clock::at(START, Severity::High, "", "");
    now(&mut clock);
    assert_eq!(clock.asked(), ["03:00:00 raised", "03:00:00 nobody"]);
}

#[test]
fn a_file_with_mistakes_says_all_of_them_with_their_places() {
    let text = "format = 1\n[hours.x]\ntime_zone = \"Berlin\"\nfrom = \"8\"\nto = \"18:00\"\n[quiet]\nhours = [\"y\"]\nseverities = [\"critical\"]\n[paths.empty]\n[[paths.primary.levels]]\nwait = \"10s\"\nphone = 1\n[[paths.primary.levels]]\ncontacts = [\"secnod\"]\nwait = \"5m\"\n[contacts.second]\n";
    let (_, problems) = EscalationPaths::compile(&Source::new("escalation.toml", text));
    let said: Vec<String> = problems.iter().map(|one| one.message.clone()).collect();
    for wanted in [
        "\"Berlin\" is no time zone",
        "\"8\" is no time of day",
        "there are no hours named \"y\"",
        "critical incidents have no quiet hours",
        "the path `empty` has no levels",
        "a level has no contacts",
        "phone",
        "a level that waits less than half a minute",
        "no contact is named \"secnod\"",
    ] {
        assert!(
            said.iter().any(|one| one.contains(wanted)),
            "{wanted}: {said:#?}"
        );
    }
    assert!(problems.iter().all(|one| one.span.is_some()));
}
