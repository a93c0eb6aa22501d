//! The policy of a server: a handle of what serves, the tasks that keep it, and what operators ask of it.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::comparison::TrialReport;
use crate::config::PolicyConfig;
use crate::facts::MailboxEvent;
use crate::generation::{Alarm, Generation};
use crate::history::HistoryEvent;
use crate::memory::MemoryServices;
use crate::note;
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::rollback::RolloutError;
use crate::services::Services;
use crate::serving::{Inner, Manner};
use crate::status::Status;
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
    /// The folder of history and snapshots cannot be used.
    #[error("the history of the policy in {path} cannot be used: {reason}")]
    History {
        /// The directory.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// The live policy. Clones are handles of the same one; its files are watched until the last is dropped.
#[derive(Clone)]
pub struct Policy {
    pub(crate) inner: Arc<Inner>,
    /// Ends the watch when the last handle goes.
    _watching: Arc<tokio::sync::watch::Sender<()>>,
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
        let (alarms, heard) = unbounded_channel();
        let inner = Arc::new(Inner::new(config, services, recorder, alarms)?);
        let (watching, ended) = tokio::sync::watch::channel(());
        tokio::spawn(keep_well(Arc::downgrade(&inner), heard, ended.clone()));
        if watched {
            let mut watch = Watch::new();
            inner.follow(&mut watch, START).await;
            tokio::spawn(keep_watch(Arc::downgrade(&inner), watch, ended));
        } else {
            inner.load(START).await;
        }
        inner.resume().await;
        Ok(Self {
            inner,
            _watching: Arc::new(watching),
        })
    }

    /// The serving generation.
    #[must_use]
    pub fn current(&self) -> Arc<Generation> {
        self.inner.current()
    }

    /// Reads the files again, now, as a signal asks for, and takes them even if they were taken back. The number of the generation that serves then, or every problem.
    pub async fn reload(&self) -> Result<u64, Vec<Problem>> {
        let manner = Manner {
            tell: true,
            force: true,
            who: "signal",
            why: "reload",
        };
        self.inner.load(manner).await;
        let problems = self.inner.problems();
        if problems.is_empty() {
            Ok(self.current().number())
        } else {
            Err(problems)
        }
    }

    /// What serves and what does not.
    #[must_use]
    pub fn status(&self) -> Status {
        self.inner.status()
    }

    /// Tells the steps of `mailbox` of something that happened; it is asked for only if there are any. Never waits.
    pub fn tell(&self, event: impl FnOnce() -> MailboxEvent) {
        self.inner.events.tell(&self.current(), event);
    }

    /// What runs beside the sessions for as long as the server does: hands events on to the steps of `mailbox` and calls those of `tick`.
    pub async fn run(&self) {
        tokio::join!(self.inner.events.run(self), crate::tick::run(self));
    }

    /// The number of the serving generation, as it changes.
    pub(crate) fn generations(&self) -> tokio::sync::watch::Receiver<u64> {
        self.inner.swapped.subscribe()
    }

    /// The generations that served, oldest first; empty where no history is kept.
    #[must_use]
    pub fn history(&self) -> Vec<HistoryEvent> {
        let archive = self.inner.archive.as_ref();
        archive.map(|archive| archive.events()).unwrap_or_default()
    }

    /// What the trial steps of the serving generation, or one of them, say beside what serves.
    ///
    /// # Errors
    /// There is no such trial step.
    pub fn compare(&self, step: Option<&str>) -> Result<Vec<TrialReport>, RolloutError> {
        let reports = self.current().core().comparisons().reports(step);
        match step {
            Some(step) if reports.is_empty() => Err(RolloutError(format!(
                "the serving policy tries out no step `{step}`"
            ))),
            _ => Ok(reports),
        }
    }

    /// Goes back to generation `to`, or to the one before, at once, because `who` asked for it; the files that serve now are not taken again until they
    /// change. Gives the new number.
    ///
    /// # Errors
    /// There is no such generation, or it does not load any more.
    pub async fn roll_back(
        &self,
        to: Option<u64>,
        who: &str,
        reason: Option<&str>,
    ) -> Result<u64, RolloutError> {
        let from = self.current().number();
        let why = match reason {
            Some(reason) => format!("rolled back by an operator from generation {from}: {reason}"),
            None => format!("rolled back by an operator from generation {from}"),
        };
        self.inner.roll_back(to, who, &why).await
    }

    /// Every problem of a policy: its file, its plugins, their settings; if there is none, what is to be said of it. Nothing is served.
    ///
    /// # Errors
    /// Nothing can be checked here.
    pub async fn check(config: &PolicyConfig) -> Result<Checked, StartError> {
        let config = PolicyConfig {
            state_dir: None,
            ..config.clone()
        };
        let (alarms, _unheard) = unbounded_channel();
        let inner = Inner::new(config, Arc::new(MemoryServices::new()), None, alarms)?;
        let loaded = inner.loader.load(&Generation::empty()).await;
        Ok(match loaded.steps {
            Ok(steps) => Checked {
                problems: Vec::new(),
                notes: note::notes(&inner.loader.config, &steps),
            },
            Err(problems) => Checked {
                problems,
                notes: Vec::new(),
            },
        })
    }
}

/// What a policy is like that does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What keeps it from serving.
    pub problems: Vec<Problem>,
    /// What it lets happen that is rarely meant, a sentence each.
    pub notes: Vec<String>,
}

/// The first load.
const START: Manner<'static> = Manner {
    tell: true,
    force: false,
    who: "start",
    why: "start",
};

/// Goes back when a generation turns out to be bad, until the policy is dropped.
async fn keep_well(
    inner: Weak<Inner>,
    mut alarms: UnboundedReceiver<Alarm>,
    mut ended: tokio::sync::watch::Receiver<()>,
) {
    loop {
        let alarm = tokio::select! {
            alarm = alarms.recv() => alarm,
            _ = ended.changed() => return,
        };
        let (Some(alarm), Some(inner)) = (alarm, inner.upgrade()) else {
            return;
        };
        inner.act(alarm).await;
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
            let manner = Manner {
                tell: left == 0,
                force: false,
                who: "watch",
                why: "file change",
            };
            if inner.follow(&mut watch, manner).await {
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
