//! The panes beside the board and the incident.

use super::Form;
use crate::approvals::Decision;
use crate::commands::CommandId;
use crate::journal::{ALL, is_on};
use crate::tui::form::Purpose;
use crate::tui::message::Request;
use crate::tui::model::{Model, Overlay, Screen};

/// Says how the board is sorted now.
pub(super) fn sorted(model: &mut Model) {
    model.say(format!("sorted by {}", model.order.name()), false);
}

/// Opens a pane; leaving it leads back.
pub(super) fn open(model: &mut Model, screen: Screen) {
    model.screen = screen;
    model.scroll = 0;
    model.list_filter.clear();
    select_first(model);
}

/// Selects the first request, where none is.
pub(super) fn select_first(model: &mut Model) {
    if model.request().is_none() {
        let first = model.requests.asked.first();
        model.request = first.map(|one| one.sent.digest.clone());
    }
}

/// What is read stays selected while others come and go. What is gone is said; nothing takes its
/// place under a hand that is about to answer it.
pub(super) fn requests_moved(model: &mut Model) {
    let all = &model.requests.asked;
    let chosen = model.request.as_ref();
    let gone = chosen.is_some_and(|digest| all.iter().all(|one| one.sent.digest != *digest));
    if gone && model.requests.error.is_none() {
        model.request = None;
        model.scroll = 0;
        // What this user has just answered is said already.
        if model.screen == Screen::Requests && model.message.is_none() {
            model.say("the request was answered, or taken back", false);
        }
    }
}

/// Asks for what answers the selected request.
pub(super) fn answer(model: &mut Model, id: CommandId) {
    let Some(asked) = model.request() else {
        return;
    };
    let digest = asked.sent.digest.clone();
    let intent = &asked.sent.request.intent;
    let refused = if asked.own {
        Some("this is your own request: somebody else has to answer it")
    } else if !asked.is_open(model.now) {
        Some("the request has ended; it has to be asked for again")
    } else if model.header.read_only {
        Some("this console is read-only: it answers nothing")
    } else {
        None
    };
    if let Some(why) = refused {
        model.say(why, true);
        return;
    }
    let form = if id == CommandId::Agree {
        let wanted = intent.confirmation();
        let label = intent.to_type();
        let title = format!("Agree to {}", intent.document());
        Form::one(title, Purpose::Agree { digest, wanted }, label, false)
    } else {
        let title = format!("Deny {}", intent.document());
        Form::one(title, Purpose::Deny { digest }, "why; they read it", false)
    };
    model.overlay = Some(Overlay::Form(form));
}

pub(super) fn reply(digest: String, typed: String, decision: Decision) -> Vec<Request> {
    vec![Request::Reply {
        digest,
        typed,
        decision,
    }]
}

/// Asks for what switches a rule, or all of them.
pub(super) fn switch(model: &mut Model, id: CommandId) {
    let switches = &model.healings.switches;
    let (rule, wanted) = match (id, model.rule()) {
        (CommandId::StopHealing, _) => (ALL.to_owned(), "all".to_owned()),
        (_, Some(rule)) if !rule.enabled => {
            model.say("its file says `enabled = false`; change it there", true);
            return;
        }
        (_, Some(rule)) => (rule.id.clone(), rule.id.clone()),
        (_, None) => return,
    };
    let on = if rule == ALL {
        !switches.iter().any(|one| one.rule == ALL && !one.enabled)
    } else {
        let own: Vec<_> = switches
            .iter()
            .filter(|one| one.rule == rule)
            .cloned()
            .collect();
        is_on(&own, &rule)
    };
    if model.header.read_only && !on {
        model.say("this console is read-only: it lets no rule act", true);
        return;
    }
    let title = match (rule == ALL, on) {
        (true, true) => "Let no rule act any longer, for every console on this store".into(),
        (true, false) => "Let rules act again, for every console on this store".into(),
        (false, true) => format!("Let {rule} count no longer, for every console on this store"),
        (false, false) => format!("Let {rule} count again, for every console on this store"),
    };
    let label = format!("type {wanted}");
    let purpose = Purpose::Switch {
        rule,
        enabled: !on,
        wanted,
    };
    model.overlay = Some(Overlay::Form(Form::one(title, purpose, label, false)));
}
