//! What stands behind a password where that alone does not open an account.

use super::{Codes, Directory, Known};
use crate::statement::Sql;
use crate::writer::credentials::UseTotp;
use crate::writer::recovery::UseRecoveryCode;
use crate::{Result, recovery, totp};

static UNUSED_TOTP: Sql = Sql::new("SELECT 1 FROM accounts WHERE address = $1 AND totp_used < $2");

/// What stands behind a password.
#[derive(Clone, Copy)]
pub(super) enum Code<'p> {
    /// A code of an authenticator.
    Step(&'p str),
    /// What takes its place once.
    Recovery(&'p str),
}

impl<'p> Code<'p> {
    /// A password and the code behind it, if there is one.
    pub(super) fn behind(text: &'p str) -> Option<(&'p str, Self)> {
        let step = totp::split(text).map(|(password, code)| (password, Self::Step(code)));
        let recovery = || recovery::split(text);
        step.or_else(|| recovery().map(|(password, code)| (password, Self::Recovery(code))))
    }
}

impl Directory {
    /// As long as what may have a code behind it takes where a code is wanted.
    pub(super) async fn once_more(&self, password: &str) -> Result<()> {
        if Code::behind(password).is_some() {
            self.matches(None, password).await?;
        }
        Ok(())
    }

    /// Whether a code is right and was not used before, nor one after it. What is used up is so on every host.
    pub(super) async fn code(&self, known: &Known, code: Code<'_>, codes: Codes) -> Result<bool> {
        let code = match code {
            Code::Step(code) => code,
            Code::Recovery(code) => return self.recovery_code(known, code, codes).await,
        };
        let Some(step) = totp::step_of(&known.totp, code, self.clock.now()) else {
            return Ok(false);
        };
        let address = known.account.address.clone();
        match codes {
            Codes::UseUp(_) => self.writer.write(UseTotp { address, step }).await,
            Codes::Look => {
                let values = vec![address.into(), step.into()];
                let unused = self.readers.fetch_one(&UNUSED_TOTP, values).await?;
                Ok(unused.is_some())
            }
        }
    }

    /// Whether a recovery code is one that is left. What is used up is so on every host.
    async fn recovery_code(&self, known: &Known, code: &str, codes: Codes) -> Result<bool> {
        let Some(hash) = recovery::find(&known.recovery, code) else {
            return Ok(false);
        };
        match codes {
            Codes::UseUp(client) => {
                let code = UseRecoveryCode {
                    account: known.account.id,
                    address: known.account.address.clone(),
                    hash,
                    client,
                };
                self.writer.write(code).await
            }
            Codes::Look => Ok(true),
        }
    }
}
