//! Certificates that the server gets and renews by itself.
//!
//! Standards: RFC 8555 (ACME, by instant-acme), RFC 8737 (tls-alpn-01), RFC 2136 and RFC 8945 (dns-01), RFC 9773 (when to renew).
//! Invariants: one order at a time, among all hosts of a store; what has failed is not tried again before its time is over, restarts
//! included, unless an administrator says so; a certificate is in use as soon as it is written, and the old one until then.
//!
//! The files: `upkeep` (the timed work), `book` (how far each name is), `names` (which there are), `order` (one order), `answers` (what an
//! authority is shown), `update` (records in the DNS), `client` (how it is talked to), `shelf` (what is kept), `schedule` and `trouble` (when
//! again, and why not).

mod answers;
mod book;
mod client;
mod names;
mod order;
mod schedule;
mod shelf;
mod trouble;
mod update;
mod upkeep;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::config::Config;
use crate::publish::Orders;

pub(crate) use answers::routes;
pub(crate) use shelf::Shelf;
pub(crate) use upkeep::run;

use answers::{Pages, possible};
use book::Book;

/// How long an administrator waits for an order at most.
const PATIENCE: Duration = Duration::from_secs(300);

/// What listeners, administration and the timed work share.
pub(crate) struct Acme {
    shelf: Option<Shelf>,
    pages: Pages,
    book: Book,
    /// An administrator wants something at once.
    nudge: Notify,
    /// Rounds of the timed work that are over.
    rounds: watch::Sender<u64>,
}

impl Acme {
    /// For a configuration; nobody is asked yet.
    pub(crate) fn new(config: &Config) -> Self {
        let shelf = Shelf::of(config);
        Self {
            book: Book::open(shelf.as_ref()),
            shelf,
            pages: Pages::default(),
            nudge: Notify::new(),
            rounds: watch::Sender::new(0),
        }
    }

    /// How far each name's certificate is.
    pub(crate) fn status(&self) -> Value {
        self.shelf
            .as_ref()
            .map_or_else(|| Value::Array(Vec::new()), |shelf| self.book.told(shelf))
    }

    /// Orders now, whatever the time; of one name, or of all that lack a certificate. False if there is none such.
    pub(crate) async fn order(&self, name: Option<&str>) -> bool {
        let Some(shelf) = &self.shelf else {
            return false;
        };
        let mut rounds = self.rounds.subscribe();
        if *rounds.borrow() == 0 {
            // The names are not known yet.
            let _closed = rounds.changed().await;
        }
        if !self.book.ask(shelf, name) {
            return false;
        }
        self.nudge.notify_one();
        let done = async { while self.book.is_asked() && rounds.changed().await.is_ok() {} };
        // Who waited too long sees in the list how far it is.
        let _late = timeout(PATIENCE, done).await;
        true
    }
}

/// What the configured authority is called in CAA records (RFC 8659 §4.2), if that is known.
pub(crate) fn issuer(config: &Config) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 5] = [
        (".letsencrypt.org", "letsencrypt.org"),
        (".zerossl.com", "sectigo.com"),
        (".buypass.com", "buypass.com"),
        (".ssl.com", "ssl.com"),
        (".pki.goog", "pki.goog"),
    ];
    let url = url::Url::parse(&config.acme.directory).ok()?;
    let host = url.host_str()?;
    let known = KNOWN.iter().find(|(suffix, _)| host.ends_with(suffix));
    known.map(|(_, issuer)| *issuer)
}

/// What is ordered for the host and for a domain; none where nothing is.
pub(crate) fn orders(config: &Config, domain: &str, has_policy: bool) -> Option<Orders> {
    if config.acme.directory.is_empty() {
        return None;
    }
    let kinds = config.acme.challenges.iter();
    let kinds = kinds.filter(|kind| possible(config, **kind));
    let of_domain = names::of_domain(config, domain, has_policy);
    Some(Orders {
        issuer: issuer(config),
        challenges: kinds.map(|kind| kind.as_str()).collect(),
        names: names::of_host(config)
            .into_iter()
            .chain(of_domain)
            .collect(),
    })
}

/// What is wrong with the configuration as a whole.
pub(crate) fn problem(config: &Config) -> Option<String> {
    let acme = &config.acme;
    let none =
        !acme.directory.is_empty() && !acme.challenges.iter().any(|kind| possible(config, *kind));
    none.then(|| {
        "acme: no challenge can be answered: http-01 needs a listener with protocol http and tls none, tls-alpn-01 one with tls implicit"
            .to_owned()
    })
}
