//! What a step found, in a few lines: by kind of action, typed, never a canned sentence.

use ratatui::text::{Line, Span};
use serde_json::Value;

use super::findings;
use crate::expression::{Scope, from_json, show};
use crate::incident::{AttemptOrigin, AttemptStatus, Execution};
use crate::playbook::{Automated, Step};
use crate::tui::text::{age, clean, column, exact, number, sparkline, wrap};
use crate::tui::theme::{Role, Theme};

/// Lines of text shown per instance or program.
const TEXT_LINES: usize = 8;
/// Bars of a metric.
const CHART: usize = 15;
/// Patterns shown per search.
const PATTERNS: usize = 5;

/// Describes the latest result of an automated step.
pub(super) fn lines(
    execution: &Execution,
    step: &Step,
    automated: &Automated,
    scope: &Scope,
    now: chrono::DateTime<chrono::Utc>,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mut out = Out {
        lines: Vec::new(),
        width,
        theme,
        changes: changes(execution),
    };
    let Some(attempt) = execution.latest_attempt(&step.id) else {
        return out.lines;
    };
    let Some((result, ended_at)) = &attempt.end else {
        out.text(
            &format!("running for {}", age(now - attempt.started_at)),
            Role::Running,
        );
        return out.lines;
    };
    let took = (*ended_at - attempt.started_at).num_milliseconds();
    // A check after a change says nothing of the change itself.
    let what = match attempt.origin {
        AttemptOrigin::Verify => "the verification ",
        _ => "",
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "an attempt takes minutes at most"
    )]
    let status = format!(
        "{what}{} after {:.1} s, {} ago",
        result.name(),
        took as f64 / 1000.0,
        age(now - *ended_at)
    );
    let role = if result.status == AttemptStatus::Succeeded {
        Role::Dim
    } else {
        Role::Failed
    };
    out.text(&status, role);
    if let Some(error) = &result.error {
        out.text(error, Role::Failed);
        if let Some(manual) = &automated.manual {
            out.text(&format!("by hand: {}", manual.show(scope)), Role::Prompt);
        }
    }
    if let Some(output) = &result.output {
        // What the playbook computed from it comes first: that is what decisions read.
        let values: Vec<String> = automated
            .values
            .iter()
            .filter_map(|(name, _)| Some((name, output.get(name)?)))
            .filter(|(_, value)| !value.is_array() && !value.is_object())
            .map(|(name, value)| format!("{name} {}", plain(value)))
            .collect();
        if !values.is_empty() {
            out.text(&values.join(" · "), Role::Heading);
        }
        let kinds: Vec<(&str, &str)> = automated
            .runs
            .iter()
            .map(|run| (run.name.as_str(), run.kind))
            .collect();
        if automated.for_each.is_some() {
            for (item, value) in items(output, automated) {
                runs(&mut out, item, &kinds, value);
            }
        } else {
            runs(&mut out, "", &kinds, output);
        }
    }
    out.lines
}

fn items<'a>(output: &'a Value, automated: &Automated) -> Vec<(&'a str, &'a Value)> {
    output
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| {
            value.is_object() && !automated.values.iter().any(|(own, _)| own == *name)
        })
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

fn runs(out: &mut Out<'_>, item: &str, kinds: &[(&str, &str)], value: &Value) {
    for (name, kind) in kinds {
        let value = if name.is_empty() {
            value
        } else {
            &value[*name]
        };
        let label = [item, name]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        if value.is_null() {
            continue;
        }
        if let Some(reason) = value["reason"].as_str().filter(|_| value["ok"] == false) {
            out.labelled(&label, reason, Role::Failed);
            continue;
        }
        if let Some(lines) = findings::said(kind, value) {
            let mut lines = lines.into_iter();
            out.labelled(&label, &lines.next().unwrap_or_default(), Role::Text);
            for line in lines {
                out.cut(&format!("  {line}"));
            }
            continue;
        }
        match *kind {
            "metric" => metric(out, &label, value),
            "logs" => logs(out, &label, value),
            "ssm_command" => instances(out, value),
            "exec" => program(out, &label, value),
            _ => json(out, &label, value),
        }
    }
}

