//! Mail that somebody takes along from the webmail: what it is, who gets it, and that it is what the command writes.

use std::io::Write as _;

use serde_json::json;
use waxwing_tests::client::Http;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Setup, process};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n";
const ALICE: &str = "alice@waxwing.test";

/// Reads an archive as another program does: names and contents.
const UNPACK: &str = "import sys, zipfile, json\n\
    archive = zipfile.ZipFile(sys.argv[1])\n\
    assert archive.testzip() is None\n\
    print(json.dumps({one: archive.read(one).decode('latin-1') for one in archive.namelist()}))\n";

#[test]
fn an_export_is_what_the_command_writes() {
    let server = Setup::new().settings(WEB).start();
    let mut imap = server.imap(ALICE);
    imap.command("CREATE \"Arbeit &- mehr\"")
        .unwrap()
        .ok()
        .unwrap();
    // A message with a line that an mbox quotes, flags, one whose last line has no end, and a large one.
    let large = format!(
        "Subject: large\r\n\r\n{}",
        "0123456789 and more\r\n".repeat(60_000)
    );
    for (mailbox, flags, message) in [
        (
            "INBOX",
            "\\Seen \\Flagged",
            "Subject: one\r\n\r\nFrom here\r\n>From there\r\n",
        ),
        ("INBOX", "", "Subject: two\r\n\r\nno end"),
        ("INBOX", "", &large),
        (
            "Arbeit &- mehr",
            "$Forwarded",
            "Subject: three\r\n\r\nx\r\n",
        ),
    ] {
        let appended = imap.append(mailbox, flags, message.as_bytes());
        appended.unwrap().ok().unwrap();
    }
    let mut http = Http::open(server.address("web")).unwrap();
    http.field("X-Waxwing", "1");
    http.field("Sec-Fetch-Site", "same-origin");
    let typed = json!({"username": ALICE, "password": PASSWORD}).to_string();
    let page = http.post("/account/login", "application/json", typed.as_bytes());
    let page = page.unwrap();
    let cookie = page
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    // As a link of the page is followed: without a field of the page's own.
    let mut link = Http::open(server.address("web")).unwrap();
    link.field("Cookie", cookie);
    let inbox = "/account/export?mailbox=INBOX";
    for site in ["", "cross-site", "same-site", "none"] {
        link.field("Sec-Fetch-Site", site);
        assert_eq!(link.get(inbox).unwrap().status, 403, "{site:?}");
    }
    link.field("Sec-Fetch-Site", "same-origin");
    // What is not an export is not had so.
    assert_eq!(link.get("/account/logins").unwrap().status, 403);
    assert_eq!(
        link.get("/account/export?mailbox=None").unwrap().status,
        404
    );

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let written = path("out");
    let _ = server.cli(&["export", "mbox", ALICE, written.to_str().unwrap()]);
    let page = link.get(inbox).unwrap();
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-disposition"),
        Some("attachment; filename=\"INBOX.mbox\"")
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(
        page.body,
        std::fs::read(written.join("INBOX.mbox")).unwrap()
    );

    let page = link.get("/account/export").unwrap();
    assert_eq!(page.header("content-type"), Some("application/zip"));
    let mut archive = std::fs::File::create(path("all.zip")).unwrap();
    archive.write_all(&page.body).unwrap();
    let all = path("all.zip");
    let read = process::ask("python3", &["-c", UNPACK, all.to_str().unwrap()]);
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    let entries: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
    let entries = entries.as_object().unwrap();
    assert!(entries.len() > 6, "{:?}", entries.keys());
    for (name, content) in entries {
        let expected = std::fs::read(written.join(name)).unwrap();
        let content: Vec<u8> = content.as_str().unwrap().chars().map(|c| c as u8).collect();
        assert!(content == expected, "{name}");
    }
    // Nobody's without a login.
    let mut nobody = Http::open(server.address("web")).unwrap();
    nobody.field("Sec-Fetch-Site", "same-origin");
    assert_eq!(nobody.get(inbox).unwrap().status, 401);
    server.verify();
}
