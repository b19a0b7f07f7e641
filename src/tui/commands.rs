//! One table of commands. Dispatch, footer, help and the README's table of keys read it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each one is")]
pub enum CommandId {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Board,
    Incident,
    Filter,
    Sort,
    AcknowledgeAlarm,
    Open,
    Attach,
    Tree,
    Read,
    Back,
    Done,
    Failed,
    Skipped,
    Branch,
    Approve,
    ApproveChange,
    Decline,
    RaiseCeiling,
    Undo,
    VerifyAgain,
    PassGate,
    RejectGate,
    Heal,
    AskAnew,
    Postpone,
    Answer,
    Escalate,
    Note,
    Acknowledge,
    Regrade,
    Mitigate,
    Resolve,
    Close,
    CancelCheck,
    StopPlaybook,
    Copy,
    TakeOver,
    HandOver,
    KeepIt,
    Answered,
    Update,
    Card,
    Requests,
    Healings,
    Timeline,
    Statistics,
    FilterList,
    Agree,
    Disagree,
    SwitchRule,
    StopHealing,
    Unfinished,
    Suspend,
    Help,
    Quit,
}

/// Where a command is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Everywhere but in a form.
    Everywhere,
    /// On the board.
    Board,
    /// On the board, while an incident is open.
    BoardWithIncident,
    /// In the incident.
    Incident,
    /// Everywhere, while an incident is open.
    WithIncident,
    /// At a change that waits for a yes.
    Approval,
    /// At a change that could not be described.
    Undescribed,
    /// At a change that was made, and is not what it was to be.
    Standing,
    /// At a change of which nobody knows whether it was made.
    Unknown,
    /// While a step of a document waits for an approval of its own.
    Gate,
    /// While a healing rule waits for the responder.
    Proposed,
    /// While another console writes the incident.
    Following,
    /// While another console asks to take over.
    Asked,
    /// At a manual step.
    Manual,
    /// At a decision.
    Decision,
    /// At an escalation.
    Escalation,
    /// While an escalation goes from level to level.
    Chased,
    /// At an input.
    Input,
    /// While a check runs at the current step.
    Working,
    /// In the tree.
    Tree,
    /// Everywhere but in the incident, whose question may take the same keys.
    Views,
    /// At what others ask this user to agree to.
    Requests,
    /// At the healing rules.
    Healings,
    /// At what is read line by line.
    Lists,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it asks for.
    pub id: CommandId,
    /// The keys, as they are shown.
    pub keys: &'static [&'static str],
    /// What it does, as a verb.
    pub label: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Where it is valid.
    pub place: Place,
    /// What the footer drops first has the highest number; 9 is in the help alone.
    pub priority: u8,
}

const fn entry(
    id: CommandId,
    keys: &'static [&'static str],
    label: &'static str,
    about: &'static str,
    place: Place,
    priority: u8,
) -> Entry {
    Entry {
        id,
        keys,
        label,
        about,
        place,
        priority,
    }
}

