//! What policy keeps of a connection.

use std::sync::Arc;

use crate::facts::{ConnectionFacts, LoginAttempt, TlsFacts, TransactionFacts};
use crate::generation::Generation;
use crate::outcome::{Decision, LoginOutcome, Operation, QuotaOutcome};
use crate::services::Usage;
use crate::transaction::Transaction;

/// The policy of one connection, pinned to the generation it began with. Small and `Send`.
#[derive(Debug)]
pub struct PolicySession {
    generation: Arc<Generation>,
    #[expect(dead_code, reason = "read by the capabilities that follow")]
    facts: Arc<ConnectionFacts>,
}

impl PolicySession {
    /// A connection that begins.
    #[must_use]
    pub fn new(generation: Arc<Generation>, facts: ConnectionFacts) -> Self {
        Self {
            generation,
            facts: Arc::new(facts),
        }
    }

    /// A TLS handshake ended.
    pub fn secured(&mut self, _tls: TlsFacts) {}

    /// May the client go on? Asked once, before the greeting.
    pub async fn connect(&mut self) -> Decision {
        Decision::Pass
    }

    /// It greeted with HELO (`esmtp` false), EHLO or LHLO.
    pub async fn ehlo(&mut self, _name: &str, _esmtp: bool) -> Decision {
        Decision::Pass
    }

    /// Credentials were given: asks `login.before`, `authenticate`, then `login.after` or `login.failed`. A success is
    /// the session's identity from then on.
    pub async fn login(&mut self, _attempt: LoginAttempt) -> LoginOutcome {
        LoginOutcome::Unavailable {
            text: String::new(),
            delay: std::time::Duration::ZERO,
        }
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

    /// MAIL begins a transaction, judged by `generation` (the current one) to its end.
    #[must_use]
    pub fn transaction(
        &mut self,
        generation: Arc<Generation>,
        facts: TransactionFacts,
    ) -> Transaction {
        Transaction::new(generation, facts)
    }

    /// The generation that this connection is pinned to.
    #[must_use]
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }
}
