//! The writer: one task that commits what many callers want written, together.
//!
//! It takes the jobs that wait, applies them in one transaction, commits once and answers all. A job that is refused
//! (no such mailbox) is refused before it changed anything and leaves its neighbours alone; a transaction that fails
//! (full disk) writes nothing and answers every job in it with the error.

pub(crate) mod accounts;
pub(crate) mod acl;
pub(crate) mod administration;
pub(crate) mod answers;
pub(crate) mod buffers;
pub(crate) mod copy;
pub(crate) mod credentials;
pub(crate) mod deliver;
pub(crate) mod departures;
pub(crate) mod domain_keys;
pub(crate) mod emails;
pub(crate) mod expunge;
pub(crate) mod flags;
pub(crate) mod heads;
pub(crate) mod images;
pub(crate) mod import;
pub(crate) mod kv;
pub(crate) mod lag;
pub(crate) mod mailbox_shapes;
pub(crate) mod mailboxes;
pub(crate) mod metadata;
pub(crate) mod outcome;
pub(crate) mod push_subscriptions;
pub(crate) mod queue;
pub(crate) mod records;
pub(crate) mod recovery;
pub(crate) mod references;
pub(crate) mod replace;
pub(crate) mod rosters;
pub(crate) mod sweep;
pub(crate) mod text_packs;
pub(crate) mod threads;
pub(crate) mod transaction;
pub(crate) mod uploads;
pub(crate) mod web_logins;

use std::collections::BTreeSet;
use std::fs::File;
use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::Checkpoint;
use crate::shared::Shared;
use crate::{AccountId, Error, LegId, Result, StoreConfig};
use lag::Lag;
use transaction::Transaction;

/// Jobs that may wait before callers have to.
const QUEUE: usize = 1024;
/// Jobs that tell of others that will come.
const SOME: usize = 4;
/// How often a transaction that lost against another host's is tried.
const ATTEMPTS: usize = 5;

/// Something to write.
pub(crate) trait Operation: Send + 'static {
    /// What the caller learns.
    type Output: Send + 'static;

    /// The accounts it changes; they are loaded (and on PostgreSQL locked, in order) before `apply`.
    fn accounts(&self) -> Vec<AccountId> {
        Vec::new()
    }

    /// The legs of the queue that it settles; they are looked up (and on PostgreSQL locked, in order) before `apply`.
    fn legs(&self) -> Vec<LegId> {
        Vec::new()
    }

    /// Content bytes it brings.
    fn weight(&self) -> usize {
        0
    }

    /// Whether nobody is the worse off for it if it fails.
    fn is_dispensable(&self) -> bool {
        false
    }

    /// Makes the change. Called again when the transaction is tried again. Errors of the request are returned before
    /// anything is changed; errors of the database end the transaction.
    fn apply(
        &mut self,
        transaction: &mut Transaction,
    ) -> impl Future<Output = Result<Self::Output>> + Send;

    /// Learns how it ended; `unknown` if the commit may have been made in spite of the error.
    fn settle(&mut self, _outcome: Result<(), &Error>, _unknown: bool) {}
}

/// An [`Operation`] with its caller, of any type.
trait Job: Send {
    fn accounts(&self) -> Vec<AccountId>;
    fn legs(&self) -> Vec<LegId>;
    fn weight(&self) -> usize;
    fn is_dispensable(&self) -> bool;
    fn apply<'a>(&'a mut self, transaction: &'a mut Transaction) -> BoxFuture<'a, Result<()>>;
    fn finish(self: Box<Self>, committed: Result<(), &Error>, unknown: bool);
}

struct Pending<O: Operation> {
    operation: O,
    result: Option<Result<O::Output>>,
    answer: oneshot::Sender<Result<O::Output>>,
}

impl<O: Operation> Job for Pending<O> {
    fn accounts(&self) -> Vec<AccountId> {
        self.operation.accounts()
    }

    fn legs(&self) -> Vec<LegId> {
        self.operation.legs()
    }

    fn weight(&self) -> usize {
        self.operation.weight()
    }

    fn is_dispensable(&self) -> bool {
        self.operation.is_dispensable()
    }

