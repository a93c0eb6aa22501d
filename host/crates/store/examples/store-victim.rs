//! Delivers until it is killed, and prints the name of each delivery once it was acknowledged: the crash test's victim.
//!
//! `store-victim DATABASE-URL BLOB-DIRECTORY NAME [queue]`; example.org has the accounts alice and bob. With `queue` it
//! queues messages, leases and settles them: `queued NAME` follows a submission, `settling NAME` precedes a settlement.
#![allow(clippy::unwrap_used, reason = "it is there to die")]

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use waxwing_store::{
    Database, Delivery, Flags, NewRecipient, Notify, Outgoing, Place, QueueEnvelope,
    RecipientOutcome, RecipientState, Settlement, Store, StoreConfig, Target,
};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, blobs, name, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: store-victim DATABASE-URL BLOB-DIRECTORY NAME [queue]");
        std::process::exit(64);
    };
    let store = Store::open(StoreConfig::new(Database::parse(url).unwrap(), blobs))
        .await
        .unwrap();
    if rest.iter().any(|argument| argument == "queue") {
        let queuing: Vec<_> = (0..3)
            .map(|task| tokio::spawn(queue(store.clone(), format!("{name}-{task}"))))
            .collect();
        work(store).await;
        drop(queuing);
        return;
    }
    let mut targets = Vec::new();
    for account in store.accounts(None).await.unwrap() {
        targets.push(Target {
            account: account.id,
            mailbox: Place::Inbox,
            flags: Flags::NONE,
            keywords: Vec::new(),
        });
    }
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            tokio::spawn(deliver(
                store.clone(),
                targets.clone(),
                format!("{name}-{task}"),
            ))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn deliver(store: Store, targets: Vec<Target>, name: String) {
    for i in 0.. {
        let name = format!("{name}-{i}");
        // Every fourth is large enough for a file.
        let size = if i % 4 == 3 { 100_000 } else { 2_000 };
        let mut content = format!("{name}\n").into_bytes();
        content.resize(size, b'.');
        let delivery = Delivery {
            content: content.into(),
            summary: Vec::new(),
            targets: targets.clone(),
            internal_date: 0,
            internal_offset: 0,
            thread: 0,
            ledger: None,
        };
        store.deliver(delivery).await.unwrap();
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{name}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

async fn queue(store: Store, name: String) {
    let recipient = |address: &str, destination: &str| NewRecipient {
        address: address.to_owned(),
        destination: destination.to_owned(),
        notify: Notify::NOT_ASKED,
        orcpt: String::new(),
    };
    for i in 0.. {
        let name = format!("{name}-{i}");
        let size = if i % 4 == 3 { 100_000 } else { 2_000 };
        let mut content = format!("{name}\n").into_bytes();
        content.resize(size, b'.');
        let outgoing = Outgoing {
            content: content.into(),
            envelope: QueueEnvelope {
                queue_id: name.clone(),
                received: now(),
                expires: now() + 86_400_000,
                ..QueueEnvelope::default()
            },
            recipients: vec![
                recipient("a@one.net", "one.net"),
                recipient("b@two.net", "two.net"),
            ],
            due: now(),
            held: false,
        };
        store
            .submit(Vec::new(), Vec::new(), vec![outgoing])
            .await
            .unwrap();
        say(&format!("queued {name}"));
    }
}

/// Settles every other message, and leaves the others to their leases.
async fn work(store: Store) {
    let mut news = store.queue_news();
    loop {
        for leased in store
            .lease("victim", now() + 600_000, 5, &[])
            .await
            .unwrap()
        {
            let name = &leased.message.envelope.queue_id;
            if !name.ends_with(['0', '2', '4', '6', '8']) {
                continue;
            }
            say(&format!("settling {name}"));
            let outcome = |number| RecipientOutcome {
                number,
                state: RecipientState::Relayed,
                said: String::new(),
                owed: String::new(),
                delay_told: false,
            };
            let settlement = Settlement {
                leg: leased.leg,
                lease: leased.lease,
                at: now(),
                host: String::new(),
                said: String::new(),
                outcomes: leased
                    .recipients
                    .iter()
                    .map(|r| outcome(r.number))
                    .collect(),
                retry_at: 0,
                tell_at: 0,
                stores: false,
                told: Vec::new(),
                goes_on: false,
            };
            store
                .settle(settlement, Vec::new(), Vec::new())
                .await
                .unwrap();
        }
        news.changed().await.unwrap();
    }
}
