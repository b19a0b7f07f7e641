//! A change that others are asked to agree to, as they see it.

use std::os::unix::fs::MetadataExt as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::file::{self, Owned};
use super::{FileError, Folder, name};
use crate::document::sha256;
use crate::incident::Intent;

const ENDING: &str = ".request";
/// As many requests of one user are read.
const EACH: usize = 20;

/// What a request says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The form of this file: 1.
    pub format: u32,
    /// What will be done: everything that is on the screen.
    pub intent: Intent,
    /// Why.
    pub reason: String,
    /// The incident's title.
    pub incident_title: String,
    /// Until when it can be agreed to.
    pub until: DateTime<Utc>,
    /// Whether it is a rehearsal, in which nobody has an AWS identity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
}

/// A request that somebody has made.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// What it says.
    pub request: Request,
    /// SHA-256 of what it describes, computed here.
    pub digest: String,
    /// Whose it is, as the operating system says.
    pub uid: u32,
}

impl Request {
    /// Makes it known to the others.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn publish(&self, folder: &Folder) -> std::io::Result<()> {
        let digest = self.intent.digest();
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        file::write(
            &folder.path().join(format!("{}{ENDING}", name(&digest))),
            &text,
        )
    }

    /// SHA-256 of all of it, as it is shown: an answer is to this and to nothing else.
    #[must_use]
    pub fn shown(&self) -> String {
        let text = serde_json::to_string(self);
        sha256(&text.unwrap_or_else(|error| unreachable!("a request is plain data: {error}")))
    }

    /// Whether a request still lies where others look for it.
    #[must_use]
    pub fn is_published(folder: &std::path::Path, digest: &str) -> bool {
        Self::is_named(folder, name(digest))
    }

    pub(super) fn is_named(folder: &std::path::Path, name: &str) -> bool {
        let path = folder.join(format!("{name}{ENDING}"));
        std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
    }
}

impl Sent {
    /// Lists what waits, and the files that cannot be read.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(folder: &Folder) -> std::io::Result<Vec<Result<Self, (String, FileError)>>> {
        let files = folder.latest(ENDING, EACH)?.into_iter();
        Ok(files
            .map(|file| Self::read(&file.name, &file.path).map_err(|error| (file.name, error)))
            .collect())
    }

    fn read(file: &str, path: &std::path::Path) -> Result<Self, FileError> {
        let Owned { text, uid } = file::read(path)?;
        let request: Request =
            serde_json::from_str(&text).map_err(|error| FileError::Garbled(error.to_string()))?;
        let digest = request.intent.digest();
        if file.strip_suffix(ENDING) != Some(name(&digest)) {
            return Err(FileError::OtherDigest);
        }
        Ok(Self {
            request,
            digest,
            uid,
        })
    }

    /// Takes back the requests of this user's own that are not among those that wait.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn withdraw(folder: &Folder, incident: &str, waiting: Option<&str>) -> std::io::Result<()> {
        let own = nix::unistd::geteuid().as_raw();
        let files = folder.files(ENDING)?.into_iter();
        let is_own = |path: &std::path::Path| {
            std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.uid() == own)
        };
        let files = files.filter(|(_, path)| is_own(path));
        for sent in files.filter_map(|(file, path)| Self::read(&file, &path).ok()) {
            let ours = sent.uid == own && *sent.request.intent.incident.0 == *incident;
            if ours && waiting != Some(sent.digest.as_str()) {
                let path = folder
                    .path()
                    .join(format!("{}{ENDING}", name(&sent.digest)));
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}
