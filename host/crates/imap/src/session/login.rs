//! LOGIN and AUTHENTICATE.
//!
//! Standards: RFC 3501 §6.2, RFC 4959 (SASL-IR), RFC 7628 §3.2.3 (tokens that are not taken); the mechanisms are `sasl`'s.

use waxwing_sasl::{
    Credentials, Exchange, KeysWanted, Mechanism, Offer, Progress, Proven, SaslError,
};

use crate::ask::{Answer, Ask};
use crate::encode::texts;
use crate::error::Error;
use crate::session::job::{Core, Flow, Job, Waiting, unexpected};

pub(crate) fn login(core: &mut Core, user: String, password: String) -> Flow {
    if !core.may_log_in() {
        return Flow::Tagged(texts::TLS_FIRST);
    }
    if !core.takes_passwords() {
        return Flow::Tagged(texts::NO_LOGIN);
    }
    if user.len() > Credentials::LONGEST || password.len() > Credentials::LONGEST {
        return Flow::Tagged(texts::failure(&Error::AuthenticationFailed, false));
    }
    let offer = Offer::Password(Credentials::new(user, password));
    verify("LOGIN", offer, None)
}

pub(crate) fn authenticate(core: &mut Core, mechanism: &str, initial: Option<&[u8]>) -> Flow {
    let Some(mechanism) = Mechanism::parse(mechanism).filter(|it| core.offers(*it)) else {
        return Flow::Tagged(texts::NO_MECHANISM);
    };
    if !core.may_log_in() {
        return Flow::Tagged(texts::TLS_FIRST);
    }
    progress(core, mechanism, Exchange::start(mechanism, initial))
}

fn challenge(core: &mut Core, mechanism: Mechanism, text: &str, exchange: Exchange) -> Flow {
    core.out.extend_from_slice(b"+ ");
    core.out.extend_from_slice(text.as_bytes());
    core.out.extend_from_slice(b"\r\n");
    Flow::Input(Waiting::Response(mechanism, Box::new(exchange)))
}

/// How an exchange goes on.
pub(crate) fn progress(
    core: &mut Core,
    mechanism: Mechanism,
    progress: Result<Progress, SaslError>,
) -> Flow {
    match progress {
        Ok(Progress::Challenge { text, exchange }) => challenge(core, mechanism, &text, exchange),
        Ok(Progress::Keys(wanted)) => {
            let user = wanted.user().to_owned();
            Flow::Ask(
                Ask::Keys { mechanism, user },
                Box::new(Keys(mechanism, wanted)),
            )
        }
        Ok(Progress::Done(offer)) => {
            let token = matches!(offer, Offer::Token(_)).then_some(mechanism);
            verify(mechanism.as_str(), offer, token)
        }
        Ok(Progress::Proved { offer, proven }) => Flow::Ask(
            Ask::Login {
                mechanism: mechanism.as_str(),
                offer,
            },
            Box::new(Prove(mechanism, proven)),
        ),
        Ok(Progress::Confirmed) => logged_in(core),
        // What let it in cannot be undone.
        Err(SaslError::Unconfirmed) => Flow::Bye(texts::BYE_UNCONFIRMED),
        // RFC 3501 §6.2.2: a cancelled exchange is BAD.
        // It counts as a failure: what was refused is not undone by it.
        Err(SaslError::Cancelled) => {
            core.failed_logins += 1;
            Flow::Tagged(texts::CANCELLED)
        }
        Err(SaslError::Refused) => refused(core, &Error::AuthenticationFailed),
        Err(_) => Flow::Tagged(texts::BAD_CREDENTIALS),
    }
}

fn logged_in(core: &mut Core) -> Flow {
    core.logged_in = true;
    core.failed_logins = 0;
    Flow::Tagged(texts::ok("logged in").with_code(core.capabilities()))
}

fn verify(mechanism: &'static str, offer: Offer, token: Option<Mechanism>) -> Flow {
    let job = Verify {
        disproved: offer.is_disproved(),
        token,
    };
    Flow::Ask(Ask::Login { mechanism, offer }, Box::new(job))
}

/// The login failed; too many of them end the session.
fn refused(core: &mut Core, error: &Error) -> Flow {
    core.failed_logins += 1;
    Flow::Tagged(texts::failure(error, false))
}

/// An exchange by SCRAM that waits for the user's keys.
#[derive(Debug)]
struct Keys(Mechanism, KeysWanted);

impl Job for Keys {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Self(mechanism, wanted) = *self;
        match answer {
            Answer::Keys(part) => progress(core, mechanism, wanted.keys(*part)),
            Answer::Failed(error) => failed(core, &error),
            _ => unexpected(),
        }
    }
}

#[derive(Debug)]
struct Verify {
    /// A yes counts for nothing.
    disproved: bool,
    /// It is by a token, of this mechanism.
    token: Option<Mechanism>,
}

impl Job for Verify {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::LoggedIn { .. } if self.disproved => {
                refused(core, &Error::AuthenticationFailed)
            }
            Answer::LoggedIn { jmap } => {
                core.jmap = jmap;
                logged_in(core)
            }
            Answer::Failed(Error::AuthenticationFailed) => match self.token {
                // RFC 7628 §3.2.3: a client whose token is not taken is told why, and answers, before it is told no.
                Some(mechanism) => progress(core, mechanism, Ok(Exchange::refuse(mechanism))),
                None => refused(core, &Error::AuthenticationFailed),
            },
            Answer::Failed(error) => failed(core, &error),
            _ => unexpected(),
        }
    }
}

/// A proof that is right. The server shows its own to whom policy lets in, and to nobody else: it tells that the client's was right.
#[derive(Debug)]
struct Prove(Mechanism, Proven);

impl Job for Prove {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Self(mechanism, proven) = *self;
        match answer {
            Answer::LoggedIn { jmap } => {
                core.jmap = jmap;
                let (text, exchange) = proven.confirm();
                challenge(core, mechanism, &text, exchange)
            }
            Answer::Failed(error) => failed(core, &error),
            _ => unexpected(),
        }
    }
}

fn failed(core: &mut Core, error: &Error) -> Flow {
    if matches!(
        error,
        Error::AuthenticationFailed | Error::AuthorizationFailed | Error::Refused(_)
    ) {
        return refused(core, error);
    }
    Flow::Tagged(texts::failure(error, false))
}
