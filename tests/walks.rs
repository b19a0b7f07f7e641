//! Playbooks that walk other playbooks, environments, and `at`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/engine.rs"]
mod engine_support;
mod support;

use standdown::actions::VOCABULARY;
use standdown::document::Source;
use standdown::engine::{self, Recorder};
use standdown::incident::{AlarmRef, Command, Walked, scope};
use standdown::playbook::{Catalog, Severity, compile};
use support::World;

fn head(id: &str, start: &str) -> String {
    format!(
        "format = 1\nid = \"{id}\"\nname = \"{id}\"\nsummary = \"s\"\nowner = \"o\"\nimpact = 2\nseverities = [\"high\"]\nincident_types = [\"x\"]\nstart = \"{start}\"\n[[answers]]\nname = \"{id}*\"\n"
    )
}

fn exec(id: &str, output: &str, words: &str, next: &str) -> String {
    format!(
        "[[steps]]\nid = \"{id}\"\nkind = \"automated\"\ntitle = \"{id}\"\ndescription = \"d\"\nexpect = \"e\"\noutput = \"{output}\"\nnext = \"{next}\"\non_failure = \"stop\"\nrun.exec = {{ command = [\"printf\", \"%s\", {words}] }}\n"
    )
}

fn outcome(id: &str, outcome: &str) -> String {
    format!(
        "[[steps]]\nid = \"{id}\"\nkind = \"outcome\"\ntitle = \"{id}\"\ndescription = \"d\"\noutcome = \"{outcome}\"\n"
    )
}

/// Greets whom it is told to, and ends as resolved, or as escalated when nobody was named.
fn child() -> String {
    format!(
        "{}[inputs.name]\ntype = \"string\"\nfrom = [\"ask\"]\n[environments.prod]\nmatch = {{ accounts = [\"111122223333\"] }}\nvalues = {{ mark = \"!\" }}\n[environments.other]\nvalues = {{ mark = \"?\" }}\n{}{}{}",
        head("child", "greet"),
        exec(
            "greet",
            "said",
            "\"{{ inputs.name }}{{ env.mark }}\"",
            "choose"
        ),
        "[[steps]]\nid = \"choose\"\nkind = \"decision\"\ntitle = \"t\"\ndescription = \"d\"\n[[steps.branches]]\nlabel = \"Well\"\nwhen = \"said.output == 'alice!'\"\nbecause = \"it said {{ said.output }}\"\nnext = \"well\"\n[[steps.branches]]\nlabel = \"Not well\"\notherwise = true\nnext = \"unwell\"\n",
        outcome("well", "resolved") + &outcome("unwell", "escalated"),
    )
}

fn parent() -> String {
    format!(
        "{}{}[[steps]]\nid = \"call\"\nkind = \"playbook\"\ntitle = \"Greet somebody\"\ndescription = \"d\"\nplaybook = \"child\"\nwith = {{ name = \"{{{{ who.output }}}}\" }}\non = {{ resolved = \"end\", escalated = \"up\" }}\n{}{}",
        head("parent", "first"),
        exec("first", "who", "\"alice\"", "call"),
        outcome("end", "mitigated"),
        outcome("up", "escalated"),
    )
}

#[tokio::test]
async fn a_playbook_is_walked_on_the_way_with_its_own_inputs_outputs_and_environment() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(&folder.path().join("journal.db"));
    let open = Command::Open {
        title: "t".into(),
        severity: Severity::High,
        alarm: Some(AlarmRef {
            name: "parent-1".into(),
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            ..AlarmRef::default()
        }),
        rehearsal: None,
    };
    let handle = engine::open(open, recorder.clone(), engine_support::settings())
        .await
        .unwrap();
    let start = Command::Start {
        name: "parent.toml".into(),
        text: parent(),
        others: vec![Walked {
            name: "child.toml".into(),
            text: child(),
        }],
        trusted: true,
    };
    handle.ask(start).await.unwrap();
    let at_decision = |snapshot: &engine::Snapshot| {
        let execution = snapshot.state.execution().unwrap();
        let here = execution.current().map(|visit| visit.step.to_string());
        here.as_deref() == Some("call/choose")
    };
    let snapshot = engine_support::until(&handle, at_decision).await;
    assert_eq!(
        engine_support::path(&snapshot),
        ["first", "call/greet", "call/choose"]
    );
    assert_eq!(
        engine_support::output(&snapshot, "call/said")["output"],
        "alice!"
    );
    let scope = scope(&snapshot.state, chrono::Utc::now());
    let seen = |text: &str| {
        let expression = standdown::expression::Expression::compile(text).unwrap();
        expression.evaluate(&scope).is_ok()
    };
    assert!(seen("said.output") && seen("inputs.name") && seen("env.mark"));
    assert!(
        !seen("who.output"),
        "the other playbook's outputs are its own affair"
    );

    // Another console takes it up: everything it needs is in the record.
    let id = handle.id.clone();
    handle.leave().await;
    let handle = engine::resume(id, recorder, engine_support::settings())
        .await
        .unwrap();
    let take = Command::TakeBranch {
        step: "call/choose".into(),
        visit: 1,
        branch: 0,
        reason: None,
    };
    handle.ask(take).await.unwrap();
    let snapshot = engine_support::ended(&handle).await;
    assert_eq!(
        engine_support::path(&snapshot),
        ["first", "call/greet", "call/choose", "end"]
    );
}

