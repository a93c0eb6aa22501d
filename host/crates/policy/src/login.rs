//! One login through the hooks `login` and `authenticate`.
//!
//! A password that is said takes one way through. One that is proved (SCRAM) takes two: whose it is to be, and what the
//! proof came to. Invariant: what was not proved is nobody's, whatever a step says.

use std::sync::Arc;
use std::time::Duration;

use waxwing_mail::{Identity, Reply};

use crate::answer::{Answer, MAX_DELAY};
use crate::capability::from_identity;
use crate::facts::{LoginAttempt, Offered};
use crate::guest::Ask;
use crate::hook::Hook;
use crate::outcome::{LoginOutcome, Sought};
use crate::pipeline::{Came, Scene};
use crate::policy_file::Mode;
use crate::session::{PolicySession, domain_of};
use crate::verified::Credentials;

/// One login on its way through the hooks.
pub(crate) struct Login<'a> {
    scene: Scene<'a>,
    credentials: Arc<Credentials>,
    delay: Duration,
}

/// What the check of the credentials came to.
enum Credited {
    To(Identity),
    /// Wrong, or nobody's.
    Wrong,
    /// Right, but not now.
    Blocked(Option<String>),
    /// Nobody could say.
    Unknown(Option<Reply>),
}

impl<'a> Login<'a> {
    pub(crate) fn new(session: &'a PolicySession, attempt: LoginAttempt) -> Self {
        let mut scene = session.scene();
        scene.context.domain = domain_of(&attempt.user);
        scene.about = Some(attempt.user.clone());
        let credentials = Arc::new(Credentials::from(attempt));
        scene.context.credentials = Some(credentials.clone());
        Self {
            scene,
            credentials,
            delay: Duration::ZERO,
        }
    }

    /// The whole of it.
    pub(crate) async fn run(mut self) -> LoginOutcome {
        let credentials = self.credentials.clone();
        let attempt = &credentials.attempt;
        let (user, mechanism) = (attempt.user.as_str(), attempt.mechanism.as_str());
        // Before a proof there was the question whose it is to be.
        if !matches!(attempt.offered, Offered::Proof { .. })
            && let Some(ended) = self.around(&Ask::LoginBefore { user, mechanism }).await
        {
            return ended;
        }
        match self.check().await {
            Credited::To(identity) => {
                let who = from_identity(&identity);
                match self.around(&Ask::LoginAfter(&who)).await {
                    Some(ended) => ended,
                    None => LoginOutcome::Success {
                        identity,
                        delay: self.delay,
                    },
                }
            }
            Credited::Wrong => match self.around(&Ask::LoginFailed { user, mechanism }).await {
                Some(ended) => ended,
                // Only at the end: whoever is not to know that it is right has been refused before.
                None if credentials.lacks_code().await => {
                    LoginOutcome::CodeMissing { delay: self.delay }
                }
                None => LoginOutcome::Refused {
                    text: None,
                    delay: self.delay,
                },
            },
            Credited::Blocked(text) => LoginOutcome::Refused {
                text,
                delay: self.delay,
            },
            Credited::Unknown(reply) => self.unavailable(reply),
        }
    }

    /// Its first half, where the password is proved and not said.
    pub(crate) async fn seek(mut self) -> Sought {
        let credentials = self.credentials.clone();
        let attempt = &credentials.attempt;
        let (user, mechanism) = (attempt.user.as_str(), attempt.mechanism.as_str());
        let refused = match self.around(&Ask::LoginBefore { user, mechanism }).await {
            // It has to look like a wrong password, which comes to light at the end: until then all goes its way.
            Some(LoginOutcome::Refused { text: None, .. }) => true,
            Some(ended) => return Sought::Ended(ended),
            None => false,
        };
        let account = match self.check().await {
            Credited::To(identity) => Ok(identity.account.into()),
            // What else there is to say of an account is for whoever proves that it is his.
            Credited::Wrong | Credited::Blocked(_) => Err(attempt.name()),
            Credited::Unknown(reply) => return Sought::Ended(self.unavailable(reply)),
        };
        Sought::Of {
            account,
            refused,
            delay: self.delay,
        }
    }

    /// Asks the steps of `login`; an outcome if one of them ends the matter.
    async fn around(&mut self, ask: &Ask<'_>) -> Option<LoginOutcome> {
        let generation = self.scene.generation;
        for step in generation.at(Hook::Login) {
            match self.scene.ask(step, ask).await {
                Came::Answer(Answer::Delay(delay)) => {
                    self.delay = (self.delay + delay).min(MAX_DELAY);
                }
                Came::Answer(Answer::RefuseLogin(text)) => {
                    return Some(LoginOutcome::Refused {
                        text,
                        delay: self.delay,
                    });
                }
                Came::Failed(reply) if reply.code.is_permanent() => {
                    return Some(LoginOutcome::Refused {
                        text: None,
                        delay: self.delay,
                    });
                }
                Came::Failed(reply) => return Some(self.unavailable(Some(reply))),
                Came::Answer(_) | Came::Skipped => {}
            }
        }
        None
    }

    /// Asks the steps of `authenticate` until one knows the user.
    async fn check(&mut self) -> Credited {
        if self.credentials.attempt.offered.is_disproved() {
            return Credited::Wrong;
        }
        let generation = self.scene.generation;
        let mut asked = false;
        let mut all_answered = true;
        for step in generation.at(Hook::Authenticate) {
            // What a shadow step would say is nobody's answer.
            asked |= step.config.mode != Mode::Shadow;
            match self.scene.ask(step, &Ask::Authenticate).await {
                Came::Answer(Answer::Success(identity)) => {
                    // A step with users of its own has not seen what proves one of ours.
                    return match self.credentials.attempt.offered.proves() {
                        Some(account) if !account.eq_ignore_ascii_case(&identity.account) => {
                            Credited::Wrong
                        }
                        _ => Credited::To(identity),
                    };
                }
                Came::Answer(Answer::Failure) => return Credited::Wrong,
                Came::Answer(Answer::RefuseLogin(text)) => return Credited::Blocked(text),
                Came::Failed(reply) if reply.code.is_permanent() => return Credited::Wrong,
                Came::Failed(reply) => return Credited::Unknown(Some(reply)),
                Came::Skipped => all_answered = false,
                Came::Answer(_) => {}
            }
        }
        // That nobody knows the user is an answer only if all could be asked.
        if asked && all_answered {
            Credited::Wrong
        } else {
            Credited::Unknown(None)
        }
    }

    fn unavailable(&self, reply: Option<Reply>) -> LoginOutcome {
        let text = reply.map_or_else(
            || "No policy step decides about logins".into(),
            |reply| reply.text.into_owned(),
        );
        LoginOutcome::Unavailable {
            text,
            delay: self.delay,
        }
    }
}
