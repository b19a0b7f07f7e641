//! `standdown alarms`: the board, once, for scripts and pipes.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what could not be read is said here"
)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use serde_json::{Value, json};

use super::paint::Paint;
use super::{CliError, FAILURE, SUCCESS, live, printable};
use crate::actions::programs::LocalPrograms;
use crate::alarms::{
    Board, Details, Key, Row, Series, Values, Wanted, children, fetch, key, severity, tags,
};
use crate::aws::{Aws, AwsError, Place, Pool};
use crate::config::Settings;
use crate::incident::{AlarmRef, AlarmState};
use crate::playbook::{Catalog, Entry, Severity};
use crate::tui::{Role, against, column};

/// How long the list waits for a source that is slower than the others.
const TOGETHER: Duration = Duration::from_secs(5);
/// How many alarms' tags are asked for at a time.
const AT_ONCE: usize = 8;

type Tags = BTreeMap<String, String>;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Only alarms that no playbook answers.
    #[arg(long)]
    without_playbook: bool,
    /// Only alarms whose tags name no owner. Reads the tags of all alarms, which takes a while.
    #[arg(long)]
    without_owner: bool,
    /// How long to wait for the tags and values of alarms once the list of alarms is there; what is
    /// missing then is marked.
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    within: u64,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let watched = settings.watched();
    let pool = live::pool(settings);
    let catalog = super::catalog(settings);
    let reader = Reader {
        arguments,
        settings,
        catalog: &catalog,
        pool: &pool,
    };
    let mut reading: FuturesUnordered<_> = watched
        .iter()
        .map(|watch| {
            let place = Place::new(&watch.profile, &watch.region);
            let reader = &reader;
            async move { (place.clone(), reader.source(&place).await) }
        })
        .collect();
    let mut board = Board::of(watched.iter().map(live::source).collect());
    let mut list = List::new(&reader, watched.len() > 1);
    let mut waiting: Vec<Place> = board.sources.iter().map(|one| one.place.clone()).collect();
    let mut failure = None;
    let patience = tokio::time::sleep(TOGETHER);
    tokio::pin!(patience);
    let mut is_late = arguments.json;
    loop {
        let (asked, found) = tokio::select! {
            biased;
            next = reading.next() => match next {
                Some(next) => next,
                None => break,
            },
            () = &mut patience, if !is_late => {
                is_late = true;
                board.sort();
                list.print(&board, &board.rows)?;
                for place in &waiting {
                    eprintln!("standdown: {place} has not answered yet; its alarms follow when it has");
                }
                continue;
            }
        };
        waiting.retain(|place| *place != asked);
        match found {
            Ok(part) => {
                if let Some(source) = board.sources.iter_mut().find(|one| one.place == asked) {
                    source.place = part.place;
                }
                for missing in &part.missing {
                    eprintln!("standdown: {asked}: {}", printable(missing));
                }
                list.unread.extend(part.unread);
                let mut rows = part.board;
                rows.sort();
                if is_late && !arguments.json {
                    list.print(&board, &rows.rows)?;
                }
                Arc::make_mut(&mut board.rows).extend(rows.rows.iter().cloned());
            }
            Err(error) => {
                if watched.len() > 1 {
                    eprintln!("standdown: {asked}: {}", printable(&error.to_string()));
                }
                failure = Some(error);
            }
        }
    }
    drop(reading);
    let failed = failure.is_some();
    match failure {
        Some(error) if watched.len() == 1 => return Err(error),
        _ => {}
    }
    board.sort();
    let code = if failed { FAILURE } else { SUCCESS };
    if arguments.json {
        let shown = board.rows.iter().filter(|row| reader.shows(row));
        let all: Vec<_> = shown.map(|row| describe(row, &catalog, settings)).collect();
        super::print_json(&all)?;
        return Ok(code);
    }
    if !is_late {
        list.print(&board, &board.rows)?;
    }
    let mut out = std::io::stdout().lock();
    if board.rows.is_empty() && !failed {
        let places: Vec<String> = board
            .sources
            .iter()
            .map(|one| one.place.to_string())
            .collect();
        writeln!(out, "no alarms in {}", places.join(", "))?;
    } else if !failed && !board.rows.iter().any(|row| reader.shows(row)) {
        writeln!(out, "none of {} alarms", board.rows.len())?;
    }
    if arguments.without_playbook {
        let answered = |row: &&Row| !answering(&row.alarm, &catalog).is_empty();
        share(&mut out, &board, answered, "are answered by a playbook")?;
    }
    if arguments.without_owner {
        let owned = |row: &&Row| row.details.owner().is_some();
        share(&mut out, &board, owned, "have an owner")?;
    }
    Ok(code)
}

/// Prints rows, some of them later than the others.
struct List<'a> {
    reader: &'a Reader<'a>,
    several: bool,
    /// The alarms whose values were not there in time.
    unread: HashSet<Key>,
}

