//! The question before the responder, and how it is answered.

use ratatui::text::{Line, Span};

use super::{change, countdown};
use crate::commands::{CommandId, Keys, Place};
use crate::expression::Verdict;
use crate::incident::{
    Attempt, BranchView, ChangeEffect, Escalation, Incident, IncidentStatus, Missing, Question,
    State, scope,
};
use crate::playbook::{Manual, Step, StepKind};
use crate::tui::model::Model;
use crate::tui::text::{age, wrap};
use crate::tui::theme::{Role, Theme};

/// Writes the question and its answers.
pub(super) fn lines(
    model: &Model,
    state: &State,
    question: &Question<'_>,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mut out = Prompt::new(&model.keys, width, theme);
    write(&mut out, model, state, question);
    out.lines
}

/// What answers the question: keys, and what each says.
pub(in crate::tui) fn offers(model: &Model) -> Vec<(String, String)> {
    let Some(snapshot) = &model.incident else {
        return Vec::new();
    };
    let theme = Theme::plain();
    let mut out = Prompt::new(&model.keys, 200, &theme);
    let asked = crate::incident::question(&snapshot.state, model.now);
    write(&mut out, model, &snapshot.state, &asked);
    out.offers
}

/// The question alone, without what answers it.
pub(super) fn asked(
    model: &Model,
    state: &State,
    question: &Question<'_>,
    width: usize,
) -> Vec<Line<'static>> {
    let theme = Theme::plain();
    let mut out = Prompt::new(&model.keys, width, &theme);
    out.apart = true;
    write(&mut out, model, state, question);
    out.lines
}

fn write(out: &mut Prompt<'_>, model: &Model, state: &State, question: &Question<'_>) {
    match question {
        Question::StartPlaybook => {
            out.ask("Which playbook shall be walked?");
            out.choice(
                CommandId::Open,
                Place::Incident,
                "choose a playbook",
                Role::Text,
            );
        }
        Question::Input(input) => {
            out.ask(&input.prompt);
            out.text(&input.wanted(), Role::Dim);
            out.choice(CommandId::Answer, Place::Input, "answer", Role::Text);
        }
        Question::Approval(approval) => change::approval(out, model, state, approval),
        Question::Undescribed(survey) => change::undescribed(out, survey),
        Question::Standing {
            change, standing, ..
        } => change::standing(out, change, standing),
        Question::NotStarted { attempt, .. } => not_started(out, attempt),
        Question::Unknown { attempt, .. } => not_known(out, model, attempt),
        Question::Escalation(escalation) => escalate(out, model, state, escalation),
        Question::Working(step) => working(out, model, state, step),
        Question::Manual { step, .. } => {
            if let StepKind::Manual(manual) = &step.kind {
                by_hand(out, model, state, manual);
            }
        }
        Question::Decision {
            branches, missing, ..
        } => {
            overtaken(out, model, state);
            decide(out, branches, missing);
        }
        Question::Ended => ended(out, state),
        Question::Closed => {
            out.ask("The incident is closed.");
            out.choice(
                CommandId::Board,
                Place::Everywhere,
                "go to the board",
                Role::Text,
            );
            out.choice(CommandId::Quit, Place::Everywhere, "quit", Role::Text);
        }
    }
}

