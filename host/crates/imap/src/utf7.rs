//! Mailbox names in modified UTF-7 (RFC 3501 §5.1.3), for whoever meets them outside a session: other servers, Maildirs.

use crate::types::NameError;

/// UTF-8 to modified UTF-7.
#[must_use]
pub fn encode(name: &str) -> String {
    crate::encode::modified_utf7(name)
}

/// Modified UTF-7 to UTF-8.
///
/// # Errors
/// [`NameError::Encoding`], also for what has another, shorter form; [`NameError::Long`].
pub fn decode(wire: &[u8]) -> Result<String, NameError> {
    crate::parse::decode_mailbox(wire)
}
