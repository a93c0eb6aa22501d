//! `http`: requests to the servers that the step names.
//!
//! What a step may ask is decided here, before the host hears of it; the secrets are put in last, and the recorder never sees them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};
use wasmtime::Result;

use crate::bindings::waxwing::policy::http::{HeaderValue, Host, HttpError, Request, Response};
use crate::policy_file::{HttpGrant, Origin};
use crate::services::http::{HttpFailure, HttpRequest, HttpResponse};
use crate::state::State;
use crate::view::head;

/// Octets of an URL.
const MAX_URL: usize = 8192;
/// Header fields of a request and of a response, and octets of a value.
const MAX_FIELDS: usize = 100;
const MAX_VALUE: usize = 8192;
/// Fields of the connection and of the framing, which are the host's (RFC 9110 §7.6.1, RFC 9112 §6).
const OURS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

type Answer = std::result::Result<Response, HttpError>;

impl Host for State {
    async fn send(&mut self, requests: Vec<Request>) -> Result<Vec<Answer>> {
        self.enter()?;
        let checked: Vec<_> = requests.iter().map(|request| self.admit(request)).collect();
        let services = self.shared.services.clone();
        let until = Instant::from_std(self.answer_by());
        let came = join_all(checked.into_iter().map(|request| async {
            match timeout_at(until, services.fetch(request?)).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(failure)) => Err(failed(failure)),
                Err(_) => Err(HttpError::Timeout),
            }
        }))
        .await;
        let answers: Vec<Answer> = came
            .into_iter()
            .map(|response| self.taken(response?))
            .collect();
        self.record("http.send", &requests, &answers);
        Ok(answers)
    }
}

impl State {
    /// Counts a request and holds it against the grant.
    fn admit(&mut self, request: &Request) -> std::result::Result<HttpRequest, HttpError> {
        let network = self.shared.network.clone();
        let mut checked = check(request, &network.http)?;
        // What the plugin could not take need not be fetched.
        checked.max_response = checked
            .max_response
            .min(usize::try_from(self.budget.read_left).unwrap_or(usize::MAX));
        self.budget.http_left = self
            .budget
            .http_left
            .checked_sub(1)
            .ok_or(HttpError::Limit)?;
        Ok(checked)
    }

    /// A response as the plugin gets it, if it may still read so much.
    fn taken(&mut self, response: HttpResponse) -> Answer {
        let length = response.body.len();
        if u64::try_from(length).map_or(true, |length| length > self.budget.read_left) {
            return Err(HttpError::TooLarge);
        }
        self.take_read(length);
        Ok(Response {
            status: response.status,
            headers: response
                .headers
                .into_iter()
                .take(MAX_FIELDS)
                .map(|(name, value)| (name, head(&value, MAX_VALUE).to_owned()))
                .collect(),
            body: response.body.into(),
        })
    }
}

fn check(request: &Request, grant: &HttpGrant) -> std::result::Result<HttpRequest, HttpError> {
    let invalid = |text: &str| HttpError::Invalid(text.to_owned());
    if request.url.len() > MAX_URL {
        return Err(invalid("the URL is too long"));
    }
    let url = Url::parse(&request.url).map_err(|error| HttpError::Invalid(error.to_string()))?;
    // `https://trusted.example@evil.example` is how people are misled.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("an URL with a user name"));
    }
    let origin = Origin::of(&url).ok_or_else(|| invalid("an URL is http:// or https://"))?;
    if !grant.origins.contains(&origin) {
        let scheme = if origin.secure { "" } else { "http://" };
        return Err(HttpError::NotGranted(format!(
            "the server {scheme}{}:{}",
            origin.host, origin.port
        )));
    }
    if !grant.methods.contains(&request.method) {
        return Err(HttpError::NotGranted(format!(
            "the method {}",
            head(&request.method, 32)
        )));
    }
    if request.body.len() > grant.max_request {
        return Err(invalid("the content is larger than max-request-kib"));
    }
    if request.headers.len() > MAX_FIELDS {
        return Err(invalid("too many header fields"));
    }
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| field(name, value, grant))
        .collect::<std::result::Result<_, _>>()?;
    let timeout = request.timeout_ms.map_or(grant.timeout, |wanted| {
        grant.timeout.min(Duration::from_millis(wanted.into()))
    });
    Ok(HttpRequest {
        secure: origin.secure,
        host: origin
            .host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port: origin.port,
        method: request.method.clone(),
        target: url[Position::BeforePath..Position::AfterQuery].to_owned(),
        headers,
        body: Bytes::copy_from_slice(&request.body),
        timeout,
        max_response: grant.max_response,
        private: grant.private,
    })
}

