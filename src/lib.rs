//! standdown: a terminal incident console, from the first alarm to stand-down, one step at a time.
//!
//! The map of the crate, from the bottom up; imports point downwards only:
//!
//! | module | what it is |
//! |---|---|
//! | [`document`], [`embedded`], [`redaction`], [`clock`] | TOML with places; files that are part of the binary; secrets masked; time that does not jump |
//! | [`expression`] | CEL: conditions, and what stands in `{{ }}` |
//! | [`playbook`] | the format, its checks, the graph, the catalog |
//! | [`incident`] | the core: commands in, events out; pure |
//! | [`journal`], [`aws`], [`config`] | the event store; the SDK at arm's length; settings |
//! | [`actions`], [`alarms`] | what steps run; the live board |
//! | [`engine`] | the one writer of an incident |
//! | [`rehearsal`], [`tui`] | a simulated AWS and the bot; the screen |
//! | [`cli`] | one file per subcommand |

pub mod actions;
pub mod alarms;
pub mod approvals;
pub mod aws;
pub mod breaker;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod detached;
pub mod document;
pub mod embedded;
pub mod engine;
pub mod expression;
pub mod incident;
pub mod journal;
pub mod notify;
pub mod playbook;
pub mod redaction;
pub mod rehearsal;
pub mod report;
pub mod runbook;
pub mod tui;
