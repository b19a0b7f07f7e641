//! The journal on a thread of its own, so that no task waits for a disk.
//!
//! A journal that cannot be opened is tried again with every piece of work: whoever gives the
//! work is told why it could not be done, and keeps what is to be recorded until it can.

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use tokio::sync::{oneshot, watch};

use crate::journal::{AppendError, Journal, JournalError, Recovered, Subscription};

type Job = Box<dyn FnOnce(&mut Store) + Send>;

/// Gives work to the journal's thread. Clones share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Recorder {
    jobs: mpsc::Sender<Job>,
    recovered: watch::Receiver<Option<Recovered>>,
}

/// The journal, while it can be used.
struct Store {
    path: PathBuf,
    open: Option<Journal>,
    recovered: watch::Sender<Option<Recovered>>,
    /// Who is told of what is recorded, where anybody is.
    told: Option<Vec<Subscription>>,
}

/// An error of the journal, as far as the thread has to know it.
pub trait Damage: From<JournalError> {
    /// What is wrong with the journal itself, if that is what failed.
    fn journal(&self) -> Option<&JournalError>;
}

impl Damage for JournalError {
    fn journal(&self) -> Option<&JournalError> {
        Some(self)
    }
}

impl Damage for AppendError {
    fn journal(&self) -> Option<&JournalError> {
        match self {
            Self::Journal(error) => Some(error),
            _ => None,
        }
    }
}

impl Store {
    fn open(&mut self) -> Result<&mut Journal, JournalError> {
        if self.open.is_none() {
            let (journal, recovered) = Journal::open(&self.path)?;
            self.keep(journal, recovered);
        }
        self.open.as_mut().ok_or(JournalError::Gone)
    }

    fn keep(&mut self, mut journal: Journal, recovered: Option<Recovered>) {
        if let Some(told) = &self.told {
            journal.subscribe(told.clone());
        }
        self.open = Some(journal);
        if recovered.is_some() {
            self.recovered.send_replace(recovered);
        }
    }

    fn work<T, E: Damage>(
        &mut self,
        job: impl FnOnce(&mut Journal) -> Result<T, E>,
    ) -> Result<T, E> {
        let done = job(self.open()?);
        let Some(error) = done.as_ref().err().and_then(Damage::journal) else {
            return done;
        };
        if matches!(error, JournalError::Moved) || error.is_read_only() {
            // It is opened anew for the next piece of work.
            self.open = None;
        } else if error.is_corrupt()
            && let Some(journal) = self.open.take()
        {
            match journal.replace() {
                Ok((journal, recovered)) => self.keep(journal, recovered),
                // It is tried again with the next piece of work.
                Err(error) => return Err(error.into()),
            }
        }
        done
    }
}

impl Recorder {
    /// Starts the journal's thread. That the journal cannot be opened is said by the work that is
    /// given to it.
    #[must_use]
    pub fn start(path: &Path) -> Self {
        Self::begin(path, None)
    }

    /// The same, with what others are told put into the outbox.
    #[must_use]
    pub fn telling(path: &Path, told: Vec<Subscription>) -> Self {
        Self::begin(path, Some(told))
    }

    fn begin(path: &Path, told: Option<Vec<Subscription>>) -> Self {
        let (jobs, work) = mpsc::channel::<Job>();
        let (said, recovered) = watch::channel(None);
        let mut store = Store {
            path: path.to_owned(),
            open: None,
            recovered: said,
            told,
        };
        let spawned = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                for job in work {
                    job(&mut store);
                }
            });
        // Without a thread the work's other end is gone, and every call says so.
        drop(spawned);
        Self { jobs, recovered }
    }

    /// Runs a job on the journal and waits for its answer.
    ///
    /// # Errors
    /// When the journal cannot be opened, the job fails, or the thread is gone.
    pub async fn call<T: Send + 'static, E: Damage + Send + 'static>(
        &self,
        job: impl FnOnce(&mut Journal) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (done, answer) = oneshot::channel();
        let gone = || E::from(JournalError::Gone);
        self.jobs
            .send(Box::new(move |store| {
                // The asker may have gone; then nobody wants the answer.
                let _ = done.send(store.work(job));
            }))
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// What became of a journal that was found damaged.
    #[must_use]
    pub fn recovered(&self) -> watch::Receiver<Option<Recovered>> {
        self.recovered.clone()
    }
}
