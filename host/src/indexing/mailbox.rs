//! One mailbox's packs, brought up to date: new messages into new packs, small packs into larger ones, and messages that are gone out of
//! theirs.

use std::collections::{HashMap, HashSet};

use waxwing_index::{MAX_MESSAGES, Pack};
use waxwing_store::{
    AccountId, MailboxId, PackOutline, PackSource, Result, Store, TextPack, TextPackChange,
    UidRange,
};

use super::packer::{Packer, Source};
use super::{Indexer, VERSION};

/// Fewer messages than this are no pack: searches read them.
pub(super) const FEW: usize = 16;
/// Bytes of contents that are read at once.
const READ_AT_ONCE: u64 = 1 << 20;
/// A pack is joined with the one before it if that has at most so many times its messages: each message is written again a few times until
/// its pack is full.
const LARGER: u32 = 3;
/// One part in so many of the packed messages has to be gone before packs are written again for that, or each, where there is time.
const GONE: u64 = 8;

/// How much is done about messages that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// They are taken out once there are many of them.
    Usual,
    /// They are taken out.
    Thorough,
}

/// Work on a mailbox.
pub(super) struct Work<'a> {
    store: Store,
    packer: &'a mut Packer,
    account: AccountId,
    mailbox: MailboxId,
    /// The packs there are, ascending.
    packs: Vec<PackOutline>,
}

/// A pack that is to be written, and the packs that it replaces.
struct Fresh {
    pack: Pack,
    replaced: Vec<UidRange>,
}

