//! SMTP smuggling from end to end: what is kept or sent on is one message, whatever stands in it.

use waxwing_tests::client::Smtp;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

/// What would be a second message if the lone dot before it ended the first.
const SECOND: &str = "MAIL FROM:<evil@waxwing.test>\r\nRCPT TO:<bob@waxwing.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx";

const ENDS: [(&str, &str); 10] = [
    ("\n", "\n"),
    ("\n", "\r\n"),
    ("\r", "\r"),
    ("\r", "\r\n"),
    ("\r\n", "\n"),
    ("\r\n", "\r"),
    ("\n", "\r"),
    ("\r", "\n"),
    ("\r\0\n", "\r\n"),
    ("\r\n", "\r\0\n"),
];

fn content(before: &str, after: &str) -> String {
    format!("Subject: first\r\n\r\nx{before}.{after}{SECOND}")
}

/// Everything is taken for the mailboxes here, and for a server of the test.
fn server(peer: &Peer) -> Server {
    let policy = format!(
        "[[step]]\nplugin = \"login\"\ngrants = [\"credentials\", \"kv\"]\nlimits = {{ deadline-ms = 15000 }}\n\
         settings = {{ trust = [\"127.0.0.0/8\"] }}\n\
         [[step]]\nplugin = \"recipients\"\ngrants = [\"directory\", \"relay\"]\n\
         [[step]]\nplugin = \"outbound\"\n[step.settings]\nroutes.\"remote.example\" = {{ hosts = [{{ host = \"127.0.0.1\", port = {} }}] }}\n",
        peer.address().port()
    );
    Setup::new()
        .policy(Policy::Text(policy))
        .every_listener()
        .start()
}

fn mailbox(server: &Server, user: &str) -> usize {
    server.imap(user).select("INBOX").unwrap()
}

#[test]
fn no_second_message_comes_in_or_goes_out() {
    let peer = Peer::start(|_, _| Act::Usual);
    let server = server(&peer);
    // By DATA nothing of it is taken.
    for (before, after) in ENDS {
        let mut smtp = server.smtp();
        smtp.envelope("ann@example.org", &["alice@waxwing.test"])
            .unwrap();
        let octets = format!("{}\r\n.\r\nNOOP\r\n", content(before, after));
        smtp.connection.send(octets.as_bytes()).unwrap();
        assert_eq!(smtp.reply().unwrap().code, 554, "{before:?} . {after:?}");
        assert_eq!(smtp.reply().unwrap().code, 250, "{before:?} . {after:?}");
    }
    assert_eq!(mailbox(&server, "alice@waxwing.test"), 0);
    assert_eq!(mailbox(&server, "bob@waxwing.test"), 0);
    // As a message of any octets it may be kept; to a server that takes lines only it goes as one message.
    let mut smtp = Smtp::open(server.address("submission-binary")).unwrap();
    smtp.login("alice@waxwing.test", PASSWORD)
        .unwrap()
        .class(2)
        .unwrap();
    for (before, after) in ENDS {
        let content = content(before, after);
        let commands = format!(
            "MAIL FROM:<alice@waxwing.test> BODY=BINARYMIME\r\nRCPT TO:<carol@remote.example>\r\nBDAT {} LAST\r\n{content}",
            content.len()
        );
        smtp.connection.send(commands.as_bytes()).unwrap();
        for _ in 0..3 {
            smtp.reply().unwrap().class(2).unwrap();
        }
    }
    until("the queue is empty", PATIENCE, || {
        let queued = server.json(&["queue", "list"]);
        queued.as_array().unwrap().is_empty().then_some(())
    });
    let taken = peer.taken();
    // What could not be sent came back to its sender.
    assert_eq!(
        taken.len() + mailbox(&server, "alice@waxwing.test"),
        ENDS.len()
    );
    for message in &taken {
        assert!(
            message.mail.starts_with("MAIL FROM:<alice@waxwing.test>"),
            "{message:?}"
        );
        assert_eq!(message.rcpt, ["RCPT TO:<carol@remote.example>"]);
    }
    assert_eq!(mailbox(&server, "bob@waxwing.test"), 0);
}
