//! A healing that is proposed is proposed as long as it is called for, and no longer.

use serde_json::json;
use standdown::incident::{Command, Event, HealingRun, IncidentStatus, Proposed, Verdict};

use crate::walk::Walk;

const STEPS: &str = r#"
[[steps]]
id = "look"
kind = "manual"
title = "Look"
description = "d"
next = "good"
"#;

fn run(transition: &str) -> HealingRun {
    serde_json::from_value(json!({
        "rule": "restart", "layer": "platform", "action": "restart", "resource": "web",
        "place": "111122223333/eu-central-1", "mode": "propose", "transition": transition,
        "ordinal": 1, "cooldown": 600, "attempts": 3, "window": 3600, "per_hour": 6,
    }))
    .unwrap()
}

const FIRST: &str = "2026-11-30T03:00:00Z";
const LATER: &str = "2026-11-30T04:00:00Z";

fn propose(walk: &mut Walk, transition: &str) -> Vec<Event> {
    walk.ask(Command::ProposeHealing {
        run: run(transition),
        rule: Proposed {
            name: "restart.toml".into(),
            title: "Restart".into(),
            text: String::new(),
            trusted: true,
        },
    })
    .unwrap()
}

fn proposed() -> Walk {
    let mut walk = Walk::start_good("look", STEPS);
    propose(&mut walk, FIRST);
    assert!(walk.state.proposed().is_some());
    walk
}

#[test]
fn a_proposal_ends_when_its_condition_no_longer_holds_and_comes_back_when_it_does() {
    let mut walk = proposed();
    let events = walk
        .ask(Command::LapseHealing {
            run: run(FIRST),
            reason: "its condition no longer holds".into(),
        })
        .unwrap();
    assert_eq!(events.len(), 1);
    assert!(walk.state.proposed().is_none());
    propose(&mut walk, FIRST);
    assert!(walk.state.proposed().is_some(), "it holds again");
}

#[test]
fn what_is_not_proposed_does_not_lapse() {
    let mut walk = Walk::start_good("look", STEPS);
    let events = walk
        .ask(Command::LapseHealing {
            run: run(FIRST),
            reason: "its condition no longer holds".into(),
        })
        .unwrap();
    assert_eq!(events, []);
}

#[test]
fn a_proposal_ends_with_the_outcome_of_the_playbook() {
    let mut walk = proposed();
    walk.confirm(Verdict::Done);
    assert!(walk.state.proposed().is_none());
    propose(&mut walk, FIRST);
    assert!(walk.state.proposed().is_none(), "the same alarm");
    propose(&mut walk, LATER);
    assert!(walk.state.proposed().is_some(), "the alarm fired again");
}

#[test]
fn a_proposal_ends_when_the_incident_is_mitigated() {
    let mut walk = proposed();
    walk.ask(Command::SetStatus(IncidentStatus::Mitigated))
        .unwrap();
    assert!(walk.state.proposed().is_none());
}

#[test]
fn the_timeline_says_why_a_proposal_ended() {
    let mut walk = proposed();
    walk.ask(Command::LapseHealing {
        run: run(FIRST),
        reason: "the alarm a has cleared".into(),
    })
    .unwrap();
    let last = &walk.events.last().unwrap().event;
    assert_eq!(
        standdown::incident::sentence(last, &walk.state).unwrap(),
        "healing restart of web is no longer proposed: the alarm a has cleared"
    );
}
