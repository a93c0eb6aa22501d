//! Services in memory: what a plugin's self-test sees at load (an empty server), and what tests fill.
//!
//! Not a store: nothing lasts, and passwords are kept as they are given. Not a network: what nobody put there is not there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use waxwing_mail::{Address, Protocol};

use crate::services::dns::{DnsAnswer, DnsOutcome, DnsQuestion, DnsSecurity, LookUp};
use crate::services::http::{Exchange, HttpFailure, HttpRequest, HttpResponse};
use crate::services::kv::{Bucket, Events};
use crate::services::{
    Aim, BucketState, Entry, KeyValues, Limits, Pending, ServiceError, Services, Space, Usage,
    Vacation, Verification, Versioned,
};

/// Directory, key-value store and a world around the server, in memory.
#[derive(Debug, Default)]
pub struct MemoryServices {
    state: Mutex<State>,
    unavailable: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    domains: BTreeSet<String>,
    accounts: BTreeMap<String, Account>,
    /// Passwords of any account that are good for one login.
    once: BTreeSet<String>,
    aliases: BTreeMap<String, Vec<Address>>,
    values: HashMap<String, BTreeMap<String, Value>>,
    records: HashMap<(String, u16), DnsAnswer>,
    responses: HashMap<String, HttpResponse>,
    fetched: Vec<HttpRequest>,
    now: Duration,
    /// What `now` is counted from, if this server's clock is not the machine's.
    begin: Option<Duration>,
}

/// An account.
#[derive(Debug, Default, Clone)]
struct Account {
    password: String,
    limits: Limits,
    usage: Usage,
    mailboxes: BTreeSet<String>,
    vacation: Vacation,
    identities: Vec<String>,
}

#[derive(Debug, Clone)]
struct Value {
    octets: Bytes,
    version: u64,
    expires: Option<Duration>,
    bucket: Bucket,
    events: Events,
}

impl MemoryServices {
    /// An empty server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a domain.
    pub fn add_domain(&self, domain: &str) {
        self.state().domains.insert(domain.to_owned());
    }

    /// Adds an account, and its domain.
    pub fn add_account(&self, address: &str, password: &str) {
        if let Some((_, domain)) = address.rsplit_once('@') {
            self.add_domain(domain);
        }
        let account = Account {
            password: password.to_owned(),
            ..Account::default()
        };
        self.state().accounts.insert(address.to_owned(), account);
    }

    /// Adds a password of any account that is good for one login.
    pub fn add_once(&self, password: &str) {
        self.state().once.insert(password.to_owned());
    }

    /// Adds an alias.
    pub fn add_alias(&self, address: &str, targets: Vec<Address>) {
        self.state().aliases.insert(address.to_owned(), targets);
    }

    /// Sets what an account may hold and holds.
    pub fn set_usage(&self, address: &str, limits: Limits, usage: Usage) {
        if let Some(account) = self.state().accounts.get_mut(address) {
            account.limits = limits;
            account.usage = usage;
        }
    }

    /// Sets what an account answers while somebody is away, and under which addresses it sends beside its own.
    pub fn set_vacation(&self, address: &str, vacation: Vacation, identities: Vec<String>) {
        if let Some(account) = self.state().accounts.get_mut(address) {
            account.vacation = vacation;
            account.identities = identities;
        }
    }

    /// Gives an account a mailbox.
    pub fn add_mailbox(&self, address: &str, path: &str) {
        if let Some(account) = self.state().accounts.get_mut(address) {
            account.mailboxes.insert(path.to_owned());
        }
    }

    /// Puts an answer into the DNS: for a name without its last dot and the number of a type. Other types of the name have no data then.
    pub fn add_answer(&self, name: &str, kind: u16, answer: DnsAnswer) {
        self.state().records.insert((name.to_owned(), kind), answer);
    }

    /// Puts a response where requests to `https://host:port/path?query` find it.
    pub fn add_response(&self, url: &str, response: HttpResponse) {
        self.state().responses.insert(url.to_owned(), response);
    }

