//! The AWS SDK at arm's length: clients for one profile and region, the caller's identity, and
//! errors that say what to do.
//!
//! Turns settings into clients and SDK errors into [`AwsError`]; it must never hold state of
//! an incident, and never decide what a response means.

mod clients;
mod clock;
mod error;

pub use clients::{Aws, AwsSettings, ConnectError, Identity, READ_TIMEOUT};
pub(crate) use clock::AwsClock;
pub use error::{AwsError, Class, describe};
