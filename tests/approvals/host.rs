//! A host with several users, and a rehearsal on it.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Said, Server, World};
use crate::terminal::Terminal;

/// Users that every Debian has. The group that may agree is `daemon`'s.
pub const REQUESTER: u32 = 5;
pub const APPROVER: u32 = 1;
pub const STRANGER: u32 = 2;
const GROUP: u32 = 1;

/// What the step says beside its title, where one of the others has to agree.
pub const OTHERS: &str = r#"
approval = { count = 1, group = "daemon" }
run.ssm_automation = { document = "restart-service-of-shop", parameters = { Service = "orders" }, target_parameter = "Service" }
verify = { holds = "after.maximum < 10", within = "8s", every = "1s", run = { metric = { namespace = "Shop", name = "Errors", window = "5m", period = "1s" } } }
undo.ssm_automation = { document = "restore-service-of-shop", parameters = { Service = "other", Was = "{{ int(before.maximum) }}" }, target_parameter = "Service" }
"#;

pub struct Host {
    pub world: World,
    pub server: Server,
    binary: PathBuf,
    pub approvals: PathBuf,
}

fn share(path: &Path, uid: u32, gid: u32, mode: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

impl Host {
    pub fn new(terms: &str) -> Self {
        Self::with(terms, "")
    }

    /// A host whose users have something in their configuration.
    pub fn with(terms: &str, configuration: &str) -> Self {
        assert!(
            nix::unistd::getuid().is_root(),
            "this test switches users: run it as root, in a container for example"
        );
        let world = World::new();
        // What all of them use belongs to root; the requester keeps a store.
        share(world.folder.path(), 0, 0, 0o755);
        let state = world.path("state");
        std::fs::create_dir(&state).unwrap();
        share(&state, REQUESTER, REQUESTER, 0o700);
        let playbook = include_str!("playbook.toml").replace("TERMS", terms);
        world.write("playbooks/orders-errs.toml", playbook);
        world.write("scenario.toml", include_str!("scenario.toml"));
        let approvals = world.path("approvals");
        std::fs::create_dir(&approvals).unwrap();
        share(&approvals, 0, GROUP, 0o3770);
        let configuration = format!(
            "approvals = {:?}\n{configuration}",
            approvals.display().to_string()
        );
        world.write("config/standdown/config.toml", configuration);
        // Other users cannot come to where it was built.
        let binary = world.path("standdown");
        let built = env!("CARGO_BIN_EXE_standdown");
        if std::fs::hard_link(built, &binary).is_err() {
            std::fs::copy(built, &binary).unwrap();
        }
        let scenario = world.path("scenario.toml").display().to_string();
        let server = crate::support::simulate(&world, &scenario, "10");
        Self {
            world,
            server,
            binary,
            approvals,
        }
    }

    /// The words before a command that run it as somebody else.
    fn become_(uid: u32) -> Vec<String> {
        let groups = if uid == STRANGER {
            "--clear-groups".to_owned()
        } else {
            format!("--groups={GROUP}")
        };
        [
            "setpriv",
            &format!("--reuid={uid}"),
            &format!("--regid={uid}"),
            &groups,
        ]
        .map(str::to_owned)
        .into()
    }

    /// A console of the requester's.
    pub fn console(&self, extra: &[(&str, &str)]) -> Terminal {
        self.console_with(&[], extra)
    }

    pub fn console_with(&self, flags: &[&str], extra: &[(&str, &str)]) -> Terminal {
        self.console_of(REQUESTER, flags, extra)
    }

    /// A console of somebody else's, who keeps a store of their own.
    pub fn console_as(&self, uid: u32) -> Terminal {
        let state = self.world.path(&format!("state-of-{uid}"));
        std::fs::create_dir(&state).unwrap();
        share(&state, uid, uid, 0o700);
        let state = state.display().to_string();
        self.console_of(uid, &[], &[("XDG_STATE_HOME", &state)])
    }

    fn console_of(&self, uid: u32, flags: &[&str], extra: &[(&str, &str)]) -> Terminal {
        let binary = self.binary.display().to_string();
        let scenario = self.world.path("scenario.toml").display().to_string();
        let mut argv = Self::become_(uid);
        argv.extend([binary, "rehearse".into(), scenario]);
        argv.extend(["--simulator".to_owned(), self.server.endpoint.clone()]);
        argv.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        Terminal::program(&self.world, &argv, 190, 40, extra)
    }

    /// A console of the requester's that is no rehearsal.
    pub fn live(&self, extra: &[(&str, &str)]) -> Terminal {
        self.world.introduced();
        for (name, mode) in [
            ("state", 0o700),
            ("state/standdown", 0o700),
            ("state/standdown/console.json", 0o600),
        ] {
            share(&self.world.path(name), REQUESTER, REQUESTER, mode);
        }
        let mut argv = Self::become_(REQUESTER);
        argv.push(self.binary.display().to_string());
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        Terminal::program(&self.world, &argv, 190, 40, extra)
    }

    /// From the alarm to the change that is described.
    pub fn to_the_change(console: &mut Terminal) {
        console.see("● ALARM  high orders-errors");
        console.press("\r");
        console.see("▶ Orders Errs   answers this alarm");
        console.press("\r");
        console.see("Shall this change be made?");
    }

    /// From there to where others were asked; returns the request's name.
    pub fn sought(console: &mut Terminal, typed: &str) -> String {
        Self::to_the_change(console);
        Self::ask_others(console, typed)
    }

    /// From a change that is shown to where others were asked; returns the request's name.
    pub fn ask_others(console: &mut Terminal, typed: &str) -> String {
        console.press("a");
        console.see("why; the others read it");
        console.press("it errs since noon\r");
        console.press(&format!("{typed}\r"));
        Self::asked(console)
    }

    /// The name of the request that is on the screen.
    pub fn asked(console: &mut Terminal) -> String {
        let screen = console.see("standdown approve ");
        let (_, rest) = screen.split_once("standdown approve ").unwrap();
        rest.split(',').next().unwrap().trim().to_owned()
    }

    /// Runs the binary as somebody, who writes something into it.
    pub fn run_as(&self, uid: u32, arguments: &[&str], typed: &str) -> Said {
        self.run_with(uid, arguments, typed, &[])
    }

    /// The same, with more in its environment.
    pub fn run_with(
        &self,
        uid: u32,
        arguments: &[&str],
        typed: &str,
        extra: &[(&str, String)],
    ) -> Said {
        let become_ = Self::become_(uid);
        let mut child = Command::new(&become_[0])
            .args(&become_[1..])
            .arg(&self.binary)
            .args(arguments)
            .current_dir("/")
            .env_clear()
            .envs(self.world.environment())
            .envs(extra.iter().map(|(name, text)| (name, text)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let written = child.stdin.take().unwrap().write_all(typed.as_bytes());
        drop(written);
        Said::from(child.wait_with_output().unwrap())
    }

    /// Runs the binary as root within another program.
    pub fn run_within(&self, outer: &[&str], arguments: &[&str]) -> Said {
        let output = Command::new(outer[0])
            .args(&outer[1..])
            .arg(&self.binary)
            .args(arguments)
            .current_dir("/")
            .env_clear()
            .envs(self.world.environment())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said::from(output)
    }

    /// Makes the configuration somebody's own.
    pub fn give_configuration_to(&self, uid: u32) {
        let path = self.world.path("config/standdown/config.toml");
        share(&path, uid, uid, 0o644);
    }

    /// Writes a file into the folder as somebody, with a mode of their choice.
    pub fn file_as(&self, uid: u32, name: &str, text: &str, mode: u32) {
        let path = self.approvals.join(name);
        std::fs::write(&path, text).unwrap();
        share(&path, uid, GROUP, mode);
    }

    /// What an answer that agrees says.
    pub fn answer(&self, digest: &str, typed: &str) -> String {
        let listed = self.run_as(APPROVER, &["approvals", "--json"], "");
        let requests: Value = serde_json::from_str(&listed.out).unwrap();
        serde_json::json!({
            "format": 1, "digest": digest, "typed": typed, "decision": "approved",
            "shown": requests[0]["shown"], "at": "2026-01-01T00:00:00Z",
        })
        .to_string()
    }

    /// The whole digest of the request that waits.
    pub fn digest(&self) -> String {
        let listed = self.run_as(APPROVER, &["approvals", "--json"], "");
        let requests: Value = serde_json::from_str(&listed.out).unwrap();
        requests[0]["digest"].as_str().unwrap().to_owned()
    }

    fn control(&self, path: &str) -> Value {
        self.simulator("GET", path, "")
    }

    /// Lets calls of an operation go wrong, so often.
    pub fn fault(&self, operation: &str, kind: &str, times: u32) {
        let fault = serde_json::json!({"operation": operation, "kind": kind, "times": times});
        self.simulator("POST", "fault", &fault.to_string());
    }

    fn simulator(&self, method: &str, path: &str, body: &str) -> Value {
        let address = self.server.endpoint.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} /_standdown/{path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// The scenario's time.
    pub fn seconds(&self) -> f64 {
        self.control("health")["seconds"].as_f64().unwrap()
    }

    /// What was started in the simulated account.
    pub fn automations(&self) -> Vec<Value> {
        serde_json::from_value(self.control("automations")).unwrap()
    }

    pub fn started(&self) -> bool {
        !self.automations().is_empty()
    }

    /// The events of the one rehearsal.
    pub fn events(&self) -> Vec<Value> {
        self.incident(&["incidents", "--rehearsals", "--json"])
    }

    /// The events of the one incident that is listed.
    pub fn incident(&self, listed: &[&str]) -> Vec<Value> {
        let listed = self.run_as(REQUESTER, listed, "");
        let all: Value = serde_json::from_str(&listed.out).unwrap();
        let id = all[0]["id"].as_str().unwrap().to_owned();
        let exported = self.run_as(REQUESTER, &["export", &id], "");
        assert_eq!(exported.code, 0, "{exported:?}");
        exported
            .out
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .collect()
    }
}

/// How many events of a kind there are.
pub fn count(events: &[Value], kind: &str) -> usize {
    events
        .iter()
        .filter(|one| !one["event"][kind].is_null())
        .count()
}

/// The first event of a kind.
pub fn find(events: &[Value], kind: &str) -> Value {
    let found = events.iter().find(|one| !one["event"][kind].is_null());
    found.unwrap_or_else(|| panic!("no {kind}: {events:#?}"))["event"][kind].clone()
}
