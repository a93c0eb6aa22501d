//! Greeting, CAPABILITY, ID, STARTTLS, COMPRESS, LOGOUT, UNAUTHENTICATE, NAMESPACE (RFC 3501 §6.1, §6.2.1; RFC 2971;
//! RFC 4978; RFC 8437; RFC 2342).

use crate::ask::{Answer, Ask};
use crate::config::Tls;
use crate::encode::{string, texts};
use crate::error::Error;
use crate::session::job::{Core, Flow, Job};

/// The connection was announced.
#[derive(Debug)]
pub(crate) struct Greeting;

impl Job for Greeting {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        match answer {
            Answer::Done => {
                let capabilities = core.capabilities();
                texts::greeting(&mut core.out, &core.config.host_name, &capabilities);
                Flow::Next
            }
            Answer::Failed(Error::Refused(reason)) => {
                texts::bye(&mut core.out, &reason);
                Flow::Close
            }
            _ => {
                core.out.extend_from_slice(texts::BYE_REFUSED.as_bytes());
                Flow::Close
            }
        }
    }
}

pub(crate) fn capability(core: &mut Core) -> Flow {
    core.out.extend_from_slice(b"* ");
    let words = core.capabilities();
    core.out.extend_from_slice(words.as_bytes());
    core.out.extend_from_slice(b"\r\n");
    Flow::Done(texts::ok("CAPABILITY completed"))
}

pub(crate) fn id(core: &mut Core) -> Flow {
    core.out.extend_from_slice(b"* ID ");
    if core.config.id.is_empty() {
        core.out.extend_from_slice(b"NIL");
    } else {
        let mut before = b'(';
        for (name, value) in &core.config.id {
            core.out.push(before);
            string(&mut core.out, name.as_bytes());
            core.out.push(b' ');
            string(&mut core.out, value.as_bytes());
            before = b' ';
        }
        core.out.push(b')');
    }
    core.out.extend_from_slice(b"\r\n");
    Flow::Done(texts::ok("ID completed"))
}

pub(crate) fn start_tls(core: &mut Core) -> Flow {
    if core.secured {
        return Flow::Tagged(texts::TLS_ALREADY);
    }
    if core.config.tls != Tls::Offered {
        return Flow::Tagged(texts::NO_TLS);
    }
    let tag = std::mem::take(&mut core.tag);
    texts::ok("begin TLS negotiation now").write(&mut core.out, &tag);
    Flow::StartTls
}

pub(crate) fn logout(_core: &mut Core) -> Flow {
    Flow::Ask(Ask::Logout, Box::new(Logout))
}

#[derive(Debug)]
struct Logout;

impl Job for Logout {
    fn answer(self: Box<Self>, core: &mut Core, _answer: Answer) -> Flow {
        core.out.extend_from_slice(texts::BYE_LOGOUT.as_bytes());
        let tag = std::mem::take(&mut core.tag);
        texts::ok("LOGOUT completed").write(&mut core.out, &tag);
        Flow::Close
    }
}

/// RFC 8437. It is never NO: a client may send the next login behind it at once.
pub(crate) fn unauthenticate(core: &Core) -> Flow {
    if !core.config.unauthenticate {
        return Flow::Tagged(texts::NOT_OFFERED);
    }
    if core.compressed {
        // RFC 8437 §3: a server that cannot reset its state may close the connection.
        return Flow::Bye(texts::BYE_STAYS_COMPRESSED);
    }
    Flow::Ask(Ask::Logout, Box::new(Unauthenticate))
}

#[derive(Debug)]
struct Unauthenticate;

impl Job for Unauthenticate {
    fn answer(self: Box<Self>, core: &mut Core, _answer: Answer) -> Flow {
        core.forget_user();
        Flow::Stranger(texts::ok("UNAUTHENTICATE completed"))
    }
}

/// RFC 4978 §3.
pub(crate) fn compress(core: &Core) -> Flow {
    if core.compressed {
        Flow::Tagged(texts::COMPRESSED_ALREADY)
    } else {
        Flow::Compress
    }
}

/// RFC 9698 §4: where the same mail is to be had by JMAP; BAD where that is not known, or is not for who has logged in so.
pub(crate) fn jmap_access(core: &mut Core) -> Flow {
    let Some(session) = core.jmap.clone() else {
        return Flow::Tagged(texts::NOT_OFFERED);
    };
    core.out.extend_from_slice(b"* JMAPACCESS ");
    string(&mut core.out, session.as_bytes());
    core.out.extend_from_slice(b"\r\n");
    Flow::Done(texts::ok("GETJMAPACCESS completed"))
}

pub(crate) fn namespace(core: &mut Core) -> Flow {
    core.out
        .extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) ((\"Other users/\" \"/\")) NIL\r\n");
    Flow::Done(texts::ok("NAMESPACE completed"))
}
