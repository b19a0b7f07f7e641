//! What happens in a rehearsal: a TOML file, format 1.

mod account;
mod synthetic;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::{Kind, Node, Problem, Problems, Reader, Source, parse};
use crate::incident::AlarmState;
use crate::playbook::glob;
pub use account::{Calendar, Caller, Change, Mute, Query, Window};
pub use synthetic::MOST_SYNTHETIC;
pub(super) use synthetic::state as synthetic_state;

/// A scenario that was read without errors. Times are seconds from its beginning; negative
/// ones lie before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scenario {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What the responder will face.
    pub summary: String,
    /// The playbook it is made for.
    pub playbook: String,
    /// The account, twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The alarm that begins it.
    pub alarm: String,
    /// How long it takes a responder, in seconds.
    pub lasts: f64,
    /// What the bot answers when a playbook asks, by input.
    pub answers: BTreeMap<String, String>,
    /// Metrics.
    pub metrics: Vec<Metric>,
    /// Alarms.
    pub alarms: Vec<Alarm>,
    /// Log messages.
    pub logs: Vec<Log>,
    /// Managed instances.
    pub instances: Vec<Instance>,
    /// What commands answer.
    pub commands: Vec<Reply>,
    /// What local programs answer.
    pub programs: Vec<Reply>,
    /// What probes find.
    pub probes: Vec<Reply>,
    /// Who changed what.
    pub changes: Vec<Change>,
    /// What queries of Logs Insights answer.
    pub queries: Vec<Query>,
    /// Parameters of Parameter Store.
    pub parameters: BTreeMap<String, String>,
    /// Maintenance windows.
    pub windows: Vec<Window>,
    /// Change calendars.
    pub calendars: Vec<Calendar>,
    /// People with credentials of their own.
    pub callers: Vec<Caller>,
    /// Rules that mute alarms.
    pub mutes: Vec<Mute>,
    /// By how many seconds this AWS's clock is ahead of this machine's.
    pub skew: f64,
    /// What Automation runbooks do.
    pub automations: Vec<Automation>,
    /// What goes wrong with the API.
    pub faults: Vec<Fault>,
    /// What the responder can mend.
    pub fixes: Vec<Fix>,
}

/// A metric that moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// How far it wavers, up and down.
    pub noise: f64,
    /// Times and values, straight lines between them.
    pub points: Vec<(f64, f64)>,
    /// What a fix makes of it: its id, times from the fix on, and values.
    pub after: Vec<(String, Vec<(f64, f64)>)>,
}

/// An alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What makes its state.
    pub rule: AlarmRule,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it is a log alarm.
    pub log: bool,
    /// Whether its actions run.
    pub actions: bool,
    /// The alarm that suppresses a composite one's actions.
    pub suppressor: Option<String>,
    /// `PARTIAL_DATA`, `EVALUATION_ERROR` or `EVALUATION_FAILURE`.
    pub evaluation: Option<String>,
    /// The series that are in ALARM, of an alarm over several.
    pub contributors: Vec<BTreeMap<String, String>>,
}

/// What makes an alarm's state.
#[derive(Debug, Clone, PartialEq)]
pub enum AlarmRule {
    /// A metric beyond a threshold for some periods on end.
    Metric {
        /// The metric's place in the scenario.
        metric: usize,
        /// The statistic.
        statistic: String,
        /// The threshold.
        threshold: f64,
        /// Whether values above it, or below it, are bad.
        above: bool,
        /// The period, in seconds.
        period: f64,
        /// How many.
        periods: i64,
    },
    /// Any of other alarms.
    Any(Vec<String>),
    /// It stays as it is.
    Fixed {
        /// Its state.
        state: AlarmState,
        /// Since when.
        since: f64,
    },
    /// One of many, for measuring.
    Synthetic {
        /// Which one.
        number: u32,
        /// The metric's place in the scenario.
        metric: usize,
        /// The threshold.
        threshold: f64,
        /// Whether it keeps changing its state.
        changes: bool,
    },
}

