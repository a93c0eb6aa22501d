//! The seam to the DNS: what this crate asks, and what it is answered.
//!
//! Standards: RFC 1035; RFC 2308 (no such name and no data are told apart).
//! Invariants: nothing here opens a socket; an answer that is bogus by DNSSEC comes as [`Outcome::Failed`]; no name is asked after the
//! deadline, nor more of them than were granted.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// The answer to a question, in time. That there is none is an answer, too.
pub type LookUp<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Answers questions to the DNS: the server with its resolvers, tests with zones of their own.
pub trait Resolver: Send + Sync {
    /// Asks for the records of one kind at a name: lower case, without the last dot.
    fn look_up<'a>(&'a self, name: &'a str, kind: RecordKind) -> LookUp<'a>;
}

/// What kind of records is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Hosts that take mail.
    Mx,
    /// Names of an address.
    Ptr,
    /// Texts.
    Txt,
}

/// What a record holds. Names are without the last dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A and AAAA.
    Address(IpAddr),
    /// MX.
    Mx {
        /// The lowest is tried first.
        preference: u16,
        /// The host; empty for the null MX.
        exchange: String,
    },
    /// PTR.
    Name(String),
    /// TXT: its strings, joined.
    Text(Vec<u8>),
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are such records.
    Found,
    /// The name exists, and has no such records.
    NoData,
    /// There is no such name.
    NoSuchName,
    /// Nobody answered in time or could; or the answer is bogus.
    Failed,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What came of the question.
    pub outcome: Outcome,
    /// The records of the kind that was asked for.
    pub records: Vec<Record>,
    /// For how long it may be kept.
    pub ttl: Duration,
}

impl Answer {
    /// An answer without records.
    #[must_use]
    pub fn without(outcome: Outcome) -> Self {
        Self {
            outcome,
            records: Vec::new(),
            ttl: Duration::ZERO,
        }
    }

    /// Records; where there are none, [`Outcome::NoData`].
    #[must_use]
    pub fn found(records: Vec<Record>, ttl: Duration) -> Self {
        let outcome = if records.is_empty() {
            Outcome::NoData
        } else {
            Outcome::Found
        };
        Self {
            outcome,
            records,
            ttl,
        }
    }

    /// The texts among the records.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().filter_map(|record| match record {
            Record::Text(text) => Some(text.as_slice()),
            _ => None,
        })
    }

    /// The addresses among the records.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.records.iter().filter_map(|record| match record {
            Record::Address(address) => Some(*address),
            _ => None,
        })
    }
}

/// The look-ups that one message may cause, in number and in time.
pub struct Lookups<'a> {
    resolver: &'a dyn Resolver,
    deadline: Instant,
    left: AtomicU32,
}

impl<'a> Lookups<'a> {
    /// At most so many questions, all answered before the deadline.
    #[must_use]
    pub fn new(resolver: &'a dyn Resolver, deadline: Instant, questions: u32) -> Self {
        Self {
            resolver,
            deadline,
            left: AtomicU32::new(questions),
        }
    }

    /// Asks; what comes too late, or would be one question too many, is [`Outcome::Failed`].
    pub async fn ask(&self, name: &str, kind: RecordKind) -> Answer {
        let granted = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if granted.is_err() {
            return Answer::without(Outcome::Failed);
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        timeout_at(self.deadline, self.resolver.look_up(&name, kind))
            .await
            .unwrap_or_else(|_late| Answer::without(Outcome::Failed))
    }

    /// How many questions are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left.load(Ordering::Relaxed)
    }
}

/// Whether a text can be asked for as a name: two labels at least, none of them empty or too long.
///
/// RFC 1035 §2.3.4: labels of 63 octets, names of 255 with their lengths, which are 253 as text.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let fits = |label: &str| !label.is_empty() && label.len() <= 63;
    text.len() <= 253 && text.contains('.') && text.split('.').all(fits)
}

/// The name under which an address has its names: `1.2.0.192.in-addr.arpa` (RFC 1035 §3.5, RFC 3596 §2.5).
#[must_use]
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let mut name = String::with_capacity(72);
            for octet in v6.octets().iter().rev() {
                let (high, low) = (octet >> 4, octet & 15);
                name.push_str(&format!("{low:x}.{high:x}."));
            }
            name + "ip6.arpa"
        }
    }
}
