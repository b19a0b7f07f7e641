//! A change before it is made, and what became of it.
//!
//! ```text
//!   Shall this change be made?
//!   runs       restart-ecs-service, version 3, as an Automation
//!   changes    orders
//!   which is   1 of 12 services, 8 %
//!   …
//!      a  approve: you type orders
//!      f  do not make it, with a reason
//! ```

use serde_json::Value;

use super::prompt::Prompt;
use crate::actions::automation;
use crate::commands::{CommandId, Place};
use crate::incident::{
    AlarmState, Approval, Approver, Attempt, AttemptOrigin, Change, Fact, Fault, Standing, State,
    Survey, Weight, sheet,
};
use crate::tui::model::Model;
use crate::tui::text::age;
use crate::tui::theme::Role;

/// Everything that will be done, and nothing else.
pub(super) fn approval(out: &mut Prompt<'_>, model: &Model, state: &State, approval: &Approval) {
    let intent = &approval.intent;
    out.ask(match (&approval.sought, intent.undoes) {
        (Some(_), _) => "Others were asked to agree to this change.",
        (None, Some(_)) => "Shall the change be taken back?",
        (None, None) => "Shall this change be made?",
    });
    let heals = intent.healing.is_some() && intent.undoes.is_none();
    if !heals {
        cleared(out, model, state);
    }
    for why in refused(model, state, approval) {
        out.text(&format!("It would not be sent now: {why}."), Role::Failed);
    }
    if let Some(sought) = &approval.sought {
        others(out, model, approval, &sought.reason);
    }
    // What is done, and what stands against it, comes before the answer; the rest below it.
    let (first, rest): (Vec<Fact>, Vec<Fact>) = sheet(intent)
        .into_iter()
        .partition(|fact| fact.weight != Weight::Plain);
    for fact in &first {
        let role = match fact.weight {
            Weight::Warning => Role::Late,
            _ => Role::Heading,
        };
        out.fact(fact.label, &fact.text, role);
    }
    if approval.sought.is_none() {
        let over = intent.over_ceiling().is_some();
        let typed = intent.confirmation();
        match (over, intent.others()) {
            (true, _) => {
                let text = "raise the ceiling, with a reason";
                out.choice(CommandId::RaiseCeiling, Place::Approval, text, Role::Text);
            }
            (false, others) => {
                let text = match others {
                    Some((count, group)) => {
                        format!("ask {count} of {group} to agree: you say why, and type {typed}")
                    }
                    None => format!("approve: you type {typed}"),
                };
                out.choice(CommandId::ApproveChange, Place::Approval, &text, Role::Text);
            }
        }
    }
    out.choice(
        CommandId::Decline,
        Place::Approval,
        "do not make it, with a reason",
        Role::Text,
    );
    for fact in &rest {
        out.fact(fact.label, &fact.text, Role::Text);
    }
    out.fact(
        "digest",
        &format!(
            "{} · described {} ago, good for {} more",
            approval.digest.get(..16).unwrap_or_default(),
            age(model.now - approval.asked_at),
            age(approval.until - model.now)
        ),
        Role::Dim,
    );
}

/// What keeps a change from being sent as things stand, known before anybody approves it.
fn refused(model: &Model, state: &State, approval: &Approval) -> Vec<String> {
    let intent = &approval.intent;
    let mut why = Vec::new();
    if model.header.read_only {
        why.push("this console is read-only".to_owned());
    }
    let alarm = state
        .incident
        .as_ref()
        .and_then(|incident| incident.alarms.front());
    // A healing is not sent once nothing calls for it.
    if intent.healing.is_some()
        && intent.undoes.is_none()
        && let Some(alarm) = alarm.filter(|alarm| alarm.state != AlarmState::Alarm)
    {
        why.push(format!(
            "the alarm {} is {}",
            alarm.name,
            alarm.state.name()
        ));
    }
    let ssm = model.broken.iter().filter(|broken| {
        broken.service == "ssm"
            && broken.place.region == intent.region
            && broken.refuses(&automation::SENDING)
    });
    why.extend(ssm.map(ToString::to_string));
    why
}

/// The alarm may have cleared while somebody reads.
fn cleared(out: &mut Prompt<'_>, model: &Model, state: &State) {
    let alarm = state
        .incident
        .as_ref()
        .and_then(|incident| incident.alarms.front());
    if let Some(alarm) = alarm.filter(|alarm| alarm.state == AlarmState::Ok) {
        let since = alarm
            .since
            .map(|since| format!(" {} ago", age(model.now - since)));
        let text = format!(
            "The alarm {} has cleared{}: is this still needed?",
            alarm.name,
            since.unwrap_or_default()
        );
        out.text(&text, Role::Late);
    }
}

fn others(out: &mut Prompt<'_>, model: &Model, approval: &Approval, reason: &str) {
    let (count, group) = approval.intent.others().unwrap_or((0, ""));
    out.fact("because", reason, Role::Text);
    let name = approval.digest.get(..16).unwrap_or_default();
    out.fact(
        "they run",
        &format!("standdown approve {name}, logged in to this host as themselves"),
        Role::Heading,
    );
    let given: Vec<String> = approval.given.iter().map(Approver::named).collect();
    let said = if given.is_empty() {
        String::new()
    } else {
        format!(": {}", given.join(", "))
    };
    out.fact(
        "agreed",
        &format!("{} of {count} of the group {group}{said}", given.len()),
        Role::Text,
    );
    for (from, why) in &approval.refused {
        out.fact("refused", &format!("{from}: {why}"), Role::Late);
    }
    let unpublished = model
        .incident
        .as_ref()
        .and_then(|snapshot| snapshot.unpublished.clone());
    if let Some(why) = unpublished {
        out.fact("unseen", &format!("nobody can see it: {why}"), Role::Failed);
    }
}

