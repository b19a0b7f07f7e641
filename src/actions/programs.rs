//! Local programs: started without a shell, with an allow-list of variables, in a process
//! group of their own that ends with the attempt.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use super::probes::{Probe, Probing};
pub use crate::detached::base_environment;
use crate::playbook::SecretSource;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// The most that is kept of a program's output, in bytes.
pub const OUTPUT_LIMIT: usize = 1024 * 1024;
/// What is dropped at the end of a cut output: more than the longest secret.
const UNSEEN: usize = 64 * 1024;
/// How often a line of a running program's output is told.
const SEEN: Duration = Duration::from_millis(200);
/// What is told of a line, in bytes.
const LONGEST_LINE: usize = 300;
/// How long the output of a program that has ended is waited for.
const LINGERS: Duration = Duration::from_secs(2);

/// Variables that the `aws` program gets as well.
const AWS: [&str; 40] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_RETRY_MODE",
    "AWS_MAX_ATTEMPTS",
    "AWS_DEFAULTS_MODE",
    "AWS_SDK_LOAD_CONFIG",
    "AWS_DATA_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "DBUS_SESSION_BUS_ADDRESS",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// What to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// What it wrote to its standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
    /// Whether it wrote more than is kept.
    pub truncated: bool,
    /// The end of its standard output and of its standard error, where the middle was cut out.
    pub ends: [Option<End>; 2],
}

/// The end of an output whose middle was cut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The last bytes.
    pub text: String,
    /// How many bytes before it are not kept.
    pub cut: u64,
}

impl Finished {
    /// Masks the secrets in what it wrote, and puts both ends of a long output together, with the number
    /// of bytes between them. What stands at the cut goes: half a secret is not recognised as one.
    #[must_use]
    pub fn masked(self, redactor: &crate::redaction::Redactor) -> Self {
        let mask = |text: String, end: Option<End>| {
            let whole = text.len() as u64
                + end
                    .as_ref()
                    .map_or(0, |end| end.cut + end.text.len() as u64);
            let mut masked = redactor.owned(text);
            let Some(end) = end else { return masked };
            let most = masked.floor_char_boundary(masked.len().saturating_sub(UNSEEN));
            let line = masked[..most].rfind('\n').map_or(most, |at| at + 1);
            masked.truncate(line);
            let end = redactor.owned(after_cut(&end.text).to_owned());
            let cut = whole.saturating_sub((masked.len() + end.len()) as u64);
            format!("{masked}\n… [cut: {cut} bytes] …\n{end}")
        };
        let [out, err] = self.ends;
        Self {
            stdout: mask(self.stdout, out),
            stderr: mask(self.stderr, err),
            ends: [None, None],
            ..self
        }
    }

    /// Says how it ended.
    #[must_use]
    pub fn ending(&self) -> String {
        self.exit_code
            .map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"))
    }
}

/// The end of an output from where nothing in it belongs to what was cut: after the first bytes and the
/// line they stand in, and after the end of a key that began before.
fn after_cut(text: &str) -> &str {
    let unseen = text.ceil_char_boundary(UNSEEN.min(text.len()));
    let rest = &text[unseen..];
    let rest = rest.find('\n').map_or("", |at| &rest[at + 1..]);
    match (rest.find("-----END "), rest.find("-----BEGIN ")) {
        (Some(end), begin) if begin.is_none_or(|begin| begin > end) => {
            let after = &rest[end..];
            after.find('\n').map_or("", |at| &after[at + 1..])
        }
        _ => rest,
    }
}

/// Why a program could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not there.
    #[error("failed to start {program}: it is not on the PATH; install it, or do the step by hand")]
    NotFound {
        /// The program.
        program: String,
    },
    /// It cannot be started, or its output cannot be read.
    #[error("failed to run {program}: {source}")]
    Io {
        /// The program.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Nothing was named.
    #[error("failed to start a program: none was named")]
    Empty,
    /// The rehearsal's scenario has no answer.
    #[error("{0}")]
    NotRehearsed(String),
}

/// A running program.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Finished, ProgramError>> + Send + 'a>>;

/// Is told lines.
pub type Told<'a> = dyn Fn(&str) + Send + Sync + 'a;

/// What acts from this host: this machine, or a rehearsal.
pub trait Programs: Send + Sync {
    /// Runs a program to its end. Dropping the future ends it, and what it started.
    fn run(&self, invocation: Invocation) -> Running<'_>;

