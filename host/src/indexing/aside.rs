//! A thread for work that nobody waits for: it gets the processor time that nothing else wants.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::sync::oneshot;

/// The least claim to processor time there is (nice(2)).
const LEAST: i32 = 19;

type Work = Box<dyn FnOnce() + Send>;

/// The thread; it ends when this goes.
pub(super) struct Aside {
    work: Sender<Work>,
}

impl Aside {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no room for another thread.
    pub(super) fn start(name: &str) -> std::io::Result<Self> {
        let (work, todo) = channel::<Work>();
        let run = move || {
            // Of this thread alone: on Linux threads have niceness of their own. Without it the work is done as well, only less politely.
            if let Err(error) = rustix::process::setpriority_process(None, LEAST) {
                tracing::debug!(%error, "a thread in the background has the priority of all");
            }
            todo.into_iter().for_each(|work| work());
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { work })
    }

    /// Does work there; none if the thread has died of work before.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (done, result) = oneshot::channel();
        let work = move || {
            // Whoever asked may have gone.
            let _ = done.send(work());
        };
        self.work.send(Box::new(work)).ok()?;
        result.await.ok()
    }
}
