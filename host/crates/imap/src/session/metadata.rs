//! GETMETADATA and SETMETADATA (RFC 5464 §4.2, §4.3).

use crate::ask::{Answer, Ask};
use crate::encode::{metadata, texts};
use crate::session::job::{Core, Flow, Job, Plainly, failed};
use crate::session::mailboxes::bad_name;
use crate::types::{
    EntryDepth, EntryName, EntryValues, MailboxArgument, MailboxName, MetadataOptions,
};

pub(crate) fn get(
    mailbox: Option<MailboxArgument>,
    options: MetadataOptions,
    entries: Vec<EntryName>,
) -> Flow {
    let mailbox = match mailbox.transpose() {
        Ok(mailbox) => mailbox,
        Err(error) => return bad_name(error),
    };
    let ask = Ask::Metadata {
        mailbox: mailbox.clone(),
    };
    let get = Get {
        mailbox,
        options,
        entries,
    };
    Flow::Ask(ask, Box::new(get))
}

pub(crate) fn set(mailbox: Option<MailboxArgument>, values: EntryValues) -> Flow {
    match mailbox.transpose() {
        Ok(mailbox) => Flow::Ask(
            Ask::SetMetadata { mailbox, values },
            Box::new(Plainly("SETMETADATA completed")),
        ),
        Err(error) => bad_name(error),
    }
}

#[derive(Debug)]
struct Get {
    mailbox: Option<MailboxName>,
    options: MetadataOptions,
    entries: Vec<EntryName>,
}

impl Job for Get {
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Metadata(known) = answer else {
            return failed(&answer, false);
        };
        let mut told: Vec<(EntryName, Option<&[u8]>)> = Vec::new();
        let mut longest = 0;
        let limit = self
            .options
            .max_size
            .map_or(usize::MAX, |size| size as usize);
        for wanted in &self.entries {
            let means =
                |(entry, _): &&(EntryName, Vec<u8>)| self.options.depth.means(wanted, entry);
            let mut found = known.iter().filter(means).peekable();
            // An entry that was asked for by its name has no value where it is not there.
            if found.peek().is_none() && self.options.depth == EntryDepth::Zero {
                told.push((wanted.clone(), None));
            }
            for (entry, value) in found {
                if value.len() > limit {
                    longest = longest.max(value.len());
                } else if told.iter().all(|(known, _)| known != entry) {
                    told.push((entry.clone(), Some(value.as_slice())));
                }
            }
        }
        if !told.is_empty() {
            let names = core.names();
            metadata(&mut core.out, self.mailbox.as_ref(), names, &told);
        }
        let done = texts::ok("GETMETADATA completed");
        // RFC 5464 §4.2.1
        Flow::Done(if longest > 0 {
            done.with_code(format!("METADATA LONGENTRIES {longest}"))
        } else {
            done
        })
    }
}
