//! What others say to a request.

use std::os::unix::fs::MetadataExt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::file::{self, Owned};
use super::{FileError, Folder, Request, name};
use crate::incident::Intent;

const ENDING: &str = ".answer";
/// As many answers of one user are read: people answer one request after the other.
const EACH: usize = 20;

/// What an answer says. Whose it is stands nowhere in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The form of this file: 1.
    pub format: u32,
    /// SHA-256 of everything that was on the screen.
    pub digest: String,
    /// SHA-256 of the whole request as it was shown, its reason and all: [`Request::shown`].
    #[serde(default)]
    pub shown: String,
    /// What was typed: [`Intent::confirmation`].
    pub typed: String,
    /// Yes or no.
    pub decision: Decision,
    /// When, by the clock of whoever answered.
    pub at: DateTime<Utc>,
    /// A presigned question about who calls AWS, which covers the digest; AWS answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
}

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may be done.
    Approved,
    /// It may not, and why.
    Denied(String),
}

/// An answer that counts, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What it says.
    pub answer: Answer,
    /// The operating system's user id.
    pub uid: u32,
    /// The operating system's user name.
    pub user: String,
}

/// Writes this user's own answer.
///
/// # Errors
/// When it cannot be written.
pub fn write_answer(folder: &Folder, answer: &Answer) -> std::io::Result<()> {
    let uid = nix::unistd::geteuid().as_raw();
    let file = format!("{}.{uid}{ENDING}", name(&answer.digest));
    let text = serde_json::to_string_pretty(answer).map_err(std::io::Error::other)?;
    file::write(&folder.path().join(&file), &text).or_else(|error| {
        // Somebody else's file may stand in the way of it.
        if error.kind() != std::io::ErrorKind::PermissionDenied {
            return Err(error);
        }
        let free = uuid::Uuid::new_v4().simple();
        let file = format!("{}.{uid}.{free}{ENDING}", name(&answer.digest));
        file::write(&folder.path().join(file), &text)
    })
}

/// Lists what others say to a request: what counts, every no before every yes, and which files do
/// not and why.
///
/// # Errors
/// When the folder cannot be read.
pub fn answers(
    folder: &Folder,
    request: &Request,
    group: &str,
) -> std::io::Result<Vec<Result<Given, (String, FileError)>>> {
    let (intent, shown) = (&request.intent, request.shown());
    let digest = intent.digest();
    let about = name(&digest);
    // One request has few answers; they are told apart by their first part.
    let mut found: Vec<_> = folder
        .latest(ENDING, EACH)?
        .into_iter()
        .filter(|file| file.name.split('.').next() == Some(about))
        .map(|file| {
            judge(&file.name, &file.path, (intent, &digest, &shown), group)
                .map_err(|error| (file.name, error))
        })
        .collect();
    found.sort_by_key(|one| match one {
        Ok(given) => given.answer.decision == Decision::Approved,
        Err(_) => true,
    });
    Ok(found)
}

/// Takes this user's own answers away whose request is no longer there.
///
/// # Errors
/// When the folder cannot be read, or an own file not be removed.
pub fn tidy(folder: &Folder) -> std::io::Result<()> {
    let own = nix::unistd::geteuid().as_raw();
    for (file, path) in folder.files(ENDING)? {
        let about = file.split('.').next().unwrap_or_default();
        let stale = !Request::is_named(folder.path(), about);
        if stale && std::fs::symlink_metadata(&path)?.uid() == own {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn judge(
    file: &str,
    path: &std::path::Path,
    (intent, digest, shown): (&Intent, &str, &str),
    group: &str,
) -> Result<Given, FileError> {
    let Owned { text, uid } = file::read(path)?;
    let named = file
        .strip_suffix(ENDING)
        .and_then(|rest| rest.split('.').nth(1))
        .and_then(|uid| uid.parse().ok());
    match named {
        Some(named) if named == uid => {}
        named => {
            return Err(FileError::OtherOwner {
                named: named.unwrap_or(u32::MAX),
                owner: uid,
            });
        }
    }
    let answer: Answer =
        serde_json::from_str(&text).map_err(|error| FileError::Garbled(error.to_string()))?;
    if answer.digest != *digest {
        return Err(FileError::OtherDigest);
    }
    if answer.decision == Decision::Approved && answer.shown != *shown {
        return Err(FileError::OtherRequest);
    }
    if answer.decision == Decision::Approved && answer.typed.trim() != intent.confirmation() {
        return Err(FileError::NotConfirmed);
    }
    let user = member(uid, group)?;
    Ok(Given { answer, uid, user })
}

/// The name of a user who belongs to a group, as its first one or as one of the others.
fn member(uid: u32, group: &str) -> Result<String, FileError> {
    use nix::unistd::{Group, Uid, User, getgrouplist};
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let no = |user: String| FileError::NotInGroup {
        user,
        group: group.to_owned(),
    };
    let Some(user) = user else {
        return Err(no(format!("uid {uid}")));
    };
    let wanted = Group::from_name(group)
        .ok()
        .flatten()
        .map(|group| group.gid);
    let name = std::ffi::CString::new(user.name.as_str()).map_err(|_| no(user.name.clone()))?;
    let groups = getgrouplist(&name, user.gid).unwrap_or_default();
    match wanted {
        Some(gid) if groups.contains(&gid) => Ok(user.name),
        _ => Err(no(user.name)),
    }
}
