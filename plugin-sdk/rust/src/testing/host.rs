//! The host's interfaces as [`crate::host`] shows them in a native build: the same names and signatures as the
//! generated imports, answered from the [`World`](super::World) of the thread.

pub mod actions;
pub mod mailbox_events;
pub mod outbound;

use super::world::{World, world};
use crate::host::types::{Identity, MailAddress};

fn identity_of(world: &World) -> Option<Identity> {
    let account = world.connection.identity.clone()?;
    Some(Identity {
        authorised_as: account.clone(),
        account,
        mechanism: "PLAIN".to_owned(),
    })
}

/// Notes one action; an error says why it is none.
fn note_line(line: String) -> Result<(), String> {
    if line.contains(['\r', '\n']) {
        return Err("a line break".to_owned());
    }
    world(|world| world.actions.push(line));
    Ok(())
}

/// `session`.
pub mod session {
    use super::{identity_of, world};
    use crate::host::types::{Endpoint, Identity, IpAddress, Protocol};
    use crate::settings::Network;
    use std::net::IpAddr;

    pub use crate::bindings::imports::session::NoteError;

    /// The connection of the world.
    #[derive(Debug)]
    pub struct Connection(pub(in crate::testing) ());

    /// The protocol of this name; SMTP if there is none.
    pub(in crate::testing) fn protocol(name: &str) -> Protocol {
        match name {
            "submission" => Protocol::Submission,
            "lmtp" => Protocol::Lmtp,
            "imap" => Protocol::Imap,
            "pop3" => Protocol::Pop3,
            "jmap" => Protocol::Jmap,
            "managesieve" => Protocol::Managesieve,
            "api" => Protocol::Api,
            _ => Protocol::Smtp,
        }
    }

    fn endpoint(text: &str) -> Endpoint {
        let address: IpAddr = text.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
        Endpoint {
            address: IpAddress::from(address),
            port: 40_000,
        }
    }

    #[expect(missing_docs, reason = "documented in plugin-sdk/wit/session.wit")]
    impl Connection {
        pub fn id(&self) -> String {
            "session-1".to_owned()
        }
        pub fn protocol(&self) -> Protocol {
            protocol(&world(|world| world.connection.protocol.clone()))
        }
        pub fn listener(&self) -> String {
            world(|world| world.connection.listener.clone())
        }
        pub fn client(&self) -> Endpoint {
            world(|world| endpoint(&world.connection.client))
        }
        pub fn client_text(&self) -> String {
            world(|world| world.connection.client.clone())
        }
        pub fn local(&self) -> Endpoint {
            world(|world| endpoint(&world.connection.local))
        }
        pub fn helo(&self) -> Option<String> {
            world(|world| world.connection.helo.clone())
        }
        pub fn is_esmtp(&self) -> bool {
            true
        }
        pub fn is_tls(&self) -> bool {
            world(|world| world.connection.tls)
        }
        pub fn tls_version(&self) -> Option<String> {
            self.is_tls().then(|| "TLSv1.3".to_owned())
        }
        pub fn tls_cipher(&self) -> Option<String> {
            self.is_tls().then(|| "TLS13_AES_256_GCM_SHA384".to_owned())
        }
        pub fn tls_server_name(&self) -> Option<String> {
            None
        }
        pub fn identity(&self) -> Option<Identity> {
            world(|world| identity_of(world))
        }
        pub fn age_ms(&self) -> u64 {
            0
        }
        pub fn counter(&self, name: &str) -> u64 {
            world(|world| world.connection.counters.get(name).copied().unwrap_or(0))
        }
        pub fn delay_greeting(&self, milliseconds: u32) {
            world(|world| {
                world.actions.push(format!("delay-greeting {milliseconds}"));
            });
        }
        pub fn tell_maildrop(&self, expire_days: Option<u32>, login_delay: u32) {
            let days = expire_days.map_or("never".to_owned(), |days| days.to_string());
            world(|world| {
                world
                    .actions
                    .push(format!("tell-maildrop {days} {login_delay}"));
            });
        }
        pub fn pass_ahead(&self, hooks: &[String]) {
            world(|world| {
                world
                    .actions
                    .push(format!("pass-ahead {}", hooks.join(" ")));
            });
        }
        pub fn client_in(&self, networks: &[String]) -> bool {
            let client = IpAddr::from(self.client().address);
            networks
                .iter()
                .filter_map(|text| text.parse::<Network>().ok())
                .any(|network| network.0.contains(&client))
        }
        pub fn note(&self, key: &str) -> Option<Vec<u8>> {
            world(|world| world.connection.notes.get(key).cloned())
        }
        pub fn set_note(&self, key: &str, value: &[u8]) -> Result<(), NoteError> {
            world(|world| {
                world
                    .connection
                    .notes
                    .insert(key.to_owned(), value.to_vec())
            });
            Ok(())
        }
    }
}

