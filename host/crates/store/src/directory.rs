//! Look-ups that mail flow makes: does an address exist, where does it lead, is a password right.
//!
//! Answers are cached. Writes on this host are seen at once; on PostgreSQL, writes of other hosts within
//! [`crate::StoreConfig::staleness`]: a version row rises with every change and is looked at that often.
//! Cached answers carry the version they were read under, so one read before a change is never found after it.

mod codes;
mod opens;
mod versions;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use waxwing_sasl::ScramKeys;

use self::codes::Code;
use self::versions::Versions;
use crate::accounts::{
    Secrets, account_of_row, domain_of_row, normal_address, normal_domain, targets_of,
};
use crate::credentials::{BEARER, HELD, Held, SecretId, ShownSecret, find, hash_of, held_of_row};
use crate::database::{Readers, Row, Value};
use crate::password::MAX_PASSWORD;
use crate::recovery::{self, hash_of_row};
use crate::shared::Shared;
use crate::statement::Sql;
use crate::web_logins;
use crate::writer::Writer;
use crate::writer::accounts::DirectoryChange;
use crate::{
    Account, AccountId, Clock, CredentialKind, Domain, Error, Result, Scope, StoreConfig,
    hash_password, password_matches, scram,
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

/// What becomes of the one-time code behind a password that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// It is used up, as a login does; of a recovery code that is written down, with where the login comes from.
    UseUp(Option<IpAddr>),
    /// It is looked at, and as good afterwards as before.
    Look,
}

/// The outcome of checking a password. The first two take the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordCheck {
    /// No such account, or one without a password.
    Unknown,
    /// The account exists, the password is another.
    Wrong,
    /// The password is right, and the one-time code behind it is missing; no login, and told to nobody but whom it is asked of.
    CodeMissing,
    /// The password is right.
    Right(Arc<Account>),
}

/// What an account is proved by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecretsOf {
    /// A password that is kept here.
    pub password: bool,
    /// A one-time code behind it.
    pub totp: bool,
    /// Codes that are left to take its place once each.
    pub recovery_codes: usize,
}

static DOMAIN: Sql = Sql::new(
    "SELECT id, name, created, quota_bytes, quota_messages, sts_mode, sts_max_age FROM domains WHERE name = $1",
);
static ACCOUNT: Sql = Sql::new(
    "SELECT id, address, domain, created, quota_bytes, quota_messages, password, scram, totp FROM accounts WHERE address = $1",
);
static ACCOUNT_BY_ID: Sql = Sql::new(
    "SELECT id, address, domain, created, quota_bytes, quota_messages FROM accounts WHERE id = $1",
);
static ALIAS: Sql = Sql::new("SELECT targets FROM aliases WHERE address = $1");

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
    /// Empty: no keys for SCRAM.
    scram: String,
    /// The secret of one-time codes; empty: none is wanted.
    totp: Vec<u8>,
    /// Hashes of what takes the place of a one-time code.
    recovery: Vec<Vec<u8>>,
    /// App passwords and tokens.
    held: Vec<Held>,
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
///
/// What reads the database is boxed: almost every look-up is answered from a cache, and should not carry the place of a query about.
#[derive(Debug)]
pub struct Directory {
    readers: Readers,
    writer: Writer,
    shared: Arc<Shared>,
    /// Keys of accounts that there are not come from this.
    secret: Vec<u8>,
    clock: Clock,
    versions: Versions,
    domains: Cache<(u64, String), Option<Arc<Domain>>>,
    entries: Cache<(u64, String), Entry>,
    accounts: Cache<(u64, AccountId), Option<Arc<Account>>>,
    /// Keyed hashes of stored hash and password that matched.
    verified: Cache<[u8; 32], ()>,
    key: [u8; 32],
    verifying: Semaphore,
    /// A hash that no password matches in practice, for accounts that do not exist.
    dummy: OnceLock<String>,
}

