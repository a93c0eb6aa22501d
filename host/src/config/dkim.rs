//! `[dkim]`: how long the keys that domains sign with live.

use serde::Serialize;

use super::read::Section;
use super::units::Period;

/// The life of keys (RFC 6376 §3.1): made, published by the administrator, seen in the DNS, used, and kept published for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dkim {
    /// How long a key signs before another takes over.
    pub lifetime: Period,
    /// How long before that the other one is made, to be published.
    pub lead: Period,
    /// How long a key is published at least before it signs.
    pub settle: Period,
    /// How long a key stays published after its last signature.
    pub grace: Period,
    /// How often it is looked for in the DNS.
    pub look: Period,
}

impl Default for Dkim {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            lifetime: Period::seconds(180 * DAY),
            lead: Period::seconds(14 * DAY),
            settle: Period::seconds(3600),
            // RFC 5321 §4.5.4.1: senders try for four to five days.
            grace: Period::seconds(7 * DAY),
            look: Period::seconds(300),
        }
    }
}

impl Dkim {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        for (key, period) in [
            ("lifetime", &mut self.lifetime),
            ("lead", &mut self.lead),
            ("settle", &mut self.settle),
            ("grace", &mut self.grace),
            ("look", &mut self.look),
        ] {
            section.value(key, period);
        }
        section.at_least("look", self.look, Period::seconds(1));
        let late = self.lead >= self.lifetime;
        section.check(
            "lead",
            late.then(|| {
                "must be shorter than lifetime: a key is made while another one signs".into()
            }),
        );
    }
}
