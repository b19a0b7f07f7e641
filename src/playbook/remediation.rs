//! What a step says that changes the system: who has to agree, how much it may touch at once, how
//! its effect is verified, and how it is undone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::model::{Automated, Run, StepId};
use super::parse::Draft;
use super::runs;
use crate::document::{Kind, Node, Problem, Reader};
use crate::expression::{Expression, Template};

/// How long a request for approval is good where the step does not say.
pub const REQUEST_LIFE: Duration = Duration::from_mins(30);
/// How long the effect of a change may take to show where the step does not say.
const VERIFIED_WITHIN: Duration = Duration::from_mins(5);
/// The pause between two waves where the step does not say.
const PAUSE: Duration = Duration::from_mins(1);

/// What belongs to a change beside the change itself.
#[derive(Debug, Clone)]
pub struct Remediation {
    /// Who has to agree.
    pub approval: ApprovalRule,
    /// How long a request for approval is good.
    pub valid: Duration,
    /// The agreement that was given beforehand, if any.
    pub preapproved: Option<Preapproval>,
    /// What it stops or restarts, for whoever decides; may hold `{{ }}`.
    pub stops: Option<Template>,
    /// How much it may touch.
    pub ceiling: Ceiling,
    /// How it goes over many targets.
    pub waves: Option<Waves>,
    /// Reads whether it worked: `until` holds once it did.
    pub verify: Option<Box<Automated>>,
    /// What takes it back.
    pub undo: Option<Run>,
}

/// Who has to agree to a change, beside the responder who types the target's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalRule {
    /// Nobody.
    None,
    /// The responder, who says why.
    #[serde(rename = "self")]
    Own,
    /// Others: members of a group of the operating system, logged in as themselves.
    Others {
        /// How many.
        count: usize,
        /// The group's name.
        group: String,
    },
    /// Whom the document itself asks, with a step `aws:approve`.
    Document,
}

/// An agreement that was given beforehand.
#[derive(Debug, Clone)]
pub struct Preapproval {
    /// By whom.
    pub by: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Under which condition.
    pub when: Option<Expression>,
}

/// How much one change may touch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// How many targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Which share of the group they belong to, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
}

/// A change that goes over its targets in turns.
#[derive(Debug, Clone)]
pub struct Waves {
    /// How many targets at a time, or which share of them.
    pub size: WaveSize,
    /// How long to wait after one.
    pub pause: Duration,
    /// Holds when the next one may begin; what `verify` waits for, where it is not given.
    pub check: Option<Expression>,
}

/// How many targets are changed at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaveSize {
    /// So many.
    Count(u32),
    /// Such a share, in percent, rounded up.
    Percent(u32),
}

impl WaveSize {
    /// How many of so many targets are one wave; at least one.
    #[must_use]
    pub fn of(self, targets: usize) -> usize {
        let size = match self {
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(percent) => {
                let percent = usize::try_from(percent).unwrap_or(100);
                targets.saturating_mul(percent).div_ceil(100)
            }
        };
        size.max(1)
    }
}

/// Names that only the expressions of a change know: what was read before it, and what is read
/// after it.
const AROUND: [&str; 2] = ["before", "after"];
/// What takes a change back knows as well what the change gave back.
const AFTERWARDS: [&str; 3] = ["before", "after", "change"];

/// Reads what a mutating step says beside its `run`.
pub(super) fn read(reader: &Reader<'_>, draft: &Draft<'_>) -> Remediation {
    let (approval, valid) = approval(reader);
    let verify = reader.table("verify").map(|table| {
        let verify = verify(&table, draft);
        table.finish();
        verify
    });
    let undo = reader
        .node("undo")
        .and_then(|node| runs::change(node, draft, &AFTERWARDS));
    let waves = reader.table("waves").map(|table| {
        let waves = waves(&table, draft);
        table.finish();
        waves
    });
    if waves.as_ref().is_some_and(|waves| waves.check.is_some()) && verify.is_none() {
        reader.problems().push(
            Problem::error("a check between waves needs something to look at")
                .at(reader.node("waves").map_or(0..0, |node| node.span.clone()))
                .help("add `verify`, whose output the check reads as `after`"),
        );
    }
    Remediation {
        approval,
        valid,
        preapproved: reader.table("preapproved").and_then(|table| {
            let preapproval = preapproved(&table, draft);
            table.finish();
            preapproval
        }),
        stops: draft.template(reader, "stops", &[]),
        ceiling: reader
            .table("ceiling")
            .map_or_else(Ceiling::default, |table| {
                let ceiling = Ceiling {
                    count: whole(&table, "count", 100_000),
                    percent: whole(&table, "percent", 100),
                };
                table.finish();
                ceiling
            }),
        waves,
        verify,
        undo,
    }
}

fn whole(table: &Reader<'_>, key: &'static str, most: i64) -> Option<u32> {
    table
        .integer(key, 1..=most)
        .and_then(|number| u32::try_from(number).ok())
}

