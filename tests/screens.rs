//! What the board and the incident look like, character by character, and in which colours.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use crossterm::event::KeyCode;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use standdown::actions::VOCABULARY;
use standdown::alarms::{Board, Facts, Freshness, Seen, Series, Source};
use standdown::approvals::{Request, Sent};
use standdown::aws::Place;
use standdown::config::{Depth, Glyphs};
use standdown::embedded;
use standdown::engine::{Recording, Role as EngineRole, Snapshot};
use standdown::incident::{
    Actor, AlarmRef, AlarmState, AttemptResult, Command, Intent, Recorded, Stamp, State, decide,
    evolve,
};
use standdown::journal::{Hash, HealingRecord, HealingStatus, Switch, Tally};
use standdown::playbook::{Action, Catalog, Layer, Mode, Severity};
use standdown::tui::{
    Asked, Header, Healings, Message, Model, Requests, Role, Rule, Theme, update, view,
};

fn now() -> DateTime<Utc> {
    "2026-11-20T03:14:15Z".parse().unwrap()
}

fn alarm(name: &str, state: AlarmState, minutes: i64) -> AlarmRef {
    AlarmRef {
        name: name.into(),
        state,
        reason: "Threshold Crossed: 3 datapoint(s) [97.2] was greater than or equal to the threshold (90.0).".into(),
        description: "Average CPU of an orders instance at or above 90 % for fifteen minutes".into(),
        namespace: Some("AWS/EC2".into()),
        metric: Some("CPUUtilization".into()),
        dimensions: [("InstanceId".to_owned(), "i-0a1b2c3d4e5f60718".to_owned())].into_iter().collect(),
        threshold: Some(90.0),
        comparison: Some("GreaterThanOrEqualToThreshold".into()),
        region: "eu-central-1".into(),
        account: "111122223333".into(),
        since: Some(now() - chrono::Duration::minutes(minutes)),
        ..AlarmRef::default()
    }
}

fn seen(alarm: AlarmRef) -> Seen {
    Seen {
        alarm,
        facts: Facts {
            actions_enabled: true,
            ..Facts::default()
        },
    }
}

fn model(width: u16, height: u16) -> Model {
    let header = Header {
        rehearsal: Some("cpu-spike".into()),
        ..Header::default()
    };
    let mut model = Model::new(header, (width, height), now(), Duration::from_secs(10));
    let catalog = Catalog::load(&[], embedded::PLAYBOOKS, &VOCABULARY);
    let place = Place::new("", "eu-central-1");
    let mut board = Board::of(vec![Source {
        account: "111122223333".into(),
        identity: "arn:aws:sts::111122223333:assumed-role/responder/rehearsal".into(),
        freshness: Freshness::Live { at: now() },
        complete: true,
        ..Source::new(place.clone(), String::new(), false)
    }]);
    let mut plain = alarm("billing-queue-age", AlarmState::Ok, 1500);
    plain.metric = None;
    let mut none = alarm(
        "日本語のアラーム with a name that is much too long for its column",
        AlarmState::InsufficientData,
        90,
    );
    none.namespace = Some("Custom".into());
    let all = [plain, alarm("orders-cpu-high", AlarmState::Alarm, 4), none];
    board.take(&place, all.into_iter().map(seen).collect(), |_| true);
    Arc::make_mut(&mut board.rows)[0].values = Series {
        values: vec![40.0, 46.0, 82.0, 92.0, 97.2].into(),
        until: Some(now()),
        period: 60,
        ..Series::default()
    };
    for message in [
        Message::CatalogRead(Arc::new(catalog)),
        Message::BoardSeen(Arc::new(board)),
    ] {
        let _ = update(&mut model, message);
    }
    model
}

