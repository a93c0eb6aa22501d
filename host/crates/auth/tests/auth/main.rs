//! The crate from outside, over zones of the tests' own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod dmarc;
mod reports;
mod rotation;
mod signatures;
mod signing;
mod spf;
mod transport;
mod whole;
mod zones;
