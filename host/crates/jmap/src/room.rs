//! How much a response may hold. A few octets of a request can ask for much: each of a thousand emails whole, a header field under each of
//! its spellings.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::MethodError;

/// Octets of what methods put into a response, as they are counted for results that calls take from each other.
const MOST: usize = 32 << 20;

/// What may still be put into a response.
#[derive(Debug)]
pub(crate) struct Room(AtomicUsize);

impl Default for Room {
    fn default() -> Self {
        Self(AtomicUsize::new(MOST))
    }
}

impl Room {
    #[cfg(test)]
    pub(crate) fn of(octets: usize) -> Self {
        Self(AtomicUsize::new(octets))
    }

    /// Takes some of it.
    ///
    /// # Errors
    /// `requestTooLarge` where there is not so much left: fewer objects, or less of each, fit.
    pub(crate) fn take(&self, octets: usize) -> Result<(), MethodError> {
        let less = |left: usize| left.checked_sub(octets);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.map(|_| ()).map_err(|_| MethodError::RequestTooLarge)
    }
}
