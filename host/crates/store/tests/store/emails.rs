//! Emails changed as one, wherever they are.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use waxwing_store::{
    AccountId, BlobId, CopyTo, EmailChange, EmailEffect, EmailRefusal, EmailsChanged, FlagChange,
    FlagOperation, FlagScope, Flags, KeywordsChange, MAX_KEYWORDS, MailboxId, MailboxesChange,
    Message, Store, UidRange,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    keywords_change_in_all_mailboxes;
    a_move_is_one_step;
    an_email_comes_into_more_mailboxes_and_goes;
    what_is_refused_leaves_others_alone;
    what_came_since_it_was_looked_at_is_changed_too;
    what_is_marked_as_deleted_is_not_there;
    images_and_tombstones_follow;
    differences_are_exact_after_any_changes;
}

async fn email(store: &Store, account: AccountId, content: &str) -> BlobId {
    let stored = store
        .deliver(delivery(content.to_owned(), vec![target(account)]))
        .await
        .unwrap();
    stored[0].blob
}

async fn change(
    store: &Store,
    account: AccountId,
    changes: Vec<(BlobId, EmailChange)>,
) -> EmailsChanged {
    let wanted: HashSet<BlobId> = changes.iter().map(|(blob, _)| *blob).collect();
    let sighting = store.sight(account, &wanted).await.unwrap();
    store.change_emails(sighting, changes).await.unwrap()
}

fn keywords(add: (Flags, &[&str]), remove: (Flags, &[&str])) -> EmailChange {
    let owned = |(flags, names): (Flags, &[&str])| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        (flags, names)
    };
    EmailChange::Update {
        keywords: Some(KeywordsChange::Patch {
            add: owned(add),
            remove: owned(remove),
        }),
        mailboxes: None,
    }
}

fn to(add: &[MailboxId], remove: &[MailboxId]) -> EmailChange {
    EmailChange::Update {
        keywords: None,
        mailboxes: Some(MailboxesChange::Patch {
            add: add.to_vec(),
            remove: remove.to_vec(),
        }),
    }
}

fn only(mailboxes: &[MailboxId]) -> EmailChange {
    EmailChange::Update {
        keywords: None,
        mailboxes: Some(MailboxesChange::Set(mailboxes.to_vec())),
    }
}

async fn messages(store: &Store, account: AccountId, mailbox: MailboxId) -> Vec<Message> {
    let all = [UidRange::ALL];
    store.fetch(account, mailbox, &all, false).await.unwrap()
}

/// Where an email is.
async fn places(store: &Store, account: AccountId, blob: BlobId) -> BTreeSet<MailboxId> {
    let sighting = store.sight(account, &HashSet::from([blob])).await.unwrap();
    let places = sighting.places(blob).iter().filter(|seen| !seen.deleted);
    places.map(|seen| seen.mailbox).collect()
}

async fn mailbox(store: &Store, account: AccountId, path: &str) -> MailboxId {
    match store.mailbox(account, path).await {
        Ok(found) => found.id,
        Err(_) => {
            let made = store.create_mailbox(account, path, None).await;
            made.unwrap().id
        }
    }
}

async fn keywords_change_in_all_mailboxes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let (inbox, other) = (
        mailbox(&store, alice, "INBOX").await,
        mailbox(&store, alice, "Other").await,
    );
    let one = email(&store, alice, "one").await;
    change(&store, alice, vec![(one, to(&[other], &[]))]).await;
    let patch = keywords((Flags::SEEN, &["work"]), (Flags::FLAGGED, &[]));
    let changed = change(&store, alice, vec![(one, patch)]).await;
    assert_eq!(changed.results, [Ok(())]);
    assert_eq!(changed.effects.len(), 2);
    for place in [inbox, other] {
        let message = &messages(&store, alice, place).await[0];
        assert_eq!(message.flags.flags, Flags::SEEN);
        assert_eq!(message.flags.keywords, ["work"]);
        assert_eq!(message.flags.modseq, changed.after);
    }
    assert_eq!(store.mailbox(alice, "INBOX").await.unwrap().unseen, 0);
    // What is so already is no change.
    let set = EmailChange::Update {
        keywords: Some(KeywordsChange::Set(Flags::SEEN, vec!["work".into()])),
        mailboxes: None,
    };
    let again = change(&store, alice, vec![(one, set)]).await;
    assert_eq!((again.before, again.after), (changed.after, changed.after));
    assert!(again.effects.is_empty());
    let none = EmailChange::Update {
        keywords: Some(KeywordsChange::Set(Flags::NONE, Vec::new())),
        mailboxes: None,
    };
    change(&store, alice, vec![(one, none)]).await;
    assert_eq!(store.mailbox(alice, "Other").await.unwrap().unseen, 1);
    assert_sound(&store).await;
}