/// AWS is asked, or said what keeps it from being described.
pub(super) fn undescribed(out: &mut Prompt<'_>, survey: &Survey) {
    out.ask("The change cannot be described, and is not made. What now?");
    out.fact("runs", survey.intent.document(), Role::Text);
    out.text(survey.failed.as_deref().unwrap_or_default(), Role::Late);
    out.choice(
        CommandId::AskAnew,
        Place::Undescribed,
        "find it out again",
        Role::Text,
    );
    out.choice(
        CommandId::Decline,
        Place::Undescribed,
        "do not make it, with a reason",
        Role::Text,
    );
}

/// What a change that is under way waits for.
pub(super) fn under_way(out: &mut Prompt<'_>, model: &Model, change: &Change) {
    let waves = change.intent.waves().len();
    if waves > 1 {
        let text = format!("turn {} of {waves}", change.wave);
        out.text(&text, Role::Text);
    }
    if let Some(next) = change.next {
        out.text(
            &format!("the next turn follows in {}", age(next - model.now)),
            Role::Text,
        );
    }
}

/// Tells what an attempt that looks at a change is for.
pub(super) fn looks(out: &mut Prompt<'_>, attempt: &Attempt, change: Option<&Change>) {
    let holds = change
        .filter(|_| attempt.origin == AttemptOrigin::Verify)
        .and_then(|change| change.intent.terms.as_ref()?.verify.clone());
    if let Some(holds) = holds {
        out.text(
            &format!("It was made. Now it is read whether it worked: {holds}"),
            Role::Text,
        );
    }
}

/// A change that did not have its effect, with what was read before and after it side by side.
pub(super) fn standing(out: &mut Prompt<'_>, change: &Change, standing: &Standing) {
    out.ask(match standing.fault {
        Fault::Stopped => "The change was stopped before its end. What now?",
        Fault::Failed => "The change failed on the way. What now?",
        Fault::VerificationFailed => {
            "The change was applied, and its verification failed. What now?"
        }
        Fault::NotVerified => "The change was applied. It could not be verified. What now?",
    });
    out.text(&standing.reason, Role::Late);
    let empty = Value::Null;
    let before = change.before.as_deref().unwrap_or(&empty);
    let after = change.after.as_deref().unwrap_or(&empty);
    let terms = change.intent.terms.as_ref();
    let holds = terms.and_then(|terms| terms.verify.as_deref());
    for (name, before, after) in side_by_side(before, after, holds.unwrap_or_default()) {
        out.fact(&name, &format!("{before}  →  {after}"), Role::Text);
    }
    if standing.can_undo {
        let undo = change
            .intent
            .terms
            .as_ref()
            .and_then(|terms| terms.undo.clone());
        let text = format!("take it back: {}", undo.unwrap_or_default());
        out.choice(CommandId::Undo, Place::RollBack, &text, Role::Recommended);
    }
    if standing.can_verify {
        out.choice(
            CommandId::VerifyAgain,
            Place::Verifiable,
            "look again",
            Role::Text,
        );
    }
    let text = "it worked all the same: go on, with a reason";
    out.choice(CommandId::Done, Place::Standing, text, Role::Text);
    out.choice(
        CommandId::Failed,
        Place::Standing,
        "leave it, and go on as after a failure",
        Role::Text,
    );
}

/// What differs, by its path: what was to hold comes first, and no more than a screen shows.
fn side_by_side(before: &Value, after: &Value, holds: &str) -> Vec<(String, String, String)> {
    const MOST: usize = 6;
    let mut rows = Vec::new();
    compare("", before, after, &mut rows);
    rows.sort_by_key(|(name, _, _)| {
        let meant = holds.contains(&format!("after.{name}"));
        (!meant, name.matches('.').count())
    });
    rows.truncate(MOST);
    rows
}

fn compare(path: &str, before: &Value, after: &Value, rows: &mut Vec<(String, String, String)>) {
    let named = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match (before, after) {
        (Value::Object(before), after) => {
            for (name, value) in before {
                compare(&named(name), value, &after[name.as_str()], rows);
            }
        }
        (Value::Null, Value::Object(after)) => {
            for (name, value) in after {
                compare(&named(name), &Value::Null, value, rows);
            }
        }
        (Value::Array(_), _) | (_, Value::Array(_)) => {}
        (before, after) if before != after && !path.is_empty() => {
            let shown = |value: &Value| match value {
                Value::Null => "unknown".to_owned(),
                Value::String(text) => text.clone(),
                Value::Number(number) => number
                    .as_f64()
                    .filter(|_| number.is_f64())
                    .map_or_else(|| number.to_string(), |float| format!("{float:.2}")),
                other => other.to_string(),
            };
            let (before, after) = (shown(before), shown(after));
            if before.len() + after.len() <= 60 {
                rows.push((path.to_owned(), before, after));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_changed_stands_side_by_side() {
        let before = json!({"cpu": {"maximum": 97.25, "points": [1, 2]}, "state": "x", "same": 1});
        let after = json!({"cpu": {"maximum": 31.0, "points": [3]}, "state": "y", "same": 1});
        let rows = side_by_side(&before, &after, "after.cpu.maximum < 50");
        let row = |name: &str, before: &str, after: &str| {
            (name.to_owned(), before.to_owned(), after.to_owned())
        };
        assert_eq!(
            rows,
            [row("cpu.maximum", "97.25", "31.00"), row("state", "x", "y")]
        );
        let unknown = side_by_side(&json!(null), &json!({"a": 1}), "");
        assert_eq!(unknown, [row("a", "unknown", "1")]);
    }
}
