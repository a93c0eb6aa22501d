//! Answers to what sessions ask: each protocol's asks become calls on policy and store.
//!
//! Invariant: nothing is decided here that an administrator may want to decide; see `policy`.

pub(crate) mod complete;
pub(crate) mod events;
pub(crate) mod fields;
pub(crate) mod filing;
pub(crate) mod gate;
pub(crate) mod imap;
pub(crate) mod jmap;
pub(crate) mod pop3;
pub(crate) mod smtp;
mod threads;
pub(crate) mod tried;
pub(crate) mod vacation;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use waxwing_message::Summary;
use waxwing_policy::Ledger;
use waxwing_sasl::Mechanism;
use waxwing_store::Roster;

use crate::config::{Config, Listener, Service, Tls};
use crate::sessions::Seat;
use crate::transport::TlsFacts;

/// Contents above this size are worked on beside the event loop, so that they hold nobody up.
pub(crate) const LARGE: usize = 256 * 1024;

/// A listener and what its sessions have in common.
pub(crate) struct Door {
    /// The listener's name, shared with every session's policy.
    pub(crate) name: Arc<str>,
    pub(crate) listener: Listener,
    pub(crate) settings: Settings,
}

/// The settings of a protocol's sessions.
pub(crate) enum Settings {
    Smtp(Arc<waxwing_smtp::Config>),
    Imap(Arc<waxwing_imap::Config>),
    Pop3(Arc<waxwing_pop3::Options>),
    /// Without sessions of the driver.
    Web,
}

impl Door {
    pub(crate) fn new(listener: Listener, config: &Config) -> Self {
        let settings = match listener.service {
            Service::Smtp | Service::Submission | Service::Lmtp => {
                Settings::Smtp(smtp_settings(&listener, config))
            }
            Service::Imap => Settings::Imap(imap_settings(&listener, config)),
            Service::Pop3 => Settings::Pop3(pop3_settings(&listener, config)),
            Service::Http | Service::Metrics => Settings::Web,
        };
        Self {
            name: listener.name.as_str().into(),
            listener,
            settings,
        }
    }
}

fn smtp_settings(listener: &Listener, config: &Config) -> Arc<waxwing_smtp::Config> {
    use waxwing_smtp::Mode;
    let mode = match listener.service {
        Service::Submission => Mode::Submission,
        Service::Lmtp => Mode::Delivery,
        _ => Mode::Transfer,
    };
    let mut settings = waxwing_smtp::Config::new(config.hostname.as_str(), mode);
    settings.starttls = listener.tls == Tls::Starttls;
    settings.plaintext_auth = listener.plaintext_auth;
    settings.extensions = extensions(listener, config);
    limit(&mut settings.mechanisms, listener);
    settings.limits.message = config.limits.message_size.bytes();
    settings.limits.recipients = config.limits.recipients as usize;
    settings.limits.rate = config.limits.minimum_rate.bytes();
    settings.timeouts.transaction = config.timeouts.transaction.duration();
    settings.timeouts.session = config.timeouts.session.duration();
    Arc::new(settings)
}

/// What is offered: everything that the queue keeps.
fn extensions(listener: &Listener, config: &Config) -> waxwing_smtp::Extensions {
    let hold = config.queue.hold.duration();
    waxwing_smtp::Extensions {
        binary_mime: listener.binary_mime,
        dsn: true,
        require_tls: true,
        // RFC 4865 §3: for submission, which the session sees to.
        future_release: (!hold.is_zero()).then_some(hold),
        // RFC 2852 §3: any time is taken.
        deliver_by: Some(Duration::ZERO),
        mt_priority: listener.mt_priority,
        ..waxwing_smtp::Extensions::default()
    }
}

fn imap_settings(listener: &Listener, config: &Config) -> Arc<waxwing_imap::Config> {
    use waxwing_imap::Tls as State;
    let mut settings = waxwing_imap::Config {
        host_name: config.hostname.clone(),
        tls: match listener.tls {
            Tls::None => State::Unavailable,
            Tls::Starttls => State::Offered,
            Tls::Implicit => State::Active,
        },
        plaintext_auth: listener.plaintext_auth,
        ..waxwing_imap::Config::default()
    };
    limit(&mut settings.mechanisms, listener);
    settings.unauthenticate = listener.unauthenticate;
    settings.contact.clone_from(&config.contact);
    settings.limits.message = config.limits.message_size.bytes();
    settings.limits.messages = config.limits.messages_per_command;
    Arc::new(settings)
}

fn pop3_settings(listener: &Listener, config: &Config) -> Arc<waxwing_pop3::Options> {
    use waxwing_pop3::Tls as State;
    let mut settings = waxwing_pop3::Options {
        host: config.hostname.clone(),
        tls: match listener.tls {
            Tls::None => State::Absent,
            Tls::Starttls => State::Available,
            Tls::Implicit => State::Active,
        },
        plaintext_login: listener.plaintext_auth,
        ..waxwing_pop3::Options::default()
    };
    limit(&mut settings.mechanisms, listener);
    Arc::new(settings)
}

/// Offers what the listener names, and all if it names nothing.
fn limit(offered: &mut Vec<Mechanism>, listener: &Listener) {
    if !listener.mechanisms.is_empty() {
        offered.clone_from(&listener.mechanisms);
    }
}

/// Who is at the other end, and at which door.
pub(crate) struct Caller {
    /// The session's number in this process, for the log and for plugins.
    pub(crate) id: u64,
    pub(crate) door: Arc<Door>,
    pub(crate) client: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) tls: Option<Box<TlsFacts>>,
    /// Its place among the sessions.
    pub(crate) seat: Arc<Seat>,
}

impl Caller {
    pub(crate) fn new(
        door: Arc<Door>,
        client: SocketAddr,
        local: SocketAddr,
        seat: Arc<Seat>,
    ) -> Self {
        static SESSIONS: AtomicU64 = AtomicU64::new(1);
        Self {
            id: SESSIONS.fetch_add(1, Ordering::Relaxed),
            door,
            client,
            local,
            tls: None,
            seat,
        }
    }
}

/// Now, in milliseconds of Unix time.
pub(crate) fn now_millis() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// What a ledger's row refers to: the steps of the generation, which its rows do not repeat.
pub(crate) fn roster(ledger: &Ledger) -> Roster {
    Roster {
        key: ledger.roster.key(),
        json: ledger.roster.json().clone(),
    }
}

/// Does work on a content: at once if it is small, beside the event loop if it is not.
pub(crate) async fn off_the_loop<T: Send + 'static + Default>(
    content: Bytes,
    work: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> T {
    if content.len() <= LARGE {
        return work(&content);
    }
    tokio::task::spawn_blocking(move || work(&content))
        .await
        .unwrap_or_default()
}

/// What the store keeps of a message beside its octets.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// What readers need without parsing it again.
    pub(crate) summary: Vec<u8>,
    /// Which conversation it belongs to.
    pub(crate) thread: i64,
}

impl Outline {
    pub(crate) fn read(content: &[u8]) -> Self {
        let summary = Summary::read(content);
        Self {
            thread: summary.thread(),
            summary: summary.encode(),
        }
    }
}

/// The outline of a message.
pub(crate) async fn outline(content: &Bytes) -> Outline {
    off_the_loop(content.clone(), Outline::read).await
}
