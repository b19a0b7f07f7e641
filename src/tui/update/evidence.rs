//! Evidence on the whole screen: reading on, searching, the cursor, messages on demand.

use crate::commands::CommandId;
use crate::tui::form::{Form, Purpose};
use crate::tui::message::Request;
use crate::tui::model::{Model, Overlay, Reading};
use crate::tui::view::evidence_lines;

pub(super) fn open(model: &mut Model) {
    if !model.open_evidence() {
        model.say(
            "nothing was found yet; evidence comes with the first result",
            true,
        );
    }
}

pub(super) fn run(model: &mut Model, id: CommandId) -> Vec<Request> {
    match id {
        CommandId::NextEvidence => turn(model, 1),
        CommandId::PreviousEvidence => turn(model, -1),
        CommandId::Wrap => model.evidence.cut = !model.evidence.cut,
        CommandId::Search => {
            let form = Form::one("Search", Purpose::Search, "find a text", true);
            model.overlay = Some(Overlay::Form(form.with(&model.evidence.search)));
        }
        CommandId::NextMatch => find(model, true),
        CommandId::PreviousMatch => find(model, false),
        CommandId::CursorLeft => cursor(model, false),
        CommandId::CursorRight => cursor(model, true),
        CommandId::CopyEvidence => {
            let lines = evidence_lines(model, usize::MAX);
            let what = format!("{} lines of evidence", lines.len());
            let text = lines.join("\n");
            return vec![Request::Copy { text, what }];
        }
        CommandId::Samples => return samples(model),
        CommandId::Follow => return follow(model),
        _ => {}
    }
    Vec::new()
}

/// Goes to another piece; after the last one comes the first.
fn turn(model: &mut Model, by: isize) {
    let count = model.pieces().len().max(1);
    let before = std::mem::take(&mut model.evidence);
    let here = before.at.min(count - 1);
    model.evidence = Reading {
        at: (here + count).saturating_add_signed(by) % count,
        cut: before.cut,
        search: before.search,
        tail: before.tail,
        ..Reading::default()
    };
}

/// Goes to the next line that contains what is searched, or to the one before.
pub(super) fn find(model: &mut Model, forwards: bool) {
    let wanted = model.evidence.search.to_lowercase();
    if wanted.is_empty() {
        return;
    }
    let lines = evidence_lines(model, model.evidence_width());
    let holds = |at: &usize| lines[*at].to_lowercase().contains(&wanted);
    let here = model.evidence.scroll;
    let found = if forwards {
        let after = (here + 1).min(lines.len())..lines.len();
        after
            .chain(0..=here.min(lines.len().saturating_sub(1)))
            .find(holds)
    } else {
        let before = (0..here.min(lines.len())).rev();
        before
            .chain((here.min(lines.len())..lines.len()).rev())
            .find(holds)
    };
    match found {
        Some(at) => model.evidence.scroll = at,
        None => model.say(
            format!("nothing contains {:?}", model.evidence.search),
            true,
        ),
    }
}

/// What is searched while it is typed: from here on, this line among them.
pub(super) fn typed(model: &mut Model, wanted: &str) {
    wanted.clone_into(&mut model.evidence.search);
    let wanted = wanted.to_lowercase();
    let lines = evidence_lines(model, model.evidence_width());
    let here = model.evidence.scroll.min(lines.len());
    let holds = |at: &usize| !wanted.is_empty() && lines[*at].to_lowercase().contains(&wanted);
    if let Some(at) = (here..lines.len()).chain(0..here).find(holds) {
        model.evidence.scroll = at;
    }
}

fn cursor(model: &mut Model, later: bool) {
    let Some(piece) = model.piece() else {
        return;
    };
    let count = piece.value["series"].as_array().map_or(0, Vec::len);
    let last = count.saturating_sub(1);
    let at = model.evidence.cursor.unwrap_or(last);
    let to = if later { at + 1 } else { at.saturating_sub(1) };
    model.evidence.cursor = Some(to.min(last));
}

fn samples(model: &mut Model) -> Vec<Request> {
    model.evidence.samples = !model.evidence.samples;
    model.evidence.scroll = 0;
    let Some(key) = model.piece().map(|piece| piece.key()) else {
        return Vec::new();
    };
    if !model.evidence.samples || model.evidence.tail.of.as_ref() == Some(&key) {
        return Vec::new();
    }
    let (step, run) = key;
    vec![Request::Tail {
        step,
        run,
        follow: false,
    }]
}

fn follow(model: &mut Model) -> Vec<Request> {
    let Some((step, run)) = model.piece().map(|piece| piece.key()) else {
        return Vec::new();
    };
    if model.evidence.tail.following {
        model.evidence.tail.following = false;
        model.say("the log group is no longer followed", false);
        return vec![Request::StopTail];
    }
    model.evidence.samples = true;
    vec![Request::Tail {
        step,
        run,
        follow: true,
    }]
}

/// Nobody reads the messages any more: nothing is asked for any longer.
pub(super) fn left(model: &mut Model) -> Option<Request> {
    std::mem::take(&mut model.evidence.tail.following).then_some(Request::StopTail)
}
