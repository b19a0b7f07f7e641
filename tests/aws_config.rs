//! Configuration as people write it: each file and environment is resolved by the console and by the AWS
//! CLI, which both call a service of this test. What signs the call is compared.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::ScopedJoinHandle;

use support::{World, environment_of};

/// What signed a call: the access key's id, and the region. And how often a role was assumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Signed {
    by: Option<(String, String)>,
    assumed: usize,
}

/// The one case that the two major versions of the AWS CLI read differently.
const DIFFERENT: &str = "AWS_PROFILE and AWS_DEFAULT_PROFILE";

/// A service that looks at signatures, assumes every role, and refuses everything else.
struct Service {
    url: String,
    seen: Arc<Mutex<Signed>>,
}

const ROLE: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>";
const REFUSED: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
const CONTAINER: &str = "{\"AccessKeyId\":\"ASIACONTAINER\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"2999-01-01T00:00:00Z\"}";

impl Service {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Signed>> = Arc::default();
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || answer(stream, &kept));
            }
        });
        Self { url, seen }
    }

    fn take(&self) -> Signed {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn answer(stream: std::net::TcpStream, seen: &Mutex<Signed>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let (status, kind, text) = if body.contains("Action=AssumeRole") {
        seen.lock().unwrap().assumed += 1;
        let web = body.contains("WithWebIdentity");
        let word = if web {
            "AssumeRoleWithWebIdentity"
        } else {
            "AssumeRole"
        };
        (
            200,
            "text/xml",
            ROLE.replace("AssumeRoleRe", &format!("{word}Re")),
        )
    } else if first.contains("/container") {
        (200, "application/json", CONTAINER.to_owned())
    } else {
        // AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …
        let scope = headers.get("authorization").and_then(|text| {
            let (_, rest) = text.split_once("Credential=")?;
            let parts: Vec<&str> = rest.split(',').next()?.split('/').collect();
            (parts.get(3) == Some(&"monitoring"))
                .then(|| Some(((*parts.first()?).to_owned(), (*parts.get(2)?).to_owned())))?
        });
        if scope.is_some() {
            seen.lock().unwrap().by = scope;
        }
        (403, "text/xml", REFUSED.to_owned())
    };
    let answer = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

/// A configuration, and what it comes to.
struct Case {
    name: &'static str,
    config: String,
    credentials: &'static str,
    variables: &'static [(&'static str, &'static str)],
    profile: Option<&'static str>,
    /// Where the AWS CLI fails: what the console says, or what it does better.
    instead: Instead,
}

#[derive(Clone, Copy)]
enum Instead {
    /// The AWS CLI reads it, and so does the console.
    Same,
    /// The AWS CLI cannot; the console says this.
    Says(&'static str),
    /// The AWS CLI cannot; the console calls with these keys in this region.
    Reads(&'static str, &'static str),
}
use Instead::{Reads, Same, Says};

/// Keys of a profile.
const KEYS: &str = "aws_access_key_id = AKIAOPS\naws_secret_access_key = x\n";

fn case(name: &'static str, config: impl Into<String>, instead: Instead) -> Case {
    Case {
        name,
        config: config.into(),
        credentials: "",
        variables: &[],
        profile: Some("ops"),
        instead,
    }
}

fn with(case: Case, variables: &'static [(&'static str, &'static str)]) -> Case {
    Case { variables, ..case }
}

fn of(case: Case, profile: Option<&'static str>) -> Case {
    Case { profile, ..case }
}

fn and(case: Case, credentials: &'static str) -> Case {
    Case {
        credentials,
        ..case
    }
}

/// Both the default profile and another one, each with keys of its own.
const BOTH: &str = "[default]\nregion = us-east-1\naws_access_key_id = AKIADEV\naws_secret_access_key = x\n[profile ops]\nregion = eu-central-1\naws_access_key_id = AKIAOPS\naws_secret_access_key = x\n";
/// A role that is assumed with the keys of another profile, without a region of its own.
const ROLES: &str = "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = x\nregion = us-east-1\n[profile ops]\nrole_arn = arn:aws:iam::444455556666:role/ops\nsource_profile = base\n";
const HERE: &[(&str, &str)] = &[
    ("AWS_REGION", "eu-west-3"),
    ("AWS_DEFAULT_REGION", "eu-west-3"),
];
const ENVIRONMENT: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "AKIAENV"),
    ("AWS_SECRET_ACCESS_KEY", "x"),
    ("AWS_PROFILE", "ops"),
];

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn cases() -> Vec<Case> {
    let region = "region = eu-central-1\n";
    let ops = |rest: &str| format!("[profile ops]\n{rest}");
    let plain = || ops(&format!("{region}{KEYS}"));
    vec![
        // How a file is written.
        case("plain", plain(), Same),
        case(
            "indented",
            ops(
                "    region = eu-central-1\n    aws_access_key_id = AKIAOPS\n    aws_secret_access_key = x\n",
            ),
            Same,
        ),
        case(
            "indented by a tab",
            ops(
                "\tregion = eu-central-1\n\taws_access_key_id = AKIAOPS\n\taws_secret_access_key = x\n",
            ),
            Same,
        ),
        case(
            "colons",
            ops(&format!(
                "region: eu-central-1\n{}",
                KEYS.replace(" = ", ": ")
            )),
            Same,
        ),
        case("no blanks", plain().replace(" = ", "="), Same),
        case("many blanks", plain().replace(" = ", "    =    "), Same),
        case("CR LF", plain().replace('\n', "\r\n"), Same),
        case("no line break at the end", plain().trim_end(), Same),
        case(
            "a byte order mark",
            format!("\u{feff}{}", plain()),
            Reads("AKIAOPS", "eu-central-1"),
        ),
        case(
            "a comment line",
            ops(&format!("# main\n{region}; other\n{KEYS}")),
            Same,
        ),
        case(
            "an indented comment",
            ops(&format!("{region}  # main region\n{KEYS}")),
            Same,
        ),
        case(
            "a comment behind a section",
            plain().replace("ops]", "ops] ; note"),
            Same,
        ),
        case(
            "a comment behind a region",
            plain().replace("central-1", "central-1   ; the main one"),
            Says("cannot be an AWS region"),
        ),
        case(
            "a stray line",
            format!("{}just words\n", plain()),
            Says("line 5, column 1"),
        ),
        case(
            "a line before every section",
            format!("region = x\n{}", plain()),
            Says("line 1, column 1"),
        ),
        case(
            "keys in capitals",
            plain()
                .replace("region", "Region")
                .replace("aws_access", "AWS_ACCESS"),
            Same,
        ),
        case(
            "blank lines within",
            ops(&format!("\n\n{region}\n\n{KEYS}\n\n")),
            Same,
        ),
        case(
            "blanks in the brackets",
            plain().replace("[profile ops]", "[profile   ops]"),
            Same,
        ),
        case(
            "quotes round the name",
            plain().replace("profile ops", "profile \"ops\""),
            Same,
        ),
        case(
            "a nested section",
            ops(&format!(
                "{region}s3 =\n  max_concurrent_requests = 20\n  addressing_style = path\n{KEYS}"
            )),
            Same,
        ),
        case(
            "an empty value",
            ops(&format!("{region}role_session_name =\n{KEYS}")),
            Same,
        ),
        case(
            "other sections",
            format!(
                "[preview]\ncloudfront = true\n[toggles]\nx = y\n{}",
                plain()
            ),
            Same,
        ),
        case(
            "a profile twice",
            format!("{}[profile ops]\noutput = json\n", plain()),
            Reads("AKIAOPS", "eu-central-1"),
        ),
        case(
            "an equals sign in a value",
            plain().replace("= x", "= x=y=="),
            Same,
        ),
        case(
            "a percent sign in a value",
            plain().replace("= x", "= x%y%(z)s"),
            Same,
        ),
        case(
            "Latin-1",
            String::from("[profile ops]\nregion = eu-central-1\n"),
            Says("line 3, column 4"),
        ),
        // Names.
        of(
            case(
                "a name with a blank",
                plain().replace("profile ops", "profile 'My Team'"),
                Same,
            ),
            Some("My Team"),
        ),
        of(
            case(
                "a name with a comma",
                plain().replace("profile ops", "profile A,B"),
                Same,
            ),
            Some("A,B"),
        ),
        of(
            case(
                "a name with a slash",
                plain().replace("profile ops", "profile a/b:c@d+e"),
                Same,
            ),
            Some("a/b:c@d+e"),
        ),
        of(
            case(
                "a name beyond ASCII",
                plain().replace("profile ops", "profile Zürich"),
                Same,
            ),
            Some("Zürich"),
        ),
        of(
            case(
                "a name of digits",
                plain().replace("profile ops", "profile 123456789012"),
                Same,
            ),
            Some("123456789012"),
        ),
        case(
            "a section without profile",
            plain().replace("profile ops", "ops"),
            Says("write [profile ops]"),
        ),
        of(
            case("a misspelt name", plain(), Says("did you mean \"ops\"?")),
            Some("opps"),
        ),
        of(case("the default profile", BOTH, Same), None),
        of(
            case(
                "default written as a profile",
                BOTH.replace("[default]", "[profile default]"),
                Same,
            ),
            None,
        ),
        // The file of credentials.
        and(
            case("keys in the other file", ops(region), Same),
            "[ops]\naws_access_key_id = AKIACRED\naws_secret_access_key = x\n",
        ),
        and(
            case("keys indented in the other file", ops(region), Same),
            "[ops]\n  aws_access_key_id = AKIACRED\n  aws_secret_access_key = x\n",
        ),
        and(
            case("keys in both files", plain(), Same),
            "[ops]\naws_access_key_id = AKIACRED\naws_secret_access_key = x\n",
        ),
        and(
            case("a profile in the other file alone", "", Same),
            "[ops]\nregion = eu-north-1\naws_access_key_id = AKIACRED\naws_secret_access_key = x\n",
        ),
        and(
            of(
                case("a blank in a name of the other file", "", Same),
                Some("My Team"),
            ),
            "[My Team]\nregion = eu-north-1\naws_access_key_id = AKIACRED\naws_secret_access_key = x\n",
        ),
        // Variables.
        of(
            with(case("AWS_PROFILE", BOTH, Same), &[("AWS_PROFILE", "ops")]),
            None,
        ),
        of(
            with(
                case("AWS_DEFAULT_PROFILE", BOTH, Same),
                &[("AWS_DEFAULT_PROFILE", "ops")],
            ),
            None,
        ),
        of(
            with(
                case(DIFFERENT, BOTH, Same),
                &[("AWS_DEFAULT_PROFILE", "ops"), ("AWS_PROFILE", "default")],
            ),
            None,
        ),
        of(
            with(
                case(
                    "a misspelt AWS_PROFILE",
                    BOTH,
                    Says("AWS_PROFILE names; did you mean \"ops\"?"),
                ),
                &[("AWS_PROFILE", "opps")],
            ),
            None,
        ),
        of(
            with(
                case("an empty AWS_PROFILE", BOTH, Reads("AKIADEV", "us-east-1")),
                &[("AWS_PROFILE", "")],
            ),
            None,
        ),
        with(case("the region of the environment", plain(), Same), HERE),
        with(
            case("an empty region", plain(), Reads("AKIAOPS", "eu-central-1")),
            &[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")],
        ),
        with(
            case(
                "a blank in the region",
                plain(),
                Reads("AKIAOPS", "eu-west-3"),
            ),
            &[
                ("AWS_REGION", " eu-west-3 "),
                ("AWS_DEFAULT_REGION", " eu-west-3 "),
            ],
        ),
        with(
            case("a region that is none", plain(), Says("(AWS_REGION)")),
            &[
                ("AWS_REGION", "eu central 1"),
                ("AWS_DEFAULT_REGION", "eu central 1"),
            ],
        ),
        of(
            with(
                case("keys of the environment before a profile of it", BOTH, Same),
                ENVIRONMENT,
            ),
            None,
        ),
        with(
            case("a named profile before keys of the environment", BOTH, Same),
            ENVIRONMENT,
        ),
        with(
            case("no region at all", ops(KEYS), Says("no AWS region is set")),
            &[],
        ),
        // Roles and other sources.
        with(case("a role without a region", ROLES, Same), HERE),
        of(
            with(
                case("a role that AWS_PROFILE names", ROLES, Same),
                &[
                    ("AWS_PROFILE", "ops"),
                    ("AWS_DEFAULT_REGION", "eu-west-3"),
                    ("AWS_REGION", "eu-west-3"),
                ],
            ),
            None,
        ),
        case(
            "a role with a region",
            format!("{ROLES}region = eu-south-1\n"),
            Same,
        ),
        with(
            case(
                "a chain of roles",
                format!(
                    "{}[profile first]\nrole_arn = arn:aws:iam::1:role/first\nsource_profile = base\n",
                    ROLES.replace("source_profile = base", "source_profile = first")
                ),
                Same,
            ),
            HERE,
        ),
        with(
            case(
                "a role of the profile's own keys",
                ops(&format!(
                    "role_arn = arn:aws:iam::1:role/x\nsource_profile = ops\n{KEYS}"
                )),
                Same,
            ),
            HERE,
        ),
        with(
            case(
                "a role of the environment",
                ops("role_arn = arn:aws:iam::1:role/x\ncredential_source = Environment\n"),
                Same,
            ),
            &[
                ("AWS_ACCESS_KEY_ID", "AKIAENV"),
                ("AWS_SECRET_ACCESS_KEY", "x"),
                ("AWS_REGION", "eu-west-3"),
                ("AWS_DEFAULT_REGION", "eu-west-3"),
            ],
        ),
        with(
            case(
                "a role of a profile that there is not",
                ROLES.replace("source_profile = base", "source_profile = bass"),
                Says("did you mean \"base\"?"),
            ),
            HERE,
        ),
        with(
            case(
                "a circle of roles",
                ops(
                    "role_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = ops\n",
                ),
                Says("begin with one another"),
            ),
            HERE,
        ),
        with(
            case(
                "a role that wants a code",
                ROLES.replace(
                    "source_profile = base",
                    "source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/ada",
                ),
                Says("MFA device arn:aws:iam::1:mfa/ada"),
            ),
            HERE,
        ),
        with(
            case("a helper", ops("credential_process = HELPER ok\n"), Same),
            HERE,
        ),
        with(
            case(
                "a helper with quotes",
                ops("credential_process = \"HELPER\" \"ok\"\n"),
                Same,
            ),
            HERE,
        ),
        with(
            case(
                "a helper before keys",
                ops(&format!("credential_process = HELPER ok\n{KEYS}")),
                Same,
            ),
            HERE,
        ),
        with(
            case(
                "a role of a helper",
                ROLES.replace(
                    "aws_access_key_id = AKIABASE\naws_secret_access_key = x",
                    "credential_process = HELPER ok",
                ),
                Same,
            ),
            HERE,
        ),
        with(
            case(
                "a helper that fails",
                ops("credential_process = HELPER fails\n"),
                Says("the vault is sealed"),
            ),
            HERE,
        ),
        with(
            case(
                "a helper whose keys ended",
                ops("credential_process = HELPER old\n"),
                Says("ended at 2001-02-03"),
            ),
            HERE,
        ),
        with(
            case(
                "a helper that talks",
                ops("credential_process = HELPER talks\n"),
                Says("not what AWS describes"),
            ),
            HERE,
        ),
        with(
            case(
                "a helper that is not there",
                ops("credential_process = /nowhere/helper\n"),
                Says("exit code 127"),
            ),
            HERE,
        ),
        with(
            case(
                "aws login",
                ops("login_session = arn:aws:iam::1:user/ada\n"),
                Says("aws configure export-credentials"),
            ),
            HERE,
        ),
        with(
            case(
                "a web identity",
                ops("role_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = HOME/token\n"),
                Same,
            ),
            HERE,
        ),
        of(
            with(
                case("a web identity of the environment", "", Same),
                &[
                    ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
                    ("AWS_WEB_IDENTITY_TOKEN_FILE", "HOME/token"),
                    ("AWS_ROLE_SESSION_NAME", "night"),
                    ("AWS_REGION", "eu-west-3"),
                    ("AWS_DEFAULT_REGION", "eu-west-3"),
                ],
            ),
            None,
        ),
        of(
            with(
                case("a container", "", Same),
                &[
                    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "SERVICE/container"),
                    ("AWS_REGION", "eu-west-3"),
                    ("AWS_DEFAULT_REGION", "eu-west-3"),
                ],
            ),
            None,
        ),
        with(
            case(
                "a container below a profile without keys",
                ops("output = json\n"),
                Same,
            ),
            &[
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "SERVICE/container"),
                ("AWS_REGION", "eu-west-3"),
                ("AWS_DEFAULT_REGION", "eu-west-3"),
            ],
        ),
        with(
            case(
                "a session of IAM Identity Center that there is not",
                ops(
                    "sso_session = corp\nsso_account_id = 1\nsso_role_name = r\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://x.example\n",
                ),
                Says("aws sso login --profile ops"),
            ),
            HERE,
        ),
        of(
            with(
                case("nothing at all", "", Says("no AWS credentials were found")),
                HERE,
            ),
            None,
        ),
        // Endpoints.
        case(
            "the endpoint of the profile",
            ops(&format!("{region}endpoint_url = SERVICE\n{KEYS}")),
            Same,
        ),
        case(
            "the endpoint of a service",
            ops(&format!(
                "{region}services = local\n{KEYS}[services local]\ncloudwatch =\n  endpoint_url = SERVICE\nsts =\n  endpoint_url = SERVICE\n"
            )),
            Same,
        ),
        with(
            case("the endpoint of a service in a variable", plain(), Same),
            &[
                ("AWS_ENDPOINT_URL_CLOUDWATCH", "SERVICE"),
                ("AWS_ENDPOINT_URL_STS", "SERVICE"),
            ],
        ),
        with(
            case(
                "an endpoint that is none",
                plain(),
                Says("cannot be an endpoint (AWS_ENDPOINT_URL_CLOUDWATCH)"),
            ),
            &[("AWS_ENDPOINT_URL_CLOUDWATCH", "localhost:4566")],
        ),
    ]
}

