//! How much an account and a domain may hold, in octets and messages, with a soft limit and days of grace.
//!
//! Hooks: quota, quota-limits. Host calls: directory (limits set with `waxwing account quota`, a domain's usage), kv (since when an
//! account is above its soft limit), runtime. README.md has the settings.
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

use logic::{Amount, Grace, Level, domain_of, grace, level};
use settings::{Limit, Settings};
use waxwing_plugin::prelude::*;
use waxwing_plugin::settings::Size;

/// The plugin.
#[derive(Debug)]
pub struct Quota {
    settings: Settings,
}

impl Plugin for Quota {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn self_test(&self) -> Vec<SelfTest> {
        let nothing = level(
            self.settings.account,
            self.settings.soft_percent,
            Amount::default(),
        );
        vec![SelfTest::equal(
            "an empty account is within its limit",
            &nothing,
            &Level::Within,
        )]
    }
}

impl Quota {
    /// What the administrator set for the account, and for what he left open, the settings.
    fn limit_of(&self, account: &str) -> Result<Limit, HookError> {
        let own = directory::account_limits(account)?;
        let own = Limit {
            bytes: own.bytes.map(Size),
            messages: own.messages,
        };
        Ok(own.or(self.settings.of_account(account)))
    }

    /// Whether grace holds for an account or a domain that is above its soft limit now.
    fn grace(&self, who: &str) -> Result<Grace, HookError> {
        let key = format!("over/{who}");
        let now = runtime::unix_ms();
        let since = kv::get(kv::Area::Plugin, &key)?.and_then(|since| since.value.try_into().ok());
        let state = grace(since.map(u64::from_be_bytes), now, self.settings.grace_days);
        if state == Grace::Begins {
            // Forgotten some time after it ended, so that a new excess has a new grace period.
            let lasting = self.settings.grace_days.saturating_mul(2 * 86_400_000);
            kv::set(kv::Area::Plugin, &key, &now.to_be_bytes(), Some(lasting))?;
            log::log(
                log::Level::Info,
                "above the soft limit; grace begins",
                &[("who".to_owned(), who.to_owned())],
            );
        }
        Ok(state)
    }

    /// Below the soft limit again: what comes next has a new grace period.
    fn forget(&self, who: &str) -> Result<(), HookError> {
        let key = format!("over/{who}");
        if kv::get(kv::Area::Plugin, &key)?.is_some() {
            kv::delete(kv::Area::Plugin, &key)?;
        }
        Ok(())
    }

    fn judge(
        &self,
        of: &Holder<'_>,
        amount: Amount,
        operation: Operation,
    ) -> Result<QuotaDecision, HookError> {
        let soft = self.settings.soft_percent;
        // What its owner files himself is held to the limit only: grace is about mail.
        let mail = operation == Operation::Deliver;
        match level(of.limit, soft, amount) {
            Level::Over => Ok(QuotaDecision::Over(format!(
                "{} is over its quota",
                of.words
            ))),
            Level::Soft if mail && self.grace(of.who)? == Grace::Over => {
                Ok(QuotaDecision::OverTemporary(format!(
                    "{} is over its quota; try again later",
                    of.words
                )))
            }
            Level::Within if soft < 100 && mail => {
                self.forget(of.who)?;
                Ok(QuotaDecision::Pass)
            }
            Level::Soft | Level::Within => Ok(QuotaDecision::Pass),
        }
    }
}

/// Whose quota it is: an account or a domain.
struct Holder<'a> {
    who: &'a str,
    /// What the user reads.
    words: &'static str,
    limit: Limit,
}

impl OnQuota for Quota {
    fn check(&self, call: QuotaCall<'_>) -> Result<QuotaDecision, HookError> {
        if matches!(call.operation, Operation::Send) {
            return Ok(QuotaDecision::Pass);
        }
        let amount = |usage: Usage| Amount {
            bytes: usage.bytes,
            messages: usage.messages,
        };
        let adding = amount(call.adding);
        let account = Holder {
            who: call.account,
            words: "The mailbox",
            limit: self.limit_of(call.account)?,
        };
        if !account.limit.is_none() {
            let decision =
                self.judge(&account, amount(call.current).plus(adding), call.operation)?;
            if !matches!(decision, QuotaDecision::Pass) {
                return Ok(decision);
            }
        }
        let domain = domain_of(call.account);
        let domain = Holder {
            who: domain,
            words: "The domain",
            limit: self.settings.of_domain(domain),
        };
        if domain.limit.is_none() {
            return Ok(QuotaDecision::Pass);
        }
        let held = amount(directory::domain_usage(domain.who)?);
        self.judge(&domain, held.plus(adding), call.operation)
    }
}

impl OnQuotaLimits for Quota {
    /// The account's own root. The domain's is not told: what it holds is what others hold.
    fn limits_of(&self, account: &str) -> Result<Vec<QuotaRoot>, HookError> {
        let limit = self.limit_of(account)?;
        Ok(vec![QuotaRoot {
            name: account.to_owned(),
            held: None,
            limits: Limits {
                bytes: limit.bytes.map(|size| size.0),
                messages: limit.messages,
            },
        }])
    }
}

waxwing_plugin::export!(Quota: quota, quota_limits);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Quota>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
