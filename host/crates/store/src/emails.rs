//! Emails (RFC 8621 §4): contents that an account has, in whichever mailboxes, changed as one.
//!
//! Who wants to change some looks first where they are ([`Store::sight`]); what came since then is found by the writer, so that a change is
//! of all the places that an email has at its commit.

use std::collections::{HashMap, HashSet};

use crate::flags::join_keywords;
use crate::writer::emails::ChangeEmails;
use crate::{AccountId, BlobId, Error, Flags, MailboxId, Result, Store};

/// Where some emails are, as of a moment.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub(crate) account: AccountId,
    /// Places with their sizes.
    pub(crate) places: HashMap<BlobId, Vec<Seen>>,
    /// The UID that the next message was to get, by mailbox.
    pub(crate) next: HashMap<MailboxId, u32>,
}

/// A place of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The message there.
    pub uid: u32,
    /// Its octets.
    pub size: u64,
    /// Which conversation it belongs to; 0: it was not said.
    pub thread: i64,
    /// Whether it has `\Deleted`, and is no place of the email for who knows emails only (RFC 8621 §4.1.1).
    pub deleted: bool,
}

impl Sighting {
    /// The places of an email.
    pub fn places(&self, email: BlobId) -> &[Seen] {
        self.places.get(&email).map_or(&[], Vec::as_slice)
    }
}

/// Flags and keywords that an email is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeywordsChange {
    /// These, and no others.
    Set(Flags, Vec<String>),
    /// Those that it has, with some more and without some.
    Patch {
        /// Set.
        add: (Flags, Vec<String>),
        /// Cleared.
        remove: (Flags, Vec<String>),
    },
}

/// Mailboxes that an email is to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxesChange {
    /// These, and no others.
    Set(Vec<MailboxId>),
    /// Those that it is in, with some more and without some.
    Patch {
        /// Into these.
        add: Vec<MailboxId>,
        /// Out of these.
        remove: Vec<MailboxId>,
    },
}

/// What becomes of an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailChange {
    /// It is changed.
    Update {
        /// Its keywords, if they are.
        keywords: Option<KeywordsChange>,
        /// Its mailboxes, if they are.
        mailboxes: Option<MailboxesChange>,
    },
    /// It leaves all mailboxes.
    Destroy,
}

/// Why an email is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailRefusal {
    /// There is none.
    NotFound,
    /// A mailbox that it is to be in is not there.
    NoSuchMailbox(MailboxId),
    /// It would be in no mailbox.
    Nowhere,
    /// It would have more than [`MAX_KEYWORDS`](crate::MAX_KEYWORDS).
    TooManyKeywords,
    /// A mailbox can take no more.
    MailboxFull,
}

/// Something that was done to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailEffect {
    /// Its flags changed.
    Flagged {
        /// Where.
        mailbox: MailboxId,
        /// Which.
        uid: u32,
        /// What it got.
        added: (Flags, Vec<String>),
        /// What it lost.
        removed: (Flags, Vec<String>),
    },
    /// It went from one mailbox to another.
    Moved {
        /// From where, and which it was there.
        from: (MailboxId, u32),
        /// Where to, and which it is there.
        to: (MailboxId, u32),
    },
    /// Another mailbox has it, too.
    Copied {
        /// From where, and which it is there.
        from: (MailboxId, u32),
        /// Where to, and which it is there.
        to: (MailboxId, u32),
    },
    /// It left a mailbox.
    Expunged {
        /// Which.
        mailbox: MailboxId,
        /// What it was there.
        uid: u32,
    },
}

/// What a change of emails did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailsChanged {
    /// The account's modification sequence before it.
    pub before: u64,
    /// The same after it.
    pub after: u64,
    /// What became of each, in the order asked.
    pub results: Vec<Result<(), EmailRefusal>>,
    /// All that was done.
    pub effects: Vec<EmailEffect>,
}

impl Store {
    /// Where in an account some emails are.
    ///
    /// # Errors
    /// `NoSuchAccount`.
    pub async fn sight(&self, account: AccountId, emails: &HashSet<BlobId>) -> Result<Sighting> {
        let mut sighting = Sighting {
            account,
            places: HashMap::new(),
            next: HashMap::new(),
        };
        for mailbox in self.mailboxes(account).await? {
            if !mailbox.selectable {
                continue;
            }
            let (found, image) = match self.image(account, mailbox.id).await {
                Ok(found) => found,
                // It went meanwhile.
                Err(Error::NoSuchMailbox(_)) => continue,
                Err(error) => return Err(error),
            };
            for (blob, seen) in image.sightings(found.id) {
                if emails.contains(&blob) {
                    sighting.places.entry(blob).or_default().push(seen);
                }
            }
            sighting.next.insert(found.id, found.uid_next);
        }
        Ok(sighting)
    }

    /// Changes emails, with one commit: each is changed as a whole or left as it is.
    ///
    /// # Errors
    /// `NoSuchAccount`; `InvalidName` and `TooLarge` for a keyword.
    pub async fn change_emails(
        &self,
        sighting: Sighting,
        changes: Vec<(BlobId, EmailChange)>,
    ) -> Result<EmailsChanged> {
        for (_, change) in &changes {
            if let EmailChange::Update {
                keywords: Some(change),
                ..
            } = change
            {
                check(change)?;
            }
        }
        let change = ChangeEmails { sighting, changes };
        self.inner.writer.write(change).await
    }
}

/// Each keyword by itself; how many there may be is seen when it is known what is there.
fn check(change: &KeywordsChange) -> Result<()> {
    let named = match change {
        KeywordsChange::Set(_, keywords) => [keywords.as_slice(), &[]],
        KeywordsChange::Patch { add, remove } => [add.1.as_slice(), remove.1.as_slice()],
    };
    for keyword in named.into_iter().flatten() {
        join_keywords(std::slice::from_ref(keyword))?;
    }
    Ok(())
}