    /// Runs a program to its end, and tells the last line that it wrote to its output, a few times
    /// a second, as it was written.
    fn follow<'a>(&'a self, invocation: Invocation, told: &'a Told<'a>) -> Running<'a> {
        let _ = told;
        self.run(invocation)
    }

    /// Asks the network.
    fn probe(&self, probe: Probe) -> Probing<'_>;

    /// Reads a secret that is kept on this host; `None` where AWS keeps it.
    ///
    /// # Errors
    /// When it is not there.
    fn secret(&self, source: &SecretSource) -> Option<Result<String, String>>;
}

/// The allow-list of the `aws` program, which shall not page.
#[must_use]
pub fn aws_environment() -> BTreeMap<String, String> {
    let mut environment = base_environment();
    environment.extend(crate::detached::pick(&AWS));
    // Endpoints of single services, and what a vault left for whoever runs below it.
    let families = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        let known = ["AWS_ENDPOINT_URL_", "AWS_VAULT"]
            .iter()
            .any(|family| name.starts_with(family));
        known.then_some((name, value))
    });
    environment.extend(families);
    // The AWS CLI strips no blanks, and takes an empty variable for a value.
    environment.retain(|name, value| !name.starts_with("AWS_") || !value.trim().is_empty());
    // Where both name a profile, version 1 of the AWS CLI would use another one than the console.
    if environment.contains_key("AWS_PROFILE") {
        environment.remove("AWS_DEFAULT_PROFILE");
    }
    environment.insert("AWS_PAGER".into(), String::new());
    environment.insert("AWS_CLI_AUTO_PROMPT".into(), "off".into());
    // Python writes in the encoding of the locale, and its output is read as UTF-8.
    environment.insert("PYTHONUTF8".into(), "1".into());
    environment.insert("PYTHONIOENCODING".into(), "utf-8".into());
    environment
}

/// The text of a small regular file; nothing else is waited for or read without end.
fn secret_file(path: &str) -> std::io::Result<String> {
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    let most = u64::try_from(UNSEEN).unwrap_or(u64::MAX);
    file.take(most + 1).read_to_string(&mut text)?;
    if text.len() > UNSEEN {
        return Err(std::io::Error::other(format!(
            "it is larger than {} KiB",
            UNSEEN / 1024
        )));
    }
    Ok(text)
}

/// Runs programs on this machine.
#[derive(Debug, Default)]
pub struct LocalPrograms;

impl Programs for LocalPrograms {
    fn run(&self, invocation: Invocation) -> Running<'_> {
        Box::pin(run(invocation, None))
    }

    fn follow<'a>(&'a self, invocation: Invocation, told: &'a Told<'a>) -> Running<'a> {
        Box::pin(run(invocation, Some(told)))
    }

    fn probe(&self, probe: Probe) -> Probing<'_> {
        Box::pin(probe.ask())
    }

    fn secret(&self, source: &SecretSource) -> Option<Result<String, String>> {
        match source {
            SecretSource::Env(name) => Some(
                std::env::var(name).map_err(|_| format!("the variable {name} is not set here")),
            ),
            SecretSource::File(path) => Some(
                secret_file(path)
                    .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                    .map_err(|error| format!("{path} cannot be read: {error}")),
            ),
            SecretSource::Ssm(_) => None,
        }
    }
}

