//! ARC: those who passed a message on, and what they saw of it.
//!
//! Standards: RFC 8617. Invariants: at most 50 sets; a chain is whole and holds, or fails; a chain that has failed gets no more sets.

mod chain;
mod seal;
mod verify;

pub use seal::{SealError, Sealer};
pub use verify::{ArcOutcome, verify};

/// RFC 8617 §4.2.1: an instance is 50 at most.
pub const MAX_SETS: u32 = 50;
