//! The plugin `reputation` with lists on a DNS of the tests: what it finds counts, and whom it refuses hears why.

use waxwing_tests::client::Smtp;
use waxwing_tests::names::Zones;
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::{Policy, Server, Setup};

const STEP: &str = r#"
[[step]]
plugin = "reputation"
grants = ["message", "dnsbl"]
dnsbl = { zones = ["clients.example", "domains.example"] }

[[step.settings.list]]
zone = "clients.example"
symbol = "CLIENT_LISTED"
weight = 3
codes = [{ is = ["127.0.0.10"], symbol = "CLIENT_DYNAMIC", weight = 1.5 }, { is = ["127.0.0.2"], measure = "reject" }]

[[step.settings.list]]
zone = "domains.example"
of = ["sender", "links"]
symbol = "DOMAIN_LISTED"
weight = 4
"#;

const MESSAGE: &[u8] =
    b"From: Ann <ann@example.org>\r\nSubject: Offer\r\n\r\nbuy at https://www.shop.example/x\r\n";

/// Sends as a client of this address; the first reply that is no yes, or the last.
fn send(server: &Server, client: &str, sender: &str) -> String {
    let mut smtp = Smtp::open(server.address("filtered")).unwrap();
    let said = smtp.command(&format!("XCLIENT ADDR={client}")).unwrap();
    said.class(2).unwrap();
    smtp.command("EHLO far.example").unwrap().class(2).unwrap();
    match smtp.send(sender, &["alice@waxwing.test"], MESSAGE) {
        Ok(reply) => format!("{} {}", reply.code, reply.text),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn lists_mark_and_refuse() {
    let names = Zones::new()
        .zone(
            "clients.example",
            "1.113.0.203 IN A 127.0.0.2\n1.113.0.203 IN TXT \"seen in a trap\"\n2.113.0.203 IN A 127.0.0.10\n\
             2.113.0.203 IN A 127.0.0.4\n3.113.0.203 IN A 127.255.255.254\n",
        )
        .zone("domains.example", "bad.example IN A 127.0.1.2\nshop.example IN A 127.0.1.2\n")
        .serve();
    let server = Setup::new()
        .policy(Policy::Text(format!("{STEP}{ACCEPTING}")))
        .settings(&format!(
            "[dns]\nservers = [\"{}\"]\n[[listener]]\nname = \"filtered\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\nxclient-from = [\"127.0.0.1\"]",
            names.address()
        ))
        .start();
    let refused = send(&server, "203.0.113.1", "ann@example.org");
    assert!(
        refused.contains("550 5.7.1 203.0.113.1 is listed by clients.example: seen in a trap"),
        "{refused}"
    );
    for (client, sender, expected) in [
        (
            "203.0.113.2",
            "ann@example.org",
            &["CLIENT_DYNAMIC", "CLIENT_LISTED", "DOMAIN_LISTED"][..],
        ),
        ("203.0.113.3", "ann@bad.example", &["DOMAIN_LISTED"]),
        ("203.0.113.4", "", &["DOMAIN_LISTED"]),
    ] {
        let told = send(&server, client, sender);
        let id = told
            .strip_prefix("250 ")
            .and_then(|text| text.split_whitespace().last());
        let traced = server.cli(&["trace", id.unwrap_or_else(|| panic!("{told}"))]);
        for symbol in ["CLIENT_DYNAMIC", "CLIENT_LISTED", "DOMAIN_LISTED"] {
            let found = traced.contains(symbol);
            assert_eq!(
                found,
                expected.contains(&symbol),
                "{client}: {symbol}: {traced}"
            );
        }
    }
    let metrics = server.metrics();
    assert!(metrics.contains("unavailable"), "{metrics}");
}
