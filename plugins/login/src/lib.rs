//! Who may log in: verifies through the directory, slows guessing down and locks it out, for every protocol.
//!
//! Hooks: authenticate and login. Host calls: credentials, kv (counters of failures, known networks).
//! README.md has the settings and tells how strangers are kept from locking an owner out.
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

use logic::{Counted, Keys, Measure};
use settings::Settings;
use std::net::IpAddr;
use waxwing_plugin::prelude::*;

const DAY_MS: u64 = 86_400_000;

/// The plugin.
#[derive(Debug)]
pub struct Login {
    settings: Settings,
}

impl Plugin for Login {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn self_test(&self) -> Vec<SelfTest> {
        let first = logic::measure(&self.settings, Counted::default());
        vec![SelfTest::equal(
            "a first attempt is not held up",
            &first,
            &Measure::Pass,
        )]
    }
}

impl Login {
    /// The keys of this attempt; none from a trusted network. Whoever gives no name, or what can be none, has shown a token that is
    /// nobody's: such attempts count as those of one account that there is not.
    fn keys(&self, conn: &Connection, user: &str) -> Option<Keys> {
        let client = IpAddr::from(conn.client().address);
        if self.settings.trust.contains(client) {
            return None;
        }
        let account = logic::account_of(&self.settings, user).unwrap_or_default();
        Some(Keys::new(
            &account,
            &self.settings.network.network_of(client).to_string(),
        ))
    }

    fn window_ms(&self) -> u64 {
        self.settings.window_minutes.saturating_mul(60_000)
    }

    /// What is counted so far.
    fn counted(&self, keys: &Keys, known: bool) -> Result<Counted, HookError> {
        let counters = [&keys.pair, &keys.network, &keys.account].map(Clone::clone);
        let sums = kv::counters(kv::Area::Plugin, &counters)?;
        Ok(Counted::of(&sums, known))
    }

    /// Counts a failure; gives what was counted before it.
    fn count(&self, keys: &Keys, known: bool) -> Result<Counted, HookError> {
        // What the owner's own devices do wrong must not lock the account for his other places.
        let of_account = i64::from(!known);
        let more = [
            (&keys.pair, 1),
            (&keys.network, 1),
            (&keys.account, of_account),
        ]
        .map(|(key, more)| (key.clone(), more));
        let sums = kv::increment_many(kv::Area::Plugin, &more, Some(self.window_ms()))?;
        let before: Vec<i64> = sums
            .iter()
            .zip(&more)
            .map(|(sum, (_, more))| sum - more)
            .collect();
        Ok(Counted::of(&before, known))
    }

    /// Whether the account logged in over POP3 a moment ago; else it is noted that it does now.
    fn too_soon(&self, conn: &Connection, who: &Identity) -> Result<bool, HookError> {
        let delay = self.settings.pop3_login_delay;
        if delay == 0 || conn.protocol().name() != "pop3" {
            return Ok(false);
        }
        let key = format!("pop3/{}", who.account);
        if kv::get(kv::Area::Plugin, &key)?.is_some() {
            return Ok(true);
        }
        kv::set(
            kv::Area::Plugin,
            &key,
            b"",
            Some(delay.saturating_mul(1_000)),
        )?;
        Ok(false)
    }

    /// The login is refused: too many have failed.
    fn lock(&self, conn: &Connection, user: &str, why: &str) -> LoginDecision {
        metrics::add("locked_out", 1, &[]);
        let fields = [
            ("user".to_owned(), user.to_owned()),
            ("client".to_owned(), conn.client_text()),
        ];
        log::log(
            log::Level::Warn,
            &format!("login locked out: {why}"),
            &fields,
        );
        self.locked()
    }

    /// What who is locked out is told.
    fn locked(&self) -> LoginDecision {
        if self.settings.tell {
            LoginDecision::RefuseWith("Too many failed logins; try again later".to_owned())
        } else {
            LoginDecision::Refuse
        }
    }
}

