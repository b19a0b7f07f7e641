//! The chain: every event's hash covers its predecessor's, so that none can be altered, removed
//! or moved without a trace.
//!
//! It shows tampering by accident and by those who do not hold the last hash. Somebody who can
//! write the whole file can compute a new chain; a head that was kept elsewhere tells.

use sha2::{Digest, Sha256};

/// A SHA-256 hash in the chain. Before the first event it is all zeros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text is not a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits, as printed when the console ends")]
pub struct HashError;

impl std::str::FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let digits: Vec<u8> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .ok_or(HashError)?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        if !rest.is_empty() {
            return Err(HashError);
        }
        bytes.try_into().map(Self).map_err(|_| HashError)
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What the chain covers of an event: everything that is stored of it, as it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link<'a> {
    pub incident: &'a str,
    pub sequence: u64,
    /// Nanoseconds since 1970.
    pub at: i64,
    pub by: &'a str,
    pub version: i64,
    pub payload: &'a str,
    /// The hash of the part that is stored apart.
    pub blob: Option<&'a str>,
}

impl Link<'_> {
    /// The event's hash: SHA-256 over the predecessor's hash, then each field with its length
    /// before it as eight bytes, big-endian. Numbers are eight bytes, big-endian.
    pub fn hash(&self, previous: Hash) -> Hash {
        let mut digest = Sha256::new();
        digest.update(previous.0);
        let mut field = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        field(self.incident.as_bytes());
        field(&self.sequence.to_be_bytes());
        field(&self.at.to_be_bytes());
        field(self.by.as_bytes());
        field(&self.version.to_be_bytes());
        field(self.payload.as_bytes());
        field(self.blob.unwrap_or_default().as_bytes());
        Hash(digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_the_predecessor_count() {
        let link = Link {
            incident: "i",
            sequence: 1,
            at: 2,
            by: "b",
            version: 3,
            payload: "p",
            blob: None,
        };
        let first = link.hash(Hash::default());
        let others = [
            Link {
                incident: "j",
                ..link
            },
            Link {
                sequence: 2,
                ..link
            },
            Link { at: 3, ..link },
            Link { by: "c", ..link },
            Link { version: 4, ..link },
            Link {
                payload: "q",
                ..link
            },
            Link {
                blob: Some("x"),
                ..link
            },
            // The lengths keep fields apart.
            Link {
                by: "bp",
                payload: "",
                ..link
            },
        ];
        for other in others {
            assert_ne!(other.hash(Hash::default()), first, "{other:?}");
        }
        assert_ne!(link.hash(first), first);
        assert_eq!(first.to_string().parse(), Ok(first));
        assert!("zz".parse::<Hash>().is_err() && "ab".parse::<Hash>().is_err());
    }
}
