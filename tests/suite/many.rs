//! A server for many domains that each bring a plugin of their own: real ones, in Rust, each another component.
//!
//! 20 plugins in `make test`; `WAXWING_POLICY_PLUGINS=500` makes it more, and holds start and memory to their bounds.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use waxwing_tests::setup::{ACCEPTING, Policy, Setup};
use waxwing_tests::{place, process};

/// `plugin` with a custom section more: another component, which does the same.
fn variant(plugin: &[u8], number: usize) -> Vec<u8> {
    let name = b"domain";
    let data = format!("{number:04}");
    let mut component = plugin.to_vec();
    let length = 1 + name.len() + data.len();
    component.extend([
        0,
        u8::try_from(length).unwrap(),
        u8::try_from(name.len()).unwrap(),
    ]);
    component.extend_from_slice(name);
    component.extend(data.into_bytes());
    component
}

#[test]
fn each_domain_has_a_plugin_of_its_own() {
    let asked: Option<usize> = std::env::var("WAXWING_POLICY_PLUGINS")
        .ok()
        .and_then(|count| count.parse().ok());
    let count = asked.unwrap_or(20);
    let folder = tempfile::tempdir().unwrap();
    let plugin = fs::read(place::plugins().join("verdict.wasm")).unwrap();
    let mut steps = String::new();
    for number in 0..count {
        let file = folder.path().join(format!("verdict-{number}.wasm"));
        fs::write(file, variant(&plugin, number)).unwrap();
        writeln!(steps, "[[step]]\nplugin = \"verdict-{number}\"").unwrap();
    }
    let mut bare = Setup::new().policy(Policy::Accepting).start();
    assert!(bare.stop().success());
    bare.start();
    let mut server = Setup::new()
        .policy(Policy::Text(format!("{steps}{ACCEPTING}")))
        .plugins(folder.path().to_owned())
        .own_code(u32::try_from(count).unwrap())
        .start();
    // Compiled by now: what is measured is a start from the cache.
    assert!(server.stop().success(), "{}", server.log());
    server.start();
    let took = server.started_in().saturating_sub(bare.started_in());
    let more = process::resident(server.pid()).saturating_sub(process::resident(bare.pid()));
    let each = more / u64::try_from(count).unwrap();
    eprintln!(
        "{count} plugins: {took:.2?} longer to start from the code cache, {} KiB each",
        each >> 10
    );
    let sent = server.smtp().send(
        "sender@example.net",
        &["alice@waxwing.test"],
        b"Subject: x\r\n\r\nx\r\n",
    );
    assert_eq!(sent.unwrap().code, 250);
    let status = server.json(&["plugin", "list"]);
    let listed = status["steps"].as_array().unwrap();
    assert_eq!(listed.len(), count + 1);
    assert!(listed.iter().all(|step| step["faults"] == 0), "{status}");
    if asked.is_some() {
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(each < 2 << 20, "{each} octets each");
    }
}
