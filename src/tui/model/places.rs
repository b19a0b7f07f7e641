//! Which commands are valid where the responder is.

use super::{Model, Screen};
use crate::commands::{CommandId, Entry, Place};
use crate::engine::Role;
use crate::incident::{Escalation, IncidentStatus, Question, Refusal, undoable};
use crate::playbook::StepId;

/// A command that is valid where the responder is.
#[derive(Debug)]
pub struct Valid<'a> {
    /// Its row of the table.
    pub entry: &'static Entry,
    /// All its keys.
    pub keys: &'a [String],
    /// Those that mean it here: no inner place takes them for itself.
    pub free: Vec<&'a str>,
}

impl Model {
    /// The commands that are valid here, the innermost first, as far as they are asked for.
    pub fn valid(&self, wanted: impl Fn(&Entry) -> bool) -> impl Iterator<Item = Valid<'_>> {
        let places = self.places();
        let mut taken: Vec<&str> = Vec::new();
        let here = move |entry: &Entry| {
            places.contains(&entry.place) && self.allows(entry.id) && wanted(entry)
        };
        let rows = self.keys.rows().filter(move |(entry, _)| here(entry));
        rows.map(move |(entry, keys)| {
            let all = keys.iter().map(String::as_str);
            let free = all.clone().filter(|key| !taken.contains(key)).collect();
            taken.extend(all);
            Valid { entry, keys, free }
        })
    }

    /// The key that means a command where the responder is, or else its first one, or its name.
    #[must_use]
    pub fn key_here(&self, id: CommandId) -> String {
        let mut valid = self.valid(|_| true);
        let free = valid.find(|one| one.entry.id == id && !one.free.is_empty());
        if let Some(key) = free.and_then(|one| one.free.first().copied()) {
            return key.to_owned();
        }
        let row = self.keys.rows().find(|(entry, _)| entry.id == id);
        row.map_or_else(String::new, |(entry, keys)| {
            let name = || format!(":{}", entry.name);
            keys.first().cloned().unwrap_or_else(name)
        })
    }

    /// Tells whether a command makes sense now, beyond its place.
    #[must_use]
    pub fn allows(&self, id: CommandId) -> bool {
        match id {
            CommandId::Agree | CommandId::Disagree => {
                return self.request().is_some_and(|one| !one.own);
            }
            CommandId::SwitchRule => return self.rule().is_some(),
            CommandId::ApproveChange | CommandId::RaiseCeiling => {
                let Some(Question::Approval(approval)) = self.question() else {
                    return false;
                };
                let over = approval.intent.over_ceiling().is_some();
                return approval.sought.is_none() && over == (id == CommandId::RaiseCeiling);
            }
            _ => {}
        }
        let Some(snapshot) = &self.incident else {
            return match id {
                CommandId::Unfinished => self.unfinished().next().is_some(),
                CommandId::Incident => false,
                _ => true,
            };
        };
        let status = snapshot
            .state
            .incident
            .as_ref()
            .map_or(IncidentStatus::Open, |incident| incident.status);
        let walking = snapshot.state.walking().is_some();
        match id {
            CommandId::Acknowledge => status < IncidentStatus::Acknowledged,
            CommandId::Mitigate => status < IncidentStatus::Mitigated,
            CommandId::Resolve => status < IncidentStatus::Resolved,
            CommandId::Close => status == IncidentStatus::Resolved && !walking,
            CommandId::Open if self.screen == Screen::Incident => {
                !walking && status != IncidentStatus::Closed
            }
            CommandId::StopPlaybook => walking,
            CommandId::Escalate | CommandId::Regrade | CommandId::Attach => {
                status != IncidentStatus::Closed
            }
            CommandId::Unfinished => self.unfinished().next().is_some(),
            _ => true,
        }
    }

    /// The decision whose branch can be undone now, and its visit.
    ///
    /// # Errors
    /// Why nothing can be undone.
    pub fn undoable(&self) -> Result<(StepId, u32), Refusal> {
        let snapshot = self.incident.as_ref().ok_or(Refusal::NotWalking)?;
        undoable(&snapshot.state, self.now)
    }

    /// The step and visit of a healing that was proposed, is open, and was not approved yet.
    #[must_use]
    pub fn healing_to_leave(&self) -> Option<(StepId, u32)> {
        let walk = self.incident.as_ref()?.state.walking()?;
        walk.healing.as_ref()?;
        match self.question()? {
            Question::Approval(approval) if approval.intent.undoes.is_none() => {
                Some((approval.step.clone(), approval.visit))
            }
            Question::Undescribed(survey) if survey.intent.undoes.is_none() => {
                Some((survey.step.clone(), survey.visit))
            }
            _ => None,
        }
    }

    /// The places whose commands are valid now, the innermost first.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        match self.screen {
            Screen::Board => {
                places.push(Place::Board);
                if self.incident.is_some() {
                    places.push(Place::BoardWithIncident);
                }
            }
            Screen::Incident => {
                if self.tree {
                    places.push(Place::Tree);
                } else if self.reading.is_none() {
                    // While another step is read, the question is not on the screen.
                    if self.healing_to_leave().is_some() {
                        places.push(Place::Healed);
                    }
                    match self.question() {
                        Some(Question::Escalation(_)) => places.push(Place::Escalation),
                        Some(Question::Input(_)) => places.push(Place::Input),
                        Some(Question::Approval(_)) => places.push(Place::Approval),
                        Some(Question::Undescribed(_)) => places.push(Place::Undescribed),
                        Some(Question::Standing { standing, .. }) => {
                            if standing.can_undo {
                                places.push(Place::RollBack);
                            }
                            if standing.can_verify {
                                places.push(Place::Verifiable);
                            }
                            places.push(Place::Standing);
                        }
                        Some(Question::NotStarted { .. }) => places.push(Place::NotStarted),
                        Some(Question::Unknown { .. }) => places.push(Place::Unknown),
                        Some(Question::Manual { .. }) => places.push(Place::Manual),
                        Some(Question::Decision { .. }) => places.push(Place::Decision),
                        Some(Question::Working(_)) => {
                            if self.gate().is_some() {
                                places.push(Place::Gate);
                            }
                            places.push(Place::Working);
                        }
                        _ => {}
                    }
                }
                if self.undoable().is_ok() {
                    places.push(Place::Undoable);
                }
                places.push(Place::Incident);
            }
            Screen::Requests => places.push(Place::Requests),
            Screen::Healings => places.push(Place::Healings),
            Screen::Timeline | Screen::Statistics => places.push(Place::Lists),
            Screen::Evidence => places.extend(self.evidence_places()),
        }
        match self.incident.as_ref().map(|snapshot| &snapshot.role) {
            Some(Role::Follower { .. }) => places.push(Place::Following),
            Some(Role::Writer { asked: Some(_) }) => places.push(Place::Asked),
            _ => {}
        }
        if let Some(snapshot) = &self.incident {
            let heals = |walk: &crate::incident::Execution| walk.healing.is_some();
            if snapshot.state.proposed().is_some() && !snapshot.state.walking().is_some_and(heals) {
                places.push(Place::Proposed);
            }
            if snapshot.state.escalations().any(Escalation::is_unanswered) {
                places.push(Place::Chased);
            }
            places.push(Place::WithIncident);
        }
        places.push(Place::Everywhere);
        places
    }
}
