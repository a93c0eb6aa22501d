//! Plugins whose strings are UTF-16, as languages have them that grew up with it: the boundary turns them into UTF-8, or refuses them.

use waxwing_policy::Decision;

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, code, session, step, transaction};

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Refuses every sender with a text of these units.
fn refusing(units: &[u16]) -> Plugin {
    let octets: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let plugin = Plugin::new().utf16();
    plugin.reply_of("mail-from", 3, 550, &octets, units.len())
}

async fn refusal(site: &Site) -> String {
    let policy = site.serving().await;
    match transaction(&policy).mail_from().await {
        Decision::Refuse(reply) => reply.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_plugin_says_in_utf16_is_told_in_utf8() {
    let site = Site::new();
    site.plugin("p", &refusing(&utf16("Not today: it is 5 o'clock")))
        .policy(&step("p", ""));
    assert_eq!(refusal(&site).await, "550 Not today: it is 5 o'clock");
}

#[tokio::test]
async fn half_a_character_is_a_fault_and_the_next_call_has_a_fresh_instance() {
    let site = Site::new();
    // A high surrogate without its low one.
    site.plugin("p", &refusing(&[0x41, 0xd83d, 0x42]))
        .policy(&step("p", ""));
    let policy = site.serving().await;
    for calls in 1..=3 {
        assert_eq!(code(&transaction(&policy).mail_from().await), 451);
        let status = policy.status();
        assert_eq!(
            (status.steps[0].calls, status.steps[0].faults),
            (calls, calls)
        );
    }
}

#[tokio::test]
async fn a_length_beyond_the_memory_is_a_fault() {
    let site = Site::new();
    // Counted as octets it would still lie inside.
    let plugin = Plugin::new().utf16();
    let plugin = plugin.reply_of("mail-from", 3, 550, b"AB", 65_535);
    site.plugin("p", &plugin).policy(&step("p", ""));
    let policy = site.serving().await;
    assert_eq!(code(&transaction(&policy).mail_from().await), 451);
}

#[tokio::test]
async fn what_a_plugin_is_told_has_as_many_units_as_it_has() {
    // Accepts nobody but who greets with nine units of UTF-16; these are ten octets of UTF-8.
    let mut plugin = Plugin::new().utf16();
    let no = plugin.put(&case(3));
    let body = format!(
        "(if (result i32) (i32.eq (local.get 2) (i32.const 9)) (then (i32.const {PASS})) (else (i32.const {no})))"
    );
    let site = Site::new();
    site.plugin("p", &plugin.hook("ehlo", &body))
        .policy(&step("p", ""));
    let policy = site.serving().await;
    for (name, passes) in [("b\u{fc}ro.test", true), ("buero.test", false)] {
        let decision = session(&policy).ehlo(name, true).await;
        assert_eq!(decision == Decision::Pass, passes, "{name}: {decision:?}");
    }
}
