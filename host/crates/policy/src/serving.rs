//! Which generation serves: loaded from the files, swapped in whole, written down.
//!
//! Invariants: what serves changes under one lock and is recorded before the next change; while the newest files do not load, or were taken back,
//! the last good generation serves and the reason is told.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;
use metrics::gauge;
use tokio::sync::mpsc::UnboundedSender;

use crate::archive::Archive;
use crate::capability::unix_ms;
use crate::code::CodeCache;
use crate::config::PolicyConfig;
use crate::engine::Engine;
use crate::generation::{Alarm, Core, Generation, Watched};
use crate::history::{self, HistoryEvent, HistoryStep};
use crate::load::{Loaded, Loader};
use crate::note;
use crate::observe::Events;
use crate::policy::StartError;
use crate::policy_file::{Drift, Ground};
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::services::Services;
use crate::snapshot::Files;
use crate::status::Status;
use crate::step::Step;
use crate::view::PatternCache;
use crate::watch::Watch;

/// A policy at work, shared by its handles and its tasks.
pub(crate) struct Inner {
    pub(crate) loader: Loader,
    current: ArcSwap<Generation>,
    /// Told of each generation that begins to serve.
    pub(crate) swapped: tokio::sync::watch::Sender<u64>,
    /// What happens in mailboxes, on its way to the steps that listen.
    pub(crate) events: Events,
    report: Mutex<Report>,
    /// One load at a time.
    pub(crate) loading: tokio::sync::Mutex<()>,
    /// What serves changes, and is recorded, one after the other. Never waited for with what takes long.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) archive: Option<Arc<Archive>>,
    alarms: UnboundedSender<Alarm>,
}

/// What is known of loads.
pub(crate) struct Report {
    last_number: u64,
    pub(crate) problems: Vec<Problem>,
    failed_at: Option<u64>,
    generations: Vec<Weak<Core>>,
    pub(crate) serving: Version,
    /// What served before, kept compiled to go back to at once.
    pub(crate) before: Option<Version>,
    /// Digests of files that were taken back, and why.
    pub(crate) refused: Vec<String>,
    refused_why: String,
}

/// What it takes to serve a generation, again if need be.
#[derive(Clone, Default)]
pub(crate) struct Version {
    /// The number that it has, or had.
    pub(crate) number: u64,
    pub(crate) steps: Vec<Arc<Step>>,
    pub(crate) drift: Drift,
    pub(crate) files: Arc<Files>,
}

/// Why what serves changes, and what follows from that.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) who: String,
    pub(crate) why: String,
    /// The number of a generation that goes on after a restart.
    pub(crate) resumes: Option<u64>,
    /// The number of a generation that serves again.
    pub(crate) again: Option<u64>,
    /// Digests of files that are not to be taken again.
    pub(crate) refused: Vec<String>,
    /// What is wrong with the files as they are now.
    pub(crate) problems: Vec<Problem>,
}

/// How a load is made.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// Whether problems are told, or are those of a file that is still being written.
    pub(crate) tell: bool,
    /// Whether files that were taken back are taken all the same.
    pub(crate) force: bool,
    pub(crate) who: &'a str,
    pub(crate) why: &'a str,
}

