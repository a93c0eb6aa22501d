//! The parts of a server, opened in order and closed in the opposite one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use waxwing_policy::{Compiler, CompilerLimits, Policy, PolicyConfig};
use waxwing_store::{Database, Store, StoreConfig};

use crate::acme::Acme;
use crate::admin::{Exit, Failure};
use crate::answer::jmap::push::Push;
use crate::answer::jmap::{LoginsEnded, Turns, Views};
use crate::answer::smtp::respond::Answering;
use crate::budget::Budget;
use crate::config::{Config, Problem, Service, Tls};
use crate::dns::Resolver;
use crate::flow::Flow;
use crate::keys::Keys;
use crate::listen::Bound;
use crate::oauth::Issuer;
use crate::outgoing::Outgoing;
use crate::pressure::Gauges;
use crate::rates::Rates;
use crate::reports::Reports;
use crate::running::StartError;
use crate::services::ServerServices;
use crate::sessions::Sessions;
use crate::shutdown::Shutdown;
use crate::telemetry::Figures;
use crate::tls::Certificates;

/// What the listeners, the answers and the administration share.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) policy: Policy,
    /// Looks up where mail goes and who it is from.
    pub(crate) resolver: Arc<Resolver>,
    /// What domains sign with.
    pub(crate) keys: Keys,
    /// Whose access tokens are taken beside our own.
    pub(crate) issuer: Option<Issuer>,
    pub(crate) certificates: Certificates,
    /// How certificates are got.
    pub(crate) acme: Acme,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) rates: Rates,
    pub(crate) budget: Arc<Budget>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) shutdown: Shutdown,
    pub(crate) figures: Figures,
    /// How much of everything there was lately.
    pub(crate) flow: Flow,
    /// One draft of a rule file is tried at a time.
    pub(crate) drafts: tokio::sync::Mutex<()>,
    /// Held while what a domain publishes is looked at from afar.
    pub(crate) domain_checks: tokio::sync::Semaphore,
    pub(crate) outgoing: Outgoing,
    pub(crate) reports: Reports,
    /// What of each account's is worked on over JMAP.
    pub(crate) turns: Turns,
    /// Tells who is logged in by a cookie to look whether he still is.
    pub(crate) logins_ended: LoginsEnded,
    /// The emails of accounts that were asked for over JMAP lately.
    pub(crate) views: Views,
    /// Tells clients that hold no connection.
    pub(crate) push: Push,
    /// Answers those who write to somebody who is away.
    pub(crate) answering: Answering,
    bound: OnceLock<Arc<[Bound]>>,
    since: jiff::Timestamp,
}

impl Parts {
    /// Opens everything that needs no socket.
    pub(crate) async fn open(config: Config) -> Result<Self, StartError> {
        let figures = Figures::start();
        let certificates = Certificates::open(&config)?;
        let resolver = Arc::new(Resolver::open(&config.dns)?);
        let outgoing =
            Outgoing::open(&config, Arc::clone(&resolver)).map_err(|cause| StartError::Data {
                path: config.data.clone(),
                cause,
            })?;
        let store = Store::open(store_config(&config)?).await?;
        // What was being brought along when the server ended is not whole, and sent again.
        let _ = std::fs::remove_dir_all(config.data.join(crate::moving::upload::FOLDER));
        let services = Arc::new(ServerServices::new(store.clone(), Arc::clone(&resolver)));
        let policy = match Policy::start(policy_config(&config), services).await {
            Ok(policy) => policy,
            Err(error) => {
                store.close().await;
                return Err(error.into());
            }
        };
        let budget = Budget::new(config.limits.content_memory.bytes());
        Ok(Self {
            policy,
            issuer: Issuer::open(&config.oauth, Arc::clone(&resolver)),
            push: Push::new(&config, Arc::clone(&resolver)),
            resolver,
            keys: Keys::new(store.clone(), &config),
            store,
            certificates,
            acme: Acme::new(&config),
            sessions: Sessions::new(&config.limits),
            rates: Rates::new(&config.rates, std::time::Instant::now()),
            gauges: Gauges::new(Arc::clone(&budget)),
            budget,
            shutdown: Shutdown::new(),
            figures,
            flow: Flow::default(),
            drafts: tokio::sync::Mutex::default(),
            domain_checks: tokio::sync::Semaphore::new(2),
            outgoing,
            reports: Reports::default(),
            turns: Turns::default(),
            logins_ended: LoginsEnded::default(),
            views: Views::default(),
            answering: Answering::default(),
            bound: OnceLock::new(),
            since: jiff::Timestamp::now(),
            config,
        })
    }

