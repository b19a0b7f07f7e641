//! The certificates that are trusted beside those of the system: the file that the AWS configuration
//! names, for example that of a proxy which looks into TLS. It counts for AWS and for every channel.

use super::machine::{Found, Machine};

/// The text of such a file, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// One certificate or several, as PEM.
    pub pem: Vec<u8>,
    /// The file, and what names it.
    pub said: String,
}

impl Certificates {
    /// Those of the profile that the environment names; `None` where no file is configured.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificate.
    pub fn configured() -> Result<Option<Self>, String> {
        let machine = Machine::read().map_err(|error| error.to_string())?;
        let profile = machine.profile(None).ok().flatten();
        let name = profile.as_ref().map(|found| found.value.as_str());
        let bundle = machine.ca_bundle(name);
        bundle.map(|found| Self::read(&found)).transpose()
    }

    /// Reads the file that is named.
    pub(super) fn read(bundle: &Found) -> Result<Self, String> {
        let (path, said) = (&bundle.value, &bundle.said);
        let path = match path.strip_prefix("~/") {
            Some(rest) => format!("{}/{rest}", std::env::var("HOME").unwrap_or_default()),
            None => path.clone(),
        };
        let pem = std::fs::read(&path).map_err(|error| {
            format!(
                "the certificates in {path} ({said}) cannot be read ({error}); name a PEM file, or none"
            )
        })?;
        let begins = b"-----BEGIN CERTIFICATE-----";
        if !pem.windows(begins.len()).any(|part| part == begins) {
            return Err(format!(
                "{path} ({said}) holds no certificate; name a PEM file, or none"
            ));
        }
        let said = format!("{path} ({said})");
        Ok(Self { pem, said })
    }
}

/// What to do where the issuer of a certificate is not trusted; nothing for any other error.
#[must_use]
pub fn untrusted(error: &str) -> Option<&'static str> {
    error.contains("UnknownIssuer").then_some(
        "the issuer of its certificate is not trusted on this host; where a proxy looks into TLS, name the file of its certificates with AWS_CA_BUNDLE, or with ca_bundle in the profile",
    )
}
