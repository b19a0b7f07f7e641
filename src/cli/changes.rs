//! What changes are held against, as it is configured.

use std::sync::Arc;

use crate::config::Settings;
use crate::engine::Changes;

/// What is configured for changes to the system.
pub(super) fn changes(settings: &Settings) -> Changes {
    Changes {
        read_only: settings.read_only.value,
        reviewed: Arc::default(),
        calendars: settings.calendars.value.clone(),
        approvals: settings.approvals.value.clone(),
        shared_roles: settings.shared_roles.value.clone(),
    }
}
