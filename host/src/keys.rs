//! The keys that domains sign with: kept in the store with their secrets sealed, replaced by themselves, handed to what signs.
//!
//! Standards: RFC 6376 §3.1 (selectors); RFC 8463 §3 (RSA and Ed25519 together); RFC 8301 §3.2 (2048 bits).
//! Invariants: what signs was seen in the DNS before (the life of a key is `waxwing_auth::dkim::rotation`'s); of two who change a
//! domain's keys at once one is told and begins anew; a private key is outside of this process only as `vault` seals it.
//!
//! The files: `vault` (secrets), `ring` (a domain's keys while something is done about them), `upkeep` (the timed work).

mod ring;
mod upkeep;
mod vault;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use waxwing_auth::dkim::rotation::Schedule;
use waxwing_auth::dkim::{DkimSigner, KeyError, SigningKey};
use waxwing_store::Store;

use crate::config::{Config, Period};

pub(crate) use ring::Ring;
pub(crate) use upkeep::run;
pub(crate) use vault::{Vault, VaultError};

/// How long keys are used before the store is asked again. Another host's change is seen so late; what retires stays published for days.
const FRESH: Duration = Duration::from_secs(5);
/// Domains whose keys are remembered; beyond, all are forgotten and read anew.
const MAX_KNOWN: usize = 10_000;

/// Why something could not be done with a domain's keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// The store says no.
    #[error(transparent)]
    Store(#[from] waxwing_store::Error),
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A key cannot be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What the store has is no key.
    #[error("the key {selector} of {domain} cannot be read from the store: {reason}")]
    Corrupt {
        /// Whose.
        domain: String,
        /// Which.
        selector: String,
        /// Why not.
        reason: String,
    },
    /// Others change them all the time.
    #[error("the keys of {0} were changed by somebody else at the same time; try again")]
    Busy(String),
}

/// Signers of a domain, and when they were read.
type Known = (Instant, Arc<[Arc<DkimSigner>]>);

/// The keys of all domains.
pub(crate) struct Keys {
    store: Store,
    vault: Vault,
    schedule: Schedule,
    known: Mutex<HashMap<String, Known>>,
}

impl Keys {
    /// Keys in a store, sealed with the secret in the data directory.
    pub(crate) fn new(store: Store, config: &Config) -> Self {
        let seconds = |period: Period| period.duration().as_secs();
        Self {
            store,
            vault: Vault::at(config.data.join("keys.secret")),
            schedule: Schedule {
                lifetime: seconds(config.dkim.lifetime),
                lead: seconds(config.dkim.lead),
                settle: seconds(config.dkim.settle),
                grace: seconds(config.dkim.grace),
            },
            known: Mutex::default(),
        }
    }

    /// What seals private keys.
    pub(crate) const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The keys of a domain, to do something about them.
    pub(crate) async fn ring(&self, domain: &str) -> Result<Ring, KeysError> {
        let kept = self.store.domain_keys(domain).await?;
        Ring::of(domain, kept, self.schedule)
    }

    /// Makes a key and adds it.
    pub(crate) async fn generate(
        &self,
        ring: &mut Ring,
        algorithm: waxwing_auth::dkim::Algorithm,
    ) -> Result<String, KeysError> {
        // An RSA key takes long enough to hold others up.
        let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
        let der = made.unwrap_or_else(|error| Err(KeyError::Library(error.to_string())))?;
        let selector = ring.rotation.new_selector(algorithm, now());
        self.add(ring, &selector, &der).await?;
        Ok(selector)
    }

    /// Adds a key from its file (PEM or DER).
    pub(crate) async fn add(
        &self,
        ring: &mut Ring,
        selector: &str,
        file: &[u8],
    ) -> Result<(), KeysError> {
        // The first secret is made here; where keys are there already, it is the one that they were sealed with.
        if self.store.domains_with_keys().await?.is_empty() {
            self.vault.make()?;
        }
        let key = SigningKey::read(file)?;
        let sealed = self.vault.seal(&ring.place(selector), file)?;
        ring.push(selector, &key, sealed);
        Ok(())
    }

    /// Writes a domain's keys down; false if somebody else has changed them meanwhile.
    pub(crate) async fn write(&self, ring: Ring) -> Result<bool, KeysError> {
        let domain = ring.domain().to_owned();
        let (version, keys) = ring.kept()?;
        let written = self.store.set_domain_keys(&domain, version, keys).await?;
        self.known().remove(&domain);
        Ok(written)
    }

    /// What signs for a domain now, an RSA key first; nothing for a domain without keys, or that is not served here.
    pub(crate) async fn signers(&self, domain: &str) -> Result<Arc<[Arc<DkimSigner>]>, KeysError> {
        let known = self.known().get(domain).cloned();
        if let Some((_, signers)) = known.filter(|(read, _)| read.elapsed() < FRESH) {
            return Ok(signers);
        }
        let signers: Arc<[_]> = match self.ring(domain).await {
            Ok(ring) => ring.signers(&self.vault)?.into(),
            Err(KeysError::Store(waxwing_store::Error::NoSuchDomain(_))) => Arc::new([]),
            Err(error) => return Err(error),
        };
        let mut known = self.known();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(domain.to_owned(), (Instant::now(), Arc::clone(&signers)));
        Ok(signers)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0)
}
