//! Where requests go: proxies, FIPS and dual-stack endpoints, other partitions, as in the AWS CLI.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use support::World;

/// A proxy that says where it was asked to connect to, and refuses.
fn proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, hosts) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut first = String::new();
            BufReader::new(stream.try_clone().unwrap())
                .read_line(&mut first)
                .unwrap();
            let _ = asked.send(first.split_whitespace().nth(1).unwrap_or("").to_owned());
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (format!("http://{address}"), hosts)
}

/// The first host that the proxy is asked for.
fn asked(region: &str, variables: &[(&str, &str)]) -> String {
    let (proxy, hosts) = proxy();
    let world = World::new();
    let mut command = world.standdown(&["alarms"]);
    command
        .env("HTTPS_PROXY", &proxy)
        .env("AWS_REGION", region)
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "y");
    for (name, value) in variables {
        command.env(name, value);
    }
    let said = support::Said::from(command.output().unwrap());
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("cloudwatch:DescribeAlarms"), "{said:?}");
    hosts.recv().unwrap()
}

#[test]
fn requests_go_through_the_proxy_to_the_endpoint_of_the_partition() {
    const FIPS: (&str, &str) = ("AWS_USE_FIPS_ENDPOINT", "true");
    const DUAL: (&str, &str) = ("AWS_USE_DUALSTACK_ENDPOINT", "true");
    for (region, variables, wanted) in [
        (
            "eu-central-1",
            &[][..],
            "monitoring.eu-central-1.amazonaws.com:443",
        ),
        (
            "us-east-1",
            &[FIPS][..],
            "monitoring-fips.us-east-1.amazonaws.com:443",
        ),
        (
            "eu-central-1",
            &[DUAL][..],
            "monitoring.eu-central-1.api.aws:443",
        ),
        (
            "cn-north-1",
            &[][..],
            "monitoring.cn-north-1.amazonaws.com.cn:443",
        ),
        (
            "us-gov-west-1",
            &[][..],
            "monitoring.us-gov-west-1.amazonaws.com:443",
        ),
        (
            "us-gov-west-1",
            &[FIPS][..],
            "monitoring.us-gov-west-1.amazonaws.com:443",
        ),
    ] {
        assert_eq!(asked(region, variables), wanted);
    }
}

#[test]
fn a_host_that_needs_no_proxy_is_asked_directly() {
    let (proxy, hosts) = proxy();
    let world = World::new();
    let server = support::simulate(&world, "cpu-spike", "1");
    let output = world
        .standdown(&["alarms", "--json"])
        .env("HTTP_PROXY", &proxy)
        .env("NO_PROXY", "127.0.0.1")
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "y")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(hosts.try_recv().is_err());
}

/// Answers every request with a head and a body that is repeated, without an end if so asked.
fn answering(body: &'static [u8], endless: bool) -> String {
    use std::io::Read as _;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move |mut stream: std::net::TcpStream| -> std::io::Result<()> {
        let mut buffer = vec![0; 65_536];
        while stream.read(&mut buffer)? > 0 {
            let head = "HTTP/1.1 200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\n";
            if endless {
                write!(stream, "{head}\r\n")?;
                loop {
                    stream.write_all(&body.repeat(8192))?;
                }
            }
            write!(stream, "{head}content-length: {}\r\n\r\n", body.len())?;
            stream.write_all(body)?;
        }
        Ok(())
    };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever has heard enough closes the connection.
            std::thread::spawn(move || drop(serve(stream.unwrap())));
        }
    });
    format!("http://{address}")
}

#[test]
fn an_answer_or_a_list_without_an_end_is_left() {
    // A map that is never closed; and a page without alarms whose next one is itself.
    let endless = answering(b"\xbf\x61a\x61b", true);
    let circle = answering(b"\xa2\x6cMetricAlarms\x80\x69NextToken\x61a", false);
    for (endpoint, why) in [(endless, "length limit"), (circle, "NextToken leads")] {
        let world = World::new();
        let mut command = world.standdown(&["alarms"]);
        command
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "x")
            .env("AWS_SECRET_ACCESS_KEY", "y");
        let said = support::Said::from(command.output().unwrap());
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains(why), "{said:?}");
    }
}
