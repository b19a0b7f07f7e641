//! A healing that a rule proposes, from the proposal to the verified end, with two people.

use crate::host::{APPROVER, Host, OTHERS, count, find};

const RULE: &str = r#"
format = 1
id = "restart-healing"
name = "Restart What Errs"
summary = "Restarts the service that errs."
owner = "tests"
impact = 2
severities = ["high"]
incident_types = ["errors"]
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
mode = "propose"

[[steps]]
id = "heal"
kind = "automated"
title = "Restart What Errs"
description = "It errs until it is restarted."
expect = "Errors fall to nothing."
output = "healed"
on_failure = "lost"
next = "done"
TERMS

[[steps]]
id = "done"
kind = "outcome"
title = "Healed"
description = "It errs no more."
outcome = "mitigated"

[[steps]]
id = "lost"
kind = "outcome"
title = "Not healed"
description = "It errs still."
outcome = "handed_off"
"#;

#[test]
fn what_a_rule_proposes_runs_and_is_verified_once_another_person_agrees() {
    let own = "approval = \"self\"\nrun.ssm_automation = { document = \"restart-service-of-shop\", parameters = { Service = \"other\" }, target_parameter = \"Service\" }\n";
    let host = Host::new(own);
    let rule = RULE.replace("TERMS", OTHERS);
    host.world
        .write("playbooks/healing/restart-healing.toml", rule);
    let mut console = host.console(&[]);
    Host::to_the_change(&mut console);
    console.see("restart-healing proposes: Restart What Errs (orders) · h opens it");
    console.press("h");
    console.see("healing: restart-healing · restart orders");
    console.see("ask 1 of daemon to agree: you say why, and type orders");
    console.press("a");
    console.see("why; the others read it");
    console.press("it errs since noon\r");
    console.press("orders\r");
    let request = Host::asked(&mut console);
    assert!(!host.started());
    let yes = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    // It is healed and verified, and the playbook stands where it stood.
    console.see("has cleared");
    console.see("Shall this change be made?");
    let events = host.events();
    assert_eq!(find(&events, "approval_given")["approver"]["uid"], APPROVER);
    assert_eq!(count(&events, "approval_granted"), 1);
    let verified = events
        .iter()
        .any(|one| one["event"]["attempt_started"]["origin"] == "verify");
    assert!(verified, "{events:#?}");
    let started = host.automations();
    assert_eq!(started.len(), 1);
    assert_eq!(started[0]["parameters"]["Service"][0], "orders");
}
