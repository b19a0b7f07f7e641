//! What the console takes up again the next time it starts: where the responder looked, not what
//! happened. What cannot be read is as if it had never been there.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::model::{Model, Order, Screen, Zone};

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// The view: `board`, `approvals`, `healing`, `statistics`.
    pub view: String,
    /// The board's filter.
    pub filter: String,
    /// How the board is sorted.
    pub sort: String,
    /// `utc` or `local`.
    pub zone: String,
    /// Whether the introduction was read or skipped.
    pub introduced: bool,
}

/// The file's name, in the folder of the journal.
const NAME: &str = "console.json";
/// It is smaller than this, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Where it is kept.
#[must_use]
pub fn place(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

impl Remembered {
    /// Reads what was kept.
    #[must_use]
    pub fn read(place: &Path) -> Self {
        // Something else in its place is not waited for, and not read without end.
        let is_file = std::fs::metadata(place).is_ok_and(|it| it.is_file() && it.len() <= LARGEST);
        if !is_file {
            return Self::default();
        }
        let text = std::fs::read_to_string(place).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps it for the next time.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, place: &Path) -> std::io::Result<()> {
        let folder = place.parent().unwrap_or(Path::new("."));
        crate::document::make_folder(folder)?;
        // Whole or not at all: two consoles may end at once.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.persist(place)?;
        Ok(())
    }

    /// What a model would have remembered.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let view = match model.screen {
            Screen::Requests => "approvals",
            Screen::Healings => "healing",
            Screen::Statistics => "statistics",
            // What belongs to an incident is found through it.
            Screen::Board | Screen::Incident | Screen::Timeline | Screen::Evidence => "board",
        };
        Self {
            view: view.into(),
            filter: model.filter.clone(),
            sort: model.order.name().into(),
            zone: model.zone.name().into(),
            introduced: model.introduced,
        }
    }

    /// Takes a model there.
    pub fn restore(&self, model: &mut Model) {
        model.screen = match self.view.as_str() {
            "approvals" => Screen::Requests,
            "healing" => Screen::Healings,
            "statistics" => Screen::Statistics,
            _ => Screen::Board,
        };
        let sorts = |order: &Order| order.name() == self.sort;
        model.order = Order::ALL.into_iter().find(sorts).unwrap_or_default();
        if self.zone == Zone::Local.name() {
            model.zone = Zone::Local;
        }
        model.introduced = self.introduced;
        model.filter.clone_from(&self.filter);
        if !self.filter.is_empty() {
            // What is hidden is said: nobody remembers last night's filter.
            let text = format!(
                "the filter of last time is on: {}; Esc clears it",
                self.filter
            );
            model.say(text, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_comes_back_and_what_is_broken_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let now = chrono::DateTime::from_timestamp(0, 0).unwrap();
        let every = std::time::Duration::from_secs(10);
        let new = || Model::new(Default::default(), (80, 24), now, every);
        let mut before = new();
        (before.screen, before.order, before.zone) = (Screen::Healings, Order::Age, Zone::Local);
        before.filter = "state:alarm".into();
        before.introduced = true;
        Remembered::of(&before).write(&place).unwrap();
        let mut after = new();
        Remembered::read(&place).restore(&mut after);
        assert_eq!(Remembered::of(&after), Remembered::of(&before));
        assert!(
            after
                .message
                .is_some_and(|said| said.text.contains("state:alarm"))
        );
        std::fs::write(&place, "{ \"view\": 3").unwrap();
        assert_eq!(Remembered::read(&place), Remembered::default());
    }
}
