//! Each kind of channel against a receiver that nobody here wrote, and what becomes of messages
//! while a receiver is down, or the sender is killed.

use std::io::Read as _;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::inbox::Inbox;
use crate::receiver::Receiver;
use crate::shop::Shop;
use crate::support::{World, localstack, run_python_of, wall_clock};
use crate::terminal::Terminal;

#[test]
fn a_mail_arrives_with_who_it_is_for_and_no_header_of_somebody_elses() {
    let mut inbox = Inbox::open();
    let world = World::new();
    let password = world.write("password", "the password\n");
    let port = inbox.port;
    let configuration = |to: &str| {
        format!(
            "[[channels]]\nname = \"mail\"\nkind = \"email\"\nserver = \"smtp://127.0.0.1:{}\"\nuser = \"ops\"\nsecret = \"file:{}\"\nfrom = \"Standdown <standdown@example.com>\"\nto = [\"{to}\", \"second@example.com\"]\naudience = \"stakeholders\"\ntitle = \"{{{{ title }}}}\\r\\nBcc: eve@example.com\"\n",
            port,
            password.display()
        )
    };
    world.write(
        "config/standdown/config.toml",
        configuration("first@example.com"),
    );
    let said = world.run(&["notify", "test", "mail"]);
    assert!(
        said.code == 0 && said.out.starts_with("accepted: "),
        "{said:?}"
    );
    let mail = inbox.next();
    assert_eq!(
        mail["to"],
        json!(["first@example.com", "second@example.com"])
    );
    let headers = &mail["headers"];
    assert_eq!(headers["From"], "Standdown <standdown@example.com>");
    assert_eq!(headers["Auto-Submitted"], "auto-generated");
    assert_eq!(headers["References"], "<test@standdown>");
    assert!(
        headers["Message-ID"]
            .as_str()
            .unwrap()
            .ends_with("@standdown>")
    );
    // What a template or an alarm says begins no header.
    assert!(headers.get("Bcc").is_none(), "{headers:#}");
    assert!(
        headers["Subject"]
            .as_str()
            .unwrap()
            .contains("a test of standdown"),
        "{headers:#}"
    );
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("status: open, since"), "{text}");
    // An address that the server does not know is refused for good.
    world.write(
        "config/standdown/config.toml",
        configuration("nobody@example.com"),
    );
    let said = world.run(&["notify", "test", "mail"]);
    assert!(
        said.code == 1
            && said.out.contains("accepted: 250")
            && said.out.contains("refused nobody@example.com")
            && said.out.contains("no such mailbox"),
        "{said:?}"
    );
    assert_eq!(inbox.next()["to"], json!(["second@example.com"]));
    // And a wrong password is said without telling it.
    world.write("password", "hunter2hunter2");
    let said = world.run(&["notify", "test", "mail"]);
    assert!(said.code == 1 && !said.err.contains("hunter2"), "{said:?}");
}

#[test]
fn each_recipient_of_a_mail_has_a_verdict_of_its_own() {
    let mut inbox = Inbox::open();
    let configuration = format!(
        "[[channels]]\nname = \"mail\"\nkind = \"email\"\nserver = \"smtp://127.0.0.1:{}\"\nfrom = \"standdown@example.com\"\nto = [\"nobody@example.com\", \"first@example.com\", \"later@example.com\", \"second@example.com\"]\non = [\"opened\"]\n",
        inbox.port
    );
    let shop = Shop::open("high", "", &configuration);
    let mut console = shop.console(&[]);
    console.press("q");
    console.end();
    let got = inbox.next();
    assert_eq!(
        got["to"],
        json!(["first@example.com", "second@example.com"]),
        "{got:#}"
    );
    // Those who were not reached stand in the outbox, each with the server's own words.
    let unsent = shop.run(&["notify", "unsent"]).out;
    let line = |name: &str| {
        unsent
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_else(|| panic!("{name}: {unsent}"))
            .to_owned()
    };
    let (refused, later) = (line("nobody@example.com"), line("later@example.com"));
    assert!(
        refused.contains("given up") && refused.contains("no such mailbox"),
        "{refused}"
    );
    assert!(
        later.contains("waiting") && later.contains("try again later"),
        "{later}"
    );
    assert!(!unsent.contains("first@") && !unsent.contains("second@"));
}

