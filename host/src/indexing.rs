//! The search index, made beside everything else from what is in mailboxes: packs of what messages' texts are made of.
//!
//! Invariants: no message waits for it, and a search that it does not help finds the same; what is read for it at once is bounded; it works
//! half of one processor's time at most, none that others want, and not at all while room is short.

mod aside;
mod mailbox;
mod packer;
mod sift;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use waxwing_store::{AccountId, Error, MailboxId, Packing, Result, Store};

use self::mailbox::Care;
use self::packer::Packer;
pub(crate) use self::sift::absent;
use crate::pressure::Pressure;
use crate::turn::Turn;
use crate::wiring::Parts;

/// How packs are made: they are made again when their format changes, or what the texts of a message are.
const VERSION: i64 = (waxwing_index::FORMAT as i64) << 16 | waxwing_imap::TEXTS as i64;

/// How often mailboxes that have changed are looked after.
const ROUND: Duration = Duration::from_secs(2);
/// How often all mailboxes are looked through, for what was missed.
const LOOK_THROUGH: Duration = Duration::from_secs(12 * 3600);
/// How long a host that looks through them has the turn, unless it takes it again.
const TURN: Duration = Duration::from_secs(600);

/// Works until the task is dropped.
pub(crate) async fn run(parts: Arc<Parts>) {
    let mut ticks = tokio::time::interval(ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looking = LookingThrough::new(&parts);
    let mut indexer = Indexer {
        store: parts.store.clone(),
        packer: Packer::default(),
    };
    loop {
        ticks.tick().await;
        let (pressure, _) = parts.gauges.now();
        if pressure > Pressure::None {
            continue;
        }
        for (account, mailbox) in parts.store.changed_mailboxes() {
            indexer.look_after(account, mailbox, Care::Usual).await;
        }
        if let Err(error) = looking.go_on(&mut indexer).await {
            tracing::warn!(%error, "mailboxes could not be looked through for the search index");
        }
    }
}

/// Makes packs.
struct Indexer {
    store: Store,
    packer: Packer,
}

impl Indexer {
    /// Brings a mailbox's packs up to date, then rests as long as it took.
    async fn look_after(&mut self, account: AccountId, mailbox: MailboxId, care: Care) {
        let begin = Instant::now();
        let done = mailbox::Work::new(self, account, mailbox).run(care).await;
        match done {
            // It went meanwhile, or the server ends.
            Ok(()) | Err(Error::NoSuchAccount(_) | Error::NoSuchMailbox(_) | Error::Closed) => {}
            Err(error) => {
                tracing::warn!(%error, %mailbox, "the search index of a mailbox is not up to date; searches in it take longer");
            }
        }
        tokio::time::sleep(begin.elapsed()).await;
    }
}

/// All mailboxes one after the other: what changed while nobody took note, and packs that are out of date.
struct LookingThrough {
    turn: Turn,
    /// The mailbox after which to go on; none while there is nothing to do.
    after: Option<MailboxId>,
    /// When it began last.
    began: Instant,
}

impl LookingThrough {
    fn new(parts: &Parts) -> Self {
        Self {
            turn: Turn::new(parts, "search-index"),
            after: Some(MailboxId(0)),
            began: Instant::now(),
        }
    }

    /// Looks at the next mailboxes, if it is time and this host's turn.
    async fn go_on(&mut self, indexer: &mut Indexer) -> Result<()> {
        if self.after.is_none() && self.began.elapsed() >= LOOK_THROUGH {
            (self.after, self.began) = (Some(MailboxId(0)), Instant::now());
        }
        let Some(after) = self.after else {
            return Ok(());
        };
        if !self.turn.take(TURN).await? {
            // Another host is at it; what it leaves undone is found the next time.
            self.after = None;
            return Ok(());
        }
        if after == MailboxId(0) {
            while indexer.store.forget_older_text_packs(VERSION).await? {}
        }
        let packings = indexer.store.packings(after).await?;
        for packing in packings.iter().filter(|packing| is_behind(packing)) {
            let Packing {
                account, mailbox, ..
            } = *packing;
            indexer.look_after(account, mailbox, Care::Thorough).await;
        }
        self.after = packings.last().map(|packing| packing.mailbox);
        Ok(())
    }
}

/// Whether there may be messages without a pack, or packs with messages that are gone.
fn is_behind(packing: &Packing) -> bool {
    let unpacked = u64::from(packing.uid_next.saturating_sub(packing.packed_to + 1));
    unpacked >= mailbox::FEW as u64 || packing.packed + unpacked > packing.messages
}

#[cfg(test)]
mod tests;
