//! The document and the routes: each operation of it is there, and each answer is as its schema says.

use std::collections::BTreeSet;

use boon::{Compiler, Draft, Schemas};
use serde_json::{Value, json};
use waxwing_tests::client::Http;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::wait::{PATIENCE, until};

use super::{WEB, ask, must, token, with};
use crate::outbound::{submit, waiting};

/// Walks through the operations and notes which were there.
struct Walk {
    http: Http,
    document: Value,
    done: BTreeSet<String>,
}

impl Walk {
    /// Makes a request of an operation; `path` is its path with the variable parts filled in, and a query.
    fn go(&mut self, id: &str, path: &str, body: Option<Value>) -> Value {
        let (pattern, method, operation) = find(&self.document, id);
        let page = ask(&mut self.http, &method.to_uppercase(), path, body.as_ref());
        let said = String::from_utf8_lossy(&page.body).into_owned();
        assert!(page.status < 300, "{id} {path}: {} {said}", page.status);
        assert_eq!(segments(&pattern), segments(path), "{id}");
        if let Some(body) = &body {
            let wanted = &operation["requestBody"]["content"]["application/json"]["schema"];
            self.fits(wanted, body, id);
        }
        let answer = &operation["responses"][page.status.to_string()];
        assert!(answer.is_object(), "{id} answers {}", page.status);
        self.done.insert(id.to_owned());
        if page.body.is_empty() {
            assert_eq!(answer.get("content"), None, "{id}");
            return Value::Null;
        }
        let value = page.json();
        self.fits(&answer["content"]["application/json"]["schema"], &value, id);
        value
    }

    fn fits(&self, schema: &Value, value: &Value, id: &str) {
        assert!(schema.is_object(), "{id} has no schema for {value}");
        // The schemas stand in the document; one that only leads there finds them.
        let place = "https://waxwing.invalid/schema.json";
        let mut whole = schema.clone();
        whole["components"] = self.document["components"].clone();
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.add_resource(place, whole).unwrap();
        let mut schemas = Schemas::new();
        let root = compiler.compile(place, &mut schemas).unwrap();
        if let Err(error) = schemas.validate(value, root) {
            panic!("{id}: {error:#}\n{value:#}");
        }
    }
}

fn segments(path: &str) -> usize {
    path.split('?').next().unwrap().split('/').count()
}

fn find(document: &Value, id: &str) -> (String, String, Value) {
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["operationId"] == id {
                return (path.clone(), method.clone(), operation.clone());
            }
        }
    }
    panic!("the document has no operation {id}");
}

fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|methods| methods.as_object().unwrap().values());
    operations
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_operation_is_there_and_answers_as_the_document_says() {
    let peer = Peer::start(|_, command| match command {
        rcpt if rcpt.starts_with("RCPT") => Act::Say("450 4.2.1 come back"),
        _ => Act::Usual,
    });
    let server = waiting(&[("remote.example", peer.address())], WEB);
    let mut http = with(&server, &token(&server, "walker", "*"));
    let document = must(&mut http, "GET", "/openapi.json", None);
    assert_eq!(document["openapi"], "3.1.0");
    let mut walk = Walk {
        http,
        document,
        done: BTreeSet::from(["document".to_owned()]),
    };
    walk.go("me", "/me", None);
    walk.go("status", "/status", None);
    walk.go("flow", "/flow?minutes=1440", None);
    domains(&mut walk);
    accounts(&mut walk);

    submit(
        &server,
        &["carol@remote.example"],
        "Subject: x\r\nMessage-ID: <walk@waxwing.test>\r\n\r\nbody\r\n",
    );
    queue(&mut walk);
    policy(&mut walk);
    walk.go("reports", "/reports", None);
    walk.go("sendReports", "/reports/send", None);
    walk.go("audit", "/audit?limit=3&who=token%20walker", None);

    // The stream is looked at elsewhere; going back is, too.
    let mut wanted = operations(&walk.document);
    for elsewhere in ["flowLive", "rollBack"] {
        assert!(wanted.remove(elsewhere));
    }
    assert_eq!(walk.done, wanted);
}

fn domains(walk: &mut Walk) {
    walk.go(
        "addDomain",
        "/domains",
        Some(json!({ "domain": "walk.test" })),
    );
    walk.go("domains", "/domains", None);
    walk.go("domain", "/domains/walk.test", None);
    let changed = walk.go(
        "setDomainQuota",
        "/domains/walk.test",
        Some(json!({ "quota": { "bytes": 5000 } })),
    );
    assert_eq!(changed["quota"], json!({ "bytes": 5000, "messages": null }));
    walk.go(
        "setMtaSts",
        "/domains/walk.test/mta-sts",
        Some(json!({ "mode": "testing", "max-age": 86400 })),
    );
    walk.go("addDomainKey", "/domains/walk.test/keys", Some(json!({})));
    walk.go("rotateDomainKeys", "/domains/walk.test/keys/rotate", None);
    let keys = walk.go("domainKeys", "/domains/walk.test/keys", None);
    let selector = keys["items"][0]["selector"].as_str().unwrap();
    walk.go(
        "removeDomainKey",
        &format!("/domains/walk.test/keys/{selector}"),
        None,
    );
    walk.go("domainRecords", "/domains/walk.test/records", None);
    walk.go("checkDomain", "/domains/walk.test/check", None);
    walk.go("removeMtaSts", "/domains/walk.test/mta-sts", None);
    walk.go("domains", "/domains", None);
    walk.go("removeDomain", "/domains/walk.test", None);
}

