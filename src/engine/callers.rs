//! Who others are to AWS: asked of AWS, with the proof that their console signed.

use std::time::Duration;

use tokio::time::Instant;

use super::effects::Said;
use super::requests::refused;
use super::writer::Writer;
use crate::approvals::{Decision, Given, proved};
use crate::aws::{AwsError, Identity};
use crate::incident::{Approval, Approver, Command};

/// How long AWS is left alone where it could not say.
const AGAIN: Duration = Duration::from_secs(15);

/// What AWS says of a proof that is about one request.
pub(super) enum Caller {
    /// It is being asked.
    Asked,
    /// It has said who it is, or why it does not.
    Known(Result<Identity, AwsError>),
    /// It could not be asked; it is again, from then on.
    Later(Instant),
}

impl Writer {
    /// What an answer asks for; nothing while AWS is asked whose it is, and nothing where it has
    /// been heard already.
    pub fn answered(&mut self, approval: &Approval, given: Given) -> Option<Command> {
        if approval.given.iter().any(|known| known.uid == given.uid) {
            return None;
        }
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
        let no = |approver: Approver, why: String| Some(refused(approval, approver.user, why));
        match given.answer.caller {
            Some(proof) => match self.vouched(proof, &proved(&digest, approver.uid))? {
                Ok(caller) if caller.account != approval.intent.account => {
                    let why = format!(
                        "AWS says that they belong to account {}, and not to {}",
                        caller.account, approval.intent.account
                    );
                    return no(approver, why);
                }
                Ok(caller) if !self.asked_as_another(approval, &caller)? => {
                    return no(
                        approver,
                        "AWS had not said who asked, so that nobody can say whether this is somebody else; decline, and ask anew".into(),
                    );
                }
                Ok(caller) => {
                    approver.shared = is_shared(&caller.arn, &self.settings.changes.shared_roles);
                    approver.arn = Some(caller.arn);
                }
                // What to do about it is for whoever agreed, and not for whoever reads it here.
                Err(error) => {
                    let code = error.code.map(|code| format!("{code}: "));
                    let why = format!(
                        "AWS does not say who it is: {}{}",
                        code.unwrap_or_default(),
                        error.message
                    );
                    return no(approver, why);
                }
            },
            None if self.settings.changes.require_caller => {
                let why = "it does not prove who calls AWS, which `require_caller_identity` wants; agree with AWS credentials of your own";
                return no(approver, why.into());
            }
            None => {}
        }
        Some(Command::Agree { digest, approver })
    }

    /// Whether it is known that whoever asked is another caller; nothing while AWS is asked. Where
    /// the record says who asked, the core compares them.
    fn asked_as_another(&mut self, approval: &Approval, caller: &Identity) -> Option<bool> {
        let by = &approval.sought.as_ref()?.by;
        if by.arn.is_some() {
            return Some(true);
        }
        if by.uid != self.settings.actor.uid {
            return Some(false);
        }
        let aws = self.aws()?;
        let Some(own) = aws.known_arn() else {
            // It is kept, and found at the next look.
            tokio::spawn(async move { aws.identity().await });
            return None;
        };
        Some(own != caller.arn || is_shared(&own, &self.settings.changes.shared_roles))
    }

    /// Whose proof it is, as AWS says; nothing while it is asked, or could not be.
    fn vouched(&mut self, proof: String, about: &str) -> Option<Result<Identity, AwsError>> {
        // A proof is good for what it was signed for, and so is what AWS says of it.
        let key = (about.to_owned(), proof);
        match self.callers.get(&key) {
            Some(Caller::Asked) => return None,
            Some(Caller::Known(known)) => return Some(known.clone()),
            Some(Caller::Later(at)) if Instant::now() < *at => return None,
            Some(Caller::Later(_)) | None => {}
        }
        let aws = self.aws()?;
        self.callers.insert(key.clone(), Caller::Asked);
        let said = self.said.0.clone();
        tokio::spawn(async move {
            let (about, proof) = &key;
            let caller = aws.check(proof, about).await;
            // The console may have ended meanwhile.
            let _ = said.send(Said::Vouched(key, caller)).await;
        });
        None
    }

    /// Hears what AWS says of a proof.
    pub async fn hear_aws(&mut self, key: (String, String), said: Result<Identity, AwsError>) {
        let caller = match said {
            Err(error) if error.passes() => Caller::Later(Instant::now() + AGAIN),
            known => Caller::Known(known),
        };
        self.callers.insert(key, caller);
        self.hear_others().await;
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
