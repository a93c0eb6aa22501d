//! Mail judged by a policy and by what it may become, to see what would change: in a pretended world, so that nothing is remembered, looked up
//! or counted.
//!
//! Only the steps that a draft changes are asked, once as they are and once as they would be, and the steps of `verdict` about what comes of
//! that. What other steps found is taken from the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::bench::Bench;
use super::case::{Case, CaseStep, ConnectionCase, EnvelopeCase};
use super::network::NetworkCase;
use super::world::World;
use crate::hook::Hook;
use crate::memory::MemoryServices;
use crate::policy_file::Mode;
use crate::step::Step;

/// A policy, and what it may become.
pub struct Draft {
    before: Lane,
    after: Lane,
    server: Arc<MemoryServices>,
    /// The names of the steps that differ.
    changed: Vec<String>,
    /// The names of those that are tried out: what they found counts on neither side.
    trials: BTreeSet<String>,
    /// What they are asked elsewhere, which is not tried.
    untried: BTreeMap<String, Vec<Hook>>,
}

/// The steps that are asked on one side.
struct Lane {
    message: Vec<Arc<Step>>,
    verdict: Vec<Arc<Step>>,
}

/// A message that came, as far as the ledger knows.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// `smtp`, `submission` or `lmtp`.
    pub protocol: String,
    /// The client's address.
    pub client: String,
    /// What it greeted with.
    pub helo: String,
    /// Who was logged in.
    pub login: Option<String>,
    /// The reverse-path.
    pub sender: String,
    /// Its recipients.
    pub recipients: Vec<String>,
    /// Its octets, as they came.
    pub content: Bytes,
    /// What each step found: its name, the finding and what that counted.
    pub found: Vec<(String, String, f64)>,
}

/// What a message comes to on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// As things are.
    pub before: Side,
    /// As they would be.
    pub after: Side,
}

/// What a message comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Side {
    /// Each finding, with what it counts.
    pub findings: BTreeMap<String, f64>,
    /// Their sum.
    pub score: f64,
    /// What follows from that for the first recipient's domain: `deliver`, `junk` and so on; empty if no step says.
    pub verdict: String,
    /// How a step failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Tried {
    /// Whether anything is other.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.before != self.after
    }
}

impl Draft {
    pub(crate) fn new(
        before: Vec<Arc<Step>>,
        after: Vec<Arc<Step>>,
        server: Arc<MemoryServices>,
    ) -> Self {
        // What a canary decides meanwhile is neither side: its step stands beside one that enforces.
        let counts = |step: &&Arc<Step>| step.config.mode == Mode::Enforce;
        let trials = before.iter().chain(&after).filter(|step| !counts(step));
        let trials = trials.map(|step| step.config.name.clone()).collect();
        let other = |step: &Arc<Step>, side: &[Arc<Step>]| {
            let same = |known: &&Arc<Step>| known.config.name == step.config.name;
            let twin = side.iter().find(same);
            twin.is_none_or(|twin| {
                twin.config != step.config || twin.shared.info.digest != step.shared.info.digest
            })
        };
        let mut changed: Vec<String> = Vec::new();
        for (side, facing) in [(&before, &after), (&after, &before)] {
            for step in side.iter().filter(counts) {
                if other(step, facing) && !changed.contains(&step.config.name) {
                    changed.push(step.config.name.clone());
                }
            }
        }
        let lane = |steps: &[Arc<Step>]| {
            let at = |hook: Hook| {
                steps
                    .iter()
                    .filter(counts)
                    .filter(move |step| step.hooks.contains(&hook))
                    .cloned()
            };
            Lane {
                message: at(Hook::Message)
                    .filter(|step| changed.contains(&step.config.name))
                    .collect(),
                verdict: at(Hook::Verdict).collect(),
            }
        };
        let mut untried: BTreeMap<String, Vec<Hook>> = BTreeMap::new();
        for step in before.iter().chain(&after).filter(counts) {
            if !changed.contains(&step.config.name) {
                continue;
            }
            let beyond = |hook: &&Hook| !matches!(hook, Hook::Message | Hook::Verdict);
            for hook in step.hooks.iter().filter(beyond) {
                let of_step = untried.entry(step.config.name.clone()).or_default();
                if !of_step.contains(hook) {
                    of_step.push(*hook);
                }
            }
        }
        Self {
            before: lane(&before),
            after: lane(&after),
            server,
            changed,
            trials,
            untried,
        }
    }

