//! Certificates that the server gets by itself, from Pebble: by each challenge, renewed, and what is told when it gets none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use waxwing_tests::authority::Authority;
use waxwing_tests::names::{Names, Zones};
use waxwing_tests::pages::{Pages, page};
use waxwing_tests::pebble::{Manner, Pebble};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup, process};

const HOST: &str = "mx.waxwing.example";
const LISTENERS: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\n\
                         [[listener]]\nname = \"secure-web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n";

/// The zones of the server's host and domain, both on this machine.
fn zones() -> Zones {
    Zones::new()
        .zone("waxwing.test", "mta-sts IN A 127.0.0.1")
        .zone("waxwing.example", "mx IN A 127.0.0.1")
}

/// Asks these names, and looks at nothing else of the machine's DNS.
fn asking(names: &Names) -> String {
    format!(
        "[dns]\nservers = [\"{}\"]\nvalidate = \"never\"\n",
        names.address()
    )
}

/// A server that gets certificates there, by these challenges.
fn start(pebble: &Pebble, names: &Names, more: &str) -> Server {
    let settings = format!("{}{more}{}{LISTENERS}", pebble.settings(), asking(names));
    let server = Setup::new().settings(&settings).start();
    pebble.looks_at(
        Some(server.address("web")),
        Some(server.address("secure-web")),
    );
    server
}

fn list(server: &Server) -> Vec<Value> {
    let listed = server.json(&["certificate", "list"]);
    listed.as_array().cloned().unwrap_or_default()
}

/// How a name's certificate is.
fn of(server: &Server, name: &str) -> Option<Value> {
    list(server).into_iter().find(|one| one["name"] == name)
}

/// Waits until a name has its certificate; a nonce too many that was refused is no failure of ours.
fn got(server: &Server, name: &str) {
    until("the certificate is there", PATIENCE, || {
        let one = of(server, name)?;
        if one["state"] == "failed" && one["problem"].as_str()?.contains("badNonce") {
            let _tried = server.run(&["certificate", "order", name], "");
        }
        (one["state"] == "in use").then_some(())
    });
}

