//! Which mailbox a message goes into: Junk for junk, a subaddress's mailbox, own copies as seen.
//!
//! Hook: deliver. Host calls: actions, directory (which mailboxes exist). RFC 5233, RFC 6154. README.md has the settings.
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

use settings::{Settings, Subaddress};
use waxwing_plugin::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Filing {
    settings: Settings,
}

impl Plugin for Filing {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn self_test(&self) -> Vec<SelfTest> {
        let plain = logic::wanted_mailbox(&self.settings, "postmaster");
        vec![SelfTest::equal(
            "a plain address asks for no mailbox",
            &plain,
            &None,
        )]
    }
}

impl Filing {
    /// The mailbox that the recipient's address asks for, and whether it may be made.
    fn mailbox(&self, call: DeliverCall<'_>) -> Result<Option<(String, bool)>, HookError> {
        let create = match self.settings.subaddress {
            Subaddress::Off => return Ok(None),
            Subaddress::Existing => false,
            Subaddress::Create => true,
        };
        let Some(wanted) =
            logic::wanted_mailbox(&self.settings, &call.recipient.address.local_part)
        else {
            return Ok(None);
        };
        if create || directory::mailbox_exists(call.account, &wanted)? {
            return Ok(Some((wanted, create)));
        }
        Ok(None)
    }
}

impl OnDeliver for Filing {
    fn on_deliver(&self, call: DeliverCall<'_>) -> Result<DeliverDecision, HookError> {
        let junk = self.settings.junk
            && call.envelope.verdict(call.recipient.index).as_deref() == Some("junk");
        if junk {
            call.actions.file_into_use("\\Junk", &[])?;
            return Ok(DeliverDecision::Done);
        }
        // Only a login tells whose copy it is: anybody can write any address into a header.
        let own = self.settings.own_copies_seen
            && call
                .envelope
                .identity()
                .is_some_and(|who| who.authorised_as == call.account);
        let flags: Vec<String> = own.then(|| "\\Seen".to_owned()).into_iter().collect();
        match self.mailbox(call)? {
            Some((mailbox, create)) => call.actions.file_into(&mailbox, &flags, create)?,
            None if own => call.actions.keep(&flags)?,
            None => return Ok(DeliverDecision::Pass),
        }
        Ok(DeliverDecision::Done)
    }
}

waxwing_plugin::export!(Filing: deliver);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Filing>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
