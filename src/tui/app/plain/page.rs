//! What is written: news as it comes, and the question or the view when it is another.

use std::collections::BTreeSet;
use std::io;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use regex::Regex;
use serde_json::json;

use super::Out;
use crate::alarms::{Key, key};
use crate::incident::{AlarmState, sentence};
use crate::tui::model::{Model, Overlay, Screen, state_words};
use crate::tui::text::{against, age, clean};
use crate::tui::theme::Theme;
use crate::tui::view;

/// Lines that a view may take here: all of it is written, nothing scrolls.
pub(super) const TALL: u16 = 400;
/// Lines of a chart.
const CHART: u16 = 24;
/// Rows of the board that are written at once; a filter or the palette finds the others.
const ROWS: usize = 20;

/// What counts down, or tells how long something has been so: `4:59`, `12m`, `7s`.
static COUNTDOWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b[0-9]+(?::[0-9]{2}|[smhd])\b")
        .unwrap_or_else(|error| unreachable!("not a pattern: {error}"))
});

/// What has been written.
#[derive(Default)]
pub(super) struct Pages {
    events: usize,
    incident: Option<String>,
    burning: BTreeSet<Key>,
    seen_board: bool,
    banner: String,
    message: Option<(String, DateTime<Utc>)>,
    /// How often the same place was asked for again.
    again: u32,
}

impl Pages {
    /// Writes the place anew, although it is the same.
    pub fn again(&mut self) {
        self.again += 1;
    }

    pub fn head(model: &Model, out: &Out) -> io::Result<()> {
        let kind = match &model.header.rehearsal {
            Some(scenario) => format!("REHEARSAL {scenario}"),
            None => "LIVE".to_owned(),
        };
        let read_only = if model.header.read_only {
            ", READ-ONLY"
        } else {
            ""
        };
        out.line(&format!("standdown, line by line. {kind}{read_only}."))?;
        out.line("Type a number of a list, a key or a command's name; ? lists them; . leaves what is open; q quits.")
    }

    /// Writes what has happened since the last time.
    pub fn news(&mut self, model: &Model, out: &Out) -> io::Result<()> {
        self.events(model, out)?;
        self.alarms(model, out)?;
        let banner = view::banner_text(model);
        // What counts down is no news with every second.
        let lasting = COUNTDOWN.replace_all(&banner.join("\n"), "").into_owned();
        if lasting != self.banner {
            self.banner = lasting;
            for line in &banner {
                out.line(line)?;
            }
        }
        let said = model.message.as_ref();
        let said = said.map(|said| (said.text.clone(), said.until));
        if said != self.message {
            if let Some(said) = &model.message {
                let mark = if said.error { "✗" } else { "✓" };
                out.line(&format!("{mark} {}", clean(&said.text)))?;
                out.json(&json!({"said": said.text, "error": said.error}))?;
            }
            self.message = said;
        }
        Ok(())
    }

    fn events(&mut self, model: &Model, out: &Out) -> io::Result<()> {
        let Some(snapshot) = &model.incident else {
            return Ok(());
        };
        let id = snapshot
            .state
            .incident
            .as_ref()
            .map(|one| one.id.to_string());
        if id != self.incident {
            self.incident = id;
            // What happened before this console opened it is in the timeline.
            let opened_here = snapshot.events.len() < 8;
            self.events = if opened_here {
                0
            } else {
                snapshot.events.len()
            };
        }
        for recorded in snapshot.events.iter().skip(self.events) {
            out.json(&json!({"event": recorded.as_ref()}))?;
            if let Some(text) = sentence(&recorded.event, &snapshot.state) {
                out.line(&format!(
                    "{} {}",
                    model.zone.second(recorded.at),
                    clean(&text)
                ))?;
            }
        }
        self.events = snapshot.events.len();
        Ok(())
    }

