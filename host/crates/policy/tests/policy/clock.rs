//! A clock that was set back: everything that an earlier run left is dated in the future.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use waxwing_policy::{Policy, PolicyConfig};

use crate::component::Plugin;
use crate::site::{Site, code, step, transaction, until};

/// Says this code at `mail-from`.
fn saying(code: u16) -> Plugin {
    Plugin::new().reply("mail-from", 2, code, "no")
}

async fn says(policy: &Policy) -> u16 {
    code(&transaction(policy).mail_from().await)
}

fn files(site: &Site, folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(site.path(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

/// The numbers of the files with compiled code: other ones where code was compiled again.
fn compiled(site: &Site) -> Vec<u64> {
    let inodes = files(site, "cache");
    let mut inodes: Vec<_> = inodes
        .iter()
        .map(|path| fs::metadata(path).unwrap().ino())
        .collect();
    inodes.sort_unstable();
    inodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_set_back_hides_no_change() {
    let site = Site::new();
    site.plugin("p", &saying(451)).policy(&step("p", ""));
    drop(site.start_kept().await);
    let ahead = SystemTime::now() + Duration::from_secs(365 * 86_400);
    for folder in ["", "plugins", "cache", "policy"] {
        for path in files(&site, folder) {
            File::open(path).unwrap().set_modified(ahead).unwrap();
        }
    }

    let before = compiled(&site);
    assert!(!before.is_empty());
    let config = PolicyConfig {
        watch: true,
        state_dir: Some(site.path("policy")),
        ..site.config()
    };
    let policy = Policy::start(config, site.services.clone()).await.unwrap();
    assert_eq!((policy.current().number(), says(&policy).await), (1, 451));
    assert_eq!(compiled(&site), before, "what was compiled serves");

    // What is saved now is older than what it replaces.
    for (number, code) in [(2, 452), (3, 453)] {
        site.plugin("p", &saying(code));
        until("the plugin serves", || policy.current().number() == number).await;
        assert_eq!(says(&policy).await, code);
    }
    assert_eq!(policy.roll_back(Some(1), "root", None).await.unwrap(), 4);
    assert_eq!(says(&policy).await, 451);
    let numbers: Vec<_> = policy
        .history()
        .iter()
        .map(|event| event.generation)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4], "told in the order in which it was");
}