/// A message that keeps coming.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// The log group.
    pub group: String,
    /// The log stream.
    pub stream: String,
    /// The text; `{n}`, `{ms}` and `{hex}` vary.
    pub message: String,
    /// Seconds between two.
    pub every: f64,
    /// From when on.
    pub from: f64,
    /// Until when, if it ends.
    pub until: Option<f64>,
    /// The fix after which it stops.
    pub stops_after: Option<String>,
}

/// A managed instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether its agent answers.
    pub online: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What a command or a program answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// A pattern over the command's lines, or the program's arguments; `*` and `?` are wildcards.
    pub matches: String,
    /// The instances it is for; all, when there are none.
    pub instances: Vec<String>,
    /// The fix that must have been made.
    pub after: Option<String>,
    /// How long it takes, in seconds.
    pub delay: f64,
    /// Its output.
    pub output: String,
    /// Its error output.
    pub error: String,
    /// Its exit code.
    pub exit_code: i64,
    /// Whether the instance never answers.
    pub lost: bool,
}

/// An Automation runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Automation {
    /// The document's name.
    pub document: String,
    /// The parameters it takes; those that end in `!` must be given.
    pub parameters: Vec<String>,
    /// Its steps, one after the other.
    pub steps: Vec<AutomationStep>,
    /// What it gives back, by name.
    pub outputs: BTreeMap<String, String>,
    /// The fix that it makes when it succeeds.
    pub fixes: Option<String>,
    /// What it makes instead with certain parameters: patterns by name, and the fix. The first that
    /// fits counts.
    pub effects: Vec<(BTreeMap<String, String>, String)>,
}

impl Automation {
    /// Whether it can make a fix at all.
    #[must_use]
    pub fn makes(&self, fix: &str) -> bool {
        let effects = self.effects.iter().map(|(_, fix)| fix.as_str());
        effects.chain(self.fixes.as_deref()).any(|one| one == fix)
    }

    /// The fix that it makes with these parameters.
    #[must_use]
    pub fn made(&self, parameters: &BTreeMap<String, Vec<String>>) -> Option<&str> {
        let fits = |when: &BTreeMap<String, String>| {
            when.iter().all(|(name, pattern)| {
                let values = parameters.get(name).map_or(&[][..], Vec::as_slice);
                values.iter().any(|value| glob(pattern, value))
            })
        };
        let effect = self.effects.iter().find(|(when, _)| fits(when));
        effect
            .map(|(_, fix)| fix.as_str())
            .or(self.fixes.as_deref())
    }
}

/// A step of an Automation runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct AutomationStep {
    /// Its name.
    pub name: String,
    /// Its action, such as `aws:executeAwsApi`.
    pub action: String,
    /// How long it takes, in seconds.
    pub takes: f64,
    /// How it fails, if it does.
    pub fails: Option<String>,
    /// What it gives back, by name.
    pub outputs: BTreeMap<String, Value>,
}

/// What goes wrong with the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// A pattern over the operation, such as `FilterLogEvents`, or `*`.
    pub operation: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often; always, when there is no number.
    pub times: Option<u64>,
    /// The share of calls that it strikes, from 0 to 1.
    pub share: f64,
    /// From when on.
    pub from: f64,
    /// Until when.
    pub until: f64,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// `ThrottlingException`.
    Throttle,
    /// An internal error, status 500.
    Error,
    /// The connection is reset.
    Reset,
    /// No answer for ten seconds.
    Hang,
    /// An answer that is not AWS's.
    Garbage,
    /// `AccessDeniedException`.
    Deny,
    /// `ExpiredTokenException`.
    Expire,
    /// It is done, and the connection is reset instead of an answer.
    LoseReply,
    /// It is done, and the answer does not come for ten seconds.
    HoldReply,
}

