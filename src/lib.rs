//! standdown.
pub mod actions;
pub mod aws;
pub mod document;
pub mod expression;
pub mod incident;
pub mod journal;
pub mod playbook;
