//! What is told of a policy that serves all the same.

use waxwing_policy::{Policy, PolicyConfig};

use crate::component::Plugin;
use crate::site::{Site, step};

/// A plugin that asks at a hook whose an address is.
fn asking(hook: &'static str) -> Plugin {
    let ask = "(call $owns (i32.const 1024) (i32.const 0) (i32.const 1024) (i32.const 0) (i32.const 1024) (i32.const 0) (i32.const 2048)) \
        (i32.const 1024)";
    Plugin::new().calls("$owns").hook(hook, ask)
}

/// What is told of a policy where users log in to send, or where nobody does.
async fn notes(site: &Site, submission: bool) -> Vec<String> {
    let config = PolicyConfig {
        submission,
        ..site.config()
    };
    let checked = Policy::check(&config).await.unwrap();
    assert_eq!(checked.problems, []);
    let policy = Policy::start(config, site.services.clone()).await.unwrap();
    assert_eq!(policy.status().notes, checked.notes);
    checked.notes
}

#[tokio::test]
async fn whoever_logs_in_may_send_under_any_name_where_no_step_asks() {
    let site = Site::new();
    let pass = "(i32.const 1024)";
    site.plugin("passing", &Plugin::new().hook("mail-from", pass))
        .plugin("signing", &asking("submit"))
        .plugin("senders", &asking("mail-from"))
        .plugin("authors", &asking("message"));
    let others = step("passing", "") + &step("signing", "");
    site.policy(&others);
    let told = notes(&site, true).await;
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("whoever logs in may send under any name"),
        "{told:?}"
    );
    assert!(notes(&site, false).await.is_empty());
    site.policy(&(step("senders", "mode = \"shadow\"") + &others));
    assert_eq!(notes(&site, true).await, told, "it decides nothing");
    for asking in ["senders", "authors"] {
        site.policy(&(step(asking, "") + &others));
        assert!(notes(&site, true).await.is_empty(), "{asking}");
    }
}