#[test]
fn a_topic_passes_its_messages_on_to_whoever_subscribed() {
    let world = World::new();
    let server = localstack(&world);
    let ask = |what: &str, name: &str| {
        let arguments = [server.endpoint.as_str(), what, name];
        run_python_of("python", "sns_receive.py", &arguments)
    };
    for name in ["incidents", "incidents.fifo"] {
        let topic = ask("make", name);
        world.write(
            "config/standdown/config.toml",
            format!(
                "[[channels]]\nname = \"topic\"\nkind = \"sns\"\ntopic = \"{}\"\n",
                topic.trim()
            ),
        );
        let mut command = world.standdown(&["notify", "test", "topic"]);
        command
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        let said = crate::support::Said::from(command.output().unwrap());
        assert!(
            said.code == 0 && said.out.starts_with("accepted: "),
            "{said:?}"
        );
        let found: Value = serde_json::from_str(&ask("receive", name)).unwrap();
        assert_eq!(found.as_array().unwrap().len(), 1, "{found:#}");
        let one = &found[0];
        assert_eq!(one["TopicArn"], topic.trim());
        assert!(
            one["Subject"]
                .as_str()
                .unwrap()
                .contains("a test of standdown")
        );
        assert!(one["Message"].as_str().unwrap().contains("incident test"));
        let attributes = &one["MessageAttributes"];
        assert_eq!(attributes["topic"]["Value"], "opened");
        assert_eq!(attributes["severity"]["Value"], "low");
        assert!(
            attributes["key"]["Value"]
                .as_str()
                .unwrap()
                .starts_with("test-")
        );
    }
    // A topic that is not there is not tried again.
    world.write(
        "config/standdown/config.toml",
        "[[channels]]\nname = \"topic\"\nkind = \"sns\"\ntopic = \"arn:aws:sns:eu-central-1:000000000000:none\"\n",
    );
    let mut command = world.standdown(&["notify", "test", "topic"]);
    command
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    let said = crate::support::Said::from(command.output().unwrap());
    assert!(
        said.code == 1 && said.err.contains("sns:Publish"),
        "{said:?}"
    );
}

#[test]
fn a_terminal_calls_its_user_when_an_answer_is_needed_and_nobody_is_at_the_keys() {
    let trigger =
        "[escalation]\npath = \"primary\"\ntriggers = [\"execution.elapsed > duration('7s')\"]\n";
    for (signal, wanted) in [
        ("bell", "\u{7}"),
        (
            "osc9",
            "\u{1b}]9;Orders Errs: escalate along primary, or put it off\u{7}",
        ),
        (
            "osc777",
            "\u{1b}]777;notify;standdown;Orders Errs: escalate along primary, or put it off\u{7}",
        ),
    ] {
        let configuration =
            format!("[[channels]]\nname = \"here\"\nkind = \"terminal\"\nsignal = \"{signal}\"\n");
        let shop = Shop::open("high", trigger, &configuration);
        let mut console = shop.console(&[]);
        // The first question came with a key of the responder's.
        assert!(!String::from_utf8_lossy(&console.raw).contains(wanted));
        console.see("Escalate now, along the path");
        console.drawn_after(0, wanted);
        console.press("q");
        console.end();
        let listed = shop.run(&["notify", "list"]);
        assert!(
            listed
                .out
                .contains("here  terminal  when the console needs an answer"),
            "{listed:?}"
        );
        // Nothing of it waits in the outbox.
        assert_eq!(
            shop.run(&["notify", "unsent"]).out,
            "nothing waits, and nothing was given up\n"
        );
    }
    // Without a terminal there is nothing to ring; with one, it is rung.
    let world = World::new();
    world.write(
        "config/standdown/config.toml",
        "[[channels]]\nname = \"here\"\nkind = \"terminal\"\nsignal = \"osc9\"\n",
    );
    let said = world.run(&["notify", "test", "here"]);
    assert!(
        said.code == 1 && said.err.contains("no terminal"),
        "{said:?}"
    );
    let terminal = Terminal::start(&world, &["notify", "test", "here"], 80, 24, &[]);
    let (code, raw) = terminal.end();
    assert_eq!(code, 0, "{raw:?}");
    assert!(
        raw.contains("\u{1b}]9;[low] a test of standdown"),
        "{raw:?}"
    );
}

