//! The session against its dialogues, and against any bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;
use waxwing_dialogue::{Dialogue, World, check_folder};
use waxwing_sasl::{Mechanism, Offer, ScramKeys, ServerPart};
use waxwing_session::{Session, Step};

use super::Pop3Session;
use crate::{
    Answer, Ask, AuthFailure, Entry, Failure, Limits, Maildrop, Options, Terms, Tls, Welcome,
};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests")
}

/// The server's world as the dialogues know it: alice and bob, their password, and messages from directives.
#[derive(Clone, Default)]
struct Pop3World {
    messages: Vec<(String, Bytes)>,
    fail: Vec<String>,
    blocked: Option<String>,
    welcome: Option<Welcome>,
    terms: Terms,
    account: String,
}

impl Pop3World {
    fn of(dialogue: &Dialogue) -> Self {
        let mut world = Pop3World::default();
        for directive in dialogue.directives("message") {
            let mut words = directive.split(' ');
            let (account, file) = (words.next().unwrap(), words.nth(1).unwrap());
            let octets = std::fs::read(tests().join("messages").join(file)).unwrap();
            world
                .messages
                .push((format!("{account}@waxwing.test"), octets.into()));
        }
        world.fail = dialogue.directives("fail").map(str::to_owned).collect();
        world.blocked = dialogue.directive("blocked").map(str::to_owned);
        world.welcome = dialogue
            .directive("refuse")
            .map(|text| Welcome::Refuse(text.to_owned()))
            .or_else(|| {
                dialogue
                    .directive("defer")
                    .map(|text| Welcome::Defer(text.to_owned()))
            });
        if let Some(terms) = dialogue.directive("terms") {
            let (days, delay) = terms.split_once(' ').unwrap();
            world.terms = Terms {
                expire_days: days.parse().ok(),
                login_delay: delay.parse().unwrap(),
            };
        }
        world
    }

    fn fails(&self, what: &str) -> bool {
        self.fail.iter().any(|fail| fail == what)
    }

    fn mine(&self) -> impl Iterator<Item = &Bytes> {
        self.messages
            .iter()
            .filter(|(account, _)| *account == self.account)
            .map(|(_, octets)| octets)
    }

    fn authenticate(&mut self, user: &str, password: &str) -> Answer {
        if let Some(text) = &self.blocked {
            return Answer::NotAuthenticated(AuthFailure::Blocked(text.clone()));
        }
        if self.fails("login") {
            return Answer::NotAuthenticated(AuthFailure::Unavailable("r1".to_owned()));
        }
        if !["alice@waxwing.test", "bob@waxwing.test"].contains(&user) || password != "waxwing-demo"
        {
            return Answer::NotAuthenticated(AuthFailure::Credentials);
        }
        user.clone_into(&mut self.account);
        Answer::Authenticated
    }

    fn read(&self, uid: u32, offset: u64, length: u32) -> Answer {
        if self.fails("gone") {
            return Answer::Gone;
        }
        if self.fails("read") || (self.fails("second-read") && offset > 0) {
            return Answer::Failed(Failure::Unavailable("r2".to_owned()));
        }
        let octets = self.mine().nth(uid as usize - 1).unwrap();
        let start = usize::try_from(offset).unwrap();
        let end = octets.len().min(start + length as usize);
        assert!(start < end, "an ask for nothing");
        Answer::Octets(octets.slice(start..end))
    }
}

impl World for Pop3World {
    type Session = Pop3Session;

    fn open(&mut self, dialogue: &Dialogue, now: Instant) -> Pop3Session {
        let mut limits = Limits::default();
        if let Some(chunk) = dialogue.directive("chunk") {
            limits.chunk = chunk.parse().unwrap();
        }
        let tls = match dialogue.directive("tls") {
            Some("implicit") => Tls::Active,
            Some("absent") => Tls::Absent,
            _ => Tls::Available,
        };
        let plaintext_login = dialogue.directive("plaintext-auth") != Some("off");
        let mut options = Options {
            host: "mx.waxwing.example".to_owned(),
            tls,
            plaintext_login,
            limits,
            ..Options::default()
        };
        if let Some(names) = dialogue.directive("mechanisms") {
            let parse = |name| Mechanism::parse(name).unwrap();
            options.mechanisms = names.split(' ').map(parse).collect();
        }
        Pop3Session::new(Arc::new(options), now)
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Connect => {
                Answer::Welcome(self.welcome.clone().unwrap_or(Welcome::Pass(self.terms)))
            }
            Ask::Keys { user, .. } => Answer::Keys(Box::new(ServerPart {
                keys: match user.as_str() {
                    "alice@waxwing.test" | "locked@waxwing.test" => {
                        ScramKeys::derive("waxwing-demo", b"saltsaltsaltsalt", 4096).unwrap()
                    }
                    _ => ScramKeys::pretend(b"secret", &user, 4096),
                },
                nonce: "server".to_owned(),
                channel: None,
            })),
            Ask::Authenticate { offer, .. } => match offer {
                Offer::Password(credentials) => {
                    self.authenticate(&credentials.user, &credentials.password)
                }
                Offer::Proof(proof) if proof.user == "locked@waxwing.test" => {
                    Answer::NotAuthenticated(AuthFailure::Credentials)
                }
                // A server that says yes to what was not proved must not be believed.
                Offer::Proof(proof) => {
                    self.account = proof.user;
                    Answer::Authenticated
                }
                Offer::Token(token) if token.token == "good" => {
                    self.account = token.user;
                    Answer::Authenticated
                }
                Offer::External(name) => {
                    self.account = name;
                    Answer::Authenticated
                }
                Offer::Token(_) => Answer::NotAuthenticated(AuthFailure::Credentials),
            },
            Ask::Open { .. } if self.fails("open") => {
                Answer::Failed(Failure::Unavailable("r3".to_owned()))
            }
            Ask::Open { .. } => {
                let entry = |(index, octets): (usize, &Bytes)| Entry {
                    uid: u32::try_from(index).unwrap() + 1,
                    octets: octets.len() as u64,
                };
                Answer::Opened(Maildrop {
                    uid_validity: 1,
                    entries: self.mine().enumerate().map(entry).collect(),
                })
            }
            Ask::Read {
                uid,
                offset,
                length,
            } => self.read(uid, offset, length),
            Ask::Update { .. } if self.fails("update") => {
                Answer::Failed(Failure::Unavailable("r4".to_owned()))
            }
            Ask::Update { .. } => Answer::Updated,
        }
    }
}

