//! Clients for one profile and region.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_cloudwatch::config::SharedCredentialsProvider;
use chrono::{DateTime, Utc};

use super::breakers::{Broken, ServiceBreakers};
use super::clock::AwsClock;
use super::credentials::{NoCredentials, Plan, Shared, Store};
use super::error::{AwsError, Class, describe};
use super::http::To;
use super::limits::Limit;
use super::machine::{Machine, MachineError};
use super::pool::Place;
use super::quotas::{Pace, Quota};
use crate::breaker::Policy;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long to wait for the first byte of an answer.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one call may take, its retries included.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);
/// Tries per call: the SDK's own standard.
const ATTEMPTS: u32 = 3;

/// Which account, region and endpoint to talk to. What is not set comes from the usual AWS
/// environment variables and files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The profile, as in `AWS_PROFILE`.
    pub profile: Option<String>,
    /// The region, as in `AWS_REGION`.
    pub region: Option<String>,
    /// An endpoint for all services. A rehearsal sets it; with it, no credentials of the
    /// machine are read, and nothing else can be reached.
    pub rehearsal_endpoint: Option<String>,
    /// When a service that keeps failing is left alone, and for how long.
    pub breaker: Policy,
}

/// Why no client could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No region is set.
    #[error("no AWS region is set; set AWS_REGION, or `region` in the profile, or pass --region")]
    NoRegion,
    /// There shall be none.
    #[error("{0}")]
    Unusable(String),
    /// No credentials were found: the cause, and what to do about it.
    #[error(transparent)]
    NoCredentials(#[from] NoCredentials),
    /// The machine's AWS configuration says something that cannot be.
    #[error(transparent)]
    Machine(#[from] MachineError),
}

/// The clients of one profile and region.
#[derive(Debug, Clone)]
pub struct Aws {
    /// `CloudWatch`.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// `CloudWatch` Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// `CloudTrail`.
    pub cloudtrail: aws_sdk_cloudtrail::Client,
    /// SNS.
    pub sns: aws_sdk_sns::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pace: Pace,
    /// The region.
    pub region: String,
    /// The profile; empty when none was named, here or in the environment.
    pub profile: String,
    /// The profile that the settings named. One of the environment alone does not come before
    /// keys in the environment, which the AWS CLI would turn round if it were passed on.
    pub named: Option<String>,
    identity: Arc<Mutex<Option<Identity>>>,
    clock: AwsClock,
    pub(super) credentials: Shared,
    breakers: Arc<[ServiceBreakers]>,
}

/// Whose credentials these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account, twelve digits.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
}

impl Aws {
    /// Reads the configuration and makes the clients. Calls nothing but, where credentials come
    /// from there, the instance's metadata service or the identity provider.
    ///
    /// # Errors
    /// When there is no region or there are no credentials.
    pub async fn connect(settings: &AwsSettings, store: &Store) -> Result<Self, ConnectError> {
        let Loaded {
            config,
            credentials,
            profile,
        } = load(settings, store).await?;
        let region = config
            .region()
            .map(ToString::to_string)
            .ok_or(ConnectError::NoRegion)?;
        credentials.get().await?;
        let clock = AwsClock::default();
        let breakers = ["cloudwatch", "logs", "ssm", "cloudtrail", "sts", "sns"]
            .map(|service| ServiceBreakers::new(service, settings.breaker));
        macro_rules! client {
            ($service:ident, $breaker:expr) => {
                $service::Client::from_conf(
                    $service::config::Builder::from(&config)
                        .interceptor(clock.clone())
                        .interceptor($breaker.clone())
                        .interceptor(Limit)
                        .build(),
                )
            };
        }
        Ok(Self {
            cloudwatch: client!(aws_sdk_cloudwatch, breakers[0]),
            logs: client!(aws_sdk_cloudwatchlogs, breakers[1]),
            ssm: client!(aws_sdk_ssm, breakers[2]),
            cloudtrail: client!(aws_sdk_cloudtrail, breakers[3]),
            sts: client!(aws_sdk_sts, breakers[4]),
            sns: client!(aws_sdk_sns, breakers[5]),
            pace: Pace::default(),
            region,
            profile: profile.unwrap_or_default(),
            named: settings.profile.clone(),
            identity: Arc::default(),
            clock,
            credentials,
            breakers: breakers.into(),
        })
    }

    /// Waits until the next call of its kind may leave: below the account's quotas.
    pub async fn pace(&self, quota: Quota) {
        self.pace.wait(quota).await;
    }

    /// The same, without a ration: for an account that is simulated for this console alone.
    #[must_use]
    pub fn unrationed(&self) -> Self {
        Self {
            pace: Pace::free(),
            ..self.clone()
        }
    }

    /// The time at AWS, as its answers tell it; by it AWS judges windows and signatures.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Whether AWS has told its time; before, [`Aws::now`] is this machine's.
    #[must_use]
    pub fn knows_the_time(&self) -> bool {
        self.clock.is_known()
    }

    /// By how many seconds AWS's clock is ahead of this machine's, where that is enough to matter.
    #[must_use]
    pub fn clock_difference(&self) -> Option<i64> {
        self.clock.difference()
    }

