//! Programs that fetch and read mail: getmail, fetchmail, OfflineIMAP, NeoMutt, S-nail, ImapFlow; and mbsync and Thunderbird with many messages.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup, place, process};

use super::{installed, mails, mbsyncrc, must};

const ALICE: &str = "alice@waxwing.test";
/// The user and the group without rights, as Debian numbers them.
const NOBODY: u32 = 65534;
/// Messages of most of these tests.
const FEW: usize = 12;

/// A message with what trips programs over: dots, and a line that mboxes quote.
fn message(number: usize) -> String {
    format!(
        "From: bob@waxwing.test\r\nTo: {ALICE}\r\nDate: Thu, 26 Nov 2026 20:55:26 +0000\r\nMessage-ID: <{number}@waxwing.test>\r\n\
         Subject: message {number}\r\n\r\ntext {number}\r\n.\r\n..\r\nFrom here\r\n"
    )
}

fn fill(server: &Server, count: usize) {
    let mut imap = server.imap(ALICE);
    for number in 0..count {
        let appended = imap.append("INBOX", "", message(number).as_bytes());
        appended.unwrap().ok().unwrap();
    }
}

fn port(server: &Server, listener: &str) -> u16 {
    server.address(listener).port()
}

/// A file that only its owner reads, as these programs demand of files with passwords.
fn secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The contents of files, line ends as in the store.
fn contents(folder: &Path) -> Vec<String> {
    let read = |name: String| {
        fs::read_to_string(folder.join(name))
            .unwrap()
            .replace('\n', "\r\n")
    };
    let mut all: Vec<String> = mails(folder).into_iter().map(read).collect();
    all.sort();
    all
}

fn expected(count: usize) -> Vec<String> {
    let mut all: Vec<String> = (0..count).map(message).collect();
    all.sort();
    all
}

#[test]
fn getmail() {
    if !installed("getmail") {
        return;
    }
    let server = Setup::new().start();
    fill(&server, FEW);
    // It does not deliver as root. Another user may not see this folder, so that user gets a copy of the script.
    let folder = tempfile::Builder::new()
        .prefix("waxwing-getmail-")
        .tempdir()
        .unwrap();
    let own = |path: &Path| {
        if process::is_root() {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    };
    own(folder.path());
    let script = folder.path().join("getmail.py");
    fs::copy(place::tests().join("clients/getmail.py"), &script).unwrap();
    own(&script);
    let fetch = |name: &str, retriever: &str, options: &str| {
        let maildir = folder.path().join(name);
        for part in ["", "cur", "new", "tmp"] {
            let part = maildir.join(part);
            fs::create_dir_all(&part).unwrap();
            own(&part);
        }
        let rc = folder.path().join("rc");
        secret(
            &rc,
            &format!(
                "[retriever]\n{retriever}\nserver = 127.0.0.1\nusername = {ALICE}\npassword = {PASSWORD}\n\
                 [destination]\ntype = Maildir\npath = {}/\n[options]\ndelivered_to = false\nreceived = false\n{options}\n",
                maildir.display()
            ),
        );
        own(&rc);
        let mut getmail = Command::new("python3");
        if process::is_root() {
            getmail.uid(NOBODY).gid(NOBODY);
        }
        must(
            getmail
                .env("HOME", folder.path())
                .arg(&script)
                .arg("--getmaildir")
                .arg(folder.path())
                .args(["--rcfile", "rc"]),
        );
        contents(&maildir.join("new"))
            .into_iter()
            .map(|text| without_trace(&text))
            .collect::<Vec<_>>()
    };
    let imap = format!(
        "type = SimpleIMAPRetriever\nport = {}\nmailboxes = (\"INBOX\",)",
        port(&server, "imap")
    );
    assert_eq!(fetch("imap", &imap, "read_all = false"), expected(FEW));
    let pop3 = format!(
        "type = SimplePOP3Retriever\nport = {}",
        port(&server, "pop3")
    );
    assert_eq!(fetch("pop3", &pop3, "read_all = false"), expected(FEW));
    assert_eq!(
        fetch("pop3", &pop3, "read_all = false"),
        expected(FEW),
        "it knows them by UIDL"
    );
    let tls = format!(
        "type = SimplePOP3SSLRetriever\nport = {}",
        port(&server, "pop3-tls")
    );
    assert_eq!(fetch("tls", &tls, "delete = true"), expected(FEW));
    assert_eq!(server.imap(ALICE).select("INBOX").unwrap(), 0);
}

/// A message without the fields that a program put on top when it delivered.
fn without_trace(text: &str) -> String {
    let from = text.find("From: bob").unwrap();
    // Over IMAP it also notes where the message was.
    text[from..].replacen("X-getmail-retrieved-from-mailbox: INBOX\r\n", "", 1)
}

#[test]
fn fetchmail() {
    if !installed("fetchmail") {
        return;
    }
    let server = Setup::new().start();
    fill(&server, FEW);
    let folder = server.folder();
    let fetched = folder.join("fetched");
    let run = |protocol: &str, listener: &str, options: &str| {
        let _old = fs::remove_file(&fetched);
        let rc = folder.join("fetchmailrc");
        // With POP3 messages are known by their unique ids.
        let uidl = if protocol == "POP3" { "uidl" } else { "" };
        let text = format!(
            "poll 127.0.0.1 protocol {protocol} port {} {uidl} auth password\n user \"{ALICE}\" password \"{PASSWORD}\" {options} no sslcertck \
             mda \"cat >> {}\"\n",
            port(&server, listener),
            fetched.display()
        );
        secret(&rc, &text);
        let output = process::run(
            Command::new("fetchmail")
                .args(["--nodetach", "--nosyslog", "-f"])
                .arg(rc)
                .arg("-i")
                .arg(folder.join("ids"))
                .arg("--pidfile")
                .arg(folder.join("pid")),
            "",
        );
        let text = fs::read_to_string(&fetched).unwrap_or_default();
        let count = text
            .lines()
            .filter(|line| line.starts_with("Subject: message"))
            .count();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), count, said)
    };
    // It ends with 0 if there was mail, and with 1 if there was none.
    for (protocol, listener, options, code, count) in [
        ("POP3", "pop3", "keep", 0, FEW),
        ("POP3", "pop3", "keep", 1, 0),
        ("IMAP", "imap", "keep fetchall", 0, FEW),
        ("POP3", "pop3-tls", "ssl fetchall nokeep", 0, FEW),
        ("IMAP", "imap-tls", "ssl fetchall", 1, 0),
    ] {
        let (ended, fetched, said) = run(protocol, listener, options);
        assert_eq!(
            (ended, fetched),
            (code, count),
            "{protocol} {listener} {options}: {said}"
        );
    }
    server.verify();
}

