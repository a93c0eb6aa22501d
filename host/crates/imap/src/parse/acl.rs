//! SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 §7).

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{Command, Rights, RightsChange};

impl Parser<'_> {
    /// Behind the name of the command and a space.
    pub(super) fn acl_command(&mut self, name: &str) -> Result<Command, SyntaxError> {
        let mailbox = self.mailbox()?;
        Ok(match name {
            "GETACL" => Command::GetAcl(mailbox),
            "MYRIGHTS" => Command::MyRights(mailbox),
            "LISTRIGHTS" => Command::ListRights {
                mailbox,
                identifier: self.identifier()?,
            },
            "DELETEACL" => Command::SetAcl {
                mailbox,
                identifier: self.identifier()?,
                change: RightsChange::Replace(Rights::NONE),
                delete: true,
            },
            _ => Command::SetAcl {
                mailbox,
                identifier: self.identifier()?,
                change: self.mod_rights()?,
                delete: false,
            },
        })
    }

    /// `SP identifier`
    fn identifier(&mut self) -> Result<String, SyntaxError> {
        const IDENTIFIER: SyntaxError = SyntaxError::Expected("an identifier");
        self.space()?;
        let given = self.text().map_err(|_| IDENTIFIER)?;
        // RFC 4314 §3: what cannot be prepared, or is nothing then, is BAD.
        let (sign, name) = match given.strip_prefix('-') {
            Some(name) => ("-", name),
            None => ("", given.as_str()),
        };
        let name = waxwing_sasl::prepared(name).ok_or(IDENTIFIER)?;
        if name.is_empty() {
            return Err(IDENTIFIER);
        }
        Ok(format!("{sign}{name}"))
    }

    /// `SP mod-rights`; RFC 4314 §3.1: a right that is not known is BAD.
    fn mod_rights(&mut self) -> Result<RightsChange, SyntaxError> {
        const RIGHTS: SyntaxError = SyntaxError::Expected("rights among lrswipkxtecda");
        self.space()?;
        let text = self.text().map_err(|_| RIGHTS)?;
        RightsChange::parse(&text).ok_or(RIGHTS)
    }
}
