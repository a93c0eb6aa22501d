//! Delivers until it is killed, and prints the name of each delivery once it was acknowledged: the crash test's victim.
//!
//! `store-victim DATABASE-URL BLOB-DIRECTORY NAME`; example.org has the accounts alice and bob.
#![allow(clippy::unwrap_used, reason = "it is there to die")]

use std::io::Write;

use waxwing_store::{Database, Delivery, Flags, Place, Store, StoreConfig, Target};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, blobs, name] = arguments.as_slice() else {
        eprintln!("usage: store-victim DATABASE-URL BLOB-DIRECTORY NAME");
        std::process::exit(64);
    };
    let store = Store::open(StoreConfig::new(Database::parse(url).unwrap(), blobs))
        .await
        .unwrap();
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
            ledger: None,
        };
        store.deliver(delivery).await.unwrap();
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{name}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}
