//! What operators see of the queue, and do to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::wait::{PATIENCE, until};

use super::{queue_is_empty, sender, submit};

#[test]
fn the_queue_is_listed_held_and_released() {
    let open = Arc::new(AtomicBool::new(false));
    let is_open = Arc::clone(&open);
    let peer = Peer::start(move |_, command| {
        if command.starts_with("RCPT") && !is_open.load(Ordering::Relaxed) {
            Act::Say("450 4.2.1 come back")
        } else {
            Act::Usual
        }
    });
    let here = sender(
        &[("remote.example", peer.address())],
        "retry-after-seconds = [3600]",
    );
    submit(
        &here,
        &["carol@remote.example"],
        "Subject: x\r\nMessage-ID: <op@waxwing.test>\r\n\r\nbody\r\n",
    );
    let (listed, _) = until("an attempt is settled", PATIENCE, || {
        let listed = here.json(&["queue", "list"]);
        (listed[0]["attempts"] == 1).then_some(listed)
    });
    let entry = &listed[0];
    assert_eq!(entry["sender"], "alice@waxwing.test");
    assert_eq!(entry["recipients"][0]["address"], "carol@remote.example");
    assert_eq!(entry["said"], "450 4.2.1 come back");
    let id = entry["queue-id"].as_str().unwrap();

    assert_eq!(here.json(&["queue", "hold", id])["changed"], 1);
    assert_eq!(here.json(&["queue", "list", "--held"])[0]["state"], "held");
    open.store(true, Ordering::Relaxed);
    // What is held is not tried, however often it is asked for.
    let _counted = here.cli(&["queue", "retry", "--all"]);
    assert_eq!(here.json(&["queue", "list"])[0]["attempts"], 1);

    let shown = here.cli(&["queue", "show", id]);
    assert!(
        shown.contains("held") && shown.contains("450 4.2.1 come back"),
        "{shown}"
    );
    assert_eq!(here.json(&["queue", "release", id])["changed"], 1);
    let taken = peer.takes(1);
    assert_eq!(taken[0].rcpt, ["RCPT TO:<carol@remote.example>"]);
    queue_is_empty(&here);

    // The ledger is written behind the queue.
    let (trace, _) = until("the last attempt is told", PATIENCE, || {
        let trace = here.cli(&["trace", "<op@waxwing.test>"]);
        trace.contains("outcome     relayed").then_some(trace)
    });
    for line in [
        "outcome     queued",
        "outcome     deferred",
        "carol@remote.example: relayed",
    ] {
        assert!(trace.contains(line), "{line}\n{trace}");
    }
    assert!(
        here.metrics()
            .contains("waxwing_queue_recipients_total{outcome=\"relayed\"} 1")
    );
}

#[test]
fn what_is_removed_is_gone_without_a_word() {
    let peer = Peer::start(|_, command| match command {
        "GREETING" => Act::Say("421 4.3.2 closed"),
        _ => Act::Usual,
    });
    let here = sender(
        &[("remote.example", peer.address())],
        "retry-after-seconds = [3600]",
    );
    submit(
        &here,
        &["carol@remote.example"],
        "Subject: x\r\n\r\nbody\r\n",
    );
    until("an attempt is settled", PATIENCE, || {
        (here.json(&["queue", "list"])[0]["attempts"] == 1).then_some(())
    });
    assert_eq!(
        here.json(&["queue", "remove", "--sender", "alice@waxwing.test"])["changed"],
        1
    );
    queue_is_empty(&here);
    assert_eq!(here.imap("alice@waxwing.test").select("INBOX").unwrap(), 0);
    let unsaid = here.run(&["queue", "remove"], "");
    assert_eq!(unsaid.status.code(), Some(64));
}
