//! The credentials of a profile: asked for by one at a time, and shared by all regions and by the
//! programs that call AWS.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_cloudwatch::config::ProvideCredentials;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use super::machine::{Found, Keys, Machine, Source};
use crate::detached;

/// How long a helper may take: somebody may have to touch a device.
const HELPER: Duration = Duration::from_mins(3);
/// Credentials that end sooner are asked for again. botocore does so from 15 minutes before on.
const EARLY: Duration = Duration::from_mins(5);
/// The most that a helper may print, in bytes.
const PRINTED: usize = 64 * 1024;

/// The credentials of all profiles.
#[derive(Debug, Default)]
pub struct Store(Mutex<HashMap<String, Shared>>);

impl Store {
    /// The credentials under a key, made first if need be.
    pub(super) fn of(&self, key: &str, make: impl FnOnce() -> Shared) -> Shared {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key.to_owned()).or_insert_with(make).clone()
    }

    /// What credentials are waited for now, and how long already.
    pub fn waiting(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().filter_map(Shared::waits_for).collect()
    }
}

/// Why there are no credentials: the cause, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoCredentials(pub String);

/// How the credentials of a profile are found.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub machine: Arc<Machine>,
    /// The profile, where one was named.
    pub profile: Option<Found>,
    /// Whether it was named here: then it comes before keys in the environment.
    pub named: bool,
    /// For calls to STS and to IAM Identity Center.
    pub calls: ProviderConfig,
}

/// The credentials of one profile.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    how: How,
    found: tokio::sync::Mutex<Option<Credentials>>,
    expires: Mutex<Option<DateTime<Utc>>>,
    waits: Mutex<Option<(String, Instant)>>,
}

enum How {
    Fixed(Credentials),
    Planned(Box<Plan>),
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn planned(plan: Plan) -> Self {
        Self::new(How::Planned(Box::new(plan)))
    }

    /// Credentials that are known, such as those of a rehearsal.
    pub(super) fn fixed(credentials: Credentials) -> Self {
        Self::new(How::Fixed(credentials))
    }

    fn new(how: How) -> Self {
        Self(Arc::new(Inner {
            how,
            found: tokio::sync::Mutex::default(),
            expires: Mutex::default(),
            waits: Mutex::default(),
        }))
    }

    /// When the latest credentials end, where they do.
    #[must_use]
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        *self
            .0
            .expires
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was found: AWS did not accept it.
    pub fn forget(&self) {
        if let Ok(mut found) = self.0.found.try_lock() {
            *found = None;
        }
    }

    fn waits_for(&self) -> Option<String> {
        let waits = self.0.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let (what, since) = waits.as_ref()?;
        Some(format!("{what}, {} s so far", since.elapsed().as_secs()))
    }

    /// The credentials: those that were found, or new ones. Whoever comes while they are asked for waits
    /// for the same answer.
    ///
    /// # Errors
    /// With the cause, and what to do about it.
    pub async fn get(&self) -> Result<Credentials, NoCredentials> {
        let plan = match &self.0.how {
            How::Fixed(credentials) => return Ok(credentials.clone()),
            How::Planned(plan) => plan,
        };
        let mut found = self.0.found.lock().await;
        let now = SystemTime::from(crate::clock::now());
        let soon = now + EARLY;
        let fresh = |known: &Credentials| known.expiry().is_none_or(|expiry| expiry > soon);
        if let Some(known) = found.as_ref().filter(|known| fresh(known)) {
            return Ok(known.clone());
        }
        let waits = Waits(&self.0.waits);
        match plan.ask(&waits).await {
            Ok(new) => {
                *self
                    .0
                    .expires
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = new.expiry().map(DateTime::from);
                *found = Some(new.clone());
                Ok(new)
            }
            // What was found before may still be good for some minutes.
            Err(error) => match found.as_ref() {
                Some(known) if known.expiry().is_some_and(|end| end > now) => Ok(known.clone()),
                _ => Err(error),
            },
        }
    }
}

impl ProvideCredentials for Shared {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let found = self.get().await;
            found.map_err(CredentialsError::provider_error)
        })
    }
}

/// Says what is waited for, as long as it is.
struct Waits<'a>(&'a Mutex<Option<(String, Instant)>>);

