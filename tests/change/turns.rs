//! A change on its way: turn by turn, verified, and taken back.

use chrono::Duration;
use standdown::incident::{
    AttemptOrigin, AttemptStatus, Command, Effect, Event, Intent, Question, Verdict, VisitResult,
};

use crate::walk::{Walk, step};

const VERIFY: &str = r#"
approval = "self"
verify = { holds = "after.maximum < 50", within = "5m", run = { metric = { namespace = "n", name = "m", window = "5m" } } }
undo.ssm_automation = { document = "Back", parameters = { Name = "one", Was = "{{ before.maximum }}" }, target_parameter = "Name" }
"#;
const WAVES: &str = r#"
approval = "self"
waves = { size = 2, pause = "1m" }
verify = { holds = "after.maximum < 50", within = "5m", run = { metric = { namespace = "n", name = "m", window = "5m" } } }
"#;

fn origin(walk: &Walk) -> AttemptOrigin {
    let id = walk.running();
    walk.state.attempt(id).unwrap().1.origin
}

#[test]
fn a_change_is_done_when_what_was_to_hold_holds() {
    let mut walk = Walk::with(VERIFY, true);
    walk.surveyed();
    let attempt = walk.approve();
    walk.end(attempt, AttemptStatus::Succeeded);
    assert_eq!(origin(&walk), AttemptOrigin::Verify);
    assert!(matches!(walk.asked(), Question::Working(_)));
    walk.verified(AttemptStatus::Succeeded, 30);
    assert!(matches!(walk.asked(), Question::Decision { .. }));
    let output = &walk.state.walking().unwrap().outputs["one"].json;
    assert_eq!(output["before"]["maximum"], 97);
    assert_eq!(output["after"]["maximum"], 30);
    assert_eq!(
        (&output["verified"], &output["status"]),
        (&true.into(), &"Success".into())
    );
}

#[test]
fn who_does_not_take_it_back_stands_before_it_as_before() {
    let mut walk = Walk::with(VERIFY, true);
    walk.surveyed();
    let attempt = walk.approve();
    walk.end(attempt, AttemptStatus::Succeeded);
    walk.verified(AttemptStatus::TimedOut, 95);
    for described in [true, false] {
        walk.ask(Command::Undo {
            step: step(),
            visit: 1,
        })
        .unwrap();
        if described {
            walk.surveyed();
        } else {
            let nonce = walk
                .state
                .walking()
                .unwrap()
                .survey
                .as_ref()
                .unwrap()
                .intent
                .nonce;
            walk.ask(Command::Surveyed {
                step: step(),
                visit: 1,
                nonce,
                result: Err("no such document".into()),
            })
            .unwrap();
        }
        walk.ask(Command::Decline {
            step: step(),
            visit: 1,
            reason: "it may recover".into(),
        })
        .unwrap();
        assert!(
            matches!(walk.asked(), Question::Standing { .. }),
            "{:?}",
            walk.asked()
        );
    }
}

#[test]
fn what_did_not_have_its_effect_can_be_taken_back_and_has_failed() {
    let mut walk = Walk::with(VERIFY, true);
    walk.surveyed();
    let attempt = walk.approve();
    walk.end(attempt, AttemptStatus::Succeeded);
    walk.verified(AttemptStatus::TimedOut, 95);
    let Question::Standing {
        change, standing, ..
    } = walk.asked()
    else {
        panic!("{:?}", walk.asked());
    };
    assert!(standing.can_undo && standing.can_verify);
    assert_eq!(change.before.as_ref().unwrap()["maximum"], 97);
    assert_eq!(change.after.as_ref().unwrap()["maximum"], 95);
    for _ in 0..3 {
        assert_eq!(
            walk.wait(Duration::hours(1)),
            [],
            "it stands until somebody decides"
        );
    }
    walk.ask(Command::Undo {
        step: step(),
        visit: 1,
    })
    .unwrap();
    let survey = walk.state.walking().unwrap().survey.clone().unwrap();
    assert_eq!(survey.intent.document(), "Back");
    assert_eq!(survey.intent.parameters["parameters"]["Was"], 97);
    assert_eq!(survey.intent.undoes, Some(attempt));
    walk.surveyed();
    // Nobody knows whether it was taken back: asked again, it is the same that is described.
    let unclear = walk.approve();
    walk.end(unclear, AttemptStatus::Unknown);
    walk.ask(Command::RequestAgain {
        step: step(),
        visit: 1,
    })
    .unwrap();
    let again = walk.state.walking().unwrap().survey.clone().unwrap();
    assert_eq!(again.intent.document(), "Back");
    assert_eq!(again.intent.parameters["parameters"]["Was"], 97);
    assert_eq!(again.intent.undoes, Some(attempt));
    walk.surveyed();
    let undo = walk.approve();
    assert_ne!(undo, attempt);
    let made = walk.state.attempt(undo).unwrap().1.intent.clone().unwrap();
    assert_eq!(made.undoes, Some(attempt));
    walk.end(undo, AttemptStatus::Succeeded);
    let visit = walk.state.execution().unwrap().visits[0].clone();
    assert!(
        matches!(&visit.result, Some(VisitResult::Failed { error }) if error.contains("taken back")),
        "{visit:?}"
    );
}

