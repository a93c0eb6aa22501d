//! All emails of an account at one state: what the mailboxes' messages say together.
//!
//! An email is a content, in whichever mailboxes it is (RFC 8621 §4: the id is that of the content, and IMAP's EMAILID). IMAP changes the flags
//! of a message in one mailbox and leaves its copies alone, while an email has one set of keywords: it is what any of its messages has, so
//! that what was read or flagged somewhere is so everywhere. A message with `\Deleted` is not here (§4.1.1).
//!
//! Invariants: emails are ordered by when they came, the newest first; a thread's emails are together, the oldest first.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::id::{EmailId, MailboxId, ThreadId};

/// Where a message of an email is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// In which mailbox.
    pub mailbox: MailboxId,
    /// Its UID there.
    pub uid: u32,
}

/// An email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Its id.
    pub id: EmailId,
    /// Its thread.
    pub thread: ThreadId,
    /// When it came, milliseconds of Unix time; of several messages the first.
    pub received: i64,
    /// Octets of the content.
    pub size: u64,
    /// Which set of keywords it has.
    pub(crate) keywords: u32,
    first: Place,
    others: Box<[Place]>,
}

impl Email {
    /// Where its messages are.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The mailboxes that it is in, each once.
    pub fn mailboxes(&self) -> impl Iterator<Item = MailboxId> + '_ {
        let places = self.places().enumerate();
        places.filter_map(|(nth, place)| {
            let again = self
                .places()
                .take(nth)
                .any(|it| it.mailbox == place.mailbox);
            (!again).then_some(place.mailbox)
        })
    }

    /// Where one of its messages is.
    pub(crate) const fn place(&self) -> Place {
        self.first
    }

    /// Whether it is in a mailbox.
    pub(crate) fn is_in(&self, mailbox: MailboxId) -> bool {
        self.places().any(|place| place.mailbox == mailbox)
    }
}

/// The system flags that are keywords (RFC 8621 §4.1.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SystemKeywords {
    /// `$seen`
    pub seen: bool,
    /// `$answered`
    pub answered: bool,
    /// `$flagged`
    pub flagged: bool,
    /// `$draft`
    pub draft: bool,
}

impl SystemKeywords {
    const fn bits(self) -> usize {
        self.seen as usize
            | (self.answered as usize) << 1
            | (self.flagged as usize) << 2
            | (self.draft as usize) << 3
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.seen, "$seen"),
            (self.answered, "$answered"),
            (self.flagged, "$flagged"),
            (self.draft, "$draft"),
        ];
        all.into_iter()
            .filter_map(|(has, name)| has.then_some(name))
    }
}

/// Keywords, in small letters and in their order.
pub(crate) type Keywords = Vec<Box<str>>;

/// A message as the store has it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    /// Of which email.
    pub email: EmailId,
    /// Of which thread.
    pub thread: ThreadId,
    /// Where it is.
    pub place: Place,
    /// When it came, milliseconds of Unix time.
    pub received: i64,
    /// Octets of its content.
    pub size: u64,
    /// Its system flags.
    pub system: SystemKeywords,
    /// Its keywords.
    pub keywords: &'m [String],
}

/// All emails of an account.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Emails {
    /// The state of which they are; they may be newer.
    pub state: u64,
    listed: Arc<Listed>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Listed {
    list: Vec<Email>,
    /// Places in the list by id.
    by_id: Vec<u32>,
    /// Places in the list by thread, date and id.
    by_thread: Vec<u32>,
    /// Every set of keywords that one of them has.
    sets: Vec<Keywords>,
}

impl Emails {
    /// The same emails under another name of their state: they are not copied.
    #[must_use]
    pub fn of_state(&self, state: u64) -> Self {
        let listed = Arc::clone(&self.listed);
        Self { state, listed }
    }

    /// All of them, the newest first.
    pub(crate) fn list(&self) -> &[Email] {
        &self.listed.list
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listed.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.list.is_empty()
    }

