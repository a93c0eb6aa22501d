//! The policy of a server: the serving generation, its successor, and what is known about both.
//!
//! Invariants: a generation serves whole or not at all; while the newest files do not load, the last good generation serves and the reason is told.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics::gauge;
use tokio::time::timeout;

use crate::capability::unix_ms;
use crate::code::CodeCache;
use crate::config::PolicyConfig;
use crate::engine::Engine;
use crate::generation::Generation;
use crate::load::{Loaded, Loader};
use crate::memory::MemoryServices;
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::services::Services;
use crate::status::Status;
use crate::step::Step;
use crate::view::PatternCache;
use crate::watch::Watch;

/// A file that does not load may be half written: it gets so many further tries, so far apart, before it is told.
const TRIES: u32 = 3;
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Why the policy cannot run at all. A broken policy is no reason: it serves nobody and says so in [`Policy::status`].
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine cannot be set up on this machine.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
    /// The directory for compiled code cannot be used.
    #[error("the directory {path} for compiled plugins cannot be used: {reason}")]
    Cache {
        /// The directory.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// The live policy. Clones are handles of the same one; its files are watched until the last is dropped.
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
    /// Ends the watch when the last handle goes.
    _watching: Arc<tokio::sync::watch::Sender<()>>,
}

struct Inner {
    loader: Loader,
    current: ArcSwap<Generation>,
    report: Mutex<Report>,
    /// One load at a time.
    loading: tokio::sync::Mutex<()>,
}

/// What is known of loads.
struct Report {
    last_number: u64,
    problems: Vec<Problem>,
    failed_at: Option<u64>,
    generations: Vec<Weak<Generation>>,
}

impl Policy {
    /// Starts the engine, loads the policy and watches its files. If the policy cannot be loaded, the empty one
    /// (which defers everything) serves until it can, and [`Policy::status`] tells why.
    pub async fn start(
        config: PolicyConfig,
        services: Arc<dyn Services>,
    ) -> Result<Self, StartError> {
        Self::open(config, services, None).await
    }

