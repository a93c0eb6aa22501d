//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1).
//!
//! What may be held is policy's to say, so that nobody sets it here.

use crate::ask::{Answer, Ask, QuotaRoot};
use crate::encode::{quota, quota_root, texts};
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::mailboxes::bad_name;
use crate::types::{MailboxArgument, MailboxName};

pub(crate) fn get(root: String) -> Flow {
    Flow::Ask(Ask::Quota { mailbox: None }, Box::new(Get(root)))
}

/// RFC 9208 §4.1.2: the mailbox need not exist.
pub(crate) fn get_root(mailbox: MailboxArgument) -> Flow {
    match mailbox {
        Ok(mailbox) => {
            let ask = Ask::Quota {
                mailbox: Some(mailbox.clone()),
            };
            Flow::Ask(ask, Box::new(GetRoot(mailbox)))
        }
        Err(error) => bad_name(error),
    }
}

#[derive(Debug)]
struct Get(String);

impl Job for Get {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Quota(roots) = answer else {
            return failed(&answer, false);
        };
        let mut limited = roots.iter().filter(|root| is_limited(root));
        let Some(root) = limited.find(|root| root.name == self.0) else {
            return Flow::Done(texts::NO_QUOTA_ROOT);
        };
        quota(&mut core.out, root);
        Flow::Done(texts::ok("GETQUOTA completed"))
    }
}

#[derive(Debug)]
struct GetRoot(MailboxName);

impl Job for GetRoot {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Quota(mut roots) = answer else {
            return failed(&answer, false);
        };
        roots.retain(is_limited);
        let names = core.names();
        quota_root(&mut core.out, &self.0, names, &roots);
        for root in &roots {
            quota(&mut core.out, root);
        }
        Flow::Done(texts::ok("GETQUOTAROOT completed"))
    }
}

/// RFC 9208 §4.2.1 has a root without resources and §7 has no way to write it, as clients find (Thunderbird): where nothing is limited
/// there is no root (§3.2).
fn is_limited(root: &QuotaRoot) -> bool {
    root.bytes_limit.is_some() || root.messages_limit.is_some()
}
