//! Tokens of administration: random secrets that let a program do some of what an administrator may, for some time.
//!
//! Invariants: a token is told once, when it is made, and only its hash is kept; it is looked up by that hash, so that how long a
//! look-up takes says nothing of any token; what nobody listed as a scope is no scope.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::database::{Row, Value};
use crate::statement::Sql;
use crate::writer::administration::TokenChange;
use crate::{Error, Result, Store};

/// Longest name of a token, in bytes.
const MAX_NAME: usize = 60;
/// Most tokens at a time.
pub(crate) const MAX_TOKENS: i64 = 1000;
/// What they begin with, to be told from tokens of accounts, and found by who looks through published code for secrets.
const PREFIX: &str = "wxa_";

/// What there is to administrate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Accounts, aliases, passwords, app passwords: whoever writes here can read everybody's mail.
    Accounts,
    /// What administrators did.
    Audit,
    /// Domains, their keys and what they publish.
    Domains,
    /// How much mail there is, and what becomes of it, in numbers.
    Flow,
    /// Plugins and rule files.
    Policy,
    /// Mail that waits to be sent on.
    Queue,
    /// Reports to other domains.
    Reports,
    /// How the server is.
    Status,
    /// What became of each message: senders, recipients, findings.
    Trace,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Accounts,
        Self::Audit,
        Self::Domains,
        Self::Flow,
        Self::Policy,
        Self::Queue,
        Self::Reports,
        Self::Status,
        Self::Trace,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Audit => "audit",
            Self::Domains => "domains",
            Self::Flow => "flow",
            Self::Policy => "policy",
            Self::Queue => "queue",
            Self::Reports => "reports",
            Self::Status => "status",
            Self::Trace => "trace",
        }
    }
}

/// What a token lets do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminScope {
    /// Everything: `*`.
    All,
    /// Seeing everything, changing nothing: `*:read`.
    ReadAll,
    /// Seeing an area: `queue:read`.
    Read(Area),
    /// Seeing and changing an area: `queue:write`.
    Write(Area),
}

impl AdminScope {
    /// The scope of a name; nothing else is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "*" => return Some(Self::All),
            "*:read" => return Some(Self::ReadAll),
            _ => {}
        }
        let (area, right) = name.split_once(':')?;
        let area = Area::ALL.into_iter().find(|known| known.as_str() == area)?;
        match right {
            "read" => Some(Self::Read(area)),
            "write" => Some(Self::Write(area)),
            _ => None,
        }
    }

    /// Whether this lets do what `wanted` stands for.
    #[must_use]
    pub fn covers(self, wanted: Self) -> bool {
        match (self, wanted) {
            (Self::All, _) | (Self::ReadAll, Self::Read(_) | Self::ReadAll) => true,
            (Self::Read(of), Self::Read(wanted))
            | (Self::Write(of), Self::Read(wanted) | Self::Write(wanted)) => of == wanted,
            _ => false,
        }
    }
}

impl fmt::Display for AdminScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::ReadAll => f.write_str("*:read"),
            Self::Read(area) => write!(f, "{}:read", area.as_str()),
            Self::Write(area) => write!(f, "{}:write", area.as_str()),
        }
    }
}

impl serde::Serialize for AdminScope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for AdminScope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom(format!("no scope: {name:?}")))
    }
}

/// A token as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AdminToken {
    /// Its number.
    pub id: i64,
    /// What it is called, in the list and in the audit log; no two have the same name.
    pub name: String,
    /// What it lets do.
    pub scopes: Vec<AdminScope>,
    /// When it was made, milliseconds of Unix time.
    pub created: i64,
    /// Until when it is good, if not for ever.
    pub expires: Option<i64>,
}

