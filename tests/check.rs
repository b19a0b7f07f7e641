//! `standdown check`: every problem of every file at once, with its place and what to do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use support::World;

const GOOD: &str = r#"format = 1
id = "good"
name = "Good"
summary = "s"
owner = "o"
impact = 2
severities = ["high"]
incident_types = ["x"]
start = "a"

[[answers]]
metric = "M"

[[steps]]
id = "a"
kind = "automated"
title = "A"
description = "d"
expect = "e"
output = "out"
next = "b"
run.exec = { command = ["true"] }

[[steps]]
id = "b"
kind = "decision"
title = "B"
description = "d"
[[steps.branches]]
label = "x"
when = "out.exit_code == 0"
next = "c"
[[steps.branches]]
label = "y"
otherwise = true
next = "c"

[[steps]]
id = "c"
kind = "outcome"
title = "C"
description = "d"
outcome = "resolved"
"#;

fn check(text: impl AsRef<[u8]>) -> support::Said {
    let world = World::new();
    let path = world.write("p.toml", text);
    world.run(&["check", path.to_str().unwrap()])
}

#[test]
fn a_good_playbook_is_clean() {
    let said = check(GOOD);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("ok: good"), "{}", said.out);
}

#[test]
fn the_shipped_files_can_be_named_one_by_one() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/");
    let files = [
        "cpu-high-utilization.toml",
        "database-connection-issues.toml",
        "escalation.toml",
    ]
    .map(|name| format!("{folder}{name}"));
    let mut arguments = vec!["check"];
    arguments.extend(files.iter().map(String::as_str));
    let said = World::new().run(&arguments);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn the_shipped_playbooks_are_clean() {
    let said = World::new().run(&["check"]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(
        said.out.contains("0 problems, 4 warnings, 0 files broken")
            && said.out.matches("reaches NOBODY: no channel").count() == 4,
        "{}",
        said.out
    );
}

/// What is changed in the good playbook, and what must be said: where and what.
#[test]
fn each_kind_of_mistake_is_said_with_its_place() {
    let table: &[(&str, &str, &[&str])] = &[
        (
            "id = \"good\"",
            "id = \"good",
            &["this is not TOML", "p.toml:2"],
        ),
        (
            "owner = \"o\"",
            "ownr = \"o\"",
            &[
                "has no key `ownr`",
                "did you mean `owner`?",
                "has no `owner`",
            ],
        ),
        (
            "impact = 2",
            "impact = \"two\"",
            &["`impact` is a string", "p.toml:6:10"],
        ),
        ("impact = 2", "impact = 9", &["from 1 to 4"]),
        ("id = \"b\"", "id = \"a\"", &["two steps have the id \"a\""]),
        (
            "next = \"b\"",
            "next = \"bb\"",
            &["there is no step \"bb\"", "did you mean"],
        ),
        ("expect = \"e\"\n", "", &["step \"a\" has no `expect`"]),
        (
            "next = \"b\"",
            "next = \"c\"",
            &["nothing leads to step \"b\""],
        ),
        (
            "otherwise = true",
            "when = \"true\"",
            &["0 branches marked `otherwise`"],
        ),
        (
            "out.exit_code == 0",
            "out.exit_code ==",
            &["this is not CEL"],
        ),
        (
            "out.exit_code == 0",
            "oot.exit_code == 0",
            &["nothing makes a value `oot`", "did you mean `out`?"],
        ),
        (
            "out.exit_code == 0",
            "out.exit_cod == 0",
            &[
                "`out` has no field `exit_cod`",
                "did you mean `out.exit_code`?",
            ],
        ),
        (
            "out.exit_code == 0",
            "sise(out.lines) == 0",
            &["there is no function `sise`", "did you mean `size`?"],
        ),
        (
            "out.exit_code == 0",
            "inputs.x == 0",
            &["there is no input `x`"],
        ),
        (
            "command = [\"true\"]",
            "comand = [\"true\"]",
            &["has no key `comand`", "did you mean `command`?"],
        ),
        (
            "run.exec = { command = [\"true\"] }",
            "run.aws = { service = \"ec2\", operation = \"reboot-instances\" }",
            &["is not a read", "Systems Manager"],
        ),
        (
            "run.exec = { command = [\"true\"] }",
            "run.http = { url = \"x\" }",
            &["does not begin with http:// or https://"],
        ),
        (
            "run.exec = { command = [\"true\"] }",
            "run.exec = { command = [\"true\"], at = { account = \"x\" } }",
            &["has no key `account`"],
        ),
        (
            "kind = \"outcome\"",
            "kind = \"playbook\"",
            &["has no `playbook`"],
        ),
        (
            "severities = [\"high\"]",
            "severities = [\"severe\"]",
            &["cannot be \"severe\"", "critical, high, medium, low"],
        ),
        (
            "outcome = \"resolved\"",
            "outcome = \"fixed\"",
            &["resolved, mitigated, handed_off, escalated, stop"],
        ),
        (
            "expect = \"e\"",
            "expect = \"{{ out.lines\"",
            &["never closed"],
        ),
        ("format = 1", "format = 2", &["from 1 to 1"]),
    ];
    for (from, to, wanted) in table {
        assert!(GOOD.contains(from), "{from}");
        let said = check(GOOD.replacen(from, to, 1));
        assert_eq!(said.code, 1, "{to}: {}", said.out);
        for text in *wanted {
            assert!(
                said.out.contains(text),
                "{to}: no {text:?} in\n{}",
                said.out
            );
        }
        assert!(said.out.contains("p.toml:"), "{}", said.out);
    }
}

#[test]
fn all_problems_of_a_file_are_said_at_once() {
    let text = GOOD
        .replace("owner = \"o\"", "ownr = \"o\"")
        .replace("next = \"b\"", "next = \"zz\"")
        .replace("impact = 2", "impact = true");
    let said = check(text);
    for wanted in ["`ownr`", "\"zz\"", "`impact` is a boolean"] {
        assert!(said.out.contains(wanted), "{}", said.out);
    }
}

#[test]
fn a_cycle_needs_a_way_out_and_somebody_who_takes_it() {
    let endless = GOOD
        .replace(
            "label = \"x\"\nwhen = \"out.exit_code == 0\"\nnext = \"c\"",
            "label = \"x\"\nwhen = \"out.exit_code == 0\"\nnext = \"a\"",
        )
        .replace(
            "otherwise = true\nnext = \"c\"",
            "otherwise = true\nnext = \"a\"",
        );
    let said = check(endless);
    assert!(
        said.out.contains("ends in an outcome") && said.out.contains("nothing leads to step \"c\""),
        "{}",
        said.out
    );
    let unattended = GOOD.replace(
        "next = \"b\"\nrun",
        "next = \"b\"\non_failure = \"a2\"\nrun",
    ) + "\n[[steps]]\nid = \"a2\"\nkind = \"automated\"\ntitle = \"A\"\ndescription = \"d\"\nexpect = \"e\"\nnext = \"a\"\nrun.exec = { command = [\"true\"] }\n";
    let said = check(unattended);
    assert!(
        said.out
            .contains("in a cycle without asking anybody: a → a2 → a"),
        "{}",
        said.out
    );
}

#[test]
fn an_unknown_escalation_path_is_a_warning() {
    let said = check(GOOD.replace(
        "[[answers]]",
        "[escalation]\npath = \"nobody\"\n[[answers]]",
    ));
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(
        said.out
            .contains("warning: there is no escalation path \"nobody\""),
        "{}",
        said.out
    );
}

#[test]
fn the_first_to_define_an_id_wins_and_the_rest_is_named() {
    let world = World::new();
    world.write("first/p.toml", GOOD);
    world.write("playbooks/p.toml", GOOD);
    world.write(
        "config/standdown/playbooks/cpu.toml",
        GOOD.replace("id = \"good\"", "id = \"cpu-high-utilization\""),
    );
    let said = world.run(&["check", "--playbooks", "first"]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(
        said.out
            .contains("playbooks/p.toml is shadowed: \"good\" comes from first/p.toml"),
        "{}",
        said.out
    );
    assert!(
        said.out
            .contains("embedded:cpu-high-utilization.toml is shadowed"),
        "{}",
        said.out
    );
}

#[test]
fn a_file_that_others_can_write_is_refused_whatever_it_declares() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let path = world.write("kept/p.toml", GOOD);
    let mode =
        |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    assert_eq!(world.run(&["check", "kept/p.toml"]).code, 0);
    mode(0o666);
    let said = world.run(&["check", "kept/p.toml"]);
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("is refused: anybody can write") && said.out.contains("chmod go-w"),
        "{}",
        said.out
    );
}

