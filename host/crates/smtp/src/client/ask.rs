//! What a client session asks and tells, and what it is answered.

use bytes::Bytes;
use waxwing_mail::Envelope;

use super::failure::{Failure, Fate};
use super::offers::Offers;

/// A question, or news.
#[derive(Debug)]
pub enum Ask {
    /// The peer is ready, and this is what it can: what next? Answer: [`Answer::Send`] or [`Answer::Quit`].
    Next(Box<Offers>),
    /// The content's octets from this offset, at least one, at most so many. Answer: [`Answer::Content`].
    Content {
        /// From where.
        offset: u64,
        /// The most that is taken.
        most: usize,
    },
    /// What became of the message that was handed in. Answer: [`Answer::Noted`].
    Done(Box<Outcome>),
    /// The connection came to nothing before any message. Answer: [`Answer::Noted`].
    Failed(Failure),
}

/// The answer to an ask.
#[derive(Debug)]
pub enum Answer {
    /// Send this.
    Send(Box<Outgoing>),
    /// No more messages: say goodbye.
    Quit,
    /// Content. An empty piece, or one that is too long, means that it cannot be had: the message fails, and nothing of it
    /// is left at the peer.
    Content(Bytes),
    /// The last piece of it, and the message that comes next: it is begun in the same group of commands if it can be. It is handed in by
    /// that, and has its outcome after this one's, without an [`Ask::Next`] before it. If it is not begun, there is that ask.
    Last(Bytes, Box<Outgoing>),
    /// Heard.
    Noted,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Sender, recipients and parameters, as the peer is to be told them where it knows them. `body` is what the content
    /// needs, `smtputf8` whether its header or an address does.
    pub envelope: Envelope,
    /// The content's size in octets.
    pub size: u64,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// One for each recipient of the envelope, in its order.
    pub fates: Vec<Fate>,
    /// The peer knows DSN: what reports there are is its affair now, for those that it took (RFC 3461 §5.2.1).
    pub dsn: bool,
    /// A connection that was used before was lost, and nothing of this message was answered, as happens to one that has
    /// idled: to be tried anew at once.
    pub untried: bool,
}
