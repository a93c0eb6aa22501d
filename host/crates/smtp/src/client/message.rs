//! MAIL and RCPT of one message, and what becomes of it.
//!
//! Standards: RFC 5321 §3.3, RFC 2920 §3.1 (groups, and a DATA that nobody wanted), RFC 1870 §6, RFC 6152 §3,
//! RFC 3030 §3, RFC 6531 §3.4 and §3.6, RFC 3461 §4 and §5.2.1, RFC 8689 §4.2.1, RFC 2852 §4, RFC 6710 §4.2,
//! RFC 9422 §4.2.

use std::fmt::Write as _;

use waxwing_mail::{Body, ByMode, Envelope, Recipient, Reply};

use super::ask::{Ask, Outcome, Outgoing};
use super::encoder::Encoder;
use super::failure::{Cause, Failure, Fate, Lack, Stage};
use super::offers::Offers;
use super::running::{Running, Transfer};
use super::{ClientSession, Expected, Phase};

impl ClientSession {
    pub(super) fn begin(&mut self, outgoing: Outgoing) {
        self.messages = self.messages.saturating_add(1);
        let lack = lack(&outgoing, &self.offers);
        let transfer = self.transfer(outgoing.envelope.body);
        let most = self.offers.rcpt_max.unwrap_or(usize::MAX);
        let running = self
            .running
            .insert(Box::new(Running::new(outgoing, most, transfer)));
        if let Some(lack) = lack {
            let failure = Failure {
                stage: Stage::Mail,
                cause: Cause::Lacks(lack),
            };
            self.fail_rest(&failure);
            return self.finish();
        }
        for index in running.most..running.fates.len() {
            let failure = Failure {
                stage: Stage::Rcpt,
                cause: Cause::Lacks(Lack::Recipients(running.most)),
            };
            running.settle(index, Fate::Failed(failure));
        }
        if running.most == 0 {
            return self.finish();
        }
        let command = mail(&running.outgoing, &self.offers);
        // Whatever waits to be read now is no reply to this: the peer has said goodbye.
        if !self.input.is_empty() {
            return self.lost(Cause::Closed);
        }
        self.needs_reset = true;
        self.send(&command, Expected::Mail);
        if self.offers.pipelining {
            self.recipients();
        }
    }

    /// How content of this kind is sent to this peer.
    pub(super) fn transfer(&self, body: Body) -> Transfer {
        match body {
            Body::BinaryMime => Transfer::Binary,
            _ if self.offers.chunking && self.config.chunking => {
                Transfer::Chunks(Encoder::new(false))
            }
            _ => Transfer::Data(Encoder::new(true)),
        }
    }

    /// The connection was lost before the message could be begun.
    pub(super) fn too_late(&mut self, outgoing: Outgoing) {
        self.broken = true;
        self.messages = self.messages.saturating_add(1);
        let transfer = Transfer::Binary;
        self.running = Some(Box::new(Running::new(outgoing, usize::MAX, transfer)));
        self.fail_rest(&Failure {
            stage: Stage::Mail,
            cause: Cause::Closed,
        });
        self.finish();
    }

    pub(super) fn mail_answered(&mut self, reply: Reply) {
        let Some(running) = &mut self.running else {
            return self.lost_at(Stage::Mail, Cause::Nonsense);
        };
        running.answered = true;
        if reply.code.is_positive() {
            if reply.code.get() >= 300 {
                return self.lost_at(Stage::Mail, Cause::Nonsense);
            }
        } else {
            running.mail_refused = true;
            self.fail_rest(&Failure {
                stage: Stage::Mail,
                cause: Cause::Reply(reply),
            });
        }
        self.go_on();
    }

    /// Sends RCPT: one, or with PIPELINING a group, and DATA behind the last.
    fn recipients(&mut self) {
        let pipelining = self.offers.pipelining;
        let group = if pipelining {
            self.config.group.max(1)
        } else {
            1
        };
        for _ in 0..group {
            let Some(running) = &mut self.running else {
                return;
            };
            let index = running.next;
            let Some(recipient) = running.outgoing.envelope.recipients.get(index) else {
                break;
            };
            if index >= running.most {
                break;
            }
            running.next += 1;
            let command = rcpt(recipient, &self.offers);
            self.send(&command, Expected::Rcpt(index));
        }
        let Some(running) = &mut self.running else {
            return;
        };
        let last = running.next >= running.most;
        if pipelining && last && matches!(running.transfer, Transfer::Data(_)) {
            running.data_sent = true;
            self.send("DATA", Expected::Data);
        }
    }

    pub(super) fn rcpt_answered(&mut self, index: usize, reply: Reply) {
        let Some(running) = &mut self.running else {
            return self.lost_at(Stage::Rcpt, Cause::Nonsense);
        };
        running.answered = true;
        if !reply.code.is_positive() {
            let failure = Failure {
                stage: Stage::Rcpt,
                cause: Cause::Reply(reply),
            };
            running.settle(index, Fate::Failed(failure));
        } else if reply.code.get() >= 300 {
            return self.lost_at(Stage::Rcpt, Cause::Nonsense);
        } else if !running.mail_refused {
            running.accepted.push(index);
        }
        self.go_on();
    }

