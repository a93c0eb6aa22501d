//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS (RFC 3501 §6.3).

use crate::ask::{Answer, Ask};
use crate::encode::{status as write_status, texts};
use crate::error::Error;
use crate::session::enable;
use crate::session::job::{Core, Flow, Job, Plainly, failed};
use crate::types::{MailboxArgument, MailboxName, NameError, StatusItem, UseArgument};

/// A name that cannot be one: the syntax is right, so NO.
pub(crate) fn bad_name(error: NameError) -> Flow {
    Flow::Done(texts::failure(&Error::Cannot(error.to_string()), false))
}

pub(crate) fn create(mailbox: MailboxArgument, special_use: UseArgument) -> Flow {
    match (mailbox, special_use) {
        // RFC 3501 §6.3.3: it is an error to create INBOX.
        (Ok(mailbox), _) if mailbox.is_inbox() => {
            Flow::Done(texts::failure(&Error::AlreadyExists, false))
        }
        (Ok(mailbox), Ok(special_use)) => Flow::Ask(
            Ask::Create {
                mailbox,
                special_use,
            },
            Box::new(Create),
        ),
        (Err(error), _) => bad_name(error),
        // RFC 6154 §3: what cannot be made for the use is not made.
        (_, Err(error)) => Flow::Done(texts::failure(&Error::SpecialUse(error.to_string()), false)),
    }
}

#[derive(Debug)]
struct Create;

impl Job for Create {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        match answer {
            // RFC 8474 §4.1.
            Answer::Created(mailbox) => {
                let code = format!("MAILBOXID ({mailbox})");
                Flow::Done(texts::ok("CREATE completed").with_code(code))
            }
            other => failed(&other, false),
        }
    }
}

pub(crate) fn delete(mailbox: MailboxArgument) -> Flow {
    match mailbox {
        // RFC 3501 §6.3.4: it is an error to delete INBOX.
        Ok(mailbox) if mailbox.is_inbox() => Flow::Done(texts::failure(
            &Error::Cannot(String::from("INBOX cannot be deleted")),
            false,
        )),
        Ok(mailbox) => Flow::Ask(
            Ask::Delete { mailbox },
            Box::new(Plainly("DELETE completed")),
        ),
        Err(error) => bad_name(error),
    }
}

pub(crate) fn rename(from: MailboxArgument, to: MailboxArgument) -> Flow {
    match (from, to) {
        (Ok(_), Ok(to)) if to.is_inbox() => {
            Flow::Done(texts::failure(&Error::AlreadyExists, false))
        }
        (Ok(from), Ok(to)) => Flow::Ask(
            Ask::Rename { from, to },
            Box::new(Plainly("RENAME completed")),
        ),
        (Err(error), _) | (_, Err(error)) => bad_name(error),
    }
}

pub(crate) fn subscribe(mailbox: MailboxArgument, subscribed: bool) -> Flow {
    match mailbox {
        Ok(mailbox) => {
            let done = if subscribed {
                "SUBSCRIBE completed"
            } else {
                "UNSUBSCRIBE completed"
            };
            Flow::Ask(
                Ask::Subscribe {
                    mailbox,
                    subscribed,
                },
                Box::new(Plainly(done)),
            )
        }
        Err(error) => bad_name(error),
    }
}

pub(crate) fn status(core: &mut Core, mailbox: MailboxArgument, items: Vec<StatusItem>) -> Flow {
    if items.contains(&StatusItem::HighestModSeq) {
        enable::condstore(core);
    }
    match mailbox {
        Ok(mailbox) => Flow::Ask(
            Ask::Status {
                mailbox: mailbox.clone(),
                deleted: items.iter().any(|item| item.of_deleted()),
            },
            Box::new(Status { mailbox, items }),
        ),
        Err(error) => bad_name(error),
    }
}

#[derive(Debug)]
struct Status {
    mailbox: MailboxName,
    items: Vec<StatusItem>,
}

impl Job for Status {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Status(data) = answer else {
            return failed(&answer, false);
        };
        let names = core.names();
        let limit = core.config.limits.append_limit();
        write_status(
            &mut core.out,
            &self.mailbox,
            names,
            &self.items,
            &data,
            limit,
        );
        Flow::Done(texts::ok("STATUS completed"))
    }
}
