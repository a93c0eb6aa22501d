//! What is kept of passwords for those who prove them and do not say them (SCRAM-SHA-256), and what is shown of accounts
//! that there are not.
//!
//! Standards: RFC 5802 §3 (keys), RFC 5803 (how they are kept), RFC 7677.

use waxwing_sasl::ScramKeys;

use crate::database::{Connection, Value};
use crate::statement::Sql;
use crate::{Error, Result};

/// How often a password is hashed for its keys. RFC 7677 §4 wants 4096 at least; clients do the same work at each login.
pub(crate) const ITERATIONS: u32 = 32_768;

static SECRET: Sql = Sql::new("SELECT value FROM secrets WHERE name = 'scram'");
// Of two hosts that start together, the first decides.
static GIVE_SECRET: Sql =
    Sql::new("INSERT INTO secrets (name, value) VALUES ('scram', $1) ON CONFLICT DO NOTHING");

/// The keys of a password under a new salt, as text. Takes some ten milliseconds; call it on a blocking thread. Empty for
/// a password that cannot be proved, since RFC 4013 forbids some of its characters.
pub(crate) fn keys_of(password: &str) -> String {
    let salt: [u8; 16] = rand::random();
    ScramKeys::derive(password, &salt, ITERATIONS)
        .map_or_else(|_| String::new(), |keys| keys.to_stored())
}

/// The secret that the keys of accounts are made of that there are not: made once, and the same on every host, or the
/// same name would have two salts.
pub(crate) async fn secret(connection: &mut Connection) -> Result<Vec<u8>> {
    if let Some(secret) = read(connection).await? {
        return Ok(secret);
    }
    let fresh: [u8; 32] = rand::random();
    let _rows = connection
        .fetch(&GIVE_SECRET, vec![Value::Blob(fresh.to_vec())])
        .await?;
    read(connection)
        .await?
        .ok_or_else(|| Error::Corrupt("the store has no secret for SCRAM".to_owned()))
}

async fn read(connection: &mut Connection) -> Result<Option<Vec<u8>>> {
    let rows = connection.fetch(&SECRET, Vec::new()).await?;
    rows.first().map(|row| row.bytes(0)).transpose()
}
