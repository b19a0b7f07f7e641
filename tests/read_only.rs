//! Where nothing may be changed, no command changes anything or lets it be changed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use support::World;

#[test]
fn every_command_that_changes_something_is_refused() {
    let world = World::new();
    for arguments in [
        &["approve", "0123456789abcdef"][..],
        &["deny", "0123456789abcdef", "--why", "no"],
        &["healing", "run", "rds-instance-healing", "orders"],
        &["healing", "enable", "rds-instance-healing"],
        &["healing", "stop-all", "--off"],
        &["automation", "publish"],
    ] {
        for (flag, variable) in [(true, false), (false, true)] {
            let mut all = arguments.to_vec();
            if flag {
                all.push("--read-only");
            }
            let mut command = world.standdown(&all);
            if variable {
                command.env("STANDDOWN_READ_ONLY", "1");
            }
            let said = support::Said::from(command.output().unwrap());
            assert_eq!(said.code, 1, "{arguments:?}: {said:?}");
            assert!(
                said.err.contains("this is read-only ("),
                "{arguments:?}: {said:?}"
            );
        }
    }
    // What stops something is never refused.
    let stopped = world.run(&["healing", "stop-all", "--read-only"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
}
