//! Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 (RFC 9051 §5.1).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use unicode_normalization::is_nfc;

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{MailboxArgument, MailboxName, NameError, NameForm};

/// RFC 3501 §5.1.3: `,` instead of `/`, no padding.
pub(crate) const MODIFIED_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Longest name or pattern, in octets on the wire.
const MAX_WIRE: usize = 1024;

impl Parser<'_> {
    /// `mailbox`
    pub(crate) fn mailbox(&mut self) -> Result<MailboxArgument, SyntaxError> {
        let wire = self.astring()?;
        Ok(self.name(&wire).and_then(|name| MailboxName::new(&name)))
    }

    /// `mailbox` of SELECT, and what was given for it if that is not its name but another way to write it.
    pub(super) fn selected_mailbox(
        &mut self,
    ) -> Result<(MailboxArgument, Option<String>), SyntaxError> {
        let wire = self.astring()?;
        let given = self.name(&wire);
        let mailbox = given.clone().and_then(|name| MailboxName::new(&name));
        let differs = |given: &String| mailbox.as_ref().is_ok_and(|name| name.as_str() != given);
        let given = given.ok().filter(differs);
        Ok((mailbox, given))
    }

    /// `mailbox` of CREATE: a separator at its end announces inferiors and is not part of it (RFC 3501 §6.3.3).
    pub(crate) fn new_mailbox(&mut self) -> Result<MailboxArgument, SyntaxError> {
        let wire = self.astring()?;
        Ok(self.name(&wire).and_then(|name| {
            // RFC 9051 §5.1: what is created complies with Net-Unicode.
            if !is_nfc(&name) {
                return Err(NameError::Denormal);
            }
            MailboxName::new(name.strip_suffix('/').unwrap_or(&name))
        }))
    }

    /// `list-mailbox = 1*list-char / string`
    pub(crate) fn list_mailbox(&mut self) -> Result<Result<String, NameError>, SyntaxError> {
        let wire = match self.peek() {
            Some(b'"' | b'{') => self.string()?,
            _ => {
                let atom = self.take_while(|octet| {
                    crate::parse::core::is_astring_char(octet) || matches!(octet, b'%' | b'*')
                });
                if atom.is_empty() {
                    return Err(SyntaxError::Expected("a pattern"));
                }
                atom.to_vec()
            }
        };
        Ok(self.name(&wire))
    }

    /// A name or pattern in UTF-8.
    pub(super) fn name(&self, wire: &[u8]) -> Result<String, NameError> {
        if self.names == NameForm::ModifiedUtf7 && wire.is_ascii() {
            return decode(wire);
        }
        if wire.len() > MAX_WIRE {
            return Err(NameError::Long);
        }
        // RFC 6855 §3: UTF-8 is taken in any case.
        String::from_utf8(wire.to_vec()).map_err(|_| NameError::Utf8)
    }
}

/// Modified UTF-7 to UTF-8; strict, so that no two wire names mean one mailbox.
pub(crate) fn decode(wire: &[u8]) -> Result<String, NameError> {
    if wire.len() > MAX_WIRE {
        return Err(NameError::Long);
    }
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match octet {
            b'&' => {
                let end = memchr::memchr(b'-', rest).ok_or(NameError::Encoding)?;
                let (shifted, behind) = rest.split_at_checked(end).ok_or(NameError::Encoding)?;
                rest = behind.get(1..).unwrap_or_default();
                if shifted.is_empty() {
                    name.push('&');
                } else {
                    unshift(shifted, &mut name)?;
                    // Two shifts in a row could have been one.
                    if rest.first() == Some(&b'&') && rest.get(1) != Some(&b'-') {
                        return Err(NameError::Encoding);
                    }
                }
            }
            b' '..=b'~' => name.push(char::from(octet)),
            _ => return Err(NameError::Encoding),
        }
    }
    Ok(name)
}

fn unshift(shifted: &[u8], name: &mut String) -> Result<(), NameError> {
    let octets = MODIFIED_BASE64
        .decode(shifted)
        .map_err(|_| NameError::Encoding)?;
    let mut units = Vec::with_capacity(octets.len() / 2);
    for pair in octets.chunks(2) {
        match *pair {
            [high, low] => units.push(u16::from_be_bytes([high, low])),
            _ => return Err(NameError::Encoding),
        }
    }
    for unit in char::decode_utf16(units) {
        match unit {
            // RFC 3501 §5.1.3: printable US-ASCII represents itself.
            Ok(c) if !matches!(c, ' '..='~') => name.push(c),
            _ => return Err(NameError::Encoding),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(name in "\\PC{0,60}") {
            let wire = crate::encode::modified_utf7(&name);
            prop_assert!(wire.is_ascii());
            prop_assert_eq!(decode(wire.as_bytes()), Ok(name));
        }

        #[test]
        fn what_is_decoded_is_encoded(wire in "[&A-Za-z0-9+,-]{0,20}") {
            if let Ok(name) = decode(wire.as_bytes()) {
                prop_assert_eq!(crate::encode::modified_utf7(&name), wire);
            }
        }
    }

    #[test]
    fn the_rfcs_examples() {
        let decoded = decode(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(decoded.as_deref(), Ok("~peter/mail/台北/日本語"));
        assert_eq!(decode(b"a&-b").as_deref(), Ok("a&b"));
        for broken in [
            "a&b",
            "&Jjo!",
            "&U,BTFw-&ZeVnLIqe-",
            "&AGE-",
            "\u{e4}",
            "&2AA-",
        ] {
            assert_eq!(
                decode(broken.as_bytes()),
                Err(NameError::Encoding),
                "{broken}"
            );
        }
    }
}