fn escalate(out: &mut Prompt<'_>, model: &Model, state: &State, escalation: &Escalation) {
    out.ask(&format!(
        "Escalate now, along the path \"{}\"?",
        escalation.path
    ));
    for cause in &escalation.causes {
        out.text(&format!("because {}", cause.sentence()), Role::Text);
    }
    if let Some(path) = &escalation.route {
        let levels = path.levels.iter().map(|level| {
            let names: Vec<&str> = level.contacts.iter().map(|one| one.name.as_str()).collect();
            format!(
                "{} (acknowledge timeout {} min)",
                names.join(", "),
                level.wait / 60
            )
        });
        let levels: Vec<String> = levels.collect();
        out.text(&format!("pages {}", levels.join(", then ")), Role::Dim);
        if !state.is_rehearsal() {
            for (number, level) in (1..).zip(&path.levels) {
                if !level.has_channel() {
                    let names: Vec<&str> =
                        level.contacts.iter().map(|one| one.name.as_str()).collect();
                    let text = format!(
                        "level {number} reaches NOBODY: no channel for {}. Call them yourself.",
                        names.join(", ")
                    );
                    out.text(&text, Role::Error);
                }
            }
        }
    } else {
        let why =
            "`escalation.toml` has no such path: NOBODY will be paged. Call somebody yourself.";
        out.text(why, Role::Error);
    }
    match escalation.by_itself_at(state) {
        Some(at) => out.text(
            &format!(
                "critical: escalates by itself in {}",
                countdown(at - model.now)
            ),
            Role::Late,
        ),
        None => out.text(
            &format!("asked {} ago", age(model.now - escalation.raised_at)),
            Role::Dim,
        ),
    }
    out.text("The walk goes on once this is answered.", Role::Dim);
    out.choice(
        CommandId::Approve,
        Place::Escalation,
        "escalate now",
        Role::Recommended,
    );
    out.choice(
        CommandId::Postpone,
        Place::Escalation,
        "postpone, with a reason",
        Role::Text,
    );
}

/// A change that was approved and is certain not to have begun.
fn not_started(out: &mut Prompt<'_>, attempt: &Attempt) {
    let why = attempt
        .end
        .as_ref()
        .and_then(|(result, _)| result.error.as_deref())
        .unwrap_or("it was not started");
    out.ask("The change was not started. Nothing was changed. What now?");
    out.text(why, Role::Late);
    let text = "describe the change again, to approve it again";
    out.choice(CommandId::AskAnew, Place::NotStarted, text, Role::Text);
    let text = "do not start it; the playbook continues as after a failure";
    out.choice(CommandId::Failed, Place::NotStarted, text, Role::Text);
}

/// What is known of a change of which nobody knows whether it was made.
fn not_known(out: &mut Prompt<'_>, model: &Model, attempt: &Attempt) {
    let why = attempt
        .end
        .as_ref()
        .and_then(|(result, _)| result.error.as_deref())
        .unwrap_or("nobody knows why");
    out.ask("It is not known whether this change was made. What now?");
    out.text(why, Role::Late);
    out.text(
        &format!(
            "attempt {} of {}",
            attempt.id,
            model.zone.second(attempt.started_at)
        ),
        Role::Dim,
    );
    out.choice(
        CommandId::AskAnew,
        Place::Unknown,
        "describe it again, to approve it anew",
        Role::Text,
    );
    out.choice(
        CommandId::Done,
        Place::Unknown,
        "you looked: it was made",
        Role::Text,
    );
    let text = "you looked: it was not made, go on as after a failure";
    out.choice(CommandId::Failed, Place::Unknown, text, Role::Text);
}

