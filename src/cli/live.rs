//! The watched accounts and regions, kept on a board.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::actions::programs::{Invocation, LocalPrograms, Programs, aws_environment};
use crate::alarms::{self, Board, FeedSettings, ServiceEvent, Source, Updates};
use crate::aws::{AwsSettings, Place, Pool};
use crate::clock;
use crate::config::{Settings, Watch};
use crate::engine::Recorder;
use crate::incident::AlarmRef;
use crate::journal::{Acknowledgement, JournalError};

/// How often AWS Health and planned work are looked at.
const EVENTS: Duration = Duration::from_mins(5);
/// Planned work is shown so many hours ahead.
const AHEAD: i64 = 12;
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
    }))
}

impl Live {
    /// Begins to watch. Nothing is waited for.
    pub fn begin(settings: &Settings, recorder: &Recorder) -> Self {
        let pool = pool(settings);
        let watched = settings.watched();
        let sources: Vec<Source> = watched.iter().map(source).collect();
        let live = Self::over(pool, sources, &feed(settings));
        live.look_for_events(settings.calendars.value.clone());
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

    fn look_for_events(&self, calendars: Vec<String>) {
        let (pool, updates, boards) = (
            Arc::clone(&self.pool),
            self.updates.clone(),
            self.boards.clone(),
        );
        tokio::spawn(async move {
            loop {
                let places: Vec<Place> = boards
                    .borrow()
                    .sources
                    .iter()
                    .filter(|source| !source.account.is_empty())
                    .map(|source| source.place.clone())
                    .collect();
                let early = places.is_empty();
                let found = events(&pool, &places, &calendars).await;
                let told = updates.tell(move |board| board.events = found.into());
                if !told {
                    return;
                }
                sleep(if early { SEEN } else { EVENTS }).await;
            }
        });
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

/// Takes every region in that is open to the watched profiles: as `aws ec2 describe-regions` says,
/// or else those that are open to everybody.
pub(super) async fn in_all_regions(settings: &mut Settings) {
    let mut all: Vec<Watch> = Vec::new();
    for watch in settings.watched() {
        if all.iter().any(|known| known.profile == watch.profile) {
            continue;
        }
        let near = if watch.region.is_empty() {
            "us-east-1"
        } else {
            &watch.region
        };
        let command = ["ec2", "describe-regions"];
        let asked = cli(&LocalPrograms, &watch.profile, near, &command, &json!({})).await;
        let named: Vec<String> = match asked {
            Ok(answer) => answer["Regions"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|region| Some(region["RegionName"].as_str()?.to_owned()))
                .collect(),
            Err(_) => Vec::new(),
        };
        let named = if named.is_empty() {
            REGIONS.iter().map(ToString::to_string).collect()
        } else {
            named
        };
        all.extend(named.into_iter().map(|region| Watch {
            region,
            ..watch.clone()
        }));
    }
    settings.watch.value = all;
}

/// Asks the AWS CLI.
pub(super) async fn cli(
    programs: &dyn Programs,
    profile: &str,
    region: &str,
    command: &[&str],
    input: &Value,
) -> Result<Value, String> {
    let mut argv: Vec<String> = vec!["aws".into()];
    argv.extend(command.iter().map(ToString::to_string));
    argv.extend(["--output", "json", "--region", region].map(str::to_owned));
    if !profile.is_empty() {
        argv.extend(["--profile".to_owned(), profile.to_owned()]);
    }
    if input.as_object().is_some_and(|fields| !fields.is_empty()) {
        argv.extend(["--cli-input-json".to_owned(), input.to_string()]);
    }
    let invocation = Invocation {
        argv,
        environment: aws_environment(),
    };
    let finished = programs
        .run(invocation)
        .await
        .map_err(|error| error.to_string())?;
    if finished.exit_code != Some(0) {
        let said = finished.stderr.trim().lines().last().unwrap_or("no reason");
        return Err(said.to_owned());
    }
    serde_json::from_str(&finished.stdout).map_err(|error| error.to_string())
}

/// What AWS Health says of the watched regions, and what is planned there.
async fn events(pool: &Arc<Pool>, places: &[Place], calendars: &[String]) -> Vec<ServiceEvent> {
    let mut found: Vec<ServiceEvent> = Vec::new();
    let mut profiles: Vec<&str> = places.iter().map(|place| place.profile.as_str()).collect();
    profiles.sort_unstable();
    profiles.dedup();
    for profile in profiles {
        let regions: Vec<&str> = places
            .iter()
            .filter(|place| place.profile == profile)
            .map(|place| place.region.as_str())
            .collect();
        // Without a support plan that has it, there is nothing to show; `doctor` says so.
        if let Ok(answer) = health(&LocalPrograms, profile, &regions).await {
            found.extend(ServiceEvent::from_health(&Place::new(profile, ""), &answer));
        }
    }
    for place in places {
        let Ok(aws) = pool.at(place).await else {
            continue;
        };
        // Who may not see planned work sees none.
        if let Ok(windows) = alarms::planned(&aws, place, AHEAD).await {
            found.extend(windows);
        }
        if let Ok(closed) = alarms::calendars(&aws, place, calendars, AHEAD).await {
            found.extend(closed);
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|event| seen.insert(event.id.clone()));
    found
}

/// Asks AWS Health, which answers for all regions in one.
pub(super) async fn health(
    programs: &dyn Programs,
    profile: &str,
    regions: &[&str],
) -> Result<Value, String> {
    let china = regions.iter().all(|region| region.starts_with("cn-"));
    let endpoint = if china && !regions.is_empty() {
        "cn-northwest-1"
    } else {
        "us-east-1"
    };
    let mut wanted: Vec<&str> = regions.to_vec();
    wanted.push("global");
    let input = json!({"filter": {
        "regions": wanted, "eventStatusCodes": ["open", "upcoming"],
        "eventTypeCategories": ["issue", "scheduledChange"],
    }});
    cli(
        programs,
        profile,
        endpoint,
        &["health", "describe-events"],
        &input,
    )
    .await
}
