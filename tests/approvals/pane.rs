//! The second person's own console.

use crate::host::{APPROVER, Host, OTHERS, count, find};
use crate::terminal::Terminal;

/// Stands in the approver's pane, before what the requester asks for.
fn asked() -> (Host, Terminal, Terminal) {
    let host = Host::new(OTHERS);
    let mut console = host.console(&[]);
    Host::sought(&mut console, "orders");
    let mut other = host.console_as(APPROVER);
    other.see("? somebody asks for your approval · V shows it");
    other.press("V");
    other.see("games asks for your approval.");
    (host, console, other)
}

#[test]
fn another_person_agrees_in_their_own_console() {
    let (host, mut console, mut other) = asked();
    for wanted in [
        "restart-service-of-shop, version 1, as an Automation",
        "it errs since noon",
        "after.maximum < 10",
        "restore-service-of-shop",
    ] {
        other.see(wanted);
    }
    other.press("a");
    other.see("type orders, what is changed");
    other.press("yes\r");
    other.see("that is not \"orders\"; you have agreed to nothing");
    assert!(!host.started());
    other.press("\u{15}orders\r");
    console.see("The playbook ended: completed · resolved");
    other.see("Nobody waits for your approval.");
    let events = host.events();
    assert_eq!(find(&events, "approval_given")["approver"]["uid"], APPROVER);
    assert_eq!(count(&events, "approval_granted"), 1);
}

#[test]
fn another_person_denies_in_their_own_console() {
    let (host, mut console, mut other) = asked();
    other.press("f");
    other.see("why; they read it");
    other.press("backups run\r");
    console.see("declined by daemon: backups run");
    other.see("Nobody waits for your approval.");
    assert!(!host.started());
}

#[test]
fn the_requester_sees_their_own_and_cannot_answer_it() {
    let (host, mut console, _other) = asked();
    console.press("b");
    console.see("orders-errors");
    console.press("V");
    console.see("It is your own: somebody else has to answer it.");
    console.press("a");
    console.see("one's own request is for somebody else");
    assert!(!host.started());
    console.press("\u{1b}");
    console.see("● ALARM  high orders-errors");
}