#[test]
fn a_webhook_has_words_and_a_form_of_its_own() {
    let receiver = Receiver::answering(&[]);
    let world = World::new();
    let configure = |more: &str| {
        let text = format!(
            "[[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}/in\"\n{more}\n",
            receiver.url
        );
        world.write("config/standdown/config.toml", text);
    };
    configure(
        "title = \"{{ status }}: {{ title }}\"\nbody = { text = \"{{ severity }} {{ title }} {{ note }}\", test = \"{{ test }}\", list = [\"{{ incident }}\", 1], step = \"{{ step }}\" }",
    );
    let said = world.run(&["notify", "test", "hook"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        receiver.got()[0].json(),
        json!({
            "text": "low a test of standdown, nothing is wrong ", "test": true,
            "list": ["test", 1],
        })
    );
    configure("title = \"{{ status }}: {{ title }}\"\ntext = \"one {{ incident }}\\ntwo\"");
    world.run(&["notify", "test", "hook"]);
    let told = receiver.got()[1].json();
    assert_eq!(told["title"], "open: a test of standdown, nothing is wrong");
    assert_eq!(told["text"], "one test\ntwo");
    for (wrong, why) in [
        ("title = \"{{ tittle }}\"", "did you mean `title`?"),
        ("title = \"{{ title\"", "never closed"),
        ("audience = \"everybody\"", "responders, stakeholders"),
        (
            "body = { a = \"{{ nothing }}\" }",
            "no message tells `nothing`",
        ),
        ("to = [\"x\"]", "to"),
    ] {
        configure(wrong);
        let said = world.run(&["notify", "list"]);
        assert!(said.code != 0 && said.err.contains(why), "{why}: {said:?}");
    }
    for (wrong, why) in [
        ("kind = \"sns\"\ntopic = \"incidents\"", "no topic's ARN"),
        (
            "kind = \"email\"\nserver = \"smtp://mail.example.com\"\nuser = \"ops\"\nsecret = \"env:X\"\nfrom = \"a@b\"\nto = [\"c@d\"]",
            "in the clear",
        ),
        (
            "kind = \"email\"\nserver = \"smtps://mail.example.com\"\nfrom = \"nobody\"\nto = [\"c@d\"]",
            "\"nobody\" is no address",
        ),
        (
            "kind = \"email\"\nserver = \"smtp://ops:secret@host\"\nfrom = \"a@b\"\nto = [\"c@d\"]",
            "a password does not stand here",
        ),
        ("kind = \"terminal\"\nsignal = \"smoke\"", "smoke"),
    ] {
        let text = format!("[[channels]]\nname = \"c\"\n{wrong}\n");
        world.write("config/standdown/config.toml", text);
        let said = world.run(&["notify", "list"]);
        assert!(said.code != 0 && said.err.contains(why), "{why}: {said:?}");
        assert!(
            !said.err.contains("secret@host") || said.err.contains('^'),
            "{said:?}"
        );
    }
}

/// A shop whose channel has nobody at its other end, with an incident of which it is to be told.
fn unheard(address: &std::net::SocketAddr) -> Shop {
    let configuration = format!(
        "[[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://{address}/in\"\n"
    );
    let shop = Shop::open("high", "", &configuration);
    let mut console = shop.console(&[]);
    console.press("A");
    console.see("the incident is acknowledged");
    console.press("q");
    console.end();
    shop
}

#[test]
fn two_minutes_without_a_receiver_lose_nothing_and_tell_nothing_twice() {
    let address = Receiver::nobody();
    let shop = unheard(&address);
    let library = wall_clock(&shop.world);
    let hand = shop.world.path("wall");
    // The same console program, each time a little later by its wall clock.
    let flush = |after: u32| {
        std::fs::write(&hand, after.to_string()).unwrap();
        let extra = [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("WALL_CLOCK", hand.to_str().unwrap()),
        ];
        shop.run_with(&["notify", "flush"], &extra)
    };
    for after in (0..=120).step_by(5) {
        let said = flush(after);
        assert!(said.out.starts_with("0 sent"), "{after}: {said:?}");
    }
    let waiting: Value =
        serde_json::from_str(&shop.run(&["notify", "unsent", "--json"]).out).unwrap();
    let waiting = waiting.as_array().unwrap();
    assert_eq!(waiting.len(), 2, "{waiting:#?}");
    assert!(waiting.iter().all(|one| one["dead"] == false));
    // Twice as long each time: what is down is not hammered.
    let tries = waiting[0]["tries"].as_u64().unwrap();
    assert!((6..=10).contains(&tries), "{tries} tries in two minutes");
    let receiver = Receiver::on(TcpListener::bind(address).unwrap(), &[]);
    let said = flush(260);
    assert_eq!(said.out, "2 sent, 0 not\n", "{said:?}");
    assert_eq!(flush(600).out, "0 sent, 0 not\n");
    let got = receiver.got();
    let topics: Vec<Value> = got.iter().map(|one| one.json()["topic"].clone()).collect();
    assert_eq!(topics, ["opened", "acknowledged"]);
    let keys: std::collections::BTreeSet<&str> = got
        .iter()
        .map(|one| one.headers["idempotency-key"].as_str())
        .collect();
    assert_eq!(keys.len(), 2);
}

#[test]
fn killed_between_write_and_send_it_is_told_by_whoever_comes_next_under_the_same_key() {
    let address = Receiver::nobody();
    let shop = unheard(&address);
    // Somebody takes the message and never answers: the sender is killed while it waits.
    let listener = TcpListener::bind(address).unwrap();
    let library = wall_clock(&shop.world);
    let hand = shop.world.write("wall", "400");
    let extra = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("WALL_CLOCK", hand.to_str().unwrap()),
    ];
    let mut command = shop.world.standdown(&["notify", "flush"]);
    let mut sender = command
        .envs(shop.environment())
        .envs(extra)
        .spawn()
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut heard = String::new();
    while !heard.contains("\"topic\":\"opened\"") {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).unwrap();
        assert!(count > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    sender.kill().unwrap();
    sender.wait().unwrap();
    drop(stream);
    let receiver = Receiver::on(listener, &[]);
    // Nobody else sends what one sender has taken, until it is known to be gone.
    let said = shop.run_with(&["notify", "flush"], &extra);
    assert_eq!(said.out, "0 sent, 0 not\n", "{said:?}");
    std::fs::write(&hand, "520").unwrap();
    let said = shop.run_with(&["notify", "flush"], &extra);
    assert_eq!(said.out, "2 sent, 0 not\n", "{said:?}");
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    let key = &got[0].headers["idempotency-key"];
    assert!(
        heard
            .to_lowercase()
            .contains(&format!("idempotency-key: {key}")),
        "{heard}"
    );
    assert_eq!(got[1].json()["topic"], "acknowledged");
}

#[test]
fn a_channel_that_nobody_configured_is_said_and_can_be_told_later() {
    let shop = Shop::open("high", "", "");
    let listed = shop.run(&["notify", "list"]);
    assert!(listed.out.contains("pager  NOT CONFIGURED"), "{listed:?}");
    let mut console = shop.console(&[]);
    console.press("E");
    console.see("Escalate now");
    console.press("\r");
    console.see("NOBODY WAS PAGED");
    console.press("q");
    console.end();
    let unsent = shop.run(&["notify", "unsent", "--json"]);
    let unsent: Value = serde_json::from_str(&unsent.out).unwrap();
    assert_eq!(unsent[0]["channel"], "pager", "{unsent:#}");
    assert_eq!(unsent[0]["dead"], true);
    let receiver = Receiver::answering(&[]);
    shop.world.write(
        "config/standdown/config.toml",
        format!(
            "[[channels]]\nname = \"pager\"\nkind = \"webhook\"\nurl = \"{}/in\"\n",
            receiver.url
        ),
    );
    assert_eq!(shop.run(&["notify", "resend", "1"]).code, 0);
    assert_eq!(shop.run(&["notify", "flush"]).out, "1 sent, 0 not\n");
    assert_eq!(receiver.got()[0].json()["topic"], "escalated");
}

#[test]
fn an_incident_is_an_ops_item_that_is_made_once_linked_and_resolved() {
    let shop = Shop::open(
        "high",
        "",
        "[[channels]]\nname = \"ops\"\nkind = \"opscenter\"\n",
    );
    let items = || -> Vec<Value> {
        let endpoint = shop.environment()[0].1.clone();
        let said = run_python_of("python", "boto3_ops_items.py", &[&endpoint]);
        serde_json::from_str(&said).unwrap()
    };
    let mut console = shop.console(&[]);
    console.see("note: OpsItem oi-000000000001: https://eu-central-1.console.aws.amazon.com");
    let made = items();
    assert_eq!(made.len(), 1, "{made:#?}");
    assert_eq!(
        (&made[0]["Status"], &made[0]["Severity"]),
        (&"Open".into(), &"2".into())
    );
    assert_eq!(
        made[0]["OperationalData"]["standdown"]["Value"],
        shop.incident()
    );
    console.press("R");
    console.see("Enter confirms");
    console.press("looked into it\r");
    console.see("the incident is resolved");
    console.press("q");
    console.end();
    assert_eq!(
        shop.run(&["notify", "unsent"]).out,
        "nothing waits, and nothing was given up\n"
    );
    assert_eq!(items()[0]["Status"], "Resolved");
    // Made again by somebody who does not know that it is there, it is the same one.
    for _ in 0..2 {
        let said = shop.run(&["notify", "test", "ops"]);
        assert!(
            said.code == 0 && said.out.starts_with("accepted: "),
            "{said:?}"
        );
    }
    assert_eq!(items().len(), 2);
}
