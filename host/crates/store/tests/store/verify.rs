//! `verify` sees what is wrong.

use std::sync::Arc;

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, put, target};

on_both! {
    damage_is_found;
}

async fn damage_is_found(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    put(&store, alice, "small").await;
    put(&store, alice, "other").await;
    store
        .deliver(delivery(vec![b'L'; 100_000], vec![target(alice)]))
        .await
        .unwrap();
    assert_sound(&store).await;
    let damages = [
        (
            "UPDATE mailboxes SET messages = messages + 1 WHERE path = 'INBOX'",
            "messages of mailbox",
        ),
        (
            "UPDATE mailboxes SET unseen = 0 WHERE path = 'INBOX'",
            "unseen messages of mailbox",
        ),
        (
            "UPDATE mailboxes SET uid_next = 2 WHERE path = 'INBOX'",
            "would give out 2 next",
        ),
        (
            "UPDATE accounts SET used_bytes = 1",
            "bytes of alice@example.org",
        ),
        (
            "UPDATE domains SET used_messages = 9",
            "messages of domain example.org",
        ),
        (
            "UPDATE blobs SET refs = 5 WHERE size = 100000",
            "references of content",
        ),
        (
            "UPDATE blobs SET hash = summary WHERE size = 5",
            "is not what was stored",
        ),
        ("DELETE FROM messages WHERE uid = 2", "is kept"),
        (
            "UPDATE accounts SET used_bytes = -7",
            "bytes of alice@example.org: -7 is kept",
        ),
    ];
    for (sql, expected) in damages {
        setup.sabotage(sql).await;
        let problems = store.verify().await.unwrap().problems;
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{sql}: {problems:?}"
        );
    }
    let blobs = setup.directory.path().join("blobs");
    let directories = std::fs::read_dir(&blobs)
        .unwrap()
        .map(|d| d.unwrap().path())
        .filter(|d| d.is_dir());
    let file = directories
        .flat_map(|d| std::fs::read_dir(d).unwrap())
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(&file, "short").unwrap();
    assert!(
        store
            .verify()
            .await
            .unwrap()
            .problems
            .iter()
            .any(|p| p.contains("100000 bytes were, 5 are there"))
    );
    std::fs::remove_file(&file).unwrap();
    assert!(
        store
            .verify()
            .await
            .unwrap()
            .problems
            .iter()
            .any(|p| p.contains("is missing"))
    );
}