#[test]
fn offlineimap() {
    if !installed("offlineimap") {
        return;
    }
    let server = Setup::new().start();
    fill(&server, FEW);
    let folder = server.folder();
    let rc = folder.join("offlineimaprc");
    secret(
        &rc,
        &format!(
            "[general]\naccounts = a\nmetadatadir = {base}/meta\n[Account a]\nlocalrepository = near\nremoterepository = far\n\
             [Repository near]\ntype = Maildir\nlocalfolders = {base}/near\n\
             [Repository far]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {port}\nremoteuser = {ALICE}\nremotepass = {PASSWORD}\n\
             ssl = no\nstarttls = no\nauth_mechanisms = PLAIN\n",
            base = folder.display(),
            port = port(&server, "imap")
        ),
    );
    let sync = || {
        must(
            Command::new("offlineimap")
                .arg("-c")
                .arg(&rc)
                .args(["-o", "-u", "quiet"]),
        )
    };
    sync();
    let near = folder.join("near/INBOX");
    let all = || [mails(&near.join("cur")), mails(&near.join("new"))].concat();
    assert_eq!(all().len(), FEW);
    // Both sides change.
    let mut imap = server.imap(ALICE);
    imap.select("INBOX").unwrap();
    imap.command("STORE 2 +FLAGS (\\Flagged)")
        .unwrap()
        .ok()
        .unwrap();
    imap.command("STORE 3 +FLAGS (\\Deleted)")
        .unwrap()
        .ok()
        .unwrap();
    imap.command("EXPUNGE").unwrap().ok().unwrap();
    fs::write(
        near.join("new/1.local.test"),
        "Subject: from here\n\nhello\n",
    )
    .unwrap();
    sync();
    assert_eq!(all().len(), FEW);
    assert_eq!(
        all()
            .iter()
            .filter(|name| name.rsplit(',').next().unwrap().contains('F'))
            .count(),
        1
    );
    assert_eq!(imap.select("INBOX").unwrap(), FEW);
    assert_eq!(imap.search("SUBJECT \"from here\"").unwrap().len(), 1);
    let before = all();
    sync();
    assert_eq!(all(), before, "a third time changes nothing");
}

#[test]
fn neomutt() {
    if !installed("neomutt") || !installed("script") {
        return;
    }
    let server = Setup::new().start();
    fill(&server, 3);
    let folder = server.folder();
    let rc = folder.join("neomuttrc");
    let place = format!("imap://127.0.0.1:{}", port(&server, "imap"));
    secret(
        &rc,
        &format!(
            "set imap_user = \"{ALICE}\"\nset imap_pass = \"{PASSWORD}\"\nset ssl_force_tls = no\nset ssl_starttls = no\n\
             set folder = \"{place}/\"\nset spoolfile = \"{place}/INBOX\"\nset header_cache = \"\"\nset message_cachedir = \"\"\n\
             set confirmcreate = no\nset confirmappend = no\nset delete = yes\nset quit = yes\nset wait_key = no\nset sort = mailbox-order\n\
             push \"<first-entry><flag-message><first-entry><copy-message>=Archive<enter><last-entry><delete-message><sync-mailbox><quit>\"\n"
        ),
    );
    // It wants a terminal, and to be what that hears: a process in the background is stopped for good when it draws.
    let command = format!(
        "timeout --foreground -k 10 60 neomutt -n -F {}",
        rc.display()
    );
    must(
        Command::new("script")
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .args(["-qec", &command, "/dev/null"]),
    );
    let mut imap = server.imap(ALICE);
    assert_eq!(imap.select("INBOX").unwrap(), 2);
    assert_eq!(imap.search("FLAGGED").unwrap(), [1]);
    assert_eq!(imap.select("Archive").unwrap(), 1);
    assert_eq!(imap.fetch("1").unwrap()[0].octets, message(0).into_bytes());
}

