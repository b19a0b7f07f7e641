//! `tcp`: whether a port can be connected to from this host, and how long it takes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::connect::connect;
use crate::actions::{ActionError, unchecked};
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "tcp",
    about: "whether a port can be connected to from this host, and how long it takes",
    keys: &[
        Key::required("host", KeyKind::Text, "a name or an address"),
        Key::required("port", KeyKind::Integer, "the port"),
    ],
    output: &["open", "connect_ms", "resolve_ms", "address", "reason"],
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
    pub(super) port: u16,
}

pub(super) async fn ask(request: Request) -> Result<Value, ActionError> {
    let connected = connect(&request.host, request.port).await?;
    Ok(json!({
        "open": true,
        "connect_ms": connected.connect_ms,
        "resolve_ms": connected.resolve_ms,
        "address": connected.address.ip().to_string(),
    }))
}
