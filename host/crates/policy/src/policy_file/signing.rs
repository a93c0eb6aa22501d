//! `[signatures]`: whose plugins run here.

use super::table::Table;
use crate::problem::Problem;
use crate::signature::PublicKey;

/// Whose plugins run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// Keys whose signatures count.
    keys: Vec<PublicKey>,
    /// Components without a signature do not run.
    refuse_unsigned: bool,
}

impl Trust {
    /// Reads the table, if there is one.
    pub(super) fn read(root: &mut Table<'_>, problems: &mut Vec<Problem>) -> Self {
        let Some(mut table) = root.table("signatures", "`signatures`", problems) else {
            return Self::default();
        };
        let mut trust = Self::default();
        for text in table.texts("trusted-keys", problems).unwrap_or_default() {
            match text.parse() {
                Ok(key) => trust.keys.push(key),
                Err(error) => {
                    problems.push(table.problem("trusted-keys", format!("`{text}` {error}")));
                }
            }
        }
        match table.text("unsigned", problems) {
            None | Some("allow") => {}
            Some("refuse") => trust.refuse_unsigned = true,
            Some(_) => {
                problems.push(table.problem("unsigned", "`unsigned` is \"allow\" or \"refuse\""));
            }
        }
        table.finish(problems);
        trust
    }

    /// Whether a component of this signer runs; the sentence says what to do if not.
    pub(crate) fn admit(&self, signer: Option<&PublicKey>) -> Result<(), String> {
        match signer {
            Some(key) if self.keys.contains(key) => Ok(()),
            Some(key) => Err(format!(
                "is signed by {key}, which is not trusted here: add \"{key}\" to `trusted-keys` of [signatures] if it should be"
            )),
            None if self.refuse_unsigned => Err(
                "is not signed, and [signatures] says unsigned = \"refuse\": sign it with `waxwing plugin sign` and a key of `trusted-keys`".into(),
            ),
            None => Ok(()),
        }
    }
}