#[test]
fn dialogues() {
    check_folder(&tests().join("dialogues/pop3"), Pop3World::of);
}

/// Feeds bytes and steps until the session reads or closes; gives what it wrote.
fn drive(
    session: &mut Pop3Session,
    world: &mut Pop3World,
    bytes: &[u8],
    now: Instant,
) -> (Vec<u8>, bool) {
    session.receive(bytes, now);
    let mut out = Vec::new();
    loop {
        match session.step() {
            Step::Write(octets) => out.extend_from_slice(&octets),
            Step::Ask(ask) => session.answer(world.answer(ask), now),
            Step::StartTls => session.secured(now),
            Step::Read => return (out, false),
            Step::Close => return (out, true),
            Step::Content(_) | Step::Compress => panic!("not of POP3"),
        }
    }
}

fn with_messages(count: usize) -> (Pop3Session, Pop3World) {
    let message = (
        "alice@waxwing.test".to_owned(),
        Bytes::from_static(b"Subject: x\r\n\r\n.\r\n"),
    );
    let world = Pop3World {
        messages: vec![message; count],
        ..Pop3World::default()
    };
    let options = Options {
        plaintext_login: true,
        ..Options::default()
    };
    (Pop3Session::new(Arc::new(options), Instant::now()), world)
}

const LOGIN: &[u8] = b"USER alice@waxwing.test\r\nPASS waxwing-demo\r\n";

#[test]
fn a_long_listing_leaves_in_pieces() {
    let (mut session, mut world) = with_messages(20_000);
    let now = Instant::now();
    drive(&mut session, &mut world, LOGIN, now);
    session.receive(b"UIDL\r\n", now);
    let mut total = 0;
    loop {
        match session.step() {
            Step::Write(octets) => {
                assert!(
                    octets.len() < 2 * super::WRITE,
                    "a piece of {} octets",
                    octets.len()
                );
                total += octets.split(|octet| *octet == b'\n').count() - 1;
            }
            Step::Read => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(total, 20_002);
}

#[test]
fn a_flood_behind_an_ask_ends_the_session() {
    let (mut session, mut world) = with_messages(0);
    let now = Instant::now();
    let Step::Ask(_) = session.step() else {
        panic!("the connection is asked about first")
    };
    for _ in 0..100 {
        session.receive(&[b'x'; 10_000], now);
    }
    let (out, closed) = drive(&mut session, &mut world, b"", now);
    assert!(out.starts_with(b"-ERR") && closed);
}

#[test]
fn no_time_passes_for_the_peer_while_the_server_works() {
    let (mut session, mut world) = with_messages(0);
    assert!(session.deadline().is_some());
    let Step::Ask(ask) = session.step() else {
        panic!("the connection is asked about first")
    };
    assert_eq!(session.deadline(), None);
    let later = Instant::now() + Duration::from_secs(3600);
    session.expire(later);
    session.answer(world.answer(ask), later);
    assert_eq!(session.deadline(), Some(later + Duration::from_secs(180)));
}

#[test]
fn an_idle_session_is_small() {
    assert!(
        size_of::<Pop3Session>() <= 400,
        "{}",
        size_of::<Pop3Session>()
    );
}

#[test]
fn an_answer_that_does_not_fit_ends_the_session() {
    let (mut session, _) = with_messages(0);
    let now = Instant::now();
    let Step::Ask(_) = session.step() else {
        panic!("the connection is asked about first")
    };
    session.answer(Answer::Gone, now);
    let Step::Write(said) = session.step() else {
        panic!("it says so")
    };
    assert!(said.starts_with(b"-ERR [SYS/TEMP]"));
    assert_eq!(session.step(), Step::Close);
}

proptest! {
    #[test]
    fn any_bytes_are_answered_and_cuts_change_nothing(
        parts in proptest::collection::vec(
            prop_oneof![
                Just(LOGIN.to_vec()),
                "(CAPA|STAT|LIST|UIDL|RETR|TOP|DELE|RSET|NOOP|QUIT|AUTH PLAIN|PASS|USER|STLS)( [0-9=a-z]{0,3}){0,2}\r\n".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..40),
                Just(b"\r\n".to_vec()),
            ],
            0..30,
        ),
        cut in 1_usize..50,
    ) {
        let bytes = parts.concat();
        let now = Instant::now();
        let (mut session, mut world) = with_messages(3);
        let whole = drive(&mut session, &mut world, &bytes, now);
        let (mut session, mut world) = with_messages(3);
        let mut pieces = (Vec::new(), false);
        for piece in bytes.chunks(cut) {
            if pieces.1 {
                break;
            }
            let (out, closed) = drive(&mut session, &mut world, piece, now);
            pieces.0.extend_from_slice(&out);
            pieces.1 = closed;
        }
        if bytes.is_empty() {
            pieces = drive(&mut session, &mut world, b"", now);
        }
        prop_assert_eq!(whole, pieces);
    }
}