#[test]
fn s_nail() {
    if !installed("s-nail") {
        return;
    }
    let server = Setup::new().start();
    fill(&server, 3);
    let run = |scheme: &str, listener: &str, path: &str, commands: &str| {
        let url = format!(
            "{scheme}://alice%40waxwing.test:{PASSWORD}@127.0.0.1:{}{path}",
            port(&server, listener)
        );
        let output = process::run(
            Command::new("s-nail").env("HOME", server.folder()).args([
                "-n",
                "-S",
                "v15-compat",
                "-S",
                "tls-verify=ignore",
                "-S",
                "crt=0",
                "-f",
                &url,
            ]),
            commands,
        );
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{url}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    };
    let said = run("pop3", "pop3", "", "type 2\nexit\n");
    assert!(
        said.contains("message 2") && said.contains("text 1\n.\n..\nFrom here\n"),
        "{said}"
    );
    run("pop3s", "pop3-tls", "", "delete 3\nquit\n");
    let said = run("imap", "imap", "/INBOX", "type 1\nflag 2\nquit\n");
    assert!(said.contains("text 0\n"), "{said}");
    let said = run("imaps", "imap-tls", "/INBOX", "type 2\nexit\n");
    assert!(said.contains("text 1\n"), "{said}");
    let mut imap = server.imap(ALICE);
    assert_eq!(imap.select("INBOX").unwrap(), 2);
    assert_eq!(imap.search("FLAGGED").unwrap(), [2]);
}

#[test]
fn imapflow() {
    let modules = place::target().join("imapflow/node_modules");
    if !installed("node") || !modules.is_dir() {
        eprintln!("SKIPPED: ImapFlow is not installed; tools/setup.sh clients does it");
        return;
    }
    let server = Setup::new().start();
    let script = place::tests().join("clients/imapflow/read.cjs");
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules).arg(script);
    let said = must(
        command
            .arg(port(&server, "imap").to_string())
            .args([ALICE, PASSWORD]),
    );
    assert_eq!(said.trim(), "ok");
    server.verify();
}

/// How many messages are brought here and back: few, or with `make synced` many.
fn synced() -> usize {
    std::env::var("WAXWING_SYNCED")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(200)
}

#[test]
fn thunderbird_changes_nothing_the_second_time() {
    if !installed("thunderbird") {
        return;
    }
    let count = synced();
    let server = Setup::new().start();
    fill(&server, count);
    let mut command = Command::new("python3");
    command.arg(place::tests().join("clients/thunderbird.py"));
    let said = must(
        command
            .arg(port(&server, "imap").to_string())
            .arg(count.to_string()),
    );
    assert_eq!(said.trim(), "ok");
    server.verify();
}

#[test]
fn mbsync_changes_nothing_the_second_time() {
    if !installed("mbsync") {
        return;
    }
    let count = synced();
    let server = Setup::new().start();
    let mut imap = server.imap(ALICE);
    let flags = ["", "\\Seen", "\\Flagged", "\\Answered \\Seen", "$work"];
    for number in 0..count {
        let mailbox = ["INBOX", "Archive"][number % 2];
        let appended = imap.append(
            mailbox,
            flags[number % flags.len()],
            message(number).as_bytes(),
        );
        appended.unwrap().ok().unwrap();
    }
    let state = |imap: &mut waxwing_tests::client::Imap| {
        ["INBOX", "Archive"].map(|mailbox| {
            let status = imap.command(&format!(
                "STATUS {mailbox} (MESSAGES UIDNEXT HIGHESTMODSEQ)"
            ));
            status.unwrap().ok().unwrap().text()
        })
    };
    let maildir = server.folder().join("maildir");
    fs::create_dir_all(&maildir).unwrap();
    let rc = server.folder().join("mbsyncrc");
    fs::write(&rc, mbsyncrc(&server, &maildir)).unwrap();
    let sync = || must(Command::new("mbsync").arg("-c").arg(&rc).arg("-a"));
    let all = || {
        ["INBOX", "Archive"]
            .map(|mailbox| ["cur", "new"].map(|part| mails(&maildir.join(mailbox).join(part))))
    };
    sync();
    let (here, there) = (all(), state(&mut imap));
    assert_eq!(here.iter().flatten().flatten().count(), count);
    sync();
    assert_eq!(all(), here);
    assert_eq!(state(&mut imap), there);
}