    /// Writes what waits and closes.
    pub(crate) async fn close(&self) {
        self.reports.write(&self.store).await;
        self.store.close().await;
    }

    /// Notes what is listened on, once.
    pub(crate) fn set_bound(&self, bound: Arc<[Bound]>) {
        let _once = self.bound.set(bound);
    }

    /// The port of a listener for HTTP under TLS, if there is one.
    pub(crate) fn https_port(&self) -> Option<u16> {
        let mut bound = self.bound.get()?.iter();
        let secure = |bound: &&Bound| bound.service == Service::Http && bound.tls == Tls::Implicit;
        bound.find(secure).map(|bound| bound.address.port())
    }

    /// Whether every change of the store is made by this process.
    pub(crate) fn store_is_ours(&self) -> bool {
        self.config.store.database.starts_with("sqlite:")
    }

    /// Why the server should get no traffic, if so.
    pub(crate) async fn unready(&self) -> Option<String> {
        if *self.shutdown.phase().borrow() != crate::shutdown::Phase::Serving {
            return Some("the server is ending".into());
        }
        self.store
            .domains()
            .await
            .err()
            .map(|error| format!("store: {error}"))
    }

    /// What `waxwing status` tells.
    pub(crate) async fn status(&self) -> Value {
        let store = self.store.domains().await.map_or_else(
            |error| error.to_string(),
            |domains| format!("{} domains", domains.len()),
        );
        let queue = self.store.queue_depth().await.unwrap_or_default();
        let sessions: Vec<_> = self
            .sessions
            .by_service()
            .iter()
            .map(|(service, count)| json!({ "protocol": service.as_str(), "sessions": count }))
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "since": self.since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "store": store,
            "queue-depth": queue.waiting,
            "queue-held": queue.held,
            "sessions": sessions,
            "listeners": self.bound.get().map(|bound| serde_json::to_value(bound.as_ref()).unwrap_or_default()),
            "certificates": self.acme.status(),
            "policy": self.plugins(),
        })
    }

    /// What `waxwing plugin list` tells.
    pub(crate) fn plugins(&self) -> Value {
        serde_json::to_value(self.policy.status()).unwrap_or_default()
    }

    /// Reads the policy again; the policy logs what came of it.
    pub(crate) async fn reload_policy(&self) {
        match self.policy.reload().await {
            Ok(generation) => tracing::info!(generation, "policy reloaded"),
            Err(problems) => tracing::error!(
                problems = problems.len(),
                "the old policy stays in use; see `waxwing plugin list`"
            ),
        }
    }
}

/// Opens the store of a configuration, for commands without a server.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Failure> {
    let mut settings = store_config(config)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    settings.sweep = false;
    Ok(Store::open(settings).await?)
}

fn store_config(config: &Config) -> Result<StoreConfig, StartError> {
    // The configuration was checked for the schemes.
    let database =
        Database::parse(&config.store.database).ok_or(waxwing_store::Error::InvalidName {
            name: config.store.database.clone(),
            reason: "not a database URL",
        })?;
    let blobs = config
        .store
        .blobs
        .strip_prefix("file://")
        .unwrap_or(&config.store.blobs);
    let mut settings = StoreConfig::new(database, blobs);
    settings.readers = config.store.readers;
    settings.web_login_idle = config.webmail.login_idle.duration();
    settings.web_login_longest = config.webmail.login_longest.duration();
    // What the server puts on top of the largest message must fit as well.
    settings.max_content = usize::try_from(config.limits.message_size.bytes())
        .unwrap_or(usize::MAX)
        .saturating_add(1 << 20);
    Ok(settings)
}

