//! What became of a change: one word for it on every screen and in every report.

use serde::Serialize;

use super::{Attempt, AttemptOrigin, AttemptResult, AttemptStatus, Execution};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It has not ended.
    Running,
    /// It is certain that it did not begin.
    NotStarted,
    /// It began and did not come to its end.
    Failed,
    /// It took longer than it may.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// Nobody knows.
    Unknown,
    /// It was applied, and the playbook names no verification.
    Applied,
    /// It was applied, and the verification was not made or could not be made.
    NotVerified,
    /// It was applied, and the verification found that it did not have its effect.
    NoEffect,
    /// It was applied, and the verification found its effect.
    Verified,
    /// It was applied, and another change rolled it back.
    RolledBack,
}

impl Became {
    /// What became of an attempt that was to change something.
    #[must_use]
    pub fn of(walk: &Execution, made: &Attempt) -> Self {
        let Some((result, _)) = &made.end else {
            return Self::Running;
        };
        if result.began_nothing() {
            return Self::NotStarted;
        }
        if rolled_back(walk, made) {
            return Self::RolledBack;
        }
        match result.status {
            AttemptStatus::Failed => return Self::Failed,
            AttemptStatus::TimedOut => return Self::TimedOut,
            AttemptStatus::Cancelled => return Self::Cancelled,
            AttemptStatus::Unknown => return Self::Unknown,
            AttemptStatus::Succeeded => {}
        }
        match last_look(walk, made).map(AttemptResult::verified) {
            Some(Some(true)) => Self::Verified,
            Some(Some(false)) => Self::NoEffect,
            Some(None) => Self::NotVerified,
            None if is_to_be_verified(made) => Self::NotVerified,
            None => Self::Applied,
        }
    }

    /// As the end of a sentence that begins with the change: "… was applied, not verified".
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Running => "is running",
            Self::NotStarted => "was not started",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Cancelled => "was cancelled",
            Self::Unknown => "has an unknown result",
            Self::Applied | Self::NotVerified => "was applied, not verified",
            Self::NoEffect => "was applied, and its verification failed",
            Self::Verified => "was applied and verified",
            Self::RolledBack => "was applied and rolled back",
        }
    }

    /// Whether it was sent, or may have been.
    #[must_use]
    pub fn was_sent(self) -> bool {
        self != Self::NotStarted
    }
}

/// Whether another change that succeeded took it back, with all turns of the same approval.
fn rolled_back(walk: &Execution, made: &Attempt) -> bool {
    let visit = |attempt: &Attempt| {
        let intent = attempt.intent.as_ref()?;
        Some((intent.step.clone(), intent.visit, intent.nonce))
    };
    walk.attempts.values().any(|other| {
        let undoes = other.intent.as_ref().and_then(|intent| intent.undoes);
        let undone = undoes.and_then(|id| walk.attempts.get(&id));
        let end = other.end.as_ref();
        undone.is_some_and(|undone| visit(undone) == visit(made))
            && end.is_some_and(|(result, _)| result.status == AttemptStatus::Succeeded)
    })
}

/// How the last look after a change ended; `None` where no look has ended.
fn last_look<'a>(walk: &'a Execution, made: &Attempt) -> Option<&'a AttemptResult> {
    // Behind the next change of the step, looks are at that one.
    let next = walk
        .attempts
        .values()
        .filter(|one| {
            one.intent.is_some()
                && one.id != made.id
                && one.step == made.step
                && one.started_at > made.started_at
        })
        .map(|one| one.started_at)
        .min();
    let looks = walk.attempts.values().filter(|one| {
        one.origin == AttemptOrigin::Verify
            && one.step == made.step
            && one.started_at >= made.started_at
            && next.is_none_or(|next| one.started_at < next)
    });
    let last = looks
        .filter(|one| one.end.is_some())
        .max_by_key(|one| one.started_at)?;
    last.end.as_ref().map(|(result, _)| result)
}

fn is_to_be_verified(made: &Attempt) -> bool {
    let terms = made
        .intent
        .as_ref()
        .and_then(|intent| intent.terms.as_ref());
    terms.is_some_and(|terms| terms.verify.is_some())
}
