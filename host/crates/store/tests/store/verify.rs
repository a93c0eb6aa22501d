//! `verify` sees what is wrong.

use std::path::PathBuf;
use std::sync::Arc;

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound, delivery, put, run, target};

on_both! {
    damage_is_found;
    what_must_never_be_is_found;
}

#[test]
fn the_log_can_be_cleared_while_contents_are_read() {
    run(Kind::Sqlite, log_is_cleared);
}

async fn what_must_never_be_is_found(setup: Arc<Setup>) {
    let damages = [
        (
            "UPDATE messages SET blob = 99999 WHERE uid = 1",
            "content 99999 is missing, messages that name it: 1",
        ),
        (
            "INSERT INTO garbage (file) SELECT file FROM blobs WHERE file <> ''",
            "is named and marked for removal",
        ),
        (
            "UPDATE blobs SET file = 'same'",
            "content file same is named by several contents",
        ),
        (
            "INSERT INTO vanished (mailbox, modseq, first, last, at) SELECT id, 1, 1, 1, 0 FROM mailboxes WHERE path = 'INBOX'",
            "is there and recorded as removed",
        ),
        (
            "INSERT INTO vanished (mailbox, modseq, first, last, at) VALUES (99999, 1, 1, 1, 0)",
            "mailbox 99999 is missing and has records of removed messages",
        ),
        (
            "UPDATE messages SET modseq = 1 WHERE uid = 2",
            "has a lower modification sequence than one before it",
        ),
        (
            "UPDATE mailboxes SET recent_from = 9 WHERE path = 'INBOX'",
            "has a mark above its head",
        ),
        (
            "UPDATE mailboxes SET uid_validity = 7",
            "has several mailboxes of UIDVALIDITY 7",
        ),
        (
            "UPDATE accounts SET last_uid_validity = 1",
            "has a UIDVALIDITY that its account did not give out",
        ),
        (
            "UPDATE mailboxes SET path = 'Elsewhere' WHERE path = 'INBOX'",
            "account alice@example.org has no INBOX",
        ),
        (
            "INSERT INTO images (mailbox, modseq, octets) SELECT m.id, 99999, b.summary FROM mailboxes m, blobs b WHERE m.path = 'INBOX' AND b.size = 5 LIMIT 1",
            "is older than its image",
        ),
        (
            "INSERT INTO subscriptions (account, path) VALUES (99999, 'INBOX')",
            "account 99999 is missing and has subscriptions",
        ),
        (
            "UPDATE sequences SET next = 2 WHERE name = 'id'",
            "is used and would be given out again",
        ),
        (
            "UPDATE blobs SET refs_as_written = 0",
            "references of content",
        ),
        (
            "INSERT INTO blob_references (blob, delta) SELECT id, 2 FROM blobs WHERE size = 100000",
            ": 3 is kept, 1 was counted",
        ),
        (
            "INSERT INTO blob_references (blob, delta) VALUES (99999, 1)",
            "content 99999 is missing and its references are counted",
        ),
    ];
    for (sql, expected) in damages {
        let setup = Setup::new(setup.kind).await;
        let store = setup.open().await;
        let alice = account(&store, "alice").await.id;
        put(&store, alice, "small").await;
        put(&store, alice, "other").await;
        let large = delivery(vec![b'L'; 100_000], vec![target(alice)]);
        store.deliver(large).await.unwrap();
        assert_sound(&store).await;
        setup.sabotage(sql).await;
        let problems = store.verify().await.unwrap().problems;
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{sql}: {problems:?}"
        );
        store.close().await;
        setup.remove().await;
    }
}

/// The file of the content that begins with this letter.
fn file_of(setup: &Setup, letter: u8) -> PathBuf {
    let blobs = std::fs::read_dir(setup.config().blob_directory).unwrap();
    let directories = blobs
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    directories
        .flat_map(|path| std::fs::read_dir(path).unwrap())
        .map(|entry| entry.unwrap().path())
        .find(|path| std::fs::read(path).unwrap()[0] == letter)
        .unwrap()
}

async fn log_is_cleared(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    for letter in [b'A', b'B'] {
        let large = delivery(vec![letter; 100_000], vec![target(alice)]);
        store.deliver(large).await.unwrap();
    }
    // In the place of each content is a pipe: who opens it waits for the other end.
    let pipes = [file_of(&setup, b'A'), file_of(&setup, b'B')];
    for pipe in &pipes {
        std::fs::remove_file(pipe).unwrap();
        let made = std::process::Command::new("mkfifo").arg(pipe).status();
        assert!(made.unwrap().success());
    }
    let verifying = tokio::spawn({
        let store = store.clone();
        async move { store.verify().await.unwrap() }
    });
    let [first, second] = pipes;
    let open = |pipe| tokio::task::spawn_blocking(move || std::fs::File::create(pipe).unwrap());
    drop(open(first).await.unwrap());
    // It is past the first content and not past the second.
    put(&store, alice, "meanwhile").await;
    let busy = setup.checkpoint().await;
    // Before anything can fail: the runtime would wait for who waits at the pipe.
    drop(open(second).await.unwrap());
    assert_eq!(busy, 0, "somebody still reads from the log");
    assert_eq!(verifying.await.unwrap().problems.len(), 2);
    store.close().await;
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
            "UPDATE blobs SET refs_as_written = 5 WHERE size = 100000",
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