    fn alarms(&mut self, model: &Model, out: &Out) -> io::Result<()> {
        if model.incident.is_some() || !model.board.sources.iter().any(|one| one.complete) {
            return Ok(());
        }
        let burns = model.board.rows.iter();
        let burns = burns.filter(|row| row.alarm.state == AlarmState::Alarm);
        let now: BTreeSet<Key> = burns.map(|row| key(&row.alarm)).collect();
        let several = model.board.sources.len() > 1;
        let named = |(profile, region, name): &Key| {
            let place = [profile.as_str(), region.as_str()];
            let place = place.into_iter().filter(|part| several && !part.is_empty());
            let words: Vec<&str> = std::iter::once(name.as_str()).chain(place).collect();
            words.join(" · ")
        };
        if self.seen_board {
            for alarm in now.difference(&self.burning) {
                out.line(&format!("in ALARM now: {}", named(alarm)))?;
            }
            for alarm in self.burning.difference(&now) {
                out.line(&format!("no longer in ALARM: {}", named(alarm)))?;
            }
        }
        self.seen_board = true;
        self.burning = now;
        Ok(())
    }

    /// What the place is: it is written when it is another.
    pub fn place(&self, model: &Model) -> String {
        if is_opening(model) {
            return OPENING.to_owned();
        }
        let overlay = match &model.overlay {
            Some(Overlay::Form(form)) => format!("form {} {}", form.title, form.at),
            Some(Overlay::Palette { letters, .. }) => format!("find {}", letters.value()),
            Some(other) => format!("{:?}", std::mem::discriminant(other)),
            None => String::new(),
        };
        format!(
            "{:?} {overlay} {:?} {:?} {} {:?} {:?} {}",
            model.screen,
            model.asked(),
            model.reading,
            model.tree,
            Progress::of(model),
            model.lists.timeline.read_at.is_some(),
            self.again
        )
    }

    /// Writes the question or the view.
    pub fn show(model: &Model, out: &Out) -> io::Result<()> {
        out.line("")?;
        // What was answered is gone, and what follows is not there yet.
        if is_opening(model) {
            return out.line(OPENING);
        }
        match &model.overlay {
            Some(Overlay::Form(form)) => {
                let field = form.fields.get(form.at);
                let label = field.map_or("", |field| field.label.as_str());
                let given = field.map_or("", |field| field.input.value());
                if form.at == 0 {
                    out.line(&clean(&form.title))?;
                }
                let known = if given.is_empty() {
                    String::new()
                } else {
                    format!(" [{}]", clean(given))
                };
                out.line(&format!("{}{known}  (. leaves)", clean(label)))?;
                return out.json(&json!({"form": form.title, "field": label}));
            }
            Some(Overlay::Choose { alarm, .. }) => {
                let choices = model.choices(alarm.as_deref());
                let lines = choices.iter().map(|(entry, answers)| {
                    let mark = if *answers {
                        " (answers this alarm)"
                    } else {
                        ""
                    };
                    format!("{}{mark}: {}", entry.playbook.name, entry.playbook.summary)
                });
                return numbered("Which playbook?", lines, out);
            }
            Some(Overlay::Unfinished { .. }) => {
                let lines = model.unfinished().map(|one| {
                    let since = age(model.now - one.last_at);
                    format!(
                        "{} {} {}, {since} ago",
                        one.id,
                        one.severity.name(),
                        one.title
                    )
                });
                return numbered("Unfinished incidents; which one is taken up?", lines, out);
            }
            Some(Overlay::Links { links, .. }) => {
                let lines = links.iter().map(|(what, url)| format!("{what}: {url}"));
                return numbered("Which link?", lines, out);
            }
            Some(Overlay::Palette { found, .. }) => {
                let lines = found
                    .iter()
                    .map(|one| format!("{} {}: {}", one.kind, one.name, one.about));
                return numbered("Found:", lines.take(ROWS), out);
            }
            Some(Overlay::Help { .. }) => return help(model, out),
            Some(_) => return drawn(model, out),
            None => {}
        }
        match model.screen {
            Screen::Board => board(model, out),
            Screen::Incident if model.tree => tree(model, out),
            Screen::Incident => incident(model, out),
            Screen::Evidence if !model.evidence.search.is_empty() => matches(model, out),
            _ => drawn(model, out),
        }
    }
}

