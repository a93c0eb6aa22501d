//! What one step does to header and envelope is what the next one sees, and what becomes of the message.

use bytes::Bytes;
use waxwing_mail::ReversePath;
use waxwing_policy::{Decision, MessageOutcome, Policy, Transaction, Verdict};

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, address, recipient, step, transaction};

const MAIL: &[u8] = b"From: a@example.org\r\nSubject: hello\r\n\r\ntext\r\n";

/// Accepts recipients; at `message` another sender, recipient 0 out, one at `domain` in, another subject.
fn readdresses(domain: &'static [u8]) -> Plugin {
    let mut plugin = Plugin::new()
        .calls("$add-recipient")
        .calls("$remove-recipient")
        .calls("$change-sender")
        .calls("$change-header");
    let local = plugin.put(b"carol");
    let length = domain.len();
    let domain = plugin.put(domain);
    let (subject, value) = (plugin.put(b"Subject"), plugin.put(b"good-bye"));
    let body = format!(
        "(call $change-sender (local.get 3) (i32.const 1) (i32.const {local}) (i32.const 5) (i32.const {domain}) (i32.const {length}) (i32.const 2048)) \
         (call $remove-recipient (local.get 3) (i32.const 0) (i32.const 2048)) \
         (call $add-recipient (local.get 3) (i32.const {local}) (i32.const 5) (i32.const {domain}) (i32.const {length}) (i32.const 2048)) \
         (call $change-header (local.get 3) (i32.const {subject}) (i32.const 7) (i32.const 0) (i32.const {value}) (i32.const 8) (i32.const 2048)) \
         (i32.const {PASS})"
    );
    plugin.says("rcpt-to", &case(1)).hook("message", &body)
}

/// Finds the number of recipients, and the lengths of the subject and of the sender's local part.
fn looks() -> Plugin {
    let mut plugin = Plugin::new()
        .calls("$add")
        .calls("$recipients")
        .calls("$subject")
        .calls("$sender");
    let names = plugin.put(b"RECIPIENTSSUBJECTSENDER");
    let add = |at: u32, length: u32, weight: &str| {
        format!(
            "(call $add (i32.const {}) (i32.const {length}) (f64.convert_i32_u {weight}) (i32.const 0) (i32.const 0) (i32.const 2048))",
            names + at
        )
    };
    let body = format!(
        "{}(call $subject (local.get 2) (i32.const 2048)){}(call $sender (local.get 1) (i32.const 2048)){}(i32.const {PASS})",
        add(0, 10, "(call $recipients (local.get 1))"),
        add(10, 7, "(i32.load (i32.const 2052))"),
        add(17, 6, "(i32.load (i32.const 2056))"),
    );
    plugin.hook("message", &body)
}

async fn judged(domain: &'static [u8], relay: bool) -> (Site, Policy, Transaction, MessageOutcome) {
    let site = Site::new();
    site.services.add_domain("other.test");
    site.plugin("changes", &readdresses(domain))
        .plugin("looks", &looks());
    let changes = step("changes", "");
    let changes = if relay {
        changes.replace("\"directory\"", "\"directory\", \"relay\"")
    } else {
        changes
    };
    site.policy(&format!("{changes}{}", step("looks", "")));
    let policy = site.serving().await;
    let mut one = transaction(&policy);
    assert_eq!(
        one.rcpt_to(&recipient("alice@waxwing.test")).await,
        Decision::Pass
    );
    assert_eq!(
        one.rcpt_to(&recipient("bob@waxwing.test")).await,
        Decision::Pass
    );
    let outcome = one.message(Bytes::from_static(MAIL)).await;
    (site, policy, one, outcome)
}

#[tokio::test]
async fn the_next_step_sees_header_sender_and_recipients_as_they_are_now() {
    let (_site, _policy, mut one, outcome) = judged(b"other.test", false).await;
    assert_eq!(
        outcome.symbols,
        [
            ("RECIPIENTS".to_owned(), 2.0),
            ("SUBJECT".to_owned(), 8.0),
            ("SENDER".to_owned(), 5.0)
        ]
    );
    assert_eq!(
        outcome.sender,
        ReversePath::Address(address("carol@other.test"))
    );
    assert_eq!(outcome.removed, [0]);
    let added: Vec<_> = outcome
        .added
        .iter()
        .map(|added| (added.number, added.address.to_string()))
        .collect();
    assert_eq!(added, [(2, "carol@other.test".to_owned())]);
    // The domain of the added recipient is judged like the others.
    let domains: Vec<_> = outcome
        .verdicts
        .iter()
        .map(|(domain, _)| domain.as_str())
        .collect();
    assert_eq!(domains, ["waxwing.test", "other.test"]);
    let rewritten = outcome.rewrite(&Bytes::from_static(MAIL), &Verdict::Deliver, false);
    assert!(
        rewritten
            .rest
            .starts_with(b"From: a@example.org\r\nSubject: good-bye\r\n")
    );
    let entry = &one.ledger().steps[2];
    assert_eq!(
        entry.actions,
        [
            "change-header Subject[0]: good-bye",
            "change-sender <carol@other.test>",
            "remove-recipient 0",
            "add-recipient carol@other.test"
        ]
    );
    // Who was taken out leads nowhere; who was added is asked about.
    assert!(matches!(
        one.route(0).await[..],
        [waxwing_policy::Target::Refuse(_)]
    ));
}

#[tokio::test]
async fn a_recipient_elsewhere_takes_the_grant_relay() {
    let (.., outcome) = judged(b"example.net", false).await;
    assert!(outcome.added.is_empty());
    let (.., outcome) = judged(b"example.net", true).await;
    assert_eq!(outcome.added.len(), 1);
}
