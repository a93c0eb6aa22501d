//! What policy needs of the rest of the server: the directory, the key-value store, the DNS, HTTP and password hashing behind the host
//! calls of those names.
//!
//! The host implements it over its store, tests in memory. Every call is recorded by the caller, not here.

pub(crate) mod dns;
pub(crate) mod http;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use waxwing_mail::Address;

use self::dns::{DnsQuestion, LookUp};
use self::http::{Exchange, HttpRequest};

/// The answer of a service, in time.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, ServiceError>> + Send + 'a>>;

/// Why a service gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// It did not answer; asking again may help.
    #[error("{0}")]
    Unavailable(String),
    /// A key or a value is larger than it takes.
    #[error("the key or the value is too large")]
    TooLarge,
    /// What it was given is nothing that it can work with.
    #[error("{0}")]
    Unsupported(String),
}

/// What an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Neither account nor alias has this very address.
    None,
    /// The account of this address.
    Account(String),
    /// An alias, and where it leads.
    Alias(Vec<Address>),
}

/// The outcome of verifying a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Right: the account's address.
    Account(String),
    /// The account exists, the password is another.
    Wrong,
    /// There is no such account; as slow as [`Verification::Wrong`].
    Unknown,
}

/// Octets and messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Octets of all messages.
    pub bytes: u64,
    /// How many messages.
    pub messages: u64,
}

/// What may be kept; none is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Octets.
    pub bytes: Option<u64>,
    /// Messages.
    pub messages: Option<u64>,
}

/// Whose keys of the key-value store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space<'a> {
    /// The step's name.
    pub plugin: &'a str,
    /// The domain; none for the plugin's keys of the whole server.
    pub domain: Option<&'a str>,
}

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The octets.
    pub value: Bytes,
    /// From 1; every change raises it.
    pub version: u64,
}

/// A token bucket after a try to take from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketState {
    /// Whether the tokens were there, and taken.
    pub allowed: bool,
    /// What is left.
    pub remaining: f64,
    /// When they will be there, if they were not.
    pub retry_after: Duration,
}

/// The directory, the key-value store, what lies beyond the server, and the clock.
pub trait Services: Send + Sync + 'static {
    /// The clock that plugins read: milliseconds since 1970.
    fn unix_ms(&self) -> u64 {
        crate::capability::unix_ms()
    }
    /// Whether this server is responsible for a domain (lower-case A-labels).
    fn domain_is_local<'a>(&'a self, domain: &'a str) -> Pending<'a, bool>;
    /// What this very address is; the local part `*` asks for the catch-all.
    fn look_up<'a>(&'a self, address: &'a Address) -> Pending<'a, Entry>;
    /// Whether `password` is the one of `user`, an account's address.
    fn verify<'a>(&'a self, user: &'a str, password: &'a str) -> Pending<'a, Verification>;
    /// Whether the address is the account's own or an alias that leads to it.
    fn owns<'a>(&'a self, account: &'a str, address: &'a Address) -> Pending<'a, bool>;
    /// The limits that the administrator set for an account.
    fn account_limits<'a>(&'a self, account: &'a str) -> Pending<'a, Limits>;
    /// What an account holds.
    fn account_usage<'a>(&'a self, account: &'a str) -> Pending<'a, Usage>;
    /// What all accounts of a domain hold.
    fn domain_usage<'a>(&'a self, domain: &'a str) -> Pending<'a, Usage>;
    /// Whether an account has a mailbox of this path.
    fn mailbox_exists<'a>(&'a self, account: &'a str, path: &'a str) -> Pending<'a, bool>;

    /// The values of keys, in their order.
    fn kv_get<'a>(
        &'a self,
        space: Space<'a>,
        keys: &'a [String],
    ) -> Pending<'a, Vec<Option<Versioned>>>;
    /// Sets a value; gives its version.
    fn kv_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, u64>;
    /// Sets many values: all, or on an error none.
    fn kv_set_many<'a>(
        &'a self,
        space: Space<'a>,
        values: &'a [(String, Vec<u8>)],
        ttl: Option<Duration>,
    ) -> Pending<'a, ()>;
    /// Sets a value if the stored version is `expected` (0: there is none); none if it was not.
    fn kv_compare_and_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        expected: u64,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, Option<u64>>;
    /// Removes a key of any kind.
    fn kv_delete<'a>(&'a self, space: Space<'a>, key: &'a str) -> Pending<'a, ()>;
    /// Adds to a counter; gives the sum.
    fn kv_increment<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        delta: i64,
        ttl: Option<Duration>,
    ) -> Pending<'a, i64>;
    /// Adds to many counters; gives the sums in their order.
    fn kv_increment_many<'a>(
        &'a self,
        space: Space<'a>,
        deltas: &'a [(String, i64)],
        ttl: Option<Duration>,
    ) -> Pending<'a, Vec<i64>>;
    /// Many counters in their order; 0 where there is none.
    fn kv_counters<'a>(&'a self, space: Space<'a>, keys: &'a [String]) -> Pending<'a, Vec<i64>>;
    /// Takes from a token bucket.
    fn kv_take<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        cost: f64,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, BucketState>;
    /// Counts an event; gives how many fell within the window.
    fn kv_count_window<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, u64>;
    /// Keys with a prefix after a key, in their order.
    fn kv_keys<'a>(
        &'a self,
        space: Space<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Pending<'a, Vec<String>>;

    /// Asks the DNS.
    fn resolve<'a>(&'a self, question: &'a DnsQuestion) -> LookUp<'a>;
    /// Sends a request.
    fn fetch(&self, request: HttpRequest) -> Exchange<'_>;
    /// A new hash of a password.
    fn hash_password<'a>(&'a self, password: &'a str) -> Pending<'a, String>;
    /// Whether a password is the one that was hashed.
    fn password_matches<'a>(&'a self, stored: &'a str, password: &'a str) -> Pending<'a, bool>;
}
