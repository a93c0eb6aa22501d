//! MAIL, RCPT, DATA, RSET, and the content.
//!
//! Standards: RFC 5321 §3.3, §4.1.1.2 to §4.1.1.5; RFC 2033 §4.2 (a reply for each recipient);
//! RFC 6531 §3.5; RFC 3030 §2 and §3 (DATA where BDAT is due).
//! Invariants: a transaction that was opened ends with [`Ask::Message`], with [`Ask::Abandon`] or with the close.

use bytes::Bytes;
use waxwing_mail::{Body, Envelope, ForwardPath, Recipient, Reply, ReversePath};

use super::{Asked, Content, Pace, Phase, ServerSession, Transaction, refusal};
use crate::ask::{Answer, Ask, Decision, Message};
use crate::command;
use crate::config::{Limits, Mode};
use crate::content::{Bounds, Decoded, Decoder, Fault};
use crate::replies;

impl ServerSession {
    pub(super) fn mail(&mut self, argument: &str) {
        if self.peer.helo.is_empty() {
            return self.error(&replies::greet_first(self.config.mode));
        }
        if self.transaction.is_some() {
            return self.error(&replies::nested_mail());
        }
        // RFC 6409 §4.3, RFC 4954 §6.
        if self.config.require_auth && self.peer.identity.is_none() {
            return self.error(&replies::login_first());
        }
        match self.envelope(argument) {
            Ok(envelope) => {
                let envelope = Box::new(envelope);
                self.ask(Ask::MailFrom(envelope.clone()), Asked::Sender(envelope));
            }
            Err(reply) => self.error(&reply),
        }
    }

    fn envelope(&self, argument: &str) -> Result<Envelope, Reply> {
        let path = command::strip_keyword(argument, "FROM:").ok_or_else(replies::mail_syntax)?;
        let (sender, rest) = ReversePath::split(path).map_err(replies::bad_sender)?;
        let params = command::parameters(rest).ok_or_else(replies::malformed_parameters)?;
        let mut envelope = Envelope::new(sender);
        self.mail_parameters(&params, &mut envelope)?;
        // RFC 6531 §3.5. A domain of U-labels counts as non-ASCII, though A-labels were made of it.
        let written = path.get(..path.len() - rest.len()).unwrap_or_default();
        if !envelope.smtputf8 && !written.is_ascii() {
            return Err(replies::sender_needs_smtputf8());
        }
        envelope.params = params;
        Ok(envelope)
    }

    pub(super) fn sender_decided(&mut self, mut envelope: Envelope, decision: Decision) {
        if !self.passed(decision) {
            return;
        }
        // RFC 6710 §4.1: no raised priority from whom nobody knows. LMTP is spoken within a site.
        let stranger = self.peer.identity.is_none() && self.config.mode != Mode::Delivery;
        let lowered = stranger && envelope.priority.is_some_and(|priority| priority > 0);
        self.reply(&if lowered {
            envelope.priority = Some(0);
            replies::priority_lowered()
        } else {
            replies::sender_accepted()
        });
        self.transaction = Some(Box::new(Transaction {
            envelope,
            end: self.now + self.config.timeouts.transaction,
            chunked: None,
        }));
    }

    pub(super) fn rcpt(&mut self, argument: &str) {
        let Some(transaction) = &self.transaction else {
            return self.error(&replies::mail_first());
        };
        if transaction.chunked.is_some() {
            return self.error(&replies::content_has_begun());
        }
        // RFC 5321 §4.5.3.1.10: not the peer's error.
        if transaction.envelope.recipients.len() >= self.config.limits.recipients {
            return self.reply(&replies::too_many_recipients());
        }
        match self.recipient(argument, transaction.envelope.smtputf8) {
            Ok(recipient) => {
                let recipient = Box::new(recipient);
                self.ask(Ask::RcptTo(recipient.clone()), Asked::Recipient(recipient));
            }
            Err(reply) => self.error(&reply),
        }
    }

    fn recipient(&self, argument: &str, smtputf8: bool) -> Result<Recipient, Reply> {
        let text = command::strip_keyword(argument, "TO:").ok_or_else(replies::rcpt_syntax)?;
        let (path, rest) = ForwardPath::split(text).map_err(replies::bad_recipient)?;
        let params = command::parameters(rest).ok_or_else(replies::malformed_parameters)?;
        let mut recipient = Recipient::new(path);
        self.rcpt_parameters(&params, &mut recipient)?;
        let written = text.get(..text.len() - rest.len()).unwrap_or_default();
        if !smtputf8 && !written.is_ascii() {
            return Err(replies::recipient_needs_smtputf8());
        }
        recipient.params = params;
        Ok(recipient)
    }

    pub(super) fn recipient_decided(&mut self, recipient: Recipient, decision: Decision) {
        if self.passed(decision) {
            if let Some(transaction) = &mut self.transaction {
                transaction.envelope.recipients.push(recipient);
            }
            self.reply(&replies::recipient_accepted());
        }
    }

    pub(super) fn rset(&mut self) {
        self.reply(&replies::reset());
        if self.transaction.take().is_some() {
            self.ask(Ask::Abandon, Asked::Abandon(None));
        }
    }

