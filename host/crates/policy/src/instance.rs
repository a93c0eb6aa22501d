//! One running plugin: its store, its functions, and how often it may still be used.
//!
//! Invariants: a store holds one instance; after a trap, a limit or a call that nobody waited for, it is thrown away; what it computes is
//! bounded by epochs, what it waits for by the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::InstancePre;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::answer::Answer;
use crate::fault::Fault;
use crate::guest::{Ask, Exports, Guest};
use crate::state::{Context, Effects, Shared, State};

/// Handles that an instance may hold at once, of all kinds.
const MAX_HANDLES: usize = 4096;

/// An instance. Owned by whoever calls it; dropped with its call if that is abandoned.
pub(crate) struct Instance {
    store: Store<State>,
    guest: Guest,
    /// Calls that it may still take.
    pub(crate) calls_left: u32,
    _alive: Alive,
    _permits: [OwnedSemaphorePermit; 2],
}

/// Counts the instances of a step that are alive.
pub(crate) struct Alive(Arc<AtomicUsize>);

impl Alive {
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a call came to.
pub(crate) struct Said {
    pub(crate) answer: Result<Answer, Fault>,
    pub(crate) effects: Effects,
    pub(crate) host_calls: u32,
    /// Octets of linear memory that the instance has.
    pub(crate) memory: usize,
}

impl Instance {
    /// A fresh instance, not yet initialised.
    pub(crate) async fn new(
        pre: &InstancePre<State>,
        exports: &Exports,
        shared: Arc<Shared>,
        permits: [OwnedSemaphorePermit; 2],
        alive: Alive,
        calls: u32,
    ) -> Result<Self, Fault> {
        let output = shared.limits.output;
        let mut store = Store::new(pre.engine(), State::new(shared));
        store.limiter(|state| state);
        store.set_hostcall_fuel(output);
        store.set_max_component_handles(MAX_HANDLES);
        store.epoch_deadline_callback(|mut store| {
            let state = store.data_mut();
            let Some(left) = state.budget.ticks_left.checked_sub(1) else {
                state.stopped = Some(Fault::Cpu);
                return Ok(UpdateDeadline::Interrupt);
            };
            state.budget.ticks_left = left;
            // Others run while this one computes.
            Ok(UpdateDeadline::Yield(1))
        });
        store.set_epoch_deadline(1);
        let made = match pre.instantiate_async(&mut store).await {
            Ok(instance) => exports.load(&mut store, &instance),
            Err(error) => Err(error),
        };
        match made {
            Ok(guest) => Ok(Self {
                store,
                guest,
                calls_left: calls,
                _alive: alive,
                _permits: permits,
            }),
            Err(error) => Err(Fault::Init(fault(&mut store, &error).to_string())),
        }
    }

    /// Calls `lifecycle.init` with the step's settings.
    pub(crate) async fn init(&mut self, now: Instant) -> Result<(), Fault> {
        self.begin(Context::default(), None, now);
        let settings = self.store.data().shared.settings.clone();
        let said = self.guest.init(&mut self.store, &settings).await;
        self.finish(said)?.map_err(Fault::Init)
    }

    /// Calls `settings-check.validate`: what is wrong, as pointers and texts.
    pub(crate) async fn validate(&mut self, now: Instant) -> Result<Vec<(String, String)>, Fault> {
        self.begin(Context::default(), None, now);
        let settings = self.store.data().shared.settings.clone();
        let said = self.guest.validate(&mut self.store, &settings).await;
        self.finish(said)
    }

    /// Calls `self-test.run`: the cases that failed, and why.
    pub(crate) async fn self_test(&mut self, now: Instant) -> Result<Vec<(String, String)>, Fault> {
        self.begin(Context::default(), None, now);
        self.store.data_mut().self_testing = true;
        let said = self.guest.self_test(&mut self.store).await;
        self.store.data_mut().self_testing = false;
        self.finish(said)
    }

    /// Asks a hook.
    pub(crate) async fn ask(&mut self, context: Context, ask: &Ask<'_>, now: Instant) -> Said {
        self.begin(context, Some(ask.hook()), now);
        let said = self.guest.ask(&mut self.store, ask).await;
        let answer = match self.finish(said) {
            Ok(answer) => answer,
            Err(fault) => Err(fault),
        };
        let host_calls = self.store.data().budget.host_calls;
        let memory = self.store.data().memory;
        let effects = self.store.data_mut().end();
        Said {
            answer,
            effects,
            host_calls,
            memory,
        }
    }

    /// The fault of a call that nobody waits for any more, with what led to it.
    pub(crate) fn given_up(&self, fault: Fault) -> Fault {
        let state = self.store.data();
        state.trail.explain(fault, &state.shared.limits, None)
    }

    fn begin(&mut self, context: Context, hook: Option<crate::hook::Hook>, now: Instant) {
        self.store.data_mut().begin(context, hook, now);
        self.store.set_epoch_deadline(1);
        self.calls_left = self.calls_left.saturating_sub(1);
    }

    fn finish<T>(&mut self, said: wasmtime::Result<T>) -> Result<T, Fault> {
        said.map_err(|error| {
            // Whatever is left of the guest is not to be called again.
            self.calls_left = 0;
            fault(&mut self.store, &error)
        })
    }
}

/// What a trap is called: what the host knows of its cause goes before what the engine says.
fn fault(store: &mut Store<State>, error: &wasmtime::Error) -> Fault {
    let state = store.data_mut();
    let fault = state.stopped.take().unwrap_or_else(|| {
        Fault::Trap(match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        })
    });
    let trace = error.downcast_ref::<WasmBacktrace>();
    state.trail.explain(fault, &state.shared.limits, trace)
}
