//! `tls`: a server's certificates, and for how long they are good.

use serde::Deserialize;
use serde_json::Value;

use super::certificate::secure;
use super::connect::connect;
use crate::actions::{ActionError, unchecked};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "tls",
    about: "a server's certificates: chain, trust, name, days to expiry; one that is not to be trusted is an output, and no failure",
    keys: &[
        Key::required("host", KeyKind::Text, "a name or an address"),
        Key::optional("port", KeyKind::Integer, "the port; 443 unless given"),
        Key::optional(
            "name",
            KeyKind::Text,
            "the server's name, where it is not `host`",
        ),
    ],
    output: &[
        "trusted",
        "reason",
        "name_matches",
        "days_left",
        "subject",
        "issuer",
        "not_before",
        "not_after",
        "names",
        "chain",
        "version",
        "cipher",
        "address",
        "connect_ms",
        "tls_ms",
        "open",
    ],
    prefetched: ActionKind::always,
    mutating: ActionKind::never,
    permissions: ActionKind::unpermitted,
    check: unchecked,
    instead: ActionKind::itself,
};

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub(super) host: String,
    #[serde(default = "usual")]
    pub(super) port: u16,
    name: Option<String>,
}

fn usual() -> u16 {
    443
}

pub(super) async fn ask(request: Request) -> Result<Value, ActionError> {
    let connected = connect(&request.host, request.port).await?;
    let name = request.name.as_deref().unwrap_or(&request.host);
    let (address, connect_ms) = (connected.address, connected.connect_ms);
    let secured = secure(connected.stream, name).await?;
    let mut output = secured.report;
    output["open"] = true.into();
    output["address"] = address.ip().to_string().into();
    output["connect_ms"] = connect_ms.into();
    output["tls_ms"] = secured.tls_ms.into();
    Ok(output)
}
