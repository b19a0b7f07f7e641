//! standdown.
pub mod actions;
pub mod alarms;
pub mod aws;
pub mod cli;
pub mod config;
pub mod document;
pub mod embedded;
pub mod engine;
pub mod expression;
pub mod incident;
pub mod journal;
pub mod playbook;
pub mod rehearsal;
pub mod tui;
