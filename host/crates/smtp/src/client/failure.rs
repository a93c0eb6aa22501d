//! Why a message did not get through, in terms of what its sender can be told.
//!
//! Standards: RFC 3463 and RFC 5248 (statuses), RFC 8689 §4.2.1, RFC 6531 §3.6 and RFC 6152 §3 (what a peer lacks).

use waxwing_mail::{EnhancedStatus, Reply};

/// What became of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The peer took it, with this reply to the content.
    Taken(Reply),
    /// It did not.
    Failed(Failure),
}

/// What failed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// At what.
    pub stage: Stage,
    /// Why.
    pub cause: Cause,
}

/// Where in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The peer's greeting.
    Greeting,
    /// EHLO, LHLO or HELO.
    Hello,
    /// STARTTLS, and the handshake.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The content and its end. Where no reply came, the peer may have taken it all the same (RFC 5321 §4.5.3.2.6).
    Content,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The peer said so.
    Reply(Reply),
    /// The connection was closed, or broke.
    Closed,
    /// The peer said nothing in time.
    TimedOut,
    /// What the peer said is no reply, or none to what was said.
    Nonsense,
    /// The peer does not offer what is needed.
    Lacks(Lack),
    /// The peer has not proved that it knows the password (RFC 5802 §3).
    Impostor,
    /// The content could not be had.
    Content,
}

/// What a peer does not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// STARTTLS, where it is required.
    StartTls,
    /// AUTH, or a mechanism that may be used.
    Auth,
    /// 8BITMIME, for content with octets over 127: to be converted, or returned.
    EightBitMime,
    /// BINARYMIME, for content that has no lines: to be converted, or returned.
    BinaryMime,
    /// SMTPUTF8, for an address or a header beyond ASCII: to be returned (RFC 6531 §3.6).
    SmtpUtf8,
    /// REQUIRETLS, or TLS for it: to be returned (RFC 8689 §4.2.1).
    RequireTls,
    /// DELIVERBY, for a message that is to be returned in time (RFC 2852 §4).
    DeliverBy,
    /// Room: messages of at most so many octets are taken (RFC 1870 §6).
    Size(u64),
    /// Room in one transaction for more recipients than this; there may be another transaction (RFC 9422 §4.2).
    Recipients(usize),
}

impl Fate {
    /// Why not, if not.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Taken(_) => None,
            Self::Failed(failure) => Some(failure),
        }
    }
}

impl Failure {
    /// Whether trying again at this peer is of no use.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match &self.cause {
            Cause::Reply(reply) => reply.code.is_permanent() && !self.means_too_many(reply),
            Cause::Lacks(lack) => {
                !matches!(lack, Lack::StartTls | Lack::Auth | Lack::Recipients(_))
            }
            Cause::Closed | Cause::TimedOut | Cause::Nonsense => false,
            Cause::Impostor | Cause::Content => false,
        }
    }

    /// RFC 5321 §4.5.3.1.10: a 552 to RCPT is an old way to say 452, unless the peer says by its status what else is full.
    fn means_too_many(&self, reply: &Reply) -> bool {
        self.stage == Stage::Rcpt
            && reply.code.get() == 552
            && matches!(reply.enhanced, None | Some(EnhancedStatus(_, 5, 3)))
    }

    /// The status for a report: the peer's own, or what RFC 3463 has for the case.
    #[must_use]
    pub fn status(&self) -> EnhancedStatus {
        let (subject, detail) = match &self.cause {
            Cause::Reply(Reply {
                enhanced: Some(enhanced),
                ..
            }) if !self.is_transient_despite(enhanced.0) => return *enhanced,
            Cause::Reply(_) => (0, 0),
            // Bad connection.
            Cause::Closed | Cause::TimedOut => (4, 2),
            Cause::Nonsense => (5, 0),
            Cause::Impostor => (7, 8),
            Cause::Content => (3, 0),
            Cause::Lacks(lack) => lack.status(),
        };
        let class = if self.is_permanent() { 5 } else { 4 };
        EnhancedStatus(class, subject, detail)
    }

    fn is_transient_despite(&self, class: u8) -> bool {
        class == 5 && !self.is_permanent()
    }
}

impl Lack {
    /// Subject and detail.
    fn status(self) -> (u16, u16) {
        match self {
            // RFC 5248, RFC 8689 §4.2.1: encryption needed.
            Self::StartTls => (7, 10),
            Self::Auth => (7, 0),
            // RFC 6152 §3, RFC 3463 §3.7: conversion required but not supported.
            Self::EightBitMime | Self::BinaryMime => (6, 3),
            // RFC 6531 §3.6: non-ASCII addresses not permitted.
            Self::SmtpUtf8 => (6, 7),
            Self::RequireTls => (7, 30),
            // RFC 2852 §4: delivery time expired, or cannot be promised.
            Self::DeliverBy => (4, 7),
            Self::Size(_) => (3, 4),
            Self::Recipients(_) => (5, 3),
        }
    }
}