fn working(out: &mut Prompt<'_>, model: &Model, state: &State, step: &Step) {
    let execution = state.execution();
    let attempt = execution
        .and_then(|execution| execution.latest_attempt(&step.id))
        .filter(|attempt| attempt.end.is_none());
    let retry = execution.and_then(|execution| execution.retries.get(&step.id));
    let change = execution
        .and_then(|execution| execution.change.as_ref())
        .filter(|change| change.step == step.id);
    let pauses = change.is_some_and(|change| change.next.is_some());
    match (attempt, retry) {
        (Some(attempt), _) => {
            // A change is not tried again: its number is its turn's.
            let again = if attempt.number > 1 && attempt.intent.is_none() {
                format!(", try {}", attempt.number)
            } else {
                String::new()
            };
            let estimate = step
                .estimate
                .map(|estimate| format!(" of about {}", humantime::format_duration(estimate)))
                .unwrap_or_default();
            out.text(
                &format!(
                    "◌ running for {}{estimate}{again}",
                    age(model.now - attempt.started_at)
                ),
                Role::Running,
            );
        }
        (None, Some(retry)) => {
            let wait = age(retry.at - model.now);
            out.text(
                &format!("◌ failed; try {} in {wait}", retry.number),
                Role::Running,
            );
        }
        (None, None) if execution.is_some_and(|execution| execution.survey.is_some()) => {
            out.text(
                "◌ AWS is asked what exactly would be changed",
                Role::Running,
            );
        }
        (None, None) if pauses => out.text("◌ between two turns", Role::Running),
        (None, None) => out.text("◌ waiting to start", Role::Running),
    }
    if let Some(change) = change {
        change::under_way(out, model, change);
    }
    if let Some(attempt) = attempt {
        change::looks(out, attempt, change);
    }
    if let Some((_, gate)) = model.gate() {
        out.ask(&format!(
            "The document's step {gate} waits for an approval in AWS. Yours?"
        ));
        out.choice(
            CommandId::PassGate,
            Place::Gate,
            "approve it, with your own AWS rights",
            Role::Text,
        );
        out.choice(
            CommandId::RejectGate,
            Place::Gate,
            "reject it; the change ends there",
            Role::Text,
        );
    }
    let changes = attempt.is_some_and(|attempt| attempt.intent.is_some());
    if let Some(attempt) = attempt {
        under_way(out, model, attempt);
    }
    out.text(
        "Nothing is asked of you now; the next question comes by itself.",
        Role::Dim,
    );
    if changes {
        out.option(
            "x",
            "ask AWS to stop it; what has begun is finished",
            Role::Text,
        );
    } else if pauses {
        out.option(
            "x",
            "let no further turn begin; what was changed stays",
            Role::Text,
        );
    } else {
        out.option(
            "x",
            "stop this check; it counts as failed, and the playbook goes on",
            Role::Text,
        );
    }
}

/// How far what runs at AWS has come.
fn under_way(out: &mut Prompt<'_>, model: &Model, attempt: &Attempt) {
    if let Some(uncertain) = &attempt.uncertain {
        out.text(
            &format!(
                "unknown for {}: {}; certain from {} on, by AWS's clock. It is not sent again.",
                age(model.now - uncertain.since),
                uncertain.reason,
                model.zone.second(uncertain.conclusive_at)
            ),
            Role::Late,
        );
    }
    if attempt.cancelling {
        out.text(
            "AWS was asked to stop it; it ends when AWS says so.",
            Role::Late,
        );
    }
    let lines = model
        .incident
        .as_ref()
        .and_then(|snapshot| snapshot.progress.get(&attempt.id));
    for text in lines.into_iter().flat_map(|lines| lines.iter()) {
        out.text(text, Role::Text);
    }
}

fn by_hand(out: &mut Prompt<'_>, model: &Model, state: &State, manual: &Manual) {
    let scope = scope(state, model.now);
    if !manual.commands.is_empty() {
        out.text("Commands (y copies one after the other):", Role::Dim);
        for (index, command) in manual.commands.iter().enumerate() {
            let mark = if index == model.next_copy % manual.commands.len() {
                "▸"
            } else {
                " "
            };
            out.text(
                &format!("{mark} {}", command.command(&scope)),
                Role::Heading,
            );
        }
    }
    for input in &manual.ask {
        out.text(&format!("asks: {}", input.prompt), Role::Text);
    }
    out.ask("Is it done?");
    out.choice(CommandId::Done, Place::Manual, "done", Role::Text);
    out.choice(
        CommandId::Failed,
        Place::Manual,
        "failed, or not possible",
        Role::Text,
    );
    out.choice(
        CommandId::Skipped,
        Place::Manual,
        "skip, it is not needed",
        Role::Text,
    );
}