impl<'a> List<'a> {
    fn new(reader: &'a Reader<'a>, several: bool) -> Self {
        Self {
            reader,
            several,
            unread: HashSet::new(),
        }
    }

    fn print(&self, board: &Board, rows: &[Row]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        let settings = self.reader.settings;
        let paint = Paint::new(settings);
        let now = chrono::Utc::now();
        let shown: Vec<&Row> = rows.iter().filter(|row| self.reader.shows(row)).collect();
        let longest = shown.iter().map(|row| row.alarm.name.chars().count()).max();
        let width = longest.unwrap_or(0).clamp(5, 48);
        for row in &shown {
            let alarm = &row.alarm;
            let age = alarm
                .since
                .map_or_else(String::new, |since| crate::tui::age(now - since));
            let place = match board.source_of(alarm) {
                Some(source) if self.several => source.name(),
                _ => alarm.region.clone(),
            };
            let answering = answering(alarm, self.reader.catalog);
            let severity = grade(row, &answering, settings);
            let value = if self.unread.contains(&key(alarm)) {
                "not read yet".to_owned()
            } else {
                against(row, now)
            };
            writeln!(
                out,
                "{}  {}  {}  {age:>5}  {}  {:<14}  {}",
                paint.role(
                    Role::of_state(alarm.state),
                    &format!("{:<17}", alarm.state.name())
                ),
                paint.role(
                    Role::of_severity(severity),
                    &format!("{:<8}", severity.name())
                ),
                column(&alarm.name, width),
                column(&value, 14),
                crate::tui::clean(&place),
                answering
                    .first()
                    .map_or("no playbook", |entry| entry.playbook.id.as_str()),
            )?;
        }
        out.flush()
    }
}

/// Says how many of all alarms are as they should be.
fn share(
    out: &mut impl std::io::Write,
    board: &Board,
    good: impl Fn(&&Row) -> bool,
    what: &str,
) -> std::io::Result<()> {
    let (all, good) = (board.rows.len(), board.rows.iter().filter(good).count());
    if all == 0 {
        return Ok(());
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "alarms are counted in thousands"
    )]
    let share = good as f64 * 100.0 / all as f64;
    writeln!(out, "{good} of {all} alarms ({share:.0} %) {what}")
}

/// Reads the alarms of sources.
struct Reader<'a> {
    arguments: &'a Arguments,
    settings: &'a Settings,
    catalog: &'a Catalog,
    pool: &'a Pool,
}

/// What was read of one source.
struct Part {
    place: Place,
    board: Board,
    /// What is missing, in sentences.
    missing: Vec<String>,
    /// The alarms whose values are missing.
    unread: Vec<Key>,
}

impl Reader<'_> {
    /// Whether a row is asked for.
    fn shows(&self, row: &Row) -> bool {
        (!self.arguments.without_playbook || answering(&row.alarm, self.catalog).is_empty())
            && (!self.arguments.without_owner || row.details.owner().is_none())
    }

    /// The alarms of one source; their tags and values, as far as they come in time.
    async fn source(&self, place: &Place) -> Result<Part, CliError> {
        let aws = self.pool.at(place).await?;
        let here = Place::new(&aws.profile, &aws.region);
        let mut board = Board::default();
        let seen = fetch(&aws, None, &self.settings.redactor()).await?;
        board.take(&here, seen, |_| true);
        if self.arguments.without_owner {
            let found = all_tags(&aws, &board).await?;
            set_tags(&mut board, found);
        }
        // What is not shown needs no values.
        let shown = board.rows.iter().filter(|row| self.shows(row));
        let wanted: Vec<Wanted> = shown
            .map(|row| Wanted {
                alarm: Arc::clone(&row.alarm),
                watched: row.facts.watched.clone(),
            })
            .collect();
        let untagged: Vec<Arc<AlarmRef>> = board
            .rows
            .iter()
            .filter(|row| row.details.tags.is_none() && row.alarm.state == AlarmState::Alarm)
            .filter(|row| !row.alarm.arn.is_empty() && self.shows(row))
            .map(|row| Arc::clone(&row.alarm))
            .collect();
        let within = Duration::from_secs(self.arguments.within);
        let mut found = Vec::new();
        let mut series = Values::default();
        let rest = live::feed(self.settings).rest();
        let (of_tags, of_values) = tokio::join!(
            in_time(within, tags_of(&aws, &untagged, &mut found)),
            in_time(within, series.fetch(&aws, &wanted, rest)),
        );
        let mut missing = Vec::new();
        if let Err(why) = of_tags {
            let without = untagged.len() - found.len();
            missing.push(format!(
                "the tags of {without} of {} alarms in ALARM are missing, and their severity may differ: {why}",
                untagged.len()
            ));
        }
        set_tags(&mut board, found);
        let known = series.of(&wanted);
        let mut unread = Vec::new();
        if let Err(why) = of_values {
            let of_metrics = wanted.iter().filter(|wanted| wanted.has_values());
            unread = of_metrics
                .filter(|wanted| !series.has_asked(wanted))
                .map(|wanted| key(&wanted.alarm))
                .collect();
            let count = unread.len();
            missing.push(format!("the values of {count} alarms are missing: {why}"));
            let why: Arc<str> = why.into();
            let failed = |key: &Key| {
                let failed = Some(Arc::clone(&why));
                let series = Series {
                    failed,
                    ..Series::default()
                };
                (key.clone(), series)
            };
            board.set_values(unread.iter().map(failed).collect());
        }
        board.set_values(known);
        Ok(Part {
            place: here,
            board,
            missing,
            unread,
        })
    }
}

