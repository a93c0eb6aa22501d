//! One mail transaction before policy: from MAIL to the delivery of each recipient's copy.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use waxwing_mail::{Protocol, Recipient, Reply, ReversePath};

use crate::answer::Answer;
use crate::auth::AuthResults;
use crate::capability::recipient_of;
use crate::course::Course;
use crate::expansion::{Expansion, route_once};
use crate::facts::{OutboundFacts, TransactionFacts};
use crate::fault::Fault;
use crate::generation::Generation;
use crate::grant::Grant;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::ledger::Ledger;
use crate::lineup::Who;
use crate::outbound::Outbound;
use crate::outcome::{
    AddedRecipient, Decision, DeliverOutcome, Filing, MailboxRef, MessageOutcome, QuotaOutcome,
    Response, Room, Target, Verdict,
};
use crate::pipeline::{Came, Scene};
use crate::services::ServiceError;
use crate::session::{Decided, asks_for_room, decide, domain_of, quota, undecided};
use crate::state::Context;
use crate::step::{Held, Step};
use crate::subject::{Addressee, Connection, Mail, Standing};
use crate::tally::{Kind, Sample};
use crate::trial::{self, Ended, Tried};
use crate::view::MessageView;

/// Refused recipients of a transaction that its ledger tells of: a client can ask for any number.
const MAX_REFUSED: u64 = 100;

/// One transaction, judged by one generation. `Send`; may outlive its session.
#[derive(Debug)]
pub struct Transaction {
    generation: Arc<Generation>,
    connection: Arc<Connection>,
    mail: Arc<Mail>,
    message: Option<Arc<MessageView>>,
    held: Held,
    course: Course,
}

impl Transaction {
    pub(crate) fn new(
        generation: Arc<Generation>,
        connection: Arc<Connection>,
        facts: TransactionFacts,
    ) -> Self {
        let generation = generation.side_of(|| {
            let sender = facts.sender.address();
            let domain = sender.map_or("", |address| address.domain().as_str());
            Who::new(connection.client(), domain)
        });
        let mail = Arc::new(Mail::new(facts, &connection));
        Self {
            generation,
            connection,
            mail,
            message: None,
            held: Held::default(),
            course: Course::default(),
        }
    }

    /// May this sender send?
    pub async fn mail_from(&mut self) -> Decision {
        let domain = self
            .mail
            .facts
            .sender
            .address()
            .map(|address| address.domain().as_str().into());
        let mut scene = self.scene(domain, None);
        let decision = match decide(&mut scene, &Ask::MailFrom).await {
            Decided::Open | Decided::Accepted(_) => Decision::Pass,
            Decided::Against(decision) => decision,
        };
        self.course.sender(&decision);
        decision
    }

    /// May the message go there? If so, the recipient is one of the transaction's, numbered from 0.
    pub async fn rcpt_to(&mut self, recipient: &Recipient) -> Decision {
        let mut addressee = Addressee::new(recipient);
        let told = self.mail.state().entries.len();
        let decision = self.may_go_to(&addressee).await;
        self.course.recipient(&decision);
        // What was said of a recipient that is refused goes with it.
        addressee.leads = std::mem::take(&mut self.mail.state().leads);
        if decision == Decision::Pass {
            self.connection.state().counters.recipients_accepted += 1;
            self.mail.state().recipients.push(addressee);
        } else {
            self.refused(told);
        }
        decision
    }

    /// A recipient that no step is asked about: an address that this server made itself and that holds its own proof.
    pub fn admit(&mut self, recipient: &Recipient) {
        self.connection.state().counters.recipients_accepted += 1;
        self.mail.state().recipients.push(Addressee::new(recipient));
    }

    /// The message on its way into the queue, for these recipients and under this sender, judged by this transaction's generation.
    #[must_use]
    pub fn outbound(&self, sender: ReversePath, recipients: Vec<Recipient>) -> Outbound {
        let facts = OutboundFacts {
            transaction: TransactionFacts {
                sender,
                ..self.mail.facts.clone()
            },
            identity: self.mail.identity.clone(),
            recipients,
            tags: self.mail.state().tags.clone(),
        };
        Outbound::new(self.generation.clone(), facts)
    }

