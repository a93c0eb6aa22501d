//! Large contents that many want at once over JMAP are refused, and do not fill the memory.

use serde_json::{Value, json};
use waxwing_tests::Setup;
use waxwing_tests::client::Http;
use waxwing_tests::wait::{PATIENCE, until};

use crate::jmap_push::{ALICE, WEB, basic};
use crate::jmap_write::Jmap;

/// Octets of an attachment: more than the sockets on the way to a client take that reads none of it.
const SIZE: usize = 12 << 20;

/// A message with an attachment of `SIZE` octets.
fn message() -> Vec<u8> {
    let mut raw = b"From: a@b.test\r\nSubject: large\r\nMIME-Version: 1.0\r\nContent-Type: application/x-large\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    // 57 octets 0 are a line.
    let line = format!("{}\r\n", "A".repeat(76));
    for _ in 0..SIZE.div_ceil(57) {
        raw.extend_from_slice(line.as_bytes());
    }
    raw
}

#[test]
fn large_contents_take_the_memory_that_there_is_and_no_more() {
    let server = Setup::new()
        .settings(WEB)
        .settings("[limits]\nmessage-size = \"24MiB\"\ncontent-memory = \"72MiB\"\n")
        .start();
    let mut alice = Jmap::of(&server, ALICE);
    let blob = alice.upload(&message());
    let inbox = alice.mailbox("Inbox");
    let import = json!({ "emails": { "k": { "blobId": blob, "mailboxIds": { inbox: true } } } });
    let imported = alice.call("Email/import", import);
    let email = &imported["created"]["k"];
    let got = alice.call(
        "Email/get",
        json!({ "ids": [email["id"]], "properties": ["bodyStructure"] }),
    );
    let part = got["list"][0]["bodyStructure"]["blobId"].as_str();
    let part = part.unwrap_or_else(|| panic!("{imported:#} {got:#}"));
    let target = format!("/jmap/download/{}/{part}/large", alice.account);
    let client = || {
        let mut http = Http::open(server.address("web")).unwrap();
        http.authorize(Some(basic(ALICE)));
        http
    };

    // Half of the memory is for one client: that is two of these.
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut http = client();
        let page = http.stream(&target).unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        slow.push(http);
    }
    let page = client().get(&target).unwrap();
    assert_eq!(page.status, 503, "{:?}", page.headers);
    let parse =
        json!([["Email/parse", { "accountId": alice.account, "blobIds": [email["blobId"]] }, "c"]]);
    let refused = |responses: &[Value]| responses[0][1]["type"] == "serverUnavailable";
    let responses = alice.calls(&parse);
    assert!(refused(&responses), "{responses:#?}");

    // Who takes nothing gives up, and what it held is there again.
    drop(slow);
    until("the memory to come back", PATIENCE, || {
        let there = client().get(&target).unwrap().status == 200;
        (there && !refused(&alice.calls(&parse))).then_some(())
    });
    let page = client().get(&target).unwrap();
    assert_eq!(page.body.len(), SIZE.div_ceil(57) * 57);
}
