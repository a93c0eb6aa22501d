//! The one loop that drives every session: bytes in, steps out, asks answered.
//!
//! Invariants: a session is stepped only while its output is below a mark, so a peer that does not read stops its own
//! session and costs a bounded amount; everything said before a wait is sent before the wait (RFC 2920 §3.2); an
//! answer that has begun is finished while the server drains; what is not at its end when the server stops is cut, with a
//! goodbye if the protocol has a place for one.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Sleep;
use waxwing_session::{Counts, Cut, Session, Step};

use crate::sessions::Seat;
use crate::shutdown::{Phase, stopping};
use crate::tls::Acceptor;
use crate::transport::{Output, TlsFacts, Transport};

/// Output is sent when so much of it waits, before the session may say more.
const HIGH_WATER: usize = 64 * 1024;
/// A timer that was never set; far away, and never reached (a session without a deadline is not timed).
const FAR: Duration = Duration::from_secs(86_400);

/// How long a goodbye may take when the server waits no longer.
const FAREWELL: Duration = Duration::from_secs(1);

/// An answer that is being worked out.
pub(crate) type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers the asks of one session from policy and store.
pub(crate) trait Answers<S: Session>: Send {
    /// Decides an ask.
    fn answer(&mut self, ask: S::Ask) -> Answering<'_, S::Answer>;

    /// Takes content of the running transaction.
    fn content(&mut self, _bytes: Bytes) {}

    /// The connection is under TLS now.
    fn secured(&mut self, _facts: TlsFacts) {}

    /// The peer said so many octets before it was greeted.
    fn early(&mut self, _octets: usize) {}

    /// What the peer did since the last time; false if it is more than it may.
    fn spent(&mut self, _did: Counts, _octets: u64) -> bool {
        true
    }

