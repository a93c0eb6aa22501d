//! The WebAssembly engine: one a process, its limits, and the clock that interrupts guests.
//!
//! Invariants: nothing of WebAssembly that plugins do not need is switched on (no component-model async, no garbage
//! collection, no threads, no exceptions, no 64-bit memories); a guest that runs is interrupted within [`REST`] of its limit; an idle
//! server has no ticks; the pool has room for as many instances as there are permits, however many parts each is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::{
    Config, Enabled, EngineWeak, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use crate::policy::StartError;

/// How often a running guest is looked at.
pub(crate) const TICK: Duration = Duration::from_millis(2);
/// How often it is looked whether one runs. Calls are hundreds of times shorter, so most are never seen, and each look costs a processor its sleep.
const REST: Duration = Duration::from_millis(8);
/// The largest memory that a step can be given.
pub(crate) const MAX_MEMORY: usize = 256 << 20;
/// Instances of core modules in an instance. One of Rust has 3, one of JavaScript 11, one of Python 30.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;
/// Memories in an instance: one, and one for each component inside that stands in for WASI.
pub(crate) const MAX_MEMORIES: u32 = 4;
/// Tables in an instance, and elements in a table. Python's has about 6,000.
pub(crate) const MAX_TABLES: u32 = 4;
pub(crate) const MAX_TABLE_ELEMENTS: usize = 20_000;

/// The engine and what all instances share.
pub(crate) struct Engine {
    wasm: wasmtime::Engine,
    activity: Arc<Activity>,
    /// One permit an instance: an exhausted pool is a wait, not an error.
    permits: Arc<Semaphore>,
    instances: usize,
}

impl Engine {
    /// An engine for at most `instances` instances at once.
    pub(crate) fn new(instances: u32) -> Result<Self, StartError> {
        let instances = instances.clamp(8, 4000);
        let wasm = match wasmtime::Engine::new(&config(Some(instances))) {
            Ok(engine) => engine,
            Err(error) => {
                // A pool reserves gigabytes of address space an instance; some machines and containers do not grant it.
                tracing::warn!(%error, "no address space for a pool of plugin instances: each is allocated when it is needed, which is slower");
                wasmtime::Engine::new(&config(None))
                    .map_err(|error| StartError::Engine(format!("{error:#}")))?
            }
        };
        let activity = Arc::new(Activity::default());
        start_ticker(wasm.weak(), &activity)?;
        let instances = usize::try_from(instances).unwrap_or(1);
        Ok(Self {
            wasm,
            activity,
            permits: Arc::new(Semaphore::new(instances)),
            instances,
        })
    }

    pub(crate) fn wasm(&self) -> &wasmtime::Engine {
        &self.wasm
    }

    /// The most that one step may have of all instances: some are left for the others, whatever it does.
    pub(crate) fn share(&self) -> usize {
        (self.instances - self.instances / 4).max(1)
    }

    /// Whether so many instances are alive that none should wait for a call: where there are more steps than instances, those that wait for
    /// some would keep the others from having any.
    pub(crate) fn is_crowded(&self) -> bool {
        self.permits.available_permits() < self.instances / 4
    }

    pub(crate) fn permits(&self) -> &Arc<Semaphore> {
        &self.permits
    }

    /// Ticks happen while the guard lives.
    pub(crate) fn running(&self) -> Running<'_> {
        self.activity.begin();
        Running(&self.activity)
    }
}

/// An engine that compiles what the others run.
pub(crate) fn for_compilation() -> wasmtime::Result<wasmtime::Engine> {
    wasmtime::Engine::new(&config(None))
}

/// A guest is running.
pub(crate) struct Running<'a>(&'a Activity);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many guests run, and whether the ticker sleeps for want of them.
#[derive(Default)]
struct Activity {
    running: AtomicUsize,
    parked: AtomicBool,
    ticker: std::sync::OnceLock<Thread>,
}

impl Activity {
    fn begin(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
        // Either this load sees that the ticker is about to park, or its load of `running` sees this guest.
        if self.parked.load(Ordering::SeqCst)
            && let Some(ticker) = self.ticker.get()
        {
            ticker.unpark();
        }
    }
}

/// Looks without a guest after which the ticker parks.
const IDLE_LOOKS: u32 = 12;

fn start_ticker(engine: EngineWeak, activity: &Arc<Activity>) -> Result<(), StartError> {
    let shared = activity.clone();
    let thread = std::thread::Builder::new()
        .name("policy-ticker".into())
        .spawn(move || tick(&engine, &shared))
        .map_err(|error| StartError::Engine(error.to_string()))?;
    let _first = activity.ticker.set(thread.thread().clone());
    Ok(())
}

fn tick(engine: &EngineWeak, activity: &Activity) {
    let mut idle = 0;
    while let Some(engine) = engine.upgrade() {
        engine.increment_epoch();
        drop(engine);
        if activity.running.load(Ordering::SeqCst) > 0 {
            idle = 0;
            std::thread::sleep(TICK);
            continue;
        }
        idle += 1;
        if idle < IDLE_LOOKS {
            std::thread::sleep(REST);
            continue;
        }
        activity.parked.store(true, Ordering::SeqCst);
        if activity.running.load(Ordering::SeqCst) == 0 {
            // Not for ever: the engine may be dropped without a guest having run.
            std::thread::park_timeout(Duration::from_secs(1));
        }
        activity.parked.store(false, Ordering::SeqCst);
    }
}

/// The configuration, with a pool of so many instances or without one.
fn config(pool: Option<u32>) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .gc_support(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        // A call from one component inside a plugin to another sees the memories of both; no module can define two.
        .wasm_multi_memory(true)
        .wasm_stack_switching(false)
        // The same bits from the same input, so that a call can be repeated from its record.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .cranelift_opt_level(OptLevel::Speed)
        .parallel_compilation(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .memory_init_cow(true);
    if let Some(instances) = pool {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(instances)
            // Totals cost address space, or nothing but a count; memory is spent by what is used.
            .total_core_instances(instances.saturating_mul(MAX_CORE_INSTANCES))
            .max_core_instances_per_component(MAX_CORE_INSTANCES)
            .total_memories(instances.saturating_mul(MAX_MEMORIES))
            .max_memories_per_component(MAX_MEMORIES)
            .total_tables(instances.saturating_mul(MAX_TABLES))
            .max_tables_per_component(MAX_TABLES)
            .total_stacks(instances)
            .max_memory_size(MAX_MEMORY)
            .table_elements(MAX_TABLE_ELEMENTS)
            .max_unused_warm_slots(32)
            // What an instance wrote is found and written over where it lies: mapping it anew costs the next instance a page fault for each page.
            .pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(256 << 10)
            .table_keep_resident(4 << 10);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}
