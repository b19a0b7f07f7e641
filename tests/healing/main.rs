//! Healing rules: what sets them off, what holds them back, and that no two act at once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/engine.rs"]
mod engine_support;
#[path = "../support/receiver.rs"]
mod receiver;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/terminal.rs"]
mod terminal;

mod acts;
mod limits;
mod race;
mod tells;

use support::World;

/// The shipped rules, as the documentation lists them.
const TABLE: &str = "\
| rule | layer | trigger | action | cooldown | attempts | parameters |
|---|---|---|---|---|---|---|
| ec2-instance-healing | infrastructure | instance_status_check_failed | replace | 600 | 3 | grace 300 s, immediate, preserve Elastic IP |
| asg-capacity-healing | infrastructure | unhealthy_instance_threshold | scale | 300 | 5 | out by 2, ELB health, terminate unhealthy |
| ebs-volume-healing | infrastructure | volume_io_performance_degraded | repair | 1800 | 2 | snapshot, no forced detach, gp3 |
| ecs-service-healing | platform | service_unhealthy_tasks | restart | 300 | 3 | force new deployment, desired + 1, stop unhealthy tasks |
| lambda-function-healing | platform | high_error_rate | rollback | 600 | 2 | previous version, update alias, notify |
| rds-instance-healing | platform | database_connection_failures | restart | 1800 | 2 | backup first, no failover, no pending maintenance |
| dynamodb-throttling-healing | platform | throttled_requests | scale | 300 | 3 | × 1.5 |
| circuit-breaker-healing | application | circuit_breaker_open | repair | 300 | 5 | reset, gradual, 10 % test traffic |
| memory-leak-healing | application | high_memory_usage | restart | 600 | 3 | at 85 %, graceful, heap dump first |
| connection-pool-healing | application | connection_pool_exhausted | repair | 180 | 4 | reset, larger pool, timeout 30 s |
| database-corruption-healing | data | data_corruption_detected | rollback | 3600 | 2 | point in time, verify integrity; never auto |
| cache-invalidation-healing | data | cache_hit_rate_low | repair | 300 | 3 | warm, invalidate stale, adjust TTL |
| backup-verification-healing | data | backup_verification_failed | repair | 7200 | 2 | new backup, test restore, update schedule |
| route-healing | network | network_path_down | failover | 600 | 2 | healthy route |
| target-group-healing | network | target_group_unhealthy | failover | 300 | 3 | shift weight, shift back when healthy |
";

#[test]
fn the_table_of_rules_is_printed_from_their_files() {
    let listed = World::new().run(&["healing", "list"]);
    assert_eq!(
        (listed.code, listed.out.as_str()),
        (0, TABLE),
        "{}",
        listed.err
    );
    let readme = include_str!("../../README.md");
    for row in TABLE.lines() {
        assert!(readme.contains(row), "the README lacks: {row}");
    }
}

#[test]
fn a_rule_that_never_acts_by_itself_cannot_be_told_to() {
    let world = World::new();
    let (_, text) = standdown::embedded::HEALING
        .iter()
        .find(|(name, _)| *name == "database-corruption-healing.toml")
        .unwrap();
    world.write(
        "playbooks/healing/database-corruption-healing.toml",
        text.replace("mode = \"propose\"", "mode = \"auto\""),
    );
    let listed = world.run(&["healing", "list"]);
    assert!(
        listed.code == 1 && listed.out.contains("this rule never acts by itself"),
        "{listed:?}"
    );
    let (start, _) = text.split_once("cooldown = \"").unwrap();
    let (_, end) = text
        .split_once("cooldown = \"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap();
    world.write(
        "playbooks/healing/database-corruption-healing.toml",
        format!("{start}cooldown = \"0s\"{end}"),
    );
    let listed = world.run(&["healing", "list"]);
    assert!(
        listed.code == 1 && listed.out.contains("`cooldown` is no time at all"),
        "{listed:?}"
    );
}
