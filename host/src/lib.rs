//! Waxwing: a mail server whose policy is plugins. This crate wires the others together: it opens the sockets, speaks
//! TLS, drives the sessions and answers their asks from policy and store.
//!
//! Invariants: nothing else opens sockets; nothing here decides what policy may decide; a message's 250 follows the
//! store's fsync; a part is handed what it needs (there is no global state but the recorder of `metrics`).
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

mod acme;
mod admin;
mod answer;
mod budget;
pub mod cli;
pub mod config;
mod descriptors;
mod dial;
mod discovery;
mod dns;
mod drive;
mod fetch;
mod flow;
mod http;
mod indexing;
mod keys;
mod listen;
mod moving;
mod oauth;
mod origin;
mod outgoing;
mod pressure;
mod publish;
mod rates;
mod recent;
mod reports;
mod running;
mod services;
mod sessions;
mod shutdown;
mod signing;
mod telemetry;
mod tls;
mod transport;
mod turn;
mod web;
mod webmail;
mod wiring;

pub use config::Config;
pub use dns::Error as DnsError;
pub use listen::{Bound, ListenError};
pub use running::{Running, StartError, run};
pub use tls::TlsError;
