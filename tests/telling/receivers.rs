//! Receivers at their limits: they answer as Slack and Teams do.

use std::time::{Duration, Instant};

use crate::receiver::{Got, Receiver, Verdict};
use crate::shop::Shop;

/// <https://docs.slack.dev/reference/block-kit/blocks/section-block>: 3,000 characters and at least
/// one, 50 blocks; text with half an entity is shown as it stands, so it is refused here.
fn slack(got: &Got) -> Verdict {
    let message = got.json();
    let blocks = message["blocks"].as_array().unwrap();
    let texts = blocks.iter().map(|block| block["text"]["text"].as_str());
    let fits = |text: Option<&str>| {
        text.is_some_and(|text| !text.is_empty() && text.chars().count() <= 3000 && whole(text))
    };
    if blocks.len() > 50 || !texts.clone().all(fits) {
        return Verdict::of(400, "invalid_blocks");
    }
    Verdict::of(200, "ok")
}

/// Whether every entity is whole.
fn whole(text: &str) -> bool {
    text.split('&').skip(1).all(|rest| {
        ["amp;", "lt;", "gt;"]
            .iter()
            .any(|end| rest.starts_with(end))
    })
}

/// <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages>: 28 KB.
fn teams(got: &Got) -> Verdict {
    if got.text.len() > 28 * 1024 {
        return Verdict::of(413, "RequestEntityTooLarge");
    }
    Verdict::of(202, "")
}

/// A shop with one channel, and an incident in it that nobody attends.
fn told(kind: &str, receiver: &Receiver) -> (Shop, String) {
    let configuration = format!(
        "[[channels]]\nname = \"chat\"\nkind = \"{kind}\"\nsecret = \"env:HOOK\"\non = [\"update\"]\n"
    );
    let shop = Shop::open("high", "", &configuration);
    // The alarm takes a moment to fire.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !shop.run(&["incidents"]).out.contains("Orders Errs") {
        assert!(Instant::now() < deadline, "nothing was opened");
        let watch = ["watch", "--once", "--since", "1d"];
        let watched = shop.run_with(&watch, &[("HOOK", &receiver.url)]);
        assert_eq!(watched.code, 0, "{watched:?}");
    }
    let incident = shop.incident();
    (shop, incident)
}

#[test]
fn long_updates_arrive_cut_and_say_so() {
    for (kind, judge) in [("slack", slack as fn(&Got) -> Verdict), ("teams", teams)] {
        for text in ["&".repeat(2_999), "&<".repeat(50_000), "a".repeat(100_000)] {
            let receiver = Receiver::strict(&[], judge);
            let (shop, incident) = told(kind, &receiver);
            let hook = [("HOOK", receiver.url.as_str())];
            let said = shop.run_with(&["update", &incident, &text], &hook);
            assert_eq!(said.code, 0, "{kind}: {}", said.err);
            let got = receiver.got();
            assert_eq!(got.len(), 1);
            // Slack takes a hundred thousand letters in its sections; nothing else goes whole.
            let letters = |text: &str| text.chars().filter(|c| *c == 'a').count();
            let arrived = letters(&got[0].text) >= letters(&text) && !text.contains('&');
            let whole = text.len() < 10_000 || arrived;
            assert!(
                whole || got[0].text.contains("cut: "),
                "{kind}: nothing is said"
            );
        }
    }
}

#[test]
fn a_receiver_that_asks_for_patience_is_left_alone_so_long() {
    let receiver = Receiver::strict(&[429], slack);
    let (shop, incident) = told("slack", &receiver);
    let hook = [("HOOK", receiver.url.as_str())];
    let said = shop.run_with(&["update", &incident, "the orders come again"], &hook);
    assert_eq!(said.code, 1, "{said:?}");
    let deadline = Instant::now() + Duration::from_mins(1);
    while shop.run_with(&["notify", "flush"], &hook).code != 0 {
        assert!(Instant::now() < deadline, "{:?}", receiver.got());
    }
    let got = receiver.got();
    assert_eq!(got.len(), 2, "{got:?}");
    let rested = got[1].at - got[0].at;
    assert!(rested >= Duration::from_secs(3), "{rested:?}");
}

#[test]
fn a_program_gets_no_more_of_the_environment_than_it_needs() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = crate::support::World::new();
    let seen = world.path("seen").display().to_string();
    let program = world.write(
        "tell",
        format!("#!/bin/sh\nenv > {seen}\ncat > /dev/null\n"),
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.display();
    world.write(
        "config/standdown/config.toml",
        format!("[[channels]]\nname = \"own\"\nkind = \"program\"\ncommand = [\"{program}\"]\nsecret = \"env:HOOK\"\n"),
    );
    let mut command = world.standdown(&["notify", "test", "own"]);
    command
        .env("AWS_SECRET_ACCESS_KEY", "not-yours")
        .env("HOOK", "for-it");
    let said = crate::support::Said::from(command.output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
    let seen = std::fs::read_to_string(world.path("seen")).unwrap();
    assert!(seen.contains("STANDDOWN_SECRET=for-it"), "{seen}");
    assert!(
        !seen.contains("not-yours") && !seen.contains("HOOK="),
        "{seen}"
    );
}
