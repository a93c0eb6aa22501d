//! The processor time that a whole policy takes for a message, from connection to filing.

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;
use waxwing_policy::{DeliverOutcome, Operation, Policy, Room, Target, Usage};

use crate::median;
use crate::site::{self, RECIPIENT, Site};

const ROUNDS: usize = 7;
/// Enough of them that the tick of the processor accounting (4 ms) is lost in a round.
const MESSAGES: u32 = 2000;

/// Microseconds of processor time, of all threads, for a message of 4 KB: every hook that a server asks.
pub(crate) fn measure(runtime: &Runtime, policy: &Path, plugins: &Path) -> f64 {
    let site = Site::new();
    let policy = runtime.block_on(site.start_of(policy.into(), plugins.into()));
    let round = || {
        let before = processor_seconds();
        for _ in 0..MESSAGES {
            runtime.block_on(judge(&policy));
            // A client that connects a hundred times a minute is turned away.
            site.services.advance(Duration::from_secs(60));
        }
        1e6 * (processor_seconds() - before) / f64::from(MESSAGES)
    };
    round();
    median((0..ROUNDS).map(|_| round()))
}

/// One message over a connection of its own.
async fn judge(policy: &Policy) {
    let mut session = site::session(policy);
    site::passes(&session.connect().await);
    site::passes(&session.ehlo("client.example.org", true).await);
    let mut transaction = site::transaction(policy, &mut session);
    site::passes(&transaction.mail_from().await);
    site::passes(&transaction.rcpt_to(&site::recipient()).await);
    let outcome = transaction.message(site::message()).await;
    assert_eq!(
        outcome.verdict("waxwing.test").word(),
        "deliver",
        "{outcome:?}"
    );
    let targets = transaction.route(0).await;
    assert!(
        matches!(targets.as_slice(), [Target::Account(account)] if account == RECIPIENT),
        "{targets:?}"
    );
    let room = Room {
        account: RECIPIENT,
        limited: false,
        operation: Operation::Deliver,
        current: Usage::default(),
        adding: Usage {
            bytes: 4096,
            messages: 1,
        },
    };
    let _room = transaction.quota(&room).await;
    assert!(matches!(
        transaction.deliver(0, RECIPIENT, false).await,
        DeliverOutcome::File(_)
    ));
    let faults: Vec<_> = transaction
        .ledger()
        .steps
        .into_iter()
        .filter(|entry| entry.fault.is_some())
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
}

/// What all threads of this process have run so far, from the kernel's scheduler.
fn processor_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the kernel tells of threads");
    let nanoseconds = |task: std::io::Result<std::fs::DirEntry>| -> Option<f64> {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    tasks.filter_map(nanoseconds).sum::<f64>() / 1e9
}
