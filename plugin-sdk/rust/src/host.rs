//! What the host provides, one module per interface of the contract.
//!
//! In a plugin these are the calls of the server; in a native build they are answered by [`crate::testing`].
//! Every function and type is documented in `plugin-sdk/wit`.

/// Plain data that several interfaces share.
pub mod types {
    pub use crate::bindings::imports::types::*;
}

macro_rules! host_module {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub mod $name {
            #[cfg(target_family = "wasm")]
            pub use crate::bindings::imports::$name::*;
            #[cfg(not(target_family = "wasm"))]
            pub use crate::testing::host::$name::*;
        }
    };
}

host_module!(
    /// The connection.
    session
);
host_module!(
    /// The transaction.
    envelope
);
host_module!(
    /// What a client offered to prove who it is. Grant `credentials`.
    credentials
);
host_module!(
    /// Domains, accounts and aliases. Grant `directory`.
    directory
);
host_module!(
    /// What a plugin remembers. Grant `kv`.
    kv
);
host_module!(
    /// Named findings: why a message is good or bad, and how much.
    findings
);
host_module!(
    /// Changes to a message, and where a copy goes. Grant `actions`.
    actions
);
host_module!(
    /// Lines for the operator.
    log
);
host_module!(
    /// Figures of the plugin's own.
    metrics
);
host_module!(
    /// Time, chance, and where the plugin runs.
    runtime
);
host_module!(
    /// The content, and sets of regular expressions over it. Grant `message`.
    message
);

pub use actions::{DeliveryActions, MessageActions};
pub use credentials::Credentials;
pub use envelope::Envelope;
pub use message::{Message, Part, PatternSet};
pub use session::Connection;
