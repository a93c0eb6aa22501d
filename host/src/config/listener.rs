//! `[[listener]]`: an address, and what is spoken there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Serialize, Serializer};
use waxwing_sasl::Mechanism;

use super::read::Section;
use super::units::Network;

/// What is spoken at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listener {
    /// The name plugins, metrics and logs know it by; unique.
    pub name: String,
    /// What is spoken.
    #[serde(rename = "protocol")]
    pub service: Service,
    /// Where; port 0 takes a free one.
    pub address: Vec<SocketAddr>,
    /// When TLS begins.
    pub tls: Tls,
    /// Whether passwords may be sent without TLS. For development on the loopback only.
    pub plaintext_auth: bool,
    /// Whether it is found out who the mail that comes here is from, where nobody has logged in.
    pub check_origin: bool,
    /// Whether every connection comes through a proxy, which says in a header whom it is for.
    pub proxy_protocol: bool,
    /// The networks of the proxies; others are not heard.
    pub proxy_from: Vec<Network>,
    /// The networks whose peers may say for whom they speak, by XCLIENT.
    pub xclient_from: Vec<Network>,
    /// Whether messages of any octets are taken (BINARYMIME, RFC 3030).
    pub binary_mime: bool,
    /// Whether messages may say how urgent they are (MT-PRIORITY, RFC 6710).
    pub mt_priority: bool,
    /// Whether IMAP clients may log out and stay, to log in as somebody else (UNAUTHENTICATE, RFC 8437).
    pub unauthenticate: bool,
    /// Whether clients are asked for a certificate, by which they may log in; they need not have one.
    pub client_certificates: bool,
    /// The only ways to log in, in the order in which they are offered; empty: all that there are.
    #[serde(serialize_with = "names")]
    pub mechanisms: Vec<Mechanism>,
}

/// Mechanisms are written by their registered names.
fn names<S: Serializer>(mechanisms: &[Mechanism], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(mechanisms.iter().map(|mechanism| mechanism.as_str()))
}

impl Listener {
    /// Whether a peer at this address may speak for others.
    pub(crate) fn trusts_xclient(&self, address: IpAddr) -> bool {
        self.xclient_from
            .iter()
            .any(|network| network.contains(address))
    }

    /// Whether a proxy at this address is believed.
    pub(crate) fn trusts_proxy(&self, address: IpAddr) -> bool {
        self.proxy_from
            .iter()
            .any(|network| network.contains(address))
    }
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Mail from other servers (RFC 5321).
    Smtp,
    /// Mail from the users' programs (RFC 6409).
    Submission,
    /// Mail from another server of this site (RFC 2033).
    Lmtp,
    /// IMAP (RFC 3501).
    Imap,
    /// POP3 (RFC 1939).
    Pop3,
    /// What everybody may ask over HTTP: the policies of MTA-STS (RFC 8461), the settings of mail programs.
    Http,
    /// `/metrics`, `/healthz` and `/readyz` over HTTP.
    Metrics,
}

impl Service {
    /// RFC 6710 §4.1, §6: for programs that have logged in, and within a site; between servers it needs an agreement.
    fn takes_priorities(self) -> bool {
        matches!(self, Self::Submission | Self::Lmtp)
    }

    /// The word of the configuration file and of the metrics' labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Lmtp => "lmtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Http => "http",
            Self::Metrics => "metrics",
        }
    }
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Never.
    None,
    /// When the peer asks for it (RFC 3207, RFC 3501 §6.2.1, RFC 2595).
    Starttls,
    /// At once (RFC 8314).
    Implicit,
}

