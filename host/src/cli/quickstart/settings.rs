//! The configuration that is written: what has no default that fits, and nothing else.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// What goes into it.
pub(super) struct Settings<'a> {
    pub(super) hostname: &'a str,
    pub(super) domain: &'a str,
    pub(super) data: &'a Path,
    pub(super) plugins: &'a Path,
    pub(super) listen: IpAddr,
    /// The ports that are registered, or any that are free.
    pub(super) registered: bool,
    /// The directory of a certification authority; empty: none.
    pub(super) acme: &'a str,
    /// The roots that its server is verified by.
    pub(super) acme_roots: Option<PathBuf>,
}

/// Listeners: name, protocol, when TLS begins, port.
const LISTENERS: [(&str, &str, &str, u16); 9] = [
    ("mx", "smtp", "starttls", 25),
    ("submission", "submission", "starttls", 587),
    ("submissions", "submission", "implicit", 465),
    ("imap", "imap", "starttls", 143),
    ("imaps", "imap", "implicit", 993),
    ("pop3", "pop3", "starttls", 110),
    ("pop3s", "pop3", "implicit", 995),
    // Certification authorities look here (http-01); passwords are not taken without TLS.
    ("http", "http", "none", 80),
    ("https", "http", "implicit", 443),
];
const METRICS: u16 = 2090;

impl Settings<'_> {
    pub(super) fn write(&self) -> String {
        let mut out = format!(
            "# Written by `waxwing quickstart {}`. What is not here has its default; `waxwing config` prints all of it.\n\n",
            self.domain
        );
        line(&mut out, "hostname", &text(self.hostname));
        let postmaster = format!("mailto:postmaster@{}", self.domain);
        line(&mut out, "contact", &text(&postmaster));
        line(&mut out, "data", &path(self.data));
        out.push_str("\n[policy]\n");
        line(&mut out, "file", &text("policy.toml"));
        line(&mut out, "plugins", &path(self.plugins));
        if !self.acme.is_empty() {
            out.push_str("\n# Certificates, got and renewed by the server itself; by this you agree to the authority's terms.\n[acme]\n");
            line(&mut out, "directory", &text(self.acme));
            line(&mut out, "contact", &text(&postmaster));
            if let Some(roots) = &self.acme_roots {
                line(&mut out, "roots", &path(roots));
            }
        }
        let port = |registered| if self.registered { registered } else { 0 };
        for (name, protocol, tls, registered) in LISTENERS {
            listener(
                &mut out,
                (name, protocol, tls),
                self.listen,
                port(registered),
            );
        }
        let own = IpAddr::from(Ipv4Addr::LOCALHOST);
        listener(&mut out, ("metrics", "metrics", "none"), own, port(METRICS));
        out
    }
}

fn listener(out: &mut String, (name, protocol, tls): (&str, &str, &str), at: IpAddr, port: u16) {
    out.push_str("\n[[listener]]\n");
    line(out, "name", &text(name));
    line(out, "protocol", &text(protocol));
    line(
        out,
        "address",
        &text(&std::net::SocketAddr::new(at, port).to_string()),
    );
    line(out, "tls", &text(tls));
}

fn line(out: &mut String, key: &str, value: &str) {
    let _infallible = writeln!(out, "{key} = {value}");
}

/// A string as TOML writes it.
fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

fn path(value: &Path) -> String {
    text(&value.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};

    #[test]
    fn what_is_written_is_read() {
        let settings = Settings {
            hostname: "mx.example.org",
            domain: "example.org",
            data: Path::new("/var/lib/\"wax\\wing"),
            plugins: Path::new("/usr/lib/waxwing/plugins"),
            listen: "::".parse().unwrap(),
            registered: true,
            acme: "https://ca.example/dir",
            acme_roots: None,
        };
        let file = Path::new("/etc/waxwing/waxwing.toml");
        let config = Config::of(&settings.write(), file, &Overrides::default()).unwrap();
        assert_eq!(config.data, settings.data);
        assert_eq!(config.policy.file, Path::new("/etc/waxwing/policy.toml"));
        assert_eq!(config.acme.contact, ["mailto:postmaster@example.org"]);
        // Those of a server without a configuration, and one more.
        let listeners = |config: &Config| {
            let of =
                |one: &crate::config::Listener| (one.name.clone(), one.address.clone(), one.tls);
            config.listeners.iter().map(of).collect::<Vec<_>>()
        };
        let mut own = listeners(&config);
        own.retain(|(name, ..)| name != "http");
        assert_eq!(own, listeners(&Config::default()));
        assert_eq!(crate::acme::problem(&config), None);
    }
}
