//! What lists in the DNS say of clients, senders and links, as findings or refusals.
//!
//! Hooks: mail-from (client and sender, once it is known who has logged in) and message (links). Host calls: dnsbl, message, findings. RFC 5782.
//! README.md has the settings.
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

use settings::{Measure, Of, Settings};
use std::net::IpAddr;
use waxwing_plugin::host::dnsbl::{Outcome, Subject};
use waxwing_plugin::host::types::IpAddress;
use waxwing_plugin::prelude::*;

/// Links of a message that are looked at.
const MAX_URLS: u32 = 200;

/// The plugin.
#[derive(Debug)]
pub struct Reputation {
    settings: Settings,
}

impl Plugin for Reputation {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings, &dnsbl::zones())
    }
}

/// What is done about what was found, and the words for who is refused.
type Found = (Measure, String);

impl Reputation {
    /// Whether lists have a say about who sends this.
    fn applies(&self, conn: &Connection) -> bool {
        let client = IpAddr::from(conn.client().address);
        let protocol = conn.protocol().name();
        conn.identity().is_none()
            && !self.settings.trust.contains(client)
            && self
                .settings
                .protocols
                .iter()
                .any(|known| known == protocol)
    }

    /// Looks subjects up, each by the name under which findings tell of it; gives the gravest that follows.
    fn ask(&self, of: Of, subjects: Vec<(String, Subject)>) -> Result<Found, HookError> {
        let mut gravest = (Measure::Tag, String::new());
        let (zones, words) = logic::zones(&self.settings, of);
        if zones.is_empty() || subjects.is_empty() {
            return Ok(gravest);
        }
        let (names, subjects): (Vec<String>, Vec<Subject>) = subjects.into_iter().unzip();
        for listing in dnsbl::look_up(&subjects, &zones, words)? {
            let name = names
                .get(usize::try_from(listing.subject).unwrap_or(usize::MAX))
                .map_or("", String::as_str);
            match listing.outcome {
                Outcome::Listed => {}
                Outcome::NotListed => continue,
                _ => {
                    metrics::add("unavailable", 1, &[]);
                    continue;
                }
            }
            metrics::add("listed", 1, &[]);
            let answers: Vec<IpAddr> = listing.codes.iter().copied().map(IpAddr::from).collect();
            for list in logic::of_zone(&self.settings, &listing.zone, of) {
                for meaning in logic::meanings(list, &answers) {
                    if !meaning.symbol.is_empty() {
                        let evidence = [format!("{name} {}", listing.zone)];
                        findings::add(&meaning.symbol, meaning.weight, &evidence)?;
                    }
                    if meaning.measure > gravest.0 {
                        let why = listing.texts.first().map_or("", String::as_str);
                        let why = if why.is_empty() {
                            ""
                        } else {
                            &format!(": {why}")
                        };
                        let text = format!("{name} is listed by {}{why}", listing.zone);
                        gravest = (meaning.measure, text);
                    }
                }
            }
        }
        Ok(gravest)
    }
}

impl OnMailFrom for Reputation {
    fn on_mail_from(&self, conn: &Connection, envelope: &Envelope) -> Result<Decision, HookError> {
        if !self.applies(conn) {
            return Ok(Decision::Pass);
        }
        let client = conn.client().address;
        let public = logic::is_public(IpAddr::from(client));
        let client = public.then(|| (conn.client_text(), Subject::Address(client)));
        // An address literal (RFC 5321 §4.1.3) is no domain.
        let sender = envelope.sender().map(|sender| sender.domain);
        let sender = sender.filter(|domain| !domain.is_empty() && !domain.starts_with('['));
        let sender = sender.map(|domain| (domain.clone(), Subject::Domain(domain)));
        let of_client = self.ask(Of::Client, client.into_iter().collect())?;
        let of_sender = self.ask(Of::Sender, sender.into_iter().collect())?;
        let (measure, text) = if of_sender.0 > of_client.0 {
            of_sender
        } else {
            of_client
        };
        Ok(match measure {
            Measure::Tag => Decision::Pass,
            // RFC 3463 §3.8: X.7.1, delivery not authorised.
            Measure::Defer => Decision::defer(450, (4, 7, 1), text),
            Measure::Reject => Decision::reject(550, (5, 7, 1), text),
        })
    }
}

impl OnMessage for Reputation {
    fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError> {
        if !self.applies(call.conn) {
            return Ok(MessageDecision::Pass);
        }
        if logic::zones(&self.settings, Of::Links).0.is_empty() {
            return Ok(MessageDecision::Pass);
        }
        let hosts = call.message.urls(MAX_URLS).into_iter().map(|url| url.host);
        let (addresses, domains) = logic::linked(hosts, self.settings.links);
        let addresses = addresses.into_iter().map(|address| {
            let subject = IpAddress::from(IpAddr::V4(address));
            (address.to_string(), Subject::Address(subject))
        });
        let domains = domains
            .into_iter()
            .map(|domain| (domain.clone(), Subject::Domain(domain)));
        let (measure, text) = self.ask(Of::Links, addresses.chain(domains).collect())?;
        Ok(match measure {
            Measure::Tag => MessageDecision::Pass,
            Measure::Defer => MessageDecision::Defer(SmtpReply::new(450, (4, 7, 1), text)),
            Measure::Reject => MessageDecision::Reject(SmtpReply::new(550, (5, 7, 1), text)),
        })
    }
}

waxwing_plugin::export!(Reputation: mail_from, message);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Reputation>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
