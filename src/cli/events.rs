//! Is it AWS? Events of AWS Health and planned work, looked for again and again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::live::cli;
use crate::actions::programs::{LocalPrograms, Programs};
use crate::alarms::{self, Board, ServiceEvent, Updates};
use crate::aws::{AwsError, Class, Place, Pool};

/// How often AWS Health and planned work are looked at.
const EVERY: Duration = Duration::from_mins(5);
/// How soon again while no account is known yet.
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
    loop {
        let board = Arc::clone(&boards.borrow());
        let known = board.sources.iter().filter(|one| !one.account.is_empty());
        let places: Vec<Place> = known.map(|source| source.place.clone()).collect();
        let services = alarms::services(&board);
        drop(board);
        let early = places.is_empty();
        let mut troubles = Vec::new();
        found.health(&places, &mut troubles).await;
        for place in &places {
            found.planned(&pool, place, &calendars, &mut troubles).await;
        }
        let events = found.all(&services);
        let told = updates.tell(move |board| {
            board.events = events.into();
            for (place, what, text) in troubles {
                board.missing(&place, &what, text);
            }
        });
        if !told {
            return;
        }
        tokio::select! {
            () = updates.closed() => return,
            () = sleep(if early { SOON } else { EVERY }) => {}
        }
    }
}

/// What to say of a source: the first word of the text, and the text while there is one.
type Troubles = Vec<(Place, String, Option<String>)>;

impl Found {
    async fn health(&mut self, places: &[Place], troubles: &mut Troubles) {
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
            let text = match health(&LocalPrograms, profile, &regions).await {
                Ok(answer) => {
                    let events = ServiceEvent::from_health(&key.0, &answer);
                    self.0.insert(key, events);
                    None
                }
                // Without a support plan that has it there is nothing to show; `doctor` says so.
                Err(why) if gives_no_access(&why) => {
                    self.0.remove(&key);
                    None
                }
                Err(why) => Some(format!("AWS Health could not be read: {why}")),
            };
            if let Some(first) = mine.first() {
                troubles.push(((*first).clone(), "AWS Health".into(), text));
            }
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
        let text = match answer {
            Ok(events) => {
                self.0.insert(key, events);
                None
            }
            // Who may not see planned work sees none; `doctor` says so.
            Err(error) if error.class == Class::AccessDenied => {
                self.0.remove(&key);
                None
            }
            Err(error) => Some(format!("{what} could not be read: {error}")),
        };
        troubles.push((place.clone(), what.to_owned(), text));
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

/// Asks AWS Health, which answers for all regions of a partition in one.
/// <https://docs.aws.amazon.com/general/latest/gr/health.html>
pub(super) async fn health(
    programs: &dyn Programs,
    profile: &str,
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
    let input = json!({"filter": {
        "regions": wanted, "eventStatusCodes": ["open", "upcoming"],
        "eventTypeCategories": ["issue", "scheduledChange"],
    }});
    let command = ["health", "describe-events"];
    cli(programs, profile, endpoint, &command, &input).await
}
