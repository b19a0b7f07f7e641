//! Rules at work: without a screen, at the command line, and before a responder.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Said, Server, World, environment_of, simulate};
use crate::terminal::Terminal;

const RULE: &str = r#"
format = 1
id = "restart-healing"
name = "Restart What Errs"
summary = "s"
owner = "tests"
impact = 2
severities = ["high"]
incident_types = ["x"]
start = "heal"
[[answers]]
name = "orders-errors"
[healing]
layer = "application"
trigger = "errors"
when = "alarm.state == 'ALARM'"
action = "restart"
parameters = "none"
resource = "orders"
cooldown = "300s"
attempts = 3
mode = "MODE"
[[steps]]
id = "heal"
kind = "automated"
title = "Restart What Errs"
description = "d"
expect = "e"
approval = "self"
AGREED
on_failure = "lost"
next = "done"
run.ssm_automation = { document = "restart-service-of-shop", parameters = { Service = "orders" }, target_parameter = "Service" }
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
pub const AGREED: &str = "preapproved = { by = \"platform\", until = 2099-01-01, when = \"alarm.name == 'orders-errors'\" }";

pub struct Place {
    pub world: World,
    server: Server,
}

impl Place {
    pub fn new(mode: &str, agreed: &str) -> Self {
        let world = World::new();
        let rule = RULE.replace("MODE", mode).replace("AGREED", agreed);
        world.write("playbooks/healing/restart-healing.toml", rule);
        let manual = "[[steps]]\nid = \"look\"\nkind = \"manual\"\ntitle = \"Look Around\"\ndescription = \"d\"\non_failure = \"lost\"\nnext = \"good\"\n";
        let playbook = include_str!("../approvals/playbook.toml")
            .replace("start = \"restart\"", "start = \"look\"");
        let (head, rest) = playbook.split_once("[[steps]]").unwrap();
        let (_, rest) = rest.split_once("[[steps]]").unwrap();
        world.write(
            "playbooks/orders.toml",
            format!("{head}{manual}[[steps]]{rest}"),
        );
        let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/approvals/scenario.toml");
        let server = simulate(&world, scenario, "10");
        Self { world, server }
    }

    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.server.environment()
    }

    /// The console in a terminal of 120×40.
    pub fn console(&self) -> Terminal {
        let environment = self.environment();
        let extra: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Terminal::start(&self.world, &[], 120, 40, &extra)
    }

    pub fn run(&self, arguments: &[&str], typed: &str) -> Said {
        let mut command: Command = self.world.standdown(arguments);
        let mut child = command
            .envs(self.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let written = child.stdin.take().unwrap().write_all(typed.as_bytes());
        drop(written);
        Said::from(child.wait_with_output().unwrap())
    }

    pub fn history(&self) -> Vec<Value> {
        let said = self.run(&["healing", "history", "--json"], "");
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"))
    }
}

#[test]
fn what_may_act_by_itself_does_so_once() {
    let place = Place::new("auto", AGREED);
    let said = place.run(&["healing", "watch", "--once"], "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out
            .contains("restart-healing of orders begins, because of orders-errors")
            && said
                .out
                .contains("restart-healing of orders was applied, not verified"),
        "{said:?}"
    );
    let done = place.history();
    assert_eq!(done.len(), 1, "{done:#?}");
    assert_eq!(
        (&done[0]["status"], &done[0]["layer"], &done[0]["attempt"]),
        (&"applied".into(), &"application".into(), &1.into())
    );
    // It is well again: there is nothing to heal.
    let again = place.run(&["healing", "watch", "--once"], "");
    assert_eq!((again.code, again.out.as_str()), (0, ""), "{again:?}");
    let stats = place.run(&["healing", "stats", "--json"], "");
    let stats: Value = serde_json::from_str(&stats.out).unwrap();
    assert_eq!(stats["all"]["total"], 1);
    assert_eq!(stats["all"]["success_rate"], Value::Null);
    assert_eq!(stats["layers"]["application"]["applied"], 1);
    assert_eq!(stats["all"]["rules_registered"], 16);
    // The incident says who did it, and that nobody did.
    let incident = done[0]["incident"].as_str().unwrap();
    let events = place.run(&["export", incident], "").out;
    assert!(
        events.contains("agreed to beforehand by platform"),
        "{events}"
    );
}

#[test]
fn what_was_stopped_or_not_agreed_to_does_not_act() {
    let place = Place::new("auto", AGREED);
    assert_eq!(place.run(&["healing", "stop-all"], "").code, 0);
    let stopped = place.run(&["healing", "watch", "--once"], "");
    assert!(
        stopped
            .out
            .contains("does not act: all healing was stopped by"),
        "{stopped:?}"
    );
    assert_eq!(place.history()[0]["status"], "skipped");
    assert_eq!(place.run(&["healing", "stop-all", "--off"], "").code, 0);
    for wrong in ["restart", "*"] {
        let unknown = place.run(&["healing", "disable", wrong], "");
        assert_eq!(unknown.code, 2, "{unknown:?}");
    }
    let not_agreed = Place::new("auto", "");
    let said = not_agreed.run(&["healing", "watch", "--once"], "");
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
    assert_eq!(not_agreed.history().len(), 0);
}

