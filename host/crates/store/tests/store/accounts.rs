//! Domains, accounts, aliases, passwords and the directory's cache.

use std::sync::Arc;

use waxwing_sasl::ScramKeys;
use waxwing_store::{Codes, Error, PasswordCheck, Quota, Resolution, Store};

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound, delivery, put, target};

on_both! {
    the_directory_follows_changes;
    removing_an_account_removes_its_mail;
    an_account_that_comes_back_has_new_uid_validities;
    passwords_are_verified;
    foreign_hashes_are_verified_at_a_price;
    passwords_are_proved;
    names_are_checked;
    two_stores_of_one_database;
}

async fn the_directory_follows_changes(setup: Arc<Setup>) {
    let store = setup.open().await;
    let directory = store.directory();
    assert_eq!(
        directory.resolve("alice@example.org").await.unwrap(),
        Resolution::NotLocal
    );
    store.add_domain("Example.ORG").await.unwrap();
    assert_eq!(
        directory.resolve("alice@example.org").await.unwrap(),
        Resolution::Unknown
    );
    let quota = Quota {
        bytes: Some(1000),
        messages: None,
    };
    let alice = store
        .add_account("Alice@Example.org", None, quota)
        .await
        .unwrap();
    assert_eq!(
        (alice.address.as_str(), alice.quota),
        ("alice@example.org", quota)
    );
    assert_eq!(
        directory.resolve("ALICE@example.org").await.unwrap(),
        Resolution::Account(Arc::new(alice.clone()))
    );
    assert_eq!(
        directory.account_by_id(alice.id).await.unwrap().as_deref(),
        Some(&alice)
    );
    store
        .set_quota("alice@example.org", Quota::default())
        .await
        .unwrap();
    assert_eq!(
        directory
            .account("alice@example.org")
            .await
            .unwrap()
            .unwrap()
            .quota,
        Quota::default()
    );
    let targets = vec![
        "alice@example.org".to_owned(),
        "Else@elsewhere.test".to_owned(),
    ];
    store.add_alias("info@example.org", &targets).await.unwrap();
    let info = Resolution::Alias {
        targets: targets.clone().into(),
        catch_all: false,
    };
    assert_eq!(directory.resolve("info@example.org").await.unwrap(), info);
    store
        .add_alias("*@example.org", &targets[..1])
        .await
        .unwrap();
    let all = Resolution::Alias {
        targets: targets[..1].to_vec().into(),
        catch_all: true,
    };
    assert_eq!(directory.resolve("anybody@example.org").await.unwrap(), all);
    assert!(matches!(
        store.add_alias("alice@example.org", &targets).await,
        Err(Error::AlreadyExists(_))
    ));
    assert!(matches!(
        store.add_account("info@example.org", None, quota).await,
        Err(Error::AlreadyExists(_))
    ));
    assert!(matches!(
        store.add_account("a@none.test", None, quota).await,
        Err(Error::NoSuchDomain(_))
    ));
    assert!(matches!(
        store.remove_domain("example.org").await,
        Err(Error::DomainInUse(_))
    ));
    assert_eq!(store.aliases(Some("example.org")).await.unwrap().len(), 2);
    for alias in ["info@example.org", "*@example.org"] {
        store.remove_alias(alias).await.unwrap();
    }
    assert_eq!(
        directory.resolve("info@example.org").await.unwrap(),
        Resolution::Unknown
    );
    assert_eq!(
        store.accounts(None).await.unwrap(),
        store.accounts(Some("example.org")).await.unwrap()
    );
    store.remove_account("alice@example.org").await.unwrap();
    assert_eq!(directory.account("alice@example.org").await.unwrap(), None);
    assert_eq!(directory.account_by_id(alice.id).await.unwrap(), None);
    store.set_domain_quota("example.org", quota).await.unwrap();
    assert_eq!(
        directory
            .domain("example.org")
            .await
            .unwrap()
            .unwrap()
            .quota,
        quota
    );
    store.remove_domain("example.org").await.unwrap();
    assert_eq!(directory.domain("example.org").await.unwrap(), None);
    assert!(matches!(
        store.remove_domain("example.org").await,
        Err(Error::NoSuchDomain(_))
    ));
    assert!(matches!(
        store.remove_alias("info@example.org").await,
        Err(Error::NoSuchAlias(_))
    ));
}

