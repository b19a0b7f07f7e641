//! Asks others to agree to a change, and hears what they say.

use super::Role;
use super::effects::Said;
use super::writer::Writer;
use crate::approvals::{Decision, Folder, Given, Request, Sent, answers};
use crate::aws::{AwsError, Identity};
use crate::incident::{Approval, Approver, Command};

impl Writer {
    /// The request that others have to answer, if there is one.
    fn sought(&self) -> Option<Approval> {
        let approval = self.state.walking()?.approval.clone()?;
        approval.sought.is_some().then_some(approval)
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
        let request = sought.as_ref().and_then(|approval| {
            Some(Request {
                format: 1,
                intent: (*approval.intent).clone(),
                reason: approval.sought.as_ref()?.reason.clone(),
                incident_title: self.state.incident.as_ref()?.title.clone(),
                until: approval.until,
                rehearsal: self.state.incident.as_ref()?.rehearsal.is_some(),
            })
        });
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
        let Ok(found) = answers(&folder, &approval.intent, group) else {
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

impl Writer {
    /// What an answer asks for; nothing while AWS is asked whose it is.
    fn answered(&mut self, approval: &Approval, given: Given) -> Option<Command> {
        let digest = approval.digest.clone();
        let mut approver = Approver {
            user: given.user,
            uid: given.uid,
            arn: None,
            shared: false,
        };
        if let Decision::Denied(reason) = given.answer.decision {
            return Some(Command::Disagree {
                digest,
                approver,
                reason,
            });
        }
        match given.answer.caller {
            Some(proof) => match self.vouched(proof, &digest)? {
                Ok(caller) => {
                    approver.shared = is_shared(&caller.arn, &self.settings.changes.shared_roles);
                    approver.arn = Some(caller.arn);
                }
                Err(error) => return Some(refused(approval, approver.user, error.to_string())),
            },
            None if self.settings.changes.require_caller => {
                let why = "it does not prove who calls AWS, which `require_caller_identity` wants; agree with AWS credentials of your own";
                return Some(refused(approval, approver.user, why.into()));
            }
            None => {}
        }
        Some(Command::Agree { digest, approver })
    }

    /// Whose proof it is, as AWS says; nothing while it is asked. What may pass is asked again.
    fn vouched(&mut self, proof: String, digest: &str) -> Option<Result<Identity, AwsError>> {
        match self.callers.get(&proof) {
            Some(Some(Err(error))) if error.passes() => self.callers.remove(&proof).flatten(),
            Some(known) => known.clone(),
            None => {
                let aws = self.aws()?;
                self.callers.insert(proof.clone(), None);
                let (said, digest) = (self.said.0.clone(), digest.to_owned());
                tokio::spawn(async move {
                    let caller = aws.check(&proof, &digest).await;
                    // The console may have ended meanwhile.
                    let _ = said.send(Said::Vouched(proof, caller)).await;
                });
                None
            }
        }
    }
}

fn refused(approval: &Approval, from: String, reason: String) -> Command {
    Command::RefuseAgreement {
        digest: approval.digest.clone(),
        from,
        reason,
    }
}

/// Whether several people are known to use a caller: it is listed, or a session of a role that is.
fn is_shared(caller: &str, listed: &[String]) -> bool {
    let role = role_of(caller);
    listed
        .iter()
        .any(|one| one == caller || (role.is_some() && role_of(one) == role))
}

/// The account and the role's name, of a role and of a session that assumed it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
fn role_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':').skip(4);
    let (account, resource) = (parts.next()?, parts.next()?);
    let name = match resource.split_once('/')? {
        ("assumed-role", session) => session.split('/').next(),
        ("role", path) => path.rsplit('/').next(),
        _ => None,
    };
    Some((account, name?))
}

#[cfg(test)]
mod tests {
    use super::is_shared;

    #[test]
    fn a_role_is_shared_by_its_sessions_in_its_own_account() {
        let listed = ["arn:aws:iam::111122223333:role/ops/bastion".to_owned()];
        let session = "arn:aws:sts::111122223333:assumed-role/bastion/i-1";
        assert!(is_shared(session, &listed));
        assert!(is_shared(session, &[session.to_owned()]));
        for other in [
            "arn:aws:sts::444455556666:assumed-role/bastion/i-1",
            "arn:aws:sts::111122223333:assumed-role/bastion2/i-1",
            "arn:aws:iam::111122223333:user/bastion",
            "",
        ] {
            assert!(!is_shared(other, &listed), "{other}");
        }
    }
}
