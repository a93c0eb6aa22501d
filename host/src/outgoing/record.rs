//! What an attempt came to is written down, whatever it takes: what is not is sent again.
//!
//! Invariant: no report is in the way of what it tells of. What cannot be stored now is owed, and told later (`owed.rs`).

use std::time::Duration;

use waxwing_queue::dsn::Action;
use waxwing_store::{Settled, Settlement};

use super::notice::{ACTIONS, Notices};
use super::worker::Worker;

/// The first wait before it is tried again, and the longest. Meanwhile the lease is renewed.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is in the store.
    Recorded,
    /// Somebody else has the leg, or it is gone.
    Lost,
    /// What it was to store in mailboxes cannot be stored: nothing of it is true.
    NotStored,
}

/// What goes with a settlement.
pub(super) struct Enclosed {
    /// What comes into mailboxes here: without it the settlement is not true.
    pub(super) deposits: Notices,
    /// What is told of it: with it, or later.
    pub(super) reports: Notices,
}

/// Writes a settlement down. It is made anew for what cannot be told now.
pub(super) async fn record(
    worker: &Worker,
    settlement: impl Fn(&[Action]) -> Settlement,
    enclosed: Enclosed,
) -> Written {
    let Enclosed { deposits, reports } = enclosed;
    let (mut wait, longest) = WAITS;
    loop {
        let whole = settlement(&reports.later);
        let leg = whole.leg.0;
        let mut error = match once(worker, whole, deposits.and(&reports)).await {
            Ok(written) => return written,
            Err(error) => error,
        };
        if !reports.is_empty() {
            tracing::error!(leg, %error, "reports of an attempt could not be stored: they are told later");
            error = match once(worker, settlement(&ACTIONS), deposits.clone()).await {
                Ok(written) => return written,
                Err(error) => error,
            };
        }
        if !deposits.is_empty() {
            tracing::error!(leg, %error, "a message that was held back could not be stored");
            return Written::NotStored;
        }
        tracing::error!(leg, %error, "what an attempt came to could not be written down");
        if !error.is_transient() {
            return Written::Lost;
        }
        tokio::time::sleep(wait).await;
        wait = longest.min(wait * 2);
    }
}

async fn once(
    worker: &Worker,
    settlement: Settlement,
    notices: Notices,
) -> waxwing_store::Result<Written> {
    let leg = settlement.leg.0;
    let (deliveries, outgoing) = (notices.deliveries.clone(), notices.outgoing.clone());
    let store = &worker.parts.store;
    match store.settle(settlement, deliveries, outgoing).await? {
        Settled::Recorded { stored, .. } => {
            notices.arrived(&worker.parts, &stored);
            Ok(Written::Recorded)
        }
        Settled::Lost => {
            tracing::warn!(leg, "another worker took a message over while it was sent");
            Ok(Written::Lost)
        }
    }
}