impl Inner {
    pub(crate) fn new(
        config: PolicyConfig,
        services: Arc<dyn Services>,
        recorder: Option<Arc<dyn Recorder>>,
        alarms: UnboundedSender<Alarm>,
    ) -> Result<Self, StartError> {
        let engine = Arc::new(Engine::new(config.instances)?);
        let code = CodeCache::open(&config.cache_dir, engine.wasm(), config.compiler.clone())
            .map_err(|error| StartError::Cache {
                path: config.cache_dir.clone(),
                reason: error.to_string(),
            })?;
        let archive = match &config.state_dir {
            None => None,
            Some(folder) => {
                let opened = Archive::open(folder).map_err(|error| StartError::History {
                    path: folder.clone(),
                    reason: error.to_string(),
                })?;
                Some(Arc::new(opened))
            }
        };
        let empty = Arc::new(Generation::empty());
        let last = archive.as_ref().and_then(|archive| archive.last());
        let report = Report {
            last_number: last.as_ref().map_or(0, |event| event.generation),
            problems: Vec::new(),
            failed_at: None,
            generations: vec![Arc::downgrade(empty.core())],
            serving: Version::default(),
            before: None,
            refused_why: last
                .as_ref()
                .map_or_else(String::new, |event| event.why.clone()),
            refused: last.map_or_else(Vec::new, |event| event.refused),
        };
        let loader = Loader {
            ground: Ground::Own,
            config,
            engine,
            code: Arc::new(code),
            services,
            recorder,
            patterns: Arc::new(PatternCache::default()),
            snapshots: archive.as_ref().map(|archive| archive.snapshots.clone()),
        };
        Ok(Self {
            loader,
            current: ArcSwap::new(empty),
            swapped: tokio::sync::watch::Sender::new(0),
            events: Events::new(),
            report: Mutex::new(report),
            loading: tokio::sync::Mutex::new(()),
            turn: tokio::sync::Mutex::new(()),
            archive,
            alarms,
        })
    }

