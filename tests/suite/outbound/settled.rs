//! What an attempt came to is written down at once and for good: nobody is sent to again who has a message, whatever goes wrong
//! with what is to be told of it, and whenever the server dies.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use waxwing_tests::Server;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::wait::{PATIENCE, until};

use super::promises::submit;
use super::{IMPATIENT, inbox, queue_is_empty, sender};

/// Recipients that go together at most (RFC 5321 §4.5.3.1.8).
const TOGETHER: usize = 100;

/// The recipients of the one entry, once they are as a test wants them.
fn recipients(server: &Server, wanted: impl Fn(&[Value]) -> bool) {
    until("the attempt is written down", PATIENCE, || {
        let listed = server.json(&["queue", "list"]);
        wanted(listed[0]["recipients"].as_array()?).then_some(())
    });
}

/// Addresses elsewhere, one a number.
fn addresses(numbers: Range<usize>) -> Vec<String> {
    let one = |number| format!("u{number}@remote.example");
    numbers.map(one).collect()
}

/// Submits to more recipients than go together.
fn submit_to_two_groups(server: &Server) {
    let all = addresses(0..TOGETHER + 5);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    server.admin().add_alias("all@waxwing.test", &all);
    submit(
        server,
        "<alice@waxwing.test>",
        &["<all@waxwing.test>"],
        "Subject: x\r\n\r\nbody\r\n",
    );
}

/// Where files of contents are, and a place beside it.
fn blobs(server: &Server) -> (PathBuf, PathBuf) {
    (server.data().join("blobs"), server.data().join("aside"))
}

#[test]
fn a_report_that_cannot_be_stored_is_told_later() {
    let places = Arc::new(OnceLock::<(PathBuf, PathBuf)>::new());
    let known = Arc::clone(&places);
    let peer = Peer::start(move |_, command| match command {
        "RCPT TO:<nobody@remote.example>" => Act::Say("550 5.1.1 no such user"),
        "." => {
            // While the message is taken, what is too large for a row can be stored no longer.
            let (blobs, aside) = known.get().unwrap();
            fs::rename(blobs, aside).unwrap();
            fs::write(blobs, "").unwrap();
            Act::Usual
        }
        _ => Act::Usual,
    });
    let mut here = sender(&[("remote.example", peer.address())], IMPATIENT);
    let (blobs, aside) = blobs(&here);
    places.set((blobs.clone(), aside.clone())).unwrap();
    // A row has room for this message, and not for it and the report around it.
    let message = format!(
        "Subject: large\r\nMessage-ID: <large@waxwing.test>\r\n\r\n{}",
        format!("{}\r\n", "x".repeat(62)).repeat(1007)
    );
    submit(
        &here,
        "<alice@waxwing.test> RET=FULL",
        &["<nobody@remote.example>", "<carol@remote.example>"],
        &message,
    );
    recipients(&here, |of| {
        let is = |one: &Value, state, owed| one["state"] == state && one["owed"] == owed;
        is(&of[0], "failed", true) && is(&of[1], "relayed", false)
    });
    let shown = here.json(&["queue", "list"])[0]["entry"].to_string();
    let shown = here.cli(&["queue", "show", &shown]);
    assert!(
        shown.contains("failed (its sender is still to be told) 550 5.1.1 no such user"),
        "{shown}"
    );
    here.kill();
    fs::remove_file(&blobs).unwrap();
    fs::rename(&aside, &blobs).unwrap();
    here.start();
    let _said = here.cli(&["queue", "retry", "--all"]);
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    for line in [
        "Final-Recipient: rfc822; nobody@remote.example\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "\r\nSubject: large\r\n",
    ] {
        assert!(report.contains(line), "{line}{}", &report[..3000]);
    }
    queue_is_empty(&here);
    assert_eq!(peer.taken().len(), 1, "nobody is sent to again");
    here.verify();
}

#[test]
fn what_went_well_is_written_down_before_the_next_group_goes() {
    let turns = Arc::new(AtomicUsize::new(0));
    let killed = Arc::new(AtomicBool::new(false));
    let (counted, again) = (Arc::clone(&turns), Arc::clone(&killed));
    let peer = Peer::start(move |_, command| match command.get(..4) {
        // The second group comes to a server that says nothing, however often, until its sender was killed.
        Some("MAIL") => match counted.fetch_add(1, Ordering::Relaxed) {
            1.. if !again.load(Ordering::Relaxed) => Act::Silent,
            _ => Act::Usual,
        },
        _ => Act::Usual,
    });
    let mut here = sender(&[("remote.example", peer.address())], IMPATIENT);
    submit_to_two_groups(&here);
    until("the second group has its turn", PATIENCE, || {
        (turns.load(Ordering::Relaxed) >= 2).then_some(())
    });
    here.kill();
    killed.store(true, Ordering::Relaxed);
    here.start();
    queue_is_empty(&here);
    let taken = peer.taken();
    let count: usize = taken.iter().map(|taken| taken.rcpt.len()).sum();
    assert_eq!((taken.len(), count), (2, TOGETHER + 5), "{taken:?}");
}

#[test]
fn a_delay_is_told_of_the_second_group_though_the_server_died_before_its_turn() {
    let (turns, killed) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (counted, again) = (Arc::clone(&turns), Arc::clone(&killed));
    let peer = Peer::start(move |_, command| match command.get(..4) {
        Some("MAIL") => match counted.fetch_add(1, Ordering::Relaxed) {
            // The second group at the second attempt.
            3.. if !again.load(Ordering::Relaxed) => Act::Silent,
            _ => Act::Usual,
        },
        Some("RCPT") => Act::Say("450 4.2.0 not now"),
        _ => Act::Usual,
    });
    let waits = format!("{IMPATIENT}\nwarn-after-seconds = 1");
    let mut here = sender(&[("remote.example", peer.address())], &waits);
    submit_to_two_groups(&here);
    until("the second group has its turn", PATIENCE, || {
        (turns.load(Ordering::Relaxed) >= 4).then_some(())
    });
    here.kill();
    killed.store(true, Ordering::Relaxed);
    here.start();
    let reports = inbox(&here, "alice@waxwing.test", 2);
    let delays = reports
        .iter()
        .map(|report| report.matches("Action: delayed\r\n").count());
    assert_eq!(delays.collect::<Vec<_>>(), [TOGETHER, 5]);
    let told = reports.concat();
    for address in addresses(0..TOGETHER + 5) {
        let line = format!("Final-Recipient: rfc822; {address}\r\nAction: delayed\r\n");
        assert_eq!(told.matches(&line).count(), 1, "{address}");
    }
}
