//! What an instance holds on the host's side, and the seam that every host call passes.
//!
//! Invariants: a host call is counted before it is answered and shown to the recorder after; what a call of a hook brings about is
//! collected here and applied only if the hook answers well; a handle of one call is worth nothing in another.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, bail};

use crate::ahead::Passing;
use crate::copies::Copies;
use crate::engine;
use crate::facts::{Attempt, Cause, MailboxEvent};
use crate::fault::Fault;
use crate::hook::Hook;
use crate::limits::Limits;
use crate::outcome::{DkimKey, EnvelopeEdit, Filing, HeaderEdit, MaildropTerms, Plan, Response};
use crate::policy_file::{Mode, Network};
use crate::recorder::{HostCall, Recorder};
use crate::services::Services;
use crate::sight::Sight;
use crate::step::StepInfo;
use crate::subject::{Connection, Mail};
use crate::trail::Trail;
use crate::verified::Credentials;
use crate::view::{MessageView, PatternCache, PatternSet, PatternSetBuilder};

/// Pattern sets that an instance may hold.
pub(crate) const MAX_PATTERN_SETS: usize = 64;
/// Handles of parts that a call may hold at once.
pub(crate) const MAX_PART_HANDLES: u32 = 2000;

/// What all instances of a step share.
pub(crate) struct Shared {
    pub(crate) info: Arc<StepInfo>,
    /// The step's name.
    pub(crate) name: Arc<str>,
    /// Whose keys and notes it has: its own, or those of the step in whose place it is, or would be.
    pub(crate) space: Arc<str>,
    /// Whose notes it has while nothing counts.
    pub(crate) scratch: Arc<str>,
    /// What it sees of its keys while nothing counts.
    pub(crate) copies: Arc<Copies>,
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    pub(crate) sight: Sight,
    pub(crate) network: Arc<Network>,
    /// Whether it may send mail on to anybody.
    pub(crate) relay: bool,
    pub(crate) settings: Arc<str>,
    /// The scores that the operator gave to findings.
    pub(crate) scores: Arc<std::collections::BTreeMap<String, f64>>,
    pub(crate) services: Arc<dyn Services>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) patterns: Arc<PatternCache>,
    /// The sets that instances compiled: they stay while the step lives, though its instances come and go.
    pub(crate) kept: Mutex<Vec<Arc<PatternSet>>>,
    pub(crate) figures: crate::capability::Figures,
}

impl Shared {
    /// Keeps a set for the instances to come.
    pub(crate) fn keep(&self, set: &Arc<PatternSet>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_PATTERN_SETS && !kept.iter().any(|known| Arc::ptr_eq(known, set)) {
            kept.push(set.clone());
        }
    }
}

/// What a hook is asked about.
#[derive(Clone, Default)]
pub(crate) struct Context {
    pub(crate) generation: u64,
    pub(crate) connection: Option<Arc<Connection>>,
    pub(crate) mail: Option<Arc<Mail>>,
    pub(crate) message: Option<Arc<MessageView>>,
    pub(crate) credentials: Option<Arc<Credentials>>,
    /// The domain at hand.
    pub(crate) domain: Option<Arc<str>>,
    /// Nothing of the call counts.
    pub(crate) trial: bool,
    /// Why the message leaves, at `submit`.
    pub(crate) cause: Option<Cause>,
    /// The attempt to deliver elsewhere.
    pub(crate) attempt: Option<Arc<Attempt>>,
    /// What happened in mailboxes.
    pub(crate) events: Option<Arc<[MailboxEvent]>>,
}

/// Where a call stands against its limits.
pub(crate) struct Budget {
    pub(crate) deadline: Instant,
    pub(crate) host_calls: u32,
    pub(crate) read_left: u64,
    pub(crate) dns_left: u32,
    pub(crate) http_left: u32,
    pub(crate) log_lines_left: u32,
    pub(crate) ticks_left: u32,
}

