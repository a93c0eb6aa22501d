//! `config-v1.1.xml`, which Thunderbird, K-9, Evolution and others ask for.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::Server;

/// All services of a domain; programs take the first that they can use.
pub(super) fn write(domain: &str, servers: &[Server]) -> String {
    let domain = escape(domain);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n  <emailProvider id=\"{domain}\">\n    \
         <domain>{domain}</domain>\n    <displayName>{domain}</displayName>\n    <displayShortName>{domain}</displayShortName>\n"
    );
    for protocol in ["imap", "pop3", "smtp"] {
        for server in servers.iter().filter(|server| server.protocol == protocol) {
            one(&mut out, server);
        }
    }
    out.push_str("  </emailProvider>\n</clientConfig>\n");
    out
}

fn one(out: &mut String, server: &Server) {
    let kind = match server.protocol {
        "smtp" => "outgoingServer",
        _ => "incomingServer",
    };
    let tls = match server.implicit {
        true => "SSL",
        false => "STARTTLS",
    };
    let (protocol, host, port) = (server.protocol, escape(&server.host), server.port);
    // Under TLS a password in clear is what all programs can; the name of a user is the address.
    let _infallible = write!(
        out,
        "    <{kind} type=\"{protocol}\">\n      <hostname>{host}</hostname>\n      <port>{port}</port>\n      \
         <socketType>{tls}</socketType>\n      <username>%EMAILADDRESS%</username>\n      \
         <authentication>password-cleartext</authentication>\n    </{kind}>\n"
    );
}