impl Waits<'_> {
    fn for_what(&self, what: String) {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *waits = Some((what, Instant::now()));
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Plan {
    fn name(&self) -> &str {
        self.profile
            .as_ref()
            .map_or("default", |found| found.value.as_str())
    }

    async fn ask(&self, waits: &Waits<'_>) -> Result<Credentials, NoCredentials> {
        // Keys of the environment come before a profile that the environment names.
        if !self.named && self.machine.has_keys() {
            waits.for_what("the credentials of the environment".into());
            let provider = EnvironmentVariableCredentialsProvider::new();
            let found = provider.provide_credentials().await;
            return found.map_err(|error| {
                NoCredentials(format!(
                    "the keys in the environment cannot be used ({}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither",
                    causes(&error)
                ))
            });
        }
        let name = self.name();
        let base = self.machine.base(name).map_err(NoCredentials)?;
        if let Some(why) = self.wants_a_person(name) {
            return Err(NoCredentials(why));
        }
        let keys = match self.machine.source(&base) {
            Source::Process(helper) => {
                waits.for_what(format!("the helper of the profile {base}"));
                Some(run(&base, &helper).await?)
            }
            _ => None,
        };
        let source = self.machine.source(name);
        if let (Source::Process(_), Some((keys, expiry))) = (&source, &keys) {
            return Ok(Credentials::new(
                keys.id.clone(),
                keys.secret.clone(),
                keys.token.clone(),
                *expiry,
                "credential_process",
            ));
        }
        waits.for_what(format!("the credentials of the profile {name}"));
        let text = self
            .machine
            .for_sdk(keys.as_ref().map(|(keys, _)| (base.as_str(), keys)));
        let files = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, text)
            .build();
        let profile = ProfileFileCredentialsProvider::builder()
            .configure(&self.calls)
            .profile_files(files)
            .profile_name(self.machine.alias(name))
            .build();
        if source != Source::Elsewhere {
            let found = profile.provide_credentials().await;
            return found.map_err(|error| Self::failed(name, &source, &causes(&error)));
        }
        let token = WebIdentityTokenCredentialsProvider::builder().configure(&self.calls);
        let container = EcsCredentialsProvider::builder().configure(&self.calls);
        let instance = ImdsCredentialsProvider::builder().configure(&self.calls);
        let chain = CredentialsProviderChain::first_try("WebIdentityToken", token.build())
            .or_else("Container", container.build())
            .or_else("Instance", instance.build());
        let found = chain.provide_credentials().await;
        found.map_err(|error| Self::failed(name, &source, &causes(&error)))
    }

    /// What only a person can give.
    fn wants_a_person(&self, name: &str) -> Option<String> {
        let export = |name: &str| {
            format!(
                "`eval \"$(aws configure export-credentials --profile {} --format env)\"`",
                shlex::try_quote(name).unwrap_or_default()
            )
        };
        let mut now = name.to_owned();
        loop {
            match self.machine.source(&now) {
                Source::Role {
                    role,
                    mfa: Some(mfa),
                    ..
                }
                | Source::RoleOf {
                    role,
                    mfa: Some(mfa),
                    ..
                } => {
                    return Some(format!(
                        "the role {role} of the profile {now} wants a code of the MFA device {} ({}), which nothing here can give; in the shell that starts standdown, run {} and leave --profile out",
                        mfa.value,
                        mfa.said,
                        export(&now)
                    ));
                }
                Source::Login => {
                    return Some(format!(
                        "the profile {now} signs in with `aws login`, which only the AWS CLI can do; run `aws login --profile {now}`, then {} in the shell that starts standdown, and leave --profile out",
                        export(&now)
                    ));
                }
                Source::Role { from, .. } if from != now => now = from,
                _ => return None,
            }
        }
    }

    /// The cause of a failure, and the remedy for it.
    fn failed(name: &str, source: &Source, cause: &str) -> NoCredentials {
        let lower = cause.to_lowercase();
        let said = match source {
            Source::Sso => {
                let again = format!("run `aws sso login --profile {name}`");
                format!(
                    "the profile {name} has no valid IAM Identity Center session ({cause}); {again}"
                )
            }
            Source::Role { role, from, .. } | Source::RoleOf { role, from, .. } => {
                let remedy = if lower.contains("accessdenied") || lower.contains("not authorized") {
                    format!(
                        "let the role's trust policy name the caller, and the caller's policy allow sts:AssumeRole on {role}"
                    )
                } else if lower.contains("expired") {
                    format!("renew the credentials of {from}")
                } else if lower.contains("sso") || lower.contains("token") {
                    format!("run `aws sso login --profile {from}`")
                } else {
                    format!(
                        "look whether the credentials of {from} are right: `aws sts get-caller-identity --profile {name}`"
                    )
                };
                format!(
                    "the role {role} of the profile {name} cannot be assumed with the credentials of {from} ({cause}); {remedy}"
                )
            }
            Source::WebIdentity => format!(
                "the profile {name} cannot assume its role with its web identity token ({cause}); look at its web_identity_token_file, and at the role's trust policy"
            ),
            Source::Keys | Source::Process(_) | Source::Login => {
                format!(
                    "the profile {name} gives no credentials ({cause}); run `aws configure --profile {name}`"
                )
            }
            Source::Elsewhere => format!(
                "no AWS credentials were found: none in the environment, none in the profile {name}, none from a container or an instance ({cause}); run `aws configure` or `aws sso login`, set AWS_PROFILE, or give the host an instance role"
            ),
        };
        NoCredentials(said)
    }
}