async fn a_move_is_one_step(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let (inbox, trash) = (
        mailbox(&store, alice, "INBOX").await,
        mailbox(&store, alice, "Trash").await,
    );
    let (one, two) = (
        email(&store, alice, "one").await,
        email(&store, alice, "two").await,
    );
    let usage = store.usage(alice).await.unwrap();
    let both = vec![(one, only(&[trash])), (two, to(&[trash], &[inbox]))];
    let changed = change(&store, alice, both).await;
    assert_eq!(changed.after, changed.before + 1);
    let moved = |old, new| EmailEffect::Moved {
        from: (inbox, old),
        to: (trash, new),
    };
    assert_eq!(changed.effects, [moved(1, 1), moved(2, 2)]);
    assert!(messages(&store, alice, inbox).await.is_empty());
    assert_eq!(messages(&store, alice, trash).await.len(), 2);
    assert_eq!(store.usage(alice).await.unwrap(), usage);
    let log = store.account_log(alice, changed.before).await.unwrap();
    assert_eq!(log.unwrap().emails.all().updated, [one, two]);
    assert_sound(&store).await;
}

async fn an_email_comes_into_more_mailboxes_and_goes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let (inbox, a, b) = (
        mailbox(&store, alice, "INBOX").await,
        mailbox(&store, alice, "a").await,
        mailbox(&store, alice, "b").await,
    );
    let one = email(&store, alice, "one").await;
    let changed = change(&store, alice, vec![(one, only(&[a, b]))]).await;
    assert_eq!(changed.effects.len(), 2);
    assert_eq!(places(&store, alice, one).await, BTreeSet::from([a, b]));
    change(&store, alice, vec![(one, to(&[inbox], &[a, b]))]).await;
    assert_eq!(places(&store, alice, one).await, BTreeSet::from([inbox]));
    assert_sound(&store).await;
    let gone = change(&store, alice, vec![(one, EmailChange::Destroy)]).await;
    assert_eq!(gone.results, [Ok(())]);
    assert!(store.blob(one).await.is_err());
    assert_eq!(store.usage(alice).await.unwrap().bytes, 0);
    let log = store.account_log(alice, changed.before).await.unwrap();
    assert_eq!(log.unwrap().emails.all().destroyed, [one]);
    assert_sound(&store).await;
}

async fn what_is_refused_leaves_others_alone(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = mailbox(&store, alice, "INBOX").await;
    let others = mailbox(&store, bob, "INBOX").await;
    let one = email(&store, alice, "one").await;
    let two = email(&store, alice, "two").await;
    let theirs = email(&store, bob, "theirs").await;
    let many: Vec<String> = (0..=MAX_KEYWORDS).map(|n| format!("k{n}")).collect();
    let too_many = EmailChange::Update {
        keywords: Some(KeywordsChange::Set(Flags::NONE, many)),
        mailboxes: None,
    };
    let flag = keywords((Flags::FLAGGED, &[]), (Flags::NONE, &[]));
    let changes = vec![
        (one, only(&[])),
        (one, flag.clone()),
        (theirs, flag.clone()),
        (two, flag),
    ];
    let changed = change(&store, alice, changes).await;
    // An email is changed once in a call.
    let not_found = Err(EmailRefusal::NotFound);
    let nowhere = Err(EmailRefusal::Nowhere);
    assert_eq!(changed.results, [nowhere, not_found, not_found, Ok(())]);
    let changed = change(&store, alice, vec![(one, too_many), (two, only(&[others]))]).await;
    let refused = [
        Err(EmailRefusal::TooManyKeywords),
        Err(EmailRefusal::NoSuchMailbox(others)),
    ];
    assert_eq!(changed.results, refused);
    assert_eq!(changed.before, changed.after);
    let flags: Vec<Flags> = messages(&store, alice, inbox)
        .await
        .iter()
        .map(|message| message.flags.flags)
        .collect();
    assert_eq!(flags, [Flags::NONE, Flags::FLAGGED]);
    assert_sound(&store).await;
}

async fn what_came_since_it_was_looked_at_is_changed_too(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = mailbox(&store, alice, "INBOX").await;
    let one = email(&store, alice, "one").await;
    let sighting = store.sight(alice, &HashSet::from([one])).await.unwrap();
    let other = mailbox(&store, alice, "Made since").await;
    for target in [inbox, other] {
        let target = CopyTo {
            account: alice,
            mailbox: target,
            keep: FlagScope::ALL,
        };
        let copied = store
            .copy_to(alice, inbox, &[UidRange::one(1)], target)
            .await;
        copied.unwrap();
    }
    let destroy = vec![(one, EmailChange::Destroy)];
    let changed = store.change_emails(sighting, destroy).await.unwrap();
    assert_eq!(changed.effects.len(), 3);
    assert!(places(&store, alice, one).await.is_empty());
    assert_sound(&store).await;
}