    /// What the steps said of this message on its way into the queue becomes a part of its ledger.
    pub fn join(&self, outbound: &Outbound) {
        outbound.mail().join(&self.mail);
    }

    /// The recipient that was accepted last is not to get the message after all.
    pub fn withdraw(&mut self) {
        let told = self.mail.state().entries.len();
        self.mail.state().recipients.pop();
        self.connection.state().counters.recipients_accepted -= 1;
        self.refused(told);
    }

    /// Counts a refused recipient; beyond a number of them the ledger keeps only what counts for the score.
    fn refused(&mut self, told: usize) {
        self.connection.state().counters.recipients_refused += 1;
        let mut state = self.mail.state();
        state.refused += 1;
        if state.refused > MAX_REFUSED {
            let mut place = 0;
            state.entries.retain(|entry| {
                place += 1;
                place <= told || entry.counts()
            });
        }
    }

    async fn may_go_to(&mut self, addressee: &Addressee) -> Decision {
        let index = u32::try_from(self.mail.state().recipients.len()).unwrap_or(u32::MAX);
        let asked = recipient_of(index, addressee, addressee.address.as_ref());
        let mut scene = self.scene(domain_at_hand(addressee.domain()), Some(addressee.text()));
        let generation = scene.generation;
        let place = match decide(&mut scene, &Ask::RcptTo(&asked)).await {
            Decided::Accepted(place) => place,
            Decided::Against(decision) => return decision,
            // An open relay is what comes of silence that counts as consent.
            Decided::Open => return Decision::Refuse(undecided("about this recipient")),
        };
        let Some(step) = generation.at(Hook::RcptTo).get(place) else {
            return Decision::Refuse(undecided("about this recipient"));
        };
        match may_accept(step, addressee.domain()).await {
            Ok(()) => Decision::Pass,
            Err(fault) => match scene.object(step, Hook::RcptTo, &fault) {
                Came::Failed(reply) => Decision::Refuse(reply),
                _ => Decision::Refuse(undecided("about this recipient")),
            },
        }
    }

    /// May the content come? The recipients are known now.
    pub async fn data(&mut self) -> Decision {
        let decision = match decide(&mut self.scene(None, None), &Ask::Data).await {
            Decided::Open | Decided::Accepted(_) => Decision::Pass,
            Decided::Against(decision) => decision,
        };
        self.course.content(&decision);
        decision
    }

    /// Tells the steps from here on what was found out about who the message is from. What is not told is none.
    pub fn set_auth_results(&mut self, results: AuthResults) {
        self.mail.state().auth = Some(Arc::new(results));
    }

    /// The content is in: `message`, then `verdict` for each domain.
    pub async fn message(&mut self, content: Bytes) -> MessageOutcome {
        self.message = Some(Arc::new(MessageView::new(content)));
        self.connection.state().counters.messages += 1;
        let verdicts = match self.ask_message().await {
            Some(verdict) => self
                .domains()
                .into_iter()
                .map(|domain| (domain, verdict.clone()))
                .collect(),
            None => self.ask_verdicts().await,
        };
        let verdicts = self.as_one(verdicts);
        let scored = self.generation.decides_at(&[Hook::Message, Hook::Verdict]);
        let mut state = self.mail.state();
        self.course
            .message(&verdicts, scored.then(|| state.score()));
        state.verdicts = verdicts
            .iter()
            .map(|(domain, verdict)| (domain.as_str().into(), verdict.clone()))
            .collect();
        let added = state
            .present()
            .filter(|(_, recipient)| recipient.standing == Standing::Added);
        let added = added.filter_map(|(number, recipient)| {
            Some(AddedRecipient {
                number,
                address: recipient.address.clone()?,
            })
        });
        let removed = (0..)
            .zip(&state.recipients)
            .filter(|(_, recipient)| recipient.standing == Standing::Removed);
        MessageOutcome {
            sender: state
                .sender
                .clone()
                .unwrap_or_else(|| self.mail.facts.sender.clone()),
            added: added.collect(),
            removed: removed.map(|(number, _)| number).collect(),
            verdicts,
            edits: state.edits.clone(),
            tags: state.tags.clone(),
            scored,
            score: state.score(),
            symbols: state
                .found
                .iter()
                .map(|found| (found.name.to_string(), found.score))
                .collect(),
        }
    }

