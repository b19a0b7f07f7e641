//! Who can reach the journal's files: their owner alone, or a group that was given them on
//! purpose. Whoever else could write them could write the truth.

use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use super::JournalError;

/// Names the folder of the journal: `$XDG_STATE_HOME/standdown`, or `~/.local/state/standdown`.
///
/// # Errors
/// When neither `XDG_STATE_HOME` nor `HOME` is set.
pub fn state_folder() -> Result<PathBuf, JournalError> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("standdown"))
        .ok_or(JournalError::NoHome)
}

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// On a folder: what is made in it belongs to the folder's group.
const SET_GROUP: u32 = 0o2000;

/// Makes the folder if it is not there, and refuses one that strangers can write. Returns whether a
/// group shares it.
pub(super) fn folder(path: &Path) -> Result<bool, JournalError> {
    let mut shared = false;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        let failed = |source| JournalError::Folder {
            path: folder.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
        let metadata = folder.metadata().map_err(failed)?;
        shared = refuse_strangers(folder, &metadata)?;
        if !shared {
            tighten(folder, &metadata, 0o700);
        }
    }
    Ok(shared)
}

/// Makes the folder and the file if they are not there, and refuses those that strangers can
/// write.
pub(super) fn prepare(path: &Path) -> Result<(), JournalError> {
    let shared = folder(path)?;
    // A pipe or a device in its place would wait for ever.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(JournalError::NotAFile {
            path: path.to_owned(),
        });
    }
    if shared {
        let parts = ["wal", "shm"].map(|kind| super::recovery::part(path, kind));
        for one in std::iter::once(path).chain(parts.iter().map(std::path::PathBuf::as_path)) {
            if one
                .symlink_metadata()
                .is_ok_and(|metadata| metadata.is_symlink())
            {
                return Err(JournalError::Link {
                    path: one.to_owned(),
                });
            }
        }
    }
    let failed = |source| JournalError::Folder {
        path: path.to_owned(),
        source,
    };
    let file = make(path, shared).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    refuse_writable(path, &metadata, shared)?;
    // Its log is as good as the file itself.
    for part in ["wal", "shm"].map(|kind| super::recovery::part(path, kind)) {
        if let Ok(metadata) = part.metadata() {
            refuse_writable(&part, &metadata, shared)?;
        }
    }
    if !shared {
        tighten(path, &metadata, 0o600);
    }
    Ok(())
}

fn refuse_writable(path: &Path, metadata: &Metadata, shared: bool) -> Result<(), JournalError> {
    let mode = metadata.mode();
    if mode & OTHERS_WRITE == 0 && (shared || mode & GROUP_WRITES == 0) {
        return Ok(());
    }
    let change = if shared { "o-w" } else { "go-w" };
    Err(JournalError::Exposed {
        path: path.to_owned(),
        who: "others",
        remedy: format!("run `chmod {change} {}`", path.display()),
    })
}

/// Returns whether the folder is shared by a group.
fn refuse_strangers(folder: &Path, metadata: &Metadata) -> Result<bool, JournalError> {
    let exposed = |who, remedy| JournalError::Exposed {
        path: folder.to_owned(),
        who,
        remedy,
    };
    let mode = metadata.mode();
    if mode & OTHERS_WRITE != 0 {
        return Err(exposed(
            "others",
            format!("run `chmod o-w {}`", folder.display()),
        ));
    }
    let ours = metadata.uid() == nix::unistd::geteuid().as_raw();
    if mode & GROUP_WRITES != 0 {
        if mode & SET_GROUP == 0 {
            return Err(exposed(
                "its group",
                format!(
                    "run `chmod 700 {0}`, or, to share the journal with that group on purpose, `chmod 2770 {0}`",
                    folder.display()
                ),
            ));
        }
        return Ok(true);
    }
    if !ours && metadata.uid() != 0 {
        return Err(exposed(
            "its owner, who is somebody else",
            "choose a folder of your own with --state, or one that your group shares".into(),
        ));
    }
    Ok(false)
}

/// Takes rights away that nobody needs. A folder of root's is as root made it.
fn tighten(path: &Path, metadata: &Metadata, to: u32) {
    if metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & 0o777 & !to != 0 {
        // Reading by others is no danger to the record; where it cannot be taken away, it stays.
        let _ = std::fs::set_permissions(path, Permissions::from_mode(to));
    }
}

fn make(path: &Path, shared: bool) -> io::Result<std::fs::File> {
    // A pipe in its place would keep whoever opens it waiting.
    let existing = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path);
    match existing {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(file) if !file.metadata()?.is_file() => {
            return Err(io::Error::other("it is not a regular file; remove it"));
        }
        other => return other,
    }
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    if shared {
        // Whatever the umask takes away, the group needs: SQLite gives its log the same mode.
        file.set_permissions(Permissions::from_mode(0o660))?;
    }
    Ok(file)
}

/// Opens the file that is locked while the journal is opened; whoever may write the journal may
/// lock it.
///
/// # Errors
/// When it can be neither opened nor made, or is something else than a file.
pub fn lock_file(path: &Path) -> io::Result<std::fs::File> {
    let shared = path
        .parent()
        .and_then(|folder| folder.metadata().ok())
        .is_some_and(|folder| {
            folder.mode() & (GROUP_WRITES | SET_GROUP) == GROUP_WRITES | SET_GROUP
        });
    make(path, shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    fn folder(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("state");
        DirBuilder::new().create(&folder).unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        let path = folder.join("journal.db");
        (outer, path)
    }

    #[test]
    fn folder_and_file_are_for_their_owner_alone() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("deep/state/journal.db");
        prepare(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let (_outer, path) = folder(0o755);
        prepare(&path).unwrap();
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        for exposed in [0o777, 0o1777, 0o702, 0o775] {
            let (_outer, path) = folder(exposed);
            let error = prepare(&path).unwrap_err();
            assert!(
                matches!(error, JournalError::Exposed { .. }),
                "{exposed:o}: {error}"
            );
            assert!(!path.exists(), "nothing was made");
        }
    }

    #[test]
    fn a_group_may_share_it_on_purpose() {
        let (_outer, path) = folder(0o2770);
        prepare(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o660, 0o2770));
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let (_outer, path) = folder(0o700);
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(
            prepare(&path)
                .unwrap_err()
                .to_string()
                .contains("chmod go-w")
        );
    }
}
