//! `outbound`.

use super::super::world::{AttemptFacts, world};
use super::note_line;
use crate::host::types::SmtpReply;

pub use crate::bindings::imports::outbound::{Cause, OutboundError, TlsPolicy};

/// The world's message on its way into the queue.
#[derive(Debug)]
pub struct Submission(pub(in crate::testing) ());

/// The world's attempt.
#[derive(Debug)]
pub struct Attempt(pub(in crate::testing) ());

/// How the world's next attempt is made.
#[derive(Debug)]
pub struct Plan(pub(in crate::testing) ());

fn note(line: String) -> Result<(), OutboundError> {
    note_line(line).map_err(OutboundError::Invalid)
}

fn attempt<R>(look: impl FnOnce(&AttemptFacts) -> R) -> R {
    world(|world| look(&world.attempt))
}

fn positive(line: &str, number: u32) -> Result<(), OutboundError> {
    if number == 0 {
        return Err(OutboundError::Invalid("0 is too few".to_owned()));
    }
    note(format!("{line} {number}"))
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/outbound.wit")]
impl Submission {
    pub fn cause(&self) -> Cause {
        let (cause, logged_in) = world(|world| {
            let logged_in = world.connection.identity.is_some();
            (world.cause.clone(), logged_in)
        });
        match cause.as_str() {
            "submitted" => Cause::Submitted,
            "forwarded" => Cause::Forwarded,
            "reported" => Cause::Reported,
            "" if logged_in => Cause::Submitted,
            _ => Cause::Relayed,
        }
    }
    pub fn sign(&self, domain: &str, selector: &str) -> Result<(), OutboundError> {
        note(format!("sign {domain} {selector}").trim_end().to_owned())
    }
    pub fn seal(&self, domain: &str, selector: &str) -> Result<(), OutboundError> {
        note(format!("seal {domain} {selector}").trim_end().to_owned())
    }
    pub fn priority(&self, level: i8) -> Result<(), OutboundError> {
        if !(-9..=9).contains(&level) {
            return Err(OutboundError::Invalid(format!("a priority of {level}")));
        }
        note(format!("priority {level}"))
    }
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/outbound.wit")]
impl Attempt {
    pub fn number(&self) -> u32 {
        attempt(|attempt| attempt.number)
    }
    pub fn queued_seconds(&self) -> u64 {
        attempt(|attempt| attempt.queued_seconds)
    }
    pub fn outcome(&self) -> String {
        attempt(|attempt| attempt.outcome.clone())
    }
    pub fn host(&self) -> Option<String> {
        attempt(|attempt| attempt.host.clone())
    }
    pub fn reply(&self) -> Option<SmtpReply> {
        let text = attempt(|attempt| attempt.reply.clone())?;
        let (code, text) = text.split_once(' ').unwrap_or((&text, ""));
        Some(SmtpReply {
            code: code.parse().unwrap_or(0),
            enhanced: None,
            text: text.to_owned(),
        })
    }
    pub fn failure(&self) -> String {
        attempt(|attempt| attempt.failure.clone())
    }
    pub fn tls(&self) -> Option<String> {
        attempt(|attempt| attempt.tls.clone())
    }
    pub fn took_ms(&self) -> u64 {
        attempt(|attempt| attempt.took_ms)
    }
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/outbound.wit")]
impl Plan {
    pub fn mx_of(&self, domain: &str) -> Result<(), OutboundError> {
        note(format!("mx-of {domain}"))
    }
    pub fn relay(
        &self,
        host: &str,
        port: u16,
        implicit_tls: bool,
        secret: Option<&str>,
    ) -> Result<(), OutboundError> {
        let tls = if implicit_tls { " tls" } else { "" };
        let secret = secret
            .map(|name| format!(" secret {name}"))
            .unwrap_or_default();
        note(format!("relay {host}:{port}{tls}{secret}"))
    }
    pub fn lmtp(&self, address: &str) -> Result<(), OutboundError> {
        note(format!("lmtp {address}"))
    }
    pub fn tls(&self, policy: TlsPolicy) {
        let word = match policy {
            TlsPolicy::Never => "never",
            TlsPolicy::Opportunistic => "opportunistic",
            TlsPolicy::Encrypt => "encrypt",
            TlsPolicy::Verify => "verify",
            TlsPolicy::Dane => "dane",
            TlsPolicy::MtaSts => "mta-sts",
            TlsPolicy::Published => "published",
        };
        world(|world| world.actions.push(format!("tls {word}")));
    }
    pub fn source(&self, name: &str) -> Result<(), OutboundError> {
        note(format!("source {name}"))
    }
    pub fn retry_after(&self, seconds: &[u32]) -> Result<(), OutboundError> {
        let waits: Vec<String> = seconds.iter().map(ToString::to_string).collect();
        note(format!("retry-after {}", waits.join(" ")))
    }
    pub fn expire_after(&self, seconds: u32) -> Result<(), OutboundError> {
        positive("expire-after", seconds)
    }
    pub fn connections(&self, most: u32) -> Result<(), OutboundError> {
        positive("connections", most)
    }
    pub fn rate(&self, per_minute: u32) -> Result<(), OutboundError> {
        positive("rate", per_minute)
    }
}
