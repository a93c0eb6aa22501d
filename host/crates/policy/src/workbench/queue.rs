//! What cases say of mail that leaves and of what happens in mailboxes, with the words of the SDK's test kit.

use std::time::Duration;

use serde::Deserialize;
use waxwing_mail::{Protocol, Reply};

use crate::facts::{Attempt, AttemptOutcome, MailboxChange, MailboxEvent, Moved, Placed};
use crate::outcome::{NextHop, Notice, Plan};

/// An attempt to deliver elsewhere; the default is the one before the first.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AttemptCase {
    /// From 1.
    pub number: u32,
    /// Seconds in the queue.
    pub queued_seconds: u64,
    /// `none`, which is what is meant by nothing, `delivered`, `deferred` or `refused`.
    pub outcome: String,
    /// The host that was talked to.
    pub host: Option<String>,
    /// Code and text of its reply: `451 Not now`.
    pub reply: Option<String>,
    /// Why there is no reply.
    pub failure: String,
    /// `TLSv1.3` and the like.
    pub tls: Option<String>,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// Something that happened in a mailbox.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EventCase {
    /// `login`, `deliver`, `move`, ….
    pub kind: String,
    /// The account's address.
    pub account: String,
    /// `imap`, `pop3`, `smtp`, …; SMTP if nothing is said.
    pub protocol: String,
    /// Where.
    pub mailbox: String,
    /// Where from.
    pub source: Option<String>,
    /// Ranges of UIDs.
    pub uids: Vec<(u32, u32)>,
    /// `add`, `remove` or `set`.
    pub flag_operation: String,
    /// The flags.
    pub flags: Vec<String>,
}

impl AttemptCase {
    pub(super) fn attempt(&self) -> Result<Attempt, String> {
        let outcomes = [
            AttemptOutcome::None,
            AttemptOutcome::Delivered,
            AttemptOutcome::Deferred,
            AttemptOutcome::Refused,
        ];
        let known = outcomes
            .into_iter()
            .find(|outcome| outcome.as_str() == self.outcome);
        let outcome = match known {
            Some(outcome) => outcome,
            None if self.outcome.is_empty() => AttemptOutcome::None,
            None => {
                return Err(format!(
                    "there is no outcome \"{}\" of an attempt",
                    self.outcome
                ));
            }
        };
        Ok(Attempt {
            number: self.number,
            queued: Duration::from_secs(self.queued_seconds),
            outcome,
            host: self.host.clone(),
            reply: self.reply.as_deref().map(reply),
            failure: self.failure.clone(),
            tls: self.tls.clone(),
            took: Duration::from_millis(self.took_ms),
        })
    }
}

impl EventCase {
    pub(super) fn event(&self, at: u64, protocols: &[Protocol]) -> Result<MailboxEvent, String> {
        let protocol = protocols
            .iter()
            .find(|protocol| protocol.as_str() == self.protocol);
        let mailbox = self.mailbox.clone();
        let placed = || Placed {
            mailbox: mailbox.clone(),
            uid: self.uids.first().map_or(1, |(first, _)| *first),
            flags: self.flags.clone(),
        };
        let moved = || Moved {
            source: self.source.clone().unwrap_or_default(),
            mailbox: mailbox.clone(),
            uids: self.uids.clone(),
        };
        let change = match self.kind.as_str() {
            "login" => MailboxChange::Login,
            "logout" => MailboxChange::Logout,
            "deliver" => MailboxChange::Deliver(placed()),
            "append" => MailboxChange::Append(placed()),
            "copy" => MailboxChange::Copy(moved()),
            "move" => MailboxChange::Move(moved()),
            "flag" => MailboxChange::Flag {
                mailbox,
                uids: self.uids.clone(),
                operation: match self.flag_operation.as_str() {
                    "add" => "add",
                    "remove" => "remove",
                    _ => "set",
                },
                flags: self.flags.clone(),
            },
            "expunge" => MailboxChange::Expunge {
                mailbox,
                uids: self.uids.clone(),
            },
            other => return Err(format!("there is no kind \"{other}\" of event")),
        };
        Ok(MailboxEvent {
            at,
            account: self.account.as_str().into(),
            protocol: protocol.copied().unwrap_or(Protocol::Smtp),
            session: "session-1".to_owned(),
            change,
        })
    }
}

fn reply(text: &str) -> Reply {
    let (code, text) = text.split_once(' ').unwrap_or((text, ""));
    Reply::new(code.parse().unwrap_or(0), None, text.to_owned())
}

/// The wishes of a plan, one line each.
pub(super) fn plan(plan: &Plan) -> Vec<String> {
    let mut lines = match &plan.hop {
        NextHop::Mx => Vec::new(),
        NextHop::MxOf(domain) => vec![format!("mx-of {domain}")],
        NextHop::Lmtp(address) => vec![format!("lmtp {address}")],
        NextHop::Relay(hosts) => {
            let line = |host: &crate::outcome::RelayHost| {
                let tls = if host.implicit_tls { " tls" } else { "" };
                let secret = host.secret.as_ref().map(|name| format!(" secret {name}"));
                let secret = secret.unwrap_or_default();
                format!("relay {}:{}{tls}{secret}", host.host, host.port)
            };
            hosts.iter().map(line).collect()
        }
    };
    lines.extend(plan.tls.map(|tls| format!("tls {}", tls.as_str())));
    lines.extend(plan.source.as_ref().map(|name| format!("source {name}")));
    if !plan.retry_after.is_empty() {
        let waits = plan.retry_after.iter();
        let waits: Vec<String> = waits.map(|wait| wait.as_secs().to_string()).collect();
        lines.push(format!("retry-after {}", waits.join(" ")));
    }
    let expiry = plan.expire_after;
    lines.extend(expiry.map(|stay| format!("expire-after {}", stay.as_secs())));
    lines.extend(plan.connections.map(|most| format!("connections {most}")));
    lines.extend(plan.rate.map(|rate| format!("rate {rate}")));
    lines
}

/// A notice as cases expect it.
pub(super) fn notice(notice: Notice) -> &'static str {
    match notice {
        Notice::AsAsked => "as-asked",
        Notice::Always => "always",
        Notice::Never => "never",
    }
}