const OPENING: &str = "The incident is being opened.";

fn is_opening(model: &Model) -> bool {
    model.opening && model.overlay.is_none()
}

/// How far the board is read: what the playbooks say of an alarm is part of it.
#[derive(Debug, PartialEq)]
enum Progress {
    /// There is nothing to read out.
    Nothing,
    /// Some alarms, or why there are none.
    Begun,
    /// A whole source.
    Known,
}

impl Progress {
    fn of(model: &Model) -> Self {
        let board = &model.board;
        if !model.catalog.is_read() {
            Self::Nothing
        } else if board.sources.iter().any(|one| one.complete) {
            Self::Known
        } else if board.rows.is_empty() && model.troubles().is_empty() {
            Self::Nothing
        } else {
            Self::Begun
        }
    }
}

/// The lines of the evidence that contain what is searched, the one that was gone to among them.
fn matches(model: &Model, out: &Out) -> io::Result<()> {
    let wanted = model.evidence.search.to_lowercase();
    let lines = view::evidence_lines(model, model.evidence_width());
    let found = lines.iter().enumerate();
    let found: Vec<(usize, &String)> = found
        .filter(|(_, text)| text.to_lowercase().contains(&wanted))
        .collect();
    out.line(&format!(
        "{} of {} lines contain {:?} (. shows all again):",
        found.len(),
        lines.len(),
        model.evidence.search
    ))?;
    for (at, text) in &found {
        let mark = if *at == model.evidence.scroll {
            "▶"
        } else {
            " "
        };
        out.line(&format!("{mark} {}: {}", at + 1, text.trim()))?;
    }
    let texts: Vec<&&String> = found.iter().map(|(_, text)| text).collect();
    out.json(&json!({"search": model.evidence.search, "lines": texts}))
}

fn numbered(title: &str, lines: impl Iterator<Item = String>, out: &Out) -> io::Result<()> {
    out.line(title)?;
    let mut all = Vec::new();
    for (index, text) in lines.enumerate() {
        out.line(&format!("  {}) {}", index + 1, clean(&text)))?;
        all.push(text);
    }
    if all.is_empty() {
        out.line("  nothing")?;
    }
    out.json(&json!({"question": title, "answers": all}))
}

fn board(model: &Model, out: &Out) -> io::Result<()> {
    if Progress::of(model) == Progress::Nothing {
        return out.line("The alarms and the playbooks are being read.");
    }
    let rows = model.rows();
    let count = |state| model.count(state);
    let read = model.board.sources.iter().all(|one| one.complete);
    let rest = if read { "" } else { " · still being read" };
    out.line(&format!(
        "Board: {} in ALARM, {} without data, {} OK{rest} · by {}",
        count(AlarmState::Alarm),
        count(AlarmState::InsufficientData),
        count(AlarmState::Ok),
        model.order.name()
    ))?;
    if !model.filter.is_empty() {
        out.line(&format!("filter: {}", clean(&model.filter)))?;
    }
    for (source, text) in model.troubles() {
        out.line(&format!("{}: {text}", source.name()))?;
    }
    for (index, row) in rows.iter().take(ROWS).enumerate() {
        let alarm = &row.alarm;
        let chosen = if index == model.selected_index() {
            "▶"
        } else {
            " "
        };
        let since = alarm
            .since
            .map(|since| age(model.now - since))
            .unwrap_or_default();
        let playbook = model.answer(alarm);
        let playbook = playbook.map_or("no playbook", |entry| entry.playbook.id.as_str());
        let value = against(row, model.now);
        let about = [since.as_str(), &value, playbook];
        let about: Vec<&str> = about.into_iter().filter(|text| !text.is_empty()).collect();
        out.line(&format!(
            "{chosen} {}) {} {} {}, {}",
            index + 1,
            state_words(alarm.state).1,
            model.severity(row).name(),
            clean(&alarm.name),
            about.join(", "),
        ))?;
    }
    if rows.len() > ROWS {
        out.line(&format!(
            "  and {} more: filter, or : and letters",
            rows.len() - ROWS
        ))?;
    }
    if let Some(row) = model.selected_row() {
        out.line(&format!("Selected: {}", row.alarm.name))?;
        for (label, text) in view::details(model, row) {
            out.line(&format!("  {}: {text}", label.trim()))?;
        }
    }
    out.line("A number selects an alarm; the word open opens an incident for it; ? lists the rest.")
}

