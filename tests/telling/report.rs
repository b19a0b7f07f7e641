//! The report: what people wrote into it is kept, and a browser that opens it runs and loads nothing.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::shop::Shop;
use crate::support::{Said, environment_of};
use crate::terminal::Terminal;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/telling/script.toml");
const PLAYBOOK: &str = r#"
format = 1
id = "orders-errs"
name = "Orders Errs"
summary = "Read the log."
owner = "tests"
impact = 2
severities = ["high"]
incident_types = ["errors"]
links = { dashboard = "https://dash.example.com/orders", odd = "javascript:window.owned=3" }
start = "read"
[[answers]]
name = "orders-errors"
[[steps]]
id = "read"
kind = "automated"
title = "Read Log and Errors"
description = "d"
expect = "e"
output = "seen"
on_failure = "continue"
next = "which"
runs = [
    { as = "said", logs = { groups = ["/app/orders"], window = "30m" } },
    { as = "errors", metric = { namespace = "Shop", name = "Errors", dimensions = { Service = "orders" }, window = "20m", period = "1m", statistics = ["Average"], threshold = 50 } },
]
[[steps]]
id = "which"
kind = "decision"
title = "Which Way?"
description = "d"
[[steps.branches]]
label = "It logs errors"
when = "seen.said.patterns[0].sample != ''"
next = "good"
[[steps.branches]]
label = "It does not"
otherwise = true
next = "good"
[[steps]]
id = "good"
kind = "outcome"
title = "Good"
description = "d"
outcome = "resolved"
"#;
const HOSTILE: &str = "</td></table><script>window.owned=1</script><img src=";

/// A program of this machine.
fn program(names: &[&str]) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.exists())
        .unwrap_or_else(|| panic!("none of {names:?} is here; run tests/run, which installs it"))
}

/// Opens a file in headless Chromium, and tells what came of it.
fn opened(file: &std::path::Path) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/report_open.py");
    let output = Command::new(environment_of("others").join("bin/python"))
        .arg(script)
        .arg(file)
        .arg(program(&["chromium", "chromium-browser"]))
        .arg(program(&["chromedriver"]))
        .output()
        .unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

/// A shop in which an incident was walked to its end, against a log that attacks.
fn ended() -> Shop {
    let shop = Shop::with(SCRIPT, "high", "", "");
    shop.world.write("playbooks/orders.toml", PLAYBOOK);
    let environment = shop.environment();
    let extra: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut console = Terminal::start(&shop.world, &[], 120, 40, &extra);
    console.see("orders-errs");
    console.press("\r");
    console.see("▶ Orders Errs   answers this alarm");
    console.press("\r");
    console.see("1  It logs errors   ◀ recommended");
    console.press("2");
    console.see("although \"It logs errors\" is recommended");
    console.press("it is *always* [so](http://x)\r");
    console.see("The playbook ended");
    console.press("R");
    console.see("Enter confirms");
    console.press("looked into it\r");
    console.see("the incident is resolved");
    console.press("q");
    console.end();
    shop
}

