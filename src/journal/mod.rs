//! The journal: every event of every incident, durable before anything follows from it.
//!
//! One small interface over SQLite: append at an expected version, load, follow. Beside it stand
//! the lease that says who writes an incident, the chain of hashes that shows what was altered,
//! and the ways out and in: export and import. It must never interpret an event beyond storing
//! it, and never overwrite what it cannot read.

mod access;
mod acknowledgement;
mod chain;
mod codec;
mod error;
mod filesystem;
mod healing;
mod lease;
mod list;
mod load;
mod moments;
mod outbox;
mod recovery;
mod row;
mod schema;
mod store;
mod tally;
mod told;
mod transfer;
mod verify;
mod wal;

pub use access::{lock_file, state_folder};
pub use acknowledgement::Acknowledgement;
pub use chain::{Hash, HashError};
pub use error::{AppendError, FindError, JournalError};
pub use healing::{ALL, HealingRecord, HealingStatus, Switch};
pub use lease::{Holder, Lease};
pub use list::{Imported, Summary};
pub use moments::{Moment, MomentSource};
pub use outbox::{Message, Subscription};
pub use recovery::Recovered;
pub use store::{Journal, Loaded};
pub use tally::{Counts, Tally, is_on};
pub use told::Topic;
pub use transfer::{Export, ExportError, Import, ImportError};
pub use verify::{Broken, Fault, HeadPlace, Verification};
