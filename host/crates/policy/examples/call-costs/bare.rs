//! Wasmtime without anything around it: one engine, one component, its functions called as an embedder would.

use std::time::Duration;

use wasmtime::component::{
    Component, ComponentType, InstancePre, Lift, Linker, Resource, ResourceType, TypedFunc,
};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store,
};

use crate::timed;

/// Never: no tick comes.
const NO_DEADLINE: u64 = u64::MAX / 2;

/// What stands for a connection.
struct Connection;

/// `types.smtp-reply` of the contract.
#[expect(
    dead_code,
    reason = "what is said is lifted, whether anybody looks at it or not"
)]
#[derive(ComponentType, Lift)]
#[component(record)]
struct SmtpReply {
    code: u16,
    enhanced: Option<(u8, u16, u16)>,
    text: String,
}

/// `types.decision`.
#[expect(
    dead_code,
    reason = "what is said is lifted, whether anybody looks at it or not"
)]
#[derive(ComponentType, Lift)]
#[component(variant)]
enum Decision {
    #[component(name = "pass")]
    Pass,
    #[component(name = "accept")]
    Accept,
    #[component(name = "defer")]
    Defer(SmtpReply),
    #[component(name = "reject")]
    Reject(SmtpReply),
    #[component(name = "disconnect")]
    Disconnect(SmtpReply),
}

/// `types.hook-error`.
#[expect(
    dead_code,
    reason = "what is said is lifted, whether anybody looks at it or not"
)]
#[derive(ComponentType, Lift)]
#[component(variant)]
enum HookError {
    #[component(name = "unavailable")]
    Unavailable(String),
    #[component(name = "internal")]
    Internal(String),
}

type OnConnect = TypedFunc<(Resource<Connection>,), (Result<Decision, HookError>,)>;

/// A component that is linked.
pub(crate) struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
}

/// An instance of it, and its hook.
pub(crate) struct Ready {
    store: Store<()>,
    on_connect: OnConnect,
}

impl Bare {
    /// Links a component to `connection.age-ms` and to nothing else.
    pub(crate) fn new(octets: &[u8]) -> Self {
        let engine = Engine::new(&config()).expect("an engine");
        let component = Component::new(&engine, octets).expect("a component");
        let mut linker = Linker::new(&engine);
        let mut session = linker
            .instance("waxwing:policy/session@0.1.0")
            .expect("a name");
        session
            .resource("connection", ResourceType::host::<Connection>(), |_, _| {
                Ok(())
            })
            .expect("a resource");
        session
            .func_wrap(
                "[method]connection.age-ms",
                |_, (_,): (Resource<Connection>,)| Ok((7_u64,)),
            )
            .expect("a function");
        linker
            .define_unknown_imports_as_traps(&component)
            .expect("the other imports");
        let pre = linker
            .instantiate_pre(&component)
            .expect("a linked component");
        Self { engine, pre }
    }

    /// An instance to be called.
    pub(crate) async fn instance(&self) -> Ready {
        let mut store = self.store();
        let instance = self
            .pre
            .instantiate_async(&mut store)
            .await
            .expect("an instance");
        let interface = instance
            .get_export_index(&mut store, None, "waxwing:policy/hook-connect@0.1.0")
            .expect("the hook");
        let function = instance
            .get_export_index(&mut store, Some(&interface), "on-connect")
            .expect("its function");
        let on_connect = instance
            .get_typed_func(&mut store, function)
            .expect("its type");
        Ready { store, on_connect }
    }

    /// How long it takes to make an instance and to let go of it.
    pub(crate) async fn instances(&self, count: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let made = async {
                let mut store = self.store();
                self.pre
                    .instantiate_async(&mut store)
                    .await
                    .expect("an instance");
            };
            times.push(timed(made).await.1);
        }
        times
    }

    fn store(&self) -> Store<()> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(NO_DEADLINE);
        store
    }
}

impl Ready {
    /// How long calls take.
    pub(crate) async fn calls(&mut self, count: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let call = self
                .on_connect
                .call_async(&mut self.store, (Resource::new_borrow(1),));
            let ((decision,), took) = {
                let (said, took) = timed(call).await;
                (said.expect("an answer"), took)
            };
            assert!(matches!(decision, Ok(Decision::Pass)), "the plugin passes");
            times.push(took);
        }
        times
    }
}

/// What decides about speed in the policy's own engine (`src/engine.rs`), with the same values.
fn config() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(4 << 10);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .gc_support(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