#[test]
fn a_browser_draws_the_charts_runs_nothing_and_asks_nobody() {
    let shop = ended();
    let id = shop.incident();
    for (arguments, charts) in [
        (
            vec!["report", &id, "--format", "html", "--out", "page.html"],
            1,
        ),
        (vec!["status", &id, "--html", "page.html"], 0),
    ] {
        let said = shop.run(&arguments);
        assert_eq!(said.code, 0, "{said:?}");
        let file = shop.world.path("page.html");
        let seen = opened(&file);
        let drawn = &seen["drawn"];
        let boxes = drawn["boxes"].as_array().unwrap();
        assert_eq!(boxes.len(), charts, "{drawn:#}");
        for one in boxes {
            // The line itself is as long as the chart is wide, and more.
            assert!(one["width"].as_f64().unwrap() > 400.0, "{one:#}");
            assert!(one["longest"].as_f64().unwrap() > 400.0, "{one:#}");
        }
        for nothing in ["scripts", "images", "frames", "handlers"] {
            assert_eq!(drawn[nothing], 0, "{nothing}: {drawn:#}");
        }
        assert_eq!(drawn["owned"], "undefined");
        assert_eq!(drawn["wide"], false, "nothing is cut off at the side");
        assert_eq!(seen["said"], serde_json::json!([]), "{seen:#}");
        let url = format!("file://{}", file.display());
        assert_eq!(seen["asked"], serde_json::json!([url]));
        let text = drawn["text"].as_str().unwrap();
        assert!(text.contains("Orders Errs"), "{text}");
        if charts > 0 {
            for wanted in [
                HOSTILE,
                "took “It does not”. “It logs errors” was recommended. Another one was taken because: it is *always* [so](http://x)",
                "(deployment, 4 min before the alarm)",
                "dashed: the threshold, 50",
                "change: ecs UpdateService orders",
                "odd: javascript:window.owned=3",
            ] {
                assert!(text.contains(wanted), "{wanted}: {text}");
            }
        }
    }
}

