//! A change to the system, described so that exactly this and nothing else can be approved.
//!
//! What stands in an [`Intent`] is what a screen shows and what its digest covers. The playbook
//! says the [`Terms`]; AWS says the [`Plan`]: what the document is, and what its targets are. From
//! then on nothing is looked up again: what was shown is what runs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{AttemptId, HealingRun, IncidentId};
use crate::document::sha256;
use crate::playbook::{ApprovalRule, Ceiling, StepId, WaveSize};
use crate::runbook::Work;

/// What will be done. Its digest is what a responder approves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The kind of action.
    pub kind: String,
    /// Its parameters, filled in.
    pub parameters: Value,
    /// The account of the incident's alarm; empty when it has none.
    pub account: String,
    /// The region of the incident's alarm; empty when it has none.
    pub region: String,
    /// The incident.
    pub incident: IncidentId,
    /// SHA-256 of the playbook's text.
    pub playbook: String,
    /// The step.
    pub step: StepId,
    /// Which visit of it.
    pub visit: u32,
    /// Makes each request for approval another one.
    pub nonce: Uuid,
    /// The attempt that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<AttemptId>,
    /// The healing that it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healing: Option<Box<HealingRun>>,
    /// What the playbook says around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Box<Terms>>,
    /// What AWS says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<Plan>>,
}

/// What the playbook says around a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The step's title.
    pub title: String,
    /// Who has to agree.
    pub approval: ApprovalRule,
    /// How long the request is good, in seconds.
    pub valid: u64,
    /// Who agreed beforehand and until when, where that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preapproved: Option<String>,
    /// When what was agreed beforehand ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preapproved_until: Option<DateTime<Utc>>,
    /// Whether it runs as soon as it is described: a healing that was agreed to beforehand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
    /// Where each parameter's value came from.
    pub sources: BTreeMap<String, String>,
    /// What it stops or restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops: Option<String>,
    /// How long it is expected to take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<u64>,
    /// What has to hold afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<String>,
    /// How long that may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_within: Option<u64>,
    /// What takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// How much it may touch.
    pub ceiling: Ceiling,
    /// Why it may touch more than that, where somebody raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised: Option<String>,
    /// How many targets at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<WaveSize>,
    /// How long to wait between two waves, in seconds.
    #[serde(default)]
    pub pause: u64,
}

/// What AWS says of a change: everything that a request to start it will hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The document's name.
    pub document: String,
    /// Its version, a number.
    pub version: String,
    /// Its SHA-256, in hex, as Systems Manager says it.
    pub hash: String,
    /// Whether that is the hash of the reviewed text, where there is one.
    #[serde(default)]
    pub reviewed: bool,
    /// The role it assumes; none where it uses the caller's own rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What it does, step by step: names and actions. Written by versions that did not look into
    /// loops and into the documents that it starts; since then, [`Plan::work`] says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<(String, String)>,
    /// What it does, with the steps of its loops and of the documents that it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<Work>,
    /// The documents that it starts, as they were when this was described.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<Started>,
    /// Those of its steps, and of the steps of its loops, that ask for an approval of their own.
    #[serde(default)]
    pub gates: Vec<String>,
    /// The parameters, as Systems Manager takes them.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// The parameter that names what is changed, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_parameter: Option<String>,
    /// Whether that parameter takes one target alone, and each gets an execution of its own.
    #[serde(default)]
    pub one_each: bool,
    /// What is changed, one by one; in the order in which it is.
    pub targets: Vec<Target>,
    /// What they are a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The alarm that stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// The change calendar that is closed, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    /// What could not be looked at here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// A document that a document starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Its name or ARN.
    pub document: String,
    /// The version that is asked for; the default one where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its SHA-256, in hex, as Systems Manager says it.
    pub hash: String,
}

/// Something that is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its id.
    pub id: String,
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The Availability Zone it is in, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether its agent answers, where Systems Manager knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
}

/// What targets are a part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What it is called.
    pub name: String,
    /// How many it has.
    pub total: usize,
    /// The zones they are in, where that is known.
    #[serde(default)]
    pub zones: Vec<String>,
}

impl Plan {
    /// What is changed, as a share of what there is: `3 of 41 instances, 7 %, 2 of 3 zones`.
    #[must_use]
    pub fn blast_radius(&self) -> Option<String> {
        let group = self.group.as_ref()?;
        let count = self.targets.len();
        let percent = count.saturating_mul(100) / group.total.max(1);
        let mut said = format!("{count} of {} {}, {percent} %", group.total, group.name);
        if !group.zones.is_empty() {
            let mut zones: Vec<&str> = self
                .targets
                .iter()
                .filter_map(|target| target.zone.as_deref())
                .collect();
            zones.sort_unstable();
            zones.dedup();
            let word = if group.zones.len() == 1 {
                "zone"
            } else {
                "zones"
            };
            said = format!("{said}, {} of {} {word}", zones.len(), group.zones.len());
        }
        Some(said)
    }
}

