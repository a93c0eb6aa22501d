//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS (RFC 3501 §6.3).

use crate::ask::{Answer, Ask, StatusData};
use crate::encode::{mailbox as write_mailbox, number, texts};
use crate::error::Error;
use crate::session::job::{Core, Flow, Job, Plainly, failed};
use crate::types::{MailboxArgument, MailboxName, NameError, StatusItem};

/// A name that cannot be one: the syntax is right, so NO.
pub(crate) fn bad_name(error: NameError) -> Flow {
    Flow::Done(texts::failure(&Error::Cannot(error.to_string()), false))
}

pub(crate) fn create(mailbox: MailboxArgument) -> Flow {
    match mailbox {
        // RFC 3501 §6.3.3: it is an error to create INBOX.
        Ok(mailbox) if mailbox.is_inbox() => {
            Flow::Done(texts::failure(&Error::AlreadyExists, false))
        }
        Ok(mailbox) => Flow::Ask(
            Ask::Create { mailbox },
            Box::new(Plainly("CREATE completed")),
        ),
        Err(error) => bad_name(error),
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

pub(crate) fn status(mailbox: MailboxArgument, items: Vec<StatusItem>) -> Flow {
    match mailbox {
        Ok(mailbox) => Flow::Ask(
            Ask::Status {
                mailbox: mailbox.clone(),
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
        core.out.extend_from_slice(b"* STATUS ");
        write_mailbox(&mut core.out, &self.mailbox);
        core.out.extend_from_slice(b" (");
        for (index, &item) in self.items.iter().enumerate() {
            if index > 0 {
                core.out.push(b' ');
            }
            let name = StatusItem::ALL
                .iter()
                .find(|(known, _)| *known == item)
                .map_or("", |(_, name)| name);
            core.out.extend_from_slice(name.as_bytes());
            core.out.push(b' ');
            number(&mut core.out, value(&data, item));
        }
        core.out.extend_from_slice(b")\r\n");
        Flow::Done(texts::ok("STATUS completed"))
    }
}

fn value(data: &StatusData, item: StatusItem) -> u32 {
    match item {
        StatusItem::Messages => data.messages,
        StatusItem::Recent => data.recent,
        StatusItem::UidNext => data.uid_next,
        StatusItem::UidValidity => data.uid_validity,
        StatusItem::Unseen => data.unseen,
    }
}