    fn apply<'a>(&'a mut self, transaction: &'a mut Transaction) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.operation.apply(transaction).await {
                Err(error) if ends_transaction(&error) => Err(error),
                result => {
                    self.result = Some(result);
                    Ok(())
                }
            }
        })
    }

    fn finish(mut self: Box<Self>, committed: Result<(), &Error>, unknown: bool) {
        let result = match committed {
            Ok(()) => self.result.take().unwrap_or(Err(Error::Closed)),
            // On a disk that is full nothing more was written.
            Err(error) if unknown && !matches!(error, Error::Full) => {
                Err(Error::Uncertain(Arc::new(error.clone())))
            }
            Err(error) => Err(error.clone()),
        };
        self.operation.settle(result.as_ref().map(|_| ()), unknown);
        let Pending {
            operation, answer, ..
        } = *self;
        // What the operation still holds (the file of a refused delivery) goes before the caller knows.
        drop(operation);
        // A caller that went away does not want to know.
        let _ = answer.send(result);
    }
}

/// Errors that are not the request's fault.
fn ends_transaction(error: &Error) -> bool {
    matches!(
        error,
        Error::Database(_) | Error::Full | Error::Blob { .. } | Error::Corrupt(_) | Error::Closed
    )
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    lag: Arc<Lag>,
}

impl Writer {
    /// Starts the task. It holds `lock`, SQLite's, until it has ended, and `checkpoint` before it: two writers would give out the same UIDs.
    pub(crate) fn start(
        transaction: Transaction,
        shared: Arc<Shared>,
        config: &StoreConfig,
        checkpoint: Option<Checkpoint>,
        lock: Option<File>,
    ) -> Writer {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let lag = Arc::new(Lag::default());
        let task = Task {
            lag: Arc::clone(&lag),
            queue: receiver,
            transaction,
            checkpoint,
            shared,
            batch_jobs: config.batch_jobs.max(1),
            batch_bytes: config.batch_bytes,
            write_timeout: config.write_timeout,
        };
        tokio::spawn(async move {
            let closing = task.run().await;
            drop(lock);
            for done in closing {
                let _ = done.send(());
            }
        });
        Writer { queue: sender, lag }
    }

    /// How late what is written now is: how long the present commit takes, or the last one took if it ended just now.
    pub(crate) fn lag(&self) -> Duration {
        self.lag.now()
    }

    /// Jobs that wait for the next commit.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Writes and waits for the commit.
    pub(crate) async fn write<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Pending {
            operation,
            result: None,
            answer,
        });
        self.queue
            .send(Message::Job(job))
            .await
            .map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Writes with the next commit without waiting. False: the writer is too far behind, or closed.
    pub(crate) fn write_behind<O: Operation>(&self, operation: O) -> bool {
        let (answer, _) = oneshot::channel();
        self.queue
            .try_send(Message::Job(Box::new(Pending {
                operation,
                result: None,
                answer,
            })))
            .is_ok()
    }

    /// Ends the task after everything that waits is written.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

struct Task {
    lag: Arc<Lag>,
    queue: mpsc::Receiver<Message>,
    transaction: Transaction,
    checkpoint: Option<Checkpoint>,
    shared: Arc<Shared>,
    batch_jobs: usize,
    batch_bytes: usize,
    write_timeout: Duration,
}

impl Task {
    /// Works until the store is closed or gone; returns those who wait for the end.
    async fn run(mut self) -> Vec<oneshot::Sender<()>> {
        let mut closing = Vec::new();
        while let Some(message) = self.queue.recv().await {
            let mut jobs = Vec::new();
            let mut weight = 0;
            self.take(message, &mut jobs, &mut weight, &mut closing);
            self.collect(&mut jobs, &mut weight, &mut closing).await;
            if !closing.is_empty() {
                // What was sent before the close is still received.
                self.queue.close();
            }
            if !jobs.is_empty() {
                self.lag.begins();
                self.settle(jobs).await;
                self.lag.ends();
            }
        }
        if let Some(checkpoint) = self.checkpoint.take() {
            checkpoint.end().await;
        }
        self.transaction.close().await;
        closing
    }

    fn take(
        &mut self,
        message: Message,
        jobs: &mut Vec<Box<dyn Job>>,
        weight: &mut usize,
        closing: &mut Vec<oneshot::Sender<()>>,
    ) {
        match message {
            Message::Job(job) => {
                *weight += job.weight();
                jobs.push(job);
            }
            Message::Close(done) => closing.push(done),
        }
    }

