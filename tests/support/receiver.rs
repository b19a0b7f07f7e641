//! A receiver of webhooks: it keeps what it gets, and answers what it is told to.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What arrived.
#[derive(Debug, Clone)]
pub struct Got {
    pub at: std::time::Instant,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// What a receiver answers.
pub struct Verdict {
    status: u16,
    rest: &'static str,
    body: String,
}

impl Default for Verdict {
    fn default() -> Self {
        Self::of(200, "ok")
    }
}

impl Verdict {
    pub fn of(status: u16, body: &str) -> Self {
        Self {
            status,
            rest: "",
            body: body.to_owned(),
        }
    }

    /// As Slack answers whoever sends more than a message in a second.
    pub fn slow_down() -> Self {
        Self {
            rest: "retry-after: 3\r\n",
            ..Self::of(429, "rate_limited")
        }
    }
}

pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    /// Listens, and answers so; then with a success.
    pub fn answering(statuses: &[u16]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), statuses)
    }

    /// An address at which nobody listens.
    pub fn nobody() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    }

    /// The same on a listener of one's own.
    pub fn on(listener: TcpListener, statuses: &[u16]) -> Self {
        Self::judging(listener, statuses, |_| Verdict::default())
    }

    /// One that looks at what it gets before it answers, once its first answers were given.
    pub fn strict(statuses: &[u16], judge: fn(&Got) -> Verdict) -> Self {
        Self::judging(TcpListener::bind("127.0.0.1:0").unwrap(), statuses, judge)
    }

    fn judging(listener: TcpListener, statuses: &[u16], judge: fn(&Got) -> Verdict) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let answers = Arc::new(Mutex::new(
            statuses.iter().rev().copied().collect::<Vec<_>>(),
        ));
        let (kept, left) = (Arc::clone(&got), Arc::clone(&answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let mut first = String::new();
                if reader.read_line(&mut first).is_err() || first.is_empty() {
                    continue;
                }
                let mut headers = BTreeMap::new();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let Some((name, value)) = line.trim().split_once(": ") else {
                        break;
                    };
                    headers.insert(name.to_lowercase(), value.to_owned());
                }
                let length = headers["content-length"].parse().unwrap();
                let mut text = vec![0; length];
                reader.read_exact(&mut text).unwrap();
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let text = String::from_utf8(text).unwrap();
                let got = Got {
                    at: std::time::Instant::now(),
                    path,
                    headers,
                    text,
                };
                let verdict = match left.lock().unwrap().pop() {
                    Some(429) => Verdict::slow_down(),
                    Some(status) => Verdict::of(status, "ok"),
                    None => judge(&got),
                };
                kept.lock().unwrap().push(got);
                let Verdict { status, rest, body } = verdict;
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} Said\r\n{rest}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { url, got, answers }
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    pub fn has_answered_all(&self) -> bool {
        self.answers.lock().unwrap().is_empty()
    }
}