/// `envelope`.
pub mod envelope {
    use super::{identity_of, world};
    use crate::host::types::{Identity, MailAddress, Param, Recipient};

    pub use crate::bindings::imports::envelope::NoteError;

    /// The transaction of the world.
    #[derive(Debug)]
    pub struct Envelope(pub(in crate::testing) ());

    /// The recipient of this text.
    pub(in crate::testing) fn recipient(index: u32, text: &str) -> Recipient {
        let address = MailAddress::parse(text).unwrap_or_else(|| MailAddress {
            local_part: text.to_owned(),
            domain: String::new(),
        });
        Recipient {
            index,
            address: address.clone(),
            original: address,
            params: Vec::new(),
        }
    }

    #[expect(missing_docs, reason = "documented in plugin-sdk/wit/envelope.wit")]
    impl Envelope {
        pub fn queue_id(&self) -> String {
            "QUEUE1".to_owned()
        }
        pub fn sender(&self) -> Option<MailAddress> {
            world(|world| MailAddress::parse(&world.envelope.sender))
        }
        pub fn sender_params(&self) -> Vec<Param> {
            Vec::new()
        }
        pub fn declared_size(&self) -> Option<u64> {
            world(|world| world.envelope.declared_size)
        }
        pub fn smtputf8(&self) -> bool {
            false
        }
        pub fn identity(&self) -> Option<Identity> {
            world(|world| identity_of(world))
        }
        pub fn recipient_count(&self) -> u32 {
            world(|world| u32::try_from(world.envelope.recipients.len()).unwrap_or(u32::MAX))
        }
        pub fn recipient(&self, index: u32) -> Option<Recipient> {
            let text = world(|world| world.envelope.recipients.get(index as usize).cloned())?;
            Some(recipient(index, &text))
        }
        pub fn recipients(&self, offset: u32, limit: u32) -> Vec<Recipient> {
            (offset..offset.saturating_add(limit.min(100)))
                .map_while(|index| self.recipient(index))
                .collect()
        }
        pub fn verdict(&self, _recipient: u32) -> Option<String> {
            world(|world| world.envelope.verdict.clone())
        }
        pub fn leads_to(&self, account: &str) {
            world(|world| world.actions.push(format!("leads-to {account}")));
        }
        pub fn note(&self, key: &str) -> Option<Vec<u8>> {
            world(|world| world.envelope.notes.get(key).cloned())
        }
        pub fn set_note(&self, key: &str, value: &[u8]) -> Result<(), NoteError> {
            world(|world| world.envelope.notes.insert(key.to_owned(), value.to_vec()));
            Ok(())
        }
        pub fn tag(&self, key: &str) -> Option<String> {
            world(|world| world.envelope.tags.get(key).cloned())
        }
    }
}

/// `credentials`.
pub mod credentials {
    use super::world;

    pub use crate::bindings::imports::credentials::{CredentialsError, Verification};

    /// The credentials of the world.
    #[derive(Debug)]
    pub struct Credentials(pub(in crate::testing) ());

