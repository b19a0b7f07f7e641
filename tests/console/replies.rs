//! Only a person answers a question: what a terminal replies is never a key.

use serde_json::Value;

use super::{Stage, to_the_escalation};
use crate::support::{World, simulate};
use crate::terminal::{self, Terminal};

/// Replies of terminals to questions that some program asked them.
const REPLIES: [&str; 42] = [
    "\u{1b}]11;rgb:1e1e/1e1e/2e2e\u{1b}\\",
    "\u{1b}]11;rgb:1e1e/1e1e/2e2e\u{7}",
    "\u{1b}]10;rgb:ffff/ffff/ffff\u{1b}\\",
    "\u{1b}]12;rgba:ffff/ffff/ffff/ffff\u{7}",
    "\u{1b}]4;1;rgb:cccc/0000/0000\u{1b}\\",
    "\u{1b}]52;c;cm0gLXJmIC8=\u{7}",
    "\u{1b}]lwindow 1\u{1b}\\",
    "\u{1b}]Licon 2\u{1b}\\",
    "\u{1b}]1337;ReportCellSize=20.0;10.0\u{1b}\\",
    "\u{1b}]21;background=rgb:00/00/00\u{1b}\\",
    "\u{1b}[>0;10;1c",
    "\u{1b}[>1;3000;0c",
    "\u{1b}[?62;4;22c",
    "\u{1b}[?6c",
    "\u{1b}[=0c",
    "\u{1b}[?1;2c",
    "\u{1b}[?2026;2$y",
    "\u{1b}[12;2$y",
    "\u{1b}[?997;1n",
    "\u{1b}[0n",
    "\u{1b}[?13n",
    "\u{1b}[24;80R",
    "\u{1b}[1;1R",
    "\u{1b}[?24;80R",
    "\u{1b}[8;40;120t",
    "\u{1b}[4;600;800t",
    "\u{1b}[1t",
    "\u{1b}[2;1;1;112;112;1;0x",
    "\u{1b}[?1u",
    "\u{1b}[?0;4;S",
    "\u{1b}[I",
    "\u{1b}[O",
    "\u{1b}P>|XTerm(388)\u{1b}\\",
    "\u{1b}P!|00000000\u{1b}\\",
    "\u{1b}P1$r0;1;31m\u{1b}\\",
    "\u{1b}P1+r544e=787465726d\u{1b}\\",
    "\u{1b}_Gi=31;OK\u{1b}\\",
    "\u{1b}^12;3q\u{1b}\\",
    "\u{1b}X1 2 q\u{1b}\\",
    "\u{9d}11;rgb:1e1e/1e1e/2e2e\u{9c}",
    "\u{9b}>0;10;1c",
    "\u{90}1$r1q\u{9c}",
];

/// Sends every reply: whole, in two parts at every byte, and without what introduces it.
fn reply(console: &mut Terminal) {
    for reply in REPLIES {
        console.press(reply);
        for (at, _) in reply.char_indices().skip(1) {
            console.press(&reply[..at]);
            console.press(&reply[at..]);
        }
        let mut letters = reply.chars();
        letters.next();
        // One letter is what a person types.
        if letters.as_str().chars().count() > 2 {
            console.press(letters.as_str());
        }
    }
}

fn events(world: &World) -> usize {
    let record = world.run(&["incidents", "--rehearsals", "--json"]);
    let all: Value = serde_json::from_str(&record.out).unwrap();
    let id = all[0]["id"].as_str().unwrap().to_owned();
    let said = world.run(&["export", &id]);
    // What the console does in the background is no answer.
    let answers = [
        "branch_taken",
        "escalation_",
        "step_confirmed",
        "approval_granted",
        "approval_declined",
        "status_changed",
        "note_added",
        "execution_ended",
        "severity_changed",
    ];
    let is_answer = |line: &&str| {
        answers
            .iter()
            .any(|kind| line.contains(&format!("\"{kind}")))
    };
    said.out.lines().filter(is_answer).count()
}

#[test]
fn replies_take_no_decision_and_type_nothing() {
    let stage = Stage::new();
    let mut console = stage.careful();
    to_the_escalation(&mut console);
    let before = events(&stage.world);
    reply(&mut console);
    console.see("Escalate now, along the path");
    console.until_it_takes("a", "Choose a path");
    reply(&mut console);
    console.see("Choose a path");
    // The escalation was approved, and its levels were asked; nothing else happened.
    console.until_it_takes("n", "Record a note");
    reply(&mut console);
    console.press("hello");
    console.see("hello");
    // To the console, what was typed belongs to the same run of keys as the replies.
    // On a slow machine, the key that opened the form may have been pressed twice.
    let screen = console.until_it_takes("\r", "note: ");
    assert!(!screen.contains("rgb:"), "{screen}");
    console.until_it_takes(":", "find");
    reply(&mut console);
    console.press("\u{1b}");
    let screen = console.see("Choose a path");
    assert!(screen.contains("◀ recommended"), "{screen}");
    let record = stage.world.run(&["incidents", "--rehearsals", "--json"]);
    let all: Value = serde_json::from_str(&record.out).unwrap();
    let said = stage.world.run(&["export", all[0]["id"].as_str().unwrap()]);
    assert!(!said.out.contains("branch_taken"), "{}", said.out);
    assert!(events(&stage.world) > before);
    // The next real key works.
    console.until_it_takes("2", "although");
}

#[test]
fn replies_approve_no_change() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "20");
    let mut console = terminal::console(&world, &server, &[]);
    terminal::to_the_approval(&mut console);
    let before = events(&world);
    reply(&mut console);
    console.see("Shall this change be made?");
    assert_eq!(events(&world), before);
    // A key that comes while the replies are read belongs to their run: it answers nothing.
    console.until_it_takes("a", "type i-0a1b2c3d4e5f60718, what is changed");
    reply(&mut console);
    // On a slow machine, the key that opened the form may have been pressed twice.
    console.press("\u{15}i-0a1b2c3d4e5f60718\r");
    console.until("the change runs", |screen| {
        !screen.contains("Shall this change be made?") && !screen.contains("type i-0a1b")
    });
}

#[test]
fn replies_that_are_there_already_when_the_console_starts_are_no_keys() {
    let stage = Stage::new();
    let mut console = stage.careful();
    reply(&mut console);
    let screen = console.see("▶● ALARM  high orders-cpu-high");
    assert!(!screen.contains("Record a note"), "{screen}");
    console.until_it_takes("\r", "answers this alarm");
}
