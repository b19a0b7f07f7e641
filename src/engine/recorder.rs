//! The journal on a thread of its own, so that no task waits for a disk.

use std::path::PathBuf;
use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::journal::{Journal, JournalError};

type Job = Box<dyn FnOnce(&mut Journal) + Send>;

/// Gives work to the journal's thread. Clones share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Recorder(mpsc::Sender<Job>);

/// The journal's thread is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal's thread has ended")]
pub struct Gone;

impl From<Gone> for JournalError {
    fn from(gone: Gone) -> Self {
        Self::Folder {
            path: PathBuf::from("journal"),
            source: std::io::Error::other(gone),
        }
    }
}

impl Recorder {
    /// Opens the journal on a new thread.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(path: PathBuf) -> Result<Self, JournalError> {
        let (jobs, work) = mpsc::channel::<Job>();
        let (opened, answer) = oneshot::channel();
        let spawned = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                let mut journal = match Journal::open(&path) {
                    Ok(journal) => journal,
                    Err(error) => {
                        let _ = opened.send(Err(error));
                        return;
                    }
                };
                if opened.send(Ok(())).is_err() {
                    return;
                }
                for job in work {
                    job(&mut journal);
                }
            });
        let folder = |source| JournalError::Folder {
            path: PathBuf::from("thread"),
            source,
        };
        spawned.map_err(folder)?;
        answer
            .await
            .map_err(|_| folder(std::io::Error::other("the journal's thread ended")))??;
        Ok(Self(jobs))
    }

    /// Runs a job on the journal and waits for its answer.
    ///
    /// # Errors
    /// When the thread is gone.
    pub async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Journal) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (done, answer) = oneshot::channel();
        self.0
            .send(Box::new(move |journal| {
                // The asker may have gone; then nobody wants the answer.
                let _ = done.send(job(journal));
            }))
            .map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }
}
