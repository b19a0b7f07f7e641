//! Programs that never have the terminal: each in a session of its own, without a controlling terminal,
//! so that none can ask there, read keys or draw.
//!
//! A process becomes the leader of a session only by itself. So this binary starts itself, leaves the
//! terminal's session, and becomes the program.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// Variables that every program gets.
pub(crate) const BASE: [&str; 7] = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM"];

/// The allow-list that every program gets, from this process's environment.
///
/// They speak UTF-8, whatever the locale of this process: their output is read as UTF-8.
#[must_use]
pub fn base_environment() -> BTreeMap<String, String> {
    let mut environment = pick(&BASE);
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| environment.get(*name).filter(|value| !value.is_empty()));
    let is_utf8 = locale.is_some_and(|locale| {
        let locale = locale.to_lowercase().replace('-', "");
        locale.ends_with("utf8")
    });
    if !is_utf8 {
        environment.remove("LC_ALL");
        environment.insert("LC_CTYPE".into(), "C.UTF-8".into());
    }
    environment
}

/// These variables of this process's environment.
pub(crate) fn pick(names: &[&str]) -> BTreeMap<String, String> {
    names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect()
}

/// The argument behind which the program stands.
const MARK: &str = "__detached";

/// A command that runs a program without a terminal. Its process leads a session and a group.
#[must_use]
pub fn command(program: &OsStr) -> Command {
    if let Some(own) = own() {
        let mut command = Command::new(own);
        command.arg0("standdown").arg(MARK).arg(program);
        return command;
    }
    // A test's own binary cannot become another program: a group keeps signals apart.
    let mut command = Command::new(program);
    command.process_group(0);
    command
}

/// This very binary, also once another one was installed in its place.
fn own() -> Option<OsString> {
    let path = std::env::current_exe().ok()?;
    let name = path.file_name()?.to_str()?;
    let is_own = name == "standdown" || name.starts_with("standdown (deleted)");
    is_own.then(|| Path::new("/proc/self/exe").as_os_str().to_owned())
}

/// Becomes the program behind the mark, if this process was started for that. It returns only where
/// there is none; the error of one that cannot be started is its exit code, as in a shell.
pub fn become_it() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(MARK)) {
        return;
    }
    let Some(program) = arguments.next() else {
        return;
    };
    // It fails only for who leads a group already, and then it has done this before.
    let _ = nix::unistd::setsid();
    let error = Command::new(&program).args(arguments).exec();
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let said = format!("{}: {error}\n", Path::new(&program).display());
    // Where nobody reads it, the exit code still tells.
    let _ = std::io::stderr().write_all(said.as_bytes());
    std::process::exit(if missing { NOT_FOUND } else { NOT_STARTED });
}

/// The exit codes of a shell for a program that is not there, and for one that cannot be started.
const NOT_FOUND: i32 = 127;
const NOT_STARTED: i32 = 126;

/// Whether a program can be found on a path, as a shell would find it.
pub(crate) fn is_on(program: &str, path: Option<&str>) -> bool {
    if program.contains('/') {
        return Path::new(program).exists();
    }
    std::env::split_paths(path.unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

/// Whether a program can be found on this process's path.
pub(crate) fn is_there(program: &str) -> bool {
    is_on(program, std::env::var("PATH").ok().as_deref())
}
