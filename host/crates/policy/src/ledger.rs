//! The ledger of a message: every step that judged it, what it found and what that counts.
//!
//! Invariant: the score of a message is the sum of its ledger. Entries are kept as they arise; JSON is made only when it is written.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::hook::Hook;
use crate::step::StepInfo;

/// Everything that was decided about a message.
#[derive(Clone, Debug, Serialize)]
pub struct Ledger {
    /// The policy generation that judged the transaction.
    pub generation: u64,
    /// The sum of all findings of all entries.
    pub score: f64,
    /// In the order in which the steps ran, those of the connection first.
    #[serde(serialize_with = "all")]
    pub steps: Vec<Arc<Entry>>,
}

impl Ledger {
    /// The ledger as one JSON document.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Plain data with string keys always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// One call of a hook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Which step: name, plugin, version, digest.
    #[serde(flatten, serialize_with = "shared")]
    pub step: Arc<StepInfo>,
    /// The generation that this step ran in: the connection's steps may be of an older one.
    pub generation: u64,
    /// The hook.
    pub hook: Hook,
    /// `shadow` if nothing of this counted, `canary` if the step is tried out on a part of the mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    /// What it was asked about: a recipient, a domain, an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<Box<str>>,
    /// What it answered: `pass`, `accept`, `reject 550 5.7.1 …`.
    pub verdict: Cow<'static, str>,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Box<str>>,
    /// What it found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What it did: header edits, tags, filings, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Its lines for the person who asks why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explained: Vec<String>,
    /// How long it took, host calls included.
    pub microseconds: u32,
    /// How often it called the host.
    pub host_calls: u32,
    /// Whether the step failed by its own fault, not by that of what it needs.
    #[serde(skip)]
    pub(crate) blamed: bool,
}

impl Finding {
    /// What it adds, or would.
    pub(crate) fn would_score(&self) -> f64 {
        self.would.unwrap_or(self.score)
    }
}

impl Entry {
    /// Whether the score has something of it.
    pub(crate) fn counts(&self) -> bool {
        self.findings.iter().any(|finding| finding.score != 0.0)
    }
}

/// A finding as it counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its name.
    pub name: Box<str>,
    /// As the plugin gave it.
    pub weight: f64,
    /// What this entry adds to the score: weight times the configured score, less what an earlier entry of the same step counted.
    pub score: f64,
    /// What it would add, if its step counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would: Option<f64>,
    /// The evidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

fn shared<S: Serializer>(step: &Arc<StepInfo>, serializer: S) -> Result<S::Ok, S::Error> {
    step.as_ref().serialize(serializer)
}

fn all<S: Serializer>(steps: &[Arc<Entry>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(steps.iter().map(AsRef::as_ref))
}
