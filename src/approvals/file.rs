//! One file of the folder, and whose it is: asked of the open file, so that nobody can exchange it
//! between the question and the reading.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::FileError;

/// No request and no answer is larger than this, in bytes.
const LARGEST: u64 = 256 * 1024;
const GROUP_AND_OTHERS_WRITE: u32 = 0o022;

/// A file's text, and the user whom it belongs to.
#[derive(Debug)]
pub(super) struct Owned {
    pub text: String,
    pub uid: u32,
}

/// Reads a file that is regular, has one name, and can be written by its owner alone.
pub(super) fn read(path: &Path) -> Result<Owned, FileError> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(nix::libc::ELOOP) => FileError::NotRegular,
            _ => FileError::Open(error.to_string()),
        })?;
    read_open(&file)
}

fn read_open(file: &File) -> Result<Owned, FileError> {
    let metadata = file
        .metadata()
        .map_err(|error| FileError::Open(error.to_string()))?;
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    if metadata.nlink() != 1 {
        return Err(FileError::Linked(metadata.nlink()));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & GROUP_AND_OTHERS_WRITE != 0 {
        return Err(FileError::Writable(mode));
    }
    if metadata.len() > LARGEST {
        return Err(FileError::Large(metadata.len()));
    }
    let mut text = String::new();
    file.take(LARGEST)
        .read_to_string(&mut text)
        .map_err(|error| FileError::Garbled(error.to_string()))?;
    Ok(Owned {
        text,
        uid: metadata.uid(),
    })
}

/// Makes a file whole or not at all: written beside its name, and then named.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if text.len() as u64 > LARGEST {
        // Whoever reads it would refuse it.
        return Err(std::io::Error::other(FileError::Large(text.len() as u64)));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let beside = folder.join(format!(".{}", uuid::Uuid::new_v4().simple()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_CLOEXEC)
        .open(&beside)?;
    // Whatever the user's mask is, the group has to read it.
    let written = file
        .set_permissions(std::fs::Permissions::from_mode(0o640))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is left of it has a name that nobody looks for.
        let _ = std::fs::remove_file(&beside);
    }
    written
}
