//! LOGIN and AUTHENTICATE (RFC 3501 §6.2, RFC 4616, RFC 4959).

use waxwing_sasl::{Credentials, Exchange, Mechanism, Progress, SaslError};

use crate::ask::{Answer, Ask};
use crate::encode::{Out, texts};
use crate::error::Error;
use crate::session::job::{Core, Flow, Job, Waiting, unexpected};

pub(crate) fn login(core: &mut Core, user: String, password: String) -> Flow {
    if !core.may_log_in() {
        return Flow::Tagged(texts::TLS_FIRST);
    }
    if user.len() > Credentials::LONGEST || password.len() > Credentials::LONGEST {
        return Flow::Tagged(texts::failure(&Error::AuthenticationFailed, false));
    }
    verify("LOGIN", Credentials::new(user, password))
}

pub(crate) fn authenticate(core: &mut Core, mechanism: &str, initial: Option<&[u8]>) -> Flow {
    if Mechanism::parse(mechanism) != Some(Mechanism::Plain) {
        return Flow::Tagged(texts::NO_MECHANISM);
    }
    if !core.may_log_in() {
        return Flow::Tagged(texts::TLS_FIRST);
    }
    let progress = Exchange::start(Mechanism::Plain, initial);
    self::progress(core, progress)
}

/// How an exchange goes on.
pub(crate) fn progress(core: &mut Core, progress: Result<Progress, SaslError>) -> Flow {
    match progress {
        Ok(Progress::Challenge { text, exchange }) => {
            core.out.extend_from_slice(b"+ ");
            core.out.extend_from_slice(text.as_bytes());
            core.out.extend_from_slice(b"\r\n");
            Flow::Input(Waiting::Response(Box::new(exchange)))
        }
        Ok(Progress::Done(credentials)) => verify(Mechanism::Plain.as_str(), credentials),
        // PLAIN leads to none of these.
        Ok(Progress::Keys(_) | Progress::Proof(_) | Progress::Token(_)) => {
            Flow::Tagged(texts::NO_MECHANISM)
        }
        // RFC 3501 §6.2.2: a cancelled exchange is BAD.
        Err(SaslError::Cancelled) => Flow::Tagged(texts::CANCELLED),
        Err(_) => Flow::Tagged(texts::BAD_CREDENTIALS),
    }
}

fn verify(mechanism: &'static str, credentials: Credentials) -> Flow {
    Flow::Ask(
        Ask::Login {
            mechanism,
            credentials,
        },
        Box::new(Verify),
    )
}

#[derive(Debug)]
struct Verify;

impl Job for Verify {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Done => {
                core.logged_in = true;
                core.failed_logins = 0;
                let mut code = Out::new();
                texts::capabilities(&mut code, &core.config, core.secured, true);
                let code = String::from_utf8_lossy(&code).into_owned();
                Flow::Tagged(texts::ok("logged in").with_code(code))
            }
            Answer::Failed(error) => {
                if matches!(
                    error,
                    Error::AuthenticationFailed | Error::AuthorizationFailed | Error::Refused(_)
                ) {
                    core.failed_logins += 1;
                }
                Flow::Tagged(texts::failure(&error, false))
            }
            _ => unexpected(),
        }
    }
}
