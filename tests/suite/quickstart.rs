//! From nothing to a first message that was sent and read: `waxwing quickstart`, a DNS that serves what it prints, and an authority.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use waxwing_tests::client::Http;
use waxwing_tests::names::{Names, Zones};
use waxwing_tests::pebble::{Manner, Pebble};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, place, process};

const DOMAIN: &str = "start.example";
const HOST: &str = "mx.start.example";
const ALICE: &str = "alice@start.example";

/// How long all of it may take, the first compilation of the plugins included.
const BOUND: Duration = Duration::from_secs(60);

/// A place where nothing is yet.
fn nowhere(environment: Vec<(String, std::path::PathBuf)>) -> Server {
    let folder = tempfile::Builder::new()
        .prefix("waxwing-")
        .tempdir()
        .unwrap();
    Server::in_folder(folder, environment, BOUND)
}

/// Sets it up; what it printed, and how it ended.
fn quickstart(server: &Server, more: &[&str], password: &str) -> Output {
    let plugins = place::plugins().display().to_string();
    let mut arguments = vec!["quickstart", DOMAIN, ALICE, "--plugins", &plugins];
    arguments.extend(["--listen", "127.0.0.1", "--ports", "free"]);
    arguments.extend(more);
    server.run(&arguments, password)
}

/// The records as they are printed, served, and an address for the host.
fn publish(records: &Value) -> Names {
    let line = |record: &Value| {
        let [name, kind, data] = ["name", "type", "data"].map(|of| record[of].as_str().unwrap());
        format!("{name} 300 IN {kind} {data}\n")
    };
    let lines: String = records.as_array().unwrap().iter().map(line).collect();
    Zones::new()
        .zone(DOMAIN, &(lines + "mx IN A 127.0.0.1\n"))
        .serve()
}

/// What curl says, which knows the host by these roots.
fn curl(root: &Path, server: &Server, listener: &str, arguments: &[&str], path: &str) -> Output {
    let port = server.address(listener).port();
    let scheme = if listener == "imaps" {
        "imaps"
    } else {
        "smtps"
    };
    let mut all = vec![
        "-sS".to_owned(),
        "--cacert".to_owned(),
        root.display().to_string(),
        "--resolve".to_owned(),
        format!("{HOST}:{port}:127.0.0.1"),
        "--url".to_owned(),
        format!("{scheme}://{HOST}:{port}{path}"),
    ];
    all.extend(arguments.iter().map(|one| (*one).to_owned()));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    process::ask("curl", &all)
}

