//! The clients for what concerns an alarm: its account and region, whoever looks.

use std::sync::Arc;

use super::{Aws, Place, Pool};
use crate::incident::AlarmRef;

/// Where an alarm is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Home {
    /// The account, twelve digits; empty when nobody knows.
    pub account: String,
    /// The region; empty when nobody knows.
    pub region: String,
    /// The profile through which it was seen; empty for the console's usual one.
    pub profile: String,
}

impl From<&AlarmRef> for Home {
    fn from(alarm: &AlarmRef) -> Self {
        Self {
            account: alarm.account.clone(),
            region: alarm.region.clone(),
            profile: alarm.profile.clone(),
        }
    }
}

/// How to come to the clients that something needs.
#[derive(Debug, Clone)]
pub struct Reach {
    pool: Arc<Pool>,
    home: Option<Home>,
    profile: Option<String>,
    region: Option<String>,
}

impl Reach {
    /// Reaches the alarm's account and region, or the usual ones where there is no alarm.
    #[must_use]
    pub fn new(pool: Arc<Pool>, home: Option<Home>) -> Self {
        Self {
            pool,
            home,
            profile: None,
            region: None,
        }
    }

    /// Reaches another profile or region, where one is named.
    #[must_use]
    pub fn elsewhere(&self, profile: Option<String>, region: Option<String>) -> Self {
        Self {
            profile: profile.or_else(|| self.profile.clone()),
            region: region.or_else(|| self.region.clone()),
            ..self.clone()
        }
    }

    /// Connects, and sees to it that the credentials are of the alarm's account. Where a profile
    /// was named for this, its account is what was meant.
    ///
    /// # Errors
    /// When it cannot be reached, or the credentials are of another account.
    pub async fn aws(&self) -> Result<Arc<Aws>, String> {
        let home = self.home.clone().unwrap_or_default();
        let region = self.region.as_deref().unwrap_or(&home.region);
        let connect = |profile: &str| {
            let (pool, place) = (Arc::clone(&self.pool), Place::new(profile, region));
            async move { pool.at(&place).await.map_err(|error| error.to_string()) }
        };
        if let Some(profile) = &self.profile
            && *profile != home.profile
        {
            return connect(profile).await;
        }
        let checked = async |profile: &str| {
            let aws = connect(profile).await?;
            is_of(&aws, &home.account).await.map(|()| aws)
        };
        if home.profile.is_empty() {
            return checked("").await;
        }
        // Another responder may call the same account by another profile's name. Where neither is
        // of use, the profile through which the alarm was seen says why.
        match checked(&home.profile).await {
            Ok(aws) => Ok(aws),
            Err(why) => checked("").await.map_err(|_| why),
        }
    }

    /// Forgets the clients: their credentials were refused, and are looked for anew next time.
    pub fn forget(&self) {
        let home = self.home.clone().unwrap_or_default();
        let region = self.region.as_deref().unwrap_or(&home.region);
        let profile = self.profile.as_deref().unwrap_or(&home.profile);
        for profile in [profile, ""] {
            self.pool.forget(&Place::new(profile, region));
        }
    }

    /// The same, with the caller's identity asked for again: credentials may have been renewed as
    /// somebody else.
    ///
    /// # Errors
    /// As [`Reach::aws`].
    pub async fn aws_anew(&self) -> Result<Arc<Aws>, String> {
        let home = self.home.clone().unwrap_or_default();
        let aws = self.aws().await?;
        aws.forget_identity();
        is_of(&aws, &home.account).await?;
        Ok(aws)
    }
}

/// Refuses to diagnose one account's incident in another.
async fn is_of(aws: &Aws, account: &str) -> Result<(), String> {
    if account.is_empty() {
        return Ok(());
    }
    let identity = aws.identity().await.map_err(|error| error.to_string())?;
    if identity.account == *account {
        return Ok(());
    }
    Err(format!(
        "the incident's alarm is in account {account}, these credentials are of {}; use a profile of {account}",
        identity.account
    ))
}
