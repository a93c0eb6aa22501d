//! Where clients want to be told of changes (RFC 8620 §7.2).
//!
//! Invariants: an account has so many at most; a subscription is seen by who has logged in with the secret that it was made with, and goes
//! with that secret.

use crate::credentials::SecretId;
use crate::database::{Row, Value};
use crate::statement::Sql;
use crate::writer::push_subscriptions::PushChange;
use crate::{AccountId, Error, Result, Store};

/// Subscriptions of an account at a time.
pub const MAX_PUSH_SUBSCRIPTIONS: usize = 32;

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, account, credential, device, url, p256dh, auth, code, verified, expires, types, told FROM push_subscriptions WHERE ",
            $condition,
            " ORDER BY id"
        )
    };
}
static OF_ACCOUNT: Sql = Sql::new(select!("account = $1"));
static LIVE: Sql = Sql::new(select!("verified = 1 AND expires > $1"));

/// A subscription.
#[derive(Clone, PartialEq, Eq)]
pub struct PushSubscription {
    /// Its number.
    pub id: i64,
    /// Whose changes are told.
    pub account: AccountId,
    /// The secret that it was made with.
    pub credential: SecretId,
    /// What the client calls itself and its device.
    pub device: String,
    /// Where it is told.
    pub url: String,
    /// What is told is encrypted with these.
    pub keys: Option<PushKeys>,
    /// What the client repeats, to show that it was told.
    pub code: String,
    /// Whether it has.
    pub verified: bool,
    /// Until when it is good, milliseconds of Unix time.
    pub expires: i64,
    /// Of which types; none: all.
    pub types: Option<Vec<String>>,
    /// Until when all was told, as whoever tells writes it.
    pub told: String,
}

/// RFC 8291 §2: what a client gives for its messages to be encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct PushKeys {
    /// Its public key.
    pub p256dh: Vec<u8>,
    /// Its secret.
    pub auth: Vec<u8>,
}

// Neither the URL, which is a secret of the client's and its push service's, nor what would open what is sent.
impl std::fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushSubscription")
            .field("id", &self.id)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PushKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PushKeys")
    }
}

/// What is to be otherwise; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushUpdate {
    /// The client has repeated the code.
    pub verified: bool,
    /// Until when it is good.
    pub expires: Option<i64>,
    /// Of which types; none: all.
    pub types: Option<Option<Vec<String>>>,
    /// Until when all was told.
    pub told: Option<String>,
}

pub(crate) fn types_text(types: Option<&[String]>) -> String {
    types.map_or_else(|| "*".to_owned(), |types| types.join(" "))
}

fn of_row(row: &Row) -> Result<PushSubscription> {
    let keys = PushKeys {
        p256dh: row.bytes(5)?,
        auth: row.bytes(6)?,
    };
    let types = row.text(10)?;
    Ok(PushSubscription {
        id: row.int(0)?,
        account: AccountId(row.int(1)?),
        credential: SecretId::read(&row.bytes(2)?)
            .ok_or_else(|| Error::Corrupt("a push subscription has no credential".to_owned()))?,
        device: row.text(3)?,
        url: row.text(4)?,
        keys: Some(keys).filter(|keys| !keys.p256dh.is_empty()),
        code: row.text(7)?,
        verified: row.int(8)? != 0,
        expires: row.int(9)?,
        types: (types != "*").then(|| types.split_whitespace().map(str::to_owned).collect()),
        told: row.text(11)?,
    })
}

impl Store {
    /// The subscriptions of an account, whatever made them, those that are over included.
    pub async fn push_subscriptions(&self, account: AccountId) -> Result<Vec<PushSubscription>> {
        let rows = self
            .inner
            .readers
            .fetch(&OF_ACCOUNT, vec![account.0.into()]);
        rows.await?.iter().map(of_row).collect()
    }

    /// All subscriptions that are verified and not over.
    pub async fn live_push_subscriptions(&self) -> Result<Vec<PushSubscription>> {
        let now: Value = self.inner.config.clock.now().into();
        let rows = self.inner.readers.fetch(&LIVE, vec![now]).await?;
        rows.iter().map(of_row).collect()
    }

    /// Adds a subscription, whose number is made here. None: the account has too many.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn add_push_subscription(&self, new: PushSubscription) -> Result<Option<i64>> {
        self.inner
            .writer
            .write(PushChange::Add(Box::new(new)))
            .await
    }

    /// Changes a subscription. False: there is none.
    pub async fn update_push_subscription(
        &self,
        account: AccountId,
        id: i64,
        update: PushUpdate,
    ) -> Result<bool> {
        let change = PushChange::Update {
            account,
            id,
            update,
        };
        Ok(self.inner.writer.write(change).await?.is_some())
    }

    /// Removes a subscription. False: there was none.
    pub async fn remove_push_subscription(&self, account: AccountId, id: i64) -> Result<bool> {
        let change = PushChange::Remove { account, id };
        Ok(self.inner.writer.write(change).await?.is_some())
    }
}
