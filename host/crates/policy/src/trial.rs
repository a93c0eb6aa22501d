//! Shadow steps: asked beside what counts, in a task of their own, about a copy of what the real steps see.
//!
//! Invariants: nobody waits for a shadow step, and together they take a small share of the processors (`share.rs`); what one says, does and writes is seen by nobody but itself and the person who compares; one
//! connection's calls are made in their order.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::answer::Answer;
use crate::capability::findings;
use crate::comparison::Pair;
use crate::generation::{Core, Generation};
use crate::guest::{Ask, OwnedAsk};
use crate::hook::Hook;
use crate::instance::Said;
use crate::ledger::{Entry, Finding, Ledger};
use crate::pipeline::{self, Scene};
use crate::policy_file::Mode;
use crate::share::BESIDE;
use crate::state::Context;
use crate::step::Step;
use crate::subject::{Found, Mail};

/// Calls of one connection that may wait; further ones are not made.
const MAX_WAITING: usize = 64;
/// Entries of a ledger beyond which shadow steps write down nothing.
const MAX_ENTRIES: usize = 2000;
/// Ends of transactions that may wait besides: a call for which they would have to make room is not made.
const MAX_ENDS: usize = 64;

/// The shadow steps' side of a connection, or of a message that has none any more.
#[derive(Debug)]
pub(crate) struct Trials(mpsc::Sender<Job>);

enum Job {
    Call(Box<Call>),
    /// A transaction ended: what its shadow steps said is held against what happened.
    Ended(Box<Ended>),
    /// All calls of a transaction are made: somebody wants to know what came of them.
    Told(Box<Told>),
}

type Tell = Box<dyn FnOnce(Ledger) + Send>;

struct Told {
    mail: Arc<Mail>,
    generation: Arc<Generation>,
    tell: Tell,
}

struct Call {
    core: Arc<Core>,
    step: Arc<Step>,
    ask: OwnedAsk,
    context: Context,
    /// The transaction itself, of which the context has a copy.
    mail: Option<Arc<Mail>>,
    about: Option<Box<str>>,
}

/// A transaction, or the part of a connection that comes before any.
pub(crate) struct Ended {
    pub(crate) generation: Arc<Generation>,
    pub(crate) context: Context,
}

impl Trials {
    /// Starts the task that makes the calls; it ends with whom it belongs to.
    fn start() -> Self {
        let (jobs, mut waiting) = mpsc::channel::<Job>(MAX_WAITING + MAX_ENDS);
        tokio::spawn(async move {
            while let Some(job) = waiting.recv().await {
                let (core, begun) = (job.core().clone(), Instant::now());
                let beside = job.beside();
                match job {
                    Job::Call(call) => call.make().await,
                    Job::Ended(ended) => ended.compare().await,
                    Job::Told(told) => {
                        let Told {
                            mail,
                            generation,
                            tell,
                        } = *told;
                        tell(mail.tried_out(&generation));
                    }
                }
                let now = Instant::now();
                core.comparisons().share.charge(now - begun + beside, now);
            }
        });
        Self(jobs)
    }
}

impl Job {
    /// What it costs elsewhere.
    fn beside(&self) -> Duration {
        match self {
            Self::Call(_) | Self::Ended(_) => Duration::ZERO,
            Self::Told(_) => BESIDE,
        }
    }

    fn core(&self) -> &Arc<Core> {
        match self {
            Self::Call(call) => &call.core,
            Self::Ended(ended) => ended.generation.core(),
            Self::Told(told) => told.generation.core(),
        }
    }
}

/// Asks a shadow step, beside, if this is tried out.
pub(crate) fn launch(scene: &Scene<'_>, step: &Arc<Step>, ask: &Ask<'_>) {
    let Some(trials) = scene.context.trials() else {
        return;
    };
    let core = scene.generation.core();
    if !scene
        .context
        .is_tried(|| core.comparisons().share.admits(Instant::now()))
    {
        return core.comparisons().missed(&step.config.name);
    }
    let trials = trials.get_or_init(Trials::start);
    let mut context = scene.context.clone();
    context.generation = scene.generation.number();
    context.trial = true;
    let mail = context.mail.take();
    context.mail = mail.as_ref().map(|mail| Arc::new(mail.copy()));
    let call = Box::new(Call {
        core: core.clone(),
        step: step.clone(),
        ask: ask.to_owned_ask(),
        context,
        mail,
        about: scene.about.as_deref().map(Into::into),
    });
    let crowded = trials.0.capacity() <= MAX_ENDS;
    if crowded || trials.0.try_send(Job::Call(call)).is_err() {
        core.comparisons().missed(&step.config.name);
    }
}