/// The policy of a server that keeps its history, and compiles plugins in a process of their own: this program, started anew.
fn policy_config(config: &Config) -> PolicyConfig {
    let settings = PolicyConfig::new(
        config.policy.file.clone(),
        config.policy.plugins.clone(),
        config.data.join("compiled"),
    );
    PolicyConfig {
        state_dir: Some(policy_folder(config)),
        compiler: compiler(config),
        submission: config
            .listeners
            .iter()
            .any(|listener| listener.service == Service::Submission),
        ..settings
    }
}

/// How this program compiles a plugin. A test binary that holds this library is no such program and compiles by itself.
fn compiler(config: &Config) -> Option<Compiler> {
    let program = std::env::current_exe().ok()?;
    // After an upgrade the program of this process is another file, or none; the link leads to the one that runs.
    let own = Path::new("/proc/self/exe");
    let runs = program.file_stem()? == "waxwing";
    let path = if own.exists() {
        own.to_owned()
    } else {
        program
    };
    runs.then(|| Compiler {
        command: vec![path.into(), "compile-plugin".into()],
        limits: CompilerLimits {
            seconds: config.policy.compile_time.duration().as_secs(),
            memory: config.policy.compile_memory.bytes(),
        },
    })
}

/// Every problem of the policy, without serving it.
/// Beside them, what is to be said of one that has none.
pub(crate) async fn policy_problems(config: &Config) -> (Vec<Problem>, Vec<String>) {
    let whole = |text: String| {
        vec![Problem {
            file: config.policy.file.display().to_string(),
            line: 0,
            text,
        }]
    };
    let mut settings = policy_config(config);
    // Checking must leave nothing behind where no server has been.
    let scratch = std::env::temp_dir().join(format!("waxwing-check-{}", std::process::id()));
    if !config.data.exists() {
        settings.cache_dir.clone_from(&scratch);
    }
    let found = match Policy::check(&settings).await {
        Ok(checked) => {
            let problems = checked.problems.into_iter().map(policy_problem);
            (problems.collect(), checked.notes)
        }
        Err(error) => (whole(error.to_string()), Vec::new()),
    };
    if !config.data.exists() {
        let _missing = std::fs::remove_dir_all(scratch);
    }
    found
}

fn policy_problem(of: waxwing_policy::Problem) -> Problem {
    Problem {
        file: of.file.display().to_string(),
        line: of.line.unwrap_or(0),
        text: of.text,
    }
}

/// What `waxwing plugin history` tells where no server runs.
pub(crate) fn policy_history(config: &Config) -> Result<Value, Failure> {
    let folder = policy_folder(config);
    let events = waxwing_policy::read_history(&folder).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("{}: {error}", folder.display()))
    })?;
    Ok(serde_json::to_value(events).unwrap_or_default())
}

/// Where a server keeps the history of its policy.
fn policy_folder(config: &Config) -> PathBuf {
    config.data.join("policy")
}

/// What `waxwing plugin list` tells where no server runs.
pub(crate) async fn policy_status(config: &Config) -> Result<Value, Failure> {
    let resolver = Resolver::open(&config.dns)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let store = open_store(config).await?;
    let settings = PolicyConfig {
        watch: false,
        // The history is a running server's.
        state_dir: None,
        ..policy_config(config)
    };
    let services = Arc::new(ServerServices::new(store.clone(), Arc::new(resolver)));
    let policy = Policy::start(settings, services).await;
    let status = policy.map(|policy| serde_json::to_value(policy.status()).unwrap_or_default());
    store.close().await;
    status.map_err(|error| Failure::new(Exit::Unavailable, error.to_string()))
}
