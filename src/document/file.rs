//! A document's text and its name, read with a bound.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

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
    /// Somebody else than root and this user can change the file.
    #[error("{} is refused: {why}; let root or yourself own it and every folder above it, and take the others' right to write (chmod go-w)", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Who can change it, and where.
        why: String,
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

/// Groups whose members may write files that are used here, by id: root's own configuration names
/// them.
static TRUSTED_GROUPS: OnceLock<Vec<u32>> = OnceLock::new();

/// Names the groups whose members may write files that are used here. The first call counts.
pub fn trust_groups(names: &[String]) {
    let known = names
        .iter()
        .filter_map(|name| nix::unistd::Group::from_name(name).ok().flatten());
    let ids = known.map(|group| group.gid.as_raw()).collect();
    // Settings are read once; whoever reads them again reads the same file.
    let _ = TRUSTED_GROUPS.set(ids);
}

/// Tells whether nobody but root and this user can change a file, or put another one in its place.
#[must_use]
pub fn is_kept(path: &Path) -> bool {
    others_can_change(path).is_none()
}

/// Why somebody else than root and this user can change a file, or put another one in its place:
/// the file itself, every folder above it, and every link on the way is looked at.
#[must_use]
pub fn others_can_change(path: &Path) -> Option<String> {
    let mut next = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // A link is as good as the folder that it is in, and as what it leads to.
    for _ in 0..LINKS {
        if let Some(why) = chain(&next) {
            return Some(why);
        }
        let Ok(to) = std::fs::read_link(&next) else {
            // It is no link; a folder above it may be one.
            let real = std::fs::canonicalize(&next).ok()?;
            return if real == next { None } else { chain(&real) };
        };
        next = next.parent().unwrap_or(Path::new("/")).join(to);
    }
    Some(format!("{} leads through too many links", path.display()))
}

/// As many links are followed.
const LINKS: usize = 16;

/// Looks at a path and at all folders above it.
fn chain(path: &Path) -> Option<String> {
    path.ancestors()
        .filter(|one| !one.as_os_str().is_empty())
        .find_map(changeable)
}

/// Why somebody else can change one file or folder.
fn changeable(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::symlink_metadata(path).ok()?;
    let (owner, mode) = (metadata.uid(), metadata.mode());
    if ![0, nix::unistd::geteuid().as_raw()].contains(&owner) {
        let user = nix::unistd::User::from_uid(owner.into()).ok().flatten();
        let user = user.map_or_else(|| format!("uid {owner}"), |user| user.name);
        return Some(format!("{} belongs to {user}", path.display()));
    }
    // The bits of a link say nothing. In a folder such as /tmp, nobody replaces what others own.
    let sticky = metadata.is_dir() && mode & 0o1000 != 0;
    if metadata.is_symlink() || sticky {
        return None;
    }
    if mode & 0o002 != 0 {
        return Some(format!("anybody can write {}", path.display()));
    }
    let group = metadata.gid();
    let trusted = TRUSTED_GROUPS.get();
    let trusted = trusted.is_some_and(|groups| groups.contains(&group));
    if mode & 0o020 != 0 && group != 0 && !trusted && !is_private_group(owner, group) {
        let name = nix::unistd::Group::from_gid(group.into()).ok().flatten();
        let name = name.map_or_else(|| format!("gid {group}"), |group| group.name);
        return Some(format!("the group {name} can write {}", path.display()));
    }
    None
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

/// Makes a folder and those above it, for this user alone to write, whatever the umask lets through.
///
/// # Errors
/// When the system refuses.
pub fn make_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
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

    /// Reads a file that only root and this user can change: what a file says is done here.
    ///
    /// # Errors
    /// When others can change it, and as [`Source::read`] does.
    pub fn read_kept(path: &Path) -> Result<Self, SourceError> {
        if let Some(why) = others_can_change(path) {
            return Err(SourceError::Refused {
                path: path.to_owned(),
                why,
            });
        }
        Self::read(path)
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
