//! Escalations at a running console, and at the command line.

use serde_json::Value;

use crate::receiver::Receiver;
use crate::shop::Shop;
use crate::support::World;
use crate::terminal::Terminal;

/// A channel that is told what its contact is asked, and how that goes on.
fn pager(receiver: &Receiver) -> String {
    format!(
        "[[channels]]\nname = \"pager\"\nkind = \"webhook\"\nurl = \"{}/in\"\non = [\"update\"]\n",
        receiver.url
    )
}

#[test]
fn one_key_escalates_the_contact_is_told_and_answers_at_the_command_line() {
    let receiver = Receiver::answering(&[]);
    let shop = Shop::open("high", "", &pager(&receiver));
    let mut console = shop.console(&[]);
    console.press("n");
    console.see("Record a note");
    console.press("the queue grows\r");
    console.see("note: the queue grows");
    // From the board as well as from the incident.
    console.press("b");
    console.see("shop-latency");
    console.press("E");
    console.see("Escalate now");
    console.press("\r");
    console.press("i");
    console.see("escalated: level 1 paged (second responder) through pager · next level in 9:");
    let id = shop.incident();
    let alone = shop.run(&["ack", &id]);
    assert!(
        alone.code == 1 && alone.err.contains("write down who answered"),
        "{alone:?}"
    );
    let said = shop.run(&["ack", &id, "grace", "called", "back"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("nobody else is asked"), "{said:?}");
    console.see("the escalation is acknowledged: grace called back");
    console.until("nobody is asked any more", |screen| {
        !screen.contains("next level in")
    });
    console.press("q");
    console.end();
    let told = receiver.got();
    // Who has it is told where somebody was called: nobody else need come.
    let topics: Vec<Value> = told.iter().map(|one| one.json()["topic"].clone()).collect();
    assert_eq!(topics, ["escalated", "acknowledged"]);
    assert_eq!(told[1].json()["facts"]["note"], "grace called back");
    let message = told[0].json();
    assert_eq!(message["facts"]["contacts"][0], "second responder");
    let text = message["text"].as_str().unwrap();
    for wanted in [
        &format!(" ack {id}, before ") as &str,
        "alarm: orders-errors is ALARM",
        "next: by hand: Look Around",
        "last note, ",
        "the queue grows",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let again = shop.run(&["ack", &id]);
    assert!(
        again.code == 1 && again.err.contains("nothing waits to be acknowledged"),
        "{again:?}"
    );
}

#[test]
fn a_watcher_goes_on_asking_when_the_console_is_gone() {
    let receiver = Receiver::answering(&[]);
    let shop = Shop::open("high", "", &pager(&receiver));
    let mut console = shop.console(&[]);
    console.press("E");
    console.see("Escalate now");
    console.press("\r");
    console.see("escalated: level 1 paged (second responder)");
    let process = crate::terminal::pid(&console);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).unwrap();
    console.end();
    let library = crate::support::wall_clock(&shop.world);
    let hand = shop.world.write("wall", "660");
    let extra = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("WALL_CLOCK", hand.to_str().unwrap()),
    ];
    let said = shop.run_with(&["watch", "--once"], &extra);
    assert!(
        said.err
            .contains("nobody has it open; its escalation goes on here"),
        "{said:?}"
    );
    let events = shop.run(&["export", &shop.incident()]).out;
    let asked: Vec<u64> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|line| line["event"]["escalation_level_asked"]["level"].as_u64())
        .collect();
    assert_eq!(asked, [1, 2]);
}

#[test]
fn a_critical_question_that_nobody_answers_escalates_by_itself() {
    let receiver = Receiver::answering(&[]);
    let trigger =
        "[escalation]\npath = \"primary\"\ntriggers = [\"execution.elapsed > duration('1s')\"]\n";
    let shop = Shop::open("critical", trigger, &pager(&receiver));
    let mut console = shop.console(&[]);
    console.see("critical: escalates by itself in 0:0");
    console.see("escalated: level 1 paged (second responder)");
    console.press("W");
    console.see("Somebody has the escalation");
    console.press("grace is on her way\r");
    console.see("the escalation is acknowledged: grace is on her way");
    console.press("q");
    console.end();
    let events = shop.run(&["export", &shop.incident()]).out;
    assert!(events.contains("\"unanswered\":true"), "{events}");
    assert_eq!(receiver.got()[0].json()["topic"], "escalated");
}

#[test]
fn the_same_at_high_waits_for_an_answer_and_tells_nobody() {
    let receiver = Receiver::answering(&[]);
    let trigger =
        "[escalation]\npath = \"primary\"\ntriggers = [\"execution.elapsed > duration('1s')\"]\n";
    let shop = Shop::open("high", trigger, &pager(&receiver));
    let mut console = shop.console(&[]);
    console.see("Escalate now, along the path \"primary\"?");
    console.see("pages second responder (acknowledge timeout 10 min), then commander");
    console.see("asked 5s ago");
    console.press("p");
    console.see("for how many minutes");
    console.press("5\r");
    console.see("why");
    console.press("the fix is running\r");
    console.see("escalation put off until");
    console.press("q");
    console.end();
    assert_eq!(receiver.got().len(), 0);
}

