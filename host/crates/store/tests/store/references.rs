//! How often contents are named: counted exactly, whoever names them, and in stores from before it was counted beside them.

use std::sync::Arc;

use waxwing_store::{AccountId, BlobId, Error, MailboxId, Store, UidRange};

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound, delivery, put, run, target};

on_both! {
    a_content_goes_with_the_last_that_names_it;
    what_leaves_as_it_comes_leaves_no_count;
    an_old_store_keeps_what_it_counted;
    who_counts_as_before_is_refused;
}

#[test]
fn the_last_two_leave_at_two_hosts() {
    run(Kind::Postgres, last_two_at_two_hosts);
}

#[test]
fn one_host_copies_what_leaves_at_another() {
    run(Kind::Postgres, copied_here_expunged_there);
}

async fn inbox(store: &Store, account: AccountId) -> MailboxId {
    store.mailbox(account, "INBOX").await.unwrap().id
}

async fn other(store: &Store, account: AccountId) -> MailboxId {
    store.mailbox(account, "Archive").await.unwrap().id
}

async fn copy(store: &Store, account: AccountId, times: usize) {
    let (from, to) = (inbox(store, account).await, other(store, account).await);
    for _ in 0..times {
        store
            .copy(account, from, &[UidRange::ALL], to)
            .await
            .unwrap();
    }
}

async fn expunge(store: &Store, account: AccountId, mailbox: MailboxId, uids: UidRange) {
    store
        .expunge(account, mailbox, &[uids], false)
        .await
        .unwrap();
}