#[test]
fn files_that_are_no_text_are_said() {
    let world = World::new();
    world.write("binary.toml", [0xff, 0xfe, 0x00]);
    world.write("nul.toml", "id = \"a\0b\"");
    world.write("huge.toml", vec![b'#'; 100 * 1024 * 1024]);
    std::fs::create_dir(world.path("folder.toml")).unwrap();
    for (name, wanted) in [
        ("binary.toml", "not text in UTF-8"),
        ("nul.toml", "not text in UTF-8"),
        ("huge.toml", "larger than 1 MiB"),
    ] {
        let said = world.run(&["check", name]);
        assert_eq!(said.code, 1, "{name}: {}", said.out);
        assert!(said.out.contains(wanted), "{name}: {}", said.out);
    }
    let said = world.run(&["check", "."]);
    assert!(
        said.out.contains("folder.toml") && said.out.contains("not a regular file"),
        "{}",
        said.out
    );
    assert_eq!(world.run(&["check", "missing.toml"]).code, 2);
    assert_eq!(world.run(&["chekc"]).code, 2);
}

#[test]
fn hostile_text_in_a_file_does_not_reach_the_terminal() {
    let said = check(GOOD.replace("owner = \"o\"", "\"own\\u001b[2Jr\" = \"o\" # \u{7}"));
    assert_eq!(said.code, 1);
    let csi = check(GOOD.replace("id = \"good\"", "id = \"g\u{9b}31m\u{202e}d\""));
    assert!(!csi.out.contains(['\u{9b}', '\u{202e}']), "{:?}", csi.out);
    assert!(
        !said.out.contains('\x1b') && !said.out.contains('\u{7}'),
        "{:?}",
        said.out
    );
}

