//! What several tests need: the binary in a world of its own.

#![allow(dead_code, reason = "each test uses its part")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder that is home, configuration and state at once, and gone afterwards.
pub struct World {
    pub folder: tempfile::TempDir,
}

impl World {
    /// Questions take answers at once here: nobody sits there.
    pub fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        // Its playbooks are the user's own.
        std::fs::create_dir_all(world.path("config/standdown")).unwrap();
        std::os::unix::fs::symlink("../../playbooks", world.path("config/standdown/playbooks"))
            .unwrap();
        world
    }

    /// The introduction was read here.
    pub fn introduced(&self) {
        self.write("state/standdown/console.json", "{\"introduced\":true}");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The binary, with nothing of this machine's configuration.
    pub fn standdown(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_standdown"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command
    }

    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let home = self.folder.path().display().to_string();
        vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", home.clone()),
            ("XDG_STATE_HOME", format!("{home}/state")),
            ("XDG_CONFIG_HOME", format!("{home}/config")),
            ("TERM", "xterm-256color".into()),
            ("COLORTERM", "truecolor".into()),
            ("LANG", "C.UTF-8".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("AWS_CONFIG_FILE", format!("{home}/none")),
            ("AWS_SHARED_CREDENTIALS_FILE", format!("{home}/none")),
            ("RUST_BACKTRACE", "0".into()),
            ("STANDDOWN_PROMPT_DELAY", "0s".into()),
        ]
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::from(
            self.standdown(arguments)
                .stdin(Stdio::null())
                .output()
                .unwrap(),
        )
    }
}

/// What a run said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A server that is ended when it is dropped.
pub struct Server {
    child: Child,
    /// Kept open: a program whose output nobody reads any more ends.
    _output: Option<BufReader<std::process::ChildStdout>>,
    pub endpoint: String,
}

impl Server {
    /// What leads an AWS client there.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", "eu-central-1".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `standdown simulate` on a free port.
pub fn simulate(world: &World, scenario: &str, speed: &str) -> Server {
    let mut child = world
        .standdown(&[
            "simulate",
            scenario,
            "--listen",
            "127.0.0.1:0",
            "--speed",
            speed,
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    let endpoint = first.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{first}");
    Server {
        child,
        _output: Some(output),
        endpoint,
    }
}

/// A Python environment that `tests/run` installs: `python`, `cli` or `moto`.
pub fn environment_of(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target")
        .join(name);
    assert!(
        path.join("bin/python").exists(),
        "{} is missing; run tests/run, which installs it",
        path.display()
    );
    path
}

/// The Python of LocalStack and boto3.
pub fn python() -> PathBuf {
    environment_of("python").join("bin/python")
}

/// LocalStack 4.12 reads a CBOR time with `int()`, and so refuses every request of the Rust SDK
/// that holds one: that SDK writes times as floats, as Smithy RPC v2 allows. This mends the one
/// conversion, and nothing else.
const LOCALSTACK: &str = "
import datetime
from localstack.aws.protocol.parser import RequestParser
RequestParser._timestamp_unixtimestamp = staticmethod(
    lambda text: datetime.datetime.fromtimestamp(float(text), tz=datetime.UTC))
from localstack.runtime.main import main
main()
";

/// Starts LocalStack on a free port and waits until it says that it is ready.
pub fn localstack(world: &World) -> Server {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut child = Command::new(python())
        .args(["-u", "-c", LOCALSTACK])
        .current_dir(world.folder.path())
        .env("HOME", world.folder.path())
        .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
        .env("SKIP_SSL_CERT_DOWNLOAD", "1")
        .env("DISABLE_EVENTS", "1")
        .env("DNS_ADDRESS", "0")
        .env("LOCALSTACK_VOLUME_DIR", world.path("localstack"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.trim() == "Ready.");
    assert!(ready, "LocalStack ended before it was ready");
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Server {
        child,
        _output: None,
        endpoint: format!("http://127.0.0.1:{port}"),
    }
}

/// Runs a Python script against an endpoint; it fails with what the script said.
pub fn run_python(script: &str, endpoint: &str) -> String {
    run_python_of("python", script, &[endpoint])
}

/// Runs a Python script in one of the environments.
pub fn run_python_of(environment: &str, script: &str, arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(script);
    let output = Command::new(environment_of(environment).join("bin/python"))
        .arg(path)
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .output()
        .unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, 0, "{script}:\n{}{}", said.out, said.err);
    said.out
}

/// Builds the clock that can be set.
pub fn wall_clock(world: &World) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/wall_clock.c");
    let library = world.path("wall_clock.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .output()
        .unwrap();
    let said = Said::from(built);
    assert_eq!(said.code, 0, "{}", said.err);
    library
}
