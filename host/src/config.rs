//! The static configuration: what is listened on, where mail is kept, how much a peer may use.
//!
//! Invariants: every key has a default, every key and its default stands in `config/waxwing.toml` (a test
//! compares them), and all problems of a file are reported at once, each with its line. Paths are resolved
//! against the folder of the file, so that the current directory never matters.
//! Not here: policy. What an administrator may want to decide about mail is in `policy.toml`.

mod acme;
mod dkim;
mod limits;
mod listener;
mod oauth;
mod problem;
mod queue;
mod read;
mod resolve;
mod units;
mod webmail;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::acme::{Acme, ChallengeKind, DnsUpdates, TsigAlgorithm};
pub use self::dkim::Dkim;
pub use self::limits::{Limits, Rate, Rates};
pub use self::listener::{Listener, Service, Tls};
pub use self::oauth::Oauth;
pub use self::problem::Problem;
pub use self::queue::{Queue, QueueCredentials, QueueSource};
use self::read::{Section, Source};
pub use self::resolve::Overrides;
pub use self::units::{Network, Period, Size};
pub use self::webmail::Webmail;

/// The effective configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Config {
    /// The name this server greets with, and its authserv-id (RFC 8601 §2.5). Empty: the system's host name.
    pub hostname: String,
    /// A URI by which users reach the administrator; empty: they are told none.
    pub contact: String,
    /// The directory of everything the server writes: database, blobs, certificate, compiled plugins, socket.
    pub data: PathBuf,
    /// Where the live policy is.
    pub policy: PolicyFiles,
    /// Where mail and accounts are kept.
    pub store: StoreConfig,
    /// Whom plugins' questions to the DNS go to.
    pub dns: Dns,
    /// How it is found out who incoming mail is from.
    pub auth: Auth,
    /// How long the keys that domains sign with live.
    pub dkim: Dkim,
    /// Whose access tokens are taken.
    pub oauth: Oauth,
    /// The certificate that TLS listeners show.
    pub tls: TlsFiles,
    /// Certificates that the server gets by itself.
    pub acme: Acme,
    /// Bounds on what peers may use.
    pub limits: Limits,
    /// What those who have not logged in may do within a window.
    pub rates: Rates,
    /// Bounds on time that are not the protocols' own.
    pub timeouts: Timeouts,
    /// What is told to standard error.
    pub log: Log,
    /// Mail on its way out.
    pub queue: Queue,
    /// How long a browser stays logged in, and what may be brought along in it.
    pub webmail: Webmail,
    /// What is listened on.
    #[serde(rename = "listener")]
    pub listeners: Vec<Listener>,
}

/// `[policy]`: the live policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyFiles {
    /// The policy file; watched while the server runs.
    pub file: PathBuf,
    /// Directories in which `NAME.wasm` is looked for, in this order; watched.
    pub plugins: Vec<PathBuf>,
    /// Processor time that the compilation of one plugin may take.
    pub compile_time: Period,
    /// Memory that it may take.
    pub compile_memory: Size,
}

/// `[store]`: the database and the blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StoreConfig {
    /// `sqlite://PATH` or `postgres://…`; empty: SQLite in the data directory.
    pub database: String,
    /// `file://DIR` for messages too large for the database; empty: a directory beside the database.
    pub blobs: String,
    /// Connections that read at the same time.
    pub readers: u32,
}

/// `[dns]`: how names are looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dns {
    /// Resolvers, each an address with or without a port; empty: those of the system.
    pub servers: Vec<String>,
    /// How long a server may take to answer.
    pub timeout: Period,
    /// How often a question is asked before it is given up.
    pub attempts: u32,
    /// Answers that are kept.
    pub cache: u32,
    /// Whether signatures are verified here (DNSSEC).
    pub validate: Validate,
    /// Trust anchors as DNSKEY records in a zone file; empty: those of the root.
    pub trust_anchors: PathBuf,
}

/// `[auth]`: how it is found out who incoming mail is from (SPF, DKIM, ARC, DMARC, iprev), on listeners that check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Auth {
    /// The name that results are told under (RFC 8601 §2.5); empty: the host name.
    pub authserv_id: String,
    /// How long the DNS may be asked about the envelope of a message, and again about the message.
    pub time: Period,
    /// Questions to the DNS about the envelope, and again about the message.
    pub questions: u32,
    /// Signatures of a message that are verified.
    pub signatures: u32,
}

/// Whether answers of the DNS are validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validate {
    /// Where the resolvers pass on the root's signatures.
    Auto,
    /// In any case: without signatures there are no answers.
    Always,
    /// Not at all.
    Never,
}