/// An error with all that caused it, each once.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        // Who only passes an error on says nothing of its own.
        let empty = [
            "an error occurred while loading credentials",
            "service error",
            "unhandled error",
            "the credentials provider was not properly configured",
        ];
        let known = said.iter().any(|one| one.contains(&text));
        if !known && !empty.iter().any(|one| text == *one) {
            said.push(text);
        }
        next = error.source();
    }
    if said.is_empty() {
        return error.to_string();
    }
    said.join(": ")
}

/// What a helper prints: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// Runs a helper, without a terminal, and reads what it prints.
async fn run(profile: &str, helper: &Found) -> Result<(Keys, Option<SystemTime>), NoCredentials> {
    let place = format!(
        "the helper of the profile {profile} ({}: credential_process)",
        helper.said
    );
    let failed = |why: String| {
        NoCredentials(format!(
            "{place} gave no credentials: {why}; run it in a shell to see what it wants: {}",
            helper.value
        ))
    };
    let words = shlex::split(&helper.value).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| failed("its quotes do not match".into()))?;
    let mut command = tokio::process::Command::from(detached::command(words[0].as_ref()));
    let child = command
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let ended = timeout(HELPER, child.wait_with_output()).await;
    let output = ended
        .map_err(|_| failed(format!("it did not end within {} s", HELPER.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        let last = last.map_or_else(String::new, |line| {
            let line: String = line.trim().chars().take(300).collect();
            format!(", after {line:?}")
        });
        let code = output
            .status
            .code()
            .map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        return Err(failed(format!("it ended with {code}{last}")));
    }
    if output.stdout.len() > PRINTED {
        return Err(failed(format!("it printed more than {PRINTED} bytes")));
    }
    // What it printed may hold a secret: of it, nothing is quoted.
    let printed: Printed = serde_json::from_slice(&output.stdout).map_err(|error| {
        failed(format!(
            "what it printed is not what AWS describes (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    if printed.version != 1 {
        let version = printed.version;
        return Err(failed(format!("its Version is {version}, and 1 is known")));
    }
    let expiry = match &printed.expiration {
        None => None,
        Some(text) => Some(
            DateTime::parse_from_rfc3339(text)
                .map_err(|_| failed(format!("its Expiration {text:?} is no time")))?
                .to_utc(),
        ),
    };
    if let Some(ended) = expiry.filter(|expiry| *expiry <= crate::clock::now()) {
        let ended = ended.format("%Y-%m-%d %H:%M:%SZ");
        return Err(failed(format!("its credentials ended at {ended}")));
    }
    let keys = Keys {
        id: printed.access_key_id,
        secret: printed.secret_access_key,
        token: printed.session_token,
    };
    Ok((keys, expiry.map(SystemTime::from)))
}