async fn is_there(store: &Store, blob: BlobId) -> bool {
    match store.blob(blob).await {
        Ok(_) => true,
        Err(Error::NoSuchBlob(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn a_content_goes_with_the_last_that_names_it(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    // One in its row, one in a file.
    for content in ["small".to_owned(), "L".repeat(100_000)] {
        let both = delivery(content, vec![target(alice), target(bob)]);
        let blob = store.deliver(both).await.unwrap()[0].blob;
        copy(&store, alice, 2).await;
        assert_sound(&store).await;
        // Four name it. First one that its own row counts.
        let (bobs, archive) = (inbox(&store, bob).await, other(&store, alice).await);
        expunge(&store, bob, bobs, UidRange::ALL).await;
        assert_sound(&store).await;
        let alices = inbox(&store, alice).await;
        expunge(&store, alice, alices, UidRange::ALL).await;
        assert_sound(&store).await;
        let copies = store.select(alice, archive, false).await.unwrap().messages;
        let [first, last] = [copies[0].uid, copies[1].uid];
        expunge(&store, alice, archive, UidRange::one(last)).await;
        assert!(is_there(&store, blob).await);
        assert_sound(&store).await;
        expunge(&store, alice, archive, UidRange::one(first)).await;
        assert!(!is_there(&store, blob).await);
        assert_sound(&store).await;
        assert_eq!(setup.count("blob_references").await, 0);
    }
    store.close().await;
}

async fn what_leaves_as_it_comes_leaves_no_count(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    for content in ["one", "two", "three"] {
        put(&store, alice, content).await;
    }
    copy(&store, alice, 1).await;
    assert_eq!(setup.count("blob_references").await, 3);
    let archive = other(&store, alice).await;
    expunge(&store, alice, archive, UidRange::ALL).await;
    assert_eq!(setup.count("blob_references").await, 0);
    // A move names nothing twice.
    let (from, to) = (inbox(&store, alice).await, archive);
    let moved = store
        .move_messages(alice, from, &[UidRange::ALL], to)
        .await
        .unwrap();
    assert_eq!(moved.uids.len(), 3);
    assert_eq!(setup.count("blob_references").await, 0);
    assert_sound(&store).await;
    store.close().await;
}

/// Before there was a table of them, the row of each content had the whole count.
async fn an_old_store_keeps_what_it_counted(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let both = delivery("both", vec![target(alice), target(bob)]);
    let blob = store.deliver(both).await.unwrap()[0].blob;
    put(&store, alice, "alone").await;
    copy(&store, alice, 3).await;
    let archive = other(&store, alice).await;
    let before = store.select(alice, archive, false).await.unwrap().messages;
    store.close().await;
    for old in [
        "UPDATE blobs SET refs_as_written = refs_as_written + (SELECT delta FROM blob_references c WHERE c.blob = blobs.id)",
        "ALTER TABLE blobs RENAME COLUMN refs_as_written TO refs",
        "DROP TABLE blob_references",
        "DELETE FROM _sqlx_migrations WHERE description = 'references'",
    ] {
        setup.sabotage(old).await;
    }
    let store = setup.open().await;
    assert_sound(&store).await;
    let after = store.select(alice, archive, false).await.unwrap().messages;
    assert_eq!((after.len(), &after), (6, &before));
    for (account, mailbox) in [
        (alice, archive),
        (bob, inbox(&store, bob).await),
        (alice, inbox(&store, alice).await),
    ] {
        assert!(is_there(&store, blob).await);
        expunge(&store, account, mailbox, UidRange::ALL).await;
        assert_sound(&store).await;
    }
    assert!(!is_there(&store, blob).await);
    assert_eq!(setup.count("blobs").await, 0);
    assert_eq!(setup.count("blob_references").await, 0);
    store.close().await;
}

/// A host of before there was a table of them may run on beside: what it does not know of it must not remove.
async fn who_counts_as_before_is_refused(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    put(&store, alice, "alone").await;
    for before in [
        "INSERT INTO blobs (id, refs, size, hash, file, summary, content)
         SELECT id + 1, 1, size, hash, file, summary, content FROM blobs",
        "INSERT INTO garbage (file) SELECT file FROM blobs WHERE refs - 1 <= 0",
        "DELETE FROM blobs WHERE id IN (SELECT b.id FROM blobs b WHERE b.refs - 1 <= 0)",
        "UPDATE blobs SET refs = blobs.refs + 1",
        "DELETE FROM blobs WHERE refs <= 0",
        "SELECT m.uid, b.refs FROM messages m JOIN blobs b ON b.id = m.blob",
    ] {
        let refused = setup.try_to(before).await.expect_err(before).to_string();
        let unknown = refused.contains("column") && refused.contains("refs");
        assert!(unknown, "{before}: {refused}");
    }
    assert_sound(&store).await;
    store.close().await;
}

/// Names of the files in the directory of contents.
fn files(setup: &Setup) -> Vec<String> {
    let entries = std::fs::read_dir(setup.config().blob_directory).unwrap();
    let directories = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    let files = directories.flat_map(|path| std::fs::read_dir(path).unwrap());
    files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

async fn last_two_at_two_hosts(setup: Arc<Setup>) {
    let [here, there] = [setup.open().await, setup.open().await];
    let alice = account(&here, "alice").await.id;
    let bob = account(&here, "bob").await.id;
    let (alices, bobs) = (inbox(&here, alice).await, inbox(&here, bob).await);
    for round in 0..20 {
        let content = format!("{round} {}", "L".repeat(100_000 * (round % 2)));
        let both = delivery(content, vec![target(alice), target(bob)]);
        here.deliver(both).await.unwrap();
        let all = UidRange::ALL;
        tokio::join!(
            expunge(&here, alice, alices, all),
            expunge(&there, bob, bobs, all)
        );
        assert_eq!(setup.count("blobs").await, 0, "round {round}");
        assert_eq!(setup.count("blob_references").await, 0, "round {round}");
    }
    // No file is forgotten.
    let files = files(&setup);
    assert_eq!(files.len(), 10);
    for file in files {
        let garbage = format!("garbage WHERE file LIKE '%{file}'");
        assert_eq!(setup.count(&garbage).await, 1, "{file}");
    }
    assert_sound(&here).await;
    here.close().await;
    there.close().await;
}

async fn copied_here_expunged_there(setup: Arc<Setup>) {
    let [here, there] = [setup.open().await, setup.open().await];
    let alice = account(&here, "alice").await.id;
    let bob = account(&here, "bob").await.id;
    let (alices, bobs) = (inbox(&here, alice).await, inbox(&here, bob).await);
    let archive = other(&here, alice).await;
    let all = UidRange::ALL;
    let every = [all];
    for round in 0..20 {
        let content = format!("{round} {}", "L".repeat(100_000 * (round % 2)));
        let both = delivery(content.clone(), vec![target(alice), target(bob)]);
        let blob = here.deliver(both).await.unwrap()[0].blob;
        let (copied, ()) = tokio::join!(
            here.copy(alice, alices, &every, archive),
            expunge(&there, bob, bobs, all)
        );
        assert_eq!(copied.unwrap().uids.len(), 1, "round {round}");
        // The copy alone names it then.
        expunge(&there, alice, alices, all).await;
        assert_eq!(there.blob(blob).await.unwrap(), content, "round {round}");
        assert_sound(&there).await;
        expunge(&here, alice, archive, all).await;
        assert!(!is_there(&here, blob).await, "round {round}");
    }
    assert_eq!(setup.count("blob_references").await, 0);
    here.close().await;
    there.close().await;
}
