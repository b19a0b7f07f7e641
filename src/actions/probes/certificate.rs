//! A TLS handshake that reads the certificates whether or not they can be trusted.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::connect::{PATIENCE, millis};
use crate::actions::ActionError;

/// What this host trusts, read once.
static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// Lets every handshake end, and remembers what it would have said.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    judge: Option<Arc<WebPkiServerVerifier>>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug, Clone)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    refusal: Option<String>,
    name_matches: bool,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refusal = match &self.judge {
            Some(judge) => judge
                .verify_server_cert(end, intermediates, name, ocsp, now)
                .err()
                .map(|error| say(&error)),
            None => Some("this host has no certificates of authorities that it trusts".into()),
        };
        let name_matches = ParsedCertificate::try_from(end)
            .and_then(|parsed| verify_server_name(&parsed, name))
            .is_ok();
        let chain = std::iter::once(end)
            .chain(intermediates)
            .map(|one| one.clone().into_owned())
            .collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen {
            chain,
            refusal,
            name_matches,
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn say(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(reason) => match reason {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "it has expired".into()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet".into()
            }
            CertificateError::UnknownIssuer => "its issuer is not trusted on this host".into(),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another name".into()
            }
            CertificateError::Revoked => "it was revoked".into(),
            other => format!("{other:?}"),
        },
        other => other.to_string(),
    }
}

/// A finished handshake.
pub(super) struct Secured {
    pub stream: TlsStream<TcpStream>,
    pub tls_ms: f64,
    /// The certificates, in words and numbers.
    pub report: Value,
    /// Why they are not to be trusted, if they are not.
    pub refusal: Option<String>,
}

/// Shakes hands. `name` is the server's name as a client would ask for it.
pub(super) async fn secure(stream: TcpStream, name: &str) -> Result<Secured, ActionError> {
    let bare = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let server = ServerName::try_from(bare)
        .map_err(|_| ActionError::failed(format!("{name:?} cannot be the name of a TLS server")))?;
    let provider = Arc::new(ring::default_provider());
    let judge =
        WebPkiServerVerifier::builder_with_provider(Arc::clone(&ROOTS), Arc::clone(&provider))
            .build()
            .ok();
    let witness = Arc::new(Witness {
        provider: Arc::clone(&provider),
        judge,
        seen: Mutex::default(),
    });
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Witness>::clone(&witness);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ActionError::failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let began = Instant::now();
    let shaken = timeout(
        PATIENCE,
        TlsConnector::from(Arc::new(config)).connect(server, stream),
    )
    .await;
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Err(ActionError::failed(format!(
                "the TLS handshake failed: {error}"
            )));
        }
        Err(_) => return Err(ActionError::timed_out("the TLS handshake took too long")),
    };
    let tls_ms = millis(began);
    let seen = witness
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let seen = seen.ok_or_else(|| ActionError::failed("the server showed no certificate"))?;
    let (_, connection) = stream.get_ref();
    let mut report = describe(&seen, Utc::now())?;
    report["version"] = connection
        .protocol_version()
        .and_then(|version| version.as_str().map(|text| text.replace('_', ".")))
        .into();
    report["cipher"] = connection
        .negotiated_cipher_suite()
        .map(|suite| format!("{:?}", suite.suite()))
        .into();
    Ok(Secured {
        stream,
        tls_ms,
        report,
        refusal: seen.refusal,
    })
}

fn describe(seen: &Seen, now: DateTime<Utc>) -> Result<Value, ActionError> {
    let mut chain = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (place, der) in seen.chain.iter().enumerate() {
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|error| ActionError::failed(format!("a certificate is no X.509: {error}")))?;
        let time = |seconds: i64| {
            DateTime::from_timestamp(seconds, 0)
                .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        };
        let validity = certificate.validity();
        let ends = validity.not_after.timestamp();
        if place == 0
            && let Ok(Some(extension)) = certificate.subject_alternative_name()
        {
            names = extension
                .value
                .general_names
                .iter()
                .filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    GeneralName::IPAddress(bytes) => address(bytes),
                    _ => None,
                })
                .collect();
        }
        chain.push(json!({
            "subject": certificate.subject().to_string(),
            "issuer": certificate.issuer().to_string(),
            "not_before": time(validity.not_before.timestamp()),
            "not_after": time(ends),
            "days_left": (ends - now.timestamp()).div_euclid(86_400),
        }));
    }
    let first = chain.first().cloned().unwrap_or_default();
    // A chain is good for as long as its shortest-lived part.
    let days = chain
        .iter()
        .filter_map(|one| one["days_left"].as_i64())
        .min();
    Ok(json!({
        "trusted": seen.refusal.is_none(),
        "reason": seen.refusal.clone().unwrap_or_default(),
        "name_matches": seen.name_matches,
        "days_left": days,
        "subject": first["subject"], "issuer": first["issuer"],
        "not_before": first["not_before"], "not_after": first["not_after"],
        "names": names,
        "chain": chain,
    }))
}

fn address(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes)
            .ok()
            .map(|four| std::net::Ipv4Addr::from(four).to_string()),
        16 => <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string()),
        _ => None,
    }
}