/// What a call brought about, until it is known whether it counts.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) findings: Vec<NewFinding>,
    pub(crate) explained: Vec<String>,
    pub(crate) edits: Vec<HeaderEdit>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) filings: Vec<Filing>,
    pub(crate) response: Option<Response>,
    pub(crate) envelope: Vec<EnvelopeEdit>,
    pub(crate) signatures: Vec<DkimKey>,
    pub(crate) seal: Option<DkimKey>,
    pub(crate) priority: Option<i8>,
    pub(crate) plan: Plan,
    /// How long the greeting is to wait.
    pub(crate) greeting_delay: Duration,
    /// What is told of the maildrop.
    pub(crate) maildrop: MaildropTerms,
    /// Where the step will have nothing to say on this connection.
    pub(crate) passing: Passing,
    /// The account that the recipient at hand leads to.
    pub(crate) leads_to: Option<String>,
}

impl Effects {
    /// What was said before it is asked, in the words of the ledger.
    pub(crate) fn said_ahead(&self) -> impl Iterator<Item = String> {
        let leads = self.leads_to.as_ref();
        let leads = leads.map(|account| format!("leads-to {account}"));
        self.passing.told().into_iter().chain(leads)
    }
}

/// A finding as a call gave it.
pub(crate) struct NewFinding {
    pub(crate) name: Box<str>,
    pub(crate) weight: f64,
    pub(crate) options: Vec<String>,
}

/// A pattern set of the guest: being built, or ready.
pub(crate) enum Patterns {
    Building(PatternSetBuilder),
    Ready(Arc<PatternSet>),
    Dropped,
}

/// The data of an instance's store.
pub(crate) struct State {
    pub(crate) shared: Arc<Shared>,
    pub(crate) context: Context,
    /// None while `lifecycle`, `settings-check` or `self-test` run.
    pub(crate) hook: Option<Hook>,
    pub(crate) self_testing: bool,
    pub(crate) budget: Budget,
    pub(crate) effects: Effects,
    pub(crate) patterns: Vec<Patterns>,
    /// Tells handles of this call from those of others; the upper half of a part's handle.
    pub(crate) call: u16,
    pub(crate) parts_held: u32,
    /// Why the host stopped the guest, if it did: more telling than the trap that follows.
    pub(crate) stopped: Option<Fault>,
    /// Octets of the instance's memories.
    pub(crate) memory: usize,
    pub(crate) trail: Trail,
}