fn accounts(walk: &mut Walk) {
    walk.go(
        "addAccount",
        "/accounts",
        Some(json!({ "address": "walk@waxwing.test", "password": "a-password" })),
    );
    let path = "/accounts/walk@waxwing.test";
    walk.go("account", path, None);
    walk.go(
        "setAccountQuota",
        path,
        Some(json!({ "quota": { "messages": 5, "bytes": null } })),
    );
    walk.go(
        "setPassword",
        &format!("{path}/password"),
        Some(json!({ "password": "another-one" })),
    );
    walk.go("enableTotp", &format!("{path}/totp"), None);
    let recovery = format!("{path}/totp/recovery-codes");
    walk.go("makeRecoveryCodes", &recovery, None);
    walk.go("disableTotp", &format!("{path}/totp"), None);
    let new = || {
        Some(
            json!({ "name": "phone", "scopes": ["imap", "smtp"], "expires": 4_000_000_000_000_u64 }),
        )
    };
    for (add, list, remove, kind) in [
        (
            "addAppPassword",
            "appPasswords",
            "removeAppPassword",
            "app-passwords",
        ),
        ("addToken", "tokens", "removeToken", "tokens"),
    ] {
        let made = walk.go(add, &format!("{path}/{kind}"), new());
        let listed = walk.go(list, &format!("{path}/{kind}"), None);
        assert_eq!(
            (&listed["items"][0]["id"], listed["items"][0].get("secret")),
            (&made["id"], None)
        );
        walk.go(remove, &format!("{path}/{kind}/{}", made["id"]), None);
    }
    let page = walk.go("accounts", "/accounts?limit=1&domain=waxwing.test", None);
    assert_eq!(page["next"], "alice@waxwing.test");
    let found = walk.go("accounts", "/accounts?search=WALK", None);
    assert_eq!(
        (found["items"].as_array().unwrap().len(), &found["next"]),
        (1, &Value::Null)
    );
    walk.go(
        "addAlias",
        "/aliases",
        Some(json!({ "address": "*@waxwing.test", "targets": ["walk@waxwing.test"] })),
    );
    walk.go("aliases", "/aliases?search=walk", None);
    walk.go("removeAlias", "/aliases/*@waxwing.test", None);
    walk.go("removeAccount", path, None);
}

fn queue(walk: &mut Walk) {
    let (entry, _) = until("an attempt is settled", PATIENCE, || {
        let listed = walk.go("queue", "/queue?search=CAROL@&limit=1", None);
        (listed["items"][0]["attempts"] == 1).then(|| listed["items"][0].clone())
    });
    assert_eq!(entry["said"], "450 4.2.1 come back");
    let id = entry["queue-id"].as_str().unwrap();
    let path = format!("/queue/{id}");
    let shown = walk.go("queued", &path, None);
    assert_eq!(shown["attempts"][0]["said"], "450 4.2.1 come back");
    assert_eq!(walk.go("hold", &format!("{path}/hold"), None)["changed"], 1);
    let held = walk.go(
        "queue",
        "/queue?held=true&sender=alice@waxwing.test&limit=1",
        None,
    );
    assert_eq!(
        (&held["items"][0]["state"], &held["next"]),
        (&json!("held"), &entry["entry"])
    );
    let after = walk.go("queue", &format!("/queue?after={}", entry["entry"]), None);
    assert_eq!(after["items"], json!([]));
    walk.go("retry", &format!("{path}/retry"), None);
    walk.go("release", &format!("{path}/release"), None);
    let all = json!({ "action": "hold", "which": { "text": "carol@remote" } });
    assert_eq!(
        walk.go("actOnQueue", "/queue/actions", Some(all))["changed"],
        1
    );
    let trace = walk.go("trace", "/trace/%3Cwalk@waxwing.test%3E", None);
    assert_eq!(trace["items"][0]["queue-id"], id);
    walk.go("removeQueued", &path, None);
}

fn policy(walk: &mut Walk) {
    let pipeline = walk.go("plugins", "/plugins", None);
    let recipients = pipeline["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["name"] == "recipients");
    assert!(recipients.unwrap()["calls"].as_u64() > Some(0));
    walk.go("pluginHistory", "/plugins/history", None);
    walk.go("comparePlugins", "/plugins/comparison", None);
    walk.go("pluginBuilds", "/plugins/builds", None);
    let other = json!({ "step": "rules", "plugin": "rules", "messages": 5 });
    walk.go("replay", "/plugins/replay", Some(other));
    let trial = json!({ "plugin": "rules", "name": "rules-next" });
    walk.go("tryPlugin", "/plugins/rules/trial", Some(trial.clone()));
    walk.go(
        "setMode",
        "/plugins/rules-next/mode",
        Some(json!({ "mode": "canary", "percent": 5 })),
    );
    walk.go("withdraw", "/plugins/rules-next", None);
    walk.go("tryPlugin", "/plugins/rules/trial", Some(trial));
    walk.go("promote", "/plugins/rules-next/promote", None);
    walk.go("restorePolicy", "/plugins/restore", None);
    walk.go("rules", "/rules", None);
    let file = "/rules/rules%2Fnew.toml";
    let text = "[[rule]]\nname = \"WALKED\"\nscore = 1\nheader = \"Subject\"\nmatches = 'x'\n";
    walk.go(
        "checkRuleFile",
        &format!("{file}/check"),
        Some(json!({ "text": text })),
    );
    walk.go(
        "previewRuleFile",
        &format!("{file}/preview"),
        Some(json!({ "text": text })),
    );
    walk.go("saveRuleFile", file, Some(json!({ "text": text })));
    let shown = walk.go("ruleFile", file, None);
    assert_eq!(shown["text"], text);
}