    pub(super) fn data(&mut self) {
        let Some(transaction) = &self.transaction else {
            return self.error(&replies::mail_first());
        };
        if transaction.envelope.recipients.is_empty() {
            return self.error(&replies::no_recipients());
        }
        // RFC 3030 §2: the two do not mix, and only RSET helps. A BDAT that followed must not make a message of the rest.
        if transaction.chunked.is_some() {
            self.transaction = None;
            self.error(&replies::data_after_bdat());
            if !matches!(self.phase, Phase::Closed) {
                self.ask(Ask::Abandon, Asked::Abandon(None));
            }
            return;
        }
        // RFC 3030 §3.
        if transaction.envelope.body == Body::BinaryMime {
            return self.error(&replies::binary_needs_bdat());
        }
        self.ask(Ask::Data, Asked::Data);
    }

    pub(super) fn content_decided(&mut self, decision: Decision) {
        if !self.passed(decision) {
            return;
        }
        let bounds = bounds(&self.config.limits);
        self.reply(&replies::send_content());
        let mut pace = self.pace();
        self.deadline = pace.came(self.input.len(), self.now);
        self.phase = Phase::Content(Box::new(Content {
            decoder: Decoder::new(bounds),
            pace,
        }));
    }

    /// The time that content has which begins now.
    pub(super) fn pace(&self) -> Pace {
        let end = self.now + self.config.timeouts.data;
        let end = self
            .transaction
            .as_ref()
            .map_or(end, |transaction| end.min(transaction.end));
        Pace::new(&self.config.limits, &self.config.timeouts, self.now, end)
    }

    /// Reads on in the content; gives what is to be handed on.
    pub(super) fn content(&mut self) -> Bytes {
        let Phase::Content(content) = &mut self.phase else {
            return Bytes::new();
        };
        let mut input = self.input.take_all();
        let decoded = content.decoder.decode(&mut input);
        self.input.put_back(input);
        match decoded {
            Decoded::Some(bytes) => bytes,
            Decoded::End(bytes) => {
                let (size, fault) = (content.decoder.size(), content.decoder.fault());
                self.content_ended(size, fault);
                bytes
            }
            Decoded::Endless => {
                self.end_for("bytes", &replies::message_endless());
                Bytes::new()
            }
        }
    }

    pub(super) fn content_ended(&mut self, size: u64, fault: Option<Fault>) {
        self.phase = Phase::Command;
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        let envelope = transaction.envelope;
        let recipients = envelope.recipients.len();
        let Some(fault) = fault else {
            let message = Message {
                envelope,
                peer: self.peer.clone(),
                size,
            };
            return self.ask(
                Ask::Message(Box::new(message)),
                Asked::Message { recipients },
            );
        };
        let refused = self.fault_reply(fault);
        self.reply_to_all(recipients, &refused);
        self.ask(Ask::Abandon, Asked::Abandon(None));
    }

    pub(super) fn fault_reply(&self, fault: Fault) -> Reply {
        let limits = &self.config.limits;
        match fault {
            Fault::TooBig => replies::message_too_big(limits.message),
            Fault::BareNewline => replies::bare_newline_in_content(),
            Fault::LineTooLong => replies::text_line_too_long(limits.text_line),
        }
    }

    pub(super) fn message_decided(&mut self, recipients: usize, answer: Answer) {
        // A message that came to be judged, well or not, is what a session is for.
        self.commands = 0;
        self.idle_commands = 0;
        match answer {
            Answer::Delivered(replies) => self.delivered(recipients, &replies),
            Answer::Decision(Decision::Refuse(reply)) => {
                self.reply_to_all(recipients, &refusal(reply));
            }
            Answer::Decision(Decision::Disconnect(reply)) => {
                let reply = refusal(reply);
                self.reply_to_all(recipients, &reply);
                self.phase = Phase::Closed;
                self.input.clear();
            }
            Answer::Decision(Decision::Pass)
            | Answer::Authenticated(_)
            | Answer::Keys(_)
            | Answer::AuthFailed(_) => {
                self.reply_to_all(recipients, &replies::internal_error());
            }
        }
    }

    fn delivered(&mut self, recipients: usize, answers: &[Reply]) {
        let count = self.replies_due(recipients);
        for index in 0..count {
            match answers.get(index) {
                Some(reply) => self.reply(reply),
                None => self.reply(&replies::internal_error()),
            }
        }
    }

    pub(super) fn reply_to_all(&mut self, recipients: usize, reply: &Reply) {
        for _ in 0..self.replies_due(recipients) {
            self.reply(reply);
        }
    }

    /// RFC 2033 §4.2: LMTP answers the content once for each recipient, SMTP once.
    fn replies_due(&self, recipients: usize) -> usize {
        match self.config.mode {
            Mode::Transfer | Mode::Submission => 1,
            Mode::Delivery => recipients,
        }
    }
}

/// The bounds on one message's content.
pub(super) fn bounds(limits: &Limits) -> Bounds {
    Bounds {
        size: limits.message,
        excess: limits.excess,
        line: limits.text_line,
    }
}