impl State {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let budget = Budget::new(&shared.limits, None, Instant::now());
        Self {
            shared,
            context: Context::default(),
            hook: None,
            self_testing: false,
            budget,
            effects: Effects::default(),
            patterns: Vec::new(),
            call: 0,
            parts_held: 0,
            stopped: None,
            memory: 0,
            trail: Trail::default(),
        }
    }

    /// Begins a call.
    pub(crate) fn begin(&mut self, context: Context, hook: Option<Hook>, now: Instant) {
        self.context = context;
        self.hook = hook;
        self.budget = Budget::new(&self.shared.limits, hook, now);
        self.call = self.call.wrapping_add(1);
        self.effects = Effects::default();
        self.stopped = None;
        self.trail = Trail::default();
    }

    /// Ends a call: what it held is let go, what it brought about is handed out.
    pub(crate) fn end(&mut self) -> Effects {
        self.context = Context::default();
        std::mem::take(&mut self.effects)
    }

    /// Counts a host call.
    pub(crate) fn enter(&mut self) -> wasmtime::Result<()> {
        self.budget.host_calls += 1;
        if self.budget.host_calls > self.shared.limits.host_calls {
            return self.stop(Fault::Limit("host-calls"));
        }
        Ok(())
    }

    /// Notes a host call that waited, and shows it to whoever records.
    pub(crate) fn record(&mut self, name: &'static str, arguments: &dyn Debug, answer: &dyn Debug) {
        self.trail.note(name);
        self.show(name, arguments, answer);
    }

    fn show(&self, name: &'static str, arguments: &dyn Debug, answer: &dyn Debug) {
        if let Some(recorder) = &self.shared.recorder {
            recorder.host_call(&HostCall {
                step: &self.shared.name,
                hook: self.hook,
                connection: self
                    .context
                    .connection
                    .as_deref()
                    .map_or("", |connection| &connection.facts.id),
                name,
                arguments,
                answer,
            });
        }
    }

    /// A host call that waits for nothing.
    pub(crate) fn host_call<A: Debug, T: Debug>(
        &mut self,
        name: &'static str,
        arguments: A,
        answer: impl FnOnce(&mut Self, &A) -> wasmtime::Result<T>,
    ) -> wasmtime::Result<T> {
        // Noted first: a call that goes beyond a limit is the one to be told.
        self.trail.note(name);
        self.enter()?;
        let answer = answer(self, &arguments)?;
        self.show(name, &arguments, &answer);
        Ok(answer)
    }

    /// Ends the guest; the fault tells why.
    pub(crate) fn stop<T>(&mut self, fault: Fault) -> wasmtime::Result<T> {
        let text = fault.to_string();
        self.stopped = Some(fault);
        bail!(text)
    }

    /// Whose notes are at hand.
    pub(crate) fn notes_of(&self) -> &Arc<str> {
        if self.context.trial {
            &self.shared.scratch
        } else {
            &self.shared.space
        }
    }

    /// The connection of this call. No well-built guest can ask without one: handles end with their call.
    pub(crate) fn connection(&self) -> wasmtime::Result<&Arc<Connection>> {
        self.context
            .connection
            .as_ref()
            .ok_or_else(|| wasmtime::format_err!("no connection is at hand"))
    }

    pub(crate) fn mail(&self) -> wasmtime::Result<&Arc<Mail>> {
        self.context
            .mail
            .as_ref()
            .ok_or_else(|| wasmtime::format_err!("no transaction is at hand"))
    }

    pub(crate) fn message(&self) -> wasmtime::Result<&Arc<MessageView>> {
        self.context
            .message
            .as_ref()
            .ok_or_else(|| wasmtime::format_err!("no message is at hand"))
    }

    pub(crate) fn attempt(&self) -> wasmtime::Result<&Arc<Attempt>> {
        self.context
            .attempt
            .as_ref()
            .ok_or_else(|| wasmtime::format_err!("no attempt is at hand"))
    }

    pub(crate) fn why_it_leaves(&self) -> wasmtime::Result<Cause> {
        self.context
            .cause
            .ok_or_else(|| wasmtime::format_err!("no submission is at hand"))
    }

    pub(crate) fn events(&self) -> wasmtime::Result<&Arc<[MailboxEvent]>> {
        self.context
            .events
            .as_ref()
            .ok_or_else(|| wasmtime::format_err!("no events are at hand"))
    }

    pub(crate) fn credentials(&self) -> wasmtime::Result<&Arc<Credentials>> {
        self.context
            .credentials
            .as_ref()
            .ok_or_else(|| wasmtime::format_err!("no credentials are at hand"))
    }

    /// What the step may see.
    pub(crate) fn sight(&self) -> Sight {
        self.shared.sight
    }

    /// Takes up to `wanted` octets from what the call may still read.
    pub(crate) fn take_read(&mut self, wanted: usize) -> usize {
        let granted = self
            .budget
            .read_left
            .min(u64::try_from(wanted).unwrap_or(u64::MAX));
        self.budget.read_left -= granted;
        usize::try_from(granted).unwrap_or(usize::MAX)
    }
}

impl Budget {
    fn new(limits: &Limits, hook: Option<Hook>, now: Instant) -> Self {
        // A plugin that is being set up asks nobody: it must come up, and test itself, the same wherever it is.
        let outbound = |limit| if hook.is_some() { limit } else { 0 };
        Self {
            dns_left: outbound(limits.dns_queries),
            http_left: outbound(limits.http_requests),
            deadline: now + limits.deadline,
            host_calls: 0,
            read_left: limits.read,
            log_lines_left: limits.log_lines,
            ticks_left: ticks(limits.cpu),
        }
    }
}

/// How many ticks a guest may be seen computing at.
fn ticks(cpu: std::time::Duration) -> u32 {
    u32::try_from(cpu.as_millis() / crate::engine::TICK.as_millis())
        .unwrap_or(u32::MAX)
        .max(1)
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // All memories of the instance together.
        let wanted = self.memory.saturating_sub(current).saturating_add(desired);
        let granted = wanted <= self.shared.limits.memory;
        if granted {
            self.memory = wanted;
        } else {
            // The guest sees its growth fail and most often traps; this is what to call it then.
            self.stopped = Some(Fault::Memory);
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= engine::MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        engine::MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        engine::MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        engine::MAX_MEMORIES as usize
    }
}
