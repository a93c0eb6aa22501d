//! The world behind a session in tests: two accounts, and answers that a dialogue's directives change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use waxwing_dialogue::{Dialogue, World};
use waxwing_mail::{EnhancedStatus, ForwardPath, Identity, Recipient, Reply};
use waxwing_sasl::{Credentials, Mechanism, Offer, ScramKeys, ServerPart};
use waxwing_smtp::{
    Answer, Ask, AuthFailure, Config, Decision, Extensions, Mode, ServerSession, replies,
};

/// What the harness of the real server sets up, too: `mx.waxwing.example` with alice and bob of `waxwing.test`.
pub(crate) struct Fake {
    mode: Mode,
    /// `% answer`, `% refuse` and `% disconnect`: verb, name of the ask, replies.
    scripted: Vec<(String, String, Vec<Reply>)>,
    directory_down: bool,
}

impl Fake {
    pub(crate) fn new(dialogue: &Dialogue) -> Self {
        let mut scripted = Vec::new();
        for (verb, rest) in &dialogue.directives {
            if matches!(verb.as_str(), "answer" | "refuse" | "disconnect") {
                let (name, replies) = rest.split_once(' ').expect("a scripted answer has a reply");
                let replies = replies.split('|').map(reply).collect();
                scripted.push((verb.clone(), name.to_owned(), replies));
            }
        }
        let directory_down = dialogue.directive("directory") == Some("down");
        Self {
            mode: mode(dialogue),
            scripted,
            directory_down,
        }
    }

    fn script(&self, ask: &Ask) -> Option<Answer> {
        let debug = format!("{ask:?}");
        let name = debug.split([' ', '(']).next().unwrap_or_default();
        let (verb, _, replies) = self.scripted.iter().find(|(_, asked, _)| asked == name)?;
        let first = replies.first()?.clone();
        Some(match (verb.as_str(), name) {
            ("answer", "Message") => Answer::Delivered(replies.clone()),
            ("disconnect", _) => Answer::Decision(Decision::Disconnect(first)),
            _ => Answer::Decision(Decision::Refuse(first)),
        })
    }

    fn login(&self, mechanism: Mechanism, credentials: &Credentials) -> Answer {
        if self.directory_down {
            return Answer::AuthFailed(AuthFailure::Unavailable);
        }
        let known = matches!(
            credentials.user.as_str(),
            "alice@waxwing.test" | "bob@waxwing.test"
        );
        if !known || credentials.password != "waxwing-demo" {
            return Answer::AuthFailed(AuthFailure::Credentials);
        }
        authenticated(mechanism, &credentials.user)
    }
}

fn authenticated(mechanism: Mechanism, user: &str) -> Answer {
    Answer::Authenticated(Identity {
        account: user.into(),
        authorised_as: user.into(),
        mechanism: mechanism.as_str().into(),
    })
}

impl World for Fake {
    type Session = ServerSession;

    fn open(&mut self, dialogue: &Dialogue, now: Instant) -> ServerSession {
        let tls = dialogue.directive("tls") == Some("implicit");
        let session = ServerSession::new(Arc::new(config(dialogue)), tls, now)
            .at("2030-01-01T00:00:00Z".parse().expect("a time"));
        match dialogue.directive("trusted") {
            Some(_) => session.trusting(),
            None => session,
        }
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        if let Some(answer) = self.script(&ask) {
            return answer;
        }
        match ask {
            Ask::Ehlo { name, .. } if &*name == "refused.example" => {
                Answer::Decision(Decision::Refuse(reply("550 5.7.1 Another name, please")))
            }
            Ask::Client(client) => match client.login.as_deref() {
                Some("alice@waxwing.test") => Answer::Authenticated(Identity {
                    account: "alice@waxwing.test".into(),
                    authorised_as: "alice@waxwing.test".into(),
                    mechanism: "XCLIENT".into(),
                }),
                Some(_) => Answer::Decision(Decision::Refuse(reply("550 5.7.1 Nobody here"))),
                None => Answer::Decision(Decision::Pass),
            },
            Ask::Connect | Ask::Ehlo { .. } | Ask::MailFrom(_) | Ask::Data | Ask::Abandon => {
                Answer::Decision(Decision::Pass)
            }
            Ask::Authenticate { mechanism, offer } => match offer {
                Offer::Password(credentials) => self.login(mechanism, &credentials),
                Offer::Proof(proof) if proof.user == "locked@waxwing.test" => {
                    Answer::AuthFailed(AuthFailure::Credentials)
                }
                // A server that says yes to what was not proved must not be believed.
                Offer::Proof(proof) => authenticated(mechanism, &proof.user),
                Offer::Token(token) if token.token == "good" => {
                    authenticated(mechanism, &token.user)
                }
                Offer::External(name) => authenticated(mechanism, &name),
                Offer::Token(_) => Answer::AuthFailed(AuthFailure::Credentials),
            },
            Ask::Keys { user, .. } => Answer::Keys(Box::new(ServerPart {
                keys: match user.as_str() {
                    "alice@waxwing.test" | "locked@waxwing.test" => {
                        ScramKeys::derive("waxwing-demo", b"saltsaltsaltsalt", 4096).expect("keys")
                    }
                    _ => ScramKeys::pretend(b"secret", &user, 4096),
                },
                nonce: "server".to_owned(),
                channel: None,
            })),
            Ask::RcptTo(recipient) => Answer::Decision(recipient_decision(&recipient)),
            Ask::Message(message) => {
                let count = message.envelope.recipients.len();
                Answer::Delivered(match self.mode {
                    Mode::Delivery => vec![replies::delivered("0123456789abcdefg"); count],
                    Mode::Transfer | Mode::Submission => vec![replies::queued("0123456789abcdefg")],
                })
            }
        }
    }
}