/// `[tls]`: the certificate and its key, PEM. Both empty: a development certificate is made in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlsFiles {
    /// The certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// The private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
    /// The authorities whose certificates clients may log in with, PEM; empty: none.
    pub client_authorities: PathBuf,
    /// Other certificates, for clients that ask for one of their names.
    pub more: Vec<TlsPair>,
}

/// `[[tls.more]]`: a certificate and its key, PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlsPair {
    /// The certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// `[timeouts]`: bounds on time; how long a command may take is the protocols' own affair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timeouts {
    /// How long a TLS handshake may take.
    pub handshake: Period,
    /// How long a peer may leave what was sent unread before it is dropped.
    pub write: Period,
    /// How long one transaction may take, from MAIL to the end of its content.
    pub transaction: Period,
    /// How long a session may go on in which nobody logs in; a running transaction is not cut.
    pub session: Period,
    /// How long running transactions may take to end when the server stops.
    pub shutdown: Period,
}

/// `[log]`: what is told to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// The least level, or a filter such as `info,waxwing_policy=debug`.
    pub level: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One line for people.
    Compact,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: String::new(),
            contact: String::new(),
            data: "/var/lib/waxwing".into(),
            policy: PolicyFiles {
                file: "policy.toml".into(),
                plugins: vec!["plugins".into()],
                compile_time: Period::seconds(120),
                compile_memory: Size::mebibytes(4096),
            },
            store: StoreConfig {
                database: String::new(),
                blobs: String::new(),
                readers: 8,
            },
            dns: Dns {
                servers: Vec::new(),
                timeout: Period::milliseconds(1500),
                attempts: 2,
                cache: 8192,
                validate: Validate::Auto,
                trust_anchors: PathBuf::new(),
            },
            auth: Auth {
                authserv_id: String::new(),
                time: Period::seconds(5),
                questions: 250,
                signatures: 8,
            },
            dkim: Dkim::default(),
            oauth: Oauth::default(),
            tls: TlsFiles {
                certificate: PathBuf::new(),
                key: PathBuf::new(),
                client_authorities: PathBuf::new(),
                more: Vec::new(),
            },
            acme: Acme::default(),
            limits: Limits::default(),
            rates: Rates::default(),
            timeouts: Timeouts {
                handshake: Period::seconds(30),
                write: Period::seconds(120),
                transaction: Period::seconds(3600),
                session: Period::seconds(2 * 3600),
                shutdown: Period::seconds(30),
            },
            log: Log {
                format: LogFormat::Compact,
                level: "info".into(),
            },
            queue: Queue::default(),
            webmail: Webmail::default(),
            listeners: listener::defaults(),
        }
    }
}

