//! A simulated AWS on a loopback port.
//!
//! Written from the services' API references and protocol specifications alone. It must share
//! no code with `aws/` or `actions/`: a misunderstanding of AWS must not be able to agree with
//! itself.

mod alarms;
mod automations;
mod commands;
mod documents;
mod ledger;
mod messages;
mod runbook;
mod server;
mod services;
mod signature;
mod wire;
mod world;

pub use server::{ListenError, Simulator};
pub use world::World;
