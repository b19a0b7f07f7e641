//! Agreement of a second person, who is logged in to this host as themselves.
//!
//! A request and the answers to it are files in one folder that everybody of a group can write
//! into. Who wrote a file is what the operating system says of the open file, and never what
//! stands in it: the folder is sticky, so nobody can rename or remove another one's file, and
//! files are made by their owner alone. What an answer is for is the digest of everything that was
//! on the screen, which the answering console computes from what it draws.
//!
//! Root is outside of this: root can be anybody.

mod answer;
mod file;
mod folder;
mod request;

pub use answer::{Answer, Decision, Given, answers, tidy, write_answer};
pub use folder::{Folder, FolderError};
pub use request::{Request, Sent};

/// The folder through which people on this host agree, unless root's configuration names another one.
pub const USUAL: &str = "/var/lib/standdown/approvals";

/// How many characters of a digest name a request: enough to tell any two apart.
const NAMED: usize = 16;

/// The short name of a request: the beginning of its digest.
#[must_use]
pub fn name(digest: &str) -> &str {
    digest.get(..NAMED).unwrap_or(digest)
}

/// What an AWS identity is proved for: one description, and one user of this host.
#[must_use]
pub fn proved(digest: &str, uid: u32) -> String {
    format!("{digest}:{uid}")
}

/// Why a file of the folder does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened.
    #[error("it cannot be opened: {0}")]
    Open(String),
    /// It is a link, a pipe, or anything else but a file.
    #[error("it is not a regular file")]
    NotRegular,
    /// It has another name as well: somebody else could have made this one.
    #[error("it has {0} names; a file that counts has one")]
    Linked(u64),
    /// Others can write it.
    #[error("others than its owner can write it (mode {0:o})")]
    Writable(u32),
    /// It is too large.
    #[error("it has {0} bytes, and no file here is so large")]
    Large(u64),
    /// It is not what it should be.
    #[error("it cannot be read: {0}")]
    Garbled(String),
    /// It stands under the name of somebody else.
    #[error("it says uid {named} in its name, and belongs to uid {owner}")]
    OtherOwner {
        /// Whose it claims to be.
        named: u32,
        /// Whose it is.
        owner: u32,
    },
    /// It is about something else.
    #[error("it is about another description than the one that waits")]
    OtherDigest,
    /// The request was another one when it was answered.
    #[error("what they saw is not what was asked: the reason, the end or the kind of it differ")]
    OtherRequest,
    /// It does not name what is changed.
    #[error("it does not name what is changed")]
    NotConfirmed,
    /// Its owner does not belong to the group.
    #[error("{user} is not a member of the group {group}")]
    NotInGroup {
        /// Its owner.
        user: String,
        /// The group.
        group: String,
    },
}
