//! What others see who come to deliver: whether the hosts of the MX records can be reached and offer TLS, which certificates they and the
//! host of the policy show, and which policy that serves.
//!
//! Standards: RFC 3207 (STARTTLS), RFC 8461 §3.3 (how a policy is fetched) and §4.1 (what a certificate must be).

use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, Error as TlsError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use waxwing_auth::mta_sts::{MAX_POLICY, StsPolicy};
use waxwing_policy::{HttpFailure, HttpRequest};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Check;
use crate::dial;

/// How long one host may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Hosts of MX records that are looked at.
const MAX_HOSTS: usize = 10;
/// Octets of a reply.
const MAX_REPLY: usize = 8192;
/// Certificates that expire within so many seconds are told of: those that are renewed by themselves have been by then.
const SOON: i64 = 14 * 86_400;

impl Check<'_> {
    /// The hosts of the MX records.
    pub(super) async fn hosts(&mut self, hosts: &[String], now: u64) {
        for host in hosts.iter().take(MAX_HOSTS) {
            let port = self.site.port;
            let seen = timeout(PATIENCE, self.mail_host(host, now)).await;
            let trouble = seen.unwrap_or_else(|_| {
                let advice = "look at the host: others give up, too, or are kept waiting";
                Some((format!("does not answer at port {port} in time"), advice))
            });
            if let Some((problem, advice)) = trouble {
                self.found("tls", format!("{host} {problem}"), advice);
            }
        }
    }

    /// What is wrong with a host of an MX record, and what to do.
    async fn mail_host(&self, host: &str, now: u64) -> Option<(String, &'static str)> {
        let (port, private) = (self.site.port, self.site.private_hosts);
        let stream = match dial::connect(self.resolver, host, port, private, PATIENCE).await {
            Ok(stream) => stream,
            Err(failure) => {
                return Some((
                    format!("cannot be reached at port {port}: {}", why(&failure)),
                    "see that a listener is there and that no firewall is in the way; from behind NAT look from elsewhere",
                ));
            }
        };
        let stream = match start_tls(stream, &self.site.host).await {
            Ok(stream) => stream,
            Err(cause) => {
                return Some((
                    cause,
                    "set `tls = \"starttls\"` of its listener, or mail for the domain goes in clear",
                ));
            }
        };
        let problem = self.certificate(stream, host, now).await?;
        Some((
            problem,
            "give it one of a certification authority for this name: whoever verifies it delivers nothing otherwise",
        ))
    }

    /// The host of the policy, and what it serves.
    pub(super) async fn policy_file(&mut self, host: &str, wanted: &StsPolicy, now: u64) {
        let request = HttpRequest {
            secure: true,
            host: host.to_owned(),
            port: 443,
            method: "GET".to_owned(),
            target: "/.well-known/mta-sts.txt".to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            timeout: PATIENCE,
            max_response: MAX_POLICY,
            private: self.site.private_hosts,
        };
        let stream = match timeout(PATIENCE, self.client.connect(&request)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(failure)) => return self.unfetched(host, &why(&failure)),
            Err(_) => return self.unfetched(host, "it does not answer in time"),
        };
        let shown = timeout(PATIENCE, self.certificate(stream, host, now)).await;
        if let Some(problem) = shown.ok().flatten() {
            self.found(
                "mta-sts",
                format!("{host} {problem}"),
                "name a certificate of a certification authority for it in [[tls.more]]: others fetch no policy otherwise",
            );
        }
        match self.client.fetch(request).await {
            // RFC 8461 §3.3: only 200 counts; redirects are not followed.
            Ok(response) if response.status == 200 => {
                if StsPolicy::parse(&response.body).as_ref() != Ok(wanted) {
                    self.found(
                        "mta-sts",
                        format!("{host} serves another policy than this server has"),
                        "let the name lead to this server, whose listener of the protocol http serves it",
                    );
                }
            }
            Ok(response) => self.unfetched(host, &format!("the answer is {}", response.status)),
            Err(failure) => self.unfetched(host, &why(&failure)),
        }
    }

    fn unfetched(&mut self, host: &str, cause: &str) {
        self.found(
            "mta-sts",
            format!("https://{host}/.well-known/mta-sts.txt cannot be fetched: {cause}"),
            "let a listener of the protocol http be reached at port 443 of that name",
        );
    }

    /// What is wrong with the certificate that a host shows, as whoever verifies it sees it.
    async fn certificate(&self, stream: TcpStream, host: &str, now: u64) -> Option<String> {
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let connector = TlsConnector::from(self.client.tls());
        match connector.connect(name, stream).await {
            Ok(stream) => {
                let (_, session) = stream.get_ref();
                let own = session.peer_certificates()?.first()?;
                let (_, parsed) = X509Certificate::from_der(own).ok()?;
                let until = parsed.validity().not_after.timestamp();
                let left = until.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX));
                (left < SOON).then(|| format!("shows a certificate that expires {}", day(until)))
            }
            Err(error) => Some(told(&error, host)),
        }
    }
}

