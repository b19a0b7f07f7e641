//! A change to the system, described so that exactly this and nothing else can be approved.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{AttemptId, IncidentId};
use crate::document::sha256;
use crate::playbook::StepId;

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
}

impl Intent {
    /// SHA-256 of the whole, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        sha256(&serde_json::to_string(self).unwrap_or_default())
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

    /// The things it acts upon: the values of the parameter that the playbook names as its
    /// `target_parameter`.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
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

    /// What has to be typed to approve it: the one target, or how many there are, or the
    /// document where no target is named. Never a constant word, never one key.
    #[must_use]
    pub fn confirmation(&self) -> String {
        let targets = self.targets();
        match targets.as_slice() {
            [one] => one.clone(),
            [] => self.parameters["document"]
                .as_str()
                .unwrap_or(&self.kind)
                .to_owned(),
            several => several.len().to_string(),
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
        }
    }

    #[test]
    fn any_change_is_another_digest_and_another_attempt() {
        let one = intent(json!({"document": "D"}));
        let others = [
            intent(json!({"document": "E"})),
            Intent {
                account: "x".into(),
                ..one.clone()
            },
            Intent {
                visit: 2,
                ..one.clone()
            },
            Intent {
                nonce: Uuid::from_u128(2),
                ..one.clone()
            },
        ];
        for other in others {
            assert_ne!(other.digest(), one.digest());
            assert_ne!(
                Intent::attempt(&other.digest(), 1),
                Intent::attempt(&one.digest(), 1)
            );
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

    #[test]
    fn what_has_to_be_typed_names_what_is_changed() {
        let typed = |values: Value| {
            intent(json!({"document": "D", "target_parameter": "InstanceId", "parameters": {"InstanceId": values}})).confirmation()
        };
        assert_eq!(typed(json!(["i-1"])), "i-1");
        assert_eq!(typed(json!("i-1")), "i-1");
        assert_eq!(typed(json!(["i-1", "i-2"])), "2");
        assert_eq!(intent(json!({"document": "D"})).confirmation(), "D");
    }
}