    /// The requests so far, as they were to be sent.
    #[must_use]
    pub fn fetched(&self) -> Vec<HttpRequest> {
        self.state().fetched.clone()
    }

    /// Moves this server's clock, by which keys expire and buckets fill.
    pub fn advance(&self, by: Duration) {
        self.state().now += by;
    }

    /// Lets this server's clock begin at a time since 1970, instead of being the machine's.
    pub fn set_clock(&self, begin: Duration) {
        self.state().begin = Some(begin);
    }

    /// Whether directory and key-values fail.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::Relaxed);
    }

    /// An answer that is there already, unless nothing answers.
    fn ready<'a, T: Send + 'a>(&self, value: T) -> Pending<'a, T> {
        let answer = if self.unavailable.load(Ordering::Relaxed) {
            Err(ServiceError::Unavailable(
                "the server does not answer".to_owned(),
            ))
        } else {
            Ok(value)
        };
        Box::pin(std::future::ready(answer))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_with<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        read(&mut self.state())
    }
}

impl State {
    fn space(&mut self, space: Space<'_>) -> &mut BTreeMap<String, Value> {
        let now = self.now;
        let name = format!("{}\0{}", space.plugin, space.domain.unwrap_or_default());
        let values = self.values.entry(name).or_default();
        values.retain(|_, value| value.expires.is_none_or(|expires| expires > now));
        values
    }

    /// The value of a key, made if there is none.
    fn slot(&mut self, space: Space<'_>, key: &str, ttl: Option<Duration>) -> &mut Value {
        let now = self.now;
        self.space(space)
            .entry(key.to_owned())
            .or_insert_with(|| Value {
                octets: Bytes::new(),
                version: 0,
                expires: ttl.map(|ttl| now + ttl),
                bucket: Bucket {
                    level: f64::INFINITY,
                    at: now,
                },
                events: Events::default(),
            })
    }

    fn set(&mut self, space: Space<'_>, key: &str, octets: &[u8], ttl: Option<Duration>) -> u64 {
        let expires = ttl.map(|ttl| self.now + ttl);
        let value = self.slot(space, key, None);
        value.octets = Bytes::copy_from_slice(octets);
        value.expires = expires;
        value.version += 1;
        value.version
    }
}

impl State {
    fn add(&mut self, space: Space<'_>, key: &str, delta: i64, ttl: Option<Duration>) -> i64 {
        let value = self.slot(space, key, ttl);
        let sum = value.number().saturating_add(delta);
        value.octets = sum.to_string().into();
        value.version += 1;
        sum
    }
}

impl Value {
    /// What it counts.
    fn number(&self) -> i64 {
        std::str::from_utf8(&self.octets)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }
}

impl Services for MemoryServices {
    fn unix_ms(&self) -> u64 {
        let state = self.state();
        match state.begin {
            Some(begin) => u64::try_from((begin + state.now).as_millis()).unwrap_or(u64::MAX),
            None => crate::capability::unix_ms(),
        }
    }

    fn domain_is_local<'a>(&'a self, domain: &'a str) -> Pending<'a, bool> {
        self.ready(self.state().domains.contains(domain))
    }

    fn look_up<'a>(&'a self, address: &'a Address) -> Pending<'a, Entry> {
        let address = address.to_string().to_lowercase();
        self.ready(self.now_with(|state| {
            if state.accounts.contains_key(&address) {
                Entry::Account(address.clone())
            } else {
                state
                    .aliases
                    .get(&address)
                    .map_or(Entry::None, |targets| Entry::Alias(targets.clone()))
            }
        }))
    }