impl Config {
    /// Reads a file and resolves it.
    ///
    /// # Errors
    /// Every problem that was found, in the order of the lines.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, Vec<Problem>> {
        let name = path.display().to_string();
        let whole = |text: String| {
            vec![Problem {
                file: name.clone(),
                line: 0,
                text,
            }]
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| whole(format!("cannot be read: {error}")))?;
        Self::of(&text, path, overrides)
    }

    /// Reads the text that a file has, or will have, and resolves it.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn of(text: &str, path: &Path, overrides: &Overrides) -> Result<Self, Vec<Problem>> {
        let name = path.display().to_string();
        let mut config = Self::parse(text, &name)?;
        let absolute = std::path::absolute(path).map_err(|error| {
            vec![Problem {
                file: name,
                line: 0,
                text: error.to_string(),
            }]
        })?;
        config.resolve(absolute.parent().unwrap_or(Path::new("/")), overrides);
        Ok(config)
    }

    /// Reads the text of a file called `name`; paths stay as they are written.
    ///
    /// # Errors
    /// Every problem that was found, in the order of the lines.
    pub fn parse(text: &str, name: &str) -> Result<Self, Vec<Problem>> {
        let source = Source::new(name, text);
        let mut config = Self::default();
        source.read(|root| config.read(root));
        source.finish().map(|()| config)
    }

    fn read(&mut self, root: &mut Section<'_, '_>) {
        root.value("hostname", &mut self.hostname);
        root.value("contact", &mut self.contact);
        let uri = self.contact.is_empty() || is_uri(&self.contact);
        let wrong = || "expected a URI, like mailto:postmaster@example.org".into();
        root.check("contact", (!uri).then(wrong));
        root.value("data", &mut self.data);
        root.section("policy", |section| {
            section.value("file", &mut self.policy.file);
            section.value("plugins", &mut self.policy.plugins);
            section.value("compile-time", &mut self.policy.compile_time);
            section.value("compile-memory", &mut self.policy.compile_memory);
            let short = self.policy.compile_time < Period::seconds(1);
            section.check("compile-time", short.then(|| "must be at least 1s".into()));
            // The compiler itself takes a good part of it.
            let least = Size::mebibytes(1024);
            let small = self.policy.compile_memory < least;
            section.check(
                "compile-memory",
                small.then(|| format!("must be at least {least}")),
            );
        });
        root.section("store", |section| {
            section.value("database", &mut self.store.database);
            section.value("blobs", &mut self.store.blobs);
            section.value("readers", &mut self.store.readers);
            section.at_least("readers", self.store.readers, 1);
            section.check("database", database_problem(&self.store.database));
            section.check("blobs", blobs_problem(&self.store.blobs));
        });
        root.section("dns", |section| {
            section.value("servers", &mut self.dns.servers);
            section.value("timeout", &mut self.dns.timeout);
            section.value("attempts", &mut self.dns.attempts);
            section.value("cache", &mut self.dns.cache);
            section.value("validate", &mut self.dns.validate);
            section.value("trust-anchors", &mut self.dns.trust_anchors);
            section.at_least("attempts", self.dns.attempts, 1);
            let wrong = self.dns.servers.iter().find(|text| server(text).is_none());
            section.check(
                "servers",
                wrong.map(|text| {
                    format!("`{text}` is neither an address nor an address with a port")
                }),
            );
        });
        root.section("auth", |section| {
            section.value("authserv-id", &mut self.auth.authserv_id);
            section.value("time", &mut self.auth.time);
            section.value("questions", &mut self.auth.questions);
            section.value("signatures", &mut self.auth.signatures);
            // RFC 7208 §4.6.4: ten terms of a record may need a look-up, and iprev and the greeting ask, too.
            section.at_least("questions", self.auth.questions, 30);
            section.at_least("signatures", self.auth.signatures, 1);
        });
        root.section("dkim", |section| self.dkim.read(section));
        root.section("oauth", |section| self.oauth.read(section));
        root.section("tls", |section| {
            section.value("certificate", &mut self.tls.certificate);
            section.value("key", &mut self.tls.key);
            section.value("client-authorities", &mut self.tls.client_authorities);
            let halves =
                self.tls.certificate.as_os_str().is_empty() != self.tls.key.as_os_str().is_empty();
            section.check(
                "certificate",
                halves.then(|| "certificate and key belong together; give both or neither".into()),
            );
            let mut more = Vec::new();
            section.sections("more", |section| {
                let mut pair = TlsPair::default();
                section.value("certificate", &mut pair.certificate);
                section.value("key", &mut pair.key);
                for (key, path) in [("certificate", &pair.certificate), ("key", &pair.key)] {
                    let missing = path.as_os_str().is_empty();
                    section.check(key, missing.then(|| "must name a file".into()));
                }
                more.push(pair);
            });
            self.tls.more = more;
        });
        root.section("acme", |section| self.acme.read(section));
        root.section("limits", |section| self.limits.read(section));
        root.section("rates", |section| self.rates.read(section));
        root.section("timeouts", |section| {
            section.value("handshake", &mut self.timeouts.handshake);
            section.value("write", &mut self.timeouts.write);
            section.value("transaction", &mut self.timeouts.transaction);
            section.value("session", &mut self.timeouts.session);
            section.value("shutdown", &mut self.timeouts.shutdown);
            // RFC 5321 §4.5.3.2: ten minutes are what a client waits for one reply.
            section.at_least(
                "transaction",
                self.timeouts.transaction,
                Period::seconds(600),
            );
            section.at_least("session", self.timeouts.session, Period::seconds(600));
        });
        root.section("log", |section| {
            section.value("format", &mut self.log.format);
            section.value("level", &mut self.log.level);
            section.check("level", crate::telemetry::filter_problem(&self.log.level));
        });
        root.section("queue", |section| self.queue.read(section));
        root.section("webmail", |section| self.webmail.read(section));
        listener::read_all(root, &mut self.listeners);
    }
}

/// The address of a resolver; its port is 53 unless another is written.
pub(crate) fn server(text: &str) -> Option<SocketAddr> {
    let alone = || {
        text.parse()
            .map(|address: IpAddr| SocketAddr::new(address, 53))
    };
    text.parse().ok().or_else(|| alone().ok())
}