/// Ends a process group when the attempt is dropped before the program has ended.
struct Group(Option<nix::unistd::Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error means that it has ended already.
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

async fn run(invocation: Invocation, told: Option<&Told<'_>>) -> Result<Finished, ProgramError> {
    let (program, arguments) = invocation.argv.split_first().ok_or(ProgramError::Empty)?;
    let io = |source: std::io::Error| {
        if source.kind() == std::io::ErrorKind::NotFound {
            ProgramError::NotFound {
                program: program.clone(),
            }
        } else {
            ProgramError::Io {
                program: program.clone(),
                source,
            }
        }
    };
    let path = invocation.environment.get("PATH");
    if !crate::detached::is_on(program, path.map(String::as_str)) {
        return Err(ProgramError::NotFound {
            program: program.clone(),
        });
    }
    let mut child = Command::from(crate::detached::command(OsStr::new(program)))
        .args(arguments)
        .env_clear()
        .envs(&invocation.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(io)?;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .map(nix::unistd::Pid::from_raw);
    let mut group = Group(pid);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Kept::default(), Kept::default());
    let status = {
        let reading = async { tokio::try_join!(out.read(stdout, told), err.read(stderr, None)) };
        tokio::pin!(reading);
        tokio::select! {
            read = &mut reading => {
                read.map_err(io)?;
                child.wait().await
            }
            status = child.wait() => {
                // What it left behind may hold its output open for ever.
                if let Ok(read) = timeout(LINGERS, &mut reading).await {
                    read.map_err(io)?;
                }
                status
            }
        }
    };
    let status = status.map_err(io)?;
    out.join();
    err.join();
    group.0 = None;
    let truncated = out.cut > 0 || err.cut > 0;
    Ok(Finished {
        exit_code: status.code(),
        stdout: String::from_utf8_lossy(&out.bytes).into_owned(),
        stderr: String::from_utf8_lossy(&err.bytes).into_owned(),
        truncated,
        ends: [out.end(), err.end()],
    })
}

/// Both ends of a stream: of its beginning three quarters of [`OUTPUT_LIMIT`], and of its end a quarter.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    last: VecDeque<u8>,
    /// How many bytes between them are not kept.
    cut: u64,
}

/// How much of the end of a stream is kept.
const END_LIMIT: usize = OUTPUT_LIMIT / 4;

impl Kept {
    fn take(&mut self, bytes: &[u8]) {
        let room = OUTPUT_LIMIT - END_LIMIT - self.bytes.len();
        let (first, rest) = bytes.split_at(bytes.len().min(room));
        self.bytes.extend_from_slice(first);
        self.last.extend(rest);
        let surplus = self.last.len().saturating_sub(END_LIMIT);
        self.last.drain(..surplus);
        self.cut += surplus as u64;
    }

    /// The end; nothing where all of it stands together.
    fn end(mut self) -> Option<End> {
        (self.cut > 0).then(|| End {
            text: String::from_utf8_lossy(self.last.make_contiguous()).into_owned(),
            cut: self.cut,
        })
    }

    /// Puts what is not apart together.
    fn join(&mut self) {
        if self.cut == 0 {
            self.bytes.extend(self.last.drain(..));
        }
    }

    /// Reads to the end, whatever is kept: a program that cannot write any more would not end.
    async fn read(
        &mut self,
        stream: Option<impl AsyncRead + Unpin>,
        told: Option<&Told<'_>>,
    ) -> std::io::Result<()> {
        let Some(mut stream) = stream else {
            return Ok(());
        };
        let mut buffer = vec![0; 16 * 1024];
        let mut last: Option<Instant> = None;
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            self.take(&buffer[..count]);
            if let Some(told) = told
                && last.is_none_or(|last| last.elapsed() >= SEEN)
                && let Some(line) = last_line(&buffer[..count])
            {
                told(&line);
                last = Some(Instant::now());
            }
        }
    }
}

