//! What trial steps say beside what serves: counted while mail flows, told by `waxwing plugin diff`.
//!
//! Invariant: bounded, whatever the steps answer; kept while the generation lives.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Instant;

use serde::Serialize;

use crate::capability::unix_ms;
use crate::hook::Hook;
use crate::ledger::Entry;
use crate::policy_file::Mode;
use crate::share::Share;
use crate::step::Step;
use crate::tally::{Sample, Totals};

/// Examples, kinds of change and symbols that are kept of one step.
const MAX_EXAMPLES: usize = 20;
const MAX_KINDS: usize = 100;
const MAX_SYMBOLS: usize = 500;
/// Scores that differ by less are the same.
const SAME_SCORE: f64 = 0.005;

/// A trial step beside what serves.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrialReport {
    /// The step.
    pub step: String,
    /// `shadow` or `canary`.
    pub mode: &'static str,
    /// The step that it would replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Calls of a shadow step that were compared.
    pub compared: u64,
    /// Calls that were not made: the step is too slow to keep up, or trials have had their share of the processors.
    pub missed: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Mean microseconds of a call of the step, and of the one that it would replace.
    pub microseconds: [f64; 2],
    /// How the answers differ, most frequent first.
    pub changes: Vec<Change>,
    /// What only one of the two found, or with another score.
    pub symbols: Vec<SymbolDifference>,
    /// The last differences.
    pub examples: Vec<Example>,
    /// What transactions came to with a canary, and without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sides: Option<[Side; 2]>,
}

/// A kind of change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The hook.
    pub hook: &'static str,
    /// `same`, `pass -> reject`, `deliver -> junk`, `score`, `answer`.
    pub kind: String,
    /// How often.
    pub count: u64,
}

/// A finding on which the two differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SymbolDifference {
    /// Its name.
    pub name: String,
    /// How often the trial step alone found it.
    pub only_trial: u64,
    /// How often the serving one alone did.
    pub only_serving: u64,
    /// How often both did, with other scores.
    pub other_score: u64,
}

/// A message about which the two differ.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Example {
    /// Under which `waxwing trace` tells of it; the session's number where there was no message yet.
    pub queue_id: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// The hook.
    pub hook: &'static str,
    /// The kind of change.
    pub kind: String,
    /// What was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What the serving step said.
    pub serving: String,
    /// What the trial step said.
    pub trial: String,
}

/// What transactions of one side of a canary came to; shares from 0 to 1.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// How many.
    pub transactions: u32,
    /// Refused for good.
    pub refused: f64,
    /// Deferred.
    pub deferred: f64,
    /// Junk or kept aside.
    pub junk: f64,
    /// With a step that failed.
    pub failed: f64,
    /// The mean score.
    pub score: f64,
    /// Mean microseconds of all steps.
    pub microseconds: f64,
}

/// The comparisons of a generation, by trial step.
#[derive(Debug)]
pub(crate) struct Comparisons {
    trials: Vec<Trial>,
    /// What shadow steps may take.
    pub(crate) share: Share,
}

#[derive(Debug)]
struct Trial {
    name: String,
    mode: &'static str,
    replaces: Option<String>,
    figures: Mutex<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    compared: u64,
    missed: u64,
    failed: u64,
    /// Microseconds and calls of the trial step, then of the serving one.
    cost: [(f64, u64); 2],
    changes: BTreeMap<(Hook, String), u64>,
    symbols: BTreeMap<Box<str>, SymbolDifference>,
    examples: VecDeque<Example>,
    sides: [Totals; 2],
}

/// A call of a shadow step, with what really happened in its place.
pub(crate) struct Pair<'a> {
    pub(crate) trial: &'a Entry,
    /// None if the trial step replaces nothing, or something that is not asked here.
    pub(crate) serving: Option<&'a Entry>,
    /// The verdict on the message as it is, and as it would be.
    pub(crate) verdicts: Option<(&'static str, &'static str)>,
}

