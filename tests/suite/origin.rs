//! Who incoming mail is from: what a real server finds out over a DNS of the test's own, tells and does.

use std::time::{Duration, Instant};

use waxwing_auth::dkim::{self, Algorithm, DkimSigner, SigningKey, zone_strings};
use waxwing_tests::client::{Connection, Smtp};
use waxwing_tests::names::{Names, Zones};
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::{Policy, Server, Setup};

const MESSAGE: &str =
    "From: Ann <ann@example.org>\r\nTo: alice@waxwing.test\r\nSubject: Lunch\r\n\r\nAt noon?\r\n";

/// The listener that checks, behind a proxy; the others are on the loopback and do not.
const CHECKING: &str = "[[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\nproxy-protocol = true\nproxy-from = \"127.0.0.1\"\n";

fn policy() -> Policy {
    Policy::Text(format!(
        "[[step]]\nplugin = \"authentication\"\ngrants = [\"auth-results\"]\n{ACCEPTING}"
    ))
}

fn start(names: &Names) -> Server {
    let dns = format!(
        "[dns]\nservers = [\"{}\"]\ntimeout = \"500ms\"\nvalidate = \"never\"\n{CHECKING}",
        names.address()
    );
    Setup::new().policy(policy()).settings(&dns).start()
}

/// The client's name and what example.org says of it.
fn zones(spf: &str, dmarc: &str, more: &str) -> Zones {
    Zones::new()
        .zone("2.0.192.in-addr.arpa", "7 IN PTR mail.example.org.")
        // DMARC asks the domains above, too.
        .zone("org", "")
        .zone("client.example", "@ IN TXT \"v=spf1 a:mail.example.org -all\"")
        .zone(
            "example.org",
            &format!("@ IN TXT \"{spf}\"\nmail IN A 192.0.2.7\n_dmarc IN TXT \"v=DMARC1; p={dmarc}\"\n{more}\n"),
        )
}

/// By way of a proxy, for 192.0.2.7.
fn send(server: &Server) -> String {
    send_of(server, MESSAGE)
}

fn send_of(server: &Server, message: &str) -> String {
    let mut smtp = Smtp {
        connection: Connection::open(server.address("mx")).unwrap(),
    };
    let header = b"PROXY TCP4 192.0.2.7 198.51.100.25 4711 25\r\n";
    smtp.connection.send(header).unwrap();
    smtp.reply().unwrap().class(2).unwrap();
    smtp.command("EHLO client.example")
        .unwrap()
        .class(2)
        .unwrap();
    say(&mut smtp, message)
}

fn say(smtp: &mut Smtp, message: &str) -> String {
    let to = ["alice@waxwing.test"];
    let reply = smtp
        .send("ann@example.org", &to, message.as_bytes())
        .unwrap();
    format!("{} {}", reply.code, reply.text)
}

/// The newest message of alice, its folded lines joined.
fn received(server: &Server) -> Vec<String> {
    let mut imap = server.imap("alice@waxwing.test");
    let count = imap.select("INBOX").unwrap();
    let fetched = imap.fetch(&count.to_string()).unwrap();
    let text = String::from_utf8_lossy(&fetched[0].octets).replace("\r\n\t", " ");
    text.lines().map(str::to_owned).collect()
}

fn field<'a>(lines: &'a [String], name: &str) -> Vec<&'a str> {
    let lines = lines.iter().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .collect()
}

#[test]
fn a_signed_message_from_where_it_says() {
    let der = SigningKey::generate(Algorithm::Ed25519Sha256).unwrap();
    let key = SigningKey::read(&der).unwrap();
    let record = format!("k1._domainkey IN TXT {}", zone_strings(&key.record()));
    let names = zones("v=spf1 ip4:192.0.2.7 -all", "reject", &record).serve();
    let server = start(&names);
    let signer = DkimSigner {
        key,
        domain: "example.org".to_owned(),
        selector: "k1".to_owned(),
    };
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    let read = waxwing_auth::Message::read(MESSAGE.as_bytes());
    let signature = dkim::sign(&read, &[signer], now).unwrap();
    let forged = "Authentication-Results: mx.waxwing.example; dmarc=pass\r\nAuthentication-Results: other.example; spf=fail\r\n";
    let said = send_of(&server, &format!("{forged}{signature}{MESSAGE}"));
    assert!(said.starts_with("250"), "{said}");
    let lines = received(&server);
    let results = field(&lines, "Authentication-Results");
    assert_eq!(results.len(), 2, "the forged one is gone: {results:#?}");
    for part in [
        "mx.waxwing.example; spf=pass smtp.mailfrom=ann@example.org;",
        "spf=pass smtp.helo=client.example;",
        "dkim=pass header.d=example.org header.s=k1 header.a=ed25519-sha256",
        "dmarc=pass (p=reject) header.from=example.org;",
        "arc=none;",
        "iprev=pass (mail.example.org) policy.iprev=192.0.2.7",
    ] {
        assert!(results[0].contains(part), "{part}: {}", results[0]);
    }
    assert_eq!(results[1], "other.example; spf=fail");
    let spf = field(&lines, "Received-SPF");
    assert!(
        spf[0].starts_with(
            "pass (mx.waxwing.example: domain of ann@example.org designates 192.0.2.7"
        ),
        "{spf:?}"
    );
    // RFC 7208 §9.1: above the Received field.
    let at = |name: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(name))
            .unwrap()
    };
    assert!(
        at("Return-Path:") < at("Authentication-Results:") && at("Received-SPF:") < at("Received:")
    );
    let score = field(&lines, "X-Waxwing-Verdict");
    assert!(score[0].contains("DMARC_PASS=-0.5"), "{score:?}");
}

#[test]
fn what_is_not_from_where_it_says_is_refused_as_its_domain_asks() {
    let names = zones("v=spf1 ip4:192.0.2.1 -all", "reject", "").serve();
    let server = start(&names);
    let said = send(&server);
    assert_eq!(
        said,
        "550 5.7.26 The message is not from example.org, which asks to refuse it (DMARC)"
    );
    // Where nothing is checked, nothing is known, and nothing is written.
    let said = say(&mut server.smtp(), MESSAGE);
    assert!(said.starts_with("250"), "{said}");
    assert!(field(&received(&server), "Authentication-Results").is_empty());
}

#[test]
fn a_dns_that_does_not_answer_costs_the_time_that_it_may_and_no_mail() {
    // It is bound, and nobody reads from it.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\ntimeout = \"60s\"\nvalidate = \"never\"\n[auth]\nauthserv-id = \"results.example\"\ntime = \"300ms\"\n{CHECKING}",
        silent.local_addr().unwrap()
    );
    let server = Setup::new().policy(policy()).settings(&settings).start();
    let begun = Instant::now();
    let said = send(&server);
    assert!(said.starts_with("250"), "{said}");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    let lines = received(&server);
    let results = field(&lines, "Authentication-Results");
    for part in [
        "results.example; spf=temperror",
        "dmarc=temperror",
        "iprev=temperror",
    ] {
        assert!(results[0].contains(part), "{part}: {}", results[0]);
    }
}
