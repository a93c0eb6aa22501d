//! SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 §3).
//!
//! Whether the client may is for the answering side to say, for these and all other commands.

use crate::ask::{Answer, Ask};
use crate::encode::{acl, list_rights, my_rights, texts};
use crate::session::job::{Core, Flow, Job, Plainly, failed};
use crate::session::mailboxes::bad_name;
use crate::types::{MailboxArgument, MailboxName, RightsChange};

pub(crate) fn set(
    mailbox: MailboxArgument,
    identifier: String,
    change: RightsChange,
    delete: bool,
) -> Flow {
    let done = if delete {
        "DELETEACL completed"
    } else {
        "SETACL completed"
    };
    about(mailbox, |mailbox| {
        let ask = Ask::SetAcl {
            mailbox,
            identifier,
            change,
        };
        Flow::Ask(ask, Box::new(Plainly(done)))
    })
}

pub(crate) fn get(mailbox: MailboxArgument) -> Flow {
    about(mailbox, |mailbox| {
        let ask = Ask::Acl {
            mailbox: mailbox.clone(),
        };
        Flow::Ask(ask, Box::new(GetAcl(mailbox)))
    })
}

pub(crate) fn list(mailbox: MailboxArgument, identifier: String) -> Flow {
    about(mailbox, |mailbox| {
        let ask = Ask::ListRights {
            mailbox: mailbox.clone(),
            identifier: identifier.clone(),
        };
        Flow::Ask(ask, Box::new(ListRights(mailbox, identifier)))
    })
}

pub(crate) fn mine(mailbox: MailboxArgument) -> Flow {
    about(mailbox, |mailbox| {
        let ask = Ask::MyRights {
            mailbox: mailbox.clone(),
        };
        Flow::Ask(ask, Box::new(MyRights(mailbox)))
    })
}

fn about(mailbox: MailboxArgument, ask: impl FnOnce(MailboxName) -> Flow) -> Flow {
    match mailbox {
        Ok(mailbox) => ask(mailbox),
        Err(error) => bad_name(error),
    }
}

#[derive(Debug)]
struct GetAcl(MailboxName);

impl Job for GetAcl {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Acl(entries) = answer else {
            return failed(&answer, false);
        };
        let names = core.names();
        acl(&mut core.out, &self.0, names, &entries);
        Flow::Done(texts::ok("GETACL completed"))
    }
}

/// RFC 4314 §3.4: the identifier is told as the client gave it.
#[derive(Debug)]
struct ListRights(MailboxName, String);

impl Job for ListRights {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Grantable(grantable) = answer else {
            return failed(&answer, false);
        };
        let names = core.names();
        list_rights(&mut core.out, &self.0, names, &self.1, grantable);
        Flow::Done(texts::ok("LISTRIGHTS completed"))
    }
}

#[derive(Debug)]
struct MyRights(MailboxName);

impl Job for MyRights {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Rights(rights) = answer else {
            return failed(&answer, false);
        };
        let names = core.names();
        my_rights(&mut core.out, &self.0, names, rights);
        Flow::Done(texts::ok("MYRIGHTS completed"))
    }
}
