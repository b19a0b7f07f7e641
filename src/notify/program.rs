//! A program on this machine: it reads the message as JSON, and its exit code is the answer.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Delivered, PATIENCE, Undelivered};
use crate::detached;

/// How much of what it says is kept, in characters.
const SAID: usize = 400;

pub(super) async fn run(
    command: &[String],
    secret: Option<&str>,
    input: &Value,
) -> Result<Delivered, Undelivered> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Undelivered::ever("the channel names no program"));
    };
    let mut command = Command::from(detached::command(program.as_ref()));
    command
        .args(arguments)
        .env_clear()
        .envs(detached::base_environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(secret) = secret {
        command.env("STANDDOWN_SECRET", secret);
    }
    if !detached::is_there(program) {
        return Err(Undelivered::now(format!(
            "{program} cannot be run: it is not on the PATH"
        )));
    }
    let mut child = command
        .spawn()
        .map_err(|error| Undelivered::now(format!("{program} cannot be run: {error}")))?;
    let stdin = child.stdin.take();
    let talk = async {
        if let Some(mut stdin) = stdin {
            // One that does not read may succeed all the same.
            let _ = stdin.write_all(input.to_string().as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let ended = timeout(PATIENCE, talk)
        .await
        .map_err(|_| Undelivered::now(format!("{program} took longer than {PATIENCE:?}")))?
        .map_err(|error| Undelivered::now(format!("{program}: {error}")))?;
    if ended.status.success() {
        return Ok(Delivered::answered(format!("{program} ended with 0")));
    }
    let said: String = String::from_utf8_lossy(&ended.stderr)
        .trim()
        .chars()
        .take(SAID)
        .collect();
    Err(Undelivered::now(format!(
        "{program} ended with {}: {said}",
        ended.status
    )))
}