/// Prints credentials, or fails, as its argument says.
const HELPER: &str = r#"#!/bin/sh
case "$1" in
ok) echo '{"Version": 1, "AccessKeyId": "ASIAHELPER", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2999-01-01T00:00:00Z"}' ;;
old) echo '{"Version": 1, "AccessKeyId": "ASIAHELPER", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2001-02-03T00:00:00Z"}' ;;
talks) echo "Please touch your key"; echo '{"Version": 1}' ;;
fails) echo "first words" >&2; echo "the vault is sealed" >&2; exit 3 ;;
esac
"#;

struct Place {
    world: World,
    service: Service,
}

impl Place {
    fn new(case: &Case) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let world = World::new();
        let service = Service::open();
        let helper = world.write("helper", HELPER);
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        world.write("token", "a.b.c");
        let place = Self { world, service };
        let config = place.fill(&case.config);
        if case.name == "Latin-1" {
            let mut bytes = config.into_bytes();
            bytes.extend(b"# Z\xfcrich\n");
            place.world.write("aws/config", bytes);
        } else {
            place.world.write("aws/config", config);
        }
        place.world.write("aws/credentials", case.credentials);
        place
    }

    fn fill(&self, text: &str) -> String {
        text.replace("HELPER", &self.world.path("helper").display().to_string())
            .replace("HOME", &self.world.folder.path().display().to_string())
            .replace("SERVICE", &self.service.url)
    }

    /// The environment of a case. Whoever names no endpoint is led to the service.
    fn environment(&self, case: &Case) -> Vec<(String, String)> {
        let set = |name: &str, value: String| (name.to_owned(), value);
        let path = |name: &str| self.world.path(name).display().to_string();
        let mut all = vec![
            set("AWS_CONFIG_FILE", path("aws/config")),
            set("AWS_SHARED_CREDENTIALS_FILE", path("aws/credentials")),
            set("AWS_EC2_METADATA_DISABLED", "true".into()),
            set("AWS_MAX_ATTEMPTS", "1".into()),
        ];
        let endpoint = |name: &str| name.starts_with("AWS_ENDPOINT_URL");
        let named = case.config.contains("endpoint_url")
            || case.variables.iter().any(|(name, _)| endpoint(name));
        if !named {
            all.push(set("AWS_ENDPOINT_URL", self.service.url.clone()));
        }
        let variables = case.variables.iter();
        all.extend(variables.map(|(name, value)| set(name, self.fill(value))));
        all
    }

    fn console(&self, case: &Case) -> (Signed, String) {
        let mut arguments = vec!["alarms"];
        if let Some(profile) = case.profile {
            arguments.extend(["--profile", profile]);
        }
        let output = self
            .world
            .standdown(&arguments)
            .envs(self.environment(case))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (self.service.take(), said)
    }

    /// What the AWS CLI of an environment signs.
    fn aws_cli(&self, environment: &str, case: &Case) -> (Signed, String) {
        let mut command = Command::new(environment_of(environment).join("bin/aws"));
        command.args(["cloudwatch", "describe-alarms"]);
        if let Some(profile) = case.profile {
            command.args(["--profile", profile]);
        }
        let output = command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.world.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .envs(self.environment(case))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (self.service.take(), said)
    }
}

