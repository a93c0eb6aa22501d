//! How the server ends: stop accepting, let running transactions end, then cut.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Serving.
    Serving,
    /// No new connections; sessions end after their running transaction.
    Draining,
    /// What is left is cut.
    Stopping,
}

/// Tells everybody the phase.
#[derive(Debug)]
pub(crate) struct Shutdown(watch::Sender<Phase>);

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }

    /// A view of the phase.
    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.0.subscribe()
    }

    /// Goes on to a phase; it never goes back.
    pub(crate) fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|current| {
            let forward = *current != Phase::Stopping && *current != phase;
            if forward {
                *current = phase;
            }
            forward
        });
    }
}

/// Resolves when the server is no longer serving.
pub(crate) async fn draining(phase: &mut watch::Receiver<Phase>) {
    // A closed channel is the end as well.
    drop(phase.wait_for(|phase| *phase != Phase::Serving).await);
}

/// Resolves when what is left is cut.
pub(crate) async fn stopping(phase: &mut watch::Receiver<Phase>) {
    drop(phase.wait_for(|phase| *phase == Phase::Stopping).await);
}

/// Resolves at SIGTERM or SIGINT.
///
/// # Errors
/// The signals cannot be listened to.
pub(crate) async fn requested() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
