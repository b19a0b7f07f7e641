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

#[test]
fn a_secret_is_masked_under_its_name_in_every_form_of_an_output() {
    let redactor = Redactor::default();
    for text in [
        r#"[{"name":"DB_PASSWORD","value":"S3cr3tB01x"}]"#,
        r#"[{"value": "S3cr3tB01x", "name": "DB_PASSWORD"}]"#,
        r#"{"name":"API_TOKEN","type":"String","value":"S3cr3tB01x"}"#,
        r#"{"ParameterKey":"DbPassword","ParameterValue":"S3cr3tB01x"}"#,
        r#"{"log":"{\"name\":\"DB_PASSWORD\",\"value\":\"S3cr3tB01x\"}"}"#,
        r"{'name': 'DB_PASSWORD', 'value': 'S3cr3tB01x'}",
        "{\n  \"name\": \"DB_PASSWORD\",\n  \"value\": \"S3cr3tB01x\"\n}",
        "- name: DB_PASSWORD\n  value: S3cr3tB01x\n",
        "env:\n  - name: DB_PASSWORD\n    value: \"S3cr3tB01x\"\n",
        r#"<add key="DbPassword" value="S3cr3tB01x" />"#,
        r#"<add value="S3cr3tB01x" key="DbPassword" />"#,
        r#"<property name="db.password">S3cr3tB01x</property>"#,
        r#"<setting name="ApiToken" serializeAs="String"><value>S3cr3tB01x</value></setting>"#,
        "ENVIRONMENT\tDB_PASSWORD\tS3cr3tB01x",
        "||  DB_PASSWORD  |  S3cr3tB01x  ||",
        "DB_PASS=S3cr3tB01x",
        "dbpass=S3cr3tB01x",
        r#"{"pass": "S3cr3tB01x"}"#,
        r#"{"pw":"S3cr3tB01x"}"#,
        "pass=S3cr3tB01x",
        "pw: S3cr3tB01x",
        "  pass: S3cr3tB01x",
        "requirepass S3cr3tB01x",
        "CONFIG SET masterauth S3cr3tB01x",
        "psk=S3cr3tB01x",
        "\tpsk=\"S3cr3tB01x\"",
        "PASSWORD_PROD=S3cr3tB01x",
        "db.password.primary: S3cr3tB01x",
        "bindpw S3cr3tB01x",
        "tool --db-password S3cr3tB01x",
        "tool -pw S3cr3tB01x",
        "encryption key: S3cr3tB01x",
    ] {
        let masked = redactor.text(text);
        assert!(!masked.contains("S3cr3t"), "{text} -> {masked}");
        assert_eq!(redactor.text(&masked), masked);
    }
}

#[test]
fn names_that_tell_something_about_a_secret_and_words_of_reports_stay() {
    let redactor = Redactor::default();
    for text in [
        r#"{"name":"HOST","value":"db.example.com"}"#,
        r#"{"name":"DB_PASSWORD_ARN","value":"prod/db"}"#,
        "DB_PASSWORD_ARN=prod/db",
        "SECRET_NAME=prod/db",
        "secretKeyRef: orders-db",
        "PASSWORD_FILE=/run/secrets/db",
        "NextToken: AAAA1111",
        r#"{"nextForwardToken":"f/123"}"#,
        "aws logs get-log-events --next-token f/1 --starting-token 2",
        "aws secretsmanager get-secret-value --secret-id prod/db",
        "not authorized to perform: secretsmanager:GetSecretValue on resource: x",
        "credential_process = /usr/bin/vault-aws",
        "credential_source=Ec2InstanceMetadata",
        "first pass: 3 of 4",
        r#"{"pass": 12, "fail": 0}"#,
        "pass: 5",
        "bypass=on compass=north",
        "max_tokens=4096 prompt_tokens: 12",
        "at com.example.PasswordEncoder.encode(PasswordEncoder.java:52)",
        "InvalidPasswordException: it is too short",
        "secretsmanager.eu-central-1.amazonaws.com: connection refused",
        "https://secretsmanager.eu-central-1.amazonaws.com:443/",
        "<add key=\"Host\" value=\"db\" />",
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/db-AbCdEf",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn the_name_of_a_field_and_the_same_name_in_a_text_are_judged_alike() {
    for name in [
        "DB_PASSWORD",
        "MasterUserPassword",
        "dbpass",
        "API_TOKEN",
        "psk",
        "userPwd",
        "clientSecret",
        "secretArn",
        "DB_PASSWORD_ARN",
        "nextToken",
        "PasswordLastUsed",
        "SecretVersionId",
        "passwordPolicy",
        "compass",
        "hostname",
    ] {
        let mut value = json!({ name: "S3cr3tB01x" });
        let text = value.to_string();
        let redactor = Redactor::default();
        redactor.json(&mut value);
        let assigned = format!("{name}=S3cr3tB01x");
        let masked = is_secret(name);
        assert_eq!(value[name] == MASK, masked, "{name}");
        assert_eq!(redactor.text(&text).contains(MASK), masked, "{name}");
        assert_eq!(redactor.text(&assigned).contains(MASK), masked, "{name}");
    }
}