/// What the console reads of a case otherwise than the AWS CLI.
fn differences(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let place = Place::new(case);
    let (theirs, error) = place.aws_cli("cli", case);
    // Each has a cache of its own for the roles that it assumed.
    let (second, _) = Place::new(case).aws_cli("cli2", case);
    if (second != theirs) != (case.name == DIFFERENT) {
        wrong.push(format!(
            "{}: version 1 {theirs:?}, version 2 {second:?}",
            case.name
        ));
    }
    let theirs = if case.name == DIFFERENT {
        second
    } else {
        theirs
    };
    let (ours, said) = place.console(case);
    let fits = match (&theirs.by, case.instead) {
        (Some(by), Same) => ours.by.as_ref() == Some(by),
        (_, Says(why)) => ours.by.is_none() && said.contains(why),
        (_, Reads(key, region)) => ours
            .by
            .as_ref()
            .is_some_and(|(by, at)| by == key && at == region),
        (None, Same) => false,
    };
    // A role is assumed as often as it has to be.
    let assumed = theirs.by.is_none() || ours.assumed == theirs.assumed;
    if !fits || !assumed {
        wrong.push(format!(
            "{}: the AWS CLI {theirs:?} {}, the console {ours:?} {said}",
            case.name,
            error.trim()
        ));
    }
    wrong
}

