//! The watched accounts and regions, kept on a board.

#![expect(
    clippy::print_stderr,
    reason = "the edge: what could not be found out is said here"
)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::events;
use crate::actions::programs::{Invocation, LocalPrograms, Programs, aws_environment};
use crate::alarms::{self, Board, FeedSettings, Source, Updates};
use crate::aws::{AwsSettings, Place, Pool};
use crate::clock;
use crate::config::{Settings, Watch};
use crate::engine::Recorder;
use crate::incident::AlarmRef;
use crate::journal::{Acknowledgement, JournalError};

/// How long the AWS CLI may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked who looks after which alarm: consoles on this host share the record.
const SEEN: Duration = Duration::from_secs(5);

/// A board that is kept up to date, and what keeps it.
pub(super) struct Live {
    pub pool: Arc<Pool>,
    pub boards: watch::Receiver<Arc<Board>>,
    pub visible: watch::Sender<Vec<Arc<AlarmRef>>>,
    pub updates: Updates,
}

/// Clients with what the command line and the configuration say.
pub(super) fn pool(settings: &Settings) -> Arc<Pool> {
    Arc::new(Pool::new(AwsSettings {
        profile: settings.profile.value.clone(),
        region: settings.region.value.clone(),
        rehearsal_endpoint: None,
        breaker: settings.breaker.value,
    }))
}

impl Live {
    /// Begins to watch. Nothing is waited for.
    pub fn begin(settings: &Settings, recorder: &Recorder) -> Self {
        let pool = pool(settings);
        let watched = settings.watched();
        let sources: Vec<Source> = watched.iter().map(source).collect();
        let live = Self::over(pool, sources, &feed(settings));
        tokio::spawn(events::follow(
            Arc::clone(&live.pool),
            live.updates.clone(),
            live.boards.clone(),
            settings.calendars.value.clone(),
        ));
        live.follow_acknowledgements(recorder);
        live
    }

    /// Begins to watch these sources.
    pub fn over(pool: Arc<Pool>, sources: Vec<Source>, feed: &FeedSettings) -> Self {
        let (boards, board) = watch::channel(Arc::new(Board::default()));
        let (visible, seen) = watch::channel(Vec::new());
        let updates = alarms::watch(&pool, sources, feed, boards, &seen);
        Self {
            pool,
            boards: board,
            visible,
            updates,
        }
    }

    fn follow_acknowledgements(&self, recorder: &Recorder) {
        let (updates, recorder) = (self.updates.clone(), recorder.clone());
        tokio::spawn(async move {
            loop {
                let found = seen(&recorder).await;
                // A journal that cannot be used says so elsewhere.
                if let Ok(found) = found
                    && !show(&updates, found)
                {
                    return;
                }
                tokio::select! {
                    () = updates.closed() => return,
                    () = sleep(SEEN) => {}
                }
            }
        });
    }

    /// Records that somebody looks after an alarm, and shows it.
    pub fn acknowledge(
        recorder: &Recorder,
        updates: &Updates,
        settings: &Settings,
    ) -> impl Fn(Acknowledgement) -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static
    {
        let (recorder, updates, redactor) =
            (recorder.clone(), updates.clone(), settings.redactor());
        move |one| {
            let (recorder, updates) = (recorder.clone(), updates.clone());
            let one = Acknowledgement {
                note: redactor.text(&one.note).into_owned(),
                ..one
            };
            Box::pin(async move {
                let done = recorder
                    .call(move |journal| journal.acknowledge(&one))
                    .await;
                done.map_err(|error: JournalError| format!("not recorded: {error}"))?;
                if let Ok(found) = seen(&recorder).await {
                    show(&updates, found);
                }
                Ok(())
            })
        }
    }
}

async fn seen(recorder: &Recorder) -> Result<Vec<Acknowledgement>, JournalError> {
    recorder
        .call(|journal| journal.acknowledgements(clock::now()))
        .await
}

fn show(updates: &Updates, found: Vec<Acknowledgement>) -> bool {
    let all = found
        .into_iter()
        .map(|one| (one.alarm.clone(), one))
        .collect();
    updates.tell(move |board| {
        if *board.acknowledged != all {
            board.acknowledged = Arc::new(all);
        }
    })
}

/// How often alarms are asked for.
pub(super) fn feed(settings: &Settings) -> FeedSettings {
    FeedSettings {
        interval: settings.refresh.value,
        redactor: settings.redactor(),
        speed: 1.0,
    }
}

