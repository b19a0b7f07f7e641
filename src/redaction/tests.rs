use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Kinds of secrets, one a line; what must be masked stands between « and ».
const SECRETS: &str = include_str!("../../tests/support/secrets.txt");

fn secret(line: &str) -> (String, &str) {
    let inner = line.split_once('«').unwrap().1.split_once('»').unwrap().0;
    (line.replace(['«', '»'], ""), inner)
}

#[test]
fn forty_kinds_of_secrets_are_masked_wherever_they_stand() {
    let redactor = Redactor::default();
    assert!(SECRETS.lines().count() >= 40);
    for line in SECRETS.lines() {
        let (text, inner) = secret(line);
        for around in [
            text.clone(),
            format!("2026-11-21 ERROR {text} and more"),
            format!("before\n{text}\nafter"),
        ] {
            let masked = redactor.text(&around);
            assert!(!masked.contains(inner), "{around:?} became {masked:?}");
            assert!(masked.contains(MASK));
            assert_eq!(
                redactor.text(&masked),
                masked,
                "masking twice changes nothing"
            );
        }
    }
}

#[test]
fn what_is_no_secret_stays() {
    let redactor = Redactor::default();
    for text in [
        "CPU of i-0a1b2c3d4e5f60718 at 97.2 % for 15m",
        "arn:aws:iam::111122223333:role/standdown-automation",
        "commit 1d04e3c8f0a2b4c6d8e0f1a2b3c4d5e6f7a8b9c0",
        "request 5f3c2d1e-1111-2222-3333-444455556666 took 120 ms",
        "connect to db.example.com:5432 as app",
        "ERROR java.util.concurrent.RejectedExecutionException: queue of worker 7 is full",
        "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1",
        "Threshold Crossed: 3 datapoints [97.1 (21/11/26 03:14:00)] were greater than 90.0",
        "password authentication failed for user \"app\"",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn a_private_key_is_masked_whole_cut_off_and_line_by_line() {
    let redactor = Redactor::default();
    let whole =
        "x -----BEGIN RSA PRIVATE KEY-----\nMIIEow\nqk7aBc\n-----END RSA PRIVATE KEY----- y";
    assert_eq!(
        redactor.text(whole),
        format!("x -----BEGIN RSA PRIVATE KEY-----{MASK}-----END RSA PRIVATE KEY----- y")
    );
    let cut = &whole[..whole.find("-----END").unwrap()];
    assert!(!redactor.text(cut).contains("MIIEow"));
    let mut lines = redactor.lines();
    let masked: Vec<String> = whole
        .lines()
        .chain(["and this stays"])
        .map(|line| lines.next(line))
        .collect();
    assert!(
        masked
            .iter()
            .all(|line| !line.contains("MIIEow") && !line.contains("qk7aBc")),
        "{masked:?}"
    );
    assert_eq!(masked.last().unwrap(), "and this stays");
    let mut lines = redactor.lines();
    assert_eq!(
        lines.next("-----BEGIN CERTIFICATE-----"),
        "-----BEGIN CERTIFICATE-----"
    );
    assert_eq!(lines.next("MIIB"), "MIIB");
}

#[test]
fn overlapping_and_adjacent_secrets_leave_nothing_between_them() {
    let redactor = Redactor::default();
    let text = "token=AKIAIOSFODNN7EXAMPLE,AKIAIOSFODNN7EXAMPLF password=a password=b";
    let masked = redactor.text(text);
    for inner in ["IOSFODNN7", "=a", "=b"] {
        assert!(!masked.contains(inner), "{masked}");
    }
}

#[test]
fn fields_that_hold_secrets_are_masked_whatever_they_look_like() {
    let mut value = json!({
        "MasterUserPassword": "x", "pin": 4, "apiKey": 12, "SecretArn": "arn:aws:secretsmanager:eu-central-1:1:secret:db",
        "environment": [{"name": "DB_PASSWORD", "value": "x1"}, {"name": "HOST", "value": "db"}],
        "argv": ["tool", "--password", "x2"], "note": "password=x3", "PasswordLastUsed": "2026-11-01",
        "password=x4": 1,
    });
    Redactor::default().json(&mut value);
    assert_eq!(
        value,
        json!({
            "MasterUserPassword": MASK, "pin": 4, "apiKey": MASK, "SecretArn": "arn:aws:secretsmanager:eu-central-1:1:secret:db",
            "environment": [{"name": "DB_PASSWORD", "value": MASK}, {"name": "HOST", "value": "db"}],
            "argv": ["tool", "--password", MASK], "note": format!("password={MASK}"), "PasswordLastUsed": "2026-11-01",
            format!("password={MASK}"): MASK,
        })
    );
}

#[test]
fn patterns_of_the_configuration_are_added() {
    let redactor = Redactor::with(&[Pattern {
        expression: r"ticket-(\d+)".into(),
    }])
    .unwrap();
    assert_eq!(
        redactor.text("ticket-4711 password=x"),
        format!("ticket-{MASK} password={MASK}")
    );
    assert!(
        Redactor::with(&[Pattern {
            expression: "(".into()
        }])
        .is_err()
    );
}

proptest! {
    #[test]
    fn any_text_is_masked_without_a_panic_and_once_is_enough(text in "\\PC{0,200}") {
        let redactor = Redactor::default();
        let once = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.text(&once), once.as_str());
    }
}

#[test]
fn less_usual_spellings_are_masked_whole() {
    let redactor = Redactor::default();
    for (text, secret) in [
        (
            "secret access key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "wJalr",
        ),
        (
            "SecretAccessKey wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "wJalr",
        ),
        ("DB_PASS=hunter2", "hunter2"),
        ("db_pass: hunter2", "hunter2"),
        ("REDIS_AUTH=hunter2", "hunter2"),
        ("https://f00dfeedbeef@github.com/x", "f00dfeedbeef"),
        ("jdbc:oracle:thin:scott/tiger9@db:1521/x", "tiger9"),
        ("a?b=password%3Dhunter2%26c", "hunter2"),
        (r"password\u003dhunter2", "hunter2"),
        (
            "routing key 0123456789abcdef0123456789abcdef",
            "0123456789abcdef",
        ),
        (r#"password="a\"tail""#, "tail"),
        (r#"{"password":"a\"tail"}"#, "tail"),
        ("password: 'it''s tail'", "tail"),
    ] {
        let masked = redactor.text(text);
        assert!(!masked.contains(secret), "{text} -> {masked}");
    }
    // What only looks alike stays.
    for text in [
        "first pass: 3 of 4",
        "compass=north",
        "https://github.com/a@b",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn values_are_hidden_however_a_program_writes_them() {
    let values = [
        "abcd/efgh1234 \"x\"",
        "73519846",
        "pässwörtchen😀",
        "first line\n  second line\n",
    ];
    let redactor = Redactor::default()
        .hiding(&values.map(str::to_owned))
        .unwrap();
    for text in [
        r#"{"a":"abcd\/efgh1234 \"x\""}"#,
        r#"abcd/efgh1234 "x""#,
        r"{'a': 'abcd\u002Fefgh1234\u0020\u0022x\u0022'}",
        "p\\u00e4ssw\\u00F6rtchen\\ud83d\\ude00",
        "only the second line of it",
        "first line\\n  second line\\n",
        r#"{"a": "{\"b\": \"abcd/efgh1234 \\\"x\\\"\"}"}"#,
        r#"{"a": "{\"b\": \"p\\u00e4ssw\\u00f6rtchen\\ud83d\\ude00\"}"}"#,
        "<b>abcd/efgh1234 &quot;x&quot;</b>",
        "?q=abcd%2Fefgh1234+%22x%22",
    ] {
        let masked = redactor.text(text);
        assert!(masked.contains(MASK), "{masked}");
        for part in ["efgh", "tchen", "second", "first"] {
            assert!(!masked.contains(part), "{text} -> {masked}");
        }
    }
    let mut json = serde_json::json!({"n": 73_519_846, "m": 735_198_461, "list": [73_519_846]});
    redactor.json(&mut json);
    let masked = serde_json::json!({"n": MASK, "m": 735_198_461, "list": [MASK]});
    assert_eq!(json, masked);
}