/// The incident at its first decision, the diagnostics in.
fn incident() -> Snapshot {
    let mut state = State::new(VOCABULARY);
    let mut events = imbl::Vector::new();
    let mut seed = 0;
    let mut ask = |state: &mut State, command: Command| {
        seed += 1;
        let actor = Actor {
            user: "responder".into(),
            uid: 1000,
            host: "bastion".into(),
            arn: None,
        };
        let stamp = Stamp {
            at: now(),
            at_aws: now(),
            actor: actor.into(),
            seed: uuid::Uuid::from_u128(seed),
        };
        for event in decide(state, command, &stamp).unwrap() {
            let recorded = Recorded {
                sequence: state.sequence + 1,
                at: stamp.at,
                by: stamp.actor.clone(),
                event,
            };
            *state = evolve(state.clone(), &recorded);
            events.push_back(Arc::new(recorded));
        }
    };
    let text = embedded::PLAYBOOKS[0].1;
    ask(
        &mut state,
        Command::Open {
            title: "High CPU Utilization Investigation".into(),
            severity: Severity::High,
            alarm: Some(alarm("orders-cpu-high", AlarmState::Alarm, 4)),
            rehearsal: None,
        },
    );
    ask(
        &mut state,
        Command::Start {
            name: "embedded:cpu-high-utilization.toml".into(),
            text: text.into(),
            others: Vec::new(),
            trusted: true,
        },
    );
    let minute = |before: i64| now().timestamp() - before * 60;
    let outputs = [
        (
            "cpu-001",
            serde_json::json!({"i-0a1b2c3d4e5f60718": {"last": 97.2, "statistics": {"Maximum": {"maximum": 98.6}}, "maximum": 97.2, "average": 95.1, "minutes_over": 9.0, "threshold": 90.0, "datapoints": 15, "trend": "rising", "series": [[minute(6), 41], [minute(5), 60], [minute(4), 92], [minute(3), 97.2]], "ok": true}}),
        ),
        (
            "cpu-002",
            serde_json::json!({"total": 1, "succeeded": 1, "failed": 0, "captured": {"share": [24.9], "process": ["orders-worker"]}, "instances": {"i-0a1b2c3d4e5f60718": {"status": "Success", "detail": "Success", "output": "PID USER %CPU COMMAND\n2211 orders 24.9 orders-worker", "error": "", "truncated": false}}}),
        ),
        (
            "cpu-003",
            serde_json::json!({"groups": {"AutoScalingGroups": [{"AutoScalingGroupName": "orders-asg", "DesiredCapacity": 2, "MaxSize": 8, "Instances": [{"InstanceId": "i-0a1b2c3d4e5f60718"}]}], "ok": true}, "activities": {"Activities": [], "ok": true}}),
        ),
        (
            "cpu-004",
            serde_json::json!({"events": 182, "truncated": false, "other": 0, "patterns": [{"pattern": "ERROR request timed out after * ms", "count": 139}, {"pattern": "ERROR queue of worker * is full", "count": 43}]}),
        ),
        (
            "cpu-changes",
            serde_json::json!({"count": 1, "deployments": 0, "changes": [{"at": "2026-11-20T02:10:00Z", "event": "CreateTags", "actor": "arn:aws:sts::111122223333:assumed-role/inventory/nightly"}], "actors": ["arn:aws:sts::111122223333:assumed-role/inventory/nightly"], "truncated": false}),
        ),
    ];
    for (step, output) in outputs {
        let attempt = state
            .execution()
            .unwrap()
            .running()
            .find(|attempt| &*attempt.step.0 == step)
            .unwrap()
            .id;
        ask(
            &mut state,
            Command::AttemptEnded {
                attempt,
                result: AttemptResult::succeeded(output),
            },
        );
    }
    Snapshot {
        state,
        events,
        recording: Recording::Yes,
        role: EngineRole::Writer { asked: None },
        progress: Default::default(),
        unpublished: None,
        gates: Default::default(),
        head: Hash::default(),
        broken: None,
    }
}

fn draw(model: &Model) -> Terminal<TestBackend> {
    let theme = Theme::load("dark", Depth::True, Glyphs::Unicode).unwrap();
    let mut terminal = Terminal::new(TestBackend::new(model.size.0, model.size.1)).unwrap();
    terminal.draw(|frame| view(model, &theme, frame)).unwrap();
    terminal
}

#[test]
fn the_board_at_80_by_24() {
    insta::assert_snapshot!(draw(&model(80, 24)).backend());
}

#[test]
fn the_board_at_120_by_40() {
    insta::assert_snapshot!(draw(&model(120, 40)).backend());
}

fn in_incident(width: u16, height: u16) -> Model {
    let mut model = model(width, height);
    let _ = update(&mut model, Message::IncidentMoved(Arc::new(incident())));
    model
}

#[test]
fn the_incident_at_80_by_24() {
    insta::assert_snapshot!(draw(&in_incident(80, 24)).backend());
}

#[test]
fn the_incident_at_120_by_40() {
    insta::assert_snapshot!(draw(&in_incident(120, 40)).backend());
}

/// The style of the first cell of a text on the screen.
fn style_of(terminal: &Terminal<TestBackend>, text: &str) -> ratatui::style::Style {
    let buffer = terminal.backend().buffer();
    let area = buffer.area();
    for y in 0..area.height {
        let row: Vec<&str> = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
        let joined = row.concat();
        if let Some(found) = joined.find(text) {
            let x = row
                .iter()
                .scan(0, |at, cell| {
                    let here = *at;
                    *at += cell.len();
                    Some(here)
                })
                .position(|at| at >= found)
                .unwrap();
            return buffer[(u16::try_from(x).unwrap(), y)].style();
        }
    }
    panic!("{text:?} is not on the screen");
}