/// Why nobody answers.
fn why(failure: &HttpFailure) -> String {
    match failure {
        HttpFailure::AddressRefused(_) => {
            "it has only addresses that are not public, and [queue] private-hosts is not set"
                .to_owned()
        }
        other => other.to_string(),
    }
}

/// A day for people.
fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| "some day".to_owned(),
        |at| at.strftime("%Y-%m-%d").to_string(),
    )
}

/// Why a handshake failed.
fn told(error: &std::io::Error, host: &str) -> String {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<TlsError>());
    let Some(TlsError::InvalidCertificate(cause)) = cause else {
        return format!("does not shake hands: {error}");
    };
    match cause {
        CertificateError::ExpiredContext { not_after, .. } => {
            let until = i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX);
            format!("shows a certificate that has expired, {}", day(until))
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| plain(name)).collect();
            let names = names.join(", ");
            format!("shows a certificate that is for {names}, and not for {host}")
        }
        // An authority that is known by its name only has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "shows a certificate of no certification authority that this system knows".to_owned()
        }
        other => format!("shows a certificate that is not good: {other}"),
    }
}

/// A name without what the library puts around it: `DnsName("mx.example.org")`.
fn plain(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

/// Comes to the handshake of a mail host (RFC 3207 §4); or what the host does instead.
async fn start_tls(mut stream: TcpStream, own: &str) -> Result<TcpStream, String> {
    for (command, expected) in [(None, 220), (Some(format!("EHLO {own}")), 250)] {
        let (code, text) = exchange(&mut stream, command.as_deref()).await?;
        if code != expected {
            return Err(format!("answers {text:?}"));
        }
        let offered = text
            .lines()
            .filter_map(|line| line.get(4..))
            .any(|word| word.eq_ignore_ascii_case("STARTTLS"));
        if command.is_some() && !offered {
            return Err("does not offer STARTTLS".to_owned());
        }
    }
    match exchange(&mut stream, Some("STARTTLS")).await? {
        (220, _) => Ok(stream),
        (_, text) => Err(format!("answers STARTTLS with {text:?}")),
    }
}

/// Sends a command, if there is one, and reads a reply: its code and its lines.
async fn exchange(stream: &mut TcpStream, command: Option<&str>) -> Result<(u16, String), String> {
    let lost = |error: std::io::Error| format!("breaks the connection off: {error}");
    if let Some(command) = command {
        let line = format!("{command}\r\n");
        stream.write_all(line.as_bytes()).await.map_err(lost)?;
    }
    let mut octets = Vec::new();
    // Octet by octet: what follows the reply is the handshake's.
    while octets.len() < MAX_REPLY {
        let octet = stream.read_u8().await.map_err(lost)?;
        octets.push(octet);
        if octet != b'\n' {
            continue;
        }
        let text = String::from_utf8_lossy(&octets);
        let text = text.trim_end();
        let last = text.rsplit('\n').next().unwrap_or_default();
        // RFC 5321 §4.2.1: the last line has no hyphen behind its code.
        if last.as_bytes().get(3) != Some(&b'-') {
            let code = last.get(..3).and_then(|code| code.parse().ok());
            let code = code.ok_or_else(|| format!("answers {last:?}"))?;
            return Ok((code, text.to_owned()));
        }
    }
    Err("answers without an end".to_owned())
}
