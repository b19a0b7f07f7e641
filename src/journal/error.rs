//! Why the journal cannot be used, or did not do what it was asked.

use std::path::PathBuf;

use super::Lease;
use crate::incident::IncidentId;

const READ_ONLY: &str = "the file or its folder is read-only";

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file or its folder can only be read.
    #[error("failed to use the journal: {READ_ONLY}")]
    ReadOnly,
    /// SQLite refused.
    #[error("failed to use the journal: {}", plainly(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// A file cannot be made, read or protected.
    #[error("failed to use {}: {source}; {}", path.display(), remedy(path))]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file system has no locks, or no memory that processes share.
    #[error("failed to use {}: {why}; the file system there ({kind}) lacks what a journal needs, locks and shared memory; set --state, or XDG_STATE_HOME, to a folder on a local disk", path.display())]
    FileSystem {
        /// The file.
        path: PathBuf,
        /// Its kind.
        kind: String,
        /// What failed.
        why: String,
    },
    /// A link stands where others can put one.
    #[error("failed to use {}: it is a link in a folder that others share; move it away", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Somebody else could write what is taken for the truth.
    #[error("the journal's {} can be written by {who}; {remedy}", path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Who else can write it.
        who: &'static str,
        /// What to do about it.
        remedy: String,
    },
    /// Something else stands where the journal was expected.
    #[error("failed to use the journal: {} is not a regular file; move it away", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// No home folder is known.
    #[error(
        "failed to find a folder for the journal: neither XDG_STATE_HOME nor HOME is set; set one of them, or --state"
    )]
    NoHome,
    /// A later version wrote it.
    #[error(
        "the journal has version {found}, this program knows {known}; install a newer standdown, nothing was changed"
    )]
    Newer {
        /// The version found.
        found: i64,
        /// The version known.
        known: i64,
    },
    /// The log holds events that SQLite passes over, because something before them is damaged.
    #[error("the journal's log is damaged")]
    DamagedLog,
    /// Another file stands at its path now.
    #[error("the journal's file was moved or replaced while it was open")]
    Moved,
    /// Another process has held the folder's lock for too long.
    #[error(
        "another standdown has been opening the journal for {seconds} s; try again, or end that process"
    )]
    Busy {
        /// How long it was waited for.
        seconds: u64,
    },
    /// An event cannot be written.
    #[error("failed to write event {sequence} of incident {incident}: {source}")]
    Unwritable {
        /// The incident.
        incident: IncidentId,
        /// The event.
        sequence: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// The journal's thread is gone.
    #[error("the journal's thread has ended; leave and start again")]
    Gone,
}

/// What to do about a file or folder that cannot be used.
fn remedy(path: &std::path::Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let there = path.ancestors().find(|one| one.exists());
    let owner = there.and_then(|there| Some((there, there.metadata().ok()?.uid())));
    let me = nix::unistd::geteuid();
    match owner {
        Some((there, owner)) if owner != me.as_raw() && !me.is_root() => {
            let name = |id: u32| {
                let user = nix::unistd::User::from_uid(id.into()).ok().flatten();
                user.map_or_else(|| id.to_string(), |user| user.name)
            };
            format!(
                "{} belongs to {}: let it be yours (sudo chown -R {} {}), or set --state to a folder that you can write",
                there.display(),
                name(owner),
                name(me.as_raw()),
                there.display()
            )
        }
        _ => "set --state to a folder that you can write".to_owned(),
    }
}

/// What SQLite says, in the words of somebody who has to do something about it.
fn plainly(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    let Some(code) = error.sqlite_error_code() else {
        return error.to_string();
    };
    match code {
        ErrorCode::DiskFull => "disk full".into(),
        ErrorCode::ReadOnly => READ_ONLY.into(),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another process holds it locked".into()
        }
        ErrorCode::DatabaseCorrupt => "the file is corrupt".into(),
        ErrorCode::NotADatabase => "the file is not a journal".into(),
        ErrorCode::CannotOpen => "the file cannot be opened".into(),
        ErrorCode::SystemIoFailure => {
            format!("the disk failed, or a size limit was reached ({error})")
        }
        _ => error.to_string(),
    }
}

/// Whether the file beside the journal that processes share could not be mapped or made.
/// <https://www.sqlite.org/rescode.html#ioerr_shmmap>
fn is_shared_memory(error: &rusqlite::Error) -> bool {
    const SHARED: [i32; 4] = [
        rusqlite::ffi::SQLITE_IOERR_SHMMAP,
        rusqlite::ffi::SQLITE_IOERR_SHMOPEN,
        rusqlite::ffi::SQLITE_IOERR_SHMSIZE,
        rusqlite::ffi::SQLITE_IOERR_SHMLOCK,
    ];
    error
        .sqlite_error()
        .is_some_and(|error| SHARED.contains(&error.extended_code))
}

impl JournalError {
    /// Says where it is the file system's fault: what SQLite calls busy may be a disk without locks.
    pub(super) fn explained(self, path: &std::path::Path) -> Self {
        use rusqlite::ErrorCode;
        let Self::Sqlite(error) = &self else {
            return self;
        };
        let suspect = matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::FileLockingProtocolFailed
            )
        );
        let folder = path.parent().unwrap_or(path);
        let why = match super::filesystem::cannot_lock(folder) {
            _ if !suspect => return self,
            Some(refused) => format!("a lock was refused ({refused})"),
            None if is_shared_memory(error) => "memory could not be shared".to_owned(),
            None => return self,
        };
        let kind = super::filesystem::kind(path).unwrap_or_else(|| "unknown".into());
        Self::FileSystem {
            path: path.to_owned(),
            kind,
            why,
        }
    }

    /// Tells whether it can only be read. A connection stays as it was opened.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::ReadOnly)
            || matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly))
    }

    /// Tells whether the file itself is damaged.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        use rusqlite::ErrorCode;
        matches!(self, Self::DamagedLog)
            || matches!(self, Self::Sqlite(error) if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ))
    }
}

/// Why events were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote first; load what they wrote and decide again.
    #[error(
        "somebody else wrote to incident {incident} meanwhile (it is at event {found}, not {expected})"
    )]
    Conflict {
        /// The incident.
        incident: IncidentId,
        /// The last event there is.
        found: u64,
        /// The last event the writer knew.
        expected: u64,
    },
    /// Somebody else writes the incident now.
    #[error("{} writes incident {incident} now", by.as_ref().map_or("nobody".into(), |lease| lease.holder.to_string()))]
    NotTheWriter {
        /// The incident.
        incident: IncidentId,
        /// Who does.
        by: Option<Box<Lease>>,
    },
    /// It came from elsewhere, and is not continued here.
    #[error(
        "incident {0} was imported: it can be read, and not continued; go on where it was recorded"
    )]
    Imported(IncidentId),
    /// A healing may not begin.
    #[error("the healing does not act: {0}")]
    NotHealed(String),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for AppendError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// Why an incident was not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// None has such an id.
    #[error(
        "no incident's id begins with {0:?}; an id looks like 20261120-4f3a9c, and `standdown incidents` lists them"
    )]
    None(String),
    /// Several have.
    #[error("{count} incidents' ids begin with {prefix:?}; write more of the id")]
    Several {
        /// What was asked for.
        prefix: String,
        /// How many fit.
        count: usize,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}
