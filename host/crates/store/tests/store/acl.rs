//! Access control lists: who is let in, and who no longer.

use std::sync::Arc;

use waxwing_store::{
    AccountId, AclChange, CopyTo, Error, FlagChange, FlagOperation, FlagScope, Flags, Grantee,
    MAX_ACL, MailboxId, Quota, RightsOperation, Store, UidRange,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, put};

on_both! {
    what_is_granted_adds_up_and_what_is_denied_is_taken_away;
    everybody_is_everybody_of_the_domain;
    a_new_mailbox_is_as_open_as_the_one_above;
    a_list_goes_with_its_mailbox_and_an_entry_with_its_account;
    lists_are_bounded_and_have_no_owner;
    those_who_watch_are_told;
    what_is_copied_counts_for_whom_it_is_copied_to;
    a_level_is_open_to_nobody_and_nor_is_what_it_becomes;
    random_changes_come_to_what_they_say;
    one_owner_hides_no_other;
}

fn change(grantee: Grantee, operation: RightsOperation, rights: u32) -> AclChange {
    AclChange {
        grantee,
        negative: false,
        operation,
        rights,
    }
}

async fn grant(store: &Store, owner: AccountId, mailbox: MailboxId, whom: Grantee, rights: u32) {
    let change = change(whom, RightsOperation::Replace, rights);
    store.change_acl(owner, mailbox, change).await.unwrap();
}

async fn inbox(store: &Store, account: AccountId) -> MailboxId {
    store.mailbox(account, "INBOX").await.unwrap().id
}

async fn what_is_granted_adds_up_and_what_is_denied_is_taken_away(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await;
    let inbox = inbox(&store, alice).await;
    assert_eq!(store.rights(inbox, bob.id).await.unwrap(), 0);
    let whom = Grantee::Account(bob.id);
    grant(&store, alice, inbox, whom, 0b0011).await;
    grant(&store, alice, inbox, Grantee::Anyone, 0b0100).await;
    assert_eq!(store.rights(inbox, bob.id).await.unwrap(), 0b0111);
    let add = change(whom, RightsOperation::Add, 0b1000);
    store.change_acl(alice, inbox, add).await.unwrap();
    let remove = change(whom, RightsOperation::Remove, 0b0001);
    store.change_acl(alice, inbox, remove).await.unwrap();
    assert_eq!(store.rights(inbox, bob.id).await.unwrap(), 0b1110);
    let deny = AclChange {
        negative: true,
        ..change(Grantee::Anyone, RightsOperation::Replace, 0b0010)
    };
    store.change_acl(alice, inbox, deny).await.unwrap();
    assert_eq!(store.rights(inbox, bob.id).await.unwrap(), 0b1100);
    let listed = store.acl(inbox).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|entry| (entry.address.as_str(), entry.negative, entry.rights))
        .collect();
    assert_eq!(
        listed,
        [
            ("", false, 0b0100),
            ("", true, 0b0010),
            ("bob@example.org", false, 0b1010)
        ]
    );
    let seen = store.shared_with(bob.id).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (&*seen[0].owner, seen[0].rights),
        ("alice@example.org", 0b1100)
    );
    assert_eq!(seen[0].mailbox.id, inbox);
    assert!(store.shared_with(alice).await.unwrap().is_empty());
    grant(&store, alice, inbox, whom, 0).await;
    grant(&store, alice, inbox, Grantee::Anyone, 0).await;
    assert_eq!(store.rights(inbox, bob.id).await.unwrap(), 0);
    assert!(store.shared_with(bob.id).await.unwrap().is_empty());
    assert_sound(&store).await;
}

