//! Access tokens of an OpenID Connect issuer: its keys are fetched and kept, its tokens verified here.
//!
//! Standards: OpenID Connect Discovery 1.0 §4 (where the keys are), RFC 7517 (keys), RFC 7519 (tokens), RFC 8725 §3
//! (what has to be checked: algorithm, issuer, audience, times).
//! Invariants: what a peer can bring about is one fetch a minute, for which nobody waits whose token is of a known key; a token is never
//! logged.

mod keys;

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Uri;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};
use waxwing_policy::HttpRequest;

use crate::config::Oauth;
use crate::dns::Resolver;
use crate::fetch::Client;
use keys::KeyCache;

/// The algorithms that are taken; none by which whoever verifies could sign.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// How long the issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of an issuer's answer.
const MAX_ANSWER: usize = 256 << 10;
/// Seconds that the issuer's clock may be off.
const LEEWAY: u64 = 60;

/// Why it could not be found out whether a token is good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OauthError {
    /// The issuer does not answer.
    #[error("{url}: {cause}")]
    Fetch {
        /// What was fetched.
        url: String,
        /// Why not.
        cause: String,
    },
}

/// The issuer whose tokens are taken.
pub(crate) struct Issuer {
    config: Oauth,
    client: Client,
    keys: KeyCache,
}

/// What is read of the discovery document.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// The keys, not looked at yet.
#[derive(Deserialize)]
struct RawKeys {
    keys: Vec<Value>,
}

impl Issuer {
    /// The configured issuer, if there is one.
    pub(crate) fn open(config: &Oauth, resolver: Arc<Resolver>) -> Option<Self> {
        (!config.issuer.is_empty()).then(|| Self {
            config: config.clone(),
            client: Client::new(resolver),
            keys: KeyCache::default(),
        })
    }

    /// The address that a good token is of; `None` for one that is not good.
    ///
    /// # Errors
    /// The issuer's keys cannot be had.
    pub(crate) async fn address(&self, token: &str) -> Result<Option<String>, OauthError> {
        let Ok(header) = decode_header(token) else {
            return Ok(None);
        };
        if !ALGORITHMS.contains(&header.alg) {
            return Ok(None);
        }
        let keys = self.keys(header.kid.as_deref()).await?;
        let named = keys
            .keys
            .iter()
            .filter(|key| header.kid.is_none() || key.common.key_id == header.kid);
        let mut claims = named.filter_map(|key| self.claims(token, key, header.alg));
        Ok(claims.next().and_then(|claims| self.address_in(&claims)))
    }

    fn claims(&self, token: &str, key: &Jwk, algorithm: Algorithm) -> Option<Map<String, Value>> {
        let key = DecodingKey::from_jwk(key).ok()?;
        // RFC 8725 §3.1: the algorithm is one of ours, and the library holds it against the kind of the key.
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        decode(token, &key, &validation)
            .ok()
            .map(|token| token.claims)
    }

    /// OpenID Connect Core 1.0 §5.1: an `email` that the issuer does not say to have verified is nobody's. Some issuers write it as a text.
    fn address_in(&self, claims: &Map<String, Value>) -> Option<String> {
        let verified = match claims.get("email_verified") {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(verified)) => verified == "true",
            _ => false,
        };
        let address = claims.get(&self.config.claim)?.as_str()?;
        (self.config.claim != "email" || verified).then(|| address.to_lowercase())
    }

    async fn keys(&self, wanted: Option<&str>) -> Result<Arc<JwkSet>, OauthError> {
        let keys = self
            .keys
            .get(wanted, Instant::now(), self.fetch_keys())
            .await?;
        keys.ok_or_else(|| failed(&self.config.issuer, &"it did not answer a while ago"))
    }

    async fn fetch_keys(&self) -> Result<JwkSet, OauthError> {
        let issuer = self.config.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let discovery: Discovery = self.json(&url).await?;
        // Discovery §4.3: or somebody else's document was served.
        if discovery.issuer != self.config.issuer {
            let cause = format!("it is of another issuer, {}", discovery.issuer);
            return Err(failed(&url, &cause));
        }
        let raw: RawKeys = self.json(&discovery.jwks_uri).await?;
        // RFC 7517 §5: keys of kinds that are not known are left out.
        let known = raw.keys.into_iter().map(serde_json::from_value);
        Ok(JwkSet {
            keys: known.filter_map(Result::ok).collect(),
        })
    }

    async fn json<T: for<'de> Deserialize<'de>>(&self, url: &str) -> Result<T, OauthError> {
        let request = request(url).ok_or_else(|| failed(url, &"no address of the web"))?;
        let response = self
            .client
            .fetch(request)
            .await
            .map_err(|error| failed(url, &error))?;
        if response.status != 200 {
            return Err(failed(url, &format!("status {}", response.status)));
        }
        serde_json::from_slice(&response.body).map_err(|error| failed(url, &error))
    }
}

fn failed(url: &str, cause: &dyn std::fmt::Display) -> OauthError {
    OauthError::Fetch {
        url: url.to_owned(),
        cause: cause.to_string(),
    }
}

/// A GET of an URL, over TLS, or in clear to this machine.
fn request(url: &str) -> Option<HttpRequest> {
    let uri = Uri::from_str(url).ok()?;
    let host = uri.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
    let secure = match uri.scheme_str()? {
        "https" => true,
        "http" if is_loopback(&host) => false,
        _ => return None,
    };
    Some(HttpRequest {
        secure,
        port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        host,
        method: "GET".to_owned(),
        target: uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned(),
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        body: Bytes::new(),
        timeout: PATIENCE,
        max_response: MAX_ANSWER,
        // The administrator wrote down whose it is.
        private: true,
    })
}

/// Whether nobody listens on the way there.
fn is_loopback(host: &str) -> bool {
    host.parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

/// What is wrong with an issuer's URL.
pub(crate) fn problem(issuer: &str) -> Option<String> {
    (!issuer.is_empty() && request(issuer).is_none())
        .then(|| "expected an URL that begins with https://".to_owned())
}
