//! The steps of one hook, one after another: what each is asked, and what of its answer counts.
//!
//! Invariants: findings and actions count only if the step answered well; each call leaves one entry in the ledger; a step that fails is replaced by
//! what its `on-error` says.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use waxwing_mail::{EnhancedStatus, Reply};

use crate::answer::Answer;
use crate::capability::findings;
use crate::fault::Fault;
use crate::generation::Generation;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::instance::Said;
use crate::ledger::{Entry, Finding};
use crate::outcome::{EnvelopeEdit, Filing, HeaderEdit, Response};
use crate::policy_file::{Mode, OnError};
use crate::state::{Context, Effects};
use crate::step::{Held, Step};
use crate::subject::{Connection, ConnectionState, Found};
use crate::trial;

/// Entries of a connection's ledger: the oldest that found nothing make room.
const MAX_CONNECTION_ENTRIES: usize = 32;

/// Where a question comes from.
pub(crate) struct Scene<'a> {
    pub(crate) generation: &'a Generation,
    pub(crate) context: Context,
    pub(crate) held: Option<&'a mut Held>,
    /// What the entries in the ledger are about: a recipient, a domain, an account.
    pub(crate) about: Option<String>,
}

/// What a step came to, its failures decided by its `on-error`.
pub(crate) enum Came {
    /// It answered.
    Answer(Answer),
    /// It failed, and that stands for no opinion.
    Skipped,
    /// It failed, and that stands for a refusal: 4yz, or 5yz.
    Failed(Reply),
}

