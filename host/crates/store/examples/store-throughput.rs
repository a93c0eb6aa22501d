//! Durable deliveries of 4 KB messages from 1, 10 and 50 tasks into 20 accounts: rate, CPU, commits (an fsync each) and bytes written per message.
//!
//! `cargo run --release -p waxwing-store --example store-throughput [DIRECTORY | postgres://…] [SECONDS]`
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first error"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use waxwing_store::{
    AccountId, Database, Delivery, Flags, LedgerRow, Place, Quota, Store, StoreConfig, Target,
};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| {
        std::env::temp_dir()
            .join("waxwing-throughput")
            .display()
            .to_string()
    });
    let seconds: f64 = arguments.next().map_or(5.0, |s| s.parse().unwrap());
    println!(
        "{:>6} {:>10} {:>14} {:>14} {:>12}",
        "tasks", "messages/s", "CPU µs/message", "commits/msg", "KB/message"
    );
    for tasks in [1, 10, 50] {
        let directory = std::path::PathBuf::from(format!(
            "{}-{tasks}",
            place
                .trim_start_matches("postgres:")
                .replace(['/', ':', '?'], "_")
        ));
        let directory = if place.starts_with("postgres") {
            std::env::temp_dir().join(directory)
        } else {
            format!("{place}-{tasks}").into()
        };
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let database = Database::parse(&place)
            .unwrap_or_else(|| Database::Sqlite(directory.join("store.sqlite")));
        measure(
            StoreConfig::new(database, directory.join("blobs")),
            tasks,
            Duration::from_secs_f64(seconds),
        )
        .await;
        let _ = std::fs::remove_dir_all(&directory);
    }
}

async fn measure(config: StoreConfig, tasks: usize, time: Duration) {
    let store = Store::open(config).await.unwrap();
    let domain = format!("d{:x}.example", rand::random::<u64>());
    store.add_domain(&domain).await.unwrap();
    let mut accounts = Vec::new();
    for i in 0..20 {
        accounts.push(
            store
                .add_account(&format!("user{i}@{domain}"), None, Quota::default())
                .await
                .unwrap()
                .id,
        );
    }
    let accounts: Arc<[AccountId]> = accounts.into();
    let delivered = Arc::new(AtomicU64::new(0));
    let (before, commits, sent, start) = (cpu(), store.commits(), written(), Instant::now());
    let end = start + time;
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (store, accounts, delivered) =
                (store.clone(), Arc::clone(&accounts), Arc::clone(&delivered));
            tokio::spawn(async move {
                let mut i = task;
                while Instant::now() < end {
                    store
                        .deliver(message(i, accounts[i % accounts.len()]))
                        .await
                        .unwrap();
                    delivered.fetch_add(1, Ordering::Relaxed);
                    i += 7;
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    let elapsed = start.elapsed().as_secs_f64();
    let count = delivered.load(Ordering::Relaxed) as f64;
    println!(
        "{tasks:>6} {:>10.0} {:>14.1} {:>14.3} {:>12.1}",
        count / elapsed,
        (cpu() - before) / count,
        (store.commits() - commits) as f64 / count,
        (written() - sent) / 1024.0 / count,
    );
    store.close().await;
}

fn message(i: usize, account: AccountId) -> Delivery {
    let mut content =
        format!("From: a@example.org\r\nTo: b@example.org\r\nSubject: number {i}\r\n\r\n")
            .into_bytes();
    content.resize(4096, b'x');
    Delivery {
        content: content.into(),
        summary: vec![7; 500],
        targets: vec![Target {
            account,
            mailbox: Place::Inbox,
            flags: Flags::NONE,
            keywords: Vec::new(),
        }],
        internal_date: 0,
        internal_offset: 0,
        thread: 0,
        ledger: Some(LedgerRow {
            queue_id: format!("{:016x}", rand::random::<u64>()),
            message_id: format!("{:032x}@example.org", rand::random::<u128>()),
            at: 0,
            generation: 1,
            outcome: "delivered".to_owned(),
            json: format!("{{\"steps\":\"{}\"}}", "s".repeat(700)),
            roster: None,
        }),
    }
}

/// Microseconds of CPU that this process has used: user and system time of /proc/self/stat, in ticks of 10 ms.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        * 10_000.0
}

/// Bytes that this process has sent to disks.
fn written() -> f64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0)
}
