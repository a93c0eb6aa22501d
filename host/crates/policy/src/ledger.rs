//! The ledger of a message: every step that judged it, what it found and what that counts.
//!
//! Invariant: the score of a message is the sum of its ledger. Entries are kept as they arise; JSON is made only when it is written, and what is the
//! same for every message of a generation is not in it: that is its roster.

use std::borrow::Cow;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::hook::Hook;
use crate::policy_file::Mode;
use crate::step::StepInfo;

/// The steps of a generation as ledgers tell of them: name, plugin, version and digest.
#[derive(Debug)]
pub struct Roster {
    key: i64,
    json: Arc<str>,
    steps: Vec<Arc<StepInfo>>,
}

impl Roster {
    pub(crate) fn new(steps: Vec<Arc<StepInfo>>) -> Self {
        let ran = |step| Ran {
            step,
            generation: None,
        };
        let all: Vec<_> = steps.iter().map(|step| ran(&**step)).collect();
        let json = serde_json::to_string(&all).unwrap_or_default();
        let digest = <[u8; 32]>::from(Sha256::digest(&json));
        // 0 stands for none.
        let key = match digest.first_chunk().copied().map(i64::from_be_bytes) {
            Some(0) | None => 1,
            Some(key) => key,
        };
        let json = json.into();
        Self { key, json, steps }
    }

    /// A number that other steps do not have; not 0.
    #[must_use]
    pub fn key(&self) -> i64 {
        self.key
    }

    /// A JSON list of them.
    #[must_use]
    pub fn json(&self) -> &Arc<str> {
        &self.json
    }

    fn has(&self, step: &StepInfo) -> bool {
        self.steps.iter().any(|own| std::ptr::eq(&**own, step))
    }
}

/// Everything that was decided about a message.
///
/// Its JSON has `generation`, `score`, `plugins` (each step once: name, plugin, version, digest and, if it is another, its generation) and `steps`
/// (each call by its step's name); [`complete`] writes into each call what its step is.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The policy generation that judged the transaction.
    pub generation: u64,
    /// The sum of all findings of all entries.
    pub score: f64,
    /// In the order in which the steps ran, those of the connection first.
    pub steps: Vec<Arc<Entry>>,
    /// The steps of the generation.
    pub roster: Arc<Roster>,
}

impl Ledger {
    /// The ledger as one JSON document.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Plain data with string keys always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is this ledger's own: its JSON is complete beside that of the roster.
    #[must_use]
    pub fn lean(&self) -> Lean<'_> {
        Lean(self)
    }

    fn other(&self, entry: &Entry) -> Option<u64> {
        (entry.generation != self.generation).then_some(entry.generation)
    }

    /// Each step of each generation once.
    fn ran(&self) -> Vec<Ran<'_>> {
        let mut ran: Vec<Ran<'_>> = Vec::new();
        for entry in &self.steps {
            let generation = self.other(entry);
            let known = |ran: &Ran<'_>| {
                std::ptr::eq(ran.step, &*entry.step) && ran.generation == generation
            };
            if !ran.iter().any(known) {
                ran.push(Ran {
                    step: &entry.step,
                    generation,
                });
            }
        }
        ran
    }
}

/// A ledger without what its roster tells.
#[derive(Clone, Copy, Debug)]
pub struct Lean<'a>(&'a Ledger);

impl Serialize for Lean<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ran = self.0.ran();
        ran.retain(|ran| ran.generation.is_some() || !self.0.roster.has(ran.step));
        self.0.write(&ran, serializer)
    }
}

impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(&self.ran(), serializer)
    }
}

impl Ledger {
    fn write<S: Serializer>(&self, ran: &[Ran<'_>], serializer: S) -> Result<S::Ok, S::Error> {
        let calls = self.steps.iter().map(|entry| Call {
            step: &entry.step.name,
            generation: self.other(entry),
            entry,
        });
        let mut ledger = serializer.serialize_struct("Ledger", 4)?;
        ledger.serialize_field("generation", &self.generation)?;
        ledger.serialize_field("score", &self.score)?;
        ledger.serialize_field("plugins", ran)?;
        ledger.serialize_field("steps", &Sequence(calls))?;
        ledger.end()
    }
}

/// A step that was called.
#[derive(Serialize)]
struct Ran<'a> {
    #[serde(flatten)]
    step: &'a StepInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
}

