//! How bad an alarm is, before anybody has graded it.

use crate::incident::AlarmRef;
use crate::playbook::Severity;

/// Grades an alarm: by the word `critical` in its name, by the business impact (1 to 4) of the
/// playbook that answers it, or as medium.
#[must_use]
pub fn severity(alarm: &AlarmRef, impact: Option<u8>) -> Severity {
    let name = alarm.name.to_lowercase();
    if name
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word == Severity::Critical.name())
    {
        return Severity::Critical;
    }
    match impact {
        Some(1) => Severity::Critical,
        Some(2) => Severity::High,
        Some(4) => Severity::Low,
        _ => Severity::Medium,
    }
}
