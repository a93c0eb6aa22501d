//! A PostgreSQL connection that dies while it commits: the callers learn what really became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use waxwing_store::{Database, Error, Store};

use crate::setup::{Kind, Setup, account, assert_sound, delivery, put, run, target};

#[test]
fn an_answer_lost_after_the_commit_is_no_error() {
    run(Kind::Postgres, answer_lost);
}

#[test]
fn a_commit_that_never_arrived_is_made_again() {
    run(Kind::Postgres, question_lost);
}

#[test]
fn what_cannot_be_found_out_is_an_error() {
    run(Kind::Postgres, server_gone);
}

#[test]
fn a_server_that_compiles_nothing_is_not_asked_to_leave_it() {
    run(Kind::Postgres, setting_refused);
}

/// What a [`Wire`] does with the next COMMIT.
const PASS: u8 = 0;
/// The server gets it, its answer is lost, and so is the connection.
const LOSE_ANSWER: u8 = 1;
/// The connection is lost before the server gets it.
const LOSE_QUESTION: u8 = 2;
/// As [`LOSE_ANSWER`], and nobody can connect any more.
const LOSE_SERVER: u8 = 3;
/// Nobody can connect.
const GONE: u8 = 4;
/// The server knows nothing of compiling statements.
const NO_JIT: u8 = 5;
/// As [`NO_JIT`], and somebody has asked for it.
const JIT_REFUSED: u8 = 6;

/// A wire to the test's server that breaks on demand.
struct Wire {
    mode: Arc<AtomicU8>,
    url: String,
}

impl Wire {
    fn new(setup: &Setup) -> Wire {
        let url = setup.url();
        let (before, rest) = url.split_once("host=").unwrap();
        let (host, after) = rest.split_once('&').unwrap();
        let server = format!("{}/.s.PGSQL.5432", host.replace("%2F", "/"));
        let here = setup.directory.path();
        let listener = UnixListener::bind(here.join(".s.PGSQL.5432")).unwrap();
        let mode = Arc::new(AtomicU8::new(PASS));
        let modes = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if modes.load(Ordering::SeqCst) != GONE {
                    let server = UnixStream::connect(&server).await.unwrap();
                    tokio::spawn(carry(client, server, Arc::clone(&modes)));
                }
            }
        });
        let here = here.to_str().unwrap().replace('/', "%2F");
        Wire {
            mode,
            url: format!("{before}host={here}&{after}"),
        }
    }

    async fn store(&self, setup: &Setup) -> Store {
        let mut config = setup.config();
        config.database = Database::parse(&self.url).unwrap();
        config.write_timeout = Duration::from_secs(5);
        Store::open(config).await.unwrap()
    }

    fn next_commit(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }
}

/// Carries bytes both ways until one side closes or the wire is to break.
async fn carry(client: UnixStream, server: UnixStream, mode: Arc<AtomicU8>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut told) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            n = from_client.read(&mut asked) => {
                let Ok(n @ 1..) = n else { return };
                let jit = asked[..n].windows(3).position(|bytes| bytes == b"jit");
                if let (Some(jit), NO_JIT | JIT_REFUSED) = (jit, mode.load(Ordering::SeqCst)) {
                    asked[jit..jit + 3].copy_from_slice(b"jot");
                    mode.store(JIT_REFUSED, Ordering::SeqCst);
                }
                let commits = asked[..n].windows(7).any(|bytes| bytes == b"COMMIT\0");
                let wanted = mode.load(Ordering::SeqCst);
                if commits && wanted == LOSE_QUESTION {
                    mode.store(PASS, Ordering::SeqCst);
                    return;
                }
                to_server.write_all(&asked[..n]).await.unwrap();
                if commits && matches!(wanted, LOSE_ANSWER | LOSE_SERVER) {
                    // The server answers when it has committed.
                    assert!(from_server.read(&mut told).await.unwrap() > 0);
                    mode.store(if wanted == LOSE_SERVER { GONE } else { PASS }, Ordering::SeqCst);
                    return;
                }
            }
            n = from_server.read(&mut told) => {
                let Ok(n @ 1..) = n else { return };
                if to_client.write_all(&told[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn answer_lost(setup: Arc<Setup>) {
    let wire = Wire::new(&setup);
    let store = wire.store(&setup).await;
    let alice = account(&store, "alice").await.id;
    wire.next_commit(LOSE_ANSWER);
    let (one, two) = tokio::join!(
        store.deliver(delivery("one", vec![target(alice)])),
        store.deliver(delivery(vec![b'L'; 100_000], vec![target(alice)])),
    );
    let mut uids = [one.unwrap()[0].uid, two.unwrap()[0].uid];
    uids.sort_unstable();
    assert_eq!(uids, [1, 2]);
    assert_eq!(put(&store, alice, "three").await, 3);
    assert_eq!(store.mailbox(alice, "INBOX").await.unwrap().messages, 3);
    assert_sound(&store).await;
    store.close().await;
}

async fn question_lost(setup: Arc<Setup>) {
    let wire = Wire::new(&setup);
    let store = wire.store(&setup).await;
    let alice = account(&store, "alice").await.id;
    wire.next_commit(LOSE_QUESTION);
    assert_eq!(put(&store, alice, "one").await, 1);
    assert_eq!(store.mailbox(alice, "INBOX").await.unwrap().messages, 1);
    assert_sound(&store).await;
    store.close().await;
}

async fn server_gone(setup: Arc<Setup>) {
    let wire = Wire::new(&setup);
    let mut config = setup.config();
    config.database = Database::parse(&wire.url).unwrap();
    config.write_timeout = Duration::from_secs(1);
    let store = Store::open(config).await.unwrap();
    let alice = account(&store, "alice").await.id;
    wire.next_commit(LOSE_SERVER);
    let refused = store
        .deliver(delivery(vec![b'L'; 100_000], vec![target(alice)]))
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Uncertain(_)), "{refused}");
    wire.next_commit(PASS);
    // The commit was made: its content must be there.
    assert_eq!(store.mailbox(alice, "INBOX").await.unwrap().messages, 1);
    assert_sound(&store).await;
    store.close().await;
}

async fn setting_refused(setup: Arc<Setup>) {
    let wire = Wire::new(&setup);
    wire.mode.store(NO_JIT, Ordering::SeqCst);
    let store = wire.store(&setup).await;
    let alice = account(&store, "alice").await.id;
    assert_eq!(put(&store, alice, "one").await, 1);
    assert_eq!(store.mailbox(alice, "INBOX").await.unwrap().messages, 1);
    assert_eq!(wire.mode.load(Ordering::SeqCst), JIT_REFUSED);
    store.close().await;
}
