//! Changes of push subscriptions.

use super::Operation;
use super::transaction::Transaction;
use crate::database::Value;
use crate::push_subscriptions::{MAX_PUSH_SUBSCRIPTIONS, PushSubscription, PushUpdate, types_text};
use crate::statement::Sql;
use crate::{AccountId, Result};

static ACCOUNT: Sql = Sql::new("SELECT id FROM accounts WHERE id = $1");
static COUNT: Sql =
    Sql::new("SELECT count(*) FROM push_subscriptions WHERE account = $1 AND expires > $2");
static FORGET_OLD: Sql =
    Sql::new("DELETE FROM push_subscriptions WHERE account = $1 AND expires <= $2");
static INSERT: Sql = Sql::new(
    "INSERT INTO push_subscriptions (id, account, credential, device, url, p256dh, auth, code, verified, expires, types, told)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
static VERIFY: Sql =
    Sql::new("UPDATE push_subscriptions SET verified = 1 WHERE account = $1 AND id = $2");
static SET_EXPIRES: Sql =
    Sql::new("UPDATE push_subscriptions SET expires = $3 WHERE account = $1 AND id = $2");
static SET_TYPES: Sql =
    Sql::new("UPDATE push_subscriptions SET types = $3 WHERE account = $1 AND id = $2");
static SET_TOLD: Sql =
    Sql::new("UPDATE push_subscriptions SET told = $3 WHERE account = $1 AND id = $2");
static FOUND: Sql = Sql::new("SELECT id FROM push_subscriptions WHERE account = $1 AND id = $2");
static DELETE: Sql = Sql::new("DELETE FROM push_subscriptions WHERE account = $1 AND id = $2");
static SWEEP: Sql = Sql::new("DELETE FROM push_subscriptions WHERE expires <= $1");
/// What goes with an account.
pub(super) static DELETE_PUSH: Sql = Sql::new("DELETE FROM push_subscriptions WHERE account = $1");

/// One change.
#[derive(Debug)]
pub(crate) enum PushChange {
    Add(Box<PushSubscription>),
    Update {
        account: AccountId,
        id: i64,
        update: PushUpdate,
    },
    Remove {
        account: AccountId,
        id: i64,
    },
}

impl Operation for PushChange {
    /// The number of what was changed, if anything was.
    type Output = Option<i64>;

    async fn apply(&mut self, transaction: &mut Transaction) -> Result<Option<i64>> {
        match self {
            Self::Add(new) => add(transaction, new).await,
            Self::Update {
                account,
                id,
                update,
            } => {
                let place = || vec![Value::from(account.0), (*id).into()];
                if transaction.fetch(&FOUND, place()).await?.is_empty() {
                    return Ok(None);
                }
                if update.verified {
                    transaction.execute(&VERIFY, place()).await?;
                }
                let types = update.types.as_ref();
                let sets = [
                    (&SET_EXPIRES, update.expires.map(Value::from)),
                    (
                        &SET_TYPES,
                        types.map(|types| types_text(types.as_deref()).into()),
                    ),
                    (&SET_TOLD, update.told.as_deref().map(Value::from)),
                ];
                for (sql, value) in sets {
                    if let Some(value) = value {
                        let mut values = place();
                        values.push(value);
                        transaction.execute(sql, values).await?;
                    }
                }
                Ok(Some(*id))
            }
            Self::Remove { account, id } => {
                let place = vec![account.0.into(), (*id).into()];
                let removed = transaction.execute(&DELETE, place).await?;
                Ok((removed > 0).then_some(*id))
            }
        }
    }
}

async fn add(transaction: &mut Transaction, new: &PushSubscription) -> Result<Option<i64>> {
    let account = Value::from(new.account.0);
    if transaction
        .fetch(&ACCOUNT, vec![account.clone()])
        .await?
        .is_empty()
    {
        return Err(crate::Error::NoSuchAccount(new.account.to_string()));
    }
    let now = Value::from(transaction.now);
    let rows = transaction.fetch(&COUNT, vec![account.clone(), now.clone()]);
    let count = rows.await?.first().map_or(Ok(0), |row| row.natural(0))?;
    if count >= MAX_PUSH_SUBSCRIPTIONS as u64 {
        return Ok(None);
    }
    transaction
        .execute(&FORGET_OLD, vec![account.clone(), now])
        .await?;
    let id = transaction.ids(1).await?;
    let (p256dh, auth) = match &new.keys {
        Some(keys) => (keys.p256dh.clone(), keys.auth.clone()),
        None => (Vec::new(), Vec::new()),
    };
    let values = vec![
        id.into(),
        account,
        Value::Blob(new.credential.0.to_vec()),
        new.device.as_str().into(),
        new.url.as_str().into(),
        Value::Blob(p256dh),
        Value::Blob(auth),
        new.code.as_str().into(),
        i64::from(new.verified).into(),
        new.expires.into(),
        types_text(new.types.as_deref()).into(),
        new.told.as_str().into(),
    ];
    transaction.execute(&INSERT, values).await?;
    Ok(Some(id))
}

/// Forgets those that are over.
pub(super) async fn sweep(transaction: &mut Transaction) -> Result<()> {
    let now = transaction.now;
    transaction.execute(&SWEEP, vec![now.into()]).await?;
    Ok(())
}