impl AdminToken {
    /// Whether it lets do what a scope stands for.
    #[must_use]
    pub fn allows(&self, wanted: AdminScope) -> bool {
        self.scopes.iter().any(|scope| scope.covers(wanted))
    }
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAdminToken {
    /// What it is called.
    pub name: String,
    /// What it lets do; at least one.
    pub scopes: Vec<AdminScope>,
    /// Until when it is good, milliseconds of Unix time; `None`: for ever.
    pub expires: Option<i64>,
}

static LISTED: Sql =
    Sql::new("SELECT id, name, scopes, created, expires FROM admin_tokens ORDER BY id");
static OF_HASH: Sql =
    Sql::new("SELECT id, name, scopes, created, expires FROM admin_tokens WHERE hash = $1");

/// Whether a text has the form of such a token.
#[must_use]
pub fn is_admin_token(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|rest| {
        rest.len() == 64
            && rest
                .bytes()
                .all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn fresh() -> String {
    let octets: [u8; 32] = rand::random();
    octets.iter().fold(PREFIX.to_owned(), |text, octet| {
        format!("{text}{octet:02x}")
    })
}

fn hash_of(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Scopes that a later version wrote and this one does not know let do nothing here.
fn token_of_row(row: &Row) -> Result<AdminToken> {
    Ok(AdminToken {
        id: row.int(0)?,
        name: row.text(1)?,
        scopes: row
            .text(2)?
            .split(' ')
            .filter_map(AdminScope::parse)
            .collect(),
        created: row.int(3)?,
        expires: Some(row.int(4)?).filter(|expires| *expires != 0),
    })
}

impl Store {
    /// Makes a token: it, and the secret, which cannot be had again.
    ///
    /// # Errors
    /// `AlreadyExists` if there is one of that name; `InvalidName` for a name that is empty, too long or not printable, or without a scope;
    /// `TooLarge` if there are too many.
    pub async fn add_admin_token(&self, new: NewAdminToken) -> Result<(AdminToken, String)> {
        let plain = |c: char| c.is_ascii_graphic() && c != ':';
        let good =
            !new.name.is_empty() && new.name.len() <= MAX_NAME && new.name.chars().all(plain);
        if !good || new.scopes.is_empty() {
            return Err(Error::InvalidName {
                name: new.name.chars().take(MAX_NAME).collect(),
                reason: "a token has a name of 1 to 60 printable ASCII characters without blanks and colons, and one scope at least",
            });
        }
        let secret = fresh();
        let scopes: Vec<String> = new.scopes.iter().map(ToString::to_string).collect();
        let change = TokenChange::Add {
            name: new.name.clone(),
            hash: hash_of(&secret),
            scopes: scopes.join(" "),
            expires: new.expires.unwrap_or(0),
        };
        let (id, created) = self.inner.writer.write(change).await?;
        let NewAdminToken {
            name,
            scopes,
            expires,
        } = new;
        let made = AdminToken {
            id,
            name,
            scopes,
            created,
            expires,
        };
        Ok((made, secret))
    }

    /// All tokens in the order in which they were made, those that are good no more among them.
    pub async fn admin_tokens(&self) -> Result<Vec<AdminToken>> {
        let rows = self.inner.readers.fetch(&LISTED, Vec::new()).await?;
        rows.iter().map(token_of_row).collect()
    }

    /// The token that a secret is, while it is good.
    pub async fn admin_token(&self, secret: &str) -> Result<Option<AdminToken>> {
        if !is_admin_token(secret) {
            return Ok(None);
        }
        let hash = Value::Blob(hash_of(secret));
        let row = self.inner.readers.fetch_one(&OF_HASH, vec![hash]).await?;
        let token = row.as_ref().map(token_of_row).transpose()?;
        let now = self.inner.config.clock.now();
        Ok(token.filter(|token| token.expires.is_none_or(|expires| now < expires)))
    }

    /// Takes a token back; from then on it is wrong. Gives what it was.
    ///
    /// # Errors
    /// `NoSuchToken`.
    pub async fn remove_admin_token(&self, id: i64) -> Result<()> {
        self.inner.writer.write(TokenChange::Remove { id }).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_what_it_says_and_no_more() {
        let scope = |name| AdminScope::parse(name).unwrap();
        for (has, wants, expected) in [
            ("*", "queue:write", true),
            ("*:read", "queue:read", true),
            ("*:read", "queue:write", false),
            ("queue:write", "queue:read", true),
            ("queue:read", "queue:write", false),
            ("queue:write", "policy:read", false),
            ("queue:read", "*:read", false),
            ("accounts:write", "*", false),
        ] {
            assert_eq!(scope(has).covers(scope(wants)), expected, "{has} {wants}");
        }
    }

    #[test]
    fn scopes_are_read_as_they_are_written_and_nothing_else_is_one() {
        let mut all = vec![AdminScope::All, AdminScope::ReadAll];
        for area in Area::ALL {
            all.extend([AdminScope::Read(area), AdminScope::Write(area)]);
        }
        for scope in all {
            assert_eq!(AdminScope::parse(&scope.to_string()), Some(scope));
        }
        for wrong in [
            "",
            "queue",
            "queue:",
            ":read",
            "queue:read ",
            "Queue:read",
            "queue:*",
            "*:write",
            "queue:read:write",
        ] {
            assert_eq!(AdminScope::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn tokens_have_a_form() {
        let token = fresh();
        assert!(is_admin_token(&token));
        assert_ne!(token, fresh());
        for wrong in [
            "",
            "wxa_",
            "wxt_0",
            &token[1..],
            &format!("{token}0"),
            &token.to_uppercase(),
        ] {
            assert!(!is_admin_token(wrong), "{wrong}");
        }
    }
}
