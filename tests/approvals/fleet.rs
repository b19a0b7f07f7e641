//! A change that goes over a fleet in turns.

use crate::host::{Host, count, find};

const FLEET: &str = r#"
approval = "self"
ceiling = { percent = 50 }
waves = { size = 1, pause = "5s" }
run.ssm_automation = { document = "restart-instance-of-shop", target_parameter = "Instance", targets = { tags = { Role = "web" } }, among = { auto_scaling_group = "web" }, alarm = "shop-latency" }
"#;

#[test]
fn a_fleet_is_changed_in_turns_until_an_alarm_stops_it() {
    let host = Host::new(FLEET);
    let mut console = host.console(&[]);
    Host::to_the_change(&mut console);
    let screen =
        console.see("over the playbook's ceiling: 3 of 4 instances of web, and 50 % at most");
    for wanted in [
        "1. i-0000000000000001 · eu-central-1a",
        "3. i-0000000000000003 · eu-central-1a",
        "3 of 4 instances of web, 75 %, 2 of 3 zones",
    ] {
        assert!(screen.contains(wanted), "{wanted}: {screen}");
    }
    console.press("a");
    console.press("c");
    console.see("Let the change touch more than it may");
    console.press("the fleet is idle\r");
    console.see("over the ceiling, because the fleet is idle");
    console.press("a");
    console.see("type how many targets are changed");
    console.press("3\r");
    // The first instance's restart makes the shop slow while the second one is restarted.
    let screen = console.see("The change failed on the way. What now?");
    assert!(
        screen.contains("turn 2 of 3 failed")
            && screen.contains("stopped by the alarm shop-latency"),
        "{screen}"
    );
    let events = host.events();
    assert_eq!(count(&events, "wave_begun"), 1);
    assert_eq!(
        find(&events, "ceiling_raised")["reason"],
        "the fleet is idle"
    );
    let targets: Vec<_> = host
        .automations()
        .iter()
        .map(|one| {
            one["parameters"]["Instance"][0]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        targets,
        ["i-0000000000000001", "i-0000000000000002"],
        "the third is left alone"
    );
    console.press("f");
    console.see("stays as it is, and counts as failed");
    console.press("looked at the graphs\r");
    console.see("The playbook ended: completed · handed_off");
}

#[test]
fn the_alarm_that_stops_it_is_quiet_and_not_the_incidents_own() {
    for (alarm, why) in [
        ("orders-errors", "is the incident's own alarm"),
        ("no-such-alarm", "does not exist here"),
    ] {
        let host = Host::new(&FLEET.replace("shop-latency", alarm));
        let mut console = host.console(&[]);
        console.see("● ALARM  high orders-errors");
        console.press("\r");
        console.see("▶ Orders Errs   answers this alarm");
        console.press("\r");
        console.see("The change cannot be described, and is not made. What now?");
        console.see(why);
        assert!(!host.started());
    }
}

/// A command that nobody declared read-only.
const COMMAND: &str = r#"
approval = "self"
run.ssm_command = { instances = ["i-0000000000000001"], commands = ["systemctl restart {{ 'orders; reboot' }}"], execution_timeout = "30s" }
"#;

#[test]
fn a_command_that_changes_something_is_an_automation() {
    let host = Host::new(COMMAND);
    let mut console = host.console(&[]);
    Host::to_the_change(&mut console);
    console.see("run-command, version 1, as an Automation");
    console.see("systemctl restart 'orders; reboot'");
    console.press("a");
    console.see("type i-0000000000000001, what is changed");
    console.press("i-0000000000000001\r");
    console.see("The playbook ended: completed · resolved");
    let started = &host.automations()[0];
    assert_eq!(started["document"], "run-command");
    assert_eq!(
        started["parameters"],
        serde_json::json!({
            "Commands": ["systemctl restart 'orders; reboot'"],
            "ExecutionTimeout": ["30"],
            "InstanceIds": ["i-0000000000000001"],
        })
    );
}
