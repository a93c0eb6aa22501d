//! What is submitted by JMAP is signed and sent as what comes over SMTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use waxwing_tests::client::Http;
use waxwing_tests::database::Database;
use waxwing_tests::setup::PASSWORD;

use super::{Published, arrived, receiver, results, sender, until_it_signs};

fn calls(http: &mut Http, calls: &Value) -> Value {
    let using = ["core", "mail", "submission"].map(|name| format!("urn:ietf:params:jmap:{name}"));
    let request = json!({ "using": using, "methodCalls": calls });
    let body = request.to_string();
    let page = http.post("/jmap", "application/json", body.as_bytes());
    page.unwrap().json()["methodResponses"].clone()
}

#[test]
fn what_is_submitted_by_jmap_passes_with_both_keys() {
    let published = Published::default();
    published.set("_dmarc.waxwing.test", "v=DMARC1; p=reject");
    let names = published.serve();
    let there = receiver(&names);
    let here = sender(&names, Database::Sqlite, there.address("mx"));
    drop(here.cli(&["domain", "key", "add", "waxwing.test"]));
    published.keys(&here, "waxwing.test");
    until_it_signs(&here, "waxwing.test");

    let mut http = Http::open(here.address("web")).unwrap();
    let said = STANDARD.encode(format!("alice@waxwing.test:{PASSWORD}"));
    http.authorize(Some(format!("Basic {said}")));
    let session = http.get("/.well-known/jmap").unwrap().json();
    let account = session["accounts"].as_object().unwrap().keys().next();
    let account = account.unwrap().clone();
    let drafts = calls(
        &mut http,
        &json!([["Mailbox/query", { "accountId": account, "filter": { "role": "drafts" } }, "q"]]),
    );
    let drafts = drafts[0][1]["ids"][0].as_str().unwrap().to_owned();
    let email = json!({
        "mailboxIds": { drafts: true }, "from": [{ "email": "alice@waxwing.test" }], "to": [{ "email": "carol@remote.example" }],
        "bcc": [{ "email": "carol@remote.example" }], "subject": "by JMAP", "bodyValues": { "1": { "value": "Grüße" } },
        "textBody": [{ "partId": "1" }],
    });
    let responses = calls(
        &mut http,
        &json!([
            ["Email/set", { "accountId": account, "create": { "k": email } }, "a"],
            ["EmailSubmission/set", { "accountId": account, "create": { "s": { "emailId": "#k", "identityId": "I0" } } }, "b"],
        ]),
    );
    assert!(responses[1][1]["created"]["s"].is_object(), "{responses:#}");
    let message = arrived(&there, "carol@remote.example", "by JMAP");
    let found = results(&message);
    assert_eq!(found.matches("dkim=pass").count(), 2, "{found}");
    assert!(found.contains("dmarc=pass (p=reject) header.from=waxwing.test"));
    assert!(!message.contains("Bcc:"), "{message}");
}
