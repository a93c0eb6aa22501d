//! Settings of the filing plugin; README.md has the table.

use serde::Deserialize;
use waxwing_plugin::settings::Problem;

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Mail judged junk goes to the mailbox with the special use `\Junk`.
    pub junk: bool,
    /// Whether `alice+lists@` goes to the mailbox `lists`.
    pub subaddress: Subaddress,
    /// Characters that part an address from its detail; as in the recipients plugin.
    pub separators: String,
    /// Put before the detail: `"Lists/"` files `alice+rust@` into `Lists/rust`.
    pub prefix: String,
    /// Mailboxes that no detail reaches, without regard to case.
    pub never: Vec<String>,
    /// What an account sends to itself arrives as seen.
    pub own_copies_seen: bool,
}

/// What a subaddress does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subaddress {
    /// Nothing.
    Off,
    /// Reaches a mailbox that exists; otherwise INBOX.
    Existing,
    /// Makes the mailbox if it is missing. Anybody who knows the address can then make mailboxes.
    Create,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            junk: true,
            subaddress: Subaddress::Existing,
            separators: "+".to_owned(),
            prefix: String::new(),
            never: ["INBOX", "Drafts", "Junk", "Sent", "Trash", "Archive"]
                .map(str::to_owned)
                .to_vec(),
            own_copies_seen: true,
        }
    }
}

/// What serde cannot see.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    // Of an address that is one word the plugin is not even asked.
    if settings.separators.chars().any(char::is_alphanumeric) {
        problems.push(Problem::new(
            "/separators",
            "are marks between words, not letters or digits; write \"+-\"",
        ));
    }
    if settings.prefix.starts_with('/')
        || settings.prefix.contains("//")
        || settings.prefix.chars().any(char::is_control)
    {
        problems.push(Problem::new(
            "/prefix",
            "is no beginning of a mailbox name; write \"Lists/\"",
        ));
    }
    problems
}
