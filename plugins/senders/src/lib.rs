//! Under which names those may send who logged in: the sender (MAIL FROM) and the authors (the field From) must be theirs.
//!
//! Hooks: mail-from and message. Host calls: directory, message, findings. RFC 6409 §6.1 (enforce address syntax and rights), RFC 5321
//! §4.5.5 (null path), RFC 5322 §3.6.2 (authors). README.md has the settings.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod logic;
pub mod settings;

use settings::{Measure, Settings};
use waxwing_plugin::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Senders {
    settings: Settings,
}

impl Plugin for Senders {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }
}

/// Fields and octets of a header, octets of its From, and authors from which on the server may not have looked at all there are.
const MAX_FIELDS: u32 = 1000;
const MAX_HEADER: u64 = 128 << 10;
const MAX_FROM: usize = 16 << 10;
const MAX_AUTHORS: usize = 100;

impl Senders {
    /// Whether an account may send under a name: it is its own, with whatever detail, or it is permitted. What looks like one with a detail
    /// and is an address of its own, such as `info-sales` where `-` separates, is whose it is.
    fn may_be(&self, account: &str, name: &MailAddress) -> Result<bool, HookError> {
        if directory::owns(account, name)? {
            return Ok(true);
        }
        if let Some(plain) = name.without_detail(&self.settings.separators)
            && matches!(directory::look_up(name)?, directory::Entry::None)
            && directory::owns(account, &plain)?
        {
            return Ok(true);
        }
        Ok(self.settings.permits(account, &name.to_string()))
    }

    /// What is wrong with the authors of a message that an account sends.
    fn author_problem(
        &self,
        account: &str,
        message: &Message,
    ) -> Result<Option<String>, HookError> {
        // What lies behind the last of them that the server looks at may be a From, and is one to other programs.
        if message.header_count() >= MAX_FIELDS || message.body_offset() >= MAX_HEADER {
            return Ok(Some(
                "The header is too large to tell whose the message is".to_owned(),
            ));
        }
        match message.headers("From").as_slice() {
            // Whether there has to be one is not for this step to say.
            [] => return Ok(None),
            [from] if from.value.len() < MAX_FROM => {}
            [_] => return Ok(Some("The field From is too long".to_owned())),
            // RFC 5322 §3.6: one at most. Each program shows another one of several.
            many => return Ok(Some(format!("The message has {} fields From", many.len()))),
        }
        let authors = message.from_addresses();
        if authors.is_empty() {
            return Ok(Some("The field From names no address".to_owned()));
        }
        // The hundred first are shown, and whoever comes behind them is not.
        if authors.len() >= MAX_AUTHORS {
            return Ok(Some(format!("From names {MAX_AUTHORS} authors or more")));
        }
        for author in authors {
            let address = MailAddress::parse(&author);
            let own = address.map_or(Ok(false), |address| self.may_be(account, &address))?;
            if !own {
                return Ok(Some(format!(
                    "From: {author} is not an address of {account}"
                )));
            }
        }
        Ok(None)
    }
}

impl OnMailFrom for Senders {
    fn on_mail_from(&self, conn: &Connection, env: &Envelope) -> Result<Decision, HookError> {
        if self.settings.sender == Measure::Off {
            return Ok(Decision::Pass);
        }
        // The null path is for reports, which anybody may send (RFC 5321 §4.5.5).
        let (Some(who), Some(sender)) = (conn.identity(), env.sender()) else {
            return Ok(Decision::Pass);
        };
        let account = &who.authorised_as;
        if self.may_be(account, &sender)? {
            return Ok(Decision::Pass);
        }
        if self.settings.sender == Measure::Tag {
            findings::add("SENDER_NOT_OWN", 1.0, &[sender.to_string()])?;
            return Ok(Decision::Pass);
        }
        // RFC 6409 §6.1.
        Ok(Decision::reject(
            550,
            (5, 7, 1),
            format!("{sender} is not an address of {account}"),
        ))
    }
}

impl OnMessage for Senders {
    fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError> {
        if self.settings.author == Measure::Off {
            return Ok(MessageDecision::Pass);
        }
        let Some(who) = call.envelope.identity() else {
            return Ok(MessageDecision::Pass);
        };
        let Some(problem) = self.author_problem(&who.authorised_as, call.message)? else {
            return Ok(MessageDecision::Pass);
        };
        if self.settings.author == Measure::Tag {
            findings::add("AUTHOR_NOT_OWN", 1.0, &[problem])?;
            return Ok(MessageDecision::Pass);
        }
        // RFC 6409 §6.1.
        Ok(MessageDecision::Reject(SmtpReply::new(
            550,
            (5, 7, 1),
            problem,
        )))
    }
}

waxwing_plugin::export!(Senders: mail_from, message);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Senders>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