/// What was read before a healing acted may no longer be so.
fn overtaken(out: &mut Prompt<'_>, model: &Model, state: &State) {
    let began = state.walking().map(|walk| walk.started_at);
    let healed = state.executions.iter().rev().find_map(|walk| {
        let run = walk.healing.as_ref()?;
        let ended = walk.ended_at.filter(|ended| began < Some(*ended))?;
        Some((run, ended, walk.effect()))
    });
    let Some((run, ended, effect)) = healed else {
        return;
    };
    let ago = age(model.now - ended);
    let (rule, resource) = (&run.rule, &run.resource);
    let again =
        "What is below was read before that: look at the alarm again before you change anything.";
    let text = match effect {
        ChangeEffect::Nothing => {
            let text =
                format!("{rule} on {resource} was not carried out {ago} ago: nothing was changed.");
            out.text(&text, Role::Dim);
            return;
        }
        ChangeEffect::NotApplied => format!("{rule} on {resource} failed {ago} ago. {again}"),
        ChangeEffect::Applied => {
            format!("{rule} was applied to {resource} {ago} ago, and not verified. {again}")
        }
        ChangeEffect::Verified => {
            format!("{rule} was applied to {resource} {ago} ago, and verified. {again}")
        }
    };
    out.text(&text, Role::Late);
}

fn decide(out: &mut Prompt<'_>, branches: &[BranchView<'_>], missing: &[Missing]) {
    out.ask("Choose a path");
    for one in missing {
        out.text(&format!("Nothing is recommended: {one}."), Role::Late);
    }
    let again = out.keys.shown(CommandId::ReadAgain, Place::Incident);
    if missing.iter().any(|one| one.step.is_some()) {
        out.text(&format!("{again} reads it again."), Role::Late);
    }
    for (index, view) in branches.iter().enumerate() {
        let key = out.branch(index);
        if view.recommended {
            out.option(
                &key,
                &format!("{}   ◀ recommended", view.branch.label),
                Role::Recommended,
            );
        } else {
            out.option(&key, &view.branch.label, Role::Text);
        }
        // Where the answers follow apart, each reason says whose it is.
        if out.apart {
            out.text(&format!("{key}: {}", view.branch.label), Role::Text);
        }
        if let Some(because) = &view.because {
            out.deep(&format!("because {because}"), Role::Text);
        }
        let Some(why) = &view.explanation else {
            continue;
        };
        let values: Vec<String> = why
            .evidence
            .iter()
            .map(|one| {
                format!(
                    "{} = {}",
                    one.name,
                    one.value.as_deref().unwrap_or("unknown")
                )
            })
            .collect();
        let verdict = match why.verdict {
            Verdict::True => "is met",
            Verdict::False => "is not met",
            Verdict::Unknown => "is unknown",
        };
        let condition = view.branch.when.as_ref().map_or("", |when| when.source());
        out.deep(
            &format!("{condition} {verdict}: {}", values.join(", ")),
            Role::Dim,
        );
        let unknown: Vec<&str> = why.unknown().collect();
        if !unknown.is_empty() {
            out.deep(&format!("unknown: {}", unknown.join(", ")), Role::Late);
        }
        if let Some(error) = &why.error {
            out.deep(error, Role::Late);
        }
    }
}

fn ended(out: &mut Prompt<'_>, state: &State) {
    let Some(execution) = state.execution() else {
        return;
    };
    let outcome = execution
        .outcome
        .map_or("without an outcome", crate::playbook::Outcome::name);
    let escalated = if execution.escalated {
        ", escalated on the way"
    } else {
        ""
    };
    out.text(
        &format!(
            "The playbook ended: {} · {outcome}{escalated}",
            execution.status.name()
        ),
        Role::Heading,
    );
    let status = state
        .incident
        .as_ref()
        .map(|incident: &Incident| incident.status);
    match status {
        Some(IncidentStatus::Resolved) => {
            out.ask("The incident is resolved. Close it?");
            out.choice(
                CommandId::Close,
                Place::Incident,
                "close the incident",
                Role::Recommended,
            );
        }
        Some(_) => {
            out.ask("What is the incident's status now?");
            out.choice(
                CommandId::Mitigate,
                Place::Incident,
                "mitigated: the effect is gone",
                Role::Text,
            );
            out.choice(
                CommandId::Resolve,
                Place::Incident,
                "resolved: the cause is gone",
                Role::Text,
            );
            out.choice(
                CommandId::Open,
                Place::Incident,
                "start another playbook",
                Role::Text,
            );
        }
        None => {}
    }
    out.choice(
        CommandId::Note,
        Place::WithIncident,
        "record a note",
        Role::Text,
    );
}

