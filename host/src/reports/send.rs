//! Reports on their way: of days that are over, to where the domains that they are about want them.
//!
//! Invariants: a report that nobody wants is forgotten, and one that cannot be sent is tried again; all are from the null path.

mod dmarc;
mod tls;

use std::time::Duration;

use tokio::time::Instant;
use waxwing_auth::dns::Lookups;
use waxwing_auth::report::ReportMail;
use waxwing_mail::{Address, QueueId};

use super::tally::{Day, Seen, Tally, day};
use crate::answer::now_millis;
use crate::wiring::Parts;

/// How long the DNS may take for one report, and how many questions.
const LOOK_UP: Duration = Duration::from_secs(20);
const QUESTIONS: u32 = 100;
/// Hosts report over some hours, not all at midnight (RFC 8460 §4.1).
const SPREAD: u64 = 4 * 3600;

/// Sends what is due; how many reports that were.
pub(super) async fn due(parts: &Parts) -> usize {
    let now = now_millis();
    let seconds = u64::try_from(now.rem_euclid(86_400_000) / 1000).unwrap_or(0);
    let name = parts.config.hostname.bytes();
    let own = name.fold(7_u64, |hash, octet| {
        hash.wrapping_mul(31) ^ u64::from(octet)
    }) % SPREAD;
    // In these hours only what is older than yesterday cannot wait.
    let back = if seconds < own { 86_400_000 } else { 0 };
    until(parts, Some(&day(now - back))).await
}

/// Sends the reports of all days before one, or of all; how many that were.
pub(super) async fn until(parts: &Parts, before: Option<&str>) -> usize {
    let mut sent = 0;
    for day in days(parts, &parts.reports.tls, before).await {
        sent += told("TLS", &day, tls::one(parts, &day).await);
    }
    for day in days(parts, &parts.reports.dmarc, before).await {
        sent += told("DMARC", &day, dmarc::one(parts, &day).await);
    }
    sent
}

async fn days<T: Seen>(parts: &Parts, tally: &Tally<T>, before: Option<&str>) -> Vec<Day> {
    let days = tally.days(&parts.store, before).await;
    days.unwrap_or_else(|error| {
        tracing::warn!(%error, "what is to be reported could not be read");
        Vec::new()
    })
}

fn told(kind: &str, day: &Day, came: Result<bool, String>) -> usize {
    match came {
        Ok(sent) => usize::from(sent),
        Err(reason) => {
            tracing::warn!(
                kind,
                domain = day.domain,
                day = day.day,
                reason,
                "a report could not be sent"
            );
            0
        }
    }
}

fn lookups(parts: &Parts) -> Lookups<'_> {
    Lookups::new(parts.resolver.as_ref(), Instant::now() + LOOK_UP, QUESTIONS)
}

/// A report by mail.
struct Letter {
    queue_id: String,
    host: String,
    from: String,
    message_id: String,
    to: [String; 1],
    address: Address,
    /// Seconds of Unix time.
    date: u64,
}

impl Letter {
    fn new(parts: &Parts, to: &str) -> Result<Self, String> {
        let address = Address::parse(to).map_err(|error| format!("{to}: {error}"))?;
        let host = parts.config.hostname.clone();
        let now = u64::try_from(now_millis()).unwrap_or(0);
        let queue_id = QueueId::new(now, rand::random()).to_string();
        Ok(Self {
            from: format!("postmaster@{host}"),
            message_id: format!("{queue_id}@{host}"),
            to: [to.to_owned()],
            date: now / 1000,
            queue_id,
            host,
            address,
        })
    }

    fn headed(&self) -> ReportMail<'_> {
        ReportMail {
            from: &self.from,
            to: &self.to,
            submitter: &self.host,
            message_id: &self.message_id,
            date: self.date,
        }
    }

    async fn send(&self, parts: &Parts, content: Vec<u8>) -> Result<(), String> {
        crate::outgoing::send(parts, &self.queue_id, self.address.clone(), content).await
    }
}
