//! Live alarms: fetched, compared with what was known, and how old that is.
//!
//! The feed asks; the board is what it knows. It must never hide that a source is late.

mod board;
mod convert;
mod feed;
mod history;
mod severity;
mod values;

pub use board::{Board, Freshness, Row};
pub use feed::{FeedSettings, fetch, watch};
pub use history::{History, HistoryEntry, history, is_flapping};
pub use severity::severity;
pub use values::fetch as fetch_values;
