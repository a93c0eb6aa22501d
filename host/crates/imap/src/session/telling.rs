//! News of mailboxes that are not selected (RFC 5465): LIST and STATUS responses, some at a time.

use std::vec;

use crate::ask::{Answer, StatusData};
use crate::encode::status;
use crate::session::job::{Core, Flow, Job, unexpected};
use crate::session::list::Shown;
use crate::session::metadata_news;
use crate::session::poll::After;
use crate::types::{MailboxInfo, MailboxName, StatusItem};

/// Responses that are written between two looks at how much output there is.
const AT_ONCE: usize = 128;

/// What is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A LIST response, with what the mailbox was called before, if that changed.
    Name(MailboxName, Option<MailboxName>),
    /// A STATUS response.
    Status(MailboxName, Vec<StatusItem>, StatusData),
}

impl Change {
    /// Whether it tells of this name.
    pub(crate) fn is_of(&self, name: &MailboxName) -> bool {
        matches!(self, Self::Name(told, _) if told == name)
    }
}

/// Changes are being told.
#[derive(Debug)]
pub(crate) struct Telling {
    /// Where there is something to tell.
    shown: Option<Shown>,
    changes: vec::IntoIter<Change>,
    after: After,
}

impl Telling {
    /// Tells of changes among these mailboxes, if any, and goes on.
    pub(crate) fn new(
        core: &Core,
        mailboxes: Vec<MailboxInfo>,
        changes: Vec<Change>,
        after: After,
    ) -> Box<Self> {
        Box::new(Self {
            shown: (!changes.is_empty()).then(|| Shown::new(core, mailboxes)),
            changes: changes.into_iter(),
            after,
        })
    }
}

impl Job for Telling {
    fn answer(self: Box<Self>, _core: &mut Core, _answer: Answer) -> Flow {
        unexpected()
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let (names, limit) = (core.names(), core.config.limits.append_limit());
        for change in self.changes.by_ref().take(AT_ONCE) {
            match change {
                Change::Name(name, old) => {
                    let old = old.as_ref().map(MailboxName::as_str);
                    if let Some(shown) = &self.shown {
                        shown.write(&mut core.out, &name, old);
                    }
                }
                Change::Status(name, items, data) => {
                    status(&mut core.out, &name, names, &items, &data, limit);
                }
            }
        }
        if self.changes.len() > 0 {
            return Flow::Resume(self);
        }
        metadata_news::tell(core, self.after)
    }
}