/// A watched place that was not asked yet.
pub(super) fn source(watch: &Watch) -> Source {
    Source::new(
        Place::new(&watch.profile, &watch.region),
        watch.alias.clone(),
        watch.production,
    )
}

/// Regions that are open to every account without being asked for.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
const REGIONS: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
];

/// The regions that are open to every account, in the partition of one of them.
fn usual_regions(near: &str) -> Vec<String> {
    let all: &[&str] = if near.starts_with("cn-") {
        &["cn-north-1", "cn-northwest-1"]
    } else if near.starts_with("us-gov-") {
        &["us-gov-west-1", "us-gov-east-1"]
    } else {
        &REGIONS
    };
    all.iter().map(ToString::to_string).collect()
}

/// How long the regions are waited for: nothing is on the screen yet.
const REGIONS_WAIT: Duration = Duration::from_secs(10);

/// Takes every region in that is open to the watched profiles: as `aws ec2 describe-regions` says,
/// or else, which is said, those that are open to everybody.
pub(super) async fn in_all_regions(settings: &mut Settings) {
    let mut profiles: Vec<Watch> = Vec::new();
    for watch in settings.watched() {
        if !profiles.iter().any(|known| known.profile == watch.profile) {
            profiles.push(watch);
        }
    }
    let asked = profiles.iter().map(|watch| async move {
        let named = Some(watch.profile.as_str()).filter(|profile| !profile.is_empty());
        let near = match watch.region.as_str() {
            "" => std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".into()),
            region => region.to_owned(),
        };
        let command = ["ec2", "describe-regions"];
        let input = json!({});
        let call = cli(&LocalPrograms, named, &near, &command, &input);
        let answer = match timeout(REGIONS_WAIT, call).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {REGIONS_WAIT:?}")),
        };
        let found: Result<Vec<String>, String> = answer.map(|answer| {
            let regions = answer["Regions"].as_array().into_iter().flatten();
            regions
                .filter_map(|region| Some(region["RegionName"].as_str()?.to_owned()))
                .collect()
        });
        let regions = found.unwrap_or_else(|why| {
            let usual = usual_regions(&near);
            eprintln!(
                "standdown: --all-regions: `aws ec2 describe-regions` failed ({why}); the {} regions are watched that are open to every account",
                usual.len()
            );
            usual
        });
        let each = regions.into_iter().map(|region| Watch {
            region,
            ..watch.clone()
        });
        each.collect::<Vec<Watch>>()
    });
    let all = futures_util::future::join_all(asked).await;
    settings.watch.value = all.into_iter().flatten().collect();
}

/// Asks the AWS CLI.
pub(super) async fn cli(
    programs: &dyn Programs,
    profile: Option<&str>,
    region: &str,
    command: &[&str],
    input: &Value,
) -> Result<Value, String> {
    let mut argv: Vec<String> = vec!["aws".into()];
    argv.extend(command.iter().map(ToString::to_string));
    argv.extend(["--output", "json", "--region", region].map(str::to_owned));
    if let Some(profile) = profile {
        argv.extend(["--profile".to_owned(), profile.to_owned()]);
    }
    // Some services of the CLI do not read it from the environment.
    if let Ok(endpoint) = std::env::var("AWS_ENDPOINT_URL") {
        argv.extend(["--endpoint-url".to_owned(), endpoint]);
    }
    if input.as_object().is_some_and(|fields| !fields.is_empty()) {
        argv.extend(["--cli-input-json".to_owned(), input.to_string()]);
    }
    let invocation = Invocation {
        argv,
        environment: aws_environment(),
    };
    let finished = timeout(PATIENCE, programs.run(invocation))
        .await
        .map_err(|_| format!("`aws {}` took longer than {PATIENCE:?}", command.join(" ")))?
        .map_err(|error| error.to_string())?;
    if finished.exit_code != Some(0) {
        let said = finished.stderr.trim().lines().last().unwrap_or("no reason");
        return Err(said.to_owned());
    }
    if finished.truncated {
        let limit = crate::actions::programs::OUTPUT_LIMIT / 1024;
        return Err(format!("the AWS CLI answered more than {limit} KiB"));
    }
    serde_json::from_str(&finished.stdout).map_err(|error| error.to_string())
}
