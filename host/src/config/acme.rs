//! `[acme]`: certificates that the server gets by itself.

use std::path::PathBuf;

use serde::Serialize;

use super::read::Section;
use super::units::Period;

/// The certification authority (RFC 8555), and how names are shown to be ours; an empty directory is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Acme {
    /// The URL of the authority's directory (§7.1.1).
    pub directory: String,
    /// How the authority reaches the operator, as URLs.
    pub contact: Vec<String>,
    /// Challenges that may be answered, the preferred one first.
    pub challenges: Vec<ChallengeKind>,
    /// Names beside those that follow from the rest.
    pub names: Vec<String>,
    /// The roots that the authority's server is verified by; empty: those of the system.
    pub roots: PathBuf,
    /// The identifier of an account that the authority knows otherwise (§7.3.4); empty: none.
    pub external_account: String,
    /// The file of its key.
    pub external_account_key_file: PathBuf,
    /// Where records for `dns-01` are written.
    pub dns: DnsUpdates,
}

/// How it is shown that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ChallengeKind {
    /// A page on port 80 (RFC 8555 §8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// A certificate on port 443 (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// A record in the DNS (RFC 8555 §8.4).
    #[serde(rename = "dns-01")]
    Dns01,
}

impl ChallengeKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Dns01 => "dns-01",
        }
    }
}

/// `[acme.dns]`: a name server that takes updates (RFC 2136), signed (RFC 8945).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DnsUpdates {
    /// Its address, with or without a port; empty: none.
    pub server: String,
    /// The zone; empty: the server is asked for it.
    pub zone: String,
    /// The name of the key.
    pub key: String,
    /// What is made with it.
    pub algorithm: TsigAlgorithm,
    /// The file of its secret.
    pub secret_file: PathBuf,
    /// How long the zone's other servers need.
    pub settle: Period,
}

/// Algorithms of TSIG that are fit for use (RFC 8945 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TsigAlgorithm {
    /// HMAC with SHA-256.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// HMAC with SHA-384.
    #[serde(rename = "hmac-sha384")]
    HmacSha384,
    /// HMAC with SHA-512.
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory: String::new(),
            contact: Vec::new(),
            challenges: vec![ChallengeKind::Http01, ChallengeKind::TlsAlpn01],
            names: Vec::new(),
            roots: PathBuf::new(),
            external_account: String::new(),
            external_account_key_file: PathBuf::new(),
            dns: DnsUpdates {
                server: String::new(),
                zone: String::new(),
                key: String::new(),
                algorithm: TsigAlgorithm::HmacSha256,
                secret_file: PathBuf::new(),
                settle: Period::seconds(10),
            },
        }
    }
}

impl Acme {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.value("directory", &mut self.directory);
        section.value("contact", &mut self.contact);
        section.value("challenges", &mut self.challenges);
        section.value("names", &mut self.names);
        section.value("roots", &mut self.roots);
        section.value("external-account", &mut self.external_account);
        section.value(
            "external-account-key-file",
            &mut self.external_account_key_file,
        );
        section.section("dns", |section| self.dns.read(section));
        section.check("directory", self.directory_problem());
        section.check("contact", self.contact_problem());
        section.check("names", self.names_problem());
        section.check("challenges", self.challenges_problem());
        let halves = self.external_account.is_empty()
            != self.external_account_key_file.as_os_str().is_empty();
        section.check(
            "external-account",
            halves.then(|| {
                "external-account and external-account-key-file belong together; give both or neither".into()
            }),
        );
    }

    fn directory_problem(&self) -> Option<String> {
        // RFC 8555 §6.1: over HTTPS only.
        let fits = |url: &url::Url| url.scheme() == "https" && url.has_host();
        let good = self.directory.is_empty()
            || url::Url::parse(&self.directory).is_ok_and(|url| fits(&url));
        (!good).then(|| {
            "expected a URL such as \"https://acme-v02.api.letsencrypt.org/directory\"".into()
        })
    }

    fn contact_problem(&self) -> Option<String> {
        // RFC 8555 §7.3: authorities must take mailto, and may take others.
        let wrong = self.contact.iter().find(|url| !super::is_uri(url))?;
        Some(format!(
            "`{wrong}` is no URL; write \"mailto:admin@example.org\""
        ))
    }

    fn names_problem(&self) -> Option<String> {
        let wrong = self
            .names
            .iter()
            .find(|name| waxwing_mail::Domain::parse(name).is_err())?;
        Some(format!("`{wrong}` is no name of a host"))
    }

    fn challenges_problem(&self) -> Option<String> {
        if self.challenges.is_empty() {
            return Some("must have one at least".into());
        }
        let DnsUpdates {
            server,
            key,
            secret_file,
            ..
        } = &self.dns;
        let updates = !server.is_empty() && !key.is_empty() && !secret_file.as_os_str().is_empty();
        (self.challenges.contains(&ChallengeKind::Dns01) && !updates)
            .then(|| "dns-01 needs server, key and secret-file in [acme.dns]".into())
    }

    /// The files that it names.
    pub(super) fn paths(&mut self) -> [&mut PathBuf; 3] {
        [
            &mut self.roots,
            &mut self.external_account_key_file,
            &mut self.dns.secret_file,
        ]
    }
}

impl DnsUpdates {
    fn read(&mut self, section: &mut Section<'_, '_>) {
        section.value("server", &mut self.server);
        section.value("zone", &mut self.zone);
        section.value("key", &mut self.key);
        section.value("algorithm", &mut self.algorithm);
        section.value("secret-file", &mut self.secret_file);
        section.value("settle", &mut self.settle);
        let wrong = !self.server.is_empty() && super::server(&self.server).is_none();
        section.check(
            "server",
            wrong.then(|| {
                format!(
                    "`{}` is neither an address nor an address with a port",
                    self.server
                )
            }),
        );
    }
}