impl Pair<'_> {
    /// Whether both found the same, with the same scores.
    pub(crate) fn found_alike(&self) -> bool {
        let serving = self.serving.map_or(&[][..], |entry| &entry.findings);
        let trial = &self.trial.findings;
        serving.len() == trial.len()
            && serving.iter().zip(trial).all(|(serving, trial)| {
                serving.name == trial.name
                    && (serving.score - trial.would_score()).abs() <= SAME_SCORE
            })
    }
}

impl Comparisons {
    pub(crate) fn new(steps: &[Arc<Step>]) -> Self {
        let trials = steps
            .iter()
            .filter(|step| step.config.mode != Mode::Enforce)
            .map(|step| Trial {
                name: step.config.name.clone(),
                mode: step.config.mode.as_str(),
                replaces: step.config.replaces.clone(),
                figures: Mutex::default(),
            });
        let processors = available_parallelism().map_or(1, NonZero::get);
        Self {
            trials: trials.collect(),
            share: Share::new(processors, Instant::now()),
        }
    }

    /// Counts what a transaction came to on the side of each canary that it was on.
    pub(crate) fn side(&self, canaries: &[Arc<Step>], sides: usize, sample: Sample) {
        for (place, canary) in canaries.iter().enumerate() {
            let without = usize::from(sides >> place & 1 == 0);
            if let Some(trial) = self.of(&canary.config.name)
                && let Some(totals) = trial.figures().sides.get_mut(without)
            {
                totals.count(&sample);
            }
        }
    }

    /// A call was not made: too many wait for the step already, or it is not the time for trials.
    pub(crate) fn missed(&self, step: &str) {
        if let Some(trial) = self.of(step) {
            trial.figures().missed += 1;
        }
    }

    /// Counts calls of a shadow step.
    pub(crate) fn count<'a>(
        &self,
        step: &str,
        queue_id: &str,
        pairs: impl IntoIterator<Item = Pair<'a>>,
    ) {
        let Some(trial) = self.of(step) else {
            return;
        };
        let mut figures = trial.figures();
        for pair in pairs {
            figures.add(queue_id, &pair);
        }
    }

    /// What there is to tell, of one step or of all.
    pub(crate) fn reports(&self, of: Option<&str>) -> Vec<TrialReport> {
        self.trials
            .iter()
            .filter(|trial| of.is_none_or(|name| name == trial.name))
            .map(Trial::report)
            .collect()
    }

    fn of(&self, step: &str) -> Option<&Trial> {
        self.trials.iter().find(|trial| trial.name == step)
    }
}

impl Trial {
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> TrialReport {
        let figures = self.figures();
        let mut changes: Vec<Change> = figures
            .changes
            .iter()
            .map(|((hook, kind), count)| Change {
                hook: hook.as_str(),
                kind: kind.clone(),
                count: *count,
            })
            .collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.count));
        let mut symbols: Vec<SymbolDifference> = figures.symbols.values().cloned().collect();
        symbols.sort_by_key(|symbol| {
            std::cmp::Reverse(symbol.only_trial + symbol.only_serving + symbol.other_score)
        });
        #[expect(
            clippy::cast_precision_loss,
            reason = "a count of calls is far below 2^53"
        )]
        let mean = |(sum, count): (f64, u64)| sum / count.max(1) as f64;
        TrialReport {
            step: self.name.clone(),
            mode: self.mode,
            replaces: self.replaces.clone(),
            compared: figures.compared,
            missed: figures.missed,
            failed: figures.failed,
            microseconds: figures.cost.map(mean),
            changes,
            symbols,
            examples: figures.examples.iter().cloned().collect(),
            sides: (self.mode == "canary").then(|| figures.sides.each_ref().map(side)),
        }
    }
}

