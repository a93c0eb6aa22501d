//! Settings of the access plugin; README.md has the table.

use serde::Deserialize;
use waxwing_plugin::settings::{NetworkSize, Networks, Problem};

/// All settings; each has a default, and the default policy of an empty table is written in README.md.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Networks that no check of this plugin applies to: no list, no rate, no greeting.
    pub trust: Networks,
    /// Peers that pass the deny list and the rates; their greeting is still read.
    pub allow: AllowList,
    /// Peers that are turned away.
    pub deny: DenyList,
    /// How often a peer may connect.
    pub rates: Vec<Rate>,
    /// What counts as one network.
    pub network: NetworkSize,
    /// What the greeting must be.
    pub greeting: Greeting,
    /// What becomes of peers that speak before they are greeted.
    pub early: Early,
    /// Which peers are not heard for a while.
    pub ban: Ban,
    /// What POP3 tells of the maildrop.
    pub pop3: Pop3,
}

/// What POP3 tells of the maildrop (RFC 2449 §6.5, §6.7). It is told here, and held to elsewhere.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pop3 {
    /// Days after which messages may be removed; none: never.
    pub expire_days: Option<u32>,
    /// Seconds after a login in which another one may be refused; the plugin `login` does it.
    pub login_delay: u32,
}

/// Peers that do hardly anything but wrong: whoever guesses at recipients, or speaks no protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ban {
    /// Protocols on which they are turned away. Where users log in they are not: others may share their address.
    pub protocols: Vec<String>,
    /// Errors of an address within the window of the server's `[rates]` that lead to a ban; 0 never.
    pub errors: u64,
    /// Recipients that were refused to it for good within that window; 0 never.
    pub refused_recipients: u64,
    /// How long a ban lasts, in minutes.
    pub minutes: u64,
    /// The text of the 421.
    pub text: String,
}

impl Default for Ban {
    fn default() -> Self {
        Self {
            protocols: vec!["smtp".to_owned()],
            errors: 50,
            refused_recipients: 50,
            minutes: 30,
            text: "Too many errors from your address; try again later".to_owned(),
        }
    }
}

/// Peers that speak before they are greeted (RFC 5321 §3.1: the server speaks first): most of them are no mail servers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Early {
    /// Protocols on which it is looked at.
    pub protocols: Vec<String>,
    /// How long the greeting waits, in milliseconds. 0: who speaks early shows by luck only.
    pub wait_ms: u32,
    /// What becomes of them when they greet.
    pub measure: Measure,
}

impl Default for Early {
    fn default() -> Self {
        Self {
            protocols: vec!["smtp".to_owned()],
            wait_ms: 0,
            measure: Measure::Tag,
        }
    }
}

/// The longest that the host lets a greeting wait.
const LONGEST_WAIT_MS: u32 = 10_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            trust: Networks::loopback(),
            allow: AllowList::default(),
            deny: DenyList::default(),
            rates: Vec::new(),
            network: NetworkSize::default(),
            greeting: Greeting::default(),
            early: Early::default(),
            ban: Ban::default(),
            pop3: Pop3::default(),
        }
    }
}

/// Peers by address block. There are no names here: anybody can greet with any name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AllowList {
    /// CIDR blocks or single addresses.
    pub addresses: Networks,
}

/// Peers that are turned away, and with which words.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DenyList {
    /// CIDR blocks or single addresses.
    pub addresses: Networks,
    /// Names in the greeting; `*.example.org` means every name below example.org.
    pub names: Vec<String>,
    /// The text of the 554 or 550 reply.
    pub text: String,
}

impl Default for DenyList {
    fn default() -> Self {
        Self {
            addresses: Networks::default(),
            names: Vec::new(),
            text: "Access denied".to_owned(),
        }
    }
}

/// At most `connections` in any `seconds` from one `per`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rate {
    /// What is counted together.
    pub per: Per,
    /// How many connections the span may hold.
    pub connections: u64,
    /// The span.
    pub seconds: u64,
    /// Protocols that are counted; empty means all of them, counted together.
    #[serde(default)]
    pub protocols: Vec<String>,
}

