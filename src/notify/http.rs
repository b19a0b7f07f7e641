//! Posts JSON to a receiver, through the proxy that the environment names.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{Client, connect::Connect};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::aws::{Certificates, untrusted};

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
        let (said, whole) = beginning(answer.into_body()).await;
        // A success that was cut off may have been no success.
        if status.is_success() && !whole {
            return Err(Undelivered::now(format!(
                "the answer of {host} was cut off"
            )));
        }
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

/// The first bytes of a body, and whether it did not break off before its end or before as many.
async fn beginning(mut body: hyper::body::Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while bytes.len() < READ {
        match body.frame().await {
            None => return (bytes, true),
            Some(Err(_)) => return (bytes, false),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    let room = READ - bytes.len();
                    bytes.extend_from_slice(&data[..data.len().min(room)]);
                }
            }
        }
    }
    (bytes, true)
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
    if let Ok(body) = serde_json::from_str::<Value>(said) {
        return tells_failure(&body);
    }
    let lower = said.to_lowercase();
    // No receiver of messages answers with a page: that is a proxy's, or a sign-in.
    let page = lower.starts_with("<!doctype") || lower.starts_with("<html");
    // The words of Slack's webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    let words = [
        "webhook message delivery failed",
        "invalid_payload",
        "invalid_blocks",
        "invalid_token",
        "no_text",
        "no_service",
        "no_team",
        "no_active_hooks",
        "team_disabled",
        "channel_not_found",
        "channel_is_archived",
        "action_prohibited",
        "posting_to_",
        "too_many_attachments",
        "user_not_found",
        "error:",
    ];
    page || words.iter().any(|word| lower.starts_with(word))
        || lower.contains("returned http error")
        || (lower.starts_with('<') && lower.contains("<error"))
        // JSON that was cut off.
        || (lower.starts_with('{') && lower.contains("\"ok\":false"))
}

/// Whether an answer in JSON tells of a failure, in one of the forms that services have for it.
fn tells_failure(body: &Value) -> bool {
    const FAILED: [&str; 6] = [
        "error",
        "fail",
        "invalid",
        "rejected",
        "denied",
        "unauthorized",
    ];
    let fields = match body {
        Value::Array(items) => return items.iter().any(tells_failure),
        Value::Object(fields) => fields,
        _ => return false,
    };
    fields.iter().any(|(name, value)| {
        let name: String = name
            .to_lowercase()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let text = value.as_str().map(|text| text.trim().to_lowercase());
        match name.as_str() {
            "ok" | "success" | "successful" => {
                *value == Value::Bool(false) || text.as_deref() == Some("false")
            }
            "error" | "errors" | "errormessage" | "errorcode" | "fault" => match value {
                Value::Null | Value::Bool(false) => false,
                Value::Bool(true) => true,
                Value::String(_) => {
                    let none = ["", "none", "null", "no error", "ok", "success", "0"];
                    !none.contains(&text.as_deref().unwrap_or_default())
                }
                Value::Array(items) => !items.is_empty(),
                Value::Object(fields) => !fields.is_empty(),
                Value::Number(number) => number.as_i64() != Some(0),
            },
            "status" | "result" | "statuscode" | "httpstatus" => match value.as_u64() {
                Some(status) => (400..600).contains(&status),
                None => text.is_some_and(|text| FAILED.iter().any(|word| text.contains(word))),
            },
            _ => false,
        }
    })
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
        .with_root_certificates(trusted()?)
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
            let why = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            match untrusted(&why) {
                Some(help) => format!("{why}: {help}"),
                None => why,
            }
        })
}

/// The certificates of the system, and those that the AWS configuration names.
fn trusted() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(Certificates { pem, said }) = Certificates::configured()? {
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let added = certificate
                .map_err(|error| error.to_string())
                .and_then(|one| roots.add(one).map_err(|error| error.to_string()));
            added.map_err(|error| format!("{said} cannot be used: {error}"))?;
        }
    }
    Ok(roots)
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
            "channel_not_found",
            "channel_is_archived",
            r#"{"result":"failure","message":"no such routing key"}"#,
            r#"{"errorMessage":"Task timed out","errorType":"x"}"#,
            r#"{"status":500}"#,
            r#"{"statusCode":502,"body":"x"}"#,
            r#"{"ok":"false"}"#,
            r#"{"Errors":["x"]}"#,
            r#"[{"status":"error"}]"#,
            "<Response><Error>no</Error></Response>",
            "<!DOCTYPE html><html><body>Sign in</body></html>",
            r#"{"ok":false,"error":"x","more":"cut"#,
        ] {
            assert!(judge("h", StatusCode::OK, body).is_err(), "{body}");
        }
        for body in [
            "ok",
            "1",
            "",
            r#"{"status":"success","message":"Event processed"}"#,
            r#"{"ok":true}"#,
            r#"{"error":"none"}"#,
            r#"{"status":202,"errors":[]}"#,
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
