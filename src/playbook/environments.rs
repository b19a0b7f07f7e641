//! Values by where the alarm is, and secrets for local programs.

use super::catalog::glob;
use super::model::{Environment, Frame, SecretSource};
use super::parse::{self, Draft};
use crate::document::{Problem, Reader};

impl Environment {
    /// Tells whether an alarm is in it.
    #[must_use]
    pub fn matches(&self, account: &str, region: &str, profile: &str, alarm: &str) -> bool {
        let any = |patterns: &[String], value: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| glob(pattern, value))
        };
        any(&self.accounts, account)
            && any(&self.regions, region)
            && any(&self.profiles, profile)
            && any(&self.alarms, alarm)
    }
}

impl Frame {
    /// The environment of an alarm: the first that matches, in the order written.
    #[must_use]
    pub fn environment(
        &self,
        account: &str,
        region: &str,
        profile: &str,
        alarm: &str,
    ) -> Option<&Environment> {
        self.environments
            .iter()
            .find(|one| one.matches(account, region, profile, alarm))
    }
}

pub(super) fn environments(reader: &Reader<'_>, draft: &Draft<'_>) -> Vec<Environment> {
    let Some(table) = reader.table("environments") else {
        return Vec::new();
    };
    let all: Vec<(Environment, std::ops::Range<usize>)> = table
        .entries()
        .iter()
        .map(|(name, span, node)| {
            let entry = Reader::new(node, format!("environment `{name}`"), draft.problems);
            let mut environment = Environment {
                name: name.clone(),
                ..Environment::default()
            };
            if let Some(wanted) = entry.table("match") {
                environment.accounts = parse::plain(wanted.strings("accounts"));
                environment.regions = parse::plain(wanted.strings("regions"));
                environment.profiles = parse::plain(wanted.strings("profiles"));
                environment.alarms = parse::plain(wanted.strings("alarms"));
                for account in wanted.strings("accounts") {
                    let digits = account
                        .value
                        .bytes()
                        .all(|b| b.is_ascii_digit() || b"*?".contains(&b));
                    if !digits || (account.value.len() != 12 && !account.value.contains('*')) {
                        draft.problems.push(
                            Problem::error(format!("{:?} is no account", account.value))
                                .at(account.span)
                                .help("an account is twelve digits, as a string"),
                        );
                    }
                }
                wanted.finish();
            }
            if let Some(values) = entry.table("values") {
                for (name, span, node) in values.entries() {
                    parse::variable_name(name, span, draft.problems);
                    environment.values.insert(name.clone(), node.to_json());
                }
            }
            entry.finish();
            (environment, span.clone())
        })
        .collect();
    for (environment, span) in &all {
        let missing: Vec<&str> = all
            .iter()
            .flat_map(|(other, _)| other.values.keys())
            .map(String::as_str)
            .filter(|name| !environment.values.contains_key(*name))
            .fold(Vec::new(), |mut names, name| {
                if !names.contains(&name) {
                    names.push(name);
                }
                names
            });
        if !missing.is_empty() {
            draft.problems.push(
                Problem::warning(format!(
                    "environment `{}` gives no value for {}",
                    environment.name,
                    missing.join(", ")
                ))
                .at(span.clone())
                .help("where it applies, what reads env there will be unknown"),
            );
        }
    }
    all.into_iter()
        .map(|(environment, _)| environment)
        .collect()
}

impl SecretSource {
    /// Reads where a secret stands: `ssm:/path`, `env:NAME` or `file:/absolute/path`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty())?;
        match kind {
            "ssm" => Some(Self::Ssm(rest.to_owned())),
            "env" => Some(Self::Env(rest.to_owned())),
            "file" if rest.starts_with('/') => Some(Self::File(rest.to_owned())),
            _ => None,
        }
    }
}

pub(super) fn secrets(reader: &Reader<'_>, draft: &Draft<'_>) -> Vec<(String, SecretSource)> {
    let Some(table) = reader.table("secrets") else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (name, span, node) in table.entries() {
        parse::variable_name(name, span, draft.problems);
        let entry = Reader::new(node, format!("secret `{name}`"), draft.problems);
        if let Some(from) = entry.required_string("from") {
            match SecretSource::parse(&from.value) {
                Some(source) => all.push((name.clone(), source)),
                None => draft.problems.push(
                    Problem::error(format!("{:?} is no place for a secret", from.value))
                        .at(from.span)
                        .help("write \"ssm:/path\", \"env:NAME\" or \"file:/absolute/path\""),
                ),
            }
        }
        entry.finish();
    }
    draft.secrets.replace(
        table
            .entries()
            .iter()
            .map(|(name, _, _)| name.clone())
            .collect(),
    );
    let stored = all.iter().filter_map(|(name, source)| match source {
        SecretSource::Ssm(_) => Some(name.clone()),
        SecretSource::Env(_) | SecretSource::File(_) => None,
    });
    draft.stored.replace(stored.collect());
    all
}
