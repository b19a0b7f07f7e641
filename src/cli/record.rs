//! An incident's record, read as a whole; and what is read outside and kept beside it.

use super::{CliError, live, stores};
use crate::actions::VOCABULARY;
use crate::config::Settings;
use crate::engine::{self, Found, outside};
use crate::incident::{Command, Event, IncidentId, Recorded, State, evolve};
use crate::journal::{Hash, Journal, Moment, Summary};

/// An incident's record.
pub(super) struct Record {
    pub id: IncidentId,
    pub summary: Summary,
    pub journal: Journal,
    pub events: Vec<Recorded>,
    pub state: State,
}

impl Record {
    /// Finds an incident by the beginning of its id, and reads it.
    pub fn find(settings: &Settings, prefix: &str) -> Result<Self, CliError> {
        let (journal, summary) = stores::find(settings, prefix)?;
        Self::read(journal, summary)
    }

    pub fn read(journal: Journal, summary: Summary) -> Result<Self, CliError> {
        let events = journal.load(&summary.id, 0, Hash::default())?.events;
        let state = events.iter().fold(State::new(VOCABULARY), evolve);
        Ok(Self {
            id: summary.id.clone(),
            summary,
            journal,
            events,
            state,
        })
    }

    /// Adds what anyone may, and reads it anew.
    pub fn with(mut self, command: Command, settings: &Settings) -> Result<Self, CliError> {
        add(&mut self.journal, &self.id, command, settings)?;
        Self::read(self.journal, self.summary)
    }

    /// What is known from outside; read anew unless it is not to be, and kept.
    pub async fn moments(
        &mut self,
        settings: &Settings,
        fetch: bool,
    ) -> Result<(Vec<Moment>, Found), CliError> {
        let mut found = Found::default();
        // A rehearsal's AWS ended with it; what it said was kept then.
        if fetch && self.summary.rehearsal.is_none() && self.summary.imported.is_none() {
            found = outside(&self.state, &live::pool(settings), &settings.redactor()).await;
            if let Err(error) = self.journal.add_moments(&self.id, &found.moments) {
                found
                    .missing
                    .push(format!("what AWS told cannot be kept: {error}"));
            }
        } else if fetch {
            let why = "AWS was not asked: what it told of a rehearsal, or where this was imported from, is kept there";
            found.missing.push(why.into());
        }
        let mut known = self.journal.moments(&self.id)?;
        for one in &found.moments {
            let same = |other: &Moment| other.source == one.source && other.id == one.id;
            if !known.iter().any(same) {
                known.push(one.clone());
            }
        }
        Ok((known, found))
    }
}

/// Adds to an incident what anyone may, and returns the events.
pub(super) fn add(
    journal: &mut Journal,
    id: &IncidentId,
    command: Command,
    settings: &Settings,
) -> Result<Vec<Event>, CliError> {
    let who = (&engine::actor(), &settings.redactor(), VOCABULARY);
    engine::add(journal, id, command, who).map_err(|error| CliError::Said(error.to_string()))
}
