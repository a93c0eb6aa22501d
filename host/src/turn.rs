//! Work that one host of a store does at a time: whoever has the turn keeps it while it takes it again in time, and loses it when it dies.

use std::time::Duration;

use waxwing_store::{Namespace, Result, Store};

use crate::wiring::Parts;

/// A turn at some work.
pub(crate) struct Turn {
    store: Store,
    work: &'static str,
    owner: String,
    /// This process is the only one.
    alone: bool,
    /// The version of the value that says so; 0 while another host has the turn.
    held: u64,
}

impl Turn {
    /// At the work of this name; nobody has it by this alone.
    pub(crate) fn new(parts: &Parts, work: &'static str) -> Self {
        let owner = format!("{} {}", parts.config.hostname, std::process::id());
        Self::of(parts.store.clone(), owner, parts.store_is_ours(), work)
    }

    fn of(store: Store, owner: String, alone: bool, work: &'static str) -> Self {
        Self {
            store,
            work,
            owner,
            alone,
            held: 0,
        }
    }

    /// Takes the turn, or keeps it, for so long; false if another host has it.
    pub(crate) async fn take(&mut self, time: Duration) -> Result<bool> {
        if self.alone {
            return Ok(true);
        }
        let held = std::mem::take(&mut self.held);
        let mut taken = self.compare_and_set(held, time).await?;
        if taken.is_none() && held > 0 {
            // It came too late to keep the turn, which may be free.
            taken = self.compare_and_set(0, time).await?;
        }
        self.held = taken.unwrap_or(0);
        Ok(taken.is_some())
    }

    /// Lets others have it at once.
    pub(crate) async fn give_back(&mut self) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        if held > 0 {
            // Whoever has it by now keeps it.
            self.compare_and_set(held, Duration::from_millis(1)).await?;
        }
        Ok(())
    }

    async fn compare_and_set(&self, version: u64, time: Duration) -> Result<Option<u64>> {
        // No plugin has an area of this name.
        let namespace = Namespace {
            plugin: "waxwing".to_owned(),
            area: "turn".to_owned(),
            domain: String::new(),
        };
        let owner = self.owner.as_bytes();
        let kv = self.store.kv();
        kv.compare_and_set(&namespace, self.work, version, owner, Some(time))
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use waxwing_store::{Clock, Database, StoreConfig};

    use super::*;

    #[tokio::test]
    async fn one_has_the_turn_until_it_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("store.db"));
        let mut config = StoreConfig::new(database, folder.path().join("blobs"));
        let now = Arc::new(AtomicI64::new(1_000));
        let clock = Arc::clone(&now);
        config.clock = Clock::new(move || clock.load(Ordering::SeqCst));
        let store = Store::open(config).await.unwrap();
        let turn = |owner: &str, work| Turn::of(store.clone(), owner.to_owned(), false, work);
        let (mut one, mut two) = (turn("one", "work"), turn("two", "work"));
        let minute = Duration::from_secs(60);
        assert!(one.take(minute).await.unwrap());
        assert!(!two.take(minute).await.unwrap());
        assert!(turn("two", "other").take(minute).await.unwrap());
        now.fetch_add(50_000, Ordering::SeqCst);
        assert!(one.take(minute).await.unwrap(), "it is kept");
        now.fetch_add(50_000, Ordering::SeqCst);
        assert!(!two.take(minute).await.unwrap());
        now.fetch_add(10_000, Ordering::SeqCst);
        assert!(two.take(minute).await.unwrap(), "one has died");
        assert!(!one.take(minute).await.unwrap(), "and is back too late");
        now.fetch_add(60_000, Ordering::SeqCst);
        assert!(one.take(minute).await.unwrap());
        one.give_back().await.unwrap();
        now.fetch_add(1, Ordering::SeqCst);
        assert!(two.take(minute).await.unwrap(), "one gave it back");
        one.give_back().await.unwrap();
        now.fetch_add(1, Ordering::SeqCst);
        assert!(!one.take(minute).await.unwrap(), "it is two's");
        store.close().await;
    }
}
