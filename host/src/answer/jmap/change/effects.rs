//! What became of messages, told to policy as it is told of the same over IMAP: so it learns from a move into Junk whoever made it.

use std::collections::{BTreeMap, HashMap};

use waxwing_policy::MailboxChange;
use waxwing_store::{Account, Copied, EmailEffect, FlagOperation, MailboxId, Store};

use crate::answer::events;
use crate::answer::gate::Gate;

/// Effects of one kind, by what they have in common.
#[derive(Default)]
struct Gathered {
    added: BTreeMap<(MailboxId, Vec<String>), Vec<u32>>,
    removed: BTreeMap<(MailboxId, Vec<String>), Vec<u32>>,
    moved: BTreeMap<(MailboxId, MailboxId), Vec<(u32, u32)>>,
    copied: BTreeMap<(MailboxId, MailboxId), Vec<(u32, u32)>>,
    expunged: BTreeMap<MailboxId, Vec<u32>>,
}

/// Tells of all that was done.
pub(super) async fn tell(gate: &Gate, account: &Account, store: &Store, effects: Vec<EmailEffect>) {
    if effects.is_empty() {
        return;
    }
    let paths: HashMap<MailboxId, String> = match store.mailboxes(account.id).await {
        Ok(mailboxes) => mailboxes.into_iter().map(|it| (it.id, it.path)).collect(),
        // The account is gone, and nobody is to be told of its mail.
        Err(_) => return,
    };
    for change in Gathered::of(effects).changes(&paths) {
        gate.tell(&account.address, || change);
    }
}

impl Gathered {
    fn of(effects: Vec<EmailEffect>) -> Self {
        let mut all = Self::default();
        for effect in effects {
            match effect {
                EmailEffect::Flagged {
                    mailbox,
                    uid,
                    added,
                    removed,
                } => {
                    let sides = [(added, &mut all.added), (removed, &mut all.removed)];
                    for ((flags, keywords), side) in sides {
                        let names = events::names(flags, &keywords);
                        if !names.is_empty() {
                            side.entry((mailbox, names)).or_default().push(uid);
                        }
                    }
                }
                EmailEffect::Moved { from, to } => {
                    let pairs = all.moved.entry((from.0, to.0)).or_default();
                    pairs.push((from.1, to.1));
                }
                EmailEffect::Copied { from, to } => {
                    let pairs = all.copied.entry((from.0, to.0)).or_default();
                    pairs.push((from.1, to.1));
                }
                EmailEffect::Expunged { mailbox, uid } => {
                    all.expunged.entry(mailbox).or_default().push(uid);
                }
            }
        }
        all
    }

    fn changes(self, paths: &HashMap<MailboxId, String>) -> Vec<MailboxChange> {
        let path = |mailbox: MailboxId| paths.get(&mailbox).map_or("", String::as_str);
        let mut changes = Vec::new();
        let flagged = [
            (FlagOperation::Add, self.added),
            (FlagOperation::Remove, self.removed),
        ];
        for (operation, all) in flagged {
            for ((mailbox, names), uids) in all {
                let uids = ascending(uids);
                changes.push(events::flagged(path(mailbox), uids, operation, names));
            }
        }
        for ((from, to), uids) in self.moved {
            let moved = events::moved(path(from), path(to), &pairs(uids));
            changes.push(MailboxChange::Move(moved));
        }
        for ((from, to), uids) in self.copied {
            let copied = events::moved(path(from), path(to), &pairs(uids));
            changes.push(MailboxChange::Copy(copied));
        }
        for (mailbox, uids) in self.expunged {
            changes.push(events::expunged(path(mailbox), ascending(uids)));
        }
        changes
    }
}

fn ascending(mut uids: Vec<u32>) -> Vec<u32> {
    uids.sort_unstable();
    uids
}

fn pairs(mut uids: Vec<(u32, u32)>) -> Copied {
    uids.sort_unstable_by_key(|(_, new)| *new);
    Copied {
        uid_validity: 0,
        uids,
    }
}
