//! The board's one writer: takes what the sources find, and publishes it.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::board::Board;
use super::feed::{Feed, FeedSettings};
use super::source::Source;
use crate::aws::Pool;
use crate::incident::AlarmRef;

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
        tokio::spawn(feed.run());
    }
    tokio::spawn(keep(updates, boards));
    sender
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
