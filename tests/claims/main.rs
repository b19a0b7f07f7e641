//! What the console says is true: each statement against a record, or a receiver, that would make it
//! false.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod decisions;
mod pages;
mod walk;
