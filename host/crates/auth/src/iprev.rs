//! Whether the name of a client's address leads back to it.
//!
//! Standards: RFC 8601 §3.

use std::net::IpAddr;

use crate::dns::{Lookups, Outcome, Record, RecordKind, is_name, reverse_name};
use crate::verdict::Verdict;

/// Names of one address that are tried.
const MAX_NAMES: usize = 5;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IprevOutcome {
    /// Pass, fail (names, and none leads back), permerror (no name), temperror.
    pub verdict: Verdict,
    /// The name that leads back; without one, the first there is. Lower case.
    pub name: Option<String>,
    /// Why it does not, for people.
    pub problem: Option<String>,
}

/// Checks an address.
pub async fn check(client: IpAddr, lookups: &Lookups<'_>) -> IprevOutcome {
    let client = client.to_canonical();
    let answer = lookups.ask(&reverse_name(client), RecordKind::Ptr).await;
    let without = |verdict, why: &str| IprevOutcome {
        verdict,
        problem: Some(why.to_owned()),
        ..IprevOutcome::default()
    };
    match answer.outcome {
        Outcome::Found => {}
        Outcome::Failed => return without(Verdict::TempError, "the DNS did not answer"),
        // RFC 8601 §3: no name is a permanent error.
        _ => return without(Verdict::PermError, "the address has no name"),
    }
    let kind = match client {
        IpAddr::V4(_) => RecordKind::A,
        IpAddr::V6(_) => RecordKind::Aaaa,
    };
    let names = answer.records.iter().filter_map(|record| match record {
        Record::Name(name) if is_name(name) => {
            Some(name.trim_end_matches('.').to_ascii_lowercase())
        }
        _ => None,
    });
    let (mut first, mut unanswered) = (None, false);
    for name in names.take(MAX_NAMES) {
        let addresses = lookups.ask(&name, kind).await;
        if addresses.addresses().any(|address| address == client) {
            return IprevOutcome {
                verdict: Verdict::Pass,
                name: Some(name),
                problem: None,
            };
        }
        unanswered |= addresses.outcome == Outcome::Failed;
        first.get_or_insert(name);
    }
    let (verdict, why) = if unanswered {
        (
            Verdict::TempError,
            "the DNS did not answer for a name of the address",
        )
    } else {
        (Verdict::Fail, "no name of the address leads back to it")
    };
    IprevOutcome {
        name: first,
        ..without(verdict, why)
    }
}
