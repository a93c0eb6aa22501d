//! Settings of the reputation plugin; README.md has the table.

use crate::logic;
use serde::Deserialize;
use waxwing_plugin::settings::{Networks, Problem};

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The lists, asked side by side.
    pub list: Vec<List>,
    /// Protocols whose clients are looked up; who has logged in never is.
    pub protocols: Vec<String>,
    /// Networks that nothing of this plugin applies to.
    pub trust: Networks,
    /// Hosts of links that are looked up, of one message.
    pub links: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            protocols: vec!["smtp".to_owned()],
            trust: Networks::loopback(),
            links: 10,
        }
    }
}

/// A list, which `[step.dnsbl] zones` must have, too.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct List {
    /// Its zone.
    pub zone: String,
    /// What it lists.
    #[serde(default = "clients")]
    pub of: Vec<Of>,
    /// The name of the finding, where no entry of `codes` is about the answer.
    #[serde(default = "symbol")]
    pub symbol: String,
    /// What the finding counts. Below 0 for lists of the good.
    #[serde(default = "weight")]
    pub weight: f64,
    /// What is done besides.
    #[serde(default)]
    pub measure: Measure,
    /// What certain answers mean instead; the first that fits.
    #[serde(default)]
    pub codes: Vec<Code>,
}

fn clients() -> Vec<Of> {
    vec![Of::Client]
}

fn symbol() -> String {
    "LISTED".to_owned()
}

fn weight() -> f64 {
    1.0
}

/// What is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// The client's address.
    Client,
    /// The domain of the reverse-path.
    Sender,
    /// The hosts of links.
    Links,
}

/// Answers of a list, and what they mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Code {
    /// Addresses and networks.
    pub is: Option<Networks>,
    /// Bits of the last octet, one of which is enough.
    #[serde(default)]
    pub bits: u8,
    /// As of the list, and as there unless it is written.
    pub symbol: Option<String>,
    /// Likewise.
    pub weight: Option<f64>,
    /// Likewise.
    pub measure: Option<Measure>,
}

/// What is done besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The finding, and no more.
    #[default]
    Tag,
    /// Refused for now.
    Defer,
    /// Refused.
    Reject,
}

impl List {
    /// Whether it may have somebody refused, who is told why then.
    pub fn refuses(&self) -> bool {
        let codes = self.codes.iter().filter_map(|code| code.measure);
        codes
            .chain([self.measure])
            .any(|measure| measure != Measure::Tag)
    }
}

/// What serde cannot see; `granted` are the zones of `[step.dnsbl]`.
pub fn check(settings: &Settings, granted: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, list) in settings.list.iter().enumerate() {
        let mut problem = |member: &str, text: String| {
            problems.push(Problem::new(format!("/list/{place}/{member}"), text));
        };
        let zone = &list.zone;
        if !granted.iter().any(|known| logic::same_domain(known, zone)) {
            problem(
                "zone",
                format!("this step may not ask {zone}: add it to `zones` of `[step.dnsbl]`"),
            );
        }
        if list.of.is_empty() {
            problem("of", format!("{zone} is asked about nothing"));
        }
        let bare = |code: &Code| code.bits == 0 && code.is.is_none();
        if let Some(code) = list.codes.iter().position(bare) {
            problem(
                &format!("codes/{code}"),
                "needs `is` or `bits`: which answers it is about".to_owned(),
            );
        }
    }
    problems
}