    /// Adds what else waits. Callers that were answered just now get a turn to come back with their next job, or
    /// batches would alternate between one job and all the others.
    async fn collect(
        &mut self,
        jobs: &mut Vec<Box<dyn Job>>,
        weight: &mut usize,
        closing: &mut Vec<oneshot::Sender<()>>,
    ) {
        let mut idle_turns = 0;
        while idle_turns < turns(jobs.len()) {
            let before = jobs.len();
            while jobs.len() < self.batch_jobs && *weight < self.batch_bytes {
                let Ok(message) = self.queue.try_recv() else {
                    break;
                };
                self.take(message, jobs, weight, closing);
            }
            if jobs.len() >= self.batch_jobs || *weight >= self.batch_bytes {
                return;
            }
            idle_turns = if jobs.len() > before {
                0
            } else {
                idle_turns + 1
            };
            tokio::task::yield_now().await;
        }
    }

    /// Commits jobs together and answers them.
    async fn settle(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let mut attempt = 1;
        let error = loop {
            let error = match self.attempt_in_time(&mut jobs).await {
                Ok(()) => return self.committed(jobs),
                Err(error) => error,
            };
            if self.transaction.was_committed(&error).await {
                return self.committed(jobs);
            }
            let again = self.transaction.rollback(&error).await;
            if !again || attempt >= ATTEMPTS {
                break error;
            }
            // Time that ran out is given once more, on a new connection; the callers wait.
            attempt = if is_timeout(&error) {
                attempt.max(ATTEMPTS - 1) + 1
            } else {
                attempt + 1
            };
        };
        let error = self.transaction.cause(error).await;
        if jobs.len() > 1 && may_be_one_job(&error) {
            // One of them is to blame, or frees room that another needs.
            for job in jobs {
                Box::pin(self.settle(vec![job])).await;
            }
            return;
        }
        if jobs.iter().all(|job| job.is_dispensable()) {
            tracing::debug!(%error, "a commit failed that nobody needs");
        } else {
            tracing::error!(%error, jobs = jobs.len(), "a commit failed; nothing of it was written");
        }
        let unknown = self.transaction.unknown;
        jobs.into_iter()
            .for_each(|job| job.finish(Err(&error), unknown));
    }

    /// Tells everybody that it is on disk.
    fn committed(&mut self, jobs: Vec<Box<dyn Job>>) {
        self.transaction.publish(&self.shared);
        jobs.into_iter().for_each(|job| job.finish(Ok(()), false));
    }

    /// [`Self::attempt`], given up when PostgreSQL says nothing for too long. SQLite has no peer that could be gone.
    async fn attempt_in_time(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<()> {
        if self.transaction.is_sqlite() {
            return self.attempt(jobs).await;
        }
        let limit = self.write_timeout;
        tokio::time::timeout(limit, self.attempt(jobs))
            .await
            .unwrap_or_else(|_| Err(timeout()))
    }

    async fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<()> {
        let accounts: BTreeSet<AccountId> = jobs.iter().flat_map(|job| job.accounts()).collect();
        self.transaction.start(&accounts).await?;
        let legs: Vec<LegId> = jobs.iter().flat_map(|job| job.legs()).collect();
        queue::known::look_up(&mut self.transaction, &legs).await?;
        for job in jobs {
            job.apply(&mut self.transaction).await?;
        }
        self.transaction.commit().await
    }
}

/// How many turns in which nothing comes are given to callers before jobs are written. Where there are some already, there are others on
/// their way: a commit costs as much processor time as two messages, and the disk the same for five of them as for fifty.
fn turns(jobs: usize) -> usize {
    if jobs < SOME { 2 } else { 16 }
}

/// What an attempt that took too long ends with: the connection is as good as lost.
fn timeout() -> Error {
    let error = std::io::Error::new(ErrorKind::TimedOut, "the database did not answer in time");
    Error::Database(Arc::new(sqlx::Error::Io(error)))
}

fn is_timeout(error: &Error) -> bool {
    matches!(error, Error::Database(error)
        if matches!(&**error, sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut))
}

/// Errors that a certain job caused, as opposed to the connection.
fn may_be_one_job(error: &Error) -> bool {
    match error {
        Error::Database(error) => matches!(
            **error,
            sqlx::Error::Database(_) | sqlx::Error::ColumnDecode { .. }
        ),
        Error::Corrupt(_) | Error::Full => true,
        _ => false,
    }
}
