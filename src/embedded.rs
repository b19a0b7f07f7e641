//! Files that are part of the binary: playbooks, scenarios, themes.

/// Playbooks, and the escalation paths.
pub const PLAYBOOKS: &[(&str, &str)] = &[
    (
        "cpu-high-utilization.toml",
        include_str!("../playbooks/cpu-high-utilization.toml"),
    ),
    (
        "database-connection-issues.toml",
        include_str!("../playbooks/database-connection-issues.toml"),
    ),
    (
        "dynamodb-throttling.toml",
        include_str!("../playbooks/dynamodb-throttling.toml"),
    ),
    (
        "ecs-service-unhealthy.toml",
        include_str!("../playbooks/ecs-service-unhealthy.toml"),
    ),
    (
        "instance-unreachable.toml",
        include_str!("../playbooks/instance-unreachable.toml"),
    ),
    (
        "escalation.toml",
        include_str!("../playbooks/escalation.toml"),
    ),
];

/// Scenarios to rehearse.
pub const SCENARIOS: &[(&str, &str)] = &[
    (
        "cpu-spike.toml",
        include_str!("../playbooks/rehearsals/cpu-spike.toml"),
    ),
    (
        "db-connections.toml",
        include_str!("../playbooks/rehearsals/db-connections.toml"),
    ),
    (
        "dynamodb-throttling.toml",
        include_str!("../playbooks/rehearsals/dynamodb-throttling.toml"),
    ),
    (
        "ecs-unhealthy.toml",
        include_str!("../playbooks/rehearsals/ecs-unhealthy.toml"),
    ),
    (
        "stuck-instance.toml",
        include_str!("../playbooks/rehearsals/stuck-instance.toml"),
    ),
];

/// Healing rules.
pub const HEALING: &[(&str, &str)] = &[
    (
        "asg-capacity-healing.toml",
        include_str!("../playbooks/healing/asg-capacity-healing.toml"),
    ),
    (
        "backup-verification-healing.toml",
        include_str!("../playbooks/healing/backup-verification-healing.toml"),
    ),
    (
        "cache-invalidation-healing.toml",
        include_str!("../playbooks/healing/cache-invalidation-healing.toml"),
    ),
    (
        "circuit-breaker-healing.toml",
        include_str!("../playbooks/healing/circuit-breaker-healing.toml"),
    ),
    (
        "connection-pool-healing.toml",
        include_str!("../playbooks/healing/connection-pool-healing.toml"),
    ),
    (
        "database-corruption-healing.toml",
        include_str!("../playbooks/healing/database-corruption-healing.toml"),
    ),
    (
        "dynamodb-throttling-healing.toml",
        include_str!("../playbooks/healing/dynamodb-throttling-healing.toml"),
    ),
    (
        "ebs-volume-healing.toml",
        include_str!("../playbooks/healing/ebs-volume-healing.toml"),
    ),
    (
        "ec2-instance-healing.toml",
        include_str!("../playbooks/healing/ec2-instance-healing.toml"),
    ),
    (
        "ecs-service-healing.toml",
        include_str!("../playbooks/healing/ecs-service-healing.toml"),
    ),
    (
        "lambda-function-healing.toml",
        include_str!("../playbooks/healing/lambda-function-healing.toml"),
    ),
    (
        "memory-leak-healing.toml",
        include_str!("../playbooks/healing/memory-leak-healing.toml"),
    ),
    (
        "rds-instance-healing.toml",
        include_str!("../playbooks/healing/rds-instance-healing.toml"),
    ),
    (
        "route-healing.toml",
        include_str!("../playbooks/healing/route-healing.toml"),
    ),
    (
        "target-group-healing.toml",
        include_str!("../playbooks/healing/target-group-healing.toml"),
    ),
];

/// Automation documents, by name.
pub const AUTOMATIONS: &[(&str, &str)] = &[
    (
        "fail-over-route",
        include_str!("../playbooks/automation/fail-over-route.yaml"),
    ),
    (
        "isolate-instance",
        include_str!("../playbooks/automation/isolate-instance.yaml"),
    ),
    (
        "raise-dynamodb-capacity",
        include_str!("../playbooks/automation/raise-dynamodb-capacity.yaml"),
    ),
    (
        "reboot-rds-instance",
        include_str!("../playbooks/automation/reboot-rds-instance.yaml"),
    ),
    (
        "repair-ebs-volume",
        include_str!("../playbooks/automation/repair-ebs-volume.yaml"),
    ),
    (
        "replace-ec2-instance",
        include_str!("../playbooks/automation/replace-ec2-instance.yaml"),
    ),
    (
        "reset-circuit-breaker",
        include_str!("../playbooks/automation/reset-circuit-breaker.yaml"),
    ),
    (
        "reset-connection-pool",
        include_str!("../playbooks/automation/reset-connection-pool.yaml"),
    ),
    (
        "restart-ecs-service",
        include_str!("../playbooks/automation/restart-ecs-service.yaml"),
    ),
    (
        "restart-service",
        include_str!("../playbooks/automation/restart-service.yaml"),
    ),
    (
        "restore-rds-point-in-time",
        include_str!("../playbooks/automation/restore-rds-point-in-time.yaml"),
    ),
    (
        "rollback-lambda-alias",
        include_str!("../playbooks/automation/rollback-lambda-alias.yaml"),
    ),
    (
        "run-command",
        include_str!("../playbooks/automation/run-command.yaml"),
    ),
    (
        "set-asg-capacity",
        include_str!("../playbooks/automation/set-asg-capacity.yaml"),
    ),
    (
        "shift-target-group-weight",
        include_str!("../playbooks/automation/shift-target-group-weight.yaml"),
    ),
    (
        "start-backup-job",
        include_str!("../playbooks/automation/start-backup-job.yaml"),
    ),
    (
        "stop-unhealthy-ecs-tasks",
        include_str!("../playbooks/automation/stop-unhealthy-ecs-tasks.yaml"),
    ),
    (
        "warm-cache",
        include_str!("../playbooks/automation/warm-cache.yaml"),
    ),
];

/// Themes.
pub const THEMES: &[(&str, &str)] = &[
    ("dark", include_str!("../themes/dark.toml")),
    ("light", include_str!("../themes/light.toml")),
    (
        "high-contrast",
        include_str!("../themes/high-contrast.toml"),
    ),
    ("colour-blind", include_str!("../themes/colour-blind.toml")),
    ("sixteen", include_str!("../themes/sixteen.toml")),
    ("none", include_str!("../themes/none.toml")),
];