    /// The names of the steps that it changes.
    #[must_use]
    pub fn changed(&self) -> &[String] {
        &self.changed
    }

    /// The hooks of those steps of which nothing is tried: what they were told there is not written down.
    #[must_use]
    pub fn untried(&self) -> &BTreeMap<String, Vec<Hook>> {
        &self.untried
    }

    /// Judges a message on both sides.
    pub async fn try_on(&self, mail: &Mail) -> Tried {
        Tried {
            before: self.side(&self.before, mail).await,
            after: self.side(&self.after, mail).await,
        }
    }

    async fn side(&self, lane: &Lane, mail: &Mail) -> Side {
        let others = mail
            .found
            .iter()
            .filter(|(step, ..)| !self.changed.contains(step) && !self.trials.contains(step));
        let mut side = Side::default();
        for (_, name, score) in others {
            *side.findings.entry(name.clone()).or_default() += score;
        }
        for step in &lane.message {
            match self.ask(step, mail, &side.findings, "message").await {
                Ok((findings, _)) => side.findings = findings,
                Err(failure) => side.failed = Some(failure),
            }
        }
        side.score = rounded(side.findings.values().sum());
        for step in &lane.verdict {
            match self.ask(step, mail, &side.findings, "verdict").await {
                Ok((_, answer)) if answer == "pass" => {}
                Ok((_, answer)) => {
                    side.verdict = answer.split(' ').next().unwrap_or_default().to_owned();
                    break;
                }
                Err(failure) => side.failed = Some(failure),
            }
        }
        side
    }

    async fn ask(
        &self,
        step: &Arc<Step>,
        mail: &Mail,
        found: &BTreeMap<String, f64>,
        hook: &str,
    ) -> Result<(BTreeMap<String, f64>, String), String> {
        let case = case(mail, found);
        let mut bench = Bench {
            step: step.clone(),
            server: self.server.clone(),
            notebook: None,
            world: World::new(&case, &NetworkCase::default()),
            trial: true,
        };
        bench.content(mail.content.clone());
        let domain = mail.recipients.first();
        let domain = domain.and_then(|address| address.rsplit_once('@'));
        let call = CaseStep {
            hook: hook.to_owned(),
            domain: match hook {
                "verdict" => domain.map_or_else(String::new, |(_, domain)| domain.to_owned()),
                _ => String::new(),
            },
            ..CaseStep::default()
        };
        let seen = bench.call(&call).await?;
        if seen.failed {
            return Err(format!("step `{}`: {}", step.config.name, seen.answer));
        }
        let mut findings = BTreeMap::new();
        for found in &bench.world.found {
            *findings.entry(found.name.to_string()).or_default() += found.score;
        }
        Ok((findings, seen.answer))
    }
}

/// Sums of decimals in binary are a hair off, which is no difference.
fn rounded(score: f64) -> f64 {
    (score * 1000.0).round() / 1000.0
}

fn case(mail: &Mail, found: &BTreeMap<String, f64>) -> Case {
    Case {
        connection: ConnectionCase {
            protocol: mail.protocol.clone(),
            client: mail.client.clone(),
            helo: Some(mail.helo.clone()),
            identity: mail.login.clone(),
            ..ConnectionCase::default()
        },
        envelope: EnvelopeCase {
            sender: mail.sender.clone(),
            recipients: mail.recipients.clone(),
            ..EnvelopeCase::default()
        },
        found: found.clone(),
        ..Case::default()
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Draft").field(&self.changed).finish()
    }
}
