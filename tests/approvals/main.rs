//! Who may agree to a change: several users of one host, consoles in ptys, and a folder between
//! them. It switches users, so it runs as root.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/terminal.rs"]
mod terminal;

mod callers;
mod fleet;
mod host;
mod pane;
mod proposed;
mod refused;

use host::{APPROVER, Host, OTHERS};

#[test]
fn a_second_person_agrees_and_it_runs_and_is_verified() {
    let host = Host::new(OTHERS);
    let mut console = host.console(&[]);
    let request = Host::sought(&mut console, "orders");
    let listed = host.run_as(APPROVER, &["approvals"], "");
    assert!(
        listed.out.contains(&request) && listed.out.contains("it errs since noon"),
        "{listed:?}"
    );
    // What the second person reads is what the first one did.
    let no = host.run_as(APPROVER, &["approve", &request], "yes\n");
    assert_eq!(no.code, 1, "{no:?}");
    for wanted in [
        "restart-service-of-shop, version 1",
        "changes    orders",
        "account 111122223333 · eu-central-1",
        "after.maximum < 10",
        "restore-service-of-shop",
        "1 of the group daemon",
    ] {
        assert!(no.out.contains(wanted), "{wanted}: {}", no.out);
    }
    assert!(!host.started(), "nothing runs before somebody agrees");
    let yes = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    console.see("The playbook ended: completed · resolved");
    let events = host.events();
    let given = host::find(&events, "approval_given");
    assert_eq!(given["approver"]["uid"], APPROVER);
    assert_eq!(host::count(&events, "approval_granted"), 1);
    let gone = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(gone.code, 2, "an approval is used once: {gone:?}");
}

#[test]
fn what_did_not_have_its_effect_is_taken_back() {
    let host = Host::new(
        &OTHERS
            .replace("{ count = 1, group = \"daemon\" }", "\"self\"")
            .replace("\"orders\"", "\"other\""),
    );
    let mut console = host.console(&[]);
    Host::to_the_change(&mut console);
    console.press("a");
    console.see("type other, what is changed");
    console.press("other\r");
    let screen = console.see("The change was applied, and its verification failed. What now?");
    assert!(screen.contains("60.00  →  95.00"), "{screen}");
    console.press("u");
    console.see("Shall the change be taken back?");
    console.press("a");
    console.see("type other, what is changed");
    console.press("other\r");
    console.see("The playbook ended: completed · handed_off");
    let started = host.automations();
    let documents: Vec<&str> = started
        .iter()
        .map(|one| one["document"].as_str().unwrap())
        .collect();
    assert_eq!(
        documents,
        ["restart-service-of-shop", "restore-service-of-shop"]
    );
    assert_eq!(started[1]["parameters"]["Was"], serde_json::json!(["60"]));
}

#[test]
fn another_ones_no_is_told_with_its_reason() {
    let host = Host::new(OTHERS);
    let mut console = host.console(&[]);
    let request = Host::sought(&mut console, "orders");
    let empty = host.run_as(APPROVER, &["deny", &request, "--why", " "], "");
    assert_eq!(empty.code, 2, "{empty:?}");
    let denied = host.run_as(APPROVER, &["deny", &request, "--why", "backups run"], "");
    assert_eq!(denied.code, 0, "{denied:?}");
    console.see("declined by daemon: backups run");
    console.see("The playbook ended: completed · handed_off");
    assert!(!host.started());
}

/// A document that asks for an approval of its own.
const GATED: &str = r#"
approval = "document"
run.ssm_automation = { document = "ask-first", parameters = { Service = "orders" }, target_parameter = "Service" }
"#;

#[test]
fn a_document_that_asks_for_itself_is_answered_here() {
    for (key, end, answered) in [
        ("a", "completed · resolved", true),
        ("f", "completed · handed_off", false),
    ] {
        let host = Host::new(GATED);
        let mut console = host.console(&[]);
        Host::to_the_change(&mut console);
        console.see("its step gate waits for an approval of its own, in AWS");
        console.press("a");
        console.see("type orders, what is changed");
        console.press("orders\r");
        console.see("The document's step gate waits for an approval in AWS. Yours?");
        console.press(key);
        console.see("why; AWS keeps it");
        console.press("seen on the graphs\r");
        if answered {
            console.press("yes\r");
            console.see("that is not \"orders\"; nothing was done");
            console.press("\x15orders\r");
        }
        console.see(end);
        let said = host::find(&host.events(), "gate_answered");
        assert_eq!(said["approved"], answered);
        assert_eq!(said["reason"], "seen on the graphs");
    }
}

#[test]
fn a_playbook_that_leaves_it_to_a_document_that_asks_nobody_is_not_believed() {
    let host = Host::new(&GATED.replace("ask-first", "restart-service-of-shop"));
    let mut console = host.console(&[]);
    console.see("● ALARM  high orders-errors");
    console.press("\r");
    console.see("▶ Orders Errs   answers this alarm");
    console.press("\r");
    console.see("which has no step aws:approve");
    assert!(!host.started());
}