fn metric(out: &mut Out<'_>, label: &str, value: &Value) {
    let of = |key: &str| value[key].as_f64().map(number);
    let Some(last) = of("last") else {
        out.labelled(label, "no datapoints in the window", Role::Late);
        return;
    };
    let series = with_gaps(value);
    let mut parts = vec![format!("last {last}")];
    parts.extend(of("average").map(|average| format!("avg {average}")));
    parts.extend(of("maximum").map(|maximum| format!("max {maximum}")));
    if let (Some(minutes), Some(threshold)) = (of("minutes_over"), value["threshold"].as_f64()) {
        parts.push(format!("{minutes} min >= {}", exact(threshold)));
    }
    parts.extend(value["trend"].as_str().map(str::to_owned));
    if let Some(ratio) = of_path(value, "/baseline/ratio") {
        parts.push(format!("{ratio} × the same time of earlier days"));
    }
    if let Some(minutes) = of("minutes_outside").filter(|minutes| minutes != "0") {
        parts.push(format!("{minutes} min outside of its band"));
    }
    if let Some(age) = value["age"].as_i64() {
        parts.push(format!("read {} after it", age_of(age)));
    }
    out.labelled(
        label,
        &format!("{} {}", sparkline(&series, CHART, false), parts.join(" · ")),
        Role::Text,
    );
    let times: Vec<i64> = value["series"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|point| point[0].as_i64())
        .collect();
    if let Some(marks) = marks(&times, &out.changes) {
        out.below(label, &marks, Role::Late);
    }
}

/// What was done, below the bars of the time at which it was; what was done before them is named.
fn marks(times: &[i64], changes: &[Done]) -> Option<String> {
    let shown = &times[times.len().saturating_sub(CHART)..];
    let (first, last) = (shown.first()?, changes.last()?);
    let mut row = vec![' '; shown.len()];
    for change in changes.iter().filter(|change| change.at >= *first) {
        let after = shown.iter().filter(|at| **at <= change.at).count();
        if let Some(bar) = row.get_mut(after.saturating_sub(1)) {
            *bar = '◆';
        }
    }
    let row: String = row.into_iter().collect();
    let more = match changes.len() {
        1 => String::new(),
        count => format!(", {} before", count - 1),
    };
    let mark = if last.at < *first { "◂" } else { "◆" };
    Some(format!("{row} {mark} {}{more}", last.text))
}

/// The values of a series, not a number where a period has no datapoint.
fn with_gaps(value: &Value) -> Vec<f64> {
    let points: Vec<(i64, f64)> = value["series"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|point| Some((point[0].as_i64()?, point[1].as_f64()?)))
        .collect();
    let spacing = points.windows(2).map(|pair| pair[1].0 - pair[0].0).min();
    let spacing = spacing.filter(|spacing| *spacing > 0).unwrap_or(i64::MAX);
    let mut all = Vec::new();
    for (index, (at, value)) in points.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| points[before].0);
        let missing = before.map_or(0, |before| (at - before) / spacing - 1);
        // No chart is wider than this.
        all.extend((0..missing.min(500)).map(|_| f64::NAN));
        all.push(*value);
    }
    all
}

fn of_path(value: &Value, path: &str) -> Option<String> {
    value.pointer(path)?.as_f64().map(number)
}

fn age_of(seconds: i64) -> String {
    age(chrono::Duration::seconds(seconds))
}

