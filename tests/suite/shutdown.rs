//! The server ends: running transactions have their time, and who is not done by then hears so.

use waxwing_tests::Setup;
use waxwing_tests::client::{Connection, Smtp};

#[test]
fn who_is_not_done_in_time_hears_so() {
    let mut server = Setup::new()
        .settings("[timeouts]\nshutdown = \"300ms\"\n")
        .start();
    let mut smtp = server.smtp();
    let mut lmtp = Smtp {
        connection: Connection::open(server.address("lmtp")).unwrap(),
    };
    lmtp.reply().unwrap().class(2).unwrap();
    lmtp.command("LHLO client.example")
        .unwrap()
        .class(2)
        .unwrap();
    for session in [&mut smtp, &mut lmtp] {
        for command in [
            "MAIL FROM:<sender@example.net>",
            "RCPT TO:<alice@waxwing.test>",
        ] {
            session.command(command).unwrap().class(2).unwrap();
        }
        session.command("DATA").unwrap().class(3).unwrap();
        session.connection.send(b"Subject: half\r\n").unwrap();
    }
    let mut imap = server.imap("alice@waxwing.test");
    imap.connection.send(b"a APPEND INBOX {20}\r\n").unwrap();
    let line = imap.connection.line().unwrap().unwrap();
    assert!(line.starts_with(b"+ "));
    let mut pop3 = server.pop3("alice@waxwing.test");

    assert!(server.stop().success());
    for session in [&mut smtp, &mut lmtp] {
        // RFC 5321 §4.2.3: one reply stands for all that are due.
        let reply = session.reply().unwrap();
        assert_eq!(
            (reply.code, reply.text.starts_with("4.3.2 ")),
            (421, true),
            "{}",
            reply.text
        );
        assert!(session.connection.line().unwrap().is_none());
    }
    for (connection, goodbye) in [
        (&mut imap.connection, "* BYE "),
        (&mut pop3.connection, "-ERR [SYS/TEMP] "),
    ] {
        let line = connection.line().unwrap().unwrap();
        let line = String::from_utf8_lossy(&line);
        assert!(line.starts_with(goodbye), "{line}");
        assert!(connection.line().unwrap().is_none());
    }
    server.start();
    assert_eq!(
        server.imap("alice@waxwing.test").select("INBOX").unwrap(),
        0
    );
}
