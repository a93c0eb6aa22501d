//! App passwords and access tokens: random secrets that stand for an account, each for some protocols and some time.
//!
//! Invariants: a secret is told once, when it is made, and only its hash is kept. It has 120 random bits or more, so
//! that a plain hash hides it.

pub(crate) mod letters;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::accounts::normal_address;
use crate::database::{Row, Value};
use crate::statement::Sql;
use crate::writer::credentials::CredentialChange;
use crate::{Error, Result, Store};

/// Longest name of a credential, in bytes.
const MAX_NAME: usize = 100;
/// What tokens begin with, to be told from those of an issuer.
const TOKEN: &str = "wxt_";

/// What a secret takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// The password, for a program that can send nothing else.
    AppPassword,
    /// An access token (RFC 6750).
    Token,
}

impl CredentialKind {
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::AppPassword => 1,
            Self::Token => 2,
        }
    }
}

/// What a secret is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Sending by SMTP: submission, and the other ports where they take logins.
    Smtp,
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
    /// JMAP, with all that it does: sending, too (RFC 8621 §7), without [`Scope::Smtp`].
    Jmap,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Smtp, Self::Imap, Self::Pop3, Self::Jmap];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Jmap => "jmap",
        }
    }

    /// The scope of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A credential as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its number.
    pub id: i64,
    /// What it takes the place of.
    pub kind: CredentialKind,
    /// What it is called, for whoever looks at the list.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// When it was made, milliseconds of Unix time.
    pub created: i64,
    /// Until when it is good, if not for ever.
    pub expires: Option<i64>,
}

/// A credential to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    /// What it takes the place of.
    pub kind: CredentialKind,
    /// What it is called.
    pub name: String,
    /// What it is good for; at least one.
    pub scopes: Vec<Scope>,
    /// Until when it is good, milliseconds of Unix time; `None`: for ever.
    pub expires: Option<i64>,
}

/// Kinds of secrets beside those that are held by number: the account's own password, what somebody else vouches for, and a cookie.
const OWN: u8 = 0;
const VOUCHED: u8 = 0x80;
const COOKIE: u8 = 0x81;

/// Which secret somebody has logged in with, without the secret: another one of the same account is another. What does not change with the
/// secret, as whose token an issuer's is, is always the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretId(pub [u8; 16]);

// It is a digest of what is kept, and of use to nobody in a log.
impl std::fmt::Debug for SecretId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretId")
    }
}

/// What somebody has logged in with.
#[derive(Clone, Copy)]
pub enum ShownSecret<'s> {
    /// The account's own password, or one for programs.
    Password(&'s str),
    /// A token, of here or of an issuer.
    Token(&'s str),
    /// That of a browser's cookie.
    Cookie(&'s str),
}

impl SecretId {
    pub(crate) fn read(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self)
    }

    /// Of what is kept of an account's own password.
    pub(crate) fn of_password(kept: &str) -> Self {
        Self::of(OWN, kept.as_bytes())
    }

    /// Of what somebody else vouches for.
    pub(crate) fn vouched_for() -> Self {
        Self::of(VOUCHED, b"")
    }

    /// Of a login by cookie, of what is kept of it.
    pub(crate) fn of_cookie(hash: &[u8]) -> Self {
        Self::of(COOKIE, hash)
    }

    /// Of what is kept of a secret.
    pub(crate) fn of(kind: u8, kept: &[u8]) -> Self {
        let digest = Sha256::new()
            .chain_update([kind])
            .chain_update(kept)
            .finalize();
        let mut id = [0; 16];
        id.iter_mut()
            .zip(digest)
            .for_each(|(to, octet)| *to = octet);
        Self(id)
    }
}

/// A credential as it is checked.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    kind: i64,
    hash: Vec<u8>,
    scopes: Vec<Scope>,
    expires: i64,
}

impl Held {
    /// Which secret it is.
    pub(crate) fn id(&self) -> SecretId {
        SecretId::of(u8::try_from(self.kind).unwrap_or(u8::MAX), &self.hash)
    }

    /// Whether it is over.
    pub(crate) const fn is_over(&self, now: i64) -> bool {
        self.expires != 0 && now >= self.expires
    }

    pub(crate) fn is_good(&self, scope: Scope, now: i64) -> bool {
        self.scopes.contains(&scope) && (self.expires == 0 || now < self.expires)
    }
}

static OF_ACCOUNT: Sql = Sql::new(
    "SELECT c.id, c.kind, c.name, c.scopes, c.created, c.expires FROM credentials c
     JOIN accounts a ON a.id = c.account WHERE a.address = $1 AND c.kind = $2 ORDER BY c.id",
);
/// What accounts are known by, beside their passwords.
pub(crate) static HELD: Sql =
    Sql::new("SELECT kind, hash, scopes, expires FROM credentials WHERE account = $1 ORDER BY id");
