//! Asks others to agree to a change, and hears what they say.

use super::Role;
use super::writer::Writer;
use crate::approvals::{Folder, Request, Sent, answers};
use crate::incident::{Approval, Command};

impl Writer {
    /// The request that others have to answer, if there is one.
    fn sought(&self) -> Option<Approval> {
        let approval = self.state.walking()?.approval.clone()?;
        approval.sought.is_some().then_some(approval)
    }

    /// What others are asked, in the words that they read.
    fn request(&self, approval: &Approval) -> Option<Request> {
        let incident = self.state.incident.as_ref()?;
        Some(Request {
            format: 1,
            intent: (*approval.intent).clone(),
            reason: approval.sought.as_ref()?.reason.clone(),
            incident_title: incident.title.clone(),
            until: approval.until,
            rehearsal: incident.rehearsal.is_some(),
        })
    }

    /// Lets the folder show what waits in this incident, and nothing else of it.
    pub fn publish_requests(&mut self) {
        if !matches!(self.role, Role::Writer { .. }) {
            return;
        }
        let Some(path) = self.settings.changes.approvals.clone() else {
            return;
        };
        let sought = self.sought();
        let request = sought.as_ref().and_then(|approval| self.request(approval));
        let done = Folder::check(&path)
            .map_err(|error| error.to_string())
            .and_then(|folder| {
                let digest = sought.as_ref().map(|approval| approval.digest.as_str());
                let published = match &request {
                    Some(request) => request.publish(&folder),
                    None => Ok(()),
                };
                published
                    .and_then(|()| Sent::withdraw(&folder, &self.id.0, digest))
                    .map_err(|error| format!("{}: {error}", path.display()))
            });
        self.unpublished = done.err().filter(|_| sought.is_some());
        self.publish();
    }

    /// Reads what others have said since the last look.
    pub async fn hear_others(&mut self) {
        if !matches!(self.role, Role::Writer { .. }) || !self.knows_the_time() {
            return;
        }
        let (Some(approval), Some(path)) = (self.sought(), self.settings.changes.approvals.clone())
        else {
            self.callers.clear();
            return;
        };
        // Somebody may have moved it, or the folder: then others cannot see what is asked.
        if self.unpublished.is_some() || !Request::is_published(&path, &approval.digest) {
            self.publish_requests();
        }
        let Some((_, group)) = approval.intent.others() else {
            return;
        };
        // Small files, of which there are few, in a local folder.
        let Ok(folder) = Folder::check(&path) else {
            return;
        };
        let Some(Ok(found)) = self
            .request(&approval)
            .map(|request| answers(&folder, &request, group))
        else {
            return;
        };
        for one in found {
            let command = match one {
                Ok(given) => self.answered(&approval, given),
                Err((file, error)) => Some(refused(&approval, file, error.to_string())),
            };
            let Some(command) = command else {
                continue;
            };
            if let Err(error) = self.carry_out(command.clone()).await
                && let Command::Agree { approver, .. } | Command::Disagree { approver, .. } =
                    command
            {
                let refused = Command::RefuseAgreement {
                    digest: approval.digest.clone(),
                    from: approver.user,
                    reason: error.to_string(),
                };
                // The request has been answered meanwhile.
                let _ = self.carry_out(refused).await;
            }
        }
    }
}

pub(super) fn refused(approval: &Approval, from: String, reason: String) -> Command {
    Command::RefuseAgreement {
        digest: approval.digest.clone(),
        from,
        reason,
    }
}
