//! Themes, signs and keys: chosen, forced, read anew, and refused with their place.

use crate::Stage;
use crate::support::World;
use crate::terminal::Terminal;

#[test]
fn where_utf8_is_missing_everything_is_ascii() {
    let stage = Stage::new();
    let mut console = stage.console(&[("LANG", "C"), ("LC_ALL", "C")]);
    console.see("* ALARM  high orders-cpu-high");
    console.press("?");
    console.see("keys that are valid here");
    assert!(console.raw.is_ascii());
}

#[test]
fn colours_are_as_many_as_are_asked_for() {
    let stage = Stage::new();
    for (extra, wanted, unwanted) in [
        (&[("COLORTERM", "truecolor")][..], "38;2;", "38;5;"),
        (&[("COLORTERM", "")], "38;5;", "38;2;"),
        (&[("COLORTERM", ""), ("TERM", "xterm")], ";9", "38;"),
        (&[("NO_COLOR", "1")], "[1m", "38;"),
    ] {
        let mut console = stage.console(extra);
        console.see("ALARM");
        console.see("orders-cpu-high");
        let raw = String::from_utf8_lossy(&console.raw).into_owned();
        assert!(raw.contains(wanted) && !raw.contains(unwanted), "{extra:?}");
    }
}

#[test]
fn theme_and_keys_are_read_anew_while_it_runs() {
    let stage = Stage::new();
    stage
        .world
        .write("config/standdown/config.toml", "theme = \"dark\"\n");
    let mut console = stage.console(&[]);
    console.see("● ALARM  high orders-cpu-high");
    // The ground of the light theme.
    assert!(!String::from_utf8_lossy(&console.raw).contains("48;2;255;255;255"));
    let file = "theme = \"light\"\n[keys]\nsort = [\"F6\"]\n";
    stage.world.write("config/standdown/config.toml", file);
    let before = console.raw.len();
    console.press("\u{12}");
    console.see("the theme light and the keys were read");
    console.drawn_after(before, "48;2;255;255;255");
    console.press("\u{1b}[17~");
    console.see("sorted by severity");
    // What is broken is said with its place, and changes nothing.
    stage
        .world
        .write("config/standdown/config.toml", "[keys]\nnote = \"d\"\n");
    console.press("\u{12}");
    let screen = console.see("would mean both");
    assert!(screen.contains("and `note`"), "{screen}");
    console.press("m");
    let screen = console.see("`done` and `note`");
    assert!(screen.contains("config.toml:2"), "{screen}");
    console.press("\u{1b}");
    console.see("STATE");
    console.press("\u{1b}[17~");
    console.see("sorted by age");
}

#[test]
fn conflicting_keys_are_refused_with_both_names_and_their_line() {
    let world = World::new();
    world.write(
        "config/standdown/config.toml",
        "[keys]\nnote = \"d\"\nhelpp = \"F2\"\nsort = \"Hyper-x\"\n",
    );
    let said = world.run(&["alarms"]);
    assert_eq!(said.code, 1);
    for wanted in [
        "the key `d` would mean both `done` and `note`",
        "there is no command `helpp`; did you mean `help`?",
        "`Hyper-x` is no key",
        "config.toml:2",
        "config.toml:3",
        "config.toml:4",
    ] {
        assert!(said.err.contains(wanted), "{wanted}: {}", said.err);
    }
}

#[test]
fn themes_are_listed_shown_and_checked() {
    let world = World::new();
    let said = world.run(&["theme", "list", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let names: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "dark",
            "light",
            "high-contrast",
            "colour-blind",
            "sixteen",
            "none"
        ]
    );
    for name in names {
        let shown = world.run(&["theme", "show", name, "--color", "truecolor"]);
        assert!(
            shown.code == 0 && shown.out.contains("threshold"),
            "{name}: {shown:?}"
        );
        assert_eq!(world.run(&["theme", "check", name]).code, 0);
        // A theme of one's own begins with its file.
        let file = world.run(&["theme", "show", name, "--toml"]).out;
        let own = world.write("mine.toml", file).display().to_string();
        assert_eq!(world.run(&["theme", "check", &own]).code, 0);
        assert_eq!(
            world
                .run(&["theme", "show", &own, "--color", "truecolor"])
                .out,
            shown.out
        );
    }
    // In a pipe nothing is coloured unless that is asked for.
    assert!(!world.run(&["theme", "show", "dark"]).out.contains('\u{1b}'));
    assert!(
        world
            .run(&["theme", "show", "dark", "--color", "always"])
            .out
            .contains("\u{1b}[")
    );
    let broken = include_str!("../../themes/dark.toml").replace("\"#8b93a1\"", "\"grayish\"");
    let path = world.write("broken.toml", broken);
    let path = path.display().to_string();
    let said = world.run(&["theme", "check", &path]);
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("this is not a colour") && said.out.contains("broken.toml:6"),
        "{said:?}"
    );
    let said = world.run(&["--theme", &path, "rehearse"]);
    assert!(
        said.code == 1 && said.err.contains("broken.toml:6"),
        "{said:?}"
    );
    assert_eq!(world.run(&["theme", "check", "nosuch"]).code, 2);
}

#[test]
fn shells_and_man_are_told_every_command() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let said = world.run(&["completions", shell]);
        assert!(said.code == 0 && said.out.contains("handover"), "{shell}");
    }
    assert!(world.run(&["man"]).out.contains(".TH standdown 1"));
    let said = world.run(&["man", "--out", "pages"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(world.path("pages/standdown-rehearse.1").exists());
}

#[test]
fn the_width_of_ambiguous_signs_is_what_the_terminal_says() {
    let stage = Stage::new();
    for (reply, wide) in [
        ("\u{1b}[2;3R", true),
        ("\u{1b}[2;2R", false),
        // Somebody else's question, in another row.
        ("\u{1b}[1;9R", false),
    ] {
        let mut console = stage.live(&[]);
        console.drawn_after(0, "\u{1b}[6n");
        console.press(reply);
        let wanted = if wide { "* ALARM" } else { "● ALARM" };
        console.see(wanted);
        console.press("/latency\r");
        console.see("fit \"latency\"");
        console.press("\u{1b}");
        console.see(wanted);
        console.press("q");
        assert_eq!(console.end().0, 0, "{reply:?}");
    }
    // Where somebody said which signs to use, nobody asks.
    stage
        .world
        .write("config/standdown/config.toml", "ascii = false\n");
    let mut console = stage.live(&[]);
    console.see("● ALARM");
    let written = String::from_utf8_lossy(&console.raw).into_owned();
    assert!(!written.contains("\u{1b}[6n"), "{written:?}");
}

#[test]
fn doctor_says_what_the_terminal_answers() {
    let world = World::new();
    let binary = env!("CARGO_BIN_EXE_standdown");
    let mut doctor = Terminal::program(&world, &[binary, "doctor"], 120, 60, &[]);
    doctor.drawn_after(0, "\u{1b}[c");
    doctor.press("\u{1b}[2;3R\u{1b}[?2026;2$y\u{1b}[?64;1;52;22c");
    doctor.see("signs such as ≥ are two columns wide: the console uses ASCII signs");
    doctor.see("a frame is drawn at once");
    doctor.see("by OSC 52, which the terminal says it takes");
}
