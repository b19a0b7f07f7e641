//! A change to the system: sent once, and then looked for and followed, whoever sent it.
//!
//! The one request carries the attempt's id as its token and as a tag, and is signed with the
//! time of the intent. AWS refuses it from five minutes after that time on, however late it
//! arrives; so once AWS's own clock is past that, finding no execution with the tag means that
//! there is none and that there will be none. No clock of this machine or another is trusted.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::Recorder;
use crate::actions::Report;
use crate::actions::automation::{self, Otherwise, Started, Turn};
use crate::aws::Aws;
use crate::aws::Reach;
use crate::incident::{AttemptId, AttemptResult, IncidentId, Intent, Remote};
use crate::journal::JournalError;
use crate::redaction::Redactor;

/// How long AWS accepts a signed request.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
const REQUEST_LIFE: Duration = Duration::from_mins(5);
/// How long a new execution may take to appear in lists.
const APPEARS: Duration = Duration::from_secs(30);
/// The first wait between two looks, and the longest.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const SLOWEST_LOOK: Duration = Duration::from_secs(15);

/// A change, and what it is made with.
pub(super) struct Change {
    pub id: AttemptId,
    pub intent: Arc<Intent>,
    /// Which turn of the change.
    pub number: u32,
    /// Whether nothing was changed before it in its walk.
    pub first: bool,
    /// The incident's own alarms, the one it was opened for first.
    pub alarms: Vec<String>,
    /// The change calendars, by name or ARN.
    pub calendars: Vec<String>,
    pub signed_at: DateTime<Utc>,
    pub remote: Option<Remote>,
    pub aws: Reach,
    /// Whether this console may change nothing.
    pub read_only: bool,
    pub redactor: Redactor,
    pub speed: f64,
    pub lease: watch::Receiver<Option<Instant>>,
    pub recorder: Recorder,
    pub incident: IncidentId,
    pub holder: Uuid,
    pub reports: mpsc::UnboundedSender<Report>,
}

impl Change {
    /// A length of scenario time; outside rehearsals, of time.
    fn scaled(&self, span: Duration) -> Duration {
        span.div_f64(self.speed)
    }

    /// From when on, by AWS's clock, finding nothing is conclusive. A second more, because AWS
    /// tells its time in whole seconds.
    fn conclusive_at(&self) -> DateTime<Utc> {
        let wait = self.scaled(REQUEST_LIFE + APPEARS) + Duration::from_secs(1);
        self.signed_at + wait
    }

    fn report(&self, report: Report) {
        // The engine may have ended; then whoever opens the incident next finds it by its tag.
        let _ = self.reports.send(report);
    }

    /// AWS, if it is the incident's account and region: asked anew, because credentials change.
    async fn place(&self) -> Result<Arc<Aws>, String> {
        self.aws.aws_anew().await
    }

    /// Whether everything is still as it was shown.
    async fn as_shown(&self, aws: &Aws) -> Result<(), Otherwise> {
        let Some(plan) = &self.intent.plan else {
            return Ok(());
        };
        automation::unchanged(aws, plan).await?;
        // A healing has nobody who looks whether it is still needed. Once it has begun, what it
        // did may have cleared the alarm, and the rest of it is needed still.
        if self.intent.healing.is_some() && self.first {
            let cause = self.alarms.get(..1).unwrap_or_default();
            automation::still_fires(aws, cause).await?;
        }
        // A change that has begun is not left half made because a calendar closes.
        if self.number == 1 {
            automation::is_still_open(aws, plan, &self.calendars).await?;
        }
        match &plan.alarm {
            Some(alarm) => automation::is_quiet(aws, alarm, &self.alarms).await,
            None => Ok(()),
        }
    }

    /// Whether this console may still send: it holds the lease in the store now, and by its own
    /// clock since.
    async fn may_send(&self) -> Result<(), String> {
        let (id, token) = (self.incident.clone(), self.holder);
        let renewed = self
            .recorder
            .call(move |journal| Ok::<_, JournalError>(journal.renew(&id, token)?.is_some()));
        match renewed.await {
            Ok(true) => Ok(()),
            Ok(false) => Err("another console had taken the incident over".into()),
            Err(error) => Err(format!("the lease could not be checked: {error}")),
        }
    }
}

/// Nothing was changed, for a reason that passes: the responder can ask for it anew.
fn not_started(why: impl std::fmt::Display) -> AttemptResult {
    AttemptResult::not_started(format!("it was not started: {why}"))
}

/// Nothing was changed: it was not sent, or AWS did not take it.
fn failed(why: impl Into<String>) -> AttemptResult {
    AttemptResult::refused(why)
}