/// The README's examples in TOML that are files of their own.
fn examples() -> Vec<&'static str> {
    let readme = include_str!("../README.md");
    let blocks = readme.split("```toml\n").skip(1);
    let whole = blocks.map(|rest| rest.split("```").next().unwrap());
    whole
        .filter(|text| text.starts_with("format = 1"))
        .collect()
}

#[test]
fn the_configurations_of_the_readme_can_be_used() {
    let readme = include_str!("../README.md");
    let blocks = readme.split("```toml\n").skip(1);
    let all: Vec<&str> = blocks
        .map(|rest| rest.split("```").next().unwrap())
        .filter(|text| text.starts_with("# config.toml") || text.starts_with("[[watch]]"))
        .collect();
    assert_eq!(all.len(), 2);
    for text in all {
        let world = World::new();
        let path = world.write("config.toml", text).display().to_string();
        let said = world.run(&["--config", &path, "incidents"]);
        assert_eq!(said.code, 0, "{text}{}", said.err);
    }
}

#[test]
fn the_playbook_of_the_readme_is_one() {
    let examples = examples();
    let playbook = examples.iter().find(|text| text.contains("[[steps]]"));
    let said = check(playbook.unwrap());
    assert!(said.out.contains("0 problems, 0 warnings"), "{}", said.out);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn the_escalation_file_of_the_readme_is_one_and_is_checked_alone() {
    let examples = examples();
    let file = examples.iter().find(|text| text.contains("[paths"));
    let file = file.or_else(|| examples.iter().find(|text| text.contains("[[paths")));
    let world = World::new();
    world.write("own/escalation.toml", file.unwrap());
    for path in ["own", "own/escalation.toml"] {
        let said = world.run(&["check", path]);
        assert!(
            said.code == 0
                && said
                    .out
                    .contains("ok: escalation · 1 paths · own/escalation.toml"),
            "{said:?}"
        );
    }
    world.write(
        "own/escalation.toml",
        "format = 1\n[hours.x]\nfrom = \"25:00\"\nto = \"1:00\"\n",
    );
    let said = world.run(&["check", "own/escalation.toml"]);
    assert!(
        said.code == 1 && said.out.contains("\"25:00\" is no time of day"),
        "{said:?}"
    );
}

#[test]
fn a_step_that_is_handed_a_stored_secret_needs_the_right_to_read_it() {
    for (from, needed) in [("ssm:/prod/db", true), ("env:DB", false)] {
        let text = GOOD
            .replace(
                "[[answers]]",
                &format!("[secrets.db]\nfrom = \"{from}\"\n\n[[answers]]"),
            )
            .replace(
                "run.exec = { command = [\"true\"] }",
                "permissions = []\nrun.exec = { command = [\"true\"], environment = { P = \"{{ secrets.db }}\" } }",
            );
        let said = check(text);
        assert_eq!(said.code, 0, "{said:?}");
        let told = format!("{}{}", said.out, said.err).contains("ssm:GetParameter");
        assert_eq!(told, needed, "{said:?}");
    }
}

#[test]
fn a_value_that_would_be_no_word_of_a_script_is_refused() {
    let with = |commands: &str| {
        GOOD.replace(
            "[[answers]]",
            "[inputs.x]\nprompt = \"x\"\ntype = \"string\"\nfrom = [\"ask\"]\n\n[[answers]]",
        )
        .replace(
            "run.exec = { command = [\"true\"] }",
            &format!("run.ssm_command = {{ instances = [\"i-0a1b2c3d4e5f60718\"], read_only = true, commands = {commands} }}"),
        )
        .replace("out.exit_code == 0", "out.succeeded == 1")
    };
    let good = check(with("[\"ps {{ inputs.x }}\"]"));
    assert_eq!(good.code, 0, "{good:?}");
    for commands in [
        "[\"cat <<EOF\", \"{{ inputs.x }}\", \"EOF\"]",
        "[\"awk '\", \"/{{ inputs.x }}/ { print }\", \"' f\"]",
        "['echo \\{{ inputs.x }}']",
        "[\"# {{ inputs.x }}\"]",
    ] {
        let said = check(with(commands));
        assert_eq!(said.code, 1, "{commands}: {said:?}");
        assert!(
            format!("{}{}", said.out, said.err).contains("stands inside or behind"),
            "{said:?}"
        );
    }
}
