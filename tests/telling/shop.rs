//! A world with an alarm, a playbook by hand, and a simulated AWS.

use std::process::Stdio;

use crate::support::{Said, Server, World, simulate};
use crate::terminal::Terminal;

const PLAYBOOK: &str = r#"
format = 1
id = "orders-errs"
name = "Orders Errs"
summary = "Look around."
owner = "tests"
impact = 2
severities = ["SEVERITY"]
incident_types = ["errors"]
start = "look"
[[answers]]
name = "orders-errors"
MORE
[[steps]]
id = "look"
kind = "manual"
title = "Look Around"
description = "d"
on_failure = "continue"
next = "good"
[[steps]]
id = "good"
kind = "outcome"
title = "Good"
description = "d"
outcome = "resolved"
"#;
const LEVELS: &str = r#"format = 1
countdown = "3s"
[contacts.second]
name = "second responder"
channels = ["pager"]
[[paths.primary.levels]]
contacts = ["second"]
wait = "10m"
[[paths.primary.levels]]
contacts = ["commander"]
wait = "10m"
"#;

pub struct Shop {
    pub world: World,
    server: Server,
}

impl Shop {
    pub fn open(severity: &str, more: &str, configuration: &str) -> Self {
        let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/approvals/scenario.toml");
        Self::with(scenario, severity, more, configuration)
    }

    pub fn with(scenario: &str, severity: &str, more: &str, configuration: &str) -> Self {
        let world = World::new();
        let playbook = PLAYBOOK.replace("SEVERITY", severity).replace("MORE", more);
        world.write("playbooks/orders.toml", playbook);
        world.write("playbooks/escalation.toml", LEVELS);
        world.write("config/standdown/config.toml", configuration);
        let server = simulate(&world, scenario, "10");
        Self { world, server }
    }

    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.server.environment()
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    pub fn run_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> Said {
        let mut command = self.world.standdown(arguments);
        command.envs(self.environment()).envs(more.iter().copied());
        Said::from(command.stdin(Stdio::null()).output().unwrap())
    }

    /// A console in which the incident was just opened.
    pub fn console(&self, extra: &[(&str, &str)]) -> Terminal {
        let environment = self.environment();
        let mut all: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.extend(extra);
        let mut console = Terminal::start(&self.world, &[], 120, 40, &all);
        console.see("orders-errors");
        console.press("\r");
        console.see("▶ Orders Errs   answers this alarm");
        console.press("\r");
        console.see("Look Around");
        console
    }

    /// The one incident's id.
    pub fn incident(&self) -> String {
        let said = self.run(&["incidents", "--json"]);
        let all: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        all[0]["id"].as_str().unwrap().to_owned()
    }
}
