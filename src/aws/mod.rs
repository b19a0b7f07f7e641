//! The AWS SDK at arm's length: clients for each profile and region, the caller's identity, and
//! errors that say what to do.
//!
//! Turns settings into clients and SDK errors into [`AwsError`]; it must never hold state of
//! an incident, and never decide what a response means.

mod breakers;
mod caller;
mod certificates;
mod clients;
mod clock;
pub mod console_links;
mod credentials;
mod error;
mod http;
mod limits;
mod log_group;
pub mod machine;
mod pool;
mod quotas;
mod reach;

pub use breakers::Broken;
pub use certificates::{Certificates, untrusted};
pub use clients::{Aws, AwsSettings, ConnectError, Identity, READ_TIMEOUT};
pub(crate) use clock::AwsClock;
pub use credentials::{NoCredentials, Shared, Store};
pub use error::{AwsError, Class, describe};
pub use limits::Pages;
pub use log_group::LogGroup;
pub use pool::{Place, Pool};
pub use quotas::Quota;
pub use reach::{Home, Reach};