/// The table. Of two rows that share a key, the one that stands first wins where it is valid.
pub const COMMANDS: &[Entry] = &[
    entry(
        CommandId::Approve,
        &["a"],
        "escalate",
        "escalate now, as asked",
        Place::Escalation,
        0,
    ),
    entry(
        CommandId::Postpone,
        &["p"],
        "postpone",
        "put the escalation off, with a reason",
        Place::Escalation,
        0,
    ),
    entry(
        CommandId::ApproveChange,
        &["a"],
        "approve",
        "approve the change that is described; its target is typed",
        Place::Approval,
        0,
    ),
    entry(
        CommandId::Decline,
        &["f"],
        "decline",
        "do not make the change, with a reason",
        Place::Approval,
        0,
    ),
    entry(
        CommandId::RaiseCeiling,
        &["c"],
        "raise ceiling",
        "let the change touch more than the playbook allows, with a reason",
        Place::Approval,
        1,
    ),
    entry(
        CommandId::AskAnew,
        &["a"],
        "try again",
        "find out again what the change would do",
        Place::Undescribed,
        0,
    ),
    entry(
        CommandId::Decline,
        &["f"],
        "decline",
        "do not make the change that cannot be described, with a reason",
        Place::Undescribed,
        0,
    ),
    entry(
        CommandId::Undo,
        &["u"],
        "take back",
        "take the change back; what does that is described first",
        Place::Standing,
        0,
    ),
    entry(
        CommandId::VerifyAgain,
        &["v"],
        "look again",
        "read again whether the change worked",
        Place::Standing,
        0,
    ),
    entry(
        CommandId::Done,
        &["d"],
        "it worked",
        "the change worked all the same; the playbook goes on",
        Place::Standing,
        0,
    ),
    entry(
        CommandId::Failed,
        &["f"],
        "leave it",
        "leave the change as it is; the playbook goes on as after a failure",
        Place::Standing,
        0,
    ),
    entry(
        CommandId::AskAnew,
        &["a"],
        "ask anew",
        "describe the change again, to be approved anew",
        Place::Unknown,
        0,
    ),
    entry(
        CommandId::Done,
        &["d"],
        "was done",
        "you looked, and the change was made",
        Place::Unknown,
        0,
    ),
    entry(
        CommandId::Failed,
        &["f"],
        "was not done",
        "you looked, and it was not; the playbook goes on as after a failure",
        Place::Unknown,
        0,
    ),
    entry(
        CommandId::PassGate,
        &["a"],
        "approve in AWS",
        "approve, with your own AWS rights, the step of the document that waits for it",
        Place::Gate,
        0,
    ),
    entry(
        CommandId::RejectGate,
        &["f"],
        "reject in AWS",
        "reject the step of the document that waits for an approval",
        Place::Gate,
        0,
    ),
    entry(
        CommandId::Heal,
        &["h"],
        "open healing",
        "open what a healing rule proposes; it is described first",
        Place::Proposed,
        1,
    ),
    entry(
        CommandId::TakeOver,
        &["T"],
        "take over",
        "become the writer: at once when the other console is silent, else by asking",
        Place::Following,
        0,
    ),
    entry(
        CommandId::HandOver,
        &["H"],
        "hand over",
        "give the incident to whoever asks for it",
        Place::Asked,
        0,
    ),
    entry(
        CommandId::KeepIt,
        &["K"],
        "keep it",
        "stay the writer although somebody asks",
        Place::Asked,
        0,
    ),
    entry(
        CommandId::Answered,
        &["W"],
        "who answered",
        "write down who has the escalation: nobody else is asked then",
        Place::Chased,
        1,
    ),
    entry(
        CommandId::Answer,
        &["Enter"],
        "answer",
        "answer the question",
        Place::Input,
        0,
    ),
    entry(
        CommandId::Read,
        &["Enter"],
        "read",
        "read the selected step",
        Place::Tree,
        0,
    ),
    entry(
        CommandId::Done,
        &["d"],
        "done",
        "the step is done",
        Place::Manual,
        0,
    ),
    entry(
        CommandId::Failed,
        &["f"],
        "failed",
        "the step did not work",
        Place::Manual,
        0,
    ),
    entry(
        CommandId::Skipped,
        &["s"],
        "skip",
        "the step is not needed",
        Place::Manual,
        0,
    ),
    entry(
        CommandId::Branch,
        &["1", "2", "3", "4", "5", "6", "7", "8", "9"],
        "choose",
        "take a branch; another than the recommended one asks for a reason",
        Place::Decision,
        0,
    ),
    entry(
        CommandId::Failed,
        &["f"],
        "cannot decide",
        "nobody can decide this",
        Place::Decision,
        4,
    ),
    entry(
        CommandId::Copy,
        &["y"],
        "copy command",
        "copy the next command of the step to the clipboard",
        Place::Manual,
        1,
    ),
    entry(
        CommandId::CancelCheck,
        &["x"],
        "stop",
        "stop what runs here: a check counts as failed, a change ends when AWS says so",
        Place::Working,
        1,
    ),
    entry(
        CommandId::Open,
        &["Enter"],
        "start playbook",
        "open an incident for the alarm and start its playbook",
        Place::Board,
        0,
    ),
    entry(
        CommandId::Filter,
        &["/"],
        "filter",
        "show alarms that contain a text",
        Place::Board,
        1,
    ),
    entry(
        CommandId::AcknowledgeAlarm,
        &["a"],
        "acknowledge",
        "record that you look after the selected alarm, for how long, and what you do",
        Place::Board,
        2,
    ),
    entry(
        CommandId::Sort,
        &["o"],
        "sort",
        "sort by state, severity, age, service or account",
        Place::Board,
        3,
    ),
    entry(
        CommandId::Agree,
        &["a"],
        "agree",
        "agree to the change that somebody else asks for; its target is typed",
        Place::Requests,
        0,
    ),
    entry(
        CommandId::Disagree,
        &["f"],
        "deny",
        "deny the change that somebody else asks for, with a reason",
        Place::Requests,
        0,
    ),
    entry(
        CommandId::SwitchRule,
        &["e"],
        "enable or disable",
        "let the selected healing rule count, or count no longer; its name is typed",
        Place::Healings,
        0,
    ),
    entry(
        CommandId::StopHealing,
        &["S"],
        "stop all",
        "let no healing rule act any longer, or let them act again",
        Place::Healings,
        0,
    ),
    entry(
        CommandId::Board,
        &["1", "b"],
        "board",
        "go to the board of alarms, from a pane",
        Place::Views,
        8,
    ),
    entry(
        CommandId::Requests,
        &["3"],
        "approvals",
        "see what others ask you to agree to",
        Place::Views,
        8,
    ),
    entry(
        CommandId::Healings,
        &["4"],
        "healing",
        "see the healing rules, and what they have done",
        Place::Views,
        8,
    ),
    entry(
        CommandId::Timeline,
        &["5"],
        "timeline",
        "see what happened when: the record, the alarms' history, the calls to AWS",
        Place::Views,
        8,
    ),
    entry(
        CommandId::Statistics,
        &["6"],
        "statistics",
        "see what the record says about playbooks, and what follows from it",
        Place::Views,
        8,
    ),
    entry(
        CommandId::FilterList,
        &["/"],
        "filter",
        "show lines that contain a text",
        Place::Lists,
        1,
    ),
    entry(
        CommandId::Unfinished,
        &["u"],
        "unfinished",
        "list unfinished incidents, to take one up",
        Place::Board,
        2,
    ),
    entry(
        CommandId::Attach,
        &["t"],
        "attach",
        "add the alarm to the open incident",
        Place::BoardWithIncident,
        2,
    ),
    entry(
        CommandId::Incident,
        &["i"],
        "incident",
        "go to the open incident",
        Place::BoardWithIncident,
        0,
    ),
    entry(
        CommandId::Board,
        &["b"],
        "board",
        "go to the board of alarms",
        Place::Incident,
        3,
    ),
    entry(
        CommandId::Tree,
        &["Tab"],
        "tree",
        "go to the tree and back",
        Place::Incident,
        2,
    ),
    entry(
        CommandId::Note,
        &["n"],
        "note",
        "record a note",
        Place::WithIncident,
        2,
    ),
    entry(
        CommandId::Escalate,
        &["E"],
        "escalate",
        "escalate now, with a reason",
        Place::WithIncident,
        2,
    ),
    entry(
        CommandId::Timeline,
        &["L"],
        "timeline",
        "see what happened when, from every source",
        Place::Incident,
        6,
    ),
    entry(
        CommandId::Update,
        &["U"],
        "give update",
        "tell those who wait how it stands, and when they hear more",
        Place::WithIncident,
        6,
    ),
    entry(
        CommandId::Card,
        &["Y"],
        "hand-over card",
        "make the card that hands the incident over: on the clipboard, and for the channels",
        Place::WithIncident,
        6,
    ),
    entry(
        CommandId::Acknowledge,
        &["A"],
        "acknowledge",
        "say that you have the incident",
        Place::Incident,
        3,
    ),
    entry(
        CommandId::Regrade,
        &["G"],
        "grade",
        "change how bad the incident is",
        Place::Incident,
        5,
    ),
    entry(
        CommandId::Mitigate,
        &["M"],
        "mitigated",
        "the effect is gone",
        Place::Incident,
        5,
    ),
    entry(
        CommandId::Resolve,
        &["R"],
        "resolved",
        "the cause is gone",
        Place::Incident,
        5,
    ),
    entry(
        CommandId::Close,
        &["C"],
        "close",
        "close the resolved incident",
        Place::Incident,
        5,
    ),
    entry(
        CommandId::Open,
        &["P"],
        "playbook",
        "start another playbook when none is being walked",
        Place::Incident,
        6,
    ),
    entry(
        CommandId::StopPlaybook,
        &["X"],
        "stop playbook",
        "end the walk without an outcome",
        Place::Incident,
        6,
    ),
    entry(
        CommandId::Up,
        &["↑", "k"],
        "up",
        "go up, or scroll",
        Place::Everywhere,
        9,
    ),
    entry(
        CommandId::Down,
        &["↓", "j"],
        "down",
        "go down, or scroll",
        Place::Everywhere,
        9,
    ),
    entry(
        CommandId::PageUp,
        &["PgUp"],
        "page up",
        "go up a page",
        Place::Everywhere,
        9,
    ),
    entry(
        CommandId::PageDown,
        &["PgDn", "Space"],
        "page down",
        "go down a page",
        Place::Everywhere,
        9,
    ),
    entry(
        CommandId::First,
        &["Home", "g"],
        "first",
        "go to the first",
        Place::Everywhere,
        9,
    ),
    entry(
        CommandId::Last,
        &["End"],
        "last",
        "go to the last",
        Place::Everywhere,
        9,
    ),
    entry(
        CommandId::Back,
        &["Esc"],
        "back",
        "leave what is open; clear the filter",
        Place::Everywhere,
        7,
    ),
    entry(
        CommandId::Help,
        &["?"],
        "help",
        "show the keys that are valid here",
        Place::Everywhere,
        1,
    ),
    entry(
        CommandId::Suspend,
        &["Ctrl-Z"],
        "suspend",
        "go back to the shell; `fg` comes back here",
        Place::Everywhere,
        9,
    ),
    entry(
        CommandId::Quit,
        &["q", "Ctrl-C"],
        "quit",
        "leave; an unfinished incident is taken up next time",
        Place::Everywhere,
        7,
    ),
];

