//! Keeps the console's pane of approvals up to date, and answers from it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{folder, reply, user};
use crate::approvals::{Decision, Sent, name};
use crate::cli::CliError;
use crate::clock;
use crate::config::Settings;
use crate::tui::{Asked, Reply, Requests, Screen};

/// How often the folder is read while the pane is open, and while it is not.
const OPEN: Duration = Duration::from_secs(2);
const CLOSED: Duration = Duration::from_secs(10);

/// Reads what waits, for as long as somebody looks. A rehearsal shows what is one.
pub(in crate::cli) fn follow(
    settings: &Settings,
    rehearsal: bool,
    mut looking: watch::Receiver<Screen>,
) -> watch::Receiver<Arc<Requests>> {
    let (seen, requests) = watch::channel(Arc::new(Requests::default()));
    let settings = settings.clone();
    tokio::spawn(async move {
        loop {
            let settings = settings.clone();
            // The folder may lie on a disk that does not answer.
            let read = tokio::task::spawn_blocking(move || read(&settings, rehearsal)).await;
            let Ok(now) = read else { return };
            seen.send_if_modified(|known| {
                let new = **known != now;
                if new {
                    *known = Arc::new(now);
                }
                new
            });
            let open = *looking.borrow_and_update() == Screen::Requests;
            tokio::select! {
                () = seen.closed() => return,
                () = sleep(if open { OPEN } else { CLOSED }) => {}
                changed = looking.changed() => if changed.is_err() { return },
            }
        }
    });
    requests
}

fn read(settings: &Settings, rehearsal: bool) -> Requests {
    let listed = folder(settings).and_then(|folder| {
        Sent::list(&folder).map_err(|error| {
            CliError::Said(format!(
                "the folder of approvals {} cannot be read: {error}",
                folder.path().display()
            ))
        })
    });
    let all = match listed {
        Ok(all) => all,
        Err(error) => {
            return Requests {
                error: Some(error.to_string()),
                configured: settings.approvals.value.is_some(),
                ..Requests::default()
            };
        }
    };
    let own = nix::unistd::getuid().as_raw();
    let mut requests = Requests::default();
    for one in all {
        match one {
            Ok(sent) if sent.request.rehearsal == rehearsal => requests.asked.push(Asked {
                from: user(sent.uid),
                own: sent.uid == own,
                sent,
            }),
            Ok(_) => {}
            Err((file, error)) => requests.broken.push((file, error.to_string())),
        }
    }
    let now = clock::now();
    requests
        .asked
        .sort_by_key(|one| (!one.is_open(now), one.own, one.sent.request.until));
    requests
}

/// Answers the request that was on the screen, if it is still there.
pub(in crate::cli) fn answers(settings: &Settings) -> Reply {
    let settings = settings.clone();
    Box::new(move |(digest, typed, decision)| {
        let settings = settings.clone();
        async move {
            let done = answer(&settings, &digest, &typed, decision).await;
            done.map_err(|error| error.to_string())
        }
        .boxed()
    })
}

async fn answer(
    settings: &Settings,
    digest: &str,
    typed: &str,
    decision: Decision,
) -> Result<String, CliError> {
    let own = settings.clone();
    let read = tokio::task::spawn_blocking(move || {
        let folder = folder(&own)?;
        let all = Sent::list(&folder)?;
        Ok::<_, CliError>((folder, all))
    });
    let (folder, all) = read.await.map_err(std::io::Error::other)??;
    let found = all.into_iter().flatten();
    let sent = found.into_iter().find(|sent| sent.digest == digest);
    let sent = sent.ok_or_else(|| {
        CliError::Said(format!(
            "the request {} is gone: it was answered, or what was to be done has changed",
            name(digest)
        ))
    })?;
    let agrees = decision == Decision::Approved;
    let from = user(sent.uid);
    let unproved = reply(settings, (&folder, &sent), typed, decision).await?;
    Ok(match (agrees, unproved) {
        (false, _) => format!("denied; {from} is told why"),
        (true, None) => format!("agreed; the console of {from} takes it from here"),
        (true, Some(why)) => {
            format!("agreed; the answer does not say who you are to AWS: {why}")
        }
    })
}
