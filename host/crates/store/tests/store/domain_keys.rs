//! The keys that domains sign with.

use std::sync::Arc;

use waxwing_store::{DomainKey, Error, MAX_DOMAIN_KEYS, MtaSts, StsMode};

use crate::on_both;
use crate::setup::{Kind, Setup, assert_sound};

on_both! {
    keys_are_kept_and_changed;
    of_two_changes_one_is_told;
    a_domain_goes_with_its_keys;
    a_domain_has_a_policy_or_none;
}

fn key(selector: &str) -> DomainKey {
    DomainKey {
        selector: selector.to_owned(),
        algorithm: "ed25519-sha256".to_owned(),
        phase: "\"generated\"".to_owned(),
        record: "v=DKIM1; k=ed25519; p=".to_owned(),
        secret: vec![0, 1, 255],
    }
}

async fn keys_are_kept_and_changed(setup: Arc<Setup>) {
    let store = setup.open().await;
    let unknown = store.domain_keys("example.org").await;
    assert!(matches!(unknown, Err(Error::NoSuchDomain(_))));
    for domain in ["example.org", "example.com"] {
        store.add_domain(domain).await.unwrap();
    }
    let none = store.domain_keys("Example.ORG").await.unwrap();
    assert!(none.keys.is_empty());
    assert!(store.domains_with_keys().await.unwrap().is_empty());
    let keys = vec![key("a"), key("b")];
    let set = store.set_domain_keys("example.org", none.version, keys.clone());
    assert!(set.await.unwrap());
    let mut kept = store.domain_keys("example.org").await.unwrap();
    assert_eq!(kept.keys, keys);
    assert_eq!(store.domains_with_keys().await.unwrap(), ["example.org"]);
    kept.keys.remove(0);
    kept.keys[0].phase = "else".to_owned();
    let set = store.set_domain_keys("example.org", kept.version, kept.keys.clone());
    assert!(set.await.unwrap());
    store.close().await;
    let store = setup.open().await;
    let again = store.domain_keys("example.org").await.unwrap();
    assert_eq!(again.keys, kept.keys);
    assert!(again.version > kept.version);
    let many = (0..=MAX_DOMAIN_KEYS).map(|n| key(&n.to_string())).collect();
    let set = store.set_domain_keys("example.org", again.version, many);
    assert!(matches!(set.await, Err(Error::TooLarge { .. })));
    assert_sound(&store).await;
}

async fn of_two_changes_one_is_told(setup: Arc<Setup>) {
    let one = setup.open().await;
    one.add_domain("example.org").await.unwrap();
    // Only PostgreSQL has two hosts.
    let other = match setup.kind {
        Kind::Sqlite => one.clone(),
        Kind::Postgres => setup.open().await,
    };
    let seen = one.domain_keys("example.org").await.unwrap().version;
    let (first, second) = tokio::join!(
        one.set_domain_keys("example.org", seen, vec![key("a")]),
        other.set_domain_keys("example.org", seen, vec![key("b")]),
    );
    let taken = [first.unwrap(), second.unwrap()];
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    let kept = one.domain_keys("example.org").await.unwrap().keys;
    assert_eq!(kept, [key(if taken[0] { "a" } else { "b" })]);
}

async fn a_domain_goes_with_its_keys(setup: Arc<Setup>) {
    let store = setup.open().await;
    store.add_domain("example.org").await.unwrap();
    assert!(
        store
            .set_domain_keys("example.org", 0, vec![key("a")])
            .await
            .unwrap()
    );
    store.remove_domain("example.org").await.unwrap();
    assert!(store.domains_with_keys().await.unwrap().is_empty());
    assert_sound(&store).await;
}

async fn a_domain_has_a_policy_or_none(setup: Arc<Setup>) {
    let store = setup.open().await;
    store.add_domain("example.org").await.unwrap();
    let promised = async || {
        let domain = store.directory().domain("example.org").await.unwrap();
        let promised = domain.unwrap().mta_sts;
        assert_eq!(store.domains().await.unwrap()[0].mta_sts, promised);
        promised
    };
    assert_eq!(promised().await, None);
    for mode in [StsMode::None, StsMode::Testing, StsMode::Enforce] {
        let policy = Some(MtaSts {
            mode,
            max_age: 31_557_600,
        });
        let set = store.set_domain_mta_sts("example.org", policy);
        set.await.unwrap();
        assert_eq!(promised().await, policy);
    }
    let removed = store.set_domain_mta_sts("example.org", None);
    removed.await.unwrap();
    assert_eq!(promised().await, None);
    let unknown = store.set_domain_mta_sts("example.com", None).await;
    assert!(matches!(unknown, Err(Error::NoSuchDomain(_))));
}
