//! What a running command is, and what it may touch.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use waxwing_sasl::{Channel, Exchange, Mechanism};

use crate::ask::{Answer, Ask};
use crate::config::{Config, Tls};
use crate::encode::texts::{self, Response};
use crate::encode::{Out, capabilities};
use crate::error::Error;
use crate::parse::Literal;
use crate::session::catenate::Catenating;
use crate::session::enable::Enabled;
use crate::session::framing::Framing;
use crate::session::gathering::Gathering;
use crate::session::metadata_news::Told;
use crate::session::notify::Notify;
use crate::session::progress::{Done, Progress};
use crate::session::selected::Selected;
use crate::session::watch::Watch;
use crate::session::{append, idle, login};
use crate::types::{NameForm, UidSet};

/// The part of a session that commands read and change.
pub(crate) struct Core {
    pub(crate) config: Arc<Config>,
    /// Output that is not sent yet.
    pub(crate) out: Out,
    /// The tag of the running command.
    pub(crate) tag: String,
    /// TLS is active.
    pub(crate) secured: bool,
    /// What of the connection mechanisms may build on.
    pub(crate) channel: Channel,
    pub(crate) logged_in: bool,
    /// The session resource of JMAP, for who has logged in so that he may log in there with the same.
    pub(crate) jmap: Option<String>,
    pub(crate) selected: Option<Box<Selected>>,
    /// Commands in a row that were BAD.
    pub(crate) bad_commands: u32,
    pub(crate) failed_logins: u32,
    /// What the client has enabled.
    pub(crate) enabled: Enabled,
    /// The running command removed messages: its OK says up to which modification sequence all was told.
    pub(crate) tells_modseq: bool,
    /// The running command was about more messages than it may be: the lowest that it was about all the same (RFC 9738).
    pub(crate) limited: Option<u32>,
    /// The running command must not renumber messages (RFC 3501 §7.4.1).
    pub(crate) numbers_stay: bool,
    /// What is sent and received is compressed (RFC 4978).
    pub(crate) compressed: bool,
    /// The running command deletes a mailbox: the selected one may be it.
    pub(crate) own_delete: bool,
    /// What the client wants to hear of, if it has said so (RFC 5465).
    pub(crate) notify: Option<Box<Notify>>,
    /// How far it was told of changes of metadata, if it wants to be.
    pub(crate) metadata: Option<Told>,
    /// Messages that the running command put into the selected mailbox.
    pub(crate) own_arrivals: UidSet,
    /// How far the running command is, and when that was said.
    pub(crate) progress: Progress,
    /// When it looks for news of mailboxes that are not selected.
    pub(crate) gathering: Gathering,
    /// Owners whose changes wake the session, in order.
    pub(crate) watched: Vec<String>,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("tag", &self.tag)
            .field("logged_in", &self.logged_in)
            .field("selected", &self.selected)
            .finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) fn new(config: Arc<Config>, secured: bool) -> Self {
        Self {
            config,
            out: Out::new(),
            tag: String::new(),
            secured,
            channel: Channel::default(),
            logged_in: false,
            jmap: None,
            selected: None,
            bad_commands: 0,
            failed_logins: 0,
            enabled: Enabled::default(),
            tells_modseq: false,
            limited: None,
            numbers_stay: false,
            compressed: false,
            own_delete: false,
            notify: None,
            metadata: None,
            own_arrivals: UidSet::new(),
            progress: Progress::default(),
            gathering: Gathering::default(),
            watched: Vec::new(),
        }
    }

    /// So much of the running command is done; the client hears of it now and then.
    pub(crate) fn progress(&mut self, done: Done) {
        self.progress.tell(&mut self.out, &self.tag, done);
    }

    /// How mailbox names are written.
    pub(crate) fn names(&self) -> NameForm {
        if self.enabled.any_utf8() {
            NameForm::Utf8
        } else {
            NameForm::ModifiedUtf7
        }
    }

    /// Forgets everything but the connection (RFC 8437 §3: all state is reset except that of TLS).
    pub(crate) fn forget_user(&mut self) {
        let fresh = Self::new(Arc::clone(&self.config), self.secured);
        let old = std::mem::replace(self, fresh);
        (self.out, self.tag, self.channel) = (old.out, old.tag, old.channel);
        self.progress = old.progress;
    }

    /// The running command put these messages into the mailbox with this UIDVALIDITY.
    pub(crate) fn put(&mut self, uid_validity: u32, uids: &[u32]) {
        let into = self.selected.as_ref().map(|selected| selected.uid_validity);
        if into == Some(uid_validity) {
            self.own_arrivals = uids.iter().copied().collect();
        }
    }

    /// Whether logins are taken now.
    pub(crate) fn may_log_in(&self) -> bool {
        self.secured || self.config.plaintext_auth
    }

    /// Whether LOGIN is as good as a mechanism that is offered.
    pub(crate) fn takes_passwords(&self) -> bool {
        let mut offered = self.config.mechanisms.iter();
        offered.any(|mechanism| mechanism.says_password())
    }

    /// What CAPABILITY lists now.
    pub(crate) fn capabilities(&self) -> String {
        let starttls = !self.secured && !self.logged_in && self.config.tls == Tls::Offered;
        let offered = self.config.mechanisms.iter().copied();
        let logins: Vec<_> = offered
            .filter(|mechanism| self.may_log_in() && self.offers(*mechanism))
            .collect();
        let limits = &self.config.limits;
        let mut words = capabilities(limits, starttls, (!self.logged_in).then_some(&*logins));
        if self.config.unauthenticate {
            words.push_str(" UNAUTHENTICATE");
        }
        // RFC 9698 §3: once somebody has logged in whose credentials are good there, too.
        if self.logged_in && self.jmap.is_some() {
            words.push_str(" JMAPACCESS");
        }
        words
    }

    /// Whether AUTHENTICATE takes this mechanism, where it takes any.
    pub(crate) fn offers(&self, mechanism: Mechanism) -> bool {
        self.config.mechanisms.contains(&mechanism) && mechanism.fits(self.channel)
    }
}

