//! What `bindgen!` makes of the contract in `plugin-sdk/wit`: the one file of generated code.
//!
//! Every import is `async` and may trap: it runs through the seam of [`crate::call`].
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::needless_pass_by_value,
    clippy::large_futures,
    reason = "generated code"
)]

wasmtime::component::bindgen!({
    path: "../../../plugin-sdk/wit",
    world: "waxwing:policy/everything",
    imports: { default: async | trappable },
    exports: { default: async },
});