#[test]
fn a_rehearsal_in_which_nobody_answers_goes_from_level_to_level_at_its_pace() {
    let world = World::new();
    let levels = "format = 1\n[[paths.primary.levels]]\ncontacts = [\"one\"]\nwait = \"10m\"\n[[paths.primary.levels]]\ncontacts = [\"two\"]\nwait = \"15m\"\n[[paths.primary.levels]]\ncontacts = [\"three\"]\nwait = \"20m\"\n";
    world.write("playbooks/escalation.toml", levels);
    let arguments = ["rehearse", "stuck-instance", "--speed", "300"];
    let mut console = Terminal::start(&world, &arguments, 120, 40, &[]);
    console.see("orders-a-status-check");
    console.see("instance-unreachable");
    console.press("\r");
    console.see("▶ Instance Does Not Pass Its Status Check   answers this alarm");
    console.press("\r");
    console.see("recommended");
    console.press("E");
    console.see("Escalate now");
    console.press("\r");
    console.see("rehearsal: level 1 would be paged: one");
    console.see("rehearsal: level 2 would be paged: two");
    console.see("rehearsal: level 3 would be paged: three");
    console.see("the last level of the path was reached, and nobody has acknowledged");
    console.press("q");
    console.end();
    let said = world.run(&["export", "20"]);
    let asked: Vec<chrono::DateTime<chrono::Utc>> = said
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| {
            let event = &line["event"];
            event["escalation_level_asked"].is_object() || event["escalation_exhausted"].is_object()
        })
        .map(|line| line["at"].as_str().unwrap().parse().unwrap())
        .collect();
    // Ten, fifteen and twenty minutes, three hundred times as quick: two, three and four seconds.
    let waits: Vec<i64> = asked
        .windows(2)
        .map(|two| (two[1] - two[0]).num_milliseconds())
        .collect();
    assert_eq!(waits.len(), 3, "{waits:?}");
    for (waited, wanted) in waits.iter().zip([2000, 3000, 4000]) {
        assert!(*waited >= wanted, "{waits:?}");
    }
}

#[test]
fn an_update_is_promised_and_the_console_says_when_it_is_due() {
    let receiver = Receiver::answering(&[]);
    let configuration = format!(
        "[[channels]]\nname = \"all\"\nkind = \"webhook\"\nurl = \"{}/in\"\naudience = \"stakeholders\"\n",
        receiver.url
    );
    let shop = Shop::open("high", "", &configuration);
    let mut console = shop.console(&[]);
    let id = shop.incident();
    let said = shop.run(&[
        "update",
        &id,
        "--next",
        "1s",
        "orders",
        "fail; we look into it",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    console.see("update given: orders fail; we look into it");
    console.see("an update was promised for ");
    console.press("U");
    console.see("how it stands");
    console.press("half of it works again\r");
    console.see("in how many minutes they hear more");
    console.press("30m\r");
    console.see("update given: half of it works again (next at ");
    console.until("nothing is due", |screen| {
        !screen.contains("an update was promised for")
    });
    // The all-clear.
    console.press("M");
    console.see("the effect is gone");
    console.press("\r");
    console.see("the incident is mitigated");
    console.press("q");
    console.end();
    let said: Vec<(String, String)> = receiver
        .got()
        .iter()
        .map(crate::receiver::Got::json)
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            (text("title"), text("text"))
        })
        .collect();
    let titles: Vec<&str> = said.iter().map(|(title, _)| title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "Orders Errs: we are investigating",
            "Orders Errs: update",
            "Orders Errs: update",
            "Orders Errs: mitigated; we are looking for the root cause",
        ]
    );
    for wanted in ["update: half of it works again", "next update at: "] {
        assert!(said[2].1.contains(wanted), "{wanted}: {said:#?}");
    }
    // Nobody has graded the incident: nothing is known of its impact.
    assert!(
        said.iter().all(|(_, text)| !text.contains("impact:")),
        "{said:#?}"
    );
}

#[test]
fn the_card_is_on_the_clipboard_and_for_the_channels() {
    let receiver = Receiver::answering(&[]);
    let configuration = format!(
        "[[channels]]\nname = \"all\"\nkind = \"webhook\"\nurl = \"{}/in\"\non = [\"hand_over\"]\n",
        receiver.url
    );
    let shop = Shop::open("high", "", &configuration);
    let mut console = shop.console(&[]);
    console.press("Y");
    console.see("hand-over card: on your clipboard; Enter tells the channels");
    console.see("next: by hand: Look Around");
    console.press("\r");
    console.see("the picture was handed over");
    console.press("q");
    let (_, raw) = console.end();
    assert!(raw.contains("\u{1b}]52;c;"), "the clipboard is set");
    let told = receiver.got();
    assert_eq!(told.len(), 1);
    let text = told[0].json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("next: by hand: Look Around"), "{text}");
    assert!(text.lines().count() <= 21, "{text}");
    let printed = shop.run(&["handover", &shop.incident()]);
    assert!(
        printed.code == 0 && printed.out.lines().count() <= 20,
        "{printed:?}"
    );
}