async fn everybody_is_everybody_of_the_domain(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    store.add_domain("elsewhere.example").await.unwrap();
    let stranger = store.add_account("x@elsewhere.example", None, Quota::default());
    let stranger = stranger.await.unwrap().id;
    let inbox = inbox(&store, alice).await;
    grant(&store, alice, inbox, Grantee::Anyone, 3).await;
    assert_eq!(store.rights(inbox, bob).await.unwrap(), 3);
    assert_eq!(store.rights(inbox, stranger).await.unwrap(), 0);
    assert!(store.shared_with(stranger).await.unwrap().is_empty());
    grant(&store, alice, inbox, Grantee::Account(stranger), 1).await;
    assert_eq!(store.rights(inbox, stranger).await.unwrap(), 1);
    assert_eq!(store.shared_with(stranger).await.unwrap().len(), 1);
}

async fn a_new_mailbox_is_as_open_as_the_one_above(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let above = store.create_mailbox(alice, "team", None).await.unwrap();
    grant(&store, alice, above.id, Grantee::Account(bob), 5).await;
    let below = store.create_mailbox(alice, "team/a/b", None).await.unwrap();
    assert_eq!(store.rights(below.id, bob).await.unwrap(), 5);
    let beside = store.create_mailbox(alice, "teams", None).await.unwrap();
    assert_eq!(store.rights(beside.id, bob).await.unwrap(), 0);
    // What is above has changed since; what is moved keeps what it had.
    grant(&store, alice, above.id, Grantee::Account(bob), 1).await;
    assert_eq!(store.rights(below.id, bob).await.unwrap(), 5);
    store.rename_mailbox(alice, "team/a", "b").await.unwrap();
    assert_eq!(store.rights(below.id, bob).await.unwrap(), 5);
    store
        .rename_mailbox(alice, "teams", "team/c")
        .await
        .unwrap();
    assert_eq!(store.rights(beside.id, bob).await.unwrap(), 0);
    // The messages of an INBOX that is renamed leave what it was open for.
    let inbox = inbox(&store, alice).await;
    grant(&store, alice, inbox, Grantee::Account(bob), 7).await;
    store.rename_mailbox(alice, "INBOX", "old").await.unwrap();
    let old = store.mailbox(alice, "old").await.unwrap().id;
    assert_eq!(store.rights(old, bob).await.unwrap(), 0);
    assert_eq!(store.rights(inbox, bob).await.unwrap(), 7);
    assert_sound(&store).await;
}

async fn a_list_goes_with_its_mailbox_and_an_entry_with_its_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    for path in ["box", "box/below"] {
        let made = store.create_mailbox(alice, path, None).await.unwrap();
        grant(&store, alice, made.id, Grantee::Account(bob), 3).await;
    }
    let level = store.mailbox(alice, "box").await.unwrap().id;
    // A level that stays for what is below it is open to nobody, and neither is what is made in its place.
    store.delete_mailbox(alice, "box").await.unwrap();
    assert_eq!(store.rights(level, bob).await.unwrap(), 0);
    let anew = store.create_mailbox(alice, "box", None).await.unwrap();
    assert_eq!(store.rights(anew.id, bob).await.unwrap(), 0);
    let below = store.mailbox(alice, "box/below").await.unwrap().id;
    assert_eq!(store.rights(below, bob).await.unwrap(), 3);
    // Whoever gets the address of an account that is gone gets nothing that was granted to it.
    store.remove_account("bob@example.org").await.unwrap();
    let heir = account(&store, "bob").await.id;
    assert_eq!(store.rights(below, heir).await.unwrap(), 0);
    assert!(store.acl(below).await.unwrap().is_empty());
    grant(&store, alice, below, Grantee::Account(heir), 3).await;
    store.remove_account("alice@example.org").await.unwrap();
    assert!(store.shared_with(heir).await.unwrap().is_empty());
    assert_eq!(setup.count("acl").await, 0);
    assert_sound(&store).await;
}

