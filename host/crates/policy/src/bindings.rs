//! What `bindgen!` makes of the contract in `plugin-sdk/wit`: the one file of generated code.
//!
//! Getters are plain functions, since a call of one must cost as little as the fetch of a value. Only what waits for
//! the store is `async`: there the guest's fiber is suspended. Every import may trap.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../../../plugin-sdk/wit",
    world: "waxwing:policy/everything",
    imports: {
        "waxwing:policy/kv": async | trappable,
        "waxwing:policy/directory": async | trappable,
        "waxwing:policy/dns.look-up": async | trappable,
        "waxwing:policy/dnsbl.look-up": async | trappable,
        "waxwing:policy/http": async | trappable,
        "waxwing:policy/passwords": async | trappable,
        "waxwing:policy/vacation": async | trappable,
        "waxwing:policy/credentials.[method]credentials.verify": async | trappable,
        "waxwing:policy/actions.[method]message-actions.add-recipient": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});
