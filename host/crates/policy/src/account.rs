//! What a step costs for each domain, for as many domains as are worth telling apart.
//!
//! Invariant: the number of entries and of series is bounded, and no stranger can fill them: a domain gets an entry once mail of its own is routed,
//! judged or filed; what is asked about any other is counted together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, counter};
use serde::Serialize;

use crate::hook::Hook;

/// Domains that a step tells apart.
const MAX_DOMAINS: usize = 100;
/// Domains that a listing shows.
const SHOWN: usize = 10;
/// What the rest is called; no domain has this name.
const OTHERS: &str = "(others)";

/// The accounts of a step.
#[derive(Default)]
pub(crate) struct Accounts {
    by_domain: Mutex<HashMap<Arc<str>, Account>>,
}

/// What one domain cost.
struct Account {
    calls: u64,
    faults: u64,
    took: Duration,
    counters: [Counter; 3],
}

/// What calls about one domain cost a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DomainCost {
    /// The domain; `(others)` for all that have no account of their own.
    pub domain: String,
    /// Calls.
    pub calls: u64,
    /// How many of them failed.
    pub faults: u64,
    /// What they took in all, host calls included.
    pub microseconds: u64,
}

impl Accounts {
    /// Counts a call about a domain.
    pub(crate) fn count(
        &self,
        step: &str,
        hook: Hook,
        domain: &Arc<str>,
        failed: bool,
        took: Duration,
    ) {
        let mut accounts = self
            .by_domain
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = accounts.contains_key(domain);
        let name = if known || (is_ours(hook) && accounts.len() < MAX_DOMAINS) {
            domain.clone()
        } else {
            OTHERS.into()
        };
        let account = accounts
            .entry(name)
            .or_insert_with_key(|domain| Account::new(step, domain));
        account.calls += 1;
        account.faults += u64::from(failed);
        account.took += took;
        let [calls, faults, microseconds] = &account.counters;
        calls.increment(1);
        faults.increment(u64::from(failed));
        microseconds.increment(micros(took));
    }

    /// The domains that cost most, the dearest first.
    pub(crate) fn dearest(&self) -> Vec<DomainCost> {
        let accounts = self
            .by_domain
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut costs: Vec<DomainCost> = accounts
            .iter()
            .map(|(domain, account)| DomainCost {
                domain: domain.to_string(),
                calls: account.calls,
                faults: account.faults,
                microseconds: micros(account.took),
            })
            .collect();
        costs.sort_by(|a, b| (b.microseconds, &a.domain).cmp(&(a.microseconds, &b.domain)));
        costs.truncate(SHOWN);
        costs
    }
}

impl Account {
    fn new(step: &str, domain: &str) -> Self {
        let labels = [("plugin", step.to_owned()), ("domain", domain.to_owned())];
        Self {
            calls: 0,
            faults: 0,
            took: Duration::ZERO,
            counters: [
                counter!("waxwing_plugin_domain_calls_total", &labels),
                counter!("waxwing_plugin_domain_faults_total", &labels),
                counter!("waxwing_plugin_domain_microseconds_total", &labels),
            ],
        }
    }
}

/// Whether the domain at this hook is one that policy already said yes to.
fn is_ours(hook: Hook) -> bool {
    matches!(
        hook,
        Hook::Verdict
            | Hook::RouteInbound
            | Hook::Quota
            | Hook::QuotaLimits
            | Hook::Deliver
            | Hook::Mailbox
    )
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_share_an_account_and_the_dearest_come_first() {
        let accounts = Accounts::default();
        let count = |hook, domain: &str, took| {
            accounts.count(
                "step",
                hook,
                &domain.into(),
                false,
                Duration::from_micros(took),
            );
        };
        for n in 0..1000 {
            count(Hook::MailFrom, &format!("{n}.example"), 1);
        }
        count(Hook::Deliver, "ours.example", 5);
        count(Hook::RcptTo, "ours.example", 5000);
        let costs = accounts.dearest();
        let told: Vec<(&str, u64, u64)> = costs
            .iter()
            .map(|cost| (cost.domain.as_str(), cost.calls, cost.microseconds))
            .collect();
        assert_eq!(told, [("ours.example", 2, 5005), ("(others)", 1000, 1000)]);
    }

    #[test]
    fn the_number_of_accounts_is_bounded() {
        let accounts = Accounts::default();
        for n in 0..1000 {
            let domain: Arc<str> = format!("{n}.example").into();
            accounts.count("step", Hook::Deliver, &domain, n % 2 == 0, Duration::ZERO);
        }
        let held = accounts.by_domain.lock().unwrap();
        assert_eq!(held.len(), MAX_DOMAINS + 1);
        assert_eq!(held.get(OTHERS).unwrap().calls, 900);
    }
}
