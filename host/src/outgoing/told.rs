//! What an attempt came to, for operators: a row of the ledger, a line of the log, the figures.

use waxwing_policy::Outbound;
use waxwing_store::{Leased, LedgerRow, RecipientState};

use super::courier::Via;
use super::entry::Context;
use super::judge::Verdict;
use crate::answer::{now_millis, roster};

fn word(state: RecipientState) -> &'static str {
    match state {
        RecipientState::Open => "deferred",
        RecipientState::Relayed => "relayed",
        RecipientState::Failed => "bounced",
        RecipientState::Removed => "removed",
    }
}

/// The ledger's row of an attempt, or of a part of it.
pub(super) fn row(
    leg: &Leased,
    verdicts: &[Verdict],
    last: Option<&Via>,
    policy: &Outbound,
) -> LedgerRow {
    let ledger = policy.ledger();
    let recipients: Vec<_> = verdicts
        .iter()
        .map(|verdict| {
            let queued = leg.recipients.get(verdict.place);
            serde_json::json!({
                "address": queued.map_or("", |queued| queued.address.as_str()),
                "verdict": "",
                "fate": word(verdict.state),
                "reply": verdict.said,
            })
        })
        .collect();
    let row = serde_json::json!({
        "attempt": {
            "number": leg.attempts + 1,
            "host": last.map_or("", |via| via.host.as_str()),
            "tls": last.and_then(|via| via.tls),
        },
        "recipients": recipients,
        "policy": ledger.lean(),
    });
    let states = || verdicts.iter().map(|verdict| verdict.state);
    let outcome = [RecipientState::Relayed, RecipientState::Open]
        .into_iter()
        .find(|state| states().any(|one| one == *state))
        .unwrap_or(RecipientState::Failed);
    LedgerRow {
        queue_id: leg.message.envelope.queue_id.clone(),
        message_id: Context::decode(&leg.message.envelope.context).message_id,
        at: now_millis(),
        generation: ledger.generation,
        outcome: word(outcome).to_owned(),
        json: row.to_string(),
        roster: Some(roster(&ledger)),
    }
}

/// The figures, and a line for the operator.
pub(super) fn tell(leg: &Leased, verdicts: &[Verdict], last: Option<&Via>) {
    let count = |state: RecipientState| {
        let count = verdicts
            .iter()
            .filter(|verdict| verdict.state == state)
            .count();
        metrics::counter!("waxwing_queue_recipients_total", "outcome" => word(state))
            .increment(count as u64);
        count
    };
    tracing::info!(
        queue_id = leg.message.envelope.queue_id,
        leg = leg.leg.0,
        destination = leg.destination,
        attempt = leg.attempts + 1,
        host = last.map_or("", |via| via.host.as_str()),
        relayed = count(RecipientState::Relayed),
        deferred = count(RecipientState::Open),
        bounced = count(RecipientState::Failed),
        said = verdicts.last().map_or("", |verdict| verdict.said.as_str()),
        "attempt"
    );
}