    /// Whatever is next once all replies of a group are in.
    fn go_on(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        // RFC 2920 §3.1: replies come in order, and each is read; the one to DATA is met on its own.
        if !self.expected.is_empty() {
            return;
        }
        if running.mail_refused {
            return self.finish();
        }
        if running.next < running.most {
            return self.recipients();
        }
        if running.accepted.is_empty() {
            return self.finish();
        }
        match running.transfer {
            Transfer::Data(_) => self.send("DATA", Expected::Data),
            Transfer::Chunks(_) | Transfer::Binary => self.more_content(),
        }
    }

    /// All who have no fate yet have this one.
    pub(super) fn fail_rest(&mut self, failure: &Failure) {
        if let Some(running) = &mut self.running {
            for index in 0..running.fates.len() {
                running.settle(index, Fate::Failed(failure.clone()));
            }
        }
    }

    /// The transaction is over at the peer, too.
    pub(super) fn transaction_ended(&mut self) {
        self.needs_reset = false;
        self.finish();
    }

    /// Tells what became of the message.
    pub(super) fn finish(&mut self) {
        // Nobody is left without a fate, whatever the peer has done.
        self.fail_rest(&Failure {
            stage: Stage::Content,
            cause: Cause::Nonsense,
        });
        let Some(running) = self.running.take() else {
            return;
        };
        let outcome = Outcome {
            fates: running.fates.into_iter().flatten().collect(),
            dsn: self.offers.dsn,
            untried: self.broken && !running.answered && self.messages > 1,
        };
        self.ask(Ask::Done(Box::new(outcome)), Phase::Noted);
    }
}

/// What the message needs and the peer has not.
pub(super) fn lack(outgoing: &Outgoing, offers: &Offers) -> Option<Lack> {
    let envelope = &outgoing.envelope;
    let by_return = envelope
        .deliver_by
        .is_some_and(|by| by.mode == ByMode::Return);
    let needs = [
        (needs_utf8(envelope) && !offers.smtputf8, Lack::SmtpUtf8),
        (
            envelope.body == Body::BinaryMime && !(offers.binary && offers.chunking),
            Lack::BinaryMime,
        ),
        (
            envelope.body == Body::EightBitMime && !offers.eight_bit,
            Lack::EightBitMime,
        ),
        (
            // RFC 8689 §5: not for a report, which is better sent without than not at all.
            envelope.require_tls
                && envelope.sender.address().is_some()
                && !(offers.tls && offers.require_tls),
            Lack::RequireTls,
        ),
        (by_return && !offers.deliver_by, Lack::DeliverBy),
    ];
    let too_big = offers.size_max.filter(|most| outgoing.size > *most);
    needs
        .into_iter()
        .find_map(|(missing, lack)| missing.then_some(lack))
        .or(too_big.map(Lack::Size))
}

/// RFC 6531 §3.2: an address that is not ASCII needs the extension, whatever the content is.
fn needs_utf8(envelope: &Envelope) -> bool {
    let ascii = |address: Option<&waxwing_mail::Address>| address.is_none_or(|it| it.is_ascii());
    envelope.smtputf8
        || !ascii(envelope.sender.address())
        || !envelope
            .recipients
            .iter()
            .all(|recipient| ascii(recipient.path.address()))
}

/// MAIL with what the peer knows of its parameters.
pub(super) fn mail(outgoing: &Outgoing, offers: &Offers) -> String {
    let envelope = &outgoing.envelope;
    let mut command = format!("MAIL FROM:{}", envelope.sender);
    let mut add = |parameter: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _infallible = write!(command, " {parameter}");
    };
    if offers.size {
        add(format_args!("SIZE={}", outgoing.size));
    }
    if envelope.body != Body::SevenBit {
        add(format_args!("BODY={}", envelope.body.as_str()));
    }
    if needs_utf8(envelope) {
        add(format_args!("SMTPUTF8"));
    }
    // RFC 8689 §2: only in a session of TLS.
    if envelope.require_tls && offers.tls && offers.require_tls {
        add(format_args!("REQUIRETLS"));
    }
    if offers.dsn {
        if let Some(ret) = envelope.ret {
            add(format_args!("RET={}", ret.as_str()));
        }
        if let Some(id) = &envelope.id {
            add(format_args!("ENVID={}", id.encode()));
        }
    }
    if let (true, Some(by)) = (offers.deliver_by, envelope.deliver_by) {
        let mode = match by.mode {
            ByMode::Notify => "N",
            ByMode::Return => "R",
        };
        let trace = if by.trace { "T" } else { "" };
        add(format_args!("BY={};{mode}{trace}", by.seconds));
    }
    if let (true, Some(priority)) = (offers.priority, envelope.priority) {
        add(format_args!("MT-PRIORITY={priority}"));
    }
    command
}

/// RCPT with what the peer knows of its parameters.
pub(super) fn rcpt(recipient: &Recipient, offers: &Offers) -> String {
    let mut command = format!("RCPT TO:{}", recipient.path);
    if offers.dsn {
        if let Some(notify) = recipient.notify {
            let _infallible = write!(command, " NOTIFY={notify}");
        }
        if let Some(original) = &recipient.original {
            let _infallible = write!(command, " ORCPT={}", original.encode(offers.smtputf8));
        }
    }
    command
}
