//! Who may connect, how often, and how a peer must greet.
//!
//! Hooks: connect and ehlo. Host calls: kv (windows of connections, bans), directory (names that are ours), findings.
//! RFC 5321 §2.3.5, §4.1.1.1, §4.1.3. README.md has the settings.
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

use logic::{Fault, Listed};
use settings::{Measure, Settings};
use std::net::IpAddr;
use waxwing_plugin::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Access {
    settings: Settings,
}

impl Plugin for Access {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn self_test(&self) -> Vec<SelfTest> {
        let patterns = ["*.example.org".to_owned()];
        vec![
            SelfTest::equal(
                "a pattern matches below",
                &logic::matches_any(&patterns, "mx.example.org"),
                &true,
            ),
            SelfTest::equal(
                "a pattern does not match beside",
                &logic::matches_any(&patterns, "example.org"),
                &false,
            ),
        ]
    }
}

impl Access {
    /// The first rate that this connection is over. Every rate counts it, so that none is outrun by another.
    fn over_rate(&self, conn: &Connection, client: IpAddr) -> Result<bool, HookError> {
        if self.settings.rates.is_empty() {
            return Ok(false);
        }
        let protocol = conn.protocol().name();
        let mut over = false;
        for rate in &self.settings.rates {
            let Some(key) = logic::rate_key(&self.settings, rate, protocol, client) else {
                continue;
            };
            let window = rate.seconds.saturating_mul(1000);
            over |= kv::count_window(kv::Area::Plugin, &key, window)? > rate.connections;
        }
        Ok(over)
    }
}

impl Access {
    /// Whether the client is banned, from now on or still.
    fn banned(&self, conn: &Connection, client: IpAddr) -> Result<bool, HookError> {
        let (ban, protocol) = (&self.settings.ban, conn.protocol().name());
        let never = ban.errors == 0 && ban.refused_recipients == 0;
        if never || !ban.protocols.iter().any(|listed| listed == protocol) {
            return Ok(false);
        }
        let key = logic::ban_key(client);
        let counters = kv::counters(kv::Area::Plugin, std::slice::from_ref(&key))?;
        if counters.first().is_some_and(|count| *count > 0) {
            return Ok(true);
        }
        let errors = conn.counter("errors-of-address");
        let refused = conn.counter("refused-of-address");
        let Some(why) = logic::ban_reason(ban, errors, refused) else {
            return Ok(false);
        };
        // It ends by itself, however often the client comes meanwhile.
        let lasting = ban.minutes.saturating_mul(60_000);
        kv::increment(kv::Area::Plugin, &key, 1, Some(lasting))?;
        let fields = [("client".to_owned(), conn.client_text())];
        log::log(log::Level::Warn, &format!("client banned: {why}"), &fields);
        Ok(true)
    }
}

impl OnConnect for Access {
    fn on_connect(&self, conn: &Connection) -> Result<Decision, HookError> {
        let told = &self.settings.pop3;
        if (told.expire_days.is_some() || told.login_delay > 0) && conn.protocol().name() == "pop3"
        {
            conn.tell_maildrop(told.expire_days, told.login_delay);
        }
        let client = IpAddr::from(conn.client().address);
        match logic::listed(&self.settings, client) {
            // However it greets: that need not be asked.
            Listed::Trusted => {
                conn.pass_ahead(&["ehlo".to_owned()]);
                Ok(Decision::Pass)
            }
            Listed::Allowed => Ok(Decision::Pass),
            Listed::Denied => {
                metrics::add("denied", 1, &[]);
                // RFC 5321 §3.1: 554 instead of the greeting.
                Ok(Decision::disconnect(
                    554,
                    (5, 7, 1),
                    self.settings.deny.text.as_str(),
                ))
            }
            Listed::Unlisted if self.over_rate(conn, client)? => {
                metrics::add("over_rate", 1, &[]);
                Ok(Decision::disconnect(
                    421,
                    (4, 7, 0),
                    "Too many connections from your network; try again later",
                ))
            }
            Listed::Unlisted if self.banned(conn, client)? => {
                metrics::add("banned", 1, &[]);
                let text = self.settings.ban.text.as_str();
                Ok(Decision::disconnect(421, (4, 7, 0), text))
            }
            Listed::Unlisted => {
                let early = &self.settings.early;
                if early.wait_ms > 0 && logic::listens_early(early, conn.protocol().name()) {
                    conn.delay_greeting(early.wait_ms);
                }
                Ok(Decision::Pass)
            }
        }
    }
}

impl OnEhlo for Access {
    fn on_ehlo(&self, conn: &Connection, name: &str) -> Result<Decision, HookError> {
        let client = IpAddr::from(conn.client().address);
        let greeting = &self.settings.greeting;
        if self.settings.trust.contains(client) {
            return Ok(Decision::Pass);
        }
        if logic::matches_any(&self.settings.deny.names, name) {
            metrics::add("denied", 1, &[]);
            return Ok(Decision::reject(
                550,
                (5, 7, 1),
                self.settings.deny.text.as_str(),
            ));
        }
        if conn.identity().is_some() {
            return Ok(Decision::Pass);
        }
        let protocol = conn.protocol().name();
        let fault =
            logic::early_fault(&self.settings.early, protocol, conn.counter("early-octets"));
        let early = match fault {
            Some(fault) => punish(&fault, name)?,
            None => Decision::Pass,
        };
        if !matches!(early, Decision::Pass) {
            return Ok(early);
        }
        if !greeting.protocols.iter().any(|checked| checked == protocol) {
            return Ok(Decision::Pass);
        }
        let local = IpAddr::from(conn.local().address);
        let mut unavailable = None;
        let ours = |host: &str| {
            directory::domain_is_local(host).unwrap_or_else(|error| {
                unavailable = Some(error);
                false
            })
        };
        let fault = logic::greeting_fault(greeting, client, local, name, ours);
        if let Some(error) = unavailable {
            return Err(error.into());
        }
        fault.map_or(Ok(Decision::Pass), |fault| punish(&fault, name))
    }
}

/// What the settings say becomes of a fault.
fn punish(fault: &Fault, name: &str) -> Result<Decision, HookError> {
    match fault.measure {
        Measure::Off => {}
        Measure::Tag => findings::add(fault.symbol, 1.0, &[name.to_owned()])?,
        Measure::Defer => return Ok(Decision::defer(450, (4, 7, 1), fault.text)),
        Measure::Reject => return Ok(Decision::reject(550, (5, 7, 1), fault.text)),
    }
    Ok(Decision::Pass)
}

waxwing_plugin::export!(Access: connect, ehlo);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Access>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
