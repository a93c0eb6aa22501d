//! APPEND (RFC 3501 §6.3.11, RFC 4315): the message goes through in pieces and is never held.

use crate::ask::{Answer, Ask};
use crate::encode::texts::{self, Response};
use crate::error::Error;
use crate::parse::{Literal, SyntaxError, literal_at_end};
use crate::session::framing::Framing;
use crate::session::job::{Core, Flow, Job, Waiting, failed, unexpected};
use crate::types::AppendHead;

/// The message was announced: is it wanted?
pub(crate) fn begin(
    core: &mut Core,
    framing: &mut Framing,
    tag: String,
    head: Result<AppendHead, SyntaxError>,
    literal: Literal,
) -> Flow {
    core.tag = tag;
    core.numbers_stay = false;
    core.own_delete = false;
    core.tells_modseq = false;
    let limit = core.config.limits.message;
    let refusal = match head {
        Err(error) => texts::syntax(error),
        Ok(_) if !core.logged_in => texts::NOT_LOGGED_IN,
        // RFC 7889 §4, RFC 3501: refused before any of it is sent.
        Ok(_) if literal.length > limit => texts::MESSAGE_TOO_LARGE,
        Ok(AppendHead {
            mailbox: Err(error),
            ..
        }) => texts::failure(&Error::Cannot(error.to_string()), false),
        Ok(AppendHead {
            mailbox: Ok(mailbox),
            flags,
            internal_date,
        }) => {
            let ask = Ask::Append {
                mailbox,
                size: literal.length,
                flags,
                internal_date,
            };
            return Flow::Ask(ask, Box::new(Announced { literal }));
        }
    };
    let drain = if core.logged_in { limit } else { 8 * 1024 };
    if framing.discard(literal, drain) {
        Flow::Tagged(refusal)
    } else {
        core.out.extend_from_slice(texts::BYE_LITERAL.as_bytes());
        Flow::Close
    }
}

#[derive(Debug)]
struct Announced {
    literal: Literal,
}

impl Job for Announced {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let response = match answer {
            Answer::Done => {
                if !self.literal.non_synchronising {
                    core.out.extend_from_slice(b"+ send the message\r\n");
                }
                return Flow::Input(Waiting::Message {
                    size: self.literal.length,
                    nul: false,
                });
            }
            Answer::Failed(error) => texts::failure(&error, true),
            _ => texts::failure(
                &Error::Unavailable {
                    reference: String::new(),
                },
                true,
            ),
        };
        Flow::Refuse {
            response,
            literal: self.literal,
        }
    }
}

/// The message is all there, with the rest of its line.
pub(crate) fn end(core: &mut Core, framing: &mut Framing, line: &[u8], nul: bool) -> Flow {
    if line.is_empty() && nul {
        return Flow::Ask(Ask::AppendAbandon, Box::new(Abandoned(texts::NUL)));
    }
    if line.is_empty() {
        return Flow::Ask(Ask::AppendEnd, Box::new(Ended));
    }
    // A second message (RFC 3502 is not offered) is thrown away with its line.
    let limit = core.config.limits.message;
    if literal_at_end(line).is_some_and(|literal| !framing.discard(literal, limit)) {
        core.out.extend_from_slice(texts::BYE_LITERAL.as_bytes());
        return Flow::Ask(Ask::AppendAbandon, Box::new(Over));
    }
    Flow::Ask(Ask::AppendAbandon, Box::new(Abandoned(texts::ONE_MESSAGE)))
}

#[derive(Debug)]
struct Ended;

impl Job for Ended {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Appended(at) => {
                let code = format!("APPENDUID {} {}", at.uid_validity, at.uid);
                Flow::Done(texts::ok("APPEND completed").with_code(code))
            }
            Answer::Failed(_) => failed(&answer, true),
            _ => unexpected(),
        }
    }
}

#[derive(Debug)]
struct Abandoned(Response);

impl Job for Abandoned {
    fn answer(self: Box<Self>, _core: &mut Core, _answer: Answer) -> Flow {
        Flow::Tagged(self.0)
    }
}

/// An append was given up and the session ends.
#[derive(Debug)]
struct Over;

impl Job for Over {
    fn answer(self: Box<Self>, _core: &mut Core, _answer: Answer) -> Flow {
        Flow::Close
    }
}
