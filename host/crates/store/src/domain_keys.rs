//! The keys that domains sign with. What a key is, how its secret is sealed and when it signs is the server's affair.

use crate::accounts::normal_domain;
use crate::statement::Sql;
use crate::writer::domain_keys::SetKeys;
use crate::{Error, Result, Store};

/// Most keys of one domain.
pub const MAX_DOMAIN_KEYS: usize = 64;
/// Octets of a key's texts and of its secret, each.
const MAX_PIECE: usize = 16 * 1024;

/// A key of a domain.
#[derive(Clone, PartialEq, Eq)]
pub struct DomainKey {
    /// Under which it is published (RFC 6376 §3.1); unique in its domain.
    pub selector: String,
    /// What it signs with.
    pub algorithm: String,
    /// Where it is in its life, opaque.
    pub phase: String,
    /// The text that is published.
    pub record: String,
    /// The private key, sealed by the server; not empty.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the secret.
        f.debug_struct("DomainKey")
            .field("selector", &self.selector)
            .field("algorithm", &self.algorithm)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

/// All keys of a domain at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainKeys {
    /// Rises with every change of them.
    pub version: u64,
    /// By selector.
    pub keys: Vec<DomainKey>,
}

static KEYS_VERSION: Sql = Sql::new("SELECT id, keys_version FROM domains WHERE name = $1");
static KEYS: Sql = Sql::new(
    "SELECT selector, algorithm, phase, record, secret FROM domain_keys WHERE domain = $1 ORDER BY selector",
);
static DOMAINS_WITH_KEYS: Sql = Sql::new(
    "SELECT d.name FROM domains d WHERE EXISTS (SELECT 1 FROM domain_keys k WHERE k.domain = d.id) ORDER BY d.name",
);

impl Store {
    /// The keys of a domain.
    ///
    /// # Errors
    /// `NoSuchDomain`.
    pub async fn domain_keys(&self, domain: &str) -> Result<DomainKeys> {
        let name = normal_domain(domain)?;
        let readers = &self.inner.readers;
        // The version first: keys that are newer than it are refused when they are set again.
        let row = readers
            .fetch_one(&KEYS_VERSION, vec![name.as_str().into()])
            .await?;
        let row = row.ok_or(Error::NoSuchDomain(name))?;
        let rows = readers.fetch(&KEYS, vec![row.int(0)?.into()]).await?;
        let keys = rows.iter().map(|row| {
            Ok(DomainKey {
                selector: row.text(0)?,
                algorithm: row.text(1)?,
                phase: row.text(2)?,
                record: row.text(3)?,
                secret: row.bytes(4)?,
            })
        });
        Ok(DomainKeys {
            version: row.natural(1)?,
            keys: keys.collect::<Result<_>>()?,
        })
    }

    /// Puts these keys in the place of those that the domain had at `version`. False: somebody else has changed them since.
    ///
    /// # Errors
    /// `NoSuchDomain`; `TooLarge`.
    pub async fn set_domain_keys(
        &self,
        domain: &str,
        version: u64,
        keys: Vec<DomainKey>,
    ) -> Result<bool> {
        check(&keys)?;
        let set = SetKeys {
            domain: normal_domain(domain)?,
            version,
            keys,
        };
        self.inner.writer.write(set).await
    }

    /// The domains that have keys, by name.
    pub async fn domains_with_keys(&self) -> Result<Vec<String>> {
        let rows = self.inner.readers.fetch(&DOMAINS_WITH_KEYS, Vec::new());
        rows.await?.iter().map(|row| row.text(0)).collect()
    }
}

fn check(keys: &[DomainKey]) -> Result<()> {
    let too_large = |what, size, limit| Err(Error::TooLarge { what, size, limit });
    if keys.len() > MAX_DOMAIN_KEYS {
        return too_large("list of keys", keys.len(), MAX_DOMAIN_KEYS);
    }
    let pieces = keys.iter().flat_map(|key| {
        let texts = [&key.selector, &key.algorithm, &key.phase, &key.record];
        texts.map(String::len).into_iter().chain([key.secret.len()])
    });
    match pieces.max() {
        Some(size) if size > MAX_PIECE => too_large("key", size, MAX_PIECE),
        _ => Ok(()),
    }
}
