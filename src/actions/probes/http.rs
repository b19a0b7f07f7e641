//! `http`: what a server answers to a client on this host, and how fast.

use std::collections::BTreeMap;
use std::time::Instant;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Response, Uri};
use hyper_util::rt::TokioIo;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use url::Url;

use super::certificate::secure;
use super::connect::{PATIENCE, connect, millis};
use crate::actions::ActionError;
use crate::playbook::{ActionKey as Key, ActionKind, KeyKind};

/// The most that is kept of a body, in bytes.
const BODY: usize = 64 * 1024;
/// The most redirects that are followed: what the Fetch standard and browsers allow.
const REDIRECTS: i64 = 20;

/// The declaration.
pub(super) const KIND: ActionKind = ActionKind {
    name: "http",
    about: "one HTTP request from this host: status, latency, body, certificate; it goes to the server itself and not through a proxy",
    keys: &[
        Key::required("url", KeyKind::Text, "http://… or https://…"),
        Key::optional(
            "method",
            KeyKind::Text,
            "GET, HEAD or OPTIONS; GET unless given",
        ),
        Key::optional("headers", KeyKind::TextMap, "headers to send"),
        Key::optional(
            "status",
            KeyKind::Json,
            "the statuses that are no failure, such as [200, 204]; anything below 400 unless given",
        ),
        Key::optional(
            "body_match",
            KeyKind::Text,
            "a regular expression that the body must match",
        ),
        Key::optional(
            "redirects",
            KeyKind::Integer,
            "how many redirects to follow, 20 at most; none unless given; `headers` are not sent to another host",
        ),
    ],
    output: &[
        "status",
        "latency_ms",
        "resolve_ms",
        "connect_ms",
        "tls_ms",
        "first_byte_ms",
        "address",
        "url",
        "redirects",
        "headers",
        "body",
        "bytes",
        "truncated",
        "matched",
        "certificate",
        "open",
        "reason",
    ],
    prefetched: ActionKind::always,
    mutating: ActionKind::never,
    permissions: ActionKind::unpermitted,
    check,
    instead: ActionKind::itself,
};

const METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

fn check(parameters: &Value) -> Result<(), (&'static str, String)> {
    let method = parameters["method"].as_str().unwrap_or("GET");
    if !METHODS.contains(&method) {
        return Err((
            "method",
            format!("a probe only reads; write one of {}", METHODS.join(", ")),
        ));
    }
    let url = parameters["url"].as_str().unwrap_or_default();
    if !url.contains("{{")
        && let Err(reason) = target(url)
    {
        return Err(("url", reason));
    }
    if let Some(pattern) = parameters["body_match"].as_str()
        && let Err(error) = Regex::new(pattern)
    {
        let line = error.to_string();
        let last = line.lines().last().unwrap_or_default().to_owned();
        return Err((
            "body_match",
            format!("it is not a regular expression: {last}"),
        ));
    }
    let statuses = parameters.get("status").is_none_or(|statuses| {
        statuses.as_array().is_some_and(|all| {
            all.iter()
                .all(|one| one.as_u64().is_some_and(|code| (100..=599).contains(&code)))
        })
    });
    if !statuses {
        return Err(("status", "statuses are a list such as [200, 204]".into()));
    }
    let redirects = parameters["redirects"].as_i64().unwrap_or_default();
    if !(0..=REDIRECTS).contains(&redirects) {
        return Err(("redirects", format!("write a number from 0 to {REDIRECTS}")));
    }
    Ok(())
}

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub(super) url: String,
    #[serde(default = "get")]
    pub(super) method: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    status: Option<Vec<u64>>,
    body_match: Option<String>,
    #[serde(default)]
    redirects: u8,
}

fn get() -> String {
    "GET".into()
}

struct Target {
    secure: bool,
    host: String,
    port: u16,
    /// What is asked for there.
    path: String,
}

impl Target {
    fn is_at(&self, other: &Self) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }
}

fn target(url: &str) -> Result<Target, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("{url:?} is no URL: {error}"))?;
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(format!("{url:?} does not begin with http:// or https://")),
    };
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err("the URL holds a user's name or password".into());
    }
    let host = uri.host().filter(|host| !host.is_empty());
    Ok(Target {
        secure,
        host: host
            .ok_or_else(|| format!("{url:?} names no host"))?
            .to_owned(),
        port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        path: uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string),
    })
}

pub(super) async fn ask(mut request: Request) -> Result<Value, ActionError> {
    let began = Instant::now();
    let mut url = request.url.clone();
    let first = target(&url).map_err(ActionError::failed)?;
    let mut followed = 0;
    loop {
        let to = target(&url).map_err(ActionError::failed)?;
        if !to.is_at(&first) {
            // They can hold a token, which is for the host that the playbook names.
            request.headers.clear();
        }
        let mut output = exchange(&request, &to).await?;
        output["url"] = url.clone().into();
        output["redirects"] = followed.into();
        output["latency_ms"] = millis(began).into();
        let location = output["headers"]["location"].as_str();
        let redirect = output["status"]
            .as_u64()
            .is_some_and(|status| [301, 302, 303, 307, 308].contains(&status));
        let Some(location) = location.filter(|_| redirect) else {
            return Ok(output);
        };
        if followed == request.redirects {
            // One that was asked to follow redirects has come to no answer yet.
            let many = format!("there are more than {followed} redirects");
            return if followed > 0 {
                Err(ActionError::failed(many).found(output))
            } else {
                Ok(output)
            };
        }
        url = follow(&url, location).map_err(ActionError::failed)?;
        followed += 1;
    }
}

