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
        "stuck-instance.toml",
        include_str!("../playbooks/rehearsals/stuck-instance.toml"),
    ),
];

/// Automation documents, by name.
pub const AUTOMATIONS: &[(&str, &str)] = &[];

/// Themes.
pub const THEMES: &[(&str, &str)] = &[
    ("dark", include_str!("../themes/dark.toml")),
    ("light", include_str!("../themes/light.toml")),
];
