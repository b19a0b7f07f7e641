//! What holds a rule back, in the store that all consoles share.

use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use serde_json::Value;
use standdown::breaker::Policy;
use standdown::incident::{
    Actor, AttemptId, AttemptOrigin, AttemptResult, Event, ExecutionId, ExecutionStatus,
    HealingRun, IncidentId, Recorded,
};
use standdown::journal::{ALL, AppendError, HealingStatus, Journal, Switch};
use standdown::playbook::{Action, Layer, Mode, Outcome, Severity};

struct Store {
    folder: tempfile::TempDir,
    journal: Journal,
    incidents: u32,
    now: DateTime<Utc>,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(&folder.path().join("journal.db")).unwrap();
        Self {
            folder,
            journal,
            incidents: 0,
            now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        }
    }

    /// Sets a rule off in an incident of its own; returns the incident, or why it does not act.
    fn set_off(&mut self, run: &HealingRun) -> Result<IncidentId, String> {
        self.incidents += 1;
        let incident = IncidentId(format!("incident-{}", self.incidents).into());
        let opened = Event::IncidentOpened {
            incident: incident.clone(),
            title: "t".into(),
            severity: Severity::High,
            rehearsal: None,
        };
        self.append(&incident, 0, &[opened]).unwrap();
        let started = Event::ExecutionStarted {
            execution: ExecutionId(Uuid::new_v4()),
            playbook: run.rule.clone(),
            hash: "h".into(),
            name: "n".into(),
            text: "t".into(),
            others: Vec::new(),
            unattended: false,
            trusted: true,
            healing: Some(Box::new(run.clone())),
        };
        match self.append(&incident, 1, &[started]) {
            Ok(()) => Ok(incident),
            Err(AppendError::NotHealed(why)) => Err(why),
            Err(other) => panic!("{other}"),
        }
    }

    fn append(&mut self, id: &IncidentId, after: u64, events: &[Event]) -> Result<(), AppendError> {
        let recorded: Vec<Recorded> = (after + 1..)
            .zip(events)
            .map(|(sequence, event)| Recorded {
                sequence,
                at: self.now,
                by: Arc::new(Actor::unknown()),
                event: event.clone(),
            })
            .collect();
        self.journal.append(id, after, &recorded, None).map(drop)
    }

    fn granted(&self) -> Event {
        Event::ApprovalGranted {
            step: "heal".into(),
            visit: 1,
            digest: "d".into(),
            attempt: AttemptId(Uuid::new_v4()),
            signed_at: self.now,
            reason: None,
        }
    }

    fn acts(&mut self, id: &IncidentId) {
        let granted = self.granted();
        self.append(id, 2, &[granted]).unwrap();
    }

    fn ends(&mut self, id: &IncidentId, after: u64, healed: bool) {
        let ended = Event::ExecutionEnded {
            status: if healed {
                ExecutionStatus::Completed
            } else {
                ExecutionStatus::Failed
            },
            outcome: healed.then_some(Outcome::Mitigated),
            reason: (!healed).then(|| "it did not come up".into()),
        };
        self.append(id, after, &[ended]).unwrap();
    }

    /// Sets a rule off, and lets it act to its end.
    fn heals(&mut self, run: &HealingRun, healed: bool) {
        let id = self.set_off(run).unwrap();
        self.acts(&id);
        self.now += TimeDelta::seconds(10);
        self.ends(&id, 3, healed);
    }

    fn switch(&mut self, rule: &str, enabled: bool) {
        let switch = Switch {
            rule: rule.into(),
            enabled,
            by: "ada".into(),
            at: self.now,
        };
        self.journal.switch_healing(&switch).unwrap();
    }

    fn latest(&self) -> standdown::journal::HealingRecord {
        self.journal.healings().unwrap().swap_remove(0)
    }
}

fn run(rule: &str, resource: &str, transition: i64) -> HealingRun {
    HealingRun {
        rule: rule.into(),
        layer: Layer::Platform,
        action: Action::Restart,
        resource: resource.into(),
        place: "111122223333/eu-central-1".into(),
        mode: Mode::Auto,
        transition: DateTime::from_timestamp(transition, 0).unwrap(),
        ordinal: 1,
        cooldown: 300,
        attempts: 3,
        window: 3600,
        per_hour: 10,
        breaker: Default::default(),
    }
}

