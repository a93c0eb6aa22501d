//! What mail programs are told of this server when a user gives them nothing but an address and a password.
//!
//! Standards: RFC 8314 §5 (which services a program should use); beside the records of RFC 6186 (`publish/records.rs`) the files that programs
//! ask for: `config-v1.1.xml` (Thunderbird, K-9 and others), Autodiscover (Outlook), configuration profiles (Apple).
//! Invariants: all is told of a domain that is served here and nothing of its accounts, so that nobody finds out who has one, and anybody may
//! ask; nothing is offered without TLS.

mod autoconfig;
mod autodiscover;
mod page;
mod profile;
pub(crate) mod qr;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use url::form_urlencoded;
use waxwing_mail::Address;

use crate::config::Config;
use crate::publish;
use crate::wiring::Parts;

pub(crate) use page::profile_link;

/// Octets of a question in XML.
const MAX_QUESTION: usize = 16 * 1024;

/// A service that programs are told of.
struct Server {
    /// `imap`, `pop3` or `smtp`.
    protocol: &'static str,
    host: String,
    port: u16,
    /// TLS from the first octet; else by STARTTLS.
    implicit: bool,
}

/// The services, the best of each protocol first.
fn servers(config: &Config) -> Vec<Server> {
    let protocol = |label: &str| match label {
        "_submissions" | "_submission" => Some("smtp"),
        "_imaps" | "_imap" => Some("imap"),
        "_pop3s" | "_pop3" => Some("pop3"),
        _ => None,
    };
    let offers = publish::offers(config).into_iter();
    let server = |offer: publish::Offer| {
        Some(Server {
            protocol: protocol(offer.label)?,
            host: config.hostname.clone(),
            port: offer.port?,
            implicit: offer.implicit,
        })
    };
    offers.filter_map(server).collect()
}

/// Where programs look.
pub(crate) fn routes(parts: Arc<Parts>) -> Router {
    Router::new()
        .route("/mail/config-v1.1.xml", get(config_of_host))
        .route(
            "/.well-known/autoconfig/mail/config-v1.1.xml",
            get(config_of_host),
        )
        // Programs write it as they like.
        .route("/autodiscover/autodiscover.xml", post(discover))
        .route("/Autodiscover/Autodiscover.xml", post(discover))
        .route("/AutoDiscover/AutoDiscover.xml", post(discover))
        .route("/apple.mobileconfig", get(apple))
        .route("/apple", get(apple_page))
        .layer(DefaultBodyLimit::max(MAX_QUESTION))
        .with_state(parts)
}

async fn config_of_host(
    State(parts): State<Arc<Parts>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = parameter(query.as_deref(), "emailaddress");
    let of_address = asked.as_deref().and_then(domain_of);
    let Some(domain) = of_address.or_else(|| of_host(&headers)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match served(&parts, &domain).await {
        Ok(domain) => xml(autoconfig::write(&domain, &servers(&parts.config))),
        Err(status) => status.into_response(),
    }
}

async fn discover(State(parts): State<Arc<Parts>>, question: String) -> Response {
    let asked = match autodiscover::read(&question) {
        Ok(asked) => asked,
        Err(wrong) => return xml(autodiscover::write_error(wrong)),
    };
    let known = match domain_of(&asked) {
        Some(domain) => served(&parts, &domain).await,
        None => Err(StatusCode::NOT_FOUND),
    };
    match known {
        Ok(_) => xml(autodiscover::write(&asked, &servers(&parts.config))),
        Err(StatusCode::NOT_FOUND) => xml(autodiscover::write_error(
            autodiscover::Wrong::UnknownAddress,
        )),
        Err(status) => status.into_response(),
    }
}

async fn apple(State(parts): State<Arc<Parts>>, RawQuery(query): RawQuery) -> Response {
    let asked = parameter(query.as_deref(), "address");
    let address = asked.and_then(|text| Address::parse(&text).ok());
    let Some(address) = address else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match served(&parts, &address.domain().to_string()).await {
        Ok(_) => {
            let content = profile::write(&address, &servers(&parts.config));
            let kind = [
                (header::CONTENT_TYPE, "application/x-apple-aspen-config"),
                (
                    header::CONTENT_DISPOSITION,
                    "attachment; filename=\"mail.mobileconfig\"",
                ),
            ];
            (kind, content).into_response()
        }
        Err(status) => status.into_response(),
    }
}

/// Nothing on the page is anybody else's, and it may be shown in no other one.
const PAGE_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async fn apple_page(State(parts): State<Arc<Parts>>, RawQuery(query): RawQuery) -> Response {
    let asked = parameter(query.as_deref(), "address");
    let Some(address) = asked.and_then(|text| Address::parse(&text).ok()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match served(&parts, &address.domain().to_string()).await {
        Ok(_) => {
            let link = profile_link(&parts.config, &address);
            let content = page::write(&address, link.as_deref(), &servers(&parts.config));
            let fields = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::REFERRER_POLICY, "no-referrer"),
            ];
            (fields, content).into_response()
        }
        Err(status) => status.into_response(),
    }
}

