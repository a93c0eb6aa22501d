//! The parameters of MAIL and RCPT.
//!
//! Standards: RFC 5321 §4.1.1.11 and §3.3 (each once, none that was not offered); RFC 1870 §6 (SIZE), RFC 6152 §3 and
//! RFC 3030 §3 (BODY), RFC 6531 §3.4 (SMTPUTF8), RFC 4954 §5 (AUTH), RFC 3461 §4 (RET, ENVID, NOTIFY, ORCPT),
//! RFC 8689 §2 (REQUIRETLS), RFC 4865 §4 (HOLDFOR, HOLDUNTIL), RFC 2852 §4 (BY), RFC 6710 §4.1 (MT-PRIORITY).

use std::time::Duration;

use waxwing_mail::{
    Body, ByMode, DeliverBy, Envelope, EnvelopeId, Notify, OriginalRecipient, Param, Recipient,
    Release, Reply, Return,
};

use super::ServerSession;
use crate::replies;

/// A parameter that is none of a group; the next may know it.
type Taken = Result<bool, Reply>;

impl ServerSession {
    /// Reads all parameters of MAIL into the envelope.
    pub(super) fn mail_parameters(
        &self,
        params: &[Param],
        envelope: &mut Envelope,
    ) -> Result<(), Reply> {
        self.each_once(params)?;
        for param in params {
            let known = self.content_parameter(param, envelope)?
                || self.report_parameter(param, envelope)?
                || self.relay_parameter(param, envelope)?;
            if !known {
                return Err(replies::unknown_parameter(&param.name));
            }
        }
        Ok(())
    }

    /// Reads all parameters of RCPT.
    pub(super) fn rcpt_parameters(
        &self,
        params: &[Param],
        recipient: &mut Recipient,
    ) -> Result<(), Reply> {
        self.each_once(params)?;
        let dsn = self.config.extensions.dsn;
        for param in params {
            let bad = || replies::bad_parameter(&param.name);
            match (&*param.name, param.value.as_deref()) {
                ("NOTIFY", value) if dsn => {
                    recipient.notify = Some(value.and_then(Notify::parse).ok_or_else(bad)?);
                }
                ("ORCPT", value) if dsn => {
                    let original = value.and_then(OriginalRecipient::parse);
                    recipient.original = Some(original.ok_or_else(bad)?);
                }
                _ => return Err(replies::unknown_parameter(&param.name)),
            }
        }
        Ok(())
    }

    /// RFC 5321 §4.1.1.11 and §3.3: parameters belong to EHLO, and each stands once.
    fn each_once(&self, params: &[Param]) -> Result<(), Reply> {
        for (index, param) in params.iter().enumerate() {
            if !self.peer.esmtp {
                return Err(replies::unknown_parameter(&param.name));
            }
            let mut earlier = params.iter().take(index);
            if earlier.any(|earlier| earlier.name == param.name) {
                return Err(replies::bad_parameter(&param.name));
            }
        }
        Ok(())
    }