fn logs(out: &mut Out<'_>, label: &str, value: &Value) {
    let events = value["events"].as_u64().unwrap_or(0);
    out.labelled(label, &format!("{events} messages"), Role::Text);
    for gap in unread(value) {
        out.text(&gap, Role::Late);
    }
    let all = value["patterns"].as_array().map_or(&[][..], Vec::as_slice);
    let errors = all
        .iter()
        .take_while(|one| matches!(one["level"].as_str(), Some("fatal" | "error")))
        .count();
    // Errors are never the part that is left out.
    let shown = PATTERNS.max(errors).min(all.len());
    for pattern in &all[..shown] {
        let text = pattern["name"]
            .as_str()
            .or(pattern["pattern"].as_str())
            .unwrap_or_default();
        out.cut(&format!("{:>6} × {text}", pattern["count"]));
    }
    if let Some(more) = more_patterns(value, shown) {
        out.text(&more, Role::Dim);
    }
}

/// The patterns that are not shown, counted.
pub(super) fn more_patterns(value: &Value, shown: usize) -> Option<String> {
    let hidden = value["patterns"]
        .as_array()
        .into_iter()
        .flatten()
        .skip(shown);
    let (mut patterns, mut messages) = (0, 0);
    for one in hidden {
        patterns += 1;
        messages += one["count"].as_u64().unwrap_or(0);
    }
    patterns += value["more_patterns"].as_u64().unwrap_or(0);
    messages += value["other"].as_u64().unwrap_or(0);
    let plural =
        |count: u64, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    (messages > 0).then(|| match patterns {
        0 => format!("{} of further patterns", plural(messages, "more message")),
        _ => format!(
            "{}, {}",
            plural(patterns, "more pattern"),
            plural(messages, "message")
        ),
    })
}

/// The spans that were not read, each in a sentence.
pub(super) fn unread(value: &Value) -> Vec<String> {
    let spans = value["unread"].as_array().into_iter().flatten();
    let mut all: Vec<String> = spans
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            format!(
                "NOT READ: {} from {} to {}",
                text("group"),
                text("from"),
                text("to")
            )
        })
        .collect();
    if all.is_empty() && value["truncated"] == true {
        all.push("NOT READ: some messages of this window".to_owned());
    }
    all
}

fn instances(out: &mut Out<'_>, value: &Value) {
    let summary = format!(
        "{} of {} instances succeeded",
        value["succeeded"], value["total"]
    );
    out.text(
        &summary,
        if value["failed"] == 0 {
            Role::Text
        } else {
            Role::Failed
        },
    );
    for (id, instance) in value["instances"].as_object().into_iter().flatten() {
        let failed = instance["status"] != "Success";
        let detail = instance["detail"].as_str().unwrap_or_default();
        let cut = if instance["truncated"] == true {
            ", output cut by Systems Manager"
        } else {
            ""
        };
        let role = if failed { Role::Failed } else { Role::Ok };
        out.text(
            &format!("{} {id} {detail}{cut}", if failed { "✗" } else { "✓" }),
            role,
        );
        let shown = if failed {
            &instance["error"]
        } else {
            &instance["output"]
        };
        out.block(shown.as_str().unwrap_or_default());
    }
}

fn program(out: &mut Out<'_>, label: &str, value: &Value) {
    out.labelled(
        label,
        &format!("exit code {}", plain(&value["exit_code"])),
        Role::Text,
    );
    if value["truncated"] == true {
        out.text(
            "the middle of the output was cut out; both ends are kept",
            Role::Late,
        );
    }
    out.block(value["output"].as_str().unwrap_or_default());
    out.block(value["error"].as_str().unwrap_or_default());
}

fn json(out: &mut Out<'_>, label: &str, value: &Value) {
    let counts: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "ok")
        .map(|(name, value)| match value {
            Value::Array(items) => format!("{} {name}", items.len()),
            Value::Object(_) => name.clone(),
            other => format!("{name} {}", plain(other)),
        })
        .collect();
    out.labelled(label, &counts.join(" · "), Role::Text);
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "unknown".into(),
        other => show(&from_json(other)),
    }
}

struct Out<'a> {
    lines: Vec<Line<'static>>,
    width: usize,
    theme: &'a Theme,
    /// What was done to what the incident is about, as far as the walk has read it.
    changes: Vec<Done>,
}

/// Something that somebody did.
pub(super) struct Done {
    pub at: i64,
    pub text: String,
}

