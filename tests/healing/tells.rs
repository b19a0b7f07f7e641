//! What others are told: each kind of channel, and what becomes of what does not arrive.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};

use crate::acts::{AGREED, Place};
use crate::receiver::Receiver;

/// A place whose configuration has channels.
fn telling(channels: &str) -> Place {
    let place = Place::new("auto", AGREED);
    place.world.write("config/standdown/config.toml", channels);
    place
}

fn webhook(receiver: &Receiver, more: &str) -> String {
    format!(
        "[[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}/in\"\n{more}",
        receiver.url
    )
}

#[test]
fn each_kind_of_channel_gets_the_form_that_it_wants() {
    let receiver = Receiver::answering(&[]);
    let channels = format!(
        r#"
[[channels]]
name = "chat"
kind = "slack"
secret = "file:SECRET"
[[channels]]
name = "team"
kind = "teams"
secret = "file:SECRET"
[[channels]]
name = "pager"
kind = "pagerduty"
url = "{url}/v2/enqueue"
secret = "file:KEY"
[[channels]]
name = "hook"
kind = "webhook"
url = "{url}/in"
secret = "file:KEY"
[[channels]]
name = "own"
kind = "program"
command = ["sh", "-c", "cat > OUT"]
"#,
        url = receiver.url
    );
    let place = telling("");
    let secret = place
        .world
        .write("secret", format!("{}/services/T0/B0/x\n", receiver.url));
    let key = place.world.write("key", "the key\n");
    let out = place.world.path("out");
    let channels = channels
        .replace("SECRET", &secret.display().to_string())
        .replace("KEY", &key.display().to_string())
        .replace("OUT", &out.display().to_string());
    place.world.write("config/standdown/config.toml", channels);
    for name in ["chat", "team", "pager", "hook", "own"] {
        let said = place.run(&["notify", "test", name], "");
        assert!(
            said.code == 0 && said.out.starts_with("accepted: "),
            "{said:?}"
        );
    }
    let got = receiver.got();
    let paths: Vec<&str> = got.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/services/T0/B0/x",
            "/services/T0/B0/x",
            "/v2/enqueue",
            "/in"
        ]
    );
    // https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    let slack = got[0].json();
    assert!(
        slack["text"]
            .as_str()
            .unwrap()
            .contains("a test of standdown")
    );
    assert_eq!(slack["blocks"][0]["type"], "section");
    assert_eq!(slack["blocks"][0]["text"]["type"], "plain_text");
    // https://adaptivecards.io/explorer/
    let card = got[1].json()["attachments"][0].clone();
    assert_eq!(
        card["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    assert_eq!(card["content"]["type"], "AdaptiveCard");
    // https://developer.pagerduty.com/docs/send-alert-event
    let event = got[2].json();
    assert_eq!(
        (
            &event["routing_key"],
            &event["event_action"],
            &event["dedup_key"]
        ),
        (&json!("the key"), &json!("trigger"), &json!("test"))
    );
    let payload = &event["payload"];
    assert!(
        ["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap())
    );
    assert!(payload["summary"].is_string() && payload["source"].is_string());
    // The signature is what the receiver computes.
    let signed = format!("{}.{}", got[3].headers["x-standdown-time"], got[3].text);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"the key").unwrap();
    mac.update(signed.as_bytes());
    let signature = got[3].headers["x-standdown-signature"].strip_prefix("sha256=");
    let bytes: Vec<u8> = signature
        .unwrap()
        .as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect();
    mac.verify_slice(&bytes).unwrap();
    let own: Value = serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap();
    assert_eq!(own["topic"], "opened");
}

#[test]
fn a_healing_that_ended_is_told_with_all_that_is_known_of_it() {
    let receiver = Receiver::answering(&[]);
    let place = telling(&webhook(&receiver, "on = [\"healing\"]"));
    let said = place.run(&["healing", "watch", "--once"], "");
    assert_eq!(said.code, 0, "{said:?}");
    let got = receiver.got();
    assert_eq!(got.len(), 1, "{got:#?}");
    let told = got[0].json();
    let facts = &told["facts"];
    for (name, wanted) in [
        ("rule", "restart-healing"),
        ("layer", "application"),
        ("action", "restart"),
        ("resource", "orders"),
        ("healing", "applied"),
        ("severity", "high"),
    ] {
        assert_eq!(facts[name], wanted, "{facts:#}");
    }
    assert_eq!(
        (&facts["attempt"], &facts["automated"]),
        (&json!(1), &json!(true))
    );
    for time in ["set_off_at", "started_at", "ended_at"] {
        assert!(chrono::DateTime::parse_from_rfc3339(facts[time].as_str().unwrap()).is_ok());
    }
    assert_eq!(facts["error"], Value::Null);
    let left = place.run(&["notify", "unsent"], "");
    assert_eq!(left.out, "nothing waits, and nothing was given up\n");
}

#[test]
fn what_does_not_arrive_waits_and_comes_once_and_in_order() {
    // It is busy for a while.
    let receiver = Receiver::answering(&[503, 429, 500]);
    let place = telling(&webhook(&receiver, ""));
    let said = place.run(&["healing", "watch", "--once"], "");
    assert_eq!(said.code, 0, "{said:?}");
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        place.run(&["notify", "flush"], "");
        if place.run(&["notify", "unsent"], "").out == "nothing waits, and nothing was given up\n" {
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "{:#?}",
            receiver.got()
        );
    }
    assert!(receiver.has_answered_all());
    let topics: Vec<String> = receiver
        .got()
        .iter()
        .map(|one| one.json()["topic"].as_str().unwrap().to_owned())
        .collect();
    // Each try of the first comes before anything of the second.
    assert_eq!(topics, ["opened", "opened", "opened", "opened", "healing"]);
    let keys: std::collections::BTreeSet<String> = receiver
        .got()
        .iter()
        .map(|one| one.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys.len(), 2, "each try has its message's own key");
}

