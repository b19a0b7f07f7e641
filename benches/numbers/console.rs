//! What the responder feels: first paint, keys, idling, memory, and how soon alarms are there.

use std::time::{Duration, Instant};

use crate::pty::Console;
use crate::served::{Simulator, Slow, silent};
use crate::table::Table;

const SIZE: (u16, u16) = (120, 40);

/// A folder that is home, in which the introduction was read.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".local/state/standdown");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("console.json"), "{\"introduced\":true}").unwrap();
    home
}

pub fn quantile(times: &mut [f64], at: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * at).round() as usize]
}

pub fn first_paint(table: &mut Table) {
    let endpoint = silent();
    let mut times: Vec<f64> = (0..40)
        .map(|_| {
            let home = home();
            let mut console =
                Console::start(home.path(), &[], &[("AWS_ENDPOINT_URL", &endpoint)], SIZE);
            console.first_picture().as_secs_f64() * 1e3
        })
        .collect();
    let (half, most) = (quantile(&mut times, 0.5), quantile(&mut times, 0.9));
    table.row(
        "first paint, before any answer",
        "8 ms",
        &format!("{half:.1} ms (p90 {most:.1}; 40 starts)"),
        half <= 8.0,
    );
}

pub fn first_alarms(table: &mut Table) {
    const ROUND_TRIP: Duration = Duration::from_millis(100);
    let simulator = Simulator::start(&["--alarms", "10000"]);
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let home = home();
            let slow = Slow::to(simulator.address, ROUND_TRIP);
            let mut console = Console::start(
                home.path(),
                &[],
                &[("AWS_ENDPOINT_URL", &slow.endpoint)],
                SIZE,
            );
            let shown = console.until(|screen| screen.contains("● ALARM"));
            let asked = slow.first.lock().unwrap().unwrap();
            (shown - asked).as_secs_f64() * 1e3 - ROUND_TRIP.as_secs_f64() * 1e3
        })
        .collect();
    let over = quantile(&mut times, 0.5);
    table.row(
        "first alarms, 10,000 behind them",
        "1 round trip + 30 ms",
        &format!("1 round trip + {over:.0} ms (a line of {ROUND_TRIP:?}; median of 5)"),
        over <= 30.0,
    );
}

/// Starts on so many alarms and waits until all are read; returns how long that took.
fn all(
    simulator: &Simulator,
    count: usize,
    arguments: &[&str],
) -> (tempfile::TempDir, Console, Duration, Duration) {
    let home = home();
    let endpoint = simulator.endpoint();
    let mut console = Console::start(
        home.path(),
        arguments,
        &[("AWS_ENDPOINT_URL", &endpoint)],
        SIZE,
    );
    let first = console.until(|screen| screen.contains("● ALARM")) - console.began;
    let read = console.until(|screen| {
        let sum: usize = screen
            .lines()
            .find(|line| line.contains("in ALARM ·"))
            .map_or(0, |line| {
                line.split_whitespace()
                    .filter_map(|word| word.parse::<usize>().ok())
                    .sum()
            });
        sum >= count && !screen.contains("not read yet")
    }) - console.began;
    (home, console, first, read)
}

pub fn memory(table: &mut Table) {
    for count in [1_000, 10_000, 50_000] {
        let simulator = Simulator::start(&["--alarms", &count.to_string()]);
        let (_home, mut console, first, read) = all(&simulator, count, &[]);
        // Two refreshes more: the first list is made of pages that come one by one.
        console.read_for(Duration::from_secs(25));
        let now = console.resident();
        let goal = if count == 10_000 { "30 MB" } else { "" };
        table.row(
            &format!("resident memory, {count} alarms"),
            goal,
            &format!(
                "{:.0} MiB: {:.0} its own, {:.0} of the binary's file",
                now.all, now.own, now.file
            ),
            goal.is_empty() || now.all <= 30.0,
        );
        table.row(
            &format!("{count} alarms: first and all of them"),
            "",
            &format!(
                "{:.0} ms, {:.1} s (4.5 pages a second, half of CloudWatch's quota)",
                first.as_secs_f64() * 1e3,
                read.as_secs_f64()
            ),
            true,
        );
    }
}

pub fn keys(table: &mut Table) {
    let simulator = Simulator::start(&["--alarms", "10000"]);
    let (_home, mut console, _, _) = all(&simulator, 10_000, &[]);
    console.read_for(Duration::from_secs(3));
    // The goal is for what a responder has: checks that run. Without them the core goes to sleep.
    measure(&mut console, table, "10,000 alarms, nothing else", false);
    drop(console);
    let (home, mut console) = streaming(&simulator);
    console.read_for(Duration::from_secs(3));
    measure(
        &mut console,
        table,
        "10,000 alarms, 50 programs streaming",
        true,
    );
    drop((home, console));
}