/// What shadow steps have to say of a message, or will have.
#[must_use]
pub struct Tried {
    jobs: mpsc::Sender<Job>,
    mail: Arc<Mail>,
    generation: Arc<Generation>,
}

impl Tried {
    /// None if no shadow step was asked.
    pub(crate) fn of(
        context: &Context,
        mail: &Arc<Mail>,
        generation: &Arc<Generation>,
    ) -> Option<Self> {
        mail.tried.get().filter(|tried| **tried)?;
        let trials = context.trials().and_then(OnceLock::get)?;
        Some(Self {
            jobs: trials.0.clone(),
            mail: mail.clone(),
            generation: generation.clone(),
        })
    }

    /// Tells it once all of them have said it: a ledger of their calls alone, whose score is 0. Where too much waits already it is not told.
    pub fn then(self, tell: impl FnOnce(Ledger) + Send + 'static) {
        let told = Told {
            mail: self.mail,
            generation: self.generation,
            tell: Box::new(tell),
        };
        let _ = self.jobs.try_send(Job::Told(Box::new(told)));
    }
}

impl std::fmt::Debug for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tried").finish_non_exhaustive()
    }
}

/// Has what ended compared, if it has shadow steps.
pub(crate) fn ended(ended: Ended) {
    let shadows = ended.generation.steps().iter();
    if !shadows.clone().any(|step| step.config.mode == Mode::Shadow) {
        return;
    }
    if !ended.context.is_tried(|| false) {
        return;
    }
    let waiting = ended.context.trials().and_then(OnceLock::get);
    if let Some(jobs) = waiting.map(|trials| trials.0.clone()) {
        // Where too much waits already, this one is not compared.
        let _ = jobs.try_send(Job::Ended(Box::new(ended)));
    }
}

impl Context {
    /// Where shadow steps are asked about this.
    fn trials(&self) -> Option<&OnceLock<Trials>> {
        let of_connection = self
            .connection
            .as_ref()
            .map(|connection| &connection.trials);
        of_connection.or_else(|| self.mail.as_ref().map(|mail| &mail.trials))
    }
}

impl Context {
    /// Whether what it is about, a transaction or a connection before any, is tried out; `admit` decides where that is not known yet.
    fn is_tried(&self, admit: impl FnOnce() -> bool) -> bool {
        let of_mail = self.mail.as_ref().map(|mail| &mail.tried);
        let of_connection = self.connection.as_ref().map(|connection| &connection.tried);
        let tried = of_mail.or(of_connection);
        tried.is_some_and(|tried| *tried.get_or_init(admit))
    }
}

impl Call {
    async fn make(self: Box<Self>) {
        let Self {
            core: _,
            step,
            ask,
            context,
            mail,
            about,
        } = *self;
        let (generation, connection) = (context.generation, context.connection.clone());
        let copy = context.mail.clone();
        if let (Some(mail), Some(copy)) = (&mail, &copy) {
            mail.lend_notes(&step.shared.scratch, copy);
        }
        let (said, took) = step.call(context, None, &ask.as_ask()).await;
        if let (Some(mail), Some(copy)) = (&mail, &copy) {
            copy.lend_notes(&step.shared.scratch, mail);
        }
        let mut entry = pipeline::entry(&step, generation, ask.as_ask().hook(), about);
        entry.microseconds = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        write_down(&mut entry, &step, said);
        match (mail, connection) {
            (Some(mail), _) => {
                let mut state = mail.state();
                if state.entries.len() < MAX_ENTRIES {
                    state.entries.push(Arc::new(entry));
                }
            }
            (None, Some(connection)) => pipeline::enter_connection(&connection, entry),
            (None, None) => {}
        }
    }
}