    fn verify<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        _protocol: Protocol,
        aim: Aim,
    ) -> Pending<'a, Verification> {
        let mut state = self.state();
        let once = state.once.contains(password);
        self.ready(match state.accounts.get(user) {
            None => Verification::Unknown,
            Some(_) if once => {
                if aim != Aim::Trial && !self.unavailable.load(Ordering::Relaxed) {
                    state.once.remove(password);
                }
                Verification::Account(user.to_owned())
            }
            Some(account) if account.password == password => Verification::Account(user.to_owned()),
            Some(_) => Verification::Wrong,
        })
    }

    fn owns<'a>(&'a self, account: &'a str, address: &'a Address) -> Pending<'a, bool> {
        let address = address.to_string().to_lowercase();
        self.ready(self.now_with(|state| {
            let mut ahead = vec![address];
            for _ in 0..10 {
                let Some(next) = ahead.pop() else { break };
                if next == account {
                    return true;
                }
                if let Some(targets) = state.aliases.get(&next) {
                    ahead.extend(targets.iter().map(ToString::to_string));
                }
            }
            false
        }))
    }

    fn vacation<'a>(&'a self, account: &'a str) -> Pending<'a, Vacation> {
        let found = self.now_with(|state| state.accounts.get(account).cloned());
        self.ready(found.unwrap_or_default().vacation)
    }

    fn addresses<'a>(&'a self, account: &'a str) -> Pending<'a, Vec<String>> {
        let found = self.now_with(|state| state.accounts.get(account).cloned());
        let identities = found.unwrap_or_default().identities;
        let own = std::iter::once(account.to_owned());
        self.ready(own.chain(identities).collect())
    }

    fn account_limits<'a>(&'a self, account: &'a str) -> Pending<'a, Limits> {
        self.ready(
            self.state()
                .accounts
                .get(account)
                .map(|account| account.limits)
                .unwrap_or_default(),
        )
    }

    fn account_usage<'a>(&'a self, account: &'a str) -> Pending<'a, Usage> {
        self.ready(
            self.state()
                .accounts
                .get(account)
                .map(|account| account.usage)
                .unwrap_or_default(),
        )
    }

    fn domain_usage<'a>(&'a self, domain: &'a str) -> Pending<'a, Usage> {
        let mut sum = Usage::default();
        for (address, account) in &self.state().accounts {
            if address
                .rsplit_once('@')
                .is_some_and(|(_, other)| other == domain)
            {
                sum.bytes += account.usage.bytes;
                sum.messages += account.usage.messages;
            }
        }
        self.ready(sum)
    }

    fn mailbox_exists<'a>(&'a self, account: &'a str, path: &'a str) -> Pending<'a, bool> {
        self.ready(
            self.state()
                .accounts
                .get(account)
                .is_some_and(|account| account.mailboxes.contains(path)),
        )
    }

    fn resolve<'a>(&'a self, question: &'a DnsQuestion) -> LookUp<'a> {
        let state = self.state();
        let key = (question.name.clone(), question.kind);
        let known = || state.records.keys().any(|(name, _)| *name == question.name);
        let answer = match state.records.get(&key) {
            Some(answer) => answer.clone(),
            None if known() => DnsAnswer::without(DnsOutcome::NoData, DnsSecurity::Insecure),
            None => DnsAnswer::without(DnsOutcome::NoSuchName, DnsSecurity::Insecure),
        };
        Box::pin(std::future::ready(answer))
    }

    fn fetch(&self, request: HttpRequest) -> Exchange<'_> {
        let scheme = if request.secure { "https" } else { "http" };
        let url = format!(
            "{scheme}://{}:{}{}",
            request.host, request.port, request.target
        );
        let mut state = self.state();
        let response = match state.responses.get(&url) {
            Some(response) if response.body.len() > request.max_response => {
                Err(HttpFailure::TooLarge)
            }
            Some(response) => Ok(response.clone()),
            None => Err(HttpFailure::Unreachable(format!("nothing is at {url}"))),
        };
        state.fetched.push(request);
        Box::pin(std::future::ready(response))
    }

    fn hash_password<'a>(&'a self, password: &'a str) -> Pending<'a, String> {
        self.ready(format!("plain:{password}"))
    }

    fn password_matches<'a>(&'a self, stored: &'a str, password: &'a str) -> Pending<'a, bool> {
        match stored.strip_prefix("plain:") {
            Some(stored) => self.ready(stored == password),
            None => Box::pin(std::future::ready(Err(ServiceError::Unsupported(
                "no hash of this pretended server".into(),
            )))),
        }
    }
}

