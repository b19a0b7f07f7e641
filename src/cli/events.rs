//! Is it AWS? Events of AWS Health and planned work, looked for again and again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::live::cli;
use crate::actions::programs::{LocalPrograms, Programs};
use crate::alarms::{self, Board, ServiceEvent, Updates};
use crate::aws::{AwsError, Class, Place, Pool};

/// How often AWS Health and planned work are looked at.
const EVERY: Duration = Duration::from_mins(5);
/// How often it is seen whether an account has become known.
const SOON: Duration = Duration::from_secs(5);
/// Planned work is shown so many hours ahead.
const AHEAD: i64 = 12;

/// What was found, by the place and by what was looked at: what cannot be read keeps what is known.
#[derive(Default)]
struct Found(HashMap<(Place, String), Vec<ServiceEvent>>);

/// Looks until nobody reads the board any more.
pub(super) async fn follow(
    pool: Arc<Pool>,
    updates: Updates,
    boards: watch::Receiver<Arc<Board>>,
    calendars: Vec<String>,
) {
    let mut found = Found::default();
    let (mut looked, mut last): (Vec<Place>, Instant) = (Vec::new(), Instant::now());
    loop {
        let board = Arc::clone(&boards.borrow());
        let known = board.sources.iter().filter(|one| !one.account.is_empty());
        let places: Vec<Place> = known.map(|source| source.place.clone()).collect();
        let rows = board.rows.iter();
        let services = alarms::services(rows.filter_map(|row| row.alarm.namespace.as_deref()));
        drop(board);
        // Whose account is known late is looked at then, and not at the next turn.
        let new = places.iter().any(|place| !looked.contains(place));
        if !new && last.elapsed() < EVERY {
            tokio::select! {
                () = updates.closed() => return,
                () = sleep(SOON) => continue,
            }
        }
        last = Instant::now();
        looked.clone_from(&places);
        let mut troubles = Vec::new();
        found.health(&pool, &places, &mut troubles).await;
        for place in &places {
            found.planned(&pool, place, &calendars, &mut troubles).await;
        }
        let events = found.all(&services);
        let told = updates.tell(move |board| {
            board.events = events.into();
            for trouble in troubles {
                board.missing(&trouble.place, &trouble.what, trouble.failed);
                board.unread(&trouble.place, &trouble.what, trouble.refused);
            }
        });
        if !told {
            return;
        }
    }
}

/// What came of a look at something.
struct Looked {
    place: Place,
    /// What was looked at: the first words of the texts.
    what: String,
    /// Why it could not be read now.
    failed: Option<String>,
    /// Why it is not read here at all.
    refused: Option<String>,
}

type Troubles = Vec<Looked>;

impl Found {
    async fn health(&mut self, pool: &Pool, places: &[Place], troubles: &mut Troubles) {
        let mut profiles: Vec<&str> = places.iter().map(|place| place.profile.as_str()).collect();
        profiles.sort_unstable();
        profiles.dedup();
        for profile in profiles {
            let mine: Vec<&Place> = places
                .iter()
                .filter(|place| place.profile == profile)
                .collect();
            let regions: Vec<&str> = mine.iter().map(|place| place.region.as_str()).collect();
            let key = (Place::new(profile, ""), "health".to_owned());
            // Keys in the environment come before a profile that only the environment names.
            let named = match mine.first() {
                Some(place) => pool.at(place).await.ok().and_then(|aws| aws.named.clone()),
                None => None,
            };
            let asked = health(&LocalPrograms, named.as_deref(), &regions).await;
            let (mut failed, mut refused) = (None, None);
            match asked {
                Ok(answer) => {
                    let events = ServiceEvent::from_health(&key.0, &answer);
                    self.0.insert(key, events);
                }
                Err(why) if gives_no_access(&why) => {
                    self.0.remove(&key);
                    refused = Some(format!(
                        "AWS Health is not read; it needs health:DescribeEvents and a support plan that has it: {why}"
                    ));
                }
                Err(why) => failed = Some(format!("AWS Health could not be read: {why}")),
            }
            troubles.extend(mine.first().map(|place| Looked {
                place: (*place).clone(),
                what: "AWS Health".into(),
                failed,
                refused,
            }));
        }
    }

