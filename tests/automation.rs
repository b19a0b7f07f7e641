//! The shipped Automation documents: valid, published, and run where nobody gets hurt.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use standdown::embedded;
use standdown::runbook::{Runbook, advice, check, unapproved};
use support::{World, run_python, simulate};

const SHIPPED: [&str; 18] = [
    "fail-over-route",
    "isolate-instance",
    "raise-dynamodb-capacity",
    "reboot-rds-instance",
    "repair-ebs-volume",
    "replace-ec2-instance",
    "reset-circuit-breaker",
    "reset-connection-pool",
    "restart-ecs-service",
    "restart-service",
    "restore-rds-point-in-time",
    "rollback-lambda-alias",
    "run-command",
    "set-asg-capacity",
    "shift-target-group-weight",
    "start-backup-job",
    "stop-unhealthy-ecs-tasks",
    "warm-cache",
];

/// A world whose account is a simulator's.
fn account(world: &World, endpoint: &str, arguments: &[&str]) -> support::Said {
    let mut command = world.standdown(arguments);
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    command.output().unwrap().into()
}

#[test]
fn every_shipped_document_is_valid() {
    let names: Vec<&str> = embedded::AUTOMATIONS
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(names, SHIPPED);
    for (name, text) in embedded::AUTOMATIONS {
        let runbook = Runbook::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(check(&runbook), Vec::<String>::new(), "{name}");
        assert_eq!(advice(&runbook), Vec::<String>::new(), "{name}");
        assert!(runbook.assume_role.is_some(), "{name}");
        assert!(!runbook.outputs.is_empty(), "{name} gives nothing back");
        for step in runbook
            .steps
            .iter()
            .filter(|step| step.action == "aws:runCommand")
        {
            let inputs = &step.whole["inputs"];
            assert!(
                inputs["TimeoutSeconds"].as_u64().unwrap() <= 60,
                "{name}: delivery"
            );
            assert!(
                !inputs["Parameters"]["executionTimeout"].is_null(),
                "{name}"
            );
            let lines = inputs["Parameters"]["commands"]
                .as_array()
                .into_iter()
                .flatten();
            for line in lines
                .filter_map(|line| line.as_str())
                .filter(|line| line.contains("{{"))
            {
                // A value stands in an export alone, and its parameter says what it may be.
                let (_, inside) = line
                    .split_once("='{{ ")
                    .unwrap_or_else(|| panic!("{name}: {line}"));
                let parameter = inside.split(' ').next().unwrap();
                let declared = &runbook.parameters[parameter];
                let closed = declared.pattern.is_some() || !declared.allowed.is_empty();
                assert!(
                    line.starts_with("export ") && (closed || declared.kind == "Integer"),
                    "{line}"
                );
            }
        }
    }
}

