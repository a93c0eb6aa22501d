//! What administrators see of the keys that domains sign with, and do to them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxwing_auth::dkim::rotation::{Action, Phase, RotatingKey};
use waxwing_auth::dkim::{key_name, zone_strings};

use super::Failure;
use crate::keys::{Keys, KeysError, Ring, now};

/// How often a change is begun anew because somebody else was faster.
const TRIES: usize = 5;

/// What is asked of a domain's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum KeyRequest {
    /// Makes the first ones, or takes one that was made elsewhere.
    Add {
        domain: String,
        /// A key that was made elsewhere.
        import: Option<Import>,
    },
    List {
        domain: String,
    },
    /// Makes others, which take over when they are published.
    Rotate {
        domain: String,
    },
    /// Removes one, or all.
    Remove {
        domain: String,
        selector: Option<String>,
    },
}

/// A key from its file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) selector: String,
    /// PEM.
    pub(crate) file: String,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        write!(f, "Import({})", self.selector)
    }
}

/// Does it.
pub(crate) async fn execute(keys: &Keys, request: KeyRequest) -> Result<Value, Failure> {
    for _ in 0..TRIES {
        let (mut ring, domain) = match &request {
            KeyRequest::Add { domain, .. }
            | KeyRequest::List { domain }
            | KeyRequest::Rotate { domain }
            | KeyRequest::Remove { domain, .. } => {
                let domain = super::execute::domain_name(domain)?;
                (keys.ring(&domain).await?, domain)
            }
        };
        match &request {
            KeyRequest::List { .. } => return Ok(described(&ring)),
            KeyRequest::Add { import, .. } => add(keys, &mut ring, import.as_ref()).await?,
            KeyRequest::Rotate { .. } => rotate(keys, &mut ring).await?,
            KeyRequest::Remove { selector, .. } => remove(&mut ring, selector.as_deref())?,
        }
        let answer = described(&ring);
        if keys.write(ring).await? {
            tracing::info!(domain, "the keys of a domain were changed");
            return Ok(answer);
        }
    }
    let (KeyRequest::Add { domain, .. }
    | KeyRequest::List { domain }
    | KeyRequest::Rotate { domain }
    | KeyRequest::Remove { domain, .. }) = request;
    Err(KeysError::Busy(domain).into())
}

async fn add(keys: &Keys, ring: &mut Ring, import: Option<&Import>) -> Result<(), Failure> {
    let domain = ring.domain();
    let Some(import) = import else {
        if !ring.rotation.keys.is_empty() {
            return Err(Failure::data(format!(
                "{domain} has keys already: `waxwing domain key rotate {domain}` makes others"
            )));
        }
        return make(keys, ring).await;
    };
    let selector = import.selector.to_ascii_lowercase();
    // RFC 6376 §3.1: a selector is a sequence of labels, as a domain is.
    waxwing_mail::Domain::parse(&selector)
        .map_err(|error| Failure::data(format!("{selector:?} is no selector: {error}")))?;
    if ring
        .rotation
        .keys
        .iter()
        .any(|key| key.selector == selector)
    {
        return Err(Failure::data(format!(
            "{domain} has a key {selector} already"
        )));
    }
    Ok(keys.add(ring, &selector, import.file.as_bytes()).await?)
}

async fn rotate(keys: &Keys, ring: &mut Ring) -> Result<(), Failure> {
    if ring.rotation.keys.is_empty() {
        let domain = ring.domain();
        return Err(Failure::data(format!(
            "{domain} has no keys: `waxwing domain key add {domain}` makes the first ones"
        )));
    }
    ring.rotation.replace(now());
    make(keys, ring).await
}

/// Makes what is missing.
async fn make(keys: &Keys, ring: &mut Ring) -> Result<(), Failure> {
    for action in ring.rotation.step(now()) {
        if let Action::Generate(algorithm) = action {
            keys.generate(ring, algorithm).await?;
        }
    }
    Ok(())
}

fn remove(ring: &mut Ring, selector: Option<&str>) -> Result<(), Failure> {
    let had = ring.rotation.keys.len();
    match selector {
        Some(selector) => ring.rotation.revoke(&selector.to_ascii_lowercase()),
        None => ring.rotation.keys.clear(),
    }
    if ring.rotation.keys.len() == had {
        let domain = ring.domain();
        let what = selector.map_or_else(|| "keys".to_owned(), |selector| format!("key {selector}"));
        return Err(Failure::missing(format!("{domain} has no {what}")));
    }
    Ok(())
}

fn described(ring: &Ring) -> Value {
    let key = |key: &RotatingKey| {
        let (phase, at) = phase(key.phase);
        let name = key_name(&key.selector, ring.domain());
        let record = ring.record(&key.selector);
        json!({
            "selector": key.selector, "algorithm": key.algorithm.as_str(), "phase": phase, "at": at,
            "name": name, "record": record, "zone": format!("{name}. IN TXT {}", zone_strings(record)),
        })
    };
    ring.rotation.keys.iter().map(key).collect()
}

/// The word for it, and the moment that it says, in milliseconds of Unix time: when the key signs at the earliest, when another one is to
/// take over, until when it stays published.
fn phase(phase: Phase) -> (&'static str, Option<u64>) {
    let (word, at) = match phase {
        Phase::Generated => ("to be published", None),
        Phase::Published { ready } => ("published", Some(ready)),
        Phase::Signing { until, .. } => ("signing", Some(until)),
        Phase::Retiring { until } => ("retired", Some(until)),
        Phase::Removed => ("removed", None),
    };
    (word, at.map(|seconds| seconds.saturating_mul(1000)))
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        use super::Exit;
        let exit = match error {
            KeysError::Store(error) => return error.into(),
            KeysError::Vault(_) => Exit::Unavailable,
            KeysError::Key(_) => Exit::Data,
            KeysError::Corrupt { .. } => Exit::Software,
            KeysError::Busy(_) => Exit::Temporary,
        };
        Self::new(exit, error.to_string())
    }
}