/// What a rate counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// One address.
    Address,
    /// One network, as `network` says.
    Network,
}

/// What becomes of a greeting that fails a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The check is not made.
    Off,
    /// A finding for the score.
    Tag,
    /// 450: the peer may come back.
    Defer,
    /// 550.
    Reject,
}

/// Checks of the name in EHLO and HELO, made on the listed protocols for peers that have not logged in.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Greeting {
    /// Protocols that are checked. Mail clients greet with anything, so submission is not among the defaults.
    pub protocols: Vec<String>,
    /// The name is neither a host name nor an address literal (RFC 5321 §4.1.1.1).
    pub syntax: Measure,
    /// The name has no dot (RFC 5321 §2.3.5 asks for a fully qualified one).
    pub unqualified: Measure,
    /// A stranger greets with one of our own names, or a literal of our own address.
    pub own_name: Measure,
    /// A bare address without brackets (RFC 5321 §4.1.3).
    pub bare_address: Measure,
    /// A literal that is not the peer's address.
    pub literal_mismatch: Measure,
    /// Our names, besides the domains that the directory serves; `*.example.org` works here too.
    pub own_names: Vec<String>,
}

impl Default for Greeting {
    fn default() -> Self {
        Self {
            protocols: vec!["smtp".to_owned()],
            syntax: Measure::Tag,
            unqualified: Measure::Tag,
            own_name: Measure::Reject,
            bare_address: Measure::Tag,
            literal_mismatch: Measure::Tag,
            own_names: Vec::new(),
        }
    }
}

const PROTOCOLS: [&str; 8] = [
    "smtp",
    "submission",
    "lmtp",
    "imap",
    "pop3",
    "jmap",
    "managesieve",
    "api",
];

/// What serde cannot see: prefix lengths, spans, protocol and host names.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = settings.network.check("/network");
    for (index, rate) in settings.rates.iter().enumerate() {
        for (member, value) in [("connections", rate.connections), ("seconds", rate.seconds)] {
            if value == 0 {
                problems.push(Problem::new(
                    format!("/rates/{index}/{member}"),
                    "must be at least 1",
                ));
            }
        }
        check_protocols(
            &rate.protocols,
            &format!("/rates/{index}/protocols"),
            &mut problems,
        );
    }
    check_protocols(
        &settings.greeting.protocols,
        "/greeting/protocols",
        &mut problems,
    );
    check_protocols(&settings.early.protocols, "/early/protocols", &mut problems);
    check_protocols(&settings.ban.protocols, "/ban/protocols", &mut problems);
    // A month: who is turned away for longer belongs on the deny list.
    if !(1..=43_200).contains(&settings.ban.minutes) {
        problems.push(Problem::new("/ban/minutes", "must be from 1 to 43200"));
    }
    if settings.early.wait_ms > LONGEST_WAIT_MS {
        problems.push(Problem::new(
            "/early/wait-ms",
            format!("must be at most {LONGEST_WAIT_MS}"),
        ));
    }
    for (pointer, names) in [
        ("/deny/names", &settings.deny.names),
        ("/greeting/own-names", &settings.greeting.own_names),
    ] {
        for (index, name) in names.iter().enumerate() {
            if !crate::logic::is_name_pattern(name) {
                problems.push(Problem::new(
                    format!("{pointer}/{index}"),
                    format!("\"{name}\" is no host name; write mail.example.org or *.example.org"),
                ));
            }
        }
    }
    problems
}

fn check_protocols(protocols: &[String], pointer: &str, problems: &mut Vec<Problem>) {
    for (index, protocol) in protocols.iter().enumerate() {
        if !PROTOCOLS.contains(&protocol.as_str()) {
            problems.push(Problem::new(
                format!("{pointer}/{index}"),
                format!(
                    "there is no protocol \"{protocol}\"; there are: {}",
                    PROTOCOLS.join(", ")
                ),
            ));
        }
    }
}