/// What a request answers, or why it did not in time.
async fn in_time<T>(
    within: Duration,
    answer: impl Future<Output = Result<T, AwsError>>,
) -> Result<(), String> {
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "CloudWatch did not answer within {} s; --within waits longer",
            within.as_secs()
        )),
    }
}

/// Reads the tags of some alarms, a few at a time, until one cannot be read.
async fn tags_of(
    aws: &Aws,
    alarms: &[Arc<AlarmRef>],
    found: &mut Vec<(Key, Tags)>,
) -> Result<(), AwsError> {
    let asked = alarms
        .iter()
        .map(|alarm| async { Ok((key(alarm), tags(aws, alarm).await?)) });
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        found.push(answer?);
    }
    Ok(())
}

/// Reads the tags of all alarms: in bulk where the AWS CLI can be asked.
async fn all_tags(aws: &Aws, board: &Board) -> Result<Vec<(Key, Tags)>, CliError> {
    let all: Vec<Arc<AlarmRef>> = board
        .rows
        .iter()
        .filter(|row| !row.alarm.arn.is_empty())
        .map(|row| Arc::clone(&row.alarm))
        .collect();
    let mut found = Vec::new();
    let mut bulk = in_bulk(aws).await.unwrap_or_default();
    if bulk.is_empty() {
        tags_of(aws, &all, &mut found).await?;
    } else {
        // What has no tags is not among those that have.
        let tagged =
            |alarm: &Arc<AlarmRef>| (key(alarm), bulk.remove(&alarm.arn).unwrap_or_default());
        found.extend(all.iter().map(tagged));
    }
    Ok(found)
}

fn set_tags(board: &mut Board, found: Vec<(Key, Tags)>) {
    let mut found: HashMap<Key, Tags> = found.into_iter().collect();
    for row in Arc::make_mut(&mut board.rows) {
        if let Some(tags) = found.remove(&key(&row.alarm)) {
            row.details = Arc::new(Details {
                tags: Some(tags),
                ..Details::default()
            });
        }
    }
}

async fn in_bulk(aws: &Aws) -> Option<BTreeMap<String, BTreeMap<String, String>>> {
    let input = json!({"ResourceTypeFilters": ["cloudwatch:alarm"]});
    let command = ["resourcegroupstaggingapi", "get-resources"];
    let answer = live::cli(
        &LocalPrograms,
        aws.named.as_deref(),
        &aws.region,
        &command,
        &input,
    )
    .await
    .ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let resources = answer["ResourceTagMappingList"].as_array()?;
    resources
        .iter()
        .map(|resource| {
            let tags = resource["Tags"].as_array()?.iter();
            let tags = tags.filter_map(|tag| Some((text(&tag["Key"])?, text(&tag["Value"])?)));
            Some((text(&resource["ResourceARN"])?, tags.collect()))
        })
        .collect()
}

fn answering<'a>(alarm: &AlarmRef, catalog: &'a Catalog) -> Vec<&'a Entry> {
    catalog.answering(&alarm.subject())
}

fn grade(row: &Row, answering: &[&Entry], settings: &Settings) -> Severity {
    severity(
        &row.alarm,
        row.details.severity(),
        &settings.severities.value,
        answering.first().map(|entry| entry.playbook.impact),
    )
}

fn describe(row: &Row, catalog: &Catalog, settings: &Settings) -> Value {
    let answering = answering(&row.alarm, catalog);
    let mut described = json!(row.alarm);
    described["severity"] = grade(row, &answering, settings).name().into();
    described["impact"] = answering.first().map(|entry| entry.playbook.impact).into();
    described["values"] = json!(row.values.values.to_vec());
    described["values_until"] = json!(row.values.until);
    described["value"] = json!(row.values.last());
    described["band"] = json!(
        row.values
            .band
            .map(|(lower, upper)| json!({"lower": lower, "upper": upper}))
    );
    described["no_value_because"] = json!(row.values.failed);
    described["playbooks"] = answering
        .iter()
        .map(|entry| entry.playbook.id.as_str())
        .collect();
    if let (Value::Object(all), Value::Object(facts)) = (&mut described, json!(*row.facts)) {
        all.extend(facts);
    }
    described["children"] = row
        .facts
        .rule
        .as_deref()
        .map(children)
        .unwrap_or_default()
        .into();
    described["tags"] = json!(row.details.tags);
    described["owner"] = row.details.owner().into();
    described
}
