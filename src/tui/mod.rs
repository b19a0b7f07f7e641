//! The screen: a model, an update, a view.
//!
//! The model imports nothing of ratatui's widgets; the view draws from it and changes nothing;
//! what has to be done is returned as data. It owns no state of an incident, and it must never
//! wait for a disk, a lock or a network.

mod app;
mod clipboard;
mod form;
mod lean;
mod left;
mod message;
mod model;
mod panes;
mod remembered;
mod reports;
mod signals;
mod terminal;
mod text;
mod theme;
mod update;
mod view;

pub use app::{
    Acknowledge, Front, Looks, Manners, Opened, Reload, Reply, Surroundings, Writing, open, run,
    run_plain, without_replies,
};
pub use lean::sgr_color;
pub use left::{How, Left};
pub use message::{Message, Request};
pub use model::{Header, Model, Order, Screen, Zone, columns};
pub use panes::{Asked, Healings, ListLine, Listing, Lists, Requests, Rule};
pub use remembered::{Remembered, place as remembered_place};
pub use reports::{Reports, ask as ask_terminal};
pub use terminal::TerminalError;
pub use text::{against, age, clean, column, wrap};
pub use theme::{LEAST_CONTRAST, ROLES, Role, Theme, ThemeError, flat};
pub use update::update;
pub use view::view;
