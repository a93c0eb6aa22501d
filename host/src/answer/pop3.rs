//! What POP3 sessions ask, answered from policy and store.

mod open;

use std::sync::Arc;
use std::time::Instant;

use waxwing_pop3::{
    Answer, Ask, AuthFailure, Entry, Failure, Maildrop, Pop3Session, Terms, Welcome,
};
use waxwing_session::Counts;
use waxwing_store::{Account, FlagChange, FlagOperation, Flags, UidRange};

use self::open::Open;
use super::events;
use super::gate::{Admission, Gate, Login};
use super::{Caller, Settings};
use crate::drive::{Answering, Answers};
use crate::telemetry::Reference;
use crate::transport::TlsFacts;
use crate::wiring::Parts;

/// The session of a connection.
pub(crate) fn session(parts: &Arc<Parts>, caller: &Caller) -> Pop3Session {
    match &caller.door.settings {
        Settings::Pop3(options) => Pop3Session::new(Arc::clone(options), Instant::now()),
        _ => Pop3Session::new(
            super::pop3_settings(&caller.door.listener, &parts.config),
            Instant::now(),
        ),
    }
}

/// Answers the asks of one session.
pub(crate) struct Pop3Answers {
    gate: Gate,
    account: Option<Arc<Account>>,
    open: Option<Open>,
}

impl Pop3Answers {
    pub(crate) fn new(parts: &Arc<Parts>, caller: Caller) -> Self {
        Self {
            gate: Gate::new(parts, caller),
            account: None,
            open: None,
        }
    }

    async fn decide(&mut self, ask: Ask) -> Result<Answer, waxwing_store::Error> {
        match ask {
            Ask::Connect => Ok(Answer::Welcome(match self.gate.connect().await {
                Admission::Pass => Welcome::Pass(self.terms()),
                Admission::Refused(reply) | Admission::Disconnected(reply)
                    if reply.code.is_permanent() =>
                {
                    Welcome::Refuse(reply.text.into_owned())
                }
                Admission::Refused(reply) | Admission::Disconnected(reply) => {
                    Welcome::Defer(reply.text.into_owned())
                }
            })),
            Ask::Keys { mechanism, user } => Ok(match self.gate.keys(mechanism, user).await {
                Ok(part) => Answer::Keys(Box::new(part)),
                Err(login) => self.logged_in(login),
            }),
            Ask::Authenticate { mechanism, offer } => {
                let login = self.gate.login(mechanism.as_str(), offer).await;
                Ok(self.logged_in(login))
            }
            Ask::Open { limit } => self.open(limit).await,
            Ask::Read {
                uid,
                offset,
                length,
            } => self.read(uid, offset, length).await,
            Ask::Update { remove, seen } => self.update(&remove, &seen).await,
        }
    }

    /// What policy wants told of the maildrop.
    fn terms(&self) -> Terms {
        let wished = self.gate.maildrop();
        Terms {
            expire_days: wished.expire_days,
            login_delay: wished.login_delay,
        }
    }

    fn logged_in(&mut self, login: Login) -> Answer {
        let failure = match login {
            Login::In { account, .. } => {
                self.account = Some(account);
                return Answer::Authenticated;
            }
            Login::Wrong => AuthFailure::Credentials,
            Login::Blocked(text) => AuthFailure::Blocked(text),
            Login::Unavailable(reference) => AuthFailure::Unavailable(reference.to_string()),
        };
        Answer::NotAuthenticated(failure)
    }

    async fn open(&mut self, limit: usize) -> Result<Answer, waxwing_store::Error> {
        let Some(account) = &self.account else {
            return Ok(not_open());
        };
        let store = &self.gate.parts().store;
        // Before it is looked at, so that nothing happens between that is not told.
        let news = store.subscribe(account.id);
        let inbox = store.mailbox(account.id, "INBOX").await?;
        let messages = store
            .fetch(account.id, inbox.id, &[UidRange::ALL], false)
            .await?;
        let messages = messages.get(..limit).unwrap_or(&messages);
        let entries = messages.iter().map(|message| Entry {
            uid: message.flags.uid,
            octets: message.size,
        });
        let maildrop = Maildrop {
            uid_validity: inbox.uid_validity,
            entries: entries.collect(),
        };
        self.open = Some(Open::new(account.id, &inbox, messages, news));
        Ok(Answer::Opened(maildrop))
    }

    async fn read(
        &mut self,
        uid: u32,
        offset: u64,
        length: u32,
    ) -> Result<Answer, waxwing_store::Error> {
        let Some(open) = &mut self.open else {
            return Ok(not_open());
        };
        let store = &self.gate.parts().store;
        let found = open.read(store, uid, offset, length as usize).await?;
        Ok(found.map_or(Answer::Gone, Answer::Octets))
    }

    async fn update(
        &mut self,
        remove: &[u32],
        seen: &[u32],
    ) -> Result<Answer, waxwing_store::Error> {
        let (Some(account), Some(open)) = (&self.account, &self.open) else {
            return Ok(not_open());
        };
        let store = &self.gate.parts().store;
        if !seen.is_empty() {
            let change = FlagChange {
                operation: FlagOperation::Add,
                flags: Flags::SEEN,
                keywords: Vec::new(),
                unchanged_since: None,
            };
            store
                .store_flags(
                    account.id,
                    open.inbox,
                    &UidRange::compress(seen.iter().copied()),
                    change,
                )
                .await?;
            self.gate.tell(&account.address, || {
                let seen = seen.iter().copied();
                events::flagged("INBOX", seen, FlagOperation::Add, vec!["\\Seen".into()])
            });
        }
        if !remove.is_empty() {
            // RFC 1939 §6: what another session removed is removed.
            let removed = store
                .expunge(
                    account.id,
                    open.inbox,
                    &UidRange::compress(remove.iter().copied()),
                    false,
                )
                .await?;
            if !removed.is_empty() {
                self.gate
                    .tell(&account.address, || events::expunged("INBOX", removed));
            }
        }
        Ok(Answer::Updated)
    }
}

fn not_open() -> Answer {
    Answer::Failed(Failure::Permanent("no maildrop is open".into()))
}

impl Answers<Pop3Session> for Pop3Answers {
    fn answer(&mut self, ask: Ask) -> Answering<'_, Answer> {
        Box::pin(async move {
            let session = self.gate.session();
            self.decide(ask).await.unwrap_or_else(|error| {
                Answer::Failed(Failure::Unavailable(
                    Reference::log("a POP3 command failed", session, &error).to_string(),
                ))
            })
        })
    }

    fn early(&mut self, octets: usize) {
        self.gate.early(octets);
    }

    fn spent(&mut self, did: Counts, octets: u64) -> bool {
        self.gate.spent(did, octets)
    }

    fn secured(&mut self, facts: TlsFacts) {
        self.gate.secured(facts);
    }
}
