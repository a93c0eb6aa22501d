//! What answers for somebody who is away is signed as what they send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use waxwing_tests::client::Http;
use waxwing_tests::database::Database;
use waxwing_tests::live::replace;
use waxwing_tests::setup::PASSWORD;

use super::{Published, arrived, receiver, results, sender, until_it_signs};

const STEP: &str = "[[step]]\nplugin = \"autoresponder\"\non-error = \"skip\"\n\
    grants = [\"message\", \"actions\", \"directory\", \"vacation\"]\n";

#[test]
fn an_answer_passes_with_both_keys() {
    let published = Published::default();
    published.set("_dmarc.waxwing.test", "v=DMARC1; p=reject");
    let names = published.serve();
    let there = receiver(&names);
    let here = sender(&names, Database::Sqlite, there.address("mx"));
    let file = here.folder().join("policy.toml");
    let policy = std::fs::read_to_string(&file).unwrap();
    here.change(|| replace(&file, format!("{policy}{STEP}")));
    drop(here.cli(&["domain", "key", "add", "waxwing.test"]));
    published.keys(&here, "waxwing.test");
    until_it_signs(&here, "waxwing.test");

    let mut http = Http::open(here.address("web")).unwrap();
    let said = STANDARD.encode(format!("alice@waxwing.test:{PASSWORD}"));
    http.authorize(Some(format!("Basic {said}")));
    let session = http.get("/.well-known/jmap").unwrap().json();
    let account = session["accounts"].as_object().unwrap().keys().next();
    let set = json!({ "accountId": account, "update": { "singleton": { "isEnabled": true } } });
    let using = ["core", "vacationresponse"].map(|name| format!("urn:ietf:params:jmap:{name}"));
    let request =
        json!({ "using": using, "methodCalls": [["VacationResponse/set", set, "s"]] }).to_string();
    let page = http.post("/jmap", "application/json", request.as_bytes());
    let said = page.unwrap().json();
    assert!(
        said["methodResponses"][0][1]["updated"].is_object(),
        "{said:#}"
    );

    let letter =
        b"From: carol@remote.example\r\nTo: alice@waxwing.test\r\nSubject: hello\r\n\r\nhello\r\n";
    let sent = here
        .smtp()
        .send("carol@remote.example", &["alice@waxwing.test"], letter);
    sent.unwrap().class(2).unwrap();
    let message = arrived(&there, "carol@remote.example", "Auto: hello");
    assert!(message.starts_with("Return-Path: <>\r\n"), "{message}");
    let found = results(&message);
    assert_eq!(found.matches("dkim=pass").count(), 2, "{found}");
    assert!(found.contains("dmarc=pass (p=reject) header.from=waxwing.test"));
}
