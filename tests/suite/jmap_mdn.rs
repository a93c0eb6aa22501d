//! Disposition notifications over JMAP (RFC 9007): one asks, the other answers, and the first reads the answer.

use serde_json::{Value, json};
use waxwing_tests::Server;

use crate::jmap_write::{ALICE, BOB, Jmap, flags, only, start};

/// Bob's message to Alice, which asks to be told; its id at Bob's.
fn asked(bob: &mut Jmap) -> String {
    let sent = bob.mailbox("Sent");
    let object = json!({
        "mailboxIds": { sent: true }, "from": [{ "email": BOB }], "to": [{ "email": ALICE }], "subject": "Lunch?",
        "header:Disposition-Notification-To:asAddresses": [{ "name": "Bob", "email": BOB }],
        "bodyValues": { "1": { "value": "today" } }, "textBody": [{ "partId": "1" }],
    });
    let identity = bob.call("Identity/get", json!({}))["list"][0]["id"].clone();
    let account = bob.account.clone();
    let responses = bob.calls(&json!([
        ["Email/set", { "accountId": account, "create": { "k": object } }, "a"],
        ["EmailSubmission/set", { "accountId": account, "create": { "s": { "emailId": "#k", "identityId": identity } } }, "b"],
    ]));
    assert!(
        responses[1][1]["created"]["s"].is_object(),
        "{responses:#?}"
    );
    let id = responses[0][1]["created"]["k"]["id"].as_str();
    id.unwrap().to_owned()
}

/// The one email of an account's INBOX.
fn received(jmap: &mut Jmap) -> Value {
    let inbox = jmap.mailbox("Inbox");
    let found = jmap.call("Email/query", json!({ "filter": { "inMailbox": inbox } }));
    let ids = found["ids"].as_array().unwrap();
    assert_eq!(ids.len(), 1, "{found:#}");
    let properties = json!([
        "id",
        "blobId",
        "keywords",
        "header:Return-Path",
        "from",
        "to"
    ]);
    let got = jmap.call("Email/get", json!({ "ids": ids, "properties": properties }));
    got["list"][0].clone()
}

/// The responses to Alice's answer.
fn answer(alice: &mut Jmap, email: &Value) -> Vec<Value> {
    let identity = alice.call("Identity/get", json!({}))["list"][0]["id"].clone();
    let mdn = json!({
        "forEmailId": email["id"], "includeOriginalMessage": true, "textBody": "I have seen it.", "reportingUA": "a desk; a program",
        "disposition": { "actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed" },
    });
    let account = alice.account.clone();
    alice.calls(&json!([["MDN/send", {
        "accountId": account, "identityId": identity, "send": { "m": mdn },
        "onSuccessUpdateEmail": { "#m": { "keywords/$mdnsent": true } },
    }, "c"]]))
}

fn both(server: &Server) -> (Jmap, Jmap) {
    (Jmap::of(server, ALICE), Jmap::of(server, BOB))
}

#[test]
fn who_asks_to_be_told_is_told() {
    let server = start();
    let (mut alice, mut bob) = both(&server);
    let original = asked(&mut bob);
    let email = received(&mut alice);
    let responses = answer(&mut alice, &email);
    let sent = &responses[0][1]["sent"]["m"];
    assert_eq!(
        sent["finalRecipient"],
        format!("rfc822; {ALICE}"),
        "{responses:#?}"
    );
    assert_eq!(responses[1][0], "Email/set", "{responses:#?}");
    let mut imap = server.imap(ALICE);
    let (_, known) = flags(&mut imap, "INBOX").remove(0);
    assert!(known.contains("$mdnsent"), "{known:?}");

    let told = received(&mut bob);
    assert_eq!(told["header:Return-Path"].as_str().unwrap().trim(), "<>");
    assert_eq!(told["from"][0]["email"], ALICE);
    assert_eq!(told["to"][0]["email"], BOB);
    let whole = only(&mut server.imap(BOB), "INBOX");
    assert!(whole.contains("\r\nSubject: Lunch?\r\n"), "{whole}");
    let parsed = bob.call("MDN/parse", json!({ "blobIds": [told["blobId"]] }));
    let mdn = &parsed["parsed"][told["blobId"].as_str().unwrap()];
    assert_eq!(mdn["forEmailId"], original, "{parsed:#}");
    assert_eq!(mdn["disposition"]["type"], "displayed");
    assert_eq!(mdn["finalRecipient"], format!("rfc822; {ALICE}"));
    assert_eq!(mdn["textBody"].as_str().unwrap().trim(), "I have seen it.");
    assert_eq!(mdn["includeOriginalMessage"], true);
    assert_eq!(mdn["reportingUA"], "a desk; a program");
    assert_eq!(mdn["originalMessageId"], sent["originalMessageId"]);

    // Once is enough, and nobody is told of a notification.
    let again = answer(&mut alice, &email);
    assert_eq!(again.len(), 1, "{again:#?}");
    assert_eq!(again[0][1]["notSent"]["m"]["type"], "mdnAlreadySent");
    let back = answer(&mut bob, &told);
    assert_eq!(back[0][1]["notSent"]["m"]["type"], "forbidden", "{back:#?}");
}
