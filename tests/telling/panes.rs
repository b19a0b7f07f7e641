//! The timeline, the statistics and what ended earlier incidents, on the screen.

use crate::shop::Shop;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/telling/script.toml");

#[test]
fn they_are_a_key_away_and_the_next_incident_says_what_helped() {
    let shop = Shop::with(SCRIPT, "high", "", "");
    let mut console = shop.console(&[]);
    console.press("L");
    console.see("── timeline · read ");
    console.see("◆ deployment 4 min before the alarm");
    console.see("CloudTrail delivers within 15 minutes");
    console.press("/");
    console.see("show lines that contain");
    console.press("putparam");
    console.until("the one line", |screen| {
        screen.contains("ssm PutParameter /shop/limits") && !screen.contains("incident opened")
    });
    console.press("\r");
    console.see("what contains \"putparam\"");
    console.press("\u{1b}");
    console.see("incident opened: Orders Errs");
    console.press("\u{1b}");
    console.see("Is it done?");
    console.press("n");
    console.see("Record a note");
    console.press("the pool was halved\r");
    console.see("note: the pool was halved");
    console.press("R");
    console.see("Enter confirms");
    console.press("looked into it\r");
    console.see("the incident is resolved");
    console.press("d");
    console.see("note");
    console.press("\r");
    console.see("The playbook ended");
    console.press("C");
    console.see("nothing more is to be done");
    console.press("\r");
    console.see("The incident is closed.");
    let first = shop.incident();
    console.press("b");
    console.see("orders-errors");
    console.press("D");
    console.see("── statistics · read ");
    console.see("incidents: 1, 0 unfinished");
    console.see("executions: 1, 0 active, 1 completed");
    console.press("\u{1b}");
    console.until("the board", |screen| !screen.contains("── statistics"));
    console.press("\r");
    console.see("▶ Orders Errs   answers this alarm");
    console.press("\r");
    console.see("── earlier incidents of this alarm");
    let screen = console.see(&first);
    assert!(
        screen.contains("closed, resolved, nothing was changed · looked"),
        "{screen}"
    );
    console.press("q");
    console.end();
}