impl Directory {
    pub(crate) fn new(
        readers: Readers,
        writer: Writer,
        shared: Arc<Shared>,
        secret: Vec<u8>,
        config: &StoreConfig,
    ) -> Directory {
        Directory {
            readers,
            writer,
            shared,
            secret,
            clock: config.clock.clone(),
            versions: Versions::new(config),
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

    /// The domain of this name, if it is served here.
    pub async fn domain(&self, name: &str) -> Result<Option<Arc<Domain>>> {
        let Ok(name) = normal_domain(name) else {
            return Ok(None);
        };
        let key = (self.version().await?, name);
        if let Some(domain) = self.domains.get(&key) {
            return Ok(domain);
        }
        let domain = Box::pin(self.read_domain(&key.1)).await?;
        self.domains.insert(key, domain.clone());
        Ok(domain)
    }

    async fn read_domain(&self, name: &str) -> Result<Option<Arc<Domain>>> {
        let row = self
            .readers
            .fetch_one(&DOMAIN, vec![Value::from(name)])
            .await?;
        let domain = row.map(|row| domain_of_row(&row)).transpose()?;
        Ok(domain.map(Arc::new))
    }

    async fn entry(&self, address: &str) -> Result<Entry> {
        let Ok(address) = normal_address(address) else {
            return Ok(Entry::NotLocal);
        };
        let key = (self.version().await?, address);
        if let Some(entry) = self.entries.get(&key) {
            return Ok(entry);
        }
        // That a domain is elsewhere is kept once, and not for each address that strangers think of.
        let domain = key.1.rsplit_once('@').map_or("", |(_, domain)| domain);
        if self.domain(domain).await?.is_none() {
            return Ok(Entry::NotLocal);
        }
        let entry = Box::pin(self.read_entry(&key.1, domain)).await?;
        self.entries.insert(key, entry.clone());
        Ok(entry)
    }

    async fn read_entry(&self, address: &str, domain: &str) -> Result<Entry> {
        if let Some(row) = self
            .readers
            .fetch_one(&ACCOUNT, vec![Value::from(address)])
            .await?
        {
            return Ok(Entry::Account(Arc::new(self.known(&row).await?)));
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

    /// An account from the columns of [`ACCOUNT`], and what it holds.
    async fn known(&self, row: &Row) -> Result<Known> {
        let account = account_of_row(row)?;
        let values = vec![Value::Int(account.id.0)];
        let held = self.readers.fetch(&HELD, values).await?;
        let totp = row.bytes(8)?;
        let recovery = if totp.is_empty() {
            Vec::new()
        } else {
            let values = vec![Value::Int(account.id.0)];
            self.readers.fetch(&recovery::OF_ACCOUNT, values).await?
        };
        Ok(Known {
            account: Arc::new(account),
            password: row.text(6)?,
            scram: row.text(7)?,
            totp,
            recovery: recovery.iter().map(hash_of_row).collect::<Result<_>>()?,
            held: held.iter().map(held_of_row).collect::<Result<_>>()?,
        })
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
        if let Some(account) = self.accounts.get(&key) {
            return Ok(account);
        }
        let row = self
            .readers
            .fetch_one(&ACCOUNT_BY_ID, vec![Value::Int(id.0)])
            .await?;
        let account = row
            .map(|row| account_of_row(&row))
            .transpose()?
            .map(Arc::new);
        self.accounts.insert(key, account.clone());
        Ok(account)
    }

    /// Checks a password: the account's own, with its one-time code behind it where one is wanted, or an app password that
    /// is good for `scope`.
    ///
    /// The account's own takes Argon2id, on a blocking thread, as many at a time as configured. A verification that
    /// succeeded is remembered for some minutes, or until the password changes, under a keyed hash; codes are not.
    pub async fn verify_password(
        &self,
        address: &str,
        password: &str,
        scope: Option<Scope>,
        codes: Codes,
    ) -> Result<PasswordCheck> {
        let Entry::Account(known) = self.entry(address).await? else {
            return self.unknown(password).await;
        };
        let app_password = find(&known.held, CredentialKind::AppPassword, password);
        if let Some(held) = app_password {
            let good = scope.is_some_and(|scope| held.is_good(scope, self.clock.now()));
            return Ok(checked(good, &known));
        }
        if known.password.is_empty() {
            return self.unknown(password).await;
        }
        if known.totp.is_empty() {
            let right = self.is_own(&known, password).await?;
            if !right {
                self.once_more(password).await?;
            }
            return Ok(checked(right, &known));
        }
        // What has no code is no password of this account, but takes as long. So does what was right lately, or a wrong code
        // would tell by the clock that the password is right.
        let (before, code) = match Code::behind(password) {
            Some((before, code)) => (before, Some(code)),
            None => (password, None),
        };
        let own = self.matches(Some(known.password.clone()), before).await?;
        if own && code.is_none() {
            return Ok(PasswordCheck::CodeMissing);
        }
        if own
            && let Some(code) = code
            && self.code(&known, code, codes).await?
        {
            return Ok(checked(true, &known));
        }
        // What looks like a code may be the end of the password.
        let stored = known.password.clone();
        let whole = code.is_some() && self.matches(Some(stored), password).await?;
        Ok(if whole {
            PasswordCheck::CodeMissing
        } else {
            PasswordCheck::Wrong
        })
    }

    /// Whether a password is one for programs: it opens mail, and no settings.
    pub async fn is_app_password(&self, address: &str, password: &str) -> Result<bool> {
        let Entry::Account(known) = self.entry(address).await? else {
            return Ok(false);
        };
        Ok(find(&known.held, CredentialKind::AppPassword, password).is_some())
    }

    /// Whether an account wants a one-time code behind its password; and whether it has a password here at all.
    pub async fn secrets_of(&self, address: &str) -> Result<SecretsOf> {
        let Entry::Account(known) = self.entry(address).await? else {
            return Ok(SecretsOf::default());
        };
        Ok(SecretsOf {
            password: !known.password.is_empty(),
            totp: !known.totp.is_empty(),
            recovery_codes: known.recovery.len(),
        })
    }

    /// As long as a wrong password takes, so that addresses cannot be found out by the clock.
    async fn unknown(&self, password: &str) -> Result<PasswordCheck> {
        self.matches(None, password).await?;
        self.once_more(password).await?;
        Ok(PasswordCheck::Unknown)
    }

    /// Whether it is the account's own password.
    async fn is_own(&self, known: &Known, password: &str) -> Result<bool> {
        let digest = self.digest(&known.password, password);
        if self.verified.contains_key(&digest) {
            return Ok(true);
        }
        if !self.matches(Some(known.password.clone()), password).await? {
            return Ok(false);
        }
        self.verified.insert(digest, ());
        if known.scram.is_empty() {
            self.add_scram(known, password).await?;
        }
        Ok(true)
    }

    /// The account of a token that was made here and is good for `scope`.
    pub async fn bearer(&self, token: &str, scope: Option<Scope>) -> Result<Option<Arc<Account>>> {
        let hash = hash_of(CredentialKind::Token, token);
        let row = self
            .readers
            .fetch_one(&BEARER, vec![Value::Blob(hash)])
            .await?;
        let (Some(row), Some(scope)) = (row, scope) else {
            return Ok(None);
        };
        let Entry::Account(known) = self.entry(&row.text(0)?).await? else {
            return Ok(None);
        };
        let held = find(&known.held, CredentialKind::Token, token);
        let good = held.is_some_and(|held| held.is_good(scope, self.clock.now()));
        Ok(good.then(|| Arc::clone(&known.account)))
    }

    /// The own password of an account, as it is now.
    pub async fn own_password(&self, address: &str) -> Result<SecretId> {
        self.secret(address, ShownSecret::Password("")).await
    }

    /// Which of an account's secrets was shown by somebody who has logged in with it.
    pub async fn secret(&self, address: &str, shown: ShownSecret<'_>) -> Result<SecretId> {
        let Entry::Account(known) = self.entry(address).await? else {
            return Ok(SecretId::vouched_for());
        };
        let held = match shown {
            ShownSecret::Password(password) => {
                find(&known.held, CredentialKind::AppPassword, password)
            }
            ShownSecret::Token(token) => find(&known.held, CredentialKind::Token, token),
            ShownSecret::Cookie(secret) => {
                return Ok(SecretId::of_cookie(&web_logins::hash_of(secret)));
            }
        };
        Ok(match (held, shown) {
            (Some(held), _) => held.id(),
            (None, ShownSecret::Password(_)) => SecretId::of_password(&known.password),
            (None, _) => SecretId::vouched_for(),
        })
    }

    /// Whether a secret still is one of the account's; of cookies [`crate::Store::holds`] knows.
    pub(crate) async fn holds(&self, address: &str, secret: SecretId) -> Result<bool> {
        let Entry::Account(known) = self.entry(address).await? else {
            return Ok(false);
        };
        let now = self.clock.now();
        let held = known.held.iter().filter(|held| !held.is_over(now));
        Ok(secret == SecretId::vouched_for()
            || secret == SecretId::of_password(&known.password)
            || held.map(Held::id).any(|id| id == secret))
    }

    /// A password that was set before keys for SCRAM were kept gets its own at its first use.
    async fn add_scram(&self, known: &Known, password: &str) -> Result<()> {
        let permit = self.verifying.acquire().await.map_err(|_| Error::Closed)?;
        let password = password.to_owned();
        let scram = tokio::task::spawn_blocking(move || scram::keys_of(&password))
            .await
            .map_err(|_| Error::Closed)?;
        drop(permit);
        if scram.is_empty() {
            return Ok(());
        }
        let change = DirectoryChange::AddScram {
            address: known.account.address.clone(),
            secrets: Secrets {
                hash: known.password.clone(),
                scram,
            },
        };
        if let Err(error) = self.writer.write(change).await {
            // The password is right all the same; the next login tries again.
            tracing::warn!(%error, account = %known.account.address, "keys for SCRAM were not kept");
        }
        Ok(())
    }

    /// The keys by which an account's password can be proved; `None` for one that has none, or wants a one-time code, for
    /// which a proof has no room.
    pub async fn scram_keys(&self, address: &str) -> Result<Option<ScramKeys>> {
        match self.entry(address).await? {
            Entry::Account(known) if known.totp.is_empty() => {
                Ok(ScramKeys::from_stored(&known.scram))
            }
            _ => Ok(None),
        }
    }

    /// Keys to show for a name that has none: always the same for it, as are those of an account (RFC 5802 §9).
    #[must_use]
    pub fn pretended_keys(&self, name: &str) -> ScramKeys {
        ScramKeys::pretend(&self.secret, name, scram::ITERATIONS)
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

fn checked(right: bool, known: &Known) -> PasswordCheck {
    if right {
        PasswordCheck::Right(Arc::clone(&known.account))
    } else {
        PasswordCheck::Wrong
    }
}
