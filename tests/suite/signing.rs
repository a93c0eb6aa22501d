//! What leaves is signed, and what is forwarded sealed: between real servers, over a DNS in which keys are published as an administrator
//! would.

mod jmap;
mod keys;
mod sealing;
mod vacation;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use waxwing_tests::answers::{Answers, Record, Said, kind, texts};
use waxwing_tests::client::Smtp;
use waxwing_tests::database::Database;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

/// Texts by name, which a test changes while they are served.
#[derive(Clone, Default)]
struct Published(Arc<Mutex<HashMap<String, String>>>);

impl Published {
    fn set(&self, name: &str, text: &str) {
        let mut texts = self.0.lock().unwrap();
        texts.insert(name.to_owned(), text.to_owned());
    }

    /// What the administrator of a domain does with what `domain key` says.
    fn keys(&self, server: &Server, domain: &str) {
        for key in keys(server, domain) {
            self.set(
                key["name"].as_str().unwrap(),
                key["record"].as_str().unwrap(),
            );
        }
    }

    fn serve(&self) -> Answers {
        let texts_of = self.clone();
        Answers::serve_for(1, move |name, of| {
            let said = texts_of.0.lock().unwrap();
            match said.get(name) {
                Some(text) if of == kind::TXT => Said::Records(vec![Record {
                    owner: name.to_owned(),
                    kind: of,
                    data: texts([text.as_str()].into_iter()),
                }]),
                Some(_) => Said::Records(Vec::new()),
                None => Said::NoSuchName,
            }
        })
    }
}

fn keys(server: &Server, domain: &str) -> Vec<Value> {
    let request = json!({ "command": "domain-key", "do": "list", "domain": domain });
    let listed = server.admin().ask(&request).unwrap();
    listed.as_array().unwrap().clone()
}

/// Waits until a domain has two keys that sign.
fn until_it_signs(server: &Server, domain: &str) {
    until("two keys sign", PATIENCE, || {
        let keys = keys(server, domain);
        let signing = keys.iter().filter(|key| key["phase"] == "signing");
        (signing.count() == 2).then_some(())
    });
}

/// A listener that finds out who mail is from, on the loopback, and a hurried life for keys.
fn settings(names: &Answers) -> String {
    format!(
        "[dns]\nservers = [\"{}\"]\nvalidate = \"never\"\n[dkim]\nsettle = \"1s\"\ngrace = \"3s\"\nlook = \"1s\"\n\
         [queue]\nreply = \"1s\"\nlease = \"3s\"\n\
         [[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\ncheck-origin = true\n\
         [[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n",
        names.address()
    )
}

/// A server that signs and sends, with a route to a server of the test.
fn sender(names: &Answers, database: Database, route: SocketAddr) -> Server {
    let policy = format!(
        "[[step]]\nplugin = \"login\"\ngrants = [\"credentials\", \"kv\"]\nlimits = {{ deadline-ms = 15000 }}\n\
         settings = {{ trust = [\"127.0.0.0/8\"] }}\n\
         [[step]]\nplugin = \"recipients\"\ngrants = [\"directory\", \"relay\"]\n\
         [[step]]\nplugin = \"signing\"\ngrants = [\"message\", \"directory\"]\n\
         [[step]]\nplugin = \"outbound\"\n[step.settings]\nretry-after-seconds = [1]\n\
         routes.\"*\" = {{ hosts = [{{ host = \"127.0.0.1\", port = {} }}] }}\n",
        route.port()
    );
    Setup::new()
        .policy(Policy::Text(policy))
        .database(database)
        .settings(&settings(names))
        .start()
}

/// A server that finds out who mail is from and files it.
fn receiver(names: &Answers) -> Server {
    Setup::new()
        .policy(Policy::Accepting)
        .accounts(["carol@remote.example"])
        .settings(&settings(names))
        .start()
}

fn submit(server: &Server, to: &str, message: &str) {
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    let login = smtp.login("alice@waxwing.test", PASSWORD).unwrap();
    login.class(2).unwrap();
    let sent = smtp.send("alice@waxwing.test", &[to], message.as_bytes());
    sent.unwrap().class(2).unwrap();
}

/// The message of this subject, once it is there.
fn arrived(server: &Server, user: &str, subject: &str) -> String {
    let wanted = format!("\r\nSubject: {subject}\r\n");
    let (message, _) = until("mail arrives", PATIENCE, || {
        let mut imap = server.imap(user);
        if imap.select("INBOX").unwrap() == 0 {
            return None;
        }
        let messages = imap.fetch("1:*").unwrap();
        let texts = messages
            .iter()
            .map(|message| String::from_utf8_lossy(&message.octets).into_owned());
        texts.into_iter().find(|text| text.contains(&wanted))
    });
    message
}

/// Authentication-Results of the receiver, on one line.
fn results(message: &str) -> String {
    let unfolded = message.replace("\r\n\t", " ");
    let mut fields = unfolded.lines();
    let found = fields.find(|line| line.starts_with("Authentication-Results: "));
    found.unwrap_or_else(|| panic!("{message}")).to_owned()
}

const LETTER: &str = "From: Alice <alice@waxwing.test>\r\nTo: carol@remote.example\r\nSubject: ";

