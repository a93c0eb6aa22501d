//! Mailboxes changed as a whole.

use std::sync::Arc;

use waxwing_store::{
    AccountId, MailboxId, MailboxRefusal, MailboxShape, MailboxShaped, SpecialUse, Store,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    all_properties_are_set_with_one_commit;
    subscriptions_go_along;
    what_is_refused_changes_nothing;
    a_mailbox_goes_when_nothing_is_in_it;
}

fn named(name: &str, parent: Option<MailboxId>) -> MailboxShape {
    MailboxShape {
        name: Some(name.into()),
        parent: Some(parent),
        ..MailboxShape::default()
    }
}

async fn made(store: &Store, account: AccountId, shape: MailboxShape) -> MailboxShaped {
    let shaped = store.shape_mailbox(account, None, shape).await.unwrap();
    shaped.unwrap()
}

async fn changed(
    store: &Store,
    account: AccountId,
    mailbox: MailboxId,
    shape: MailboxShape,
) -> Result<MailboxShaped, MailboxRefusal> {
    let shaped = store.shape_mailbox(account, Some(mailbox), shape).await;
    shaped.unwrap()
}

async fn all_properties_are_set_with_one_commit(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let outer = made(&store, alice, named("Outer", None)).await;
    let whole = MailboxShape {
        special_use: Some(Some(SpecialUse::Flagged)),
        subscribed: Some(true),
        sort_order: Some(7),
        ..named("Inner", Some(outer.mailbox))
    };
    let inner = made(&store, alice, whole).await;
    assert!(inner.before >= outer.after && inner.after > inner.before);
    let found = store.mailbox(alice, "Outer/Inner").await.unwrap();
    assert_eq!(found.id, inner.mailbox);
    assert_eq!(found.special_use, Some(SpecialUse::Flagged));
    assert!(found.subscribed);
    let orders = store.sort_orders(alice).await.unwrap();
    assert_eq!(orders.get(&inner.mailbox), Some(&7));
    assert_eq!(orders.get(&outer.mailbox), None);
    let other = MailboxShape {
        special_use: Some(None),
        sort_order: Some(0),
        ..MailboxShape::default()
    };
    let after = changed(&store, alice, inner.mailbox, other).await.unwrap();
    assert_eq!(store.account_state(alice).await.unwrap(), after.after);
    let found = store.mailbox(alice, "Outer/Inner").await.unwrap();
    assert_eq!(found.special_use, None);
    assert_eq!(store.sort_orders(alice).await.unwrap()[&inner.mailbox], 0);
    // The use is free for another one.
    let flagged = MailboxShape {
        special_use: Some(Some(SpecialUse::Flagged)),
        ..MailboxShape::default()
    };
    changed(&store, alice, outer.mailbox, flagged)
        .await
        .unwrap();
    let log = store
        .account_log(alice, after.after)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(log.mailboxes.all().updated, [outer.mailbox]);
    assert_sound(&store).await;
}

async fn subscriptions_go_along(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let outer = made(&store, alice, named("Outer", None)).await.mailbox;
    made(&store, alice, named("Inner", Some(outer))).await;
    for path in ["Outer", "Outer/Inner", "Outer/gone", "Outermost"] {
        store.set_subscribed(alice, path, true).await.unwrap();
    }
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let moved = named("Moved", Some(inbox));
    changed(&store, alice, outer, moved).await.unwrap();
    let subscriptions = store.subscriptions(alice).await.unwrap();
    let wanted = [
        "INBOX/Moved",
        "INBOX/Moved/Inner",
        "INBOX/Moved/gone",
        "Outermost",
    ];
    for path in wanted {
        assert!(subscriptions.iter().any(|known| known == path), "{path}");
    }
    assert!(subscriptions.iter().all(|path| !path.starts_with("Outer/")));
    assert!(
        store
            .mailbox(alice, "INBOX/Moved/Inner")
            .await
            .unwrap()
            .subscribed
    );
    assert_sound(&store).await;
}

async fn what_is_refused_changes_nothing(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let trash = store.mailbox(alice, "Trash").await.unwrap();
    let outer = made(&store, alice, named("Outer", None)).await.mailbox;
    let inner = made(&store, alice, named("Inner", Some(outer)))
        .await
        .mailbox;
    let state = store.account_state(alice).await.unwrap();
    let with_use = |shape| MailboxShape {
        special_use: Some(trash.special_use),
        subscribed: Some(true),
        sort_order: Some(1),
        ..shape
    };
    let nowhere = MailboxId(i64::MAX);
    for (mailbox, shape, refusal) in [
        (Some(inner), named("Outer", None), MailboxRefusal::Exists),
        (
            Some(outer),
            named("x", Some(inner)),
            MailboxRefusal::NoParent,
        ),
        (
            Some(outer),
            named("x", Some(nowhere)),
            MailboxRefusal::NoParent,
        ),
        (Some(nowhere), named("x", None), MailboxRefusal::NotFound),
        (Some(inbox), named("x", None), MailboxRefusal::Inbox),
        (
            Some(inner),
            with_use(named("x", None)),
            MailboxRefusal::UseTaken,
        ),
        (None, with_use(named("x", None)), MailboxRefusal::UseTaken),
        (None, named("inbox", None), MailboxRefusal::Exists),
    ] {
        let shaped = store.shape_mailbox(alice, mailbox, shape.clone()).await;
        assert_eq!(shaped.unwrap(), Err(refusal), "{shape:?}");
    }
    for name in ["", "a/b", "a\nb", "Other users"] {
        let shaped = store.shape_mailbox(alice, None, named(name, None)).await;
        let refused = shaped.unwrap();
        assert!(matches!(refused, Err(MailboxRefusal::Name(_))), "{name:?}");
    }
    assert_eq!(store.account_state(alice).await.unwrap(), state);
    assert_sound(&store).await;
}

async fn a_mailbox_goes_when_nothing_is_in_it(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let outer = made(&store, alice, named("Outer", None)).await.mailbox;
    let inner = made(&store, alice, named("Inner", Some(outer)))
        .await
        .mailbox;
    let mut place = target(alice);
    place.mailbox = waxwing_store::Place::Id(inner);
    store.deliver(delivery("one", vec![place])).await.unwrap();
    let destroy = |mailbox, with| store.destroy_mailbox(alice, mailbox, with);
    for (mailbox, refusal) in [
        (outer, MailboxRefusal::HasChild),
        (inner, MailboxRefusal::HasMessages),
        (inbox, MailboxRefusal::Inbox),
        (MailboxId(i64::MAX), MailboxRefusal::NotFound),
    ] {
        assert_eq!(destroy(mailbox, false).await.unwrap(), Err(refusal));
    }
    let gone = destroy(inner, true).await.unwrap().unwrap();
    destroy(outer, false).await.unwrap().unwrap();
    assert_eq!(store.usage(alice).await.unwrap().messages, 0);
    let log = store
        .account_log(alice, gone.before)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(log.mailboxes.all().destroyed.len(), 2);
    assert_sound(&store).await;
}