    async fn planned(
        &mut self,
        pool: &Pool,
        place: &Place,
        calendars: &[String],
        troubles: &mut Troubles,
    ) {
        let Ok(aws) = pool.at(place).await else {
            // The alarms of this place say why.
            return;
        };
        let windows = alarms::planned(&aws, place, AHEAD).await;
        self.take(place, "maintenance windows", windows, troubles);
        for name in calendars {
            let what = format!("the calendar {name}");
            let calendar = alarms::calendar(&aws, place, name, AHEAD).await;
            self.take(place, &what, calendar, troubles);
        }
    }

    fn take(
        &mut self,
        place: &Place,
        what: &str,
        answer: Result<Vec<ServiceEvent>, AwsError>,
        troubles: &mut Troubles,
    ) {
        let key = (place.clone(), what.to_owned());
        let (mut failed, mut refused) = (None, None);
        match answer {
            Ok(events) => {
                self.0.insert(key, events);
            }
            Err(error) if error.class == Class::AccessDenied => {
                self.0.remove(&key);
                refused = Some(format!("{what} are not read: {error}"));
            }
            Err(error) => failed = Some(format!("{what} could not be read: {error}")),
        }
        troubles.push(Looked {
            place: place.clone(),
            what: what.to_owned(),
            failed,
            refused,
        });
    }

    /// All of them, each once: a public event of AWS Health is seen from every account.
    fn all(&self, services: &BTreeSet<String>) -> Vec<ServiceEvent> {
        let mut seen = HashSet::new();
        let mut all: Vec<ServiceEvent> = self
            .0
            .values()
            .flatten()
            .filter(|event| event.concerns(services))
            .cloned()
            .collect();
        all.sort_by(|a, b| (a.kind, a.at, &a.id, &a.place).cmp(&(b.kind, b.at, &b.id, &b.place)));
        all.retain(|event| {
            let place = (event.kind != "health").then(|| event.place.clone());
            seen.insert((event.kind, place, event.id.clone()))
        });
        all
    }
}

fn gives_no_access(why: &str) -> bool {
    why.contains("SubscriptionRequiredException") || why.contains("AccessDenied")
}

/// AWS Health takes this many regions in a question.
/// <https://docs.aws.amazon.com/health/latest/APIReference/API_EventFilter.html>
const REGIONS: usize = 10;

/// Asks AWS Health, which answers for all regions of a partition in one place.
/// <https://docs.aws.amazon.com/general/latest/gr/health.html>
pub(super) async fn health(
    programs: &dyn Programs,
    profile: Option<&str>,
    regions: &[&str],
) -> Result<Value, String> {
    let within = |prefix: &str| regions.iter().any(|region| region.starts_with(prefix));
    let endpoint = if within("cn-") {
        "cn-northwest-1"
    } else if within("us-gov-") {
        "us-gov-west-1"
    } else {
        "us-east-1"
    };
    let mut wanted: Vec<&str> = regions.to_vec();
    wanted.push("global");
    let mut events: Vec<Value> = Vec::new();
    for some in wanted.chunks(REGIONS) {
        let input = json!({"filter": {
            "regions": some, "eventStatusCodes": ["open", "upcoming"],
            "eventTypeCategories": ["issue", "scheduledChange"],
        }});
        let command = ["health", "describe-events"];
        let mut answer = cli(programs, profile, endpoint, &command, &input).await?;
        if let Some(Value::Array(some)) = answer.get_mut("events").map(Value::take) {
            events.extend(some);
        }
    }
    Ok(json!({"events": events}))
}
