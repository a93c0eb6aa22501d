//! What a peer gave to log in with.

use std::fmt;

/// A name and a password, and as whom to act.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The authorisation identity; empty means the user itself (RFC 4616 §2).
    pub authorise_as: String,
    /// The authentication identity.
    pub user: String,
    /// The password in clear.
    pub password: String,
}

/// Whether a name or password may be one (RFC 4013 §2.3, §2.4).
#[must_use]
pub fn is_allowed(text: &str) -> bool {
    text.is_ascii() || stringprep::saslprep(text).is_ok()
}

impl Credentials {
    /// The longest name or password in octets; RFC 4616 §2 asks for 255.
    pub const LONGEST: usize = 1024;

    /// Credentials of a name and a password, as IMAP's LOGIN and POP3's USER and PASS give them.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            authorise_as: String::new(),
            user: user.into(),
            password: password.into(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("authorise_as", &self.authorise_as)
            .field("user", &self.user)
            .field("password", &format_args!("…"))
            .finish()
    }
}
