//! Which messages can hold a text, known without reading them.
//!
//! A [`Pack`] knows of some hundred messages which trigrams, three octets in a row, are in their texts. A text can only be in a message that
//! has all of its trigrams; so a pack says of most messages that a search can leave them out, and of the others that they have to be
//! read. It never decides that a text is there, and what it does not know of, it does not leave out: a search finds the same with packs,
//! with some of them, and with none.
//!
//! The caller says what the texts of a message are, folds them, and folds what it looks for in the same way.
//!
//! Invariants: a message that holds a text is never among those that [`sift`] leaves out; any octets are read as a pack or refused, in
//! bounded memory; a pack whose octets changed is refused; packs are bounded ([`MAX_MESSAGES`], [`Pack::is_full`]).
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

mod codec;
mod grams;
mod needles;
mod pack;
mod places;
mod sift;

pub use codec::{Damaged, FORMAT};
pub use grams::Grams;
pub use needles::Needles;
pub use pack::{MAX_MESSAGES, Pack};
pub use sift::sift;