/// What a shadow step said, none of which counts.
fn write_down(entry: &mut Entry, step: &Step, said: Said) {
    entry.host_calls = said.host_calls;
    match said.answer {
        Ok(answer) => {
            entry.verdict = answer.told();
            entry.actions = pipeline::actions(&said.effects, &answer);
            entry.explained = said.effects.explained;
            entry.findings = said
                .effects
                .findings
                .into_iter()
                .map(|new| Finding {
                    score: 0.0,
                    would: Some(findings::score(&step.shared.scores, &new.name, new.weight)),
                    name: new.name,
                    weight: new.weight,
                    options: new.options,
                })
                .collect();
        }
        Err(fault) => {
            entry.verdict = step.config.on_error.as_str().into();
            entry.fault = Some(fault.to_string().into());
        }
    }
}

impl Ended {
    async fn compare(self: Box<Self>) {
        let (mail, connection) = (&self.context.mail, &self.context.connection);
        let (entries, id) = match (mail, connection) {
            (Some(mail), _) => (mail.state().entries.clone(), mail.facts.queue_id.clone()),
            (None, Some(connection)) => (
                connection.state().entries.clone(),
                connection.facts.id.clone(),
            ),
            (None, None) => return,
        };
        // What came before the transaction is compared when the connection ends.
        let own: Vec<&Entry> = entries
            .iter()
            .map(AsRef::as_ref)
            .filter(|entry| mail.is_none() || !entry.hook.is_of_connection())
            .collect();
        let steps = self.generation.steps().iter();
        for step in steps.filter(|step| step.config.mode == Mode::Shadow) {
            let mut pairs = pairs(&own, &step.config.name, step.config.replaces.as_deref());
            for pair in &mut pairs {
                if pair.trial.hook == Hook::Message {
                    pair.verdicts = self.verdicts(pair).await;
                }
            }
            let comparisons = self.generation.core().comparisons();
            comparisons.count(&step.config.name, &id, pairs);
        }
    }

    /// The verdict for the first recipient's domain, and what it would be with the trial step's findings: the steps of `verdict` are asked again, about
    /// a copy, and with scratch keys. Where both found the same it is the same, and nobody is asked.
    async fn verdicts(&self, pair: &Pair<'_>) -> Option<(&'static str, &'static str)> {
        let mail = self.context.mail.as_ref()?;
        let (domain, is) = mail
            .state()
            .verdicts
            .first()
            .map(|(domain, verdict)| (domain.clone(), verdict.word()))?;
        if pair.found_alike() {
            return Some((is, is));
        }
        let copy = mail.copy();
        {
            let mut state = copy.state();
            if let Some(serving) = pair.serving {
                state
                    .found
                    .retain(|found| *found.step != *serving.step.name);
            }
            let name: Arc<str> = pair.trial.step.name.as_str().into();
            state
                .found
                .extend(pair.trial.findings.iter().map(|finding| Found {
                    step: name.clone(),
                    name: finding.name.clone(),
                    weight: finding.weight,
                    score: finding.would_score(),
                    options: finding.options.clone(),
                }));
        }
        let mut context = self.context.clone();
        context.mail = Some(Arc::new(copy));
        context.domain = (!domain.is_empty()).then(|| Arc::from(&*domain));
        context.generation = self.generation.number();
        context.trial = true;
        let steps = self.generation.at(Hook::Verdict).iter();
        for step in steps.filter(|step| step.config.mode != Mode::Shadow) {
            let ask = Ask::Verdict(&domain);
            match step.call(context.clone(), None, &ask).await.0.answer {
                Ok(Answer::Judged(verdict, _)) => return Some((is, verdict.word())),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        Some((is, "deliver"))
    }
}

/// Each call of a shadow step with the call that counted in its place: about the same thing, in the same order.
fn pairs<'a>(entries: &[&'a Entry], trial: &str, replaces: Option<&str>) -> Vec<Pair<'a>> {
    let of = |name: &str, like: &Entry| {
        let (name, hook, about) = (name.to_owned(), like.hook, like.about.clone());
        move |entry: &&&'a Entry| {
            entry.step.name == name && entry.hook == hook && entry.about == about
        }
    };
    let trials = entries.iter().enumerate();
    trials
        .filter(|(_, entry)| entry.step.name == trial)
        .map(|(place, entry)| {
            let earlier = entries.iter().take(place).filter(of(trial, entry)).count();
            let serving = replaces
                .and_then(|replaced| entries.iter().filter(of(replaced, entry)).nth(earlier));
            Pair {
                trial: entry,
                serving: serving.copied(),
                verdicts: None,
            }
        })
        .collect()
}
