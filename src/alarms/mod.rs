//! Live alarms: fetched, compared with what was known, and how old that is.
//!
//! Each source is asked on its own; the board is what all of them know. It must never hide that
//! a source is late, and never let one source's failure touch the rows of another.

mod board;
mod convert;
mod cost;
mod details;
mod events;
mod facts;
mod feed;
mod history;
mod keeper;
mod severity;
mod source;
mod values;
mod watched;

pub use board::{Board, Key, Row, Seen, key};
pub use cost::{Cost, Line as CostLine, Watched};
pub use details::tags;
pub use events::{ServiceEvent, calendar, planned, services};
pub use facts::{Details, Facts, Kind, children};
pub use feed::{FeedSettings, fetch};
pub use history::{History, HistoryEntry, history, is_flapping, state_now};
pub use keeper::{Updates, watch};
pub use severity::{graded, severity};
pub use source::{Freshness, Source};
pub use values::{Rest, Series, Values, Wanted};