impl Intent {
    /// SHA-256 of the whole, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        let text = serde_json::to_string(self);
        sha256(&text.unwrap_or_else(|error| unreachable!("a change is plain data: {error}")))
    }

    /// The id of the attempt numbered `ordinal`, from 1, under an approval's digest: the same
    /// whoever computes it, so that AWS can be asked whether it was made.
    #[must_use]
    pub fn attempt(digest: &str, ordinal: u32) -> AttemptId {
        let hash = Sha256::new()
            .chain_update(digest.as_bytes())
            .chain_update(ordinal.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        AttemptId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The id of its attempt numbered `ordinal`. Of a healing it is the same under every approval,
    /// whoever gives it: two consoles that heal one thing because of one alarm ask AWS for one
    /// execution.
    #[must_use]
    pub fn attempt_id(&self, digest: &str, ordinal: u32) -> AttemptId {
        match &self.healing {
            Some(run) if self.undoes.is_none() => {
                let what = format!(
                    "{}\n{}\n{}\n{}\n{}\n{}",
                    run.rule,
                    run.resource,
                    run.transition.to_rfc3339(),
                    run.ordinal,
                    self.step,
                    self.visit
                );
                Self::attempt(&what, ordinal)
            }
            _ => Self::attempt(digest, ordinal),
        }
    }

    /// The document that runs.
    #[must_use]
    pub fn document(&self) -> &str {
        match &self.plan {
            Some(plan) => &plan.document,
            None => self.parameters["document"].as_str().unwrap_or(&self.kind),
        }
    }

    /// The things it acts upon: those that were found for it, or the values of the parameter that
    /// the playbook names as its `target_parameter`.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        if let Some(plan) = &self.plan {
            return plan.targets.iter().map(|one| one.id.clone()).collect();
        }
        let name = self.parameters["target_parameter"]
            .as_str()
            .unwrap_or_default();
        match &self.parameters["parameters"][name] {
            Value::String(one) => vec![one.clone()],
            Value::Array(all) => all
                .iter()
                .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// What somebody who agrees is asked to type.
    #[must_use]
    pub fn to_type(&self) -> String {
        let wanted = self.confirmation();
        match self.targets().len() {
            0 => format!("type {wanted}, the document that runs"),
            1 => format!("type {wanted}, what is changed"),
            _ => "type how many targets are changed".to_owned(),
        }
    }

    /// What has to be typed to approve it: the one target, or how many there are, or the
    /// document where no target is named. Never a constant word, never one key.
    #[must_use]
    pub fn confirmation(&self) -> String {
        let targets = self.targets();
        match targets.as_slice() {
            [one] => one.clone(),
            [] => self.document().to_owned(),
            several => several.len().to_string(),
        }
    }

    /// Who has to agree.
    #[must_use]
    pub fn approval(&self) -> ApprovalRule {
        self.terms
            .as_ref()
            .map_or(ApprovalRule::Own, |terms| terms.approval.clone())
    }

    /// How many others have to agree before it runs, and the group they belong to. What was agreed
    /// to beforehand asks nobody.
    #[must_use]
    pub fn others(&self) -> Option<(usize, &str)> {
        match self.terms.as_deref() {
            Some(Terms {
                approval: ApprovalRule::Others { count, group },
                preapproved: None,
                ..
            }) => Some((*count, group)),
            _ => None,
        }
    }

    /// Why it touches more than it may, unless somebody raised that.
    #[must_use]
    pub fn over_ceiling(&self) -> Option<String> {
        let (terms, plan) = (self.terms.as_ref()?, self.plan.as_ref()?);
        if terms.raised.is_some() {
            return None;
        }
        let targets = plan.targets.len();
        if let Some(count) = terms.ceiling.count
            && targets > usize::try_from(count).unwrap_or(usize::MAX)
        {
            return Some(format!("{targets} targets, and {count} at most"));
        }
        let percent = terms.ceiling.percent?;
        let Some(group) = &plan.group else {
            return Some(format!(
                "at most {percent} % of a group, and nothing says which group they are of"
            ));
        };
        let most = group.total * usize::try_from(percent).unwrap_or(100);
        (targets * 100 > most).then(|| {
            format!(
                "{targets} of {} {}, and {percent} % at most",
                group.total, group.name
            )
        })
    }

    /// The targets in turns; one turn where there are no waves. The last ones are what is left.
    #[must_use]
    pub fn waves(&self) -> Vec<Vec<String>> {
        let targets = self.targets();
        let size = self.terms.as_ref().and_then(|terms| terms.wave);
        match size {
            Some(size) if !targets.is_empty() => targets
                .chunks(size.of(targets.len()))
                .map(<[String]>::to_vec)
                .collect(),
            _ => vec![targets],
        }
    }
}

/// What runs at AWS for an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remote {
    /// A Run Command, by its command id.
    Command(String),
    /// An Automation, by its execution id.
    Automation(String),
    /// A query of Logs Insights, by its id.
    Query(String),
}