async fn lists_are_bounded_and_have_no_owner(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = inbox(&store, alice).await;
    let owner = change(Grantee::Account(alice), RightsOperation::Replace, 1);
    assert!(matches!(
        store.change_acl(alice, inbox, owner).await,
        Err(Error::NotAllowed(_))
    ));
    let nobody = change(
        Grantee::Account(AccountId(i64::MAX)),
        RightsOperation::Add,
        1,
    );
    assert!(matches!(
        store.change_acl(alice, inbox, nobody).await,
        Err(Error::NoSuchAccount(_))
    ));
    for number in 0..MAX_ACL {
        let other = account(&store, &format!("u{number}")).await.id;
        grant(&store, alice, inbox, Grantee::Account(other), 1).await;
        let foreign = change(Grantee::Anyone, RightsOperation::Add, 1);
        assert!(matches!(
            store.change_acl(other, inbox, foreign).await,
            Err(Error::NoSuchMailbox(_))
        ));
    }
    let more = change(Grantee::Anyone, RightsOperation::Add, 1);
    assert!(matches!(
        store.change_acl(alice, inbox, more).await,
        Err(Error::TooLarge { .. })
    ));
    assert_eq!(store.acl(inbox).await.unwrap().len(), MAX_ACL);
}

async fn those_who_watch_are_told(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = inbox(&store, alice).await;
    let mut watch = store.subscribe(alice);
    watch.borrow_and_update();
    grant(&store, alice, inbox, Grantee::Account(bob), 3).await;
    assert!(watch.has_changed().unwrap());
    store.close().await;
    // What changes nothing is nothing to tell. To another one: PostgreSQL's own word of the change may still be on its way to the first.
    let store = setup.open().await;
    let watch = store.subscribe(alice);
    grant(&store, alice, inbox, Grantee::Account(bob), 3).await;
    assert!(!watch.has_changed().unwrap());
}

async fn what_is_copied_counts_for_whom_it_is_copied_to(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    put(&store, alice, "one").await;
    put(&store, alice, "four").await;
    let (from, to) = (inbox(&store, alice).await, inbox(&store, bob).await);
    let flags = FlagChange {
        operation: FlagOperation::Add,
        flags: Flags::SEEN | Flags::DELETED,
        keywords: vec!["word".to_owned()],
        unchanged_since: None,
    };
    let all = [UidRange::ALL];
    store.store_flags(alice, from, &all, flags).await.unwrap();
    let target = CopyTo {
        account: bob,
        mailbox: to,
        keep: FlagScope {
            flags: Flags::DELETED,
            keywords: false,
        },
    };
    let one = [UidRange::one(1)];
    let copied = store.copy_to(alice, from, &one, target).await.unwrap();
    assert_eq!(copied.uids, [(1, 1)]);
    let moved = store.move_to(alice, from, &all, target).await.unwrap();
    assert_eq!(moved.uids, [(1, 2), (2, 3)]);
    let there = store.fetch(bob, to, &all, false).await.unwrap();
    assert!(
        there
            .iter()
            .all(|message| message.flags.flags == Flags::DELETED
                && message.flags.keywords.is_empty())
    );
    let (left, gained) = (
        store.usage(alice).await.unwrap(),
        store.usage(bob).await.unwrap(),
    );
    assert_eq!((left.bytes, left.messages), (0, 0));
    assert_eq!((gained.bytes, gained.messages), (10, 3));
    let status = store.mailbox(bob, "INBOX").await.unwrap();
    assert_eq!((status.messages, status.unseen), (3, 3));
    let changes = store.changes(alice, from, 1).await.unwrap();
    assert_eq!(changes.vanished, [UidRange { first: 1, last: 2 }]);
    assert_sound(&store).await;
}

