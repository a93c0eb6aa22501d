//! What methods of contents ask (RFC 9404), answered from the store.

use std::collections::HashSet;

use aws_lc_rs::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use bytes::{Bytes, BytesMut};
use waxwing_jmap::{
    BlobAnswer, BlobAsk, BlobId, BlobPiece, ContentId, DigestAlgorithm, EmailId, MailboxId, Octets,
    ThreadId, Uses,
};
use waxwing_store::{Error, Store};

use super::asks::Asks;
use super::mail::unsigned;
use super::{UPLOADS_OF_ONE, content, download};
use crate::answer::off_the_loop;

/// Octets that are read at a time.
const PIECE: u64 = 256 * 1024;

impl Asks<'_> {
    /// What is answered; none: there is no memory for it.
    pub(super) async fn blob(&self, ask: BlobAsk) -> Result<Option<BlobAnswer>, Error> {
        Ok(Some(match ask {
            BlobAsk::Read {
                account,
                piece,
                most,
                digests,
            } => {
                self.own(account)?;
                match self.read(&piece, most, &digests).await {
                    Err(Error::NoSuchBlob(_)) => BlobAnswer::Octets(None),
                    read => return read,
                }
            }
            BlobAsk::Keep { account, octets } => {
                self.own(account)?;
                let room = self.visitor.limits.size_upload;
                let room = room.saturating_mul(UPLOADS_OF_ONE);
                let store = &self.visitor.parts.store;
                let kept = store.upload(self.account.id, octets, Vec::new(), room);
                BlobAnswer::Kept(ContentId(unsigned(kept.await?.0)))
            }
            BlobAsk::Uses { account, contents } => {
                self.own(account)?;
                BlobAnswer::Uses(self.uses(&contents).await?)
            }
        }))
    }

    async fn read(
        &self,
        piece: &BlobPiece,
        most: u64,
        digests: &[DigestAlgorithm],
    ) -> Result<Option<BlobAnswer>, Error> {
        let store = &self.visitor.parts.store;
        let id = content(piece.blob.content());
        let asked = HashSet::from([id]);
        if !store
            .which_has(self.account.id, &asked)
            .await?
            .contains(&id)
        {
            return Ok(Some(BlobAnswer::Octets(None)));
        }
        let BlobId::Whole(_) = piece.blob else {
            if !self.charge(piece.blob) {
                return Ok(Some(BlobAnswer::TooMuch));
            }
            let Some(octets) = download::part(self.visitor, piece.blob).await? else {
                return Ok(None);
            };
            let size = octets.len() as u64;
            let (start, length) = within(piece, size);
            let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
            let octets = octets.slice(at(start)..at(start + length));
            let digests = digests.to_vec();
            let digested = off_the_loop(octets.clone(), move |octets| {
                let mut contexts = contexts(&digests);
                contexts
                    .iter_mut()
                    .for_each(|context| context.update(octets));
                finished(contexts)
            });
            return Ok(Some(BlobAnswer::Octets(Some(Octets {
                size,
                digests: digested.await,
                octets: (length <= most).then_some(octets),
            }))));
        };
        let octets = whole(store, id, piece, most, digests).await?;
        Ok(Some(BlobAnswer::Octets(Some(octets))))
    }

    async fn uses(&self, contents: &[ContentId]) -> Result<Vec<Option<Uses>>, Error> {
        let store = &self.visitor.parts.store;
        let asked: HashSet<_> = contents.iter().map(|id| content(*id)).collect();
        let there = store.which_has(self.account.id, &asked).await?;
        let found = store.uses(self.account.id, &asked).await?;
        let of = |id: &ContentId| {
            let blob = content(*id);
            let places = found.get(&blob);
            if places.is_none() && !there.contains(&blob) {
                return None;
            }
            let mut uses = Uses::default();
            for (mailbox, thread) in places.into_iter().flatten() {
                let names = [
                    (&mut uses.emails, EmailId(id.0).to_string()),
                    (
                        &mut uses.mailboxes,
                        MailboxId(unsigned(mailbox.0)).to_string(),
                    ),
                    (&mut uses.threads, ThreadId(unsigned(*thread)).to_string()),
                ];
                for (names, name) in names {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            Some(uses)
        };
        Ok(contents.iter().map(of).collect())
    }
}

/// A piece of a whole content. What is only digested is never in memory all at once.
async fn whole(
    store: &Store,
    id: waxwing_store::BlobId,
    piece: &BlobPiece,
    most: u64,
    digests: &[DigestAlgorithm],
) -> Result<Octets, Error> {
    let size = store.blob_size(id).await?;
    let (mut start, length) = within(piece, size);
    let mut left = length;
    let wanted = length <= most;
    let mut octets = BytesMut::new();
    let mut contexts = contexts(digests);
    while left > 0 && (wanted || !contexts.is_empty()) {
        let count = usize::try_from(left.min(PIECE)).unwrap_or(0);
        let read = store.read_blob(id, start, count).await?;
        if read.is_empty() {
            // It is shorter than was said.
            return Err(Error::NoSuchBlob(id.0));
        }
        start += read.len() as u64;
        left = left.saturating_sub(read.len() as u64);
        contexts
            .iter_mut()
            .for_each(|context| context.update(&read));
        if wanted {
            octets.extend_from_slice(&read);
        }
    }
    Ok(Octets {
        size,
        octets: wanted.then(|| octets.freeze()),
        digests: finished(contexts),
    })
}

/// Where a piece begins, and how many octets of it there are.
fn within(piece: &BlobPiece, size: u64) -> (u64, u64) {
    let start = piece.offset.min(size);
    let rest = size - start;
    (start, piece.length.unwrap_or(rest).min(rest))
}

fn contexts(digests: &[DigestAlgorithm]) -> Vec<Context> {
    let algorithm = |digest: &DigestAlgorithm| -> &'static Algorithm {
        match digest {
            DigestAlgorithm::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            DigestAlgorithm::Sha256 => &SHA256,
            DigestAlgorithm::Sha512 => &SHA512,
        }
    };
    let contexts = digests.iter().map(|digest| Context::new(algorithm(digest)));
    contexts.collect()
}

fn finished(contexts: Vec<Context>) -> Vec<Bytes> {
    let digests = contexts.into_iter().map(Context::finish);
    digests
        .map(|digest| Bytes::copy_from_slice(digest.as_ref()))
        .collect()
}
