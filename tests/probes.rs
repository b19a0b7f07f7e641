//! Probes against servers that nobody here wrote, certificates included.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use standdown::actions::programs::LocalPrograms;
use standdown::actions::{ActionError, Context, Remotes, run};
use standdown::aws::{Pool, Reach};
use standdown::incident::AttemptStatus;
use standdown::redaction::Redactor;

struct Servers {
    child: Child,
    _folder: tempfile::TempDir,
    at: Value,
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn servers() -> Servers {
    let folder = tempfile::tempdir().unwrap();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probes_serve.py");
    let mut child = Command::new(support::python())
        .arg(script)
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    Servers {
        child,
        _folder: folder,
        at: serde_json::from_str(&line).unwrap(),
    }
}

async fn ask(kind: &str, parameters: Value) -> Result<Value, ActionError> {
    let context = Context {
        since: None,
        aws: Reach::new(Arc::new(Pool::unusable("a probe asks no AWS")), None),
        secrets: Arc::from([]),
        programs: Arc::new(LocalPrograms),
        deadline: tokio::time::Instant::now() + Duration::from_secs(30),
        redactor: Redactor::default(),
        speed: 1.0,
        remotes: Remotes::unheard(),
        run: String::new(),
    };
    run(kind, parameters, &context).await
}

#[tokio::test]
async fn http_and_tcp_and_dns() {
    let servers = servers();
    let base = format!("http://127.0.0.1:{}", servers.at["http"]);
    let well = json!({"url": format!("{base}/health"), "body_match": "all is \\w+"});
    let output = ask("http", well).await.unwrap();
    assert_eq!(
        (&output["status"], &output["matched"]),
        (&json!(200), &json!(true))
    );
    assert!(output["latency_ms"].as_f64().unwrap() > 0.0, "{output}");
    let down = json!({"url": format!("{base}/down")});
    let error = ask("http", down).await.unwrap_err();
    assert_eq!(error.message, "the status is 503, and not one below 400");
    assert_eq!(error.output.unwrap()["truncated"], true);
    let wrong = json!({"url": format!("{base}/health"), "body_match": "on fire"});
    assert!(
        ask("http", wrong)
            .await
            .unwrap_err()
            .message
            .contains("body")
    );
    let old = json!({"url": format!("{base}/old"), "redirects": 1});
    let output = ask("http", old).await.unwrap();
    assert_eq!(
        (&output["status"], &output["redirects"]),
        (&json!(200), &json!(1))
    );

    // A token is for the host that the playbook names.
    for (path, got) in [("back", "secret"), ("away", "nobody")] {
        let headers = json!({"authorization": "secret"});
        let told = json!({"url": format!("{base}/{path}"), "redirects": 2, "headers": headers});
        assert_eq!(ask("http", told).await.unwrap()["body"], got);
    }

    // What the playbook says of the host stands alone; who goes round has come to no answer, and
    // what is beyond the part that is read is not said to be missing.
    let headers = json!({"Host": "shop.example"});
    let told = json!({"url": format!("{base}/host"), "headers": headers});
    assert_eq!(ask("http", told).await.unwrap()["body"], "shop.example");
    let round = json!({"url": format!("{base}/loop"), "redirects": 3});
    let error = ask("http", round).await.unwrap_err();
    assert_eq!(error.message, "there are more than 3 redirects");
    let late = json!({"url": format!("{base}/late"), "body_match": "all is well"});
    let error = ask("http", late).await.unwrap_err();
    assert!(error.message.contains("first 64 KiB"), "{}", error.message);

    let open = json!({"host": "127.0.0.1", "port": servers.at["http"]});
    assert_eq!(ask("tcp", open).await.unwrap()["open"], true);
    let refused = json!({"host": "127.0.0.1", "port": servers.at["refused"]});
    let error = ask("tcp", refused).await.unwrap_err();
    assert_eq!(error.output.unwrap()["reason"], "refused");

    let server = format!("127.0.0.1:{}", servers.at["dns"]);
    let name = |name: &str, kind: &str| json!({"name": name, "type": kind, "server": server});
    let output = ask("dns", name("shop.test", "A")).await.unwrap();
    assert_eq!(
        output["records"],
        json!(["192.0.2.1", "192.0.2.2"]),
        "{output}"
    );
    assert_eq!(
        (&output["ttl"], &output["resolver"]),
        (&json!(60), &json!("127.0.0.1"))
    );
    let output = ask("dns", name("nowhere.test", "A")).await.unwrap();
    assert_eq!(
        (&output["code"], &output["count"]),
        (&json!("NXDOMAIN"), &json!(0))
    );
    let output = ask("dns", name("shop.test", "MX")).await.unwrap();
    assert_eq!(
        (&output["code"], &output["count"]),
        (&json!("NOERROR"), &json!(0))
    );
}

#[tokio::test]
async fn a_certificate_nobody_here_trusts_is_read_and_nothing_is_sent() {
    let servers = servers();
    let tls = json!({"host": "localhost", "port": servers.at["https"]});
    let output = ask("tls", tls).await.unwrap();
    assert_eq!(
        (&output["trusted"], &output["name_matches"]),
        (&json!(false), &json!(true))
    );
    assert!(
        output["reason"].as_str().unwrap().contains("not trusted"),
        "{output}"
    );
    assert_eq!(
        (&output["days_left"], &output["subject"]),
        (&json!(20), &json!("CN=localhost"))
    );
    assert_eq!(output["chain"].as_array().unwrap().len(), 2);
    let named = json!({"host": "localhost", "port": servers.at["https"], "name": "shop.test"});
    assert_eq!(ask("tls", named).await.unwrap()["name_matches"], false);
    let error = ask(
        "http",
        json!({"url": format!("https://localhost:{}/health", servers.at["https"])}),
    )
    .await
    .unwrap_err();
    assert!(
        error.message.contains("is not to be trusted"),
        "{}",
        error.message
    );
    let output = error.output.unwrap();
    assert!(
        output.get("status").is_none() && output["certificate"]["days_left"] == 20,
        "{output}"
    );
}

#[tokio::test]
async fn a_server_that_is_silent_is_waited_for_no_longer_than_the_step_allows() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = ask("http", json!({"url": format!("http://127.0.0.1:{port}/")}))
        .await
        .unwrap_err();
    assert_eq!(error.status, AttemptStatus::TimedOut);
    assert!(
        error.message.contains("did not answer"),
        "{}",
        error.message
    );
}

