//! What an account is at a moment, as each protocol tells it; and whether changes lead from one moment to another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use waxwing_tests::client::{Http, Imap, Page};

use super::QUIET;

/// Ids that are asked for at once, of the 256 that a call may name at least.
const AT_ONCE: usize = 200;
/// Pages of changes that a test waits for.
const PAGES: usize = 10_000;

/// An email: the names of its mailboxes, and its keywords.
pub(super) type Emails = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

/// An account at a moment.
#[derive(Debug)]
pub(super) struct Picture {
    state: String,
    emails: Emails,
    /// Each object, by its id.
    objects: BTreeMap<&'static str, BTreeMap<String, Value>>,
}

impl Picture {
    pub(super) fn emails(&self) -> Emails {
        self.emails.clone()
    }
}

/// A JMAP client.
pub(super) struct Jmap {
    http: Http,
    account: String,
}

impl Jmap {
    pub(super) fn new(mut http: Http) -> Self {
        let account = crate::jmap::account(&mut http);
        Self { http, account }
    }

    /// At an account of somebody else, by the owner's address.
    pub(super) fn at(mut http: Http, address: &str) -> Self {
        let session = http.get("/.well-known/jmap").unwrap().json();
        let mut accounts = session["accounts"].as_object().unwrap().iter();
        let (account, _) = accounts.find(|(_, it)| it["name"] == address).unwrap();
        let account = account.clone();
        Self { http, account }
    }

    /// The response to one call: its name and its arguments.
    pub(super) fn answer(&mut self, method: &str, arguments: &Value) -> Value {
        let mut all = arguments.as_object().unwrap().clone();
        all.insert("accountId".into(), self.account.clone().into());
        let request = json!({
            "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
            "methodCalls": [[method, all, "0"]],
        });
        let page = self.post("/jmap", "application/json", &request.to_string());
        assert_eq!(page.status, 200, "{page:?}");
        page.json()["methodResponses"][0].clone()
    }

    /// Others ask at the same time, and an account has so many turns (RFC 8620 §3.6.1).
    fn post(&mut self, target: &str, kind: &str, body: &str) -> Page {
        loop {
            let page = self.http.post(target, kind, body.as_bytes()).unwrap();
            if page.status != 400 || page.json()["type"] != "urn:ietf:params:jmap:error:limit" {
                return page;
            }
        }
    }

    fn call(&mut self, method: &str, arguments: &Value) -> Value {
        let answer = self.answer(method, arguments);
        assert_eq!(answer[0], method, "{arguments}: {answer}");
        answer[1].clone()
    }

    /// The ids of mailboxes by their paths.
    pub(super) fn places(&mut self) -> BTreeMap<String, String> {
        let boxes = self.call("Mailbox/get", &json!({"ids": null}));
        let list = boxes["list"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let of_id = |id: &Value| list.iter().find(|one| one["id"] == *id).unwrap();
        let path = |one: &Value| {
            let mut path = text(&one["name"]);
            let mut parent = &one["parentId"];
            while !parent.is_null() {
                let above = of_id(parent);
                path = format!("{}/{path}", text(&above["name"]));
                parent = &above["parentId"];
            }
            // What IMAP calls so.
            if one["role"] == "inbox" {
                "INBOX".to_owned()
            } else {
                path
            }
        };
        list.iter()
            .map(|one| (path(one), text(&one["id"])))
            .collect()
    }

    pub(super) fn ids_in(&mut self, mailbox: &str) -> Vec<String> {
        let found = self.call("Email/query", &json!({"filter": {"inMailbox": mailbox}}));
        strings(&found["ids"])
    }

    /// Takes a message in.
    pub(super) fn import(&mut self, text: &str, mailbox: &str) {
        let target = format!("/jmap/upload/{}", self.account);
        let page = self.post(&target, "message/rfc822", text);
        assert_eq!(page.status, 201, "{page:?}");
        let blob = page.json()["blobId"].clone();
        let email =
            json!({"blobId": blob, "mailboxIds": {mailbox: true}, "keywords": {"$draft": true}});
        let answer = self.call("Email/import", &json!({"emails": {"new": email}}));
        assert!(answer["created"]["new"]["id"].is_string(), "{answer}");
    }

    /// Changes emails; somebody else may have removed them.
    pub(super) fn set(&mut self, arguments: &Value) {
        let answer = self.call("Email/set", arguments);
        for kind in ["notUpdated", "notDestroyed"] {
            for (id, error) in answer[kind].as_object().into_iter().flatten() {
                assert_eq!(error["type"], "notFound", "{arguments}, {id}: {error}");
            }
        }
    }

    fn get(&mut self, kind: &str, ids: &[String]) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        for some in ids.chunks(AT_ONCE) {
            let mut arguments = json!({"ids": some});
            if kind == "Email" {
                arguments["properties"] = json!(["mailboxIds", "keywords", "threadId"]);
            }
            let answer = self.call(&format!("{kind}/get"), &arguments);
            assert_eq!(answer["notFound"], json!([]), "{kind}");
            for one in answer["list"].as_array().unwrap() {
                found.insert(one["id"].as_str().unwrap().to_owned(), one.clone());
            }
        }
        found
    }

