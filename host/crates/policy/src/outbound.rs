//! A message of the outbound queue before policy: into the queue, before each attempt, after it.
//!
//! Invariant: no connection is at hand, for the message outlives the one that it came over; what it had of it is in its facts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use waxwing_mail::{EnhancedStatus, Reply};

use crate::answer::Answer;
use crate::bindings::waxwing::policy::types::Recipient;
use crate::capability::recipient_of;
use crate::facts::{Attempt, AttemptOutcome, Cause, OutboundFacts};
use crate::fault::Fault;
use crate::generation::Generation;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::ledger::Ledger;
use crate::outcome::{Notice, OutboundOutcome, ResultOutcome, SubmitFate, SubmitOutcome};
use crate::pipeline::{Came, Scene};
use crate::state::Context;
use crate::step::Held;
use crate::subject::{Addressee, Mail};
use crate::transaction::domain_at_hand;
use crate::trial::{self, Ended, Tried};
use crate::view::MessageView;

/// When a message is taken up again whose plan could not be made.
const AFTER_A_FAILURE: Duration = Duration::from_secs(300);

/// One message, judged by one generation: that which serves when the queue takes it up.
#[derive(Debug)]
pub struct Outbound {
    generation: Arc<Generation>,
    mail: Arc<Mail>,
    held: Held,
}

impl Outbound {
    /// A message that is in the queue, or on its way into it.
    #[must_use]
    pub fn new(generation: Arc<Generation>, facts: OutboundFacts) -> Self {
        Self {
            generation,
            mail: Arc::new(Mail::queued(facts)),
            held: Held::default(),
        }
    }

    /// Does it enter the queue, and how?
    pub async fn submit(&mut self, content: Bytes, cause: Cause) -> SubmitOutcome {
        let sender = self.mail.sender();
        let domain = sender
            .address()
            .and_then(|address| domain_at_hand(address.domain().as_str()));
        let mut scene = self.scene(domain, None);
        scene.context.message = Some(Arc::new(MessageView::new(content)));
        scene.context.cause = Some(cause);
        let generation = scene.generation;
        let mut fate = SubmitFate::Queue;
        for step in generation.at(Hook::Submit) {
            fate = match scene.ask(step, &Ask::Submit).await {
                Came::Answer(Answer::Accept) => SubmitFate::Queue,
                Came::Answer(Answer::Hold(reason)) => SubmitFate::Hold(reason),
                Came::Answer(Answer::Discard) => SubmitFate::Discard,
                Came::Answer(Answer::Refuse(reply)) | Came::Failed(reply) => {
                    SubmitFate::Refuse(reply)
                }
                Came::Answer(_) | Came::Skipped => continue,
            };
            break;
        }
        drop(scene);
        let state = self.mail.state();
        SubmitOutcome {
            fate,
            signatures: state.signatures.clone(),
            seal: state.seal.clone(),
            priority: state.priority,
            edits: state.edits.clone(),
            tags: state.tags.clone(),
        }
    }

    /// How is the recipient with this number to be tried, after `last`?
    pub async fn plan(&mut self, recipient: u32, last: Attempt) -> OutboundOutcome {
        let Some((asked, mut scene)) = self.about(recipient, last) else {
            return OutboundOutcome::Bounce(no_recipient());
        };
        let generation = scene.generation;
        for step in generation.at(Hook::RouteOutbound) {
            match scene.ask(step, &Ask::RouteOutbound(&asked)).await {
                Came::Answer(Answer::Attempt(plan)) => return OutboundOutcome::Attempt(plan),
                Came::Answer(Answer::Hold(reason)) => return OutboundOutcome::Hold(reason),
                Came::Answer(Answer::Later(wait)) => return OutboundOutcome::Later(wait),
                Came::Answer(Answer::Refuse(reply)) => return OutboundOutcome::Bounce(reply),
                // Mail is not given up because a plugin failed, unless its step says so.
                Came::Failed(reply) if reply.code.is_permanent() => {
                    return OutboundOutcome::Bounce(reply);
                }
                Came::Failed(_) => return OutboundOutcome::Later(AFTER_A_FAILURE),
                Came::Answer(_) | Came::Skipped => {}
            }
        }
        OutboundOutcome::Attempt(Box::default())
    }

    /// What follows this attempt for the recipient with this number?
    pub async fn result(&mut self, recipient: u32, attempt: Attempt) -> ResultOutcome {
        let delivered = attempt.outcome == AttemptOutcome::Delivered;
        let Some((asked, mut scene)) = self.about(recipient, attempt) else {
            return ResultOutcome::AsUsual;
        };
        let generation = scene.generation;
        for step in generation.at(Hook::DeliveryResult) {
            match scene.ask(step, &Ask::DeliveryResult(&asked)).await {
                Came::Answer(Answer::Retry(..) | Answer::GiveUp(_)) if delivered => {
                    let fault = Fault::Nonsense("only `pass` follows a delivery".into());
                    scene.object(step, Hook::DeliveryResult, &fault);
                    return ResultOutcome::AsUsual;
                }
                Came::Answer(Answer::Retry(after, notice)) => {
                    return ResultOutcome::Retry { after, notice };
                }
                Came::Answer(Answer::GiveUp(notice)) => return ResultOutcome::GiveUp(notice),
                Came::Failed(reply) if reply.code.is_permanent() && !delivered => {
                    return ResultOutcome::GiveUp(Notice::AsAsked);
                }
                Came::Failed(_) => return ResultOutcome::AsUsual,
                Came::Answer(_) | Came::Skipped => {}
            }
        }
        ResultOutcome::AsUsual
    }

    pub(crate) fn mail(&self) -> &Mail {
        &self.mail
    }

    /// What was decided so far, and why, without what shadow steps said.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.mail.ledger(&self.generation)
    }

    /// What shadow steps say beside it, if there are any.
    pub fn tried(&self) -> Option<Tried> {
        let context = Context {
            mail: Some(self.mail.clone()),
            ..Context::default()
        };
        Tried::of(&context, &self.mail, &self.generation)
    }

    /// A recipient as plugins see it, and the scene of a question about it.
    fn about(&mut self, recipient: u32, attempt: Attempt) -> Option<(Recipient, Scene<'_>)> {
        let addressee: Addressee = self.mail.state().recipient(recipient)?.clone();
        let asked = recipient_of(recipient, &addressee, addressee.address.as_ref());
        let domain = domain_at_hand(addressee.domain());
        let mut scene = self.scene(domain, Some(addressee.text()));
        scene.context.attempt = Some(Arc::new(attempt));
        Some((asked, scene))
    }

    fn scene(&mut self, domain: Option<Arc<str>>, about: Option<String>) -> Scene<'_> {
        Scene {
            generation: &self.generation,
            context: Context {
                mail: Some(self.mail.clone()),
                domain,
                ..Context::default()
            },
            held: Some(&mut self.held),
            about,
        }
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        trial::ended(Ended {
            generation: self.generation.clone(),
            context: Context {
                mail: Some(self.mail.clone()),
                ..Context::default()
            },
        });
    }
}

/// The queue asks about a recipient that the message does not have.
fn no_recipient() -> Reply {
    Reply::new(
        550,
        Some(EnhancedStatus(5, 3, 0)),
        "The message has no such recipient",
    )
}
