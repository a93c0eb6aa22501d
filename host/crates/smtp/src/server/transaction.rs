//! MAIL, RCPT, DATA, RSET, and the content.
//!
//! Standards: RFC 5321 §3.3, §4.1.1.2 to §4.1.1.5; RFC 2033 §4.2 (a reply for each recipient); RFC 1870 §6;
//! RFC 6152 §3; RFC 6531 §3.4 and §3.5; RFC 4954 §5 (AUTH= of MAIL).
//! Invariants: a transaction that was opened ends with [`Ask::Message`], with [`Ask::Abandon`] or with the close.

use bytes::Bytes;
use waxwing_mail::{Body, Envelope, ForwardPath, Param, Recipient, Reply, ReversePath};

use super::{Asked, Content, Phase, ServerSession, refusal};
use crate::ask::{Answer, Ask, Decision, Message};
use crate::command;
use crate::config::Mode;
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
        for (index, param) in params.iter().enumerate() {
            // RFC 5321 §4.1.1.11 and §3.3: parameters belong to EHLO, and each stands once.
            if !self.peer.esmtp {
                return Err(replies::unknown_parameter(&param.name));
            }
            if params
                .iter()
                .take(index)
                .any(|earlier| earlier.name == param.name)
            {
                return Err(replies::bad_parameter(&param.name));
            }
            self.mail_parameter(param, &mut envelope)?;
        }
        // RFC 6531 §3.5. A domain of U-labels counts as non-ASCII, though A-labels were made of it.
        let written = path.get(..path.len() - rest.len()).unwrap_or_default();
        if !envelope.smtputf8 && !written.is_ascii() {
            return Err(replies::sender_needs_smtputf8());
        }
        envelope.params = params;
        Ok(envelope)
    }

    fn mail_parameter(&self, param: &Param, envelope: &mut Envelope) -> Result<(), Reply> {
        let bad = || replies::bad_parameter(&param.name);
        match (&*param.name, param.value.as_deref()) {
            ("SIZE", Some(value)) => {
                let size = declared_size(value).ok_or_else(bad)?;
                let limit = self.config.limits.message;
                if size > limit {
                    return Err(replies::declared_too_big(limit));
                }
                envelope.declared_size = Some(size);
            }
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("7BIT") => {
                envelope.body = Body::SevenBit;
            }
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("8BITMIME") => {
                envelope.body = Body::EightBitMime;
            }
            ("SMTPUTF8", None) => envelope.smtputf8 = true,
            // RFC 4954 §5: to be taken by all who offer AUTH; whether it is trusted is for others to say.
            ("AUTH", Some(_)) if self.config.auth => {}
            ("SIZE" | "BODY" | "SMTPUTF8", _) => return Err(bad()),
            ("AUTH", None) if self.config.auth => return Err(bad()),
            _ => return Err(replies::unknown_parameter(&param.name)),
        }
        Ok(())
    }

    pub(super) fn sender_decided(&mut self, envelope: Box<Envelope>, decision: Decision) {
        if self.passed(decision) {
            self.transaction = Some(envelope);
            self.reply(&replies::sender_accepted());
        }
    }

    pub(super) fn rcpt(&mut self, argument: &str) {
        let Some(envelope) = &self.transaction else {
            return self.error(&replies::mail_first());
        };
        // RFC 5321 §4.5.3.1.10: not the peer's error.
        if envelope.recipients.len() >= self.config.limits.recipients {
            return self.reply(&replies::too_many_recipients());
        }
        match recipient(argument, envelope.smtputf8) {
            Ok(recipient) => {
                let recipient = Box::new(recipient);
                self.ask(Ask::RcptTo(recipient.clone()), Asked::Recipient(recipient));
            }
            Err(reply) => self.error(&reply),
        }
    }

    pub(super) fn recipient_decided(&mut self, recipient: Recipient, decision: Decision) {
        if self.passed(decision) {
            if let Some(envelope) = &mut self.transaction {
                envelope.recipients.push(recipient);
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
        let Some(envelope) = &self.transaction else {
            return self.error(&replies::mail_first());
        };
        if envelope.recipients.is_empty() {
            return self.error(&replies::no_recipients());
        }
        self.ask(Ask::Data, Asked::Data);
    }

    pub(super) fn content_decided(&mut self, decision: Decision) {
        if !self.passed(decision) {
            return;
        }
        let limits = self.config.limits;
        let bounds = Bounds {
            size: limits.message,
            excess: limits.excess,
            line: limits.text_line,
        };
        self.reply(&replies::send_content());
        let end = self.now + self.config.timeouts.data;
        self.deadline = end.min(self.now + self.config.timeouts.data_block);
        self.phase = Phase::Content(Box::new(Content {
            decoder: Decoder::new(bounds),
            end,
        }));
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
                self.close(&replies::message_endless());
                Bytes::new()
            }
        }
    }

    fn content_ended(&mut self, size: u64, fault: Option<Fault>) {
        self.phase = Phase::Command;
        let Some(envelope) = self.transaction.take() else {
            return;
        };
        let recipients = envelope.recipients.len();
        let limits = self.config.limits;
        let refused = match fault {
            None => {
                let message = Message {
                    envelope: *envelope,
                    peer: self.peer.clone(),
                    size,
                };
                return self.ask(
                    Ask::Message(Box::new(message)),
                    Asked::Message { recipients },
                );
            }
            Some(Fault::TooBig) => replies::message_too_big(limits.message),
            Some(Fault::BareNewline) => replies::bare_newline_in_content(),
            Some(Fault::LineTooLong) => replies::text_line_too_long(limits.text_line),
        };
        self.reply_to_all(recipients, &refused);
        self.ask(Ask::Abandon, Asked::Abandon(None));
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
            Answer::Decision(Decision::Pass) | Answer::Authenticated(_) | Answer::AuthFailed(_) => {
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

    fn reply_to_all(&mut self, recipients: usize, reply: &Reply) {
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

fn recipient(argument: &str, smtputf8: bool) -> Result<Recipient, Reply> {
    let text = command::strip_keyword(argument, "TO:").ok_or_else(replies::rcpt_syntax)?;
    let (path, rest) = ForwardPath::split(text).map_err(replies::bad_recipient)?;
    let params = command::parameters(rest).ok_or_else(replies::malformed_parameters)?;
    // No extension that is offered has parameters of RCPT.
    if let Some(param) = params.first() {
        return Err(replies::unknown_parameter(&param.name));
    }
    let written = text.get(..text.len() - rest.len()).unwrap_or_default();
    if !smtputf8 && !written.is_ascii() {
        return Err(replies::recipient_needs_smtputf8());
    }
    Ok(Recipient { path, params })
}

/// RFC 1870 §4: `size-value ::= 1*20DIGIT`. What does not fit is as good as endless.
fn declared_size(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}
