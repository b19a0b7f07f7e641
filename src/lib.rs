//! standdown.
pub mod actions;
pub mod aws;
pub mod document;
pub mod expression;
pub mod incident;
pub mod journal;
pub mod playbook;
pub mod alarms;
pub mod engine;
pub mod rehearsal;
pub mod cli;
pub mod config;
pub mod embedded;
pub mod tui;
