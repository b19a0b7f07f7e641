//! The report, the hand-over card and the statistics say what was recorded, and nothing else.

use serde_json::json;
use standdown::actions::VOCABULARY;
use standdown::incident::{Command, IncidentStatus, Review, Verdict, card};
use standdown::playbook::Catalog;
use standdown::report::{Branches, Report, Statistics, Wanted, markdown, statistics};

use crate::walk::Walk;

const READ: &str = r#"
[[steps]]
id = "read"
kind = "automated"
title = "Read"
description = "d"
expect = "e"
output = "cpu"
on_failure = "continue"
next = "choose"
run.metric = { namespace = "n", name = "m", window = "15m" }
[[steps]]
id = "choose"
kind = "decision"
title = "Choose"
description = "d"
[[steps.branches]]
label = "Hot"
when = "cpu.last > 90.0"
next = "by-hand"
[[steps.branches]]
label = "Cold"
when = "cpu.last < 1.0"
next = "by-hand"
[[steps.branches]]
label = "Otherwise"
otherwise = true
next = "bad"
[[steps]]
id = "by-hand"
kind = "manual"
title = "Restart by Hand"
description = "d"
commands = ["systemctl restart web"]
next = "good"
"#;

fn read(last: f64) -> Walk {
    let mut walk = Walk::start("read", READ);
    walk.succeed("read", json!({"last": last, "datapoints": 3}));
    walk
}

fn report(walk: &Walk) -> Report {
    Report::of(&walk.state, &walk.events, &[], Vec::new()).unwrap()
}

fn text(walk: &Walk) -> String {
    let report = report(walk);
    let review = report.review(&walk.state);
    markdown(&report, &review)
}

fn lines(walk: &Walk) -> String {
    card(&walk.state, walk.now, None).join("\n")
}

fn counted(walk: &Walk) -> Statistics {
    let wanted = Wanted {
        since: None,
        playbook: None,
    };
    statistics(
        std::iter::once(walk.events.as_slice()),
        wanted,
        &Catalog::default(),
        (VOCABULARY, walk.now),
    )
}

fn branch(walk: &Walk, label: &str) -> Branches {
    let statistics = counted(walk);
    let mut branches = statistics.branches.into_iter();
    branches.find(|one| one.branch == label).unwrap()
}

#[test]
fn an_override_is_in_the_report_and_on_the_card_with_its_reason() {
    let mut walk = read(97.0);
    walk.take(1, Some("the sensor is broken")).unwrap();
    let report = text(&walk);
    assert!(
        report.contains("\"Hot\" was recommended. Another one was taken because: the sensor"),
        "{report}"
    );
    let card = lines(&walk);
    let wanted = "override: Choose: took \"Cold\" although \"Hot\" was recommended, because the sensor is broken";
    assert!(card.contains(wanted), "{card}");
}

#[test]
fn where_nothing_was_recommended_the_report_says_so() {
    let mut walk = Walk::start("read", READ);
    walk.fail("read", "throttled", None);
    walk.take(0, Some("the graph shows it")).unwrap();
    let report = text(&walk);
    assert!(report.contains("No branch was recommended."), "{report}");
    assert!(!report.contains("\"\" was recommended"), "{report}");
    let card = lines(&walk);
    assert!(card.contains("although nothing was recommended"), "{card}");
}

#[test]
fn a_branch_that_was_undone_counts_nowhere() {
    let mut walk = read(97.0);
    walk.take(2, Some("a slip")).unwrap();
    walk.ask(Command::UndoBranch).unwrap();
    walk.take(0, None).unwrap();
    assert_eq!(branch(&walk, "Otherwise").taken, 0);
    assert_eq!(branch(&walk, "Hot").overridden, 0);
    assert_eq!(branch(&walk, "Hot").taken, 1);
    let card = lines(&walk);
    assert!(!card.contains("override"), "{card}");
    let report = text(&walk);
    assert!(
        report.contains("took \"Otherwise\", and undid it"),
        "{report}"
    );
}

#[test]
fn only_what_evidence_excluded_is_ruled_out() {
    let mut walk = read(97.0);
    walk.take(0, None).unwrap();
    let card = lines(&walk);
    assert!(card.contains("ruled out: \"Cold\""), "{card}");
    let mut walk = Walk::start("read", READ);
    walk.fail("read", "throttled", None);
    walk.take(0, Some("the graph shows it")).unwrap();
    let card = lines(&walk);
    assert!(!card.contains("ruled out"), "nothing was read: {card}");
}

#[test]
fn what_was_done_by_hand_is_in_the_report_and_on_the_card() {
    let mut walk = read(97.0);
    walk.take(0, None).unwrap();
    walk.confirm(Verdict::Done);
    let report = text(&walk);
    let wanted = "Restart by Hand (commands that may have changed the system): done by u";
    assert!(report.contains(wanted), "{report}");
    let card = lines(&walk);
    let wanted = "changed: Restart by Hand, with commands run by hand";
    assert!(card.contains(wanted), "{card}");
}

#[test]
fn what_was_skipped_is_not_done() {
    let mut walk = read(97.0);
    walk.take(0, None).unwrap();
    walk.confirm(Verdict::Skipped);
    let report = text(&walk);
    assert!(report.contains("Restart by Hand: skipped by u"), "{report}");
    assert!(!report.contains("may have changed"), "{report}");
    let card = lines(&walk);
    assert!(!card.contains("changed:"), "{card}");
}

#[test]
fn a_list_that_is_shortened_says_how_many_it_leaves_out() {
    let steps: Vec<String> = (1..=6)
        .map(|number| {
            let next = if number == 6 {
                "good".to_owned()
            } else {
                format!("s{}", number + 1)
            };
            format!(
                "[[steps]]\nid = \"s{number}\"\nkind = \"manual\"\ntitle = \"Step {number}\"\ndescription = \"d\"\nnext = \"{next}\"\n"
            )
        })
        .collect();
    let mut walk = Walk::start_good("s1", &steps.concat());
    for _ in 0..6 {
        walk.confirm(Verdict::Done);
    }
    let card = lines(&walk);
    assert!(
        card.contains("Step 4 (by hand, done) (and 3 before)"),
        "{card}"
    );
}

#[test]
fn an_incident_that_was_not_mitigated_has_no_time_to_it() {
    let walk = read(97.0);
    let durations = report(&walk).durations;
    assert_eq!(durations.mitigate, None);
    assert_eq!(durations.resolve, None);
    let report = text(&walk);
    assert!(report.contains("| mitigate | not known |"), "{report}");
}

#[test]
fn impact_is_said_only_once_a_person_graded_it() {
    let mut walk = read(97.0);
    assert_eq!(report(&walk).impact, "not graded yet");
    let review = Review {
        impact: "Orders failed for 4 % of the customers.".into(),
        ..Review::default()
    };
    walk.ask(Command::Review(review)).unwrap();
    assert!(report(&walk).impact.contains("4 %"));
}

#[test]
fn an_incident_is_resolved_only_when_somebody_said_so() {
    let mut walk = read(97.0);
    walk.take(0, None).unwrap();
    assert!(!text(&walk).contains("resolved after"));
    walk.ask(Command::SetStatus(IncidentStatus::Resolved))
        .unwrap();
    assert!(text(&walk).contains("resolved after"));
}
