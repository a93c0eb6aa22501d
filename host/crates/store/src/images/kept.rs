//! The images that are kept, within their room.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use bytes::Bytes;

use super::ROOM;
use super::image::{Change, Image};
use super::summaries::Wanted;
use crate::shared::lock;
use crate::{MailboxId, MessageFlags, UidRange};

/// The images that are kept.
#[derive(Debug, Default)]
pub(crate) struct Images(pub(super) Mutex<Kept>);

#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) images: HashMap<MailboxId, Used>,
    /// Which was used when, the longest ago first.
    order: BTreeMap<u64, MailboxId>,
    pub(super) octets: usize,
    /// Counts uses.
    uses: u64,
    /// Rises when a commit begins and when it has ended: it is odd in between.
    commits: u64,
}

#[derive(Debug)]
pub(super) struct Used {
    image: Image,
    at: u64,
}

impl Images {
    pub(super) fn get(&self, mailbox: MailboxId) -> Option<Image> {
        let mut kept = lock(&self.0);
        let image = kept.remove(mailbox)?;
        kept.insert(mailbox, image.clone());
        Some(image)
    }

    /// Takes out the image of this modification sequence, to be changed: nobody else holds it then, most often, and it need not be copied.
    pub(super) fn take(&self, mailbox: MailboxId, modseq: u64) {
        let mut kept = lock(&self.0);
        let used = kept.images.get(&mailbox);
        if used.is_some_and(|used| used.image.modseq == modseq) {
            kept.remove(mailbox);
        }
    }

    /// Forgets the image of a mailbox.
    pub(crate) fn forget(&self, mailbox: MailboxId) {
        lock(&self.0).remove(mailbox);
    }

    /// Keeps an image, in place of those that were used longest ago.
    pub(crate) fn put(&self, mailbox: MailboxId, image: Image) {
        let mut kept = lock(&self.0);
        let newer = |used: &Used| used.image.modseq >= image.modseq;
        if !image.fits() || kept.images.get(&mailbox).is_some_and(newer) {
            return;
        }
        kept.remove(mailbox);
        kept.insert(mailbox, image);
        kept.make_room();
    }

    /// A transaction is about to be committed: somebody may see what it changed before it is known to be committed.
    pub(crate) fn commit_begins(&self) {
        let mut kept = lock(&self.0);
        // The one before may have been given up on.
        kept.commits = (kept.commits + 1) | 1;
    }

    /// Whatever there is to see of the transaction can be seen by now.
    pub(crate) fn commit_ended(&self) {
        let mut kept = lock(&self.0);
        kept.commits = (kept.commits | 1) + 1;
    }

    /// A number for the time since the last commit until the next one begins, and none in between: mailboxes that were read under it are
    /// as they were while it is still the same.
    pub(crate) fn at_rest(&self) -> Option<u64> {
        let commits = lock(&self.0).commits;
        commits.is_multiple_of(2).then_some(commits)
    }

    /// The image of this modification sequence was as its mailbox at this rest.
    pub(super) fn settle(&self, mailbox: MailboxId, modseq: u64, rest: Option<u64>) {
        let mut kept = lock(&self.0);
        if let Some(used) = kept.images.get_mut(&mailbox)
            && used.image.modseq == modseq
        {
            used.image.settled = rest;
        }
    }

    /// Keeps summaries of the mailbox's messages, if there is an image of it.
    pub(crate) fn learn(&self, mailbox: MailboxId, summaries: &HashMap<u32, Bytes>) {
        let mut kept = lock(&self.0);
        if let Some(mut image) = kept.remove(mailbox) {
            image.learn(summaries);
            kept.insert(mailbox, image);
            kept.make_room();
        }
    }

    /// The flags of a mailbox's messages as they were at a modification sequence, if there is an image of just that.
    pub(crate) fn flags_at(
        &self,
        mailbox: MailboxId,
        modseq: u64,
        uids: &[UidRange],
    ) -> Option<Vec<MessageFlags>> {
        let image = self.get(mailbox)?;
        (image.modseq == modseq).then(|| image.flags_of(uids))
    }

    /// Which messages changed after `since` in a mailbox that is at `modseq`, and whether others may be gone, if an image knows.
    pub(crate) fn changed(
        &self,
        mailbox: MailboxId,
        modseq: u64,
        since: u64,
    ) -> Option<(Vec<MessageFlags>, bool)> {
        let image = self.get(mailbox)?;
        (image.modseq == modseq).then(|| image.since(since))?
    }

    /// An image of this modification sequence is kept in the database.
    pub(super) fn is_kept(&self, mailbox: MailboxId, modseq: u64) {
        let mut kept = lock(&self.0);
        if let Some(used) = kept.images.get_mut(&mailbox)
            && used.image.modseq == modseq
        {
            used.image.unkept = 0;
        }
    }

    /// The images of `least` messages that are newer than what the database keeps of them, those that were used last first.
    pub(super) fn unkept(&self, least: usize) -> Vec<(MailboxId, Image)> {
        let kept = lock(&self.0);
        let used = kept.order.values().rev();
        let images = used.filter_map(|mailbox| Some((*mailbox, &kept.images.get(mailbox)?.image)));
        let unkept = images.filter(|(_, image)| image.is_worth_it(least));
        unkept
            .map(|(mailbox, image)| (mailbox, image.clone()))
            .collect()
    }

    /// The first messages behind one whose summaries an image lacks, and has room for.
    pub(super) fn without_summary(
        &self,
        mailbox: MailboxId,
        uid: u32,
        count: usize,
    ) -> Vec<Wanted> {
        let image = self.get(mailbox);
        image.map_or_else(Vec::new, |image| image.without_summary(uid, count))
    }

    /// Takes in what was committed just now, in its order. All at once: a modification sequence may be that of several changes.
    pub(crate) fn take_in(&self, changes: impl IntoIterator<Item = Change>) {
        let mut kept = lock(&self.0);
        for change in changes {
            let mailbox = change.mailbox();
            if let Some(mut image) = kept.remove(mailbox) {
                image.take_in(change);
                kept.insert(mailbox, image);
            }
        }
        kept.make_room();
    }

    /// Whether there is an image of the mailbox.
    pub(crate) fn has(&self, mailbox: MailboxId) -> bool {
        lock(&self.0).images.contains_key(&mailbox)
    }
}

impl Kept {
    fn make_room(&mut self) {
        while self.octets > ROOM {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.remove(oldest);
        }
    }

    fn insert(&mut self, mailbox: MailboxId, image: Image) {
        self.uses += 1;
        self.octets += image.room();
        self.order.insert(self.uses, mailbox);
        let at = self.uses;
        self.images.insert(mailbox, Used { image, at });
    }

    fn remove(&mut self, mailbox: MailboxId) -> Option<Image> {
        let Used { image, at } = self.images.remove(&mailbox)?;
        self.order.remove(&at);
        self.octets -= image.room();
        Some(image)
    }
}
