//! Requests and their responses as data: each file of `cases/` is one behaviour.
//!
//! A case has a `request` (JSON) or `octets` (a text, for what is no JSON); perhaps its `contentType`; the `asks` that it makes, with their
//! answers; perhaps a `world`, an account that answers what is asked of mail, or `blobs` and `quotas`; and the `response` or the `problem` that comes of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod change;
mod send;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::world::blobs::{Blobs, quotas};
use serde_json::{Value, json};
use waxwing_jmap::{
    Access, AccountId, Answer, Ask, Exchange, Failure, Limits, Request, Step, Viewer,
};

/// Who asks: an account of its own, one of somebody else that it may read.
fn viewer() -> Viewer {
    let access = |id, name: &str, own| Access {
        id: AccountId(id),
        name: name.into(),
        personal: own,
        read_only: !own,
    };
    Viewer {
        username: "alice@example.org".into(),
        accounts: vec![
            access(1, "alice@example.org", true),
            access(2, "bob@example.org", false),
        ],
    }
}

/// Small ones, so that a case can exceed them.
fn limits() -> Limits {
    Limits {
        size_request: 2000,
        calls_in_request: 8,
        objects_in_get: 4,
        objects_in_set: 4,
        delayed_send: 3600,
        size_blob_set: 100,
        data_sources: 3,
        ..Limits::default()
    }
}

fn ask_json(ask: &Ask) -> Value {
    match ask {
        Ask::CopyContents { from, to, contents } => {
            let contents: Vec<String> = contents.iter().map(ToString::to_string).collect();
            json!({"copyContents": {"from": from.to_string(), "to": to.to_string(), "contents": contents}})
        }
        Ask::Change(ask) => change::ask_json(ask),
        Ask::Send(ask) => send::ask_json(ask),
        Ask::Blob(ask) => json!({ "blob": format!("{ask:?}") }),
        Ask::Push(ask) => json!({ "push": format!("{ask:?}") }),
        Ask::Quotas { account } => json!({ "quotas": account.to_string() }),
        Ask::Mail(ask) => json!({ "mail": format!("{ask:?}") }),
    }
}

fn answer_of(value: &Value) -> Answer {
    if let Some(copied) = value["copied"].as_array() {
        return Answer::Copied(
            copied
                .iter()
                .map(|there| there.as_bool().unwrap())
                .collect(),
        );
    }
    if let Some(answer) = change::answer_of(value) {
        return Answer::Change(answer);
    }
    if let Some(answer) = send::answer_of(value) {
        return Answer::Send(answer);
    }
    if let Some(answer) = world::push::answer(value) {
        return Answer::Push(answer);
    }
    if let Some(reference) = value["uncertain"].as_str() {
        return Answer::Failed(Failure::Uncertain {
            reference: reference.into(),
        });
    }
    Answer::Failed(Failure::Unavailable {
        reference: value["unavailable"].as_str().unwrap().into(),
    })
}

/// Makes the request of a case; what came of it, and what it asked.
fn run(case: &Value) -> (Value, Vec<Value>) {
    let octets = match case["octets"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => serde_json::to_vec(&case["request"]).unwrap(),
    };
    let content_type = match &case["contentType"] {
        Value::Null => Some("application/json"),
        other => other.as_str().filter(|text| !text.is_empty()),
    };
    let request = match Request::parse(content_type, &octets, &limits()) {
        Ok(request) => request,
        Err(problem) => return (json!({ "problem": problem.to_json() }), Vec::new()),
    };
    let mut exchange = Exchange::new(request, Arc::new(viewer()), Arc::new(limits()));
    let mut asked = Vec::new();
    let mut blobs = Blobs::of(case);
    loop {
        match exchange.step() {
            Step::Ask(Ask::Mail(ask)) if case["world"].is_object() => {
                exchange.answer(Answer::Mail(world::answer(&case["world"], &ask)));
            }
            Step::Ask(Ask::Blob(ask)) if let Some(blobs) = &mut blobs => {
                exchange.answer(Answer::Blob(blobs.answer(&ask)));
            }
            Step::Ask(Ask::Quotas { .. }) if let Some(roots) = quotas(case) => {
                exchange.answer(Answer::Quotas(roots));
            }
            Step::Ask(ask) => {
                let answer = &case["asks"][asked.len()]["answer"];
                assert!(!answer.is_null(), "nobody answers {ask:?}");
                asked.push(ask_json(&ask));
                exchange.answer(answer_of(answer));
            }
            Step::Done(response) => return (json!({ "response": response.to_json() }), asked),
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|name| name == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Descriptions are for people, and the state of the session is the same everywhere: neither is told in each case.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !["description", "detail", "sessionState"].contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn every_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = files(&folder);
    assert!(files.len() > 20, "only {} cases were found", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let text = std::fs::read(&path).unwrap();
        let case: Value = serde_json::from_slice(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (came, asked) = run(&case);
        let kind = if case.get("problem").is_some() {
            "problem"
        } else {
            "response"
        };
        let wanted = json!({ kind: case[kind] });
        if plain(&came) != plain(&wanted) {
            wrong.push(format!("{}: {came:#}", path.display()));
        }
        let expected: Vec<&Value> = case["asks"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|ask| &ask["ask"])
            .collect();
        if expected != asked.iter().collect::<Vec<_>>() {
            wrong.push(format!("{}: asked {asked:?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_step_without_its_answer_ends_and_a_wrong_answer_is_a_failure() {
    let request = || {
        let copy = json!({"using": ["urn:ietf:params:jmap:core"], "methodCalls": [
            ["Blob/copy", {"fromAccountId": "A2", "accountId": "A1", "blobIds": ["B1"]}, "c"]]});
        let octets = serde_json::to_vec(&copy).unwrap();
        let request = Request::parse(Some("application/json"), &octets, &limits()).unwrap();
        Exchange::new(request, Arc::new(viewer()), Arc::new(limits()))
    };
    let mut exchange = request();
    assert!(matches!(exchange.step(), Step::Ask(_)));
    for _ in 0..2 {
        assert!(matches!(exchange.step(), Step::Done(response) if response.responses.is_empty()));
    }
    let mut exchange = request();
    assert!(matches!(exchange.step(), Step::Ask(_)));
    exchange.answer(Answer::Copied(vec![true, true]));
    let Step::Done(response) = exchange.step() else {
        panic!("it asks again");
    };
    assert_eq!(response.responses[0].arguments["type"], "serverFail");
}

#[test]
fn results_that_are_taken_twice_each_time_do_not_grow_without_bound() {
    let calls: Vec<Value> = (0..200)
        .map(|number| {
            let before = |name: &str| json!({"resultOf": format!("{}", number - 1), "name": "Core/echo", "path": name});
            if number == 0 {
                return json!(["Core/echo", {"a": "x".repeat(1000), "b": 1}, "0"]);
            }
            json!(["Core/echo", {"#a": before(""), "#b": before("")}, number.to_string()])
        })
        .collect();
    let limits = Limits::default();
    let limits = Limits {
        calls_in_request: 200,
        ..limits
    };
    let octets =
        serde_json::to_vec(&json!({"using": ["urn:ietf:params:jmap:core"], "methodCalls": calls}))
            .unwrap();
    let request = Request::parse(Some("application/json"), &octets, &limits).unwrap();
    let mut exchange = Exchange::new(request, Arc::new(viewer()), Arc::new(limits));
    let Step::Done(response) = exchange.step() else {
        panic!("an echo asks");
    };
    assert!(response.to_json().to_string().len() < 32 << 20);
    assert_eq!(
        response.responses.last().unwrap().arguments["type"],
        "invalidResultReference"
    );
}
