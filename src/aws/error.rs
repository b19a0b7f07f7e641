//! What went wrong with a call, in words that say what to do.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::breakers::BreakerOpen;
use super::certificates::untrusted;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// AWS asks to slow down.
    Throttled,
    /// The caller may not.
    AccessDenied,
    /// The credentials are expired or not valid.
    Credentials,
    /// The time of the signature is not AWS's time.
    Clock,
    /// No answer came in time.
    TimedOut,
    /// The endpoint cannot be reached.
    Unreachable,
    /// What was asked for does not exist.
    NotFound,
    /// AWS itself failed.
    Server,
    /// AWS did not accept the request.
    Invalid,
    /// The answer was not AWS's.
    Garbled,
    /// It was not sent: the service kept failing.
    Open,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} {}", self.sentence())]
pub struct AwsError {
    /// The call, as its IAM action: `cloudwatch:DescribeAlarms`.
    pub operation: String,
    /// What kind of failure it was.
    pub class: Class,
    /// AWS's error code, where it gave one.
    pub code: Option<String>,
    /// Details, in AWS's words or the SDK's.
    pub message: String,
}

impl AwsError {
    /// An answer that does not hold what AWS always sends.
    #[must_use]
    pub fn garbled(operation: &str, message: String) -> Self {
        Self {
            operation: operation.to_owned(),
            class: Class::Garbled,
            code: None,
            message,
        }
    }

    /// A request that cannot be right, and so was not sent.
    #[must_use]
    pub fn invalid(operation: &str, message: String) -> Self {
        Self {
            operation: operation.to_owned(),
            class: Class::Invalid,
            code: None,
            message,
        }
    }

    /// Says what it was asked about.
    #[must_use]
    pub fn about(mut self, resource: &str) -> Self {
        if !self.message.contains(resource) {
            self.message = format!("{resource}: {}", self.message);
        }
        self
    }

    /// Whether it may pass by itself.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(
            self.class,
            Class::Throttled
                | Class::Clock
                | Class::TimedOut
                | Class::Server
                | Class::Unreachable
                | Class::Garbled
                | Class::Open
        )
    }

    /// What went wrong, for a line of a screen: without the call where no call gets through.
    #[must_use]
    pub fn brief(&self) -> String {
        match self.class {
            Class::Unreachable => format!("no connection: {}", self.message),
            Class::TimedOut => format!("no answer in time: {}", self.message),
            _ => self.to_string(),
        }
    }

    /// What went wrong with a call that is made once: nothing tries it again by itself.
    #[must_use]
    pub fn for_once(&self) -> String {
        match self.class {
            Class::Throttled => format!("{} was throttled ({})", self.operation, self.detail()),
            _ => self.to_string(),
        }
    }

    /// AWS's code and words.
    fn detail(&self) -> String {
        match &self.code {
            Some(code) => format!("{code}: {}", self.message),
            None => self.message.clone(),
        }
    }

    fn sentence(&self) -> String {
        let detail = self.detail();
        match self.class {
            Class::Throttled => {
                format!("was throttled ({detail}); it is slowed down and tried again")
            }
            Class::AccessDenied => format!(
                "is not allowed; ask for the permission {} ({detail})",
                self.operation
            ),
            Class::Credentials => format!(
                "was refused ({detail}); renew the credentials, for example with `aws sso login`"
            ),
            Class::Clock => format!(
                "was refused because this machine's clock is not AWS's ({detail}); set the clock, for example with `chronyc makestep`"
            ),
            Class::TimedOut => format!("got no answer in time ({detail})"),
            Class::Unreachable if untrusted(&detail).is_some() => format!(
                "could not reach AWS ({detail}): {}",
                untrusted(&detail).unwrap_or_default()
            ),
            Class::Unreachable => format!(
                "could not reach AWS ({detail}); check the network, the region and AWS_ENDPOINT_URL"
            ),
            Class::NotFound => format!("found nothing ({detail})"),
            Class::Server => format!("failed at AWS ({detail})"),
            Class::Invalid => format!("was not accepted ({detail})"),
            Class::Open => format!("was not sent: {detail}"),
            Class::Garbled => format!(
                "got an answer that is not AWS's ({detail}); check AWS_ENDPOINT_URL and any proxy"
            ),
        }
    }
}

/// Turns an SDK error into one that names the operation and the class.
pub fn describe<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let context = || causes(error);
    if let Some(open) = breaker(error) {
        return AwsError {
            operation: operation.to_owned(),
            class: Class::Open,
            code: None,
            message: open.to_string(),
        };
    }
    let (class, code, message) = match error {
        SdkError::ServiceError(service) => {
            let metadata = service.err().meta();
            match metadata.code() {
                Some(code) => {
                    let words = metadata.message();
                    let failed = service.raw().status().is_server_error();
                    let class = match classify(code, words.unwrap_or_default()) {
                        Class::Invalid if failed => Class::Server,
                        class => class,
                    };
                    let words = words.unwrap_or("no details").to_owned();
                    (class, Some(code.to_owned()), words)
                }
                None => (Class::Garbled, None, context()),
            }
        }
        SdkError::TimeoutError(_) => (Class::TimedOut, None, context()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (Class::TimedOut, None, context())
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            (Class::Unreachable, None, context())
        }
        SdkError::ResponseError(_) => (Class::Garbled, None, context()),
        SdkError::ConstructionFailure(_) => (Class::Invalid, None, context()),
        _ if context().to_lowercase().contains("credential") => {
            (Class::Credentials, None, context())
        }
        _ => (Class::Unreachable, None, context()),
    };
    AwsError {
        operation: operation.to_owned(),
        class,
        code,
        message,
    }
}

/// The breaker that let nothing through, if it was one.
fn breaker<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a BreakerOpen> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(open) = error.downcast_ref() {
            return Some(open);
        }
        cause = error.source();
    }
    None
}

/// Sorts AWS's error codes. The throttling codes are those of the SDKs' retry specification.
fn classify(code: &str, message: &str) -> Class {
    let late = ["expired", "earlier", "not yet current"]
        .iter()
        .any(|word| message.contains(word));
    match code {
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => Class::Clock,
        "InvalidSignatureException" | "SignatureDoesNotMatch" if late => Class::Clock,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "SlowDown"
        | "PriorRequestNotComplete" => Class::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthorizationError" => Class::AccessDenied,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "IncompleteSignature" => Class::Credentials,
        "InternalFailure"
        | "InternalServiceError"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => Class::Server,
        code if code.contains("NotFound") || code.contains("DoesNotExist") => Class::NotFound,
        _ => Class::Invalid,
    }
}

/// The chain of causes in one line, the one at the bottom first: it says what happened.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    const LONGEST: usize = 300;
    /// What the layers below the call name themselves, which tells nobody anything.
    const LAYERS: [&str; 5] = [
        "dispatch failure",
        "io error",
        "client error",
        "tcp connect error",
        "unhandled error",
    ];
    let chain: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    let mut said = String::new();
    for words in chain.iter().rev() {
        let layer = !said.is_empty() && LAYERS.iter().any(|layer| words.starts_with(layer));
        if !layer && !said.contains(words) {
            let gap = if said.is_empty() { "" } else { ", " };
            said = format!("{said}{gap}{words}");
        }
    }
    said.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect()
}
