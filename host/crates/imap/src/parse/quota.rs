//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §7).

use crate::parse::core::{Parser, SyntaxError, is_atom_char};
use crate::types::Command;

/// Resources in one SETQUOTA.
const MAX_RESOURCES: usize = 64;

impl Parser<'_> {
    /// Behind the name of the command and a space.
    pub(super) fn quota_command(&mut self, name: &str) -> Result<Command, SyntaxError> {
        Ok(match name {
            "GETQUOTA" => Command::GetQuota(self.text()?),
            "GETQUOTAROOT" => Command::GetQuotaRoot(self.mailbox()?),
            _ => {
                self.astring()?;
                self.space()?;
                self.list(MAX_RESOURCES, Self::setquota_resource)?;
                Command::SetQuota
            }
        })
    }

    /// `setquota-resource = resource-name SP resource-limit`
    fn setquota_resource(&mut self) -> Result<(), SyntaxError> {
        const RESOURCE: SyntaxError = SyntaxError::Expected("a resource and its limit");
        self.atom().map_err(|_| RESOURCE)?;
        self.space()?;
        let limit = self.take_while(is_atom_char);
        if limit.is_empty() || !limit.iter().all(u8::is_ascii_digit) {
            return Err(RESOURCE);
        }
        Ok(())
    }
}
