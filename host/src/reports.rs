//! Reports that this server sends about others: what is seen of them in a day is counted, and told when the day is over.
//!
//! Standards: RFC 8460 (TLS), RFC 7489 §7.2 (DMARC). Days are of UTC.
//! Invariants: what is counted is in the store within seconds, and from there until it is told, whichever host tells it; a report goes
//! once, or twice if the host that sends it dies at that moment.

mod dmarc;
mod send;
mod tally;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use waxwing_store::Store;

use crate::wiring::Parts;
use tally::Tally;

pub(crate) use dmarc::DmarcDay;
pub(crate) use tls::{Applied, Session, TlsDay};

/// How often what was counted is written to the store.
const WRITTEN: Duration = Duration::from_secs(5);
/// How often it is looked whether a day is over.
const LOOKED: Duration = Duration::from_secs(600);

/// What is counted.
pub(crate) struct Reports {
    pub(crate) tls: Tally<TlsDay>,
    pub(crate) dmarc: Tally<DmarcDay>,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            tls: Tally::new(":tls-report"),
            dmarc: Tally::new(":dmarc-report"),
        }
    }
}

impl Reports {
    /// Writes what was counted since the last time.
    pub(crate) async fn write(&self, store: &Store) {
        self.tls.write(store).await;
        self.dmarc.write(store).await;
    }

    /// What has been counted and not been told, a row for a day and a domain.
    pub(crate) async fn list(&self, store: &Store) -> waxwing_store::Result<Value> {
        self.write(store).await;
        let mut rows = Vec::new();
        for day in self.tls.days(store, None).await? {
            let seen = self.tls.read(store, &day).await?.unwrap_or_default();
            let (well, ill) = seen.sessions();
            rows.push(json!({
                "kind": "tls", "day": day.day, "domain": day.domain, "well": well, "failed": ill,
            }));
        }
        for day in self.dmarc.days(store, None).await? {
            let seen = self.dmarc.read(store, &day).await?.unwrap_or_default();
            let (well, ill) = seen.messages();
            rows.push(json!({
                "kind": "dmarc", "day": day.day, "domain": day.domain, "well": well, "failed": ill,
            }));
        }
        Ok(Value::Array(rows))
    }

    /// Sends what is there, of days that are not over, too; how many reports that were.
    pub(crate) async fn send_all(parts: &Parts) -> usize {
        parts.reports.write(&parts.store).await;
        send::until(parts, None).await
    }
}

/// Writes, and sends what is due; never ends.
pub(crate) async fn run(parts: Arc<Parts>) {
    let mut writes = tokio::time::interval(WRITTEN);
    let mut looks = tokio::time::interval(LOOKED);
    loop {
        tokio::select! {
            _ = writes.tick() => parts.reports.write(&parts.store).await,
            _ = looks.tick() => {
                let sent = send::due(&parts).await;
                if sent > 0 {
                    tracing::info!(sent, "reports of the days that are over");
                }
            }
        }
    }
}
