//! "Paged" and "NOBODY WAS PAGED".

use std::sync::Arc;

use standdown::document::Source;
use standdown::incident::{Command, Event, PageState, Reach, State, card, sentence};
use standdown::playbook::EscalationPaths;

use super::walk::Walk;

const STEPS: &str = r#"
[[steps]]
id = "choose"
kind = "decision"
title = "Choose"
description = "d"
[[steps.branches]]
label = "Fix"
when = "alarm.state == 'ALARM'"
next = "good"
[[steps.branches]]
label = "Otherwise"
otherwise = true
next = "bad"
"#;

/// An incident that was escalated along these levels.
fn escalated(paths: &str) -> Walk {
    let (paths, problems) = EscalationPaths::compile(&Source::new(
        "escalation.toml",
        format!("format = 1\n{paths}"),
    ));
    assert!(problems.is_empty(), "{problems:#?}");
    let mut walk = Walk::start("choose", STEPS);
    walk.state = std::mem::replace(&mut walk.state, State::new(standdown::actions::VOCABULARY))
        .escalating(Arc::new(paths));
    walk.ask(Command::Escalate {
        reason: "it grows".into(),
    })
    .unwrap();
    walk
}

const TWO: &str = r#"
[contacts.first]
name = "first responder"
channels = ["pager", "chat"]
[contacts.second]
name = "commander"
channels = ["pager"]
[[paths.primary.levels]]
contacts = ["first"]
wait = "10m"
[[paths.primary.levels]]
contacts = ["second"]
wait = "10m"
"#;

fn page(walk: &mut Walk, level: u32, channel: &str, result: Result<&str, &str>) {
    let escalation = walk.state.escalations().last().unwrap().id;
    walk.ask(Command::PageEnded {
        escalation,
        level,
        round: 0,
        channel: channel.into(),
        result: result.map(str::to_owned).map_err(str::to_owned),
    })
    .unwrap();
}

fn levels(walk: &Walk) -> Vec<u32> {
    let asked = walk
        .events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::EscalationLevelAsked { level, .. } => Some(*level),
            _ => None,
        });
    asked.collect()
}

fn says(walk: &Walk, wanted: &str) -> bool {
    let said = walk
        .events
        .iter()
        .filter_map(|recorded| sentence(&recorded.event, &walk.state));
    let card = card(&walk.state, walk.now, None);
    said.chain(card).any(|line| line.contains(wanted))
}

#[test]
fn a_level_without_a_channel_pages_nobody_and_the_next_follows_at_once() {
    let walk = escalated(
        "[[paths.primary.levels]]\ncontacts = [\"platform on-call\"]\nwait = \"10m\"\n[[paths.primary.levels]]\ncontacts = [\"commander\"]\nwait = \"10m\"\n",
    );
    assert_eq!(levels(&walk), [1, 2]);
    assert_eq!(walk.state.nobody_paged().len(), 1);
    assert!(says(
        &walk,
        "NOBODY WAS PAGED at level 1: no channel for platform on-call"
    ));
    assert!(!says(&walk, "level 1 paged") && !says(&walk, "accepted"));
}

#[test]
fn a_page_that_is_sent_is_not_yet_a_page() {
    let walk = escalated(TWO);
    let one = walk.state.escalations().last().unwrap();
    assert_eq!(one.asked[0].reach(), Reach::Sending);
    assert!(says(
        &walk,
        "paging level 1 (first responder), not accepted yet"
    ));
    assert!(!says(&walk, "level 1 paged"));
}

#[test]
fn a_page_is_one_that_a_channel_accepted_with_its_answer() {
    let mut walk = escalated(TWO);
    page(&mut walk, 1, "pager", Ok("202 Accepted"));
    assert!(says(
        &walk,
        "pager accepted the page of level 1: 202 Accepted"
    ));
    assert!(says(
        &walk,
        "level 1 paged (first responder), not acknowledged"
    ));
    assert!(walk.state.nobody_paged().is_empty());
}

#[test]
fn a_page_that_is_given_up_starts_the_next_level_at_once() {
    let mut walk = escalated(TWO);
    page(&mut walk, 1, "pager", Err("401 Unauthorized"));
    assert_eq!(
        levels(&walk),
        [1],
        "the other channel may still reach somebody"
    );
    page(&mut walk, 1, "chat", Err("404 Not Found"));
    assert_eq!(levels(&walk), [1, 2]);
    page(&mut walk, 2, "pager", Err("401 Unauthorized"));
    let nobody = walk.state.nobody_paged();
    let (_, asked) = nobody.last().unwrap();
    assert_eq!(asked.unwrap().why_nobody(), "pager: 401 Unauthorized");
    assert!(says(&walk, "NOBODY WAS PAGED"));
}

#[test]
fn one_channel_that_fails_does_not_undo_the_page_of_another() {
    let mut walk = escalated(TWO);
    page(&mut walk, 1, "pager", Ok("202 Accepted"));
    page(&mut walk, 1, "chat", Err("404 Not Found"));
    assert_eq!(levels(&walk), [1]);
    assert!(walk.state.nobody_paged().is_empty());
}

#[test]
fn a_page_that_arrives_late_counts_and_one_that_was_told_twice_is_one() {
    let mut walk = escalated(TWO);
    page(&mut walk, 1, "pager", Err("no answer"));
    page(&mut walk, 1, "pager", Ok("202 Accepted"));
    page(&mut walk, 1, "pager", Ok("202 Accepted"));
    page(&mut walk, 1, "pager", Err("no answer"));
    let one = walk.state.escalations().last().unwrap();
    let state = &one.asked[0]
        .pages
        .iter()
        .find(|page| page.channel == "pager")
        .unwrap()
        .state;
    assert!(matches!(state, PageState::Accepted { .. }), "{state:?}");
    let told = walk.events.iter().filter(|recorded| {
        matches!(
            recorded.event,
            Event::PageAccepted { .. } | Event::PageGivenUp { .. }
        )
    });
    assert_eq!(told.count(), 2);
}

#[test]
fn a_path_that_does_not_exist_pages_nobody() {
    let walk = escalated("");
    assert!(says(&walk, "NOBODY WAS PAGED"));
    assert_eq!(walk.state.nobody_paged().len(), 1);
}

#[test]
fn the_line_stays_until_somebody_records_who_answered() {
    let mut walk = escalated("");
    walk.pass(3600);
    assert_eq!(walk.state.nobody_paged().len(), 1);
    walk.ask(Command::AcknowledgeEscalation {
        note: Some("grace, by phone".into()),
    })
    .unwrap();
    assert!(walk.state.nobody_paged().is_empty());
}

#[test]
fn an_outcome_waits_for_the_question_whether_to_escalate() {
    let steps = r#"
[[steps]]
id = "read"
kind = "automated"
title = "Read"
description = "d"
expect = "e"
on_failure = "escalate"
next = "good"
run.metric = { namespace = "n", name = "m", window = "15m" }
"#;
    let mut walk = Walk::start_good("read", steps);
    walk.fail("read", "AccessDenied", None);
    let execution = walk.state.execution().unwrap();
    assert_eq!(
        execution.status.name(),
        "in_progress",
        "nothing is resolved while it is asked"
    );
    let id = walk.state.pending_escalation().unwrap().id;
    walk.ask(Command::PostponeEscalation {
        escalation: id,
        until: walk.now + chrono::Duration::minutes(10),
        reason: "I look first".into(),
    })
    .unwrap();
    let execution = walk.state.execution().unwrap();
    assert_eq!(execution.status.name(), "completed");
}