    pub(crate) fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    pub(crate) fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.report().problems.clone()
    }

    pub(crate) fn status(&self) -> Status {
        let current = self.current();
        let mut report = self.report();
        report
            .generations
            .retain(|generation| generation.strong_count() > 0);
        Status {
            generation: current.number(),
            since: current.since(),
            file: self.loader.config.policy_file.display().to_string(),
            steps: current.steps().iter().map(|step| step.status()).collect(),
            problems: report.problems.clone(),
            failed_at: report.failed_at,
            notes: match current.number() {
                // It takes no mail.
                0 => Vec::new(),
                _ => note::notes(&self.loader.config, current.steps()),
            },
            generations_alive: report.generations.len(),
        }
    }

    /// Loads, and serves what was loaded if it is good. Gives what to watch, and whether it was good.
    pub(crate) async fn load(&self, manner: Manner<'_>) -> (Vec<PathBuf>, Vec<PathBuf>, bool) {
        let _one = self.loading.lock().await;
        self.load_now(manner).await
    }

    /// The same, for who holds `loading`.
    pub(crate) async fn load_now(&self, manner: Manner<'_>) -> (Vec<PathBuf>, Vec<PathBuf>, bool) {
        let Loaded {
            steps,
            drift,
            content,
            files,
            folders,
        } = self.loader.load(&self.current()).await;
        let _turn = self.turn.lock().await;
        let good = steps.is_ok();
        match steps {
            Ok(steps) => {
                let version = Version {
                    number: 0,
                    steps,
                    drift,
                    files: Arc::new(content),
                };
                self.take(version, manner).await;
            }
            Err(problems) if manner.tell => self.tell(problems),
            Err(_) => {}
        }
        (files, folders, good)
    }

    /// Serves what was loaded from the files, unless it is what was taken back.
    async fn take(&self, version: Version, manner: Manner<'_>) {
        let refused = self.refusal(version.files.digest());
        if let Some(problem) = refused.filter(|_| !manner.force) {
            return self.tell(vec![problem]);
        }
        let last = self.archive.as_ref().and_then(|archive| archive.last());
        let resumes = last
            .filter(|event| self.current().number() == 0 && event.files == version.files.digest())
            .map(|event| event.generation);
        let change = Change {
            who: manner.who.to_owned(),
            why: manner.why.to_owned(),
            resumes,
            ..Change::default()
        };
        self.serve(version, change).await;
    }

    /// Why files are not taken, if they were taken back.
    fn refusal(&self, digest: &str) -> Option<Problem> {
        let report = self.report();
        report
            .refused
            .iter()
            .any(|refused| refused == digest)
            .then(|| self.taken_back(&report.refused_why))
    }

    /// What is told of files that were taken back.
    pub(crate) fn taken_back(&self, why: &str) -> Problem {
        Problem::new(
            &self.loader.config.policy_file,
            None,
            format!(
                "these files do not serve: {why}; save a change, or send SIGHUP to take them all the same"
            ),
        )
    }

    /// Lets a version serve, and records it. For who holds the turn. Gives the number that it serves under.
    pub(crate) async fn serve(&self, version: Version, change: Change) -> u64 {
        let files = version.files.clone();
        let (number, event) = self.swap(version, change);
        if let (Some(archive), Some(event)) = (&self.archive, event) {
            archive.record(event, files).await;
        }
        number
    }

    fn swap(&self, mut version: Version, change: Change) -> (u64, Option<HistoryEvent>) {
        let before = self.current();
        let mut report = self.report();
        report.failed_at = (!change.problems.is_empty()).then(unix_ms);
        report.problems = change.problems;
        report.refused_why.clone_from(&change.why);
        report.refused.clone_from(&change.refused);
        let same = before.number() > 0
            && before.steps().len() == version.steps.len()
            && *before.core().drift() == version.drift
            && before
                .steps()
                .iter()
                .zip(&version.steps)
                .all(|(before, step)| Arc::ptr_eq(before, step));
        if same && change.again.is_none() {
            return (before.number(), None);
        }
        version.number = change.resumes.unwrap_or(report.last_number + 1);
        report.last_number = report.last_number.max(version.number);
        let event = change.resumes.is_none().then(|| HistoryEvent {
            generation: version.number,
            at: unix_ms(),
            changes: history::changes(before.steps(), &version.steps),
            steps: HistoryStep::all(&version.steps),
            files: version.files.digest().to_owned(),
            who: change.who.clone(),
            why: change.why.clone(),
            again: change.again,
            refused: change.refused,
        });
        let watched = self.watched(&before, version.drift.clone(), change.again.is_some());
        let generation = Arc::new(Generation::new(
            version.number,
            unix_ms(),
            version.steps.clone(),
            watched,
        ));
        report
            .generations
            .retain(|generation| generation.strong_count() > 0);
        report.generations.push(Arc::downgrade(generation.core()));
        announce(&generation, &change.who, &change.why);
        for note in note::notes(&self.loader.config, &version.steps) {
            tracing::warn!(generation = version.number, "{note}");
        }
        version.steps.iter().for_each(|step| step.revive());
        for gone in before.steps() {
            if !version.steps.iter().any(|step| Arc::ptr_eq(step, gone)) {
                gone.retire();
            }
        }
        let former = std::mem::replace(&mut report.serving, version);
        // What was taken back is nothing to go back to.
        report.before = (former.number > 0 && change.again.is_none()).then_some(former);
        let number = generation.number();
        self.current.store(generation);
        self.swapped.send_replace(number);
        (number, event)
    }

    /// What a new generation is held against: the one before, unless it is one that serves again, which is known to be good.
    fn watched(&self, before: &Generation, drift: Drift, again: bool) -> Watched {
        let core = before.core();
        let enabled = drift.enabled;
        Watched {
            drift,
            baseline: match (before.number(), again) {
                (0, _) => None,
                (_, false) => Some(core.baseline()),
                (_, true) => core.held_against(),
            },
            judged: !again && enabled,
            alarms: Some(self.alarms.clone()),
            told: AtomicBool::new(false),
        }
    }

    pub(crate) fn tell(&self, problems: Vec<Problem>) {
        let mut report = self.report();
        if report.problems == problems {
            return;
        }
        for problem in &problems {
            tracing::error!(
                serving = self.current.load().number(),
                "the policy is not taken over: {problem}"
            );
        }
        report.problems = problems;
        report.failed_at = Some(unix_ms());
    }

    /// Loads until what is watched is what was read. Gives whether it was good.
    pub(crate) async fn follow(&self, watch: &mut Watch, manner: Manner<'_>) -> bool {
        loop {
            watch.note();
            let (files, folders, good) = self.load(manner).await;
            if !watch.follow(files, folders) {
                return good;
            }
            // What is new to the watch may have changed between its reading and now: read it once more.
        }
    }
}

fn announce(generation: &Generation, who: &str, why: &str) {
    let names: Vec<&str> = generation
        .steps()
        .iter()
        .map(|step| step.shared.info.name.as_str())
        .collect();
    tracing::info!(
        generation = generation.number(),
        who,
        why,
        steps = names.join(" "),
        "a policy generation serves"
    );
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of reloads is far below 2^53"
    )]
    gauge!("waxwing_policy_generation").set(generation.number() as f64);
}
