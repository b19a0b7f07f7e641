//! The same through GNU Screen.

use std::os::unix::fs::PermissionsExt as _;

use crate::Stage;
use crate::terminal::Terminal;

/// A Screen of its own, in a terminal of ours, in which the console runs.
fn screen(stage: &Stage) -> Terminal {
    screen_with(stage, "")
}

/// The same, with more in its configuration.
fn screen_with(stage: &Stage, more: &str) -> Terminal {
    let sockets = stage.world.path("screens");
    std::fs::create_dir(&sockets).unwrap();
    std::fs::set_permissions(&sockets, std::fs::Permissions::from_mode(0o700)).unwrap();
    // It ends with its terminal, and says nothing at its start.
    let file = stage.world.write(
        "screenrc",
        format!("startup_message off\nautodetach off\ndefutf8 on\nmaptimeout 10\n{more}"),
    );
    let file = file.display().to_string();
    let argv = [
        "screen",
        "-c",
        &file,
        env!("CARGO_BIN_EXE_standdown"),
        "rehearse",
        "cpu-spike",
        "--simulator",
        &stage.server.endpoint,
    ];
    let sockets = sockets.display().to_string();
    Terminal::program(&stage.world, &argv, 100, 30, &[("SCREENDIR", &sockets)])
}

#[test]
fn copying_goes_through_screen_to_its_own_terminal() {
    let stage = Stage::new();
    let mut outer = screen(&stage);
    outer.see("● ALARM  high orders-cpu-high");
    let before = outer.raw.len();
    outer.press("l");
    outer.see("sent to your terminal's clipboard");
    // Screen takes its own frame off, and passes the sequence on.
    outer.drawn_after(
        before,
        "\u{1b}]52;c;aHR0cHM6Ly9ldS1jZW50cmFsLTEuY29uc29sZS5hd3MuYW1hem9uLmNvbS",
    );
}

#[test]
fn keys_resizing_and_leaving_work_through_screen() {
    let stage = Stage::new();
    let mut outer = screen(&stage);
    outer.see("● ALARM  high orders-cpu-high");
    outer.press("/latency\r");
    outer.see("fit \"latency\"");
    outer.resize(60, 20);
    outer.see("orders-latency");
    outer.press("q");
    outer.end();
}

/// As terminals for East Asia do.
#[test]
fn signs_that_a_terminal_draws_two_columns_wide_are_not_used() {
    let stage = Stage::new();
    let mut outer = screen_with(&stage, "cjkwidth on\n");
    let screen = outer.see("* ALARM  high orders-cpu-high");
    assert!(!screen.contains('●') && !screen.contains('─'), "{screen}");
}
