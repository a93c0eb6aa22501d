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

impl Kind {
    /// How many there may be of all accounts together. Exports and imports have a thread each while they last, and what is imported is on disk.
    const fn together(self) -> u32 {
        match self {
            Self::Export | Self::Import => 8,
            _ => u32::MAX,
        }
    }
}

/// Why there is no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The account has as many as it may.
    Account,
    /// All accounts together have.
    Server,
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
    /// One more, if an account has fewer than `most`, and the server room for it.
    pub(crate) fn take(&self, account: AccountId, kind: Kind, most: u32) -> Result<Turn, Full> {
        let key = (account, kind);
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = turns.get(&key).copied().unwrap_or(0);
        if count >= most {
            return Err(Full::Account);
        }
        if kind.together() < u32::MAX {
            let same = turns.iter().filter(|((_, one), _)| *one == kind);
            if same.map(|(_, count)| *count).sum::<u32>() >= kind.together() {
                return Err(Full::Server);
            }
        }
        turns.insert(key, count + 1);
        Ok(Turn {
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
        assert!(first.is_ok() && take(1).is_err());
        assert!(take(2).is_ok());
        assert!(turns.take(AccountId(1), Kind::Request, 1).is_ok());
        drop(first);
        assert!(take(1).is_ok());
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn exports_and_imports_are_few_on_the_server() {
        let turns = Turns::default();
        let take = |account, kind| turns.take(AccountId(account), kind, 1);
        let mut taken: Vec<Turn> = (0..8)
            .map(|account| take(account, Kind::Import).unwrap())
            .collect();
        assert_eq!(take(0, Kind::Import).unwrap_err(), Full::Account);
        assert_eq!(take(8, Kind::Import).unwrap_err(), Full::Server);
        assert!(take(8, Kind::Export).is_ok() && take(8, Kind::Request).is_ok());
        taken.pop();
        assert!(take(8, Kind::Import).is_ok());
    }
}
