//! Many swaps while mail is judged: nothing fails, and what a generation held is let go.
//!
//! `WAXWING_POLICY_SWAPS` sets how many are made, 100 if it is absent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinSet;
use waxwing_policy::{Decision, Policy};

use crate::component::{Plugin, case};
use crate::site::{Site, recipient, step, transaction};

/// Resident KiB of this process, and the mappings of a site's compiled plugins.
fn held(site: &Site) -> (u64, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let resident = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let cache = site.path("cache").display().to_string();
    let compiled = maps.lines().filter(|line| line.contains(&cache));
    (resident, compiled.count())
}

/// Sessions that send at the same time.
const SENDERS: usize = 6;

/// Those who send, one transaction after another, until they are to stop.
struct Load {
    senders: JoinSet<()>,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

impl Load {
    fn start(policy: &Policy) -> Self {
        let mut load = Self {
            senders: JoinSet::new(),
            stop: Arc::default(),
            sent: Arc::default(),
        };
        for _ in 0..SENDERS {
            let (policy, stop, sent) = (policy.clone(), load.stop.clone(), load.sent.clone());
            load.senders.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    judge(&policy).await;
                    sent.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            });
        }
        load
    }

    async fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.senders.join_next().await {
            ended.unwrap();
        }
        self.sent.load(Ordering::Relaxed)
    }
}

/// One transaction: one of the variants decides about all of it, and none fails.
async fn judge(policy: &Policy) {
    let mut one = transaction(policy);
    let Decision::Refuse(reply) = one.mail_from().await else {
        panic!("no variant lets a sender pass");
    };
    assert!(reply.text.starts_with("no "), "{reply:?}");
    let accepted = one.rcpt_to(&recipient("alice@waxwing.test")).await;
    assert_eq!(accepted, Decision::Pass);
    assert!(one.ledger().steps.iter().all(|step| step.fault.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_mapped_files_stay_as_they_are() {
    let swaps: u64 = std::env::var("WAXWING_POLICY_SWAPS")
        .ok()
        .and_then(|swaps| swaps.parse().ok())
        .unwrap_or(100);
    let site = Site::new();
    let variant = |text: &str| {
        Plugin::new()
            .reply("mail-from", 2, 451, text)
            .says("rcpt-to", &case(1))
            .build()
    };
    let variants: Vec<Vec<u8>> = (0..3).map(|n| variant(&format!("no {n}"))).collect();
    site.file("plugins/p.wasm", &variants[0])
        .policy(&step("p", ""));
    let policy = site.start_kept().await;
    let load = Load::start(&policy);
    let mut after_ten = held(&site);
    for swap in 1..=swaps {
        site.file(
            "plugins/p.wasm",
            &variants[usize::try_from(swap % 3).unwrap()],
        );
        assert_eq!(policy.reload().await.unwrap(), swap + 1);
        judge(&policy).await;
        if swap == 10 {
            after_ten = held(&site);
        }
    }
    let sent = load.end().await;
    assert!(sent > swaps, "{sent} transactions beside {swaps} swaps");
    let now = held(&site);
    eprintln!(
        "{swaps} swaps beside {sent} transactions: (KiB, mappings of code) {after_ten:?} after ten, {now:?} at the end"
    );
    assert_eq!(policy.status().generations_alive, 1);
    // Senders are under way at the tenth swap: how many versions of the plugin are at work is never the same.
    assert!(
        now.1 <= after_ten.1 + 2,
        "{} mapped files after ten swaps, {} now",
        after_ten.1,
        now.1
    );
    // Other tests of this binary run beside: what they take at this moment is not ours.
    let grown = now.0.saturating_sub(after_ten.0);
    assert!(
        std::env::var_os("WAXWING_POLICY_SWAPS").is_none() || grown * 20 <= after_ten.0,
        "{after_ten:?} KiB after ten swaps, {now:?} now"
    );
}