/// Whose token it is.
pub(crate) static BEARER: Sql = Sql::new(
    "SELECT a.address FROM credentials c JOIN accounts a ON a.id = c.account WHERE c.hash = $1 AND c.kind = 2",
);

pub(crate) fn held_of_row(row: &Row) -> Result<Held> {
    Ok(Held {
        kind: row.int(0)?,
        hash: row.bytes(1)?,
        scopes: scopes_of(&row.text(2)?),
        expires: row.int(3)?,
    })
}

/// The one of these that a secret is, as a password or as a token.
pub(crate) fn find<'a>(held: &'a [Held], kind: CredentialKind, secret: &str) -> Option<&'a Held> {
    // Passwords and tokens in use are seldom of this form; hashing those is for nothing.
    if held.is_empty() {
        return None;
    }
    let hash = hash_of(kind, secret);
    held.iter()
        .find(|held| held.kind == kind.number() && held.hash == hash)
}

/// The hash of a secret, as it is looked up. What people put between or change in an app password does not matter.
pub(crate) fn hash_of(kind: CredentialKind, secret: &str) -> Vec<u8> {
    let plain: String = match kind {
        CredentialKind::Token => secret.to_owned(),
        CredentialKind::AppPassword => secret
            .chars()
            .filter(|c| !matches!(c, '-' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect(),
    };
    Sha256::digest(plain.as_bytes()).to_vec()
}

/// Whether a token is one that was made here.
#[must_use]
pub fn is_own_token(token: &str) -> bool {
    token.starts_with(TOKEN)
}

fn scopes_of(text: &str) -> Vec<Scope> {
    text.split(' ').filter_map(Scope::parse).collect()
}

fn fresh(kind: CredentialKind) -> String {
    match kind {
        CredentialKind::Token => {
            let octets: [u8; 32] = rand::random();
            octets
                .iter()
                .fold(TOKEN.to_owned(), |text, octet| format!("{text}{octet:02x}"))
        }
        // Five bits a letter, 120 in all, in groups that can be read out.
        CredentialKind::AppPassword => letters::grouped(&letters::random(24), 4),
    }
}

impl Store {
    /// Makes a credential of an account: it, and the secret, which cannot be had again.
    ///
    /// # Errors
    /// `NoSuchAccount`; `InvalidName` for a name that is too long or has control characters, or without a scope.
    pub async fn add_credential(
        &self,
        address: &str,
        new: NewCredential,
    ) -> Result<(Credential, String)> {
        let address = normal_address(address)?;
        let bad_name = new.name.len() > MAX_NAME || new.name.chars().any(char::is_control);
        if bad_name || new.scopes.is_empty() {
            return Err(Error::InvalidName {
                name: new.name.chars().take(MAX_NAME).collect(),
                reason: "a credential has a name of 100 octets at most and one scope at least",
            });
        }
        let secret = fresh(new.kind);
        let change = CredentialChange::Add {
            address,
            hash: hash_of(new.kind, &secret),
            new: new.clone(),
        };
        let (id, created) = self.inner.writer.write(change).await?;
        let NewCredential {
            kind,
            name,
            scopes,
            expires,
        } = new;
        let made = Credential {
            id,
            kind,
            name,
            scopes,
            created,
            expires,
        };
        Ok((made, secret))
    }

    /// The credentials of an account that are of a kind, in the order in which they were made.
    pub async fn credentials(
        &self,
        address: &str,
        kind: CredentialKind,
    ) -> Result<Vec<Credential>> {
        let address = normal_address(address)?;
        let values = vec![Value::from(address), Value::Int(kind.number())];
        let rows = self.inner.readers.fetch(&OF_ACCOUNT, values).await?;
        let credential = |row: &Row| {
            Ok(Credential {
                id: row.int(0)?,
                kind,
                name: row.text(2)?,
                scopes: scopes_of(&row.text(3)?),
                created: row.int(4)?,
                expires: Some(row.int(5)?).filter(|expires| *expires != 0),
            })
        };
        rows.iter().map(credential).collect()
    }

    /// Takes a credential back; from then on it is wrong.
    ///
    /// # Errors
    /// `NoSuchCredential`.
    pub async fn remove_credential(
        &self,
        address: &str,
        kind: CredentialKind,
        id: i64,
    ) -> Result<()> {
        let address = normal_address(address)?;
        let change = CredentialChange::Remove { address, kind, id };
        self.inner.writer.write(change).await?;
        Ok(())
    }
}
