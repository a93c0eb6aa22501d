//! The keys of one domain while something is done about them.

use std::collections::HashMap;
use std::sync::Arc;

use waxwing_auth::dkim::rotation::{RotatingKey, Rotation, Schedule, Sight, look_up};
use waxwing_auth::dkim::{Algorithm, DkimSigner, SigningKey};
use waxwing_auth::dns::Lookups;
use waxwing_store::{DomainKey, DomainKeys};

use super::{KeysError, Vault};

/// What a key has besides its life.
struct Pair {
    record: String,
    sealed: Vec<u8>,
}

/// A domain's keys.
pub(crate) struct Ring {
    domain: String,
    version: u64,
    /// The life of each of them.
    pub(crate) rotation: Rotation,
    /// By selector.
    pairs: HashMap<String, Pair>,
}

impl Ring {
    /// Of what the store has.
    pub(super) fn of(
        domain: &str,
        kept: DomainKeys,
        schedule: Schedule,
    ) -> Result<Self, KeysError> {
        let mut keys = Vec::with_capacity(kept.keys.len());
        let mut pairs = HashMap::new();
        for key in kept.keys {
            keys.push(rotating(domain, &key)?);
            let pair = Pair {
                record: key.record,
                sealed: key.secret,
            };
            pairs.insert(key.selector, pair);
        }
        Ok(Self {
            domain: domain.to_owned(),
            version: kept.version,
            rotation: Rotation { keys, schedule },
            pairs,
        })
    }

    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// What a private key is sealed for.
    pub(super) fn place(&self, selector: &str) -> String {
        format!("{selector} of {}", self.domain)
    }

    /// Adds a key, to be published.
    pub(super) fn push(&mut self, selector: &str, key: &SigningKey, sealed: Vec<u8>) {
        self.rotation.keys.push(RotatingKey {
            selector: selector.to_owned(),
            algorithm: key.algorithm(),
            phase: waxwing_auth::dkim::rotation::Phase::Generated,
        });
        let record = key.record();
        self.pairs
            .insert(selector.to_owned(), Pair { record, sealed });
    }

    /// The text to publish for a key.
    pub(crate) fn record(&self, selector: &str) -> &str {
        self.pairs
            .get(selector)
            .map_or("", |pair| pair.record.as_str())
    }

    /// Looks a key up in the DNS.
    pub(super) async fn look_up(&self, selector: &str, lookups: &Lookups<'_>) -> Sight {
        let key = self
            .rotation
            .keys
            .iter()
            .find(|key| key.selector == selector);
        match key {
            Some(key) => look_up(key, self.record(selector), &self.domain, lookups).await,
            None => Sight::Unknown,
        }
    }

    /// The keys that sign, an RSA key first.
    pub(super) fn signers(&self, vault: &Vault) -> Result<Vec<Arc<DkimSigner>>, KeysError> {
        let signing = self.rotation.signing().into_iter();
        let signers = signing.filter_map(|key| {
            let pair = self.pairs.get(&key.selector)?;
            let opened = vault.open(&self.place(&key.selector), &pair.sealed);
            let read = opened
                .map_err(KeysError::from)
                .and_then(|file| Ok(SigningKey::read(&file)?));
            Some(read.map(|signing_key| {
                Arc::new(DkimSigner {
                    key: signing_key,
                    domain: self.domain.clone(),
                    selector: key.selector.clone(),
                })
            }))
        });
        signers.collect()
    }

    /// As the store keeps it, with the version that it was read at.
    pub(super) fn kept(mut self) -> Result<(u64, Vec<DomainKey>), KeysError> {
        let mut kept = Vec::with_capacity(self.rotation.keys.len());
        for key in &self.rotation.keys {
            let Some(pair) = self.pairs.remove(&key.selector) else {
                continue;
            };
            let phase = serde_json::to_string(&key.phase);
            kept.push(DomainKey {
                selector: key.selector.clone(),
                algorithm: key.algorithm.as_str().to_owned(),
                phase: phase.map_err(|error| corrupt(&self.domain, &key.selector, error))?,
                record: pair.record,
                secret: pair.sealed,
            });
        }
        Ok((self.version, kept))
    }
}

fn rotating(domain: &str, key: &DomainKey) -> Result<RotatingKey, KeysError> {
    let algorithm = [Algorithm::RsaSha256, Algorithm::Ed25519Sha256]
        .into_iter()
        .find(|algorithm| algorithm.as_str() == key.algorithm);
    let unknown = || corrupt(domain, &key.selector, "its algorithm is not known");
    let phase = serde_json::from_str(&key.phase);
    Ok(RotatingKey {
        selector: key.selector.clone(),
        algorithm: algorithm.ok_or_else(unknown)?,
        phase: phase.map_err(|error| corrupt(domain, &key.selector, error))?,
    })
}

fn corrupt(domain: &str, selector: &str, reason: impl ToString) -> KeysError {
    KeysError::Corrupt {
        domain: domain.to_owned(),
        selector: selector.to_owned(),
        reason: reason.to_string(),
    }
}
