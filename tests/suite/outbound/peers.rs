//! Servers that misbehave at each command: nothing is lost, and nothing comes twice that need not.

use waxwing_tests::Server;
use waxwing_tests::peer::{Act, Peer};

use super::{IMPATIENT, inbox, queue_is_empty, sender, submit};

/// The commands at which a conversation can go wrong, as they begin, and a domain for each.
const COMMANDS: [(&str, &str); 6] = [
    ("GREETING", "greeting.example"),
    ("EHLO", "ehlo.example"),
    ("MAIL", "mail.example"),
    ("RCPT", "rcpt.example"),
    ("DATA", "data.example"),
    (".", "dot.example"),
];

/// A server for each command, that does this at it over so many connections, and a server that sends to all of them.
fn against(act: &Act, connections: usize) -> (Server, Vec<Peer>) {
    let start = |at: &'static str| {
        let act = act.clone();
        Peer::start(move |connection, command| {
            // A server that does not know EHLO is asked with HELO.
            let this = command.starts_with(at) || at == "EHLO" && command.starts_with("HELO");
            if connection < connections && this {
                act.clone()
            } else {
                Act::Usual
            }
        })
    };
    let peers: Vec<Peer> = COMMANDS.iter().map(|(at, _)| start(at)).collect();
    let routes: Vec<_> = COMMANDS
        .iter()
        .zip(&peers)
        .map(|((_, domain), peer)| (*domain, peer.address()))
        .collect();
    let here = sender(&routes, IMPATIENT);
    for (_, domain) in COMMANDS {
        let to = format!("carol@{domain}");
        submit(&here, &[&to], "Subject: x\r\n\r\nbody\r\n");
    }
    (here, peers)
}

fn comes_through(act: &Act) {
    let (here, peers) = against(act, 1);
    queue_is_empty(&here);
    for ((at, _), peer) in COMMANDS.iter().zip(peers) {
        assert_eq!(peer.taken().len(), 1, "{act:?} at {at}\n{}", here.log());
    }
    assert_eq!(here.imap("alice@waxwing.test").select("INBOX").unwrap(), 0);
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
    let (here, peers) = against(&Act::Say("554 5.7.1 never"), usize::MAX);
    let reports = inbox(&here, "alice@waxwing.test", COMMANDS.len());
    for ((at, domain), peer) in COMMANDS.iter().zip(peers) {
        let of = format!(
            "Final-Recipient: rfc822; carol@{domain}\r\nAction: failed\r\nStatus: 5.7.1\r\n"
        );
        let report = reports.iter().find(|report| report.contains(&of));
        let report =
            report.unwrap_or_else(|| panic!("no report of {at}: {reports:#?}\n{}", here.log()));
        assert!(
            report.contains("Diagnostic-Code: smtp; 554 5.7.1 never\r\n"),
            "{at}: {report}"
        );
        assert!(peer.taken().is_empty(), "{at}");
    }
    queue_is_empty(&here);
}
