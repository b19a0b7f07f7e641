//! What this machine says of AWS: profile, region, endpoints, certificates, and where credentials come
//! from. Read once, from the environment and the AWS CLI's files, as the AWS CLI reads them; every value
//! knows where it was said.
//!
//! The order in which places are asked is that of botocore, the AWS CLI's own library.

mod ini;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub use ini::Unreadable;
use ini::{Section, Value, nested, parse};

/// Where something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// On the command line, or in standdown's own configuration.
    Here(&'static str),
    /// In a variable of the environment.
    Variable(String),
    /// In a file, on a line.
    File(PathBuf, usize),
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(what) => f.write_str(what),
            Self::Variable(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
        }
    }
}

/// A value, and where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The value.
    pub value: String,
    /// Where it was said.
    pub said: Said,
}

/// Why something of it cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// A file cannot be read.
    #[error("the AWS configuration cannot be read: {0}")]
    Unreadable(#[from] Unreadable),
    /// A profile was named that there is not.
    #[error("there is no AWS profile {name:?}, which {said} names{help}")]
    NoProfile {
        /// The name.
        name: String,
        /// Where it was named.
        said: Said,
        /// What there is instead.
        help: String,
    },
    /// A region that cannot be one.
    #[error("{value:?} cannot be an AWS region ({said}); write one such as eu-central-1")]
    NoRegion {
        /// What was said.
        value: String,
        /// Where.
        said: Said,
    },
    /// An endpoint that cannot be one.
    #[error(
        "{value:?} cannot be an endpoint ({said}); write a URL such as https://monitoring.eu-central-1.amazonaws.com"
    )]
    NoEndpoint {
        /// What was said.
        value: String,
        /// Where.
        said: Said,
    },
}

/// From where the credentials of a profile come, in the order in which botocore asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A role that is assumed with the credentials of another profile.
    Role {
        /// The role's ARN.
        role: String,
        /// The profile.
        from: String,
        /// The device whose code the role wants.
        mfa: Option<Found>,
    },
    /// A role that is assumed with the credentials of the environment, a container or the instance.
    RoleOf {
        /// The role's ARN.
        role: String,
        /// `Environment`, `EcsContainer` or `Ec2InstanceMetadata`.
        from: String,
        /// The device whose code the role wants.
        mfa: Option<Found>,
    },
    /// A role that is assumed with a token in a file.
    WebIdentity,
    /// IAM Identity Center.
    Sso,
    /// `aws login`.
    Login,
    /// Keys in a file.
    Keys,
    /// A helper: the shell command that prints credentials.
    Process(Found),
    /// Nothing of its own: a container or the instance.
    Elsewhere,
}

/// What the machine says.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    environment: BTreeMap<String, String>,
    config: Option<File>,
    credentials: Option<File>,
    profiles: BTreeMap<String, BTreeMap<String, Placed>>,
    sessions: BTreeMap<String, BTreeMap<String, Placed>>,
    services: BTreeMap<String, BTreeMap<String, Placed>>,
}

#[derive(Debug, Clone)]
struct File {
    path: PathBuf,
    sections: Vec<Section>,
}

/// A value and its place in one of the files.
#[derive(Debug, Clone)]
struct Placed {
    value: Value,
    path: PathBuf,
    /// Whether it stands in the file of credentials.
    secret: bool,
}

impl Placed {
    fn found(&self) -> Found {
        Found {
            value: self.value.text.clone(),
            said: Said::File(self.path.clone(), self.value.line),
        }
    }
}

impl Machine {
    /// Reads this process's environment and the files that it names.
    ///
    /// # Errors
    /// When a file is there that nobody can read.
    pub fn read() -> Result<Self, MachineError> {
        // What is no text is none of what is asked for here.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::of(environment.collect(), |path| std::fs::read(path))
    }