#[test]
fn what_matters_most_has_its_own_look() {
    let theme = Theme::load("dark", Depth::True, Glyphs::Unicode).unwrap();
    let terminal = draw(&in_incident(120, 40));
    for (text, role) in [
        ("Choose a path", Role::Prompt),
        ("Scale out   ◀", Role::Recommended),
        (" REHEARSAL", Role::Rehearsal),
        ("✓ Verify CPU", Role::Ok),
        ("▶ Decision", Role::Prompt),
    ] {
        let (seen, wanted) = (style_of(&terminal, text), theme.style(role));
        assert_eq!(
            (seen.fg, seen.add_modifier),
            (wanted.fg, wanted.add_modifier),
            "{text}"
        );
    }
    let board = draw(&model(80, 24));
    assert_eq!(
        style_of(&board, "orders-cpu-high").bg,
        theme.style(Role::Selection).bg
    );
    assert_eq!(style_of(&board, "● ALARM").fg, theme.style(Role::Alarm).fg);
    assert_eq!(style_of(&board, "○ OK").fg, theme.style(Role::Ok).fg);
}

#[test]
fn the_selection_stays_on_its_alarm_when_the_board_moves() {
    let mut model = model(80, 24);
    model.selected = Some((
        String::new(),
        "eu-central-1".into(),
        "billing-queue-age".into(),
    ));
    let mut board = (*model.board).clone();
    let all = [
        alarm("a-new-one", AlarmState::Alarm, 0),
        alarm("billing-queue-age", AlarmState::Ok, 1500),
    ];
    let place = Place::new("", "eu-central-1");
    board.take(&place, all.into_iter().map(seen).collect(), |_| true);
    let _ = update(&mut model, Message::BoardSeen(Arc::new(board)));
    assert_eq!(
        model.selected,
        Some((
            String::new(),
            "eu-central-1".into(),
            "billing-queue-age".into()
        ))
    );
    assert_eq!(model.selected_index(), 1);
}

/// A pane, opened by its key, with a request in it and what rules have done.
fn in_pane(key: char, width: u16, height: u16) -> Model {
    let mut model = model(width, height);
    let intent: Intent = serde_json::from_value(serde_json::json!({
        "kind": "ssm_automation",
        "parameters": {
            "document": "restart-service", "target_parameter": "Unit",
            "parameters": {"Unit": ["orders.service"]},
        },
        "account": "111122223333", "region": "eu-central-1", "incident": "20261120-0a1b2c",
        "playbook": "0".repeat(64), "step": "restart", "visit": 1,
        "nonce": "00000000-0000-0000-0000-000000000001",
    }))
    .unwrap();
    let request = Request {
        format: 1,
        reason: "it errs since noon".into(),
        incident_title: "Orders Err".into(),
        until: now() + chrono::Duration::minutes(28),
        rehearsal: true,
        intent,
    };
    let sent = Sent {
        digest: request.intent.digest(),
        uid: 1001,
        request,
    };
    let requests = Requests {
        asked: vec![Asked {
            sent,
            from: "responder".into(),
            own: false,
        }],
        broken: vec![("x.request".into(), "it is not a regular file".into())],
        error: None,
        configured: true,
    };
    let rule = |id: &str, layer| Rule {
        id: id.into(),
        title: format!("Title of {id}"),
        layer,
        action: Action::Restart,
        mode: Mode::Propose,
        rung: 3,
        trigger: "high_memory_usage".into(),
        cooldown: 600,
        attempts: 3,
        window: 3600,
        enabled: true,
    };
    let run = HealingRecord {
        rule: "memory-leak-healing".into(),
        layer: "application".into(),
        action: "restart".into(),
        resource: "orders".into(),
        place: "111122223333/eu-central-1".into(),
        status: HealingStatus::Failed,
        incident: standdown::incident::IncidentId("20261120-0a1b2c".into()),
        attempt: 1,
        at: now() - chrono::Duration::minutes(9),
        started_at: Some(now() - chrono::Duration::minutes(8)),
        ended_at: Some(now() - chrono::Duration::minutes(4)),
        error: Some("it did not come up".into()),
    };
    let switch = Switch {
        rule: "route-healing".into(),
        enabled: false,
        by: "responder@bastion".into(),
        at: now() - chrono::Duration::hours(2),
    };
    let healings = Healings {
        tally: Tally::of(&Catalog::default(), std::slice::from_ref(&run), &[]),
        rules: vec![
            rule("memory-leak-healing", Layer::Application),
            rule("route-healing", Layer::Network),
        ],
        runs: vec![run],
        switches: vec![switch],
        error: None,
    };
    for message in [
        Message::RequestsSeen(Arc::new(requests)),
        Message::HealingsSeen(Arc::new(healings)),
        Message::Key(KeyCode::Char(key).into()),
    ] {
        let _ = update(&mut model, message);
    }
    model
}

