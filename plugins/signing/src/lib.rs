//! Which mail is signed in the name of a domain, and what is vouched for when it is forwarded.
//!
//! Hook: submit. Host calls: outbound, message, directory. RFC 6376 §1.5 and §6.3 (a signature says who takes responsibility), RFC 7489 §3.1.1
//! (whose signature counts for an author), RFC 8617 §7.2 (sealing). README.md has the settings.
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

use outbound::Cause;
use settings::{Authors, Settings};
use waxwing_plugin::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Signing {
    settings: Settings,
}

impl Plugin for Signing {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }
}

impl Signing {
    /// Signs for the domain of each author that may be signed for.
    fn sign(&self, call: SubmitCall<'_>, account: Option<&str>) -> Result<(), HookError> {
        let mut signed: Vec<String> = Vec::new();
        for author in call.message.from_addresses() {
            let Some(address) = MailAddress::parse(&author) else {
                continue;
            };
            if let Some(account) = account
                && !self.owns(account, &address)?
            {
                continue;
            }
            if let Some(key) = served(&address.domain)?
                && !signed.contains(&key)
            {
                call.submission.sign(&key, "")?;
                signed.push(key);
            }
        }
        Ok(())
    }

    /// Whether an author's address is one of an account's, with whatever detail. What looks like one with a detail and is an address of
    /// its own, such as `info-sales` where `-` separates, is whose it is.
    fn owns(&self, account: &str, author: &MailAddress) -> Result<bool, HookError> {
        if directory::owns(account, author)? {
            return Ok(true);
        }
        match author.without_detail(&self.settings.separators) {
            Some(plain) if matches!(directory::look_up(author)?, directory::Entry::None) => {
                Ok(directory::owns(account, &plain)?)
            }
            _ => Ok(false),
        }
    }

    fn seal(&self, call: SubmitCall<'_>) -> Result<(), HookError> {
        let sealer = match self.settings.seal_domain.as_str() {
            "" => match call.envelope.sender() {
                Some(sender) => served(&sender.domain)?,
                None => None,
            },
            domain => Some(domain.to_owned()),
        };
        if let Some(domain) = sealer {
            call.submission.seal(&domain, "")?;
        }
        Ok(())
    }
}

/// The nearest domain, of this one and those above it, that is served here: it may have keys.
fn served(domain: &str) -> Result<Option<String>, HookError> {
    for candidate in logic::candidates(domain) {
        if directory::domain_is_local(&candidate)? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

impl OnSubmit for Signing {
    fn on_submit(&self, call: SubmitCall<'_>) -> Result<SubmitDecision, HookError> {
        match call.submission.cause() {
            Cause::Submitted => {
                let identity = call.envelope.identity();
                let account = identity
                    .as_ref()
                    .map_or("", |who| who.authorised_as.as_str());
                let own = self.settings.authors == Authors::Own;
                self.sign(call, own.then_some(account))?;
            }
            Cause::Relayed if self.settings.relayed => self.sign(call, None)?,
            Cause::Reported if self.settings.reports => self.sign(call, None)?,
            // Whoever wrote it, it is not signed as if it came from here.
            Cause::Forwarded if self.settings.seal => self.seal(call)?,
            Cause::Relayed | Cause::Reported | Cause::Forwarded => {}
        }
        Ok(SubmitDecision::Pass)
    }
}

waxwing_plugin::export!(Signing: submit);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Signing>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
