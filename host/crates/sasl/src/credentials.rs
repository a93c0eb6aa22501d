//! What a peer gave to log in with.

use std::fmt;

use stringprep::tables;
use unicode_normalization::UnicodeNormalization as _;

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

/// Whether a name or password may be one, as a query (RFC 6856 §2.2): RFC 4013 §2.3 alone forbids. Code points that were assigned since Unicode 3.2
/// are allowed (§2.5), and whether writing goes both ways is not asked.
#[must_use]
pub fn is_allowed(text: &str) -> bool {
    // RFC 4013 §2.1 and §2.2 come first.
    let mapped = text
        .chars()
        .filter(|c| !tables::commonly_mapped_to_nothing(*c))
        .map(|c| match tables::non_ascii_space_character(c) {
            true => ' ',
            false => c,
        });
    text.is_ascii() || !mapped.nfkc().any(is_prohibited)
}

/// RFC 4013 §2.3, but for spaces, which became ASCII's.
fn is_prohibited(c: char) -> bool {
    tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::surrogate_code(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
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

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn queries_are_refused_for_prohibited_characters_alone() {
        // The last ones: a code point of Unicode 6, and writing that goes both ways.
        for allowed in ["user", "Grüße", "a\u{a0}b", "x\u{200d}y", "🦆", "1\u{5d0}a"] {
            assert!(is_allowed(allowed), "{allowed:?}");
        }
        for prohibited in [
            "ä\u{7}",
            "\u{e000}",
            "\u{fffd}",
            "\u{202e}a",
            "\u{e0001}",
            "\u{2ff0}",
        ] {
            assert!(!is_allowed(prohibited), "{prohibited:?}");
        }
    }
}
