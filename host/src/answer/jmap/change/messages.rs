//! Messages that come: put together from properties and blobs, or imported.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use waxwing_jmap::{
    AccountId, BlobId, Carried, ContentId, EmailId, Piece, Placing, Refusal, StoredEmail, ThreadId,
};
use waxwing_policy::MailboxChange;
use waxwing_store::{Delivery, Error, Place, Stored, Target};

use super::super::asks::Asks;
use super::super::{content, download};
use super::{flags, mailbox};
use crate::answer::gate::Gate;
use crate::answer::{events, fields, now_millis, off_the_loop, outline};
use crate::budget::{Content, Reservation};

/// Octets of a blob that are read and encoded at a time: a multiple of a line of base64.
const PIECE: usize = 57 * 4096;

/// What came of something: an error is ours, a refusal is the client's to know.
type Outcome<T> = Result<Result<T, Refusal>, Error>;

impl Asks<'_> {
    /// Puts a message together and stores it.
    pub(super) async fn compose(
        &self,
        pieces: Vec<Piece>,
        placing: Placing,
    ) -> Outcome<StoredEmail> {
        let gate = self.visitor.gate(self.account).await;
        if gate.pressed() {
            return Ok(Err(Refusal::Busy));
        }
        match self.together(pieces).await? {
            Ok((whole, memory)) => self.store(gate, whole, memory, placing).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Puts a message together; its octets, and the memory that they take.
    pub(super) async fn together(&self, pieces: Vec<Piece>) -> Outcome<(Bytes, Reservation)> {
        let blobs: Vec<BlobId> = pieces.iter().filter_map(blob_of).collect();
        let missing = self.missing(&blobs).await?;
        if !missing.is_empty() {
            return Ok(Err(Refusal::NoSuchBlobs(missing)));
        }
        let parts = &self.visitor.parts;
        let mut content = Content::new(&parts.budget, self.visitor.client);
        let mut left = parts.config.limits.message_size.bytes();
        for piece in pieces {
            let put = match piece {
                Piece::Octets(octets) => put(&mut content, octets.into(), &mut left),
                Piece::Blob(blob, carried) => {
                    self.put_blob(&mut content, blob, carried, &mut left)
                        .await?
                }
            };
            if let Err(refusal) = put {
                return Ok(Err(refusal));
            }
        }
        Ok(content.take().ok_or(Refusal::Busy))
    }

    /// Stores a blob as a message.
    pub(super) async fn import(&self, blob: BlobId, mut placing: Placing) -> Outcome<StoredEmail> {
        if !self.missing(&[blob]).await?.is_empty() {
            return Ok(Err(Refusal::NoSuchBlobs(vec![blob])));
        }
        let gate = self.visitor.gate(self.account).await;
        if gate.pressed() {
            return Ok(Err(Refusal::Busy));
        }
        let (whole, memory) = match self.raw(blob).await? {
            Ok(whole) => whole,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let whole = with_line_ends(whole).await;
        if whole.contains(&0) || !fields::begins_well(&whole) {
            let text = "it does not begin with a header, or has octets that no message has";
            return Ok(Err(Refusal::NoMessage(text.into())));
        }
        if placing.received.is_none() {
            // RFC 8621 §4.8: as its topmost Received field says.
            let received = waxwing_message::received(&whole);
            placing.received = received.map(|sent| sent.timestamp.saturating_mul(1000));
        }
        self.store(gate, whole, memory, placing).await
    }

    /// Stores an email of another account that is seen (RFC 8621 §4.7); with its keywords, if it is given none.
    pub(super) async fn copy_email(
        &self,
        from: AccountId,
        email: EmailId,
        mut placing: Placing,
        own_keywords: bool,
    ) -> Outcome<StoredEmail> {
        let sees = self.sees(from).await?;
        let parts = &self.visitor.parts;
        let emails = parts.views.emails(&parts.store, &sees).await?;
        let Some(found) = emails.get(email) else {
            return Ok(Err(Refusal::NotFound));
        };
        if own_keywords {
            placing.keywords = emails.keywords_of(found).map(str::to_owned).collect();
        }
        placing.received = placing.received.or(Some(found.received));
        let gate = self.visitor.gate(self.account).await;
        if gate.pressed() {
            return Ok(Err(Refusal::Busy));
        }
        let whole = self.raw(BlobId::Whole(ContentId(email.0))).await?;
        let (whole, memory) = match whole {
            Ok(whole) => whole,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.still(&sees).await?;
        self.store(gate, whole, memory, placing).await
    }

    /// All octets of a blob, and the memory that they take.
    pub(super) async fn raw(&self, blob: BlobId) -> Outcome<(Bytes, Reservation)> {
        let parts = &self.visitor.parts;
        let mut content = Content::new(&parts.budget, self.visitor.client);
        let mut left = parts.config.limits.message_size.bytes();
        if let Err(refusal) = self.put_raw(&mut content, blob, &mut left).await? {
            return Ok(Err(refusal));
        }
        Ok(content.take().ok_or(Refusal::Busy))
    }

    /// Those of some blobs that the account does not have.
    async fn missing(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, Error> {
        let asked: HashSet<_> = blobs.iter().map(|blob| content(blob.content())).collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let store = &self.visitor.parts.store;
        let found = store.which_has(self.account.id, &asked).await?;
        let mut missing: Vec<BlobId> = Vec::new();
        for blob in blobs {
            if !found.contains(&content(blob.content())) && !missing.contains(blob) {
                missing.push(*blob);
            }
        }
        Ok(missing)
    }

    /// A blob as a part has it: the field that says how, the end of the header, and the octets.
    async fn put_blob(
        &self,
        content: &mut Content,
        blob: BlobId,
        carried: Carried,
        left: &mut u64,
    ) -> Outcome<()> {
        match carried {
            Carried::Base64 => {
                let head = Bytes::from_static(b"Content-Transfer-Encoding: base64\r\n\r\n");
                if let Err(refusal) = put(content, head, left) {
                    return Ok(Err(refusal));
                }
                self.put_pieces(content, blob, left, encoded).await
            }
            Carried::Message => {
                let mut inner = Content::new(&self.visitor.parts.budget, self.visitor.client);
                let mut room = *left;
                if let Err(refusal) = self.put_raw(&mut inner, blob, &mut room).await? {
                    return Ok(Err(refusal));
                }
                let Some((inner, _memory)) = inner.take() else {
                    return Ok(Err(Refusal::Busy));
                };
                let inner = with_line_ends(inner).await;
                // RFC 2046 §5.2.1: no encoding but these.
                let encoding = match (inner.is_ascii(), inner.contains(&0)) {
                    (true, false) => "7bit",
                    (false, false) => "8bit",
                    (_, true) => "binary",
                };
                let head = format!("Content-Transfer-Encoding: {encoding}\r\n\r\n");
                let pieces = [head.into(), inner, Bytes::from_static(b"\r\n")];
                let mut put = pieces.into_iter().map(|piece| put(content, piece, left));
                Ok(put.find(Result::is_err).unwrap_or(Ok(())))
            }
        }
    }

    async fn put_raw(&self, content: &mut Content, blob: BlobId, left: &mut u64) -> Outcome<()> {
        self.put_pieces(content, blob, left, |piece| piece).await
    }

    /// The octets of a blob, each piece as `written` has it.
    async fn put_pieces(
        &self,
        into: &mut Content,
        blob: BlobId,
        left: &mut u64,
        written: impl Fn(Bytes) -> Bytes + Send + 'static,
    ) -> Outcome<()> {
        let parts = &self.visitor.parts;
        if let BlobId::Part { .. } = blob {
            let limit = parts.config.limits.message_size.bytes();
            if !self.charge(blob) {
                return Ok(Err(Refusal::TooLarge(limit)));
            }
            let part = match download::part(self.visitor, blob).await {
                Err(Error::NoSuchBlob(_)) => return Ok(Err(Refusal::NoSuchBlobs(vec![blob]))),
                part => part?,
            };
            let Some(part) = part else {
                return Ok(Err(Refusal::Busy));
            };
            let written = off_the_loop(part.clone(), move |_| written(part)).await;
            return Ok(put(into, written, left));
        }
        let (id, mut at) = (content(blob.content()), 0);
        loop {
            let piece = match parts.store.read_blob(id, at, PIECE).await {
                // It went since it was looked for.
                Err(Error::NoSuchBlob(_)) => return Ok(Err(Refusal::NoSuchBlobs(vec![blob]))),
                piece => piece?,
            };
            let read = piece.len();
            at += read as u64;
            if read > 0
                && let Err(refusal) = put(into, written(piece), left)
            {
                return Ok(Err(refusal));
            }
            if read < PIECE {
                return Ok(Ok(()));
            }
        }
    }

    /// Stores a message in its mailboxes, if there is room for it.
    async fn store(
        &self,
        mut gate: Gate,
        whole: Bytes,
        memory: Reservation,
        placing: Placing,
    ) -> Outcome<StoredEmail> {
        let Some((flags, keywords)) = flags(&placing.keywords) else {
            return Ok(Err(Refusal::Keyword));
        };
        let (size, copies) = (whole.len() as u64, placing.mailboxes.len() as u64);
        if let Err(refusal) = self.room(&mut gate, size * copies, copies).await {
            return Ok(Err(refusal));
        }
        let outline = outline(&whole).await;
        let thread = outline.thread;
        let target = |id| Target {
            account: self.account.id,
            mailbox: Place::Id(id),
            flags,
            keywords: keywords.clone(),
        };
        let mailboxes = placing.mailboxes.iter().copied().map(mailbox);
        let delivery = Delivery {
            content: whole,
            summary: outline.summary,
            thread,
            targets: mailboxes.map(target).collect(),
            internal_date: placing.received.unwrap_or_else(now_millis),
            internal_offset: 0,
            ledger: None,
        };
        let stored = self.visitor.parts.store.deliver(delivery).await;
        drop(memory);
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => return refused(error).map(Err),
        };
        self.tell(&gate, &stored, flags, &keywords).await;
        let (Some(first), Some(last)) = (stored.first(), stored.last()) else {
            return Ok(Err(Refusal::Nowhere));
        };
        let number = first.blob.0.unsigned_abs();
        Ok(Ok(StoredEmail {
            email: EmailId(number),
            content: ContentId(number),
            thread: ThreadId(thread.unsigned_abs()),
            size,
            before: first.modseq.saturating_sub(1),
            after: last.modseq,
        }))
    }

    /// Tells policy what came where.
    async fn tell(
        &self,
        gate: &Gate,
        stored: &[Stored],
        flags: waxwing_store::Flags,
        keywords: &[String],
    ) {
        // It is stored, whatever becomes of this.
        let mailboxes = self.visitor.parts.store.mailboxes(self.account.id).await;
        let mailboxes = mailboxes.unwrap_or_default();
        for stored in stored {
            let found = mailboxes.iter().find(|it| it.id == stored.mailbox);
            let path = found.map_or("", |it| it.path.as_str());
            gate.tell(&self.account.address, || {
                MailboxChange::Append(events::placed(path, stored.uid, flags, keywords))
            });
        }
    }
}

fn blob_of(piece: &Piece) -> Option<BlobId> {
    match piece {
        Piece::Blob(blob, _) => Some(*blob),
        Piece::Octets(_) => None,
    }
}

/// Adds octets, of which there may be `left` more.
fn put(content: &mut Content, octets: Bytes, left: &mut u64) -> Result<(), Refusal> {
    let size = octets.len() as u64;
    let Some(rest) = left.checked_sub(size) else {
        return Err(Refusal::TooLarge(*left));
    };
    *left = rest;
    content.push(octets);
    if content.is_lost() {
        return Err(Refusal::Busy);
    }
    Ok(())
}

/// Octets in base64, in lines (RFC 2045 §6.8).
fn encoded(octets: Bytes) -> Bytes {
    let mut lines = BytesMut::with_capacity(octets.len() / 57 * 78 + 78);
    for line in octets.chunks(57) {
        lines.put_slice(STANDARD.encode(line).as_bytes());
        lines.put_slice(b"\r\n");
    }
    lines.freeze()
}

/// A message whose lines end as those of messages do (RFC 5322 §2.3), whatever they were kept with.
async fn with_line_ends(content: Bytes) -> Bytes {
    let kept = content.clone();
    let normal = off_the_loop(content, |content| {
        let mut before = 0;
        let mut odd = false;
        for (at, octet) in content.iter().enumerate() {
            let next = content.get(at + 1).copied();
            odd |= *octet == b'\n' && before != b'\r' || *octet == b'\r' && next != Some(b'\n');
            before = *octet;
        }
        odd.then(|| rewritten(content))
    });
    normal.await.unwrap_or(kept)
}

fn rewritten(content: &[u8]) -> Bytes {
    let mut whole = BytesMut::with_capacity(content.len() + content.len() / 32);
    let mut octets = content.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\r' => {
                octets.next_if_eq(&b'\n');
                whole.put_slice(b"\r\n");
            }
            b'\n' => whole.put_slice(b"\r\n"),
            octet => whole.put_u8(octet),
        }
    }
    whole.freeze()
}

/// What the store refuses, in the client's terms.
fn refused(error: Error) -> Result<Refusal, Error> {
    match error {
        Error::NoSuchMailbox(_) => Ok(Refusal::NoSuchMailbox),
        Error::TooLarge {
            what: "message",
            limit,
            ..
        } => Ok(Refusal::TooLarge(limit as u64)),
        Error::TooLarge { .. } => Ok(Refusal::TooManyKeywords),
        Error::InvalidName { .. } => Ok(Refusal::Keyword),
        Error::NotAllowed(reason) => Ok(Refusal::OverQuota(reason.into())),
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_end_alike() {
        let message = |text: &'static str| with_line_ends(Bytes::from_static(text.as_bytes()));
        assert_eq!(message("a\nb\r\nc\rd").await, "a\r\nb\r\nc\r\nd");
        assert_eq!(message("a\r\nb\r\n").await, "a\r\nb\r\n");
        assert_eq!(message("a\r").await, "a\r\n");
    }

    #[test]
    fn base64_is_in_lines() {
        let lines = encoded(Bytes::from(vec![b'x'; 58]));
        assert_eq!(lines.len(), 76 + 2 + 4 + 2);
        assert!(lines.ends_with(b"eA==\r\n"));
    }
}
