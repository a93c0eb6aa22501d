//! What policy needs of the rest of the server: the directory, the key-value store, the DNS, HTTP and password hashing behind the host
//! calls of those names.
//!
//! The host implements it over its store, tests in memory. Every call is recorded by the caller, not here.

pub(crate) mod dns;
pub(crate) mod http;
pub(crate) mod kv;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use waxwing_mail::{Address, Protocol};

use self::dns::{DnsQuestion, LookUp};
use self::http::{Exchange, HttpRequest};
pub use self::kv::{BucketState, KeyValues, Space, Versioned};

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

/// What a password is verified for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Somebody is to be let in, who comes from there: what is good once is used up.
    Login(IpAddr),
    /// A step is tried out: all stays as it is.
    Trial,
}

/// The outcome of verifying a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Right: the account's address.
    Account(String),
    /// The account exists, the password is another.
    Wrong,
    /// The account exists and the password is its own, but a one-time code is wanted with it. To plugins it is [`Verification::Wrong`].
    CodeMissing,
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

/// What an account answers while somebody is away (RFC 8621 §8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vacation {
    /// It is switched on.
    pub enabled: bool,
    /// From when on, milliseconds since 1970.
    pub from: Option<u64>,
    /// Until before when.
    pub to: Option<u64>,
    /// The subject.
    pub subject: Option<String>,
    /// The body as a text.
    pub text: Option<String>,
    /// The body as HTML.
    pub html: Option<String>,
    /// Rises with each change.
    pub version: u64,
}

/// The directory, the key-value store, what lies beyond the server, and the clock.
pub trait Services: KeyValues {
    /// The clock that plugins read: milliseconds since 1970.
    fn unix_ms(&self) -> u64 {
        crate::capability::unix_ms()
    }
    /// Whether this server is responsible for a domain (lower-case A-labels).
    fn domain_is_local<'a>(&'a self, domain: &'a str) -> Pending<'a, bool>;
    /// What this very address is; the local part `*` asks for the catch-all.
    fn look_up<'a>(&'a self, address: &'a Address) -> Pending<'a, Entry>;
    /// Whether `password` is one of `user`, an account's address, that is good for a protocol.
    fn verify<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        protocol: Protocol,
        aim: Aim,
    ) -> Pending<'a, Verification>;
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
    /// What an account answers while somebody is away.
    fn vacation<'a>(&'a self, account: &'a str) -> Pending<'a, Vacation>;
    /// The addresses that an account sends under.
    fn addresses<'a>(&'a self, account: &'a str) -> Pending<'a, Vec<String>>;

    /// Asks the DNS.
    fn resolve<'a>(&'a self, question: &'a DnsQuestion) -> LookUp<'a>;
    /// Sends a request.
    fn fetch(&self, request: HttpRequest) -> Exchange<'_>;
    /// A new hash of a password.
    fn hash_password<'a>(&'a self, password: &'a str) -> Pending<'a, String>;
    /// Whether a password is the one that was hashed.
    fn password_matches<'a>(&'a self, stored: &'a str, password: &'a str) -> Pending<'a, bool>;
}
