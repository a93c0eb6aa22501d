//! Hooks that only listen: what happens in mailboxes goes to them in batches, beside the sessions.
//!
//! Invariants: telling costs a session one push into a bounded channel, and nothing where no step listens; what does not fit is dropped and
//! counted; a step hears of one domain at a time, in the order in which things happened.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;

use crate::facts::MailboxEvent;
use crate::generation::Generation;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::policy::Policy;
use crate::policy_file::Mode;
use crate::session::domain_of;
use crate::state::Context;
use crate::step::Step;

/// Events that wait.
const WAITING: usize = 4096;
/// Events of one call.
const BATCH: usize = 256;
/// How long events gather before they are told: a busy mailbox makes many at once.
const GATHER: Duration = Duration::from_millis(50);

/// The events of a domain, in their order.
type Batch = (Option<Arc<str>>, Arc<[MailboxEvent]>);

/// Both ends of the channel; the second until somebody runs it.
pub(crate) struct Events {
    sender: Sender<MailboxEvent>,
    receiver: tokio::sync::Mutex<Receiver<MailboxEvent>>,
}

impl Events {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self {
            sender,
            receiver: tokio::sync::Mutex::new(receiver),
        }
    }

    /// Tells of an event. Never waits.
    pub(crate) fn tell(&self, generation: &Generation, event: impl FnOnce() -> MailboxEvent) {
        if generation.at(Hook::Mailbox).is_empty() {
            return;
        }
        if self.sender.try_send(event()).is_err() {
            counter!("waxwing_mailbox_events_dropped_total").increment(1);
        }
    }

    /// Hands events on for ever.
    pub(crate) async fn run(&self, policy: &Policy) {
        let mut receiver = self.receiver.lock().await;
        let mut events = Vec::new();
        while let Some(first) = receiver.recv().await {
            events.push(first);
            tokio::time::sleep(GATHER).await;
            while events.len() < BATCH
                && let Ok(event) = receiver.try_recv()
            {
                events.push(event);
            }
            hand_on(&policy.current(), std::mem::take(&mut events)).await;
        }
    }
}

/// Tells every step of `mailbox`, each beside the others.
async fn hand_on(generation: &Arc<Generation>, events: Vec<MailboxEvent>) {
    let batches = Arc::new(by_domain(events));
    let mut steps = JoinSet::new();
    for step in generation.at(Hook::Mailbox) {
        let (step, batches, generation) = (step.clone(), batches.clone(), generation.clone());
        steps.spawn(async move {
            for (domain, events) in batches.iter() {
                let context = Context {
                    domain: domain.clone(),
                    events: Some(events.clone()),
                    ..Context::default()
                };
                beside(&generation, &step, context, &Ask::Mailbox).await;
            }
        });
    }
    while steps.join_next().await.is_some() {}
}

/// Asks a step that nobody waits for, shadow or not. A failure is counted and logged by the step; there is nothing that it could hold up.
pub(crate) async fn beside(
    generation: &Generation,
    step: &Arc<Step>,
    mut context: Context,
    ask: &Ask<'_>,
) {
    context.generation = generation.number();
    context.trial = step.config.mode == Mode::Shadow;
    let hook = ask.hook();
    if let Err(fault) = step.call(context, None, ask).await.0.answer
        && step.breakers.of(hook).opened()
    {
        generation.keeps_failing(step, &format!("{hook}: {fault}"));
    }
}

/// The events of each domain, in their order.
fn by_domain(events: Vec<MailboxEvent>) -> Vec<Batch> {
    let mut batches: Vec<(Option<Arc<str>>, Vec<MailboxEvent>)> = Vec::new();
    for event in events {
        let domain = domain_of(&event.account);
        match batches.iter_mut().find(|(known, _)| *known == domain) {
            Some((_, batch)) => batch.push(event),
            None => batches.push((domain, vec![event])),
        }
    }
    batches
        .into_iter()
        .map(|(domain, batch)| (domain, batch.into()))
        .collect()
}
