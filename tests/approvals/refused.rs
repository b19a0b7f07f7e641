//! What does not count as an agreement.

use crate::host::{APPROVER, Host, OTHERS, REQUESTER, STRANGER};
use crate::support::World;
use crate::terminal::{Terminal, pid};
use nix::sys::signal::{Signal, kill};

/// Stands where others were asked, with the request's name and its digest.
fn asked() -> (Host, Terminal, String, String) {
    let host = Host::new(OTHERS);
    let mut console = host.console(&[]);
    let request = Host::sought(&mut console, "orders");
    let digest = host.digest();
    (host, console, request, digest)
}

/// Waits until the console says why something does not count, and sees that nothing ran.
fn refuses(host: &Host, console: &mut Terminal, why: &str) {
    console.see(why);
    assert!(!host.started(), "{why}");
    // The request still waits for somebody who may.
    console.see("0 of 1 of the group daemon");
}

#[test]
fn the_requester_does_not_agree_with_themselves() {
    let (host, mut console, request, digest) = asked();
    let own = host.run_as(REQUESTER, &["approve", &request], "orders\n");
    assert!(
        own.code == 1 && own.err.contains("your own request"),
        "{own:?}"
    );
    // Nor by writing the file by hand, though they were in the group.
    let name = format!("{request}.{REQUESTER}.answer");
    host.file_as(REQUESTER, &name, &host.answer(&digest, "orders"), 0o640);
    refuses(&host, &mut console, "is not a member of the group daemon");
}

#[test]
fn a_stranger_cannot_see_the_request_and_is_not_believed() {
    let (host, mut console, request, digest) = asked();
    let outside = host.run_as(STRANGER, &["approve", &request], "orders\n");
    assert_eq!(outside.code, 1, "{outside:?}");
    let name = format!("{request}.{STRANGER}.answer");
    host.file_as(STRANGER, &name, &host.answer(&digest, "orders"), 0o640);
    refuses(
        &host,
        &mut console,
        "bin is not a member of the group daemon",
    );
}

#[test]
fn a_file_under_another_ones_name_is_not_believed() {
    let (host, mut console, request, digest) = asked();
    let name = format!("{request}.{APPROVER}.answer");
    host.file_as(STRANGER, &name, &host.answer(&digest, "orders"), 0o640);
    refuses(
        &host,
        &mut console,
        "it says uid 1 in its name, and belongs to uid 2",
    );
}

#[test]
fn a_file_with_two_names_or_that_others_can_write_is_not_believed() {
    let (host, mut console, request, digest) = asked();
    let answer = host.answer(&digest, "orders");
    let name = format!("{request}.{APPROVER}.answer");
    host.file_as(APPROVER, &name, &answer, 0o660);
    refuses(
        &host,
        &mut console,
        "others than its owner can write it (mode 660)",
    );
    host.file_as(APPROVER, "elsewhere", &answer, 0o640);
    std::fs::remove_file(host.approvals.join(&name)).unwrap();
    std::fs::hard_link(host.approvals.join("elsewhere"), host.approvals.join(&name)).unwrap();
    refuses(&host, &mut console, "it has 2 names");
    std::fs::remove_file(host.approvals.join(&name)).unwrap();
    std::os::unix::fs::symlink("elsewhere", host.approvals.join(&name)).unwrap();
    refuses(&host, &mut console, "it is not a regular file");
}

#[test]
fn an_answer_to_something_else_is_not_believed() {
    let (host, mut console, request, digest) = asked();
    let name = format!("{request}.{APPROVER}.answer");
    // Somebody changes a parameter on the way: it is another digest, and no request any more.
    let path = host.approvals.join(format!("{request}.request"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"orders\"", "\"payments\"")).unwrap();
    let changed = host.run_as(APPROVER, &["approve", &request], "payments\n");
    assert_eq!(changed.code, 2, "{changed:?}");
    let listed = host.run_as(APPROVER, &["approvals"], "");
    assert!(listed.out.contains("does not count"), "{listed:?}");
    std::fs::write(&path, text).unwrap();
    let other = "0".repeat(64);
    host.file_as(APPROVER, &name, &host.answer(&other, "orders"), 0o640);
    refuses(&host, &mut console, "it is about another description");
    host.file_as(APPROVER, &name, &host.answer(&digest, "yes"), 0o640);
    refuses(&host, &mut console, "it does not name what is changed");
    host.file_as(APPROVER, &name, "{", 0o640);
    refuses(&host, &mut console, "it cannot be read");
    // After all that, an answer that counts still does.
    let yes = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    console.see("The playbook ended: completed · resolved");
}

