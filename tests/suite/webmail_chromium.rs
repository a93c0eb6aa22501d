//! The webmail in Chromium against the server that serves it: what `host/web/tests/real` does there.

use std::process::Command;

use waxwing_tests::client::Smtp;
use waxwing_tests::live::replace;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup, place, process};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n";

const MESSAGES: [&str; 3] = [
    "From: Ada <ada@example.org>\r\nTo: alice@waxwing.test\r\nSubject: Notes on the engine\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\
     MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
     <p>A carry that meets a nine has to go on.</p><img src=\"https://example.org/pixel\"><script>document.title = \"no\"</script>\r\n",
    "From: Charles <charles@example.org>\r\nTo: alice@waxwing.test\r\nSubject: Plans\r\nDate: Fri, 27 Nov 2026 11:00:00 +0000\r\nMessage-ID: <2@example.org>\r\n\
     MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nAttached.\r\n\
     --b\r\nContent-Type: text/plain; name=plan.txt\r\nContent-Disposition: attachment; filename=plan.txt\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdvIHdoZWVscwo=\r\n--b--\r\n",
    "From: Mary <mary@example.org>\r\nTo: alice@waxwing.test\r\nSubject: Stars\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <3@example.org>\r\n\r\nClear tonight.\r\n",
];

const JUNK: &str = "From: Prizes <prizes@example.org>\r\nTo: carol@waxwing.test\r\nSubject: You have won\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <4@example.org>\r\n\r\nSend money.\r\n";

/// Whom the files of tests are about: each has accounts of its own.
const PEOPLE: [&str; 6] = ["alice", "bob", "carol", "dan", "erin", "frank"];

/// A step that writes down what it hears of mailboxes.
const HEARS: &str = "\n[[step]]\nplugin = \"fixture\"\nname = \"hears\"\n\
                     grants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]\n\
                     settings = { hooks = { mailbox = \"tag\" } }\n";

fn start() -> Server {
    let accounts = PEOPLE.map(|name| format!("{name}@waxwing.test"));
    let server = Setup::new().accounts(accounts).settings(WEB).start();
    let policy = server.folder().join("policy.toml");
    let shipped = std::fs::read_to_string(&policy).unwrap();
    server.change(|| replace(&policy, format!("{shipped}{HEARS}")));
    let mut smtp = Smtp::open(server.address("smtp")).unwrap();
    let mut send = |to: &str, message: &str| {
        let sent = smtp.send("sender@example.org", &[to], message.as_bytes());
        sent.unwrap().class(2).unwrap();
    };
    for message in MESSAGES {
        send("alice@waxwing.test", message);
        send("frank@waxwing.test", message);
    }
    send("carol@waxwing.test", JUNK);
    server
}

#[test]
fn a_sitting_at_the_real_server() {
    let web = place::repository().join("host/web");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
    if !process::has_file(chromium.as_ref())
        || !process::has_file(&web.join("node_modules/.bin/vitest"))
    {
        eprintln!(
            "SKIPPED: Chromium is not installed, or what tools/web.sh installs is missing; tools/setup.sh browser does the former"
        );
        return;
    }
    let server = start();
    let pictures = std::env::var_os("PICTURES");
    let pictures = pictures.map_or_else(|| place::target().join("pictures"), Into::into);
    let mut command = Command::new("npm");
    command
        .args(["run", "--silent", "real"])
        .current_dir(&web)
        .env("NO_COLOR", "1")
        .env("CHROMIUM", chromium)
        .env("PICTURES", pictures)
        .env("WAXWING_IMAP", server.address("imap").to_string())
        .env(
            "WAXWING_WEBMAIL",
            format!("http://{}/mail/", server.address("web")),
        )
        .env("WAXWING_PASSWORD", PASSWORD);
    let output = process::run(&mut command, "");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(!server.log().contains(PASSWORD));
    // What was said to be junk, and not to be, policy can learn from.
    for line in [
        "jmap carol@waxwing.test move INBOX Junk ",
        "jmap carol@waxwing.test move Junk INBOX ",
    ] {
        until(line, PATIENCE, || server.log().contains(line).then_some(()));
    }
    server.verify();
}