/// A header field with its secret put in.
fn field(
    name: &str,
    value: &HeaderValue,
    grant: &HttpGrant,
) -> std::result::Result<(String, String), HttpError> {
    let invalid =
        |why: &str| HttpError::Invalid(format!("header field {:?} {why}", head(name, 64)));
    let lower = name.to_ascii_lowercase();
    // RFC 9110 §5.6.2.
    let is_token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(is_token) {
        return Err(invalid("has no name of a field"));
    }
    if OURS.contains(&lower.as_str()) {
        return Err(invalid("is the host's"));
    }
    let text = match value {
        HeaderValue::Text(text) => text.clone(),
        HeaderValue::Secret(secret) => match grant.secrets.get(&secret.name) {
            Some(found) => format!("{}{}", secret.prefix, found.reveal()),
            None => {
                return Err(HttpError::NotGranted(format!(
                    "the secret {:?}",
                    head(&secret.name, 64)
                )));
            }
        },
    };
    if text.len() > MAX_VALUE + 4096 || text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(invalid("has a value that is none"));
    }
    Ok((lower, text))
}

fn failed(failure: HttpFailure) -> HttpError {
    match failure {
        HttpFailure::AddressRefused(text) => HttpError::AddressRefused(text),
        HttpFailure::Unreachable(text) => HttpError::Unreachable(text),
        HttpFailure::Timeout => HttpError::Timeout,
        HttpFailure::TooLarge => HttpError::TooLarge,
        HttpFailure::Protocol(text) => HttpError::Protocol(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> HttpGrant {
        HttpGrant {
            origins: vec![Origin {
                secure: true,
                host: "api.example.org".into(),
                port: 443,
            }],
            ..HttpGrant::default()
        }
    }

    fn request(url: &str) -> Request {
        Request {
            method: "GET".into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
        }
    }

    #[test]
    fn only_the_servers_of_the_grant_are_asked_however_they_are_written() {
        let host = |url: &str| check(&request(url), &grant()).map(|request| request.target);
        assert_eq!(host("https://API.example.org./a?b#c").unwrap(), "/a?b");
        assert_eq!(host("https://api.example.org:443").unwrap(), "/");
        for url in [
            "http://api.example.org/",
            "https://api.example.org:444/",
            "https://api.example.org.evil.example/",
            "https://evil.example/?https://api.example.org",
        ] {
            assert!(matches!(host(url), Err(HttpError::NotGranted(_))), "{url}");
        }
        for url in [
            "https://api.example.org@evil.example/",
            "ftp://api.example.org/",
            "/a",
        ] {
            assert!(matches!(host(url), Err(HttpError::Invalid(_))), "{url}");
        }
    }

    #[test]
    fn nothing_of_a_request_can_become_a_second_one() {
        let fields: [(&str, &str); 5] = [
            ("X", "a\r\nHost: evil.example"),
            ("X\r\n", "a"),
            ("", "a"),
            ("Host", "evil.example"),
            ("Transfer-Encoding", "chunked"),
        ];
        for (name, value) in fields {
            let mut request = request("https://api.example.org/");
            request.headers = vec![(name.into(), HeaderValue::Text(value.into()))];
            let came = check(&request, &grant());
            assert!(
                matches!(came, Err(HttpError::Invalid(_))),
                "{name:?}: {value:?}"
            );
        }
        let mut request = request("https://api.example.org/");
        request.method = "GET / HTTP/1.1\r\n".into();
        assert!(matches!(
            check(&request, &grant()),
            Err(HttpError::NotGranted(_))
        ));
    }
}
