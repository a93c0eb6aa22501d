//! Killed while it queues and settles: leases are lost, mail is not.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use waxwing_store::{Error, QueueAction, QueueFilter, QueuePage, RecipientState, Settled, Store};

use crate::crash::victim;
use crate::on_both;
use crate::queue::{MINUTE, lease, outgoing, queue, settle, settlement};
use crate::setup::{Kind, Setup, assert_sound};

on_both! {
    leases_are_lost_mail_is_not;
    mail_of_a_worker_that_is_known_to_be_dead_is_due_at_once;
    a_content_is_there_for_each_attempt_and_host;
}

const ROUNDS: usize = 6;

/// Runs the victim and kills it after some lines; what it had queued, and what it may have settled.
fn kill_one(setup: &Setup, round: usize, after: usize) -> (Vec<String>, HashSet<String>) {
    let mut child = Command::new(victim())
        .arg(setup.url())
        .arg(setup.directory.path().join("blobs"))
        .args([&round.to_string(), "queue"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (mut queued, mut settling) = (Vec::new(), HashSet::new());
    for (i, line) in output.lines().map_while(Result::ok).enumerate() {
        if let Some(name) = line.strip_prefix("queued ") {
            queued.push(name.to_owned());
        } else if let Some(name) = line.strip_prefix("settling ") {
            settling.insert(name.to_owned());
        }
        if i == after {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    (queued, settling)
}

/// Legs in the queue by their message.
async fn legs(store: &Store) -> HashMap<String, usize> {
    let mut page = QueuePage {
        filter: QueueFilter::All,
        held: None,
        after: None,
        limit: 500,
    };
    let mut legs = HashMap::new();
    loop {
        let entries = store.queue(&page).await.unwrap();
        let Some(last) = entries.last() else {
            return legs;
        };
        page.after = Some(last.leg);
        for entry in entries {
            *legs.entry(entry.queue_id).or_insert(0) += 1;
        }
    }
}

async fn leases_are_lost_mail_is_not(setup: Arc<Setup>) {
    setup.open().await.close().await;
    for round in 0..ROUNDS {
        let killed = Arc::clone(&setup);
        let (queued, settling) =
            tokio::task::spawn_blocking(move || kill_one(&killed, round, 20 + round * 37))
                .await
                .unwrap();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(since.as_millis()).unwrap();
        // When all leases of the victim are over.
        setup.now.store(now + 3_600_000, Ordering::SeqCst);
        let store = setup.open().await;
        assert_sound(&store).await;
        let left = legs(&store).await;
        assert!(!queued.is_empty());
        for name in queued.iter().filter(|name| !settling.contains(*name)) {
            assert_eq!(left.get(name), Some(&2), "{name} was queued and is gone");
        }
        let all: usize = left.values().sum();
        let mut taken = 0;
        loop {
            let until = setup.now.load(Ordering::SeqCst) + 86_400_000;
            let leased = store.lease("heir", until, 1000, &[]).await.unwrap();
            if leased.is_empty() {
                break;
            }
            taken += leased.len();
            for leased in leased {
                assert!(store.blob(leased.message.blob).await.unwrap().len() >= 2000);
            }
        }
        assert_eq!(taken, all, "everything that is there is worked on again");
        store
            .operate(&QueueFilter::All, waxwing_store::QueueAction::Remove)
            .await
            .unwrap();
        store.close().await;
    }
}

async fn mail_of_a_worker_that_is_known_to_be_dead_is_due_at_once(setup: Arc<Setup>) {
    let store = setup.open().await;
    let mut urgent = outgoing(&setup, "urgent", &["a@one.net", "b@two.net"]);
    urgent.envelope.priority = 5;
    queue(&store, urgent).await;
    queue(&store, outgoing(&setup, "usual", &["c@three.net"])).await;
    let dead = lease(&store, &setup, "dead").await;
    assert_eq!(dead.len(), 3);
    let mut later = outgoing(&setup, "later", &["d@four.net"]);
    later.due += MINUTE / 2;
    queue(&store, later).await;
    store.close().await;
    let store = setup.open().await;
    let ended = store.end_dead_leases(MINUTE).await.unwrap();
    let heirs = lease(&store, &setup, "heir").await;
    // Another host that shares the database may live.
    let known = if setup.kind == Kind::Sqlite { 3 } else { 0 };
    assert_eq!(
        (ended, heirs.len()),
        (known, dead.len().min(known as usize))
    );
    if known > 0 {
        let late = settle(&store, settlement(&dead[0], RecipientState::Open, 0)).await;
        assert_eq!(late, Settled::Lost);
    }
    assert_eq!(store.end_dead_leases(0).await.unwrap(), 0);
    assert_sound(&store).await;
    store.close().await;
}

/// From memory, from the database when it is tried again, and at another host or after a start.
async fn a_content_is_there_for_each_attempt_and_host(setup: Arc<Setup>) {
    let store = setup.open().await;
    let message = outgoing(&setup, "q", &["a@one.example", "b@two.example"]);
    let content = message.content.clone();
    queue(&store, message).await;
    let leased = lease(&store, &setup, "host").await;
    assert_eq!(leased.len(), 2);
    for leg in leased.iter().chain(&leased) {
        let read = store.queued_content(leg.message.blob).await.unwrap();
        assert_eq!(read, content);
    }
    store.close().await;
    let store = setup.open().await;
    let blob = leased[0].message.blob;
    assert_eq!(store.queued_content(blob).await.unwrap(), content);
    let removed = QueueFilter::QueueId("q".to_owned());
    let removed = store.operate(&removed, QueueAction::Remove);
    assert_eq!(removed.await.unwrap(), 2);
    let gone = store.queued_content(blob).await;
    assert!(matches!(gone, Err(Error::NoSuchBlob(_))), "{gone:?}");
    store.close().await;
}
