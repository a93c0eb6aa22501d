//! Cases as data: the same files that the SDK's native test kit runs (`waxwing_plugin::testing`), with the same words.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::network::NetworkCase;
use super::queue::{AttemptCase, EventCase};
use crate::services::Vacation;

/// A file of cases.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    /// The settings, unless a case has its own.
    pub(super) settings: Option<toml::Value>,
    /// Domains, accounts and aliases, unless a case has its own.
    pub(super) directory: Directory,
    /// What lies beyond the server, unless a case has its own.
    pub(super) network: NetworkCase,
    /// What findings count.
    pub(super) scores: BTreeMap<String, f64>,
    pub(super) case: Vec<Case>,
}

/// One case: a plugin made anew in a world made anew.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Instead of the file's.
    pub settings: Option<toml::Value>,
    /// Instead of the file's.
    pub directory: Option<Directory>,
    /// Instead of the file's.
    pub network: Option<NetworkCase>,
    /// The session.
    pub connection: ConnectionCase,
    /// The transaction.
    pub envelope: EnvelopeCase,
    /// The content; lines end with CRLF whatever the file has.
    pub message: Option<String>,
    /// Findings of earlier plugins.
    pub found: BTreeMap<String, f64>,
    /// How each problem of the settings begins; the plugin must not be made then.
    pub problems: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<CaseStep>,
}

/// One call of a hook.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CaseStep {
    /// Time that passes before.
    pub advance_seconds: u64,
    /// The hook, such as `rcpt-to`; `login-before`, `login-after` and `login-failed` for the three of login.
    pub hook: String,
    /// The answer as one line, or how it begins.
    pub expect: String,
    /// So many calls, each with this answer; 0 is 1.
    pub times: u64,
    /// Another client address from here on.
    pub client: Option<String>,
    /// Another login from here on; empty: logged out.
    pub identity: Option<String>,
    /// Whether directory and key-values fail, from here on.
    pub unavailable: Option<bool>,
    /// The name of `ehlo`.
    pub helo: String,
    /// Another reverse-path from here on.
    pub sender: Option<String>,
    /// The recipient of `rcpt-to`, `route-inbound`, `deliver`, `route-outbound` and `delivery-result`.
    pub recipient: String,
    /// The user of `login-*` and `authenticate`.
    pub user: String,
    /// The password of `authenticate`.
    pub password: String,
    /// The authorisation identity of `authenticate`.
    pub authorise_as: String,
    /// Why the message of `submit` leaves: `submitted`, `relayed`, `forwarded` or `reported`; if nothing is said, `submitted` where somebody has
    /// logged in, and `relayed` otherwise.
    pub cause: String,
    /// The recipients' domain of `verdict`.
    pub domain: String,
    /// The account of `quota`, `quota-limits` and `deliver`.
    pub account: String,
    /// `deliver`, `append`, `upload` or `send`.
    pub operation: String,
    /// What the account of `quota` holds: octets and messages.
    pub current: (u64, u64),
    /// What comes on top.
    pub adding: (u64, u64),
    /// The attempt of `route-outbound` (the last one) and of `delivery-result`.
    pub attempt: AttemptCase,
    /// The events of `mailbox`.
    pub events: Vec<EventCase>,
    /// The findings after the step, as `NAME=score`, in their order; checked if given.
    pub findings: Option<Vec<String>>,
    /// The actions of the step; checked if given.
    pub actions: Option<Vec<String>>,
    /// A line of the log that must have been written by now, or how it begins.
    pub logged: Option<String>,
}

/// A connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectionCase {
    /// `smtp`, `submission`, `lmtp`, `imap`, `pop3`, …
    pub protocol: String,
    /// The listener's name.
    pub listener: String,
    /// The client's address.
    pub client: String,
    /// This server's address.
    pub local: String,
    /// What the client greeted with.
    pub helo: Option<String>,
    /// Encrypted.
    pub tls: bool,
    /// The account that is logged in.
    pub identity: Option<String>,
    /// Counters of the session.
    pub counters: BTreeMap<String, u64>,
}

impl Default for ConnectionCase {
    fn default() -> Self {
        Self {
            protocol: "smtp".to_owned(),
            listener: "mx".to_owned(),
            client: "192.0.2.1".to_owned(),
            local: "198.51.100.25".to_owned(),
            helo: None,
            tls: false,
            identity: None,
            counters: BTreeMap::new(),
        }
    }
}

/// A transaction.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvelopeCase {
    /// The reverse-path; empty is the null one.
    pub sender: String,
    /// Accepted recipients.
    pub recipients: Vec<String>,
    /// SIZE=.
    pub declared_size: Option<u64>,
    /// What the recipients' message was judged to be.
    pub verdict: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Default for EnvelopeCase {
    fn default() -> Self {
        Self {
            sender: "sender@example.net".to_owned(),
            recipients: Vec::new(),
            declared_size: None,
            verdict: None,
            tags: BTreeMap::new(),
        }
    }
}

/// Domains, accounts and aliases.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Directory {
    /// Local domains.
    pub domains: Vec<String>,
    /// Accounts by address.
    pub accounts: BTreeMap<String, AccountCase>,
    /// Aliases and where they lead; `*@domain` is a catch-all.
    pub aliases: BTreeMap<String, Vec<String>>,
}

/// An account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccountCase {
    /// Its password; none: nobody can log in.
    pub password: Option<String>,
    /// Its mailboxes besides INBOX.
    pub mailboxes: Vec<String>,
    /// Octets that it holds.
    pub bytes: u64,
    /// Messages that it holds.
    pub messages: u64,
    /// The limit of octets that the administrator set.
    pub limit_bytes: Option<u64>,
    /// The limit of messages that the administrator set.
    pub limit_messages: Option<u64>,
    /// What it answers while somebody is away.
    pub vacation: VacationCase,
    /// Addresses under which it sends beside its own.
    pub identities: Vec<String>,
}

/// What an account answers while somebody is away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct VacationCase {
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

impl VacationCase {
    pub(super) fn vacation(&self) -> Vacation {
        let case = self.clone();
        Vacation {
            enabled: case.enabled,
            from: case.from,
            to: case.to,
            subject: case.subject,
            text: case.text,
            html: case.html,
            version: case.version,
        }
    }
}
