//! Posts JSON to a receiver, through the proxy that the environment names.

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, USER_AGENT};
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

use super::{PATIENCE, Undelivered};

/// How much of a receiver's answer is read, in bytes, and kept, in characters.
const READ: usize = 16 * 1024;
const KEPT: usize = 200;

/// Posts a body; whatever the receiver answers with a success is taken for one.
pub(super) async fn post(
    url: &str,
    body: &Value,
    headers: &[(&'static str, String)],
) -> Result<(), Undelivered> {
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
        judge(&host, status, &said)
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

/// What is refused for what it is stays refused; anything else may pass.
fn judge(host: &str, status: StatusCode, said: &str) -> Result<(), Undelivered> {
    if status.is_success() {
        return Ok(());
    }
    let said: String = said.trim().chars().take(KEPT).collect();
    let why = format!("{host} answered {status}: {said}");
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
