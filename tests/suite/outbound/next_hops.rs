//! Where routes lead: through a smart host that wants a login, and to a server that is spoken to by LMTP.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use waxwing_tests::authority::Authority;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

use super::{inbox, policy, queue_is_empty, submit};

const MESSAGE: &str = "Subject: x\r\n\r\nbody\r\n";

/// A server whose mail for everybody goes this way.
fn sender(route: &str, authority: &Authority, password: &str) -> Server {
    let Policy::Text(text) = policy(&[], "retry-after-seconds = [3600]") else {
        unreachable!()
    };
    let here = Setup::new()
        .policy(Policy::Text(format!("{text}routes.\"*\" = {route}\n")))
        .settings(
            "[[queue.credentials]]\nname = \"provider\"\nuser = \"customer@remote.example\"\npassword-file = \"secret\"\n",
        )
        .environment("SSL_CERT_FILE", authority.roots())
        .start();
    // It is read at each login.
    let secret = here.folder().join("secret");
    fs::write(secret, format!("{password}\nthe rest is a comment\n")).unwrap();
    here
}

fn receiver(authority: &Authority) -> Server {
    Setup::new()
        .policy(Policy::Accepting)
        .settings(&authority.issue("127.0.0.1").settings())
        .accounts(["carol@remote.example", "customer@remote.example"])
        .start()
}

/// A socket that leads to a server.
fn socket(path: &Path, to: SocketAddr) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(to).unwrap();
            let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || pump(near, far));
            thread::spawn(move || back(far_too, near_too));
        }
    });
}

fn pump(mut from: UnixStream, mut to: TcpStream) {
    let _ended = io::copy(&mut from, &mut to);
    let _closed = to.shutdown(std::net::Shutdown::Write);
}

fn back(mut from: TcpStream, mut to: UnixStream) {
    let _ended = io::copy(&mut from, &mut to);
    let _closed = to.shutdown(std::net::Shutdown::Write);
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

fn smart_host(there: &Server, listener: &str, more: &str) -> String {
    let port = there.address(listener).port();
    format!(
        "{{ hosts = [{{ host = \"127.0.0.1\", port = {port}, credentials = \"provider\"{more} }}] }}"
    )
}

#[test]
fn a_smart_host_is_logged_in_to() {
    let authority = Authority::new();
    let there = receiver(&authority);
    for (count, (listener, more)) in (1..).zip([
        ("submission", ""),
        ("submission-tls", ", implicit-tls = true"),
    ]) {
        let here = sender(&smart_host(&there, listener, more), &authority, PASSWORD);
        submit(&here, &["carol@remote.example"], MESSAGE);
        let arrived = inbox(&there, "carol@remote.example", count).remove(count - 1);
        assert!(arrived.contains("with ESMTPSA"), "{listener}: {arrived}");
        queue_is_empty(&here);
    }
}

#[test]
fn a_login_that_is_refused_keeps_mail_here() {
    let authority = Authority::new();
    let there = receiver(&authority);
    let here = sender(&smart_host(&there, "submission", ""), &authority, "wrong");
    submit(&here, &["carol@remote.example"], MESSAGE);
    let said = waits(&here);
    assert!(said.contains("535"), "{said}");
}

#[test]
fn a_password_is_told_only_to_whom_an_authority_vouches_for() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let there = receiver(&stranger);
    let here = sender(&smart_host(&there, "submission", ""), &authority, PASSWORD);
    submit(&here, &["carol@remote.example"], MESSAGE);
    let said = waits(&here);
    assert!(said.contains("certificate"), "{said}");
    assert!(!there.log().contains("login"), "{}", there.log());
}

#[test]
fn a_next_hop_can_be_spoken_to_by_lmtp() {
    let authority = Authority::new();
    let there = receiver(&authority);
    let route = format!("{{ lmtp = \"{}\" }}", there.address("lmtp"));
    let here = sender(&route, &authority, PASSWORD);
    // RFC 2033 §4.2: one answer for each.
    submit(
        &here,
        &["carol@remote.example", "nobody@remote.example"],
        MESSAGE,
    );
    let arrived = inbox(&there, "carol@remote.example", 1).remove(0);
    assert!(arrived.contains("with LMTPS"), "{arrived}");
    let report = inbox(&here, "alice@waxwing.test", 1).remove(0);
    assert!(
        report.contains("Final-Recipient: rfc822; nobody@remote.example\r\n"),
        "{report}"
    );
    queue_is_empty(&here);
}

#[test]
fn a_next_hop_can_be_a_socket_of_this_machine() {
    let authority = Authority::new();
    let there = receiver(&authority);
    let path = there.folder().join("lmtp");
    socket(&path, there.address("lmtp"));
    let route = format!("{{ lmtp = {:?} }}", path.display().to_string());
    let here = sender(&route, &authority, PASSWORD);
    submit(&here, &["carol@remote.example"], MESSAGE);
    let arrived = inbox(&there, "carol@remote.example", 1).remove(0);
    // Nobody else can read what goes over it.
    assert!(
        arrived.contains("with LMTP") && !arrived.contains("with LMTPS"),
        "{arrived}"
    );
    queue_is_empty(&here);
}

#[test]
fn an_address_literal_is_encrypted_like_a_name() {
    let authority = Authority::new();
    let there = receiver(&authority);
    let Policy::Text(text) = policy(&[], "retry-after-seconds = [3600]") else {
        unreachable!()
    };
    let here = Setup::new()
        .policy(Policy::Text(format!(
            "{text}routes.\"*\" = {{ mx-of = \"[127.0.0.1]\" }}\n"
        )))
        .settings(&format!(
            "[queue]\nport = {}\nprivate-hosts = true\n",
            there.address("smtp").port()
        ))
        .start();
    submit(&here, &["carol@remote.example"], MESSAGE);
    let arrived = inbox(&there, "carol@remote.example", 1).remove(0);
    assert!(arrived.contains("with ESMTPS"), "{arrived}");
}