/// The changes that steps of the walk have found, the latest last.
pub(super) fn changes(execution: &Execution) -> Vec<Done> {
    let outputs = execution.outputs.values().map(|output| &*output.json);
    // A step with several runs has each below its name.
    let all = outputs.flat_map(|json| {
        let below = json.as_object().into_iter().flatten();
        std::iter::once(json).chain(below.map(|(_, value)| value))
    });
    let listed = all
        .filter_map(|value| value["changes"].as_array())
        .flatten();
    let mut done: Vec<Done> = listed
        .filter(|one| one["error"].is_null())
        .filter_map(|one| {
            let at: chrono::DateTime<chrono::Utc> = one["at"].as_str()?.parse().ok()?;
            let actor = one["actor"].as_str().unwrap_or_default();
            let actor = actor.rsplit('/').next().unwrap_or_default();
            let event = one["event"].as_str()?;
            Some(Done {
                at: at.timestamp(),
                text: format!(
                    "{} {} by {}",
                    at.format("%H:%MZ"),
                    clean(event),
                    clean(actor)
                ),
            })
        })
        .collect();
    done.sort_by_key(|one| one.at);
    done
}

impl Out<'_> {
    fn text(&mut self, text: &str, role: Role) {
        for part in wrap(text, self.width.saturating_sub(4)) {
            self.lines.push(Line::from(Span::styled(
                format!("    {part}"),
                self.theme.style(role),
            )));
        }
    }

    fn labelled(&mut self, label: &str, text: &str, role: Role) {
        if label.is_empty() {
            return self.text(text, role);
        }
        let indent = 14.min(self.width / 3);
        // A long label, such as an instance's id, gets a line of its own.
        let own = unicode_width::UnicodeWidthStr::width(label) >= indent;
        if own {
            self.text(label, Role::Dim);
        }
        for (index, part) in wrap(text, self.width.saturating_sub(indent + 4))
            .into_iter()
            .enumerate()
        {
            let label = if index == 0 && !own {
                column(label, indent)
            } else {
                " ".repeat(indent)
            };
            self.lines.push(Line::from(vec![
                Span::styled(format!("    {label}"), self.theme.style(Role::Dim)),
                Span::styled(part, self.theme.style(role)),
            ]));
        }
    }

    /// A line below what a label stands before, with its spaces, cut at the edge.
    fn below(&mut self, label: &str, text: &str, role: Role) {
        let indent = if label.is_empty() {
            0
        } else {
            14.min(self.width / 3)
        };
        let text = format!("    {}{text}", " ".repeat(indent));
        let style = self.theme.style(role);
        self.lines.push(super::line(&text, self.width, style));
    }

    /// One line, cut at the edge.
    fn cut(&mut self, text: &str) {
        let style = self.theme.style(Role::Text);
        self.lines
            .push(super::line(&format!("    {text}"), self.width, style));
    }

    /// Text as a program wrote it: line by line, cut at the edge.
    fn block(&mut self, text: &str) {
        let total = text.lines().count();
        for written in text.lines().take(TEXT_LINES) {
            self.lines.push(super::line(
                &format!("      {}", clean(written)),
                self.width,
                self.theme.style(Role::Text),
            ));
        }
        if total > TEXT_LINES {
            self.text(&format!("  … {} more lines", total - TEXT_LINES), Role::Dim);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_marked_below_the_bar_of_its_time() {
        let times: Vec<i64> = (0..20).map(|minute| minute * 60).collect();
        let done = |at: i64| Done {
            at,
            text: format!("at {at}"),
        };
        // Fifteen bars are shown, from the sixth minute on.
        assert_eq!(
            marks(&times, &[done(100), done(610)]).as_deref(),
            Some("     ◆          ◆ at 610, 1 before")
        );
        assert_eq!(
            marks(&times, &[done(100)]).as_deref(),
            Some("                ◂ at 100")
        );
        assert_eq!(marks(&times, &[]), None);
        assert_eq!(marks(&[], &[done(100)]), None);
    }
}
