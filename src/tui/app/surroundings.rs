//! What the console works with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::alarms::Board;
use crate::approvals::Decision;
use crate::clock;
use crate::commands::Keys;
use crate::config::SeverityRule;
use crate::engine::{self, Handle, Recorder};
use crate::incident::{AlarmRef, IncidentId, Rehearsal};
use crate::journal::{Acknowledgement, Summary};
use crate::notify::Signal;
use crate::playbook::Catalog;
use crate::tui::model::{Header, Model, Screen};
use crate::tui::panes::{Healings, Lists, Requests};
use crate::tui::remembered::Remembered;
use crate::tui::theme::Theme;

/// Records that somebody looks after an alarm, and says what came of it.
pub type Acknowledge = Box<
    dyn Fn(Acknowledgement) -> futures_util::future::BoxFuture<'static, Result<(), String>>
        + Send
        + Sync,
>;

/// Answers the request with a digest, and says what came of it.
pub type Reply = Box<
    dyn Fn(
            (String, String, Decision),
        ) -> futures_util::future::BoxFuture<'static, Result<String, String>>
        + Send
        + Sync,
>;

/// How things look, and which keys there are.
#[derive(Debug, Clone)]
pub struct Looks {
    /// The theme.
    pub theme: Theme,
    /// The keys.
    pub keys: Arc<Keys>,
}

/// Reads looks anew, and says what is wrong with them.
pub type Reload = Arc<dyn Fn() -> Result<Looks, String> + Send + Sync>;

/// How the terminal is used.
#[derive(Debug, Clone)]
pub struct Manners {
    /// How long a question must have been on the screen before it takes an answer.
    pub prompt_delay: Duration,
    /// Whether the wheel of a mouse is listened to.
    pub mouse: bool,
    /// Whether to ask the terminal how wide it draws the signs that are wide in East Asia: where nobody
    /// said which signs to use.
    pub measures: bool,
    /// Where what is copied is kept.
    pub copied: Option<PathBuf>,
}

/// What the first picture is made of: nothing of it is waited for.
pub struct Front {
    /// How things look, and which keys there are.
    pub looks: Looks,
    /// How the terminal is used.
    pub manners: Manners,
    /// What the last console remembered, and where it is kept.
    pub remembered: (Remembered, Option<PathBuf>),
    /// What the header says from the start.
    pub header: Header,
    /// How often alarms are asked for.
    pub refresh: Duration,
    /// How alarms are graded by their names.
    pub severities: Vec<SeverityRule>,
}

impl Front {
    /// A model of what is known at the beginning, for a screen of so many columns and rows.
    pub(super) fn model(&self, size: (u16, u16)) -> Model {
        let mut model = Model::new(self.header.clone(), size, clock::now(), self.refresh);
        model.severities.clone_from(&self.severities);
        model.keys = Arc::clone(&self.looks.keys);
        self.remembered.0.restore(&mut model);
        model
    }
}

/// What the console works with.
pub struct Surroundings {
    /// What it began with.
    pub front: Front,
    /// Reads the looks anew.
    pub reload: Reload,
    /// Makes a theme of the binary's as this terminal shows it.
    pub themes: Box<dyn Fn(&'static str) -> Result<Theme, String> + Send + Sync>,
    /// The playbooks, once they are read.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// The alarms.
    pub boards: watch::Receiver<Arc<Board>>,
    /// Which alarms are in view.
    pub visible: watch::Sender<Vec<Arc<AlarmRef>>>,
    /// The journal.
    pub recorder: Recorder,
    /// How engines are made.
    pub engine: engine::Settings,
    /// The rehearsal this is.
    pub rehearsal: Option<Rehearsal>,
    /// Records that somebody looks after an alarm.
    pub acknowledge: Acknowledge,
    /// What the rehearsal's scenario would answer, by input.
    pub hints: BTreeMap<String, String>,
    /// Whether an incident is opened although an unfinished one is there for the alarm.
    pub fresh: bool,
    /// The incident to open at once.
    pub open: Option<IncidentId>,
    /// The playbook to start at once, without an alarm, with values for its inputs.
    pub start: Option<(String, BTreeMap<String, String>)>,
    /// All incidents, or why none could be looked for.
    pub incidents: watch::Receiver<Option<Result<Vec<Summary>, String>>>,
    /// What others ask this user to agree to.
    pub requests: watch::Receiver<Arc<Requests>>,
    /// The healing rules, and what they have done.
    pub healings: watch::Receiver<Arc<Healings>>,
    /// The channels that are left alone because they kept failing, in words.
    pub untold: watch::Receiver<Vec<String>>,
    /// What is read line by line.
    pub lists: watch::Receiver<Arc<Lists>>,
    /// How the terminal calls its user when an answer is needed.
    pub signals: Vec<Signal>,
    /// Is told which screen is looked at.
    pub looking: watch::Sender<Screen>,
    /// Answers a request of somebody else's.
    pub reply: Reply,
    /// Is told of every incident that is opened.
    pub opened: Box<dyn Fn(&Handle) + Send + Sync>,
}
