//! The folder through which people on one host agree to changes.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const STICKY: u32 = 0o1000;
const SET_GROUP: u32 = 0o2000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// A file in the folder.
pub(super) struct Listed {
    pub name: String,
    pub path: PathBuf,
}

/// A folder that was found to be set up as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// Why a folder cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// It cannot be looked at.
    #[error(
        "the folder of approvals {path} cannot be used: {reason}; {}",
        set_up(path)
    )]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The users here are not the host's.
    #[error(
        "nobody can agree from here: in this user namespace the ids of users are not those of the host ({0}). Start standdown outside of it, for example not within `unshare`, `bwrap` or a rootless container"
    )]
    Namespace(String),
    /// It is not set up as it has to be.
    #[error("the folder of approvals {path} {reason}; {}", set_up(path))]
    Mode {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The commands that set it up.
fn set_up(path: &Path) -> String {
    let path = path.display();
    format!(
        "root sets it up for a group, here `sre`: mkdir -p {path} && chgrp sre {path} && chmod 3770 {path}"
    )
}

/// Whether a map of ids says that each is the host's: `0 0 4294967295`. In any other namespace whoever
/// made it is root, and every file can be made to belong to anybody.
fn is_of_the_host(map: &str) -> bool {
    map.lines().map(squeezed).eq(["0 0 4294967295"])
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Folder {
    /// Looks whether a folder is set up: root's, sticky, with the group's id, open to the group and
    /// to nobody else.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(path: &Path) -> Result<Self, FolderError> {
        for map in ["/proc/self/uid_map", "/proc/self/gid_map"] {
            match std::fs::read_to_string(map) {
                Ok(text) if is_of_the_host(&text) => {}
                Ok(text) => {
                    let lines: Vec<String> = text.lines().map(squeezed).collect();
                    let reason = format!("{map} says {:?}", lines.join(", "));
                    return Err(FolderError::Namespace(reason));
                }
                Err(error) => {
                    return Err(FolderError::Namespace(format!("{map}: {error}")));
                }
            }
        }
        let metadata = path.symlink_metadata().map_err(|error| FolderError::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let mode = metadata.mode();
        let wrong = |reason: String| {
            Err(FolderError::Mode {
                path: path.to_owned(),
                reason,
            })
        };
        if !metadata.is_dir() {
            return wrong("is not a folder".into());
        }
        if metadata.uid() != 0 {
            // Whoever owns a sticky folder can rename and remove every file in it.
            return wrong(format!(
                "belongs to uid {}, and not to root",
                metadata.uid()
            ));
        }
        if mode & STICKY == 0 {
            return wrong("is not sticky: anybody could rename another one's file".into());
        }
        if mode & SET_GROUP == 0 {
            return wrong("does not hand its group on: others could not read a request".into());
        }
        if mode & GROUP_WRITES == 0 {
            return wrong("cannot be written by its group".into());
        }
        if mode & OTHERS_WRITE != 0 {
            return wrong("can be written by everybody".into());
        }
        Ok(Self(path.to_owned()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The files whose names end in a certain way, by name.
    pub(super) fn files(&self, ending: &str) -> std::io::Result<Vec<(String, PathBuf)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && name.ends_with(ending)
                && !name.starts_with('.')
            {
                found.push((name, entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The latest few of these files of each owner, whom the system tells: whoever leaves more of
    /// them keeps nobody busy.
    pub(super) fn latest(&self, ending: &str, each: usize) -> std::io::Result<Vec<Listed>> {
        let mut by_owner: BTreeMap<u32, Vec<_>> = BTreeMap::new();
        for (name, path) in self.files(ending)? {
            // Whose it really is, is asked again of the open file. One that is gone is gone.
            let Ok(metadata) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            let changed = (metadata.mtime(), metadata.mtime_nsec());
            let files = by_owner.entry(metadata.uid()).or_default();
            files.push((changed, Listed { name, path }));
        }
        let latest = |mut all: Vec<((i64, i64), Listed)>| {
            all.sort_by_key(|(changed, _)| std::cmp::Reverse(*changed));
            all.into_iter().take(each).map(|(_, file)| file)
        };
        Ok(by_owner.into_values().flat_map(latest).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::is_of_the_host;

    #[test]
    fn only_the_namespace_of_the_host_has_its_users() {
        assert!(is_of_the_host("         0          0 4294967295\n"));
        for map in [
            "",
            "         0     231072      65536\n",
            "         0       1000          1\n",
            "         0          0       1000\n      1000     231072      65536\n",
            "         0          0 4294967294\n",
            "      1000       1000          1\n",
        ] {
            assert!(!is_of_the_host(map), "{map:?}");
        }
    }
}
