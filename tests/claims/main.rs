//! What the console says is true: each statement against a record, or a receiver, that would make it
//! false.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod changes;
mod decisions;
mod healing;
mod pages;
mod record;
mod walk;
