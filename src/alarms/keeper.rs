//! The board's one writer: takes what the sources find, and publishes it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::board::Board;
use super::feed::{Feed, FeedSettings};
use super::source::Source;
use crate::aws::{Place, Pool};
use crate::clock;
use crate::incident::AlarmRef;

/// After a panic, a feed is started again so much later.
const AGAIN: Duration = Duration::from_secs(5);

type Update = Box<dyn FnOnce(&mut Board) + Send>;

/// Tells the board's keeper what was found.
#[derive(Debug, Clone)]
pub struct Updates(mpsc::UnboundedSender<Update>);

impl Updates {
    /// Changes the board; says whether anybody still looks at it.
    pub fn tell(&self, update: impl FnOnce(&mut Board) + Send + 'static) -> bool {
        self.0.send(Box::new(update)).is_ok()
    }

    /// Waits until nobody looks at the board any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

/// Asks all sources side by side, and keeps the board, until nobody looks at it. `visible` says
/// whose values to fetch.
pub fn watch(
    pool: &Arc<Pool>,
    sources: Vec<Source>,
    settings: &FeedSettings,
    boards: watch::Sender<Arc<Board>>,
    visible: &watch::Receiver<Vec<Arc<AlarmRef>>>,
) -> Updates {
    let (sender, updates) = mpsc::unbounded_channel();
    let sender = Updates(sender);
    boards.send_replace(Arc::new(Board::of(sources.clone())));
    for source in sources {
        let feed = Feed {
            pool: Arc::clone(pool),
            asked: source.place.clone(),
            place: source.place,
            settings: settings.clone(),
            updates: sender.clone(),
            visible: visible.clone(),
            boards: boards.subscribe(),
        };
        let (pool, asked, told) = (Arc::clone(pool), feed.asked.clone(), sender.clone());
        tokio::spawn(again(
            AGAIN,
            move || feed.clone().run(),
            move |why| {
                // The board knows it by what it turned out to be.
                let known = pool.known(&asked);
                let place = known.map_or_else(
                    || asked.clone(),
                    |aws| Place::new(&aws.profile, &aws.region),
                );
                let reason =
                    format!("a fault in standdown stopped it, and it is started again: {why}");
                told.tell(move |board| board.fail(&place, clock::now(), reason, false));
            },
        ));
    }
    tokio::spawn(keep(updates, boards));
    sender
}

/// Runs a task to its end, and starts it again after a while whenever it panics: one answer that
/// nobody foresaw does not end the list of alarms for good. `failed` is told the panic's message.
async fn again<F>(pause: Duration, mut start: impl FnMut() -> F, failed: impl Fn(String))
where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = tokio::spawn(start()).await {
        let Ok(panic) = error.try_into_panic() else {
            return;
        };
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        failed(text.unwrap_or_else(|| "it gave no message".into()));
        sleep(pause).await;
    }
}

/// Changes the board beside the one that is shown, and puts it in its place: whoever reads the
/// board never waits for this.
async fn keep(mut updates: mpsc::UnboundedReceiver<Update>, boards: watch::Sender<Arc<Board>>) {
    loop {
        let first = tokio::select! {
            update = updates.recv() => update,
            () = boards.closed() => None,
        };
        let Some(first) = first else {
            return;
        };
        let mut board = Board::clone(&boards.borrow());
        first(&mut board);
        while let Ok(next) = updates.try_recv() {
            next(&mut board);
        }
        boards.send_replace(Arc::new(board));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_feed_that_panicked_is_started_again_and_says_so() {
        let (starts, said) = (Arc::new(AtomicUsize::new(0)), Mutex::new(Vec::new()));
        let counted = Arc::clone(&starts);
        again(
            AGAIN,
            move || {
                let turn = counted.fetch_add(1, Ordering::SeqCst);
                async move { assert!(turn == 2, "turn {turn}") }
            },
            |why| said.lock().unwrap().push(why),
        )
        .await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
        assert_eq!(*said.lock().unwrap(), ["turn 0", "turn 1"]);
    }
}
