//! `alarm_history`: when an alarm changed its state, and how often.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ActionError, Context, Span, unchecked};
use crate::alarms::{HistoryEntry, history, state_now};
use crate::incident::AlarmState;
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// Transitions in the output, the latest of them.
const SHOWN: usize = 50;

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "alarm_history",
    about: "an alarm's changes of state over a window (cloudwatch:DescribeAlarmHistory, cloudwatch:DescribeAlarms)",
    keys: &[
        Key::required(
            "alarm",
            KeyKind::Text,
            "the alarm's name, such as {{ alarm.name }}",
        ),
        Key::required("window", KeyKind::Duration, "how far to look back"),
    ],
    output: &[
        "transitions",
        "count",
        "alarms",
        "flapping",
        "minutes_in_alarm",
        "state",
        "since",
        "actions",
        "updates",
        "truncated",
    ],
    prefetched: ActionKind::always,
    mutating: ActionKind::never,
    permissions: |_| {
        vec![
            "cloudwatch:DescribeAlarmHistory".into(),
            "cloudwatch:DescribeAlarms".into(),
        ]
    },
    check: unchecked,
    instead: ActionKind::itself,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    alarm: String,
    window: Span,
}

pub(super) async fn run(request: Request, context: &Context) -> Result<Value, ActionError> {
    let aws = &context.aws().await?;
    let now = aws.now();
    let from = context.from(now, request.window);
    let history = history(aws, &request.alarm, from, now).await?;
    // Of a history that does not reach back so far, only what was read is counted.
    let known = history.entries.first().filter(|_| history.truncated);
    let from = known.map_or(from, HistoryEntry::at);
    let mut output = summarise(&history.entries, from, now);
    // An alarm that did not change is in a state all the same.
    if output["count"] == 0 {
        let Some((state, since)) = state_now(aws, &request.alarm).await? else {
            let message = format!("there is no alarm {}", request.alarm);
            return Err(ActionError::failed(message));
        };
        unchanged(&mut output, state, since, from, now);
    }
    output["truncated"] = history.truncated.into();
    context.redactor.json(&mut output);
    Ok(output)
}

/// Says of an alarm without a change in the window what it is in, and for how long.
fn unchanged(
    output: &mut Value,
    state: AlarmState,
    since: Option<DateTime<Utc>>,
    from: DateTime<Utc>,
    now: DateTime<Utc>,
) {
    output["state"] = state.name().into();
    if let Some(since) = since {
        output["since"] = since
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
            .into();
    }
    if state == AlarmState::Alarm {
        // One that was made within the window was nothing before.
        let began = since.map_or(from, |since| since.max(from));
        output["minutes_in_alarm"] = minutes(now - began).into();
    }
}

fn minutes(span: chrono::Duration) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of a window are far below 2^52"
    )]
    let minutes = span.num_seconds() as f64 / 60.0;
    minutes
}

/// The entries come in time order.
fn summarise(entries: &[HistoryEntry], from: DateTime<Utc>, now: DateTime<Utc>) -> Value {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let changes: Vec<(DateTime<Utc>, &str, &str, &str)> = entries
        .iter()
        .filter_map(|entry| match entry {
            HistoryEntry::State {
                at,
                from,
                to,
                reason,
            } => Some((*at, from.as_str(), to.as_str(), reason.as_str())),
            _ => None,
        })
        .collect();
    let mut in_alarm = chrono::Duration::zero();
    let mut since = from;
    // Before the first change the alarm was in the state that it left then.
    let mut state = changes.first().map_or("", |(_, from, _, _)| *from);
    for (at, _, to, _) in &changes {
        if state == "ALARM" {
            in_alarm += *at - since;
        }
        (state, since) = (to, *at);
    }
    if state == "ALARM" {
        in_alarm += now - since;
    }
    let alarms = changes
        .iter()
        .filter(|(_, _, to, _)| *to == "ALARM")
        .count();
    let count =
        |wanted: fn(&HistoryEntry) -> bool| entries.iter().filter(|one| wanted(one)).count();
    let shown: Vec<Value> = changes
        .iter()
        .rev()
        .take(SHOWN)
        .map(|(at, from, to, reason)| {
            json!({"at": time(*at), "from": from, "to": to, "reason": reason})
        })
        .collect();
    let mut output = json!({
        "transitions": shown, "count": changes.len(), "alarms": alarms,
        "flapping": crate::alarms::is_flapping(changes.iter().map(|(at, _, _, _)| *at), now),
        "minutes_in_alarm": minutes(in_alarm),
        "actions": count(|one| matches!(one, HistoryEntry::Action { .. })),
        "updates": count(|one| matches!(one, HistoryEntry::Update { .. })),
    });
    if let Some((at, _, to, _)) = changes.last() {
        output["state"] = (*to).into();
        output["since"] = time(*at).into();
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_alarm_is_counted_from_before_the_first_change() {
        let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
        let change = |minute, from: &str, to: &str| HistoryEntry::State {
            at: at(minute),
            from: from.into(),
            to: to.into(),
            reason: String::new(),
        };
        let entries = [
            change(10, "ALARM", "OK"),
            change(20, "OK", "ALARM"),
            change(25, "ALARM", "OK"),
        ];
        let output = summarise(&entries, at(0), at(60));
        assert_eq!(
            (&output["count"], &output["alarms"]),
            (&json!(3), &json!(1))
        );
        assert_eq!(output["minutes_in_alarm"], 15.0);
        assert_eq!(
            (&output["state"], &output["flapping"]),
            (&json!("OK"), &json!(true))
        );
        let mut quiet = summarise(&[], at(0), at(60));
        assert_eq!((&quiet["count"], quiet.get("state")), (&json!(0), None));
        unchanged(&mut quiet, AlarmState::Alarm, Some(at(-500)), at(0), at(60));
        assert_eq!(
            (&quiet["state"], &quiet["minutes_in_alarm"]),
            (&json!("ALARM"), &json!(60.0))
        );
    }
}