#[test]
fn a_submitted_message_passes_with_both_keys() {
    let published = Published::default();
    published.set("_dmarc.waxwing.test", "v=DMARC1; p=reject");
    let names = published.serve();
    let there = receiver(&names);
    let here = sender(&names, Database::Sqlite, there.address("mx"));
    let said = here.cli(&["domain", "key", "add", "waxwing.test"]);
    let records: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(" IN TXT "))
        .collect();
    assert_eq!(records.len(), 2, "{said}");
    assert!(
        records[0].contains("._domainkey.waxwing.test. IN TXT \"v=DKIM1; k="),
        "{said}"
    );
    // What was not seen in the DNS does not sign.
    submit(
        &here,
        "carol@remote.example",
        &format!("{LETTER}early\r\n\r\nhello\r\n"),
    );
    let early = arrived(&there, "carol@remote.example", "early");
    assert!(!early.contains("DKIM-Signature"), "{early}");
    assert!(results(&early).contains("dkim=none"), "{early}");

    published.keys(&here, "waxwing.test");
    until_it_signs(&here, "waxwing.test");
    submit(
        &here,
        "carol@remote.example",
        &format!("{LETTER}signed\r\nBcc: x@y.example\r\n\r\nhello\r\n"),
    );
    let signed = arrived(&there, "carol@remote.example", "signed");
    let found = results(&signed);
    for part in [
        "dkim=pass header.d=waxwing.test header.s=r",
        "header.a=rsa-sha256",
        "header.a=ed25519-sha256",
        "dmarc=pass (p=reject) header.from=waxwing.test",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert_eq!(found.matches("dkim=pass").count(), 2, "{found}");
    // The server's own fields are there before they are signed, and nobody may add a second From.
    let unfolded = signed.replace("\r\n\t ", "").replace("\r\n\t", " ");
    for names in [
        "From:From:",
        "Subject:Subject:",
        "Date:Date:",
        "Message-ID:Message-ID:",
    ] {
        assert_eq!(unfolded.matches(names).count(), 2, "{names}: {signed}");
    }
    assert!(!signed.contains("y.example"));
    let log = here.log();
    assert!(log.contains("a key signs from now on"), "{log}");
}

#[test]
fn what_hosts_of_7_bits_would_break_is_converted_before_it_is_signed() {
    let published = Published::default();
    let names = published.serve();
    let there = receiver(&names);
    // A host without 8BITMIME, on the way.
    let here = sender(&names, Database::Sqlite, there.address("mx"));
    let _added = here.cli(&["domain", "key", "add", "waxwing.test"]);
    published.keys(&here, "waxwing.test");
    until_it_signs(&here, "waxwing.test");
    submit(
        &here,
        "carol@remote.example",
        &format!("{LETTER}umlaut\r\n\r\ngr\u{fc}n\r\n"),
    );
    let message = arrived(&there, "carol@remote.example", "umlaut");
    assert!(
        message.contains("\r\nContent-Transfer-Encoding: quoted-printable\r\n"),
        "{message}"
    );
    assert!(message.ends_with("\r\n\r\ngr=C3=BCn\r\n"), "{message}");
    assert_eq!(
        results(&message).matches("dkim=pass").count(),
        2,
        "{message}"
    );
}

#[test]
fn nobody_signs_as_somebody_else() {
    let published = Published::default();
    let names = published.serve();
    let there = receiver(&names);
    let here = sender(&names, Database::Sqlite, there.address("mx"));
    let _added = here.cli(&["domain", "key", "add", "waxwing.test"]);
    published.keys(&here, "waxwing.test");
    until_it_signs(&here, "waxwing.test");
    let forged =
        "From: bob@waxwing.test\r\nTo: carol@remote.example\r\nSubject: forged\r\n\r\nhello\r\n";
    submit(&here, "carol@remote.example", forged);
    // Nor does a stranger have his words signed by way of an alias.
    here.admin()
        .add_alias("away@waxwing.test", &["carol@remote.example"]);
    let stranger = forged.replace("forged", "stranger");
    let sent = here.smtp().send(
        "eve@elsewhere.example",
        &["away@waxwing.test"],
        stranger.as_bytes(),
    );
    sent.unwrap().class(2).unwrap();
    for subject in ["forged", "stranger"] {
        let message = arrived(&there, "carol@remote.example", subject);
        assert!(results(&message).contains("dkim=none"), "{message}");
    }
}

#[test]
fn reports_are_signed() {
    let published = Published::default();
    let names = published.serve();
    let peer = Peer::start(|_, command| match command {
        "RCPT TO:<nobody@remote.example>" => Act::Say("550 5.1.1 no such user"),
        _ => Act::Usual,
    });
    let here = sender(&names, Database::Sqlite, peer.address());
    // The host is mx.waxwing.example.
    here.admin().add_domain("waxwing.example");
    let _added = here.cli(&["domain", "key", "add", "waxwing.example"]);
    published.keys(&here, "waxwing.example");
    until_it_signs(&here, "waxwing.example");
    here.admin()
        .add_alias("away@waxwing.test", &["nobody@remote.example"]);
    let sent = here.smtp().send(
        "eve@elsewhere.example",
        &["away@waxwing.test"],
        b"Subject: x\r\n\r\nhello\r\n",
    );
    sent.unwrap().class(2).unwrap();
    let report = peer.takes(1).remove(0);
    assert_eq!(report.rcpt, ["RCPT TO:<eve@elsewhere.example>"]);
    let signatures = report.content.matches("DKIM-Signature: v=1; a=").count();
    assert_eq!(signatures, 2, "{}", report.content);
    assert!(
        report.content.contains("\td=waxwing.example; s="),
        "{}",
        report.content
    );
}