#[test]
fn what_does_not_fit_between_two_playbooks_is_said_where_one_names_the_other() {
    let vocabulary = &VOCABULARY;
    let said = |parent: String, child: String| {
        let others = [Source::new("child.toml", child.as_str())];
        let compiled = compile(
            &Source::new("parent.toml", parent.as_str()),
            &others,
            vocabulary,
        );
        assert!(compiled.playbook.is_none());
        let all: Vec<String> = compiled
            .problems
            .iter()
            .map(|problem| {
                format!(
                    "{} {}",
                    problem.message,
                    problem.help.clone().unwrap_or_default()
                )
            })
            .collect();
        assert!(
            compiled
                .problems
                .iter()
                .all(|problem| problem.span.is_some()),
            "{all:?}"
        );
        all.join("\n")
    };
    let other = |from: &str, to: &str| said(parent().replace(from, to), child());
    let silent = parent()
        .replace(", escalated = \"up\"", "")
        .replace("on_failure = \"stop\"", "on_failure = \"up\"");
    assert!(said(silent, child()).contains("can end as `escalated`"));
    assert!(
        other("playbook = \"child\"", "playbook = \"chidl\"").contains("did you mean \"child\"")
    );
    assert!(other("with = { name", "with = { nam").contains("did you mean `name`"));
    assert!(
        said(
            parent(),
            child().replace("next = \"choose\"", "next = \"nowhere\"")
        )
        .contains("cannot be used")
    );
    let back = child().replace(&outcome("well", "resolved"), "[[steps]]\nid = \"well\"\nkind = \"playbook\"\ntitle = \"t\"\ndescription = \"d\"\nplaybook = \"parent\"\nnext = \"unwell\"\n");
    let others = [
        Source::new("child.toml", back.as_str()),
        Source::new("parent.toml", parent().as_str()),
    ];
    let compiled = compile(
        &Source::new("parent.toml", parent().as_str()),
        &others,
        vocabulary,
    );
    let text = format!("{:?}", compiled.problems);
    assert!(
        text.contains("walk one another: parent → child → parent"),
        "{text}"
    );
}

#[test]
fn a_catalog_finds_the_other_playbook_wherever_it_is() {
    let world = World::new();
    world.write("a/parent.toml", parent());
    world.write("b/child.toml", child());
    let catalog = Catalog::load(&[world.path("a"), world.path("b")], &[], &VOCABULARY);
    let entry = catalog.get("parent").unwrap();
    assert_eq!((entry.others.len(), entry.playbook.frames.len()), (1, 2));
    let said = world.run(&[
        "check",
        world.path("a/parent.toml").to_str().unwrap(),
        world.path("b").to_str().unwrap(),
    ]);
    assert_eq!(said.code, 0, "{}", said.out);
    let alone = world.run(&["check", world.path("a/parent.toml").to_str().unwrap()]);
    assert_eq!(alone.code, 1);
    assert!(
        alone.out.contains("there is no playbook \"child\""),
        "{}",
        alone.out
    );
}

#[test]
fn secrets_and_places_are_checked_when_the_playbook_loads() {
    let world = World::new();
    let check = |text: String| {
        let path = world.write("p.toml", text);
        world.run(&["check", path.to_str().unwrap()])
    };
    let plain = |run: &str| {
        format!(
            "{}[secrets.db]\nfrom = \"env:DB_PASSWORD\"\n{}{}",
            head("p", "first"),
            exec("first", "out", "\"x\"", "end")
                .replace("run.exec = { command = [\"printf\", \"%s\", \"x\"] }", run),
            outcome("end", "resolved")
        )
    };
    let good = plain(
        "run.exec = { command = [\"true\"], environment = { PW = \"{{ secrets.db }}\" }, at = { region = \"us-east-1\" } }",
    );
    assert_eq!(check(good.clone()).code, 0, "{}", check(good).out);
    for (run, wanted) in [
        (
            "run.exec = { command = [\"echo\", \"{{ secrets.db }}\"] }",
            "a secret cannot be read here",
        ),
        (
            "run.exec = { command = [\"true\"], environment = { PW = \"x{{ secrets.db }}\" } }",
            "a secret cannot be read here",
        ),
        (
            "run.exec = { command = [\"true\"], environment = { PW = \"{{ secrets.bd }}\" } }",
            "there is no secret `bd`",
        ),
    ] {
        let said = check(plain(run));
        assert_eq!(said.code, 1, "{run}");
        assert!(said.out.contains(wanted), "{run}: {}", said.out);
    }
    let place = plain("run.exec = { command = [\"true\"] }").replace("env:DB_PASSWORD", "vault:x");
    assert!(check(place).out.contains("is no place for a secret"));
}
