//! Which accounts and regions are watched, and how their alarms are graded.

use super::{Flags, Origin, Settings, Severity};
use crate::document::{Kind, Problem, Reader};

/// A profile in a region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// The profile; empty for the usual one.
    pub profile: String,
    /// The region; empty for the profile's own.
    pub region: String,
    /// What to call it.
    pub alias: String,
    /// Whether it is production.
    pub production: bool,
}

/// A pattern over alarms' names, and the severity of those that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeverityRule {
    /// The pattern; `*` and `?` are wildcards.
    pub name: String,
    /// The severity.
    pub severity: Severity,
}

/// Reads `[[watch]]`: one entry for each region that it names.
pub(super) fn read(reader: &Reader<'_>) -> Vec<Watch> {
    let mut all: Vec<Watch> = Vec::new();
    for entry in reader.tables("watch") {
        let text = |key| entry.string(key).map(|text| text.value).unwrap_or_default();
        let one = Watch {
            profile: text("profile"),
            region: String::new(),
            alias: text("alias"),
            production: entry.boolean("production").unwrap_or(false),
        };
        let mut regions: Vec<String> = entry
            .strings("regions")
            .into_iter()
            .map(|region| region.value)
            .collect();
        if let Some(several) = entry
            .node("region")
            .filter(|node| matches!(node.kind, Kind::Array(_)))
        {
            entry.problems().push(
                Problem::error("`region` is one region")
                    .at(several.span.clone())
                    .help("write `regions = [ … ]` for several"),
            );
        } else {
            regions.extend(entry.string("region").map(|region| region.value));
        }
        if regions.is_empty() {
            regions.push(String::new());
        }
        for region in regions {
            let watch = Watch {
                region,
                ..one.clone()
            };
            let twice = all
                .iter()
                .any(|known| known.profile == watch.profile && known.region == watch.region);
            if twice {
                reader.problems().push(
                    Problem::error("this profile and region are watched already")
                        .at(entry.span.clone()),
                );
            } else {
                all.push(watch);
            }
        }
        entry.finish();
    }
    all
}

/// Reads `[[severity]]`.
pub(super) fn severities(reader: &Reader<'_>) -> Vec<SeverityRule> {
    reader
        .tables("severity")
        .into_iter()
        .filter_map(|entry| {
            let name = entry.required_string("name");
            entry.required("severity");
            let severity = entry.choice("severity", &Severity::ALL);
            entry.finish();
            Some(SeverityRule {
                name: name?.value,
                severity: severity?,
            })
        })
        .collect()
}

impl Settings {
    /// Takes the places over that the command line names: every profile in every region.
    pub(super) fn places(&mut self, flags: &Flags) {
        let first = |all: &[String]| all.first().cloned().map(Some);
        self.profile
            .set(first(&flags.profiles), Origin::Flag("--profile"));
        self.region
            .set(first(&flags.regions), Origin::Flag("--region"));
        self.all_regions.set(
            flags.all_regions.then_some(true),
            Origin::Flag("--all-regions"),
        );
        if flags.profiles.is_empty() && flags.regions.is_empty() {
            return;
        }
        let usual = |all: &[String], usual: &Option<String>| {
            if all.is_empty() {
                vec![usual.clone().unwrap_or_default()]
            } else {
                all.to_vec()
            }
        };
        let regions = usual(&flags.regions, &self.region.value);
        let known = std::mem::take(&mut self.watch.value);
        let named = |profile: &String, region: &String| {
            known
                .iter()
                .find(|one| one.profile == *profile && one.region == *region)
                .or_else(|| known.iter().find(|one| one.profile == *profile))
                .cloned()
                .unwrap_or_default()
        };
        let watch = usual(&flags.profiles, &self.profile.value)
            .iter()
            .flat_map(|profile| {
                regions.iter().map(|region| Watch {
                    profile: profile.clone(),
                    region: region.clone(),
                    ..named(profile, region)
                })
            })
            .collect();
        let by = if flags.profiles.is_empty() {
            "--region"
        } else {
            "--profile"
        };
        self.watch.set(Some(watch), Origin::Flag(by));
    }

    /// What is watched: at least one place.
    #[must_use]
    pub fn watched(&self) -> Vec<Watch> {
        if self.watch.value.is_empty() {
            return vec![Watch {
                profile: self.profile.value.clone().unwrap_or_default(),
                region: self.region.value.clone().unwrap_or_default(),
                ..Watch::default()
            }];
        }
        self.watch.value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str, flags: Flags) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let flags = Flags {
            config: Some(path),
            ..flags
        };
        Settings::load(&flags).unwrap()
    }

    #[test]
    fn an_entry_watches_each_of_its_regions() {
        let text = "[[watch]]\nprofile = 'prod'\nregions = ['eu-central-1', 'us-east-1']\nalias = 'shop'\nproduction = true\n[[watch]]\nprofile = 'dev'";
        let all = settings(text, Flags::default()).watched();
        let places: Vec<(&str, &str)> = all
            .iter()
            .map(|one| (one.profile.as_str(), one.region.as_str()))
            .collect();
        assert_eq!(
            places,
            [("prod", "eu-central-1"), ("prod", "us-east-1"), ("dev", "")]
        );
        assert!(all[1].production && all[1].alias == "shop");
    }

    #[test]
    fn the_command_line_names_every_profile_in_every_region() {
        let flags = Flags {
            profiles: vec!["a".into(), "b".into()],
            regions: vec!["r1".into(), "r2".into()],
            ..Flags::default()
        };
        let all = settings("[[watch]]\nprofile = 'b'\nalias = 'B'", flags).watched();
        assert_eq!(all.len(), 4);
        assert_eq!((all[3].region.as_str(), all[3].alias.as_str()), ("r2", "B"));
        assert_eq!(settings("", Flags::default()).watched(), [Watch::default()]);
    }
}