#[test]
fn one_thing_is_healed_by_one_rule_at_a_time() {
    let mut store = Store::new();
    let first = store.set_off(&run("a", "orders", 1)).unwrap();
    assert_eq!(store.latest().status, HealingStatus::Pending);
    for other in ["a", "b"] {
        let why = store.set_off(&run(other, "orders", 2)).unwrap_err();
        assert_eq!(why, "orders is being healed by a in incident-1");
    }
    assert!(
        store.set_off(&run("b", "payments", 1)).is_ok(),
        "another thing"
    );
    store.acts(&first);
    store.ends(&first, 3, true);
    let ended = store.journal.healings().unwrap();
    let ended = ended.iter().find(|one| one.incident == first).unwrap();
    assert_eq!(
        (ended.status, &ended.error),
        (HealingStatus::Applied, &None)
    );
    assert!(
        store.set_off(&run("b", "orders", 2)).is_ok(),
        "it is free again"
    );
}

#[test]
fn what_was_stopped_while_it_acts_is_let_go_of_when_that_ends() {
    let mut store = Store::new();
    let id = store.set_off(&run("a", "orders", 1)).unwrap();
    store.acts(&id);
    let attempt = AttemptId(Uuid::new_v4());
    let started = Event::AttemptStarted {
        attempt,
        step: "heal".into(),
        number: 1,
        origin: AttemptOrigin::Approval,
    };
    store.append(&id, 3, &[started]).unwrap();
    store.ends(&id, 4, false);
    assert_eq!(store.latest().status, HealingStatus::InProgress);
    let why = store.set_off(&run("b", "orders", 2)).unwrap_err();
    assert_eq!(why, "orders is being healed by a in incident-1");
    let ended = Event::AttemptEnded {
        attempt,
        result: AttemptResult::succeeded(Value::Null),
    };
    store.append(&id, 5, &[ended]).unwrap();
    let failed = store.journal.healings().unwrap();
    let failed = failed.iter().find(|one| one.incident == id).unwrap();
    assert_eq!(
        (failed.status, failed.error.as_deref(), failed.ended_at),
        (
            HealingStatus::Failed,
            Some("it did not come up"),
            Some(store.now)
        )
    );
    assert!(store.set_off(&run("b", "orders", 2)).is_ok());
}

#[test]
fn what_was_stopped_before_it_acts_does_not_act() {
    let mut store = Store::new();
    for (rule, switch) in [("a", ALL), ("b", "b")] {
        let id = store.set_off(&run(rule, rule, 1)).unwrap();
        store.switch(switch, false);
        let granted = store.granted();
        let refused = store.append(&id, 2, &[granted]).unwrap_err();
        assert!(matches!(refused, AppendError::NotHealed(_)), "{refused}");
        store.switch(switch, true);
        store.acts(&id);
    }
}

#[test]
fn the_same_name_elsewhere_is_another_thing() {
    let mut store = Store::new();
    let here = run("a", "orders", 1);
    store.set_off(&here).unwrap();
    let there = HealingRun {
        place: "444455556666/eu-central-1".into(),
        ..here
    };
    assert!(store.set_off(&there).is_ok());
}