    /// Asks the steps of `message`; a verdict if one of them ends the matter for all. Neighbours that are `parallel` run side by side.
    async fn ask_message(&mut self) -> Option<Verdict> {
        let mut scene = self.scene(None, None);
        let steps = scene.generation.at(Hook::Message);
        let mut decided = None;
        for side_by_side in steps.chunk_by(|one, next| one.config.parallel && next.config.parallel)
        {
            decided = match side_by_side {
                [step] => ends_the_matter(scene.ask(step, &Ask::Message).await),
                steps => scene.ask_together(steps, ends_the_matter).await,
            };
            if decided.is_some() {
                break;
            }
        }
        // Delivery sees the message as the steps left it.
        let message = scene.context.message.take();
        drop(scene);
        self.message = message;
        decided
    }

    async fn ask_verdicts(&mut self) -> Vec<(String, Verdict)> {
        let mut verdicts = Vec::new();
        for domain in self.domains() {
            let mut scene = self.scene(domain_at_hand(&domain), Some(domain.clone()));
            let generation = scene.generation;
            let mut verdict = Verdict::Deliver;
            let mut steps = generation.at(Hook::Verdict).iter().peekable();
            while let Some(step) = steps.next() {
                let ask = Ask::Verdict(&domain);
                // A verdict ends the list, and to deliver is one: of steps with others behind them each is asked.
                let came = match steps.peek() {
                    Some(_) => scene.ask_anyway(step, &ask).await,
                    None => scene.ask(step, &ask).await,
                };
                match came {
                    Came::Answer(Answer::Judged(judged, _)) => verdict = judged,
                    Came::Failed(reply) => verdict = refusal(reply),
                    Came::Answer(_) | Came::Skipped => continue,
                }
                break;
            }
            verdicts.push((domain, verdict));
        }
        verdicts
    }

    /// SMTP has one reply for all recipients (RFC 5321 §4.2.5), LMTP one for each (RFC 2033 §4.2).
    fn as_one(&self, mut verdicts: Vec<(String, Verdict)>) -> Vec<(String, Verdict)> {
        if self.connection.facts.protocol == Protocol::Lmtp {
            return verdicts;
        }
        let deferral = verdicts
            .iter()
            .find(|(_, verdict)| matches!(verdict, Verdict::Defer(_)));
        if let Some((_, deferral)) = deferral.cloned() {
            // Nobody has got it yet: the client sends it again to all.
            verdicts
                .iter_mut()
                .for_each(|(_, verdict)| *verdict = deferral.clone());
            return verdicts;
        }
        let refused = |(_, verdict): &(String, Verdict)| matches!(verdict, Verdict::Refuse(_));
        if !verdicts.iter().all(refused) {
            for (_, verdict) in &mut verdicts {
                if matches!(verdict, Verdict::Refuse(_)) {
                    *verdict = Verdict::Junk;
                }
            }
        }
        verdicts
    }

    /// The domains of the recipients, each once, in the order of their first recipient.
    fn domains(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let state = self.mail.state();
        let domains = state.present().map(|(_, recipient)| recipient.domain());
        domains
            .filter(|domain| seen.insert(*domain))
            .map(str::to_owned)
            .collect()
    }

    /// Where the recipient with this number leads, aliases followed: at least one target. A transient refusal anywhere on the way stands alone,
    /// so that trying again delivers nothing twice.
    pub async fn route(&mut self, recipient: u32) -> Vec<Target> {
        let targets = self.targets(recipient).await;
        self.course.targets(&targets);
        targets
    }