fn tree(model: &Model, out: &Out) -> io::Result<()> {
    out.line("Steps; a number selects one, Enter reads it, Tab goes back:")?;
    for (index, text) in view::tree_text(model).iter().enumerate() {
        out.line(&format!("  {}) {text}", index + 1))?;
    }
    Ok(())
}

/// Everything that can be done here, by its name and its keys.
fn help(model: &Model, out: &Out) -> io::Result<()> {
    out.line("What can be done here, by its name or a key (. leaves this list):")?;
    for one in model.valid(|_| true) {
        let keys = if one.free.is_empty() {
            String::new()
        } else {
            format!(" ({})", one.free.join(" "))
        };
        out.line(&format!("  {}{keys}: {}", one.entry.name, one.entry.about))?;
    }
    Ok(())
}

/// The step, the question, and what answers it.
fn incident(model: &Model, out: &Out) -> io::Result<()> {
    for line in view::question_text(model) {
        out.line(line.trim_end())?;
    }
    // Whoever reads another step is not asked there.
    if model.reading.is_some() {
        return out.line("(another step; . goes back to the question)");
    }
    let offers = view::offers(model);
    for (index, (key, text)) in offers.iter().enumerate() {
        let number = (index + 1).to_string();
        let also = if *key == number {
            String::new()
        } else {
            format!("  ({key})")
        };
        out.line(&format!("  {number}) {text}{also}"))?;
    }
    let answers: Vec<&String> = offers.iter().map(|(_, text)| text).collect();
    let question = view::question_text(model).join("\n");
    let execution = model
        .incident
        .as_ref()
        .and_then(|one| one.state.execution());
    let step = execution.and_then(|one| Some(one.visits.last()?.step.to_string()));
    out.json(&json!({"question": question, "step": step, "answers": answers}))
}

/// A view as the screen draws it, without its frame.
fn drawn(model: &Model, out: &Out) -> io::Result<()> {
    let chart = model.screen == Screen::Evidence
        && model
            .piece()
            .is_some_and(|piece| piece.run.kind == "metric");
    let height = if chart && model.overlay.is_none() {
        CHART
    } else {
        TALL
    };
    let area = Rect::new(0, 0, model.size.0, height);
    let mut buffer = Buffer::empty(area);
    view::draw_on(model, &Theme::plain(), &mut buffer);
    let mut lines: Vec<String> = Vec::new();
    for y in area.y + 1..area.bottom().saturating_sub(1) {
        let row: String = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
        let text = row.trim_matches(|c: char| c == ' ' || c == '│');
        let frame = text.chars().all(|c| "┌─┐└┘".contains(c));
        let title = text.trim_matches(|c| "┌─┐└┘ ".contains(c));
        if text.starts_with('┌') && !title.is_empty() {
            lines.push(title.to_owned());
        } else if !frame || text.is_empty() {
            lines.push(
                row.trim_matches('│')
                    .trim_end()
                    .trim_end_matches('│')
                    .trim_end()
                    .to_owned(),
            );
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    for line in &lines {
        out.line(line)?;
    }
    out.json(&json!({"view": format!("{:?}", model.screen), "lines": lines}))
}
