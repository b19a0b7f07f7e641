//! Hosts that are not as a console would like them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;

use support::{Said, World};

fn without(world: &World, what: &str) -> Said {
    let library = world.path("no_locks.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/no_locks.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source)
        .status()
        .unwrap();
    assert!(built.success());
    let mut command = world.standdown(&["incidents"]);
    command.env("LD_PRELOAD", &library).env("WITHOUT", what);
    Said::from(command.output().unwrap())
}

#[test]
fn a_file_system_without_locks_is_named_with_what_to_do() {
    let world = World::new();
    assert_eq!(world.run(&["note", "x", "y"]).code, 1, "it makes the store");
    for (what, why) in [
        ("locks", "a lock was refused"),
        ("memory", "memory could not be shared"),
    ] {
        let said = without(&world, what);
        assert_ne!(said.code, 0, "{what}: {said:?}");
        assert!(
            said.err.contains(why) && said.err.contains("set --state"),
            "{what}: {said:?}"
        );
        assert!(!said.err.contains("another process"), "{what}: {said:?}");
    }
}

/// A user of this host who owns nothing here.
const SOMEBODY: u32 = 54_322;

#[test]
fn a_store_that_root_made_says_whose_it_is_and_how_to_have_it_back() {
    let world = World::new();
    assert_eq!(world.run(&["note", "x", "y"]).code, 1, "it makes the store");
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(world.folder.path(), 0o755);
    chown(world.folder.path(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let binary = world.path("standdown");
    std::fs::copy(env!("CARGO_BIN_EXE_standdown"), &binary).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args([
            &format!("--reuid={SOMEBODY}"),
            &format!("--regid={SOMEBODY}"),
            "--clear-groups",
        ])
        .arg(&binary)
        .arg("incidents")
        .env_clear()
        .envs(world.environment());
    let said = Said::from(command.output().unwrap());
    assert_ne!(said.code, 0, "{said:?}");
    assert!(
        said.err.contains("belongs to root") && said.err.contains("sudo chown -R 54322"),
        "{said:?}"
    );
}

#[test]
fn doctor_answers_within_twenty_seconds_whatever_hangs() {
    let world = World::new();
    // It takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let keep = std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in silent.incoming().map_while(Result::ok).take(1000) {
            open.push(stream);
        }
    });
    let helper = world.write("helper", "#!/bin/sh\nsleep 100\n");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.write(
        "aws/config",
        format!(
            "[profile ops]\nregion = eu-central-1\naws_access_key_id = K\naws_secret_access_key = S\n[profile slow]\nregion = eu-central-1\ncredential_process = {}\n",
            helper.display()
        ),
    );
    let began = std::time::Instant::now();
    let mut command = world.standdown(&["doctor", "--profile", "ops,slow"]);
    command
        .env("AWS_CONFIG_FILE", world.path("aws/config"))
        .env("AWS_ENDPOINT_URL", url);
    let said = Said::from(command.output().unwrap());
    assert!(
        began.elapsed().as_secs() < 20,
        "{:?}: {said:?}",
        began.elapsed()
    );
    assert_eq!(said.code, 1, "{said:?}");
    for wanted in [
        "no answer within 14 s",
        "the helper of the profile slow",
        "aws/config, line 2",
        "First:\n  1. ",
    ] {
        assert!(said.out.contains(wanted), "{wanted}: {said:?}");
    }
    drop(keep);
}
