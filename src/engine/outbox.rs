//! Sends what stands in the outbox, and tries again what did not arrive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::recorder::Recorder;
use crate::actions::VOCABULARY;
use crate::actions::programs::Programs;
use crate::aws::{Aws, Place, Pool, Quota, describe};
use crate::breaker::{Breaker, Policy, State};
use crate::clock;
use crate::incident::{Command, EscalationId, IncidentId};
use crate::journal::{AppendError, Journal, JournalError, Message, Subscription, Topic};
use crate::notify::{Configured, Delivered, Undelivered, deliver};
use crate::playbook::SecretSource;
use crate::redaction::Redactor;

/// How often it is looked for what is due.
const EVERY: Duration = Duration::from_secs(1);
/// What was taken is sent within so long: with the longest send after it, that is less than others
/// leave it alone for.
const IN_TURN: Duration = Duration::from_mins(1);

/// After so many tries in vain, seven seconds and the receivers' patience, the escalation no longer waits
/// for a page: the next level is paged. Sending it goes on.
const PAGE_TRIES: u32 = 4;

/// Whoever is told, and what it takes to tell them.
#[derive(Clone)]
pub struct Sender {
    channels: Arc<[Configured]>,
    recorder: Recorder,
    aws: Arc<Pool>,
    programs: Arc<dyn Programs>,
    policy: Policy,
    redactor: Redactor,
}

impl Sender {
    /// Subscribes the channels to what is recorded from now on.
    pub fn new(
        channels: &[Configured],
        recorder: &Recorder,
        aws: &Arc<Pool>,
        programs: Arc<dyn Programs>,
        (policy, redactor): (Policy, Redactor),
    ) -> Self {
        Self {
            channels: channels.into(),
            recorder: recorder.clone(),
            aws: Arc::clone(aws),
            programs,
            policy,
            redactor,
        }
    }

