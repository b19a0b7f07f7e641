//! The clients of every profile and region that is asked for, each made once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::{Aws, AwsSettings, Broken, ConnectError, Store};

/// A profile and a region; what is empty is what the console was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The profile, as in `AWS_PROFILE`.
    pub profile: String,
    /// The region, as in `AWS_REGION`.
    pub region: String,
}

impl Place {
    /// Names a place.
    #[must_use]
    pub fn new(profile: &str, region: &str) -> Self {
        Self {
            profile: profile.to_owned(),
            region: region.to_owned(),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.profile.as_str(), self.region.as_str()) {
            ("", "") => f.write_str("the usual profile and region"),
            ("", region) => f.write_str(region),
            (profile, "") => f.write_str(profile),
            (profile, region) => write!(f, "{profile}/{region}"),
        }
    }
}

type Cell = Arc<OnceCell<Arc<Aws>>>;

/// Makes clients, and keeps them. What could not be connected is tried anew by whoever asks next:
/// credentials may have been renewed meanwhile.
#[derive(Debug, Default)]
pub struct Pool {
    usual: AwsSettings,
    made: Mutex<HashMap<Place, Cell>>,
    /// The credentials of profiles, shared by all regions.
    credentials: Store,
    unusable: Option<String>,
}

impl Pool {
    /// `usual` is what the console was started with.
    #[must_use]
    pub fn new(usual: AwsSettings) -> Self {
        Self {
            usual,
            ..Self::default()
        }
    }

    /// A pool in which nothing can be connected, and why.
    #[must_use]
    pub fn unusable(reason: &str) -> Self {
        Self {
            unusable: Some(reason.to_owned()),
            ..Self::default()
        }
    }

    /// A pool that holds one place's clients already.
    #[must_use]
    pub fn with(usual: AwsSettings, aws: Arc<Aws>) -> Self {
        let pool = Self::new(usual);
        let cell = Arc::new(OnceCell::new_with(Some(aws)));
        pool.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Place::default(), cell);
        pool
    }

    /// The clients of a place, connected first if need be.
    ///
    /// # Errors
    /// When there is no region, or there are no credentials.
    pub async fn at(&self, place: &Place) -> Result<Arc<Aws>, ConnectError> {
        if let Some(reason) = &self.unusable {
            return Err(ConnectError::Unusable(reason.clone()));
        }
        // What was named differently may be the same place.
        let usual = self.known(&Place::default());
        if let Some(usual) = usual.filter(|usual| {
            let same = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
            same(&place.profile, &usual.profile) && same(&place.region, &usual.region)
        }) {
            return Ok(usual);
        }
        let cell = Arc::clone(
            self.made
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(place.clone())
                .or_default(),
        );
        let named = |name: &str, usual: &Option<String>| {
            if name.is_empty() {
                usual.clone()
            } else {
                Some(name.to_owned())
            }
        };
        let made = cell
            .get_or_try_init(|| async {
                let settings = AwsSettings {
                    profile: named(&place.profile, &self.usual.profile),
                    region: named(&place.region, &self.usual.region),
                    rehearsal_endpoint: self.usual.rehearsal_endpoint.clone(),
                    breaker: self.usual.breaker,
                };
                Aws::connect(&settings, &self.credentials)
                    .await
                    .map(Arc::new)
            })
            .await
            .cloned()?;
        Ok(self.known_as(place, made))
    }

    /// One place can be named in several ways; its clients, and their pace, are the same.
    fn known_as(&self, asked: &Place, made: Arc<Aws>) -> Arc<Aws> {
        let place = Place::new(&made.profile, &made.region);
        if place == *asked {
            return made;
        }
        let mut all = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = |aws: &Arc<Aws>| Arc::new(OnceCell::new_with(Some(Arc::clone(aws))));
        if let Some(first) = all.get(&place).and_then(|cell| cell.get().cloned()) {
            // Of keys in the environment and a profile only one is what was asked for.
            if !Arc::ptr_eq(&first, &made) && first.named == made.named {
                all.insert(asked.clone(), cell(&first));
                return first;
            }
            return made;
        }
        all.insert(place, cell(&made));
        made
    }

    /// Forgets a place's clients: its credentials have to be looked for anew.
    pub fn forget(&self, place: &Place) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = made.remove(place).and_then(|cell| cell.get().cloned());
        // The same clients may be known as the usual ones.
        if let Some(gone) = gone {
            made.retain(|_, cell| !cell.get().is_some_and(|kept| Arc::ptr_eq(kept, &gone)));
        }
    }

    /// The credentials that are waited for now, and how long already.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        self.credentials.waiting()
    }

    /// The operations of all places whose circuit breakers are not closed.
    #[must_use]
    pub fn broken(&self) -> Vec<Broken> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = made.values().filter_map(|cell| cell.get());
        let mut all: Vec<Broken> = clients.flat_map(|aws| aws.broken()).collect();
        // One place can be known by several names.
        all.sort_by(|a, b| (&a.place, a.service).cmp(&(&b.place, b.service)));
        all.dedup_by(|a, b| (&a.place, a.service) == (&b.place, b.service));
        all
    }

    /// The clients of a place, if they were made already.
    #[must_use]
    pub fn known(&self, place: &Place) -> Option<Arc<Aws>> {
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(place)
            .and_then(|cell| cell.get().cloned())
    }
}