#[test]
fn what_would_wait_for_a_person_is_declined_where_nobody_is() {
    for (odd, why) in [
        (
            ("restart-service-of-shop\"", "no-such-document\""),
            "no-such-document",
        ),
        (
            (
                "approval = \"self\"",
                "approval = \"self\"\nceiling = { percent = 1 }\n",
            ),
            "ceiling",
        ),
    ] {
        let place = Place::new("auto", AGREED);
        let rule = place.world.path("playbooks/healing/restart-healing.toml");
        let text = std::fs::read_to_string(&rule).unwrap();
        std::fs::write(&rule, text.replace(odd.0, odd.1)).unwrap();
        let said = place.run(&["healing", "watch", "--once"], "");
        assert_eq!(said.code, 0, "{said:?}");
        let done = place.history();
        assert_eq!(done[0]["status"], "skipped", "{done:#?}");
        let error = done[0]["error"].as_str().unwrap();
        assert!(
            error.contains("not approved: nobody is here to answer"),
            "{error}"
        );
        let events = place.run(&["export", done[0]["incident"].as_str().unwrap()], "");
        assert!(
            events.out.contains("nobody is here to answer") && events.out.contains(why),
            "{why}: {}",
            events.out
        );
    }
}

#[test]
fn somebody_lets_a_rule_act_upon_one_thing() {
    let place = Place::new("propose", "");
    let other = place.run(&["healing", "run", "restart-healing", "payments"], "");
    assert!(
        other.code == 1 && other.err.contains("no alarm that fires calls for"),
        "{other:?}"
    );
    let no = place.run(&["healing", "run", "restart-healing", "orders"], "yes\n");
    assert!(
        no.code == 1 && no.out.contains("nothing was done"),
        "{no:?}"
    );
    let error = place.history()[0]["error"].clone();
    assert!(
        error.as_str().unwrap().starts_with("not approved"),
        "{error}"
    );
    let yes = place.run(&["healing", "run", "restart-healing", "orders"], "orders\n");
    assert!(
        yes.code == 0 && yes.out.contains("applied, not verified"),
        "{yes:?}"
    );
    assert!(
        yes.out.contains("restart-service-of-shop, version 1"),
        "{yes:?}"
    );
    assert_eq!(place.history()[0]["status"], "applied");
}

#[test]
fn a_rule_is_put_before_the_responder_and_the_playbook_goes_on_after_it() {
    let place = Place::new("propose", "");
    let mut console = place.console();
    console.see("orders-errs");
    console.press("\r");
    console.see("▶ Orders Errs   answers this alarm");
    console.press("\r");
    console.see("Is it done?");
    console.see("restart-healing proposes: Restart What Errs (orders) · h opens it");
    console.press("h");
    console.see("Shall this change be made?");
    console.see("healing: restart-healing · restart orders");
    console.press("a");
    console.see("type orders, what is changed");
    console.press("orders\r");
    console.see("Look Around");
    console.see("Is it done?");
    assert_eq!(place.history()[0]["status"], "applied");
    console.press("q");
    console.end();
}

#[test]
fn the_pane_shows_what_rules_did_and_switches_them() {
    let place = Place::new("propose", "");
    let healed = place.run(&["healing", "run", "restart-healing", "orders"], "orders\n");
    assert_eq!(healed.code, 0, "{healed:?}");
    let mut console = place.console();
    console.see("unfinished incidents");
    console.press("\u{1b}");
    console.until("it is left", |screen| {
        !screen.contains("unfinished incidents")
    });
    console.press("F");
    console.see("1 acted: 0 healed, 1 applied but not verified, 0 failed");
    console.see("restart-healing");
    let rules = ["healing", "stats", "--json"];
    let enabled = || -> u64 {
        let said = place.run(&rules, "");
        let stats: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(stats["rungs"]["3"]["applied"], 1, "{stats}");
        stats["all"]["rules_enabled"].as_u64().unwrap()
    };
    let all = enabled();
    console.press("S");
    console.see("type all");
    console.press("all\r");
    console.see("all healing was stopped by");
    assert_eq!(enabled(), 0);
    console.press("S");
    console.press("all\r");
    console.until("rules act again", |screen| {
        !screen.contains("all healing was stopped")
    });
    assert_eq!(enabled(), all);
    console.press("e");
    console.press("no\r");
    console.see("nothing was switched");
    console.press("\u{1b}");
    assert_eq!(enabled(), all);
    console.press("q");
    console.end();
}

#[test]
fn escape_leaves_what_a_rule_proposes_and_nothing_is_changed() {
    let place = Place::new("propose", "");
    let mut console = place.console();
    console.see("orders-errs");
    console.press("\r");
    console.see("▶ Orders Errs   answers this alarm");
    console.press("\r");
    console.see("restart-healing proposes: Restart What Errs (orders) · h opens it");
    console.press("h");
    console.see("Shall this change be made?");
    console.press("\u{1b}");
    console.see("Is it done?");
    console.until("nothing is proposed", |screen| {
        !screen.contains("h opens it")
    });
    let history = place.history();
    assert_eq!(history[0]["status"], "skipped", "{history:?}");
    console.press("q");
    console.end();
}

#[test]
fn what_a_rule_proposes_ends_when_its_alarm_clears() {
    let place = Place::new("propose", "");
    let mut console = place.console();
    console.see("orders-errs");
    console.press("\r");
    console.see("▶ Orders Errs   answers this alarm");
    console.press("\r");
    console.see("restart-healing proposes: Restart What Errs (orders) · h opens it");
    // Somebody else restarts it.
    let restarted = Command::new(environment_of("cli").join("bin/aws"))
        .args(["--region", "eu-central-1"])
        .args(["ssm", "start-automation-execution"])
        .args(["--document-name", "restart-service-of-shop"])
        .args(["--parameters", "Service=orders"])
        .envs(place.environment())
        .output()
        .unwrap();
    assert!(restarted.status.success(), "{restarted:?}");
    console.until("nothing is proposed", |screen| {
        !screen.contains("h opens it")
    });
    console.press("L");
    console.see("is no longer proposed: the alarm orders-errors has cleared");
    console.press("q");
    console.end();
}
