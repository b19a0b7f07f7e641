//! In a rehearsal nothing local is executed: the scenario answers for programs.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::actions::programs::{Finished, Invocation, ProgramError, Programs, Running};
use crate::actions::{ActionError, Probe, Probing};
use crate::expression::Verdict;
use crate::playbook::SecretSource;

/// Asks the simulator what a program would have said.
#[derive(Debug, Clone)]
pub struct RehearsedPrograms {
    /// Where the simulator listens.
    pub simulator: SocketAddr,
}

impl Programs for RehearsedPrograms {
    fn run(&self, invocation: Invocation) -> Running<'_> {
        Box::pin(async move {
            let program = invocation.argv.first().cloned().unwrap_or_default();
            let answer = self
                .ask(&invocation.argv)
                .await
                .map_err(|source| ProgramError::Io { program, source })?;
            if let Some(error) = answer["error"].as_str() {
                return Err(ProgramError::NotRehearsed(error.to_owned()));
            }
            let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
            Ok(Finished {
                exit_code: answer["exit_code"]
                    .as_i64()
                    .and_then(|code| i32::try_from(code).ok()),
                stdout: text("stdout"),
                stderr: text("stderr"),
                truncated: false,
                ends: [None, None],
            })
        })
    }

    fn probe(&self, probe: Probe) -> Probing<'_> {
        Box::pin(async move {
            let body = json!({"line": probe.line()}).to_string();
            let answer = control(self.simulator, "POST", "/_standdown/probe", &body)
                .await
                .map_err(|error| ActionError::failed(error.to_string()))?;
            match answer["error"].as_str() {
                Some(error) => Err(ActionError {
                    read: Some(Verdict::False),
                    output: Some(answer["output"].clone()).filter(|output| !output.is_null()),
                    ..ActionError::failed(error)
                }),
                None => Ok(answer["output"].clone()),
            }
        })
    }

    /// Nothing of this machine is read, and nothing runs that could use it.
    fn secret(&self, _: &SecretSource) -> Option<Result<String, String>> {
        Some(Ok("rehearsed".into()))
    }
}

impl RehearsedPrograms {
    async fn ask(&self, argv: &[String]) -> std::io::Result<Value> {
        let body = json!({"argv": argv}).to_string();
        control(self.simulator, "POST", "/_standdown/program", &body).await
    }
}

/// Asks a simulator for what is not AWS: its health, what a program says, what was confirmed.
///
/// # Errors
/// When nothing answers there, or not in JSON.
pub async fn control(
    simulator: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<Value> {
    let stream = TcpStream::connect(simulator).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(std::io::Error::other)?;
    let driver = tokio::spawn(connection);
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header("host", simulator.to_string())
        .body(Full::new(Bytes::from(body.to_owned())))
        .map_err(std::io::Error::other)?;
    let response = sender
        .send_request(request)
        .await
        .map_err(std::io::Error::other)?;
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    driver.abort();
    serde_json::from_slice(&body).map_err(std::io::Error::other)
}
