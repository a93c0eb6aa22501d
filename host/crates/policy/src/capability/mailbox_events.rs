//! `mailbox-events`: what happened in mailboxes, one batch a call.
//!
//! An event's handle is its number and, in the upper half, the call that it was given in: of use in no other.

use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use crate::bindings::waxwing::policy::mailbox_events::{Batch, Event, Host, HostBatch, HostEvent};
use crate::bindings::waxwing::policy::types::Protocol;
use crate::facts::MailboxEvent;
use crate::fault::Fault;
use crate::state::{MAX_PART_HANDLES, State};

use super::types::from_protocol;

const MAX_RANGES: usize = 1000;

impl Host for State {}

impl HostBatch for State {
    fn count(&mut self, _: Resource<Batch>) -> Result<u32> {
        self.host_call("batch.count", (), |state, ()| {
            Ok(u32::try_from(state.events()?.len()).unwrap_or(u32::MAX))
        })
    }

    fn event(&mut self, _: Resource<Batch>, index: u32) -> Result<Option<Resource<Event>>> {
        self.host_call("batch.event", index, |state, index| {
            let known = usize::try_from(*index).is_ok_and(|at| {
                state
                    .context
                    .events
                    .as_ref()
                    .is_some_and(|events| at < events.len())
            });
            if !known || *index > u32::from(u16::MAX) {
                return Ok(None);
            }
            if state.parts_held >= MAX_PART_HANDLES {
                return state.stop(Fault::Limit("the number of handles of events"));
            }
            state.parts_held += 1;
            Ok(Some(Resource::new_own(u32::from(state.call) << 16 | index)))
        })
    }

    fn drop(&mut self, _: Resource<Batch>) -> Result<()> {
        Ok(())
    }
}

impl HostEvent for State {
    fn kind(&mut self, event: Resource<Event>) -> Result<String> {
        self.look("event.kind", &event, |event| event.change.kind().to_owned())
    }

    fn unix_ms(&mut self, event: Resource<Event>) -> Result<u64> {
        self.look("event.unix-ms", &event, |event| event.at)
    }

    fn account(&mut self, event: Resource<Event>) -> Result<String> {
        self.look("event.account", &event, |event| event.account.to_string())
    }

    fn protocol(&mut self, event: Resource<Event>) -> Result<Protocol> {
        self.look("event.protocol", &event, |event| {
            from_protocol(event.protocol)
        })
    }

    fn session(&mut self, event: Resource<Event>) -> Result<String> {
        self.look("event.session", &event, |event| event.session.clone())
    }

    fn mailbox(&mut self, event: Resource<Event>) -> Result<String> {
        self.look("event.mailbox", &event, |event| {
            event.change.mailbox().to_owned()
        })
    }

    fn source(&mut self, event: Resource<Event>) -> Result<Option<String>> {
        self.look("event.source", &event, |event| {
            event.change.source().map(str::to_owned)
        })
    }

    fn uids(&mut self, event: Resource<Event>) -> Result<Vec<(u32, u32)>> {
        self.look("event.uids", &event, |event| {
            let mut uids = event.change.uids();
            uids.truncate(MAX_RANGES);
            uids
        })
    }

    fn messages(&mut self, event: Resource<Event>) -> Result<u64> {
        self.look("event.messages", &event, |event| {
            let count = |(first, last): (u32, u32)| u64::from(last.saturating_sub(first)) + 1;
            event.change.uids().into_iter().map(count).sum()
        })
    }

    fn flag_operation(&mut self, event: Resource<Event>) -> Result<String> {
        self.look("event.flag-operation", &event, |event| {
            event.change.flag_operation().to_owned()
        })
    }

    fn flags(&mut self, event: Resource<Event>) -> Result<Vec<String>> {
        self.look("event.flags", &event, |event| event.change.flags().to_vec())
    }

    fn drop(&mut self, _: Resource<Event>) -> Result<()> {
        self.parts_held = self.parts_held.saturating_sub(1);
        Ok(())
    }
}

impl State {
    /// A getter of the event of a handle of this call.
    fn look<T: std::fmt::Debug>(
        &mut self,
        name: &'static str,
        event: &Resource<Event>,
        get: impl FnOnce(&MailboxEvent) -> T,
    ) -> Result<T> {
        self.host_call(name, event.rep(), |state, handle| {
            if handle >> 16 != u32::from(state.call) {
                bail!("an event's handle was kept over the end of its call");
            }
            let events = state.events()?;
            let event = usize::try_from(handle & 0xffff)
                .ok()
                .and_then(|at| events.get(at));
            event
                .map(get)
                .ok_or_else(|| wasmtime::format_err!("no such event"))
        })
    }
}
