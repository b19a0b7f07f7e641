//! Writes this user's own answer to a request.

use crate::approvals::{Answer, Decision, Folder, Sent, USUAL, proved, tidy, write_answer};
use crate::aws::Place;
use crate::cli::{CliError, live};
use crate::clock;
use crate::config::Settings;

/// Answers a request. Returns why the answer does not say who its author is to AWS, where it
/// does not and could.
pub(in crate::cli) async fn reply(
    settings: &Settings,
    (folder, sent): (&Folder, &Sent),
    typed: &str,
    decision: Decision,
) -> Result<Option<String>, CliError> {
    is_not_own(sent)?;
    let agrees = decision == Decision::Approved;
    let proved = if agrees {
        prove(settings, sent).await
    } else {
        Ok(None)
    };
    let (caller, unproved) = match proved {
        Ok(proof) => (proof, None),
        Err(why) if settings.require_caller_identity.value => {
            return Err(CliError::Said(format!(
                "who you are to AWS has to be proved (require_caller_identity), and cannot: {why}"
            )));
        }
        Err(why) => (None, Some(why)),
    };
    let answer = Answer {
        format: 1,
        digest: sent.digest.clone(),
        shown: sent.request.shown(),
        typed: typed.to_owned(),
        decision,
        at: clock::now(),
        caller,
    };
    let there = folder.clone();
    let written = tokio::task::spawn_blocking(move || {
        // What stays behind harms nobody.
        let _ = tidy(&there);
        write_answer(&there, &answer)
    });
    let written = written.await.map_err(std::io::Error::other);
    let written = written.and_then(|written| written);
    written.map(|()| unproved).map_err(|error| {
        let path = folder.path().display();
        CliError::Said(format!(
            "your answer could not be written into {path}: {error}"
        ))
    })
}

/// Nobody agrees to their own request, nor denies it here: they take it back where they made it.
pub(super) fn is_not_own(sent: &Sent) -> Result<(), CliError> {
    if sent.uid == nix::unistd::getuid().as_raw() {
        return Err(CliError::Said(
            "this is your own request: somebody else has to answer it".into(),
        ));
    }
    Ok(())
}

/// A question about this user's AWS identity, for the console of the requester to ask. In a
/// rehearsal nobody has one.
async fn prove(settings: &Settings, sent: &Sent) -> Result<Option<String>, String> {
    if sent.request.rehearsal {
        return Ok(None);
    }
    // Where the requester's console asks, as the signature is for that place.
    let place = Place::new("", &sent.request.intent.region);
    let connected = live::pool(settings).at(&place).await;
    let aws = connected.map_err(|error| error.to_string())?;
    let uid = nix::unistd::geteuid().as_raw();
    let proof = aws.prove(&proved(&sent.digest, uid)).await;
    proof.map(Some).map_err(|error| error.to_string())
}

/// The folder of approvals, as configured.
pub(in crate::cli) fn folder(settings: &Settings) -> Result<Folder, CliError> {
    let path = settings.approvals.value.as_deref();
    Folder::check(path.unwrap_or(std::path::Path::new(USUAL)))
        .map_err(|error| CliError::Said(error.to_string()))
}