/// Where a redirect leads (RFC 9110, section 10.2.2).
fn follow(from: &str, location: &str) -> Result<String, String> {
    let mut to = Url::parse(from)
        .and_then(|from| from.join(location))
        .map_err(|error| format!("it redirects to {location:?}, which is no URL: {error}"))?;
    to.set_fragment(None);
    Ok(to.into())
}

async fn exchange(request: &Request, to: &Target) -> Result<Value, ActionError> {
    let connected = connect(&to.host, to.port).await?;
    let mut output = json!({
        "open": true,
        "address": connected.address.ip().to_string(),
        "resolve_ms": connected.resolve_ms,
        "connect_ms": connected.connect_ms,
    });
    if !to.secure {
        return speak(request, to, connected.stream, output).await;
    }
    let secured = secure(connected.stream, &to.host).await?;
    output["tls_ms"] = secured.tls_ms.into();
    output["certificate"] = secured.report;
    if let Some(reason) = secured.refusal {
        // Nothing is sent to somebody who cannot say who they are.
        let message = format!(
            "the certificate of {} is not to be trusted: {reason}",
            to.host
        );
        return Err(ActionError::failed(message).found(output));
    }
    speak(request, to, secured.stream, output).await
}

async fn speak<S>(
    request: &Request,
    to: &Target,
    stream: S,
    mut output: Value,
) -> Result<Value, ActionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: &dyn std::fmt::Display| {
        ActionError::failed(format!("{} gave no HTTP answer: {error}", to.host))
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    let driver = tokio::spawn(connection);
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| failed(&error))?;
    let usual = if to.secure { 443 } else { 80 };
    let host = if to.port == usual {
        to.host.clone()
    } else {
        format!("{}:{}", to.host, to.port)
    };
    let mut message = hyper::Request::builder()
        .method(method)
        .uri(&to.path)
        .header("host", host)
        .header(
            "user-agent",
            concat!("standdown/", env!("CARGO_PKG_VERSION")),
        )
        .header("accept", "*/*");
    // What the playbook says stands in the place of what is usual.
    if let Some(headers) = message.headers_mut() {
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| failed(&error))?;
            let value = HeaderValue::from_str(value).map_err(|error| failed(&error))?;
            headers.insert(name, value);
        }
    }
    let message = message
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(&error))?;
    let began = Instant::now();
    let answer = match timeout(PATIENCE, sender.send_request(message)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(failed(&error).found(output)),
        Err(_) => {
            let late = format!("{} did not answer in {PATIENCE:?}", to.host);
            return Err(ActionError::timed_out(late).found(output));
        }
    };
    output["first_byte_ms"] = millis(began).into();
    output["status"] = answer.status().as_u16().into();
    output["headers"] = answer
        .headers()
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), Value::from(value.to_str().ok()?)))
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    let (body, bytes, truncated) = match timeout(PATIENCE, keep(answer)).await {
        Ok(Ok(kept)) => kept,
        Ok(Err(error)) => {
            let cut = format!("the body of {} ended early: {error}", to.host);
            return Err(ActionError::failed(cut).found(output));
        }
        Err(_) => {
            let late = format!("the body of {} did not end in {PATIENCE:?}", to.host);
            return Err(ActionError::timed_out(late).found(output));
        }
    };
    driver.abort();
    output["body"] = body.into();
    output["bytes"] = bytes.into();
    output["truncated"] = truncated.into();
    Ok(output)
}

/// Keeps the first [`BODY`] bytes, and reads no more than that.
async fn keep(
    mut answer: Response<hyper::body::Incoming>,
) -> Result<(String, usize, bool), hyper::Error> {
    let mut kept: Vec<u8> = Vec::new();
    while let Some(frame) = answer.body_mut().frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = BODY - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((
                String::from_utf8_lossy(&kept).into_owned(),
                kept.len(),
                true,
            ));
        }
    }
    Ok((
        String::from_utf8_lossy(&kept).into_owned(),
        kept.len(),
        false,
    ))
}

/// Whether the answer is the one that was hoped for.
pub(super) fn judge(request: &Request, mut output: Value) -> Result<Value, ActionError> {
    let status = output["status"].as_u64().unwrap_or_default();
    let matched = match &request.body_match {
        Some(pattern) => {
            let pattern = Regex::new(pattern)
                .map_err(|error| ActionError::failed(format!("`body_match`: {error}")))?;
            let matched = pattern.is_match(output["body"].as_str().unwrap_or_default());
            output["matched"] = matched.into();
            matched
        }
        None => true,
    };
    let wanted = request
        .status
        .as_ref()
        .map_or(status < 400, |wanted| wanted.contains(&status));
    if !wanted {
        let hoped = request.status.as_ref().map_or_else(
            || "one below 400".to_owned(),
            |wanted| {
                let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
                wanted.join(" or ")
            },
        );
        let why = format!("the status is {status}, and not {hoped}");
        return Err(ActionError::failed(why).found(output));
    }
    if !matched {
        let why = if output["truncated"] == true {
            format!(
                "`body_match` is not found in the first {} KiB of the body",
                BODY / 1024
            )
        } else {
            "the body does not match `body_match`".to_owned()
        };
        return Err(ActionError::failed(why).found(output));
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_a_browser_would_go() {
        let from = "http://shop:8080/a/b?c=1";
        for (location, to) in [
            (
                "/login?back=https://app/",
                "http://shop:8080/login?back=https://app/",
            ),
            ("//other/path", "http://other/path"),
            ("?x=1", "http://shop:8080/a/b?x=1"),
            ("d#part", "http://shop:8080/a/d"),
            ("https://else/", "https://else/"),
        ] {
            assert_eq!(follow(from, location).unwrap(), to);
        }
        assert!(follow(from, "http://[").is_err());
    }
}