    async fn targets(&mut self, recipient: u32) -> Vec<Target> {
        let Some(addressee) = self.addressee(recipient) else {
            return vec![Target::Refuse(undecided("where this recipient leads"))];
        };
        let mut expansion = Expansion::of(addressee.address.clone());
        while let Some((address, depth)) = expansion.next() {
            let asked = recipient_of(recipient, &addressee, address.as_ref());
            let about = address
                .as_ref()
                .map_or_else(|| "postmaster".into(), ToString::to_string);
            let domain = address
                .as_ref()
                .map(|address| address.domain().as_str().into());
            let mut scene = self.scene(domain, Some(about));
            // What was said when it was named is about the recipient itself, not about what an alias led to.
            let said = (depth == 0).then_some(&addressee.leads);
            match route_once(&mut scene, &asked, said).await {
                Ok(leads) => expansion.take(leads, depth),
                Err(reply) if reply.code.is_transient() => return vec![Target::Refuse(reply)],
                Err(reply) => expansion.add(Target::Refuse(reply)),
            }
            if let Some(refused) = expansion.refused_for_now() {
                return vec![refused];
            }
        }
        expansion.finish()
    }

    /// Whether any step may have something to say of room in an account: what it holds need not be counted if none has.
    #[must_use]
    pub fn asks_for_room(&mut self, room: &Room<'_>) -> bool {
        asks_for_room(&self.scene(None, None), room)
    }

    /// Is there room?
    pub async fn quota(&mut self, room: &Room<'_>) -> QuotaOutcome {
        let mut scene = self.scene(domain_of(room.account), Some(room.account.to_owned()));
        let outcome = quota(&mut scene, room).await;
        self.course.room(&outcome);
        outcome
    }

    /// Into which mailboxes the recipient's copy for `account` goes. `away`: the account has an answer switched on.
    pub async fn deliver(&mut self, recipient: u32, account: &str, away: bool) -> DeliverOutcome {
        self.mail.state().response = None;
        let outcome = self.filed(recipient, account, away).await;
        if !matches!(outcome, DeliverOutcome::File(_)) {
            self.mail.state().response = None;
        }
        self.course.delivery(&outcome);
        outcome
    }

    /// The answer that is wished for the copy that was filed last.
    pub fn take_response(&mut self) -> Option<Response> {
        self.mail.state().response.take()
    }

    async fn filed(&mut self, recipient: u32, account: &str, away: bool) -> DeliverOutcome {
        let Some(addressee) = self.addressee(recipient) else {
            return DeliverOutcome::Refuse(undecided("about this delivery"));
        };
        let asked = recipient_of(recipient, &addressee, addressee.address.as_ref());
        let mut scene = self.scene(domain_of(account), Some(account.to_owned()));
        let generation = scene.generation;
        for step in generation.at(Hook::Deliver) {
            let ask = Ask::Deliver {
                recipient: &asked,
                account,
                away,
            };
            let mut came = scene.ask(step, &ask).await;
            if let Err(fault) = scene.may_respond(step, &addressee, account).await {
                came = scene.object(step, Hook::Deliver, &fault);
            }
            match came {
                Came::Answer(Answer::Done(filings)) => return DeliverOutcome::File(filings),
                Came::Answer(Answer::Discard) => return DeliverOutcome::Discard,
                Came::Answer(Answer::Refuse(reply)) | Came::Failed(reply) => {
                    return DeliverOutcome::Refuse(reply);
                }
                Came::Answer(_) | Came::Skipped => {}
            }
        }
        DeliverOutcome::File(vec![Filing {
            mailbox: MailboxRef::Inbox,
            flags: Vec::new(),
        }])
    }