    /// Ready when the session is to be woken (IMAP IDLE).
    fn poll_news(&mut self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// What the driver needs besides the session; one for all connections of a listener.
pub(crate) struct Terms {
    /// For STARTTLS.
    pub(crate) acceptor: Acceptor,
    /// How long a handshake may take.
    pub(crate) handshake: Duration,
    /// How long a peer may leave output unread.
    pub(crate) write: Duration,
}

/// One connection, without its conversation.
pub(crate) struct Link {
    /// The session's number, for the log.
    pub(crate) id: u64,
    /// The bytes.
    pub(crate) transport: Transport,
    /// Whether the connection begins with a TLS handshake (RFC 8314 §3).
    pub(crate) implicit_tls: bool,
    /// What is common to the listener's connections.
    pub(crate) terms: Arc<Terms>,
    /// The server's phase.
    pub(crate) phase: watch::Receiver<Phase>,
    /// The place among the sessions, held to the end.
    pub(crate) seat: Arc<Seat>,
}

/// A connection with its session.
pub(crate) struct Drive<S, A> {
    /// The session's number.
    pub(crate) id: u64,
    session: S,
    answers: A,
    transport: Transport,
    output: Output,
    implicit_tls: bool,
    terms: Arc<Terms>,
    phase: watch::Receiver<Phase>,
    seat: Arc<Seat>,
    /// What was told of the peer so far, and the octets that were not.
    told: Counts,
    untold: u64,
    /// The first answer was given: the greeting goes out.
    greeted: bool,
}

impl<S, A> Drive<S, A>
where
    S: Session,
    A: Answers<S>,
{
    /// Puts a conversation on a connection.
    pub(crate) fn new(session: S, answers: A, link: Link) -> Self {
        let Link {
            id,
            transport,
            implicit_tls,
            terms,
            phase,
            seat,
        } = link;
        Self {
            id,
            session,
            answers,
            transport,
            output: Output::default(),
            implicit_tls,
            terms,
            phase,
            seat,
            told: Counts::default(),
            untold: 0,
            greeted: false,
        }
    }

    /// Runs the conversation to its end, or to the server's.
    ///
    /// # Errors
    /// The connection broke, or the peer did not read.
    pub(crate) async fn run(&mut self) -> io::Result<()> {
        let (mut phase, seat) = (self.phase.clone(), Arc::clone(&self.seat));
        let why = tokio::select! {
            biased;
            ended = self.converse() => {
                if let Some(limit) = self.session.limit() {
                    metrics::counter!("waxwing_limits_hit_total", "limit" => limit, "scope" => "session")
                        .increment(1);
                }
                return ended;
            }
            () = stopping(&mut phase) => Cut::Shutdown,
            () = seat.told_to_leave() => Cut::Crowded,
        };
        Box::pin(self.say_farewell(why)).await
    }

    /// What the peer did is told; false if it was too much.
    fn account(&mut self) -> bool {
        let counts = self.session.counts();
        let did = Counts {
            commands: counts.commands.saturating_sub(self.told.commands),
            errors: counts.errors.saturating_sub(self.told.errors),
        };
        self.told = counts;
        let octets = std::mem::take(&mut self.untold);
        (octets == 0 && did == Counts::default()) || self.answers.spent(did, octets)
    }

    /// The server waits no longer: what can be said at this place is said, and what was under way is given up.
    async fn say_farewell(&mut self, why: Cut) -> io::Result<()> {
        if !self.output.is_whole() {
            return Ok(());
        }
        self.session.cut(why);
        loop {
            match self.session.step() {
                Step::Write(bytes) => self.output.push(bytes),
                Step::Close => break,
                // A session that is cut has nothing else to do.
                _ => return Ok(()),
            }
        }
        self.transport.send(&mut self.output, FAREWELL).await?;
        self.transport.close().await;
        Ok(())
    }

    async fn converse(&mut self) -> io::Result<()> {
        if self.implicit_tls {
            self.secure().await?;
        }
        let mut timer = Box::pin(tokio::time::sleep(FAR));
        let mut told = false;
        loop {
            match self.session.step() {
                Step::Write(bytes) => {
                    self.output.push(bytes);
                    if self.output.len() >= HIGH_WATER {
                        self.flush().await?;
                    }
                }
                Step::Content(bytes) => self.answers.content(bytes),
                Step::Ask(ask) => self.decide(ask).await?,
                Step::StartTls => {
                    self.flush().await?;
                    self.secure().await?;
                    self.session.secured(Instant::now());
                }
                Step::Read => {
                    if !self.account() {
                        self.session.cut(Cut::Excess);
                        continue;
                    }
                    self.flush().await?;
                    if !self.wait(timer.as_mut(), &mut told).await? {
                        return Ok(());
                    }
                }
                Step::Close => {
                    self.flush().await?;
                    Box::pin(self.transport.close()).await;
                    return Ok(());
                }
                Step::Compress => {
                    self.flush().await?;
                    self.transport.compress();
                }
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.transport
            .send(&mut self.output, self.terms.write)
            .await
    }

    async fn secure(&mut self) -> io::Result<()> {
        let facts = Box::pin(
            self.transport
                .secure(&self.terms.acceptor, self.terms.handshake),
        )
        .await?;
        if facts.channel.is_some() {
            self.session.bound();
        }
        if !facts.certified.is_empty() {
            self.session.certified();
        }
        self.answers.secured(facts);
        Ok(())
    }

    /// Answers an ask. What is to be sent goes out first if the answer takes time, and is gathered with the reply if
    /// it does not.
    async fn decide(&mut self, ask: S::Ask) -> io::Result<()> {
        let answer = self.answer(ask).await?;
        if !std::mem::replace(&mut self.greeted, true) {
            // The greeting is about to go out.
            self.answers.early(self.transport.waiting());
        }
        self.session.answer(answer, Instant::now());
        Ok(())
    }

    async fn answer(&mut self, ask: S::Ask) -> io::Result<S::Answer> {
        let output = &mut self.output;
        let mut answering = self.answers.answer(ask);
        match poll_fn(|context| Poll::Ready(answering.as_mut().poll(context))).await {
            Poll::Ready(answer) => Ok(answer),
            Poll::Pending if output.len() == 0 => Ok(answering.await),
            Poll::Pending => {
                let (sent, answer) =
                    tokio::join!(self.transport.send(output, self.terms.write), answering);
                sent.map(|()| answer)
            }
        }
    }

    /// Waits for bytes, the deadline, news or the end of the server, and tells the session. False: the peer is gone.
    async fn wait(&mut self, mut timer: Pin<&mut Sleep>, told: &mut bool) -> io::Result<bool> {
        let deadline = self.session.deadline();
        if let Some(deadline) = deadline {
            let deadline = tokio::time::Instant::from_std(deadline);
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
        }
        let Self {
            session,
            answers,
            transport,
            phase,
            untold,
            ..
        } = self;
        let mut ending = std::pin::pin!(phase.wait_for(|phase| *phase != Phase::Serving));
        poll_fn(|context| {
            if !*told && ending.as_mut().poll(context).is_ready() {
                *told = true;
                session.shutdown();
                return Poll::Ready(Ok(true));
            }
            let received = transport.poll_receive(context, |bytes| {
                *untold += bytes.len() as u64;
                session.receive(bytes, Instant::now());
            });
            if let Poll::Ready(received) = received {
                return Poll::Ready(still_there(received));
            }
            if deadline.is_some() && timer.as_mut().poll(context).is_ready() {
                session.expire(Instant::now());
                return Poll::Ready(Ok(true));
            }
            if answers.poll_news(context).is_ready() {
                session.wake();
                return Poll::Ready(Ok(true));
            }
            Poll::Pending
        })
        .await
    }
}

/// Peers often leave without a goodbye; that is no error.
fn still_there(received: io::Result<usize>) -> io::Result<bool> {
    match received {
        Ok(read) => Ok(read > 0),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
