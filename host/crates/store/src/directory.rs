//! Look-ups that mail flow makes: does an address exist, where does it lead, is a password right.
//!
//! Answers are cached. Writes on this host are seen at once; on PostgreSQL, writes of other hosts within
//! [`crate::StoreConfig::staleness`]: a version row rises with every change and is looked at that often.
//! Cached answers carry the version they were read under, so one read before a change is never found after it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::accounts::{account_of_row, domain_of_row, normal_address, normal_domain, targets_of};
use crate::database::{Readers, Value};
use crate::password::MAX_PASSWORD;
use crate::shared::Shared;
use crate::statement::Sql;
use crate::{
    Account, AccountId, Database, Domain, Error, Result, StoreConfig, hash_password,
    password_matches,
};

/// What an address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The domain is not served here.
    NotLocal,
    /// The domain is served here, the address does not exist.
    Unknown,
    /// An account's own address.
    Account(Arc<Account>),
    /// An alias.
    Alias {
        /// Where the mail goes.
        targets: Arc<[String]>,
        /// Whether the domain's catch-all matched rather than the address itself.
        catch_all: bool,
    },
}

/// The outcome of checking a password. The first two take the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordCheck {
    /// No such account, or one without a password.
    Unknown,
    /// The account exists, the password is another.
    Wrong,
    /// The password is right.
    Right(Arc<Account>),
}

static DOMAIN: Sql = Sql::new(
    "SELECT id, name, created, quota_bytes, quota_messages, sts_mode, sts_max_age FROM domains WHERE name = $1",
);
static ACCOUNT: Sql = Sql::new(
    "SELECT id, address, domain, created, quota_bytes, quota_messages, password FROM accounts WHERE address = $1",
);
static ACCOUNT_BY_ID: Sql = Sql::new(
    "SELECT id, address, domain, created, quota_bytes, quota_messages, password FROM accounts WHERE id = $1",
);
static ALIAS: Sql = Sql::new("SELECT targets FROM aliases WHERE address = $1");
static VERSION: Sql = Sql::new("SELECT next FROM sequences WHERE name = 'directory'");

/// Look-ups cached, of each kind.
const CACHED: u64 = 50_000;
/// How long a verification that succeeded is remembered.
const VERIFIED: Duration = Duration::from_secs(300);

/// An account and its password hash.
#[derive(Debug)]
struct Known {
    account: Arc<Account>,
    /// Empty: no password.
    password: String,
}

/// What is known under an address.
#[derive(Debug, Clone)]
enum Entry {
    NotLocal,
    Unknown,
    Account(Arc<Known>),
    Alias {
        targets: Arc<[String]>,
        catch_all: bool,
    },
}

/// Look-ups of addresses, cached. Get one from [`crate::Store::directory`].
#[derive(Debug)]
pub struct Directory {
    readers: Readers,
    shared: Arc<Shared>,
    /// None where no other host writes.
    staleness: Option<Duration>,
    started: Instant,
    /// Milliseconds since `started` when the version row was last read; below 0: never.
    checked: AtomicI64,
    /// What it said.
    version: AtomicU64,
    domains: Cache<(u64, String), Option<Arc<Domain>>>,
    entries: Cache<(u64, String), Entry>,
    accounts: Cache<(u64, AccountId), Option<Arc<Known>>>,
    /// Keyed hashes of stored hash and password that matched.
    verified: Cache<[u8; 32], ()>,
    key: [u8; 32],
    verifying: Semaphore,
    /// A hash that no password matches in practice, for accounts that do not exist.
    dummy: OnceLock<String>,
}

impl Directory {
    pub(crate) fn new(readers: Readers, shared: Arc<Shared>, config: &StoreConfig) -> Directory {
        Directory {
            readers,
            shared,
            staleness: matches!(config.database, Database::Postgres(_)).then_some(config.staleness),
            started: Instant::now(),
            checked: AtomicI64::new(-1),
            version: AtomicU64::new(0),
            domains: Cache::new(CACHED),
            entries: Cache::new(CACHED),
            accounts: Cache::new(CACHED),
            verified: Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(VERIFIED)
                .build(),
            key: rand::random(),
            verifying: Semaphore::new(config.password_workers.max(1)),
            dummy: OnceLock::new(),
        }
    }

    /// The version that answers read from now on are cached under.
    async fn version(&self) -> Result<u64> {
        if let Some(staleness) = self.staleness {
            let now = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
            let checked = self.checked.load(Ordering::Acquire);
            if checked < 0
                || now - checked >= i64::try_from(staleness.as_millis()).unwrap_or(i64::MAX)
            {
                let row = self.readers.fetch_one(&VERSION, Vec::new()).await?;
                let version = row.map_or(Ok(0), |row| row.natural(0))?;
                if self.version.swap(version, Ordering::AcqRel) != version {
                    self.shared.directory_changed();
                }
                self.checked.store(now, Ordering::Release);
            }
        }
        Ok(self.shared.directory_version())
    }

    /// The domain of this name, if it is served here.
    pub async fn domain(&self, name: &str) -> Result<Option<Arc<Domain>>> {
        let Ok(name) = normal_domain(name) else {
            return Ok(None);
        };
        let key = (self.version().await?, name);
        if let Some(domain) = self.domains.get(&key) {
            return Ok(domain);
        }
        let row = self
            .readers
            .fetch_one(&DOMAIN, vec![Value::from(key.1.as_str())])
            .await?;
        let domain = row
            .map(|row| domain_of_row(&row))
            .transpose()?
            .map(Arc::new);
        self.domains.insert(key, domain.clone());
        Ok(domain)
    }