#[test]
fn a_first_message_is_sent_and_read_within_a_minute() {
    if !Pebble::is_installed() {
        return;
    }
    let mut pebble = Pebble::away(Manner::default());
    let begun = Instant::now();
    let fresh = nowhere(Vec::new());
    let (directory, roots) = (pebble.directory(), pebble.roots().display().to_string());
    let output = quickstart(
        &fresh,
        &["--acme", &directory, "--acme-roots", &roots, "--json"],
        "",
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let password = told["password"].as_str().unwrap();
    assert_eq!(password.len(), 23, "{password}");
    let set_up = begun.elapsed();

    let names = publish(&told["records"]);
    pebble.asks(names.address());
    pebble.come();
    let mut server =
        fresh.with_environment("WAXWING_DNS_SERVERS", names.address().to_string().into());
    server.start();
    pebble.looks_at(Some(server.address("http")), Some(server.address("https")));
    let started = begun.elapsed();

    until("the certificate is there", PATIENCE, || {
        let listed = server.json(&["certificate", "list"]);
        let own = listed
            .as_array()?
            .iter()
            .find(|one| one["name"] == HOST)?
            .clone();
        if own["state"] == "failed" {
            // A nonce too many that was refused, or an answer that came before ours was known.
            let _tried = server.run(&["certificate", "order", HOST], "");
        }
        (own["state"] == "in use").then_some(())
    });
    let certified = begun.elapsed();

    let root = pebble.issued_by();
    let login = format!("{ALICE}:{password}");
    let message = server.folder().join("message");
    fs::write(
        &message,
        format!("From: {ALICE}\r\nTo: {ALICE}\r\nSubject: A first message\r\n\r\nIt works.\r\n"),
    )
    .unwrap();
    let upload = message.display().to_string();
    let sent = curl(
        &root,
        &server,
        "submissions",
        &[
            "--user",
            &login,
            "--mail-from",
            ALICE,
            "--mail-rcpt",
            ALICE,
            "-T",
            &upload,
        ],
        "",
    );
    assert!(
        sent.status.success(),
        "{}",
        String::from_utf8_lossy(&sent.stderr)
    );
    let read = curl(
        &root,
        &server,
        "imaps",
        &["--user", &login],
        "/INBOX;MAILINDEX=1",
    );
    let text = String::from_utf8_lossy(&read.stdout);
    assert!(text.contains("Subject: A first message"), "{text}");
    let taken = begun.elapsed();
    eprintln!(
        "set up in {set_up:.1?}, serving after {started:.1?}, with its certificate after {certified:.1?}, a first message read after {taken:.1?}"
    );
    assert!(taken < BOUND, "{taken:?}");

    // Mail of others comes in, for the postmaster, too; and the records are those that are wanted.
    let mut smtp = waxwing_tests::client::Smtp::open(server.address("mx")).unwrap();
    let _greeted = smtp.command("EHLO sender.example").unwrap();
    for to in [ALICE, "postmaster@start.example"] {
        let message =
            format!("From: a@sender.example\r\nTo: {to}\r\nSubject: hello\r\n\r\nhello\r\n");
        let reply = smtp
            .send("a@sender.example", &[to], message.as_bytes())
            .unwrap();
        assert_eq!(reply.code, 250, "{reply:?}");
    }
    let checked = server.run(&["domain", "check", DOMAIN], "");
    let findings = String::from_utf8_lossy(&checked.stdout).into_owned();
    for about in [
        "mx: ", "spf: ", "dkim: ", "dmarc: ", "tlsrpt: ", "srv: ", "dane: ",
    ] {
        assert!(
            !findings.lines().any(|line| line.starts_with(about)),
            "{findings}"
        );
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let server = nowhere(Vec::new());
    let config = server.folder().join("waxwing.toml");
    let policy = server.folder().join("policy.toml");
    fs::write(&policy, "# mine\n").unwrap();
    // What cannot be meant is said before anything is written.
    let run = |arguments: &[&str]| {
        let Output { status, stderr, .. } = server.run(arguments, "");
        (status.code(), String::from_utf8_lossy(&stderr).into_owned())
    };
    let (code, said) = run(&["quickstart", DOMAIN, "alice@elsewhere.example"]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("is no address of start.example"), "{said}");
    let plugins = server.folder().display().to_string();
    let (code, said) = run(&["quickstart", DOMAIN, ALICE, "--plugins", &plugins]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("has no plugins"), "{said}");
    let output = quickstart(&server, &["--acme", "no URL"], "");
    assert_eq!(output.status.code(), Some(64));
    assert!(!config.exists() && !server.data().exists());

    let output = quickstart(&server, &["--password-stdin"], "a secret of alice's\n");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for line in [
        "start.example is set up on mx.start.example.",
        "start.example. 3600 IN MX 10 mx.start.example.",
        "mta-sts.start.example. 3600 IN CNAME mx.start.example.",
        "_25._tcp.mx.start.example. 3600 IN TLSA 3 1 1 ",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("a secret"), "{said}");
    assert_eq!(fs::read_to_string(&policy).unwrap(), "# mine\n");
    // What was begun and broken off can be begun again; what is done cannot.
    let text = fs::read_to_string(&config).unwrap();
    let again = quickstart(&server, &["--password-stdin"], "another\n");
    assert_eq!(again.status.code(), Some(65));
    assert_eq!(fs::read_to_string(&config).unwrap(), text);
    fs::remove_file(&config).unwrap();
    let keys = |server: &Server| server.json(&["domain", "key", "list", DOMAIN]);
    let again = quickstart(&server, &["--password-stdin"], "another\n");
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    assert_eq!(fs::read_to_string(&config).unwrap(), text);
    assert_eq!(keys(&server).as_array().unwrap().len(), 2);
}

#[test]
fn a_phone_is_led_to_its_profile() {
    let mut server = nowhere(Vec::new());
    let output = quickstart(&server, &["--password-stdin"], "secret\n");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // With a port of its own it has no link: it is another one each time.
    let (none, image) = (
        server.run(&["account", "profile", ALICE], ""),
        server.run(&["account", "profile", "nobody@start.example"], ""),
    );
    assert_eq!(none.status.code(), Some(78));
    assert_eq!(image.status.code(), Some(65));
    server.start();
    let mut web = Http::open_tls(server.address("https")).unwrap();
    let page = web.get("/apple?address=alice%40start.example").unwrap();
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let text = String::from_utf8_lossy(&page.body).into_owned();
    assert!(text.contains("alice@start.example"), "{text}");
    // Whether there is such an account is not said; domains of others have no page.
    assert_eq!(
        web.get("/apple?address=nobody%40start.example")
            .unwrap()
            .status,
        200
    );
    assert_eq!(
        web.get("/apple?address=bob%40other.example")
            .unwrap()
            .status,
        404
    );
    assert_eq!(
        web.get("/.well-known/acme-challenge/token").unwrap().status,
        404
    );
}