/// What a client of this root says of a listener with TLS, asked for by a name: nothing if it is content.
fn seen(root: &Path, server: &Server, listener: &str, name: &str) -> String {
    let at = server.address(listener);
    let output = process::ask(
        "openssl",
        &[
            "s_client",
            "-connect",
            &at.to_string(),
            "-servername",
            name,
            "-verify_hostname",
            name,
            "-verify_return_error",
            "-brief",
            "-alpn",
            "imap,h2,http/1.1",
            "-CAfile",
            &root.display().to_string(),
        ],
    );
    if output.status.success() {
        String::new()
    } else {
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn order(server: &Server, name: &str) -> (Option<i32>, String) {
    let Output { status, stdout, .. } = server.run(&["certificate", "order", name], "");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned())
}

#[test]
fn a_page_brings_a_certificate_that_is_used_at_once_and_kept() {
    if !Pebble::is_installed() {
        return;
    }
    let names = zones().serve();
    // More nonces than usual are refused: each request may have to be sent again.
    let pebble = Pebble::start(Manner {
        names: Some(names.address()),
        refused_nonces: Some(20),
        ..Manner::default()
    });
    let mut server = start(&pebble, &names, "challenges = [\"http-01\"]\n");
    got(&server, HOST);
    let root = pebble.issued_by();
    for listener in ["imap-tls", "submission-tls", "secure-web"] {
        assert_eq!(seen(&root, &server, listener, HOST), "", "{listener}");
    }
    for file in ["account.json", "mx.waxwing.example.pem"] {
        let path = server.data().join("acme").join(file);
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    // Its key is the one of before, which may have been published (DANE).
    let key = fs::read_to_string(server.data().join("tls/key.pem")).unwrap();
    let file = server.data().join("acme/mx.waxwing.example.pem");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&key), "{text}");
    // A domain with a policy gets one for the name of its host, once that leads here.
    assert!(of(&server, "mta-sts.waxwing.test").is_none());
    let _set = server.cli(&["domain", "mta-sts", "waxwing.test", "--mode", "testing"]);
    until("the other name is known", PATIENCE, || {
        let _tried = server.run(&["certificate", "order"], "");
        of(&server, "mta-sts.waxwing.test")
    });
    got(&server, "mta-sts.waxwing.test");
    assert_eq!(
        seen(&root, &server, "secure-web", "mta-sts.waxwing.test"),
        ""
    );
    let said = server.cli(&["status"]);
    assert!(said.contains("mta-sts.waxwing.test"), "{said}");
    // A restart orders nothing.
    server.kill();
    server.start();
    assert_eq!(seen(&root, &server, "imap-tls", HOST), "");
    let (code, _) = order(&server, "nobody.example");
    assert_eq!(code, Some(65));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_handshake_brings_a_certificate() {
    if !Pebble::is_installed() {
        return;
    }
    let names = zones().serve();
    let pebble = Pebble::start(Manner {
        names: Some(names.address()),
        ..Manner::default()
    });
    let server = start(&pebble, &names, "challenges = [\"tls-alpn-01\"]\n");
    got(&server, HOST);
    let root = pebble.issued_by();
    assert_eq!(seen(&root, &server, "secure-web", HOST), "");
    assert_eq!(seen(&root, &server, "imap-tls", HOST), "");
}

#[test]
fn a_record_brings_a_certificate_and_is_taken_away() {
    if !Pebble::is_installed() {
        return;
    }
    let secret = b"0123456789abcdef0123456789abcdef";
    let (names, updates) = zones().serve_with_updates(("waxwing-key", secret));
    let pebble = Pebble::start(Manner {
        names: Some(names.address()),
        ..Manner::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let dns = format!(
        "challenges = [\"dns-01\"]\n[acme.dns]\nserver = \"{}\"\nkey = \"waxwing-key\"\nsecret-file = {:?}\nsettle = \"0s\"\n",
        updates.address(),
        file.display().to_string(),
    );
    // Another secret than the name server's.
    fs::write(&file, "bm90IHRoZSBzZWNyZXQ=\n").unwrap();
    let server = start(&pebble, &names, &dns);
    let (one, _) = until("the key is not taken", PATIENCE, || {
        of(&server, HOST).filter(|one| one["state"] == "failed")
    });
    let told = one["problem"].as_str().unwrap();
    assert!(
        told.contains("does not take the key waxwing-key."),
        "{told}"
    );
    assert_eq!(updates.taken(), Vec::<String>::new());

    fs::write(&file, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
    let (code, said) = order(&server, HOST);
    assert_eq!(code, Some(0), "{said}");
    got(&server, HOST);
    assert_eq!(seen(&pebble.issued_by(), &server, "imap-tls", HOST), "");
    let taken = updates.taken();
    let signs: Vec<_> = taken.iter().map(|line| line.split_at(1)).collect();
    assert_eq!(signs.len(), 2, "{taken:?}");
    assert_eq!((signs[0].0, signs[1].0), ("+", "-"));
    assert_eq!(signs[0].1, signs[1].1);
    assert!(
        signs[0]
            .1
            .starts_with(" _acme-challenge.mx.waxwing.example. ")
    );
}

#[test]
fn what_is_old_is_renewed_with_its_key() {
    if !Pebble::is_installed() {
        return;
    }
    let names = zones().serve();
    let mut pebble = Pebble::away(Manner {
        names: Some(names.address()),
        ..Manner::default()
    });
    let mut server = start(&pebble, &names, "");
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let soon = now.date().checked_add(jiff::Span::new().days(20)).unwrap();
    let day = (
        soon.year().into(),
        soon.month().unsigned_abs(),
        soon.day().unsigned_abs(),
    );
    let authority = Authority::new();
    let old = authority.issue_until(HOST, day);
    server.kill();
    let key = fs::read_to_string(&old.key).unwrap();
    let both = key.clone() + &fs::read_to_string(&old.certificate).unwrap();
    let file = server.data().join("acme/mx.waxwing.example.pem");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, both).unwrap();
    let _none = fs::remove_file(server.data().join("acme/attempts.json"));
    server.start();
    pebble.looks_at(
        Some(server.address("web")),
        Some(server.address("secure-web")),
    );
    // While the authority is away, the old one is shown, and it is said what is wrong.
    assert_eq!(seen(&authority.roots(), &server, "imap-tls", HOST), "");
    let (one, _) = until("it is said", PATIENCE, || {
        of(&server, HOST).filter(|one| one["state"] == "in use, not renewed")
    });
    let told = one["problem"].as_str().unwrap();
    assert!(told.contains("cannot be reached"), "{told}");
    pebble.come();
    let (code, said) = order(&server, HOST);
    assert_eq!(code, Some(0), "{said}");
    got(&server, HOST);
    assert_eq!(seen(&pebble.issued_by(), &server, "imap-tls", HOST), "");
    assert!(fs::read_to_string(&file).unwrap().starts_with(&key));
}

#[test]
fn another_way_is_tried_after_a_failure_and_the_reason_told() {
    if !Pebble::is_installed() {
        return;
    }
    let names = zones().serve();
    let pebble = Pebble::start(Manner {
        names: Some(names.address()),
        ..Manner::default()
    });
    let other = Pages::serve(|_| Some(page("200 OK", "somebody else's")));
    let settings = format!("{}{}{LISTENERS}", pebble.settings(), asking(&names));
    let server = Setup::new().settings(&settings).start();
    pebble.looks_at(Some(other.address()), Some(server.address("secure-web")));
    let (one, _) = until("it has failed", PATIENCE, || {
        of(&server, HOST).filter(|one| one["state"] == "failed")
    });
    let told = one["problem"].as_str().unwrap();
    assert!(
        told.contains("another server answered") || told.contains("badNonce"),
        "{told}"
    );
    assert!(one["next"].as_i64() > Some(jiff::Timestamp::now().as_millisecond()));
    let said = server.log();
    assert!(
        said.contains("`waxwing certificate order mx.waxwing.example`"),
        "{said}"
    );
    // What everybody sees meanwhile is the development certificate.
    let own = server.data().join("tls/certificate.pem");
    assert_eq!(seen(&own, &server, "imap-tls", HOST), "");
    // The page is not there, and a handshake is.
    until("the other way works", PATIENCE, || {
        let _tried = order(&server, HOST);
        of(&server, HOST).filter(|one| one["state"] == "in use")
    });
    assert_eq!(seen(&pebble.issued_by(), &server, "imap-tls", HOST), "");
}

#[test]
fn an_authority_that_is_away_or_has_forgotten_us_is_asked_again() {
    if !Pebble::is_installed() {
        return;
    }
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let names = zones().serve();
    let mut pebble = Pebble::away(Manner {
        names: Some(names.address()),
        external: Some(("kid-1", key)),
        ..Manner::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, key).unwrap();
    let account = format!(
        "external-account = \"kid-1\"\nexternal-account-key-file = {:?}\n",
        file.display().to_string()
    );
    let server = start(&pebble, &names, &account);
    let (one, _) = until("it is said", PATIENCE, || {
        of(&server, HOST).filter(|one| one["state"] == "failed")
    });
    let told = one["problem"].as_str().unwrap();
    assert!(told.contains("cannot be reached"), "{told}");
    pebble.come();
    let _ordered = order(&server, HOST);
    got(&server, HOST);
    // It has lost all it knew.
    let before = fs::read_to_string(server.data().join("acme/account.json")).unwrap();
    pebble.come();
    until("there is another account", PATIENCE, || {
        let _tried = order(&server, HOST);
        fs::read_to_string(server.data().join("acme/account.json"))
            .ok()
            .filter(|account| *account != before)
    });
    got(&server, HOST);
}