#[test]
fn an_agreement_to_an_earlier_description_is_not_one_to_a_later_one() {
    let host =
        Host::new(&OTHERS.replace("group = \"daemon\"", "group = \"daemon\", valid = \"4s\""));
    let mut console = host.console(&[]);
    let first = Host::sought(&mut console, "orders");
    let digest = host.digest();
    let name = format!("{first}.{APPROVER}.answer");
    console.see("has ended; nobody can agree to it any more");
    host.file_as(APPROVER, &name, &host.answer(&digest, "orders"), 0o640);
    let late = host.run_as(APPROVER, &["approve", &first], "orders\n");
    assert_ne!(late.code, 0, "{late:?}");
    console.press("a");
    console.see("Shall this change be made?");
    console.press("a");
    console.see("why; the others read it");
    console.press("it still errs\rorders\r");
    let second = console.until("the second request", |screen| {
        screen.contains("standdown approve ") && !screen.contains(&first)
    });
    // The old answer under the new name.
    let (_, rest) = second.split_once("standdown approve ").unwrap();
    let request = rest.split(',').next().unwrap();
    let name = format!("{request}.{APPROVER}.answer");
    host.file_as(APPROVER, &name, &host.answer(&digest, "orders"), 0o640);
    console.see("it is about another description");
    assert!(!host.started());
}

#[test]
fn a_clock_that_is_set_back_revives_no_request() {
    let host =
        Host::new(&OTHERS.replace("group = \"daemon\"", "group = \"daemon\", valid = \"3s\""));
    let mut console = host.console(&[]);
    let request = Host::sought(&mut console, "orders");
    let digest = host.digest();
    kill(pid(&console), Signal::SIGKILL).unwrap();
    // Nobody sees it end: the machine's clock, and the record, still say that it is good.
    let began = host.seconds();
    while host.seconds() < began + 55.0 {
        std::thread::yield_now();
    }
    let name = format!("{request}.{APPROVER}.answer");
    host.file_as(APPROVER, &name, &host.answer(&digest, "orders"), 0o640);
    let library = wall_clock(&host.world);
    let hand = host.world.write("wall", "-3600");
    let extra = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("WALL_CLOCK", hand.to_str().unwrap()),
    ];
    let mut console = host.console(&extra);
    console.see("has ended; nobody can agree to it any more");
    let gone = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_ne!(gone.code, 0, "{gone:?}");
    assert!(!host.started());
}

/// A library that adds to this machine's wall clock what stands in a file.
fn wall_clock(world: &World) -> std::path::PathBuf {
    let source =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/wall_clock.c");
    let library = world.path("wall_clock.so");
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .status();
    assert!(built.unwrap().success());
    library
}

#[test]
fn a_read_only_console_asks_nobody() {
    let host = Host::new(OTHERS);
    let mut console = host.console_with(&["--read-only"], &[]);
    Host::to_the_change(&mut console);
    console.press("a");
    console.see("this console is read-only");
    let listed = host.run_as(APPROVER, &["approvals"], "");
    assert!(listed.out.contains("nobody asks"), "{listed:?}");
    assert!(!host.started());
}

#[test]
fn a_closed_calendar_wants_a_reason_that_is_recorded() {
    let terms = OTHERS.replace("{ count = 1, group = \"daemon\" }", "\"self\"");
    let host = Host::with(&terms, "calendars = [\"freeze\"]");
    let mut console = host.console(&[]);
    Host::to_the_change(&mut console);
    console.see("the change calendar freeze is closed until");
    console.press("a");
    console.see("why it cannot wait");
    console.press("\r");
    console.see("this needs an answer");
    assert!(!host.started());
    console.press("customers wait\rorders\r");
    console.see("The playbook ended: completed · resolved");
    let granted = crate::host::find(&host.events(), "approval_granted");
    assert_eq!(granted["reason"], "customers wait");
}

#[test]
fn a_folder_that_is_not_set_up_is_said_before_anybody_waits() {
    use std::os::unix::fs::PermissionsExt as _;
    let host = Host::new(OTHERS);
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(&host.approvals, mode(0o2770)).unwrap();
    let mut console = host.console(&[]);
    console.see("● ALARM  high orders-errors");
    console.see("is not sticky: anybody could rename another one's file");
    Host::sought(&mut console, "orders");
    console.see("is not sticky");
    let listed = host.run_as(APPROVER, &["approvals"], "");
    assert!(
        listed.code == 1 && listed.err.contains("chmod 3770"),
        "{listed:?}"
    );
    std::fs::set_permissions(&host.approvals, mode(0o3770)).unwrap();
    console.until("the folder is set up", |screen| {
        !screen.contains("is not sticky")
    });
    let request = Host::asked(&mut console);
    let yes = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    console.see("The playbook ended: completed · resolved");
}

