//! The session: what arrives, what is asked, what is written.

use std::sync::Arc;
use std::time::Instant;

use waxwing_session::Step;

use crate::ask::{Answer, Ask};
use crate::config::Config;

/// An IMAP session of one connection.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    last_activity: Instant,
}

impl Session {
    /// A session for a connection that was just accepted.
    #[must_use]
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        Self {
            config,
            last_activity: now,
        }
    }
}

impl waxwing_session::Session for Session {
    type Ask = Ask;
    type Answer = Answer;

    fn receive(&mut self, _bytes: &[u8], now: Instant) {
        self.last_activity = now;
    }

    fn step(&mut self) -> Step<Ask> {
        Step::Close
    }

    fn answer(&mut self, _answer: Answer, now: Instant) {
        self.last_activity = now;
    }

    fn deadline(&self) -> Option<Instant> {
        self.last_activity
            .checked_add(self.config.limits.login_timeout)
    }

    fn expire(&mut self, _now: Instant) {}

    fn secured(&mut self, now: Instant) {
        self.last_activity = now;
    }

    fn shutdown(&mut self) {}
}