impl Scene<'_> {
    /// Asks one step and books what it brought about. A shadow step is asked beside; to the others it is as if it had no opinion.
    /// Nor has a step one whose plugin says beforehand that it has none.
    pub(crate) async fn ask(&mut self, step: &Arc<Step>, ask: &Ask<'_>) -> Came {
        if !self.may_say(step, ask) {
            return Came::Answer(Answer::Pass);
        }
        self.ask_anyway(step, ask).await
    }

    /// Whether the step may have anything to say, as far as it told beforehand.
    pub(crate) fn may_say(&self, step: &Arc<Step>, ask: &Ask<'_>) -> bool {
        step.conditions.hold(ask, &self.context) && !self.is_silent(step, ask.hook())
    }

    /// Whether the step said on this connection that it would pass here.
    fn is_silent(&self, step: &Arc<Step>, hook: Hook) -> bool {
        let generation = self.generation.number();
        self.context.connection.as_ref().is_some_and(|connection| {
            let state = connection.state();
            state.silences.hold(generation, &step.shared.name, hook)
        })
    }

    /// An answer that a step gave before it was asked: it is written down as if it had been.
    pub(crate) fn answered_ahead(&mut self, step: &Arc<Step>, hook: Hook, answer: &Answer) {
        let entry = self.entry(step, hook);
        self.book(step, entry, answer, Effects::default());
    }

    /// Asks one step as [`ask`](Self::ask) does, though its plugin may have nothing to say.
    pub(crate) async fn ask_anyway(&mut self, step: &Arc<Step>, ask: &Ask<'_>) -> Came {
        if step.config.mode == Mode::Shadow {
            trial::launch(self, step, ask);
            return Came::Answer(Answer::Pass);
        }
        let mut context = self.context.clone();
        context.generation = self.generation.number();
        let (said, took) = step.call(context, self.held.as_deref_mut(), ask).await;
        self.take(step, ask.hook(), said, took)
    }

    /// Asks steps of `message` side by side and books their answers in the steps' order, up to the first that `ends` the matter: what is booked
    /// is what would be if they ran one after another, but that none sees what the others found.
    pub(crate) async fn ask_together<T>(
        &mut self,
        steps: &[Arc<Step>],
        ends: impl Fn(Came) -> Option<T>,
    ) -> Option<T> {
        let mut calls = JoinSet::new();
        let asked = |step: &&Arc<Step>| self.may_say(step, &Ask::Message);
        let asked: Vec<_> = steps.iter().filter(asked).collect();
        for (place, step) in asked.into_iter().enumerate() {
            if step.config.mode == Mode::Shadow {
                trial::launch(self, step, &Ask::Message);
                continue;
            }
            let mut context = self.context.clone();
            context.generation = self.generation.number();
            let step = step.clone();
            let mut own = match self.held.as_deref_mut() {
                Some(held) => held.of(&step.shared.name),
                None => Held::default(),
            };
            calls.spawn(async move {
                let (said, took) = step.call(context, Some(&mut own), &Ask::Message).await;
                (place, step, said, took, own)
            });
        }
        let mut answers: Vec<_> = calls.join_all().await;
        answers.sort_by_key(|(place, ..)| *place);
        let mut decided = None;
        for (_, step, said, took, own) in answers {
            if let Some(held) = self.held.as_deref_mut() {
                held.give_back(own);
            }
            if decided.is_none() {
                decided = ends(self.take(&step, Hook::Message, said, took));
            }
        }
        decided
    }

    /// Books a call.
    fn take(&mut self, step: &Arc<Step>, hook: Hook, said: Said, took: Duration) -> Came {
        let mut entry = self.entry(step, hook);
        entry.microseconds = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        entry.host_calls = said.host_calls;
        match said.answer {
            Ok(answer) => {
                self.book(step, entry, &answer, said.effects);
                Came::Answer(answer)
            }
            Err(fault) => self.failed(step, entry, &fault),
        }
    }

    /// An answer that is a fault only once more is known than the step itself knew.
    pub(crate) fn object(&mut self, step: &Arc<Step>, hook: Hook, fault: &Fault) -> Came {
        step.objected(hook, fault);
        let entry = self.entry(step, hook);
        self.failed(step, entry, fault)
    }

    fn entry(&self, step: &Arc<Step>, hook: Hook) -> Entry {
        let about = self.about.as_deref().map(Into::into);
        entry(step, self.generation.number(), hook, about)
    }

    fn failed(&mut self, step: &Arc<Step>, mut entry: Entry, fault: &Fault) -> Came {
        let hook = entry.hook;
        entry.fault = Some(fault.to_string().into());
        entry.blamed = fault.is_its_own();
        entry.verdict = step.config.on_error.as_str().into();
        if step.breakers.of(hook).opened() {
            self.generation
                .keeps_failing(step, &format!("{hook}: {fault}"));
        }
        self.enter(entry);
        match step.config.on_error {
            OnError::Skip => Came::Skipped,
            OnError::Defer if hook == Hook::Connect => {
                // RFC 5321 §3.8: 421 is what a server says that cannot greet.
                Came::Failed(Reply::new(
                    421,
                    Some(EnhancedStatus(4, 3, 0)),
                    self.apology("try again later"),
                ))
            }
            OnError::Defer => Came::Failed(Reply::new(
                451,
                Some(EnhancedStatus(4, 3, 0)),
                self.apology("try again later"),
            )),
            OnError::Reject => Came::Failed(Reply::new(
                554,
                Some(EnhancedStatus(5, 3, 0)),
                self.apology("not accepted"),
            )),
        }
    }

    /// The peer is told little; the reference leads the operator to the rest.
    fn apology(&self, what: &str) -> String {
        let reference = match (&self.context.mail, &self.context.connection) {
            (Some(mail), _) => mail.facts.queue_id.as_str(),
            (None, Some(connection)) => connection.facts.id.as_str(),
            (None, None) => "",
        };
        format!("A policy step failed, {what} (reference {reference})")
    }

    fn book(&mut self, step: &Arc<Step>, mut entry: Entry, answer: &Answer, effects: Effects) {
        entry.verdict = answer.told();
        entry.actions = actions(&effects, answer);
        entry.explained = effects.explained;
        if let Some(mail) = &self.context.mail {
            let mut state = mail.state();
            entry.findings = count(&mut state.found, step, effects.findings);
            effects
                .envelope
                .into_iter()
                .for_each(|edit| state.change(edit));
            state.signatures.extend(effects.signatures);
            if effects.seal.is_some() {
                state.seal = effects.seal;
            }
            state.priority = effects.priority.or(state.priority);
            if entry.hook == Hook::Deliver && effects.response.is_some() {
                state.response = effects.response;
            }
            if let (Hook::RcptTo, Some(account)) = (entry.hook, effects.leads_to) {
                state.leads.note(&step.shared.name, account);
            }
            if !effects.edits.is_empty() {
                state.edits.extend(effects.edits);
                // The next step sees what this one made of the header.
                if let Some(view) = &self.context.message {
                    self.context.message = Some(Arc::new(view.edited(&state.edits)));
                }
            }
            for (key, value) in effects.tags {
                match state.tags.iter_mut().find(|(name, _)| *name == key) {
                    Some(tag) => tag.1 = value,
                    None => state.tags.push((key, value)),
                }
            }
        } else if let Some(connection) = &self.context.connection {
            let mut state = connection.state();
            state.greeting_delay = state.greeting_delay.max(effects.greeting_delay);
            state.maildrop = state.maildrop.with(effects.maildrop);
            if matches!(entry.hook, Hook::Connect | Hook::Ehlo) {
                let generation = self.generation.number();
                let step = &step.shared.name;
                state.silences.promise(generation, step, effects.passing);
            }
            if make_room(&mut state) {
                entry.findings = count(&mut state.found, step, effects.findings);
            }
        }
        self.enter(entry);
    }

    fn enter(&self, entry: Entry) {
        if let Some(mail) = &self.context.mail {
            mail.state().entries.push(Arc::new(entry));
        } else if let Some(connection) = &self.context.connection {
            enter_connection(connection, entry);
        }
    }
}

