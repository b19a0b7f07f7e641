//! Probes from this host: `http`, `tcp`, `tls`, `dns`.
//!
//! They look at what a client here would see: no proxy, no cache, nothing reused. In a rehearsal
//! nothing leaves the machine; the scenario answers instead.

mod certificate;
mod connect;
mod dns;
mod http;
mod tcp;
mod tls;

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::{ActionError, Context};
use crate::playbook::ActionKind;

pub(super) const KINDS: [ActionKind; 4] = [http::KIND, tcp::KIND, tls::KIND, dns::KIND];

/// A question to the network.
#[derive(Debug, Clone)]
pub enum Probe {
    /// An HTTP request.
    Http(http::Request),
    /// A TCP connection.
    Tcp(tcp::Request),
    /// A TLS handshake.
    Tls(tls::Request),
    /// A DNS query.
    Dns(dns::Request),
}

impl Probe {
    /// What it asks, in a line: by it a scenario finds its answer.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Http(request) => format!("http {} {}", request.method, request.url),
            Self::Tcp(request) => format!("tcp {}:{}", request.host, request.port),
            Self::Tls(request) => format!("tls {}:{}", request.host, request.port),
            Self::Dns(request) => format!("dns {} {}", request.kind, request.name),
        }
    }

    /// Asks the network.
    ///
    /// # Errors
    /// When there is no answer, or one that does not count as one.
    pub async fn ask(self) -> Result<Value, ActionError> {
        match self {
            Self::Http(request) => http::ask(request).await,
            Self::Tcp(request) => tcp::ask(request).await,
            Self::Tls(request) => tls::ask(request).await,
            Self::Dns(request) => dns::ask(request).await,
        }
    }
}

/// A running probe.
pub type Probing<'a> = Pin<Box<dyn Future<Output = Result<Value, ActionError>> + Send + 'a>>;

/// Runs a probe of a step.
pub(super) async fn run(
    kind: &str,
    parameters: Value,
    context: &Context,
) -> Result<Value, ActionError> {
    let probe = match kind {
        "http" => Probe::Http(super::read(parameters)?),
        "tcp" => Probe::Tcp(super::read(parameters)?),
        "tls" => Probe::Tls(super::read(parameters)?),
        _ => Probe::Dns(super::read(parameters)?),
    };
    let judge = match &probe {
        Probe::Http(request) => Some(request.clone()),
        _ => None,
    };
    let mut result = context.programs.probe(probe).await;
    match &mut result {
        Ok(output) => {
            context.redactor.json(output);
        }
        Err(error) => {
            if let Some(output) = &mut error.output {
                context.redactor.json(output);
            }
        }
    }
    match judge {
        Some(request) => http::judge(&request, result?),
        None => result,
    }
}
