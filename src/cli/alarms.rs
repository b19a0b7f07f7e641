//! `standdown alarms`: the board, once, for scripts and pipes.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what could not be read is said here"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::paint::Paint;
use super::{CliError, FAILURE, SUCCESS, live, printable};
use crate::actions::programs::LocalPrograms;
use crate::alarms::{Board, Details, Row, Values, Wanted, children, fetch, severity, tags};
use crate::aws::{Aws, Place, Pool};
use crate::config::Settings;
use crate::incident::{AlarmRef, AlarmState};
use crate::playbook::{Catalog, Entry, Severity};
use crate::tui::{Role, against, column};

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
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let pool = live::pool(settings);
    let (mut board, failed) = read(&pool, settings, arguments.without_owner).await?;
    let catalog = super::catalog(settings);
    let wanted = |row: &Row| {
        (!arguments.without_playbook || answering(&row.alarm, &catalog).is_empty())
            && (!arguments.without_owner || row.details.owner().is_none())
    };
    // What is not shown needs no values.
    let asked: Vec<Arc<AlarmRef>> = board
        .rows
        .iter()
        .filter(|row| wanted(row))
        .map(|row| Arc::clone(&row.alarm))
        .collect();
    read_values(&pool, settings, &mut board, &asked).await;
    let shown: Vec<&Row> = board.rows.iter().filter(|row| wanted(row)).collect();
    let code = if failed { FAILURE } else { SUCCESS };
    if arguments.json {
        let all: Vec<_> = shown
            .iter()
            .map(|row| describe(row, &catalog, settings))
            .collect();
        super::print_json(&all)?;
        return Ok(code);
    }
    let mut out = std::io::stdout().lock();
    let paint = Paint::new(settings);
    let now = chrono::Utc::now();
    let longest = shown.iter().map(|row| row.alarm.name.chars().count()).max();
    let width = longest.unwrap_or(0).clamp(5, 48);
    let several = board.sources.len() > 1;
    for row in &shown {
        let alarm = &row.alarm;
        let age = alarm
            .since
            .map_or_else(String::new, |since| crate::tui::age(now - since));
        let place = match board.source_of(alarm) {
            Some(source) if several => source.name(),
            _ => alarm.region.clone(),
        };
        let answering = answering(alarm, &catalog);
        let severity = grade(row, &answering, settings);
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
            column(&against(row, now), 14),
            crate::tui::clean(&place),
            answering
                .first()
                .map_or("no playbook", |entry| entry.playbook.id.as_str()),
        )?;
    }
    if board.rows.is_empty() && !failed {
        let places: Vec<String> = board
            .sources
            .iter()
            .map(|one| one.place.to_string())
            .collect();
        writeln!(out, "no alarms in {}", places.join(", "))?;
    } else if shown.is_empty() && !failed {
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

/// Reads all sources side by side. Where one fails, the others are shown all the same.
async fn read(
    pool: &Arc<Pool>,
    settings: &Settings,
    owners: bool,
) -> Result<(Board, bool), CliError> {
    let watched = settings.watched();
    let mut board = Board::of(watched.iter().map(live::source).collect());
    let asked = watched.iter().map(|watch| {
        let (pool, place) = (Arc::clone(pool), Place::new(&watch.profile, &watch.region));
        async move { (place.clone(), one(&pool, &place, settings, owners).await) }
    });
    let mut failed = false;
    let mut last = None;
    for (asked, found) in join_all(asked).await {
        match found {
            Ok((place, part)) => {
                if let Some(source) = board.sources.iter_mut().find(|one| one.place == asked) {
                    source.place = place;
                }
                Arc::make_mut(&mut board.rows).extend(part.rows.iter().cloned());
            }
            Err(error) => {
                failed = true;
                if watched.len() > 1 {
                    eprintln!("standdown: {asked}: {}", printable(&error.to_string()));
                }
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if watched.len() == 1 => return Err(error),
        _ => {}
    }
    board.sort();
    Ok((board, failed))
}

async fn one(
    pool: &Pool,
    place: &Place,
    settings: &Settings,
    owners: bool,
) -> Result<(Place, Board), CliError> {
    let aws = pool.at(place).await?;
    let here = Place::new(&aws.profile, &aws.region);
    let mut board = Board::default();
    let seen = fetch(&aws, None, &settings.redactor()).await?;
    board.take(&here, seen, |_| true);
    read_tags(&aws, &mut board, owners).await?;
    Ok((here, board))
}

/// The latest values of some alarms' metrics, source by source.
async fn read_values(pool: &Pool, settings: &Settings, board: &mut Board, asked: &[Arc<AlarmRef>]) {
    let places: Vec<Place> = board.sources.iter().map(|one| one.place.clone()).collect();
    for place in places {
        let mine: Vec<Arc<AlarmRef>> = asked
            .iter()
            .filter(|alarm| alarm.profile == place.profile && alarm.region == place.region)
            .cloned()
            .collect();
        // Where there are no clients there are no alarms.
        let Ok(aws) = pool.at(&place).await else {
            continue;
        };
        let rows = board
            .rows
            .iter()
            .filter(|row| mine.iter().any(|alarm| alarm.is_same(&row.alarm)));
        let mine: Vec<Wanted> = rows
            .map(|row| Wanted {
                alarm: Arc::clone(&row.alarm),
                watched: row.facts.watched.clone(),
            })
            .collect();
        let mut values = Values::default();
        match values.fetch(&aws, &mine, live::feed(settings).rest()).await {
            Ok(values) => board.set_values(values),
            Err(error) => eprintln!(
                "standdown: values could not be read: {}",
                printable(&error.to_string())
            ),
        }
    }
}

/// The tags of what is in ALARM, or of everything: in bulk where the AWS CLI can be asked.
async fn read_tags(aws: &Aws, board: &mut Board, everything: bool) -> Result<(), CliError> {
    let mut bulk: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    if everything {
        bulk = in_bulk(aws).await.unwrap_or_default();
    }
    let known = !bulk.is_empty();
    for row in Arc::make_mut(&mut board.rows) {
        let wanted = everything || row.alarm.state == AlarmState::Alarm;
        if !wanted || row.alarm.arn.is_empty() {
            continue;
        }
        let found = match bulk.remove(&row.alarm.arn) {
            Some(tags) => tags,
            // What has no tags is not among those that have.
            None if known => BTreeMap::new(),
            None => match tags(aws, &row.alarm).await {
                Ok(tags) => tags,
                Err(error) if everything => return Err(error.into()),
                // The board is of use without them.
                Err(error) => {
                    eprintln!("standdown: {}", printable(&error.to_string()));
                    return Ok(());
                }
            },
        };
        row.details = Arc::new(Details {
            tags: Some(found),
            ..Details::default()
        });
    }
    Ok(())
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
