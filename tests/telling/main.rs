//! Who is asked next, what others are told, and what an incident leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../support/engine.rs"]
mod engine_support;
#[path = "../support/inbox.rs"]
mod inbox;
#[path = "../support/receiver.rs"]
mod receiver;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/terminal.rs"]
mod terminal;

mod channels;
mod escalation;
mod generated;
mod levels;
mod panes;
mod receivers;
mod report;
mod shop;
mod statistics;
mod timeline;
