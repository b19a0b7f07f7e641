//! Remembers when the credentials end that the SDK got: asking for them once more could run a
//! program, or assume a role anew.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_cloudwatch::config::{ProvideCredentials, SharedCredentialsProvider};
use chrono::{DateTime, Utc};

type Asked<'a> = aws_credential_types::provider::future::ProvideCredentials<'a>;

/// Asks another provider, and remembers what it said.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    inner: SharedCredentialsProvider,
    expires: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl Remembered {
    pub fn new(inner: SharedCredentialsProvider) -> Self {
        Self {
            inner,
            expires: Arc::default(),
        }
    }

    /// When the latest credentials end, where they do.
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        *self.expires.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProvideCredentials for Remembered {
    fn provide_credentials<'a>(&'a self) -> Asked<'a>
    where
        Self: 'a,
    {
        Asked::new(async {
            let found = self.inner.provide_credentials().await?;
            *self.expires.lock().unwrap_or_else(PoisonError::into_inner) =
                found.expiry().map(DateTime::from);
            Ok(found)
        })
    }
}
