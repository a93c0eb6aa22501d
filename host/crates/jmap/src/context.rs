//! What a method is given: who asks, what is bounded, and a way to ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use serde_json::Value;

use crate::ask::{Answer, Ask};
use crate::error::MethodError;
use crate::limits::Limits;
use crate::room::Room;
use crate::session::{Access, Viewer};

/// Where a question waits for whoever steps, and its answer for the method.
#[derive(Debug, Default)]
pub(crate) struct Port {
    pub(crate) asked: Option<Ask>,
    pub(crate) answered: Option<Answer>,
    /// Calls that the one which runs leads to.
    pub(crate) following: Vec<(&'static str, Value)>,
}

/// A port that the two sides share. Both are on one thread at any moment: nobody ever waits for the lock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Port>>);

impl Shared {
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Port) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a method is given.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) viewer: Arc<Viewer>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) port: Shared,
    /// Of the response.
    pub(crate) room: Room,
}

impl Context {
    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Answer, MethodError> {
        self.port.with(|port| {
            port.answered = None;
            port.asked = Some(ask);
        });
        let answer = std::future::poll_fn(|_context| {
            match self.port.with(|port| port.answered.take()) {
                Some(answer) => Poll::Ready(answer),
                // Whoever steps knows that the answer is there; nobody is to be woken.
                None => Poll::Pending,
            }
        });
        match answer.await {
            Answer::Failed(failure) => Err(failure.into()),
            answer => Ok(answer),
        }
    }

    /// Has another call made once this one is answered, with a response of its own (RFC 8620 §5.4, RFC 8621 §7.5).
    pub(crate) fn follow(&self, method: &'static str, arguments: Value) {
        self.port
            .with(|port| port.following.push((method, arguments)));
    }

    /// The account of an argument, if the client may see it.
    pub(crate) fn account(&self, id: &str) -> Result<&Access, MethodError> {
        self.viewer.account(id).ok_or(MethodError::AccountNotFound)
    }

    /// The account of an argument, if the client may change it.
    pub(crate) fn writable(&self, id: &str) -> Result<&Access, MethodError> {
        let account = self.account(id)?;
        if account.read_only {
            return Err(MethodError::AccountReadOnly);
        }
        Ok(account)
    }
}

/// An answer of another kind than was asked for.
pub(crate) fn mistaken() -> MethodError {
    MethodError::ServerFail("an answer of the wrong kind".into())
}
