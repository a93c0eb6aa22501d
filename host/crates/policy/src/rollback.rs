//! Going back: by an operator, or by itself when a generation drifts or a new step keeps failing; and going on after a restart whose files do not load.
//!
//! Invariants: what was taken back is not taken again until it changes, across restarts too; a generation that serves again is not taken back by
//! itself, so that what the world does to mail starts no descent through the history.

use std::sync::Arc;

use metrics::counter;

use crate::generation::{Alarm, Generation};
use crate::load::Loaded;
use crate::policy_file::Mode;
use crate::services::Services;
use crate::serving::{Change, Inner, Version};
use crate::step::Step;

/// Why the policy did not do what an operator asked for: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RolloutError(pub(crate) String);

/// Who goes back when nobody asked.
const SERVER: &str = "server";
/// Generations that are tried after a restart whose files do not load.
const MAX_TRIES: usize = 3;

impl Inner {
    /// Goes back to a generation, the one before if none is named.
    pub(crate) async fn roll_back(
        &self,
        to: Option<u64>,
        who: &str,
        why: &str,
    ) -> Result<u64, RolloutError> {
        let _turn = self.turn.lock().await;
        self.go_back(to, who, why, "operator").await
    }

    /// The same for who holds the turn.
    async fn go_back(
        &self,
        to: Option<u64>,
        who: &str,
        why: &str,
        by: &'static str,
    ) -> Result<u64, RolloutError> {
        let from = self.current().number();
        let target = match to {
            Some(number) if number == from => {
                return Err(RolloutError(format!("generation {number} serves already")));
            }
            Some(number) => self.version(number).await?,
            None => self.one_before().await?,
        };
        let refused = {
            let report = self.report();
            let mut refused = report.refused.clone();
            refused.push(report.serving.files.digest().to_owned());
            refused.retain(|digest| digest != target.files.digest());
            refused
        };
        let problem = self.taken_back(why);
        tracing::error!(from, to = target.number, why, "the policy goes back");
        counter!("waxwing_policy_rollbacks_total", "by" => by).increment(1);
        let change = Change {
            who: who.to_owned(),
            why: why.to_owned(),
            again: Some(target.number),
            refused,
            problems: vec![problem],
            ..Change::default()
        };
        Ok(self.serve(target, change).await)
    }

    /// What an operator means by going back: the last generation of other files that was not taken back itself.
    async fn one_before(&self) -> Result<Version, RolloutError> {
        let (kept, unwanted) = {
            let report = self.report();
            let mut unwanted = report.refused.clone();
            unwanted.push(report.serving.files.digest().to_owned());
            let kept = report.before.clone();
            let differs =
                |version: &Version| !unwanted.iter().any(|known| known == version.files.digest());
            (kept.filter(differs), unwanted)
        };
        if let Some(version) = kept {
            return Ok(version);
        }
        let archive = self.archive.as_ref();
        let mut earlier = archive
            .map(|archive| archive.earlier(&unwanted))
            .unwrap_or_default()
            .into_iter();
        match earlier.next() {
            Some(event) => self.version(event.generation).await,
            None => Err(RolloutError(
                "there is no earlier generation to go back to".into(),
            )),
        }
    }

    /// A generation by its number: still in memory, or from its snapshot.
    async fn version(&self, number: u64) -> Result<Version, RolloutError> {
        let kept = self
            .report()
            .before
            .clone()
            .filter(|version| version.number == number);
        if let Some(version) = kept {
            return Ok(version);
        }
        let archive = self.archive.as_ref();
        let Some(archive) = archive.filter(|archive| archive.snapshots.has(number)) else {
            return Err(RolloutError(format!(
                "generation {number} is not kept; `waxwing plugin history` tells which are"
            )));
        };
        let place = archive.snapshots.generation(number);
        let loader = self.loader.of_snapshot(&place);
        let Loaded {
            steps,
            drift,
            content,
            ..
        } = loader.load(&self.current()).await;
        match steps {
            Ok(steps) => Ok(Version {
                number,
                steps,
                drift,
                files: Arc::new(content),
            }),
            Err(problems) => Err(RolloutError(format!(
                "generation {number} does not load: {}",
                problems
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; ")
            ))),
        }
    }

    /// The steps of the serving generation once more, from its snapshot, around them a server that is none.
    pub(crate) async fn serving_again(
        &self,
        services: Arc<dyn Services>,
    ) -> Option<Vec<Arc<Step>>> {
        let (archive, number) = (self.archive.as_ref()?, self.current().number());
        let place = archive
            .snapshots
            .has(number)
            .then(|| archive.snapshots.generation(number))?;
        let loader = self.loader.of_snapshot(&place).pretending(services);
        loader.load(&Generation::empty()).await.steps.ok()
    }

    /// Does what an alarm asks for, if it is about what serves.
    pub(crate) async fn act(&self, alarm: Alarm) {
        let _turn = self.turn.lock().await;
        let current = self.current();
        let (number, why, by) = match alarm {
            Alarm::Drifts { number, reason } => (number, reason.to_string(), "drift"),
            Alarm::KeepsFailing { number, step, last } => {
                if !self.is_new(&step) {
                    return;
                }
                let name = &step.config.name;
                let why = format!("step `{name}`, which is new in it, keeps failing: {last}");
                (number, why, "breaker")
            }
        };
        if current.number() != number || !current.core().is_judged() {
            return;
        }
        let why = format!("rolled back by itself from generation {number}: {why}");
        if let Err(error) = self.go_back(None, SERVER, &why, by).await {
            tracing::error!(generation = number, %why, %error, "the policy should go back and cannot");
        }
    }

    /// Whether a step came or changed with the serving generation.
    fn is_new(&self, step: &Arc<Step>) -> bool {
        if step.config.mode == Mode::Shadow {
            return false;
        }
        let (before, unwanted) = {
            let report = self.report();
            let mut unwanted = report.refused.clone();
            unwanted.push(report.serving.files.digest().to_owned());
            (report.before.clone(), unwanted)
        };
        if let Some(before) = before {
            return !before.steps.iter().any(|old| Arc::ptr_eq(old, step));
        }
        // After a restart the history knows which plugins there were.
        let archive = self.archive.as_ref();
        let earlier = archive.map(|archive| archive.earlier(&unwanted));
        earlier
            .unwrap_or_default()
            .first()
            .is_some_and(|event| !event.steps.iter().any(|old| old.step == *step.shared.info))
    }

    /// After a restart with files that do not serve: the last good generation does, from its snapshot.
    pub(crate) async fn resume(&self) {
        let _turn = self.turn.lock().await;
        let Some(archive) = self
            .archive
            .as_ref()
            .filter(|_| self.current().number() == 0)
        else {
            return;
        };
        let (problems, refused) = {
            let report = self.report();
            (report.problems.clone(), report.refused.clone())
        };
        let last = archive.last().map(|event| event.generation);
        for event in archive.earlier(&refused).into_iter().take(MAX_TRIES) {
            let version = match self.version(event.generation).await {
                Ok(version) => version,
                Err(error) => {
                    tracing::error!(%error, "a generation of the history cannot serve");
                    continue;
                }
            };
            let number = event.generation;
            tracing::error!(
                generation = number,
                "the policy's files do not serve: a generation of the history does"
            );
            let resumes = (last == Some(number)).then_some(number);
            let change = Change {
                who: SERVER.to_owned(),
                why: if resumes.is_some() {
                    event.why
                } else {
                    "start with files that do not load".into()
                },
                resumes,
                again: Some(number),
                refused: refused.clone(),
                problems: problems.clone(),
            };
            self.serve(version, change).await;
            return;
        }
    }
}
