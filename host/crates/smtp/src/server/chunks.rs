//! BDAT: content in chunks.
//!
//! Standards: RFC 3030 §2 (chunks, what follows an error), §3 (BINARYMIME); RFC 2033 §4.2 (a reply for each recipient
//! to the last chunk).
//! Invariants: the octets of a chunk are never read as commands, whatever is wrong; after an error the transaction is
//! over, so that of a message that lacks a chunk nothing is kept.

use std::time::Instant;

use bytes::Bytes;
use waxwing_mail::{Body, Reply};

use super::transaction::bounds;
use super::{Asked, Pace, Phase, ServerSession, refusal};
use crate::ask::{Ask, Decision};
use crate::chunks::Chunks;
use crate::command;
use crate::replies;

/// The content of a transaction that comes in chunks.
pub(super) struct Chunked {
    chunks: Chunks,
    /// When all of it must be there.
    pub(super) end: Instant,
}

/// The chunk that is being received.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// Octets as the command said.
    size: u64,
    /// Octets that are still to come.
    left: u64,
    /// `LAST` was said.
    last: bool,
    /// The chunk is read and thrown away, and this is said then.
    refused: Option<Refused>,
    pub(super) pace: Pace,
}

#[derive(Clone, Debug)]
struct Refused {
    reply: Reply,
    /// It counts among the peer's errors.
    error: bool,
}

impl ServerSession {
    pub(super) fn bdat(&mut self, argument: &str) {
        if !self.config.extensions.chunking {
            return self.error(&replies::not_implemented());
        }
        // Where octets follow that cannot be counted, they cannot be told from commands either.
        let Some((size, last)) = command::chunk(argument) else {
            return self.close(&replies::bdat_syntax());
        };
        let limits = self.config.limits;
        let before = self.chunked().map_or(0, |chunked| chunked.chunks.size());
        // Deviation from RFC 3030 §2: a chunk that is out of all proportion is not read to its end.
        if before.saturating_add(size) > limits.message.saturating_add(limits.excess) {
            return self.end_for("bytes", &replies::message_endless());
        }
        let chunk = Chunk {
            size,
            left: size,
            last,
            refused: self
                .chunk_out_of_order()
                .map(|reply| Refused { reply, error: true }),
            pace: self.pace(),
        };
        if chunk.refused.is_none() && self.chunked().is_none() {
            return self.ask(Ask::Data, Asked::Chunk(Box::new(chunk)));
        }
        self.read_chunk(chunk);
    }

    fn chunked(&self) -> Option<&Chunked> {
        self.transaction.as_ref()?.chunked.as_ref()
    }

    fn chunk_out_of_order(&self) -> Option<Reply> {
        match &self.transaction {
            // RFC 3030 §2: also what comes after BDAT LAST, and after a chunk that failed.
            None => Some(replies::mail_first()),
            Some(transaction) if transaction.envelope.recipients.is_empty() => {
                Some(replies::no_recipients())
            }
            Some(_) => None,
        }
    }

    /// What policy said to the first chunk.
    pub(super) fn first_chunk_decided(&mut self, mut chunk: Chunk, decision: Decision) {
        match decision {
            Decision::Pass => {
                let bounds = bounds(&self.config.limits);
                if let Some(transaction) = &mut self.transaction {
                    let binary = transaction.envelope.body == Body::BinaryMime;
                    transaction.chunked = Some(Chunked {
                        chunks: Chunks::new(bounds, binary),
                        end: chunk.pace.end(),
                    });
                }
            }
            // RFC 3030 §2: the chunk is accepted and discarded before the reply.
            Decision::Refuse(reply) => {
                chunk.refused = Some(Refused {
                    reply: refusal(reply),
                    error: false,
                });
            }
            Decision::Disconnect(reply) => return self.close(&refusal(reply)),
        }
        self.read_chunk(chunk);
    }

    fn read_chunk(&mut self, mut chunk: Chunk) {
        // What policy took to decide is not the peer's time.
        let end = self
            .chunked()
            .map_or(chunk.pace.end(), |chunked| chunked.end);
        chunk.pace = Pace::new(&self.config.limits, &self.config.timeouts, self.now, end);
        self.deadline = chunk.pace.came(self.input.len(), self.now);
        self.phase = Phase::Chunk(Box::new(chunk));
    }

    /// Reads on in the chunk; gives what is to be handed on, `None` if more input is needed.
    pub(super) fn chunk(&mut self) -> Option<Bytes> {
        let Phase::Chunk(chunk) = &mut self.phase else {
            return None;
        };
        if chunk.left > 0 && self.input.is_empty() {
            return None;
        }
        let limit = usize::try_from(chunk.left).unwrap_or(usize::MAX);
        let piece = self.input.take(limit);
        chunk.left -= piece.len() as u64;
        let ended = chunk.left == 0;
        let chunked = self
            .transaction
            .as_mut()
            .and_then(|transaction| transaction.chunked.as_mut());
        let wanted = match (&chunk.refused, chunked) {
            (None, Some(chunked)) => chunked.chunks.take(&piece),
            _ => false,
        };
        if ended {
            self.chunk_ended();
        }
        Some(if wanted { piece } else { Bytes::new() })
    }

    fn chunk_ended(&mut self) {
        let Phase::Chunk(chunk) = std::mem::replace(&mut self.phase, Phase::Command) else {
            return;
        };
        self.restart(self.config.timeouts.command);
        if let Some(refused) = chunk.refused {
            return self.chunk_failed(&refused.reply, chunk.last, refused.error);
        }
        let Some(chunked) = self
            .transaction
            .as_mut()
            .and_then(|transaction| transaction.chunked.as_mut())
        else {
            return;
        };
        if chunk.last {
            chunked.chunks.end();
        }
        let (size, fault) = (chunked.chunks.size(), chunked.chunks.fault());
        match fault {
            Some(fault) => {
                let reply = self.fault_reply(fault);
                self.chunk_failed(&reply, chunk.last, false);
            }
            None if chunk.last => self.content_ended(size, None),
            None => self.reply(&replies::chunk_taken(chunk.size)),
        }
    }

    /// RFC 3030 §2: the transaction is to be considered failed, and its further chunks are thrown away.
    fn chunk_failed(&mut self, reply: &Reply, last: bool, error: bool) {
        let transaction = self.transaction.take();
        let recipients = transaction
            .as_ref()
            .map_or(0, |transaction| transaction.envelope.recipients.len());
        if last && recipients > 0 {
            self.reply_to_all(recipients, reply);
        } else if error {
            self.error(reply);
        } else {
            self.reply(reply);
        }
        if transaction.is_some() && !matches!(self.phase, Phase::Closed) {
            self.ask(Ask::Abandon, Asked::Abandon(None));
        }
    }
}