    /// The email of an id.
    #[must_use]
    pub fn get(&self, id: EmailId) -> Option<&Email> {
        let of = |at: &u32| self.at(*at).map(|email| email.id);
        let place = self.listed.by_id.partition_point(|at| of(at) < Some(id));
        let email = self.at(*self.listed.by_id.get(place)?)?;
        (email.id == id).then_some(email)
    }

    /// The places in the list of a thread's emails, the oldest first.
    pub(crate) fn thread(&self, thread: ThreadId) -> &[u32] {
        let of = |at: &u32| self.at(*at).map(|email| email.thread);
        let first = self
            .listed
            .by_thread
            .partition_point(|at| of(at) < Some(thread));
        let end = self
            .listed
            .by_thread
            .partition_point(|at| of(at) <= Some(thread));
        self.listed.by_thread.get(first..end).unwrap_or_default()
    }

    /// The mailboxes in which emails of these threads are.
    #[must_use]
    pub fn mailboxes_of(&self, threads: &[ThreadId]) -> BTreeSet<MailboxId> {
        let emails = threads.iter().flat_map(|thread| self.thread(*thread));
        let emails = emails.filter_map(|at| self.at(*at));
        emails.flat_map(Email::mailboxes).collect()
    }

    /// The places in the list of all emails, thread by thread.
    pub(crate) fn threads(&self) -> impl Iterator<Item = &[u32]> {
        let thread = |at: &u32| self.at(*at).map(|email| email.thread);
        self.listed
            .by_thread
            .chunk_by(move |one, next| thread(one) == thread(next))
    }

    /// The email at a place in the list.
    pub(crate) fn at(&self, place: u32) -> Option<&Email> {
        self.listed.list.get(place as usize)
    }

    /// The keywords of an email.
    pub(crate) fn keywords(&self, email: &Email) -> &[Box<str>] {
        self.listed
            .sets
            .get(email.keywords as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// The keywords of an email, in small letters.
    pub fn keywords_of<'e>(&'e self, email: &Email) -> impl Iterator<Item = &'e str> {
        self.keywords(email).iter().map(AsRef::as_ref)
    }

    /// Of each set of keywords whether something is true of it.
    pub(crate) fn of_sets(&self, test: impl Fn(&Keywords) -> bool) -> Vec<bool> {
        self.listed.sets.iter().map(test).collect()
    }
}

/// Whether a set has a keyword, which is in small letters.
pub(crate) fn has(set: &[Box<str>], keyword: &str) -> bool {
    set.binary_search_by(|known| known.as_ref().cmp(keyword))
        .is_ok()
}

/// Emails that are being put together.
#[derive(Debug, Default)]
pub struct Gathering {
    list: Vec<Email>,
    /// Places in the list.
    known: HashMap<EmailId, usize>,
    sets: Vec<Keywords>,
    numbers: HashMap<Keywords, u32>,
    /// The sets of system flags alone.
    plain: [Option<u32>; 16],
}

impl Gathering {
    /// For about so many.
    #[must_use]
    pub fn of(messages: usize) -> Self {
        Self {
            list: Vec::with_capacity(messages),
            known: HashMap::with_capacity(messages),
            ..Self::default()
        }
    }

    /// Takes in a message.
    pub fn add(&mut self, message: &Message<'_>) {
        let keywords = self.set_of(message);
        let known = self.known.get(&message.email);
        let Some(email) = known.and_then(|at| self.list.get_mut(*at)) else {
            self.known.insert(message.email, self.list.len());
            self.list.push(Email {
                id: message.email,
                thread: message.thread,
                received: message.received,
                size: message.size,
                keywords,
                first: message.place,
                others: Box::new([]),
            });
            return;
        };
        email.received = email.received.min(message.received);
        let mut others = std::mem::take(&mut email.others).into_vec();
        others.push(message.place);
        email.others = others.into();
        let before = email.keywords;
        if before != keywords {
            let both = [before, keywords].map(|set| self.sets.get(set as usize));
            let mut union: Keywords = both.into_iter().flatten().flatten().cloned().collect();
            union.sort_unstable();
            union.dedup();
            let union = self.number(union);
            let known = self.known.get(&message.email);
            if let Some(email) = known.and_then(|at| self.list.get_mut(*at)) {
                email.keywords = union;
            }
        }
    }

