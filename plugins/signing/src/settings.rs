//! Settings of the signing plugin; README.md has the table.

use serde::Deserialize;
use waxwing_plugin::settings::Problem;

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// For which authors what users send is signed.
    pub authors: Authors,
    /// Characters that part an address from its detail, as in the settings of `recipients`.
    pub separators: String,
    /// Whether what clients relay without a login is signed for its author's domain.
    pub relayed: bool,
    /// Whether this server's reports are signed.
    pub reports: bool,
    /// Whether forwarded mail is sealed.
    pub seal: bool,
    /// The domain that seals; empty: the one of the sender under which a message is forwarded.
    pub seal_domain: String,
}

/// For which authors what users send is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authors {
    /// If the author's address belongs to who logged in.
    Own,
    /// If the author is of a domain that is served here.
    Local,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            authors: Authors::Own,
            separators: "+".to_owned(),
            relayed: false,
            reports: true,
            seal: true,
            seal_domain: String::new(),
        }
    }
}

/// What serde cannot see.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let pointless = !settings.seal && !settings.seal_domain.is_empty();
    let problem = pointless.then(|| Problem::new("seal-domain", "means nothing with seal = false"));
    problem.into_iter().collect()
}
