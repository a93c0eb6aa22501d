//! `mailbox-events`.

use super::super::world::{EventFacts, world};
use super::session::protocol;
use crate::host::types::Protocol;

/// The events of the world.
#[derive(Debug)]
pub struct Batch(pub(in crate::testing) ());

/// One of them.
#[derive(Debug)]
pub struct Event(EventFacts);

#[expect(
    missing_docs,
    reason = "documented in plugin-sdk/wit/mailbox-events.wit"
)]
impl Batch {
    pub fn count(&self) -> u32 {
        world(|world| u32::try_from(world.events.len()).unwrap_or(u32::MAX))
    }
    pub fn event(&self, index: u32) -> Option<Event> {
        world(|world| world.events.get(index as usize).cloned().map(Event))
    }
}

#[expect(
    missing_docs,
    reason = "documented in plugin-sdk/wit/mailbox-events.wit"
)]
impl Event {
    pub fn kind(&self) -> String {
        self.0.kind.clone()
    }
    pub fn unix_ms(&self) -> u64 {
        world(|world| world.now_ms)
    }
    pub fn account(&self) -> String {
        self.0.account.clone()
    }
    pub fn protocol(&self) -> Protocol {
        protocol(&self.0.protocol)
    }
    pub fn session(&self) -> String {
        "session-1".to_owned()
    }
    pub fn mailbox(&self) -> String {
        self.0.mailbox.clone()
    }
    pub fn source(&self) -> Option<String> {
        self.0.source.clone()
    }
    pub fn uids(&self) -> Vec<(u32, u32)> {
        self.0.uids.clone()
    }
    pub fn messages(&self) -> u64 {
        let count = |(first, last): &(u32, u32)| u64::from(last.saturating_sub(*first)) + 1;
        self.0.uids.iter().map(count).sum()
    }
    pub fn flag_operation(&self) -> String {
        self.0.flag_operation.clone()
    }
    pub fn flags(&self) -> Vec<String> {
        self.0.flags.clone()
    }
}