/// A call, without what all calls of its step have in common.
#[derive(Serialize)]
struct Call<'a> {
    step: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(flatten)]
    entry: &'a Entry,
}

struct Sequence<I>(I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Sequence<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// Writes into each call of a ledger's JSON what its step is: plugin, version, digest, generation. `roster` is the JSON of its roster, if it has one.
pub fn complete(ledger: &mut Value, roster: Option<&str>) {
    let Some(ledger) = ledger.as_object_mut() else {
        return;
    };
    let generation = ledger.get("generation").cloned();
    let listed = |list: Option<Value>| match list {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let mut plugins = listed(ledger.remove("plugins"));
    plugins.extend(listed(
        roster.and_then(|json| serde_json::from_str(json).ok()),
    ));
    let steps = ledger.get_mut("steps").and_then(Value::as_array_mut);
    for call in steps.into_iter().flatten().filter_map(Value::as_object_mut) {
        let same = |ran: &&Value| {
            ["step", "generation"]
                .iter()
                .all(|key| ran.get(key) == call.get(*key))
        };
        let ran = plugins.iter().find(same);
        let ran = ran.and_then(Value::as_object).cloned().unwrap_or_default();
        for (key, value) in ran {
            call.entry(key).or_insert(value);
        }
        if let Some(generation) = &generation {
            call.entry("generation").or_insert(generation.clone());
        }
    }
}

/// One call of a hook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Which step: name, plugin, version, digest.
    #[serde(skip)]
    pub step: Arc<StepInfo>,
    /// The generation that this step ran in: the connection's steps may be of an older one.
    #[serde(skip)]
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
    /// Whether it is a shadow step's, of which nothing counts.
    pub(crate) fn is_trial(&self) -> bool {
        self.mode == Some(Mode::Shadow.as_str())
    }

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(step: &Arc<StepInfo>, generation: u64, hook: Hook) -> Arc<Entry> {
        Arc::new(Entry {
            step: step.clone(),
            generation,
            hook,
            mode: None,
            about: None,
            verdict: "pass".into(),
            fault: None,
            findings: Vec::new(),
            actions: Vec::new(),
            explained: Vec::new(),
            microseconds: 7,
            host_calls: 2,
            blamed: false,
        })
    }

    #[test]
    fn each_step_is_written_once_and_read_with_each_call() {
        let step = |digest: &str| {
            Arc::new(StepInfo {
                name: "access".into(),
                plugin: "access".into(),
                version: "0.1.0".into(),
                digest: digest.into(),
                signer: None,
            })
        };
        let (old, new) = (step("aa"), step("bb"));
        let ledger = Ledger {
            generation: 4,
            score: 0.5,
            steps: vec![
                entry(&old, 3, Hook::Connect),
                entry(&new, 4, Hook::MailFrom),
                entry(&new, 4, Hook::Message),
            ],
            roster: Arc::new(Roster::new(vec![new])),
        };
        let text = ledger.to_json();
        assert_eq!(text.matches("\"bb\"").count(), 1, "{text}");
        let mut read: Value = serde_json::from_str(&text).unwrap();
        complete(&mut read, None);
        let lean = serde_json::to_string(&ledger.lean()).unwrap();
        assert!(!lean.contains("\"bb\""), "{lean}");
        let mut lean: Value = serde_json::from_str(&lean).unwrap();
        complete(&mut lean, Some(ledger.roster.json()));
        assert_eq!(lean, read);
        let call = |generation: u64, digest: &str, hook: &str| {
            json!({
                "step": "access", "plugin": "access", "version": "0.1.0", "digest": digest, "generation": generation,
                "hook": hook, "verdict": "pass", "microseconds": 7, "host-calls": 2,
            })
        };
        let calls = [
            call(3, "aa", "connect"),
            call(4, "bb", "mail-from"),
            call(4, "bb", "message"),
        ];
        assert_eq!(
            read,
            json!({ "generation": 4, "score": 0.5, "steps": calls })
        );
    }
}
