//! `dns`: what a resolver answers, and how fast.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;
use std::time::Instant;

use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Resolver, system_conf::read_system_conf};
use serde::Deserialize;
use serde_json::{Value, json};

use super::connect::{PATIENCE, millis};
use crate::actions::ActionError;
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "dns",
    about: "what a resolver answers for a name, and how fast; nothing is cached, and a name that does not exist is an output",
    keys: &[
        Key::required("name", KeyKind::Text, "the name; it is taken as it is"),
        Key::optional(
            "type",
            KeyKind::Text,
            "A, AAAA, CNAME, MX, NS, TXT, SRV, SOA, CAA or PTR; A unless given",
        ),
        Key::optional(
            "server",
            KeyKind::Text,
            "the resolver's address, with :PORT if it is not 53; those of this host unless given",
        ),
    ],
    output: &["code", "records", "count", "ttl", "resolver", "latency_ms"],
    prefetched: ActionKind::always,
    mutating: ActionKind::never,
    permissions: ActionKind::unpermitted,
    check,
    instead: ActionKind::itself,
};

const TYPES: [&str; 10] = [
    "A", "AAAA", "CNAME", "MX", "NS", "TXT", "SRV", "SOA", "CAA", "PTR",
];

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let kind = parameters["type"].as_str().unwrap_or("A");
    if !kind.contains("{{") && !TYPES.contains(&kind) {
        return Err((
            "type",
            format!(
                "{kind:?} is no type of record; write one of {}",
                TYPES.join(", ")
            ),
        ));
    }
    match parameters["server"].as_str() {
        Some(server) if !server.contains("{{") => {
            address(server).map(drop).map_err(|why| ("server", why))
        }
        _ => Ok(()),
    }
}

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub(super) name: String,
    #[serde(rename = "type", default = "a")]
    pub(super) kind: String,
    server: Option<String>,
}

fn a() -> String {
    "A".into()
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let plain = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    plain.or_else(|_| text.parse()).map_err(|_| {
        format!("{text:?} is no address of a resolver; write 10.0.0.2 or 10.0.0.2:5353")
    })
}

pub(super) async fn ask(request: Request) -> Result<Value, ActionError> {
    let kind = RecordType::from_str(&request.kind)
        .map_err(|_| ActionError::failed(format!("{:?} is no type of record", request.kind)))?;
    let mut name = Name::from_str(&request.name)
        .map_err(|error| ActionError::failed(format!("{:?} is no name: {error}", request.name)))?;
    name.set_fqdn(true);
    let (config, mut options) = match &request.server {
        Some(server) => {
            let server = address(server).map_err(ActionError::failed)?;
            let mut one = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut one.connections {
                connection.port = server.port();
            }
            (
                ResolverConfig::from_name_servers(vec![one]),
                ResolverOpts::default(),
            )
        }
        None => read_system_conf().map_err(|error| {
            ActionError::failed(format!("this host's resolvers are not known: {error}"))
        })?,
    };
    options.timeout = PATIENCE / 2;
    options.attempts = 1;
    options.cache_size = 0;
    options.use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
    let asked: Vec<String> = config
        .name_servers()
        .iter()
        .map(|one| one.ip.to_string())
        .collect();
    let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .map_err(|error| ActionError::failed(format!("the resolver cannot be used: {error}")))?;
    let began = Instant::now();
    let answer = resolver.lookup(name, kind).await;
    let mut output = json!({"resolver": asked.join(", "), "latency_ms": millis(began)});
    match answer {
        Ok(found) => {
            let mut records: Vec<String> = found
                .answers()
                .iter()
                .filter(|record| record.record_type() == kind)
                .map(|record| record.data.to_string())
                .collect();
            records.sort();
            output["code"] = "NOERROR".into();
            output["count"] = records.len().into();
            output["records"] = records.into();
            output["ttl"] = found.answers().iter().map(|record| record.ttl).min().into();
            Ok(output)
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(nothing))) => {
            output["code"] = code(nothing.response_code).into();
            output["count"] = 0.into();
            output["records"] = json!([]);
            Ok(output)
        }
        Err(NetError::Dns(DnsError::ResponseCode(refused))) => {
            output["code"] = code(refused).into();
            output["count"] = 0.into();
            output["records"] = json!([]);
            Ok(output)
        }
        Err(error @ NetError::Timeout) => {
            Err(ActionError::timed_out(format!("no resolver answered: {error}")).found(output))
        }
        Err(error) => {
            Err(ActionError::failed(format!("no resolver answered: {error}")).found(output))
        }
    }
}

/// The code as `dig` writes it.
fn code(code: hickory_resolver::proto::op::ResponseCode) -> String {
    use hickory_resolver::proto::op::ResponseCode as Code;
    match code {
        Code::NoError => "NOERROR".into(),
        Code::FormErr => "FORMERR".into(),
        Code::ServFail => "SERVFAIL".into(),
        Code::NXDomain => "NXDOMAIN".into(),
        Code::NotImp => "NOTIMP".into(),
        Code::Refused => "REFUSED".into(),
        other => other.to_string().to_uppercase(),
    }
}