#[test]
fn what_is_refused_is_given_up_and_can_be_sent_again() {
    let receiver = Receiver::answering(&[404]);
    let place = telling(&webhook(&receiver, "on = [\"healing\"]"));
    place.run(&["healing", "watch", "--once"], "");
    let left = place.run(&["notify", "unsent", "--json"], "");
    let left: Value = serde_json::from_str(&left.out).unwrap();
    assert_eq!(left[0]["dead"], true, "{left:#}");
    assert!(
        left[0]["error"].as_str().unwrap().contains("404"),
        "{left:#}"
    );
    let id = left[0]["id"].to_string();
    assert_eq!(place.run(&["notify", "resend", "999"], "").code, 2);
    assert_eq!(place.run(&["notify", "resend", &id], "").code, 0);
    let flushed = place.run(&["notify", "flush"], "");
    assert_eq!(
        (flushed.code, flushed.out.as_str()),
        (0, "1 sent, 0 not\n"),
        "{flushed:?}"
    );
    assert_eq!(receiver.got().len(), 2);
}

#[test]
fn nobody_there_loses_nothing_and_a_secret_is_told_to_nobody() {
    let place = telling(
        "[[channels]]\nname = \"chat\"\nkind = \"slack\"\nsecret = \"env:CHAT_URL\"\non = [\"healing\"]\n",
    );
    let said = place.run(&["healing", "watch", "--once"], "");
    assert!(said.err.contains("1 messages to others wait"), "{said:?}");
    let left = place.run(&["notify", "unsent"], "");
    assert!(
        left.out.contains("the variable CHAT_URL is not set here"),
        "{left:?}"
    );
    let listed = place.run(&["notify", "list"], "");
    assert!(
        listed.out.starts_with("chat  slack  responders: healing\n"),
        "{listed:?}"
    );
    assert!(
        listed
            .out
            .contains("level 1 (platform on-call, second responder) reaches NOBODY"),
        "{listed:?}"
    );
    let unknown = place.run(&["notify", "test", "nobody"], "");
    assert_eq!(unknown.code, 2, "{unknown:?}");
    for (wrong, why) in [
        (
            "kind = \"slack\"\nsecret = \"https://x\"",
            "no place for a secret",
        ),
        ("kind = \"slack\"", "secret"),
        ("kind = \"fax\"", "fax"),
        (
            "kind = \"program\"\ncommand = [\"true\"]\non = [\"lunch\"]",
            "nobody tells of",
        ),
    ] {
        let text = format!("[[channels]]\nname = \"c\"\n{wrong}\n");
        place.world.write("config/standdown/config.toml", text);
        let said = place.run(&["notify", "list"], "");
        assert!(said.code != 0 && said.err.contains(why), "{why}: {said:?}");
    }
}

#[test]
fn a_channel_that_keeps_failing_is_left_alone_and_the_screen_says_so() {
    let place = telling(
        "[breaker]\nfailures = 1\nrecovery = \"10m\"\n[[channels]]\nname = \"own\"\nkind = \"program\"\ncommand = [\"false\"]\n",
    );
    let mut console = place.console();
    console.see("orders-errs");
    console.press("\r");
    console.see("▶ Orders Errs   answers this alarm");
    console.press("\r");
    console.see("the channel own kept failing: nothing is sent there before");
    console.press("q");
    console.end();
    let left = place.run(&["notify", "unsent"], "");
    assert!(
        left.out.contains("opened") && left.out.contains("false ended with"),
        "{left:?}"
    );
}