async fn an_account_that_comes_back_has_new_uid_validities(setup: Arc<Setup>) {
    let store = setup.open().await;
    let validities = async |account| {
        let mailboxes = store.mailboxes(account).await.unwrap();
        let of = mailboxes.iter().map(|mailbox| mailbox.uid_validity);
        (of.clone().min().unwrap(), of.max().unwrap())
    };
    let first = account(&store, "alice").await.id;
    let (_, last) = validities(first).await;
    store.remove_account("alice@example.org").await.unwrap();
    // Within the same second.
    let second = account(&store, "alice").await.id;
    let (least, second_last) = validities(second).await;
    assert!(least > last, "{least} after {last}");
    // Also if the clock went back, and after one that had fewer.
    setup
        .now
        .store(1_600_000_000_000, std::sync::atomic::Ordering::SeqCst);
    store.remove_account("alice@example.org").await.unwrap();
    let (least, _) = validities(account(&store, "alice").await.id).await;
    assert!(least > second_last, "{least} after {second_last}");
}

async fn passwords_are_proved(setup: Arc<Setup>) {
    let store = setup.open().await;
    account(&store, "alice").await;
    account(&store, "bob").await;
    let directory = store.directory();
    let keys = async |address: &str| directory.scram_keys(address).await.unwrap();
    assert_eq!(keys("alice@example.org").await, None, "no password yet");
    store
        .set_password("alice@example.org", Some("first"))
        .await
        .unwrap();
    let first = keys("Alice@Example.org").await.unwrap();
    let derived = ScramKeys::derive("first", &first.salt, first.iterations).unwrap();
    assert_eq!(first, derived);
    store
        .set_password("alice@example.org", Some("second"))
        .await
        .unwrap();
    let second = keys("alice@example.org").await.unwrap();
    assert_ne!(first.salt, second.salt);

    // A password of before there were keys gets them when it is used, and no other one does.
    setup.sabotage("UPDATE accounts SET scram = ''").await;
    let store = reopened(&setup, store).await;
    let directory = store.directory();
    let keys = async |address: &str| directory.scram_keys(address).await.unwrap();
    let check = async |password: &str| {
        let checked =
            directory.verify_password("alice@example.org", password, None, Codes::UseUp(None));
        checked.await.unwrap()
    };
    assert_eq!(check("first").await, PasswordCheck::Wrong);
    assert_eq!(keys("alice@example.org").await, None);
    assert!(matches!(check("second").await, PasswordCheck::Right(_)));
    let third = keys("alice@example.org").await.unwrap();
    let derived = ScramKeys::derive("second", &third.salt, third.iterations).unwrap();
    assert_eq!(third, derived);

    // What is shown of those who are not here looks the same, and stays the same.
    let pretended = directory.pretended_keys("nobody@example.org");
    assert_eq!(
        (pretended.salt.len(), pretended.iterations),
        (third.salt.len(), third.iterations)
    );
    assert_ne!(
        pretended.salt,
        directory.pretended_keys("other@example.org").salt
    );
    let store = reopened(&setup, store).await;
    let again = store.directory().pretended_keys("nobody@example.org");
    assert_eq!(again, pretended);
    store.set_password("alice@example.org", None).await.unwrap();
    let closed = store.directory().scram_keys("alice@example.org");
    assert_eq!(closed.await.unwrap(), None);
}

async fn reopened(setup: &Setup, store: Store) -> Store {
    store.close().await;
    drop(store);
    setup.open().await
}

async fn removing_an_account_removes_its_mail(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (
        account(&store, "alice").await.id,
        account(&store, "bob").await.id,
    );
    let shared = store
        .deliver(delivery("shared", vec![target(alice), target(bob)]))
        .await
        .unwrap();
    put(&store, alice, "own").await;
    store.remove_account("alice@example.org").await.unwrap();
    assert!(matches!(
        store.mailboxes(alice).await,
        Err(Error::NoSuchAccount(_))
    ));
    assert!(matches!(
        store.usage(alice).await,
        Err(Error::NoSuchAccount(_))
    ));
    assert!(matches!(
        store.deliver(delivery("x", vec![target(alice)])).await,
        Err(Error::NoSuchAccount(_))
    ));
    assert_eq!(store.blob(shared[0].blob).await.unwrap(), "shared");
    assert_eq!(store.domain_usage("example.org").await.unwrap().messages, 1);
    let again = account(&store, "alice").await.id;
    assert_ne!(again, alice);
    assert_eq!(put(&store, again, "new").await, 1);
    assert_sound(&store).await;
}