impl FaultKind {
    /// All kinds with their names.
    pub const ALL: [(&'static str, Self); 9] = [
        ("throttle", Self::Throttle),
        ("error", Self::Error),
        ("reset", Self::Reset),
        ("hang", Self::Hang),
        ("garbage", Self::Garbage),
        ("deny", Self::Deny),
        ("expire", Self::Expire),
        ("lose_reply", Self::LoseReply),
        ("hold_reply", Self::HoldReply),
    ];
}

/// Something the responder can mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Its id.
    pub id: String,
    /// The manual step whose confirmation means that it was done; none where an automation does it.
    pub confirmed: Option<String>,
}

impl Scenario {
    /// Reads format 1. Without errors there is a scenario.
    #[must_use]
    pub fn compile(source: &Source) -> (Option<Self>, Vec<Problem>) {
        let (root, syntax) = parse(&source.text);
        let problems = Problems::default();
        problems.syntax(syntax);
        let scenario = read(&root, &problems);
        let usable = !problems.any_error();
        (usable.then_some(scenario), problems.into_sorted())
    }
}

fn read(root: &Node, problems: &Problems) -> Scenario {
    let reader = Reader::new(root, "the scenario", problems);
    let text = |key| {
        reader
            .required_string(key)
            .map(|text| text.value)
            .unwrap_or_default()
    };
    reader.required("format");
    reader.integer("format", 1..=1);
    let metrics: Vec<Metric> = reader.tables("metrics").into_iter().map(metric).collect();
    let scenario = Scenario {
        id: text("id"),
        title: text("title"),
        summary: text("summary"),
        playbook: text("playbook"),
        account: text("account"),
        region: text("region"),
        alarm: text("alarm"),
        lasts: reader
            .duration("lasts")
            .map_or(300.0, |lasts| lasts.as_secs_f64()),
        answers: reader
            .table("answers")
            .map(|table| texts(&table))
            .unwrap_or_default(),
        alarms: reader
            .tables("alarms")
            .into_iter()
            .flat_map(|table| alarms(table, &metrics))
            .collect(),
        metrics,
        logs: reader.tables("logs").into_iter().map(log).collect(),
        instances: reader
            .tables("instances")
            .into_iter()
            .map(instance)
            .collect(),
        commands: replies(&reader, "commands", problems),
        programs: replies(&reader, "programs", problems),
        probes: replies(&reader, "probes", problems),
        changes: reader
            .tables("changes")
            .into_iter()
            .map(account::change)
            .collect(),
        queries: reader
            .tables("queries")
            .into_iter()
            .map(account::query)
            .collect(),
        parameters: account::parameters(&reader),
        windows: reader
            .tables("windows")
            .into_iter()
            .map(account::window)
            .collect(),
        callers: reader
            .tables("callers")
            .into_iter()
            .map(account::caller)
            .collect(),
        calendars: reader
            .tables("calendars")
            .into_iter()
            .map(account::calendar)
            .collect(),
        mutes: reader
            .tables("mutes")
            .into_iter()
            .map(account::mute)
            .collect(),
        skew: moment(&reader, "skew").unwrap_or_default(),
        automations: reader
            .tables("automations")
            .into_iter()
            .map(automation)
            .collect(),
        faults: reader.tables("faults").into_iter().map(fault).collect(),
        fixes: reader
            .tables("fixes")
            .into_iter()
            .map(|table| {
                let fix = Fix {
                    id: required(&table, "id"),
                    confirmed: optional(&table, "confirmed"),
                };
                table.finish();
                fix
            })
            .collect(),
    };
    check(&scenario, &reader);
    reader.finish();
    scenario
}

fn check(scenario: &Scenario, reader: &Reader<'_>) {
    let problem = |message: String| reader.problems().push(Problem::error(message));
    if !scenario
        .alarms
        .iter()
        .any(|alarm| alarm.name == scenario.alarm)
    {
        problem(format!(
            "there is no alarm {:?}, with which the scenario begins",
            scenario.alarm
        ));
    }
    let known = |id: &str| scenario.fixes.iter().any(|fix| fix.id == id);
    let named = scenario
        .metrics
        .iter()
        .flat_map(|metric| metric.after.iter().map(|(fix, _)| fix))
        .chain(
            scenario
                .logs
                .iter()
                .filter_map(|log| log.stops_after.as_ref()),
        )
        .chain(
            scenario
                .commands
                .iter()
                .chain(&scenario.programs)
                .filter_map(|reply| reply.after.as_ref()),
        )
        .chain(scenario.automations.iter().flat_map(|automation| {
            let effects = automation.effects.iter().map(|(_, fix)| fix);
            automation.fixes.iter().chain(effects)
        }));
    for fix in named.filter(|fix| !known(fix)) {
        problem(format!(
            "there is no fix {fix:?}; declare it in `[[fixes]]`"
        ));
    }
}