/// The IANA ports; LMTP is only for sites that want it.
pub(super) fn defaults() -> Vec<Listener> {
    let public = |name: &str, service, port, tls| Listener {
        name: name.into(),
        service,
        address: vec![(Ipv6Addr::UNSPECIFIED, port).into()],
        tls,
        plaintext_auth: false,
        check_origin: service == Service::Smtp,
        proxy_protocol: false,
        proxy_from: Vec::new(),
        xclient_from: Vec::new(),
        binary_mime: false,
        mt_priority: service.takes_priorities(),
        unauthenticate: false,
        client_certificates: false,
        mechanisms: Vec::new(),
    };
    vec![
        public("mx", Service::Smtp, 25, Tls::Starttls),
        public("submission", Service::Submission, 587, Tls::Starttls),
        public("submissions", Service::Submission, 465, Tls::Implicit),
        public("imap", Service::Imap, 143, Tls::Starttls),
        public("imaps", Service::Imap, 993, Tls::Implicit),
        public("pop3", Service::Pop3, 110, Tls::Starttls),
        public("pop3s", Service::Pop3, 995, Tls::Implicit),
        public("https", Service::Http, 443, Tls::Implicit),
        Listener {
            address: vec![(Ipv4Addr::LOCALHOST, 2090).into()],
            ..public("metrics", Service::Metrics, 0, Tls::None)
        },
    ]
}

/// Reads all `[[listener]]`; those of the file replace the default ones.
pub(super) fn read_all(root: &mut Section<'_, '_>, listeners: &mut Vec<Listener>) {
    let mut read: Vec<Listener> = Vec::new();
    let present = root.sections("listener", |section| {
        let listener = read_one(section);
        let twice = read.iter().any(|other| other.name == listener.name);
        section.check(
            "name",
            twice.then(|| format!("another listener is called {:?} already", listener.name)),
        );
        read.push(listener);
    });
    if present {
        *listeners = read;
    }
}

fn read_one(section: &mut Section<'_, '_>) -> Listener {
    let mut listener = Listener {
        name: String::new(),
        service: Service::Smtp,
        address: Vec::new(),
        tls: Tls::Starttls,
        plaintext_auth: false,
        check_origin: false,
        proxy_protocol: false,
        proxy_from: Vec::new(),
        xclient_from: Vec::new(),
        binary_mime: false,
        mt_priority: false,
        unauthenticate: false,
        client_certificates: false,
        mechanisms: Vec::new(),
    };
    section.value("protocol", &mut listener.service);
    match listener.service {
        Service::Metrics => listener.tls = Tls::None,
        Service::Http => listener.tls = Tls::Implicit,
        _ => {}
    }
    section.value("name", &mut listener.name);
    section.value("address", &mut listener.address);
    section.value("tls", &mut listener.tls);
    section.value("plaintext-auth", &mut listener.plaintext_auth);
    read_proxy(section, &mut listener);
    read_extensions(section, &mut listener);
    // What is on the loopback only, and not behind a proxy, is for programs of this machine, which have handed mail in themselves.
    let loopback = |address: &SocketAddr| address.ip().is_loopback();
    let local = listener.address.iter().all(loopback) && !listener.proxy_protocol;
    listener.check_origin = listener.service == Service::Smtp && !local;
    section.value("check-origin", &mut listener.check_origin);
    let pointless =
        listener.check_origin && !matches!(listener.service, Service::Smtp | Service::Lmtp);
    section.check(
        "check-origin",
        pointless.then(|| "only mail that comes by smtp or lmtp has an origin to check".into()),
    );
    for key in ["name", "protocol", "address"] {
        section.check(
            key,
            (!section.has(key))
                .then(|| "missing; a listener needs name, protocol and address".into()),
        );
    }
    let late = listener.service == Service::Http && listener.tls == Tls::Starttls;
    section.check(
        "tls",
        late.then(|| "http has TLS from the first octet, or none: write implicit or none".into()),
    );
    let encrypted = listener.service == Service::Metrics && listener.tls != Tls::None;
    section.check(
        "tls",
        encrypted.then(|| "metrics are served without TLS; bind them to the loopback".into()),
    );
    read_mechanisms(section, &mut listener);
    let exposed = listener.plaintext_auth && !listener.address.iter().all(loopback);
    section.check(
        "plaintext-auth",
        exposed.then(|| "passwords without TLS are allowed on loopback addresses only".into()),
    );
    listener
}

