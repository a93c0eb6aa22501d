//! A step: a plugin with its settings, grants and limits, and the instances that run it.
//!
//! Invariants: an instance serves one call at a time, and so one domain at a time; it is reused a number of times that is drawn at random, so that no
//! plugin can lean on what it left in its memory.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};
use wasmtime::component::InstancePre;

use crate::account::Accounts;
use crate::breaker::{Admission, Breakers, Position};
use crate::condition::Conditions;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::guest::{Ask, Exports};
use crate::hook::Hook;
use crate::idle::Idle;
use crate::instance::{Alive, Instance, Said};
use crate::meters::Meters;
use crate::policy_file::{Isolation, Mode, StepConfig};
use crate::state::{Context, Effects, Shared, State};
use crate::status::StepStatus;

/// Calls that a pooled instance takes: a number from this range.
const REUSE: std::ops::RangeInclusive<u32> = 128..=512;
/// How long the load of a plugin may take for `init`, `settings-check` or `self-test`, beyond what a call may.
const LOAD_TIME: Duration = Duration::from_secs(10);

/// A step and the component that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// The step's name: its plugin's, unless `policy.toml` gives another.
    #[serde(rename = "step")]
    pub name: String,
    /// The plugin's file name without `.wasm`.
    pub plugin: String,
    /// The version that the component carries, or an empty text.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// The public key of who signed it.
    #[serde(skip)]
    pub signer: Option<String>,
}

/// A step that can run.
pub(crate) struct Step {
    pub(crate) config: StepConfig,
    pub(crate) shared: Arc<Shared>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) conditions: Conditions,
    /// It asks the directory whose an address is.
    pub(crate) asks_owners: bool,
    pub(crate) meters: Meters,
    pub(crate) breakers: Breakers,
    accounts: Accounts,
    engine: Arc<Engine>,
    pre: InstancePre<State>,
    exports: Exports,
    idle: Idle,
    retired: AtomicBool,
    alive: Arc<AtomicUsize>,
    permits: Arc<Semaphore>,
}

/// The instances that a transaction keeps for its steps with `isolation = "transaction"`.
#[derive(Default)]
pub(crate) struct Held(Vec<(Arc<str>, Box<Instance>)>);

impl Step {
    pub(crate) fn new(
        config: StepConfig,
        shared: Arc<Shared>,
        (hooks, conditions, asks_owners): (Vec<Hook>, Conditions, bool),
        engine: Arc<Engine>,
        pre: InstancePre<State>,
        exports: Exports,
    ) -> Self {
        let instances = usize::try_from(config.limits.instances).unwrap_or(1);
        let permits = Arc::new(Semaphore::new(instances.clamp(1, engine.share())));
        Self {
            config,
            shared,
            hooks,
            conditions,
            asks_owners,
            meters: Meters::new(),
            breakers: Breakers::default(),
            accounts: Accounts::default(),
            engine,
            pre,
            exports,
            idle: Idle::new(),
            retired: AtomicBool::new(false),
            alive: Arc::new(AtomicUsize::new(0)),
            permits,
        }
    }

    /// Asks the plugin. The answer is checked, counted and timed; a failure of whatever kind is a fault.
    pub(crate) async fn call(
        &self,
        context: Context,
        held: Option<&mut Held>,
        ask: &Ask<'_>,
    ) -> (Said, Duration) {
        let begun = Instant::now();
        let domain = context.domain.clone();
        // What an enforcing step would say to a trial is no business of its figures.
        let counted = !context.trial || self.config.mode == Mode::Shadow;
        if counted && self.breakers.of(ask.hook()).admit(begun) == Admission::Open {
            self.count(ask.hook(), Err(&Fault::Broken), Duration::ZERO);
            return (failed(Fault::Broken), Duration::ZERO);
        }
        let said = self.within_deadline(context, held, ask, begun).await;
        let took = begun.elapsed();
        if counted {
            if let Some(domain) = &domain {
                let failed = said.answer.is_err();
                self.accounts
                    .count(&self.shared.name, ask.hook(), domain, failed, took);
            }
            let outcome = said.answer.as_ref().map(crate::answer::Answer::word);
            self.count(ask.hook(), outcome, took);
            match &said.answer {
                Ok(_) => self.answered(ask.hook()),
                Err(fault) => self.faulted(ask.hook(), fault),
            }
        }
        (said, took)
    }

    fn count(&self, hook: Hook, outcome: Result<&'static str, &Fault>, took: Duration) {
        let (name, digest) = (&self.shared.name, &self.shared.info.digest);
        self.meters.count(name, digest, hook, outcome, took);
    }

    /// An answer turned out to be a fault.
    pub(crate) fn objected(&self, hook: Hook, fault: &Fault) {
        let (name, digest) = (&self.shared.name, &self.shared.info.digest);
        self.meters.failed(name, digest, hook, fault);
        self.faulted(hook, fault);
    }

