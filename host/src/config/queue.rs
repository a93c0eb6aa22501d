//! `[queue]`: mail on its way out, as far as it is not policy's: how much at a time, from which addresses, with which passwords.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::read::Section;
use super::units::Period;

/// What the queue may use, and what it gives a message that the policy says nothing of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Queue {
    /// Connections to other servers at once.
    pub connections: u32,
    /// Connections to one destination at once.
    pub connections_per_destination: u32,
    /// How long connecting to one address may take.
    pub connect: Period,
    /// The longest that a server may take for any reply.
    pub reply: Period,
    /// How long a worker that gives no sign keeps what it was sending.
    pub lease: Period,
    /// When a message is given up.
    pub expire: Period,
    /// When its sender is told that it is late.
    pub warn: Period,
    /// The longest that a user may have a message held back (FUTURERELEASE); zero: it is not offered.
    pub hold: Period,
    /// The port of other servers, where their MX records lead.
    pub port: u16,
    /// `host:port` of a proxy for HTTPS, by which policies of MTA-STS are fetched, reports are posted and clients are pushed to; empty: there is none.
    pub https_proxy: String,
    /// Whether the MX records of others may lead to addresses of this machine and of private networks.
    pub private_hosts: bool,
    /// The domain of rewritten senders (SRS); empty: the host name.
    pub srs_domain: String,
    /// Addresses to send from, by name.
    #[serde(rename = "source")]
    pub sources: Vec<QueueSource>,
    /// Logins at other servers, by name.
    pub credentials: Vec<QueueCredentials>,
}

/// `[[queue.source]]`: addresses to send from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueueSource {
    /// What plans of the policy call it.
    pub name: String,
    /// Addresses of this machine, one of each family at most.
    pub addresses: Vec<IpAddr>,
}

/// `[[queue.credentials]]`: a login at another server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueueCredentials {
    /// What plans of the policy call it.
    pub name: String,
    /// Who logs in.
    pub user: String,
    /// The file whose first line is the password; read at each login.
    pub password_file: PathBuf,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            connections: 100,
            connections_per_destination: 20,
            connect: Period::seconds(30),
            // RFC 5321 §4.5.3.2: the longest of its times, that for the end of the content.
            reply: Period::seconds(600),
            lease: Period::seconds(120),
            // RFC 5321 §4.5.4.1: at least 4 to 5 days.
            expire: Period::seconds(5 * 86_400),
            warn: Period::seconds(4 * 3600),
            hold: Period::seconds(31 * 86_400),
            // RFC 5321 §4.5.4.2.
            port: 25,
            https_proxy: String::new(),
            private_hosts: false,
            srs_domain: String::new(),
            sources: Vec::new(),
            credentials: Vec::new(),
        }
    }
}

impl Queue {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.value("connections", &mut self.connections);
        section.value(
            "connections-per-destination",
            &mut self.connections_per_destination,
        );
        section.value("connect", &mut self.connect);
        section.value("reply", &mut self.reply);
        section.value("lease", &mut self.lease);
        section.value("expire", &mut self.expire);
        section.value("warn", &mut self.warn);
        section.value("hold", &mut self.hold);
        section.value("port", &mut self.port);
        section.at_least("port", self.port, 1);
        section.value("https-proxy", &mut self.https_proxy);
        section.check("https-proxy", unreachable(&self.https_proxy));
        section.value("private-hosts", &mut self.private_hosts);
        section.value("srs-domain", &mut self.srs_domain);
        section.at_least("connections", self.connections, 1);
        section.at_least(
            "connections-per-destination",
            self.connections_per_destination,
            1,
        );
        // Leases are renewed three times while they last.
        section.at_least("lease", self.lease, Period::seconds(1));
        let mut sources = Vec::new();
        section.sections("source", |section| {
            let mut source = QueueSource::default();
            section.value("name", &mut source.name);
            section.value("addresses", &mut source.addresses);
            section.check("name", nameless(&source.name));
            sources.push(source);
        });
        self.sources = sources;
        let mut credentials = Vec::new();
        section.sections("credentials", |section| {
            let mut login = QueueCredentials::default();
            section.value("name", &mut login.name);
            section.value("user", &mut login.user);
            section.value("password-file", &mut login.password_file);
            section.check("name", nameless(&login.name));
            let missing = login.password_file.as_os_str().is_empty();
            section.check("password-file", missing.then(|| "must name a file".into()));
            credentials.push(login);
        });
        self.credentials = credentials;
    }
}

fn unreachable(proxy: &str) -> Option<String> {
    let port = proxy.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    (!proxy.is_empty() && !matches!(port, Some(Ok(_))))
        .then(|| format!("{proxy:?} is no host:port"))
}

fn nameless(name: &str) -> Option<String> {
    name.is_empty()
        .then(|| "must be a name for plans of the policy".into())
}