#[test]
fn what_the_aws_cli_reads_is_read_and_what_nobody_can_is_said() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    // Most of the time is spent starting programs.
    let (one, two) = cases.split_at(cases.len() / 2);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let halves =
            [one, two].map(|half| scope.spawn(move || half.iter().flat_map(differences).collect()));
        halves
            .into_iter()
            .flat_map(|half: ScopedJoinHandle<'_, Vec<String>>| half.join().unwrap())
            .collect()
    });
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// Runs of a helper that takes a moment, and leaves a line behind.
fn slow(world: &World, program: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let helper = world.write("slow", program);
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    helper.display().to_string()
}

#[test]
fn a_helper_runs_once_for_all_regions_and_for_the_aws_cli() {
    let world = World::new();
    let log = world.path("runs").display().to_string();
    let helper = slow(
        &world,
        &format!(
            "#!/bin/sh\necho run >> {log}\n{}",
            HELPER.replace("#!/bin/sh\n", "")
        ),
    );
    let service = Service::open();
    world.write(
        "aws/config",
        format!("[profile ops]\ncredential_process = {helper} ok\n"),
    );
    let output = world
        .standdown(&[
            "alarms",
            "--profile",
            "ops",
            "--region",
            "eu-central-1,us-east-1,eu-west-1",
        ])
        .env("AWS_CONFIG_FILE", world.path("aws/config"))
        .env("AWS_ENDPOINT_URL", &service.url)
        .output()
        .unwrap();
    assert!(service.take().by.is_some(), "{output:?}");
    let runs = std::fs::read_to_string(world.path("runs")).unwrap();
    assert_eq!(runs.lines().count(), 1, "three regions, one run");
}

#[test]
fn a_helper_has_no_terminal() {
    let world = World::new();
    let seen = world.path("seen").display().to_string();
    let helper = slow(
        &world,
        &format!(
            "#!/bin/sh\nif (: < /dev/tty) 2>/dev/null; then echo tty >> {seen}; else echo none >> {seen}; fi\n{}",
            HELPER.replace("#!/bin/sh\n", "")
        ),
    );
    let service = Service::open();
    world.write(
        "aws/config",
        format!("[profile ops]\nregion = eu-central-1\ncredential_process = {helper} ok\n"),
    );
    world.introduced();
    let config = world.path("aws/config").display().to_string();
    let mut console = terminal::Terminal::start(
        &world,
        &["--profile", "ops"],
        80,
        24,
        &[
            ("AWS_CONFIG_FILE", &config),
            ("AWS_ENDPOINT_URL", &service.url),
        ],
    );
    console.until("the helper has run", |_| world.path("seen").exists());
    assert_eq!(
        std::fs::read_to_string(world.path("seen")).unwrap(),
        "none\n"
    );
    console.press("q");
    console.end();
}