    /// The same, with every host call shown to `recorder`.
    pub async fn start_recorded(
        config: PolicyConfig,
        services: Arc<dyn Services>,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Self, StartError> {
        Self::open(config, services, Some(recorder)).await
    }

    async fn open(
        config: PolicyConfig,
        services: Arc<dyn Services>,
        recorder: Option<Arc<dyn Recorder>>,
    ) -> Result<Self, StartError> {
        let watched = config.watch;
        let inner = Arc::new(Inner::new(config, services, recorder)?);
        let (watching, ended) = tokio::sync::watch::channel(());
        if watched {
            let mut watch = Watch::new();
            inner.follow(&mut watch, true).await;
            tokio::spawn(keep_watch(Arc::downgrade(&inner), watch, ended));
        } else {
            inner.load(true).await;
        }
        Ok(Self {
            inner,
            _watching: Arc::new(watching),
        })
    }

    /// The serving generation.
    #[must_use]
    pub fn current(&self) -> Arc<Generation> {
        self.inner.current.load_full()
    }

    /// Reads the files again, now. The number of the generation that serves then, or every problem.
    pub async fn reload(&self) -> Result<u64, Vec<Problem>> {
        self.inner.load(true).await;
        let problems = self.inner.report().problems.clone();
        if problems.is_empty() {
            Ok(self.current().number())
        } else {
            Err(problems)
        }
    }

    /// What serves and what does not.
    #[must_use]
    pub fn status(&self) -> Status {
        let current = self.current();
        let mut report = self.inner.report();
        report
            .generations
            .retain(|generation| generation.strong_count() > 0);
        Status {
            generation: current.number(),
            since: current.since(),
            file: self.inner.loader.config.policy_file.display().to_string(),
            steps: current.steps().iter().map(|step| step.status()).collect(),
            problems: report.problems.clone(),
            failed_at: report.failed_at,
            generations_alive: report.generations.len(),
        }
    }

    /// Every problem of a policy: its file, its plugins, their settings. Nothing is served.
    pub async fn check(config: &PolicyConfig) -> Result<Vec<Problem>, StartError> {
        let inner = Inner::new(config.clone(), Arc::new(MemoryServices::new()), None)?;
        let loaded = inner.loader.load(&Generation::empty()).await;
        Ok(loaded.steps.err().unwrap_or_default())
    }
}

impl Inner {
    fn new(
        config: PolicyConfig,
        services: Arc<dyn Services>,
        recorder: Option<Arc<dyn Recorder>>,
    ) -> Result<Self, StartError> {
        let engine = Arc::new(Engine::new(config.instances)?);
        let code = CodeCache::open(&config.cache_dir, engine.wasm()).map_err(|error| {
            StartError::Cache {
                path: config.cache_dir.clone(),
                reason: error.to_string(),
            }
        })?;
        let empty = Arc::new(Generation::empty());
        let report = Report {
            last_number: 0,
            problems: Vec::new(),
            failed_at: None,
            generations: vec![Arc::downgrade(&empty)],
        };
        let loader = Loader {
            config,
            engine,
            code: Arc::new(code),
            services,
            recorder,
            patterns: Arc::new(PatternCache::default()),
        };
        Ok(Self {
            loader,
            current: ArcSwap::new(empty),
            report: Mutex::new(report),
            loading: tokio::sync::Mutex::new(()),
        })
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads, and serves what was loaded if it is good. Problems are told if `tell`. Gives what to watch, and whether it was good.
    async fn load(&self, tell: bool) -> (Vec<PathBuf>, Vec<PathBuf>, bool) {
        let _one = self.loading.lock().await;
        let before = self.current.load_full();
        let Loaded {
            steps,
            files,
            folders,
        } = self.loader.load(&before).await;
        let good = steps.is_ok();
        match steps {
            Ok(steps) => self.serve(&before, steps),
            Err(problems) if tell => self.tell(problems),
            Err(_) => {}
        }
        (files, folders, good)
    }

    fn serve(&self, before: &Generation, steps: Vec<Arc<Step>>) {
        let mut report = self.report();
        report.problems.clear();
        report.failed_at = None;
        let same = before.number() > 0
            && before.steps().len() == steps.len()
            && before
                .steps()
                .iter()
                .zip(&steps)
                .all(|(before, step)| Arc::ptr_eq(before, step));
        if same {
            return;
        }
        report.last_number += 1;
        let generation = Arc::new(Generation::new(report.last_number, unix_ms(), steps));
        report
            .generations
            .retain(|generation| generation.strong_count() > 0);
        report.generations.push(Arc::downgrade(&generation));
        let names: Vec<&str> = generation
            .steps()
            .iter()
            .map(|step| step.shared.info.name.as_str())
            .collect();
        tracing::info!(
            generation = generation.number(),
            steps = names.join(" "),
            "a policy generation serves"
        );
        #[expect(
            clippy::cast_precision_loss,
            reason = "a count of reloads is far below 2^53"
        )]
        gauge!("waxwing_policy_generation").set(generation.number() as f64);
        self.current.store(generation);
    }

    fn tell(&self, problems: Vec<Problem>) {
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
    async fn follow(&self, watch: &mut Watch, tell: bool) -> bool {
        loop {
            watch.note();
            let (files, folders, good) = self.load(tell).await;
            if !watch.follow(files, folders) {
                return good;
            }
            // What is new to the watch may have changed between its reading and now: read it once more.
        }
    }
}

/// Reloads when files change, until the policy is dropped.
async fn keep_watch(
    inner: Weak<Inner>,
    mut watch: Watch,
    mut ended: tokio::sync::watch::Receiver<()>,
) {
    loop {
        tokio::select! {
            () = watch.changed() => {}
            _ = ended.changed() => return,
        }
        for left in (0..=TRIES).rev() {
            let Some(inner) = inner.upgrade() else {
                return;
            };
            if inner.follow(&mut watch, left == 0).await {
                break;
            }
            drop(inner);
            if left == 0 {
                break;
            }
            // A file that is half written is whole with the next event, or soon.
            let _sooner = timeout(TRY_AGAIN, watch.changed()).await;
        }
    }
}
