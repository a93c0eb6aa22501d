//! Accounts of others over JMAP: who was granted rights to a mailbox sees it and its mail, and of everything else of the account nothing,
//! whatever is asked; and rights that are taken away end at once.

use serde_json::{Value, json};
use waxwing_tests::client::{Events, Http, Imap, Page, WebSocket};
use waxwing_tests::{Server, Setup};

use crate::jmap::{ALICE, WEB, as_user};
use crate::jmap_push::{basic, deliver};

const BOB: &str = "bob@waxwing.test";
/// No id of anything.
const NOBODY: &str = "A999999";
/// Nothing was created, updated or destroyed.
const NOTHING: [Vec<String>; 3] = [vec![], vec![], vec![]];

/// A client, at an account.
struct Jmap {
    http: Http,
    account: String,
}

impl Jmap {
    fn open(server: &Server, user: &str, owner: &str) -> Self {
        let mut http = as_user(server, user);
        let account = account_of(&session(&mut http), owner).unwrap();
        Self { http, account }
    }

    /// The response to a call: its name and its arguments.
    fn answer(&mut self, method: &str, mut arguments: Value) -> (String, Value) {
        if arguments.get("accountId").is_none() {
            arguments["accountId"] = json!(self.account);
        }
        let using = ["core", "mail", "submission", "quota", "blob"];
        let using = using.map(|name| format!("urn:ietf:params:jmap:{name}"));
        let request = json!({ "using": using, "methodCalls": [[method, arguments, "c"]] });
        let body = request.to_string();
        let page = self.http.post("/jmap", "application/json", body.as_bytes());
        let page = page.unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        let answer = page.json()["methodResponses"][0].clone();
        (answer[0].as_str().unwrap().to_owned(), answer[1].clone())
    }

    fn call(&mut self, method: &str, arguments: Value) -> Value {
        let (name, answer) = self.answer(method, arguments);
        assert_eq!(name, method, "{answer}");
        answer
    }

    fn error(&mut self, method: &str, arguments: Value) -> String {
        let (name, answer) = self.answer(method, arguments);
        assert_eq!(name, "error", "{method}: {answer}");
        answer["type"].as_str().unwrap().to_owned()
    }

    fn mailboxes(&mut self) -> Vec<Value> {
        let got = self.call("Mailbox/get", json!({}));
        got["list"].as_array().unwrap().clone()
    }

    fn mailbox(&mut self, name: &str) -> Value {
        let all = self.mailboxes();
        let found = all.iter().find(|mailbox| mailbox["name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {all:?}")).clone()
    }

    /// The id of the only email of this subject.
    fn email(&mut self, subject: &str) -> String {
        self.only(json!({ "subject": subject }))
    }