    #[expect(missing_docs, reason = "documented in plugin-sdk/wit/credentials.wit")]
    impl Credentials {
        pub fn mechanism(&self) -> String {
            "PLAIN".to_owned()
        }
        pub fn user(&self) -> String {
            world(|world| world.login.user.clone())
        }
        pub fn authorise_as(&self) -> String {
            world(|world| world.login.authorise_as.clone())
        }
        pub fn verify(&self, user: &str) -> Result<Verification, CredentialsError> {
            world(|world| {
                if world.unavailable {
                    return Err(CredentialsError::Unavailable(
                        "the directory does not answer".to_owned(),
                    ));
                }
                Ok(match world.directory.accounts.get(user) {
                    None => Verification::Unknown,
                    Some(account) if account.password.as_ref() == Some(&world.login.password) => {
                        Verification::Account(user.to_owned())
                    }
                    Some(_) => Verification::Wrong,
                })
            })
        }
        pub fn password(&self) -> String {
            world(|world| world.login.password.clone())
        }
    }
}

/// `directory`.
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/directory.wit")]
pub mod directory {
    use super::{World, lower, world};
    use crate::host::types::{Limits, MailAddress, Usage};

    pub use crate::bindings::imports::directory::{DirectoryError, Entry};

    fn ask<R>(answer: impl FnOnce(&mut World) -> R) -> Result<R, DirectoryError> {
        world(|world| {
            if world.unavailable {
                return Err(DirectoryError::Unavailable(
                    "the directory does not answer".to_owned(),
                ));
            }
            Ok(answer(world))
        })
    }

    pub fn domain_is_local(domain: &str) -> Result<bool, DirectoryError> {
        ask(|world| world.directory.domains.iter().any(|local| local == domain))
    }

    pub fn look_up(address: &MailAddress) -> Result<Entry, DirectoryError> {
        let address = lower(address);
        ask(|world| {
            if world.directory.accounts.contains_key(&address) {
                return Entry::Account(address);
            }
            match world.directory.aliases.get(&address) {
                Some(targets) => Entry::Alias(
                    targets
                        .iter()
                        .filter_map(|to| MailAddress::parse(to))
                        .collect(),
                ),
                None => Entry::None,
            }
        })
    }

    pub fn owns(account: &str, address: &MailAddress) -> Result<bool, DirectoryError> {
        let address = lower(address);
        ask(|world| {
            address == account
                || world
                    .directory
                    .aliases
                    .get(&address)
                    .is_some_and(|to| to.iter().any(|to| to == account))
        })
    }

    pub fn account_limits(account: &str) -> Result<Limits, DirectoryError> {
        ask(|world| {
            let account = world.directory.accounts.get(account);
            Limits {
                bytes: account.and_then(|account| account.limit_bytes),
                messages: account.and_then(|account| account.limit_messages),
            }
        })
    }

    pub fn account_usage(account: &str) -> Result<Usage, DirectoryError> {
        ask(|world| {
            let account = world.directory.accounts.get(account);
            account.map_or(
                Usage {
                    bytes: 0,
                    messages: 0,
                },
                |account| Usage {
                    bytes: account.bytes,
                    messages: account.messages,
                },
            )
        })
    }

    pub fn domain_usage(domain: &str) -> Result<Usage, DirectoryError> {
        let suffix = format!("@{domain}");
        ask(|world| {
            let accounts = world
                .directory
                .accounts
                .iter()
                .filter(|(address, _)| address.ends_with(&suffix));
            accounts.fold(
                Usage {
                    bytes: 0,
                    messages: 0,
                },
                |sum, (_, account)| Usage {
                    bytes: sum.bytes + account.bytes,
                    messages: sum.messages + account.messages,
                },
            )
        })
    }

    pub fn mailbox_exists(account: &str, path: &str) -> Result<bool, DirectoryError> {
        ask(|world| {
            let account = world.directory.accounts.get(account);
            path == "INBOX"
                || account
                    .is_some_and(|account| account.mailboxes.iter().any(|mailbox| mailbox == path))
        })
    }
}