#[test]
fn what_is_wrong_with_a_document_is_found() {
    let (_, text) = embedded::AUTOMATIONS
        .iter()
        .find(|(name, _)| *name == "restart-ecs-service")
        .unwrap();
    let broken = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        match Runbook::parse(&text.replacen(from, to, 1)) {
            Ok(runbook) => check(&runbook).join("; "),
            Err(error) => error.to_string(),
        }
    };
    for (from, to, why) in [
        ("schemaVersion: '0.3'", "schemaVersion: '2.2'", "0.3"),
        (
            "NextStep: ratio",
            "NextStep: nowhere",
            "there is no step nowhere",
        ),
        (
            "NextStep: ratio",
            "NextStep: notActive",
            "step ratio cannot be reached",
        ),
        (
            "'{{ ClusterName }}'",
            "'{{ Cluster }}'",
            "there is no parameter Cluster",
        ),
        (
            "'{{ look.Running }}'",
            "'{{ look.Runs }}'",
            "step look has no output Runs",
        ),
        (
            "'{{ look.Running }}'",
            "'{{ lock.Running }}'",
            "there is no step lock",
        ),
        (
            "action: aws:branch",
            "action: aws:brunch",
            "there is no action aws:brunch",
        ),
        (
            "  - ratio.Percent",
            "  - ratio.Share",
            "step ratio has no output Share",
        ),
        ("^[a-zA-Z0-9_-]{1,255}$", "^[a-z", "no regular expression"),
        ("isEnd: true", "isLast: true", "there is no key isLast"),
    ] {
        let said = broken(from, to);
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn a_step_without_a_time_is_advised_against_and_is_published_all_the_same() {
    let (_, text) = embedded::AUTOMATIONS
        .iter()
        .find(|(name, _)| *name == "restart-ecs-service")
        .unwrap();
    let untimed = Runbook::parse(&text.replacen("    timeoutSeconds: 60\n", "", 1)).unwrap();
    assert_eq!(check(&untimed), Vec::<String>::new());
    let advised = advice(&untimed);
    assert_eq!(advised.len(), 1, "{advised:?}");
    assert!(advised[0].contains("set timeoutSeconds"), "{advised:?}");
}

#[test]
fn an_approval_that_does_not_come_before_every_change_is_none() {
    let of = |steps: &str| {
        let text = format!("schemaVersion: '0.3'\nmainSteps:\n{steps}");
        unapproved(&Runbook::parse(&text).unwrap())
    };
    let gate = "- {name: gate, action: 'aws:approve', inputs: {}}\n";
    let look = "- {name: look, action: 'aws:executeAwsApi', inputs: {Service: ec2, Api: DescribeInstances}}\n";
    let stop =
        "- {name: stop, action: 'aws:executeAwsApi', inputs: {Service: ec2, Api: StopInstances}}\n";
    assert_eq!(of(&format!("{look}{gate}{stop}")), None);
    assert_eq!(of(&format!("{stop}{gate}")).as_deref(), Some("stop"));
    let rejected = gate.replace("inputs", "onFailure: Continue, inputs");
    assert_eq!(of(&format!("{rejected}{stop}")).as_deref(), Some("stop"));
    let past = "- {name: choose, action: 'aws:branch', inputs: {Choices: [{NextStep: stop}], Default: gate}}\n";
    assert_eq!(of(&format!("{past}{gate}{stop}")).as_deref(), Some("stop"));
    let looped = |inner: &str| {
        let inner = inner.replace("- {", "      - {");
        format!(
            "- name: each\n  action: aws:loop\n  inputs:\n    Iterators: [a]\n    Steps:\n{inner}"
        )
    };
    assert_eq!(of(&looped(&format!("{gate}{stop}"))), None);
    assert_eq!(of(&looped(stop)).as_deref(), Some("stop"));
}

#[test]
fn a_pattern_that_this_engine_does_not_know_is_no_mistake() {
    let with = |pattern: &str| {
        let text = format!(
            "schemaVersion: '0.3'\nparameters: {{Name: {{type: String, allowedPattern: '{pattern}'}}}}\nmainSteps: [{{name: a, action: 'aws:sleep', inputs: {{Duration: PT1S}}}}]"
        );
        check(&Runbook::parse(&text).unwrap()).join("; ")
    };
    for known in ["^(?!xn--)[a-z0-9]+$", "(?<=a)b", "^(a)\\1$", "^[a-z]+$"] {
        assert_eq!(with(known), "", "{known}");
    }
    assert!(with("^[a-z").contains("no regular expression"));
}

#[test]
fn the_steps_of_a_loop_are_checked_among_themselves() {
    let looped = |steps: &str, more: &str| {
        let text = format!(
            "schemaVersion: '0.3'\nparameters: {{Ids: {{type: StringList}}}}\nmainSteps:\n- name: each\n  action: aws:loop\n  inputs:\n    Iterators: '{{{{ Ids }}}}'\n    Steps:\n{steps}{more}"
        );
        check(&Runbook::parse(&text).unwrap()).join("; ")
    };
    let valid = "    - {name: ask, action: 'aws:approve', nextStep: stop, inputs: {Message: '{{ each.CurrentIteratorValue }}'}}\n    - {name: stop, action: 'aws:executeAwsApi', inputs: {Service: ec2, Api: StopInstances, Note: '{{ ask.ApprovalStatus }}'}, outputs: [{Name: State, Selector: $.State, Type: String}]}\n";
    assert_eq!(looped(valid, ""), "");
    let after = "- {name: after, action: 'aws:sleep', inputs: {Duration: '{{ stop.State }}'}}\n";
    assert_eq!(looped(valid, after), "");
    for (from, to, why) in [
        (
            "nextStep: stop",
            "nextStep: after",
            "no step after in the loop each",
        ),
        (
            "nextStep: stop",
            "isEnd: true",
            "step stop cannot be reached",
        ),
        (
            "ask.ApprovalStatus",
            "ask.Answer",
            "step ask has no output Answer",
        ),
        (
            "aws:executeAwsApi",
            "aws:call",
            "there is no action aws:call",
        ),
        ("name: stop", "name: each", "two steps are named each"),
        (
            "{name: stop, action",
            "{action",
            "each with a name and an action",
        ),
    ] {
        assert!(valid.contains(from), "{from}");
        let said = looped(&valid.replacen(from, to, 1), after);
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn every_shipped_document_runs_in_the_simulator_and_boto3_reads_it() {
    let world = World::new();
    let scenario = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/automation/scenario.toml"
    );
    let server = simulate(&world, scenario, "100");
    let ran = run_python("boto3_documents.py", &server.endpoint);
    assert_eq!(ran.lines().collect::<Vec<_>>(), SHIPPED);
}

#[test]
fn a_file_that_cannot_be_read_is_one_row_and_hides_no_other() {
    let world = World::new();
    let folder = world.path("playbooks/automation");
    std::fs::create_dir_all(folder.join("a-folder.yaml")).unwrap();
    std::os::unix::fs::symlink("nobody@host.1:2", folder.join(".#warm-cache.yaml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.join("endless.yaml")).unwrap();
    nix::unistd::mkfifo(&folder.join("pipe.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::write(folder.join("restart-service.yaml"), b"\xff").unwrap();
    std::fs::write(folder.join("x\u{1b}[31m.yaml"), "schemaVersion: '0.3'").unwrap();
    let said = world.run(&["automation", "list", "--offline"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(!said.out.contains('\u{1b}'), "{said:?}");
    for wanted in [
        "a-folder",
        "endless",
        "pipe",
        "warm-cache",
        "is not text in UTF-8",
    ] {
        assert!(said.out.contains(wanted), "{wanted}: {}", said.out);
    }
    assert!(!said.out.contains(".#warm-cache"), "{}", said.out);
    let rows = said.out.lines().filter(|line| !line.starts_with(' '));
    assert_eq!(rows.count(), SHIPPED.len() + 4, "{}", said.out);
}

#[test]
fn output_that_nobody_can_take_is_an_error_and_no_crash() {
    let world = World::new();
    for arguments in [
        &["automation", "list", "--offline"][..],
        &["healing", "list"],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let child = world
            .standdown(arguments)
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let said = child.wait_with_output().unwrap();
        let why = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(1), "{why}");
        assert!(why.contains("failed to write the output"), "{why}");
    }
}

#[test]
fn documents_are_compared_and_published() {
    let world = World::new();
    let server = simulate(&world, "stuck-instance", "1");
    let said = |arguments: &[&str]| account(&world, &server.endpoint, arguments);
    let same = said(&["automation", "diff"]);
    assert_eq!(same.code, 0, "{same:?}");
    let (_, text) = embedded::AUTOMATIONS[0];
    world.write(
        "playbooks/automation/fail-over-route.yaml",
        text.replace("timeoutSeconds: 60", "timeoutSeconds: 90"),
    );
    world.write(
        "playbooks/automation/of-ours.yaml",
        text.replace("once that is healthy", "once it is healthy"),
    );
    let differs = said(&["automation", "diff"]);
    assert_eq!(differs.code, 1, "{differs:?}");
    assert!(
        differs.out.contains("+    timeoutSeconds: 90")
            && differs.out.contains("of-ours: not in the account"),
        "{}",
        differs.out
    );
    let wrong = said(&["automation", "publish", "of-our"]);
    assert!(
        wrong.code == 2 && wrong.err.contains("did you mean of-ours?"),
        "{wrong:?}"
    );
    let refused = said(&["--read-only", "automation", "publish"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let published = said(&["automation", "publish"]);
    assert!(published.out.contains("of-ours: created"), "{published:?}");
    assert!(
        published
            .out
            .contains("fail-over-route: left alone: somebody else"),
        "what is not tagged is not ours: {published:?}"
    );
    world.write(
        "playbooks/automation/of-ours.yaml",
        text.replace("once that is healthy", "where it is healthy"),
    );
    let again = said(&["automation", "publish", "of-ours"]);
    assert!(
        again.out.contains("of-ours: version 2 is the default now"),
        "{again:?}"
    );
    let unchanged = said(&["automation", "publish", "of-ours"]);
    assert!(
        unchanged.out.contains("of-ours: unchanged"),
        "{unchanged:?}"
    );
    world.write(
        "playbooks/automation/of-ours.yaml",
        "schemaVersion: '0.3'\nmainSteps: []\n",
    );
    let broken = said(&["automation", "publish"]);
    assert!(
        broken.code == 1 && broken.err.contains("nothing was published"),
        "{broken:?}"
    );
}
