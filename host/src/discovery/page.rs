//! A page for who sets up a phone: the link to the profile, the same as a picture for its camera, and what to type where neither is of use.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use url::form_urlencoded;
use waxwing_mail::Address;

use super::{Server, qr};
use crate::config::{Config, Service, Tls};
use crate::publish;

/// RFC 9110 §4.2.2.
const HTTPS: u16 = 443;

/// Where the profile of an address is; none where nothing is served under TLS.
pub(crate) fn profile_link(config: &Config, address: &Address) -> Option<String> {
    let port = publish::port(config, Service::Http, Tls::Implicit)?;
    let host = &config.hostname;
    let place = if port == HTTPS {
        host.clone()
    } else {
        format!("{host}:{port}")
    };
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("address", &address.to_string())
        .finish();
    Some(format!("https://{place}/apple.mobileconfig?{query}"))
}

/// The page. There is nothing in it that runs, and no style: the policy that goes with it forbids both.
pub(super) fn write(address: &Address, link: Option<&str>, servers: &[Server]) -> String {
    let name = address.to_string();
    let name = escape(name.as_str());
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Mail of {name}</title>\n<h1>Mail of {name}</h1>\n"
    );
    if let Some(link) = link {
        let _infallible = writeln!(
            out,
            "<p>On an iPhone, an iPad or a Mac: <a href=\"{0}\">get the profile</a>, and open it in the settings. It has no password: that is asked for.</p>\n\
             <p>With a phone in the hand, point its camera here:</p>\n{1}",
            escape(link),
            qr::svg(link).unwrap_or_default()
        );
    }
    out.push_str(
        "<p>Other programs find all this by the address alone. Where one asks:</p>\n<table>\n\
         <tr><th scope=\"col\">Protocol</th><th scope=\"col\">Server</th><th scope=\"col\">Port</th><th scope=\"col\">Security</th></tr>\n",
    );
    for server in servers {
        let security = if server.implicit { "TLS" } else { "STARTTLS" };
        let _infallible = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{security}</td></tr>",
            server.protocol.to_uppercase(),
            escape(server.host.as_str()),
            server.port
        );
    }
    let _infallible = writeln!(out, "</table>\n<p>The user name is {name}.</p>\n</html>");
    out
}
