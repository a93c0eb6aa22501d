//! Codes for whoever has lost his authenticator: each takes the place of a one-time code once.
//!
//! Invariants: a code is told once, when it is made, and only its hash is kept; it has 80 random bits, so that a plain hash hides it from
//! whoever reads the database. A code that was used is gone, on every host: of two logins with the same one, the one whose removal finds it
//! is in. They go with the secret of one-time codes that they were made for.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::accounts::normal_address;
use crate::credentials::letters;
use crate::database::Row;
use crate::statement::Sql;
use crate::writer::recovery::MakeRecoveryCodes;
use crate::{Error, Result, Store};

/// Codes that an account gets at a time.
pub const RECOVERY_CODES: usize = 10;
/// Letters of a code, five bits each, in groups with hyphens between.
const LETTERS: usize = 16;
const GROUP: usize = 4;
/// Octets of a code as it is shown.
const WRITTEN: usize = LETTERS + LETTERS / GROUP - 1;

/// The hashes of an account.
pub(crate) static OF_ACCOUNT: Sql =
    Sql::new("SELECT hash FROM recovery_codes WHERE account = $1 ORDER BY hash");

pub(crate) fn hash_of_row(row: &Row) -> Result<Vec<u8>> {
    row.bytes(0)
}

/// A password and the recovery code behind it, if there is one.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let (password, code) = text.split_at_checked(text.len().checked_sub(WRITTEN)?)?;
    is_written(code).then_some((password, code))
}

fn is_written(code: &str) -> bool {
    code.len() == WRITTEN
        && code.bytes().enumerate().all(|(at, octet)| {
            if at % (GROUP + 1) == GROUP {
                octet == b'-'
            } else {
                letters::is_one(octet)
            }
        })
}

/// A code as people type it, as it is put behind a password: one of an authenticator without spaces; a recovery code in small letters and with
/// its hyphens, whatever was typed of them.
#[must_use]
pub fn typed_code(text: &str) -> String {
    let plain: String = text.split_whitespace().collect();
    let bare: String = plain
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let written = letters::grouped(&bare, GROUP);
    if is_written(&written) { written } else { plain }
}

fn hash_of(code: &str) -> Vec<u8> {
    Sha256::digest(code.as_bytes()).to_vec()
}

/// The hash among these that a code has. All of them are looked at, whichever it is.
pub(crate) fn find(hashes: &[Vec<u8>], code: &str) -> Option<Vec<u8>> {
    let hash = hash_of(code);
    let found = hashes
        .iter()
        .fold(0, |found, known| found | known.ct_eq(&hash).unwrap_u8());
    (found == 1).then_some(hash)
}

/// New codes, and what is kept of them.
pub(crate) fn made() -> (Vec<String>, Vec<Vec<u8>>) {
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| letters::grouped(&letters::random(LETTERS), GROUP))
        .collect();
    let hashes = codes.iter().map(|code| hash_of(code)).collect();
    (codes, hashes)
}

impl Store {
    /// New recovery codes of an account in the place of those before, which are told this once.
    ///
    /// # Errors
    /// `NoSuchAccount`; `NotAllowed` for an account that wants no one-time code.
    pub async fn make_recovery_codes(&self, address: &str) -> Result<Vec<String>> {
        let address = normal_address(address)?;
        let (codes, hashes) = made();
        let make = MakeRecoveryCodes { address, hashes };
        if !self.inner.writer.write(make).await? {
            return Err(Error::NotAllowed("no one-time code is wanted there"));
        }
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_behind_the_password() {
        let code = "abcd-efgh-jkmn-pq23";
        assert_eq!(split("secretabcd-efgh-jkmn-pq23"), Some(("secret", code)));
        assert_eq!(split(code), Some(("", code)));
        for none in [
            "",
            "secret",
            "secretabcd-efgh-jkmn-pq2",
            "secretabcdefghjkmnpq23",
            // Letters that codes do not have, or not so.
            "secretabcl-efgh-jkmn-pq23",
            "secretABCD-efgh-jkmn-pq23",
            "é-abcd-efgh-jkmn-pq2é",
        ] {
            assert_eq!(split(none), None, "{none}");
        }
    }

    #[test]
    fn what_people_type_is_read() {
        for typed in [
            "abcd-efgh-jkmn-pq23",
            " ABCD EFGH JKMN PQ23 ",
            "abcdefghjkmnpq23",
        ] {
            assert_eq!(typed_code(typed), "abcd-efgh-jkmn-pq23", "{typed}");
        }
        assert_eq!(typed_code("123 456"), "123456");
        assert_eq!(typed_code("12-3456"), "12-3456");
        assert_eq!(typed_code(""), "");
    }

    #[test]
    fn a_code_is_found_by_its_hash() {
        let hashes = vec![hash_of("one"), hash_of("two")];
        assert_eq!(find(&hashes, "two"), Some(hash_of("two")));
        assert_eq!(find(&hashes, "three"), None);
        assert_eq!(find(&[], "one"), None);
    }
}
