//! The world behind a client session in tests: the messages that a dialogue's directives have it send.
//!
//! `% send from=ADDRESS to=ADDRESS,ADDRESS content=ESCAPED …` is a message; more words: `body=8bit|binary`, `utf8`,
//! `requiretls`, `ret=`, `envid=`, `notify=`, `orcpt=`, `by=SECONDS`, `priority=`, `size=` (a lie). With `% ahead` each message but the
//! first is handed in with the end of the one before it.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use waxwing_dialogue::{Dialogue, World, unescape};
use waxwing_mail::{
    Body, ByMode, DeliverBy, Envelope, EnvelopeId, ForwardPath, Notify, OriginalRecipient,
    Recipient, Return, ReversePath,
};
use waxwing_sasl::{Credentials, Login};
use waxwing_smtp::client::{
    Answer, Ask, ClientConfig, ClientSession, Outcome, Outgoing, Protocol, TlsUse,
};

/// What a client is to send, and what it was told.
pub(crate) struct Sender {
    messages: VecDeque<(Outgoing, Bytes)>,
    content: Bytes,
    ahead: bool,
    /// Handed in with the end of a content, and not heard of since.
    coming: Option<(Outgoing, Bytes)>,
    pub(crate) handed_out: usize,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Sender {
    pub(crate) fn new(dialogue: &Dialogue) -> Self {
        Self {
            messages: dialogue.directives("send").map(message).collect(),
            content: Bytes::new(),
            ahead: dialogue.directive("ahead").is_some(),
            coming: None,
            handed_out: 0,
            outcomes: Vec::new(),
        }
    }
}

impl Sender {
    /// What was handed in with the end of a content is the message that is spoken of.
    fn begun(&mut self) {
        let (_, content) = self.coming.take().expect("a message that was handed in");
        self.content = content;
        self.handed_out += 1;
    }
}

impl World for Sender {
    type Session = ClientSession;

    fn open(&mut self, dialogue: &Dialogue, now: Instant) -> ClientSession {
        let mut session = ClientSession::new(config(dialogue), now);
        if dialogue.directive("channel").is_some() {
            session.bind([7; 32]);
        }
        session
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Next(_) => match self.coming.take().or_else(|| self.messages.pop_front()) {
                Some((outgoing, content)) => {
                    self.content = content;
                    self.handed_out += 1;
                    Answer::Send(Box::new(outgoing))
                }
                None => Answer::Quit,
            },
            Ask::Content { offset, most } => {
                if self.outcomes.len() == self.handed_out {
                    self.begun();
                }
                let start = usize::try_from(offset).expect("a small offset");
                let end = (start + most).min(self.content.len());
                let piece = self.content.get(start..end).unwrap_or_default();
                let piece = Bytes::copy_from_slice(piece);
                if self.ahead && end == self.content.len() {
                    self.coming = self.messages.pop_front();
                }
                match &self.coming {
                    Some((next, _)) => Answer::Last(piece, Box::new(next.clone())),
                    None => Answer::Content(piece),
                }
            }
            Ask::Done(outcome) => {
                if self.outcomes.len() == self.handed_out {
                    self.begun();
                }
                self.outcomes.push(*outcome);
                Answer::Noted
            }
            Ask::Failed(_) => Answer::Noted,
        }
    }

    fn hangup(&mut self, session: &mut ClientSession) -> bool {
        session.disconnected();
        true
    }
}

fn config(dialogue: &Dialogue) -> ClientConfig {
    let mut config = ClientConfig::new("out.waxwing.example");
    config.tls = match dialogue.directive("tls") {
        None | Some("opportunistic") => TlsUse::Opportunistic,
        Some("required") => TlsUse::Required,
        Some("implicit") => TlsUse::Implicit,
        Some("never") => TlsUse::Never,
        Some(other) => panic!("no use of TLS {other}"),
    };
    if dialogue.directive("protocol") == Some("lmtp") {
        config.protocol = Protocol::Lmtp;
    }
    config.clear_passwords = dialogue.directive("clear-passwords").is_some();
    config.login = dialogue.directive("login").map(|text| {
        let (user, password) = text.split_once(' ').expect("a name and a password");
        Login {
            credentials: Credentials::new(user, password),
            nonce: "client".to_owned(),
        }
    });
    let number = |name: &str| {
        dialogue
            .directive(name)
            .map(|text| text.parse().expect("a number"))
    };
    config.chunk = number("chunk").unwrap_or(config.chunk);
    config.group = number("group").unwrap_or(config.group);
    config.chunking = dialogue.directive("chunking") != Some("off");
    config
}

fn message(text: &str) -> (Outgoing, Bytes) {
    let mut envelope = Envelope::new(ReversePath::Null);
    let mut content = Bytes::from_static(b"Subject: x\r\n\r\n.body\r\n");
    let (mut size, mut notify, mut original) = (None, None, None);
    for word in text.split(' ') {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "from" => {
                envelope.sender = ReversePath::split(&format!("<{value}>"))
                    .expect("a sender")
                    .0;
            }
            "to" => {
                let path = |address| {
                    ForwardPath::split(&format!("<{address}>"))
                        .expect("a path")
                        .0
                };
                envelope.recipients = value
                    .split(',')
                    .map(|it| Recipient::new(path(it)))
                    .collect();
            }
            "content" => content = unescape(&value.replace('_', " ")).expect("escapes").into(),
            "body" if value == "8bit" => envelope.body = Body::EightBitMime,
            "body" => envelope.body = Body::BinaryMime,
            "utf8" => envelope.smtputf8 = true,
            "requiretls" => envelope.require_tls = true,
            "ret" => envelope.ret = Return::parse(value),
            "envid" => envelope.id = EnvelopeId::parse(value),
            "notify" => notify = Notify::parse(value),
            "orcpt" => original = OriginalRecipient::parse(value),
            "by" => {
                envelope.deliver_by = Some(DeliverBy {
                    seconds: value.parse().expect("seconds"),
                    mode: ByMode::Return,
                    trace: false,
                });
            }
            "priority" => envelope.priority = value.parse().ok(),
            "size" => size = value.parse().ok(),
            other => panic!("no word {other}"),
        }
    }
    for recipient in &mut envelope.recipients {
        recipient.notify = notify;
        recipient.original.clone_from(&original);
    }
    let size = size.unwrap_or(content.len() as u64);
    (Outgoing { envelope, size }, content)
}
