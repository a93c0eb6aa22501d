//! Programs that people use, against the real server: Python's standard library, swaks, curl, mbsync.

mod readers;

use std::fs;
use std::path::Path;
use std::process::Command;

use waxwing_tests::database::Database;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup, place, process};

/// Runs a program to its end; it must succeed.
fn must(command: &mut Command) -> String {
    let output = process::run(command, "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

fn python(server: &Server, script: &str, listeners: &[&str]) {
    let ports = listeners
        .iter()
        .map(|name| server.address(name).port().to_string());
    let mut command = Command::new("python3");
    let said = must(
        command
            .arg(place::tests().join("clients").join(script))
            .args(ports),
    );
    assert_eq!(said.trim(), "ok");
}

/// Says that a program is missing, once for each test.
fn installed(program: &str) -> bool {
    let there = process::has(program);
    if !there {
        eprintln!("SKIPPED: {program} is not installed; tools/setup.sh test does it");
    }
    there
}

#[test]
fn python_standard_library() {
    for database in Database::all() {
        let server = Setup::new().database(database).start();
        python(
            &server,
            "send_by_smtplib.py",
            &["smtp", "submission", "submission-tls"],
        );
        python(&server, "read_by_imaplib.py", &["imap", "imap-tls"]);
        python(&server, "list_by_imaplib.py", &["imap"]);
        python(&server, "resync_by_imaplib.py", &["imap"]);
        python(&server, "compress_by_imaplib.py", &["imap", "imap-tls"]);
        python(&server, "read_by_poplib.py", &["pop3", "pop3-tls"]);
        server.verify();
    }
}

#[test]
fn swaks() {
    if !installed("swaks") {
        return;
    }
    let server = Setup::new().start();
    let swaks = |listener: &str, extra: &[&str]| {
        let at = server.address(listener).to_string();
        must(
            Command::new("swaks")
                .args([
                    "--server",
                    &at,
                    "--to",
                    "alice@waxwing.test",
                    "--helo",
                    "client.example",
                ])
                .args(extra),
        )
    };
    swaks(
        "smtp",
        &[
            "--from",
            "someone@example.net",
            "--header",
            "Subject: clear",
        ],
    );
    swaks(
        "lmtp",
        &[
            "--protocol",
            "LMTP",
            "--from",
            "someone@example.net",
            "--header",
            "Subject: lmtp",
        ],
    );
    let login = [
        "--from",
        "bob@waxwing.test",
        "--auth-user",
        "bob@waxwing.test",
        "--auth-password",
        PASSWORD,
    ];
    let with_login =
        |listener: &str, extra: &[&str]| swaks(listener, &[&login[..], extra].concat());
    with_login(
        "submission",
        &["--auth", "PLAIN", "--header", "Subject: plain"],
    );
    with_login(
        "submission",
        &["--auth", "LOGIN", "--header", "Subject: login"],
    );
    let mut subjects = vec!["clear", "lmtp", "plain", "login"];
    if must(Command::new("swaks").arg("--support")).contains("=== TLS supported") {
        swaks(
            "smtp",
            &[
                "--from",
                "someone@example.net",
                "--tls",
                "--header",
                "Subject: starttls",
            ],
        );
        with_login(
            "submission",
            &["--tls", "--auth", "--header", "Subject: secured"],
        );
        with_login(
            "submission-tls",
            &[
                "--tls-on-connect",
                "--auth",
                "--header",
                "Subject: implicit",
            ],
        );
        subjects.extend(["starttls", "secured", "implicit"]);
    } else {
        eprintln!("SKIPPED: swaks without Net::SSLeay speaks no TLS");
    }
    let refused = process::run(
        Command::new("swaks").args([
            "--server",
            &server.address("submission").to_string(),
            "--to",
            "alice@waxwing.test",
            "--from",
            "bob@waxwing.test",
        ]),
        "",
    );
    assert!(
        !refused.status.success(),
        "submission without a login was taken"
    );

    let mut imap = server.imap("alice@waxwing.test");
    imap.select("INBOX").unwrap();
    for subject in subjects {
        assert_eq!(
            imap.search(&format!("SUBJECT {subject}")).unwrap().len(),
            1,
            "the message {subject}"
        );
    }
}

#[test]
fn curl() {
    if !installed("curl") {
        return;
    }
    let server = Setup::new().start();
    let mail = server.folder().join("mail.eml");
    fs::write(
        &mail,
        "From: bob@waxwing.test\r\nSubject: by curl\r\n\r\nHello\r\n.\r\n",
    )
    .unwrap();
    let curl = |extra: &[&str]| {
        must(
            Command::new("curl")
                .args(["-sS", "--insecure", "--max-time", "30"])
                .args(extra),
        )
    };
    let url = |scheme: &str, listener: &str, path: &str| {
        format!("{scheme}://{}{path}", server.address(listener))
    };
    let upload = [
        "--upload-file",
        mail.to_str().unwrap(),
        "--mail-rcpt",
        "alice@waxwing.test",
        "--mail-from",
        "bob@waxwing.test",
    ];
    curl(
        &[
            &[url("smtp", "smtp", "/client.example").as_str()],
            &upload[..],
        ]
        .concat(),
    );
    let login = ["--user", "bob@waxwing.test:waxwing-demo", "--ssl-reqd"];
    curl(
        &[
            &[url("smtp", "submission", "/client.example").as_str()],
            &upload[..],
            &login[..],
        ]
        .concat(),
    );
    curl(
        &[
            &[url("smtps", "submission-tls", "/client.example").as_str()],
            &upload[..],
            &login[..],
        ]
        .concat(),
    );

    let alice = ["--user", "alice@waxwing.test:waxwing-demo"];
    let by_imap = curl(
        &[
            &[
                url("imap", "imap", "/INBOX/;MAILINDEX=1").as_str(),
                "--ssl-reqd",
            ],
            &alice[..],
        ]
        .concat(),
    );
    assert!(
        by_imap.ends_with("Subject: by curl\r\n\r\nHello\r\n.\r\n"),
        "{by_imap}"
    );
    let by_imaps = curl(
        &[
            &[url("imaps", "imap-tls", "/INBOX/;MAILINDEX=1").as_str()],
            &alice[..],
        ]
        .concat(),
    );
    assert_eq!(by_imap, by_imaps);
    let listed = curl(&[&[url("imap", "imap", "/").as_str()], &alice[..]].concat());
    assert!(
        listed.contains("INBOX") && listed.contains("\\Junk"),
        "{listed}"
    );
    let by_pop3 = curl(
        &[
            &[url("pop3", "pop3", "/1").as_str(), "--ssl-reqd"],
            &alice[..],
        ]
        .concat(),
    );
    assert_eq!(by_imap, by_pop3);
    let by_pop3s = curl(&[&[url("pop3s", "pop3-tls", "/1").as_str()], &alice[..]].concat());
    assert_eq!(by_imap, by_pop3s);
    let metrics = curl(&[url("http", "metrics", "/metrics").as_str()]);
    assert!(
        metrics.contains("waxwing_messages_accepted_total"),
        "{metrics}"
    );
}

#[test]
fn mbsync() {
    if !installed("mbsync") {
        return;
    }
    let server = Setup::new().start();
    let mut imap = server.imap("alice@waxwing.test");
    for number in 0..20 {
        let message = format!(
            "Subject: message {number}\r\nMessage-ID: <{number}@waxwing.test>\r\n\r\ntext {number}\r\n"
        );
        imap.append("INBOX", "\\Seen", message.as_bytes())
            .unwrap()
            .ok()
            .unwrap();
    }
    let maildir = server.folder().join("maildir");
    fs::create_dir_all(&maildir).unwrap();
    let rc = server.folder().join("mbsyncrc");
    fs::write(&rc, mbsyncrc(&server, &maildir)).unwrap();
    let sync = || must(Command::new("mbsync").arg("-c").arg(&rc).arg("-a"));

    sync();
    assert_eq!(mails(&maildir.join("INBOX/cur")).len(), 20);
    // Both sides change: a new mail here, one flagged and one removed there.
    fs::write(
        maildir.join("INBOX/new/1.local.test"),
        "Subject: from the maildir\r\n\r\nhello\r\n",
    )
    .unwrap();
    imap.select("INBOX").unwrap();
    imap.command("STORE 3 +FLAGS (\\Flagged)")
        .unwrap()
        .ok()
        .unwrap();
    imap.command("STORE 5 +FLAGS (\\Deleted)")
        .unwrap()
        .ok()
        .unwrap();
    imap.command("EXPUNGE").unwrap().ok().unwrap();
    sync();
    let local = mails(&maildir.join("INBOX/cur"));
    assert_eq!(
        local.iter().filter(|name| name.contains('F')).count(),
        1,
        "{local:?}"
    );
    assert_eq!(imap.select("INBOX").unwrap(), 20);
    assert_eq!(
        imap.search("SUBJECT \"from the maildir\"").unwrap().len(),
        1
    );
    let before = mails(&maildir.join("INBOX/cur"));
    sync();
    assert_eq!(
        mails(&maildir.join("INBOX/cur")),
        before,
        "a third time changes nothing"
    );
}

fn mails(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mbsyncrc(server: &Server, maildir: &Path) -> String {
    let port = server.address("imap").port();
    let path = maildir.display();
    format!(
        "IMAPAccount waxwing\nHost 127.0.0.1\nPort {port}\nUser alice@waxwing.test\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n\
         IMAPStore far\nAccount waxwing\n\n\
         MaildirStore near\nPath {path}/\nInbox {path}/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSync All\nSyncState *\n"
    )
}
