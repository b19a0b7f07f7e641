//! The screen: a model, an update, a view.
//!
//! The model imports nothing of ratatui's widgets; the view draws from it and changes nothing;
//! what has to be done is returned as data. It owns no state of an incident, and it must never
//! wait for a disk, a lock or a network.

mod app;
mod commands;
mod form;
mod left;
mod message;
mod model;
mod panes;
mod signals;
mod terminal;
mod text;
mod theme;
mod update;
mod view;

pub use app::{Reply, Surroundings, run};
pub use commands::{COMMANDS, CommandId, Place};
pub use left::{How, Left};
pub use message::{Message, Request};
pub use model::{Header, Model, Order, Screen};
pub use panes::{Asked, Healings, ListLine, Listing, Lists, Requests, Rule};
pub use terminal::TerminalError;
pub use text::{against, age, clean, column};
pub use theme::{Depth, Role, Theme, ThemeError};
pub use update::update;
pub use view::view;
