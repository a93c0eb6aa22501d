//! Killed at random moments: what was acknowledged is there, exactly once, and nothing has to be repaired.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use waxwing_store::{AccountId, Store, UidRange};

use crate::on_both;
use crate::setup::{Kind, Setup, account, assert_sound};

on_both! {
    killed_at_random_moments;
    what_a_crash_left_in_the_blob_directory_goes;
}

const ROUNDS: usize = 15;

/// The program that delivers until it is killed; cargo builds it with the tests.
pub(crate) fn victim() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let victim = tests
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/store-victim");
    assert!(
        victim.exists(),
        "{} is missing: cargo build -p waxwing-store --examples",
        victim.display()
    );
    victim
}

/// Runs the victim, kills it after some acknowledged deliveries and returns their names.
fn kill_one(setup: &Setup, round: usize, after: usize) -> Vec<String> {
    let mut child = Command::new(victim())
        .arg(setup.url())
        .arg(setup.directory.path().join("blobs"))
        .arg(round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut names = Vec::new();
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // A line without an end was cut off by the kill.
        if let Some(name) = line.strip_suffix('\n') {
            names.push(name.to_owned());
        }
        if names.len() == after {
            child.kill().unwrap();
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(names.len() >= after, "the victim ended by itself");
    names
}

/// How often each name is in an account's INBOX.
async fn names_in(store: &Store, account: AccountId) -> HashMap<String, usize> {
    let inbox = store.mailbox(account, "INBOX").await.unwrap();
    let mut names = HashMap::new();
    for message in store
        .fetch(account, inbox.id, &[UidRange::ALL], false)
        .await
        .unwrap()
    {
        let head = store.read_blob(message.blob, 0, 100).await.unwrap();
        let name = String::from_utf8_lossy(&head)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        *names.entry(name).or_insert(0) += 1;
    }
    names
}

async fn killed_at_random_moments(setup: Arc<Setup>) {
    let store = setup.open().await;
    let (alice, bob) = (
        account(&store, "alice").await.id,
        account(&store, "bob").await.id,
    );
    store.close().await;
    drop(store);
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let after = rand::random_range(1..80);
        acknowledged.extend(kill_one(&setup, round, after));
        let store = setup.open().await;
        assert_sound(&store).await;
        for account in [alice, bob] {
            let names = names_in(&store, account).await;
            let lost: Vec<_> = acknowledged
                .iter()
                .filter(|name| names.get(*name) != Some(&1))
                .collect();
            assert!(
                lost.is_empty(),
                "round {round}, killed after {after}: not there exactly once: {lost:?}"
            );
            assert!(
                names.values().all(|count| *count == 1),
                "round {round}: something is there twice"
            );
        }
        store.close().await;
    }
}

async fn what_a_crash_left_in_the_blob_directory_goes(setup: Arc<Setup>) {
    drop(setup.open().await);
    let blobs = setup.directory.path().join("blobs");
    let left = [
        blobs.join("tmp/half"),
        blobs.join("ab/ab000000000000000000000000abadfe"),
    ];
    for file in &left {
        std::fs::write(file, "left").unwrap();
    }
    if setup.kind == Kind::Postgres {
        // Another host's delivery may be about to name a young file; these are old.
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
        for file in &left {
            std::fs::File::options()
                .write(true)
                .open(file)
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
    }
    let store = open_again(&setup).await;
    assert!(left.iter().all(|file| !file.exists()));
    assert_sound(&store).await;
}

/// The lock goes with the last task of the store dropped before.
async fn open_again(setup: &Setup) -> Store {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match Store::open(setup.config()).await {
            Err(waxwing_store::Error::InUse { .. }) if std::time::Instant::now() < deadline => {
                tokio::task::yield_now().await;
            }
            opened => return opened.unwrap(),
        }
    }
}
