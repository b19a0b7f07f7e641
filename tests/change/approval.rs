//! Who may agree to a change, and to which.

use std::sync::Arc;

use chrono::Duration;
use standdown::document::Source;
use standdown::incident::{Approver, AttemptStatus, Command, Effect, Event, Question, Refusal};
use standdown::playbook::EscalationPaths;

use crate::walk::{Walk, approve, approve_because, step};

const TWO: &str = r#"approval = { count = 2, group = "sre", valid = "10m" }"#;
const ONE: &str = r#"approval = { count = 1, group = "sre", valid = "10m" }"#;

fn other(uid: u32) -> Approver {
    Approver {
        user: format!("user-{uid}"),
        uid,
        arn: None,
        shared: false,
    }
}

fn agree(digest: &str, approver: Approver) -> Command {
    Command::Agree {
        digest: digest.into(),
        approver,
    }
}

/// Stands where others were asked.
fn sought(more: &str) -> (Walk, String) {
    let mut walk = Walk::with(more, true);
    walk.surveyed();
    let digest = walk.digest();
    walk.ask(approve_because(&digest, "one", "it is stuck"))
        .unwrap();
    (walk, digest)
}

#[test]
fn others_are_asked_with_a_reason_and_nothing_runs_before_they_agree() {
    let mut walk = Walk::with(TWO, true);
    walk.surveyed();
    let digest = walk.digest();
    assert_eq!(walk.ask(approve(&digest, "one")), Err(Refusal::WhyNeeded));
    assert_eq!(
        walk.ask(agree(&digest, other(2))),
        Err(Refusal::OtherDigest),
        "nobody was asked yet"
    );
    walk.effects.clear();
    walk.ask(approve_because(&digest, "one", "it is stuck"))
        .unwrap();
    assert_eq!(
        walk.effects,
        [
            Effect::Publish,
            Effect::WakeAt(walk.now + Duration::minutes(10))
        ]
    );
    assert!(matches!(
        walk.ask(approve_because(&digest, "one", "again")),
        Err(Refusal::Sought(2, _))
    ));
    walk.effects.clear();
    walk.ask(agree(&digest, other(2))).unwrap();
    assert_eq!(walk.ask(agree(&digest, other(2))).unwrap(), [], "once each");
    assert_eq!(walk.effects, []);
    let events = walk.ask(agree(&digest, other(3))).unwrap();
    let granted = events
        .iter()
        .position(|event| matches!(event, Event::ApprovalGranted { .. }));
    let started = events
        .iter()
        .position(|event| matches!(event, Event::AttemptStarted { .. }));
    assert!(granted < started && granted.is_some(), "{events:?}");
    assert_eq!(
        walk.ask(agree(&digest, other(4))),
        Err(Refusal::OtherDigest),
        "it is used up"
    );
}

#[test]
fn whoever_asks_does_not_agree() {
    let (mut walk, digest) = sought(ONE);
    assert!(matches!(
        walk.ask(agree(&digest, other(1001))),
        Err(Refusal::OwnRequest(_))
    ));
    let (mut walk, digest) = {
        let mut walk = Walk::with(ONE, true);
        walk.who.arn = Some("arn:aws:sts::1:assumed-role/ops/x".into());
        walk.surveyed();
        let digest = walk.digest();
        walk.ask(approve_because(&digest, "one", "why")).unwrap();
        (walk, digest)
    };
    let same = Approver {
        arn: walk.who.arn.clone(),
        ..other(2)
    };
    assert!(matches!(
        walk.ask(agree(&digest, same.clone())),
        Err(Refusal::SameCaller(_))
    ));
    let shared = Approver {
        shared: true,
        ..same
    };
    walk.ask(agree(&digest, shared)).unwrap();
    assert!(matches!(walk.asked(), Question::Working(_)));
}