    /// The same with an environment and files of somebody else.
    ///
    /// # Errors
    /// When a file is there that nobody can read.
    pub fn of(
        environment: BTreeMap<String, String>,
        read: impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Self, MachineError> {
        let mut machine = Self {
            environment,
            ..Self::default()
        };
        machine.config = machine.file("AWS_CONFIG_FILE", "config", &read)?;
        machine.credentials = machine.file("AWS_SHARED_CREDENTIALS_FILE", "credentials", &read)?;
        machine.sort();
        Ok(machine)
    }

    fn file(
        &self,
        variable: &str,
        usual: &str,
        read: &impl Fn(&Path) -> std::io::Result<Vec<u8>>,
    ) -> Result<Option<File>, MachineError> {
        let home = self.variable("HOME").map(PathBuf::from);
        let named = self
            .variable(variable)
            .map(|text| match text.strip_prefix("~/") {
                Some(rest) => home.clone().unwrap_or_default().join(rest),
                None => PathBuf::from(text),
            });
        let usual = || Some(home.clone()?.join(".aws").join(usual));
        let Some(path) = named.or_else(usual) else {
            return Ok(None);
        };
        match read(&path) {
            Ok(bytes) => Ok(Some(File {
                sections: parse(&path, &bytes)?,
                path,
            })),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Err(Unreadable {
                why: format!("{error}; let its reader be {}", user()),
                path,
                line: 1,
                column: 1,
            }
            .into()),
            // What is not there says nothing, as with the AWS CLI.
            Err(_) => Ok(None),
        }
    }

    /// Puts the sections where they belong.
    fn sort(&mut self) {
        let config = self.config.iter();
        for (path, section) in
            config.flat_map(|file| file.sections.iter().map(|one| (&file.path, one)))
        {
            let header = section.header.trim();
            let kind = header.split_whitespace().next().unwrap_or_default();
            let into = match kind {
                _ if header == "default" => self.profiles.entry("default".to_owned()),
                "profile" | "sso-session" | "services" => {
                    // As a shell takes words: a name with blanks stands in quotes.
                    let words = shlex::split(header).unwrap_or_default();
                    let [_, name] = words.as_slice() else {
                        continue;
                    };
                    match kind {
                        "profile" => self.profiles.entry(name.clone()),
                        "sso-session" => self.sessions.entry(name.clone()),
                        _ => self.services.entry(name.clone()),
                    }
                }
                _ => continue,
            };
            let into = into.or_default();
            for (key, value) in &section.values {
                let placed = Placed {
                    value: value.clone(),
                    path: path.clone(),
                    secret: false,
                };
                into.insert(key.clone(), placed);
            }
        }
        if let Some(file) = &self.credentials {
            for section in &file.sections {
                let into = self.profiles.entry(section.header.clone()).or_default();
                for (key, value) in &section.values {
                    let placed = Placed {
                        value: value.clone(),
                        path: file.path.clone(),
                        secret: true,
                    };
                    into.insert(key.clone(), placed);
                }
            }
        }
    }

    /// A variable of the environment; one that is empty or blank says nothing.
    fn variable(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// The first of these variables that says something.
    #[must_use]
    pub fn variables(&self, names: &[&str]) -> Option<Found> {
        names.iter().find_map(|name| {
            Some(Found {
                value: self.variable(name)?.to_owned(),
                said: Said::Variable((*name).to_owned()),
            })
        })
    }

    /// The names of all profiles.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The profile to use: the named one, or that of the environment; `None` where nobody names one.
    ///
    /// # Errors
    /// When there is no profile of that name.
    pub fn profile(&self, named: Option<&str>) -> Result<Option<Found>, MachineError> {
        let here = named.map(|name| Found {
            value: name.to_owned(),
            said: Said::Here("--profile, or `profile` in the configuration,"),
        });
        let found = here.or_else(|| self.variables(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]));
        let Some(found) = found else {
            return Ok(None);
        };
        if found.value == "default" || self.profiles.contains_key(&found.value) {
            return Ok(Some(found));
        }
        Err(MachineError::NoProfile {
            help: self.instead(&found.value),
            name: found.value,
            said: found.said,
        })
    }

    /// What `AWS_DEFAULT_PROFILE` names beside another profile in `AWS_PROFILE`. Version 1 of the AWS CLI
    /// prefers it; version 2, the SDKs and this console prefer `AWS_PROFILE`.
    #[must_use]
    pub fn rival(&self) -> Option<String> {
        let used = self.variables(&["AWS_PROFILE"])?;
        let rival = self.variables(&["AWS_DEFAULT_PROFILE"])?;
        (rival.value != used.value).then_some(rival.value)
    }

    /// What to do about a profile that there is not.
    fn instead(&self, name: &str) -> String {
        let section = |file: &Option<File>, header: &str| {
            let file = file.as_ref()?;
            let found = file.sections.iter().find(|one| one.header == header)?;
            Some((file.path.clone(), found.line))
        };
        if let Some((path, line)) = section(&self.config, name) {
            return format!(
                "; in {}, line {line}, write [profile {name}] instead of [{name}]",
                path.display()
            );
        }
        if let Some(near) = crate::document::nearest(name, self.names()) {
            return format!("; did you mean {near:?}?");
        }
        match self.profiles.len() {
            0 => "; no file names any: `aws configure` writes one".to_owned(),
            _ => format!(
                "; there are {}",
                self.names().collect::<Vec<_>>().join(", ")
            ),
        }
    }

    /// What a profile says of a key; a value that is empty says nothing.
    #[must_use]
    pub fn key(&self, profile: &str, key: &str) -> Option<Found> {
        let placed = self.profiles.get(profile)?.get(key)?;
        (!placed.value.text.is_empty()).then(|| placed.found())
    }

    /// The region: as it was named here, as the environment says, or as the profile does.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn region(
        &self,
        named: Option<&str>,
        profile: Option<&str>,
    ) -> Result<Option<Found>, MachineError> {
        let here = named.map(|region| Found {
            value: region.trim().to_owned(),
            said: Said::Here("--region, or `region` in the configuration"),
        });
        let found = here
            .or_else(|| self.variables(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
            .or_else(|| self.key(profile.unwrap_or("default"), "region"));
        match found {
            Some(found) if !is_region(&found.value) => Err(MachineError::NoRegion {
                value: found.value,
                said: found.said,
            }),
            found => Ok(found),
        }
    }

    /// The endpoint of a service, where one is configured. `service` is its name in the AWS CLI's
    /// configuration, such as `cloudwatch`, `cloudwatch_logs` or `ssm`.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn endpoint(
        &self,
        service: &str,
        profile: Option<&str>,
    ) -> Result<Option<Found>, MachineError> {
        let profile = profile.unwrap_or("default");
        let ignored = self
            .variables(&["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"])
            .or_else(|| self.key(profile, "ignore_configured_endpoint_urls"));
        if ignored.is_some_and(|found| found.value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let own = format!("AWS_ENDPOINT_URL_{}", service.to_uppercase());
        let found = self
            .variables(&[&own, "AWS_ENDPOINT_URL"])
            .or_else(|| self.service_endpoint(service, profile))
            .or_else(|| self.key(profile, "endpoint_url"));
        match found {
            Some(found) if !is_endpoint(&found.value) => Err(MachineError::NoEndpoint {
                value: found.value,
                said: found.said,
            }),
            found => Ok(found),
        }
    }

    /// What the services that a profile names say of one of them.
    fn service_endpoint(&self, service: &str, profile: &str) -> Option<Found> {
        let name = self.key(profile, "services")?.value;
        let placed = self.services.get(&name)?.get(service)?;
        let url = nested(&placed.value.text)?
            .into_iter()
            .find_map(|(key, value)| (key == "endpoint_url").then_some(value))?;
        Some(Found {
            value: url,
            said: Said::File(placed.path.clone(), placed.value.line),
        })
    }

    /// The file of certificates to trust beside the system's, where one is configured.
    #[must_use]
    pub fn ca_bundle(&self, profile: Option<&str>) -> Option<Found> {
        self.variables(&["AWS_CA_BUNDLE"])
            .or_else(|| self.key(profile.unwrap_or("default"), "ca_bundle"))
    }

    /// Whether the environment holds keys. They come before those of a profile that the environment
    /// names, and after those of one that was named here.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.variable("AWS_ACCESS_KEY_ID").is_some()
    }

    /// From where a profile's credentials come.
    #[must_use]
    pub fn source(&self, profile: &str) -> Source {
        let key = |key: &str| self.key(profile, key);
        let text = |name: &str| key(name).map(|found| found.value);
        if let Some(role) = text("role_arn") {
            let mfa = key("mfa_serial");
            if let Some(from) = text("source_profile") {
                return Source::Role { role, from, mfa };
            }
            if let Some(from) = text("credential_source") {
                return Source::RoleOf { role, from, mfa };
            }
            if key("web_identity_token_file").is_some() {
                return Source::WebIdentity;
            }
        }
        if key("sso_session").is_some() || key("sso_start_url").is_some() {
            return Source::Sso;
        }
        let keys = self
            .profiles
            .get(profile)
            .and_then(|values| values.get("aws_access_key_id"));
        if keys.is_some_and(|placed| placed.secret) {
            return Source::Keys;
        }
        if key("login_session").is_some() {
            return Source::Login;
        }
        match key("credential_process") {
            Some(process) => Source::Process(process),
            None if keys.is_some() => Source::Keys,
            None => Source::Elsewhere,
        }
    }

    /// The profile at the beginning of a chain of roles; an error names the circle or what is missing.
    ///
    /// # Errors
    /// When the chain does not begin anywhere.
    pub fn base(&self, profile: &str) -> Result<String, String> {
        let mut seen: Vec<String> = vec![profile.to_owned()];
        let mut now = profile.to_owned();
        while let Source::Role { from, .. } = self.source(&now) {
            // A profile may begin with keys of its own.
            if from == now {
                return Ok(now);
            }
            if !self.profiles.contains_key(&from) {
                return Err(format!(
                    "the profile {now} begins with the profile {from} (source_profile), which there is not{}",
                    self.instead(&from)
                ));
            }
            if seen.contains(&from) {
                return Err(format!(
                    "the profiles {} begin with one another (source_profile)",
                    seen.join(", ")
                ));
            }
            seen.push(from.clone());
            now = from;
        }
        Ok(now)
    }

    /// The name under which the SDK knows a profile: its own, or another one where the SDK takes no such
    /// name.
    #[must_use]
    pub fn alias(&self, profile: &str) -> String {
        alias(&self.profiles, "standdown-profile", profile)
    }

    /// The files as the SDK reads them: what the AWS CLI reads, written down anew. `keys` take the place
    /// of a profile's own source of credentials.
    #[must_use]
    pub fn for_sdk(&self, keys: Option<(&str, &Keys)>) -> String {
        let mut out = String::new();
        for (name, values) in &self.profiles {
            let _ = writeln!(out, "[profile {}]", self.alias(name));
            let own = keys
                .filter(|(profile, _)| profile == name)
                .map(|(_, keys)| keys);
            if let Some(keys) = own {
                let _ = writeln!(out, "aws_access_key_id = {}", keys.id);
                let _ = writeln!(out, "aws_secret_access_key = {}", keys.secret);
                if let Some(token) = &keys.token {
                    let _ = writeln!(out, "aws_session_token = {token}");
                }
            }
            let source = self.source(name);
            for (key, placed) in values {
                let text = &placed.value.text;
                let left_out = text.is_empty()
                    || text.contains('\n')
                    || !belongs(key, &source)
                    || (own.is_some() && is_source(key));
                if left_out {
                    continue;
                }
                let text = match key.as_str() {
                    "source_profile" => self.alias(text),
                    "sso_session" => alias(&self.sessions, "standdown-session", text),
                    "services" => alias(&self.services, "standdown-services", text),
                    _ => text.clone(),
                };
                let _ = writeln!(out, "{key} = {text}");
            }
        }
        for (kind, sections, word) in [
            ("sso-session", &self.sessions, "standdown-session"),
            ("services", &self.services, "standdown-services"),
        ] {
            for (name, values) in sections {
                let _ = writeln!(out, "[{kind} {}]", alias(sections, word, name));
                for (key, placed) in values {
                    match nested(&placed.value.text) {
                        Some(inner) => {
                            let _ = writeln!(out, "{key} =");
                            for (key, value) in inner {
                                let _ = writeln!(out, "  {key} = {value}");
                            }
                        }
                        None if placed.value.text.is_empty() => {}
                        None => {
                            let _ = writeln!(out, "{key} = {}", placed.value.text);
                        }
                    }
                }
            }
        }
        out
    }
}

/// Keys that a helper gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key's id.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The session's token.
    pub token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The keys of a profile that say where credentials come from, beside a role's.
fn is_source(key: &str) -> bool {
    key.starts_with("sso_")
        || key.starts_with("aws_")
        || [
            "credential_process",
            "login_session",
            "web_identity_token_file",
        ]
        .contains(&key)
}

/// Whether a key says something of the source that botocore would use: the SDK asks in another order.
fn belongs(key: &str, source: &Source) -> bool {
    let keys = key.starts_with("aws_");
    match (key, source) {
        ("credential_process", source) => matches!(source, Source::Process(_)),
        ("login_session", source) => *source == Source::Login,
        ("web_identity_token_file", source) => *source == Source::WebIdentity,
        (key, source) if key.starts_with("sso_") => *source == Source::Sso,
        // A role may begin with the keys of its own profile.
        (_, source) if keys => matches!(source, Source::Keys | Source::Role { .. }),
        _ => true,
    }
}

/// A name that the SDK takes.
fn alias<T>(all: &BTreeMap<String, T>, word: &str, name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c);
    if !name.is_empty() && name.chars().all(fits) {
        return name.to_owned();
    }
    let place = all.keys().position(|known| known == name);
    place.map_or_else(|| name.to_owned(), |place| format!("{word}-{place}"))
}

/// Whether a text can be a region: <https://docs.aws.amazon.com/general/latest/gr/rande.html>. AWS has
/// regions that this binary does not know, so that only the form is looked at, as botocore does.
fn is_region(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_endpoint(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

fn user() -> String {
    let id = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    user.map_or_else(|| format!("uid {id}"), |user| user.name)
}

#[cfg(test)]
mod tests;
