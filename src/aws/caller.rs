//! Proof of who calls AWS, made by one process and checked by another: a presigned
//! `GetCallerIdentity`, whose signature covers what it is about.
//!
//! Whoever has the proof learns nothing but the caller's ARN, and that for as long as it is valid.
//! Where it is sent to is decided by whoever checks it, and never by what it says.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_cloudwatch::config::ProvideCredentials as _;
use aws_sdk_cloudwatch::config::interceptors::{
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_types::body::SdkBody;

use super::clients::{Aws, Identity};
use super::error::{AwsError, Class, describe};

/// The signed header that says what a proof is about.
const ABOUT: &str = "x-standdown-digest";
/// How long a proof is valid: the longest that STS takes.
const LIFE: Duration = Duration::from_mins(15);
const OPERATION: &str = "sts:GetCallerIdentity";
const QUESTION: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// The names in a presigned question, in order, beside the session's token.
const PARTS: [&str; 8] = [
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

impl Aws {
    /// Signs a question about this caller, which somebody else asks in its place: a URL.
    ///
    /// # Errors
    /// When there are no credentials, or it is not known where STS is.
    pub async fn prove(&self, about: &str) -> Result<String, AwsError> {
        let found = self.credentials.provide_credentials().await;
        let credentials = found.map_err(|error| cannot(Class::Credentials, error.to_string()))?;
        let url = format!("{}?{QUESTION}", self.sts_address().await?);
        let failed = |error: String| cannot(Class::Invalid, error);
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(LIFE);
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sts")
            .time(self.now().into())
            .settings(settings)
            .build()
            .map_err(|error| failed(error.to_string()))?
            .into();
        let request = SignableRequest::new(
            "GET",
            url.as_str(),
            [(ABOUT, about)].into_iter(),
            SignableBody::Bytes(b""),
        )
        .map_err(|error| failed(error.to_string()))?;
        let signed = sign(request, &parameters).map_err(|error| failed(error.to_string()))?;
        let (_, signature) = signed.into_parts().0.into_parts();
        let signature: Vec<(&str, Cow<'_, str>)> = signature;
        let mut query = url::form_urlencoded::Serializer::new(url.clone());
        query.extend_pairs(signature);
        Ok(query.finish())
    }

    /// Asks STS whose proof it is, and whether it is about this.
    ///
    /// # Errors
    /// When it is anything else but such a question, when STS refuses it, or cannot be reached.
    pub async fn check(&self, proof: &str, about: &str) -> Result<Identity, AwsError> {
        let address = self.sts_address().await?;
        is_question(proof, &address).map_err(|why| cannot(Class::Invalid, why))?;
        let replaced = Replaced {
            url: proof.to_owned(),
            about: about.to_owned(),
        };
        let asked = self.sts.get_caller_identity().customize();
        let answer = asked.interceptor(replaced).send().await;
        let answer = answer.map_err(|error| match describe(OPERATION, &error) {
            // Nobody here can sign it anew.
            error if error.class == Class::Clock => cannot(
                Class::Invalid,
                "who agrees proved it too long ago, and has to agree again".into(),
            ),
            // What it said is no answer to such a question, and will not be.
            error if error.class == Class::Garbled => cannot(Class::Invalid, error.message),
            error => error,
        })?;
        Ok(Identity {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
        })
    }

    /// Where the SDK would send a question to STS: it is let go so far, and no further.
    async fn sts_address(&self) -> Result<String, AwsError> {
        let seen = Address::default();
        let asked = self.sts.get_caller_identity().customize();
        let stopped = asked.interceptor(seen.clone()).send().await;
        let address = seen.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (address, stopped) {
            (Some(address), _) => Ok(address),
            (None, Err(error)) => Err(describe(OPERATION, &error)),
            (None, Ok(_)) => Err(cannot(Class::Invalid, "it has no address".into())),
        }
    }
}

fn cannot(class: Class, message: String) -> AwsError {
    AwsError {
        operation: OPERATION.to_owned(),
        class,
        code: None,
        message,
    }
}

/// Whether a URL is the one question, at the one place, with a signature that covers what it is
/// about. Anything may stand in a file.
fn is_question(proof: &str, address: &str) -> Result<(), String> {
    let Some(query) = proof
        .strip_prefix(address)
        .and_then(|rest| rest.strip_prefix('?'))
    else {
        return Err(format!(
            "the AWS identity was signed for another place than {address}; both consoles need the same region and endpoint of STS"
        ));
    };
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        url::form_urlencoded::parse(query.as_bytes()).collect();
    pairs.sort();
    // Nothing but what a presigned question consists of: a browser's fragment is not sent, and what
    // is not sent says nothing.
    let plain = query
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%=&+*".contains(&byte));
    let names: Vec<&str> = pairs.iter().map(|(name, _)| &**name).collect();
    let (tokens, names): (Vec<&str>, Vec<&str>) = names
        .into_iter()
        .partition(|name| *name == "X-Amz-Security-Token");
    let expected = names == PARTS && tokens.len() <= 1;
    let says =
        |name: &str, value: &str| pairs.iter().any(|(known, is)| known == name && is == value);
    let one = plain
        && expected
        && says("Action", "GetCallerIdentity")
        && says("X-Amz-SignedHeaders", &format!("host;{ABOUT}"));
    if one {
        return Ok(());
    }
    Err("what should prove an AWS identity is no such question".into())
}

/// Reads where a request would go, and stops it.
#[derive(Debug, Clone, Default)]
struct Address(Arc<Mutex<Option<String>>>);

impl Intercept for Address {
    fn name(&self) -> &'static str {
        "address of STS"
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri = context.request().uri().to_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(uri);
        Err("nothing is sent: only the address was asked for".into())
    }
}

/// Sends somebody else's question instead of this caller's own.
#[derive(Debug)]
struct Replaced {
    url: String,
    about: String,
}

impl Intercept for Replaced {
    fn name(&self) -> &'static str {
        "another one's question"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let own: Vec<String> = request
            .headers()
            .iter()
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in own {
            request.headers_mut().remove(name);
        }
        request.headers_mut().insert(ABOUT, self.about.clone());
        request.set_method("GET")?;
        request.set_uri(self.url.as_str())?;
        *request.body_mut() = SdkBody::empty();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_question_at_the_one_place_is_asked() {
        let at = "https://sts.eu-central-1.amazonaws.com/";
        let good = format!(
            "{at}?{QUESTION}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K%2Fd&X-Amz-Date=1&X-Amz-Expires=900&X-Amz-SignedHeaders=host%3B{ABOUT}&X-Amz-Signature=1"
        );
        assert_eq!(is_question(&good, at), Ok(()));
        let session = format!("{good}&X-Amz-Security-Token=t%2F");
        assert_eq!(is_question(&session, at), Ok(()));
        for bad in [
            good.replace("eu-central-1.amazonaws.com", "example.org"),
            good.replace("GetCallerIdentity", "AssumeRole"),
            good.replace(ABOUT, "x-other"),
            format!("{good}&Action=AssumeRole"),
            format!("{good}&action=x&X-Amz-SignedHeaders=host"),
            format!("{good}#"),
            format!("{at}?foo=bar#&{}", good.split_once('?').unwrap().1),
            format!("{good}&X-Amz-Security-Token=a&X-Amz-Security-Token=b"),
            good.replace("900", "9 0"),
            good.replace("amazonaws.com/", "amazonaws.com/../x"),
            format!("file:///etc/passwd?{QUESTION}"),
            String::new(),
        ] {
            assert!(is_question(&bad, at).is_err(), "{bad}");
        }
    }
}
