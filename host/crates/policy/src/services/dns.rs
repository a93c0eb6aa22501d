//! Questions to the DNS and what comes of them, as policy and host speak of them.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

/// The answer to a question, in time. That there is none is an answer, too.
pub type LookUp<'a> = Pin<Box<dyn Future<Output = DnsAnswer> + Send + 'a>>;

/// Types of records that policy has words for (RFC 1035 §3.2.2, RFC 3596, RFC 2782, RFC 6698).
pub(crate) mod record_type {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const MX: u16 = 15;
    pub(crate) const TXT: u16 = 16;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const SRV: u16 = 33;
    pub(crate) const TLSA: u16 = 52;
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsQuestion {
    /// The whole name in lower-case A-labels, without the last dot; empty for the root.
    pub name: String,
    /// The type of record, by its number.
    pub kind: u16,
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsOutcome {
    /// There are such records.
    Found,
    /// The name exists, and has no such records.
    NoData,
    /// There is no such name.
    NoSuchName,
    /// No server answered in time or could; or the answer is bogus.
    TemporaryFailure,
}

/// What DNSSEC says of an answer (RFC 4033 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsSecurity {
    /// Signed, and the chain of trust holds.
    Secure,
    /// Provably not signed.
    Insecure,
    /// Signed, and it does not hold.
    Bogus,
    /// Not known.
    Indeterminate,
}

/// What a record holds. Names are lower case, without the last dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsRecord {
    /// A and AAAA.
    Address(IpAddr),
    /// PTR, CNAME and NS.
    Name(String),
    /// MX.
    Mx {
        /// The lowest is tried first.
        preference: u16,
        /// The host; empty for the null MX.
        exchange: String,
    },
    /// TXT: its strings, joined.
    Text(Vec<u8>),
    /// SRV.
    Srv {
        /// The lowest is tried first.
        priority: u16,
        /// Among equals, how often.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: String,
    },
    /// TLSA.
    Tlsa {
        /// RFC 6698 §2.1.1.
        usage: u8,
        /// RFC 6698 §2.1.2.
        selector: u8,
        /// RFC 6698 §2.1.3.
        matching: u8,
        /// RFC 6698 §2.1.4.
        association: Vec<u8>,
    },
    /// Another type: its octets.
    Other(Vec<u8>),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAnswer {
    /// What came of the question.
    pub outcome: DnsOutcome,
    /// Whether that can be trusted.
    pub security: DnsSecurity,
    /// The records of the type that was asked for.
    pub records: Vec<DnsRecord>,
    /// For how long it may be kept.
    pub ttl: Duration,
}

impl DnsAnswer {
    /// Records.
    #[must_use]
    pub fn found(records: Vec<DnsRecord>, ttl: Duration) -> Self {
        Self {
            records,
            ttl,
            ..Self::without(DnsOutcome::Found, DnsSecurity::Insecure)
        }
    }

    /// An answer without records.
    #[must_use]
    pub fn without(outcome: DnsOutcome, security: DnsSecurity) -> Self {
        Self {
            outcome,
            security,
            records: Vec::new(),
            ttl: Duration::ZERO,
        }
    }

    /// That nobody answered.
    #[must_use]
    pub fn failed() -> Self {
        Self::without(DnsOutcome::TemporaryFailure, DnsSecurity::Indeterminate)
    }
}
