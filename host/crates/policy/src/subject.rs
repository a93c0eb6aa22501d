//! What hooks are asked about: the connection, the transaction, the credentials. Shared between the session that owns them and the
//! guest that looks at them; the parts that change are behind locks that nobody holds over a wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use waxwing_mail::{Address, ForwardPath, Identity, Param, Recipient, ReversePath};

use crate::ahead::{Leads, Silences};
use crate::auth::AuthResults;
use crate::facts::{ConnectionFacts, OutboundFacts, TlsFacts, TransactionFacts};
use crate::generation::Generation;
use crate::ledger::{Entry, Ledger};
use crate::outcome::{DkimKey, EnvelopeEdit, HeaderEdit, MaildropTerms, Response, Verdict};
use crate::trial::Trials;

/// Notes, octets of a key and octets in all that one step may keep on one connection or transaction.
const MAX_NOTES: usize = 32;
const MAX_NOTE_KEY: usize = 128;
const MAX_NOTE_OCTETS: usize = 4096;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) facts: ConnectionFacts,
    pub(crate) started: Instant,
    /// Where its shadow steps are asked, if there are any.
    pub(crate) trials: OnceLock<Trials>,
    /// Whether it is tried out.
    pub(crate) tried: OnceLock<bool>,
    changing: Mutex<ConnectionState>,
}

/// What changes while a connection lasts.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    pub(crate) tls: Option<TlsFacts>,
    pub(crate) helo: Option<Box<str>>,
    pub(crate) esmtp: bool,
    pub(crate) identity: Option<Identity>,
    pub(crate) counters: Counters,
    pub(crate) notes: Notes,
    /// How long the greeting is to wait.
    pub(crate) greeting_delay: Duration,
    /// What is told of the maildrop.
    pub(crate) maildrop: MaildropTerms,
    /// Where steps will have nothing to say.
    pub(crate) silences: Silences,
    /// What was found before any transaction; it counts for each.
    pub(crate) found: Vec<Found>,
    /// The connection's part of each message's ledger.
    pub(crate) entries: Vec<Arc<Entry>>,
}

/// What happened on a connection so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) transactions: u64,
    pub(crate) messages: u64,
    pub(crate) recipients_accepted: u64,
    pub(crate) recipients_refused: u64,
    pub(crate) auth_failures: u64,
    /// What the server observed: each of [`Observed`] in its order.
    pub(crate) observed: [u64; 9],
}

/// What the server observes of a connection, for plugins that decide about bans and delays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Octets that the client sent before it was greeted.
    EarlyOctets,
    /// Commands.
    Commands,
    /// Commands that were in error, and failed logins.
    Errors,
    /// Octets.
    Octets,
    /// Sessions of the client's address when this one began, itself included.
    SessionsOfAddress,
    /// Sessions of the client's network then.
    SessionsOfNetwork,
    /// How short room was then, from 0 (not at all) to 3.
    Pressure,
    /// Commands in error and failed logins that the client's address had lately when this session began, with nobody logged in.
    ErrorsOfAddress,
    /// Recipients that were refused to it for good lately.
    RefusedOfAddress,
}

impl Observed {
    /// What plugins call it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "early-octets" => Self::EarlyOctets,
            "commands" => Self::Commands,
            "errors" => Self::Errors,
            "octets" => Self::Octets,
            "sessions-of-address" => Self::SessionsOfAddress,
            "sessions-of-network" => Self::SessionsOfNetwork,
            "pressure" => Self::Pressure,
            "errors-of-address" => Self::ErrorsOfAddress,
            "refused-of-address" => Self::RefusedOfAddress,
            _ => return None,
        })
    }
}

impl Counters {
    /// Adds to what was observed.
    pub(crate) fn observe(&mut self, what: Observed, more: u64) {
        if let Some(count) = self.observed.get_mut(what as usize) {
            *count = count.saturating_add(more);
        }
    }

    pub(crate) fn named(&self, name: &str) -> u64 {
        match name {
            "transactions" => self.transactions,
            "messages" => self.messages,
            "recipients-accepted" => self.recipients_accepted,
            "recipients-refused" => self.recipients_refused,
            "auth-failures" => self.auth_failures,
            _ => Observed::named(name)
                .and_then(|what| self.observed.get(what as usize))
                .copied()
                .unwrap_or(0),
        }
    }
}

/// A finding as it stands: the sum over a step's calls.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) step: Arc<str>,
    pub(crate) name: Box<str>,
    pub(crate) weight: f64,
    pub(crate) score: f64,
    pub(crate) options: Vec<String>,
}

