//! A metric's dimensions: a few names with values, in the order of their names.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A metric's dimensions. There are thousands of alarms, each with one or two: a list takes a
/// hundred bytes where a tree takes a thousand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Dimensions(Arc<[(String, String)]>);

impl Dimensions {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&String> {
        let found = self.0.binary_search_by(|(own, _)| own.as_str().cmp(name));
        found.ok().map(|at| &self.0[at].1)
    }

    /// Names with values, in the order of the names.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &String)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The values, in the order of their names.
    #[must_use]
    pub fn values(&self) -> impl ExactSizeIterator<Item = &String> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<(String, String)> for Dimensions {
    /// Of two with the same name, the last counts.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(all: I) -> Self {
        let sorted: BTreeMap<String, String> = all.into_iter().collect();
        Self(sorted.into_iter().collect())
    }
}

impl<const N: usize> From<[(String, String); N]> for Dimensions {
    fn from(all: [(String, String); N]) -> Self {
        all.into_iter().collect()
    }
}

impl Serialize for Dimensions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Dimensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all: BTreeMap<String, String> = Deserialize::deserialize(deserializer)?;
        Ok(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_as_a_map_and_read_back() {
        let all: Dimensions = [("b", "2"), ("a", "1"), ("b", "3")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(text, r#"{"a":"1","b":"3"}"#);
        assert_eq!(serde_json::from_str::<Dimensions>(&text).unwrap(), all);
        assert_eq!(all.get("b").map(String::as_str), Some("3"));
        assert_eq!((all.get("c"), all.len()), (None, 2));
    }
}
