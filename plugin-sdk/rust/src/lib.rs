//! Write Waxwing plugins in Rust.
//!
//! A plugin is a type that implements [`Plugin`] (what its settings are, how it is made of them) and one trait for each
//! hook that it answers ([`hook`]), and one line that exports it:
//!
//! ```
//! use waxwing_plugin::prelude::*;
//!
//! #[derive(Debug, Deserialize)]
//! #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
//! struct Settings {
//!     word: String,
//! }
//!
//! impl Default for Settings {
//!     fn default() -> Self {
//!         Self { word: "casino".to_owned() }
//!     }
//! }
//!
//! struct Words(Settings);
//!
//! impl Plugin for Words {
//!     type Settings = Settings;
//!     fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
//!         Ok(Self(settings))
//!     }
//! }
//!
//! impl OnMessage for Words {
//!     fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError> {
//!         if call.message.subject().to_lowercase().contains(&self.0.word) {
//!             findings::add("WORDS", 2.0, &[call.message.subject()])?;
//!         }
//!         Ok(MessageDecision::Pass)
//!     }
//! }
//!
//! waxwing_plugin::export!(Words: message);
//! # fn main() {}
//! ```
//!
//! Build it with `waxwing-plugin-build`; name it in `policy.toml`. Host calls are the modules of [`host`]: free functions
//! (`kv::get`), and methods of what a hook is handed. Importing one takes a grant in `policy.toml`, and only what is
//! called is imported.
//!
//! There is no clock, no random, no file and no socket but through [`host::runtime`]: a call of a plugin can be repeated
//! from its record. A panic ends the instance, is written to the log with its message, and counts as a failure of the
//! step.
//!
//! Built natively, the crate is its own test kit: [`host`] is then a pretended server ([`testing`]), so a plugin's hooks
//! run in plain `cargo test`, driven by cases kept as data.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

// Generated code names this crate from outside and from inside by the same path.
extern crate self as waxwing_plugin;

#[doc(hidden)]
pub mod bindings;
mod convert;
mod export;
pub mod hook;
pub mod host;
#[cfg(target_family = "wasm")]
mod memory;
mod plugin;
pub mod prelude;
pub mod settings;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod tokens;

pub use plugin::{Instance, Plugin, SelfTest};

#[doc(hidden)]
pub use export::Component;
#[doc(hidden)]
pub use wit_bindgen::rt;
