//! A document's text and its name, read with a bound.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest document read, in bytes. Shipped playbooks are below 32 KiB; a file beyond
/// this is a mistake, and reading it would stall the console.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// A document's name (as shown in messages) and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path, or a name such as `embedded:cpu-high-utilization.toml`.
    pub name: Arc<str>,
    /// The text, valid UTF-8.
    pub text: Arc<str>,
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operating system refused.
    #[error("failed to read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A directory, device, socket or pipe stands where a file was expected.
    #[error("failed to read {}: it is not a regular file; put one in its place", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is larger than [`MAX_BYTES`].
    #[error("failed to read {}: it is larger than 1 MiB; split it, or check that it is the right file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not text.
    #[error("failed to read {}: byte {offset} is not text in UTF-8; save the file as UTF-8 without NUL", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where the first bad byte stands, from 0.
        offset: usize,
    },
}

/// Tells whether nobody but root, this user, or the members of a group that has none but its
/// owner can change a file.
#[must_use]
pub fn is_kept(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let kept = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|metadata| {
            let mine = [0, nix::unistd::geteuid().as_raw()].contains(&metadata.uid());
            let others = metadata.mode() & 0o002 != 0;
            let group =
                metadata.mode() & 0o020 != 0 && !is_private_group(metadata.uid(), metadata.gid());
            mine && !others && !group
        })
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    kept(path) && kept(folder.unwrap_or(Path::new(".")))
}

/// A group of the user's own name and nobody else, as most distributions give every user.
fn is_private_group(owner: u32, group: u32) -> bool {
    let user = nix::unistd::User::from_uid(owner.into()).ok().flatten();
    let group = nix::unistd::Group::from_gid(group.into()).ok().flatten();
    user.zip(group).is_some_and(|(user, group)| {
        user.gid == group.gid
            && group.name == user.name
            && group.mem.iter().all(|member| *member == user.name)
    })
}

impl Source {
    /// Makes a source from text that is already at hand.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Reads a file of at most [`MAX_BYTES`].
    ///
    /// # Errors
    /// When the file is missing, unreadable, not a regular file, too large, or not UTF-8.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        let io = |source| SourceError::Io {
            path: path.to_owned(),
            source,
        };
        // The kind is asked before opening: opening a pipe would wait for its writer.
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(SourceError::NotAFile {
                path: path.to_owned(),
            });
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .map_err(io)?
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SourceError::TooLarge {
                path: path.to_owned(),
            });
        }
        let text = String::from_utf8(bytes).map_err(|error| SourceError::NotText {
            path: path.to_owned(),
            offset: error.utf8_error().valid_up_to(),
        })?;
        if let Some(offset) = text.find('\0') {
            return Err(SourceError::NotText {
                path: path.to_owned(),
                offset,
            });
        }
        Ok(Self::new(path.display().to_string(), text))
    }
}