    async fn entry(&self, address: &str) -> Result<Entry> {
        let Ok(address) = normal_address(address) else {
            return Ok(Entry::NotLocal);
        };
        let key = (self.version().await?, address);
        if let Some(entry) = self.entries.get(&key) {
            return Ok(entry);
        }
        let entry = self.read_entry(&key.1).await?;
        self.entries.insert(key, entry.clone());
        Ok(entry)
    }

    async fn read_entry(&self, address: &str) -> Result<Entry> {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if self.domain(domain).await?.is_none() {
            return Ok(Entry::NotLocal);
        }
        if let Some(row) = self
            .readers
            .fetch_one(&ACCOUNT, vec![Value::from(address)])
            .await?
        {
            return Ok(Entry::Account(Arc::new(Known {
                account: Arc::new(account_of_row(&row)?),
                password: row.text(6)?,
            })));
        }
        for (name, catch_all) in [(address.to_owned(), false), (format!("*@{domain}"), true)] {
            if let Some(row) = self
                .readers
                .fetch_one(&ALIAS, vec![Value::from(name)])
                .await?
            {
                return Ok(Entry::Alias {
                    targets: targets_of(&row.text(0)?)?.into(),
                    catch_all,
                });
            }
        }
        Ok(Entry::Unknown)
    }

    /// What mail to this address would reach: the account, else the alias, else the catch-all. Aliases are not followed.
    /// What is no address at all is `NotLocal`.
    pub async fn resolve(&self, address: &str) -> Result<Resolution> {
        Ok(match self.entry(address).await? {
            Entry::NotLocal => Resolution::NotLocal,
            Entry::Unknown => Resolution::Unknown,
            Entry::Account(known) => Resolution::Account(Arc::clone(&known.account)),
            Entry::Alias { targets, catch_all } => Resolution::Alias { targets, catch_all },
        })
    }

    /// The account of this address.
    pub async fn account(&self, address: &str) -> Result<Option<Arc<Account>>> {
        match self.entry(address).await? {
            Entry::Account(known) => Ok(Some(Arc::clone(&known.account))),
            _ => Ok(None),
        }
    }

    /// The account of this number.
    pub async fn account_by_id(&self, id: AccountId) -> Result<Option<Arc<Account>>> {
        let key = (self.version().await?, id);
        if let Some(known) = self.accounts.get(&key) {
            return Ok(known.map(|known| Arc::clone(&known.account)));
        }
        let row = self
            .readers
            .fetch_one(&ACCOUNT_BY_ID, vec![Value::Int(id.0)])
            .await?;
        let known = row
            .map(|row| {
                Ok::<_, Error>(Known {
                    account: Arc::new(account_of_row(&row)?),
                    password: row.text(6)?,
                })
            })
            .transpose()?;
        let known = known.map(Arc::new);
        self.accounts.insert(key, known.clone());
        Ok(known.map(|known| Arc::clone(&known.account)))
    }

    /// Checks a password (Argon2id, on a blocking thread, as many at a time as configured). A verification that
    /// succeeded is remembered for some minutes, or until the password changes, under a keyed hash.
    pub async fn verify_password(&self, address: &str, password: &str) -> Result<PasswordCheck> {
        let known = match self.entry(address).await? {
            Entry::Account(known) if !known.password.is_empty() => known,
            _ => {
                // As long as a wrong password takes, so that addresses cannot be found out by the clock.
                self.matches(None, password).await?;
                return Ok(PasswordCheck::Unknown);
            }
        };
        let digest = self.digest(&known.password, password);
        if self.verified.contains_key(&digest) {
            return Ok(PasswordCheck::Right(Arc::clone(&known.account)));
        }
        if !self.matches(Some(known.password.clone()), password).await? {
            return Ok(PasswordCheck::Wrong);
        }
        self.verified.insert(digest, ());
        Ok(PasswordCheck::Right(Arc::clone(&known.account)))
    }

    async fn matches(&self, stored: Option<String>, password: &str) -> Result<bool> {
        if password.len() > MAX_PASSWORD {
            return Ok(false);
        }
        let Ok(_permit) = self.verifying.acquire().await else {
            return Err(Error::Closed);
        };
        let password = password.to_owned();
        let stored = match stored.or_else(|| self.dummy.get().cloned()) {
            Some(stored) => stored,
            None => {
                let secret = format!("{:x}", rand::random::<u128>());
                let hash = tokio::task::spawn_blocking(move || hash_password(&secret))
                    .await
                    .map_err(|_| Error::Closed)??;
                self.dummy.get_or_init(|| hash).clone()
            }
        };
        tokio::task::spawn_blocking(move || password_matches(&stored, &password))
            .await
            .map_err(|_| Error::Closed)?
    }

    /// A new hash of a password, for tables that are not the store's.
    ///
    /// # Errors
    /// `TooLarge` above 1024 bytes.
    pub async fn hash_password(&self, password: &str) -> Result<String> {
        let _permit = self.verifying.acquire().await.map_err(|_| Error::Closed)?;
        let password = password.to_owned();
        tokio::task::spawn_blocking(move || hash_password(&password))
            .await
            .map_err(|_| Error::Closed)?
    }

    /// Whether a password is the one that was hashed, whoever did it.
    ///
    /// # Errors
    /// `PasswordHash` if the stored string is none that is known, or one that costs too much.
    pub async fn password_matches(&self, stored: &str, password: &str) -> Result<bool> {
        self.matches(Some(stored.to_owned()), password).await
    }

    /// The stored hash is part of it: another password, another digest.
    fn digest(&self, stored: &str, password: &str) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in [&self.key[..], stored.as_bytes(), password.as_bytes()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update(self.key);
        hasher.finalize().into()
    }
}
