//! Tokens of administration, and what administrators did.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use waxwing_store::{
    AddressPage, AdminScope, Area, AuditEntry, AuditPage, Error, NewAdminToken, QueueFilter,
    QueuePage, Store,
};

use crate::on_both;
use crate::queue::{outgoing, queue};
use crate::setup::{Setup, account};

on_both! {
    a_token_is_good_until_it_ends_or_is_taken_back;
    what_was_done_is_listed_from_the_latest_on;
    accounts_and_aliases_are_searched_by_pages;
    the_queue_is_searched;
}

fn new(name: &str, expires: Option<i64>) -> NewAdminToken {
    NewAdminToken {
        name: name.to_owned(),
        scopes: vec![
            AdminScope::Read(Area::Queue),
            AdminScope::Write(Area::Policy),
        ],
        expires,
    }
}

async fn a_token_is_good_until_it_ends_or_is_taken_back(setup: Arc<Setup>) {
    let store = setup.open().await;
    let until = setup.now.load(Ordering::SeqCst) + 60_000;
    let (made, secret) = store
        .add_admin_token(new("backup", Some(until)))
        .await
        .unwrap();
    let (other, kept) = store.add_admin_token(new("console", None)).await.unwrap();
    assert_ne!(secret, kept);
    assert_eq!(
        store.admin_token(&secret).await.unwrap(),
        Some(made.clone())
    );
    assert_eq!(store.admin_tokens().await.unwrap(), [made, other.clone()]);
    let again = store.add_admin_token(new("backup", None)).await;
    assert!(matches!(again, Err(Error::AlreadyExists(_))), "{again:?}");
    for name in ["", "two words", "a:b", "line\nbreak", &"x".repeat(61)] {
        let refused = store.add_admin_token(new(name, None)).await;
        assert!(
            matches!(refused, Err(Error::InvalidName { .. })),
            "{name:?}"
        );
    }

    setup.now.store(until, Ordering::SeqCst);
    assert_eq!(store.admin_token(&secret).await.unwrap(), None);
    assert_eq!(store.admin_token(&kept).await.unwrap(), Some(other.clone()));
    store.remove_admin_token(other.id).await.unwrap();
    assert_eq!(store.admin_token(&kept).await.unwrap(), None);
    let twice = store.remove_admin_token(other.id).await;
    assert!(matches!(twice, Err(Error::NoSuchToken(_))), "{twice:?}");
    store.close().await;
}

fn entry(who: &str, subject: &str) -> AuditEntry {
    AuditEntry {
        who: who.to_owned(),
        origin: "192.0.2.1".to_owned(),
        action: "queue-hold".to_owned(),
        subject: subject.to_owned(),
        detail: "{}".to_owned(),
    }
}

async fn subjects(store: &Store, page: AuditPage) -> Vec<String> {
    let rows = store.audit_log(&page).await.unwrap();
    rows.into_iter().map(|row| row.entry.subject).collect()
}

async fn what_was_done_is_listed_from_the_latest_on(setup: Arc<Setup>) {
    let store = setup.open().await;
    let first = store.audit(&entry("root", "1")).await.unwrap();
    store.audit(&entry("token backup", "2")).await.unwrap();
    setup.now.fetch_add(5, Ordering::SeqCst);
    let last = store
        .audit(&entry("root", &"x".repeat(3000)))
        .await
        .unwrap();
    store.audited(first, "done").await.unwrap();
    let page = |limit| AuditPage {
        limit,
        ..AuditPage::default()
    };
    let rows = store.audit_log(&page(100)).await.unwrap();
    let outcomes: Vec<_> = rows.iter().map(|row| row.outcome.as_str()).collect();
    assert_eq!(outcomes, ["", "", "done"]);
    assert_eq!((rows[0].at, rows[0].entry.subject.len()), (last, 2000));
    let next = AuditPage {
        before: Some(rows[0].at),
        ..page(1)
    };
    assert_eq!(subjects(&store, next).await, ["2"]);
    let whose = AuditPage {
        who: "token backup".to_owned(),
        ..page(9)
    };
    assert_eq!(subjects(&store, whose).await, ["2"]);
    let of = AuditPage {
        subject: "1".to_owned(),
        ..page(9)
    };
    assert_eq!(subjects(&store, of).await, ["1"]);

    setup.now.fetch_add(731 * 86_400_000, Ordering::SeqCst);
    store.sweep().await.unwrap();
    assert_eq!(subjects(&store, page(9)).await, [""; 0]);
    store.close().await;
}

async fn accounts_and_aliases_are_searched_by_pages(setup: Arc<Setup>) {
    let store = setup.open().await;
    for name in ["carol", "bob_a", "bobxa", "al%"] {
        account(&store, name).await;
    }
    let to = |address: &str| vec![address.to_owned()];
    store
        .add_alias("all@example.org", &to("bob_a@example.org"))
        .await
        .unwrap();
    store
        .add_alias("info@example.org", &to("x@else.test"))
        .await
        .unwrap();
    let page = |search: &str, after: &str, limit| AddressPage {
        domain: "Example.org".to_owned(),
        search: search.to_owned(),
        after: after.to_owned(),
        limit,
    };
    for (search, after, limit, expected) in [
        ("", "", 2, "al%@example.org bob_a@example.org"),
        (
            "",
            "bob_a@example.org",
            9,
            "bobxa@example.org carol@example.org",
        ),
        ("BOB_", "", 9, "bob_a@example.org"),
        ("%", "", 9, "al%@example.org"),
        ("nobody", "", 9, ""),
    ] {
        let found = store
            .some_accounts(&page(search, after, limit))
            .await
            .unwrap();
        let found: Vec<_> = found.into_iter().map(|account| account.address).collect();
        assert_eq!(found.join(" "), expected, "{search} {after}");
    }
    for (search, expected) in [
        ("", "all@example.org info@example.org"),
        ("bob_", "all@example.org"),
    ] {
        let found = store.some_aliases(&page(search, "", 9)).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|alias| alias.address).collect();
        assert_eq!(found.join(" "), expected, "{search}");
    }
    let elsewhere = AddressPage {
        domain: "else.test".to_owned(),
        limit: 9,
        ..AddressPage::default()
    };
    assert_eq!(store.some_accounts(&elsewhere).await.unwrap(), []);
    store.close().await;
}

async fn the_queue_is_searched(setup: Arc<Setup>) {
    let store = setup.open().await;
    for (id, to) in [("Q1", "ann@one.net"), ("Q2", "Ben_x@two.net")] {
        queue(&store, outgoing(&setup, id, &[to])).await;
    }
    for (text, expected) in [
        ("ALICE@", "Q1 Q2"),
        ("q2", "Q2"),
        ("one.net", "Q1"),
        ("ben_X", "Q2"),
        ("b_n", ""),
        ("%", ""),
    ] {
        let page = QueuePage {
            filter: QueueFilter::Text(text.to_owned()),
            held: None,
            after: None,
            limit: 9,
        };
        let found: Vec<_> = store
            .queue(&page)
            .await
            .unwrap()
            .into_iter()
            .map(|entry| entry.queue_id)
            .collect();
        assert_eq!(found.join(" "), expected, "{text}");
    }
    store.close().await;
}
