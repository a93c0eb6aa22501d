//! Which recipients there are, where they lead, and who may send to other servers.
//!
//! Hooks: rcpt-to and route-inbound. Host calls: directory. Accepting recipients of other servers takes
//! the grant `relay`. RFC 5321 §4.5.1 (postmaster), RFC 5233. README.md has the settings.
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

use directory::Entry;
use settings::{Relay, Settings};
use std::net::IpAddr;
use waxwing_plugin::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Recipients {
    settings: Settings,
}

/// What an address turned out to be.
enum Found {
    /// There it is.
    Here(Entry),
    /// The domain is ours, the address does not exist.
    Unknown,
    /// Mail for postmaster, and nobody is set to read it.
    NoPostmaster,
    /// Another server's.
    Elsewhere,
}

impl Plugin for Recipients {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn self_test(&self) -> Vec<SelfTest> {
        vec![SelfTest::equal(
            "postmaster is known in any case",
            &logic::is_postmaster("POSTMASTER"),
            &true,
        )]
    }
}

impl Recipients {
    /// The address itself (an account may well be called `a+b`), then without its detail, then the domain's catch-all, then the postmaster
    /// of the settings.
    fn find(&self, address: &MailAddress) -> Result<Found, HookError> {
        // What is in the directory is ours: most recipients take this one question.
        match directory::look_up(address)? {
            Entry::None => {}
            found => return Ok(Found::Here(found)),
        }
        let postmaster = logic::is_postmaster(&address.local_part);
        // RFC 5321 §4.1.1.3: `<Postmaster>` comes without a domain.
        let ours = postmaster && address.domain.is_empty();
        if !ours && !directory::domain_is_local(&address.domain)? {
            return Ok(Found::Elsewhere);
        }
        let plain = address.without_detail(&self.settings.separators);
        let catch_all = (!postmaster).then(|| MailAddress {
            local_part: "*".to_owned(),
            domain: address.domain.clone(),
        });
        for asked in [plain, catch_all].iter().flatten() {
            match directory::look_up(asked)? {
                Entry::None => {}
                found => return Ok(Found::Here(found)),
            }
        }
        if !postmaster {
            return Ok(Found::Unknown);
        }
        let set = self
            .settings
            .postmaster
            .as_deref()
            .and_then(MailAddress::parse);
        Ok(set.map_or(Found::NoPostmaster, |address| {
            Found::Here(Entry::Alias(vec![address]))
        }))
    }

    fn may_relay(&self, conn: &Connection) -> bool {
        match self.settings.relay {
            Relay::Nobody => false,
            Relay::Authenticated => {
                conn.identity().is_some()
                    || self
                        .settings
                        .relay_networks
                        .contains(IpAddr::from(conn.client().address))
            }
        }
    }

    fn unknown(&self) -> SmtpReply {
        SmtpReply::new(550, (5, 1, 1), self.settings.unknown_text.as_str())
    }

    /// RFC 5321 §4.5.1 has this mail accepted always. Until somebody is set to read it, it waits at its sender's.
    fn no_postmaster() -> SmtpReply {
        let text = "mail for postmaster has no reader: set settings.postmaster of the step recipients, or add an alias";
        log::log(log::Level::Error, text, &[]);
        SmtpReply::new(
            451,
            (4, 3, 5),
            "The postmaster cannot be reached at the moment",
        )
    }
}

impl OnRcptTo for Recipients {
    fn on_rcpt_to(
        &self,
        conn: &Connection,
        env: &Envelope,
        rcpt: &Recipient,
    ) -> Result<Decision, HookError> {
        Ok(match self.find(&rcpt.address)? {
            Found::Here(Entry::Account(account)) => {
                env.leads_to(&account);
                Decision::Accept
            }
            Found::Here(_) => Decision::Accept,
            Found::Unknown => Decision::Reject(self.unknown()),
            Found::NoPostmaster => Decision::Defer(Self::no_postmaster()),
            Found::Elsewhere if self.may_relay(conn) => Decision::Accept,
            Found::Elsewhere => {
                Decision::reject(550, (5, 7, 1), "Relaying is for those who log in")
            }
        })
    }
}

impl OnRouteInbound for Recipients {
    fn resolve(&self, _env: &Envelope, rcpt: &Recipient) -> Result<Option<Vec<Target>>, HookError> {
        Ok(Some(match self.find(&rcpt.address)? {
            Found::Here(Entry::Account(account)) => vec![Target::Account(account)],
            Found::Here(Entry::Alias(to)) if !to.is_empty() => {
                to.into_iter().map(Target::Alias).collect()
            }
            Found::Here(_) | Found::Unknown => vec![Target::Refuse(self.unknown())],
            Found::NoPostmaster => vec![Target::Refuse(Self::no_postmaster())],
            Found::Elsewhere => vec![Target::Forward(rcpt.address.clone())],
        }))
    }
}

waxwing_plugin::export!(Recipients: rcpt_to, route_inbound);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Recipients>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
