//! What policy keeps of a connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use waxwing_mail::{EnhancedStatus, Identity, Reply};

use crate::answer::Answer;
use crate::course;
use crate::facts::{ConnectionFacts, LoginAttempt, TlsFacts, TransactionFacts};
use crate::generation::Generation;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::lineup::Who;
use crate::login::Login;
use crate::outcome::{
    Decision, LoginOutcome, MaildropTerms, QuotaOutcome, QuotaRoot, Room, Sought,
};
use crate::pipeline::{Came, Scene};
use crate::state::Context;
use crate::subject::{Connection, Observed};
use crate::tally::{Fate, Kind, Sample};
use crate::transaction::Transaction;
use crate::trial::{self, Ended};

/// The policy of one connection, pinned to the generation it began with. Small and `Send`.
#[derive(Debug)]
pub struct PolicySession {
    generation: Arc<Generation>,
    connection: Arc<Connection>,
}

impl PolicySession {
    /// A connection that begins.
    #[must_use]
    pub fn new(generation: Arc<Generation>, facts: ConnectionFacts) -> Self {
        let client = facts.client.ip();
        Self {
            generation: generation.side_of(|| Who::new(client, "")),
            connection: Arc::new(Connection::new(facts)),
        }
    }

    /// A TLS handshake ended. What the client said in the clear is forgotten (RFC 3207 §4.2).
    pub fn secured(&mut self, tls: TlsFacts) {
        let mut state = self.connection.state();
        state.tls = Some(tls);
        state.helo = None;
        state.esmtp = false;
        state.identity = None;
    }

    /// A peer that may say so has said who the client is.
    pub fn logged_in(&mut self, identity: Identity) {
        self.connection.state().identity = Some(identity);
    }

    /// The login that policy found right came to nothing.
    pub fn not_logged_in(&mut self) {
        self.connection.state().identity = None;
    }

    /// Adds to what the server observed of the client.
    pub fn observe(&mut self, what: Observed, more: u64) {
        self.connection.state().counters.observe(what, more);
    }

    /// How long the greeting is to wait, as the steps of [`Self::connect`] wished.
    #[must_use]
    pub fn greeting_delay(&self) -> Duration {
        self.connection.state().greeting_delay
    }

    /// What is told of the maildrop, as the steps of [`Self::connect`] wished.
    #[must_use]
    pub fn maildrop(&self) -> MaildropTerms {
        self.connection.state().maildrop
    }

    /// May the client go on? Asked once, before the greeting.
    pub async fn connect(&mut self) -> Decision {
        self.decide(&Ask::Connect).await
    }

    /// It greeted with HELO (`esmtp` false), EHLO or LHLO.
    pub async fn ehlo(&mut self, name: &str, esmtp: bool) -> Decision {
        let before = {
            let mut state = self.connection.state();
            let before = (state.helo.replace(name.into()), state.esmtp);
            state.esmtp = esmtp;
            before
        };
        let decision = self.decide(&Ask::Ehlo(name)).await;
        if decision != Decision::Pass {
            // RFC 5321 §4.1.4: the client stays who it said before.
            let mut state = self.connection.state();
            (state.helo, state.esmtp) = before;
        }
        decision
    }

    /// Credentials were given: asks `login.before` (unless [`PolicySession::sought`] has), `authenticate`, then
    /// `login.after` or `login.failed`. A success is the session's identity from then on.
    pub async fn login(&mut self, attempt: LoginAttempt) -> LoginOutcome {
        let begun = Instant::now();
        let outcome = Login::new(self, attempt).run().await;
        self.logged(&outcome, begun);
        outcome
    }

    /// Keeps what a login came to.
    fn logged(&self, outcome: &LoginOutcome, begun: Instant) {
        let fate = match outcome {
            LoginOutcome::Success { .. } => Fate::Passed,
            LoginOutcome::Refused { .. } | LoginOutcome::CodeMissing { .. } => Fate::Refused,
            LoginOutcome::Unavailable { .. } => Fate::Deferred,
        };
        self.sample(Kind::Logins, fate, begun);
        let mut state = self.connection.state();
        match outcome {
            LoginOutcome::Success { identity, .. } => state.identity = Some(identity.clone()),
            LoginOutcome::Refused { .. } | LoginOutcome::CodeMissing { .. } => {
                state.counters.auth_failures += 1;
            }
            LoginOutcome::Unavailable { .. } => {}
        }
    }

    /// Whose password is a client to prove that says it is `attempt.user`? Asks `login.before`, and `authenticate` of a
    /// proof that is [sought](Offered::Sought). [`PolicySession::login`] with the proof is to follow.
    pub async fn sought(&mut self, attempt: LoginAttempt) -> Sought {
        let begun = Instant::now();
        let sought = Login::new(self, attempt).seek().await;
        if let Sought::Ended(outcome) = &sought {
            self.logged(outcome, begun);
        }
        sought
    }

    /// A login that [was refused before its proof](Sought::Of::refused), or had none to prove, has come to its end. It is one that
    /// failed, whatever was proved; the steps have said what they have to say of it.
    pub fn refused_before(&mut self) -> LoginOutcome {
        let outcome = LoginOutcome::Refused {
            text: None,
            delay: Duration::ZERO,
        };
        self.logged(&outcome, Instant::now());
        outcome
    }

