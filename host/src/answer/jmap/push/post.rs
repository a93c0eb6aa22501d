//! A push message on its way (RFC 8030 §5): a POST over TLS, to where a client has said.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use url::{Host, Url};
use waxwing_policy::HttpRequest;
use waxwing_store::PushSubscription;

use super::encrypted;
use crate::dial::is_public;
use crate::wiring::Parts;

/// How long a push service keeps a message for a client that is away (RFC 8030 §5.2), in seconds.
const KEPT: u32 = 24 * 3600;
/// How long a push service may take.
const TIME: Duration = Duration::from_secs(30);
/// Octets of its answer.
const MAX_RESPONSE: usize = 64 * 1024;
/// The longest that a push service may have itself left alone.
const LONGEST: Duration = Duration::from_secs(3600);

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// Not now; perhaps after so long.
    Later(Option<Duration>),
    /// Nobody is there any more (RFC 8030 §7.3).
    Gone,
}

/// Where a message goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    host: String,
    port: u16,
    target: String,
    /// Scheme and authority (RFC 8292 §2: the audience).
    origin: String,
}

impl Target {
    /// From a URL; none for one to which nothing is sent, whatever its host resolves to.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let named = !url.username().is_empty() || url.password().is_some();
        if url.scheme() != "https" || named {
            return None;
        }
        let host = match url.host()? {
            // A name without a dot is one of this network.
            Host::Domain(name) => Some(name.trim_end_matches('.').to_owned())
                .filter(|name| name.contains('.') && !name.ends_with(".localhost")),
            Host::Ipv4(address) => literal(address.into()),
            Host::Ipv6(address) => literal(address.into()),
        }?;
        let query = url.query().map(|query| format!("?{query}"));
        Some(Self {
            host,
            port: url.port_or_known_default()?,
            target: format!("{}{}", url.path(), query.unwrap_or_default()),
            origin: url.origin().ascii_serialization(),
        })
    }
}

fn literal(address: IpAddr) -> Option<String> {
    let address = address.to_canonical();
    is_public(address).then(|| address.to_string())
}

/// Sends an object to a subscription.
pub(super) async fn send(
    parts: &Parts,
    to: &PushSubscription,
    object: &Value,
    urgency: &str,
) -> Outcome {
    let Some(request) = request(parts, to, object, urgency).await else {
        return Outcome::Gone;
    };
    let host = request.host.clone();
    let (outcome, result) = match parts.push.client.fetch(request).await {
        Ok(response) => {
            let wait = response
                .headers
                .iter()
                .find(|(name, _)| name == "retry-after");
            let wait = wait.and_then(|(_, value)| value.parse().ok());
            match outcome(response.status, wait) {
                Outcome::Taken => (Outcome::Taken, "taken"),
                other => {
                    tracing::debug!(
                        host,
                        status = response.status,
                        "a push message was not taken"
                    );
                    (other, "refused")
                }
            }
        }
        Err(error) => {
            tracing::debug!(host, %error, "a push message could not be sent");
            (Outcome::Later(None), "failed")
        }
    };
    metrics::counter!("waxwing_push_messages_total", "result" => result).increment(1);
    outcome
}

/// What a status says (RFC 8030 §5, §7.3, §8.4).
fn outcome(status: u16, wait: Option<u64>) -> Outcome {
    match status {
        200..300 => Outcome::Taken,
        404 | 410 => Outcome::Gone,
        _ => Outcome::Later(wait.map(|seconds| Duration::from_secs(seconds).min(LONGEST))),
    }
}

/// The request; none if there can be none.
async fn request(
    parts: &Parts,
    to: &PushSubscription,
    object: &Value,
    urgency: &str,
) -> Option<HttpRequest> {
    let target = Target::parse(&to.url)?;
    let mut headers = vec![
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("TTL".to_owned(), KEPT.to_string()),
        ("Urgency".to_owned(), urgency.to_owned()),
    ];
    let mut body = Bytes::from(object.to_string());
    if let Some(keys) = &to.keys {
        // RFC 8620 §7.2: who has keys gets nothing that is not encrypted.
        body = encrypted::seal(keys, &body)?.into();
        headers.push(("Content-Encoding".to_owned(), "aes128gcm".to_owned()));
    }
    if let Some(vapid) = parts.push.vapid(parts).await {
        let contact = format!("mailto:postmaster@{}", parts.config.hostname);
        let value = vapid.authorization(&target.origin, &contact);
        headers.extend(value.map(|value| ("Authorization".to_owned(), value)));
    }
    Some(HttpRequest {
        secure: true,
        host: target.host,
        port: target.port,
        method: "POST".to_owned(),
        target: target.target,
        headers,
        body,
        timeout: TIME,
        max_response: MAX_RESPONSE,
        private: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_to_this_machine_or_its_network() {
        let target = Target::parse("https://push.example:8443/a/b?c=d#e").unwrap();
        assert_eq!(target.host, "push.example");
        assert_eq!((target.port, target.target.as_str()), (8443, "/a/b?c=d"));
        assert_eq!(target.origin, "https://push.example:8443");
        assert_eq!(Target::parse("https://9.9.9.9").unwrap().port, 443);
        for refused in [
            "http://push.example/",
            "https://user@push.example/",
            "https://localhost/",
            "https://x.localhost/",
            "https://intranet/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]/",
            "https:///x",
            "x",
        ] {
            assert_eq!(Target::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn statuses_say_what_became_of_it() {
        assert_eq!(outcome(201, None), Outcome::Taken);
        assert_eq!(outcome(410, None), Outcome::Gone);
        assert_eq!(outcome(503, None), Outcome::Later(None));
        let minute = Some(Duration::from_secs(60));
        assert_eq!(outcome(429, Some(60)), Outcome::Later(minute));
        assert_eq!(outcome(429, Some(u64::MAX)), Outcome::Later(Some(LONGEST)));
        // A redirect is followed nowhere.
        assert_eq!(outcome(307, None), Outcome::Later(None));
    }
}
