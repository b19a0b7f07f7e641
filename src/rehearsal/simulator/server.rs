//! The loopback server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::services;
use super::signature::{caller, there};
use super::wire::{Failure, Value, decode, encode};
use super::world::World;
use crate::rehearsal::scenario::{Fault, FaultKind};

/// The largest request, in bytes.
const LARGEST: usize = 1024 * 1024;
/// How long a hanging call hangs: longer than a console waits for an answer.
const HANGS: Duration = Duration::from_secs(30);

/// Why the simulator could not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or not this machine's.
    #[error("failed to listen on {address}: {source}; choose another port")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The address is not a loopback address.
    #[error(
        "failed to listen on {0}: the simulator has no credentials and listens on loopback addresses only; use 127.0.0.1:PORT"
    )]
    NotLoopback(SocketAddr),
}

/// A simulator that listens. It ends when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    /// Where it listens.
    pub address: SocketAddr,
    /// The world it serves.
    pub world: Arc<World>,
    task: JoinHandle<()>,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Simulator {
    /// Begins to serve a world.
    ///
    /// # Errors
    /// When the address cannot be had, or is not a loopback address.
    pub async fn listen(world: World, address: SocketAddr) -> Result<Self, ListenError> {
        if !address.ip().is_loopback() {
            return Err(ListenError::NotLoopback(address));
        }
        let bind = |source| ListenError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let world = Arc::new(world);
        let task = tokio::spawn(serve(listener, Arc::clone(&world)));
        Ok(Self {
            address,
            world,
            task,
        })
    }

    /// The endpoint for AWS clients.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the server ends, which it does not by itself.
    pub async fn forever(mut self) {
        let _ = (&mut self.task).await;
    }
}

async fn serve(listener: TcpListener, world: Arc<World>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: others have to go first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let service = service_fn(|request| respond(Arc::clone(&world), request));
            // A client that goes away mid-request is its own affair.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The connection is dropped, as a broken network does.
#[derive(Debug, thiserror::Error)]
#[error("the scenario resets this connection")]
struct Reset;

type Answer = Response<Full<Bytes>>;

async fn respond(world: Arc<World>, request: Request<Incoming>) -> Result<Answer, Reset> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            return Ok(plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the request is larger than 1 MiB",
            ));
        }
    };
    if head.uri.path().starts_with("/_standdown/") {
        return Ok(control(&world, &head.method, head.uri.path(), &body).await);
    }
    let query = head.uri.query().unwrap_or_default();
    let asked = head.method == Method::GET && query.contains("Action=");
    if head.method != Method::POST && !asked {
        return Ok(plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "AWS calls are POST requests; GET /_standdown/health says what is played",
        ));
    }
    let dated = |mut answer: Answer| {
        if world.scenario.skew != 0.0
            && let Ok(date) = hyper::header::HeaderValue::from_str(
                &there(&world)
                    .format("%a, %d %b %Y %H:%M:%S GMT")
                    .to_string(),
            )
        {
            answer.headers_mut().insert("date", date);
        }
        answer
    };
    let body = if asked {
        Bytes::copy_from_slice(query.as_bytes())
    } else {
        body
    };
    let mut call = match decode(head.uri.path(), &head.headers, &body) {
        Ok(call) => call,
        Err(failure) => {
            let protocol = super::wire::spoken(&head.headers);
            return Ok(encoded(encode(protocol, "", Err(failure))));
        }
    };
    world.count(&call.operation);
    match caller(&world, &head) {
        Ok(caller) => call.caller = caller.map(|caller| caller.arn.clone()),
        Err(failure) => {
            let refused = encode(call.protocol, &call.operation, Err(failure));
            return Ok(dated(encoded(refused)));
        }
    }
    let failure = match world.fault(&call.operation) {
        None => None,
        Some(kind @ (FaultKind::LoseReply | FaultKind::HoldReply)) => {
            // It is done all the same; what it says is lost with the connection.
            drop(services::answer(&world, &call));
            if kind == FaultKind::HoldReply {
                tokio::time::sleep(HANGS).await;
            }
            return Err(Reset);
        }
        Some(FaultKind::Reset) => return Err(Reset),
        Some(FaultKind::Garbage) => {
            return Ok(plain(
                StatusCode::OK,
                "<html><body>captive portal</body></html>",
            ));
        }
        Some(FaultKind::Hang) => {
            tokio::time::sleep(HANGS).await;
            None
        }
        Some(FaultKind::Throttle) => Some(Failure::new("ThrottlingException", "Rate exceeded")),
        Some(FaultKind::Deny) => Some(Failure::new(
            "AccessDeniedException",
            format!("not authorized to perform {}", call.operation),
        )),
        Some(FaultKind::Expire) => Some(Failure::new(
            "ExpiredTokenException",
            "The security token included in the request is expired",
        )),
        Some(FaultKind::Error) => Some(Failure {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Failure::new("InternalFailure", "the scenario makes this call fail")
        }),
    };
    let answer: Result<Value, Failure> =
        failure.map_or_else(|| services::answer(&world, &call), Err);
    Ok(dated(encoded(encode(
        call.protocol,
        &call.operation,
        answer,
    ))))
}