#[test]
fn the_approvals_at_80_by_24() {
    insta::assert_snapshot!(draw(&in_pane('V', 80, 24)).backend());
}

#[test]
fn the_healing_at_80_by_24() {
    insta::assert_snapshot!(draw(&in_pane('F', 80, 24)).backend());
}

#[test]
fn a_request_that_is_gone_is_said_and_nothing_takes_its_place() {
    let mut model = in_pane('V', 80, 24);
    let mut others = (*model.requests).clone();
    others.asked[0].sent.digest = "f".repeat(64);
    let _ = update(&mut model, Message::RequestsSeen(Arc::new(others)));
    let notice = model.message.as_ref().unwrap();
    assert!(notice.text.contains("was answered, or taken back"));
    assert_eq!(model.request, None);
    let press = |model: &mut Model, key: KeyCode| update(model, Message::Key(key.into()));
    let _ = press(&mut model, KeyCode::Char('a'));
    assert!(model.overlay.is_none(), "there is nothing to agree to");
    let _ = press(&mut model, KeyCode::Down);
    assert_eq!(model.request.as_deref(), Some("f".repeat(64).as_str()));
}

#[test]
fn what_nobody_can_see_nobody_answers() {
    let mut model = in_pane('V', 80, 24);
    let small = Message::Resized {
        width: 20,
        height: 5,
    };
    let _ = update(&mut model, small);
    let _ = update(&mut model, Message::Key(KeyCode::Char('a').into()));
    assert!(model.overlay.is_none());
    let quit = update(&mut model, Message::Key(KeyCode::Char('q').into()));
    assert_eq!(quit, [standdown::tui::Request::Quit]);
}

#[test]
fn every_size_can_be_drawn() {
    let mut models = [
        model(80, 24),
        in_incident(80, 24),
        in_pane('V', 80, 24),
        in_pane('F', 80, 24),
    ];
    for width in [1, 20, 39, 40, 41, 80, 99, 100, 119, 120, 200] {
        for height in [1, 5, 11, 12, 13, 17, 18, 24, 30, 60] {
            for model in &mut models {
                let _ = update(model, Message::Resized { width, height });
                for tree in [false, true] {
                    model.tree = tree;
                    let _ = draw(model);
                }
                let key = |code| Message::Key(crossterm::event::KeyEvent::from(code));
                let _ = update(model, key(crossterm::event::KeyCode::Char('?')));
                let _ = draw(model);
                let _ = update(model, key(crossterm::event::KeyCode::Esc));
            }
        }
    }
}

/// Every view at the four sizes, in the dark theme.
const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];

fn pressed(model: &mut Model, keys: &[KeyCode]) {
    for code in keys {
        let key = Message::Key(crossterm::event::KeyEvent::from(*code));
        let _ = update(model, key);
    }
}

#[test]
fn rows_that_were_worded_before_are_those_that_would_be_worded_now() {
    type Step = fn(&mut Model);
    let drawn = |model: &Model| draw(model).backend().buffer().clone();
    let mut model = model(120, 40);
    let mut before = drawn(&model);
    let steps: [(&str, Step); 5] = [
        ("a key", |model| pressed(model, &[KeyCode::Down])),
        ("a minute", |model| {
            let later = model.now + chrono::Duration::minutes(1);
            let _ = update(model, Message::Ticked(later));
        }),
        ("playbooks", |model| {
            let _ = update(model, Message::CatalogRead(Arc::new(Catalog::default())));
        }),
        ("a board", |model| {
            let mut board = (*model.board).clone();
            board.keep(&Place::new("", "eu-central-1"), |alarm| {
                alarm.name != "orders-cpu-high"
            });
            let _ = update(model, Message::BoardSeen(Arc::new(board)));
        }),
        ("a size", |model| {
            let _ = update(
                model,
                Message::Resized {
                    width: 80,
                    height: 24,
                },
            );
        }),
    ];
    for (what, step) in steps {
        step(&mut model);
        let shown = drawn(&model);
        assert!(shown != before, "{what} changed nothing");
        let mut anew = model.clone();
        anew.forget_cells();
        assert_eq!(shown, drawn(&anew), "{what}");
        before = shown;
    }
}

