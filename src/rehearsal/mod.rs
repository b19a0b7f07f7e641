//! Rehearsals: the console against a simulated AWS, playing a scenario.
//!
//! The simulator speaks the services' own wire protocols on a loopback port, so the console's
//! AWS code runs unchanged. In a rehearsal nothing local is executed and nothing outside the
//! simulator is reached.

pub mod bot;
mod programs;
pub mod scenario;
pub mod simulator;

pub use programs::{RehearsedPrograms, control};
pub use scenario::{MOST_SYNTHETIC, Scenario};
pub use simulator::{Simulator, World};
