//! What a server session asks, and what it may be told.
//!
//! Invariants: each ask gets one answer, of the kind that its comment names; any other is taken for a fault of the
//! server and becomes a 451.

use waxwing_mail::{Envelope, Identity, Recipient, Reply};
use waxwing_sasl::{Mechanism, Offer, ServerPart};

use crate::xclient::Client;

/// A question of the session. All owned, to be carried anywhere.
#[derive(Debug)]
pub enum Ask {
    /// A peer has connected: greet it? Answer: [`Answer::Decision`].
    Connect,
    /// The peer greeted with EHLO, LHLO (`esmtp`) or HELO. Answer: [`Answer::Decision`].
    /// A transaction that was open has been abandoned by an [`Ask::Abandon`] before.
    Ehlo {
        /// What it calls itself: 1 to 255 characters, no blank and no control among them, else unchecked.
        name: String,
        /// EHLO or LHLO, not HELO.
        esmtp: bool,
    },
    /// The client has said who it is. Answer: [`Answer::Authenticated`], which counts for nothing where the offer
    /// [is disproved](Offer::is_disproved), or [`Answer::AuthFailed`].
    Authenticate {
        /// By which mechanism.
        mechanism: Mechanism,
        /// To be verified.
        offer: Offer,
    },
    /// The keys of a user, for an exchange by SCRAM. Answer: [`Answer::Keys`], for a user that there is not, too
    /// ([`ScramKeys::pretend`](waxwing_sasl::ScramKeys::pretend)); or [`Answer::AuthFailed`].
    Keys {
        /// By which mechanism.
        mechanism: Mechanism,
        /// Whose.
        user: String,
    },
    /// MAIL; the envelope has no recipients yet. Passing it opens a transaction. Answer: [`Answer::Decision`].
    MailFrom(Box<Envelope>),
    /// RCPT. Answer: [`Answer::Decision`].
    RcptTo(Box<Recipient>),
    /// A trusted peer speaks for this client from here on: greet it? What was known of the peer is forgotten, but for TLS.
    /// Answer: [`Answer::Decision`], or [`Answer::Authenticated`] where its login is one that is known here.
    Client(Box<Client>),
    /// DATA, or the first BDAT: may the content come? Answer: [`Answer::Decision`]; the transaction stays open if DATA is
    /// refused, and is abandoned if BDAT is.
    Data,
    /// The content, which left as [`waxwing_session::Step::Content`], is complete: judge and keep it. The transaction
    /// is over with the answer: [`Answer::Delivered`], or [`Answer::Decision`] for all recipients alike.
    Message(Box<Message>),
    /// The transaction ends without a message: forget it and its content. Answer: [`Decision::Pass`].
    /// Closing a session abandons too, without asking.
    Abandon,
}

/// A complete message, its content aside.
#[derive(Debug)]
pub struct Message {
    /// Sender, recipients (at least one), parameters.
    pub envelope: Envelope,
    /// Whom it came from.
    pub peer: Peer,
    /// The content's size in octets, as it was handed out.
    pub size: u64,
}

/// What the session knows of the other side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The name it greeted with.
    pub helo: Box<str>,
    /// It greeted with EHLO or LHLO.
    pub esmtp: bool,
    /// TLS is on.
    pub tls: bool,
    /// It has logged in.
    pub identity: Option<Box<Identity>>,
}

/// What the server decided.
#[derive(Debug)]
pub enum Answer {
    /// To go on or not.
    Decision(Decision),
    /// The credentials are right, and this is who it is.
    Authenticated(Identity),
    /// The keys of [`Ask::Keys`].
    Keys(Box<ServerPart>),
    /// Not logged in.
    AuthFailed(AuthFailure),
    /// What became of the message. For LMTP one reply for each recipient in their order (RFC 2033 §4.2), else one.
    Delivered(Vec<Reply>),
}

/// To go on or not.
#[derive(Debug)]
pub enum Decision {
    /// Go on with the usual reply.
    Pass,
    /// This reply, 4yz or 5yz, and the session goes on.
    Refuse(Reply),
    /// This reply, and the session closes.
    Disconnect(Reply),
}

/// Why nobody was logged in.
#[derive(Debug)]
pub enum AuthFailure {
    /// Name or password is wrong; which of them is not told.
    Credentials,
    /// It could not be found out; the peer may try again.
    Unavailable,
    /// This reply of the policy's.
    Refused(Reply),
    /// This reply of the policy's, and the session closes.
    Disconnect(Reply),
}