fn database_problem(url: &str) -> Option<String> {
    let known = url.is_empty()
        || ["sqlite://", "postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
    (!known).then(|| {
        "expected sqlite://PATH or postgres://…, or nothing for SQLite in the data directory".into()
    })
}

fn blobs_problem(url: &str) -> Option<String> {
    let known = url.is_empty() || url.starts_with("file://");
    (!known)
        .then(|| "expected file://DIRECTORY, or nothing for a directory beside the database".into())
}

/// Whether a text looks like `scheme ":" …` (RFC 3986 §3), in octets that a URI may have.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(letters)
        && !rest.is_empty()
        && rest.bytes().all(|octet| octet.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = include_str!("../../config/waxwing.toml");

    /// Settings are commented out as `#key = value` and `#[section]`; prose begins with `# `.
    fn uncommented(text: &str) -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(rest)
                if rest.starts_with(|first: char| {
                    first.is_ascii_lowercase() || first == '[' || first == ']'
                }) =>
            {
                rest.to_owned()
            }
            _ => line.to_owned(),
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_default_is_documented_and_true() {
        let documented = uncommented(DOCUMENTED);
        assert_eq!(
            Config::parse(&documented, "waxwing.toml"),
            Ok(Config::default())
        );
        let keys = |text: &str| {
            let key = |line: &str| {
                line.split_once(" = ")
                    .map(|(key, _)| key.to_owned())
                    .or_else(|| line.starts_with('[').then(|| line.to_owned()))
            };
            let mut keys: Vec<_> = text.lines().filter_map(|line| key(line.trim())).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        };
        let effective = toml::to_string(&Config::default()).unwrap();
        assert_eq!(
            keys(&documented),
            keys(&effective),
            "keys of the file, then keys of the code"
        );
    }

    #[test]
    fn as_shipped_the_documented_file_changes_nothing() {
        assert_eq!(
            Config::parse(DOCUMENTED, "waxwing.toml"),
            Ok(Config::default())
        );
    }

    #[test]
    fn the_development_file_is_sound() {
        let config = Config::parse(include_str!("../../config/dev.toml"), "dev.toml").unwrap();
        assert!(config.listeners.iter().all(|listener| {
            listener
                .address
                .iter()
                .all(|address| address.ip().is_loopback())
        }));
        let ports: Vec<_> = config
            .listeners
            .iter()
            .flat_map(|listener| &listener.address)
            .map(std::net::SocketAddr::port)
            .collect();
        assert_eq!(
            ports,
            [
                2525, 2526, 2587, 2465, 2424, 2143, 2993, 2110, 2995, 2080, 2443, 2090
            ]
        );
    }

    #[test]
    fn printed_configuration_reads_back() {
        let mut config = Config::default();
        config.resolve(Path::new("/etc/waxwing"), &Overrides::default());
        let printed = toml::to_string(&config).unwrap();
        assert_eq!(Config::parse(&printed, "printed").unwrap(), config);
        assert_eq!(config.policy.file, Path::new("/etc/waxwing/policy.toml"));
        assert_eq!(
            config.store.database,
            "sqlite:///var/lib/waxwing/waxwing.db"
        );
    }

    #[test]
    fn all_problems_are_told_at_once_with_their_lines() {
        let text = "hostnam = \"x\"\n[limits]\nsessions = 0\nmessage-size = \"big\"\n[store]\ndatabase = \"mysql://x\"\n[wrong]\nkey = 1\n";
        let problems: Vec<_> = Config::parse(text, "w.toml")
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            problems,
            [
                "w.toml:1: unknown key `hostnam`; did you mean `hostname`?",
                "w.toml:3: limits.sessions must be at least 1",
                "w.toml:4: limits.message-size: expected a size such as \"50MiB\", found \"big\"",
                "w.toml:6: store.database: expected sqlite://PATH or postgres://…, or nothing for SQLite in the data directory",
                "w.toml:7: unknown key `wrong`",
            ]
        );
    }

    #[test]
    fn overrides_win_and_paths_follow_the_file() {
        let mut config = Config::parse(
            "data = \"../data\"\n[policy]\nplugins = [\"../target/plugins\"]\n",
            "dev.toml",
        )
        .unwrap();
        let overrides = Overrides {
            data: None,
            database: Some("postgres://db/mail".into()),
            blobs: None,
            dns_servers: Some("127.0.0.1:5353, ::1".into()),
        };
        config.resolve(Path::new("/srv/config"), &overrides);
        let servers: Vec<_> = config.dns.servers.iter().map(|text| server(text)).collect();
        let expected = ["127.0.0.1:5353", "[::1]:53"].map(|text| text.parse().ok());
        assert_eq!(servers, expected);
        assert_eq!(config.data, Path::new("/srv/data"));
        assert_eq!(config.policy.plugins, [Path::new("/srv/target/plugins")]);
        assert_eq!(config.store.database, "postgres://db/mail");
        assert_eq!(config.store.blobs, "file:///srv/data/blobs");
    }
}
