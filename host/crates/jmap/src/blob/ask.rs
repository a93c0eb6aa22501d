//! What the methods of contents ask.

use bytes::Bytes;

use crate::id::{AccountId, BlobId, ContentId};

/// How a digest is computed, by its name in the registry of HTTP Digest Algorithm Values, in lower case (RFC 9404 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestAlgorithm {
    /// `sha`, which is SHA-1
    Sha1,
    /// `sha-256`
    Sha256,
    /// `sha-512`
    Sha512,
}

impl DigestAlgorithm {
    /// All of them, the one to be preferred first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha512, Self::Sha1];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha",
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// Some of the octets of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobPiece {
    /// Of which.
    pub blob: BlobId,
    /// The first octet.
    pub offset: u64,
    /// How many, as far as there are; none: all the rest.
    pub length: Option<u64>,
}

/// What a request asks of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobAsk {
    /// How large a blob is, and what a piece of it is. → [`BlobAnswer::Octets`]
    Read {
        /// Whose.
        account: AccountId,
        /// What of it.
        piece: BlobPiece,
        /// Octets that are wanted at most; none are told of a piece that has more.
        most: u64,
        /// Digests of the piece.
        digests: Vec<DigestAlgorithm>,
    },
    /// Keep octets as an upload. → [`BlobAnswer::Kept`]
    Keep {
        /// Whose.
        account: AccountId,
        /// What.
        octets: Bytes,
    },
    /// Where contents are in an account's mail. → [`BlobAnswer::Uses`]
    Uses {
        /// Whose.
        account: AccountId,
        /// Which.
        contents: Vec<ContentId>,
    },
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Octets {
    /// Octets of the whole blob.
    pub size: u64,
    /// The piece; none if it has more than were wanted.
    pub octets: Option<Bytes>,
    /// Its digests, in the order in which they were asked for.
    pub digests: Vec<Bytes>,
}

/// Where a content is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// The ids of emails that are it.
    pub emails: Vec<String>,
    /// The ids of mailboxes that these are in.
    pub mailboxes: Vec<String>,
    /// The ids of threads that these belong to.
    pub threads: Vec<String>,
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobAnswer {
    /// A piece; none: there is no such blob.
    Octets(Option<Octets>),
    /// The request has had as much decoded as it may.
    TooMuch,
    /// The content that the octets are now.
    Kept(ContentId),
    /// Of each content in the order asked; none: the account does not have it.
    Uses(Vec<Option<Uses>>),
}