impl Figures {
    fn add(&mut self, queue_id: &str, pair: &Pair<'_>) {
        self.compared += 1;
        self.failed += u64::from(pair.trial.fault.is_some());
        let entries = [Some(pair.trial), pair.serving];
        for (cost, entry) in self.cost.iter_mut().zip(entries) {
            if let Some(entry) = entry {
                cost.0 += f64::from(entry.microseconds);
                cost.1 += 1;
            }
        }
        self.add_symbols(pair);
        let kind = kind(pair);
        if kind != "same" {
            if self.examples.len() == MAX_EXAMPLES {
                self.examples.pop_front();
            }
            self.examples.push_back(Example {
                queue_id: queue_id.to_owned(),
                at: unix_ms(),
                hook: pair.trial.hook.as_str(),
                kind: kind.clone(),
                about: pair.trial.about.as_deref().map(ToOwned::to_owned),
                serving: pair.serving.map_or_else(|| "pass".into(), told),
                trial: told(pair.trial),
            });
        }
        let full = self.changes.len() >= MAX_KINDS;
        match self.changes.get_mut(&(pair.trial.hook, kind.clone())) {
            Some(count) => *count += 1,
            None if full => {}
            None => {
                self.changes.insert((pair.trial.hook, kind), 1);
            }
        }
    }

    fn add_symbols(&mut self, pair: &Pair<'_>) {
        let serving = pair.serving.map_or(&[][..], |entry| &entry.findings);
        for finding in &pair.trial.findings {
            match serving.iter().find(|other| other.name == finding.name) {
                None => self.note(&finding.name, |symbol| symbol.only_trial += 1),
                Some(other) if (other.score - finding.would_score()).abs() > SAME_SCORE => {
                    self.note(&finding.name, |symbol| symbol.other_score += 1);
                }
                Some(_) => {}
            }
        }
        for finding in serving {
            let both = |other: &crate::ledger::Finding| other.name == finding.name;
            if !pair.trial.findings.iter().any(both) {
                self.note(&finding.name, |symbol| symbol.only_serving += 1);
            }
        }
    }

    fn note(&mut self, name: &str, count: impl FnOnce(&mut SymbolDifference)) {
        if self.symbols.len() >= MAX_SYMBOLS && !self.symbols.contains_key(name) {
            return;
        }
        let symbol = self.symbols.entry(name.into()).or_default();
        if symbol.name.is_empty() {
            name.clone_into(&mut symbol.name);
        }
        count(symbol);
    }
}

/// How the two differ, the gravest first.
fn kind(pair: &Pair<'_>) -> String {
    let serving = pair.serving.map_or("pass", word);
    let trial = word(pair.trial);
    if serving != trial {
        return format!("{serving} -> {trial}");
    }
    if let Some((is, would)) = pair.verdicts
        && is != would
    {
        return format!("{is} -> {would}");
    }
    let score = |entry: &Entry| -> f64 {
        entry
            .findings
            .iter()
            .map(crate::ledger::Finding::would_score)
            .sum()
    };
    let difference = score(pair.trial) - pair.serving.map_or(0.0, score);
    if difference.abs() > SAME_SCORE {
        return "score".into();
    }
    let says = |entry: &Entry| (entry.verdict.clone(), entry.actions.clone());
    match pair.serving.map(says) {
        Some(serving) if serving != says(pair.trial) => "answer".into(),
        _ => "same".into(),
    }
}

/// The first word of an answer.
fn word(entry: &Entry) -> &str {
    if entry.fault.is_some() {
        return "failure";
    }
    entry
        .verdict
        .split([' ', ':'])
        .next()
        .unwrap_or(&entry.verdict)
}

/// An answer with its findings, on one line.
fn told(entry: &Entry) -> String {
    let mut text = match &entry.fault {
        Some(fault) => format!("failed: {fault}"),
        None => entry.verdict.to_string(),
    };
    for finding in &entry.findings {
        text.push_str(&format!(" {}={:.1}", finding.name, finding.would_score()));
    }
    crate::capability::findings::printable(&text, 300)
}

fn side(totals: &Totals) -> Side {
    Side {
        transactions: totals.count,
        refused: totals.share(totals.refused),
        deferred: totals.share(totals.deferred),
        junk: totals.share(totals.junk),
        failed: totals.share(totals.faulted),
        score: totals.score().0,
        microseconds: totals.mean_micros(),
    }
}
