//! Many swaps: what a generation held is let go.
//!
//! `WAXWING_POLICY_SWAPS` sets how many are made, 100 if it is absent.

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
    let mut after_ten = held(&site);
    for swap in 1..=swaps {
        site.file(
            "plugins/p.wasm",
            &variants[usize::try_from(swap % 3).unwrap()],
        );
        assert_eq!(policy.reload().await.unwrap(), swap + 1);
        let mut one = transaction(&policy);
        one.mail_from().await;
        one.rcpt_to(&recipient("alice@waxwing.test")).await;
        drop(one);
        if swap == 10 {
            after_ten = held(&site);
        }
    }
    let now = held(&site);
    eprintln!("{swaps} swaps: (KiB, mappings of code) {after_ten:?} after ten, {now:?} at the end");
    assert_eq!(policy.status().generations_alive, 1);
    assert!(
        now.1 <= after_ten.1,
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