async fn a_level_is_open_to_nobody_and_nor_is_what_it_becomes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let whom = Grantee::Account(bob);
    store.create_mailbox(alice, "a/b", None).await.unwrap();
    let closed = store.mailbox(alice, "a").await.unwrap().id;
    grant(&store, alice, closed, whom, 0b11).await;
    store.delete_mailbox(alice, "a").await.unwrap();
    let level = store.mailbox(alice, "a").await.unwrap().id;
    let change = change(whom, RightsOperation::Add, 0b11);
    let refused = store.change_acl(alice, level, change).await;
    assert!(matches!(refused, Err(Error::NoSuchMailbox(_))));
    let made = store.create_mailbox(alice, "a", None).await.unwrap().id;
    for mailbox in [closed, level, made] {
        assert_eq!(store.rights(mailbox, bob).await.unwrap(), 0);
    }
    assert_sound(&store).await;
}

/// A generator that needs no seed from outside.
fn next(state: &mut u64) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    u32::try_from(*state >> 40).unwrap()
}

/// Who shares very much hides nothing that others share.
async fn one_owner_hides_no_other(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let carol = account(&store, "carol").await.id;
    let many = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1000000 UNION ALL SELECT i + 1 FROM n WHERE i < 1008500)
         INSERT INTO mailboxes (id, account, path, special_use, selectable, uid_validity, uid_next, highest_modseq, messages, unseen, bytes,
         recent_from, vanished_floor) SELECT i, {}, CAST(i AS TEXT), '', 1, i, 1, 1, 0, 0, 0, 1, 0 FROM n",
        alice.0
    );
    setup.sabotage(&many).await;
    let lists = format!(
        "INSERT INTO acl (mailbox, grantee, negative, rights) SELECT id, {}, 0, 3 FROM mailboxes WHERE id >= 1000000",
        bob.0
    );
    setup.sabotage(&lists).await;
    let of_carol = inbox(&store, carol).await;
    grant(&store, carol, of_carol, Grantee::Account(bob), 3).await;
    let seen = store.shared_with(bob).await.unwrap();
    assert_eq!(seen.len(), 8192);
    let last = seen.last().unwrap();
    assert_eq!((last.owner.as_str(), last.rights), ("carol@example.org", 3));
    // Who asks for some hears of nobody else.
    let some = store.shared_by(["carol@example.org", "nobody@example.org"], bob);
    let some = some.await.unwrap();
    assert_eq!(some.len(), 1);
    assert_eq!(some[0].mailbox.id, of_carol);
    assert!(store.shared_by([], bob).await.unwrap().is_empty());
    let own = store.shared_by(["bob@example.org"], bob);
    assert!(own.await.unwrap().is_empty());
}

async fn random_changes_come_to_what_they_say(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let carol = account(&store, "carol").await.id;
    let inbox = inbox(&store, alice).await;
    let whom = [
        Grantee::Account(bob),
        Grantee::Account(carol),
        Grantee::Anyone,
    ];
    let mut model = [[0u32; 2]; 3];
    let mut state = 0x9E37_79B9_7F4A_7C15;
    for _ in 0..200 {
        let (who, sign) = (next(&mut state) as usize % 3, next(&mut state) as usize % 2);
        let rights = next(&mut state) & 0x7ff & next(&mut state);
        let (operation, has) = match next(&mut state) % 3 {
            0 => (RightsOperation::Replace, rights),
            1 => (RightsOperation::Add, model[who][sign] | rights),
            _ => (RightsOperation::Remove, model[who][sign] & !rights),
        };
        model[who][sign] = has;
        let change = AclChange {
            grantee: whom[who],
            negative: sign == 1,
            operation,
            rights,
        };
        store.change_acl(alice, inbox, change).await.unwrap();
        for (number, account) in [(0, bob), (1, carol)] {
            let may = (model[number][0] | model[2][0]) & !(model[number][1] | model[2][1]);
            assert_eq!(store.rights(inbox, account).await.unwrap(), may);
            let seen = store.shared_with(account).await.unwrap();
            let seen = seen.first().map_or(0, |shared| shared.rights);
            assert_eq!(seen, may);
        }
    }
    assert_sound(&store).await;
}