fn required(table: &Reader<'_>, key: &'static str) -> String {
    table
        .required_string(key)
        .map(|text| text.value)
        .unwrap_or_default()
}

fn optional(table: &Reader<'_>, key: &'static str) -> Option<String> {
    table.string(key).map(|text| text.value)
}

fn texts(table: &Reader<'_>) -> BTreeMap<String, String> {
    table
        .entries()
        .iter()
        .filter_map(|(name, _, node)| Some((name.clone(), table.as_string(name, node)?.value)))
        .collect()
}

/// A moment such as `"90s"` or `"-20m"`, in seconds.
fn moment(table: &Reader<'_>, key: &'static str) -> Option<f64> {
    let text = table.string(key)?;
    let (sign, rest) = text
        .value
        .strip_prefix('-')
        .map_or((1.0, text.value.as_str()), |rest| (-1.0, rest));
    match humantime::parse_duration(rest) {
        Ok(duration) => Some(sign * duration.as_secs_f64()),
        Err(error) => {
            table.problems().push(
                Problem::error(format!("`{key}` is not a moment: {error}"))
                    .at(text.span)
                    .help("write it like \"90s\", or \"-20m\" for a moment before the beginning"),
            );
            None
        }
    }
}

fn points(table: &Reader<'_>, key: &'static str) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = table
        .tables(key)
        .into_iter()
        .map(|point| {
            point.required("at");
            point.required("value");
            let pair = (
                moment(&point, "at").unwrap_or_default(),
                point.number("value").unwrap_or_default(),
            );
            point.finish();
            pair
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

fn metric(table: Reader<'_>) -> Metric {
    let metric = Metric {
        namespace: required(&table, "namespace"),
        name: required(&table, "name"),
        dimensions: table
            .table("dimensions")
            .map(|table| texts(&table))
            .unwrap_or_default(),
        noise: table.number("noise").unwrap_or_default(),
        points: points(&table, "points"),
        after: table
            .tables("after")
            .into_iter()
            .map(|after| {
                let pair = (required(&after, "fix"), points(&after, "points"));
                after.finish();
                pair
            })
            .collect(),
    };
    if metric.points.is_empty() {
        table
            .problems()
            .push(Problem::error("a metric needs at least one point").at(table.span.clone()));
    }
    table.finish();
    metric
}

/// One alarm, or as many copies of it as it says, numbered.
fn alarms(table: Reader<'_>, metrics: &[Metric]) -> Vec<Alarm> {
    let copies = table.integer("copies", 1..=100_000);
    let one = alarm(table, metrics);
    match copies {
        None => vec![one],
        Some(copies) => (1..=copies)
            .map(|number| Alarm {
                name: format!("{}-{number:05}", one.name),
                ..one.clone()
            })
            .collect(),
    }
}

fn alarm(table: Reader<'_>, metrics: &[Metric]) -> Alarm {
    let state = table.choice(
        "state",
        &[
            ("OK", AlarmState::Ok),
            ("ALARM", AlarmState::Alarm),
            ("INSUFFICIENT_DATA", AlarmState::InsufficientData),
        ],
    );
    let any = table.strings("any");
    let namespace = optional(&table, "namespace");
    let name = optional(&table, "metric");
    let dimensions = table
        .table("dimensions")
        .map(|table| texts(&table))
        .unwrap_or_default();
    let since = moment(&table, "since").unwrap_or(-10_800.0);
    let statistic = optional(&table, "statistic").unwrap_or_else(|| "Average".into());
    let threshold = table.number("threshold").unwrap_or_default();
    let above = table
        .choice("breaches", &[("above", true), ("below", false)])
        .unwrap_or(true);
    let period = table
        .duration("period")
        .map_or(60.0, |period| period.as_secs_f64());
    let periods = table.integer("periods", 1..=100).unwrap_or(1);
    let rule = if let Some(state) = state {
        AlarmRule::Fixed { state, since }
    } else if !any.is_empty() {
        AlarmRule::Any(any.into_iter().map(|name| name.value).collect())
    } else {
        let metric = metrics.iter().position(|metric| {
            Some(&metric.namespace) == namespace.as_ref()
                && Some(&metric.name) == name.as_ref()
                && metric.dimensions == dimensions
        });
        if metric.is_none() {
            table.problems().push(
                Problem::error("the alarm's metric is not in `[[metrics]]`")
                    .at(table.span.clone())
                    .help("give `namespace`, `metric` and `dimensions` of one that is, or a fixed `state`, or `any`"),
            );
        }
        AlarmRule::Metric {
            metric: metric.unwrap_or(0),
            statistic,
            threshold,
            above,
            period,
            periods,
        }
    };
    let alarm = Alarm {
        log: table.boolean("log").unwrap_or(false),
        actions: table.boolean("actions").unwrap_or(true),
        suppressor: optional(&table, "suppressor"),
        evaluation: optional(&table, "evaluation"),
        contributors: table.tables("contributors").iter().map(texts).collect(),
        name: required(&table, "name"),
        description: optional(&table, "description").unwrap_or_default(),
        rule,
        tags: table
            .table("tags")
            .map(|table| texts(&table))
            .unwrap_or_default(),
    };
    table.finish();
    alarm
}

fn log(table: Reader<'_>) -> Log {
    table.required("every");
    let log = Log {
        group: required(&table, "group"),
        stream: optional(&table, "stream").unwrap_or_else(|| "main".into()),
        message: required(&table, "message"),
        every: table
            .duration("every")
            .map_or(10.0, |every| every.as_secs_f64().max(0.01)),
        from: moment(&table, "from").unwrap_or(-1800.0),
        until: moment(&table, "until"),
        stops_after: optional(&table, "stops_after"),
    };
    table.finish();
    log
}

fn instance(table: Reader<'_>) -> Instance {
    let instance = Instance {
        id: required(&table, "id"),
        name: optional(&table, "name").unwrap_or_default(),
        online: table.boolean("online").unwrap_or(true),
        tags: table
            .table("tags")
            .map(|table| texts(&table))
            .unwrap_or_default(),
    };
    table.finish();
    instance
}

/// Reads answers. The last one that fits is given: one that a later one always answers in place of
/// is a mistake of the scenario's.
fn replies(reader: &Reader<'_>, key: &'static str, problems: &Problems) -> Vec<Reply> {
    let tables = reader.tables(key);
    let spans: Vec<_> = tables.iter().map(|table| table.span.clone()).collect();
    let all: Vec<Reply> = tables.into_iter().map(reply).collect();
    for (index, one) in all.iter().enumerate() {
        let hidden = all.iter().skip(index + 1).any(|later| {
            later.matches == one.matches && later.after.is_none() && later.instances.is_empty()
        });
        if hidden {
            problems.push(
                Problem::error("this is never answered: a later one answers the same, always")
                    .at(spans[index].clone())
                    .help("put what holds only `after` a fix, or on some `instances`, below it"),
            );
        }
    }
    all
}

fn reply(table: Reader<'_>) -> Reply {
    let output = match table.node("output") {
        // JSON can be written as a table; it reads better than a string.
        Some(node) if matches!(node.kind, Kind::Table(_) | Kind::Array(_)) => {
            node.to_json().to_string()
        }
        Some(node) => table
            .as_string("output", node)
            .map(|text| text.value)
            .unwrap_or_default(),
        None => String::new(),
    };
    let reply = Reply {
        matches: required(&table, "match"),
        instances: table
            .strings("instances")
            .into_iter()
            .map(|id| id.value)
            .collect(),
        after: optional(&table, "after"),
        delay: table
            .duration("delay")
            .map_or(0.5, |delay| delay.as_secs_f64()),
        output,
        error: optional(&table, "error").unwrap_or_default(),
        exit_code: table.integer("exit_code", 0..=255).unwrap_or(0),
        lost: table.boolean("lost").unwrap_or(false),
    };
    table.finish();
    reply
}

fn automation(table: Reader<'_>) -> Automation {
    let automation = Automation {
        document: required(&table, "document"),
        parameters: table
            .strings("parameters")
            .into_iter()
            .map(|name| name.value)
            .collect(),
        steps: table
            .tables("steps")
            .into_iter()
            .map(|step| {
                let read = AutomationStep {
                    name: required(&step, "name"),
                    // Of a document whose text is known, it is known.
                    action: optional(&step, "action").unwrap_or_default(),
                    outputs: step
                        .table("outputs")
                        .map(|table| {
                            let entries = table.entries().iter();
                            entries
                                .map(|(name, _, node)| (name.clone(), node.to_json()))
                                .collect()
                        })
                        .unwrap_or_default(),
                    takes: step
                        .duration("takes")
                        .map_or(1.0, |takes| takes.as_secs_f64()),
                    fails: optional(&step, "fails"),
                };
                step.finish();
                read
            })
            .collect(),
        outputs: table
            .table("outputs")
            .map(|table| texts(&table))
            .unwrap_or_default(),
        fixes: optional(&table, "fixes"),
        effects: table
            .tables("effects")
            .into_iter()
            .map(|effect| {
                let when = effect.table("when").map(|when| texts(&when));
                let read = (when.unwrap_or_default(), required(&effect, "fixes"));
                effect.finish();
                read
            })
            .collect(),
    };
    table.finish();
    automation
}

fn fault(table: Reader<'_>) -> Fault {
    table.required("kind");
    let kind = table.choice("kind", &FaultKind::ALL);
    let fault = Fault {
        operation: required(&table, "operation"),
        kind: kind.unwrap_or(FaultKind::Throttle),
        times: table
            .integer("times", 1..=1_000_000)
            .and_then(|times| u64::try_from(times).ok()),
        share: table.number("share").unwrap_or(1.0),
        from: moment(&table, "from").unwrap_or(f64::MIN),
        until: moment(&table, "until").unwrap_or(f64::MAX),
    };
    table.finish();
    fault
}

/// The scenario's description as JSON, for lists.
#[must_use]
pub fn describe(scenario: &Scenario) -> Value {
    serde_json::json!({
        "id": scenario.id, "title": scenario.title, "summary": scenario.summary,
        "playbook": scenario.playbook, "lasts_seconds": scenario.lasts,
    })
}

#[cfg(test)]
mod tests {
    use super::Scenario;
    use crate::document::Source;

    #[test]
    fn an_answer_that_is_never_given_is_an_error() {
        let head = "format = 1\nid = \"x\"\ntitle = \"x\"\nsummary = \"x\"\nplaybook = \"x\"\naccount = \"1\"\nregion = \"r\"\nalarm = \"a\"\n[[alarms]]\nname = \"a\"\nstate = \"ALARM\"\n[[fixes]]\nid = \"f\"\n";
        let problems = |replies: &str| {
            let text = format!("{head}{replies}");
            let (_, problems) = Scenario::compile(&Source::new("x.toml", text.as_str()));
            format!("{problems:?}")
        };
        let (after, always) = (
            "[[programs]]\nmatch = \"aws x\"\nafter = \"f\"\noutput = \"new\"\n",
            "[[programs]]\nmatch = \"aws x\"\noutput = \"old\"\n",
        );
        assert_eq!(problems(&format!("{always}{after}")), "[]");
        assert!(problems(&format!("{after}{always}")).contains("never answered"));
    }
}