async fn what_is_marked_as_deleted_is_not_there(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let (inbox, other) = (
        mailbox(&store, alice, "INBOX").await,
        mailbox(&store, alice, "Other").await,
    );
    let one = email(&store, alice, "one").await;
    change(&store, alice, vec![(one, to(&[other], &[]))]).await;
    let delete = |mailbox| {
        let change = FlagChange {
            operation: FlagOperation::Add,
            flags: Flags::DELETED,
            keywords: Vec::new(),
            unchanged_since: None,
        };
        store.store_flags(alice, mailbox, &[UidRange::ALL], change)
    };
    delete(inbox).await.unwrap();
    assert_eq!(places(&store, alice, one).await, BTreeSet::from([other]));
    // Where it comes to be again, it is deleted no longer.
    change(&store, alice, vec![(one, only(&[inbox]))]).await;
    assert_eq!(places(&store, alice, one).await, BTreeSet::from([inbox]));
    assert_eq!(messages(&store, alice, inbox).await[0].flags.uid, 1);
    delete(inbox).await.unwrap();
    let changed = change(&store, alice, vec![(one, EmailChange::Destroy)]).await;
    assert_eq!(changed.results, [Err(EmailRefusal::NotFound)]);
    assert_sound(&store).await;
}

async fn images_and_tombstones_follow(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let (inbox, other) = (
        mailbox(&store, alice, "INBOX").await,
        mailbox(&store, alice, "Other").await,
    );
    let mut emails = Vec::new();
    for number in 0..6 {
        emails.push(email(&store, alice, &format!("{number}")).await);
    }
    // One image of each is in memory.
    store.select(alice, inbox, false).await.unwrap();
    store.select(alice, other, false).await.unwrap();
    let seen = keywords((Flags::SEEN, &[]), (Flags::NONE, &[]));
    let changes = vec![
        (emails[0], seen.clone()),
        (emails[1], only(&[other])),
        (emails[2], EmailChange::Destroy),
        (emails[3], to(&[other], &[])),
        (emails[4], seen),
    ];
    let changed = change(&store, alice, changes).await;
    assert_eq!(changed.after, changed.before + 2);
    let snapshot = store.select(alice, inbox, false).await.unwrap();
    let there: Vec<(u32, bool)> = snapshot
        .messages
        .iter()
        .map(|message| (message.uid, message.flags.contains(Flags::SEEN)))
        .collect();
    assert_eq!(there, [(1, true), (4, false), (5, true), (6, false)]);
    let snapshot = store.select(alice, other, false).await.unwrap();
    assert_eq!(snapshot.messages.len(), 2);
    let changes = store.changes(alice, inbox, changed.before).await.unwrap();
    assert_eq!(changes.vanished, [UidRange { first: 2, last: 3 }]);
    assert_sound(&store).await;
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }
}

/// Each email with the messages that it is.
type View = BTreeMap<i64, BTreeSet<(i64, u32, u8)>>;

async fn view(store: &Store, account: AccountId) -> View {
    let mut view = View::new();
    for mailbox in store.mailboxes(account).await.unwrap() {
        for message in messages(store, account, mailbox.id).await {
            let place = (mailbox.id.0, message.flags.uid, message.flags.flags.bits());
            view.entry(message.blob.0).or_default().insert(place);
        }
    }
    view
}

async fn differences_are_exact_after_any_changes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mut random = Random(0x5eed_0000_0000_0001);
    let mut boxes = Vec::new();
    for path in ["INBOX", "a", "b"] {
        boxes.push(mailbox(&store, alice, path).await);
    }
    let mut history = vec![(store.account_state(alice).await.unwrap(), View::new())];
    for round in 0..40 {
        let known: Vec<i64> = history.last().unwrap().1.keys().copied().collect();
        if known.len() < 4 {
            email(&store, alice, &format!("{round}")).await;
        }
        let mut some = Vec::new();
        for blob in known {
            if random.below(2) != 0 {
                continue;
            }
            let one = boxes[random.below(3)];
            let other = boxes[random.below(3)];
            let change = match random.below(6) {
                0 => EmailChange::Destroy,
                1 => only(&[one, other]),
                2 => to(&[one], &[other]),
                3 => keywords((Flags::SEEN, &[]), (Flags::FLAGGED, &[])),
                4 => keywords((Flags::FLAGGED, &["work"]), (Flags::SEEN, &[])),
                _ => only(&[one]),
            };
            some.push((BlobId(blob), change));
        }
        change(&store, alice, some).await;
        history.push((
            store.account_state(alice).await.unwrap(),
            view(&store, alice).await,
        ));
        let (_, now) = history.last().unwrap();
        let (since, before) = &history[random.below(history.len())];
        let log = store.account_log(alice, *since).await.unwrap().unwrap();
        let told = log.emails.all();
        let ids = |blobs: &[BlobId]| blobs.iter().map(|blob| blob.0).collect::<BTreeSet<i64>>();
        let gone = before.keys().filter(|blob| !now.contains_key(blob));
        let new = now.keys().filter(|blob| !before.contains_key(blob));
        assert_eq!(ids(&told.destroyed), gone.copied().collect(), "{round}");
        assert_eq!(ids(&told.created), new.copied().collect(), "{round}");
        // What went and came back is told of, too.
        let differ = now.iter().filter(|(blob, places)| {
            let known = before.get(blob);
            known.is_some_and(|known| known != *places)
        });
        let updated = ids(&told.updated);
        assert!(
            differ.into_iter().all(|(blob, _)| updated.contains(blob)),
            "{round}"
        );
        assert_sound(&store).await;
    }
}
