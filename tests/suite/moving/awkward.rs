//! An IMAP server that does not do all that it is asked: what it keeps back is told of, and the rest comes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use waxwing_tests::Setup;

use super::ALICE;

const FIRST: &str = "Subject: first\r\n\r\nx\r\n";
const DATED: &str = "Date: Thu, 26 Nov 2026 20:55:26 +0000\r\n\r\nx\r\n";

/// Answers each connection by what comes before the tagged line, and that line without its tag.
fn serve(script: fn(&str) -> (String, &'static str)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // The client has gone.
            let _gone = talk(stream, script);
        }
    });
    address
}

fn talk(mut stream: TcpStream, script: fn(&str) -> (String, &'static str)) -> std::io::Result<()> {
    stream.write_all(b"* OK ready\r\n")?;
    let lines = BufReader::new(stream.try_clone()?).lines();
    for line in lines {
        let line = line?;
        let (tag, command) = line.split_once(' ').unwrap();
        let (before, end) = script(command);
        stream.write_all(format!("{before}{tag} {end}\r\n").as_bytes())?;
    }
    Ok(())
}

fn body(uid: u32, content: &str) -> String {
    format!(
        "* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n{content})\r\n",
        content.len()
    )
}

fn script(command: &str) -> (String, &'static str) {
    let date = "INTERNALDATE \"26-Nov-2025 10:11:12 +0000\"";
    match command {
        "CAPABILITY" => ("* CAPABILITY IMAP4rev1\r\n".into(), "OK"),
        "LIST \"\" \"*\"" => (
            "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Closed\r\n* LIST () \"/\" Timeless\r\n"
                .into(),
            "OK",
        ),
        "LSUB \"\" \"*\"" => (String::new(), "NO no such list"),
        "EXAMINE \"Closed\"" => (String::new(), "NO it is closed"),
        "EXAMINE \"INBOX\"" => ("* 5 EXISTS\r\n".into(), "OK"),
        "STATUS \"INBOX\" (UIDVALIDITY)" => ("* STATUS INBOX (UIDVALIDITY 1)\r\n".into(), "OK"),
        "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)" => (
            format!(
                "* 1 FETCH (UID 1 FLAGS (\\Seen) {date} RFC822.SIZE {})\r\n\
                 * 2 FETCH (UID 2 FLAGS () INTERNALDATE \"some day\" RFC822.SIZE {})\r\n\
                 * 3 FETCH (UID 3 FLAGS () {date} RFC822.SIZE 99999999999)\r\n\
                 * 4 FETCH (UID 4 FLAGS () {date} RFC822.SIZE 9)\r\n",
                FIRST.len(),
                DATED.len()
            ),
            "OK",
        ),
        "UID FETCH 1,2,4 (UID BODY.PEEK[])" => (body(1, FIRST), "NO some are damaged"),
        "UID FETCH 2 (UID BODY.PEEK[])" => (body(2, DATED), "OK"),
        "UID FETCH 4 (UID BODY.PEEK[])" => (String::new(), "NO this one is damaged"),
        _ => (String::new(), "OK"),
    }
}

#[test]
fn what_it_keeps_back_is_told_of_and_the_rest_comes() {
    let server = Setup::new().start();
    let port = serve(script).port().to_string();
    let import = [
        "import",
        "imap",
        ALICE,
        "127.0.0.1",
        "--port",
        &port,
        "--tls",
        "none",
        "--password-stdin",
    ];
    let output = server.run(&import, "secret");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{said}");
    for text in [
        "the subscriptions: no such list",
        "folder \"Closed\": it is closed",
        "folder \"Timeless\": the server tells no UIDVALIDITY",
        "messages of \"INBOX\": the server lists 4 of 5 messages",
        "UID 3 of \"INBOX\": it has 99999999999 octets",
        "UID 4 of \"INBOX\": this one is damaged",
        "6 left out",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("2 messages imported"));

    let mut imap = server.imap(ALICE);
    imap.select("INBOX").unwrap();
    let found = imap.fetch("1:*").unwrap();
    let contents: Vec<&[u8]> = found.iter().map(|one| one.octets.as_slice()).collect();
    assert_eq!(contents, [FIRST.as_bytes(), DATED.as_bytes()]);
    let dates = imap.command("FETCH 1:2 INTERNALDATE").unwrap().text();
    for date in ["26-Nov-2025 10:11:12", "26-Nov-2026 20:55:26"] {
        assert!(dates.contains(date), "{dates}");
    }
}