    /// What is there while nobody changes anything.
    pub(super) fn picture(&mut self) -> Picture {
        let all = self.call("Email/query", &json!({}));
        let state = self.call("Email/get", &json!({"ids": []}))["state"].clone();
        let emails = self.get("Email", &strings(&all["ids"]));
        let places = self.places();
        let boxes: Vec<String> = places.values().cloned().collect();
        let threads: BTreeSet<String> = emails
            .values()
            .map(|email| email["threadId"].as_str().unwrap().to_owned())
            .collect();
        let threads: Vec<String> = threads.into_iter().collect();
        let names: BTreeMap<&String, &String> =
            places.iter().map(|(name, id)| (id, name)).collect();
        let keys = |object: &Value| -> Vec<String> {
            let all: &Map<String, Value> = object.as_object().unwrap();
            all.keys().cloned().collect()
        };
        let simple = emails.iter().map(|(id, email)| {
            let boxes = keys(&email["mailboxIds"])
                .iter()
                .map(|id| names[id].clone())
                .collect();
            (
                id.clone(),
                (boxes, keys(&email["keywords"]).into_iter().collect()),
            )
        });
        Picture {
            state: state.as_str().unwrap().to_owned(),
            emails: simple.collect(),
            objects: BTreeMap::from([
                ("Thread", self.get("Thread", &threads)),
                ("Mailbox", self.get("Mailbox", &boxes)),
                ("Email", emails),
            ]),
        }
    }

    /// Whether the changes since a moment lead to another, in pages of at most so many.
    pub(super) fn leads_to(&mut self, before: &Picture, now: &Picture, most: Option<usize>) {
        'kinds: for (kind, objects) in &now.objects {
            let old = &before.objects[kind];
            let mut known: BTreeSet<String> = old.keys().cloned().collect();
            let mut touched: BTreeSet<String> = BTreeSet::new();
            let mut state = before.state.clone();
            for page in 0..=PAGES {
                assert!(page < PAGES, "{kind}: the changes never end");
                let arguments = json!({"sinceState": state, "maxChanges": most});
                let answer = self.answer(&format!("{kind}/changes"), &arguments);
                // RFC 8620 §5.2: what one commit changed is not told in parts.
                if most.is_some() && answer[1]["type"] == "cannotCalculateChanges" {
                    continue 'kinds;
                }
                assert_eq!(
                    answer[0],
                    format!("{kind}/changes"),
                    "{arguments}: {answer}"
                );
                let found = answer[1].clone();
                let [created, updated, destroyed] =
                    ["created", "updated", "destroyed"].map(|list| strings(&found[list]));
                let count = created.len() + updated.len() + destroyed.len();
                assert!(most.is_none_or(|most| count <= most), "{kind}: {found}");
                for id in &created {
                    assert!(known.insert(id.clone()), "{kind} {id} came twice: {found}");
                }
                for id in &updated {
                    assert!(
                        known.contains(id),
                        "{kind} {id} changed and is not known: {found}"
                    );
                }
                for id in &destroyed {
                    assert!(
                        known.remove(id),
                        "{kind} {id} left and was not there: {found}"
                    );
                }
                touched.extend(created.into_iter().chain(updated));
                state = found["newState"].as_str().unwrap().to_owned();
                if found["hasMoreChanges"] == false {
                    break;
                }
            }
            let there: BTreeSet<String> = objects.keys().cloned().collect();
            assert_eq!(known, there, "{kind}: the changes lead elsewhere");
            for (id, object) in objects {
                if old.get(id) != Some(object) {
                    assert!(
                        touched.contains(id),
                        "nothing was said of {kind} {id}: {:?}, {object}",
                        old.get(id)
                    );
                }
            }
            if *kind == "Email" {
                let quiet = now
                    .emails
                    .iter()
                    .filter(|(_, (boxes, _))| boxes.contains(QUIET));
                for (id, _) in quiet {
                    assert!(
                        !touched.contains(id) || !old.contains_key(id),
                        "{id} did not change"
                    );
                }
            }
        }
    }
}

fn strings(list: &Value) -> Vec<String> {
    let all = list.as_array().unwrap().iter();
    all.map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// The same by IMAP: each email with the mailboxes that have it, and the flags of all its copies.
pub(super) fn by_imap(imap: &mut Imap, places: &[&str]) -> Emails {
    let mut emails = Emails::new();
    for place in places {
        if imap.select(place).unwrap() == 0 {
            continue;
        }
        let reply = imap
            .command("FETCH 1:* (EMAILID FLAGS)")
            .unwrap()
            .ok()
            .unwrap();
        for line in reply.text().lines() {
            let between = |from: &str, to: char| {
                let (_, rest) = line.split_once(from)?;
                Some(rest.split(to).next()?.to_owned())
            };
            let Some(id) = between("EMAILID (", ')') else {
                continue;
            };
            let flags = between("FLAGS (", ')').unwrap();
            // RFC 8621 §4.1.1: it is not to be seen.
            if flags.contains("\\Deleted") {
                continue;
            }
            let (places, keywords) = emails.entry(id).or_default();
            places.insert((*place).to_owned());
            keywords.extend(flags.split_ascii_whitespace().filter_map(keyword));
        }
    }
    emails
}

/// What JMAP calls a flag (RFC 8621 §4.1.1); some are only IMAP's.
fn keyword(flag: &str) -> Option<String> {
    match flag.to_ascii_lowercase().strip_prefix('\\') {
        None => Some(flag.to_ascii_lowercase()),
        Some("recent") => None,
        Some(system) => Some(format!("${system}")),
    }
}
