//! The next message, begun behind the content of the one before it: one group of commands, and one way there and back, instead of two.
//!
//! Standards: RFC 2920 §3.1 (what follows the end of the content may be in its group, as QUIT is in the example there).
//! Invariants: no content goes with it, so that a peer that closes after the end of the first has nothing of the second; whatever becomes
//! of the connection, both have their outcomes, in their order; what nobody answered is untried.

use super::ask::Outgoing;
use super::config::Protocol;
use super::failure::{Cause, Failure, Stage};
use super::message::{lack, mail, rcpt};
use super::running::{Running, Transfer};
use super::{ClientSession, Expected, Phase};

impl ClientSession {
    /// Whether a message was begun behind the one whose outcome is told, and may go on when that is noted.
    #[must_use]
    pub fn has_begun_ahead(&self) -> bool {
        self.ahead.is_some() && !self.broken
    }

    /// Begins a message behind the end of the one that is running, if that was said just now and all of this one's commands may go out
    /// without an answer to any.
    pub(super) fn begin_ahead(&mut self, outgoing: Outgoing) {
        let transfer = self.transfer(outgoing.envelope.body);
        // A peer with a reply too many is found out by what it says to DATA. Behind BDAT, that reply would be taken for the one to the content.
        if !(self.may_begin(&outgoing) && matches!(transfer, Transfer::Data(_))) {
            return;
        }
        let mut running = Running::new(outgoing, usize::MAX, transfer);
        self.messages = self.messages.saturating_add(1);
        self.command(&mail(&running.outgoing, &self.offers), Expected::Mail);
        for (index, recipient) in running.outgoing.envelope.recipients.iter().enumerate() {
            let command = rcpt(recipient, &self.offers);
            self.command(&command, Expected::Rcpt(index));
        }
        running.next = running.most;
        self.command("DATA", Expected::Data);
        self.ahead = Some(Box::new(running));
    }

    /// Whether a message can follow in the group of the content that was ended just now.
    fn may_begin(&self, outgoing: &Outgoing) -> bool {
        let ended = self.phase == Phase::Talking
            && matches!(self.expected.back(), Some(Expected::Content(None)));
        // Whom the peer has not taken yet, it is asked to take again before anything else.
        let whole = self
            .running
            .as_ref()
            .is_some_and(|running| running.left() == 0 && running.took_all());
        let room = self.offers.mail_max.is_none_or(|most| self.messages < most);
        let recipients = outgoing.envelope.recipients.len();
        let group = self.config.group.max(1);
        let most = self.offers.rcpt_max.unwrap_or(usize::MAX).min(group);
        ended
            && whole
            && room
            && !self.leaving
            && self.offers.pipelining
            && self.config.protocol == Protocol::Smtp
            && (1..=most).contains(&recipients)
            && lack(outgoing, &self.offers).is_none()
    }

    fn command(&mut self, command: &str, expected: Expected) {
        self.output.extend_from_slice(command.as_bytes());
        self.output.extend_from_slice(b"\r\n");
        self.expected.push_back(expected);
    }

    /// The message before has its outcome: the one that was begun behind it is the one that runs.
    pub(super) fn go_ahead(&mut self) {
        self.running = self.ahead.take();
        if self.broken {
            self.fail_rest(&Failure {
                stage: Stage::Mail,
                cause: Cause::Closed,
            });
            return self.finish();
        }
        self.needs_reset = true;
        self.restart();
    }
}
