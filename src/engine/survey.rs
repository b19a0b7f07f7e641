//! Finds out what a change would do before anybody is asked to agree to it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::attempt::{Surroundings, attempt};
use super::effects::{Said, secrets};
use super::writer::Writer;
use crate::actions::automation::{self, Standards};
use crate::actions::{Context, Remotes};
use crate::incident::{Command, Found, Intent, scope_of};
use crate::playbook::Automated;

/// How long it may take: reads alone, with pauses where AWS asks for them.
const LONGEST: Duration = Duration::from_mins(1);
/// How long what is verified later may take to be read now.
const BEFORE: Duration = Duration::from_secs(30);

impl Writer {
    pub fn survey(&mut self) {
        let Some(execution) = self.state.walking() else {
            return;
        };
        let Some(survey) = execution.survey.clone() else {
            return;
        };
        let (intent, step) = (Arc::clone(&survey.intent), survey.step.clone());
        let surroundings = Surroundings {
            aws: self.reach(&intent),
            secrets: secrets(&execution.playbook, &step),
            programs: Arc::clone(&self.settings.programs),
            redactor: self.settings.redactor.clone(),
            since: None,
            scope: scope_of(&self.state, self.now(), &step),
            speed: self.settings.speed,
            elapsed: Duration::ZERO,
            remotes: Remotes::unheard(),
        };
        let verify = execution
            .playbook
            .step(&step.0)
            .and_then(|step| step.remediation())
            .and_then(|remediation| remediation.verify.as_deref())
            .filter(|_| intent.undoes.is_none())
            .map(|verify| Automated {
                until: None,
                timeout: BEFORE,
                ..verify.clone()
            });
        let changes = self.settings.changes.clone();
        let alarms = self.own_alarms();
        let said = self.said.0.clone();
        tokio::spawn(async move {
            let context = Context {
                aws: surroundings.aws.clone(),
                secrets: Arc::clone(&surroundings.secrets),
                programs: Arc::clone(&surroundings.programs),
                redactor: surroundings.redactor.clone(),
                deadline: Instant::now() + LONGEST,
                speed: surroundings.speed,
                since: None,
                remotes: surroundings.remotes.clone(),
                run: String::new(),
            };
            let standards = Standards {
                reviewed: &changes.reviewed,
                calendars: &changes.calendars,
                alarms: &alarms,
            };
            let before = before(verify, surroundings);
            let found = async {
                let plan = automation::survey(&intent, &context, standards);
                let (plan, before) = tokio::join!(plan, before);
                plan.map(|plan| Box::new(Found { plan, before }))
            };
            let result = timeout(LONGEST, Box::pin(found)).await.unwrap_or_else(|_| {
                let seconds = LONGEST.as_secs();
                Err(format!("it could not be found out within {seconds} s"))
            });
            tell(
                &said,
                &intent,
                result.map_err(|error| context.redactor.owned(error)),
            )
            .await;
        });
    }
}

/// Reads what is verified later, as it is now. That it cannot be read is no reason not to ask.
async fn before(verify: Option<Automated>, surroundings: Surroundings) -> Option<Value> {
    let verify = verify?;
    let redactor = surroundings.redactor.clone();
    let mut output = attempt(&verify, surroundings).await.output?;
    redactor.json(&mut output);
    Some(output)
}

async fn tell(said: &mpsc::Sender<Said>, intent: &Intent, result: Result<Box<Found>, String>) {
    let command = Command::Surveyed {
        step: intent.step.clone(),
        visit: intent.visit,
        nonce: intent.nonce,
        result,
    };
    // The engine may have ended; then whoever takes the incident up asks anew.
    let _ = said.send(Said::Ask(Box::new(command))).await;
}