impl Connection {
    pub(crate) fn new(mut facts: ConnectionFacts) -> Self {
        let state = ConnectionState {
            tls: facts.tls.take(),
            ..ConnectionState::default()
        };
        Self {
            facts,
            started: Instant::now(),
            trials: OnceLock::new(),
            tried: OnceLock::new(),
            changing: Mutex::new(state),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, ConnectionState> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client's address, an IPv4-mapped one as IPv4.
    pub(crate) fn client(&self) -> IpAddr {
        self.facts.client.ip().to_canonical()
    }
}

/// A transaction.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) facts: TransactionFacts,
    /// Who was logged in at MAIL.
    pub(crate) identity: Option<Identity>,
    /// Where its shadow steps are asked if no connection is at hand: those of the outbound queue.
    pub(crate) trials: OnceLock<Trials>,
    /// Whether it is tried out.
    pub(crate) tried: OnceLock<bool>,
    changing: Mutex<MailState>,
}

/// What changes while a transaction lasts.
#[derive(Clone, Debug, Default)]
pub(crate) struct MailState {
    /// The sender that a step put in the place of MAIL's.
    pub(crate) sender: Option<ReversePath>,
    pub(crate) recipients: Vec<Addressee>,
    /// Where steps say that the recipient at hand leads.
    pub(crate) leads: Leads,
    /// Recipients that were refused.
    pub(crate) refused: u64,
    pub(crate) notes: Notes,
    pub(crate) found: Vec<Found>,
    pub(crate) tags: Vec<(String, String)>,
    /// What the host found out about who it is from; none: nothing was computed.
    pub(crate) auth: Option<Arc<AuthResults>>,
    pub(crate) edits: Vec<HeaderEdit>,
    pub(crate) verdicts: Vec<(Box<str>, Verdict)>,
    pub(crate) entries: Vec<Arc<Entry>>,
    /// Keys to sign with, for a message that enters the queue.
    pub(crate) signatures: Vec<DkimKey>,
    /// The key to seal it with.
    pub(crate) seal: Option<DkimKey>,
    /// Its priority there, if a step said so.
    pub(crate) priority: Option<i8>,
    /// The answer that is given once the copy at hand is stored.
    pub(crate) response: Option<Response>,
}

/// An accepted recipient.
#[derive(Clone, Debug)]
pub(crate) struct Addressee {
    /// Where it comes from and whether it stays: numbers outlive what they stand for.
    pub(crate) standing: Standing,
    /// None is `<Postmaster>`.
    pub(crate) address: Option<Address>,
    pub(crate) params: Vec<Param>,
    /// Where it leads, by steps that said so beforehand.
    pub(crate) leads: Leads,
}

/// Whether a recipient is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The client named it.
    Given,
    /// A plugin added it.
    Added,
    /// A plugin took it out.
    Removed,
}

impl Addressee {
    pub(crate) fn new(recipient: &Recipient) -> Self {
        let address = match &recipient.path {
            ForwardPath::Postmaster => None,
            ForwardPath::Address(address) => Some(address.clone()),
        };
        Self {
            standing: Standing::Given,
            address,
            params: recipient.params.clone(),
            leads: Leads::default(),
        }
    }

    /// The domain; empty for `<Postmaster>`.
    pub(crate) fn domain(&self) -> &str {
        self.address
            .as_ref()
            .map_or("", |address| address.domain().as_str())
    }

    /// As people read it.
    pub(crate) fn text(&self) -> String {
        self.address
            .as_ref()
            .map_or_else(|| "postmaster".into(), ToString::to_string)
    }
}

impl Mail {
    pub(crate) fn new(facts: TransactionFacts, connection: &Connection) -> Self {
        let mut before = connection.state();
        before.counters.transactions += 1;
        let state = MailState {
            found: before.found.clone(),
            entries: before.entries.clone(),
            ..MailState::default()
        };
        Self {
            facts,
            identity: before.identity.clone(),
            trials: OnceLock::new(),
            tried: OnceLock::new(),
            changing: Mutex::new(state),
        }
    }

    /// A message of the outbound queue, which no connection belongs to any more.
    pub(crate) fn queued(facts: OutboundFacts) -> Self {
        let state = MailState {
            recipients: facts.recipients.iter().map(Addressee::new).collect(),
            tags: facts.tags,
            ..MailState::default()
        };
        Self {
            facts: facts.transaction,
            identity: facts.identity,
            trials: OnceLock::new(),
            tried: OnceLock::new(),
            changing: Mutex::new(state),
        }
    }

    /// The sender as the steps left it.
    pub(crate) fn sender(&self) -> ReversePath {
        let changed = self.state().sender.clone();
        changed.unwrap_or_else(|| self.facts.sender.clone())
    }

    /// What was decided so far, and why; what shadow steps said apart, since they may still be at it.
    pub(crate) fn ledger(&self, generation: &Generation) -> Ledger {
        let state = self.state();
        let decided = state.entries.iter().filter(|entry| !entry.is_trial());
        Ledger {
            generation: generation.number(),
            score: state.score(),
            steps: decided.cloned().collect(),
            roster: generation.roster().clone(),
        }
    }

    /// Puts its ledger behind that of the message it is a part of, whose score stays the sum of all.
    pub(crate) fn join(&self, whole: &Self) {
        let (entries, found) = {
            let own = self.state();
            let decided = own.entries.iter().filter(|entry| !entry.is_trial());
            (decided.cloned().collect::<Vec<_>>(), own.found.clone())
        };
        let mut whole = whole.state();
        whole.entries.extend(entries);
        whole.found.extend(found);
    }