#[test]
fn the_responder_may_look_again_or_say_that_it_worked() {
    let mut walk = Walk::with(VERIFY, true);
    walk.surveyed();
    let attempt = walk.approve();
    walk.end(attempt, AttemptStatus::Succeeded);
    walk.verified(AttemptStatus::TimedOut, 95);
    walk.ask(Command::VerifyAgain {
        step: step(),
        visit: 1,
    })
    .unwrap();
    walk.verified(AttemptStatus::TimedOut, 60);
    walk.ask(Command::Confirm {
        step: step(),
        visit: 1,
        verdict: Verdict::Done,
        note: Some("60 is fine tonight".into()),
        answers: Default::default(),
    })
    .unwrap();
    assert!(matches!(walk.asked(), Question::Decision { .. }));
}

#[test]
fn turns_follow_each_other_with_a_pause_and_a_look() {
    let mut walk = Walk::with(WAVES, true);
    walk.targets = vec!["one", "two", "three"];
    walk.surveyed();
    let digest = walk.digest();
    let first = walk.approve();
    walk.effects.clear();
    walk.end(first, AttemptStatus::Succeeded);
    assert_eq!(
        walk.effects.last(),
        Some(&Effect::WakeAt(walk.now + Duration::minutes(1)))
    );
    for _ in 0..3 {
        assert_eq!(walk.wait(Duration::seconds(10)), [], "the pause is kept");
    }
    walk.wait(Duration::seconds(30));
    assert_eq!(origin(&walk), AttemptOrigin::Verify);
    assert_eq!(
        walk.wait(Duration::seconds(5)),
        [],
        "it is looked at once at a time"
    );
    walk.effects.clear();
    walk.verified(AttemptStatus::Succeeded, 30);
    let second = Intent::attempt(&digest, 2);
    assert_eq!(walk.effects.last(), Some(&Effect::Send(second)));
    let (_, attempt) = walk.state.attempt(second).unwrap();
    assert_eq!((attempt.number, attempt.signed_at), (2, Some(walk.now)));
    walk.end(second, AttemptStatus::Succeeded);
    walk.verified(AttemptStatus::Succeeded, 30);
    assert!(
        matches!(walk.asked(), Question::Decision { .. }),
        "after the last there is no pause"
    );
}

#[test]
fn a_turn_that_fails_is_the_last_one() {
    for looked in [false, true] {
        let mut walk = Walk::with(WAVES, true);
        walk.targets = vec!["1", "2", "3", "4", "5"];
        walk.surveyed();
        let digest = walk.digest();
        let first = walk.approve();
        walk.end(first, AttemptStatus::Succeeded);
        walk.wait(Duration::minutes(1));
        walk.verified(AttemptStatus::Succeeded, 30);
        let second = Intent::attempt(&digest, 2);
        if looked {
            walk.end(second, AttemptStatus::Succeeded);
            walk.wait(Duration::minutes(1));
            walk.verified(AttemptStatus::TimedOut, 99);
        } else {
            walk.end(second, AttemptStatus::Cancelled);
        }
        assert!(
            matches!(walk.asked(), Question::Standing { .. }),
            "{:?}",
            walk.asked()
        );
        walk.effects.clear();
        for _ in 0..5 {
            walk.wait(Duration::hours(1));
            walk.ask(Command::TakeUp).unwrap();
        }
        assert_eq!(walk.effects, [], "no third turn begins");
        assert!(walk.state.attempt(Intent::attempt(&digest, 3)).is_none());
    }
}

#[test]
fn a_pause_can_be_stopped() {
    let mut walk = Walk::with(WAVES, true);
    walk.targets = vec!["1", "2", "3"];
    walk.surveyed();
    let first = walk.approve();
    walk.end(first, AttemptStatus::Succeeded);
    let events = walk.ask(Command::CancelCurrent).unwrap();
    assert!(
        matches!(events.as_slice(), [Event::TurnsStopped { .. }]),
        "{events:?}"
    );
    assert!(matches!(walk.asked(), Question::Standing { .. }));
    walk.wait(Duration::hours(1));
    assert!(matches!(walk.asked(), Question::Standing { .. }));
}

#[test]
fn whoever_takes_it_up_looks_again_and_goes_on() {
    let mut walk = Walk::with(VERIFY, true);
    walk.surveyed();
    let attempt = walk.approve();
    walk.end(attempt, AttemptStatus::Succeeded);
    walk.ask(Command::TakeUp).unwrap();
    assert_eq!(origin(&walk), AttemptOrigin::Verify);
    walk.verified(AttemptStatus::Succeeded, 30);
    assert!(matches!(walk.asked(), Question::Decision { .. }));
}
