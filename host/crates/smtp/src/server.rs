//! The server's side of a session.

use std::sync::Arc;
use std::time::Instant;

use waxwing_session::{Session, Step};

use crate::ask::{Answer, Ask};
use crate::config::Config;

/// One connection's conversation, from the greeting to the close.
pub struct ServerSession {
    config: Arc<Config>,
}

impl ServerSession {
    /// A session with a peer that has just connected; `tls` if the connection began with TLS.
    #[must_use]
    pub fn new(config: Arc<Config>, _tls: bool, _now: Instant) -> Self {
        Self { config }
    }
}

impl Session for ServerSession {
    type Ask = Ask;
    type Answer = Answer;
    fn receive(&mut self, _bytes: &[u8], _now: Instant) {}
    fn step(&mut self) -> Step<Ask> {
        let _ = &self.config;
        Step::Close
    }
    fn answer(&mut self, _answer: Answer, _now: Instant) {}
    fn deadline(&self) -> Option<Instant> {
        None
    }
    fn expire(&mut self, _now: Instant) {}
    fn secured(&mut self, _now: Instant) {}
    fn shutdown(&mut self) {}
}