#[test]
fn what_people_wrote_into_the_report_is_kept_and_listed() {
    let shop = ended();
    let id = shop.incident();
    let report = |format: &str, out: &str| {
        let said = shop.run(&["report", &id, "--format", format, "--out", out]);
        assert_eq!(said.code, 0, "{said:?}");
        std::fs::read_to_string(shop.world.path(out)).unwrap()
    };
    let first = report("md", "report.md");
    for wanted in [
        "## Summary",
        "because of the alarm orders-errors.",
        "Nothing was changed by the console.",
        "&lt;/td&gt;",
        "because: it is \\*always\\* \\[so\\](http://x)",
        "| resolve |",
        "- dashboard: <https://dash.example.com/orders>",
    ] {
        assert!(first.contains(wanted), "{wanted}: {first}");
    }
    assert!(!first.contains("<script"), "{first}");
    assert_eq!(
        shop.run(&["actions"]).out.lines().count(),
        1,
        "nothing is to be done yet"
    );
    let written = first
        .replace(
            "_To be written._\n_Impact: not graded yet._",
            "Orders failed for ten minutes.",
        )
        .replace(
            "\n_To be written._\n",
            "\nA deployment halved the pool. password=hunter2hunter2\n",
        )
        .replace(
            "- [ ] _What is to be done, by whom, until when?_",
            "- [ ] alarm on the queue (ada, 2026-12-01)\n- [x] roll back by itself",
        );
    shop.world.write("report.md", &written);
    let second = report("md", "report.md");
    for wanted in [
        "Orders failed for ten minutes.",
        "A deployment halved the pool.",
        "- [ ] alarm on the queue (ada, 2026-12-01)",
        "- [x] roll back by itself",
    ] {
        assert!(second.contains(wanted), "{wanted}: {second}");
    }
    assert!(!second.contains("hunter2"), "secrets are masked: {second}");
    // The same in every form, and written again without a change it is the same.
    let own = |report: &str| {
        let (_, rest) = report.split_once("is yours, and is kept").unwrap();
        let (own, _) = rest.split_once("is written anew").unwrap();
        own.split_once("-->").unwrap().1.to_owned()
    };
    assert_eq!(own(&report("md", "report.md")), own(&second));
    assert!(report("html", "report.html").contains("Orders failed for ten minutes."));
    let json: Value = serde_json::from_str(&report("json", "report.json")).unwrap();
    assert_eq!(json["action_items"][1]["done"], true);
    assert!(json["durations"]["resolve"].as_f64().unwrap() > 0.0);
    assert!(json["durations"]["detect"].as_f64().unwrap() > 500.0);
    let listed = shop.run(&["actions"]).out;
    assert_eq!(
        listed,
        format!("{id}/1  open  alarm on the queue (ada, 2026-12-01)\n")
    );
    assert_eq!(shop.run(&["actions", "--done", &format!("{id}/9")]).code, 2);
    let done = shop.run(&["actions", "--done", &format!("{id}/1")]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        shop.run(&["actions"])
            .out
            .starts_with("nothing is to be done")
    );
    assert_eq!(shop.run(&["actions", "--all"]).out.lines().count(), 2);
    assert!(report("md", "other.md").contains("- [x] alarm on the queue"));
    // The report that says otherwise was written before, and nobody changed it since.
    assert!(report("md", "report.md").contains("- [x] alarm on the queue"));
    // Where both were changed, neither is written over.
    let stale = second.replace("for ten minutes", "for nine minutes");
    shop.world.write("report.md", &stale);
    let refused = shop.run(&["report", &id, "--out", "report.md"]);
    assert!(
        refused.code == 1
            && refused
                .err
                .contains("so was the record since it was written"),
        "{refused:?}"
    );
    let kept = std::fs::read_to_string(shop.world.path("report.md")).unwrap();
    assert_eq!(kept, stale);
    // Nor is a report by something of another form, nor a device, and a link stays one.
    for (arguments, why) in [
        (
            ["--format", "html", "--out", "report.md"],
            "is something else",
        ),
        (["--format", "md", "--out", "/dev/full"], "is no file"),
        (["--format", "html", "--out", "/dev/full"], "is no file"),
    ] {
        let mut all = vec!["report", &id];
        all.extend(arguments);
        let refused = shop.run(&all);
        assert!(
            refused.code == 1 && refused.err.contains(why),
            "{why}: {refused:?}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(shop.world.path("report.md")).unwrap(),
        stale
    );
    std::os::unix::fs::symlink(shop.world.path("report.html"), shop.world.path("link.html"))
        .unwrap();
    report("html", "link.html");
    assert!(shop.world.path("link.html").is_symlink());
    // Of another incident it is not this one's to write over.
    let others = second.replace(&format!("is kept · {id} "), "is kept · 20200101-000000 ");
    shop.world.write("others.md", others);
    let refused = shop.run(&["report", &id, "--out", "others.md"]);
    assert!(
        refused.code == 1 && refused.err.contains("is the report of 20200101-000000"),
        "{refused:?}"
    );
    // What is no report is not written over.
    shop.world.write("mine.md", "# Mine\n");
    let refused = shop.run(&["report", &id, "--out", "mine.md"]);
    assert!(
        refused.code == 1 && refused.err.contains("is no report of standdown"),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_to_string(shop.world.path("mine.md")).unwrap(),
        "# Mine\n"
    );
}

#[test]
fn the_status_is_there_for_programs() {
    let shop = ended();
    let id = shop.incident();
    let said = shop.run(&["status", &id, "--json"]);
    let status: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (
            &status["playbook"],
            &status["status"],
            &status["incident_status"]
        ),
        (
            &"orders-errs".into(),
            &"completed".into(),
            &"resolved".into()
        )
    );
    assert_eq!(
        (
            &status["incident"],
            &status["total_steps"],
            &status["escalated"]
        ),
        (&id.as_str().into(), &3.into(), &false.into())
    );
    assert_eq!(status["current_step"], Value::Null);
    let steps = status["step_results"].as_array().unwrap();
    let told: Vec<(&str, &str)> = steps
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("read", "succeeded"),
            ("which", "branched"),
            ("good", "outcome")
        ]
    );
    assert_eq!(steps[0]["success"], true);
    assert!(steps[0]["output"]["said"]["patterns"][0]["sample"].is_string());
    assert_eq!(steps[1]["output"], "It does not");
    assert!(steps[1]["duration"].as_f64().unwrap() > 0.0);
    for key in ["id", "started_by", "start", "end", "notes"] {
        assert!(!status[key].is_null(), "{key}");
    }
    let people = shop.run(&["status", &id]);
    assert!(
        people.code == 0 && people.out.contains("Orders Errs · high · resolved"),
        "{people:?}"
    );
}