/// How one may log in.
fn read_mechanisms(section: &mut Section<'_, '_>, listener: &mut Listener) {
    section.value("client-certificates", &mut listener.client_certificates);
    section.value("mechanisms", &mut listener.mechanisms);
    let clear = listener.tls == Tls::None;
    let unasked = listener.client_certificates && clear;
    section.check(
        "client-certificates",
        unasked.then(|| "means nothing without tls".into()),
    );
    let takes_logins = matches!(
        listener.service,
        Service::Smtp | Service::Submission | Service::Imap | Service::Pop3
    );
    let names = |mechanism| listener.mechanisms.contains(&mechanism);
    let problem = if !takes_logins && !listener.mechanisms.is_empty() {
        Some(format!("nobody logs in by {}", listener.service.as_str()))
    } else if names(Mechanism::ScramSha256Plus) && clear {
        Some("SCRAM-SHA-256-PLUS is tied to TLS, and there is none".to_owned())
    } else if names(Mechanism::External) && !listener.client_certificates {
        Some("EXTERNAL needs client-certificates = true".to_owned())
    } else {
        None
    };
    section.check("mechanisms", problem);
}

/// What SMTP and IMAP can do besides.
fn read_extensions(section: &mut Section<'_, '_>, listener: &mut Listener) {
    section.value("xclient-from", &mut listener.xclient_from);
    section.value("binary-mime", &mut listener.binary_mime);
    listener.mt_priority = listener.service.takes_priorities();
    section.value("mt-priority", &mut listener.mt_priority);
    section.value("unauthenticate", &mut listener.unauthenticate);
    let smtp = matches!(
        listener.service,
        Service::Smtp | Service::Submission | Service::Lmtp
    );
    for (key, on) in [
        ("xclient-from", !listener.xclient_from.is_empty()),
        ("binary-mime", listener.binary_mime),
        ("mt-priority", listener.mt_priority),
    ] {
        let strange = on && !smtp;
        section.check(
            key,
            strange.then(|| "is an extension of smtp, submission and lmtp".into()),
        );
    }
    let strange = listener.unauthenticate && listener.service != Service::Imap;
    section.check(
        "unauthenticate",
        strange.then(|| "is an extension of imap".into()),
    );
}

/// What a listener behind a proxy has besides.
fn read_proxy(section: &mut Section<'_, '_>, listener: &mut Listener) {
    section.value("proxy-protocol", &mut listener.proxy_protocol);
    section.value("proxy-from", &mut listener.proxy_from);
    let trusts_nobody = listener.proxy_protocol && listener.proxy_from.is_empty();
    let unproxied = listener.service == Service::Metrics && listener.proxy_protocol;
    section.check(
        "proxy-protocol",
        if unproxied {
            Some("metrics are not served through a proxy".into())
        } else {
            trusts_nobody.then(|| "write in proxy-from which networks the proxies are in".into())
        },
    );
    let unused = !listener.proxy_protocol && !listener.proxy_from.is_empty();
    section.check(
        "proxy-from",
        unused.then(|| "means nothing without proxy-protocol = true".into()),
    );
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn listeners_are_checked() {
        let text = "[[listener]]\nname = \"a\"\nprotocol = \"imap\"\naddress = \"0.0.0.0:143\"\nplaintext-auth = true\n\
                    [[listener]]\nname = \"a\"\nprotocol = \"gopher\"\n";
        let problems: Vec<_> = Config::parse(text, "w.toml")
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            problems,
            [
                "w.toml:5: listener.plaintext-auth: passwords without TLS are allowed on loopback addresses only",
                "w.toml:7: listener.address: missing; a listener needs name, protocol and address",
                "w.toml:7: listener.name: another listener is called \"a\" already",
                "w.toml:8: listener.protocol: expected one of smtp, submission, lmtp, imap, pop3, http, metrics, found \"gopher\"",
            ]
        );
    }
}
