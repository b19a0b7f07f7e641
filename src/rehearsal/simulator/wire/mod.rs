//! The services' wire protocols, over one protocol-neutral value.

mod cbor;
mod json;
mod query;

use hyper::{HeaderMap, StatusCode, header::HeaderValue};

/// A request's or an answer's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Epoch seconds.
    Time(f64),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

/// A protocol that AWS's services speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Smithy RPC v2 with CBOR.
    Cbor,
    /// AWS JSON, with its version.
    Json(&'static str),
    /// AWS Query: forms in, XML out.
    Query,
}

/// A call, taken from its protocol.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub protocol: Protocol,
    pub service: Service,
    pub operation: String,
    pub input: Value,
    /// Who sent it, as an ARN, where the scenario says.
    pub caller: Option<String>,
}

/// The services there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    CloudWatch,
    CloudTrail,
    Logs,
    Ssm,
    Sts,
}

/// An error as AWS gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
}

impl Failure {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
        }
    }
}

/// An answer, ready to be sent.
#[derive(Debug)]
pub(super) struct Encoded {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The protocol of a request that cannot be understood: its answer has to be.
pub(super) fn spoken(headers: &HeaderMap) -> Protocol {
    let content = headers.get("content-type");
    let form = content.is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form"));
    if form {
        Protocol::Query
    } else {
        Protocol::Json("1.1")
    }
}

/// Recognises the protocol of a request and takes the call from it.
pub(super) fn decode(path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Call, Failure> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let bad = |message: String| Failure::new("SerializationException", message);
    if header("smithy-protocol") == "rpc-v2-cbor" {
        // https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
        let operation = path.strip_prefix("/service/GraniteServiceVersion20100801/operation/");
        let operation = operation.ok_or_else(|| {
            Failure::new(
                "UnknownOperationException",
                format!("nothing answers at {path}"),
            )
        })?;
        let input = cbor::decode(body).map_err(|error| bad(error.to_string()))?;
        return Ok(Call {
            protocol: Protocol::Cbor,
            service: Service::CloudWatch,
            operation: operation.to_owned(),
            input,
            caller: None,
        });
    }
    if let Some((target, operation)) = header("x-amz-target").rsplit_once('.') {
        let target = target.rsplit('.').next().unwrap_or(target);
        let (service, version) = match target {
            "GraniteServiceVersion20100801" => (Service::CloudWatch, "1.0"),
            "Logs_20140328" => (Service::Logs, "1.1"),
            "AmazonSSM" => (Service::Ssm, "1.1"),
            // boto3 writes the whole name of the service's Java package before it.
            "CloudTrail_20131101" => (Service::CloudTrail, "1.1"),
            _ => {
                return Err(Failure::new(
                    "UnknownOperationException",
                    format!("the simulator has no {target}"),
                ));
            }
        };
        let input = json::decode(body).map_err(|error| bad(error.to_string()))?;
        return Ok(Call {
            protocol: Protocol::Json(version),
            service,
            operation: operation.to_owned(),
            input,
            caller: None,
        });
    }
    let (action, version, input) = query::decode(body);
    let service = match version.as_str() {
        "2010-08-01" => Service::CloudWatch,
        "2011-06-15" => Service::Sts,
        _ => {
            return Err(Failure::new(
                "InvalidAction",
                format!("the simulator has no service of version {version:?}"),
            ));
        }
    };
    Ok(Call {
        protocol: Protocol::Query,
        service,
        operation: action,
        input,
        caller: None,
    })
}

/// Puts an answer into the protocol of its call.
pub(super) fn encode(
    protocol: Protocol,
    operation: &str,
    answer: Result<Value, Failure>,
) -> Encoded {
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-requestid", request_id());
    let content = match protocol {
        Protocol::Cbor => {
            headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
            "application/cbor"
        }
        Protocol::Json("1.0") => "application/x-amz-json-1.0",
        Protocol::Json(_) => "application/x-amz-json-1.1",
        Protocol::Query => "text/xml",
    };
    headers.insert("content-type", HeaderValue::from_static(content));
    let (status, body) = match answer {
        Ok(value) => (
            StatusCode::OK,
            match protocol {
                Protocol::Cbor => cbor::encode(&value),
                Protocol::Json(_) => json::encode(&value),
                Protocol::Query => query::encode(operation, &value),
            },
        ),
        Err(failure) => {
            let fault = if failure.status.is_server_error() {
                "Receiver"
            } else {
                "Sender"
            };
            if let Ok(error) = HeaderValue::from_str(&format!("{};{fault}", failure.code)) {
                headers.insert("x-amzn-query-error", error);
            }
            headers.insert("x-amzn-errortype", HeaderValue::from_static(failure.code));
            let value = Value::Map(vec![
                ("__type".into(), Value::Text(failure.code.into())),
                ("message".into(), Value::Text(failure.message.clone())),
            ]);
            let body = match protocol {
                Protocol::Cbor => cbor::encode(&value),
                Protocol::Json(_) => json::encode(&value),
                Protocol::Query => query::encode_error(&failure),
            };
            (failure.status, body)
        }
    };
    Encoded {
        status,
        headers,
        body,
    }
}

fn request_id() -> HeaderValue {
    HeaderValue::from_str(&uuid::Uuid::new_v4().to_string())
        .unwrap_or_else(|_| HeaderValue::from_static("0"))
}

/// Makes a map of what has a value.
macro_rules! map {
    ($($key:literal : $value:expr),* $(,)?) => {
        $crate::rehearsal::simulator::wire::Value::Map(
            [$(($key.to_owned(), $crate::rehearsal::simulator::wire::Value::from($value))),*]
                .into_iter()
                .filter(|(_, value)| *value != $crate::rehearsal::simulator::wire::Value::Null)
                .collect(),
        )
    };
}
pub(super) use map;

impl Value {
    pub fn get(&self, key: &str) -> &Value {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map_or(&Self::Null, |(_, value)| value),
            _ => &Self::Null,
        }
    }

    /// A map's entries; none for anything else.
    pub fn entries(&self) -> &[(String, Value)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, however the protocol spelled it.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.get(key).as_number()
    }

    pub fn as_number(&self) -> Option<f64> {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "times and counts are far below 2^52"
            )]
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) | Self::Time(number) => Some(*number),
            Self::Text(text) => text.parse().ok().or_else(|| {
                // Query spells times in ISO 8601.
                #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52")]
                let time = chrono::DateTime::parse_from_rfc3339(text)
                    .ok()?
                    .timestamp_millis() as f64;
                Some(time / 1000.0)
            }),
            _ => None,
        }
    }

    /// True or false, however the protocol spelled it.
    pub fn truth(&self, key: &str) -> Option<bool> {
        match self.get(key) {
            Self::Bool(truth) => Some(*truth),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub fn integer(&self, key: &str) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        self.number(key).map(|number| number as i64)
    }

    pub fn list(&self, key: &str) -> &[Value] {
        match self.get(key) {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key)
            .iter()
            .filter_map(|item| match item {
                Self::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<chrono::DateTime<chrono::Utc>> for Value {
    fn from(time: chrono::DateTime<chrono::Utc>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52")]
        Self::Time(time.timestamp_millis() as f64 / 1000.0)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
