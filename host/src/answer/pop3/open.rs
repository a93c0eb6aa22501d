//! The maildrop that a session has open: the INBOX as it was then, without what has left it since.
//!
//! Most clients take one message after the other: the next ones are read with one statement before they are asked for, more of them the longer
//! a client goes on.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::watch;
use waxwing_store::{AccountId, BlobId, Error, Mailbox, MailboxId, Message, Store, UidRange};

/// Messages that are read at once at most, and octets of one and of all of them.
const AHEAD: usize = 16;
const AHEAD_EACH: u32 = 32 << 10;
const AHEAD_ALL: u32 = 64 << 10;

/// A message of the snapshot.
#[derive(Clone, Copy)]
struct Content {
    uid: u32,
    /// As far as they can be counted.
    octets: u32,
    blob: BlobId,
}

/// An open maildrop.
pub(super) struct Open {
    account: AccountId,
    pub(super) inbox: MailboxId,
    /// The messages of the snapshot that are still in the INBOX, ascending by UID.
    contents: Vec<Content>,
    /// The modification sequence up to which that is known.
    since: u64,
    /// Changes when the account does.
    news: watch::Receiver<u64>,
    /// Contents that were read before they were asked for, ascending by UID.
    ahead: VecDeque<(u32, Bytes)>,
    /// The place in `contents` that a client has next that takes one message after the other, and how many are read then.
    next: usize,
    step: usize,
}

impl Open {
    /// What an INBOX holds. `news` was asked for before it was looked at, so that nothing happens between that is not told.
    pub(super) fn new(
        account: AccountId,
        inbox: &Mailbox,
        messages: &[Message],
        news: watch::Receiver<u64>,
    ) -> Self {
        let contents = messages.iter().map(|message| Content {
            uid: message.flags.uid,
            octets: u32::try_from(message.size).unwrap_or(u32::MAX),
            blob: message.blob,
        });
        Self {
            account,
            inbox: inbox.id,
            contents: contents.collect(),
            since: inbox.highest_modseq,
            news,
            ahead: VecDeque::new(),
            next: 0,
            step: 1,
        }
    }

    /// A piece of a message; none of one that has left the INBOX. One that is on its way to the client is read to its end.
    pub(super) async fn read(
        &mut self,
        store: &Store,
        uid: u32,
        offset: u64,
        length: usize,
    ) -> Result<Option<Bytes>, Error> {
        if offset == 0 {
            self.catch_up(store).await?;
        }
        let Ok(place) = self
            .contents
            .binary_search_by_key(&uid, |content| content.uid)
        else {
            return Ok(None);
        };
        if offset == 0
            && let Some(content) = self.begin(store, place, uid).await?
        {
            return Ok(Some(content.slice(..length.min(content.len()))));
        }
        let Some(content) = self.contents.get(place) else {
            return Ok(None);
        };
        match store.read_blob(content.blob, offset, length).await {
            Ok(octets) => Ok(Some(octets)),
            Err(Error::NoSuchBlob(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The whole of a message that was read ahead, or is now with those that follow it.
    async fn begin(
        &mut self,
        store: &Store,
        place: usize,
        uid: u32,
    ) -> Result<Option<Bytes>, Error> {
        let goes_on = place == self.next;
        self.next = place + 1;
        while self.ahead.front().is_some_and(|(known, _)| *known < uid) {
            self.ahead.pop_front();
        }
        if self.ahead.front().is_some_and(|(known, _)| *known == uid) {
            return Ok(self.ahead.pop_front().map(|(_, content)| content));
        }
        self.ahead.clear();
        self.step = if goes_on {
            (2 * self.step).min(AHEAD)
        } else {
            1
        };
        let wanted = self.small_from(place);
        if wanted.len() < 2 {
            return Ok(None);
        }
        let blobs: Vec<BlobId> = wanted.iter().map(|content| content.blob).collect();
        let read = store.blob_heads(&blobs, AHEAD_EACH as usize).await?;
        let uids = wanted.iter().map(|content| content.uid);
        let found = uids
            .zip(read)
            .filter_map(|(uid, octets)| Some((uid, octets?)));
        self.ahead = found.collect();
        let first = self.ahead.pop_front_if(|(known, _)| *known == uid);
        Ok(first.map(|(_, content)| content))
    }

    /// Messages from this place on that are worth reading at once.
    fn small_from(&self, place: usize) -> Vec<Content> {
        let mut room = AHEAD_ALL;
        let behind = self.contents.get(place..).unwrap_or_default().iter();
        let small = behind.take(self.step).take_while(|content| {
            let left = room.checked_sub(content.octets);
            room = left.unwrap_or(room);
            left.is_some() && content.octets <= AHEAD_EACH
        });
        small.copied().collect()
    }

    /// Forgets what is not in the INBOX any more: its content may live on in another mailbox, where it was moved to.
    async fn catch_up(&mut self, store: &Store) -> Result<(), Error> {
        // Nobody is left to tell when the account is gone: then each time is looked.
        if matches!(self.news.has_changed(), Ok(false)) {
            return Ok(());
        }
        self.news.mark_unchanged();
        let gone = self.gone(store).await;
        if gone.is_err() {
            self.news.mark_changed();
        }
        let gone = gone?;
        if !gone.is_empty() {
            self.contents
                .retain(|content| !UidRange::any_holds(&gone, content.uid));
            self.next = 0;
        }
        Ok(())
    }

    /// What has left the INBOX since it was looked at last.
    async fn gone(&mut self, store: &Store) -> Result<Vec<UidRange>, Error> {
        let changes = store.changes(self.account, self.inbox, self.since).await?;
        let mut gone = changes.vanished;
        if !changes.complete {
            let left = store
                .fetch(self.account, self.inbox, &[UidRange::ALL], false)
                .await?;
            let left = UidRange::compress(left.iter().map(|message| message.flags.uid));
            let known = self.contents.iter().map(|content| content.uid);
            gone = UidRange::compress(known.filter(|uid| !UidRange::any_holds(&left, *uid)));
        }
        self.since = changes.mailbox.highest_modseq;
        Ok(gone)
    }
}