impl Remote {
    /// The id, as AWS gave it.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Command(id) | Self::Automation(id) | Self::Query(id) => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::Policy;
    use crate::playbook::{Action, Layer, Mode};
    use serde_json::json;

    fn intent(parameters: Value) -> Intent {
        Intent {
            kind: "ssm_automation".into(),
            parameters,
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            incident: IncidentId("20261121-abcdef".into()),
            playbook: "h".into(),
            step: "restart".into(),
            visit: 1,
            nonce: Uuid::from_u128(1),
            undoes: None,
            healing: None,
            terms: None,
            plan: None,
        }
    }

    fn fleet(targets: usize, total: usize, ceiling: Ceiling, wave: Option<WaveSize>) -> Intent {
        let zones = ["a", "b", "c"];
        Intent {
            terms: Some(Box::new(Terms {
                title: "Restart".into(),
                approval: ApprovalRule::Own,
                valid: 1800,
                preapproved: None,
                preapproved_until: None,
                auto: false,
                sources: BTreeMap::new(),
                stops: None,
                estimate: None,
                verify: None,
                verify_within: None,
                undo: None,
                ceiling,
                raised: None,
                wave,
                pause: 0,
            })),
            plan: Some(Box::new(Plan {
                targets: (0..targets)
                    .map(|number| Target {
                        id: format!("i-{number}"),
                        zone: Some(zones[number % 2].into()),
                        ..Target::default()
                    })
                    .collect(),
                group: Some(Group {
                    name: "instances".into(),
                    total,
                    zones: zones.map(str::to_owned).into(),
                }),
                ..Plan::default()
            })),
            ..intent(json!({}))
        }
    }

    #[test]
    fn any_change_is_another_digest_and_another_attempt() {
        let one = fleet(3, 41, Ceiling::default(), None);
        let whole = serde_json::to_value(everything()).unwrap();
        let leaves = leaves(&whole);
        assert!(leaves.len() > 60, "{leaves:?}");
        let mut digests = std::collections::BTreeSet::from([everything().digest()]);
        for leaf in &leaves {
            let mut found = false;
            for value in others(whole.pointer(leaf).unwrap()) {
                let mut changed = whole.clone();
                *changed.pointer_mut(leaf).unwrap() = value;
                // What does not fit the type cannot be approved in the first place.
                let Ok(other) = serde_json::from_value::<Intent>(changed) else {
                    continue;
                };
                found = true;
                assert!(
                    digests.insert(other.digest()),
                    "{leaf} is not in the digest"
                );
            }
            assert!(found, "nothing else fits at {leaf}");
        }
        assert_eq!(
            Intent::attempt(&one.digest(), 1),
            Intent::attempt(&one.digest(), 1)
        );
        assert_ne!(
            Intent::attempt(&one.digest(), 1),
            Intent::attempt(&one.digest(), 2)
        );
    }

    /// A change in which every field has a value.
    fn everything() -> Intent {
        let mut one = fleet(
            2,
            3,
            Ceiling {
                count: Some(1),
                percent: Some(2),
            },
            Some(WaveSize::Count(2)),
        );
        one.parameters =
            json!({"document": "D", "parameters": {"A": ["a", "b"], "B": "c"}, "hash": "h"});
        one.undoes = Some(AttemptId(Uuid::from_u128(3)));
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        one.healing = Some(Box::new(HealingRun {
            rule: "r".into(),
            layer: Layer::Infrastructure,
            action: Action::Restart,
            resource: "x".into(),
            place: "p".into(),
            mode: Mode::Auto,
            transition: at,
            ordinal: 1,
            cooldown: 60,
            attempts: 2,
            window: 3600,
            per_hour: 6,
            breaker: Policy::default(),
        }));
        if let Some(terms) = one.terms.as_deref_mut() {
            terms.approval = ApprovalRule::Others {
                count: 2,
                group: "g".into(),
            };
            terms.preapproved = Some("p".into());
            terms.preapproved_until = Some(at);
            terms.auto = true;
            terms.sources = [("A".to_owned(), "inputs.a".to_owned())].into();
            terms.stops = Some("s".into());
            terms.estimate = Some(5);
            terms.verify = Some("v".into());
            terms.verify_within = Some(6);
            terms.undo = Some("u".into());
            terms.raised = Some("because".into());
            terms.pause = 7;
        }
        if let Some(plan) = one.plan.as_deref_mut() {
            plan.document = "D".into();
            plan.version = "1".into();
            plan.hash = "h".into();
            plan.reviewed = true;
            plan.role = Some("role".into());
            plan.steps = vec![("one".into(), "aws:pause".into())];
            plan.work = vec![Work {
                depth: 1,
                step: "one".into(),
                action: "aws:executeAwsApi".into(),
                says: vec!["ec2:StopInstances".into()],
                unresolved: Some("which".into()),
            }];
            plan.starts = vec![Started {
                document: "E".into(),
                version: Some("2".into()),
                hash: "i".into(),
            }];
            plan.gates = vec!["gate".into()];
            plan.parameters = [("A".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into();
            plan.target_parameter = Some("A".into());
            plan.one_each = true;
            plan.alarm = Some("alarm".into());
            plan.closed = Some("closed".into());
            plan.remarks = vec!["left to AWS".into()];
            plan.targets[0].name = Some("web".into());
            plan.targets[0].online = Some(true);
        }
        one
    }

    /// The place of every value that is no list and no map.
    fn leaves(value: &Value) -> Vec<String> {
        let inside = |entries: Vec<(String, &Value)>| {
            let each = entries.into_iter().flat_map(|(name, value)| {
                let inner = leaves(value);
                inner.into_iter().map(move |leaf| format!("/{name}{leaf}"))
            });
            each.collect()
        };
        match value {
            Value::Object(entries) => inside(
                entries
                    .iter()
                    .map(|(name, value)| (name.clone(), value))
                    .collect(),
            ),
            Value::Array(items) => inside(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, value)| (index.to_string(), value))
                    .collect(),
            ),
            _ => vec![String::new()],
        }
    }

