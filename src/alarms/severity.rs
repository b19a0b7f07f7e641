//! How bad an alarm is, before anybody has graded it.

use crate::config::SeverityRule;
use crate::incident::AlarmRef;
use crate::playbook::{Severity, glob};

/// Grades an alarm: as somebody said ([`graded`]), by the business impact (1 to 4) of the playbook
/// that answers it, or as medium.
#[must_use]
pub fn severity(
    alarm: &AlarmRef,
    tag: Option<&str>,
    rules: &[SeverityRule],
    impact: Option<u8>,
) -> Severity {
    graded(alarm, tag, rules).unwrap_or(match impact {
        Some(1) => Severity::Critical,
        Some(2) => Severity::High,
        Some(4) => Severity::Low,
        _ => Severity::Medium,
    })
}

/// What somebody said of an alarm: by its tag, by the configuration's rules over names, or by the
/// word `critical` in its name.
#[must_use]
pub fn graded(alarm: &AlarmRef, tag: Option<&str>, rules: &[SeverityRule]) -> Option<Severity> {
    if let Some(severity) = tag.and_then(word) {
        return Some(severity);
    }
    if let Some(rule) = rules.iter().find(|rule| glob(&rule.name, &alarm.name)) {
        return Some(rule.severity);
    }
    let critical = Severity::Critical;
    let mut words = alarm.name.split(|c: char| !c.is_alphanumeric());
    words
        .any(|word| word.eq_ignore_ascii_case(critical.name()))
        .then_some(critical)
}

/// What people write into such a tag: a word, `P1` to `P4`, `SEV1` to `SEV4`, or the number alone.
fn word(tag: &str) -> Option<Severity> {
    let tag = tag.trim().to_lowercase();
    let named = Severity::ALL
        .iter()
        .find(|(name, _)| *name == tag)
        .map(|(_, severity)| *severity);
    let number = tag
        .trim_start_matches(|c: char| c.is_alphabetic() || c == '-' || c == ' ')
        .parse::<usize>()
        .ok()
        .filter(|_| tag.chars().filter(char::is_ascii_digit).count() == 1);
    named.or_else(|| {
        let (_, severity) = Severity::ALL.get(number?.checked_sub(1)?)?;
        Some(*severity)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_wins_over_rules_rules_over_names_and_names_over_playbooks() {
        let alarm = AlarmRef {
            name: "db-critical-lag".into(),
            ..AlarmRef::default()
        };
        let rules = [SeverityRule {
            name: "db-*".into(),
            severity: Severity::High,
        }];
        assert_eq!(severity(&alarm, Some("P4"), &rules, Some(1)), Severity::Low);
        assert_eq!(
            severity(&alarm, Some("whatever"), &rules, Some(1)),
            Severity::High
        );
        assert_eq!(severity(&alarm, None, &[], Some(4)), Severity::Critical);
        let plain = AlarmRef::default();
        assert_eq!(severity(&plain, None, &[], Some(2)), Severity::High);
        assert_eq!(severity(&plain, None, &[], None), Severity::Medium);
    }

    #[test]
    fn tags_are_read_as_people_write_them() {
        for (tag, wanted) in [
            ("critical", Some(Severity::Critical)),
            ("HIGH", Some(Severity::High)),
            ("P3", Some(Severity::Medium)),
            ("sev-2", Some(Severity::High)),
            ("1", Some(Severity::Critical)),
            ("p0", None),
            ("12", None),
            ("soon", None),
        ] {
            assert_eq!(word(tag), wanted, "{tag}");
        }
    }
}