/// An entry of a call, as far as it is known before its answer.
pub(crate) fn entry(
    step: &Arc<Step>,
    generation: u64,
    hook: Hook,
    about: Option<Box<str>>,
) -> Entry {
    Entry {
        step: step.shared.info.clone(),
        generation,
        hook,
        mode: step.config.mode.marked(),
        about,
        verdict: "".into(),
        fault: None,
        findings: Vec::new(),
        actions: Vec::new(),
        explained: Vec::new(),
        microseconds: 0,
        host_calls: 0,
        blamed: false,
    }
}

/// Writes an entry into a connection's ledger, if there is room.
pub(crate) fn enter_connection(connection: &Connection, entry: Entry) {
    let mut state = connection.state();
    if make_room(&mut state) {
        state.entries.push(Arc::new(entry));
    }
}

/// Whether a connection's ledger takes one more entry. A client can greet and fail to log in without end; and since the score is the sum of the
/// ledger, an entry that counts for something cannot go.
fn make_room(state: &mut ConnectionState) -> bool {
    if state.entries.len() < MAX_CONNECTION_ENTRIES {
        return true;
    }
    match state.entries.iter().position(|entry| !entry.counts()) {
        Some(place) => {
            state.entries.remove(place);
            true
        }
        None => false,
    }
}

/// Adds what a call found to what its step found before; gives what that changes in the score.
pub(crate) fn count(
    found: &mut Vec<Found>,
    step: &Arc<Step>,
    new: Vec<crate::state::NewFinding>,
) -> Vec<Finding> {
    new.into_iter()
        .filter_map(|new| {
            let score = findings::score(&step.shared.scores, &new.name, new.weight);
            let counts = score - findings::counted(found, &step.shared.name, &new.name, score);
            let full = found.len() >= findings::MAX_FINDINGS;
            let known = found
                .iter_mut()
                .find(|found| found.step == step.shared.name && found.name == new.name);
            match known {
                Some(known) => {
                    known.score += counts;
                    if new.weight.abs() > known.weight.abs() {
                        known.weight = new.weight;
                    }
                }
                None if full => return None,
                None => found.push(Found {
                    step: step.shared.name.clone(),
                    name: new.name.clone(),
                    weight: new.weight,
                    score,
                    options: new.options.clone(),
                }),
            }
            Some(Finding {
                name: new.name,
                weight: new.weight,
                score: counts,
                would: None,
                options: new.options,
            })
        })
        .collect()
}

/// What a call did, in words.
pub(crate) fn actions(effects: &Effects, answer: &Answer) -> Vec<String> {
    let edits = effects.edits.iter().map(|edit| match edit {
        HeaderEdit::Add { name, value } => format!("add-header {name}: {value}"),
        HeaderEdit::Change { name, nth, value } => format!("change-header {name}[{nth}]: {value}"),
        HeaderEdit::Remove {
            name,
            nth: Some(nth),
        } => format!("remove-header {name}[{nth}]"),
        HeaderEdit::Remove { name, nth: None } => format!("remove-header {name}"),
    });
    let tags = effects
        .tags
        .iter()
        .map(|(key, value)| format!("tag {key}={value}"));
    let keys = effects
        .signatures
        .iter()
        .map(|key| format!("sign {key}"))
        .chain(effects.seal.iter().map(|key| format!("seal {key}")));
    let priority = effects
        .priority
        .map(|priority| format!("priority {priority}"));
    let delay = (!effects.greeting_delay.is_zero())
        .then(|| format!("delay-greeting {}", effects.greeting_delay.as_millis()));
    let filings: &[Filing] = match answer {
        Answer::Done(filings) => filings,
        _ => &[],
    };
    edits
        .chain(effects.envelope.iter().map(EnvelopeEdit::told))
        .chain(tags)
        .chain(keys)
        .chain(priority)
        .chain(delay)
        .chain(effects.maildrop.told())
        .chain(effects.said_ahead())
        .chain(filings.iter().map(Filing::told))
        .chain(effects.response.as_ref().map(Response::told))
        .collect()
}

impl Response {
    /// Without what it says: that is its author's.
    fn told(&self) -> String {
        let seconds = self.period.as_secs();
        format!("respond from {} once in {seconds} s", self.author)
    }
}

impl EnvelopeEdit {
    fn told(&self) -> String {
        match self {
            Self::AddRecipient(address) => format!("add-recipient {address}"),
            Self::RemoveRecipient(index) => format!("remove-recipient {index}"),
            Self::ChangeSender(sender) => format!("change-sender {sender}"),
        }
    }
}

impl Filing {
    fn told(&self) -> String {
        use crate::outcome::MailboxRef;
        let mailbox = match &self.mailbox {
            MailboxRef::Path { path, .. } => path.as_str(),
            MailboxRef::SpecialUse(attribute) => attribute.as_str(),
            MailboxRef::Inbox => "INBOX",
        };
        format!("file into {mailbox} {}", self.flags.join(" "))
            .trim_end()
            .to_owned()
    }
}
