//! What the pretended server knows, and what it was told.

use super::kv::Kv;
use super::network::NetworkFacts;
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
}

/// Reads or changes the world of this thread. Host calls must not be made meanwhile.
pub fn world<R>(visit: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| visit(&mut world.borrow_mut()))
}

/// Everything that host calls read and write.
#[derive(Debug)]
pub struct World {
    /// The clock, in milliseconds since 1970.
    pub now_ms: u64,
    /// The session.
    pub connection: ConnectionFacts,
    /// The transaction.
    pub envelope: EnvelopeFacts,
    /// The credentials of the attempt at hand.
    pub login: LoginFacts,
    /// The message as it came.
    pub content: Vec<u8>,
    /// Domains, accounts and aliases.
    pub directory: DirectoryFacts,
    /// What the plugin remembers.
    pub kv: Kv,
    /// What lies beyond the server.
    pub network: NetworkFacts,
    /// Requests over HTTP so far: method and URL.
    pub requests: Vec<String>,
    /// Findings: name, plugin, score, evidence.
    pub findings: Vec<(String, String, f64, Vec<String>)>,
    /// The scores that `policy.toml` would give.
    pub scores: BTreeMap<String, f64>,
    /// Lines of `findings.explain`.
    pub explained: Vec<String>,
    /// Lines of the log.
    pub log: Vec<String>,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
    /// Actions on the message or the copy, and wishes for the queue, one line each.
    pub actions: Vec<String>,
    /// Why the message of `submit` leaves; see [`Step::cause`](super::case::Step::cause).
    pub cause: String,
    /// The attempt to deliver elsewhere.
    pub attempt: AttemptFacts,
    /// What happened in mailboxes.
    pub events: Vec<EventFacts>,
    /// The hook that runs.
    pub hook: String,
    /// The domain at hand.
    pub domain: Option<String>,
    /// The settings as JSON.
    pub settings: String,
    /// Whether directory and key-values answer that they are unavailable.
    pub unavailable: bool,
}

impl Default for World {
    fn default() -> Self {
        Self {
            now_ms: 1_800_000_000_000,
            connection: ConnectionFacts::default(),
            envelope: EnvelopeFacts::default(),
            login: LoginFacts::default(),
            content: b"From: sender@example.net\r\nSubject: hello\r\n\r\nhello\r\n".to_vec(),
            directory: DirectoryFacts::default(),
            kv: Kv::default(),
            network: NetworkFacts::default(),
            requests: Vec::new(),
            findings: Vec::new(),
            scores: BTreeMap::new(),
            explained: Vec::new(),
            log: Vec::new(),
            metrics: BTreeMap::new(),
            actions: Vec::new(),
            cause: String::new(),
            attempt: AttemptFacts::default(),
            events: Vec::new(),
            hook: "init".to_owned(),
            domain: None,
            settings: "{}".to_owned(),
            unavailable: false,
        }
    }
}

impl World {
    /// Makes this the world of the current thread.
    pub fn enter(self) {
        world(|current| *current = self);
    }

    /// The sum of the findings.
    pub fn total(&self) -> f64 {
        self.findings.iter().map(|(_, _, score, _)| score).sum()
    }
}

/// A connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectionFacts {
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
    /// Notes.
    #[serde(skip)]
    pub notes: BTreeMap<String, Vec<u8>>,
}

impl Default for ConnectionFacts {
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
            notes: BTreeMap::new(),
        }
    }
}

/// A transaction.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvelopeFacts {
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
    /// Notes.
    #[serde(skip)]
    pub notes: BTreeMap<String, Vec<u8>>,
}

impl Default for EnvelopeFacts {
    fn default() -> Self {
        Self {
            sender: "sender@example.net".to_owned(),
            recipients: Vec::new(),
            declared_size: None,
            verdict: None,
            tags: BTreeMap::new(),
            notes: BTreeMap::new(),
        }
    }
}

/// An attempt to deliver elsewhere; the default is the one before the first.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AttemptFacts {
    /// From 1.
    pub number: u32,
    /// Seconds in the queue.
    pub queued_seconds: u64,
    /// `none`, `delivered`, `deferred` or `refused`.
    pub outcome: String,
    /// The host that was talked to.
    pub host: Option<String>,
    /// Code and text of its reply: `451 Not now`.
    pub reply: Option<String>,
    /// Why there is no reply.
    pub failure: String,
    /// `TLSv1.3` and the like.
    pub tls: Option<String>,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

impl Default for AttemptFacts {
    fn default() -> Self {
        Self {
            number: 0,
            queued_seconds: 0,
            outcome: "none".to_owned(),
            host: None,
            reply: None,
            failure: String::new(),
            tls: None,
            took_ms: 0,
        }
    }
}

/// Something that happened in a mailbox.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EventFacts {
    /// `login`, `deliver`, `move`, ….
    pub kind: String,
    /// The account's address.
    pub account: String,
    /// `imap`, `pop3`, `smtp`, ….
    pub protocol: String,
    /// Where.
    pub mailbox: String,
    /// Where from.
    pub source: Option<String>,
    /// Ranges of UIDs.
    pub uids: Vec<(u32, u32)>,
    /// `add`, `remove` or `set`.
    pub flag_operation: String,
    /// The flags.
    pub flags: Vec<String>,
}

/// Credentials.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoginFacts {
    /// The authentication identity.
    pub user: String,
    /// The password.
    pub password: String,
    /// The authorisation identity.
    pub authorise_as: String,
}

/// Domains, accounts and aliases.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DirectoryFacts {
    /// Local domains.
    pub domains: Vec<String>,
    /// Accounts by address.
    pub accounts: BTreeMap<String, Account>,
    /// Aliases and where they lead; `*@domain` is a catch-all.
    pub aliases: BTreeMap<String, Vec<String>>,
}

/// An account.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
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
    pub vacation: VacationFacts,
    /// Addresses under which it sends beside its own.
    pub identities: Vec<String>,
}

/// What an account answers while somebody is away.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct VacationFacts {
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
