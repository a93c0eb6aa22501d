//! The one loop that drives every session: bytes in, steps out, asks answered.
//!
//! Invariants: a session is stepped only while its output is below a mark, so a peer that does not read stops its own
//! session and costs a bounded amount; everything said before a wait is sent before the wait (RFC 2920 §3.2); an
//! answer that has begun is finished, also when the server is stopping.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use waxwing_session::{Session, Step};

use crate::sessions::Seat;
use crate::shutdown::Phase;
use crate::transport::{Output, TlsFacts, Transport};

/// Output is sent when so much of it waits, before the session may say more.
const HIGH_WATER: usize = 64 * 1024;
/// A timer that was never set; far away, and never reached (a session without a deadline is not timed).
const FAR: Duration = Duration::from_secs(86_400);

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

    /// Ready when the session is to be woken (IMAP IDLE).
    fn poll_news(&mut self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// What the driver needs besides the session; one for all connections of a listener.
pub(crate) struct Terms {
    /// For STARTTLS.
    pub(crate) acceptor: TlsAcceptor,
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
    pub(crate) seat: Seat,
}

/// A connection with its session.
pub(crate) struct Drive<S, A> {
    /// The session's number.
    pub(crate) id: u64,
    session: S,
    answers: A,
    transport: Transport,
    implicit_tls: bool,
    terms: Arc<Terms>,
    phase: watch::Receiver<Phase>,
    _seat: Seat,
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
            implicit_tls,
            terms,
            phase,
            _seat: seat,
        }
    }

    /// Runs the conversation to its end.
    ///
    /// # Errors
    /// The connection broke, or the peer did not read.
    pub(crate) async fn run(&mut self) -> io::Result<()> {
        if self.implicit_tls {
            self.secure().await?;
        }
        let mut output = Output::default();
        let mut timer = Box::pin(tokio::time::sleep(FAR));
        let mut told = false;
        loop {
            match self.session.step() {
                Step::Write(bytes) => {
                    output.push(bytes);
                    if output.len() >= HIGH_WATER {
                        self.transport.send(&mut output, self.terms.write).await?;
                    }
                }
                Step::Content(bytes) => self.answers.content(bytes),
                Step::Ask(ask) => self.decide(ask, &mut output).await?,
                Step::StartTls => {
                    self.transport.send(&mut output, self.terms.write).await?;
                    self.secure().await?;
                    self.session.secured(Instant::now());
                }
                Step::Read => {
                    self.transport.send(&mut output, self.terms.write).await?;
                    if !self.wait(timer.as_mut(), &mut told).await? {
                        return Ok(());
                    }
                }
                Step::Close => {
                    self.transport.send(&mut output, self.terms.write).await?;
                    Box::pin(self.transport.close()).await;
                    return Ok(());
                }
                // No session offers COMPRESS (RFC 4978) yet.
                Step::Compress => return Err(io::ErrorKind::Unsupported.into()),
            }
        }
    }

    async fn secure(&mut self) -> io::Result<()> {
        let facts = Box::pin(
            self.transport
                .secure(&self.terms.acceptor, self.terms.handshake),
        )
        .await?;
        self.answers.secured(facts);
        Ok(())
    }

    /// Answers an ask. What is to be sent goes out first if the answer takes time, and is gathered with the reply if
    /// it does not.
    async fn decide(&mut self, ask: S::Ask, output: &mut Output) -> io::Result<()> {
        let mut answering = self.answers.answer(ask);
        let answer = match poll_fn(|context| Poll::Ready(answering.as_mut().poll(context))).await {
            Poll::Ready(answer) => answer,
            Poll::Pending if output.len() == 0 => answering.await,
            Poll::Pending => {
                let (sent, answer) =
                    tokio::join!(self.transport.send(output, self.terms.write), answering);
                sent?;
                answer
            }
        };
        self.session.answer(answer, Instant::now());
        Ok(())
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
            ..
        } = self;
        let mut ending = std::pin::pin!(phase.wait_for(|phase| *phase != Phase::Serving));
        poll_fn(|context| {
            if !*told && ending.as_mut().poll(context).is_ready() {
                *told = true;
                session.shutdown();
                return Poll::Ready(Ok(true));
            }
            let received =
                transport.poll_receive(context, |bytes| session.receive(bytes, Instant::now()));
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
