//! Push subscriptions: whose they are, and when they go.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{
    Account, CredentialKind, MAX_PUSH_SUBSCRIPTIONS, NewCredential, PushKeys, PushSubscription,
    PushUpdate, Scope, SecretId, ShownSecret,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound};

on_both! {
    what_is_added_is_read_and_changed;
    there_are_only_so_many_of_an_account;
    what_is_over_is_forgotten;
    they_go_with_their_account;
    a_secret_is_known_until_it_is_changed;
}

fn subscription(account: &Account, expires: i64) -> PushSubscription {
    PushSubscription {
        id: 0,
        account: account.id,
        credential: SecretId([7; 16]),
        device: "device".into(),
        url: "https://push.example/x".into(),
        keys: Some(PushKeys {
            p256dh: vec![4; 65],
            auth: vec![5; 16],
        }),
        code: "code".into(),
        verified: false,
        expires,
        types: Some(vec!["Email".into(), "Mailbox".into()]),
        told: "7".into(),
    }
}

/// Later than any test.
const FAR: i64 = i64::MAX / 2;

async fn what_is_added_is_read_and_changed(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (account(&store, "alice").await, account(&store, "bob").await);
    let new = subscription(&alice, FAR);
    let id = store
        .add_push_subscription(new.clone())
        .await
        .unwrap()
        .unwrap();
    let mut expected = PushSubscription { id, ..new };
    assert_eq!(
        store.push_subscriptions(alice.id).await.unwrap(),
        [expected.clone()]
    );
    assert_eq!(store.push_subscriptions(bob.id).await.unwrap(), []);
    assert_eq!(store.live_push_subscriptions().await.unwrap(), []);
    let verified = PushUpdate {
        verified: true,
        types: Some(None),
        told: Some("9-a".into()),
        ..PushUpdate::default()
    };
    let update = |of, update| store.update_push_subscription(of, id, update);
    assert!(!update(bob.id, verified.clone()).await.unwrap());
    assert!(update(alice.id, verified).await.unwrap());
    expected.verified = true;
    expected.types = None;
    expected.told = "9-a".into();
    assert_eq!(
        store.live_push_subscriptions().await.unwrap(),
        [expected.clone()]
    );
    let sooner = PushUpdate {
        expires: Some(FAR - 1),
        types: Some(Some(Vec::new())),
        ..PushUpdate::default()
    };
    assert!(update(alice.id, sooner).await.unwrap());
    expected.expires = FAR - 1;
    expected.types = Some(Vec::new());
    assert_eq!(store.live_push_subscriptions().await.unwrap(), [expected]);
    assert!(!store.remove_push_subscription(bob.id, id).await.unwrap());
    assert!(store.remove_push_subscription(alice.id, id).await.unwrap());
    assert!(!store.remove_push_subscription(alice.id, id).await.unwrap());
    assert_eq!(store.push_subscriptions(alice.id).await.unwrap(), []);
}

async fn there_are_only_so_many_of_an_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (account(&store, "alice").await, account(&store, "bob").await);
    // Those that are over do not count.
    let add = |new| store.add_push_subscription(new);
    add(subscription(&alice, 1)).await.unwrap().unwrap();
    for _ in 0..MAX_PUSH_SUBSCRIPTIONS {
        assert!(add(subscription(&alice, FAR)).await.unwrap().is_some());
    }
    assert_eq!(add(subscription(&alice, FAR)).await.unwrap(), None);
    assert!(add(subscription(&bob, FAR)).await.unwrap().is_some());
}

async fn what_is_over_is_forgotten(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await;
    let mut long = subscription(&alice, FAR);
    long.verified = true;
    store.add_push_subscription(long).await.unwrap();
    let mut over = subscription(&alice, 1);
    over.verified = true;
    store.add_push_subscription(over).await.unwrap();
    assert_eq!(store.live_push_subscriptions().await.unwrap().len(), 1);
    assert_eq!(store.push_subscriptions(alice.id).await.unwrap().len(), 2);
    setup.advance(Duration::from_secs(60));
    store.sweep().await.unwrap();
    assert_eq!(store.push_subscriptions(alice.id).await.unwrap().len(), 1);
}

async fn they_go_with_their_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await;
    store
        .add_push_subscription(subscription(&alice, FAR))
        .await
        .unwrap();
    store.remove_account(&alice.address).await.unwrap();
    assert_eq!(store.push_subscriptions(alice.id).await.unwrap(), []);
    assert_sound(&store).await;
    let again = store.add_push_subscription(subscription(&alice, FAR)).await;
    assert!(again.is_err());
}

async fn a_secret_is_known_until_it_is_changed(setup: Arc<Setup>) {
    let store = setup.open().await;
    let owner = account(&store, "alice").await;
    let alice = owner.address.clone();
    let directory = store.directory();
    let known = async |shown| directory.secret(&alice, shown).await.unwrap();
    let holds = async |id| store.holds(&owner, id).await.unwrap();
    store.set_password(&alice, Some("one")).await.unwrap();
    let own = known(ShownSecret::Password("one")).await;
    assert!(holds(own).await);
    let new = |kind| NewCredential {
        kind,
        name: "x".into(),
        scopes: vec![Scope::Jmap],
        expires: None,
    };
    let (made, app) = store
        .add_credential(&alice, new(CredentialKind::AppPassword))
        .await
        .unwrap();
    let (_, token) = store
        .add_credential(&alice, new(CredentialKind::Token))
        .await
        .unwrap();
    let (app, token) = (
        known(ShownSecret::Password(&app)).await,
        known(ShownSecret::Token(&token)).await,
    );
    assert!(holds(app).await && holds(token).await);
    assert!(own != app && app != token && own != token);
    // Somebody else vouches for the token of an issuer, whose end nobody is told of.
    assert!(holds(known(ShownSecret::Token("issued")).await).await);
    store
        .remove_credential(&alice, CredentialKind::AppPassword, made.id)
        .await
        .unwrap();
    assert!(!holds(app).await && holds(token).await && holds(own).await);
    store.set_password(&alice, Some("two")).await.unwrap();
    assert!(!holds(own).await);
    assert!(holds(known(ShownSecret::Password("two")).await).await);
    // A cookie is another secret than the password, and is over with its login.
    let begin = async || {
        let password = store
            .directory()
            .own_password(&owner.address)
            .await
            .unwrap();
        store
            .begin_web_login(owner.id, password, "x", "x")
            .await
            .unwrap()
    };
    let ((login, secret), (_, other)) = (begin().await, begin().await);
    let (cookie, other) = (
        known(ShownSecret::Cookie(&secret)).await,
        known(ShownSecret::Cookie(&other)).await,
    );
    assert!(cookie != other && holds(cookie).await && holds(other).await);
    assert!(store.end_web_login(owner.id, login.id).await.unwrap());
    assert!(!holds(cookie).await && holds(other).await);
}
