//! The journal: what was altered is found, what is damaged is set aside, what is older is read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use serde_json::Value;
use standdown::incident::{Actor, AttemptId, AttemptResult, Event, IncidentId, Recorded};
use standdown::journal::{AppendError, Broken, Fault, Hash, Holder, Journal, JournalError};
use standdown::playbook::Severity;
use support::World;

fn actor() -> Actor {
    Actor {
        user: "u".into(),
        uid: 1,
        host: "h".into(),
        arn: None,
    }
}

fn recorded(sequence: u64, event: Event) -> Recorded {
    Recorded {
        sequence,
        at: DateTime::from_timestamp(
            1_700_000_000 + i64::try_from(sequence).unwrap(),
            123_456_789,
        )
        .unwrap(),
        by: Arc::new(actor()),
        event,
    }
}

fn id() -> IncidentId {
    IncidentId("20261121-abcdef".into())
}

fn note(text: &str) -> Event {
    Event::NoteAdded {
        text: text.into(),
        step: None,
    }
}

/// An opened incident with notes, a large output among them.
fn events(count: u64) -> Vec<Recorded> {
    let opened = Event::IncidentOpened {
        incident: id(),
        title: "t".into(),
        severity: Severity::High,
        rehearsal: None,
    };
    let large = Event::LateResult {
        attempt: AttemptId(uuid::Uuid::from_u128(1)),
        result: AttemptResult::succeeded(Value::String("x".repeat(100_000))),
    };
    let rest = (3..=count).map(|n| recorded(n, note(&format!("note {n}"))));
    [recorded(1, opened), recorded(2, large)]
        .into_iter()
        .chain(rest)
        .collect()
}

/// A world with a journal of so many events.
fn world(count: u64) -> (World, PathBuf, Hash) {
    let world = World::new();
    let path = world.path("state/standdown/journal.db");
    let (mut journal, _) = Journal::open(&path).unwrap();
    let head = journal.append(&id(), 0, &events(count), None).unwrap();
    (world, path, head)
}

