//! How many requests and uploads of an account are worked on at a time (RFC 8620 §2: maxConcurrentRequests, maxConcurrentUpload).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use waxwing_store::AccountId;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Request,
    Upload,
    /// A stream of events.
    Events,
    /// A WebSocket.
    Socket,
    /// An export.
    Export,
    /// An import of a file.
    Import,
    /// A push subscription whose code is on its way.
    Verification,
}

/// All that are worked on.
#[derive(Debug, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<(AccountId, Kind), u32>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Mutex<HashMap<(AccountId, Kind), u32>>>,
    key: (AccountId, Kind),
}

impl Turns {
    /// One more, if an account has fewer than `most`.
    pub(crate) fn take(&self, account: AccountId, kind: Kind, most: u32) -> Option<Turn> {
        let key = (account, kind);
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = turns.entry(key).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Turn {
            turns: Arc::clone(&self.0),
            key,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = turns.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                turns.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_by_account_and_given_back() {
        let turns = Turns::default();
        let take = |account| turns.take(AccountId(account), Kind::Upload, 2);
        let (first, _second) = (take(1), take(1));
        assert!(first.is_some() && take(1).is_none());
        assert!(take(2).is_some());
        assert!(turns.take(AccountId(1), Kind::Request, 1).is_some());
        drop(first);
        assert!(take(1).is_some());
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
