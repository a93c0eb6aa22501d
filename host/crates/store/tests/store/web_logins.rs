//! Browsers that are logged in.

use std::sync::Arc;
use std::time::Duration;

use waxwing_store::{AccountId, Error, MAX_WEB_LOGINS, Result, Store, WebLogin};

use crate::on_both;
use crate::setup::{Setup, account};

on_both! {
    a_login_is_its_secrets_and_outlives_the_server;
    a_login_ends_by_itself;
    logins_are_ended_by_their_owner_only;
    logins_end_with_the_password_and_the_account;
    a_login_under_way_ends_with_the_password;
    there_are_only_so_many;
}

const ALICE: &str = "alice@example.org";
const HOUR: Duration = Duration::from_secs(3600);

/// Somebody logs in who knows the password.
async fn begin(
    store: &Store,
    address: &str,
    account: AccountId,
    client: &str,
    agent: &str,
) -> Result<(WebLogin, String)> {
    let password = store.directory().own_password(address).await?;
    store
        .begin_web_login(account, password, client, agent)
        .await
}

async fn is_known(store: &Store, secret: &str) -> bool {
    store.use_web_login(secret).await.unwrap().is_some()
}

async fn a_login_is_its_secrets_and_outlives_the_server(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let (made, secret) = begin(&store, ALICE, alice, "192.0.2.1", "Browser\u{7}/1")
        .await
        .unwrap();
    assert_eq!(secret.len(), 64);
    assert_eq!((made.account, made.agent.as_str()), (alice, "Browser/1"));
    for wrong in ["", &secret[1..], &secret.to_uppercase(), "0"] {
        assert!(!is_known(&store, wrong).await, "{wrong}");
    }
    store.close().await;
    let store = setup.open().await;
    let found = store.use_web_login(&secret).await.unwrap();
    assert_eq!(found.as_ref(), Some(&made));
    assert!(store.is_web_login(made.id).await.unwrap());
    assert_eq!(store.web_logins(alice).await.unwrap(), [made]);
}

async fn a_login_ends_by_itself(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let (_, idle) = begin(&store, ALICE, alice, "", "").await.unwrap();
    let (used, secret) = begin(&store, ALICE, alice, "", "").await.unwrap();
    // Two days at a time: what is used is not idle.
    for _ in 0..14 {
        setup.advance(48 * HOUR);
        assert!(is_known(&store, &secret).await);
        store.sweep().await.unwrap();
    }
    assert!(!is_known(&store, &idle).await);
    assert_eq!(store.web_logins(alice).await.unwrap().len(), 1);
    setup.advance(49 * HOUR);
    assert!(!is_known(&store, &secret).await, "older than 30 days");
    assert!(!store.is_web_login(used.id).await.unwrap());
    assert!(store.web_logins(alice).await.unwrap().is_empty());
}

async fn logins_are_ended_by_their_owner_only(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let mut logins = Vec::new();
    for _ in 0..3 {
        logins.push(begin(&store, ALICE, alice, "", "").await.unwrap());
    }
    let (of_bob, secret) = begin(&store, "bob@example.org", bob, "", "").await.unwrap();
    assert!(!store.end_web_login(bob, logins[0].0.id).await.unwrap());
    assert!(is_known(&store, &logins[0].1).await);
    assert!(store.end_web_login(alice, logins[0].0.id).await.unwrap());
    assert!(!is_known(&store, &logins[0].1).await);
    assert!(!store.end_web_login(alice, logins[0].0.id).await.unwrap());
    let kept = logins[1].0.id;
    assert_eq!(store.end_other_web_logins(alice, kept).await.unwrap(), 1);
    assert!(is_known(&store, &logins[1].1).await);
    assert!(is_known(&store, &secret).await);
    assert_eq!(store.web_logins(bob).await.unwrap(), [of_bob]);
}

async fn logins_end_with_the_password_and_the_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    for password in [Some("another password"), None] {
        let (_, secret) = begin(&store, ALICE, alice, "", "").await.unwrap();
        store.set_password(ALICE, password).await.unwrap();
        assert!(!is_known(&store, &secret).await, "{password:?}");
    }
    let (_, secret) = begin(&store, ALICE, alice, "", "").await.unwrap();
    store.remove_account(ALICE).await.unwrap();
    assert!(!is_known(&store, &secret).await);
    assert!(begin(&store, ALICE, alice, "", "").await.is_err());
}

async fn a_login_under_way_ends_with_the_password(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let shown = store.directory().own_password(ALICE).await.unwrap();
    let password = Some("another password");
    store.set_password(ALICE, password).await.unwrap();
    let begun = store.begin_web_login(alice, shown, "", "").await;
    assert!(matches!(begun, Err(Error::NotAllowed(_))), "{begun:?}");
    assert!(begin(&store, ALICE, alice, "", "").await.is_ok());
}

async fn there_are_only_so_many(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let (_, first) = begin(&store, ALICE, alice, "", "").await.unwrap();
    let most = usize::try_from(MAX_WEB_LOGINS).unwrap();
    for _ in 0..most {
        begin(&store, ALICE, alice, "", "").await.unwrap();
    }
    assert!(!is_known(&store, &first).await);
    assert_eq!(store.web_logins(alice).await.unwrap().len(), most);
}