    /// Is there room for `adding` in an account that holds `current`?
    pub async fn quota(&mut self, room: &Room<'_>) -> QuotaOutcome {
        let mut scene = self.scene();
        scene.context.domain = domain_of(room.account);
        scene.about = Some(room.account.to_owned());
        quota(&mut scene, room).await
    }

    /// What does the account count against? Of two roots with one name the first counts.
    ///
    /// # Errors
    /// A step could not say, and its failure is not to be skipped.
    pub async fn quota_limits(&mut self, account: &str) -> Result<Vec<QuotaRoot>, Reply> {
        let mut scene = self.scene();
        scene.context.domain = domain_of(account);
        scene.about = Some(account.to_owned());
        let generation = scene.generation;
        let mut roots: Vec<QuotaRoot> = Vec::new();
        for step in generation.at(Hook::QuotaLimits) {
            match scene.ask(step, &Ask::QuotaLimits(account)).await {
                Came::Answer(Answer::Limits(told)) => {
                    for root in told {
                        if roots.iter().all(|known| known.name != root.name) {
                            roots.push(root);
                        }
                    }
                }
                Came::Failed(reply) => return Err(reply),
                Came::Answer(_) | Came::Skipped => {}
            }
        }
        Ok(roots)
    }

    /// MAIL begins a transaction, judged by `generation` (the current one) to its end.
    #[must_use]
    pub fn transaction(
        &mut self,
        generation: Arc<Generation>,
        facts: TransactionFacts,
    ) -> Transaction {
        Transaction::new(generation, self.connection.clone(), facts)
    }

    /// The generation that this connection is pinned to.
    #[must_use]
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene {
            generation: &self.generation,
            context: Context {
                connection: Some(self.connection.clone()),
                ..Context::default()
            },
            held: None,
            about: None,
        }
    }

    async fn decide(&mut self, ask: &Ask<'_>) -> Decision {
        let begun = Instant::now();
        let decision = match decide(&mut self.scene(), ask).await {
            Decided::Open | Decided::Accepted(_) => Decision::Pass,
            Decided::Against(decision) => decision,
        };
        let fate = course::of_decision(&decision).unwrap_or_default();
        self.sample(Kind::Connections, fate, begun);
        decision
    }

    fn sample(&self, kind: Kind, fate: Fate, begun: Instant) {
        let sample = Sample {
            fate,
            took: begun.elapsed(),
            ..Sample::default()
        };
        self.generation.ended(kind, sample);
    }
}

impl Drop for PolicySession {
    fn drop(&mut self) {
        trial::ended(Ended {
            generation: self.generation.clone(),
            context: Context {
                connection: Some(self.connection.clone()),
                ..Context::default()
            },
        });
    }
}

/// What the steps of a hook before the content came to.
pub(crate) enum Decided {
    /// No step said anything.
    Open,
    /// This one accepted.
    Accepted(usize),
    /// One refused, or failed so that it counts as a refusal.
    Against(Decision),
}

/// Asks the steps of a hook until one decides.
pub(crate) async fn decide(scene: &mut Scene<'_>, ask: &Ask<'_>) -> Decided {
    let generation = scene.generation;
    for (place, step) in generation.at(ask.hook()).iter().enumerate() {
        match scene.ask(step, ask).await {
            Came::Answer(Answer::Accept) => return Decided::Accepted(place),
            Came::Answer(Answer::Refuse(reply)) => {
                return Decided::Against(Decision::Refuse(reply));
            }
            Came::Answer(Answer::Disconnect(reply)) => {
                return Decided::Against(Decision::Disconnect(reply));
            }
            Came::Failed(reply) if ask.hook() == Hook::Connect => {
                return Decided::Against(Decision::Disconnect(reply));
            }
            Came::Failed(reply) => return Decided::Against(Decision::Refuse(reply)),
            Came::Answer(_) | Came::Skipped => {}
        }
    }
    Decided::Open
}

/// Asks the steps of `quota`.
pub(crate) async fn quota(scene: &mut Scene<'_>, room: &Room<'_>) -> QuotaOutcome {
    let ask = Ask::Quota(*room);
    let generation = scene.generation;
    for step in generation.at(Hook::Quota) {
        match scene.ask(step, &ask).await {
            Came::Answer(Answer::Accept) => return QuotaOutcome::Allow,
            Came::Answer(Answer::OverTemporary(text)) => return QuotaOutcome::OverTemporary(text),
            Came::Answer(Answer::Over(text)) => return QuotaOutcome::Over(text),
            Came::Failed(reply) => return QuotaOutcome::Unavailable(reply),
            Came::Answer(_) | Came::Skipped => {}
        }
    }
    QuotaOutcome::Allow
}

/// Whether any step may have something to say of room.
pub(crate) fn asks_for_room(scene: &Scene<'_>, room: &Room<'_>) -> bool {
    let mut steps = scene.generation.at(Hook::Quota).iter();
    steps.any(|step| scene.may_say(step, &Ask::Quota(*room)))
}

/// The domain of an account's address.
pub(crate) fn domain_of(account: &str) -> Option<Arc<str>> {
    let (_, domain) = account.rsplit_once('@')?;
    (!domain.is_empty()).then(|| domain.to_ascii_lowercase().into())
}

/// What is said where no step said anything that had to.
pub(crate) fn undecided(about: &str) -> Reply {
    Reply::new(
        451,
        Some(EnhancedStatus(4, 3, 5)),
        format!("No policy step decided {about}"),
    )
}