fn encoded(encoded: super::wire::Encoded) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(encoded.body)));
    *response.status_mut() = encoded.status;
    *response.headers_mut() = encoded.headers;
    response
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

fn json_answer(status: StatusCode, value: &Json) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        "content-type",
        hyper::header::HeaderValue::from_static("application/json"),
    );
    response
}

/// What is not AWS: health, programs, and the word that something was mended.
async fn control(world: &World, method: &Method, path: &str, body: &[u8]) -> Answer {
    let input: Json = serde_json::from_slice(body).unwrap_or_default();
    match (method, path) {
        (&Method::GET, "/_standdown/health") => json_answer(
            StatusCode::OK,
            &json!({"scenario": world.scenario.id, "began": world.began, "seconds": world.now(), "speed": world.speed}),
        ),
        (&Method::GET, "/_standdown/automations") => json_answer(StatusCode::OK, &world.started()),
        (&Method::GET, "/_standdown/counts") => json_answer(StatusCode::OK, &world.counted()),
        (&Method::POST, "/_standdown/probe") => probe(world, &input).await,
        (&Method::POST, "/_standdown/fault") => add_fault(world, &input),
        (&Method::POST, "/_standdown/confirm") => {
            let step = input["step"].as_str().unwrap_or_default();
            let at = input["at"].as_str().and_then(|at| at.parse().ok());
            let at = at.unwrap_or_else(chrono::Utc::now);
            json_answer(StatusCode::OK, &json!({"fixed": world.confirm(step, at)}))
        }
        (&Method::POST, "/_standdown/program") => program(world, &input).await,
        _ => json_answer(
            StatusCode::NOT_FOUND,
            &json!({"error": "there is health, automations, counts, confirm, fault, probe and program"}),
        ),
    }
}

/// Lets something go wrong from now on: `{"operation": …, "kind": …, "times": …}`.
fn add_fault(world: &World, input: &Json) -> Answer {
    let kind = FaultKind::ALL
        .iter()
        .find(|(name, _)| input["kind"] == *name);
    let (Some((_, kind)), Some(operation)) = (kind, input["operation"].as_str()) else {
        return json_answer(
            StatusCode::BAD_REQUEST,
            &json!({"error": "a fault has an operation and a kind"}),
        );
    };
    world.add_fault(Fault {
        operation: operation.to_owned(),
        kind: *kind,
        times: input["times"].as_u64(),
        share: input["share"].as_f64().unwrap_or(1.0),
        from: f64::MIN,
        until: f64::MAX,
    });
    json_answer(StatusCode::OK, &json!({}))
}

/// What a probe finds: the reply's output is JSON, its error makes it fail.
async fn probe(world: &World, input: &Json) -> Answer {
    let line = input["line"].as_str().unwrap_or_default();
    let Some(reply) = world.reply(&world.scenario.probes, line, None, world.now()) else {
        let error = format!(
            "the scenario {} has no answer to: {line}",
            world.scenario.id
        );
        return json_answer(StatusCode::NOT_FOUND, &json!({ "error": error }));
    };
    tokio::time::sleep(Duration::from_secs_f64(reply.delay / world.speed)).await;
    let output: Json = serde_json::from_str(&reply.output).unwrap_or_default();
    let answer = if reply.error.is_empty() {
        json!({ "output": output })
    } else {
        json!({ "output": output, "error": reply.error })
    };
    json_answer(StatusCode::OK, &answer)
}

async fn program(world: &World, input: &Json) -> Answer {
    let argv: Vec<&str> = input["argv"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let line = argv.join(" ");
    let Some(reply) = world.reply(&world.scenario.programs, &line, None, world.now()) else {
        return json_answer(
            StatusCode::NOT_FOUND,
            &json!({"error": format!("the scenario {} has no answer to: {line}", world.scenario.id)}),
        );
    };
    tokio::time::sleep(Duration::from_secs_f64(reply.delay / world.speed)).await;
    json_answer(
        StatusCode::OK,
        &json!({"exit_code": reply.exit_code, "stdout": reply.output, "stderr": reply.error}),
    )
}