    /// Other values that may stand in the place of a value.
    fn others(value: &Value) -> Vec<Value> {
        match value {
            Value::Bool(known) => vec![json!(!known)],
            Value::Number(number) => vec![json!(number.as_u64().unwrap_or_default() + 1)],
            Value::String(text) => {
                let id = Uuid::from_u128(99).to_string();
                let words = ["propose", "application", "scale"];
                let words = words.into_iter().filter(|word| word != text);
                // A free text takes all of these; a moment, an id or a word the one that fits.
                match text.parse::<DateTime<Utc>>() {
                    Ok(_) => vec![json!("2027-01-01T00:00:00Z")],
                    Err(_) => std::iter::once(json!(id))
                        .chain(words.map(|word| json!(word)))
                        .collect(),
                }
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn whoever_reads_it_anew_finds_the_same_digest() {
        let one = fleet(3, 41, Ceiling::default(), Some(WaveSize::Count(2)));
        let text = serde_json::to_string(&one).unwrap();
        let again: Intent = serde_json::from_str(&text).unwrap();
        assert_eq!(again.digest(), one.digest());
    }

    #[test]
    fn what_has_to_be_typed_names_what_is_changed() {
        let typed = |values: Value| {
            intent(json!({"document": "D", "target_parameter": "InstanceId", "parameters": {"InstanceId": values}})).confirmation()
        };
        assert_eq!(typed(json!(["i-1"])), "i-1");
        assert_eq!(typed(json!("i-1")), "i-1");
        assert_eq!(typed(json!(["i-1", "i-2"])), "2");
        assert_eq!(intent(json!({"document": "D"})).confirmation(), "D");
        assert_eq!(fleet(3, 41, Ceiling::default(), None).confirmation(), "3");
    }

    #[test]
    fn the_blast_radius_is_said_in_numbers() {
        let three = fleet(3, 41, Ceiling::default(), None);
        let said = three.plan.as_ref().and_then(|plan| plan.blast_radius());
        assert_eq!(said.unwrap(), "3 of 41 instances, 7 %, 2 of 3 zones");
    }

    #[test]
    fn more_than_the_ceiling_is_said_until_somebody_raised_it() {
        let over = |targets, count, percent| {
            fleet(targets, 41, Ceiling { count, percent }, None).over_ceiling()
        };
        assert_eq!(over(3, Some(3), Some(8)), None);
        assert!(over(4, Some(3), None).is_some());
        assert!(over(4, None, Some(9)).is_some(), "4 of 41 is more than 9 %");
        assert_eq!(over(4, None, Some(10)), None);
        let mut raised = fleet(
            4,
            41,
            Ceiling {
                count: Some(1),
                percent: None,
            },
            None,
        );
        if let Some(terms) = raised.terms.as_mut() {
            terms.raised = Some("they are idle".into());
        }
        assert_eq!(raised.over_ceiling(), None);
    }

    #[test]
    fn waves_take_every_target_once() {
        let sizes = |wave| {
            let waves = fleet(7, 7, Ceiling::default(), wave).waves();
            waves.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(None), [7]);
        assert_eq!(sizes(Some(WaveSize::Count(3))), [3, 3, 1]);
        assert_eq!(sizes(Some(WaveSize::Percent(50))), [4, 3]);
    }
}
