//! What an attempt runs at AWS: learnt from an earlier console, and told to the next one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use imbl::OrdMap;
use tokio::sync::mpsc;

use crate::incident::Remote;

/// What an attempt has to say before it ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// AWS named what one of its runs is there.
    Identified {
        /// Which run.
        run: String,
        /// What it is.
        remote: Remote,
    },
    /// Nobody knows whether AWS accepted it.
    Uncertain {
        /// Why.
        reason: String,
        /// From when on, by AWS's clock, finding nothing means that it was not accepted.
        conclusive_at: DateTime<Utc>,
    },
    /// How far it has come, in lines. It may be lost.
    Progress(Arc<[String]>),
    /// A step of it waits for somebody's approval, or none does. It may be lost.
    Gate(Option<String>),
}

/// What an attempt runs at AWS.
#[derive(Debug, Clone)]
pub struct Remotes {
    known: OrdMap<String, Remote>,
    reports: mpsc::UnboundedSender<Report>,
    leaving: Arc<AtomicBool>,
    /// The last line of each run, the latest last.
    lines: Arc<Mutex<VecDeque<(String, String)>>>,
}

/// Lines of running programs that are told of.
const LINES: usize = 8;

impl Remotes {
    /// `known` is what an earlier console recorded; `leaving` is set when the attempt is dropped
    /// because this console leaves, and not because it shall stop.
    #[must_use]
    pub fn new(
        known: OrdMap<String, Remote>,
        reports: mpsc::UnboundedSender<Report>,
        leaving: Arc<AtomicBool>,
    ) -> Self {
        Self {
            known,
            reports,
            leaving,
            lines: Arc::default(),
        }
    }

    /// For an action that runs outside of an incident: nobody listens, nothing is known.
    #[must_use]
    pub fn unheard() -> Self {
        let (reports, _) = mpsc::unbounded_channel();
        Self {
            known: OrdMap::new(),
            reports,
            leaving: Arc::default(),
            lines: Arc::default(),
        }
    }

    /// The same listeners, for something that is not at AWS yet.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            known: OrdMap::new(),
            ..self.clone()
        }
    }

    /// What a run is at AWS already.
    #[must_use]
    pub fn known(&self, run: &str) -> Option<&Remote> {
        self.known.get(run)
    }

    /// Tells what a run is at AWS.
    pub fn identified(&self, run: &str, remote: Remote) {
        self.report(Report::Identified {
            run: run.to_owned(),
            remote,
        });
    }

    /// Tells the last line of a run's output, beside those of the other runs.
    pub fn line(&self, run: &str, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|(other, _)| other != run);
        lines.push_back((run.to_owned(), line.to_owned()));
        if lines.len() > LINES {
            lines.pop_front();
        }
        let shown = lines.iter().map(|(run, line)| match run.as_str() {
            "" => line.clone(),
            run => format!("{run}: {line}"),
        });
        self.progress(shown.collect());
    }

    /// Tells how far the attempt has come.
    pub fn progress(&self, lines: Vec<String>) {
        self.report(Report::Progress(lines.into()));
    }

    fn report(&self, report: Report) {
        // Nobody listens any more once the console has left; the next one looks for itself.
        let _ = self.reports.send(report);
    }

    /// Whether what runs at AWS shall go on although this attempt is dropped.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }
}
