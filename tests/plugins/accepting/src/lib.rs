//! The empty accepting policy: takes what an existing recipient is meant to get, routes it to the account, and checks
//! passwords against the directory. What a policy costs is measured against this one.
//!
//! Hooks: authenticate, rcpt-to, route-inbound. Host calls: credentials, directory.
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

use directory::Entry;
use waxwing_plugin::prelude::*;

/// The plugin; it has no settings.
#[derive(Debug)]
pub struct Accepting;

/// No settings at all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

impl Plugin for Accepting {
    type Settings = NoSettings;

    fn new(_settings: NoSettings) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }
}

fn unknown() -> SmtpReply {
    SmtpReply::new(550, (5, 1, 1), "No such mailbox here")
}

impl OnRcptTo for Accepting {
    fn on_rcpt_to(
        &self,
        _conn: &Connection,
        _env: &Envelope,
        rcpt: &Recipient,
    ) -> Result<Decision, HookError> {
        Ok(match directory::look_up(&rcpt.address)? {
            Entry::None => Decision::Reject(unknown()),
            Entry::Account(_) | Entry::Alias(_) => Decision::Accept,
        })
    }
}

impl OnRouteInbound for Accepting {
    fn resolve(&self, _env: &Envelope, rcpt: &Recipient) -> Result<Option<Vec<Target>>, HookError> {
        Ok(Some(match directory::look_up(&rcpt.address)? {
            Entry::Account(account) => vec![Target::Account(account)],
            Entry::Alias(to) if !to.is_empty() => to.into_iter().map(Target::Alias).collect(),
            Entry::None | Entry::Alias(_) => vec![Target::Refuse(unknown())],
        }))
    }
}

impl OnAuthenticate for Accepting {
    fn check(&self, _conn: &Connection, creds: &Credentials) -> Result<Authenticated, HookError> {
        Ok(match creds.verify(&creds.user().to_lowercase())? {
            credentials::Verification::Account(account) => Authenticated::Success(Identity {
                authorised_as: account.clone(),
                account,
                mechanism: creds.mechanism(),
            }),
            credentials::Verification::Wrong => Authenticated::Failure,
            credentials::Verification::Unknown => Authenticated::UnknownUser,
        })
    }
}

waxwing_plugin::export!(Accepting: authenticate, rcpt_to, route_inbound);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Accepting>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
