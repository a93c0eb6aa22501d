//! Domains that want it are told how mail in their name fares here (RFC 7489 §7.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use waxwing_auth::report::aggregate::AggregateReport;
use waxwing_tests::client::Smtp;
use waxwing_tests::names::Zones;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup};

use super::{IMPATIENT, inbox, policy};

const ZONE: &str = "@ IN TXT \"v=spf1 ip4:127.0.0.1 -all\"\n\
    _dmarc IN TXT \"v=DMARC1; p=reject; rua=mailto:dmarc@author.example\"";

fn send(server: &Server, author: &str, count: usize) {
    for _ in 0..count {
        let mut smtp = Smtp::open(server.address("mx")).unwrap();
        let message = format!("From: {author}\r\nSubject: x\r\n\r\nbody\r\n");
        let sent = smtp.send(author, &["alice@waxwing.test"], message.as_bytes());
        sent.unwrap().class(2).unwrap();
    }
}

#[test]
fn an_author_is_told_how_its_mail_fares() {
    let names = Zones::new()
        .zone("example", "")
        .zone("author.example", ZONE)
        .zone("silent.example", "_dmarc IN TXT \"v=DMARC1; p=none\"")
        .serve();
    let peer = Peer::start(|_, _| Act::Usual);
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nvalidate = \"never\"\n\
         [[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\ncheck-origin = true\n",
        names.address()
    );
    let mut here = Setup::new()
        .policy(policy(&[("author.example", peer.address())], IMPATIENT))
        .settings(&settings)
        .start();
    send(&here, "ann@author.example", 2);
    send(&here, "sue@silent.example", 1);
    assert_eq!(inbox(&here, "alice@waxwing.test", 3).len(), 3);
    until("it is counted", PATIENCE, || {
        let listed = here.json(&["report", "list"]);
        assert!(listed.as_array().unwrap().len() <= 1, "{listed}");
        (listed[0]["well"] == 2).then_some(())
    });
    // What was counted outlives the server.
    here.kill();
    here.start();
    assert_eq!(here.json(&["report", "send"])["sent"], 1);
    let taken = peer.takes(1).remove(0);
    assert!(taken.mail.starts_with("MAIL FROM:<>"), "{}", taken.mail);
    assert_eq!(taken.rcpt, ["RCPT TO:<dmarc@author.example>"]);
    let report = attached(&taken.content);
    assert_eq!(report.policy.domain, "author.example");
    let [record] = report.records.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!((record.count, record.spf.as_str()), (2, "pass"));
    assert_eq!(record.header_from, "author.example");
    assert_eq!(here.json(&["report", "list"]).as_array().unwrap().len(), 0);
}

/// The report that a message carries.
fn attached(content: &str) -> AggregateReport {
    let (_, part) = content.split_once("application/gzip").expect("a report");
    let (_, body) = part.split_once("\n\n").expect("its content");
    let lines = body.lines().take_while(|line| !line.starts_with("--"));
    let text: String = lines.map(str::trim).collect();
    AggregateReport::read(&STANDARD.decode(text).unwrap()).unwrap()
}
