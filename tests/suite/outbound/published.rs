//! What domains publish of TLS is kept to: DANE (RFC 7672), MTA-STS (RFC 8461); and what they are told of it (RFC 8460).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::NamedTempFile;
use waxwing_auth::report::tls::TlsReport;
use waxwing_tests::authority::{Authority, Issued, Tunnel};
use waxwing_tests::names::{Names, Zones};
use waxwing_tests::pages::page;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

use super::{IMPATIENT, inbox, policy, queue_is_empty, submit};

const MESSAGE: &str = "Subject: x\r\n\r\nbody\r\n";

/// A server for carol, with a certificate of this name.
fn receiver(with: &Issued) -> Server {
    Setup::new()
        .policy(Policy::Accepting)
        .settings(&with.settings())
        .accounts(["carol@remote.example", "tls@remote.example"])
        .start()
}

/// What leads to a server, and is all in a zone that is signed.
fn zone(there: &Server, more: &str) -> Zones {
    let port = there.address("smtp").port();
    let lines = more.replace("PORT", &port.to_string());
    Zones::new().signed_zone(
        "remote.example",
        &format!("@ IN MX 10 mx.remote.example.\nmx IN A 127.0.0.1\n{lines}"),
    )
}

/// What a server needs of the DNS as long as it runs.
struct Dns {
    _names: Names,
    _anchors: NamedTempFile,
}

/// A server that finds others by these names, on the port of this one.
fn sender(zones: Zones, there: &Server, authority: &Authority, settings: &str) -> (Server, Dns) {
    let anchors = NamedTempFile::new().unwrap();
    std::fs::write(anchors.path(), zones.anchors()).unwrap();
    let names = zones.serve();
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nvalidate = \"always\"\ntrust-anchors = {:?}\n\
         [queue]\nreply = \"5s\"\nport = {}\nprivate-hosts = true\n{settings}\n",
        names.address(),
        anchors.path().display().to_string(),
        there.address("smtp").port(),
    );
    let here = Setup::new()
        .policy(policy(&[], IMPATIENT))
        .settings(&settings)
        .environment("SSL_CERT_FILE", authority.roots())
        .start();
    let dns = Dns {
        _names: names,
        _anchors: anchors,
    };
    (here, dns)
}

/// What was counted of the one domain, once there is so much of it.
fn counted(here: &Server, sessions: u64, failures: u64) {
    until("sessions are counted", PATIENCE, || {
        let listed = here.json(&["report", "list"]);
        let row = &listed[0];
        let enough = row["well"].as_u64()? >= sessions && row["failed"].as_u64()? >= failures;
        (row["domain"] == "remote.example" && enough).then_some(())
    });
}

/// What is said of the one message that waits.
fn waits(here: &Server) -> String {
    let said = || {
        let listed = here.json(&["queue", "list"]);
        let said = listed[0]["said"].as_str()?.to_owned();
        (!said.is_empty()).then_some(said)
    };
    until("an attempt is settled", PATIENCE, said).0
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn dane_vouches_for_a_certificate_of_nobody_else() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let issued = stranger.issue("other.example");
    let there = receiver(&issued);
    let published = format!(
        "_PORT._tcp.mx IN TLSA 3 0 0 {}\n_smtp._tls IN TXT \"v=TLSRPTv1; rua=mailto:tls@remote.example\"",
        hexadecimal(&issued.der)
    );
    let (here, _dns) = sender(zone(&there, &published), &there, &authority, "");
    submit(&here, &["carol@remote.example"], MESSAGE);
    let arrived = inbox(&there, "carol@remote.example", 1).remove(0);
    assert!(arrived.contains("with ESMTPS"), "{arrived}");
    queue_is_empty(&here);
    // And its domain is told.
    counted(&here, 1, 0);
    assert_eq!(here.json(&["report", "send"])["sent"], 1);
    let report = inbox(&there, "tls@remote.example", 1).remove(0);
    for line in [
        "TLS-Report-Domain: remote.example\r\n",
        "TLS-Report-Submitter: mx.waxwing.example\r\n",
        "TLS-Required: No\r\n",
        "report-type=\"tlsrpt\"",
    ] {
        assert!(report.contains(line), "{line:?} is missing:\n{report}");
    }
}