#[test]
fn a_request_ends_and_a_clock_that_is_set_back_revives_nothing() {
    let (mut walk, digest) = sought(ONE);
    walk.now += Duration::minutes(11);
    assert_eq!(walk.ask(agree(&digest, other(2))), Err(Refusal::Expired));
    let events = walk.ask(Command::Tick).unwrap();
    assert!(
        matches!(events.as_slice(), [Event::ApprovalExpired { .. }]),
        "{events:?}"
    );
    walk.now -= Duration::hours(1);
    assert_eq!(
        walk.ask(agree(&digest, other(2))),
        Err(Refusal::OtherDigest)
    );
    assert!(matches!(walk.asked(), Question::Undescribed(_)));
    // By the clock of AWS it has ended as well, whatever this machine's says.
    let (mut walk, digest) = sought(ONE);
    walk.ahead = Duration::minutes(11);
    assert_eq!(walk.ask(agree(&digest, other(2))), Err(Refusal::Expired));
}

#[test]
fn an_older_description_is_not_agreed_to() {
    let (mut walk, old) = sought(ONE);
    walk.wait(Duration::minutes(11));
    walk.ask(Command::RequestAgain {
        step: step(),
        visit: 1,
    })
    .unwrap();
    walk.surveyed();
    let new = walk.digest();
    assert_ne!(old, new);
    walk.ask(approve_because(&new, "one", "still stuck"))
        .unwrap();
    assert_eq!(walk.ask(agree(&old, other(2))), Err(Refusal::OtherDigest));
}

#[test]
fn another_ones_no_is_recorded_and_fails_the_step() {
    let (mut walk, digest) = sought(TWO);
    let no = |approver, reason: &str| Command::Disagree {
        digest: digest.clone(),
        approver,
        reason: reason.into(),
    };
    assert_eq!(walk.ask(no(other(2), " ")), Err(Refusal::Empty));
    let events = walk.ask(no(other(2), "wait for the backup")).unwrap();
    assert!(matches!(
        &events[0],
        Event::ApprovalDeclined { approver: Some(by), .. } if by.uid == 2
    ));
    assert!(
        walk.state.walking().is_none(),
        "on failure this playbook stops"
    );
}

#[test]
fn what_does_not_count_is_said_once() {
    let (mut walk, digest) = sought(ONE);
    let refuse = Command::RefuseAgreement {
        digest,
        from: "x.answer".into(),
        reason: "it has 2 names".into(),
    };
    assert_eq!(walk.ask(refuse.clone()).unwrap().len(), 1);
    assert_eq!(walk.ask(refuse).unwrap(), []);
}

#[test]
fn a_group_is_asked_on_its_channels_and_for_what_it_may_agree_to_alone() {
    for (documents, wanted) in [("Fir*", true), ("Second", false)] {
        let file = format!(
            "format = 1\n[approvers.sre]\nchannels = [\"sre-approvals\"]\ndocuments = [\"{documents}\"]\n"
        );
        let (paths, problems) = EscalationPaths::compile(&Source::new("escalation.toml", file));
        assert!(problems.is_empty(), "{problems:#?}");
        let mut walk = Walk::with(ONE, true);
        walk.state = walk.state.clone().escalating(Arc::new(paths));
        walk.surveyed();
        let digest = walk.digest();
        let asked = walk.ask(approve_because(&digest, "one", "it is stuck"));
        if wanted {
            let told = asked.unwrap().into_iter().find_map(|event| match event {
                Event::ApprovalSought { channels, .. } => Some(channels),
                _ => None,
            });
            assert_eq!(told.as_deref(), Some(&["sre-approvals".to_owned()][..]));
        } else {
            let refused = Refusal::NotTheirs("sre".into(), "First".into());
            assert_eq!(asked, Err(refused));
        }
    }
}

#[test]
fn more_than_the_ceiling_is_another_act_and_another_description() {
    let more = "approval = \"self\"\nceiling = { count = 1 }";
    let mut walk = Walk::with(more, true);
    walk.targets = vec!["one", "two", "three"];
    walk.total = 41;
    walk.surveyed();
    let digest = walk.digest();
    assert!(matches!(
        walk.ask(approve(&digest, "3")),
        Err(Refusal::OverCeiling(_))
    ));
    let raise = |reason: &str, digest: &str| Command::RaiseCeiling {
        step: step(),
        visit: 1,
        digest: digest.into(),
        reason: reason.into(),
    };
    assert_eq!(walk.ask(raise(" ", &digest)), Err(Refusal::WhyNeeded));
    walk.ask(raise("all three are idle", &digest)).unwrap();
    let raised = walk.digest();
    assert_ne!(raised, digest);
    assert_eq!(walk.ask(approve(&digest, "3")), Err(Refusal::OtherDigest));
    walk.ask(approve(&raised, "3")).unwrap();
    assert!(matches!(walk.asked(), Question::Working(_)));
}