/// Runs in a process of its own, which trusts the test's authority.
#[tokio::test]
#[ignore = "started by the test below, with the authority in its environment"]
async fn in_a_host_that_trusts_the_authority() {
    let at: Value = serde_json::from_str(&std::env::var("PROBES_AT").unwrap()).unwrap();
    let tls = |port: &Value| json!({"host": "localhost", "port": port});
    let output = ask("tls", tls(&at["https"])).await.unwrap();
    assert_eq!(
        (&output["trusted"], &output["reason"]),
        (&json!(true), &json!("")),
        "{output}"
    );
    let output = ask("tls", tls(&at["expired"])).await.unwrap();
    assert_eq!(
        (&output["trusted"], &output["reason"]),
        (&json!(false), &json!("it has expired"))
    );
    assert!(output["days_left"].as_i64().unwrap() < 0, "{output}");
    let url = format!("https://localhost:{}/health", at["https"]);
    let output = ask("http", json!({"url": url, "body_match": "well"}))
        .await
        .unwrap();
    assert_eq!(
        (&output["status"], &output["certificate"]["days_left"]),
        (&json!(200), &json!(20))
    );
}

#[test]
fn a_trusted_certificate_is_trusted_until_it_expires() {
    let servers = servers();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "in_a_host_that_trusts_the_authority",
        ])
        .env("SSL_CERT_FILE", servers.at["ca"].as_str().unwrap())
        .env("PROBES_AT", servers.at.to_string())
        .output()
        .unwrap();
    let said = support::Said::from(output);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("1 passed"), "{}", said.out);
}

/// A proxy that looks into TLS signs with an authority of its own.
#[test]
fn certificates_that_the_aws_configuration_names_count_for_aws_and_for_channels() {
    let servers = servers();
    let (port, authority) = (&servers.at["https"], servers.at["ca"].as_str().unwrap());
    let world = support::World::new();
    let channel = format!(
        "[[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"https://localhost:{port}/in\"\n"
    );
    world.write("config/standdown/config.toml", channel);
    let profile = format!("[profile mine]\nca_bundle = {authority}\n");
    let profile = world.write("aws", profile).display().to_string();
    let said = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = world.standdown(arguments);
        command.envs(variables.iter().copied());
        support::Said::from(command.output().unwrap())
    };
    let test = ["notify", "test", "hook"];
    let untrusted = said(&test, &[]);
    assert_eq!(untrusted.code, 1, "{untrusted:?}");
    let words = format!("{}{}", untrusted.out, untrusted.err);
    assert!(
        words.contains("name the file of its certificates with AWS_CA_BUNDLE"),
        "{words}"
    );
    for variables in [
        &[("AWS_CA_BUNDLE", authority)][..],
        &[("AWS_CONFIG_FILE", &profile), ("AWS_PROFILE", "mine")],
    ] {
        let trusted = said(&test, variables);
        assert_eq!(trusted.code, 0, "{trusted:?}");
    }
    let wrong = said(&test, &[("AWS_CA_BUNDLE", &profile)]);
    let words = format!("{}{}", wrong.out, wrong.err);
    assert!(
        words.contains("(AWS_CA_BUNDLE) holds no certificate"),
        "{words}"
    );

    let endpoint = format!("https://localhost:{port}");
    let aws = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "y"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ];
    let untrusted = said(&["alarms"], &aws);
    assert!(
        untrusted.err.contains("name the file of its certificates"),
        "{untrusted:?}"
    );
    let trusted = said(
        &["alarms"],
        &[&aws[..], &[("AWS_CA_BUNDLE", authority)]].concat(),
    );
    assert!(
        trusted.err.contains("an answer that is not AWS's"),
        "{trusted:?}"
    );
}
