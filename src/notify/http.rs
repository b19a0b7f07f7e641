//! Posts JSON to a receiver, through the proxy that the environment names.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{Client, connect::Connect};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;
use tokio_rustls::rustls::{ClientConfig, crypto::ring};

use super::{Delivered, PATIENCE, Undelivered};

/// How much of a receiver's answer is read, in bytes, and kept, in characters.
const READ: usize = 16 * 1024;
const KEPT: usize = 200;

/// Posts a body; whatever the receiver answers with a success is taken for one.
pub(super) async fn post(
    url: &str,
    body: &Value,
    headers: &[(&'static str, String)],
) -> Result<Delivered, Undelivered> {
    // A URL can be the secret itself: an error never tells it.
    let uri: Uri = url
        .parse()
        .map_err(|_| Undelivered::ever("the channel's URL is no URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(Undelivered::ever("the channel's URL names no http host"));
    }
    let host = uri.host().unwrap_or_default().to_owned();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(uri.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "standdown");
    for (name, value) in headers {
        request = request.header(HeaderName::from_static(name), value);
    }
    let request = request
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|error| Undelivered::ever(format!("the message cannot be sent: {error}")))?;
    let talk = async {
        let answer = ask(&uri, request)
            .await
            .map_err(|why| Undelivered::now(format!("{host} cannot be reached: {why}")))?;
        let status = answer.status();
        let rest = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| retry_after(text, crate::clock::now()));
        let said = Limited::new(answer.into_body(), READ).collect().await;
        let said = said
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        // A receiver may repeat what it was asked for.
        let said = uri.path_and_query().map_or_else(
            || said.to_string(),
            |asked| masked(&masked(&said, asked.as_str()), uri.path()),
        );
        judge(&host, status, &said).map_err(|error| Undelivered {
            retry_after: rest,
            ..error
        })
    };
    timeout(PATIENCE, talk)
        .await
        .map_err(|_| Undelivered::now(format!("{host} did not answer within {PATIENCE:?}")))?
}

fn masked(text: &str, secret: &str) -> String {
    if secret.len() > 1 {
        text.replace(secret, "/…")
    } else {
        text.to_owned()
    }
}

/// The longest rest that a receiver can ask for.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// How long a receiver wants to be left alone: seconds, or a time (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let at = DateTime::parse_from_rfc2822(text).ok()?;
        (at.to_utc() - now).to_std().unwrap_or_default()
    };
    Some(wait.min(LONGEST_REST))
}

/// Whether the body of an answer reports an error although its status is a success, as those of
/// Slack's and Teams' services do.
fn reports_error(said: &str) -> bool {
    let said = said.trim();
    if let Ok(Value::Object(body)) = serde_json::from_str::<Value>(said) {
        let is = |key: &str, value: bool| body.get(key) == Some(&Value::Bool(value));
        let told = |key: &str| match body.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
            Some(Value::Bool(true)) => true,
            Some(Value::Number(number)) => number.as_i64() != Some(0),
        };
        let status = body
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let failed = ["error", "fail", "invalid", "rejected"];
        return is("ok", false)
            || is("success", false)
            || told("error")
            || told("errors")
            || failed
                .iter()
                .any(|word| status.to_lowercase().contains(word));
    }
    let lower = said.to_lowercase();
    [
        "webhook message delivery failed",
        "invalid_payload",
        "no_text",
        "invalid_token",
        "error:",
    ]
    .iter()
    .any(|word| lower.starts_with(word))
        || lower.contains("returned http error")
}

/// What is refused for what it is stays refused; anything else may pass.
fn judge(host: &str, status: StatusCode, said: &str) -> Result<Delivered, Undelivered> {
    let reports = status.is_success() && reports_error(said);
    let said: String = said.trim().chars().take(KEPT).collect();
    if status.is_success() && !reports {
        return Ok(Delivered::answered(
            format!("{status} {said}").trim().to_owned(),
        ));
    }
    let why = format!("{host} answered {status}: {said}");
    if reports {
        // What is in the body may be about the message or pass: 429 and 5xx are named there.
        let passes = ["429", "error 5", "too many", "rate", "timeout", "internal"]
            .iter()
            .any(|word| said.to_lowercase().contains(word));
        return Err(if passes {
            Undelivered::now(why)
        } else {
            Undelivered::ever(why)
        });
    }
    if matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
    ) {
        return Err(Undelivered::ever(why));
    }
    let passes = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    Err(if passes {
        Undelivered::now(why)
    } else {
        Undelivered::ever(why)
    })
}

async fn ask(
    uri: &Uri,
    request: Request<Full<Bytes>>,
) -> Result<Response<hyper::body::Incoming>, String> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    match Matcher::from_env().intercept(uri) {
        Some(proxy) => {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), http);
            if let Some(login) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(login.clone());
            }
            through(tunnel, request).await
        }
        None => through(http, request).await,
    }
}

async fn through<C>(
    connector: C,
    request: Request<Full<Bytes>>,
) -> Result<Response<hyper::body::Incoming>, String>
where
    C: Clone + Send + Sync + 'static,
    hyper_rustls::HttpsConnector<C>: Connect + Clone + Send + Sync + 'static,
{
    let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_native_roots()
        .map_err(|error| format!("this machine's certificates cannot be read: {error}"))?
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .build(connector)
        .request(request)
        .await
        .map_err(|error| {
            std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_whose_body_reports_an_error_is_a_failure() {
        for body in [
            r#"{"ok":false,"error":"channel_not_found"}"#,
            r#"{"success":false}"#,
            r#"{"status":"invalid event","errors":["x"]}"#,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413",
            "invalid_payload",
        ] {
            assert!(judge("h", StatusCode::OK, body).is_err(), "{body}");
        }
        for body in [
            "ok",
            "1",
            "",
            r#"{"status":"success","message":"Event processed"}"#,
            r#"{"ok":true}"#,
        ] {
            assert!(judge("h", StatusCode::ACCEPTED, body).is_ok(), "{body}");
        }
    }

    #[test]
    fn how_long_to_wait_is_told_in_seconds_or_as_a_time() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let wait = |text: &str| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("Tue, 14 Nov 2023 22:14:20 GMT"), Some(60));
        assert_eq!(wait("Mon, 14 Nov 2022 22:14:20 GMT"), Some(0));
        assert_eq!(wait("99999999"), Some(3600));
        assert_eq!(wait("soon"), None);
    }
}
