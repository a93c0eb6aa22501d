//! SPF: whether a domain lets a client send mail in its name.
//!
//! Standards: RFC 7208, whole; RFC 8616 §4 (internationalised mail).
//! Invariants: at most ten terms that cost look-ups and two look-ups without an answer (RFC 7208 §4.6.4), whatever a record says; a record
//! is read whole before any of it counts.
//!
//! `record` and `macros` read and know no DNS; `evaluate` asks. The arithmetic of mail-auth is not used here: its evaluator asks a
//! resolver of its own, which no zone of a test can stand for.

mod evaluate;
mod macros;
mod record;

use std::net::IpAddr;

use crate::dns::Lookups;

pub use evaluate::MAX_TERMS;

/// RFC 7208 §2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SpfResult {
    /// There is no record, or no domain that could have one.
    #[default]
    None,
    /// The domain says nothing of this client.
    Neutral,
    /// The client may.
    Pass,
    /// The client may not.
    Fail,
    /// The client probably may not.
    SoftFail,
    /// The DNS did not answer.
    TempError,
    /// The record cannot be read, or asks too much.
    PermError,
}

impl SpfResult {
    /// As header fields say it (RFC 7208 §9.1, RFC 8601 §2.7.2).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

/// Who connects, and what it says.
#[derive(Clone, Copy, Debug)]
pub struct SpfRequest<'a> {
    /// The client; an IPv4 address inside an IPv6 one counts as what it is.
    pub client: IpAddr,
    /// What it said in HELO or EHLO.
    pub helo: &'a str,
    /// The name of this host, for explanations (RFC 7208 §7.2, `r`).
    pub receiver: &'a str,
    /// Seconds since 1970, for explanations.
    pub now: u64,
}

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpfOutcome {
    /// The result.
    pub result: SpfResult,
    /// Of which domain, in lower-case A-labels.
    pub domain: String,
    /// The term that decided, as it was written; `default` if none matched (RFC 7208 §9.1).
    pub mechanism: Option<String>,
    /// What the domain's owner says of a fail (RFC 7208 §6.2); written by a stranger.
    pub explanation: Option<String>,
    /// Terms that cost look-ups, of [`MAX_TERMS`].
    pub terms: u8,
    /// Look-ups without an answer, of two.
    pub voids: u8,
    /// What is wrong, for people, if the result is an error.
    pub problem: Option<String>,
}

impl SpfOutcome {
    /// For people: what is wrong, or what decided, and what the domain says of it.
    #[must_use]
    pub fn detail(&self) -> String {
        let decided = self.problem.as_ref().or(self.mechanism.as_ref());
        let parts = [decided, self.explanation.as_ref()];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join(": ")
    }
}

/// Checks the name in HELO or EHLO (RFC 7208 §2.3).
pub async fn check_helo(request: &SpfRequest<'_>, lookups: &Lookups<'_>) -> SpfOutcome {
    check(request, "postmaster", request.helo, lookups).await
}

/// Checks the reverse-path (RFC 7208 §2.4). With a null one it is `postmaster` at the name in HELO or EHLO.
pub async fn check_mail_from(
    request: &SpfRequest<'_>,
    sender: &str,
    lookups: &Lookups<'_>,
) -> SpfOutcome {
    match sender.rsplit_once('@') {
        // RFC 7208 §4.3: an empty local-part is postmaster.
        Some(("", domain)) => check(request, "postmaster", domain, lookups).await,
        Some((local, domain)) => check(request, local, domain, lookups).await,
        None if sender.is_empty() => check_helo(request, lookups).await,
        None => check(request, "postmaster", sender, lookups).await,
    }
}

async fn check(
    request: &SpfRequest<'_>,
    local: &str,
    domain: &str,
    lookups: &Lookups<'_>,
) -> SpfOutcome {
    // RFC 8616 §4: U-labels are asked for as A-labels.
    let ascii = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(domain).unwrap_or_default()
    };
    evaluate::check(request, local, &ascii, lookups).await
}