    /// The id of the only email that a filter finds.
    fn only(&mut self, filter: Value) -> String {
        let found = self.query(filter);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    fn query(&mut self, filter: Value) -> Vec<String> {
        let found = self.call(
            "Email/query",
            json!({ "filter": filter, "calculateTotal": true }),
        );
        let ids = strings(&found["ids"]);
        assert_eq!(found["total"], ids.len(), "{found}");
        ids
    }

    fn get(&mut self, id: &str) -> Option<Value> {
        let got = self.call("Email/get", json!({ "ids": [id] }));
        let list = got["list"].as_array().unwrap();
        let missing = strings(&got["notFound"]);
        assert_eq!(list.is_empty(), missing == [id], "{got}");
        list.first().cloned()
    }

    /// The state of each type.
    fn states(&mut self) -> Vec<Value> {
        ["Email/get", "Thread/get", "Mailbox/get"]
            .map(|method| self.call(method, json!({ "ids": [] }))["state"].clone())
            .to_vec()
    }

    fn state(&mut self) -> Value {
        self.states()[0].clone()
    }

    /// What was created, updated and destroyed since a state.
    fn changes(&mut self, kind: &str, since: &Value) -> [Vec<String>; 3] {
        let found = self.call(&format!("{kind}/changes"), json!({ "sinceState": since }));
        ["created", "updated", "destroyed"].map(|list| strings(&found[list]))
    }

    fn download(&mut self, blob: &str) -> Page {
        let target = format!("/jmap/download/{}/{blob}/x", self.account);
        self.http.get(&target).unwrap()
    }
}

fn session(http: &mut Http) -> Value {
    http.get("/.well-known/jmap").unwrap().json()
}

/// The id of the account of an address, if it is seen.
fn account_of(session: &Value, address: &str) -> Option<String> {
    let mut accounts = session["accounts"].as_object().unwrap().iter();
    let (id, _) = accounts.find(|(_, account)| account["name"] == address)?;
    Some(id.clone())
}

fn strings(list: &Value) -> Vec<String> {
    let all = list.as_array().unwrap_or_else(|| panic!("{list}")).iter();
    all.map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn message(id: u32, thread: u32, subject: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Ada <ada@example.org>\r\nSubject: {subject}\r\nMessage-ID: <{id}@example.org>\r\nReferences: <t{thread}@example.org>\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

fn done(imap: &mut Imap, command: &str) {
    imap.command(command).unwrap().ok().unwrap();
}

fn put(imap: &mut Imap, mailbox: &str, content: &[u8]) {
    imap.append(mailbox, "", content).unwrap().ok().unwrap();
}

/// Bob has mail in Work and in Hidden, which share a thread and an email; alice may read Work.
fn start() -> (Server, Imap) {
    let server = Setup::new().settings(WEB).start();
    let mut bob = server.imap(BOB);
    for command in ["CREATE Work", "CREATE Hidden", "CREATE Work/Below"] {
        done(&mut bob, command);
    }
    put(
        &mut bob,
        "Work",
        &message(1, 1, "plan", "marzipan in the open"),
    );
    put(
        &mut bob,
        "Hidden",
        &message(2, 1, "Re: plan", "marzipan in the dark"),
    );
    put(&mut bob, "Hidden", &message(3, 2, "alone", "nougat"));
    bob.select("Work").unwrap();
    done(&mut bob, "COPY 1 Hidden");
    bob.select("Hidden").unwrap();
    done(&mut bob, "STORE 3 +FLAGS (\\Flagged private)");
    done(&mut bob, "UNSELECT");
    done(&mut bob, "SETACL Work alice lr");
    (server, bob)
}

#[test]
fn who_was_granted_something_sees_an_account() {
    let (server, mut bob) = start();
    let mut http = as_user(&server, ALICE);
    let told = session(&mut http);
    let account = account_of(&told, BOB).unwrap();
    let own = account_of(&told, ALICE).unwrap();
    let access = &told["accounts"][&account];
    assert_eq!(access["isPersonal"], false);
    assert_eq!(access["isReadOnly"], true);
    let capabilities = access["accountCapabilities"].as_object().unwrap();
    let mail = "urn:ietf:params:jmap:mail";
    assert_eq!(capabilities.keys().collect::<Vec<_>>(), [mail]);
    assert_eq!(capabilities[mail]["mayCreateTopLevelMailbox"], false);
    for primary in told["primaryAccounts"].as_object().unwrap().values() {
        assert_eq!(*primary, own);
    }
    // Who was granted nothing sees nothing, nor does the owner see more.
    let bobs = session(&mut as_user(&server, BOB));
    assert_eq!(bobs["accounts"].as_object().unwrap().len(), 1);
    let state = told["state"].clone();
    done(&mut bob, "SETACL Hidden alice l");
    assert_eq!(session(&mut http)["state"], state);
    done(&mut bob, "SETACL Hidden alice \"\"");

    let mut alice = Jmap::open(&server, ALICE, BOB);
    let work = alice.mailbox("Work");
    let rights = work["myRights"].as_object().unwrap();
    let granted: Vec<&String> = rights
        .iter()
        .filter(|it| it.1 == true)
        .map(|it| it.0)
        .collect();
    assert_eq!(granted, ["mayReadItems"]);
    assert_eq!(work["isSubscribed"], false);
    let plan = alice.email("plan");
    let email = alice.get(&plan).unwrap();
    assert_eq!(email["preview"], "marzipan in the open");
    done(&mut bob, "SETACL Work alice lrswitkxep");
    let rights = alice.mailbox("Work")["myRights"].clone();
    assert!(
        rights.as_object().unwrap().values().all(|may| *may == true),
        "{rights}"
    );
    // Nothing may be changed all the same.
    for method in ["Email/set", "Mailbox/set", "Email/import"] {
        let arguments = match method {
            "Email/import" => json!({ "emails": {} }),
            _ => json!({}),
        };
        assert_eq!(alice.error(method, arguments), "accountReadOnly");
    }
    let upload = alice
        .http
        .post(&format!("/jmap/upload/{account}"), "text/plain", b"x");
    assert_eq!(upload.unwrap().status, 404);
    for method in [
        "Quota/get",
        "Identity/get",
        "EmailSubmission/get",
        "Blob/get",
    ] {
        let arguments = json!({ "ids": [] });
        assert_eq!(
            alice.error(method, arguments),
            "accountNotSupportedByMethod"
        );
    }
    // What alice subscribes to is hers.
    let mut imap = server.imap(ALICE);
    done(&mut imap, &format!("SUBSCRIBE \"Other users/{BOB}/Work\""));
    assert_eq!(alice.mailbox("Work")["isSubscribed"], true);
}

#[test]
fn what_may_not_be_seen_is_not_there() {
    let (server, mut bob) = start();
    let mut owner = Jmap::open(&server, BOB, BOB);
    let mut alice = Jmap::open(&server, ALICE, BOB);
    let [secret, alone, plan] =
        ["dark", "nougat", "open"].map(|it| owner.only(json!({ "body": it })));
    let hidden = owner.mailbox("Hidden")["id"].clone();
    let thread = owner.get(&plan).unwrap()["threadId"].clone();
    assert_eq!(owner.get(&secret).unwrap()["threadId"], thread);

    // Mailboxes, their counts, and what is in them.
    let names: Vec<Value> = alice
        .mailboxes()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(names, ["Work"]);
    let work = alice.mailbox("Work");
    for count in [
        "totalEmails",
        "totalThreads",
        "unreadEmails",
        "unreadThreads",
    ] {
        assert_eq!(work[count], 1, "{count}");
    }
    let got = alice.call("Mailbox/get", json!({ "ids": [hidden] }));
    assert_eq!(
        (&got["list"], &got["notFound"]),
        (&json!([]), &json!([hidden]))
    );
    let email = alice.get(&plan).unwrap();
    assert_eq!(
        email["mailboxIds"],
        json!({ work["id"].as_str().unwrap(): true })
    );
    assert_eq!(email["keywords"], json!({}));
    for id in [&secret, &alone] {
        assert!(alice.get(id).is_none());
    }
    // Threads and queries, whatever they look for.
    let threads = alice.call("Thread/get", json!({ "ids": [thread] }));
    assert_eq!(threads["list"][0]["emailIds"], json!([plan]));
    let other = owner.get(&alone).unwrap()["threadId"].clone();
    let threads = alice.call("Thread/get", json!({ "ids": [other] }));
    assert_eq!(threads["notFound"], json!([other]));
    for filter in [
        json!({}),
        json!({ "text": "marzipan" }),
        json!({ "subject": "plan" }),
    ] {
        assert_eq!(alice.query(filter), [plan.as_str()]);
    }
    for filter in [
        json!({ "text": "nougat" }),
        json!({ "body": "dark" }),
        json!({ "inMailbox": hidden }),
        json!({ "hasKeyword": "private" }),
        json!({ "someInThreadHaveKeyword": "$flagged" }),
    ] {
        assert_eq!(alice.query(filter), Vec::<String>::new());
    }
    let snippets = json!({ "emailIds": [plan, secret], "filter": { "text": "marzipan" } });
    let snippets = alice.call("SearchSnippet/get", snippets);
    assert_eq!(snippets["list"].as_array().unwrap().len(), 1);
    assert_eq!(snippets["notFound"], json!([secret]));

    // Contents, by every way to them.
    let blob = |owner: &mut Jmap, id: &str| {
        let email = owner.get(id).unwrap();
        email["blobId"].as_str().unwrap().to_owned()
    };
    let [seen, unseen] = [&plan, &secret].map(|id| blob(&mut owner, id));
    assert_eq!(alice.download(&seen).status, 200);
    assert_eq!(alice.download(&unseen).status, 404);
    let part = owner.get(&secret).unwrap()["textBody"][0]["blobId"].clone();
    assert_eq!(alice.download(part.as_str().unwrap()).status, 404);
    let parsed = alice.call("Email/parse", json!({ "blobIds": [seen, unseen] }));
    assert_eq!(parsed["notFound"], json!([unseen]));
    let own = account_of(&session(&mut alice.http), ALICE).unwrap();
    let copy =
        json!({ "fromAccountId": alice.account, "accountId": own, "blobIds": [seen, unseen] });
    let copied = alice.call("Blob/copy", copy);
    assert_eq!(copied["copied"], json!({ seen.as_str(): seen }));
    assert_eq!(copied["notCopied"][&unseen]["type"], "notFound");
    let bobs = std::mem::replace(&mut alice.account, own.clone());
    assert_eq!(alice.download(&seen).status, 200);
    assert_eq!(alice.download(&unseen).status, 404);
    let inbox = alice.mailbox("Inbox")["id"].clone();
    let create = |id: &str| json!({ "id": id, "mailboxIds": { inbox.as_str().unwrap(): true } });
    let copy =
        json!({ "fromAccountId": bobs, "create": { "a": create(&plan), "b": create(&secret) } });
    let copied = alice.call("Email/copy", copy);
    assert!(copied["created"]["a"]["id"].is_string(), "{copied}");
    assert_eq!(copied["notCreated"]["b"]["type"], "notFound");
    let why = alice.http.get(&format!("/mail/why/{secret}")).unwrap();
    assert_eq!(why.status, 404);
    alice.account = bobs;

    // What happens where nobody looks changes no state.
    let (before, events) = (alice.states(), listen(&server));
    done(&mut bob, "SELECT Hidden");
    done(&mut bob, "STORE 1:3 +FLAGS (\\Seen)");
    put(&mut bob, "Hidden", &message(4, 1, "more", "dark"));
    done(&mut bob, "CREATE Other");
    done(&mut bob, "STORE 1 +FLAGS (\\Deleted)");
    done(&mut bob, "EXPUNGE");
    deliver(&server, BOB, "something");
    assert_eq!(alice.states(), before);
    only_hears_of(events, &server, &alice.account);

    // An account that there is not looks the same as one that is not shared.
    assert_eq!(
        alice.error("Email/get", json!({ "accountId": NOBODY })),
        "accountNotFound"
    );
}

fn listen(server: &Server) -> Events {
    let authorization = basic(ALICE);
    let target = "/jmap/events?types=*&closeafter=no&ping=0";
    let fields = [("Authorization", authorization.as_str())];
    let mut events = Events::open(server.address("web"), target, &fields).unwrap();
    assert_eq!(events.next_event().unwrap().unwrap().data, "");
    events
}

/// Alice gets mail of her own: that is the first that is heard, and nothing of the account comes before it.
fn only_hears_of(mut events: Events, server: &Server, account: &str) {
    deliver(server, ALICE, "for alice");
    let event = events.next_event().unwrap().unwrap();
    let changed: Value = serde_json::from_str(&event.data).unwrap();
    let changed = changed["changed"].as_object().unwrap();
    assert!(!changed.contains_key(account), "{event:?}");
}

#[test]
fn what_leaves_the_mailbox_is_destroyed_and_what_comes_is_created() {
    let (server, mut bob) = start();
    let mut alice = Jmap::open(&server, ALICE, BOB);
    let plan = alice.email("plan");
    let thread = alice.get(&plan).unwrap()["threadId"]
        .as_str()
        .unwrap()
        .to_owned();
    let work = alice.mailbox("Work")["id"].as_str().unwrap().to_owned();
    let begin = alice.state();
    let query = alice.call("Email/query", json!({}))["queryState"].clone();

    done(&mut bob, "SELECT Work");
    done(&mut bob, "MOVE 1 Hidden");
    let moved = alice.state();
    assert_eq!(
        alice.changes("Email", &begin),
        [vec![], vec![], vec![plan.clone()]]
    );
    assert_eq!(
        alice.changes("Thread", &begin),
        [vec![], vec![], vec![thread.clone()]]
    );
    assert_eq!(
        alice.changes("Mailbox", &begin),
        [vec![], vec![work.clone()], vec![]]
    );
    let changed = alice.call("Email/queryChanges", json!({ "sinceQueryState": query }));
    assert_eq!(changed["removed"], json!([plan]));
    assert_eq!(changed["added"], json!([]));
    // It changes where it is not seen.
    done(&mut bob, "SELECT Hidden");
    done(&mut bob, "STORE 1:* +FLAGS (\\Answered)");
    assert_eq!(alice.changes("Email", &moved), NOTHING);
    // And comes back: of the two copies that bob has now.
    let uid = "UID SEARCH SUBJECT plan";
    let found = bob.command(uid).unwrap().ok().unwrap().text();
    let uid = found.split_ascii_whitespace().last().unwrap().to_owned();
    done(&mut bob, &format!("UID MOVE {uid} Work"));
    assert_eq!(
        alice.changes("Email", &moved),
        [vec![plan.clone()], vec![], vec![]]
    );
    assert_eq!(
        alice.changes("Thread", &moved),
        [vec![thread], vec![], vec![]]
    );
    // From the beginning it was there, and is.
    assert_eq!(
        alice.changes("Email", &begin),
        [vec![], vec![plan.clone()], vec![]]
    );
    let back = alice.state();
    done(&mut bob, "SELECT Work");
    done(&mut bob, "STORE 1 +FLAGS (\\Seen)");
    assert_eq!(
        alice.changes("Email", &back),
        [vec![], vec![plan.clone()], vec![]]
    );
    let keywords = alice.get(&plan).unwrap()["keywords"].clone();
    assert_eq!(keywords, json!({ "$seen": true, "$answered": true }));
    done(&mut bob, "STORE 1 +FLAGS (\\Deleted)");
    assert_eq!(alice.changes("Email", &back), [vec![], vec![], vec![plan]]);
}

#[test]
fn what_may_be_seen_changes_the_states() {
    let (server, mut bob) = start();
    let mut alice = Jmap::open(&server, ALICE, BOB);
    let mut before = alice.states();
    for command in [
        "SETACL Hidden alice l",
        "SETACL Hidden alice +r",
        "SETACL Hidden alice +s",
        "SETACL Hidden anyone +w",
        "SETACL Work/Below alice lr",
        "SETACL Hidden -alice r",
        "SETACL Hidden -alice rl",
        "DELETE Work/Below",
        "SETACL Work alice +i",
    ] {
        done(&mut bob, command);
        let now = alice.states();
        for (kind, (before, now)) in ["Email", "Thread", "Mailbox"]
            .iter()
            .zip(before.iter().zip(&now))
        {
            assert_ne!(before, now, "{command}");
            let since = json!({ "sinceState": before });
            let error = alice.error(&format!("{kind}/changes"), since);
            assert_eq!(error, "cannotCalculateChanges", "{command}");
            let since = json!({ "sinceQueryState": before });
            if *kind != "Thread" {
                let error = alice.error(&format!("{kind}/queryChanges"), since);
                assert_eq!(error, "cannotCalculateChanges", "{command}");
            }
            assert_eq!(alice.changes(kind, now), NOTHING, "{command}");
        }
        before = now;
    }
    // Who sees other parts has other states.
    let own = Jmap::open(&server, BOB, BOB).state();
    let since = json!({ "sinceState": own });
    assert_eq!(
        alice.error("Email/changes", since),
        "cannotCalculateChanges"
    );
    // A mailbox that may be known and not read has no mail.
    done(&mut bob, "SETACL Hidden -alice \"\"");
    done(&mut bob, "SETACL Hidden anyone \"\"");
    done(&mut bob, "SETACL Hidden alice l");
    let hidden = alice.mailbox("Hidden");
    assert_eq!(
        (&hidden["totalEmails"], &hidden["myRights"]["mayReadItems"]),
        (&json!(0), &json!(false))
    );
    let before = alice.states();
    put(&mut bob, "Hidden", &message(7, 7, "unheard", "of"));
    assert_eq!(alice.states(), before);
}

#[test]
fn rights_that_are_taken_away_end_at_once() {
    let (server, mut bob) = start();
    let mut alice = Jmap::open(&server, ALICE, BOB);
    let plan = alice.email("plan");
    let blob = alice.get(&plan).unwrap()["blobId"]
        .as_str()
        .unwrap()
        .to_owned();
    let bobs = alice.account.clone();
    let authorization = basic(ALICE);
    let fields = [
        ("Authorization", authorization.as_str()),
        ("Sec-WebSocket-Protocol", "jmap"),
    ];
    let mut socket = WebSocket::open(server.address("web"), "/jmap/ws", &fields).unwrap();
    let mut ask = || {
        let using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"];
        let call = json!(["Email/get", { "accountId": bobs, "ids": [plan] }, "c"]);
        let request = json!({ "@type": "Request", "using": using, "methodCalls": [call] });
        socket.send(&request).unwrap();
        socket.message().unwrap()["methodResponses"][0].clone()
    };
    assert_eq!(ask()[1]["list"].as_array().unwrap().len(), 1);
    done(&mut bob, "SETACL Work alice -r");
    assert_eq!(ask()[1]["notFound"], json!([plan]));
    assert_eq!(alice.download(&blob).status, 404);
    assert_eq!(alice.query(json!({})), Vec::<String>::new());
    done(&mut bob, "SETACL Work alice +r");
    assert_eq!(alice.download(&blob).status, 200);
    let mut events = listen(&server);
    put(&mut bob, "Work", &message(5, 5, "new", "text"));
    let event = events.next_event().unwrap().unwrap();
    let told: Value = serde_json::from_str(&event.data).unwrap();
    let told = told["changed"][&alice.account].as_object().unwrap().clone();
    let kinds: Vec<&String> = told.keys().collect();
    assert_eq!(kinds, ["Email", "EmailDelivery", "Mailbox", "Thread"]);
    assert_eq!(told["Email"], alice.state());

    done(&mut bob, "DELETEACL Work alice");
    assert_eq!(ask()[1]["type"], "accountNotFound");
    assert_eq!(alice.error("Mailbox/get", json!({})), "accountNotFound");
    assert_eq!(alice.download(&blob).status, 404);
    assert_eq!(account_of(&session(&mut alice.http), BOB), None);
    put(&mut bob, "Work", &message(6, 6, "unheard", "text"));
    only_hears_of(events, &server, &alice.account);
}

#[test]
fn who_comes_back_hears_what_was_missed_of_others() {
    let (server, mut bob) = start();
    let alice = Jmap::open(&server, ALICE, BOB);
    let authorization = basic(ALICE);
    let open = |last: &str| {
        let fields = [
            ("Authorization", authorization.as_str()),
            ("Last-Event-ID", last),
        ];
        let target = "/jmap/events?types=Email,Mailbox&closeafter=no&ping=0";
        Events::open(server.address("web"), target, &fields).unwrap()
    };
    let mut events = open("0");
    let mut last = String::new();
    // Nothing is known of the past: its own account is told, and that of bob.
    let mut told = Vec::new();
    while told.len() < 2 {
        let event = events.next_event().unwrap().unwrap();
        last = event.id.unwrap();
        if !event.data.is_empty() {
            let object: Value = serde_json::from_str(&event.data).unwrap();
            told.extend(object["changed"].as_object().unwrap().keys().cloned());
        }
    }
    assert!(told.contains(&alice.account), "{told:?}");
    drop(events);
    put(&mut bob, "Hidden", &message(8, 8, "unheard", "text"));
    put(&mut bob, "Work", &message(9, 9, "missed", "text"));
    let mut events = open(&last);
    assert_eq!(events.next_event().unwrap().unwrap().data, "");
    let event = events.next_event().unwrap().unwrap();
    let object: Value = serde_json::from_str(&event.data).unwrap();
    let told: Vec<&String> = object["changed"].as_object().unwrap().keys().collect();
    assert_eq!(told, [&alice.account]);
}
