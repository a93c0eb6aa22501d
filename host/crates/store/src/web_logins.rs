//! Browsers that are logged in, each known by a random secret in its cookie.
//!
//! Invariants: a secret is told once and only its hash is kept; it has 256 random bits, so that a plain hash hides it. A login ends when
//! nobody has used it for a while, after a longer while in any case, and with the password it was made by.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::credentials::SecretId;
use crate::database::{Row, Value};
use crate::housekeeping::millis;
use crate::statement::Sql;
use crate::writer::web_logins::{BeginWebLogin, EndWebLogins, TouchWebLogin, Which};
use crate::{Account, AccountId, Result, Store};

/// Browsers of one account at a time; whoever has not been used for longest makes room.
pub const MAX_WEB_LOGINS: i64 = 50;
/// Longest description of a browser that is kept, in octets.
const MAX_AGENT: usize = 300;
/// How often a use is written down, in milliseconds.
const NOTED: i64 = 5 * 60 * 1000;

/// A browser that is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebLogin {
    /// Its number.
    pub id: i64,
    /// Who it is.
    #[serde(skip)]
    pub account: AccountId,
    /// When it began, milliseconds of Unix time.
    pub created: i64,
    /// When it was used last, to some minutes.
    pub used: i64,
    /// The address that it began at.
    pub client: String,
    /// What the browser called itself then.
    pub agent: String,
}

static BY_HASH: Sql = Sql::new(
    "SELECT id, account, created, used, client, agent FROM web_logins WHERE hash = $1 AND used >= $2 AND created >= $3",
);
static BY_ID: Sql =
    Sql::new("SELECT 1 FROM web_logins WHERE id = $1 AND used >= $2 AND created >= $3");
static OF_ACCOUNT: Sql = Sql::new(
    "SELECT id, account, created, used, client, agent FROM web_logins WHERE account = $1 AND used >= $2 AND created >= $3 ORDER BY id",
);
static HASHES: Sql =
    Sql::new("SELECT hash FROM web_logins WHERE account = $1 AND used >= $2 AND created >= $3");

fn login_of_row(row: &Row) -> Result<WebLogin> {
    Ok(WebLogin {
        id: row.int(0)?,
        account: AccountId(row.int(1)?),
        created: row.int(2)?,
        used: row.int(3)?,
        client: row.text(4)?,
        agent: row.text(5)?,
    })
}

pub(crate) fn hash_of(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// What of a text is kept: no more than there is room for, and nothing that could be other than text where it is shown.
fn shortened(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > MAX_AGENT {
            break;
        }
        kept.push(c);
    }
    kept
}

impl Store {
    /// A browser is logged in from now on: the login, and the secret for its cookie, which cannot be had again. `password` is the account's own
    /// as it was before somebody showed it (`Directory::own_password`).
    ///
    /// # Errors
    /// `NoSuchAccount`; `NotAllowed` if the password was changed meanwhile.
    pub async fn begin_web_login(
        &self,
        account: AccountId,
        password: SecretId,
        client: &str,
        agent: &str,
    ) -> Result<(WebLogin, String)> {
        let octets: [u8; 32] = rand::random();
        let secret = octets
            .iter()
            .fold(String::new(), |text, octet| format!("{text}{octet:02x}"));
        let (client, agent) = (shortened(client), shortened(agent));
        let begin = BeginWebLogin {
            account,
            password,
            hash: hash_of(&secret),
            client: client.clone(),
            agent: agent.clone(),
        };
        let (id, created) = self.inner.writer.write(begin).await?;
        let login = WebLogin {
            id,
            account,
            created,
            used: created,
            client,
            agent,
        };
        Ok((login, secret))
    }

    /// The login of a secret, if it has not ended; it counts as used.
    pub async fn use_web_login(&self, secret: &str) -> Result<Option<WebLogin>> {
        let mut values = vec![Value::Blob(hash_of(secret))];
        values.extend(self.web_logins_since());
        let row = self.inner.readers.fetch_one(&BY_HASH, values).await?;
        let Some(login) = row.map(|row| login_of_row(&row)).transpose()? else {
            return Ok(None);
        };
        if self.inner.config.clock.now() - login.used >= NOTED {
            let touch = TouchWebLogin { id: login.id };
            if let Err(error) = self.inner.writer.write(touch).await {
                // Who reads can do so while nothing can be written.
                tracing::warn!(%error, "the use of a login was not noted");
            }
        }
        Ok(Some(login))
    }

    /// Whether a login has not ended.
    pub async fn is_web_login(&self, id: i64) -> Result<bool> {
        let mut values = vec![id.into()];
        values.extend(self.web_logins_since());
        Ok(self
            .inner
            .readers
            .fetch_one(&BY_ID, values)
            .await?
            .is_some())
    }

    /// Whether what somebody has logged in with still opens an account: one of its secrets, or the cookie of a login that has not ended.
    pub async fn holds(&self, account: &Account, secret: SecretId) -> Result<bool> {
        if self.directory().holds(&account.address, secret).await? {
            return Ok(true);
        }
        let mut values = vec![account.id.0.into()];
        values.extend(self.web_logins_since());
        for row in self.inner.readers.fetch(&HASHES, values).await? {
            if SecretId::of_cookie(&row.bytes(0)?) == secret {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The logins of an account, in the order in which they began.
    pub async fn web_logins(&self, account: AccountId) -> Result<Vec<WebLogin>> {
        let mut values = vec![account.0.into()];
        values.extend(self.web_logins_since());
        let rows = self.inner.readers.fetch(&OF_ACCOUNT, values).await?;
        rows.iter().map(login_of_row).collect()
    }

    /// Ends a login of an account. False: there is none of this number.
    pub async fn end_web_login(&self, account: AccountId, id: i64) -> Result<bool> {
        let which = Which::One(id);
        let ended = self.inner.writer.write(EndWebLogins { account, which });
        Ok(ended.await? > 0)
    }

    /// Ends the logins of an account but one; how many they were.
    pub async fn end_other_web_logins(&self, account: AccountId, id: i64) -> Result<u64> {
        let which = Which::AllBut(id);
        let ended = self.inner.writer.write(EndWebLogins { account, which });
        ended.await
    }

    /// The earliest last use, and the earliest beginning, of logins that have not ended.
    fn web_logins_since(&self) -> [Value; 2] {
        let config = &self.inner.config;
        let now = config.clock.now();
        [config.web_login_idle, config.web_login_longest]
            .map(|time| now.saturating_sub(millis(time)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_short_and_text() {
        assert_eq!(
            shortened("Mozilla/5.0\r\nX: \u{1b}[31m"),
            "Mozilla/5.0X: [31m"
        );
        let long = shortened(&"ü".repeat(1000));
        assert_eq!(long.chars().count(), MAX_AGENT / 2);
    }
}
