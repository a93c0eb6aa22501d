//! The history of a policy, and the ways back and forth in it.

use waxwing_policy::{Amendment, Policy, PolicyConfig};

use crate::component::Plugin;
use crate::site::{Site, code, step, transaction, until};

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
async fn another_order_of_the_same_steps_is_another_generation() {
    let site = Site::new();
    let (p, q) = (step("p", ""), step("q", ""));
    site.plugin("p", &saying(451))
        .plugin("q", &saying(452))
        .policy(&format!("{p}{q}"));
    let policy = site.start_kept().await;
    assert_eq!(says(&policy).await, 451);
    site.policy(&format!("{q}{p}"));
    assert_eq!(policy.reload().await.unwrap(), 2);
    assert_eq!(says(&policy).await, 452);
    assert_eq!(policy.history()[1].changes, ["another order"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_goes_back_and_the_files_wait_for_a_change() {
    let (site, policy) = with_three().await;
    assert_eq!(
        policy
            .roll_back(None, "root", Some("too strict"))
            .await
            .unwrap(),
        4
    );
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
    assert_eq!(policy.roll_back(None, "root", None).await.unwrap(), 5);
    assert_eq!(says(&policy).await, 451);
    let error = policy.roll_back(None, "root", None).await.unwrap_err();
    assert!(
        error.to_string().contains("no earlier generation"),
        "{error}"
    );
    assert_eq!(policy.roll_back(Some(2), "root", None).await.unwrap(), 6);
    assert_eq!(says(&policy).await, 452);
    assert!(policy.roll_back(Some(99), "root", None).await.is_err());
    // The files are taken once they change.
    site.plugin("p", &saying(454));
    assert_eq!(policy.reload().await.unwrap(), 7);
    assert_eq!(says(&policy).await, 454);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_back_lasts_over_a_restart() {
    let (site, policy) = with_three().await;
    policy
        .roll_back(Some(1), "root", Some("as it was"))
        .await
        .unwrap();
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
    assert!(policy.promote("now", "root").await.is_err());
    assert_eq!(policy.promote("next", "root").await.unwrap(), 2);
    assert_eq!(says(&policy).await, 452);
    let text = std::fs::read_to_string(site.path("policy.toml")).unwrap();
    assert!(
        text.starts_with("# As ever.\n# To come.\n[[step]]\n") && text.contains("name = \"now\""),
        "{text}"
    );
    assert!(!text.contains("shadow"), "{text}");
    let event = policy.history().pop().unwrap();
    assert_eq!(event.why, "promote next");
    assert_eq!(policy.roll_back(None, "root", None).await.unwrap(), 3);
    assert_eq!(says(&policy).await, 451);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_outside_the_folder_go_back_too_and_secrets_do_not() {
    let site = Site::new();
    let (p, q) = (saying(451), saying(452));
    let absolute = site.path("far").display().to_string();
    let files = format!(
        "settings-files = [\"rules/*.toml\", \"../shared/*.toml\", \"{absolute}/one.toml\"]"
    );
    let http = "grants = [\"http\"]\nhttp = { hosts = [\"api.example.org\"], secrets = { key = \"key\" } }";
    site.plugin("p", &p).plugin("q", &q);
    for (name, text) in [
        ("home/rules/a.toml", "x = 1"),
        ("shared/b.toml", "x = 2"),
        ("far/one.toml", "x = 3"),
        ("home/key", "sesame"),
    ] {
        site.file(name, text.as_bytes());
    }
    let policy = format!("{}[[step]]\nplugin = \"q\"\n{http}\n", step("p", &files));
    site.file("home/policy.toml", policy.as_bytes());
    let config = PolicyConfig {
        policy_file: site.path("home/policy.toml"),
        state_dir: Some(site.path("policy")),
        ..site.config()
    };
    let services = site.services.clone();
    let policy = Policy::start(config, services.clone()).await.unwrap();
    assert!(policy.status().problems.is_empty(), "{:?}", policy.status());
    let files = |policy: &Policy| policy.history().pop().unwrap().files;
    let first = files(&policy);
    // A change outside is a change of the policy.
    for (name, text) in [
        ("shared/b.toml", "x = 20"),
        ("far/one.toml", "x = 30"),
        ("shared/c.toml", "x = 40"),
    ] {
        let before = files(&policy);
        site.file(name, text.as_bytes());
        policy.reload().await.unwrap();
        assert_ne!(files(&policy), before, "{name}");
    }
    // They may be gone, broken, or more than they were: the snapshot has them as they were. Secrets it has not.
    std::fs::remove_file(site.path("far/one.toml")).unwrap();
    site.file("shared/b.toml", b"x =")
        .file("home/key", b"other");
    assert_eq!(policy.roll_back(Some(1), "root", None).await.unwrap(), 5);
    assert_eq!(files(&policy), first);
    drop(policy);
    let config = PolicyConfig {
        policy_file: site.path("home/policy.toml"),
        state_dir: Some(site.path("policy")),
        ..site.config()
    };
    let policy = Policy::start(config, services).await.unwrap();
    assert_eq!((policy.current().number(), files(&policy)), (5, first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_tells_who() {
    let (site, policy) = with_three().await;
    policy.roll_back(None, "alice", None).await.unwrap();
    drop(policy);
    let config = PolicyConfig {
        watch: true,
        state_dir: Some(site.path("policy")),
        ..site.config()
    };
    let policy = Policy::start(config, site.services.clone()).await.unwrap();
    site.plugin("p", &saying(455));
    until("the change serves and is recorded", || {
        policy.history().len() == 5
    })
    .await;
    let who: Vec<_> = policy
        .history()
        .into_iter()
        .map(|event| event.who)
        .collect();
    assert_eq!(who, ["start", "signal", "signal", "alice", "watch"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_of_the_build_that_was_looked_at() {
    let site = Site::new();
    site.plugin("now", &saying(451))
        .plugin("next", &saying(452))
        .policy(&step("now", ""));
    let policy = site.start_kept().await;
    let before = std::fs::read_to_string(site.path("policy.toml")).unwrap();
    let digest = async |name: &str| {
        let builds = policy.builds().await;
        let found = builds.into_iter().find(|build| build.name == name);
        found.unwrap().digest
    };
    let looked_at = digest("next").await;
    let tried = |build: &str| Amendment::Try {
        step: "now".to_owned(),
        plugin: "next".to_owned(),
        name: None,
        percent: None,
        build: Some(build.to_owned()),
    };
    let changed = "the build `next` is not what it was when it was read: read it again, and make the change anew";
    site.plugin("next", &saying(453));
    let refused = policy.amend(&tried(&looked_at), None, "root").await;
    assert_eq!(refused.unwrap_err().to_string(), changed);
    // Another plugin's build is none of this one.
    let other = digest("now").await;
    assert!(policy.amend(&tried(&other), None, "root").await.is_err());
    let there = std::fs::read_to_string(site.path("policy.toml")).unwrap();
    assert_eq!((there, policy.current().number()), (before, 1));
    let build = digest("next").await;
    let amended = policy.amend(&tried(&build), None, "root").await.unwrap();
    assert_eq!(amended.generation, 2);
    let step = "next".to_owned();
    let promote = |build: String| Amendment::Promote {
        step: step.clone(),
        build: Some(build),
    };
    let refused = policy.amend(&promote(looked_at), None, "root").await;
    assert_eq!(refused.unwrap_err().to_string(), changed);
    policy.amend(&promote(build), None, "root").await.unwrap();
    assert_eq!(says(&policy).await, 453);
}
