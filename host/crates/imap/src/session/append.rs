//! APPEND (RFC 3501 §6.3.11, RFC 4315): messages go through in pieces and are never held.
//!
//! Standards: RFC 3502 (MULTIAPPEND: all messages or none), RFC 3516 §4.4 (literal8), RFC 6855 §4 (UTF8), RFC 8508 (REPLACE: one message, in place
//! of another).

use crate::ask::{Answer, Appended, Ask};
use crate::encode::texts::{self, Response};
use crate::error::Error;
use crate::parse::{Literal, SyntaxError, append_next, literal_at_end};
use crate::session::catenate::Catenating;
use crate::session::copy::runs;
use crate::session::framing::Framing;
use crate::session::job::{Core, Flow, Job, Waiting, failed, unexpected};
use crate::session::message_limit;
use crate::session::watch::Watch;
use crate::types::{AppendHead, AppendMessage, MailboxId, Replaced, UidSet};

/// Messages in one APPEND.
const MAX_MESSAGES: u32 = 1_000;

/// The first message was announced: is it wanted?
pub(crate) fn begin(
    core: &mut Core,
    framing: &mut Framing,
    tag: String,
    head: Result<AppendHead, SyntaxError>,
    literal: Option<Literal>,
) -> Flow {
    core.tag = tag;
    core.numbers_stay = false;
    core.own_delete = false;
    core.tells_modseq = false;
    core.progress.begin();
    let limit = core.config.limits.message;
    let refusal = match head {
        Err(error) => texts::syntax(error),
        Ok(_) if !core.logged_in => texts::NOT_LOGGED_IN,
        Ok(AppendHead {
            mailbox: Err(error),
            ..
        }) => texts::failure(&Error::Cannot(error.to_string()), false),
        Ok(AppendHead {
            replaces,
            mailbox: Ok(mailbox),
            message,
        }) => match (
            replaces.map(|it| replaced(core, &it)).transpose(),
            literal.filter(|_| message.catenate.is_none()),
        ) {
            (Err(refusal), _) => refusal,
            (Ok(_), Some(literal)) if unwanted(literal, limit).is_some() => {
                unwanted(literal, limit).unwrap_or(texts::EMPTY_MESSAGE)
            }
            (Ok(replaces), None) => {
                let ask = Ask::Append {
                    replaces,
                    mailbox,
                    size: 0,
                    flags: message.flags,
                    internal_date: message.internal_date,
                };
                let uid = replaces.map(|(_, uid)| uid);
                return Catenating::begin(ask, message.catenate, literal, 1, uid);
            }
            (Ok(replaces), Some(literal)) => {
                let ask = Ask::Append {
                    replaces,
                    mailbox,
                    size: literal.length,
                    flags: message.flags,
                    internal_date: message.internal_date,
                };
                let announced = Announced {
                    literal,
                    number: 1,
                    replaces: replaces.map(|(_, uid)| uid),
                    utf8: message.utf8,
                };
                return Flow::Ask(ask, Box::new(announced));
            }
        },
    };
    let drain = if core.logged_in { limit } else { 8 * 1024 };
    if literal.is_none_or(|literal| framing.discard(literal, drain)) {
        Flow::Tagged(refusal)
    } else {
        core.out.extend_from_slice(texts::BYE_LITERAL.as_bytes());
        Flow::Close
    }
}

/// The message that REPLACE removes, or why it cannot (RFC 8508 §3.5: only in the selected state).
fn replaced(core: &Core, replaces: &Replaced) -> Result<(MailboxId, u32), Response> {
    let Some(selected) = &core.selected else {
        return Err(texts::NOTHING_SELECTED);
    };
    if core.enabled.uid_only && !replaces.uid {
        return Err(texts::UID_REQUIRED);
    }
    if selected.read_only {
        return Err(texts::READ_ONLY);
    }
    let Some(found) = selected.resolve(&replaces.message, replaces.uid) else {
        return Err(texts::NO_SUCH_MESSAGE);
    };
    let uid = found.first().ok_or(texts::NOTHING_TO_REPLACE)?;
    Ok((selected.mailbox, uid))
}

/// Why a message is refused before any of it is sent, if its size is enough to know.
fn unwanted(literal: Literal, limit: u64) -> Option<Response> {
    // RFC 3502 §6.3.11: no octets are an error, and NO.
    if literal.length == 0 {
        return Some(texts::EMPTY_MESSAGE);
    }
    // RFC 7889 §4, RFC 3501.
    (literal.length > limit).then_some(texts::MESSAGE_TOO_LARGE)
}