    /// When the credentials that calls were made with end, where they do and that is known.
    #[must_use]
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        self.credentials.expires()
    }

    /// The credentials as a program takes them, from its environment: it does not look for them itself.
    ///
    /// # Errors
    /// When there are none.
    pub async fn for_programs(&self) -> Result<Vec<(String, String)>, NoCredentials> {
        let keys = self.credentials.get().await?;
        let mut all = vec![
            (
                "AWS_ACCESS_KEY_ID".to_owned(),
                keys.access_key_id().to_owned(),
            ),
            (
                "AWS_SECRET_ACCESS_KEY".to_owned(),
                keys.secret_access_key().to_owned(),
            ),
        ];
        let token = keys.session_token();
        all.extend(token.map(|token| ("AWS_SESSION_TOKEN".to_owned(), token.to_owned())));
        Ok(all)
    }

    /// The operations whose circuit breakers are not closed, by service.
    #[must_use]
    pub fn broken(&self) -> Vec<Broken> {
        let all = self.breakers.iter().map(|one| Broken {
            service: one.service,
            place: Place::new(&self.profile, &self.region),
            operations: one.broken(),
        });
        all.filter(|one| !one.operations.is_empty()).collect()
    }

    /// Asks STS who is calling; an answer is kept.
    ///
    /// # Errors
    /// When STS cannot be reached or refuses.
    pub async fn identity(&self) -> Result<Identity, AwsError> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let mut tries = 0;
        let answer = loop {
            let answer = self.sts.get_caller_identity().send().await;
            tries += 1;
            match answer.map_err(|error| describe("sts:GetCallerIdentity", &error)) {
                Ok(answer) => break answer,
                // What was held up between its signature and its sending, as in a machine that
                // slept, is signed anew: that is another request, which no retry of the same is.
                Err(error) if error.class == Class::Clock && tries < 3 => {}
                Err(error) => return Err(error),
            }
        };
        let identity = Identity {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
        };
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity.clone());
        Ok(identity)
    }

    fn known(&self) -> Option<Identity> {
        self.identity
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The caller's ARN, if STS has said it.
    #[must_use]
    pub fn known_arn(&self) -> Option<String> {
        self.known()
            .map(|identity| identity.arn)
            .filter(|arn| !arn.is_empty())
    }

    /// Forgets who is calling: credentials may have been renewed as somebody else.
    pub fn forget_identity(&self) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What the clients are made of.
struct Loaded {
    config: SdkConfig,
    credentials: Shared,
    /// The profile that is used, where one was named or configured.
    profile: Option<String>,
}

async fn load(settings: &AwsSettings, store: &Store) -> Result<Loaded, ConnectError> {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .app_name(
            aws_config::AppName::new("standdown")
                .unwrap_or_else(|_| unreachable!("the name is valid")),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts())
        // Whoever has to touch a device for a helper needs longer than the usual five seconds.
        .identity_cache(
            IdentityCache::lazy()
                .load_timeout(Duration::from_mins(4))
                .build(),
        );
    if let Some(endpoint) = &settings.rehearsal_endpoint {
        // Nothing of the machine's configuration may lead a rehearsal to a real account.
        let http = super::http::client(To::Simulator).map_err(ConnectError::Unusable)?;
        let keys = Credentials::new("REHEARSAL", "REHEARSAL", None, None, "rehearsal");
        let credentials = Shared::fixed(keys);
        let mut loader = loader
            .empty_test_environment()
            .http_client(http)
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()));
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        return Ok(Loaded {
            config: loader.load().await,
            credentials,
            profile: settings.profile.clone(),
        });
    }
    let machine = Arc::new(Machine::read()?);
    let profile = machine.profile(settings.profile.as_deref())?;
    let name = profile.as_ref().map(|found| found.value.clone());
    let region = machine.region(settings.region.as_deref(), name.as_deref())?;
    for service in SERVICES {
        machine.endpoint(service, name.as_deref())?;
    }
    let bundle = machine.ca_bundle(name.as_deref());
    let http = super::http::client(To::Aws(bundle.as_ref())).map_err(ConnectError::Unusable)?;
    let region = region.map(|found| Region::new(found.value));
    let files = EnvConfigFiles::builder()
        .with_contents(EnvConfigFileKind::Config, machine.for_sdk(None))
        .build();
    let fips = flag(
        &machine,
        name.as_deref(),
        "AWS_USE_FIPS_ENDPOINT",
        "use_fips_endpoint",
    );
    let dual = flag(
        &machine,
        name.as_deref(),
        "AWS_USE_DUALSTACK_ENDPOINT",
        "use_dualstack_endpoint",
    );
    // A role can be assumed without a region: then STS is asked where it always answers.
    let calls = ProviderConfig::without_region()
        .with_http_client(http.clone())
        .with_region(Some(
            region.clone().unwrap_or_else(|| Region::new("us-east-1")),
        ))
        .with_use_fips(fips)
        .with_use_dual_stack(dual);
    let named = settings.profile.is_some();
    let key = format!("{named} {}", name.as_deref().unwrap_or_default());
    let plan = Plan {
        machine: Arc::clone(&machine),
        profile,
        named,
        calls,
    };
    let credentials = store.of(&key, || Shared::planned(plan));
    let mut loader = loader
        .http_client(http)
        .profile_files(files)
        .profile_name(machine.alias(name.as_deref().unwrap_or("default")))
        .credentials_provider(SharedCredentialsProvider::new(credentials.clone()));
    if let Some(region) = region {
        loader = loader.region(region);
    }
    if let Some(fips) = fips {
        loader = loader.use_fips(fips);
    }
    if let Some(dual) = dual {
        loader = loader.use_dual_stack(dual);
    }
    Ok(Loaded {
        config: loader.load().await,
        credentials,
        profile: name,
    })
}

/// The services that are called, as the AWS CLI's configuration names them.
const SERVICES: [&str; 6] = [
    "cloudwatch",
    "cloudwatch_logs",
    "ssm",
    "cloudtrail",
    "sts",
    "sns",
];

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// What a variable, or else a profile, says that is true or false.
fn flag(machine: &Machine, profile: Option<&str>, variable: &str, key: &str) -> Option<bool> {
    let found = machine
        .variables(&[variable])
        .or_else(|| machine.key(profile.unwrap_or("default"), key));
    found?.value.to_ascii_lowercase().parse().ok()
}
