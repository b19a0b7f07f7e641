//! Two consoles on one store, set off by one alarm.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use standdown::actions::VOCABULARY;
use standdown::aws::{AwsSettings, Pool};
use standdown::document::Source;
use standdown::engine::{self, Handle, Recorder, Settings, Unanswered};
use standdown::incident::{AlarmRef, AlarmState, Command, ExecutionStatus, HealingRun};
use standdown::playbook::{Action, Layer, Mode, Severity, compile};
use standdown::rehearsal::{Scenario, Simulator, World};

use crate::engine_support;

const RULE: &str = r#"
format = 1
id = "restart-healing"
name = "Restart"
summary = "s"
owner = "tests"
impact = 2
severities = ["high"]
incident_types = ["x"]
start = "heal"
[[answers]]
name = "*"
[healing]
layer = "platform"
trigger = "errors"
action = "restart"
parameters = "none"
resource = "orders"
cooldown = "300s"
attempts = 3
mode = "auto"
[[steps]]
id = "heal"
kind = "automated"
title = "Restart"
description = "d"
expect = "e"
approval = "none"
preapproved = { by = "tests", until = 2099-01-01 }
on_failure = "lost"
next = "done"
run.ssm_automation = { document = "restart", parameters = { Service = "orders" }, target_parameter = "Service" }
[[steps]]
id = "done"
kind = "outcome"
title = "Healed"
description = "d"
outcome = "mitigated"
[[steps]]
id = "lost"
kind = "outcome"
title = "Lost"
description = "d"
outcome = "handed_off"
"#;

const SCENARIO: &str = r#"
format = 1
id = "race"
title = "t"
summary = "s"
playbook = "p"
account = "111122223333"
region = "eu-central-1"
alarm = "orders-errors"
[[alarms]]
name = "orders-errors"
state = "ALARM"
[[automations]]
document = "restart"
parameters = ["Service!"]
steps = [{ name = "restart", action = "aws:executeAwsApi", takes = "1s" }]
"#;

/// How often the two are set off together.
const ROUNDS: u32 = 200;

fn run(round: u32, transition: DateTime<Utc>) -> HealingRun {
    HealingRun {
        rule: "restart-healing".into(),
        layer: Layer::Platform,
        action: Action::Restart,
        resource: format!("orders-{round}"),
        place: "111122223333/eu-central-1".into(),
        mode: Mode::Auto,
        transition,
        ordinal: 1,
        cooldown: 300,
        attempts: 3,
        window: 3600,
        per_hour: 10_000,
        breaker: Default::default(),
    }
}

async fn console(store: &std::path::Path, simulator: &Simulator, since: DateTime<Utc>) -> Handle {
    let pool = Pool::new(AwsSettings {
        profile: None,
        region: Some("eu-central-1".into()),
        rehearsal_endpoint: Some(simulator.endpoint()),
        ..AwsSettings::default()
    });
    let settings = Settings {
        aws: Arc::new(pool),
        speed: 100.0,
        ..engine_support::settings()
    };
    let open = Command::Open {
        title: "t".into(),
        severity: Severity::High,
        alarm: Some(AlarmRef {
            name: "orders-errors".into(),
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            state: AlarmState::Alarm,
            since: Some(since),
            ..AlarmRef::default()
        }),
        rehearsal: None,
    };
    engine::open(open, Recorder::start(store), settings)
        .await
        .unwrap()
}

fn heal(round: u32, since: DateTime<Utc>) -> Command {
    Command::Heal {
        name: "restart-healing.toml".into(),
        text: RULE.into(),
        trusted: true,
        run: run(round, since),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_consoles_that_are_set_off_together_act_once() {
    let compiled = compile(&Source::new("restart-healing.toml", RULE), &[], &VOCABULARY);
    assert_eq!(compiled.problems, []);
    let (scenario, problems) = Scenario::compile(&Source::new("race.toml", SCENARIO));
    let scenario = scenario.unwrap_or_else(|| panic!("{problems:?}"));
    let world = World::new(scenario, Utc::now(), 100.0);
    let simulator = Simulator::listen(world, ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("journal.db");
    let began = Utc::now() - TimeDelta::hours(1);
    let mut refused = 0;
    for round in 0..ROUNDS {
        let since = began + TimeDelta::seconds(i64::from(round));
        let (one, other) = tokio::join!(
            console(&store, &simulator, since),
            console(&store, &simulator, since)
        );
        let asked = tokio::join!(one.ask(heal(round, since)), other.ask(heal(round, since)));
        let (acts, why) = match asked {
            (Ok(()), Err(why)) => (&one, why),
            (Err(why), Ok(())) => (&other, why),
            both => panic!("round {round}: {both:?}"),
        };
        assert!(matches!(why, Unanswered::NotHealed(_)), "{why:?}");
        refused += 1;
        let snapshot = engine_support::ended(acts).await;
        let execution = snapshot.state.execution().unwrap();
        assert_eq!(
            execution.status,
            ExecutionStatus::Completed,
            "round {round}"
        );
        // Whoever comes later finds that it was done.
        let late = if acts.id == one.id { &other } else { &one };
        let again = late.ask(heal(round, since)).await;
        assert!(matches!(again, Err(Unanswered::NotHealed(_))), "{again:?}");
        one.leave().await;
        other.leave().await;
    }
    let started = simulator.world.started();
    assert_eq!(
        started.as_array().unwrap().len(),
        ROUNDS as usize,
        "one execution each time"
    );
    assert_eq!(refused, ROUNDS);
}
