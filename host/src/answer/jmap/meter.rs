//! What comes over a connection that has become a WebSocket, counted before it is a message.
//!
//! What gathers the frames of a message says nothing until it is whole. So the octets are counted where they are read: those
//! of no whole message yet are of the budget of what clients send, and are known to be on their way.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::budget::{Budget, Memory, Reservation};

/// Octets of a control frame of a client's beside its content, of which it has 125 at most (RFC 6455 §5.2).
const FRAME: u64 = 6;

/// What has come of a message that is not whole.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<Option<Pending>>);

#[derive(Debug)]
struct Pending {
    budget: Arc<Budget>,
    client: IpAddr,
    memory: Reservation,
    /// Octets that the memory is for: as many as there have been together.
    reserved: u64,
    octets: u64,
    since: Option<Instant>,
    exhausted: bool,
}

impl Meter {
    /// The connection is a WebSocket from now on.
    pub(super) fn start(&self, budget: &Arc<Budget>, client: IpAddr) {
        *self.pending() = Some(Pending {
            budget: Arc::clone(budget),
            client,
            memory: Memory::of(budget, client),
            reserved: 0,
            octets: 0,
            since: None,
            exhausted: false,
        });
    }

    /// A message is whole. The memory that it took counts as used until what is returned is dropped.
    pub(super) fn whole(&self) -> Option<Reservation> {
        let mut pending = self.pending();
        let pending = pending.as_mut()?;
        // What has come of the next one with it is no more than is read at a time.
        (pending.octets, pending.reserved, pending.since) = (0, 0, None);
        let fresh = Memory::of(&pending.budget, pending.client);
        Some(std::mem::replace(&mut pending.memory, fresh))
    }

    /// A control frame, which may come amid a message (RFC 6455 §5.4), had a content of so many octets.
    pub(super) fn control(&self, content: usize) {
        if let Some(pending) = self.pending().as_mut() {
            let frame = FRAME + content as u64;
            pending.octets = pending.octets.saturating_sub(frame);
            if pending.octets == 0 {
                pending.since = None;
            }
        }
    }

    /// Since when a message is on its way.
    pub(super) fn since(&self) -> Option<Instant> {
        self.pending().as_ref()?.since
    }

    /// Whether there was no memory for a message.
    pub(super) fn is_exhausted(&self) -> bool {
        self.pending().as_ref().is_some_and(|known| known.exhausted)
    }

    fn came(&self, octets: u64) -> io::Result<()> {
        let mut pending = self.pending();
        let Some(pending) = pending.as_mut().filter(|_| octets > 0) else {
            return Ok(());
        };
        pending.octets += octets;
        pending.since.get_or_insert_with(Instant::now);
        let more = pending.octets.saturating_sub(pending.reserved);
        if !pending.memory.take(more) {
            pending.exhausted = true;
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        pending.reserved += more;
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, Option<Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection whose octets are counted.
pub(crate) struct Metered<S> {
    inner: S,
    meter: Arc<Meter>,
}

impl<S> Metered<S> {
    pub(crate) fn new(inner: S, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, into))?;
        let octets = into.filled().len().saturating_sub(before);
        Poll::Ready(self.meter.came(octets as u64))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_takes_memory_until_it_is() {
        let budget = Budget::new(1000);
        let client = IpAddr::from([192, 0, 2, 1]);
        let meter = Meter::default();
        meter.came(5000).unwrap();
        assert!(meter.since().is_none(), "it is no WebSocket yet");
        meter.start(&budget, client);
        meter.came(400).unwrap();
        // A ping comes amid it, and is not of it.
        meter.came(16).unwrap();
        meter.control(10);
        assert!(meter.since().is_some());
        assert_eq!(budget.used_percent(), 41);
        let held = meter.whole();
        assert!(meter.since().is_none());
        assert_eq!(budget.used_percent(), 41);
        drop(held);
        assert_eq!(budget.used_percent(), 0);
        // However many pings there are, they leave nothing behind.
        for _ in 0..1000 {
            meter.came(6).unwrap();
            meter.control(0);
        }
        assert!(meter.since().is_none() && budget.used_percent() == 0);
        meter.came(900).unwrap();
        assert!(meter.came(200).is_err() && meter.is_exhausted());
    }
}
