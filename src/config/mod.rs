//! Settings in layers: defaults, file, environment, flags. Every value knows where it came from.

mod channels;
mod looks;
mod terminal;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::breaker::Policy;
use crate::document::{
    Problem, Problems, Reader, Source, SourceError, parse, render, trust_groups,
};
use crate::journal::{JournalError, state_folder};
use crate::notify::Configured;
use crate::playbook::Severity;
use crate::redaction::{Pattern, Redactor};

/// Root's own configuration. It is read before the user's.
const SYSTEM: &str = "/etc/standdown/config.toml";
pub use terminal::{ColorChoice, Depth, Glyphs};
pub use watch::{SeverityRule, Watch};

/// How long a question must have been on the screen before it takes an answer, unless set.
pub const PROMPT_DELAY: Duration = Duration::from_millis(300);

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(&'static str),
    /// A command-line flag.
    Flag(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    fn default(value: T) -> Self {
        Self {
            value,
            origin: Origin::Default,
        }
    }

    fn set(&mut self, value: Option<T>, origin: Origin) {
        if let Some(value) = value {
            *self = Self { value, origin };
        }
    }
}

/// All settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the command line said.
    pub flags: Flags,
    /// The theme's name, or a path to one.
    pub theme: Setting<String>,
    /// How many colours are shown.
    pub color: Setting<ColorChoice>,
    /// Which signs are shown; what the locale says unless set.
    pub ascii: Setting<Option<bool>>,
    /// Keys for commands, by their names.
    pub keys: Setting<BTreeMap<String, Vec<String>>>,
    /// How long a question must have been on the screen before it takes an answer.
    pub prompt_delay: Setting<Duration>,
    /// Whether the wheel of a mouse is listened to.
    pub mouse: Setting<bool>,
    /// The AWS profile.
    pub profile: Setting<Option<String>>,
    /// The AWS region.
    pub region: Setting<Option<String>>,
    /// The profiles and regions whose alarms are watched; the one profile and region unless set.
    pub watch: Setting<Vec<Watch>>,
    /// Whether every region that is open to the accounts is watched.
    pub all_regions: Setting<bool>,
    /// How bad alarms are, by their names.
    pub severities: Setting<Vec<SeverityRule>>,
    /// Whether nothing may be changed from here.
    pub read_only: Setting<bool>,
    /// Change calendars of Systems Manager that are looked at, by name or ARN.
    pub calendars: Setting<Vec<String>>,
    /// The folder through which others agree to changes.
    pub approvals: Setting<Option<PathBuf>>,
    /// Roles that several people are known to use.
    pub shared_roles: Setting<Vec<String>>,
    /// Groups whose members may write files that are used here; root's own configuration names them.
    pub trusted_groups: Setting<Vec<String>>,
    /// Who is told of what.
    pub channels: Setting<Vec<Configured>>,
    /// Whether who agrees has to prove who calls AWS.
    pub require_caller_identity: Setting<bool>,
    /// When an AWS service that keeps failing is left alone, and for how long.
    pub breaker: Setting<Policy>,
    /// How many healing actions there may be within an hour, all rules together.
    pub healing_per_hour: Setting<u32>,
    /// What `standdown watch` runs when it has opened an incident.
    pub alert: Setting<Vec<String>>,
    /// The folder that is searched for playbooks before all others.
    pub playbooks: Setting<Option<PathBuf>>,
    /// From one refresh of the alarms to the next.
    pub refresh: Setting<Duration>,
    /// The folder of the journal; the usual one unless set.
    pub state: Setting<Option<PathBuf>>,
    /// Patterns of secrets, beside those that every console masks.
    pub redact: Setting<Vec<String>>,
}

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub struct Flags {
    /// `--color`
    pub color: Option<ColorChoice>,
    /// `--ascii`
    pub ascii: bool,
    /// `--plain`
    pub plain: bool,
    /// `--theme`
    pub theme: Option<String>,
    /// `--profile`, as often as it was given
    pub profiles: Vec<String>,
    /// `--region`, as often as it was given
    pub regions: Vec<String>,
    /// `--all-regions`
    pub all_regions: bool,
    /// `--read-only`
    pub read_only: bool,
    /// `--playbooks`
    pub playbooks: Option<PathBuf>,
    /// `--state`
    pub state: Option<PathBuf>,
    /// `--config`
    pub config: Option<PathBuf>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file is wrong.
    #[error("failed to use the configuration file {path}:\n\n{report}")]
    Problems {
        /// The file.
        path: String,
        /// Everything that is wrong, with places.
        report: String,
    },
}

/// The folder of the user's configuration: `$XDG_CONFIG_HOME/standdown`, or `~/.config/standdown`.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".config")))
        .map(|base| base.join("standdown"))
}

