//! The harness of the end-to-end tests: the real `waxwing` binary on ports of its own, and small blocking clients.
//!
//! Invariants: no sleep (what has to happen is waited for, with a deadline), no fixed port, no file outside the server's own temporary
//! folder; a server ends with the value that stands for it, whatever the test does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness fails the test that uses it by panicking"
)]

pub mod admin;
pub mod answers;
pub mod authority;
pub mod client;
pub mod corpus;
pub mod daemons;
pub mod database;
pub mod fuzz;
pub mod live;
pub mod names;
pub mod pages;
pub mod pebble;
pub mod peer;
pub mod place;
pub mod process;
pub mod push_client;
pub mod server;
pub mod setup;
pub mod updates;
pub mod wait;

pub use server::{Listener, Server};
pub use setup::{Policy, Setup};