impl KeyValues for MemoryServices {
    fn kv_get<'a>(
        &'a self,
        space: Space<'a>,
        keys: &'a [String],
    ) -> Pending<'a, Vec<Option<Versioned>>> {
        let mut state = self.state();
        let values = state.space(space);
        self.ready(
            keys.iter()
                .map(|key| {
                    values.get(key).map(|value| Versioned {
                        value: value.octets.clone(),
                        version: value.version,
                    })
                })
                .collect(),
        )
    }

    fn kv_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, u64> {
        self.ready(self.state().set(space, key, value, ttl))
    }

    fn kv_set_many<'a>(
        &'a self,
        space: Space<'a>,
        values: &'a [(String, Vec<u8>)],
        ttl: Option<Duration>,
    ) -> Pending<'a, ()> {
        let mut state = self.state();
        for (key, value) in values {
            state.set(space, key, value, ttl);
        }
        self.ready(())
    }

    fn kv_compare_and_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        expected: u64,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, Option<u64>> {
        let mut state = self.state();
        let stored = state.space(space).get(key).map_or(0, |value| value.version);
        self.ready((stored == expected).then(|| state.set(space, key, value, ttl)))
    }

    fn kv_delete<'a>(&'a self, space: Space<'a>, key: &'a str) -> Pending<'a, ()> {
        self.state().space(space).remove(key);
        self.ready(())
    }

    fn kv_increment<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        delta: i64,
        ttl: Option<Duration>,
    ) -> Pending<'a, i64> {
        self.ready(self.state().add(space, key, delta, ttl))
    }

    fn kv_increment_many<'a>(
        &'a self,
        space: Space<'a>,
        deltas: &'a [(String, i64)],
        ttl: Option<Duration>,
    ) -> Pending<'a, Vec<i64>> {
        let mut state = self.state();
        let sums = deltas
            .iter()
            .map(|(key, delta)| state.add(space, key, *delta, ttl))
            .collect();
        self.ready(sums)
    }

    fn kv_counters<'a>(&'a self, space: Space<'a>, keys: &'a [String]) -> Pending<'a, Vec<i64>> {
        let mut state = self.state();
        let values = state.space(space);
        let counters = keys
            .iter()
            .map(|key| values.get(key).map_or(0, Value::number))
            .collect();
        self.ready(counters)
    }

    fn kv_take<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        cost: f64,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, BucketState> {
        let mut state = self.state();
        let now = state.now;
        let value = state.slot(space, key, None);
        self.ready(value.bucket.take((cost, capacity, refill_per_second), now))
    }

    fn kv_level<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, f64> {
        let mut state = self.state();
        let now = state.now;
        let bucket = state.space(space).get(key).map(|value| value.bucket);
        let level = bucket.map(|bucket| bucket.level(capacity, refill_per_second, now));
        self.ready(level.unwrap_or(capacity))
    }

    fn kv_count_window<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, u64> {
        let mut state = self.state();
        let now = state.now;
        let value = state.slot(space, key, None);
        self.ready(value.events.count(window, now))
    }

    fn kv_events<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, Vec<(Duration, u64)>> {
        let mut state = self.state();
        let now = state.now;
        let events = state
            .space(space)
            .get(key)
            .map(|value| value.events.ages(window, now));
        self.ready(events.unwrap_or_default())
    }

    fn kv_keys<'a>(
        &'a self,
        space: Space<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Pending<'a, Vec<String>> {
        let mut state = self.state();
        self.ready(
            state
                .space(space)
                .keys()
                .filter(|key| {
                    key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
                })
                .take(limit as usize)
                .cloned()
                .collect(),
        )
    }
}