    fn answered(&self, hook: Hook) {
        if self.breakers.of(hook).well() {
            tracing::info!(
                step = &*self.shared.name,
                %hook,
                "a policy step is well again: its breaker closed"
            );
            self.show_breaker(hook, 0.0);
        }
    }

    fn faulted(&self, hook: Hook, fault: &Fault) {
        if fault.is_its_own() && self.breakers.of(hook).failed(Instant::now()) {
            tracing::error!(step = &*self.shared.name, %hook, digest = self.shared.info.digest, %fault, "a policy step keeps failing: its breaker opened, its on-error decides in its place");
            counter!("waxwing_plugin_breaker_openings_total", "plugin" => self.shared.name.to_string(), "hook" => hook.as_str())
                .increment(1);
            self.show_breaker(hook, 1.0);
        }
    }

    fn show_breaker(&self, hook: Hook, open: f64) {
        gauge!("waxwing_plugin_breaker_open", "plugin" => self.shared.name.to_string(), "hook" => hook.as_str())
            .set(open);
    }

    /// The step serves no longer: the instances that wait for calls go, and those that come back.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        self.idle.clear();
    }

    /// It serves, again perhaps.
    pub(crate) fn revive(&self) {
        self.retired.store(false, Ordering::Relaxed);
    }

    async fn within_deadline(
        &self,
        context: Context,
        mut held: Option<&mut Held>,
        ask: &Ask<'_>,
        begun: Instant,
    ) -> Said {
        let allowed = self.config.limits.deadline + grace(ask.hook());
        let deadline = tokio::time::Instant::from_std(begun + allowed);
        let mut instance = match self.waiting(held.as_deref_mut()) {
            Some(instance) => instance,
            None => match timeout_at(deadline, self.fresh(self.shared.clone(), begun)).await {
                Ok(Ok(instance)) => instance,
                Ok(Err(fault)) => return failed(fault),
                Err(_) => return failed(Fault::Overload),
            },
        };
        let _running = self.engine.running();
        let said = {
            // Pinned where it is made: what a call holds is too large to be moved about.
            let call = pin!(instance.ask(context, ask, begun));
            // Epochs interrupt what computes; this interrupts what waits. Either way the instance is not used again.
            timeout_at(deadline, call).await
        };
        let Ok(said) = said else {
            return failed(instance.given_up(Fault::Deadline));
        };
        self.give_back(instance, held);
        said
    }

    /// An instance that waits for a call.
    fn waiting(&self, held: Option<&mut Held>) -> Option<Box<Instance>> {
        match self.config.isolation {
            Isolation::Call => None,
            Isolation::Transaction => held.and_then(|held| held.take(&self.shared.name)),
            Isolation::Pooled => self.idle.take(),
        }
    }

    /// A fresh instance that has been initialised.
    async fn fresh(&self, shared: Arc<Shared>, now: Instant) -> Result<Box<Instance>, Fault> {
        let mut instance = self.bare(shared).await?;
        let _running = self.engine.running();
        instance.init(now).await?;
        Ok(instance)
    }

    async fn bare(&self, shared: Arc<Shared>) -> Result<Box<Instance>, Fault> {
        let own = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Fault::Overload)?;
        let of_all = self
            .engine
            .permits()
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Fault::Overload)?;
        let _running = self.engine.running();
        let calls = match self.config.isolation {
            // `init` counts as a call.
            Isolation::Pooled => rand::rng().random_range(REUSE) + 1,
            Isolation::Call | Isolation::Transaction => u32::MAX,
        };
        Instance::new(
            &self.pre,
            &self.exports,
            shared,
            [own, of_all],
            Alive::new(&self.alive),
            calls,
        )
        .await
        .map(Box::new)
    }

    /// How long a fresh instance takes to be made and initialised.
    pub(crate) async fn time_fresh(&self) -> Result<Duration, Fault> {
        let begun = Instant::now();
        drop(self.fresh(self.shared.clone(), begun).await?);
        Ok(begun.elapsed())
    }

    /// What the plugin itself has against its settings: JSON Pointers and texts.
    pub(crate) async fn validate(&self) -> Result<Vec<(String, String)>, Fault> {
        let mut instance = self.bare(self.shared.clone()).await?;
        let _running = self.engine.running();
        instance.validate(Instant::now()).await
    }

    fn give_back(&self, instance: Box<Instance>, held: Option<&mut Held>) {
        if instance.calls_left == 0 {
            return;
        }
        match self.config.isolation {
            Isolation::Call => {}
            Isolation::Transaction => {
                if let Some(held) = held {
                    held.0.push((self.shared.name.clone(), instance));
                }
            }
            Isolation::Pooled => self.idle.give_back(instance, || {
                self.engine.is_crowded() || self.retired.load(Ordering::Relaxed)
            }),
        }
    }

    /// Before the step goes live: its settings are checked, it tests itself with `stub` in place of the server's
    /// services, and an instance is made ready. Problems are pairs of a JSON Pointer into the settings and a text.
    pub(crate) async fn prepare(
        &self,
        stub: Arc<Shared>,
    ) -> Result<(), Vec<(Option<String>, String)>> {
        match timeout(LOAD_TIME, self.check(stub)).await {
            Ok(checked) => checked,
            Err(_) => Err(vec![(
                None,
                format!("was not ready after {} s", LOAD_TIME.as_secs()),
            )]),
        }
    }

    async fn check(&self, stub: Arc<Shared>) -> Result<(), Vec<(Option<String>, String)>> {
        let alone = |fault: Fault, what: &str| vec![(None, format!("{what}: {fault}"))];
        // What the stub's instance compiles is there for the real one.
        let mut instance = self
            .bare(stub.clone())
            .await
            .map_err(|fault| alone(fault, "cannot be instantiated"))?;
        let _running = self.engine.running();
        let problems = instance
            .validate(Instant::now())
            .await
            .map_err(|fault| alone(fault, "its settings-check failed"))?;
        if !problems.is_empty() {
            return Err(problems
                .into_iter()
                .map(|(pointer, text)| (Some(pointer), text))
                .collect());
        }
        instance
            .init(Instant::now())
            .await
            .map_err(|fault| alone(fault, "its init failed"))?;
        let failed = instance
            .self_test(Instant::now())
            .await
            .map_err(|fault| alone(fault, "its self-test failed"))?;
        if !failed.is_empty() {
            let cases = failed
                .into_iter()
                .map(|(name, detail)| (None, format!("its self-test `{name}` failed: {detail}")));
            return Err(cases.collect());
        }
        drop(instance);
        let ready = self
            .fresh(self.shared.clone(), Instant::now())
            .await
            .map_err(|fault| alone(fault, "its init failed"))?;
        self.give_back(ready, None);
        Ok(())
    }

    pub(crate) fn component(&self) -> &wasmtime::component::Component {
        self.pre.component()
    }

    /// For listings.
    pub(crate) fn status(&self) -> StepStatus {
        let info = &self.shared.info;
        StepStatus {
            name: info.name.clone(),
            plugin: info.plugin.clone(),
            version: info.version.clone(),
            digest: info.digest.clone(),
            signer: info.signer.clone(),
            hooks: self.hooks.iter().map(|hook| hook.as_str()).collect(),
            grants: self
                .config
                .grants
                .iter()
                .map(|grant| grant.as_str())
                .collect(),
            isolation: self.config.isolation.as_str(),
            on_error: self.config.on_error.as_str(),
            mode: self.config.mode.as_str(),
            percent: match self.config.mode {
                Mode::Canary(percent) => Some(percent),
                Mode::Enforce | Mode::Shadow => None,
            },
            replaces: self.config.replaces.clone(),
            breaker: self
                .breakers
                .broken()
                .next()
                .map_or(Position::Closed, |(_, position)| position)
                .as_str(),
            broken_hooks: self
                .breakers
                .broken()
                .map(|(hook, _)| hook.as_str())
                .collect(),
            calls: self.meters.calls(),
            faults: self.meters.faults(),
            faults_in_a_row: self.meters.in_a_row(),
            last_fault: self.meters.last_fault(),
            microseconds: self.meters.microseconds(),
            cost: self.meters.costs(),
            domains: self.accounts.dearest(),
            instances: self.alive.load(Ordering::Relaxed),
        }
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Step")
            .field("info", &self.shared.info)
            .field("hooks", &self.hooks)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(step, _)| step))
            .finish()
    }
}

impl Held {
    /// What a step holds, apart from the rest.
    pub(crate) fn of(&mut self, step: &str) -> Self {
        Self(
            self.take(step)
                .map(|instance| (step.into(), instance))
                .into_iter()
                .collect(),
        )
    }

    /// Takes back what was apart.
    pub(crate) fn give_back(&mut self, apart: Self) {
        self.0.extend(apart.0);
    }

    fn take(&mut self, step: &str) -> Option<Box<Instance>> {
        let place = self.0.iter().position(|(name, _)| &**name == step)?;
        Some(self.0.swap_remove(place).1)
    }
}

/// What a call may take beyond its `deadline-ms`: where passwords are verified, waiting for a turn at it is the server's doing, not the
/// plugin's.
fn grace(hook: Hook) -> Duration {
    match hook {
        Hook::Authenticate => Duration::from_secs(20),
        _ => Duration::ZERO,
    }
}

fn failed(fault: Fault) -> Said {
    Said {
        answer: Err(fault),
        effects: Effects::default(),
        host_calls: 0,
        memory: 0,
    }
}