impl Settings {
    /// Reads all layers.
    ///
    /// # Errors
    /// When the configuration file cannot be read or is wrong. Without one there is no error,
    /// unless it was named.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let mut settings = Self {
            flags: flags.clone(),
            color: Setting::default(ColorChoice::Auto),
            ascii: Setting::default(None),
            keys: Setting::default(BTreeMap::new()),
            prompt_delay: Setting::default(PROMPT_DELAY),
            mouse: Setting::default(false),
            theme: Setting::default("dark".into()),
            profile: Setting::default(None),
            region: Setting::default(None),
            watch: Setting::default(Vec::new()),
            all_regions: Setting::default(false),
            severities: Setting::default(Vec::new()),
            read_only: Setting::default(false),
            alert: Setting::default(Vec::new()),
            calendars: Setting::default(Vec::new()),
            approvals: Setting::default(None),
            shared_roles: Setting::default(Vec::new()),
            trusted_groups: Setting::default(Vec::new()),
            channels: Setting::default(Vec::new()),
            require_caller_identity: Setting::default(false),
            breaker: Setting::default(Policy::default()),
            healing_per_hour: Setting::default(10),
            playbooks: Setting::default(None),
            refresh: Setting::default(Duration::from_secs(10)),
            state: Setting::default(None),
            redact: Setting::default(Vec::new()),
        };
        let usual = folder()
            .map(|folder| folder.join("config.toml"))
            .filter(|path| path.symlink_metadata().is_ok());
        // Root's own file comes first: what it says of trust counts from there alone.
        let system = Path::new(SYSTEM);
        if system.symlink_metadata().is_ok() {
            settings.read(system)?;
        }
        trust_groups(&settings.trusted_groups.value);
        if let Some(path) = flags.config.clone().or(usual) {
            settings.read(&path)?;
        }
        if let Ok(theme) = std::env::var("STANDDOWN_THEME") {
            settings
                .theme
                .set(Some(theme), Origin::Environment("STANDDOWN_THEME"));
        }
        settings
            .theme
            .set(flags.theme.clone(), Origin::Flag("--theme"));
        settings.color.set(flags.color, Origin::Flag("--color"));
        settings
            .ascii
            .set(flags.ascii.then_some(Some(true)), Origin::Flag("--ascii"));
        if let Ok(text) = std::env::var("STANDDOWN_PROMPT_DELAY") {
            // What cannot be read leaves the usual care.
            settings.prompt_delay.set(
                humantime::parse_duration(&text).ok(),
                Origin::Environment("STANDDOWN_PROMPT_DELAY"),
            );
        }
        settings.places(flags);
        if let Ok(text) = std::env::var("STANDDOWN_READ_ONLY") {
            // What was meant to be safe shall not be unsafe because of its spelling.
            let on = !["", "0", "false", "no", "off"].contains(&text.to_lowercase().as_str());
            settings.read_only.set(
                on.then_some(true),
                Origin::Environment("STANDDOWN_READ_ONLY"),
            );
        }
        settings
            .read_only
            .set(flags.read_only.then_some(true), Origin::Flag("--read-only"));
        if let Some(folder) =
            std::env::var_os("STANDDOWN_STATE").filter(|folder| !folder.is_empty())
        {
            settings.state.set(
                Some(Some(folder.into())),
                Origin::Environment("STANDDOWN_STATE"),
            );
        }
        settings
            .state
            .set(flags.state.clone().map(Some), Origin::Flag("--state"));
        settings.playbooks.set(
            flags.playbooks.clone().map(Some),
            Origin::Flag("--playbooks"),
        );
        Ok(settings)
    }

    fn read(&mut self, path: &Path) -> Result<(), ConfigError> {
        let source = Source::read_kept(path)?;
        let (root, syntax) = parse(&source.text);
        let problems = Problems::default();
        problems.syntax(syntax);
        let reader = Reader::new(&root, "the configuration", &problems);
        let origin = || Origin::File(path.to_owned());
        let text = |key| reader.string(key).map(|text| text.value);
        self.theme.set(text("theme"), origin());
        self.color.set(looks::color(&reader), origin());
        self.ascii.set(reader.boolean("ascii").map(Some), origin());
        self.keys.set(looks::keys(&reader), origin());
        self.prompt_delay
            .set(reader.duration("prompt_delay"), origin());
        self.mouse.set(reader.boolean("mouse"), origin());
        self.profile.set(text("profile").map(Some), origin());
        self.region.set(text("region").map(Some), origin());
        self.playbooks
            .set(text("playbooks").map(PathBuf::from).map(Some), origin());
        self.state
            .set(text("state").map(PathBuf::from).map(Some), origin());
        let watched = watch::read(&reader);
        self.watch
            .set((!watched.is_empty()).then_some(watched), origin());
        let rules = watch::severities(&reader);
        self.severities
            .set((!rules.is_empty()).then_some(rules), origin());
        self.read_only.set(reader.boolean("read_only"), origin());
        let texts = |key| -> Vec<String> {
            let all = reader.strings(key).into_iter();
            all.map(|text| text.value).collect()
        };
        let alert = texts("alert");
        let calendars = texts("calendars");
        let shared = texts("shared_roles");
        let groups = texts("trusted_groups");
        if path == Path::new(SYSTEM) {
            self.trusted_groups
                .set((!groups.is_empty()).then_some(groups), origin());
        } else if !groups.is_empty() {
            problems.push(
                Problem::error("`trusted_groups` counts in root's configuration alone")
                    .at(reader
                        .node("trusted_groups")
                        .map_or(0..0, |node| node.span.clone()))
                    .help(format!("write it into {SYSTEM}")),
            );
        }
        self.shared_roles
            .set((!shared.is_empty()).then_some(shared), origin());
        let channels = channels::read(&reader);
        self.channels
            .set((!channels.is_empty()).then_some(channels), origin());
        self.require_caller_identity
            .set(reader.boolean("require_caller_identity"), origin());
        let breaker = reader.table("breaker").map(|table| {
            let usual = Policy::default();
            let count = |key, usual| {
                let count = table.integer(key, 1..=1000);
                count
                    .and_then(|count| u32::try_from(count).ok())
                    .unwrap_or(usual)
            };
            let policy = Policy {
                failures: count("failures", usual.failures),
                recovery: table.duration("recovery").unwrap_or(usual.recovery),
                successes: count("successes", usual.successes),
            };
            table.finish();
            policy
        });
        self.breaker.set(breaker, origin());
        let per_hour = reader.integer("healing_per_hour", 0..=1000);
        self.healing_per_hour
            .set(per_hour.and_then(|most| u32::try_from(most).ok()), origin());
        let approvals = reader.string("approvals");
        // Whoever names the folder decides whose files are in it.
        if let Some(named) = &approvals
            && let Ok(file) = path.metadata()
            && std::os::unix::fs::MetadataExt::uid(&file) != 0
        {
            problems.push(
                Problem::error("only root names the folder of approvals")
                    .at(named.span.clone())
                    .help(format!(
                        "root writes it into {SYSTEM}; without it, {} is used",
                        crate::approvals::USUAL
                    )),
            );
        }
        let approvals = approvals.map(|named| Some(PathBuf::from(named.value)));
        self.approvals.set(approvals, origin());
        self.calendars
            .set((!calendars.is_empty()).then_some(calendars), origin());
        self.alert
            .set((!alert.is_empty()).then_some(alert), origin());
        let patterns = reader.strings("redact");
        for pattern in &patterns {
            let alone = Pattern {
                expression: pattern.value.clone(),
            };
            if let Err(error) = Redactor::with(&[alone]) {
                problems.push(
                    Problem::error("this is not a regular expression")
                        .at(pattern.span.clone())
                        .help(error.to_string()),
                );
            }
        }
        if !patterns.is_empty() {
            self.redact.set(
                Some(patterns.into_iter().map(|pattern| pattern.value).collect()),
                origin(),
            );
        }
        let refresh = reader.duration("refresh");
        if refresh.is_some_and(|refresh| refresh < Duration::from_secs(2)) {
            problems.push(
                Problem::error("`refresh` is shorter than 2 s")
                    .at(reader
                        .node("refresh")
                        .map_or(0..0, |node| node.span.clone()))
                    .help("CloudWatch allows nine DescribeAlarms a second for the whole account"),
            );
        }
        self.refresh.set(refresh, origin());
        reader.finish();
        let problems = problems.into_sorted();
        if problems.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Problems {
            path: source.name.to_string(),
            report: render(&source, &problems, false),
        })
    }

    /// The journal's folder.
    ///
    /// # Errors
    /// When none was set and no home is known.
    pub fn state_folder(&self) -> Result<PathBuf, JournalError> {
        self.state.value.clone().map_or_else(state_folder, Ok)
    }

    /// Masks secrets as configured.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        let patterns: Vec<Pattern> = self
            .redact
            .value
            .iter()
            .map(|expression| Pattern {
                expression: expression.clone(),
            })
            .collect();
        // They were checked where they were read.
        Redactor::with(&patterns).unwrap_or_default()
    }

    /// The folders that are searched for playbooks, in order; those in the binary come last.
    #[must_use]
    pub fn playbook_folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = self.playbooks.value.iter().cloned().collect();
        folders.extend(folder().map(|folder| folder.join("playbooks")));
        folders.push("/etc/standdown/playbooks".into());
        folders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, flags: Flags) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        Settings::load(&Flags {
            config: Some(path),
            ..flags
        })
    }

    #[test]
    fn flags_win_over_the_file_and_say_so() {
        let settings = load(
            "theme = \"light\"\nregion = \"eu-west-1\"",
            Flags {
                regions: vec!["us-east-1".into()],
                ..Flags::default()
            },
        )
        .unwrap();
        assert_eq!(settings.region.value.as_deref(), Some("us-east-1"));
        assert_eq!(settings.region.origin, Origin::Flag("--region"));
        assert!(matches!(settings.theme.origin, Origin::File(_)));
        assert_eq!(settings.refresh.origin, Origin::Default);
    }

    #[test]
    fn a_wrong_file_is_an_error_with_its_place() {
        let error = load("tema = \"light\"\nrefresh = 3", Flags::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("did you mean `theme`") && error.contains("config.toml:2"),
            "{error}"
        );
    }

    #[test]
    fn a_named_file_must_be_there() {
        let flags = Flags {
            config: Some("/nonexistent/x.toml".into()),
            ..Flags::default()
        };
        assert!(Settings::load(&flags).is_err());
    }
}