impl OnLogin for Login {
    fn before(
        &self,
        conn: &Connection,
        user: &str,
        _mechanism: &str,
    ) -> Result<LoginDecision, HookError> {
        let Some(keys) = self.keys(conn, user) else {
            return Ok(LoginDecision::Pass);
        };
        let known = kv::get(kv::Area::Plugin, &keys.known)?.is_some();
        let counted = self.counted(&keys, known)?;
        Ok(match logic::measure(&self.settings, counted) {
            Measure::Pass => LoginDecision::Pass,
            Measure::Delay(wait) => LoginDecision::DelayMs(wait),
            Measure::Lock(why) => self.lock(conn, user, why),
        })
    }

    fn after(&self, conn: &Connection, who: &Identity) -> Result<LoginDecision, HookError> {
        if self.too_soon(conn, who)? {
            // RFC 2449 §8.1.1: with its code, so that the client waits and does not ask for another password.
            let text = "[LOGIN-DELAY] You have just looked for mail; wait a little";
            return Ok(LoginDecision::RefuseWith(text.to_owned()));
        }
        let Some(keys) = self.keys(conn, &who.account) else {
            return Ok(LoginDecision::Pass);
        };
        let known = kv::get(kv::Area::Plugin, &keys.known)?;
        // Guesses that are made side by side all pass `before`. Whichever of them is right has its place among those that are wrong,
        // by the counters, which count one after the other: behind the last that is allowed it is as good as they are.
        let counted = self.counted(&keys, known.is_some())?;
        if let Measure::Lock(why) = logic::measure(&self.settings, counted) {
            return Ok(self.lock(conn, &who.account, why));
        }
        let now = runtime::unix_ms();
        let since = known
            .and_then(|known| known.value.try_into().ok())
            .map(u64::from_be_bytes);
        // Once a day is enough: a value is written to disk, and clients log in all the time.
        if since.is_none_or(|since| now.saturating_sub(since) >= DAY_MS) {
            let lasting = self.settings.known_days.saturating_mul(DAY_MS);
            kv::set(
                kv::Area::Plugin,
                &keys.known,
                &now.to_be_bytes(),
                Some(lasting),
            )?;
        }
        if counted.pair > 0 {
            kv::delete(kv::Area::Plugin, &keys.pair)?;
        }
        Ok(LoginDecision::Pass)
    }

    fn failed(
        &self,
        conn: &Connection,
        user: &str,
        _mechanism: &str,
    ) -> Result<LoginDecision, HookError> {
        metrics::add("failures", 1, &[]);
        let Some(keys) = self.keys(conn, user) else {
            return Ok(LoginDecision::Pass);
        };
        let known = kv::get(kv::Area::Plugin, &keys.known)?.is_some();
        let before = self.count(&keys, known)?;
        // What is right at this place is refused, too, and is told the same.
        Ok(match logic::measure(&self.settings, before) {
            Measure::Lock(_) if self.settings.tell => self.locked(),
            _ => LoginDecision::Pass,
        })
    }
}

impl OnAuthenticate for Login {
    fn check(&self, _conn: &Connection, creds: &Credentials) -> Result<Authenticated, HookError> {
        let Some(user) = logic::account_of(&self.settings, &creds.user()) else {
            return Ok(Authenticated::Failure);
        };
        let account = match creds.verify(&user)? {
            credentials::Verification::Account(account) => account,
            credentials::Verification::Wrong => return Ok(Authenticated::Failure),
            credentials::Verification::Unknown => return Ok(Authenticated::UnknownUser),
        };
        // RFC 4422 §2: acting as somebody else needs his consent, for which there is no way here.
        let other = creds.authorise_as();
        if !other.is_empty() && logic::account_of(&self.settings, &other).as_ref() != Some(&account)
        {
            return Ok(Authenticated::Failure);
        }
        Ok(Authenticated::Success(Identity {
            authorised_as: account.clone(),
            account,
            mechanism: creds.mechanism(),
        }))
    }
}

waxwing_plugin::export!(Login: authenticate, login);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Login>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