/// The commands of the step the responder stands at, filled in.
pub(in crate::tui) fn commands_here(model: &Model) -> Vec<String> {
    let Some(snapshot) = &model.incident else {
        return Vec::new();
    };
    match model.question() {
        Some(Question::Manual {
            step:
                Step {
                    kind: StepKind::Manual(manual),
                    ..
                },
            ..
        }) => {
            let scope = scope(&snapshot.state, model.now);
            manual
                .commands
                .iter()
                .map(|command| command.command(&scope))
                .collect()
        }
        _ => Vec::new(),
    }
}

pub(super) struct Prompt<'a> {
    lines: Vec<Line<'static>>,
    /// The keys that answer, and what each says.
    offers: Vec<(String, String)>,
    /// Whether they are listed apart from the text.
    apart: bool,
    keys: &'a Keys,
    width: usize,
    theme: &'a Theme,
}

impl<'a> Prompt<'a> {
    pub fn new(keys: &'a Keys, width: usize, theme: &'a Theme) -> Self {
        Self {
            lines: Vec::new(),
            offers: Vec::new(),
            apart: false,
            keys,
            width,
            theme,
        }
    }

    pub fn done(self) -> Vec<Line<'static>> {
        self.lines
    }

    pub fn ask(&mut self, text: &str) {
        for part in wrap(text, self.width.saturating_sub(2)) {
            self.lines.push(Line::from(Span::styled(
                format!("  {part}"),
                self.theme.style(Role::Prompt),
            )));
        }
    }

    pub fn text(&mut self, text: &str, role: Role) {
        self.indented(text, 2, role);
    }

    /// A line with what it is about before it; what does not fit goes on below it.
    pub fn fact(&mut self, label: &str, text: &str, role: Role) {
        const LABEL: usize = 11;
        let parts = wrap(text, self.width.saturating_sub(LABEL + 2).max(20));
        for (index, part) in parts.into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let label = if label.chars().count() < LABEL {
                format!("  {label:<LABEL$}")
            } else {
                format!("  {label} ")
            };
            self.lines.push(Line::from(vec![
                Span::styled(label, self.theme.style(Role::Dim)),
                Span::styled(part, self.theme.style(role)),
            ]));
        }
    }

    fn deep(&mut self, text: &str, role: Role) {
        self.indented(text, 8, role);
    }

    fn indented(&mut self, text: &str, indent: usize, role: Role) {
        for part in wrap(text, self.width.saturating_sub(indent)) {
            self.lines.push(Line::from(Span::styled(
                format!("{}{part}", " ".repeat(indent)),
                self.theme.style(role),
            )));
        }
    }

    /// A command that answers, with its key.
    pub fn choice(&mut self, id: CommandId, place: Place, text: &str, role: Role) {
        let key = self.keys.shown(id, place);
        self.option(&key, text, role);
    }

    /// The key of a branch, counted from 0.
    fn branch(&self, index: usize) -> String {
        let row = self
            .keys
            .rows()
            .find(|(entry, _)| entry.id == CommandId::Branch);
        row.and_then(|(_, keys)| keys.get(index))
            .cloned()
            .unwrap_or_default()
    }

    fn option(&mut self, key: &str, text: &str, role: Role) {
        self.offers.push((key.to_owned(), text.to_owned()));
        if self.apart {
            return;
        }
        for (index, part) in wrap(text, self.width.saturating_sub(8))
            .into_iter()
            .enumerate()
        {
            let key = if index == 0 {
                format!("  {key:>4}  ")
            } else {
                " ".repeat(8)
            };
            self.lines.push(Line::from(vec![
                Span::styled(key, self.theme.style(Role::Key)),
                Span::styled(part, self.theme.style(role)),
            ]));
        }
    }
}
