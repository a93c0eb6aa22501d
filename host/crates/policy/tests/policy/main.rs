//! The policy as the server sees it, with plugins that do what plugins may come to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod ahead;
mod bombs;
mod chaos;
mod clock;
mod component;
mod drift;
mod edits;
mod generations;
mod history;
mod hooks;
mod load;
mod manifest;
mod many;
mod misbehave;
mod note;
mod observe;
mod outbound;
mod reload;
mod score;
mod signed;
mod site;
mod strings;
mod swaps;
mod together;
mod trial;
