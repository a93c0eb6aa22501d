//! `[limits]` and `[rates]`: what peers may use, at once and within a window of time.

use serde::Serialize;

use super::read::Section;
use super::units::{Network, Period, Size};

/// `[limits]`: what peers may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Sessions of all listeners together.
    pub sessions: u32,
    /// Sessions of one client address (IPv6: of one /64).
    pub sessions_per_address: u32,
    /// Sessions of one network; what one address may have, one network may have in any case.
    pub sessions_per_network: u32,
    /// How many leading bits of an IPv4 address are its network.
    pub ipv4_network: u32,
    /// How many leading bits of an IPv6 address are its network.
    pub ipv6_network: u32,
    /// Networks that neither `sessions_per_network` nor `[rates]` applies to.
    pub exempt: Vec<Network>,
    /// The largest message, in octets as transferred.
    pub message_size: Size,
    /// Octets of content that a peer must send each second.
    pub minimum_rate: Size,
    /// Memory for the content of all messages that are being received.
    pub content_memory: Size,
    /// Recipients of one transaction.
    pub recipients: u32,
    /// Messages that one IMAP command is about (RFC 9738).
    pub messages_per_command: u32,
    /// Received fields after which a message is taken to loop (RFC 5321 §6.3).
    pub received_hops: u32,
    /// Free space of the data directory below which strangers' messages are not taken.
    pub disk_reserve: Size,
    /// How late the store may be before strangers are told to come again.
    pub store_delay: Period,
}

/// `[rates]`: what those who have not logged in may do within a window; beyond it they are told to come again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rates {
    /// How long a window is.
    pub window: Period,
    /// For one client address (IPv6: one /64).
    pub address: Rate,
    /// For one network.
    pub network: Rate,
    /// For all together.
    pub all: Rate,
}

/// What may be done within a window; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rate {
    /// Connections.
    pub connections: u32,
    /// Commands, of any protocol.
    pub commands: u32,
    /// Commands that were in error.
    pub errors: u32,
    /// Recipients of messages.
    pub recipients: u32,
    /// Octets sent to this server.
    pub bytes: Size,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 20_000,
            sessions_per_address: 100,
            sessions_per_network: 1_000,
            ipv4_network: 24,
            // RFC 6177 §2: what a site has.
            ipv6_network: 56,
            exempt: ["127.0.0.0/8", "::1"]
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
            message_size: Size::mebibytes(50),
            minimum_rate: Size::new(64),
            content_memory: Size::mebibytes(512),
            recipients: 1_000,
            messages_per_command: 1_000_000,
            received_hops: 100,
            disk_reserve: Size::mebibytes(256),
            store_delay: Period::seconds(5),
        }
    }
}

impl Limits {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.value("sessions", &mut self.sessions);
        section.value("sessions-per-address", &mut self.sessions_per_address);
        section.value("sessions-per-network", &mut self.sessions_per_network);
        section.value("ipv4-network", &mut self.ipv4_network);
        section.value("ipv6-network", &mut self.ipv6_network);
        section.value("exempt", &mut self.exempt);
        section.value("message-size", &mut self.message_size);
        section.value("minimum-rate", &mut self.minimum_rate);
        section.value("content-memory", &mut self.content_memory);
        section.value("recipients", &mut self.recipients);
        section.value("messages-per-command", &mut self.messages_per_command);
        section.value("received-hops", &mut self.received_hops);
        section.value("disk-reserve", &mut self.disk_reserve);
        section.value("store-delay", &mut self.store_delay);
        section.at_least("sessions", self.sessions, 1);
        section.at_least("sessions-per-address", self.sessions_per_address, 1);
        section.at_least("sessions-per-network", self.sessions_per_network, 1);
        section.check("ipv4-network", no_prefix(self.ipv4_network, 32));
        // Addresses of IPv6 are counted by /64: a network is no smaller.
        section.check("ipv6-network", no_prefix(self.ipv6_network, 64));
        // RFC 5321 §4.5.3.1.8: 100 recipients must be taken.
        section.at_least("recipients", self.recipients, 100);
        // RFC 9738 §3: no fewer than 1,000.
        section.at_least("messages-per-command", self.messages_per_command, 1_000);
        section.at_least("received-hops", self.received_hops, 1);
        // RFC 5321 §4.5.3.1.7: 64K octets must be taken.
        section.at_least("message-size", self.message_size.bytes(), 64 * 1024);
        section.at_least("store-delay", self.store_delay, Period::milliseconds(100));
        let twice = 2 * self.message_size.bytes();
        let text = || {
            format!(
                "must hold at least two of the largest messages ({})",
                Size::new(twice)
            )
        };
        section.check(
            "content-memory",
            (self.content_memory.bytes() < twice).then(text),
        );
    }
}

fn no_prefix(bits: u32, most: u32) -> Option<String> {
    (!(8..=most).contains(&bits))
        .then(|| format!("must be the length of a prefix, from 8 to {most}"))
}

impl Default for Rates {
    fn default() -> Self {
        let address = Rate {
            connections: 600,
            commands: 20_000,
            errors: 300,
            recipients: 20_000,
            bytes: Size::mebibytes(2 * 1024),
        };
        Self {
            window: Period::seconds(60),
            address,
            network: Rate {
                connections: 5 * address.connections,
                commands: 5 * address.commands,
                errors: 5 * address.errors,
                recipients: 5 * address.recipients,
                bytes: Size::mebibytes(10 * 1024),
            },
            all: Rate {
                connections: 0,
                commands: 0,
                errors: 0,
                recipients: 0,
                bytes: Size::new(0),
            },
        }
    }
}

impl Rates {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.value("window", &mut self.window);
        section.at_least("window", self.window, Period::seconds(1));
        section.section("address", |section| self.address.read(section));
        section.section("network", |section| self.network.read(section));
        section.section("all", |section| self.all.read(section));
    }
}

impl Rate {
    fn read(&mut self, section: &mut Section<'_, '_>) {
        section.value("connections", &mut self.connections);
        section.value("commands", &mut self.commands);
        section.value("errors", &mut self.errors);
        section.value("recipients", &mut self.recipients);
        section.value("bytes", &mut self.bytes);
    }
}
