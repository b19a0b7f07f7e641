//! TOML documents that people write: playbooks, scenarios, themes, configuration.
//!
//! Reads a file into a tree in which every value knows where it stands, collects every
//! problem instead of stopping at the first, and shows them with the offending text
//! underlined. It knows nothing of what a document means.

mod file;
mod node;
mod problem;
mod reader;
mod words;

pub use file::{
    MAX_BYTES, Source, SourceError, is_kept, make_folder, others_can_change, trust_groups,
};
pub use node::{Kind, Node, parse};
pub use problem::{Level, Problem, Problems, render};
pub use reader::{Located, Reader};
pub use words::{harmless_json, hex, is_deceptive, nearest, sha256};
