//! The instances of a step that wait for calls, each where it ran last.
//!
//! What an instance computes with lies in the caches of the processor that ran it. One that served on another processor is taken only if none
//! waits here: fetching its memory, stack and tables from over there costs more than a short call does.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::instance::Instance;

/// Idle instances that a step keeps, of all processors; each may keep one.
const MAX_IDLE: usize = 8;

/// Instances of one processor, the one used last at the end; boxed, since an instance is large and goes from hand to hand with each call.
type Shard = Vec<Box<Instance>>;

/// The instances that wait.
pub(crate) struct Idle {
    shards: Box<[Mutex<Shard>]>,
}

impl Idle {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            shards: (0..processors).map(|_| Mutex::default()).collect(),
        }
    }

    /// One of them: the one that ran last, here if there is one.
    pub(crate) fn take(&self) -> Option<Box<Instance>> {
        let here = self.here();
        let (before, from_here) = self.shards.split_at(here);
        let shards = from_here.iter().chain(before);
        let mut waiting = shards.map(|shard| lock(shard).pop());
        waiting.find_map(|instance| instance)
    }

    /// Takes one back, unless enough wait or `unwanted` says that none is to; asked while the place is locked, so that none comes in behind
    /// [`Self::clear`].
    pub(crate) fn give_back(&self, instance: Box<Instance>, unwanted: impl FnOnce() -> bool) {
        let Some(shard) = self.shards.get(self.here()) else {
            return;
        };
        let mut shard = lock(shard);
        let most = (MAX_IDLE / self.shards.len()).max(1);
        if shard.len() < most && !unwanted() {
            shard.push(instance);
        }
    }

    /// Lets all of them go.
    pub(crate) fn clear(&self) {
        self.shards.iter().for_each(|shard| lock(shard).clear());
    }

    /// The place of the processor that this runs on.
    fn here(&self) -> usize {
        #[expect(unsafe_code, reason = "libc has no safe form of sched_getcpu")]
        // SAFETY: it takes nothing and touches no memory of ours.
        let processor = unsafe { libc::sched_getcpu() };
        // Where the kernel does not say, all have one place.
        usize::try_from(processor).unwrap_or(0) % self.shards.len().max(1)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
