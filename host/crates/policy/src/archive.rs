//! What lasts of generations: their history and their snapshots, in one folder.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::history::{History, HistoryEvent};
use crate::snapshot::{Files, Snapshots};

/// History and snapshots.
#[derive(Debug)]
pub(crate) struct Archive {
    history: Mutex<History>,
    pub(crate) snapshots: Snapshots,
}

impl Archive {
    /// Opens or makes the folder.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            snapshots: Snapshots::open(folder)?,
            history: Mutex::new(History::open(folder)?),
        })
    }

    /// The events, oldest first.
    pub(crate) fn events(&self) -> Vec<HistoryEvent> {
        self.history().events().to_vec()
    }

    /// The event of what serves.
    pub(crate) fn last(&self) -> Option<HistoryEvent> {
        self.history().last().cloned()
    }

    /// Writes down a generation and keeps its files; both are on disk when this returns.
    pub(crate) async fn record(self: &Arc<Self>, event: HistoryEvent, files: Arc<Files>) {
        let archive = self.clone();
        let number = event.generation;
        let written = tokio::task::spawn_blocking(move || {
            // A snapshot without its event is found by nobody; an event without its snapshot cannot be gone back to.
            let kept = archive.snapshots.keep(number, &files);
            archive.history().append(event).and(kept)
        });
        let error = match written.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        tracing::error!(generation = number, %error, "a policy generation serves but cannot be recorded: after a restart it is unknown");
    }

    /// The events that one may go back to, newest first: other files than these, with a snapshot.
    pub(crate) fn earlier(&self, but: &[String]) -> Vec<HistoryEvent> {
        let history = self.history();
        let good =
            history.events().iter().rev().filter(|event| {
                !but.contains(&event.files) && self.snapshots.has(event.generation)
            });
        good.cloned().collect()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