#[test]
fn a_closed_calendar_wants_a_reason() {
    let mut walk = Walk::started();
    walk.closed = Some("the change calendar freeze is closed".into());
    walk.surveyed();
    let digest = walk.digest();
    for none in [
        approve(&digest, "one"),
        approve_because(&digest, "one", "  "),
    ] {
        assert!(matches!(walk.ask(none), Err(Refusal::CalendarClosed(_))));
    }
    let events = walk
        .ask(approve_because(&digest, "one", "customers wait"))
        .unwrap();
    assert!(matches!(
        &events[0],
        Event::ApprovalGranted { reason: Some(reason), .. } if reason == "customers wait"
    ));
}

#[test]
fn an_agreement_given_beforehand_counts_where_it_is_in_force() {
    let agreed = |until: &str, when: &str| {
        format!("{ONE}\npreapproved = {{ by = \"platform\", until = {until}, when = \"{when}\" }}")
    };
    let asks_nobody = |more: &str, trusted: bool| {
        let mut walk = Walk::with(more, trusted);
        walk.surveyed();
        let digest = walk.digest();
        walk.ask(approve(&digest, "one")).is_ok()
    };
    assert!(asks_nobody(
        &agreed("2023-11-30", "alarm.name == 'a'"),
        true
    ));
    assert!(
        !asks_nobody(&agreed("2023-11-13", "alarm.name == 'a'"), true),
        "it has run out"
    );
    assert!(
        !asks_nobody(&agreed("2023-11-30", "alarm.name == 'b'"), true),
        "its condition does not hold"
    );
    assert!(
        !asks_nobody(&agreed("2023-11-30", "alarm.name == 'a'"), false),
        "others can write the file"
    );
    // It is in force when it is shown, and no longer when somebody says yes.
    let mut walk = Walk::with(&agreed("2023-11-15T00:00:00Z", "alarm.name == 'a'"), true);
    walk.surveyed();
    let digest = walk.digest();
    walk.now += Duration::hours(2);
    assert_eq!(walk.ask(approve(&digest, "one")), Err(Refusal::Expired));
}

#[test]
fn what_nobody_knows_the_end_of_wants_another_agreement() {
    let (mut walk, digest) = sought(ONE);
    walk.ask(agree(&digest, other(2))).unwrap();
    let attempt = walk.running();
    walk.end(attempt, AttemptStatus::Unknown);
    assert_eq!(
        walk.ask(agree(&digest, other(3))),
        Err(Refusal::OtherDigest)
    );
    walk.ask(Command::RequestAgain {
        step: step(),
        visit: 1,
    })
    .unwrap();
    walk.surveyed();
    assert_ne!(walk.digest(), digest);
}

#[test]
fn what_cannot_be_described_is_not_made() {
    let mut walk = Walk::started();
    let nonce = walk
        .state
        .walking()
        .unwrap()
        .survey
        .as_ref()
        .unwrap()
        .intent
        .nonce;
    let failed = |nonce| Command::Surveyed {
        step: step(),
        visit: 1,
        nonce,
        result: Err("no such document".into()),
    };
    let stranger = uuid::Uuid::from_u128(99);
    assert!(
        walk.ask(failed(stranger)).is_err(),
        "an answer to another question"
    );
    walk.ask(failed(nonce)).unwrap();
    assert!(matches!(walk.asked(), Question::Undescribed(_)));
    walk.ask(Command::RequestAgain {
        step: step(),
        visit: 1,
    })
    .unwrap();
    walk.surveyed();
    walk.digest();
}
