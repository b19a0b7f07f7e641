//! What is measured against: the simulated AWS, a server that never answers, a line that is slow.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// `standdown simulate`, until it is dropped.
pub struct Simulator {
    child: Child,
    _output: BufReader<std::process::ChildStdout>,
    pub address: SocketAddr,
}

impl Simulator {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_standdown"))
            .arg("simulate")
            .args(arguments)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        output.read_line(&mut first).unwrap();
        let address = first
            .trim()
            .rsplit("http://")
            .next()
            .unwrap()
            .parse()
            .unwrap();
        Self {
            child,
            _output: output,
            address,
        }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The calls so far, and the datapoints that were asked for more than once.
    pub fn counts(&self) -> serde_json::Value {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "GET /_standdown/counts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let (from, to) = (body.find('{').unwrap(), body.rfind('}').unwrap());
        serde_json::from_str(&body[from..=to]).unwrap()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that takes connections and never answers.
pub fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            held.push(stream);
        }
    });
    format!("http://{address}")
}

/// A line on which every byte takes half of a round trip, and which knows when it was first used.
pub struct Slow {
    pub endpoint: String,
    pub first: Arc<Mutex<Option<Instant>>>,
}

impl Slow {
    pub fn to(address: SocketAddr, round_trip: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let first = Arc::new(Mutex::new(None));
        let used = Arc::clone(&first);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let there = TcpStream::connect(address).unwrap();
                let _ = (stream.set_nodelay(true), there.set_nodelay(true));
                let back = (there.try_clone().unwrap(), stream.try_clone().unwrap());
                let used = Arc::clone(&used);
                std::thread::spawn(move || carry(stream, there, round_trip / 2, Some(&used)));
                std::thread::spawn(move || carry(back.0, back.1, round_trip / 2, None));
            }
        });
        Self { endpoint, first }
    }
}

/// Carries bytes one way, each late by the same time.
fn carry(
    mut from: TcpStream,
    mut to: TcpStream,
    late: Duration,
    used: Option<&Mutex<Option<Instant>>>,
) {
    let (sender, parts) = std::sync::mpsc::channel::<(Instant, Vec<u8>)>();
    let writes = std::thread::spawn(move || {
        for (at, part) in parts {
            std::thread::sleep((at + late).saturating_duration_since(Instant::now()));
            if to.write_all(&part).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut buffer = vec![0; 65536];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 {
            break;
        }
        if let Some(used) = used {
            used.lock().unwrap().get_or_insert_with(Instant::now);
        }
        if sender
            .send((Instant::now(), buffer[..count].to_vec()))
            .is_err()
        {
            break;
        }
    }
    drop(sender);
    let _ = writes.join();
}
