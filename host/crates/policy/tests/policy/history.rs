//! The history of a policy, and the ways back and forth in it.

use waxwing_policy::Policy;

use crate::component::Plugin;
use crate::site::{Site, code, step, transaction};

/// Says this code at `mail-from`.
fn saying(code: u16) -> Plugin {
    Plugin::new().reply("mail-from", if code >= 500 { 3 } else { 2 }, code, "no")
}

async fn says(policy: &Policy) -> u16 {
    code(&transaction(policy).mail_from().await)
}

/// A site whose plugin said 451, then 452, then 453, in generations 1 to 3.
async fn with_three() -> (Site, Policy) {
    let site = Site::new();
    site.plugin("p", &saying(451))
        .file("rules/a.toml", b"x = 1\n")
        .policy(&step("p", "settings-files = [\"rules/*.toml\"]"));
    let policy = site.start_kept().await;
    for code in [452, 453] {
        site.plugin("p", &saying(code));
        policy.reload().await.unwrap();
    }
    assert_eq!((policy.current().number(), says(&policy).await), (3, 453));
    (site, policy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_generation_is_told_with_what_changed() {
    let (site, policy) = with_three().await;
    site.file("rules/a.toml", b"x = 2\n");
    policy.reload().await.unwrap();
    let told: Vec<_> = policy
        .history()
        .iter()
        .map(|event| (event.generation, event.why.clone(), event.changes.len()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "start".to_owned(), 1),
            (2, "reload".to_owned(), 1),
            (3, "reload".to_owned(), 1),
            (4, "reload".to_owned(), 1)
        ]
    );
    let events = policy.history();
    assert_eq!(events[0].changes, ["p: new"]);
    assert!(events[1].changes[0].starts_with("p: plugin "), "{events:?}");
    assert_eq!(events[3].changes, ["p: settings"]);
    assert_eq!(events[1].steps[0].step.digest.len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_goes_back_and_the_files_wait_for_a_change() {
    let (site, policy) = with_three().await;
    assert_eq!(policy.roll_back(None, Some("too strict")).await.unwrap(), 4);
    assert_eq!(says(&policy).await, 452);
    let event = policy.history().pop().unwrap();
    assert_eq!(
        (event.why.as_str(), event.again),
        (
            "rolled back by an operator from generation 3: too strict",
            Some(2)
        )
    );
    // Further back, and to one by its number.
    assert_eq!(policy.roll_back(None, None).await.unwrap(), 5);
    assert_eq!(says(&policy).await, 451);
    let error = policy.roll_back(None, None).await.unwrap_err();
    assert!(
        error.to_string().contains("no earlier generation"),
        "{error}"
    );
    assert_eq!(policy.roll_back(Some(2), None).await.unwrap(), 6);
    assert_eq!(says(&policy).await, 452);
    assert!(policy.roll_back(Some(99), None).await.is_err());
    // The files are taken once they change.
    site.plugin("p", &saying(454));
    assert_eq!(policy.reload().await.unwrap(), 7);
    assert_eq!(says(&policy).await, 454);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_back_lasts_over_a_restart() {
    let (site, policy) = with_three().await;
    policy.roll_back(Some(1), Some("as it was")).await.unwrap();
    assert_eq!((policy.current().number(), says(&policy).await), (4, 451));
    drop(policy);
    let policy = site.start_kept().await;
    assert_eq!((policy.current().number(), says(&policy).await), (4, 451));
    let problem = policy.status().problems[0].to_string();
    assert!(problem.contains("as it was"), "{problem}");
    assert_eq!(policy.history().len(), 4, "a restart is no new generation");
    // The same files do serve if somebody insists.
    assert_eq!(policy.reload().await.unwrap(), 5);
    assert_eq!(says(&policy).await, 453);
    drop(policy);
    let policy = site.start_kept().await;
    assert_eq!((policy.current().number(), says(&policy).await), (5, 453));
    assert!(policy.status().problems.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_do_not_load_at_a_start_leave_the_last_generation_serving() {
    let (site, policy) = with_three().await;
    drop(policy);
    std::fs::remove_file(site.path("plugins/p.wasm")).unwrap();
    site.file("rules/a.toml", b"x =");
    let policy = site.start_kept().await;
    assert_eq!((policy.current().number(), says(&policy).await), (3, 453));
    let problems = policy.status().problems;
    assert!(
        problems[0].to_string().contains("rules/a.toml:1"),
        "{problems:?}"
    );
    site.plugin("p", &saying(455))
        .file("rules/a.toml", b"x = 1");
    assert_eq!(policy.reload().await.unwrap(), 4);
    assert_eq!(says(&policy).await, 455);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_step_takes_its_place() {
    let site = Site::new();
    site.plugin("now", &saying(451))
        .plugin("next", &saying(452))
        .policy(&format!(
            "# As ever.\n{}\n# To come.\n{}",
            step("now", ""),
            step("next", "mode = \"shadow\"\nreplaces = \"now\" # soon")
        ));
    let policy = site.start_kept().await;
    assert_eq!(says(&policy).await, 451);
    assert!(policy.promote("now").await.is_err());
    assert_eq!(policy.promote("next").await.unwrap(), 2);
    assert_eq!(says(&policy).await, 452);
    let text = std::fs::read_to_string(site.path("policy.toml")).unwrap();
    assert!(
        text.starts_with("# As ever.\n# To come.\n[[step]]\n") && text.contains("name = \"now\""),
        "{text}"
    );
    assert!(!text.contains("shadow"), "{text}");
    let event = policy.history().pop().unwrap();
    assert_eq!(event.why, "promote next");
    assert_eq!(policy.roll_back(None, None).await.unwrap(), 3);
    assert_eq!(says(&policy).await, 451);
}