    /// What the content is like: SIZE, BODY, SMTPUTF8; and who it is from: AUTH.
    fn content_parameter(&self, param: &Param, envelope: &mut Envelope) -> Taken {
        let bad = || replies::bad_parameter(&param.name);
        match (&*param.name, param.value.as_deref()) {
            ("SIZE", value) => {
                let size = value.and_then(declared_size).ok_or_else(bad)?;
                let limit = self.config.limits.message;
                if size > limit {
                    return Err(replies::declared_too_big(limit));
                }
                envelope.declared_size = Some(size);
            }
            ("BODY", value) => {
                envelope.body = value.and_then(|value| self.body(value)).ok_or_else(bad)?;
            }
            ("SMTPUTF8", None) => envelope.smtputf8 = true,
            // RFC 4954 §5: to be taken by all who offer AUTH; whether it is trusted is for others to say.
            ("AUTH", Some(_)) if self.config.auth => {}
            ("AUTH", None) if self.config.auth => return Err(bad()),
            ("SMTPUTF8", Some(_)) => return Err(bad()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn body(&self, value: &str) -> Option<Body> {
        let known = [Body::SevenBit, Body::EightBitMime, Body::BinaryMime];
        let body = known
            .into_iter()
            .find(|body| body.as_str().eq_ignore_ascii_case(value))?;
        (body != Body::BinaryMime || self.offers_binary_mime()).then_some(body)
    }

    /// What is to be told: RET, ENVID.
    fn report_parameter(&self, param: &Param, envelope: &mut Envelope) -> Taken {
        if !self.config.extensions.dsn {
            return Ok(false);
        }
        let bad = || replies::bad_parameter(&param.name);
        match (&*param.name, param.value.as_deref()) {
            ("RET", value) => {
                envelope.ret = Some(value.and_then(Return::parse).ok_or_else(bad)?);
            }
            ("ENVID", value) => {
                envelope.id = Some(value.and_then(EnvelopeId::parse).ok_or_else(bad)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How it is to be sent on: REQUIRETLS, HOLDFOR, HOLDUNTIL, BY, MT-PRIORITY.
    fn relay_parameter(&self, param: &Param, envelope: &mut Envelope) -> Taken {
        let bad = || replies::bad_parameter(&param.name);
        match (&*param.name, param.value.as_deref()) {
            ("REQUIRETLS", value) if self.offers_require_tls() => {
                envelope.require_tls = value.is_none();
                if value.is_some() {
                    return Err(bad());
                }
            }
            ("HOLDFOR" | "HOLDUNTIL", value) if self.offers_future_release().is_some() => {
                // RFC 4865 §4: one of them, and once.
                if envelope.release.is_some() {
                    return Err(bad());
                }
                let release = value.and_then(|value| self.release(&param.name, value));
                envelope.release = Some(release.ok_or_else(bad)?);
            }
            ("BY", value) if self.offers_deliver_by().is_some() => {
                let by = value.and_then(deliver_by).ok_or_else(bad)?;
                let shortest = self.offers_deliver_by().unwrap_or(0);
                // RFC 2852 §4: what is to be returned must have the time that the server needs.
                if by.mode == ByMode::Return && by.seconds.unsigned_abs() < shortest {
                    return Err(replies::too_soon(shortest));
                }
                envelope.deliver_by = Some(by);
            }
            ("MT-PRIORITY", value) if self.offers_priority() => {
                envelope.priority = Some(value.and_then(priority).ok_or_else(bad)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// RFC 4865 §4: `HOLDFOR=1*9DIGIT`, of at most the longest, or `HOLDUNTIL=date-time`, of at most so far away.
    fn release(&self, name: &str, value: &str) -> Option<Release> {
        let (longest, until) = self.offers_future_release()?;
        if name == "HOLDFOR" {
            let seconds = digits(value, 9)?;
            return (1..=longest)
                .contains(&seconds)
                .then(|| Release::After(Duration::from_secs(seconds)));
        }
        let at: jiff::Timestamp = value.parse().ok()?;
        (at <= until).then_some(Release::At(at))
    }
}

/// RFC 1870 §4: `size-value ::= 1*20DIGIT`. What does not fit is as good as endless.
fn declared_size(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

fn digits(value: &str, most: usize) -> Option<u64> {
    let digits = (1..=most).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    if digits { value.parse().ok() } else { None }
}

/// RFC 2852 §4: `by-value = by-time ";" by-mode [by-trace]`, `by-time = ["-" / "+"] 1*9digit`.
fn deliver_by(value: &str) -> Option<DeliverBy> {
    let (time, mode) = value.split_once(';')?;
    let (negative, number) = match time.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, time.strip_prefix('+').unwrap_or(time)),
    };
    let seconds = i64::try_from(digits(number, 9)?).ok()?;
    let seconds = if negative { -seconds } else { seconds };
    let (mode, trace) = match mode.to_ascii_uppercase().as_str() {
        "N" => (ByMode::Notify, false),
        "NT" => (ByMode::Notify, true),
        "R" => (ByMode::Return, false),
        "RT" => (ByMode::Return, true),
        _ => return None,
    };
    // RFC 2852 §4: what is late already cannot be asked back.
    if mode == ByMode::Return && seconds <= 0 {
        return None;
    }
    Some(DeliverBy {
        seconds,
        mode,
        trace,
    })
}

/// RFC 6710 §7: `priority-value = (["-"] NZDIGIT) / "0"`.
fn priority(value: &str) -> Option<i8> {
    match value.as_bytes() {
        [b'0'] | [b'1'..=b'9'] | [b'-', b'1'..=b'9'] => value.parse().ok(),
        _ => None,
    }
}