#[derive(Debug)]
struct Announced {
    literal: Literal,
    number: u32,
    /// The UID of the message that goes for it.
    replaces: Option<u32>,
    utf8: bool,
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
                    number: self.number,
                    replaces: self.replaces,
                    utf8: self.utf8,
                    watch: Watch::new(self.literal.binary, core.enabled.any_utf8()),
                    catenating: None,
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

/// A message is all there, with the rest of its line: the command ends, or announces another message (RFC 3502).
pub(crate) fn end(
    core: &mut Core,
    framing: &mut Framing,
    line: &[u8],
    number: u32,
    replaces: Option<u32>,
    utf8: bool,
    watch: Watch,
) -> Flow {
    let literal = literal_at_end(line);
    let rest = if utf8 {
        line.strip_prefix(b")")
    } else {
        Some(line)
    };
    let refusal = match (watch.refusal(), rest) {
        (Some(refusal), _) => refusal,
        (None, None) => texts::syntax(SyntaxError::Expected(")")),
        (None, Some([])) => return ended(replaces),
        // RFC 8508 §4.7: one message for one.
        (None, Some(_)) if replaces.is_some() => texts::syntax(SyntaxError::Trailing),
        (None, Some(rest)) => {
            let head = rest
                .get(..literal.map_or(rest.len(), |it| it.at.saturating_sub(usize::from(utf8))));
            match another(core, head.unwrap_or_default(), literal, number) {
                Ok(flow) => return flow,
                Err(refusal) => refusal,
            }
        }
    };
    abandon(core, framing, literal, refusal)
}

/// All messages are there.
pub(crate) fn ended(replaces: Option<u32>) -> Flow {
    Flow::Ask(Ask::AppendEnd, Box::new(Ended { replaces }))
}

/// Gives the append up. What is announced all the same is thrown away with its line.
pub(crate) fn abandon(
    core: &mut Core,
    framing: &mut Framing,
    literal: Option<Literal>,
    refusal: Response,
) -> Flow {
    let limit = core.config.limits.message;
    if literal.is_some_and(|literal| !framing.discard(literal, limit)) {
        core.out.extend_from_slice(texts::BYE_LITERAL.as_bytes());
        return Flow::Ask(Ask::AppendAbandon, Box::new(Over));
    }
    Flow::Ask(Ask::AppendAbandon, Box::new(Abandoned(refusal)))
}

/// Asks for the next message of the command, if it may be.
pub(crate) fn another(
    core: &Core,
    options: &[u8],
    literal: Option<Literal>,
    number: u32,
) -> Result<Flow, Response> {
    let AppendMessage {
        flags,
        internal_date,
        utf8,
        catenate,
    } = append_next(options, literal.is_some()).map_err(|error| {
        // Without another message it is nothing that belongs here.
        texts::syntax(literal.map_or(SyntaxError::Trailing, |_| error))
    })?;
    if number >= core.config.limits.messages {
        // RFC 9738 §3.1: none is stored.
        return Err(message_limit::excess(core));
    }
    if number >= MAX_MESSAGES {
        return Err(texts::TOO_MANY_MESSAGES);
    }
    if catenate.is_some() {
        let ask = Ask::AppendMore {
            size: 0,
            flags,
            internal_date,
        };
        return Ok(Catenating::begin(ask, catenate, literal, number + 1, None));
    }
    let literal = literal.ok_or(texts::syntax(SyntaxError::Trailing))?;
    if let Some(refusal) = unwanted(literal, core.config.limits.message) {
        return Err(refusal);
    }
    let ask = Ask::AppendMore {
        size: literal.length,
        flags,
        internal_date,
    };
    let announced = Announced {
        literal,
        number: number + 1,
        replaces: None,
        utf8,
    };
    Ok(Flow::Ask(ask, Box::new(announced)))
}

#[derive(Debug)]
struct Ended {
    /// The UID of the message that went for it.
    replaces: Option<u32>,
}

impl Job for Ended {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Appended(at) => {
                core.put(at.uid_validity, &at.uids);
                let code = code(&at);
                let Some(replaced) = self.replaces else {
                    return Flow::Done(texts::ok("APPEND completed").with_code(code));
                };
                // RFC 8508 §4.3: before the EXPUNGE of what is replaced.
                let ready = texts::ok("the replacement is there").with_code(code);
                ready.write(&mut core.out, "*");
                // RFC 8508 §4.5: as UID EXPUNGE does.
                core.tells_modseq = true;
                let enabled = core.enabled;
                if let Some(selected) = &mut core.selected {
                    let gone = UidSet::from_ranges([(replaced, replaced)]);
                    selected.expunge(&mut core.out, &gone, enabled);
                }
                Flow::Done(texts::ok("REPLACE completed"))
            }
            Answer::Failed(_) => failed(&answer, true),
            _ => unexpected(),
        }
    }
}

/// `APPENDUID uidvalidity uids` (RFC 3502: as many UIDs as there were messages, in their order).
fn code(at: &Appended) -> String {
    // RFC 4315 §3: it would tell who may not look there of the mailbox.
    if at.uids.is_empty() {
        return String::new();
    }
    format!("APPENDUID {} {}", at.uid_validity, runs(&at.uids))
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