#[test]
fn every_view_at_every_size() {
    type Made = fn(u16, u16) -> Model;
    let views: [(&str, Made); 12] = [
        ("board", model),
        ("incident", in_incident),
        ("tree", |width, height| {
            let mut model = in_incident(width, height);
            pressed(&mut model, &[KeyCode::Tab, KeyCode::Char(' ')]);
            model
        }),
        ("evidence", |width, height| {
            let mut model = in_incident(width, height);
            pressed(&mut model, &[KeyCode::Char('e'), KeyCode::Left]);
            while model
                .piece()
                .is_some_and(|piece| piece.run.kind != "metric")
            {
                pressed(&mut model, &[KeyCode::Tab]);
            }
            pressed(&mut model, &[KeyCode::Left]);
            model
        }),
        ("approvals", |width, height| in_pane('V', width, height)),
        ("healing", |width, height| in_pane('F', width, height)),
        ("history", |width, height| in_pane('L', width, height)),
        ("statistics", |width, height| in_pane('D', width, height)),
        ("palette", |width, height| {
            let mut model = in_incident(width, height);
            pressed(
                &mut model,
                &[KeyCode::Char(':'), KeyCode::Char('c'), KeyCode::Char('p')],
            );
            model
        }),
        ("help", |width, height| {
            let mut model = model(width, height);
            pressed(&mut model, &[KeyCode::Char('?')]);
            model
        }),
        ("messages", |width, height| {
            let mut model = model(width, height);
            pressed(
                &mut model,
                &[KeyCode::Char('o'), KeyCode::Char('z'), KeyCode::Char('m')],
            );
            model
        }),
        ("introduction", |width, height| {
            let mut model = model(width, height);
            pressed(&mut model, &[KeyCode::F(1)]);
            model
        }),
    ];
    for (name, made) in views {
        for (width, height) in SIZES {
            let mut model = made(width, height);
            let _ = update(&mut model, Message::Resized { width, height });
            let drawn = draw(&model);
            insta::assert_snapshot!(
                format!("view_{name}_{width}x{height}"),
                text_of(drawn.backend().buffer())
            );
        }
    }
}

fn text_of(buffer: &ratatui::buffer::Buffer) -> String {
    let area = buffer.area();
    let rows = (0..area.height).map(|y| {
        let row: String = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
        format!("|{}\n", row.trim_end())
    });
    rows.collect()
}

/// A screen with its styles: below the text a letter for the style of each cell, and below that what
/// each letter is.
fn styled(buffer: &ratatui::buffer::Buffer) -> String {
    let area = buffer.area();
    let mut known = Vec::new();
    let mut grid = String::new();
    for y in 0..area.height {
        grid.push('|');
        for x in 0..area.width {
            let style = buffer[(x, y)].style();
            let look = format!("{:?} on {:?} {:?}", style.fg, style.bg, style.add_modifier);
            let at = known
                .iter()
                .position(|one| *one == look)
                .unwrap_or_else(|| {
                    known.push(look);
                    known.len() - 1
                });
            grid.push(char::from(b'a' + u8::try_from(at).unwrap()));
        }
        grid.push('\n');
    }
    let legend = known.iter().enumerate().map(|(at, look)| {
        let letter = char::from(b'a' + u8::try_from(at).unwrap());
        format!("{letter} {look}\n")
    });
    format!(
        "{}\n{grid}\n{}",
        text_of(buffer),
        legend.collect::<String>()
    )
}

#[test]
fn the_board_and_the_incident_in_every_theme() {
    for name in Theme::names() {
        let depth = if name == "none" {
            Depth::None
        } else {
            Depth::True
        };
        let theme = Theme::load(name, depth, Glyphs::Unicode).unwrap();
        for (what, model) in [("board", model(80, 24)), ("incident", in_incident(80, 24))] {
            let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
            terminal.draw(|frame| view(&model, &theme, frame)).unwrap();
            insta::assert_snapshot!(
                format!("theme_{name}_{what}"),
                styled(terminal.backend().buffer())
            );
        }
    }
}

#[test]
fn nothing_moves_when_a_check_ends() {
    // The question stands in the same place, whatever runs beside it.
    let place = |model: &Model| {
        let drawn = draw(model);
        let text = text_of(drawn.backend().buffer());
        text.lines().position(|line| line.contains("Choose a path"))
    };
    for (width, height) in SIZES {
        let model = in_incident(width, height);
        let mut other = model.clone();
        other.now += chrono::Duration::seconds(90);
        assert_eq!(place(&model), place(&other), "{width}×{height}");
    }
}