fn xml(content: String) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], content).into_response()
}

/// The domain as it is served here, or why nothing is said of it.
async fn served(parts: &Parts, domain: &str) -> Result<String, StatusCode> {
    match parts.store.directory().domain(domain).await {
        Ok(Some(known)) => Ok(known.name.clone()),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::warn!(%error, domain, "a domain could not be looked up");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// A parameter of the query; names are compared without regard to case, as programs write them.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    let found = pairs.find(|(given, _)| given.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.into_owned())
}

fn domain_of(address: &str) -> Option<String> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    (!local.is_empty() && !domain.is_empty()).then(|| domain.to_owned())
}

/// Programs ask `autoconfig.` and the domain, or the domain itself.
fn of_host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    Some(
        name.strip_prefix("autoconfig.")
            .map_or(name.clone(), str::to_owned),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> Vec<Server> {
        let server = |protocol, port, implicit| Server {
            protocol,
            host: "mx.example.org".to_owned(),
            port,
            implicit,
        };
        vec![
            server("smtp", 465, true),
            server("smtp", 587, false),
            server("imap", 993, true),
            server("pop3", 110, false),
        ]
    }

    #[test]
    fn the_question_names_the_domain() {
        let query = Some("a=b&EmailAddress=bob%40Example.org");
        let asked = parameter(query, "emailaddress").unwrap();
        assert_eq!(asked, "bob@Example.org");
        assert_eq!(domain_of(&asked).as_deref(), Some("Example.org"));
        assert_eq!(domain_of("example.org"), None);
        assert_eq!(domain_of("@example.org"), None);
        let host = |name: &'static str| {
            let headers = [(header::HOST, name.parse().unwrap())];
            of_host(&headers.into_iter().collect())
        };
        assert_eq!(
            host("Autoconfig.Example.org:80").as_deref(),
            Some("example.org")
        );
        assert_eq!(host("example.org").as_deref(), Some("example.org"));
    }

    #[test]
    fn each_service_is_told_with_its_tls() {
        let told = autoconfig::write("example.org", &servers());
        let place = |text: &str| told.find(text).unwrap_or_else(|| panic!("{text}: {told}"));
        assert!(told.contains("<domain>example.org</domain>"), "{told}");
        assert!(place("<port>465</port>") < place("<port>587</port>"));
        assert!(
            told.contains("<port>993</port>\n      <socketType>SSL</socketType>"),
            "{told}"
        );
        assert!(
            told.contains("<port>110</port>\n      <socketType>STARTTLS</socketType>"),
            "{told}"
        );
    }

    #[test]
    fn what_a_peer_names_stays_text() {
        let hostile = "a<b>&\"'@example.org";
        for told in [
            autoconfig::write(hostile, &servers()),
            autodiscover::write(hostile, &servers()),
        ] {
            assert!(!told.contains("<b>"), "{told}");
            assert!(told.contains("a&lt;b&gt;&amp;"), "{told}");
        }
    }

    #[test]
    fn a_page_leads_to_the_profile() {
        let address = Address::parse("\"a<b>&\"@example.org").unwrap();
        let mut config = Config {
            hostname: "mx.example.org".into(),
            ..Config::default()
        };
        config.complete();
        let link = profile_link(&config, &address).unwrap();
        assert_eq!(
            link,
            "https://mx.example.org/apple.mobileconfig?address=%22a%3Cb%3E%26%22%40example.org"
        );
        let told = page::write(&address, Some(&link), &servers());
        assert!(!told.contains("<b>"), "{told}");
        assert!(told.contains("<svg "), "{told}");
        assert!(
            told.contains("<td>IMAP</td><td>mx.example.org</td><td>993</td><td>TLS</td>"),
            "{told}"
        );
        config.listeners.retain(|listener| listener.name != "https");
        assert_eq!(profile_link(&config, &address), None);
    }

    #[test]
    fn a_profile_is_the_same_for_the_same_address() {
        let address = |text: &str| Address::parse(text).unwrap();
        let one = profile::write(&address("bob@example.org"), &servers());
        assert_eq!(one, profile::write(&address("bob@example.org"), &servers()));
        assert_ne!(one, profile::write(&address("eve@example.org"), &servers()));
        assert!(one.contains("<integer>993</integer>"), "{one}");
        assert!(one.contains("<integer>465</integer>"), "{one}");
        assert!(
            !one.contains("<integer>110</integer>"),
            "IMAP is offered: {one}"
        );
    }
}
