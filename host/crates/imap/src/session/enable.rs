//! ENABLE (RFC 5161), and the other commands that make a client aware of modification sequences (RFC 7162 §3.1).

use crate::ask::Answer;
use crate::encode::texts;
use crate::session::job::{Core, Flow, Job};
use crate::session::metadata_news;
use crate::session::selected::Items;
use crate::session::watched;

/// What the client has enabled. It stays so until the connection ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Enabled {
    /// Changes of flags are told with their modification sequence (RFC 7162 §3.1).
    pub(crate) condstore: bool,
    /// VANISHED instead of EXPUNGE (RFC 7162 §3.2.3).
    pub(crate) qresync: bool,
    /// What IMAP4rev2 has instead of IMAP4rev1 (RFC 9051 appendix E).
    pub(crate) rev2: bool,
    /// It is told of metadata that others change (RFC 5464 §4.1).
    pub(crate) metadata: bool,
    /// Messages are called by their UIDs alone (RFC 9586).
    pub(crate) uid_only: bool,
    /// Names, quoted strings and headers of messages are in UTF-8 (RFC 6855).
    pub(crate) utf8: bool,
}

impl Enabled {
    /// Whether UTF-8 is read and written wherever it may be (RFC 6855 §3, RFC 9051 §4.3.1).
    pub(crate) fn any_utf8(self) -> bool {
        self.rev2 || self.utf8
    }

    /// What is told of a message whose flags changed; the UID also if the command was about UIDs.
    pub(crate) fn items(self, with_uid: bool) -> Items {
        Items {
            // RFC 7162 §3.2.4: both UID and modification sequence.
            // RFC 9051 §7.5.2: UID in every FETCH response that was not asked for.
            // RFC 9586 §3.3: a UIDFETCH response has it in front.
            uid: !self.uid_only && (with_uid || self.condstore || self.rev2),
            flags: true,
            modseq: self.condstore,
        }
    }
}

/// `ENABLE`: what is not known, or needs no enabling, is ignored (RFC 5161 §3.1).
pub(crate) fn begin(core: &mut Core, names: &[String]) -> Flow {
    let mut listed: Vec<&'static str> = Vec::new();
    for name in names {
        let known = enable(core, name);
        listed.extend(known.filter(|known| !listed.contains(known)));
    }
    if listed.contains(&METADATA) && core.metadata.is_none() {
        return Flow::Ask(metadata_news::BEGIN, Box::new(Metadata { listed }));
    }
    done(core, &listed)
}

const METADATA: &str = "METADATA";

/// From which change on metadata is news is being asked.
#[derive(Debug)]
struct Metadata {
    listed: Vec<&'static str>,
}

impl Job for Metadata {
    fn answer(mut self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        if !metadata_news::begin(core, &answer) {
            core.enabled.metadata = false;
            self.listed.retain(|name| *name != METADATA);
            return done(core, &self.listed);
        }
        // RFC 5465 §3.1: NOTIFY has said whose news it wants.
        if core.notify.is_some() {
            return done(core, &self.listed);
        }
        watched::everybody(self)
    }

    fn resume(self: Box<Self>, core: &mut Core) -> Flow {
        done(core, &self.listed)
    }
}

fn done(core: &mut Core, listed: &[&str]) -> Flow {
    core.out.extend_from_slice(b"* ENABLED");
    for name in listed {
        core.out.push(b' ');
        core.out.extend_from_slice(name.as_bytes());
    }
    core.out.extend_from_slice(b"\r\n");
    Flow::Done(texts::ok("ENABLE completed"))
}

/// Enables what has this name; gives the name as it is listed.
fn enable(core: &mut Core, name: &str) -> Option<&'static str> {
    match name.to_ascii_uppercase().as_str() {
        "CONDSTORE" => {
            condstore(core);
            Some("CONDSTORE")
        }
        // RFC 7162 §3.2.3: it enables CONDSTORE as well.
        "QRESYNC" => {
            condstore(core);
            core.enabled.qresync = true;
            Some("QRESYNC")
        }
        "IMAP4REV2" => {
            core.enabled.rev2 = true;
            if let Some(selected) = &mut core.selected {
                selected.forget_recent();
            }
            Some("IMAP4rev2")
        }
        "METADATA" => {
            core.enabled.metadata = true;
            Some(METADATA)
        }
        // RFC 9586 §3.1
        "UIDONLY" => {
            core.enabled.uid_only = true;
            if let Some(selected) = &mut core.selected {
                selected.call_by_uid();
            }
            Some("UIDONLY")
        }
        "UTF8=ACCEPT" => {
            core.enabled.utf8 = true;
            Some("UTF8=ACCEPT")
        }
        _ => None,
    }
}

/// A command that enables CONDSTORE was given.
pub(crate) fn condstore(core: &mut Core) {
    if core.enabled.condstore {
        return;
    }
    core.enabled.condstore = true;
    // RFC 7162 §3.1: the first of them, with a mailbox selected, makes the server tell HIGHESTMODSEQ.
    if let Some(selected) = &core.selected {
        texts::highest_modseq(&mut core.out, selected.known_modseq());
    }
}
