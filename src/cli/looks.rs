//! How the console looks on this terminal, and what it takes up from the last time.

use std::sync::Arc;
use std::time::Duration;

use crate::commands::Keys;
use crate::config::{Glyphs, Settings};
use crate::engine;
use crate::journal::state_folder;
use crate::tui::{
    Front, Header, Looks, Manners, Reload, Remembered, TerminalError, Theme, ThemeError,
    remembered_place,
};

/// The signs that the terminal knows.
pub(super) fn glyphs(settings: &Settings) -> Glyphs {
    match settings.ascii.value {
        Some(true) => Glyphs::Ascii,
        Some(false) => Glyphs::Unicode,
        None => Glyphs::detect(),
    }
}

fn theme(name: &str, settings: &Settings) -> Result<Theme, ThemeError> {
    // The console is on a terminal, or it does not begin.
    Theme::load(name, settings.color.value.depth(true), glyphs(settings))
}

/// The theme and the keys.
fn looks(settings: &Settings) -> Result<Looks, TerminalError> {
    // They were checked where they were read.
    let keys = Keys::with(&settings.keys.value).unwrap_or_default();
    Ok(Looks {
        theme: theme(&settings.theme.value, settings)?,
        keys: Arc::new(keys),
    })
}

/// Reads them anew, from the same places.
pub(super) fn reload(settings: &Settings) -> Reload {
    let flags = settings.flags.clone();
    Arc::new(move || {
        let settings = Settings::load(&flags).map_err(|error| {
            // What is wrong comes first: the rest says where it is, and what to write instead.
            let text = error.to_string();
            let wrong = text.lines().find_map(|line| line.strip_prefix("error: "));
            wrong.map_or_else(|| text.clone(), |wrong| format!("{wrong}\n{text}"))
        })?;
        looks(&settings).map_err(|error| error.to_string())
    })
}

type Themes = Box<dyn Fn(&'static str) -> Result<Theme, String> + Send + Sync>;

/// Makes a theme of the binary's as this terminal shows it.
pub(super) fn themes(settings: &Settings) -> Themes {
    let settings = settings.clone();
    Box::new(move |name| theme(name, &settings).map_err(|error| error.to_string()))
}

/// What the first picture is made of, on live alarms or in a rehearsal of that name.
pub(super) fn front(
    settings: &Settings,
    rehearsal: Option<String>,
    refresh: Duration,
) -> Result<Front, TerminalError> {
    Ok(Front {
        looks: looks(settings)?,
        manners: manners(settings),
        remembered: remembered(rehearsal.is_some()),
        header: Header {
            rehearsal,
            read_only: settings.read_only.value,
            user: engine::actor().user,
            playbooks: settings
                .playbooks
                .value
                .as_ref()
                .map(|folder| folder.display().to_string()),
        },
        refresh,
        severities: settings.severities.value.clone(),
    })
}

/// How the terminal is used.
fn manners(settings: &Settings) -> Manners {
    Manners {
        prompt_delay: settings.prompt_delay.value,
        mouse: settings.mouse.value,
        measures: settings.ascii.value.is_none() && glyphs(settings) == Glyphs::Unicode,
        copied: state_folder().ok().map(|folder| folder.join("copied.txt")),
    }
}

/// What the last console remembered. A rehearsal begins as it is, but for what is the responder's.
fn remembered(rehearsal: bool) -> (Remembered, Option<std::path::PathBuf>) {
    let place = state_folder().ok().map(|folder| remembered_place(&folder));
    let read = place.as_deref().map(Remembered::read).unwrap_or_default();
    if rehearsal {
        let own = Remembered {
            zone: read.zone,
            introduced: read.introduced,
            ..Remembered::default()
        };
        return (own, None);
    }
    (read, place)
}
