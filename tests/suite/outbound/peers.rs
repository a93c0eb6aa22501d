//! Servers that misbehave at each command: nothing is lost, and nothing comes twice that need not.

use waxwing_tests::peer::{Act, Peer};

use super::{IMPATIENT, inbox, queue_is_empty, sender, submit};

/// The commands at which a conversation can go wrong, as they begin.
const COMMANDS: [&str; 6] = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "."];

/// Misbehaves at a command over its first connection only.
fn once(at: &'static str, act: &Act) -> Peer {
    let act = act.clone();
    Peer::start(move |connection, command| {
        if connection == 0 && command.starts_with(at) {
            act.clone()
        } else {
            Act::Usual
        }
    })
}

fn comes_through(act: &Act) {
    for at in COMMANDS {
        let peer = once(at, act);
        let here = sender(&[("remote.example", peer.address())], IMPATIENT);
        submit(
            &here,
            &["carol@remote.example"],
            "Subject: x\r\n\r\nbody\r\n",
        );
        let taken = peer.takes(1);
        assert_eq!(taken.len(), 1, "{act:?} at {at}");
        queue_is_empty(&here);
        assert_eq!(peer.taken().len(), 1, "{act:?} at {at}\n{}", here.log());
    }
}

#[test]
fn who_hangs_up_is_tried_again() {
    comes_through(&Act::Close);
}

#[test]
fn who_falls_silent_is_tried_again() {
    comes_through(&Act::Silent);
}

#[test]
fn who_cannot_now_is_tried_again() {
    comes_through(&Act::Say("451 4.3.0 not now"));
}

#[test]
fn who_speaks_nonsense_is_tried_again() {
    comes_through(&Act::Say("what?"));
}

#[test]
fn who_refuses_for_good_is_believed() {
    for at in COMMANDS {
        let peer = Peer::start(move |_, command| {
            if command.starts_with(at) {
                Act::Say("554 5.7.1 never")
            } else {
                Act::Usual
            }
        });
        let here = sender(&[("remote.example", peer.address())], IMPATIENT);
        submit(
            &here,
            &["carol@remote.example"],
            "Subject: x\r\n\r\nbody\r\n",
        );
        let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
        assert!(
            report.contains("Action: failed\r\n") && report.contains("554 5.7.1 never"),
            "{at}: {report}"
        );
        assert!(peer.taken().is_empty());
        queue_is_empty(&here);
    }
}