fn approval(reader: &Reader<'_>) -> (ApprovalRule, Duration) {
    const HELP: &str = "write \"none\", \"self\", \"document\", or { count = 1, group = \"sre\" }";
    let Some(node) = reader.node("approval") else {
        return (ApprovalRule::Own, REQUEST_LIFE);
    };
    let wrong = |message: String| {
        reader
            .problems()
            .push(Problem::error(message).at(node.span.clone()).help(HELP));
    };
    match &node.kind {
        Kind::String(word) => {
            let rule = match word.as_str() {
                "none" => ApprovalRule::None,
                "self" => ApprovalRule::Own,
                "document" => ApprovalRule::Document,
                other => {
                    wrong(format!("there is no approval {other:?}"));
                    ApprovalRule::Own
                }
            };
            (rule, REQUEST_LIFE)
        }
        Kind::Table(_) => {
            let table = Reader::new(node, "`approval`", reader.problems());
            let group = table.required_string("group").map(|group| group.value);
            table.required("count");
            let count = table.integer("count", 1..=9).unwrap_or(1);
            let valid = table.duration("valid").unwrap_or(REQUEST_LIFE);
            table.finish();
            let rule = ApprovalRule::Others {
                count: usize::try_from(count).unwrap_or(1),
                group: group.unwrap_or_default(),
            };
            (rule, valid)
        }
        _ => {
            wrong(format!("`approval` is {}", node.type_name()));
            (ApprovalRule::Own, REQUEST_LIFE)
        }
    }
}

fn preapproved(table: &Reader<'_>, draft: &Draft<'_>) -> Option<Preapproval> {
    let by = table.required_string("by")?;
    let until = table
        .required("until")
        .and_then(|node| moment(node, table))?;
    let when = table
        .node("when")
        .and_then(|node| draft.expression(node, "when", &[]));
    Some(Preapproval {
        by: by.value,
        until,
        when,
    })
}

/// A day, which counts to its end, or a moment with its offset.
fn moment(node: &Node, table: &Reader<'_>) -> Option<DateTime<Utc>> {
    let text = match &node.kind {
        Kind::Datetime(text) => text.as_str(),
        Kind::String(text) => text.as_str(),
        _ => "",
    };
    let day = || {
        let day: chrono::NaiveDate = text.parse().ok()?;
        Some(day.succ_opt()?.and_time(chrono::NaiveTime::MIN).and_utc())
    };
    let exact = || Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
    let found = day().or_else(exact);
    if found.is_none() {
        table.problems().push(
            Problem::error("this is no day and no moment")
                .at(node.span.clone())
                .help("write 2026-12-31, or 2026-12-31T18:00:00Z"),
        );
    }
    found
}

fn waves(table: &Reader<'_>, draft: &Draft<'_>) -> Waves {
    let size = match (whole(table, "size", 100_000), whole(table, "percent", 100)) {
        (None, Some(percent)) => WaveSize::Percent(percent),
        (Some(count), None) => WaveSize::Count(count),
        _ => {
            table.problems().push(
                Problem::error("waves have a `size` or a `percent`")
                    .at(table.span.clone())
                    .help("write { size = 1, pause = \"1m\" }: how many targets at a time"),
            );
            WaveSize::Count(1)
        }
    };
    Waves {
        size,
        pause: table.duration("pause").unwrap_or(PAUSE),
        check: table
            .node("check")
            .and_then(|node| draft.expression(node, "check", &AROUND)),
    }
}

/// What is read to see whether the change worked: a diagnostic of its own, read again and again.
fn verify(table: &Reader<'_>, draft: &Draft<'_>) -> Box<Automated> {
    let holds = table
        .required("holds")
        .and_then(|node| draft.expression(node, "holds", &AROUND));
    let (runs, named_runs) = runs::runs(table, draft, &[]);
    if let Some(run) = runs.iter().find(|run| run.mutating) {
        draft.problems.push(
            Problem::error(format!(
                "`verify` only reads; `{}` changes the system",
                run.kind
            ))
            .at(table.span.clone())
            .help("read what the change was to do, with a metric for example"),
        );
    }
    Box::new(Automated {
        output: Some("after".into()),
        until: holds,
        timeout: table.duration("within").unwrap_or(VERIFIED_WITHIN),
        every: table.duration("every").unwrap_or(Duration::from_secs(10)),
        ..Automated::reading(runs, named_runs)
    })
}

impl Automated {
    /// A diagnostic of which nothing is known but what it runs.
    fn reading(runs: Vec<Run>, named_runs: bool) -> Self {
        let empty = || {
            Template::compile("")
                .unwrap_or_else(|_| unreachable!("an empty text has no expressions"))
        };
        Self {
            diagnostic: None,
            expect: empty(),
            output: None,
            values: Vec::new(),
            reads: Default::default(),
            success: None,
            timeout: VERIFIED_WITHIN,
            retries: 0,
            max_age: Duration::ZERO,
            permissions: Vec::new(),
            manual: None,
            next: StepId::from(""),
            runs,
            named_runs,
            for_each: None,
            max_parallel: 1,
            until: None,
            every: Duration::from_secs(10),
            prefetch: false,
            remediation: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_never_empty_and_a_share_is_rounded_up() {
        assert_eq!(WaveSize::Count(3).of(10), 3);
        assert_eq!(WaveSize::Percent(10).of(41), 5);
        assert_eq!(WaveSize::Percent(1).of(1), 1);
        assert_eq!(WaveSize::Percent(50).of(0), 1);
    }
}
