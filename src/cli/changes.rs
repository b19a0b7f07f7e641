//! What changes are held against, as it is configured.

use std::sync::Arc;

use crate::config::Settings;
use crate::engine::Changes;

/// What is configured for changes to the system.
pub(super) fn changes(settings: &Settings) -> Changes {
    Changes {
        read_only: settings.read_only.value,
        reviewed: Arc::new(super::automation::reviewed(settings)),
        calendars: settings.calendars.value.clone(),
        approvals: Some(
            settings
                .approvals
                .value
                .clone()
                .unwrap_or_else(|| crate::approvals::USUAL.into()),
        ),
        shared_roles: settings.shared_roles.value.clone(),
        require_caller: settings.require_caller_identity.value,
    }
}