fn lower(address: &MailAddress) -> String {
    address.to_string().to_lowercase()
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/kv.wit")]
pub mod kv;

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/auth-results.wit")]
pub mod auth_results;
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/dns.wit")]
pub mod dns;
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/dnsbl.wit")]
pub mod dnsbl;
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/http.wit")]
pub mod http;
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/passwords.wit")]
pub mod passwords;
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/vacation.wit")]
pub mod vacation;

/// `findings`.
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/findings.wit")]
pub mod findings {
    use super::world;

    pub use crate::bindings::imports::findings::{FindingError, Symbol};

    pub fn add(name: &str, weight: f64, options: &[String]) -> Result<(), FindingError> {
        if !weight.is_finite() || name.is_empty() || name.len() > 64 {
            return Err(FindingError::Invalid(name.to_owned()));
        }
        world(|world| {
            let score =
                (weight * world.scores.get(name).copied().unwrap_or(1.0)).clamp(-1000.0, 1000.0);
            match world.findings.iter_mut().find(|(known, ..)| known == name) {
                Some((_, _, known, evidence)) => {
                    if score.abs() > known.abs() {
                        *known = score;
                    }
                    evidence.extend(options.iter().cloned());
                }
                None => world.findings.push((
                    name.to_owned(),
                    "tested".to_owned(),
                    score,
                    options.to_vec(),
                )),
            }
        });
        Ok(())
    }

    pub fn explain(line: &str) {
        world(|world| world.explained.push(line.to_owned()));
    }

    pub fn so_far() -> Vec<Symbol> {
        world(|world| {
            let symbol =
                |(name, plugin, score, options): &(String, String, f64, Vec<String>)| Symbol {
                    name: name.clone(),
                    plugin: plugin.clone(),
                    score: *score,
                    options: options.clone(),
                };
            world.findings.iter().map(symbol).collect()
        })
    }

    pub fn total() -> f64 {
        world(|world| world.total())
    }
}

/// `log`.
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/log.wit")]
pub mod log {
    use super::world;

    pub use crate::bindings::imports::log::Level;

    pub fn enabled(_level: Level) -> bool {
        true
    }

    pub fn log(level: Level, text: &str, fields: &[(String, String)]) {
        let level = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        let fields: String = fields
            .iter()
            .map(|(name, value)| format!(" {name}={value}"))
            .collect();
        world(|world| world.log.push(format!("{level}: {text}{fields}")));
    }
}

/// `metrics`.
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/metrics.wit")]
pub mod metrics {
    use super::world;

    pub fn add(name: &str, value: u64, _labels: &[(String, String)]) {
        world(|world| *world.metrics.entry(name.to_owned()).or_insert(0.0) += value as f64);
    }

    pub fn set(name: &str, value: f64, _labels: &[(String, String)]) {
        world(|world| world.metrics.insert(name.to_owned(), value));
    }

    pub fn observe(name: &str, value: f64, labels: &[(String, String)]) {
        set(name, value, labels);
    }
}

/// `runtime`.
#[expect(missing_docs, reason = "documented in plugin-sdk/wit/runtime.wit")]
pub mod runtime {
    use super::world;

    pub fn unix_ms() -> u64 {
        world(|world| world.now_ms)
    }

    pub fn monotonic_ns() -> u64 {
        unix_ms().saturating_mul(1_000_000)
    }

    /// The same octets every time: a test repeats.
    pub fn random(length: u32) -> Vec<u8> {
        (0..length.min(1024))
            .map(|index| (index.wrapping_mul(97).wrapping_add(13) & 0xff) as u8)
            .collect()
    }

    pub fn remaining_ms() -> u32 {
        1_000
    }

    pub fn mode() -> String {
        "enforce".to_owned()
    }

    pub fn generation() -> u64 {
        1
    }

    pub fn hook() -> String {
        world(|world| world.hook.clone())
    }

    pub fn domain() -> Option<String> {
        world(|world| world.domain.clone())
    }

    pub fn settings() -> String {
        world(|world| world.settings.clone())
    }
}

/// `message`.
pub mod message {
    pub use super::super::message::{Message, Part, PatternSet};
    pub use crate::bindings::imports::message::{Header, Hit, Scope, Url};
}