/// Sends the change, once. Whatever the answer, it is followed or looked for from then on.
pub(super) async fn send(change: Change) -> AttemptResult {
    // Everything that changes the system passes here, and nothing else does.
    if change.read_only {
        return failed(
            "this console is read-only: nothing was sent; start it without --read-only to change something",
        );
    }
    let aws = match change.place().await {
        Ok(aws) => aws,
        Err(reason) => return failed(format!("it was not sent: {reason}")),
    };
    match change.as_shown(&aws).await {
        Ok(()) => {}
        Err(Otherwise::Is(reason)) => return failed(format!("it was not sent: {reason}")),
        Err(Otherwise::Unknown(reason)) => return not_started(reason),
    }
    if let Err(reason) = change.may_send().await {
        return not_started(reason);
    }
    let lease = change.lease.clone();
    let may_send = move || lease.borrow().is_some_and(|until| Instant::now() < until);
    let started = automation::start(
        &aws,
        Turn {
            intent: &change.intent,
            number: change.number,
        },
        change.id.0,
        change.signed_at,
        may_send,
    )
    .await;
    match started {
        Started::Identified(id) => identified(&change, &aws, id).await,
        // AWS refused it, or it never left: nothing was changed, and that is certain.
        Started::Refused(error) => failed(error),
        Started::Throttled(error) => not_started(error),
        Started::Expired(error) => not_started(format!(
            "AWS refused it because it was signed too long ago ({error})"
        )),
        Started::NotSent(reason) if change.lease.borrow().is_some() => {
            failed(format!("it was not sent: {reason}"))
        }
        Started::NotSent(reason) => not_started(reason),
        Started::Unclear(reason) => {
            look_for(
                &change,
                format!("it was sent, and the answer was lost: {reason}"),
            )
            .await
        }
    }
}

/// Takes up a change that an earlier console intended: follows it if AWS named it, and looks for
/// it by its tag if not. It is never sent from here.
pub(super) async fn take_up(change: Change) -> AttemptResult {
    let Some(remote) = &change.remote else {
        let why = "the console that intended it ended before AWS had named it";
        return look_for(&change, why.to_owned()).await;
    };
    let id = remote.id().to_owned();
    match change.place().await {
        Ok(aws) => follow(&change, &aws, &id).await,
        Err(reason) => wait_for_aws(change, reason).await,
    }
}

/// Without AWS nothing can be found out: the change stays as it is until a console has AWS.
async fn wait_for_aws(change: Change, reason: String) -> AttemptResult {
    let line = format!("it cannot be followed: {reason}");
    change.report(Report::Progress([line].into()));
    // Somebody renews the credentials, or starts a console in the right account.
    sleep(change.scaled(SLOWEST_LOOK)).await;
    Box::pin(take_up(change)).await
}

async fn identified(change: &Change, aws: &Aws, id: String) -> AttemptResult {
    let remote = Remote::Automation(id.clone());
    change.report(Report::Identified {
        run: String::new(),
        remote,
    });
    follow(change, aws, &id).await
}

/// Looks for the change by its tag until the answer is conclusive.
async fn look_for(change: &Change, why: String) -> AttemptResult {
    let conclusive_at = change.conclusive_at();
    change.report(Report::Uncertain {
        reason: why.clone(),
        conclusive_at,
    });
    let mut wait = change.scaled(FIRST_LOOK);
    loop {
        let line = match change.place().await {
            Err(reason) => format!("it cannot be looked for: {reason}"),
            Ok(aws) => match automation::look_up(&aws, change.id.0).await {
                Ok(looked) => match looked.execution {
                    Some(id) => return identified(change, &aws, id).await,
                    None if looked.at >= conclusive_at => {
                        return not_started(format!(
                            "AWS has no execution with the tag {} and can no longer accept the request ({why})",
                            automation::tag(change.id.0)
                        ));
                    }
                    None => format!(
                        "AWS shows no execution with its tag yet; that is certain from {} on",
                        conclusive_at.format("%H:%M:%SZ")
                    ),
                },
                Err(error) => format!("it cannot be looked for: {error}"),
            },
        };
        change.report(Report::Progress([line].into()));
        sleep(wait).await;
        wait = (wait * 3 / 2).min(change.scaled(SLOWEST_LOOK));
    }
}

async fn follow(change: &Change, aws: &Aws, id: &str) -> AttemptResult {
    let steps = |lines: Vec<String>| change.report(Report::Progress(lines.into()));
    let gate = |step: Option<String>| change.report(Report::Gate(step));
    let told = (&steps, &gate);
    let result = automation::follow(aws, id, change.speed, None, &change.redactor, told).await;
    match result {
        Ok(output) => AttemptResult::succeeded(output),
        Err(error) => AttemptResult::ended(error.status, error.message, error.output),
    }
}

/// Says yes or no to the step of a change that waits for it. What came of it is said by its end.
pub(super) async fn answer(
    aws: Reach,
    id: String,
    (approve, why): (bool, String),
    reports: mpsc::UnboundedSender<Report>,
) {
    let answered = match aws.aws_anew().await {
        Ok(aws) => automation::signal(&aws, &id, approve, &why)
            .await
            .map_err(|error| error.to_string()),
        Err(reason) => Err(reason),
    };
    if let Err(reason) = answered {
        let line = format!("AWS did not take your answer: {reason}");
        let _ = reports.send(Report::Progress([line].into()));
    }
}

/// Asks AWS to stop a change. That it stopped is said by its end, and not here.
pub(super) async fn stop(
    aws: Reach,
    (remote, _): (Remote, Arc<Intent>),
    reports: mpsc::UnboundedSender<Report>,
) {
    let stopped = match aws.aws_anew().await {
        Ok(aws) => automation::stop(&aws, remote.id())
            .await
            .map_err(|error| error.to_string()),
        Err(reason) => Err(reason),
    };
    if let Err(reason) = stopped {
        let line = format!("AWS did not take the request to stop it: {reason}");
        let _ = reports.send(Report::Progress([line].into()));
    }
}
