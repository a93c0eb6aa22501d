//! `[oauth]`: the OpenID Connect issuer whose access tokens log in.

use serde::Serialize;

use super::read::Section;

/// The issuer; an empty one is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Oauth {
    /// Its URL, as its tokens and its discovery document name it.
    pub issuer: String,
    /// What tokens for this server name as their audience.
    pub audience: String,
    /// The claim that is the account's address.
    pub claim: String,
}

impl Default for Oauth {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            claim: "email".to_owned(),
        }
    }
}

impl Oauth {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.value("issuer", &mut self.issuer);
        section.value("audience", &mut self.audience);
        section.value("claim", &mut self.claim);
        section.check("issuer", crate::oauth::problem(&self.issuer));
        let anybodys = !self.issuer.is_empty() && self.audience.is_empty();
        section.check(
            "audience",
            anybodys.then(|| {
                "is missing: a token that the issuer made for others must not be taken".into()
            }),
        );
    }
}