impl<'a> Work<'a> {
    pub(super) fn new(indexer: &'a mut Indexer, account: AccountId, mailbox: MailboxId) -> Self {
        Self {
            store: indexer.store.clone(),
            packer: &mut indexer.packer,
            account,
            mailbox,
            packs: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, care: Care) -> Result<()> {
        self.packs = self.store.text_pack_outlines(self.mailbox, VERSION).await?;
        let Some(unpacked) = self.pack_all().await? else {
            return Ok(());
        };
        let packed: u64 = self.packs.iter().map(|pack| u64::from(pack.messages)).sum();
        let there = self.store.mailbox_by_id(self.account, self.mailbox).await?;
        let gone = (packed + unpacked).saturating_sub(there.messages.into());
        if gone * GONE > packed || (gone > 0 && care == Care::Thorough) {
            self.thin_out().await?;
        }
        Ok(())
    }

    /// Packs messages until few are left, and says how many; none if another host works on this mailbox, too.
    async fn pack_all(&mut self) -> Result<Option<u64>> {
        loop {
            let above = self.packs.last().map_or(0, |pack| pack.uids.last);
            let most = u32::try_from(MAX_MESSAGES).unwrap_or(u32::MAX);
            let sources = self.store.pack_sources(self.mailbox, above, most).await?;
            if sources.len() < FEW {
                return Ok(Some(sources.len() as u64));
            }
            let mut pack = Pack::default();
            let mut rest = sources.as_slice();
            while !rest.is_empty() && !pack.is_full() {
                let (some, _) = rest.split_at(read_at_once(rest));
                let read = self.read(some).await?;
                let (larger, taken) = self.packer.add(pack, read).await?;
                pack = larger;
                rest = rest.get(taken..).unwrap_or_default();
            }
            let replaced = Vec::new();
            if !self.settle(Fresh { pack, replaced }).await? {
                return Ok(None);
            }
        }
    }

    /// Messages with their contents; of those that went meanwhile nothing is known.
    async fn read(&self, sources: &[PackSource]) -> Result<Vec<Source>> {
        let uids = UidRange::compress(sources.iter().map(|source| source.uid));
        let messages = self
            .store
            .fetch(self.account, self.mailbox, &uids, true)
            .await?;
        let mut summaries: HashMap<u32, _> = messages
            .into_iter()
            .map(|message| (message.flags.uid, message.summary))
            .collect();
        let blobs: Vec<_> = sources.iter().map(|source| source.blob).collect();
        let contents = self.store.blob_heads(&blobs, usize::MAX).await?;
        let source = |(source, content): (&PackSource, _)| Source {
            uid: source.uid,
            summary: summaries.remove(&source.uid).unwrap_or_default(),
            content,
        };
        Ok(sources.iter().zip(contents).map(source).collect())
    }

    /// Writes a pack, joined with those before it that are small beside it; false if the packs are others than was known.
    async fn settle(&mut self, mut fresh: Fresh) -> Result<bool> {
        while let Some(before) = self.packs.last().copied() {
            let messages = u32::try_from(fresh.pack.uids().len()).unwrap_or(u32::MAX);
            let fits = before.messages.saturating_add(messages) as usize <= MAX_MESSAGES;
            if messages == 0 || !fits || before.messages > messages.saturating_mul(LARGER) {
                break;
            }
            let Some(mut joined) = self.pack(before).await? else {
                return Ok(false);
            };
            if !joined.takes(&fresh.pack) {
                break;
            }
            joined.append(&fresh.pack);
            fresh.pack = joined;
            fresh.replaced.insert(0, before.uids);
            self.packs.pop();
        }
        self.write(fresh).await
    }

    async fn write(&mut self, fresh: Fresh) -> Result<bool> {
        let uids = fresh.pack.uids();
        let outline = uids
            .first()
            .zip(uids.last())
            .map(|(first, last)| PackOutline {
                uids: UidRange {
                    first: *first,
                    last: *last,
                },
                messages: u32::try_from(uids.len()).unwrap_or(u32::MAX),
            });
        let octets = fresh.pack.encode().into();
        let change = TextPackChange {
            account: self.account,
            mailbox: self.mailbox,
            version: VERSION,
            replaced: fresh.replaced,
            pack: outline.map(|outline| TextPack { outline, octets }),
        };
        let written = self.store.put_text_pack(change).await?;
        self.packs.extend(outline.filter(|_| written));
        Ok(written)
    }

    /// A pack as it is now; none if it is another one, or cannot be read: then all is made again.
    async fn pack(&self, outline: PackOutline) -> Result<Option<Pack>> {
        let uids = outline.uids;
        let above = uids.first.saturating_sub(1);
        let one = UidRange::one(uids.first);
        let found = self
            .store
            .text_packs(self.mailbox, VERSION, one, above)
            .await?;
        let Some(found) = found.into_iter().find(|pack| pack.outline == outline) else {
            return Ok(None);
        };
        match Pack::read(&found.octets) {
            Ok(pack) => Ok(Some(pack)),
            Err(error) => {
                tracing::warn!(%error, mailbox = %self.mailbox, "it is made again");
                self.store
                    .forget_text_packs(self.account, self.mailbox)
                    .await?;
                Ok(None)
            }
        }
    }

    /// Takes messages that are gone out of their packs.
    async fn thin_out(&mut self) -> Result<()> {
        let living = self.store.text_packs_living(self.mailbox, VERSION).await?;
        let living: HashMap<u32, u32> = living.into_iter().collect();
        for outline in std::mem::take(&mut self.packs) {
            if living.get(&outline.uids.first) == Some(&outline.messages) {
                self.packs.push(outline);
                continue;
            }
            let Some(mut pack) = self.pack(outline).await? else {
                return Ok(());
            };
            let uids = [outline.uids];
            let there = self
                .store
                .fetch(self.account, self.mailbox, &uids, false)
                .await?;
            let there: HashSet<u32> = there.iter().map(|message| message.flags.uid).collect();
            pack.retain(|uid| there.contains(&uid));
            let replaced = vec![outline.uids];
            if !self.settle(Fresh { pack, replaced }).await? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// How many of these messages are read at once: as many as stay within some room, and one at least.
fn read_at_once(sources: &[PackSource]) -> usize {
    let mut octets = 0u64;
    let fit = sources.iter().take_while(|source| {
        octets = octets.saturating_add(source.size);
        octets <= READ_AT_ONCE
    });
    fit.count().max(1)
}
