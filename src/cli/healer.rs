//! Sets healing rules off: what the alarms of an incident call for is proposed in it, or done.

use std::sync::Arc;

use tokio::sync::watch;

use crate::alarms::Board;
use crate::clock;
use crate::config::Settings;
use crate::engine::{Handle, Role, Snapshot, Unanswered};
use crate::expression::Verdict;
use crate::incident::{AlarmState, Command, HealingRun, IncidentStatus, Limits, scope};
use crate::playbook::{Catalog, Entry, Mode};

/// What holds all rules back.
pub(super) fn limits(settings: &Settings) -> Limits {
    Limits {
        per_hour: settings.healing_per_hour.value,
        breaker: settings.breaker.value,
    }
}

/// What rules are held against.
#[derive(Clone)]
pub(super) struct Healer {
    pub rules: Arc<Catalog>,
    pub limits: Limits,
}

impl Healer {
    pub fn of(settings: &Settings) -> Self {
        Self {
            rules: Arc::new(super::healing::rules(settings)),
            limits: limits(settings),
        }
    }

    /// Looks once; false when the incident is gone.
    pub async fn look(&self, handle: &Handle, board: &Board) -> bool {
        for (run, reason) in self.lapsed(&handle.snapshot(), board) {
            let asked = handle.ask(Command::LapseHealing { run, reason }).await;
            if matches!(asked, Err(Unanswered::Gone)) {
                return false;
            }
        }
        for (entry, run) in self.set_off(&handle.snapshot(), board) {
            let auto = run.mode == Mode::Auto && entry.trusted && entry.playbook.is_preapproved();
            let heals = |snapshot: &Snapshot| {
                let walk = snapshot.state.walking();
                walk.is_some_and(|walk| walk.healing.is_some())
            };
            let command = if auto && !heals(&handle.snapshot()) {
                Command::heal(entry, run.clone())
            } else {
                Command::propose(entry, run.clone())
            };
            let asked = match handle.ask(command).await {
                Err(Unanswered::NotHealed(reason)) => {
                    handle.ask(Command::SkipHealing { run, reason }).await
                }
                // A console that changes nothing still says what could be done.
                Err(Unanswered::ReadOnly) => handle.ask(Command::propose(entry, run)).await,
                answered => answered,
            };
            if matches!(asked, Err(Unanswered::Gone)) {
                return false;
            }
        }
        !handle.is_gone()
    }

    /// The rules that wait for the responder although what set them off holds no longer, and why.
    fn lapsed(&self, snapshot: &Snapshot, board: &Board) -> Vec<(HealingRun, String)> {
        let state = &snapshot.state;
        let alarm = state
            .incident
            .as_ref()
            .and_then(|incident| incident.alarms.front())
            .filter(|_| matches!(snapshot.role, Role::Writer { .. }));
        let Some(alarm) = alarm else {
            return Vec::new();
        };
        let seen = board.rows.iter().find(|row| alarm.is_same(&row.alarm));
        let cleared = seen.is_some_and(|row| row.alarm.state == AlarmState::Ok);
        let known = scope(state, clock::now());
        let why = |run: &HealingRun| {
            if cleared {
                return Some(format!("the alarm {} has cleared", alarm.name));
            }
            let mut entries = self.rules.entries.iter();
            let entry = entries.find(|entry| entry.playbook.id == run.rule);
            match entry.and_then(|entry| entry.playbook.healing.as_ref()) {
                // Another console, with other rules, may have proposed it.
                None => None,
                Some(rule) if !rule.enabled => Some("the rule is disabled".to_owned()),
                Some(rule) if rule.holds(&known) == Verdict::False => {
                    Some("its condition no longer holds".to_owned())
                }
                Some(_) => None,
            }
        };
        state
            .waiting()
            .filter_map(|one| Some((one.run.clone(), why(&one.run)?)))
            .collect()
    }

    /// The rules that the incident's alarm sets off, and that have not been dealt with there.
    fn set_off<'a>(&'a self, snapshot: &Snapshot, board: &Board) -> Vec<(&'a Entry, HealingRun)> {
        let state = &snapshot.state;
        let Some(incident) = &state.incident else {
            return Vec::new();
        };
        let writes = matches!(snapshot.role, Role::Writer { .. });
        if !writes || incident.status >= IncidentStatus::Resolved {
            return Vec::new();
        }
        let Some(alarm) = incident.alarms.front() else {
            return Vec::new();
        };
        let seen = board.rows.iter().find(|row| alarm.is_same(&row.alarm));
        let Some(seen) = seen.filter(|row| row.alarm.state == AlarmState::Alarm) else {
            return Vec::new();
        };
        let transition = seen.alarm.since.unwrap_or(incident.opened_at);
        let known = scope(state, clock::now());
        let answering = self.rules.answering(&alarm.subject());
        let mut set_off: Vec<(&Entry, HealingRun)> = answering
            .into_iter()
            .filter_map(|entry| {
                let healing = entry.playbook.healing.as_ref().filter(|one| one.enabled)?;
                let run = HealingRun::of(
                    &entry.playbook,
                    healing,
                    &known,
                    (alarm, transition),
                    self.limits,
                )?;
                Some((entry, run))
            })
            .filter(|(_, run)| !state.has_dealt_with(run))
            .collect();
        set_off.sort_by_key(|(entry, _)| entry.playbook.healing.as_ref().map(|one| one.order));
        set_off
    }
}

/// The rules, read on another thread: compiling them takes longer than a first picture may.
#[derive(Clone)]
pub(super) struct Rules {
    read: watch::Receiver<Arc<Catalog>>,
    limits: Limits,
}

impl Rules {
    pub fn later(settings: &Settings) -> Self {
        let (done, read) = watch::channel(Arc::default());
        let limits = limits(settings);
        let settings = settings.clone();
        let job = move || done.send_replace(Arc::new(super::healing::rules(&settings)));
        tokio::task::spawn_blocking(job);
        Self { read, limits }
    }

    /// The rules, once they are read: there are always those of the binary.
    pub async fn read(mut self) -> Option<Healer> {
        let read = self.read.wait_for(|rules| !rules.entries.is_empty()).await;
        Some(Healer {
            rules: Arc::clone(&*read.ok()?),
            limits: self.limits,
        })
    }

    /// Watches an incident's alarms, as long as the incident is open here.
    pub fn follow(self, handle: &Handle, mut boards: watch::Receiver<Arc<Board>>) {
        let handle = handle.clone();
        tokio::spawn(async move {
            let Some(healer) = self.read().await else {
                return;
            };
            loop {
                let board = Arc::clone(&boards.borrow_and_update());
                if !healer.look(&handle, &board).await || boards.changed().await.is_err() {
                    return;
                }
            }
        });
    }
}
