//! Whose plugins run.

use waxwing_policy::{PublicKey, SigningKey};

use crate::component::{PASS, Plugin};
use crate::site::{Site, step};

fn component() -> Vec<u8> {
    Plugin::new()
        .hook("connect", &format!("(i32.const {PASS})"))
        .build()
}

/// A site with this component and this `[signatures]`.
fn site(component: &[u8], signatures: &str) -> Site {
    let site = Site::new();
    site.file("plugins/p.wasm", component)
        .policy(&format!("{signatures}\n{}", step("p", "")));
    site
}

fn trusting(key: PublicKey, more: &str) -> String {
    format!("[signatures]\ntrusted-keys = [\"{key}\"]\n{more}")
}

#[tokio::test]
async fn a_trusted_signature_runs_and_the_listing_names_the_signer() {
    let key = SigningKey::generate().unwrap();
    let site = site(
        &key.sign(&component()),
        &trusting(key.public(), "unsigned = \"refuse\""),
    );
    let status = site.serving().await.status();
    assert_eq!(status.steps[0].signer, Some(key.public().to_string()));
}

#[tokio::test]
async fn a_signature_of_somebody_else_is_refused_whatever_is_said_of_unsigned_ones() {
    let (ours, theirs) = (
        SigningKey::generate().unwrap(),
        SigningKey::generate().unwrap(),
    );
    for signatures in [trusting(ours.public(), ""), String::new()] {
        let problems = site(&theirs.sign(&component()), &signatures)
            .problems()
            .await;
        let expected = format!(
            "plugins/p.wasm is signed by {0}, which is not trusted here: add \"{0}\" to `trusted-keys` of [signatures] if it should be",
            theirs.public()
        );
        assert!(
            problems.len() == 1 && problems[0].ends_with(&expected),
            "{problems:#?}"
        );
    }
}

#[tokio::test]
async fn what_was_changed_after_it_was_signed_is_refused() {
    let key = SigningKey::generate().unwrap();
    let signed = key.sign(&component());
    let mut changed = signed.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    // A custom section behind the signature.
    let longer = [&signed[..], b"\0\x02\x01x"].concat();
    for (component, reason) in [
        (
            changed,
            "that does not fit: it was changed after it was signed",
        ),
        (longer, "carries a signature that is not at its end"),
    ] {
        let problems = site(&component, &trusting(key.public(), ""))
            .problems()
            .await;
        assert!(
            problems.len() == 1 && problems[0].contains(reason),
            "{problems:#?}"
        );
    }
}

#[tokio::test]
async fn unsigned_ones_run_unless_they_are_refused() {
    let key = SigningKey::generate().unwrap();
    let allowed = site(
        &component(),
        &trusting(key.public(), "unsigned = \"allow\""),
    );
    assert!(allowed.problems().await.is_empty());
    let refused = site(
        &component(),
        &trusting(key.public(), "unsigned = \"refuse\""),
    );
    let problems = refused.problems().await;
    assert!(
        problems.len() == 1 && problems[0].contains("is not signed, and [signatures] says"),
        "{problems:#?}"
    );
}

#[tokio::test]
async fn a_key_that_is_taken_back_keeps_out_what_already_runs() {
    let key = SigningKey::generate().unwrap();
    let site = site(&key.sign(&component()), &trusting(key.public(), ""));
    let policy = site.serving().await;
    site.policy(&step("p", ""));
    let problems = policy.reload().await.unwrap_err();
    assert!(
        problems[0]
            .to_string()
            .contains("which is not trusted here"),
        "{problems:#?}"
    );
}

#[tokio::test]
async fn what_is_no_key_is_told_with_its_line() {
    let problems = site(
        &component(),
        "[signatures]\ntrusted-keys = [\"ssh-ed25519 AAAA\"]\nunsigned = \"perhaps\"",
    )
    .problems()
    .await;
    assert_eq!(
        problems,
        [
            "policy.toml:2: `ssh-ed25519 AAAA` is no key: write ed25519:BASE64, as `waxwing plugin sign` prints",
            "policy.toml:3: `unsigned` is \"allow\" or \"refuse\""
        ]
    );
}