/// Finds the command that a key asks for in some places.
#[must_use]
pub fn find(key: &KeyEvent, places: &[Place]) -> Option<&'static Entry> {
    let name = name(key)?;
    COMMANDS
        .iter()
        .find(|entry| places.contains(&entry.place) && entry.keys.contains(&name.as_str()))
}

/// Spells a key as the table does.
#[must_use]
pub fn name(key: &KeyEvent) -> Option<String> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match key.code {
        KeyCode::Char(c) if control => format!("Ctrl-{}", c.to_ascii_uppercase()),
        KeyCode::Char(' ') => "Space".into(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Up => "↑".into(),
        KeyCode::Down => "↓".into(),
        KeyCode::PageUp => "PgUp".into(),
        KeyCode::PageDown => "PgDn".into(),
        KeyCode::Home => "Home".into(),
        KeyCode::End => "End".into(),
        KeyCode::Enter => "Enter".into(),
        KeyCode::Tab => "Tab".into(),
        KeyCode::Esc => "Esc".into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (index, one) in COMMANDS.iter().enumerate() {
            for other in &COMMANDS[index + 1..] {
                let shared = one.keys.iter().any(|key| other.keys.contains(key));
                assert!(
                    !(shared && one.place == other.place),
                    "{one:?} and {other:?}"
                );
            }
        }
    }

    #[test]
    fn the_readme_lists_every_key() {
        let readme = include_str!("../../README.md");
        for entry in COMMANDS {
            let keys: Vec<String> = if entry.id == CommandId::Branch {
                vec!["`1`…`9`".into()]
            } else {
                entry.keys.iter().map(|key| format!("`{key}`")).collect()
            };
            let row = format!("| {} | {} |", keys.join(" "), entry.about);
            assert!(readme.contains(&row), "the README lacks: {row}");
        }
    }
}