fn alter(path: &PathBuf, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn what_was_appended_is_loaded_the_same_and_another_version_is_refused_whole() {
    let (_world, path, head) = world(4);
    let (mut journal, _) = Journal::open(&path).unwrap();
    let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
    assert_eq!(
        (loaded.events, loaded.head, loaded.broken),
        (events(4), head, None)
    );
    let again = journal.append(&id(), 3, &[recorded(4, note("other"))], None);
    assert!(matches!(
        again,
        Err(AppendError::Conflict {
            found: 4,
            expected: 3,
            ..
        })
    ));
    let summary = journal.find("2026").unwrap();
    assert_eq!((summary.events, summary.title.as_str()), (4, "t"));
}

#[test]
fn the_same_large_output_is_stored_once() {
    let (_world, path, _) = world(4);
    let (mut journal, _) = Journal::open(&path).unwrap();
    let mut again = events(2)[1].clone();
    again.sequence = 5;
    journal.append(&id(), 4, &[again], None).unwrap();
    let blobs: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT COUNT(*) FROM blob", [], |row| row.get(0))
        .unwrap();
    assert_eq!(blobs, 1);
}

#[test]
fn verify_finds_the_first_event_that_was_altered_removed_or_moved() {
    let cases = [
        (
            "UPDATE event SET payload = replace(payload, 'note 4', 'note X') WHERE sequence = 4",
            4,
            Fault::Altered,
        ),
        (
            "UPDATE event SET at = at + 1 WHERE sequence = 3",
            3,
            Fault::Altered,
        ),
        (
            "UPDATE event SET by = replace(by, '\"u\"', '\"v\"') WHERE sequence = 5",
            5,
            Fault::Altered,
        ),
        ("DELETE FROM event WHERE sequence = 4", 4, Fault::Missing),
        ("DELETE FROM event WHERE sequence = 1", 1, Fault::Missing),
        (
            "UPDATE event SET sequence = 99 WHERE sequence = 3; UPDATE event SET sequence = 3 WHERE sequence = 4; UPDATE event SET sequence = 4 WHERE sequence = 99",
            3,
            Fault::Altered,
        ),
        (
            "UPDATE blob SET bytes = CAST('\"y\"' AS BLOB)",
            2,
            Fault::PartAltered,
        ),
        (
            "PRAGMA foreign_keys = OFF; DELETE FROM blob",
            2,
            Fault::PartAltered,
        ),
        (
            "UPDATE event SET hash = zeroblob(32) WHERE sequence = 6",
            6,
            Fault::Altered,
        ),
        (
            "UPDATE event SET hash = zeroblob(3) WHERE sequence = 6",
            6,
            Fault::Altered,
        ),
    ];
    for (sql, sequence, fault) in cases {
        let (world, path, _) = world(6);
        alter(&path, sql);
        let (journal, _) = Journal::open(&path).unwrap();
        let found = journal.verify(&id(), None).unwrap();
        assert_eq!(found.broken, Some(Broken { sequence, fault }), "{sql}");
        assert_eq!(
            journal.load(&id(), 0, Hash::default()).unwrap().broken,
            found.broken
        );
        let said = world.run(&["verify", "2026"]);
        assert_eq!(said.code, 1, "{sql}: {}", said.out);
        assert!(
            said.out.contains(&format!("event {sequence}"))
                || said.out.contains(&format!("with event {sequence}")),
            "{}",
            said.out
        );
    }
}

#[test]
fn a_head_that_was_kept_finds_an_end_that_was_cut_off() {
    let (world, path, head) = world(6);
    let head = head.to_string();
    let said = world.run(&["verify", "2026", "--head", &head]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(
        said.out.contains("6 events") && said.out.contains("is the last event"),
        "{}",
        said.out
    );
    let (mut journal, _) = Journal::open(&path).unwrap();
    journal
        .append(&id(), 6, &[recorded(7, note("later"))], None)
        .unwrap();
    let said = world.run(&["verify", "2026", "--head", &head]);
    assert!(
        said.code == 0 && said.out.contains("1 came after it"),
        "{}",
        said.out
    );
    alter(&path, "DELETE FROM event WHERE sequence >= 6");
    let said = world.run(&["verify", "2026"]);
    assert_eq!(said.code, 0, "a chain alone cannot tell: {}", said.out);
    let said = world.run(&["verify", "2026", "--head", &head]);
    assert!(
        said.code == 1 && said.out.contains("cut off"),
        "{}",
        said.out
    );
    let said = world.run(&["verify", "2026", "--head", "abc"]);
    assert_eq!(said.code, 2, "{}", said.err);
}

#[test]
fn an_event_that_cannot_be_read_says_so_in_its_place_and_loses_no_other() {
    let (_world, path, _) = world(5);
    alter(&path, "UPDATE event SET payload = '{' WHERE sequence = 4");
    let (journal, _) = Journal::open(&path).unwrap();
    let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
    assert_eq!(loaded.events.len(), 5);
    assert!(matches!(loaded.events[3].event, Event::Unreadable { .. }));
    assert_eq!(journal.incidents().unwrap().len(), 1);
}

#[test]
fn a_long_incident_is_loaded_in_order_and_from_any_place_in_it() {
    let (_world, path, head) = world(2_000);
    alter(
        &path,
        "UPDATE event SET payload = '{}' WHERE sequence = 1500",
    );
    let (journal, _) = Journal::open(&path).unwrap();
    let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
    let mut wanted = events(2_000);
    let read = &loaded.events[1_499].event;
    assert!(matches!(read, Event::Unreadable { .. }), "{read:?}");
    wanted[1_499].event = read.clone();
    assert_eq!(loaded.events, wanted);
    assert_eq!(loaded.broken.unwrap().sequence, 1_500);
    assert_eq!(loaded.head, head);
    for after in [0, 511, 512, 513, 1_024, 1_999, 2_000] {
        let loaded = journal.load(&id(), after, Hash::default()).unwrap();
        assert_eq!(loaded.events, wanted[usize::try_from(after).unwrap()..]);
    }
}

#[test]
fn an_export_goes_through_another_store_unchanged_and_is_not_continued_there() {
    let (world, _, head) = world(6);
    let export = world.run(&["export", "2026"]);
    assert_eq!(export.code, 0, "{}", export.err);
    let file = world.write("export.jsonl", &export.out);
    let other = World::new();
    let said = other.run(&["import", &file.display().to_string()]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("6 events") && said.out.contains(&head.to_string()),
        "{}",
        said.out
    );
    assert_eq!(
        other.run(&["export", "2026"]).out,
        export.out,
        "byte for byte"
    );
    assert_eq!(
        other
            .run(&["verify", "2026", "--head", &head.to_string()])
            .code,
        0
    );
    let listed: Value = serde_json::from_str(&other.run(&["incidents", "--json"]).out).unwrap();
    assert!(
        listed[0]["imported"]["from"]
            .as_str()
            .unwrap()
            .ends_with("export.jsonl"),
        "{listed}"
    );
    let said = other.run(&["note", "2026", "more"]);
    assert!(
        said.code == 1 && said.err.contains("not continued"),
        "{}",
        said.err
    );
    let said = other.run(&["import", &file.display().to_string()]);
    assert!(
        said.code == 0 && said.out.contains("was here already"),
        "{}",
        said.out
    );
    let said = other.run(&["resume"]);
    assert!(
        said.err.contains("no incident or rehearsal is unfinished"),
        "it is not offered: {}",
        said.err
    );
}

/// The most memory that any program needed for which this process waited, in bytes.
fn most_memory() -> u64 {
    use nix::sys::resource::{UsageWho, getrusage};
    let kilobytes = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    u64::try_from(kilobytes).unwrap() * 1024
}

#[test]
fn an_import_needs_a_small_multiple_of_the_file_however_many_events_share_a_part() {
    let shared = Value::String("x".repeat(8 << 20));
    let apart = |n: u64| Value::from((0..100_000 + n).map(|n| n % 10).collect::<Vec<_>>());
    for many in [false, true] {
        let world = World::new();
        let path = world.path("state/standdown/journal.db");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&id(), 0, &events(2), None).unwrap();
        // One after the other: a program that is started counts with the memory of who starts it.
        for n in 3..=40 {
            let output = if many { apart(n) } else { shared.clone() };
            let attempt = AttemptId(uuid::Uuid::from_u128(n.into()));
            let result = AttemptResult::succeeded(output);
            let event = recorded(n, Event::LateResult { attempt, result });
            journal.append(&id(), n - 1, &[event], None).unwrap();
        }
        let mut export = Vec::new();
        journal.export(&id(), &mut export).unwrap();
        let file = world.write("export.jsonl", &export);
        let said = World::new().run(&["import", &file.display().to_string()]);
        assert_eq!(said.code, 0, "{said:?}");
        let (most, size) = (most_memory(), export.len() as u64);
        assert!(
            most < 100_000_000 + 6 * size,
            "{most} bytes for a file of {size}"
        );
    }
}

#[test]
fn an_export_that_was_touched_is_refused_with_its_line_and_nothing_is_imported() {
    let (world, _, _) = world(5);
    let good = world.run(&["export", "2026"]).out;
    let lines: Vec<&str> = good.lines().collect();
    let without = |at: usize| {
        let mut text = String::new();
        for (_, line) in lines.iter().enumerate().filter(|(n, _)| *n != at) {
            text += line;
            text.push('\n');
        }
        text
    };
    let secret = note("password=hunter2");
    let cases = [
        ("altered", good.replace("note 4", "note X"), "altered"),
        ("an event less", without(4), "altered, removed or moved"),
        ("its end cut off", without(lines.len() - 1), "cut off"),
        (
            "half a line",
            good[..good.len() - 20].to_owned(),
            "is no event",
        ),
        (
            "no export",
            "hello\n".to_owned(),
            "is not the beginning of an export",
        ),
        ("empty", String::new(), "is not the beginning of an export"),
        (
            "a part altered",
            good.replacen("xxxx", "xxxy", 1),
            "part that does not fit",
        ),
        (
            "another version",
            good.replacen("\"standdown_export\":1", "\"standdown_export\":9", 1),
            "another version",
        ),
        (
            "an id that is a path",
            good.replacen("20261121-abcdef", "../../etc/passwd", 1),
            "no id",
        ),
    ];
    for (name, text, wanted) in cases {
        let other = World::new();
        let file = other.write("x.jsonl", text);
        let said = other.run(&["import", &file.display().to_string()]);
        assert_eq!(said.code, 1, "{name}: {}", said.out);
        assert!(
            said.err.contains(wanted) && said.err.contains("nothing was imported"),
            "{name}: {}",
            said.err
        );
        assert_eq!(
            other.run(&["incidents", "--json"]).out.trim(),
            "[]",
            "{name}"
        );
    }
    // A chain that holds over what should have been masked.
    let leaky = World::new();
    let (mut journal, _) = Journal::open(&leaky.path("state/standdown/journal.db")).unwrap();
    journal
        .append(&id(), 0, &[events(1)[0].clone(), recorded(2, secret)], None)
        .unwrap();
    let file = world.write("leaky.jsonl", leaky.run(&["export", "2026"]).out);
    let said = World::new().run(&["import", &file.display().to_string()]);
    assert!(
        said.code == 1 && said.err.contains("looks like a secret"),
        "{}",
        said.err
    );
}

#[test]
fn a_file_cut_short_is_set_aside_and_what_can_be_read_is_carried_over() {
    let (world, path, _) = world(2000);
    // Everything into the file itself, and its log away, as after a copy that was broken off.
    alter(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    let whole = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(whole * 2 / 3)
        .unwrap();
    recovers(&world, &path, 500);
}

#[test]
fn a_file_whose_first_bytes_are_gone_is_set_aside_and_recovered() {
    let (world, path, _) = world(500);
    alter(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    damage(&path, 0, 100);
    recovers(&world, &path, 500);
}

#[test]
fn a_page_that_was_overwritten_costs_no_more_than_itself() {
    let (world, path, _) = world(2000);
    alter(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    let pages = std::fs::metadata(&path).unwrap().len() / 4096;
    damage(&path, (pages - 10) * 4096, 4096);
    let before = std::fs::read(&path).unwrap();
    let (journal, recovered) = Journal::open(&path).unwrap();
    assert_eq!(recovered, None, "nothing that was opened is damaged");
    // It is found while it is read, and then replaced.
    let error = journal.load(&id(), 0, Hash::default()).unwrap_err();
    assert!(error.is_corrupt(), "{error}");
    let (journal, recovered) = journal.replace().unwrap();
    let recovered = recovered.unwrap();
    assert_eq!(
        std::fs::read(&recovered.aside).unwrap(),
        before,
        "the damaged file is as it was"
    );
    assert!(recovered.events > 1500, "{recovered:?}");
    let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
    assert_eq!(loaded.events.len() as u64, recovered.events);
    assert!(
        matches!(
            loaded.broken,
            Some(Broken {
                fault: Fault::Missing,
                ..
            })
        ),
        "{:?}",
        loaded.broken
    );
    drop(world);
}

#[test]
fn a_flipped_bit_in_the_log_is_no_end_of_the_log() {
    for (at, name, logs) in [
        (None, "the middle", 1),
        (Some(0_u64), "the header", 1),
        (Some(0), "the header of a later log", 3),
    ] {
        let world = World::new();
        let path = world.path("state/standdown/journal.db");
        // As after a kill: nothing has been moved from the log into the file.
        let (mut journal, _) = Journal::open(&path).unwrap();
        for event in events(60) {
            journal
                .append(&id(), event.sequence - 1, &[event], None)
                .unwrap();
        }
        for sequence in 61..60 + logs {
            // What is in the file already lets the next log begin, over the one before.
            alter(&path, "PRAGMA wal_checkpoint(RESTART)");
            journal
                .append(
                    &id(),
                    sequence - 1,
                    &[recorded(sequence, note("later"))],
                    None,
                )
                .unwrap();
        }
        std::mem::forget(journal);
        let log = path.with_file_name("journal.db-wal");
        // Sixty events take more than sixty pages; the rest of the log has not been used yet.
        damage(&log, at.unwrap_or(32 + 40 * 4120 + 2000), 1);
        let before = std::fs::read(&log).unwrap();
        let (journal, recovered) = Journal::open(&path).unwrap();
        let recovered = recovered.unwrap_or_else(|| panic!("{name}: it was passed over"));
        let mut kept = recovered.aside.into_os_string();
        kept.push("-wal");
        assert_eq!(
            std::fs::read(kept).unwrap(),
            before,
            "{name}: the damaged log is as it was"
        );
        let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
        assert!(
            loaded.events.len() as u64 >= 58 + logs,
            "{name}: {} events",
            loaded.events.len()
        );
    }
}

/// A store that was just made and written, as after a crash of the machine: what was written
/// stands in its log.
fn killed() -> (World, PathBuf, PathBuf) {
    let world = World::new();
    let running = world.path("running/journal.db");
    let (mut journal, _) = Journal::open(&running).unwrap();
    for event in events(20) {
        journal
            .append(&id(), event.sequence - 1, &[event], None)
            .unwrap();
    }
    let path = world.write(
        "state/standdown/journal.db",
        std::fs::read(&running).unwrap(),
    );
    let log = std::fs::read(running.with_file_name("journal.db-wal")).unwrap();
    let log = world.write("state/standdown/journal.db-wal", log);
    for file in [&path, &log] {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    drop(journal);
    (world, path, log)
}

#[test]
fn a_new_store_outlives_damage_to_any_part_of_its_log() {
    let body = 32 + 24 + 100;
    for at in [1, 5, 13, 17, 25, 33, 40, body, body + 4 * 4120] {
        let (_world, path, log) = killed();
        damage(&log, at, 1);
        let (journal, recovered) = Journal::open(&path).unwrap();
        assert!(recovered.is_some(), "{at}: it was passed over");
        let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
        assert!(
            loaded.events.len() >= 19,
            "{at}: {} events",
            loaded.events.len()
        );
    }
}

#[test]
fn a_log_that_was_cut_is_said_and_what_is_left_of_it_is_read() {
    for (length, least) in [(31, 0), (4000, 0), (32 + 10 * 4120 + 7, 1)] {
        let (_world, path, log) = killed();
        let file = std::fs::OpenOptions::new().write(true).open(&log).unwrap();
        file.set_len(length).unwrap();
        let (journal, recovered) = Journal::open(&path).unwrap();
        assert!(recovered.is_some(), "{length}: it was passed over");
        let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
        assert!(
            loaded.events.len() >= least && loaded.broken.is_none(),
            "{length}: {} events",
            loaded.events.len()
        );
    }
}

#[test]
fn a_log_whose_file_is_gone_or_empty_is_read_and_not_thrown_away() {
    for gone in [true, false] {
        let (_world, path, log) = killed();
        let before = std::fs::read(&log).unwrap();
        if gone {
            std::fs::remove_file(&path).unwrap();
        } else {
            std::fs::write(&path, "").unwrap();
        }
        let (journal, recovered) = Journal::open(&path).unwrap();
        let mut kept = recovered.unwrap().aside.into_os_string();
        kept.push("-wal");
        assert_eq!(std::fs::read(kept).unwrap(), before, "gone: {gone}");
        let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
        assert_eq!((loaded.events, loaded.broken), (events(20), None));
    }
}

#[test]
fn what_was_never_committed_is_no_damage_of_the_log() {
    let (world, path, _) = world(4);
    let (mut journal, _) = Journal::open(&path).unwrap();
    let log = path.with_file_name("journal.db-wal");
    // The number of the log: it goes up when one begins anew, and what was left is then another's.
    let salt = || std::fs::read(&log).unwrap()[16..24].to_vec();
    journal
        .append(&id(), 4, &[recorded(5, note("more"))], None)
        .unwrap();
    let before = salt();
    // Pages of a transaction that is given up stand in the log, behind a shorter one.
    alter(
        &path,
        "PRAGMA cache_size = 16; BEGIN; INSERT INTO blob VALUES ('x', zeroblob(1000000)); ROLLBACK",
    );
    journal
        .append(&id(), 5, &[recorded(6, note("still more"))], None)
        .unwrap();
    assert_eq!(salt(), before, "the same log");
    std::mem::forget(journal);
    let (journal, recovered) = Journal::open(&path).unwrap();
    assert_eq!(recovered, None);
    let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
    assert_eq!((loaded.events.len(), loaded.broken), (6, None));
    drop(world);
}

fn damage(path: &PathBuf, at: u64, length: usize) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&vec![0xA5; length], at).unwrap();
}

/// The command line says both names, and carries on with what could be read.
fn recovers(world: &World, path: &PathBuf, at_least: u64) {
    let before = std::fs::read(path).unwrap();
    let said = world.run(&["verify", "2026"]);
    let mut all = vec![said.err.clone()];
    if !said.err.contains("was damaged") {
        // The damage shows while events are read, not when the file is opened.
        all.push(
            Journal::open(path)
                .unwrap()
                .0
                .replace()
                .unwrap()
                .1
                .unwrap()
                .to_string(),
        );
    }
    let told = all.join("\n");
    assert!(
        told.contains("damaged-") && told.contains("journal.db"),
        "{told}"
    );
    let aside = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.contains("damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
        })
        .unwrap();
    assert_eq!(
        std::fs::read(&aside).unwrap(),
        before,
        "the damaged file is as it was"
    );
    let (journal, again) = Journal::open(path).unwrap();
    assert_eq!(again, None);
    let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
    assert!(
        loaded.events.len() as u64 >= at_least,
        "{} events: {told}",
        loaded.events.len()
    );
    assert!(
        loaded
            .events
            .iter()
            .zip(events(2000))
            .all(|(one, other)| *one == other)
    );
}

#[test]
fn random_damage_never_panics_and_never_overwrites() {
    let mut dice = 0x1234_5678_9abc_def1_u64;
    for _ in 0..40 {
        let (_world, path, _) = world(300);
        alter(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
        let length = std::fs::metadata(&path).unwrap().len();
        for _ in 0..8 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            damage(
                &path,
                dice % (length - 64),
                1 + usize::try_from(dice % 63).unwrap(),
            );
        }
        let before = std::fs::read(&path).unwrap();
        let opened = match Journal::open(&path) {
            Ok((journal, recovered)) => Some((journal, recovered)),
            Err(JournalError::Newer { .. }) => None,
            Err(error) => panic!("{error}"),
        };
        let Some((journal, recovered)) = opened else {
            assert_eq!(std::fs::read(&path).unwrap(), before);
            continue;
        };
        let recovered = match (recovered, journal.load(&id(), 0, Hash::default())) {
            (Some(recovered), _) => Some(recovered),
            (None, Err(error)) if error.is_corrupt() => journal.replace().unwrap().1,
            (None, Err(error)) => panic!("{error}"),
            (None, Ok(_)) => None,
        };
        if let Some(recovered) = recovered {
            assert_eq!(std::fs::read(&recovered.aside).unwrap(), before);
        }
    }
}

/// What version 1 of this program wrote.
const VERSION_1: &str = r#"
CREATE TABLE incident (id TEXT PRIMARY KEY, opened_at TEXT NOT NULL) STRICT;
CREATE TABLE event (
    incident TEXT NOT NULL REFERENCES incident(id), sequence INTEGER NOT NULL, at TEXT NOT NULL,
    by TEXT NOT NULL, version INTEGER NOT NULL, payload TEXT, blob TEXT REFERENCES blob(hash),
    PRIMARY KEY (incident, sequence), CHECK ((payload IS NULL) <> (blob IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE blob (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
INSERT INTO incident VALUES ('20261120-0000aa', '2026-11-20T03:14:00+00:00');
INSERT INTO blob VALUES ('d99116f4417beb53dced390f1f83ae07d50c13bdb66f23bf99f9bf86c6566747', CAST('{"type":"note_added","text":"a large note"}' AS BLOB));
INSERT INTO event VALUES ('20261120-0000aa', 1, '2026-11-20T03:14:00+00:00', '{"user":"u","uid":1,"host":"h"}', 1,
    '{"type":"incident_opened","incident":"20261120-0000aa","title":"Old","severity":"high"}', NULL);
INSERT INTO event VALUES ('20261120-0000aa', 2, '2026-11-20T03:15:00.5+00:00', '{"user":"u","uid":1,"host":"h"}', 1, NULL, 'd99116f4417beb53dced390f1f83ae07d50c13bdb66f23bf99f9bf86c6566747');
INSERT INTO event VALUES ('20261120-0000aa', 3, '2026-11-20T03:16:00+00:00', '{"user":"u","uid":1,"host":"h"}', 1,
    '{"type":"status_changed","from":"open","to":"acknowledged"}', NULL);
PRAGMA user_version = 1;
"#;

#[test]
fn a_store_of_the_version_before_is_brought_up_to_date_and_goes_on() {
    let world = World::new();
    let path = world.write("state/standdown/journal.db", "");
    std::fs::remove_file(&path).unwrap();
    alter(&path, VERSION_1);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (mut journal, _) = Journal::open(&path).unwrap();
    let old = IncidentId("20261120-0000aa".into());
    let loaded = journal.load(&old, 0, Hash::default()).unwrap();
    assert_eq!(loaded.broken, None);
    assert_eq!(loaded.events[1].event, note("a large note"));
    assert_eq!(
        loaded.events[1].at,
        "2026-11-20T03:15:00.5Z".parse::<DateTime<Utc>>().unwrap()
    );
    let summary = journal.find("20261120").unwrap();
    assert_eq!(
        (
            summary.title.as_str(),
            summary.status.name(),
            summary.events
        ),
        ("Old", "acknowledged", 3)
    );
    journal
        .append(&old, 3, &[recorded(4, note("new"))], None)
        .unwrap();
    assert_eq!(
        journal.verify(&old, Some(loaded.head)).unwrap().broken,
        None
    );
    let export = world.run(&["export", "20261120"]);
    let file = world.write("old.jsonl", export.out);
    assert_eq!(
        World::new()
            .run(&["import", &file.display().to_string()])
            .code,
        0
    );
}

#[test]
fn a_store_of_a_later_version_is_refused_and_left_untouched() {
    let (world, path, _) = world(3);
    alter(
        &path,
        "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)",
    );
    let before = std::fs::read(&path).unwrap();
    let said = world.run(&["incidents"]);
    assert!(
        said.code == 1
            && said.err.contains("version 99")
            && said.err.contains("nothing was changed"),
        "{}",
        said.err
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_folder_that_others_can_write_is_refused_with_the_remedy() {
    let world = World::new();
    let folder = world.path("shared");
    std::fs::create_dir(&folder).unwrap();
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&folder, 0o777);
    let said = world.run(&["incidents", "--state", &folder.display().to_string()]);
    assert!(
        said.code == 1 && said.err.contains("chmod o-w"),
        "{}",
        said.err
    );
    set(&folder, 0o2770);
    assert_eq!(
        world
            .run(&["incidents", "--state", &folder.display().to_string()])
            .code,
        0
    );
    // Neither the file nor its log, once they are there.
    for name in ["journal.db", "journal.db-wal"] {
        let file = folder.join(name);
        set(&file, 0o666);
        let said = world.run(&["incidents", "--state", &folder.display().to_string()]);
        let wanted = format!("chmod o-w {}", file.display());
        assert!(
            said.code == 1 && said.err.contains(&wanted),
            "{name}: {}",
            said.err
        );
        set(&file, 0o660);
    }
}

#[test]
fn one_holder_at_a_time_and_whoever_is_gone_holds_nothing() {
    let (_world, path, _) = world(3);
    let (mut journal, _) = Journal::open(&path).unwrap();
    let (one, other) = (
        Holder::this_process(&actor()),
        Holder::this_process(&actor()),
    );
    assert_eq!(journal.take(&id(), &one, None).unwrap(), Ok(()));
    let held = journal.take(&id(), &other, None).unwrap().unwrap_err();
    assert_eq!(held.holder, one);
    let refused = journal.append(&id(), 3, &[recorded(4, note("x"))], Some(&other));
    assert!(
        matches!(refused, Err(AppendError::NotTheWriter { by: Some(by), .. }) if by.holder == one)
    );
    journal
        .append(&id(), 3, &[recorded(4, note("x"))], Some(&one))
        .unwrap();
    // Asked for, and handed over.
    journal.want(&id(), Some(&other)).unwrap();
    assert_eq!(
        journal.renew(&id(), one.token).unwrap().unwrap().wanted,
        Some(other.clone())
    );
    assert!(journal.hand_over(&id(), one.token).unwrap());
    assert_eq!(journal.renew(&id(), one.token).unwrap(), None);
    // Taken with the lease in hand that was seen, and not with an older one.
    let seen = journal.lease(&id()).unwrap().unwrap();
    journal.renew(&id(), other.token).unwrap();
    assert!(
        journal.take(&id(), &one, Some(&seen)).unwrap().is_err(),
        "it has moved since"
    );
    let seen = journal.lease(&id()).unwrap().unwrap();
    assert_eq!(journal.take(&id(), &one, Some(&seen)).unwrap(), Ok(()));
    // A process that ended without giving it back.
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let gone = Holder {
        pid: child.id(),
        started: 1,
        ..Holder::this_process(&actor())
    };
    child.wait().unwrap();
    assert!(gone.is_gone() && !one.is_gone());
    journal.release(&id(), one.token).unwrap();
    assert_eq!(journal.take(&id(), &gone, None).unwrap(), Ok(()));
    assert_eq!(journal.take(&id(), &other, None).unwrap(), Ok(()));
}

#[test]
fn another_connection_is_noticed_and_a_replaced_file_too() {
    let (_world, path, _) = world(3);
    let (reader, _) = Journal::open(&path).unwrap();
    let before = reader.generation().unwrap();
    Journal::open(&path)
        .unwrap()
        .0
        .append(&id(), 3, &[recorded(4, note("x"))], None)
        .unwrap();
    assert_ne!(reader.generation().unwrap(), before);
    std::fs::rename(&path, path.with_extension("moved")).unwrap();
    assert!(matches!(reader.generation(), Err(JournalError::Moved)));
}

/// A damaged journal beside a live log; what its kind of damage is called.
fn damaged(kind: &str) -> (World, Vec<(String, Vec<u8>)>) {
    let world = World::new();
    let path = world.path("state/standdown/journal.db");
    let (mut journal, _) = Journal::open(&path).unwrap();
    let all = events(40);
    journal.append(&id(), 0, &all[..20], None).unwrap();
    alter(&path, "PRAGMA wal_checkpoint(RESTART)");
    for event in &all[20..] {
        let before = event.sequence - 1;
        journal
            .append(&id(), before, std::slice::from_ref(event), None)
            .unwrap();
    }
    std::mem::forget(journal);
    let log = path.with_file_name("journal.db-wal");
    match kind {
        "the whole file" => {
            let length = std::fs::metadata(&path).unwrap().len();
            damage(&path, 0, usize::try_from(length).unwrap());
        }
        "a file that is empty" => std::fs::write(&path, "").unwrap(),
        _ => damage(&log, 32 + 10 * 4120 + 2000, 1),
    }
    let files = ["journal.db", "journal.db-wal"].map(|name| {
        let bytes = std::fs::read(path.with_file_name(name)).unwrap();
        (name.to_owned(), bytes)
    });
    (world, files.into())
}

#[test]
fn no_kill_while_a_damaged_journal_is_set_aside_loses_an_event_or_mixes_two_files() {
    let tools = World::new();
    let library = tools.path("killed.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/killed.c");
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .args([source, "-ldl"])
        .status()
        .unwrap();
    assert!(built.success());
    for kind in ["the whole file", "a file that is empty", "a bit of the log"] {
        let (_origin, files) = damaged(kind);
        let mut wanted = None;
        let mut kills = 0;
        // The last time nothing is killed; the first time neither, to know what can be read.
        for at in [0].into_iter().chain(1..200) {
            let world = World::new();
            let folder = world.path("state/standdown");
            std::fs::create_dir_all(&folder).unwrap();
            for folder in [&world.path("state"), &folder] {
                std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
            }
            for (name, bytes) in &files {
                let path = folder.join(name);
                std::fs::write(&path, bytes).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
            let first = world
                .standdown(&["incidents"])
                .env("LD_PRELOAD", &library)
                .env("KILL_AT", at.to_string())
                .output()
                .unwrap();
            let killed = first.status.code().is_none();
            kills += usize::from(killed);
            let second = world.run(&["incidents"]);
            assert_eq!(second.code, 0, "{kind}, {at}: {second:?}");
            let told = String::from_utf8_lossy(&first.stderr).into_owned() + &second.err;
            assert!(
                told.contains("the journal was damaged") && told.contains("-damaged-"),
                "{kind}, {at}: {told}"
            );
            let path = folder.join("journal.db");
            let (journal, again) = Journal::open(&path).unwrap();
            assert_eq!(again, None, "{kind}, {at}");
            let loaded = journal.load(&id(), 0, Hash::default()).unwrap();
            let wanted: &mut Vec<Recorded> = wanted.get_or_insert(loaded.events.clone());
            assert_eq!(&loaded.events, wanted, "{kind}, {at}");
            drop(journal);
            let names: Vec<String> = std::fs::read_dir(&folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            for (name, bytes) in &files {
                let kept = names.iter().any(|one| {
                    let same_part = one.ends_with("-wal") == name.ends_with("-wal");
                    one.contains("-damaged-")
                        && same_part
                        && std::fs::read(folder.join(one)).unwrap() == *bytes
                });
                assert!(kept, "{kind}, {at}: {name} as it was is not in {names:?}");
            }
            let left = names.iter().find(|name| {
                name.ends_with("-new") || name.contains("-recovery") || name.starts_with('.')
            });
            assert_eq!(left, None, "{kind}, {at}: {names:?}");
            if at > 0 && !killed {
                break;
            }
        }
        assert!(wanted.is_some_and(|events| events.len() >= 20), "{kind}");
        assert!(kills >= 10, "{kind}: {kills} kills");
    }
}
