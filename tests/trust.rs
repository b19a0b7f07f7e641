//! Files that somebody else can change are not used, and named. It hands files to other users, so it
//! runs as root.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use support::{World, simulate};

/// Somebody else.
const STRANGER: u32 = 54_321;

/// A playbook under the id of a shipped one, whose first step leaves a file behind.
fn playbook(mark: &Path) -> String {
    format!(
        r#"format = 1
id = "cpu-high-utilization"
name = "Not Ours"
summary = "s"
owner = "o"
impact = 2
severities = ["high"]
incident_types = ["x"]
start = "first"
[[answers]]
name = "*"
[[steps]]
id = "first"
kind = "automated"
title = "First"
description = "d"
expect = "e"
output = "out"
prefetch = true
on_failure = "continue"
next = "end"
[steps.run.exec]
command = ["touch", "{}"]
[[steps]]
id = "end"
kind = "outcome"
title = "End"
description = "d"
outcome = "resolved"
"#,
        mark.display()
    )
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_lies_in_the_folder_where_it_is_started_is_not_run() {
    let world = World::new();
    let mark = world.path("mark");
    let elsewhere = World::new();
    let file = elsewhere.write("playbooks/p.toml", playbook(&mark));
    chown(&file, Some(STRANGER), Some(STRANGER)).unwrap();
    mode(&elsewhere.path("playbooks"), 0o777);
    let scenario = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/playbooks/rehearsals/cpu-spike.toml"
    );
    let server = simulate(&world, scenario, "10");
    for arguments in [
        &["watch", "--once", "--since", "1d"][..],
        &["run", "cpu-high-utilization"],
        &["check"],
    ] {
        let mut command = world.standdown(arguments);
        command
            .current_dir(elsewhere.folder.path())
            .envs(server.environment())
            .stdin(std::process::Stdio::null());
        let said = support::Said::from(command.output().unwrap());
        assert!(
            said.err.contains("./playbooks is not used"),
            "{arguments:?}: {said:?}"
        );
        assert!(!said.out.contains("Not Ours"), "{arguments:?}: {said:?}");
    }
    assert!(!mark.exists(), "a stranger's program ran");
}

#[test]
fn a_file_that_others_can_change_is_refused_by_name_also_where_it_is_asked_for() {
    let world = World::new();
    let mark = world.path("mark");
    let folder = world.path("given");
    let file = world.write("given/p.toml", playbook(&mark));
    let check = || world.run(&["check", "--playbooks", folder.to_str().unwrap()]);
    let refused = |why: &str| {
        let said = check();
        assert_eq!(said.code, 1, "{why}: {said:?}");
        assert!(
            said.out.contains("p.toml is refused") && said.out.contains(why),
            "{why}: {said:?}"
        );
        let run = world.run(&[
            "run",
            "cpu-high-utilization",
            "--playbooks",
            folder.to_str().unwrap(),
        ]);
        assert!(run.err.contains("is refused"), "{why}: {run:?}");
        assert!(!mark.exists(), "{why}");
    };
    assert_eq!(check().code, 0, "{:?}", check());
    chown(&file, Some(STRANGER), None).unwrap();
    refused("belongs to uid 54321");
    chown(&file, Some(0), None).unwrap();
    mode(&file, 0o666);
    refused("anybody can write");
    mode(&file, 0o664);
    chown(&file, None, Some(STRANGER)).unwrap();
    refused("the group gid 54321 can write");
    mode(&file, 0o644);
    mode(&folder, 0o777);
    refused("anybody can write");
    mode(&folder, 0o755);
    chown(&folder, Some(STRANGER), None).unwrap();
    refused("belongs to uid 54321");
    chown(&folder, Some(0), None).unwrap();
    // A folder further up.
    mode(world.folder.path(), 0o777);
    refused("anybody can write");
    mode(world.folder.path(), 0o700);
    assert_eq!(check().code, 0, "{:?}", check());
    // A link is as good as what it leads to.
    let other = World::new();
    let real = other.write("p.toml", playbook(&mark));
    chown(other.folder.path(), Some(STRANGER), None).unwrap();
    std::fs::remove_file(&file).unwrap();
    symlink(&real, &file).unwrap();
    refused("belongs to uid 54321");
    assert_eq!(std::fs::metadata(&real).unwrap().uid(), 0);
}

#[test]
fn a_configuration_a_theme_a_rule_and_a_scenario_of_somebody_else_are_refused() {
    let world = World::new();
    for (file, text, arguments) in [
        (
            "config/standdown/config.toml",
            "read_only = false\n",
            &["doctor"][..],
        ),
        (
            "theme.toml",
            "format = 1\n",
            &["theme", "show", "./theme.toml"],
        ),
        (
            "scenario.toml",
            "format = 1\n",
            &["rehearse", "./scenario.toml", "--auto"],
        ),
    ] {
        let path = world.write(file, text);
        chown(&path, Some(STRANGER), None).unwrap();
        let said = world.run(arguments);
        let all = format!("{}{}", said.out, said.err);
        assert!(said.code != 0, "{file}: {all}");
        assert!(
            all.contains("is refused") && all.contains("belongs to uid 54321"),
            "{file}: {all}"
        );
        std::fs::remove_file(&path).unwrap();
    }
    let rule = world.write("playbooks/healing/x.toml", "format = 1\n");
    chown(&rule, Some(STRANGER), None).unwrap();
    let listed = world.run(&["healing", "list"]);
    assert!(
        listed.code == 1 && format!("{}{}", listed.out, listed.err).contains("is refused"),
        "{listed:?}"
    );
    let document = world.write("playbooks/automation/x-y-z.yaml", "schemaVersion: '0.3'\n");
    chown(&document, Some(STRANGER), None).unwrap();
    let listed = world.run(&["automation", "list", "--offline"]);
    assert!(
        listed.code == 1 && listed.out.contains("is refused"),
        "{listed:?}"
    );
}
