//! Settings of the outbound plugin; README.md has the table.

use serde::Deserialize;
use std::collections::BTreeMap;
use waxwing_plugin::settings::{Problem, escape_pointer};

/// All settings; each has a default: mail goes to the MX hosts of its domain, with TLS where it is offered.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Ways by the recipient's domain; `*` is for all others.
    pub routes: BTreeMap<String, Route>,
    /// Seconds between attempts; the last of them stays.
    pub retry_after_seconds: Vec<u32>,
    /// By how many per cent at most a wait is made shorter or longer.
    pub jitter_percent: u32,
    /// Seconds in the queue after which a message is given up.
    pub expire_after_seconds: u32,
    /// Seconds in the queue after which its sender is told that it is late; 0: never.
    pub warn_after_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            routes: BTreeMap::new(),
            // RFC 5321 §4.5.4.1: two tries in the first hour, then every two or three hours.
            retry_after_seconds: vec![120, 300, 900, 1800, 3600, 7200, 10_800],
            jitter_percent: 10,
            expire_after_seconds: 5 * 86_400,
            warn_after_seconds: 4 * 3600,
        }
    }
}

/// A way.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// To these hosts, in their order, whatever the DNS says.
    pub hosts: Vec<Host>,
    /// To the MX hosts of this domain.
    pub mx_of: Option<String>,
    /// By LMTP to `host:port`, or to the socket of this path.
    pub lmtp: Option<String>,
    /// What of TLS is demanded.
    pub tls: Option<Demand>,
    /// The `[[queue.source]]` to send from.
    pub source: Option<String>,
    /// Connections at once.
    pub connections: Option<u32>,
    /// Messages a minute.
    pub per_minute: Option<u32>,
}

/// A host to send through.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Host {
    /// Its name or address.
    pub host: String,
    /// Its port.
    #[serde(default = "smtp")]
    pub port: u16,
    /// TLS from the first octet.
    #[serde(default)]
    pub implicit_tls: bool,
    /// The `[[queue.credentials]]` to log in with.
    #[serde(default)]
    pub credentials: Option<String>,
}

fn smtp() -> u16 {
    25
}

/// What of TLS a way demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// None at all.
    Never,
    /// If it is offered, whoever it is.
    Opportunistic,
    /// Always, whoever it is.
    Encrypt,
    /// Always, with a certificate that names the host.
    Verify,
    /// By DANE, always (RFC 7672).
    Dane,
    /// By MTA-STS, always (RFC 8461).
    MtaSts,
    /// By what the domain publishes, and else if it is offered.
    Published,
}

impl Settings {
    /// The way to a domain, if one is set.
    pub fn route(&self, domain: &str) -> Option<&Route> {
        self.routes.get(domain).or_else(|| self.routes.get("*"))
    }
}

/// What serde cannot see.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |pointer: &str, text: &str| problems.push(Problem::new(pointer, text));
    let waits = &settings.retry_after_seconds;
    if waits.is_empty() || waits.len() > 32 || waits.contains(&0) {
        problem(
            "/retry-after-seconds",
            "must be 1 to 32 waits of at least a second",
        );
    }
    if settings.jitter_percent > 50 {
        problem("/jitter-percent", "must be at most 50");
    }
    if !(1..=30 * 86_400).contains(&settings.expire_after_seconds) {
        problem(
            "/expire-after-seconds",
            "must be from 1 to 2592000, 30 days",
        );
    }
    for (domain, route) in &settings.routes {
        let pointer = format!("/routes/{}", escape_pointer(domain));
        if *domain != domain.to_lowercase() {
            problem(&pointer, "write a domain in lower case");
        }
        let ways = [
            !route.hosts.is_empty(),
            route.mx_of.is_some(),
            route.lmtp.is_some(),
        ];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            problem(&pointer, "hosts, mx-of and lmtp exclude each other");
        }
        if route.hosts.len() > 16 {
            problem(&pointer, "at most 16 hosts");
        }
        let numbers = [route.connections, route.per_minute];
        let ports = route.hosts.iter().map(|host| u32::from(host.port));
        if numbers
            .into_iter()
            .flatten()
            .chain(ports)
            .any(|number| number == 0)
        {
            problem(
                &pointer,
                "0 connections, messages or port: leave it out instead",
            );
        }
    }
    problems
}