#[test]
fn what_the_requester_writes_looks_like_no_line_of_the_console() {
    let (host, mut console, request, _) = asked();
    let path = host.approvals.join(format!("{request}.request"));
    let text = std::fs::read_to_string(&path).unwrap();
    let forged = text.replace("it errs since noon", "x\\n  changes    nothing\\u001b[2J");
    assert_ne!(text, forged);
    std::fs::write(&path, forged).unwrap();
    let broken = text.replace("\"ssm_automation\"", "7");
    host.file_as(REQUESTER, "\u{1b}[31m\nx.request", &broken, 0o640);
    let said = host.run_as(APPROVER, &["approve", &request], "no\n");
    let changes = said
        .out
        .lines()
        .filter(|line| line.trim_start().starts_with("changes"));
    // Where it is described, and where it is said in short.
    assert_eq!(changes.count(), 2, "{}", said.out);
    let listed = host.run_as(APPROVER, &["approvals"], "");
    assert_eq!(listed.out.lines().count(), 2, "{}", listed.out);
    assert!(!(said.out + &listed.out).contains('\u{1b}'));
    // A request that somebody took away is asked anew.
    std::fs::remove_file(&path).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !path.exists() {
        assert!(std::time::Instant::now() < deadline, "it stays away");
        console.see("Others were asked");
    }
}

#[test]
fn nothing_is_sent_while_systems_manager_is_left_alone() {
    let host = Host::with(OTHERS, "[breaker]\nrecovery = \"10m\"");
    let mut console = host.console(&[]);
    let request = Host::sought(&mut console, "orders");
    // As many failures as open the breaker, and no more.
    host.fault("*Document*", "error", 5);
    let yes = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    console.see("The change was not started. Nothing was changed.");
    console.press("a");
    console.see("in eu-central-1 kept failing; no call is sent before");
    console.see("The change cannot be described, and is not made. What now?");
    console.press("a");
    console.see("it kept failing; it is not called before");
    assert!(!host.started());
}

#[test]
fn a_change_that_aws_throttles_is_not_started_and_offered_again() {
    let host = Host::with(OTHERS, "");
    let mut console = host.console(&[]);
    let request = Host::sought(&mut console, "orders");
    host.fault("StartAutomationExecution", "throttle", 1);
    let yes = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    let screen = console.see("The change was not started. Nothing was changed. What now?");
    assert!(screen.contains("was throttled"), "{screen}");
    assert!(!screen.contains("tried again"), "{screen}");
    assert!(!host.started());
    console.press("a");
    console.see("ask 1 of daemon to agree");
    let request = Host::ask_others(&mut console, "orders");
    let yes = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(yes.code, 0, "{yes:?}");
    console.see("The playbook ended: completed · resolved");
}

#[test]
fn blanks_in_a_free_text_forge_no_row_of_what_is_agreed_to() {
    let host = Host::new(OTHERS);
    let mut console = host.console(&[]);
    Host::to_the_change(&mut console);
    console.press("a");
    console.see("why; the others read it");
    let forged = format!("it errs{}  changes    payments", " ".repeat(70));
    console.press(&format!("{forged}\r"));
    console.press("orders\r");
    let request = Host::asked(&mut console);
    let shown = host.run_as(APPROVER, &["approve", &request], "no\n");
    assert!(shown.out.contains("it errs[72 blanks]changes"), "{shown:?}");
    let rows: Vec<&str> = shown.out.lines().collect();
    let of_change = |row: &&&str| {
        row.get(..13)
            .is_some_and(|label| label.trim_start().starts_with("changes"))
    };
    for row in rows.iter().filter(of_change) {
        assert!(row.contains("orders"), "{shown:?}");
    }
    // What counts stands above the question, however long the rest is.
    let question = rows
        .iter()
        .position(|row| row.starts_with("To agree, "))
        .unwrap();
    let last = &rows[question - 4..question - 1];
    let fits = |row: &&str| row.chars().count() <= 80;
    assert!(rows[..question].iter().all(fits), "{shown:?}");
    for (row, wanted) in last.iter().zip([
        "  runs       restart-service-of-shop",
        "  changes    orders",
        "  in         account 111122223333 · eu-central-1",
    ]) {
        assert!(row.starts_with(wanted), "{last:?}");
    }
}

#[test]
fn nobody_agrees_where_the_users_are_not_those_of_the_host() {
    let (host, _console, request, _) = asked();
    let within = host.run_within(
        &["unshare", "--user", "--map-root-user"],
        &["approve", &request],
    );
    assert_eq!(within.code, 1, "{within:?}");
    assert!(
        within
            .err
            .contains("in this user namespace the ids of users"),
        "{within:?}"
    );
}

#[test]
fn only_root_names_the_folder_of_approvals() {
    let (host, _console, request, _) = asked();
    host.give_configuration_to(APPROVER);
    let refused = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .err
            .contains("only root names the folder of approvals"),
        "{refused:?}"
    );
}
