//! Opens connections, and says how long each part took.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::actions::ActionError;

/// The longest wait for one address, unless a step's own time-out is shorter.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection, and how it came about.
pub(super) struct Connected {
    pub stream: TcpStream,
    pub address: SocketAddr,
    pub resolve_ms: f64,
    pub connect_ms: f64,
}

pub(super) fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 100_000.0).round() / 100.0
}

/// Resolves a name as this host does, and connects to the first of its addresses that answers.
pub(super) async fn connect(host: &str, port: u16) -> Result<Connected, ActionError> {
    let began = Instant::now();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let resolved = timeout(PATIENCE, lookup_host((bare, port))).await;
    let addresses: Vec<SocketAddr> = match resolved {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            return Err(closed(
                format!("{host} has no address: {error}"),
                "unresolved",
                None,
            ));
        }
        Err(_) => {
            return Err(ActionError {
                status: crate::incident::AttemptStatus::TimedOut,
                ..closed(
                    format!("{host} was not resolved in time"),
                    "unresolved",
                    None,
                )
            });
        }
    };
    let resolve_ms = millis(began);
    let mut last = closed(format!("{host} has no address"), "unresolved", None);
    for address in addresses {
        let began = Instant::now();
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                return Ok(Connected {
                    stream,
                    address,
                    resolve_ms,
                    connect_ms: millis(began),
                });
            }
            Ok(Err(error)) => {
                let refused = error.kind() == std::io::ErrorKind::ConnectionRefused;
                let reason = if refused { "refused" } else { "unreachable" };
                last = closed(
                    format!("{address} cannot be connected to: {error}"),
                    reason,
                    Some(address),
                );
            }
            Err(_) => {
                last = ActionError {
                    status: crate::incident::AttemptStatus::TimedOut,
                    ..closed(
                        format!("{address} did not answer in {PATIENCE:?}"),
                        "timeout",
                        Some(address),
                    )
                };
            }
        }
    }
    Err(last)
}

fn closed(message: String, reason: &str, address: Option<SocketAddr>) -> ActionError {
    let mut output = json!({"open": false, "reason": reason});
    if let Some(address) = address {
        output["address"] = Value::from(address.ip().to_string());
    }
    ActionError::failed(message).found(output)
}
