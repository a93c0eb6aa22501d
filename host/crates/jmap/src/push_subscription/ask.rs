//! What the methods of push subscriptions ask.

use std::fmt;

/// What is encrypted with (RFC 8291 §2).
#[derive(Clone, PartialEq, Eq)]
pub struct PushKeys {
    /// The client's public key, an uncompressed point of P-256.
    pub p256dh: Vec<u8>,
    /// The client's secret.
    pub auth: Vec<u8>,
}

impl fmt::Debug for PushKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushKeys")
    }
}

/// A subscription to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPush {
    /// What the client calls itself and its device.
    pub device: String,
    /// Where it wants to be told.
    pub url: String,
    /// What is to be encrypted with.
    pub keys: Option<PushKeys>,
    /// A UTCDate until when.
    pub expires: Option<String>,
    /// Of which types; none: all.
    pub types: Option<Vec<String>>,
}

/// What is to be otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushChange {
    /// What the client was told, to verify that it was.
    pub code: Option<String>,
    /// A UTCDate until when; none: as long as may be.
    pub expires: Option<Option<String>>,
    /// Of which types; none: all.
    pub types: Option<Option<Vec<String>>>,
}

/// What a request asks of push subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushAsk {
    /// Those made with the same login. → [`PushAnswer::All`]
    All,
    /// Make one, and send its code. → [`PushAnswer::Made`]
    Make(NewPush),
    /// Change one. → [`PushAnswer::Changed`]
    Change {
        /// Its number.
        id: u64,
        /// How.
        change: PushChange,
    },
    /// Remove one. → [`PushAnswer::Removed`]
    Remove {
        /// Its number.
        id: u64,
    },
}

/// A subscription as its client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its number.
    pub id: u64,
    /// What the client calls itself and its device.
    pub device: String,
    /// The code, once the client has shown that it knows it.
    pub code: Option<String>,
    /// A UTCDate.
    pub expires: String,
    /// Of which types; none: all.
    pub types: Option<Vec<String>>,
}

/// Why one is not made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushRefused {
    /// There is none of this number.
    Missing,
    /// There are too many.
    TooMany,
    /// Nothing is sent there.
    Url,
    /// These are no keys.
    Keys,
    /// It is over by then, or that is no date.
    Expires,
    /// The code is another.
    Code,
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushAnswer {
    /// See [`PushAsk::All`].
    All(Vec<Subscription>),
    /// Its number, and until when it is good.
    Made(Result<(u64, String), PushRefused>),
    /// Until when it is good.
    Changed(Result<String, PushRefused>),
    /// Whether it was there.
    Removed(bool),
}