async fn passwords_are_verified(setup: Arc<Setup>) {
    let store = setup.open().await;
    store.add_domain("example.org").await.unwrap();
    let alice = Arc::new(
        store
            .add_account("alice@example.org", Some("first"), Quota::default())
            .await
            .unwrap(),
    );
    store
        .add_account("closed@example.org", None, Quota::default())
        .await
        .unwrap();
    let check = async |address: &str, password: &str| {
        store
            .directory()
            .verify_password(address, password, None, Codes::UseUp(None))
            .await
            .unwrap()
    };
    assert_eq!(
        check("alice@example.org", "first").await,
        PasswordCheck::Right(Arc::clone(&alice))
    );
    assert_eq!(
        check("Alice@example.org", "first").await,
        PasswordCheck::Right(Arc::clone(&alice))
    );
    assert_eq!(
        check("alice@example.org", "First").await,
        PasswordCheck::Wrong
    );
    assert_eq!(
        check("nobody@example.org", "first").await,
        PasswordCheck::Unknown
    );
    assert_eq!(
        check("closed@example.org", "").await,
        PasswordCheck::Unknown
    );
    assert_eq!(
        check("alice@example.org", &"x".repeat(5000)).await,
        PasswordCheck::Wrong
    );
    store
        .set_password("alice@example.org", Some("second"))
        .await
        .unwrap();
    assert_eq!(
        check("alice@example.org", "first").await,
        PasswordCheck::Wrong
    );
    assert_eq!(
        check("alice@example.org", "second").await,
        PasswordCheck::Right(alice)
    );
    store.set_password("alice@example.org", None).await.unwrap();
    assert_eq!(
        check("alice@example.org", "second").await,
        PasswordCheck::Unknown
    );
    assert!(matches!(
        store.set_password("nobody@example.org", None).await,
        Err(Error::NoSuchAccount(_))
    ));
}

async fn names_are_checked(setup: Arc<Setup>) {
    let store = setup.open().await;
    for bad in ["", "a b.test", "ümlaut.test", "a..b", &"x".repeat(64)] {
        assert!(
            matches!(store.add_domain(bad).await, Err(Error::InvalidName { .. })),
            "{bad:?}"
        );
    }
    store.add_domain("example.org").await.unwrap();
    assert!(matches!(
        store.add_domain("EXAMPLE.org").await,
        Err(Error::AlreadyExists(_))
    ));
    for bad in ["alice", "@example.org", "a\0b@example.org", "*@example.org"] {
        assert!(
            matches!(
                store.add_account(bad, None, Quota::default()).await,
                Err(Error::InvalidName { .. })
            ),
            "{bad:?}"
        );
    }
    assert!(matches!(
        store.add_alias("a@example.org", &[]).await,
        Err(Error::InvalidName { .. })
    ));
}

/// SQLite has one process a store; PostgreSQL many, who see each other's writes and never give out the same UID.
async fn two_stores_of_one_database(setup: Arc<Setup>) {
    let one = setup.open().await;
    let alice = account(&one, "alice").await.id;
    let other = match (setup.kind, Store::open(setup.config()).await) {
        (Kind::Sqlite, opened) => return assert!(matches!(opened, Err(Error::InUse { .. }))),
        (Kind::Postgres, opened) => opened.unwrap(),
    };
    assert_eq!(
        other.directory().resolve("bob@example.org").await.unwrap(),
        Resolution::Unknown
    );
    let bob = account(&one, "bob").await;
    assert_eq!(
        other.directory().resolve("bob@example.org").await.unwrap(),
        Resolution::Account(Arc::new(bob.clone()))
    );
    let tasks: Vec<_> = (0..12)
        .map(|i| {
            let store = if i % 2 == 0 {
                one.clone()
            } else {
                other.clone()
            };
            let bob = bob.id;
            tokio::spawn(async move {
                for j in 0..10 {
                    let order = if (i + j) % 2 == 0 {
                        [alice, bob]
                    } else {
                        [bob, alice]
                    };
                    store
                        .deliver(delivery(format!("{i}/{j}"), order.map(target).to_vec()))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(other.mailbox(alice, "INBOX").await.unwrap().uid_next, 121);
    assert_eq!(
        one.usage(bob.id).await.unwrap(),
        other.usage(bob.id).await.unwrap()
    );
    assert_sound(&one).await;
}

async fn foreign_hashes_are_verified_at_a_price(setup: Arc<Setup>) {
    let store = setup.open().await;
    let directory = store.directory();
    let own = directory.hash_password("password").await.unwrap();
    assert!(own.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{own}");
    for stored in [
        own.as_str(),
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
        "$pbkdf2-sha256$i=4096,l=32$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o",
    ] {
        for (password, right) in [("password", true), ("Password", false)] {
            let matches = directory.password_matches(stored, password).await;
            assert_eq!(matches.unwrap(), right, "{stored}: {password}");
        }
    }
    for stored in [
        "",
        "password",
        "$6$salt$hash",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4",
        "$argon2id$v=19$m=64,t=4000000000,p=1$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4",
        "$scrypt$ln=30,r=8,p=1$c29tZXNhbHQ$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4",
        "$pbkdf2-sha256$i=4000000000,l=32$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o",
    ] {
        let refused = directory.password_matches(stored, "password").await;
        assert!(matches!(refused, Err(Error::PasswordHash(_))), "{stored}");
    }
    assert!(matches!(
        directory.hash_password(&"p".repeat(1025)).await,
        Err(Error::TooLarge { .. })
    ));
}