#[test]
fn what_rules_did_is_known_after_a_damaged_store_was_recovered() {
    let mut store = Store::new();
    store.heals(&run("a", "orders", 1), true);
    store.switch("b", false);
    let (done, switches) = (
        store.journal.healings().unwrap(),
        store.journal.healing_switches().unwrap(),
    );
    let path = store.folder.path().join("journal.db");
    drop(store.journal);
    rusqlite::Connection::open(&path)
        .and_then(|file| file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
        .unwrap();
    // What every SQLite file begins with is gone.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..16].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let (recovered, what) = Journal::open(&path).unwrap();
    assert!(what.is_some(), "it was damaged");
    assert_eq!(recovered.healings().unwrap(), done);
    assert_eq!(recovered.healing_switches().unwrap(), switches);
}

#[test]
fn what_nobody_approved_has_not_acted_and_counts_as_nothing() {
    let mut store = Store::new();
    let id = store.set_off(&run("a", "orders", 1)).unwrap();
    store.ends(&id, 2, false);
    let skipped = store.latest();
    assert_eq!(
        (skipped.status, skipped.error.as_deref()),
        (HealingStatus::Skipped, Some("not approved"))
    );
    assert!(store.set_off(&run("a", "orders", 2)).is_ok());
}

#[test]
fn a_thing_is_left_alone_for_a_while_after_it_was_healed_and_healed_so_often_only() {
    let mut store = Store::new();
    for time in 1..=3 {
        store.heals(&run("a", "orders", time), true);
        let why = store.set_off(&run("a", "orders", time + 10)).unwrap_err();
        assert!(why.starts_with("cooldown until"), "{why}");
        store.now += TimeDelta::seconds(300);
    }
    let why = store.set_off(&run("a", "orders", 9)).unwrap_err();
    assert_eq!(why, "attempts used up: 3 within 3600 s");
    assert!(
        store.set_off(&run("a", "payments", 9)).is_ok(),
        "another thing has its own"
    );
    store.now += TimeDelta::hours(1);
    assert!(
        store.set_off(&run("a", "orders", 9)).is_ok(),
        "the window is over"
    );
}

#[test]
fn one_alarm_is_answered_once_however_late_somebody_comes() {
    let mut store = Store::new();
    store.heals(&run("a", "orders", 1), true);
    store.now += TimeDelta::hours(2);
    let why = store.set_off(&run("a", "orders", 1)).unwrap_err();
    assert_eq!(why, "the rule has acted already because of this alarm");
}

#[test]
fn what_keeps_failing_opens_its_breaker() {
    let mut store = Store::new();
    let often = |time| HealingRun {
        cooldown: 0,
        attempts: 20,
        per_hour: 100,
        ..run("a", "orders", time)
    };
    for time in 1..=5 {
        store.heals(&often(time), false);
    }
    let why = store.set_off(&often(9)).unwrap_err();
    assert!(why.starts_with("breaker open until"), "{why}");
    store.now += TimeDelta::seconds(30);
    let half_open = store.set_off(&often(9)).unwrap();
    store.acts(&half_open);
    store.ends(&half_open, 3, false);
    assert!(store.set_off(&often(10)).is_err(), "it failed once more");
    // Three successes on end close it; until then a failure opens it at once.
    store.now += TimeDelta::seconds(30);
    store.heals(&often(11), true);
    store.heals(&often(12), false);
    assert!(store.set_off(&often(13)).is_err(), "it was on trial");
    store.now += TimeDelta::seconds(30);
    for time in 14..=16 {
        store.heals(&often(time), true);
    }
    store.heals(&often(17), false);
    assert!(store.set_off(&often(18)).is_ok(), "it is closed");
}

#[test]
fn how_much_failing_opens_a_breaker_is_configured() {
    let mut store = Store::new();
    let strict = |time| HealingRun {
        cooldown: 0,
        breaker: Policy {
            failures: 1,
            recovery: Duration::from_mins(10),
            successes: 1,
        },
        ..run("a", "orders", time)
    };
    store.heals(&strict(1), false);
    store.now += TimeDelta::minutes(9);
    let why = store.set_off(&strict(2)).unwrap_err();
    assert!(why.starts_with("breaker open until"), "{why}");
    store.now += TimeDelta::minutes(1);
    assert!(store.set_off(&strict(2)).is_ok());
}

#[test]
fn somebody_can_stop_one_rule_or_all_of_them() {
    let mut store = Store::new();
    store.switch("a", false);
    assert_eq!(
        store.set_off(&run("a", "orders", 1)),
        Err("disabled by ada".into())
    );
    assert!(store.set_off(&run("b", "orders", 1)).is_ok());
    store.switch("a", true);
    store.switch(ALL, false);
    let why = store.set_off(&run("a", "payments", 1)).unwrap_err();
    assert_eq!(why, "all healing was stopped by ada");
    store.switch(ALL, true);
    assert!(store.set_off(&run("a", "payments", 1)).is_ok());
}

#[test]
fn an_outage_of_many_things_starts_a_few_healings() {
    let mut store = Store::new();
    let set_off: Vec<_> = (0..50)
        .map(|thing| store.set_off(&run("a", &format!("i-{thing}"), 1)))
        .collect();
    assert_eq!(set_off.iter().filter(|one| one.is_ok()).count(), 10);
    assert!(
        set_off[49]
            .as_ref()
            .unwrap_err()
            .contains("10 healing actions in the last hour")
    );
}

#[test]
fn everything_survives_a_restart() {
    let mut store = Store::new();
    store.heals(&run("a", "orders", 1), true);
    store.switch("b", false);
    let path = store.folder.path().join("journal.db");
    let (journal, _) = Journal::open(&path).unwrap();
    store.journal = journal;
    assert!(
        store
            .set_off(&run("a", "orders", 2))
            .unwrap_err()
            .starts_with("cooldown")
    );
    assert!(
        store
            .set_off(&run("b", "orders", 2))
            .unwrap_err()
            .starts_with("disabled")
    );
}