fn measure(console: &mut Console, table: &mut Table, what: &str, goal: bool) {
    let (mut times, mut bytes) = (Vec::new(), Vec::new());
    for index in 0..500 {
        // A hand is slower than this.
        console.read_for(Duration::from_millis(20));
        let key = if index / 15 % 2 == 0 { b"j" } else { b"k" };
        let (time, count) = console.key(key);
        times.push(time.as_secs_f64() * 1e3);
        bytes.push(count as f64);
    }
    let (half, most) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    table.row(
        &format!("key to last byte: {what}, p50"),
        if goal { "0.4 ms" } else { "" },
        &format!("{half:.2} ms"),
        !goal || half <= 0.4,
    );
    table.row(
        &format!("key to last byte: {what}, p99"),
        if goal { "1.0 ms" } else { "" },
        &format!("{most:.2} ms"),
        !goal || most <= 1.0,
    );
    let (half, most) = (quantile(&mut bytes, 0.5), quantile(&mut bytes, 0.99));
    table.row(
        &format!("bytes per key, 120×40 with details: {what}"),
        "250",
        &format!("{half:.0} (p99 {most:.0})"),
        half <= 250.0,
    );
}

/// A console with an incident whose step runs fifty programs that keep writing, at the board.
pub fn streaming(simulator: &Simulator) -> (tempfile::TempDir, Console) {
    let home = home();
    let playbooks = home.path().join("playbooks");
    std::fs::create_dir(&playbooks).unwrap();
    std::fs::write(playbooks.join("streams.toml"), STREAMS).unwrap();
    let endpoint = simulator.endpoint();
    let playbooks = playbooks.display().to_string();
    let arguments = ["run", "streams", "--playbooks", &playbooks];
    let mut console = Console::start(
        home.path(),
        &arguments,
        &[("AWS_ENDPOINT_URL", &endpoint)],
        SIZE,
    );
    console.until(|screen| screen.contains("tick"));
    console.press(b"b");
    console.until(|screen| screen.contains("10000") || screen.contains("● ALARM"));
    let began = Instant::now();
    // All pages, at the quota's pace.
    while began.elapsed() < Duration::from_secs(20) {
        console.read_for(Duration::from_secs(1));
    }
    (home, console)
}

const STREAMS: &str = include_str!("streams.toml");

pub fn idle(table: &mut Table) {
    for (count, goal) in [(100, true), (10_000, false)] {
        let simulator = Simulator::start(&["--alarms", &count.to_string()]);
        let (_home, mut console, _, _) = all(&simulator, count, &[]);
        // Tags and histories of what is in view are looked up once.
        console.read_for(Duration::from_secs(45));
        let (cpu, began) = (console.cpu(), Instant::now());
        let bytes = console.read_for(Duration::from_mins(1));
        let span = began.elapsed().as_secs_f64();
        let busy = console.cpu().saturating_sub(cpu).as_secs_f64() / span * 100.0;
        let rate = bytes as f64 / span;
        let (most, least) = if goal { ("0.1 %", "60") } else { ("", "") };
        table.row(
            &format!("idle, {count} alarms refreshed every 10 s: CPU of one core"),
            most,
            &format!("{busy:.2} %"),
            !goal || busy <= 0.1,
        );
        table.row(
            &format!("idle, {count} alarms: bytes per second"),
            least,
            &format!("{rate:.0}"),
            !goal || rate <= 60.0,
        );
    }
}

pub fn calls(table: &mut Table) {
    let count = 1_000_u64;
    let simulator = Simulator::start(&["--alarms", &count.to_string()]);
    let (_home, mut console, _, _) = all(&simulator, count as usize, &[]);
    let of = |name: &str| simulator.counts()["calls"][name].as_u64().unwrap_or(0);
    console.read_for(Duration::from_secs(12));
    let (before, data) = (of("DescribeAlarms"), of("GetMetricData"));
    console.read_for(Duration::from_secs(50));
    let (after, more) = (of("DescribeAlarms"), of("GetMetricData"));
    let screen = console.parser.screen().contents();
    let burning: u64 = screen
        .lines()
        .find_map(|line| line.trim().split_once(" in ALARM")?.0.parse().ok())
        .unwrap();
    let wanted = count.div_ceil(100) + burning.div_ceil(100);
    let each = (after - before) as f64 / 5.0;
    table.row(
        "DescribeAlarms per refresh of 1,000",
        &format!("{wanted}"),
        &format!("{each:.1} (5 refreshes)"),
        each <= wanted as f64 + 0.5,
    );
    let values = (more - data) as f64 / 5.0;
    table.row(
        "GetMetricData per refresh, 80 in view",
        "1",
        &format!("{values:.1}"),
        values <= 1.2,
    );
    let again = simulator.counts()["again"].as_array().map_or(0, Vec::len);
    table.row(
        "settled datapoints asked for twice",
        "0",
        &again.to_string(),
        again == 0,
    );
}

/// Fifty checks of one second that are started ahead; the time of all of them against the longest.
pub fn prefetch(table: &mut Table) {
    let mut ratios: Vec<f64> = (0..5)
        .map(|_| {
            let home = home();
            let said = std::process::Command::new(env!("CARGO_BIN_EXE_standdown"))
                .args(["rehearse", "cpu-spike", "--json", "--speed", "20"])
                .current_dir(home.path())
                .env("HOME", home.path())
                .output()
                .unwrap();
            let played: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
            let of = |key: &str| played[key].as_f64().unwrap();
            of("diagnostics_ms") / of("longest_diagnostic_ms")
        })
        .collect();
    let half = quantile(&mut ratios, 0.5);
    table.row(
        "all diagnostics ÷ the longest one",
        "1.05",
        &format!(
            "{half:.2} (median of 5, {:.2} to {:.2})",
            ratios[0], ratios[4]
        ),
        half <= 1.05,
    );
}