fn recipient_decision(recipient: &Recipient) -> Decision {
    let refused = Reply::new(550, Some(EnhancedStatus(5, 1, 1)), "No such mailbox");
    match &recipient.path {
        ForwardPath::Postmaster => Decision::Pass,
        ForwardPath::Address(address) if address.domain().as_str() != "waxwing.test" => {
            Decision::Refuse(Reply::new(
                550,
                Some(EnhancedStatus(5, 7, 1)),
                "Relaying denied",
            ))
        }
        ForwardPath::Address(address) => match address.local() {
            "alice" | "bob" => Decision::Pass,
            _ => Decision::Refuse(refused),
        },
    }
}

fn mode(dialogue: &Dialogue) -> Mode {
    match dialogue.directive("listener") {
        None | Some("transfer") => Mode::Transfer,
        Some("submission") => Mode::Submission,
        Some("lmtp") => Mode::Delivery,
        Some(other) => panic!("{}: no listener {other}", dialogue.name),
    }
}

fn config(dialogue: &Dialogue) -> Config {
    let number = |name: &str| -> Option<u64> {
        dialogue
            .directive(name)
            .map(|text| text.parse().expect("a directive's number"))
    };
    let count = |name: &str| number(name).map(|n| u32::try_from(n).expect("a small number"));
    let mut config = Config::new("mx.waxwing.example", mode(dialogue));
    config.starttls = dialogue.directive("tls").is_none();
    config.plaintext_auth = dialogue.directive("plaintext-auth") != Some("off");
    config.require_auth &= dialogue.directive("require-auth") != Some("off");
    if let Some(names) = dialogue.directive("mechanisms") {
        let parse = |name| Mechanism::parse(name).expect("a mechanism");
        config.mechanisms = names.split(' ').map(parse).collect();
    }
    for name in dialogue.directives("extension") {
        extend(&mut config.extensions, name);
    }
    let limits = &mut config.limits;
    limits.message = number("max-size").unwrap_or(1 << 20);
    limits.excess = number("excess").unwrap_or(limits.excess);
    limits.text_line = number("text-line").unwrap_or(limits.text_line);
    limits.rate = number("min-rate").unwrap_or(limits.rate);
    limits.errors = count("errors").unwrap_or(limits.errors);
    limits.commands = count("commands").unwrap_or(limits.commands);
    limits.idle_commands = count("idle-commands").unwrap_or(limits.idle_commands);
    limits.recipients = count("recipients").map_or(limits.recipients, |n| n as usize);
    config
}

/// `% extension NAME` turns one on, `% extension no-chunking` off.
fn extend(extensions: &mut Extensions, name: &str) {
    match name {
        "no-chunking" => extensions.chunking = false,
        "binarymime" => extensions.binary_mime = true,
        "dsn" => extensions.dsn = true,
        "requiretls" => extensions.require_tls = true,
        "no-limits" => extensions.limits = false,
        "futurerelease" => extensions.future_release = Some(Duration::from_secs(86_400)),
        "deliverby" => extensions.deliver_by = Some(Duration::from_secs(60)),
        "mt-priority" => extensions.mt_priority = true,
        other => panic!("no extension {other}"),
    }
}

/// `550 5.7.1 Text`, with `\n` for another line.
fn reply(text: &str) -> Reply {
    let mut words = text.splitn(3, ' ');
    let code = words
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a reply's code");
    let status: Vec<u16> = words
        .next()
        .map(|word| {
            word.split('.')
                .filter_map(|number| number.parse().ok())
                .collect()
        })
        .unwrap_or_default();
    let [class, subject, detail] = status.as_slice() else {
        panic!("no enhanced status in {text}")
    };
    let class = u8::try_from(*class).expect("a class of one digit");
    let text = words.next().unwrap_or_default().replace("\\n", "\n");
    Reply::new(code, Some(EnhancedStatus(class, *subject, *detail)), text)
}