/// How a session goes on.
#[derive(Debug)]
pub(crate) enum Flow {
    /// Ask, and hand the answer to the job.
    Ask(Ask, Box<dyn Job>),
    /// Call the job again when its output is sent or there is room for more.
    Resume(Box<dyn Job>),
    /// Let the client go on with this command.
    Input(Waiting),
    /// The command ends with this response, when changes of the mailbox have been told.
    Done(Response),
    /// The command ends with this response now.
    Tagged(Response),
    /// APPEND is refused with this response; its message may come all the same.
    Refuse {
        response: Response,
        literal: Literal,
    },
    /// Content of a message that is being appended, then the job again.
    Content(Bytes, Box<dyn Job>),
    /// Nothing more to say; the next command.
    Next,
    /// Shake hands.
    StartTls,
    /// Say that what follows is compressed.
    Compress,
    /// It was said: compress.
    Compressed,
    /// Nobody is logged in any more; the command ends with this response.
    Stranger(Response),
    /// All is said.
    Close,
    /// All is said with this.
    Bye(&'static str),
}

impl Flow {
    /// Whether a response has begun and is not at its end.
    pub(crate) fn amid_response(&self) -> bool {
        match self {
            Self::Ask(_, job) | Self::Resume(job) => job.amid_response(),
            Self::StartTls | Self::Compressed => true,
            _ => false,
        }
    }
}

/// A command that waits for its answer or for room.
pub(crate) trait Job: fmt::Debug + Send {
    /// Takes the answer to the ask that it gave.
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow;

    /// Goes on after [`Flow::Resume`].
    fn resume(self: Box<Self>, _core: &mut Core) -> Flow {
        unexpected()
    }

    /// Whether a response has begun and is not at its end: nothing else can be said then.
    fn amid_response(&self) -> bool {
        false
    }
}

/// What of a begun command the client is to send.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// The end of the TLS handshake; nothing in clear.
    Handshake,
    /// `DONE` of IDLE.
    Done,
    /// The next response of an authentication exchange.
    Response(Mechanism, Box<Exchange>),
    /// The message of APPEND with the end of its line.
    Message {
        /// Octets of the message.
        size: u64,
        /// Which message of the append it is, from 1.
        number: u32,
        /// The UID of the message that REPLACE removes.
        replaces: Option<u32>,
        /// It stands in `UTF8 (…)` (RFC 6855 §4).
        utf8: bool,
        /// What it must not hold.
        watch: Watch,
        /// It is a text of a message that is put together from parts.
        catenating: Option<Box<Catenating>>,
    },
    /// The URL of a part of such a message.
    Url {
        /// Octets of it.
        size: u64,
        octets: Vec<u8>,
        catenating: Box<Catenating>,
    },
}

impl Waiting {
    /// Takes the line that was waited for.
    pub(crate) fn line(self, core: &mut Core, framing: &mut Framing, line: &[u8]) -> Flow {
        framing.back_to_commands();
        match self {
            Self::Handshake => Flow::Close,
            Self::Done => idle::done(line),
            Self::Response(mechanism, exchange) => {
                login::progress(core, mechanism, exchange.respond(line))
            }
            Self::Url {
                octets, catenating, ..
            } => catenating.url(core, framing, octets, line),
            Self::Message {
                utf8,
                watch,
                catenating: Some(catenating),
                ..
            } => catenating.text(core, framing, utf8, watch, line),
            Self::Message {
                number,
                replaces,
                utf8,
                watch,
                ..
            } => append::end(core, framing, line, number, replaces, utf8, watch),
        }
    }
}

/// An answer that does not belong to the ask.
pub(crate) fn unexpected() -> Flow {
    Flow::Done(texts::failure(
        &Error::Unavailable {
            reference: String::new(),
        },
        false,
    ))
}

/// The response to an answer that is a failure, or does not belong to the ask.
pub(crate) fn failed(answer: &Answer, target: bool) -> Flow {
    match answer {
        Answer::Failed(error) => Flow::Done(texts::failure(error, target)),
        _ => unexpected(),
    }
}

/// A command whose answer is just "done".
#[derive(Debug)]
pub(crate) struct Plainly(pub(crate) &'static str);

impl Job for Plainly {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Done => Flow::Done(texts::ok(self.0)),
            other => failed(&other, false),
        }
    }
}