    /// Sends what is due, for as long as the process lives. Returns the channels that are left
    /// alone because they kept failing, in words.
    #[must_use]
    pub fn start(self) -> watch::Receiver<Vec<String>> {
        let (said, troubles) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut breakers = HashMap::new();
            loop {
                // What cannot be read now is read later; that nothing is recorded is said elsewhere.
                let _ = self.send_due(&mut breakers).await;
                let now = left_alone(&breakers);
                said.send_if_modified(|before| {
                    let new = *before != now;
                    *before = now;
                    new
                });
                sleep(EVERY).await;
            }
        });
        troubles
    }

    /// Sends what is due, once. Returns how many were sent, and how many were not.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn send_due(
        &self,
        breakers: &mut HashMap<String, Breaker>,
    ) -> Result<(usize, usize), JournalError> {
        let now = clock::now();
        let lost = self.recorder.call(Journal::take_unreported).await?;
        let given_up = lost.len();
        for message in lost {
            let why = message.error.clone().unwrap_or_default();
            self.page_ended(&message, Err(why)).await?;
        }
        let ready = |name: &String| {
            let breaker = breakers.get_mut(name);
            breaker.is_none_or(|breaker| breaker.allows(now).is_ok())
        };
        let names = self.channels.iter().map(|one| one.channel.name.clone());
        let names: Vec<String> = names
            .collect::<Vec<_>>()
            .into_iter()
            .filter(ready)
            .collect();
        let taken = self
            .recorder
            .call(move |journal| journal.take_messages(&names, now))
            .await?;
        let mut by_channel: HashMap<String, Vec<Message>> = HashMap::new();
        for message in taken {
            let own = by_channel.entry(message.channel.clone());
            own.or_default().push(message);
        }
        // One that is slow keeps no other waiting.
        let all = by_channel.into_iter().map(|(channel, messages)| {
            let breaker = breakers.remove(&channel);
            let breaker = breaker.unwrap_or_else(|| Breaker::new(self.policy));
            async move {
                let done = self.send_in_turn(messages, breaker).await;
                (channel, done)
            }
        });
        let (mut sent, mut unsent, mut failed) = (0, given_up, None);
        for (channel, (breaker, done)) in join_all(all).await {
            breakers.insert(channel, breaker);
            match done {
                Ok((yes, no)) => (sent, unsent) = (sent + yes, unsent + no),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok((sent, unsent)), Err)
    }

    /// Sends a channel's messages one after the other, for as long as they are this sender's: what it
    /// does not come to is given back.
    async fn send_in_turn(
        &self,
        messages: Vec<Message>,
        mut breaker: Breaker,
    ) -> (Breaker, Result<(usize, usize), JournalError>) {
        let (mut sent, mut unsent, mut rests) = (0, 0, false);
        let began = Instant::now();
        let mut left = messages.into_iter();
        for message in left.by_ref() {
            let told = match self.send(&message).await {
                Ok(delivered) => {
                    sent += 1;
                    unsent += delivered.left.len();
                    breaker.succeeded(clock::now());
                    self.sent(&message, delivered).await
                }
                Err(error) => {
                    unsent += 1;
                    // A recipient that is tried again says nothing of the channel.
                    if !error.lasting && message.facts["recipients"].is_null() {
                        breaker.failed(clock::now());
                    }
                    rests = error.retry_after.is_some();
                    self.failed(message, error).await
                }
            };
            if let Err(error) = told {
                return (breaker, Err(error));
            }
            if rests || began.elapsed() > IN_TURN || breaker.allows(clock::now()).is_err() {
                break;
            }
        }
        let rest: Vec<i64> = left.map(|message| message.id).collect();
        let given_back = self
            .recorder
            .call(move |journal| journal.give_back_messages(&rest))
            .await;
        (breaker, given_back.map(|()| (sent, unsent)))
    }

    async fn sent(&self, message: &Message, delivered: Delivered) -> Result<(), JournalError> {
        let (id, incident) = (message.id, message.incident.clone());
        let (whole, left) = (message.clone(), delivered.left.clone());
        self.recorder
            .call(move |journal| {
                for one in &left {
                    let why = (
                        one.recipient.as_str(),
                        one.error.why.as_str(),
                        one.error.lasting,
                    );
                    journal.message_left(&whole, why, clock::now())?;
                }
                journal.message_sent(id, clock::now())
            })
            .await?;
        if let Some(said) = delivered.note {
            // It was told all the same; the link is found where it was told.
            let _ = self.record(incident, Command::Note(said)).await;
        }
        let refused = delivered
            .left
            .iter()
            .map(|one| format!("; {}", one.error.why));
        let answer = format!("{}{}", delivered.answer, refused.collect::<String>());
        self.page_ended(message, Ok(answer)).await
    }

    async fn failed(&self, message: Message, error: Undelivered) -> Result<(), JournalError> {
        let given_up = error.lasting || error.fault || message.tries + 1 >= PAGE_TRIES;
        let (why, page) = (error.why.clone(), message.clone());
        self.recorder
            .call(move |journal| {
                let now = clock::now();
                let rest = TimeDelta::from_std(error.retry_after.unwrap_or_default());
                let rest = rest.unwrap_or_default();
                if !rest.is_zero() {
                    journal.rest_channel(&message.channel, now + rest)?;
                }
                let why = (error.why.as_str(), error.lasting, rest);
                journal.message_failed(&message, why, now)
            })
            .await?;
        if given_up {
            self.page_ended(&page, Err(why)).await?;
        }
        Ok(())
    }

    /// Records what became of a page, where the message is one.
    async fn page_ended(
        &self,
        message: &Message,
        result: Result<String, String>,
    ) -> Result<(), JournalError> {
        let number = |name: &str| {
            let number = message.facts[name].as_u64();
            number.and_then(|number| u32::try_from(number).ok())
        };
        let escalation = message.facts["escalation"].as_str();
        let escalation = escalation
            .and_then(|text| text.parse().ok())
            .map(EscalationId);
        let (Topic::Escalated, Some(escalation), Some(level)) =
            (message.topic, escalation, number("level"))
        else {
            return Ok(());
        };
        let command = Command::PageEnded {
            escalation,
            level,
            round: number("round").unwrap_or_default(),
            channel: message.channel.clone(),
            result,
        };
        match self.record(message.incident.clone(), command).await {
            Err(AppendError::Journal(error)) => Err(error),
            // An imported incident has no pages of this host; whoever writes ended a conflict.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Records in an incident what came of telling others.
    async fn record(&self, incident: IncidentId, command: Command) -> Result<(), AppendError> {
        let redactor = self.redactor.clone();
        self.recorder
            .call(move |journal| {
                let who = (&super::actor(), &redactor, VOCABULARY);
                match super::add(journal, &incident, command, who) {
                    Ok(_) | Err(super::AsideError::Refused(_)) => Ok(()),
                    Err(super::AsideError::Append(error)) => Err(error),
                }
            })
            .await
    }

    /// Sends one message. Returns what its receiver answered.
    ///
    /// # Errors
    /// When it does not arrive.
    pub async fn send(&self, message: &Message) -> Result<Delivered, Undelivered> {
        let named = |one: &&Configured| one.channel.name == message.channel;
        let Some(one) = self.channels.iter().find(named) else {
            return Err(Undelivered::ever(format!(
                "no channel is named {:?}",
                message.channel
            )));
        };
        let secret = match &one.secret {
            Some(source) => Some(self.reveal(source).await?),
            None => None,
        };
        deliver(&one.channel, secret.as_deref(), message, &self.aws).await
    }

    async fn reveal(&self, source: &SecretSource) -> Result<String, Undelivered> {
        let unknown =
            |why: String| Undelivered::fault(format!("the channel's secret cannot be read: {why}"));
        let (programs, asked) = (Arc::clone(&self.programs), source.clone());
        let here = tokio::task::spawn_blocking(move || programs.secret(&asked)).await;
        if let Some(here) = here.map_err(|error| unknown(error.to_string()))? {
            return here.map_err(unknown);
        }
        let SecretSource::Ssm(name) = source else {
            return Err(unknown("nobody keeps it".into()));
        };
        let aws = self.aws.at(&Place::default()).await;
        let aws = aws.map_err(|error| unknown(error.to_string()))?;
        parameter(&aws, name).await.map_err(unknown)
    }
}

fn left_alone(breakers: &HashMap<String, Breaker>) -> Vec<String> {
    let mut all: Vec<String> = breakers
        .iter()
        .filter_map(|(name, breaker)| match breaker.state(clock::now()) {
            State::Open { until } => Some(format!(
                "the channel {name} kept failing: nothing is sent there before {}; `standdown notify unsent` lists what waits",
                until.format("%H:%M:%SZ")
            )),
            State::Closed | State::HalfOpen => None,
        })
        .collect();
    all.sort();
    all
}

/// The value of a parameter of Parameter Store, decrypted.
async fn parameter(aws: &Aws, name: &str) -> Result<String, String> {
    aws.pace(Quota::Ssm).await;
    let asked = aws.ssm.get_parameter().name(name).with_decryption(true);
    let answer = asked
        .send()
        .await
        .map_err(|error| describe("ssm:GetParameter", &error).to_string())?;
    let value = answer.parameter.and_then(|parameter| parameter.value);
    value.ok_or_else(|| format!("{name} has no value"))
}

/// What the journal has to put into the outbox for some channels.
#[must_use]
pub fn subscriptions(channels: &[Configured]) -> Vec<Subscription> {
    channels
        .iter()
        .filter(|one| one.channel.kind.is_told())
        .map(|one| Subscription {
            channel: one.channel.name.clone(),
            topics: one.channel.topics.clone(),
        })
        .collect()
}
