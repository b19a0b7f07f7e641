//! The file system that a journal is on. SQLite needs locks, and memory that processes share; some file
//! systems have neither.

use std::path::{Path, PathBuf};

/// The kind of the file system that a path is on, as the system names it, such as `ext4` or `nfs4`.
#[must_use]
pub fn kind(path: &Path) -> Option<String> {
    let there = path.ancestors().find_map(|one| one.canonicalize().ok())?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    kind_in(&mounts, &there)
}

/// Finds the mount with the longest path above another one.
fn kind_in(mounts: &str, path: &Path) -> Option<String> {
    let mut best: Option<(PathBuf, String)> = None;
    for line in mounts.lines() {
        let (before, after) = line.split_once(" - ")?;
        let point = PathBuf::from(before.split(' ').nth(4)?.replace("\\040", " "));
        let kind = after.split(' ').next()?.to_owned();
        let longer = best
            .as_ref()
            .is_none_or(|(known, _)| point.components().count() >= known.components().count());
        if path.starts_with(&point) && longer {
            best = Some((point, kind));
        }
    }
    best.map(|(_, kind)| kind)
}

/// Why a journal cannot work in a folder: a lock was tried there and refused.
#[must_use]
pub fn cannot_lock(folder: &Path) -> Option<std::io::Error> {
    use nix::fcntl::{FcntlArg, fcntl};
    let file = tempfile::Builder::new()
        .prefix(".lock-")
        .tempfile_in(folder)
        .ok()?;
    let whole = nix::libc::flock {
        l_type: i16::try_from(nix::libc::F_WRLCK).unwrap_or_default(),
        l_whence: i16::try_from(nix::libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file.as_file(), FcntlArg::F_SETLK(&whole))
        .err()
        .map(std::io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_with_the_longest_path_counts() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:40 / /home rw - nfs4 server:/home rw\n31 30 0:41 / /home/ada/my\\040disk rw - 9p drive rw\n";
        let found = |path: &str| kind_in(mounts, Path::new(path)).unwrap();
        assert_eq!(found("/var/lib"), "ext4");
        assert_eq!(found("/home/ada/.local"), "nfs4");
        assert_eq!(found("/home/ada/my disk/x"), "9p");
    }

    #[test]
    fn here_a_lock_can_be_had() {
        let folder = tempfile::tempdir().unwrap();
        assert!(cannot_lock(folder.path()).is_none());
    }
}