#[test]
fn dane_keeps_mail_from_any_other_certificate() {
    let authority = Authority::new();
    // Even from one that is good by itself.
    let there = receiver(&authority.issue("mx.remote.example"));
    let published = format!(
        "_PORT._tcp.mx IN TLSA 3 1 1 {}\n_smtp._tls IN TXT \"v=TLSRPTv1; rua=https://reports.example/in\"",
        "07".repeat(32)
    );
    let posted = Arc::<Mutex<Vec<Vec<u8>>>>::default();
    let into = Arc::clone(&posted);
    let tunnel = Tunnel::serve(&authority.issue("reports.example"), move |_, content| {
        into.lock().unwrap().push(content.to_vec());
        page("202 Accepted", "")
    });
    let proxy = format!("https-proxy = \"{}\"", tunnel.address());
    let (here, _dns) = sender(zone(&there, &published), &there, &authority, &proxy);
    submit(&here, &["carol@remote.example"], MESSAGE);
    let said = waits(&here);
    assert!(said.contains("certificate"), "{said}");
    counted(&here, 0, 1);
    assert_eq!(here.json(&["report", "send"])["sent"], 1);
    assert_eq!(tunnel.asked(), ["reports.example:443 POST /in HTTP/1.1"]);
    let report = TlsReport::read(&posted.lock().unwrap()[0]).unwrap();
    let [policy] = report.policies.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(policy.policy.policy_type, "tlsa");
    assert_eq!(policy.failure_details[0].result_type, "validation-failure");
    assert_eq!(
        policy.failure_details[0].receiving_mx_hostname,
        "mx.remote.example"
    );
    assert_eq!(
        there.imap("carol@remote.example").select("INBOX").unwrap(),
        0
    );
}

/// Serves a policy of MTA-STS, until it is told to stop.
fn policies(authority: &Authority, text: &'static str) -> (Tunnel, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(true));
    let is_open = Arc::clone(&open);
    let with = authority.issue("mta-sts.remote.example");
    let tunnel = Tunnel::serve(&with, move |_, _| match is_open.load(Ordering::Relaxed) {
        true => policy_page(text),
        false => page("503 Service Unavailable", ""),
    });
    (tunnel, open)
}

fn policy_page(text: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
    .into_bytes()
}

const RECORD: &str = "_mta-sts IN TXT \"v=STSv1; id=1;\"";

#[test]
fn a_policy_is_fetched_and_kept_to() {
    let authority = Authority::new();
    let there = receiver(&authority.issue("mx.remote.example"));
    let (tunnel, _) = policies(
        &authority,
        "version: STSv1\nmode: enforce\nmx: mx.remote.example\nmax_age: 86400\n",
    );
    let proxy = format!("https-proxy = \"{}\"", tunnel.address());
    let (here, _dns) = sender(zone(&there, RECORD), &there, &authority, &proxy);
    for _ in 0..2 {
        submit(&here, &["carol@remote.example"], MESSAGE);
    }
    let arrived = inbox(&there, "carol@remote.example", 2).remove(0);
    assert!(arrived.contains("with ESMTPS"), "{arrived}");
    assert_eq!(
        tunnel.asked(),
        ["mta-sts.remote.example:443 GET /.well-known/mta-sts.txt HTTP/1.1"]
    );
}

#[test]
fn a_policy_outlives_its_page_and_the_server() {
    let authority = Authority::new();
    let there = receiver(&authority.issue("mx.remote.example"));
    let (tunnel, open) = policies(
        &authority,
        "version: STSv1\nmode: enforce\nmx: other.remote.example\nmax_age: 86400\n",
    );
    let proxy = format!("https-proxy = \"{}\"", tunnel.address());
    let (mut here, _dns) = sender(zone(&there, RECORD), &there, &authority, &proxy);
    submit(&here, &["carol@remote.example"], MESSAGE);
    let said = waits(&here);
    assert!(said.contains("policy of MTA-STS"), "{said}");
    open.store(false, Ordering::Relaxed);
    here.kill();
    here.start();
    assert_eq!(here.json(&["queue", "remove", "--all"])["changed"], 1);
    submit(&here, &["carol@remote.example"], MESSAGE);
    let said = waits(&here);
    assert!(said.contains("policy of MTA-STS"), "{said}");
    assert_eq!(tunnel.asked().len(), 1);
    assert_eq!(
        there.imap("carol@remote.example").select("INBOX").unwrap(),
        0
    );
}

#[test]
fn a_certificate_that_is_not_good_is_let_pass_in_a_test_only() {
    for (mode, passes) in [("testing", true), ("enforce", false)] {
        let (authority, stranger) = (Authority::new(), Authority::new());
        let there = receiver(&stranger.issue("mx.remote.example"));
        let text = format!("version: STSv1\nmode: {mode}\nmx: *.remote.example\nmax_age: 86400\n");
        let with = authority.issue("mta-sts.remote.example");
        let tunnel = Tunnel::serve(&with, move |_, _| policy_page(&text));
        let proxy = format!("https-proxy = \"{}\"", tunnel.address());
        let (here, _dns) = sender(zone(&there, RECORD), &there, &authority, &proxy);
        submit(&here, &["carol@remote.example"], MESSAGE);
        if passes {
            assert_eq!(inbox(&there, "carol@remote.example", 1).len(), 1);
        } else {
            let said = waits(&here);
            assert!(said.contains("certificate"), "{said}");
        }
    }
}