/// The last line that was written to its end.
fn last_line(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().rposition(|byte| *byte == b'\n')?;
    let begin = bytes[..end].iter().rposition(|byte| *byte == b'\n');
    let line = &bytes[begin.map_or(0, |at| at + 1)..end];
    let line = String::from_utf8_lossy(&line[..line.len().min(LONGEST_LINE)]).into_owned();
    (!line.trim().is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_program_writes_is_told_while_it_runs() {
        let told = std::sync::Mutex::new(Vec::new());
        let tell = |line: &str| told.lock().unwrap().push(line.to_owned());
        let script = "echo first; read -r _ < /dev/null; printf 'half'; echo; echo last";
        let finished = LocalPrograms
            .follow(invoke(&["sh", "-c", script]), &tell)
            .await
            .unwrap();
        assert_eq!(finished.stdout, "first\nhalf\nlast\n");
        let told = told.lock().unwrap().clone();
        assert!(
            told.iter()
                .all(|line| ["first", "half", "last"].contains(&line.as_str()))
                && !told.is_empty(),
            "{told:?}"
        );
        assert_eq!(last_line(b"a\nb"), Some("a".into()));
        assert_eq!(last_line(b"no end"), None);
    }

    fn invoke(argv: &[&str]) -> Invocation {
        Invocation {
            argv: argv.iter().map(ToString::to_string).collect(),
            environment: base_environment(),
        }
    }

    #[tokio::test]
    async fn a_program_gets_its_arguments_untouched_and_only_allowed_variables() {
        let finished = LocalPrograms
            .run(invoke(&["printf", "%s", "$HOME; rm -rf *"]))
            .await
            .unwrap();
        assert_eq!(finished.stdout, "$HOME; rm -rf *");
        let finished = LocalPrograms.run(invoke(&["env"])).await.unwrap();
        assert!(finished.stdout.lines().all(|line| {
            crate::detached::BASE
                .iter()
                .any(|name| line.starts_with(&format!("{name}=")))
        }));
    }

    #[tokio::test]
    async fn output_beyond_the_limit_is_cut_and_said() {
        let finished = LocalPrograms
            .run(invoke(&["head", "-c", "3000000", "/dev/zero"]))
            .await
            .unwrap();
        assert!(finished.truncated && finished.stdout.len() <= OUTPUT_LIMIT);
    }

    #[tokio::test]
    async fn half_a_secret_at_the_end_of_a_cut_output_is_not_kept() {
        let secret = "correctHorseBattery99";
        // Wherever the cut falls: inside of the secret, and inside of what is dropped.
        let first = OUTPUT_LIMIT - END_LIMIT;
        let last = OUTPUT_LIMIT * 2 - END_LIMIT;
        for before in [
            first - 12,
            first - UNSEEN - 12,
            last - 12,
            last - 12 + UNSEEN,
        ] {
            let after = OUTPUT_LIMIT * 2 - before;
            let script = format!(
                "head -c {before} /dev/zero | tr '\\0' x; printf {secret}; head -c {after} /dev/zero | tr '\\0' y"
            );
            let finished = LocalPrograms
                .run(invoke(&["sh", "-c", &script]))
                .await
                .unwrap();
            let redactor = crate::redaction::Redactor::default();
            let redactor = redactor.hiding(&[secret.to_owned()]).unwrap();
            let masked = finished.masked(&redactor);
            assert!(masked.truncated && masked.stdout.contains("[cut: "));
            assert!(!masked.stdout.contains("corr") && !masked.stdout.contains("ery99"));
        }
    }

    #[tokio::test]
    async fn both_ends_of_a_long_output_are_kept() {
        let script = "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; for i in $(seq 200); do echo padding $i; done; echo ERROR at the end";
        let finished = LocalPrograms
            .run(invoke(&["sh", "-c", script]))
            .await
            .unwrap();
        let masked = finished.masked(&crate::redaction::Redactor::default());
        assert!(masked.stdout.starts_with("first\n"));
        assert!(
            masked.stdout.ends_with("ERROR at the end\n"),
            "{}",
            masked.stdout.len()
        );
        assert!(masked.stdout.contains("[cut: ") && masked.stdout.len() <= OUTPUT_LIMIT + 64);
    }

    #[tokio::test]
    async fn a_program_that_leaves_another_behind_has_ended() {
        let finished = LocalPrograms
            .run(invoke(&["sh", "-c", "sleep 60 & echo told"]))
            .await
            .unwrap();
        assert_eq!(
            (finished.exit_code, finished.stdout.trim()),
            (Some(0), "told")
        );
    }

    #[test]
    fn only_a_small_regular_file_is_a_secret() {
        assert!(secret_file("/dev/zero").is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(secret_file(path.to_str().unwrap()).is_err());
        std::fs::write(folder.path().join("file"), "s3cret\n").unwrap();
        let file = folder.path().join("file");
        assert_eq!(secret_file(file.to_str().unwrap()).unwrap(), "s3cret\n");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = LocalPrograms
            .run(invoke(&["no-such-program-here"]))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"));
    }

    #[tokio::test]
    async fn dropping_the_attempt_ends_the_program_and_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!(
            "sleep 300 & echo $! > {0}.new; mv {0}.new {0}; wait",
            pids.display()
        );
        let running = tokio::spawn(LocalPrograms.run(invoke(&["sh", "-c", &script])));
        while !pids.exists() {
            tokio::task::yield_now().await;
        }
        running.abort();
        let _ = running.await;
        let pid: i32 = std::fs::read_to_string(&pids)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let stat = format!("/proc/{pid}/stat");
        // A killed child is gone, or a zombie until its new parent reaps it.
        loop {
            match std::fs::read_to_string(&stat) {
                Ok(text) if !text.contains(") Z ") => tokio::task::yield_now().await,
                _ => break,
            }
        }
    }
}
