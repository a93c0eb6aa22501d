//! One mail transaction before policy: from MAIL to the delivery of each recipient's copy.

use std::sync::Arc;

use bytes::Bytes;
use waxwing_mail::{EnhancedStatus, Recipient, Reply};

use crate::facts::TransactionFacts;
use crate::generation::Generation;
use crate::ledger::Ledger;
use crate::outcome::{Decision, DeliverOutcome, MessageOutcome, Operation, QuotaOutcome, Target};
use crate::services::Usage;

/// One transaction, judged by one generation. `Send`; may outlive its session.
#[derive(Debug)]
pub struct Transaction {
    generation: Arc<Generation>,
    #[expect(dead_code, reason = "read by the capabilities that follow")]
    facts: TransactionFacts,
}

impl Transaction {
    pub(crate) fn new(generation: Arc<Generation>, facts: TransactionFacts) -> Self {
        Self { generation, facts }
    }

    /// May this sender send?
    pub async fn mail_from(&mut self) -> Decision {
        Decision::Pass
    }

    /// May the message go there? If so, the recipient is one of the transaction's, numbered from 0.
    pub async fn rcpt_to(&mut self, _recipient: &Recipient) -> Decision {
        Decision::Refuse(undecided())
    }

    /// The content is in: `message`, then `verdict` for each domain.
    pub async fn message(&mut self, _content: Bytes) -> MessageOutcome {
        MessageOutcome {
            verdicts: Vec::new(),
            edits: Vec::new(),
            tags: Vec::new(),
            scored: false,
            score: 0.0,
            symbols: Vec::new(),
        }
    }

    /// Where the recipient with this number leads, aliases followed: at least one target.
    pub async fn route(&mut self, _recipient: u32) -> Vec<Target> {
        vec![Target::Refuse(undecided())]
    }

    /// Is there room for `adding` in an account that holds `current`?
    pub async fn quota(
        &mut self,
        _account: &str,
        _operation: Operation,
        _current: Usage,
        _adding: Usage,
    ) -> QuotaOutcome {
        QuotaOutcome::Allow
    }

    /// Into which mailboxes the recipient's copy for `account` goes.
    pub async fn deliver(&mut self, _recipient: u32, _account: &str) -> DeliverOutcome {
        DeliverOutcome::Discard
    }

    /// What was decided so far, and why.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger {
            generation: self.generation.number(),
            score: 0.0,
            steps: Vec::new(),
        }
    }
}

fn undecided() -> Reply {
    Reply::new(
        451,
        Some(EnhancedStatus(4, 3, 5)),
        "no policy step decided about this recipient",
    )
}