    /// What was decided so far, and why, without what shadow steps said.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.mail.ledger(&self.generation)
    }

    /// What shadow steps say beside it, if there are any.
    pub fn tried(&self) -> Option<Tried> {
        let context = Context {
            connection: Some(self.connection.clone()),
            ..Context::default()
        };
        Tried::of(&context, &self.mail, &self.generation)
    }

    fn addressee(&self, index: u32) -> Option<Addressee> {
        self.mail.state().recipient(index).cloned()
    }

    fn scene(&mut self, domain: Option<Arc<str>>, about: Option<String>) -> Scene<'_> {
        Scene {
            generation: &self.generation,
            context: Context {
                connection: Some(self.connection.clone()),
                mail: Some(self.mail.clone()),
                message: self.message.clone(),
                domain,
                ..Context::default()
            },
            held: Some(&mut self.held),
            about,
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(fate) = self.course.fate() {
            let mut sample = Sample {
                fate,
                score: self.course.score(),
                ..Sample::default()
            };
            for entry in &self.mail.state().entries {
                let counts = !entry.is_trial() && !entry.hook.is_of_connection();
                if counts {
                    sample.faulted |= entry.blamed;
                    sample.took += Duration::from_micros(entry.microseconds.into());
                }
            }
            self.generation.ended(Kind::Transactions, sample);
        }
        trial::ended(Ended {
            generation: self.generation.clone(),
            context: Context {
                connection: Some(self.connection.clone()),
                mail: Some(self.mail.clone()),
                message: self.message.take(),
                ..Context::default()
            },
        });
    }
}

/// Whether this step's `accept` counts for a recipient of this domain.
async fn may_accept(step: &Step, domain: &str) -> Result<(), Fault> {
    // RFC 5321 §4.1.1.3: `<Postmaster>` is this host's own.
    if domain.is_empty() || step.config.grants.contains(&Grant::Relay) {
        return Ok(());
    }
    match step.shared.services.domain_is_local(domain).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Fault::Nonsense(format!(
            "`accept` for {domain}, which is not local, takes the grant `relay`"
        ))),
        Err(error) => Err(Fault::Unavailable(error.to_string())),
    }
}

impl Scene<'_> {
    /// Whether the answer that steps wish is from somebody whose mail it is: nobody is spoken for whom it did not come to.
    async fn may_respond(
        &self,
        step: &Step,
        addressee: &Addressee,
        account: &str,
    ) -> Result<(), Fault> {
        let Some(mail) = &self.context.mail else {
            return Ok(());
        };
        let wished = mail.state().response.as_ref().map(|it| it.author.clone());
        let Some(author) = wished.filter(|author| addressee.address.as_ref() != Some(author))
        else {
            return Ok(());
        };
        let services = &step.shared.services;
        let unavailable = |error: ServiceError| Fault::Unavailable(error.to_string());
        let own = services.owns(account, &author).await.map_err(unavailable)?;
        if own {
            return Ok(());
        }
        let addresses = services.addresses(account).await.map_err(unavailable)?;
        let name = author.to_string();
        if addresses
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&name))
        {
            return Ok(());
        }
        mail.state().response = None;
        Err(Fault::Nonsense(format!(
            "an answer from {author}, which is no address of {account}"
        )))
    }
}

/// What a step of `message` said, if that is the verdict for all recipients.
fn ends_the_matter(came: Came) -> Option<Verdict> {
    match came {
        Came::Answer(Answer::Accept) => Some(Verdict::Deliver),
        Came::Answer(Answer::Discard) => Some(Verdict::Discard),
        Came::Answer(Answer::Quarantine(reason)) => Some(Verdict::Quarantine(reason)),
        Came::Answer(Answer::Refuse(reply)) | Came::Failed(reply) => Some(refusal(reply)),
        Came::Answer(_) | Came::Skipped => None,
    }
}

fn refusal(reply: Reply) -> Verdict {
    if reply.code.is_transient() {
        Verdict::Defer(reply)
    } else {
        Verdict::Refuse(reply)
    }
}

pub(crate) fn domain_at_hand(domain: &str) -> Option<Arc<str>> {
    (!domain.is_empty()).then(|| domain.into())
}