    /// The set of a message's keywords.
    fn set_of(&mut self, message: &Message<'_>) -> u32 {
        let bits = message.system.bits();
        let plain = message.keywords.is_empty();
        if plain && let Some(Some(known)) = self.plain.get(bits) {
            return *known;
        }
        let small = |keyword: &String| keyword.to_ascii_lowercase().into_boxed_str();
        let mut set: Keywords = message.system.names().map(Box::from).collect();
        set.extend(message.keywords.iter().map(small));
        set.sort_unstable();
        set.dedup();
        let number = self.number(set);
        if plain && let Some(slot) = self.plain.get_mut(bits) {
            *slot = Some(number);
        }
        number
    }

    fn number(&mut self, set: Keywords) -> u32 {
        if let Some(known) = self.numbers.get(&set) {
            return *known;
        }
        let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        number
    }

    /// All that was taken in, as of a state.
    #[must_use]
    pub fn finish(self, state: u64) -> Emails {
        let Self { mut list, sets, .. } = self;
        list.sort_unstable_by_key(|email| std::cmp::Reverse((email.received, email.id)));
        let mut by_id: Vec<u32> = (0u32..).take(list.len()).collect();
        let mut by_thread = by_id.clone();
        let at = |place: &u32| list.get(*place as usize);
        by_id.sort_unstable_by_key(|place| at(place).map(|email| email.id));
        by_thread.sort_unstable_by_key(|place| {
            at(place).map(|email| (email.thread, email.received, email.id))
        });
        let listed = Arc::new(Listed {
            list,
            by_id,
            by_thread,
            sets,
        });
        Emails { state, listed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(
        email: u64,
        thread: u64,
        received: i64,
        mailbox: u64,
        keywords: &[String],
    ) -> Message<'_> {
        Message {
            email: EmailId(email),
            thread: ThreadId(thread),
            place: Place {
                mailbox: MailboxId(mailbox),
                uid: 1,
            },
            received,
            size: 10,
            system: SystemKeywords {
                seen: mailbox == 2,
                ..SystemKeywords::default()
            },
            keywords,
        }
    }

    #[test]
    fn messages_of_one_content_are_one_email() {
        let (one, two) = (["Work".to_owned()], ["work".to_owned(), "$Junk".to_owned()]);
        let mut gathering = Gathering::of(4);
        for message in [
            message(5, 50, 3, 1, &one),
            message(6, 50, 1, 1, &[]),
            message(5, 50, 2, 2, &two),
            message(7, 60, 9, 1, &[]),
        ] {
            gathering.add(&message);
        }
        let emails = gathering.finish(4);
        let order: Vec<u64> = emails.list().iter().map(|email| email.id.0).collect();
        assert_eq!((order, emails.state), (vec![7, 5, 6], 4));
        let email = emails.get(EmailId(5)).unwrap();
        assert_eq!(email.received, 2);
        assert!(
            email.is_in(MailboxId(1)) && email.is_in(MailboxId(2)) && !email.is_in(MailboxId(3))
        );
        let keywords: Vec<&str> = emails.keywords(email).iter().map(AsRef::as_ref).collect();
        assert_eq!(keywords, ["$junk", "$seen", "work"]);
        assert!(has(emails.keywords(email), "work") && !has(emails.keywords(email), "Work"));
        assert_eq!(emails.get(EmailId(8)), None);
        let thread = |id| -> Vec<u64> {
            let places = emails.thread(ThreadId(id)).iter();
            places.map(|at| emails.at(*at).unwrap().id.0).collect()
        };
        assert_eq!(
            (thread(50), thread(60), thread(70)),
            (vec![6, 5], vec![7], vec![])
        );
        assert_eq!(
            emails.threads().map(<[u32]>::len).collect::<Vec<_>>(),
            [2, 1]
        );
    }
}
