//! The same through tmux.

use std::process::Command;

use crate::Stage;
use crate::terminal::Terminal;

/// A tmux of its own, in a terminal of ours, in which the console runs.
fn tmux(stage: &Stage, configuration: &str) -> Terminal {
    let folder = stage.world.folder.path().display().to_string();
    // It ends with its terminal.
    let ends = format!("{configuration}set -g destroy-unattached on\n");
    let file = stage.world.write("tmux.conf", ends);
    let socket = format!("{folder}/tmux");
    let console = format!(
        "{} rehearse cpu-spike --simulator {}",
        env!("CARGO_BIN_EXE_standdown"),
        stage.server.endpoint
    );
    let file = file.display().to_string();
    let argv = ["tmux", "-S", &socket, "-f", &file, "new-session", &console];
    Terminal::program(&stage.world, &argv, 100, 30, &[])
}

#[test]
fn copying_goes_through_tmux_to_its_own_terminal() {
    let stage = Stage::new();
    let mut outer = tmux(
        &stage,
        "set -g set-clipboard on\nset -as terminal-features ',*:clipboard'\n",
    );
    outer.see("orders-cpu-high");
    outer.see("● ALARM  high orders-cpu-high");
    let before = outer.raw.len();
    outer.press("l");
    outer.see("sent to your terminal's clipboard");
    outer.drawn_after(
        before,
        "aHR0cHM6Ly9ldS1jZW50cmFsLTEuY29uc29sZS5hd3MuYW1hem9uLmNvbS",
    );
    let socket = stage.world.path("tmux");
    let buffer = Command::new("tmux")
        .arg("-S")
        .arg(socket)
        .arg("show-buffer")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&buffer.stdout).into_owned();
    assert!(
        text.starts_with("https://eu-central-1.console.aws.amazon.com/"),
        "{text}"
    );
}

#[test]
fn a_tmux_that_takes_no_clipboard_is_believed() {
    let stage = Stage::new();
    let mut outer = tmux(&stage, "set -g set-clipboard off\n");
    outer.see("● ALARM  high orders-cpu-high");
    outer.press("l");
    outer.see("this terminal takes no clipboard");
}

#[test]
fn keys_resizing_and_leaving_work_through_tmux() {
    let stage = Stage::new();
    let mut outer = tmux(&stage, "set -g escape-time 10\n");
    outer.see("● ALARM  high orders-cpu-high");
    outer.press("/latency\r");
    outer.see("fit \"latency\"");
    outer.resize(60, 20);
    outer.see("orders-latency");
    outer.press("q");
    outer.end();
}
