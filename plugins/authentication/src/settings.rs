//! Settings of the authentication plugin; README.md has the table.

use serde::Deserialize;
use waxwing_plugin::settings::{Networks, Problem};

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// What follows where the author's domain asks to refuse.
    pub dmarc_reject: Measure,
    /// What follows where it asks to put aside.
    pub dmarc_quarantine: Measure,
    /// What follows where the sender's domain says that the client may not send.
    pub spf_fail: Measure,
    /// Domains whose seal counts more than SPF and DMARC, in lower-case A-labels.
    pub trusted_sealers: Vec<String>,
    /// Networks that nothing of this plugin applies to.
    pub trust: Networks,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dmarc_reject: Measure::Reject,
            dmarc_quarantine: Measure::Tag,
            spf_fail: Measure::Tag,
            trusted_sealers: Vec::new(),
            trust: Networks::loopback(),
        }
    }
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// The finding, and no more.
    Tag,
    /// Kept for the operator.
    Quarantine,
    /// Refused.
    Reject,
}

/// What serde cannot see: domains that no sealer can have.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let sealers = settings.trusted_sealers.iter().enumerate();
    let wrong =
        sealers.filter(|(_, domain)| !domain.is_ascii() || **domain != domain.to_lowercase());
    wrong
        .map(|(place, domain)| {
            Problem::new(
                format!("/trusted-sealers/{place}"),
                format!("write \"{domain}\" in lower case and in A-labels (xn--…)"),
            )
        })
        .collect()
}