    /// What shadow steps said so far.
    pub(crate) fn tried_out(&self, generation: &Generation) -> Ledger {
        let state = self.state();
        let tried = state.entries.iter().filter(|entry| entry.is_trial());
        Ledger {
            generation: generation.number(),
            score: 0.0,
            steps: tried.cloned().collect(),
            roster: generation.roster().clone(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, MailState> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transaction as it is now, for somebody who must leave no trace in it.
    pub(crate) fn copy(&self) -> Self {
        let mut state = self.state().clone();
        state.entries.clear();
        Self {
            facts: self.facts.clone(),
            identity: self.identity.clone(),
            trials: OnceLock::new(),
            tried: OnceLock::new(),
            changing: Mutex::new(state),
        }
    }

    /// Gives the notes of one space to another view of the same transaction.
    pub(crate) fn lend_notes(&self, space: &Arc<str>, to: &Self) {
        let notes = self.state().notes.by_step.get(space).cloned();
        if let Some(notes) = notes {
            to.state().notes.by_step.insert(space.clone(), notes);
        }
    }
}

impl MailState {
    /// The recipients that are, with their numbers.
    pub(crate) fn present(&self) -> impl Iterator<Item = (u32, &Addressee)> {
        (0..)
            .zip(&self.recipients)
            .filter(|(_, recipient)| recipient.standing != Standing::Removed)
    }

    /// The one with this number.
    pub(crate) fn recipient(&self, index: u32) -> Option<&Addressee> {
        let recipient = self.recipients.get(usize::try_from(index).ok()?)?;
        (recipient.standing != Standing::Removed).then_some(recipient)
    }

    /// What the message was judged to be for the recipients of this domain, once it was.
    pub(crate) fn verdict(&self, domain: &str) -> Option<&Verdict> {
        let mut verdicts = self.verdicts.iter();
        verdicts.find_map(|(of, verdict)| (of.as_ref() == domain).then_some(verdict))
    }

    /// Changes the envelope.
    pub(crate) fn change(&mut self, edit: EnvelopeEdit) {
        match edit {
            EnvelopeEdit::AddRecipient(address) => {
                let known = self
                    .present()
                    .any(|(_, recipient)| recipient.address.as_ref() == Some(&address));
                if !known {
                    self.recipients.push(Addressee {
                        standing: Standing::Added,
                        address: Some(address),
                        params: Vec::new(),
                        leads: Leads::default(),
                    });
                }
            }
            EnvelopeEdit::RemoveRecipient(index) => {
                let recipient = usize::try_from(index)
                    .ok()
                    .and_then(|at| self.recipients.get_mut(at));
                if let Some(recipient) = recipient {
                    recipient.standing = Standing::Removed;
                }
            }
            EnvelopeEdit::ChangeSender(sender) => self.sender = Some(sender),
        }
    }

    /// The sum of all findings.
    pub(crate) fn score(&self) -> f64 {
        // An empty sum is -0, which looks odd.
        self.found.iter().fold(0.0, |sum, found| sum + found.score)
    }
}

/// Values by their keys.
type NotesOfStep = HashMap<Box<str>, Box<[u8]>>;

/// Small values that steps keep, each step its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    by_step: HashMap<Arc<str>, NotesOfStep>,
}

impl Notes {
    pub(crate) fn get(&self, step: &str, key: &str) -> Option<&[u8]> {
        self.by_step.get(step)?.get(key).map(AsRef::as_ref)
    }

    /// Keeps a note, or removes it if it is empty. False if a bound was reached.
    pub(crate) fn set(&mut self, step: &Arc<str>, key: &str, value: &[u8]) -> bool {
        let notes = self.by_step.entry(step.clone()).or_default();
        if value.is_empty() {
            notes.remove(key);
            return true;
        }
        let others = notes.iter().filter(|(name, _)| name.as_ref() != key);
        let (count, octets) = others.fold((0, 0), |(count, octets), (name, value)| {
            (count + 1, octets + name.len() + value.len())
        });
        if count >= MAX_NOTES
            || key.len() > MAX_NOTE_KEY
            || octets + key.len() + value.len() > MAX_NOTE_OCTETS
        {
            return false;
        }
        notes.insert(key.into(), value.into());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_bounded_and_each_steps_own() {
        let mut notes = Notes::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        assert!(notes.set(&a, "key", b"one"));
        assert!(notes.set(&a, "key", b"two"));
        assert_eq!(notes.get("a", "key"), Some(&b"two"[..]));
        assert_eq!(notes.get("b", "key"), None);
        assert!(!notes.set(&b, "key", &[1; MAX_NOTE_OCTETS]));
        assert!(notes.set(&b, "key", &[1; MAX_NOTE_OCTETS - 3]));
        assert!(!notes.set(&b, "another", b"1"));
        assert!(notes.set(&b, "key", b""));
        assert!((0..MAX_NOTES).all(|n| notes.set(&b, &n.to_string(), b"x")));
        assert!(!notes.set(&b, "one too many", b"x"));
    }
}
