//! Extensions of SMTP that a listener has only if it is told so: XCLIENT and BINARYMIME, to what is stored.

use waxwing_tests::client::Smtp;
use waxwing_tests::{Policy, Server, Setup};

const LISTENERS: &str = "[[listener]]\nname = \"filtered\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\nxclient-from = [\"127.0.0.1\"]\n\
    [[listener]]\nname = \"binary\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\nbinary-mime = true\n";

fn start() -> Server {
    Setup::new()
        .policy(Policy::Accepting)
        .settings(LISTENERS)
        .start()
}

fn received(server: &Server) -> Vec<u8> {
    let mut imap = server.imap("alice@waxwing.test");
    let count = imap.select("INBOX").unwrap();
    imap.fetch(&count.to_string()).unwrap()[0].octets.clone()
}

#[test]
fn a_trusted_filter_speaks_for_its_client() {
    let server = start();
    let mut smtp = Smtp::open(server.address("filtered")).unwrap();
    let said =
        smtp.command("XCLIENT ADDR=IPV6:2001:db8::7 HELO=far.example LOGIN=bob@waxwing.test");
    said.unwrap().class(2).unwrap();
    let message = b"From: Bob <bob@waxwing.test>\r\nSubject: Lunch\r\n\r\nAt noon?\r\n";
    let sent = smtp.send("bob@waxwing.test", &["alice@waxwing.test"], message);
    sent.unwrap().class(2).unwrap();
    let text = String::from_utf8_lossy(&received(&server)).replace("\r\n\t", " ");
    assert!(
        text.contains("from far.example ([IPv6:2001:db8::7])"),
        "{text}"
    );
    // RFC 3848: ESMTPA, since bob has logged in.
    assert!(text.contains("with ESMTPA"), "{text}");
    // Where nobody is trusted, there is no such command.
    let mut smtp = server.smtp();
    assert_eq!(smtp.command("XCLIENT ADDR=192.0.2.7").unwrap().code, 502);
}

#[test]
fn binary_content_is_kept_to_the_octet() {
    let server = start();
    let content = b"Subject: Octets\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\x01\r.\n\n.\r\n.\r\n\xff\xfe end";
    let mut smtp = Smtp::open(server.address("binary")).unwrap();
    let mail = "MAIL FROM:<ann@example.org> BODY=BINARYMIME";
    for line in [mail, "RCPT TO:<alice@waxwing.test>"] {
        smtp.command(line).unwrap().class(2).unwrap();
    }
    let (first, last) = content.split_at(60);
    for (chunk, end) in [(first, ""), (last, " LAST")] {
        let mut octets = format!("BDAT {}{end}\r\n", chunk.len()).into_bytes();
        octets.extend_from_slice(chunk);
        smtp.connection.send(&octets).unwrap();
        smtp.reply().unwrap().class(2).unwrap();
    }
    assert!(received(&server).ends_with(content));
    // Other listeners do not offer it.
    let mut smtp = server.smtp();
    assert_eq!(smtp.command(mail).unwrap().code, 501);
}
