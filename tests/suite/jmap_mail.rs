//! JMAP and IMAP at the same account: what each says of mailboxes, messages and threads is the same, and what one changes the other is told.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use waxwing_tests::client::{Http, Imap};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n";
const ALICE: &str = "alice@waxwing.test";

/// A client of JMAP.
struct Jmap {
    http: Http,
    account: String,
}

impl Jmap {
    fn open(server: &Server) -> Self {
        let mut http = Http::open(server.address("web")).unwrap();
        let basic = STANDARD.encode(format!("{ALICE}:{PASSWORD}"));
        http.authorize(Some(format!("Basic {basic}")));
        let session = http.get("/.well-known/jmap").unwrap().json();
        let primary = &session["primaryAccounts"]["urn:ietf:params:jmap:mail"];
        let account = primary.as_str().unwrap().to_owned();
        let capabilities = &session["accounts"][&account]["accountCapabilities"];
        assert_eq!(
            capabilities["urn:ietf:params:jmap:mail"]["mayCreateTopLevelMailbox"],
            true
        );
        Self { http, account }
    }

    /// The arguments of the response to a call.
    fn call(&mut self, name: &str, mut arguments: Value) -> Value {
        arguments["accountId"] = json!(self.account);
        let request = json!({
            "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
            "methodCalls": [[name, arguments, "c"]],
        });
        let page = self
            .http
            .post("/jmap", "application/json", request.to_string().as_bytes())
            .unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        page.json()["methodResponses"][0][1].clone()
    }

    fn mailbox(&mut self, name: &str) -> Value {
        let got = self.call("Mailbox/get", json!({}));
        let list = got["list"].as_array().unwrap();
        let found = list.iter().find(|mailbox| mailbox["name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {got}")).clone()
    }

    fn query(&mut self, filter: Value) -> Vec<String> {
        let found = self.call("Email/query", json!({ "filter": filter }));
        strings(&found["ids"])
    }

    /// Ids and keywords of all emails, and the state.
    fn all(&mut self) -> (BTreeSet<String>, String) {
        let got = self.call("Email/get", json!({"properties": ["id"]}));
        let ids = got["list"].as_array().unwrap().iter();
        let ids = ids.map(|email| email["id"].as_str().unwrap().to_owned());
        (ids.collect(), got["state"].as_str().unwrap().to_owned())
    }
}

fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().unwrap_or_else(|| panic!("{value}")).iter();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

fn start() -> (Server, Imap, Jmap) {
    let server = Setup::new().settings(WEB).start();
    let imap = Imap::login(server.address("imap"), ALICE, PASSWORD).unwrap();
    let jmap = Jmap::open(&server);
    (server, imap, jmap)
}

/// What stands behind a word of a reply, in the brackets that follow it.
fn bracketed(text: &str, word: &str) -> String {
    let behind = text
        .split_once(word)
        .unwrap_or_else(|| panic!("{word} in {text}"))
        .1;
    let inside = behind.split_once('(').unwrap().1;
    inside.split_once(')').unwrap().0.to_owned()
}

fn message(id: u32, subject: &str, body: &str) -> Vec<u8> {
    format!(
        "From: Ada <ada@example.org>\r\nTo: {ALICE}\r\nSubject: {subject}\r\nMessage-ID: <{id}@example.org>\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}

#[test]
fn ids_and_counts_agree() {
    let (server, mut imap, mut jmap) = start();
    for name in ["Work", "Work/Deep"] {
        imap.command(&format!("CREATE {name}"))
            .unwrap()
            .ok()
            .unwrap();
    }
    imap.append("INBOX", "\\Seen $Forwarded", &message(1, "Lunch", "one"))
        .unwrap()
        .ok()
        .unwrap();
    let reply = "Message-ID: <2@example.org>\r\nReferences: <1@example.org>\r\nSubject: Re: Lunch\r\n\r\ntwo\r\n";
    imap.append("INBOX", "", reply.as_bytes())
        .unwrap()
        .ok()
        .unwrap();
    imap.select("INBOX").unwrap();
    imap.command("UID COPY 2 Work").unwrap().ok().unwrap();
    let inbox = jmap.mailbox("Inbox");
    let work = jmap.mailbox("Work");
    assert_eq!(
        (
            &inbox["role"],
            &inbox["totalEmails"],
            &inbox["unreadEmails"]
        ),
        (&json!("inbox"), &json!(2), &json!(1))
    );
    assert_eq!(
        (&work["totalThreads"], &work["unreadThreads"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(jmap.mailbox("Deep")["parentId"], work["id"]);
    for (name, mailbox) in [("INBOX", &inbox), ("Work", &work)] {
        let status = imap
            .command(&format!("STATUS {name} (MAILBOXID)"))
            .unwrap()
            .text();
        assert_eq!(
            Some(bracketed(&status, "MAILBOXID").as_str()),
            mailbox["id"].as_str()
        );
    }
    let first = imap
        .command("UID FETCH 1 (EMAILID THREADID)")
        .unwrap()
        .text();
    let second = imap
        .command("UID FETCH 2 (EMAILID THREADID)")
        .unwrap()
        .text();
    let (one, two) = (bracketed(&first, "EMAILID"), bracketed(&second, "EMAILID"));
    let got = jmap.call(
        "Email/get",
        json!({"ids": [one, two], "properties": ["mailboxIds", "keywords", "threadId", "subject"]}),
    );
    let list = got["list"].as_array().unwrap();
    assert_eq!(
        list[0]["keywords"],
        json!({"$seen": true, "$forwarded": true})
    );
    assert_eq!(list[0]["threadId"], list[1]["threadId"]);
    let thread = list[0]["threadId"].as_str().unwrap();
    assert_eq!(bracketed(&first, "THREADID"), thread);
    let search = format!("THREADID {thread} UNSEEN");
    assert_eq!(imap.search(&search).unwrap(), [2]);
    let both = json!({inbox["id"].as_str().unwrap(): true, work["id"].as_str().unwrap(): true});
    assert_eq!(list[1]["mailboxIds"], both);
    let thread = jmap.call("Thread/get", json!({"ids": [list[0]["threadId"]]}));
    assert_eq!(thread["list"][0]["emailIds"], json!([one, two]));

    // A copy is flagged, and so the email is.
    imap.select("Work").unwrap();
    imap.command("UID STORE 1 +FLAGS (\\Flagged)")
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(
        jmap.query(json!({"hasKeyword": "$flagged"})),
        std::slice::from_ref(&two)
    );
    let whole = jmap.call(
        "Email/get",
        json!({"ids": [one], "fetchAllBodyValues": true, "properties": ["bodyValues", "textBody", "from"], "bodyProperties": ["partId", "blobId"]}),
    );
    let email = &whole["list"][0];
    assert_eq!(
        email["from"],
        json!([{"name": "Ada", "email": "ada@example.org"}])
    );
    assert_eq!(email["bodyValues"]["1"]["value"], "one\n");
    let blob = email["textBody"][0]["blobId"].as_str().unwrap();
    let target = format!("/jmap/download/{}/{blob}/x", jmap.account);
    assert_eq!(jmap.http.get(&target).unwrap().body, b"one\r\n");
    server.verify();
}

#[test]
fn what_imap_changes_jmap_tells() {
    let (server, mut imap, mut jmap) = start();
    imap.command("CREATE Work").unwrap().ok().unwrap();
    for id in 1..=3 {
        let content = message(id, &format!("s{id}"), "x");
        imap.append("INBOX", "", &content).unwrap().ok().unwrap();
    }
    let (before, state) = jmap.all();
    assert_eq!(before.len(), 3);
    let email = |imap: &mut Imap, uid: u32| {
        let row = imap.command(&format!("UID FETCH {uid} (EMAILID)")).unwrap();
        bracketed(&row.text(), "EMAILID")
    };
    imap.select("INBOX").unwrap();
    let ids: Vec<String> = (1..=3).map(|uid| email(&mut imap, uid)).collect();
    imap.command("UID STORE 1 +FLAGS (\\Seen)")
        .unwrap()
        .ok()
        .unwrap();
    imap.command("UID MOVE 2 Work").unwrap().ok().unwrap();
    // RFC 8621 §4.1.1: a message with \Deleted is not to be seen.
    imap.command("UID STORE 3 +FLAGS (\\Deleted)")
        .unwrap()
        .ok()
        .unwrap();
    let changes = jmap.call("Email/changes", json!({"sinceState": state}));
    assert_eq!(changes["created"], json!([]));
    assert_eq!(changes["updated"], json!([ids[0], ids[1]]), "{changes}");
    assert_eq!(changes["destroyed"], json!([ids[2]]), "{changes}");
    let deleted = changes["newState"].clone();
    assert_eq!(jmap.mailbox("Inbox")["totalEmails"], 1);
    assert_eq!(
        jmap.call("Email/get", json!({"ids": [ids[2]]}))["notFound"],
        json!([ids[2]])
    );

    imap.command("UID STORE 3 -FLAGS (\\Deleted)")
        .unwrap()
        .ok()
        .unwrap();
    let back = jmap.call("Email/changes", json!({"sinceState": deleted}));
    assert_eq!(
        (&back["created"], &back["updated"]),
        (&json!([ids[2]]), &json!([]))
    );
    let (_, state) = jmap.all();
    imap.command("UID STORE 3 +FLAGS (\\Deleted)")
        .unwrap()
        .ok()
        .unwrap();
    let (_, between) = jmap.all();
    imap.command("UID EXPUNGE 3").unwrap().ok().unwrap();
    let gone = jmap.call("Email/changes", json!({"sinceState": state}));
    assert_eq!(gone["destroyed"], json!([ids[2]]));
    let nothing = jmap.call("Email/changes", json!({"sinceState": between}));
    assert_eq!(nothing["destroyed"], json!([]), "{nothing}");

    let names = jmap.call("Mailbox/changes", json!({"sinceState": state}));
    assert_eq!(names["updatedProperties"][0], "totalEmails");
    imap.command("RENAME Work Play").unwrap().ok().unwrap();
    let renamed = jmap.call("Mailbox/changes", json!({"sinceState": names["newState"]}));
    assert_eq!(renamed["updated"], json!([jmap.mailbox("Play")["id"]]));
    assert_eq!(renamed["updatedProperties"], Value::Null);
    assert_eq!(
        jmap.call("Email/changes", json!({"sinceState": "999999"}))["type"],
        "cannotCalculateChanges"
    );
    server.verify();
}

#[test]
fn searches_find_what_imap_finds() {
    let (server, mut imap, mut jmap) = start();
    for id in 1..=40 {
        let word = if id % 8 == 0 { "needle" } else { "hay" };
        let subject = format!("number {id}");
        let content = message(id, &subject, &format!("a {word} here"));
        imap.append("INBOX", "", &content).unwrap().ok().unwrap();
    }
    imap.select("INBOX").unwrap();
    let uids = imap.search("BODY needle").unwrap();
    assert_eq!(uids, [8, 16, 24, 32, 40]);
    let found = jmap.query(json!({"body": "NEEDLE"}));
    let rows: Vec<String> = uids
        .iter()
        .rev()
        .map(|uid| {
            bracketed(
                &imap
                    .command(&format!("UID FETCH {uid} (EMAILID)"))
                    .unwrap()
                    .text(),
                "EMAILID",
            )
        })
        .collect();
    assert_eq!(found.iter().collect::<BTreeSet<_>>(), rows.iter().collect());
    assert_eq!(jmap.query(json!({"text": "needle \"number 16\""})).len(), 1);
    assert_eq!(
        jmap.query(json!({"header": ["Message-ID", "<7@"]})).len(),
        1
    );
    let snippet = jmap.call(
        "SearchSnippet/get",
        json!({"filter": {"text": "needle"}, "emailIds": [found[0]]}),
    );
    assert_eq!(snippet["list"][0]["preview"], "a <mark>needle</mark> here");
    // The changes of a query lead to its results.
    let filter = json!({"inMailbox": jmap.mailbox("Inbox")["id"], "notKeyword": "$seen"});
    let old = jmap.call("Email/query", json!({"filter": filter}));
    imap.command("UID STORE 3,9 +FLAGS (\\Seen)")
        .unwrap()
        .ok()
        .unwrap();
    imap.append("INBOX", "", &message(99, "new", "x"))
        .unwrap()
        .ok()
        .unwrap();
    let changed = jmap.call(
        "Email/queryChanges",
        json!({"filter": filter, "sinceQueryState": old["queryState"]}),
    );
    let removed: BTreeSet<String> = strings(&changed["removed"]).into_iter().collect();
    let mut ids = strings(&old["ids"]);
    ids.retain(|id| !removed.contains(id));
    for added in changed["added"].as_array().unwrap() {
        let index = usize::try_from(added["index"].as_u64().unwrap()).unwrap();
        ids.insert(index, added["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids, jmap.query(filter));
    server.verify();
}

#[test]
fn an_attached_message_is_parsed() {
    let (_server, mut imap, mut jmap) = start();
    let inner = "Subject: inner\r\n\r\ninside\r\n";
    let outer = format!("Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n{inner}");
    imap.append("INBOX", "", outer.as_bytes())
        .unwrap()
        .ok()
        .unwrap();
    let id = jmap.query(Value::Null).remove(0);
    let got = jmap.call(
        "Email/get",
        json!({"ids": [id], "properties": ["attachments", "hasAttachment"]}),
    );
    let email = &got["list"][0];
    assert_eq!(email["hasAttachment"], true);
    let blob = email["attachments"][0]["blobId"].clone();
    let parsed = jmap.call(
        "Email/parse",
        json!({"blobIds": [blob, "B999999"], "fetchTextBodyValues": true}),
    );
    let inside = &parsed["parsed"][blob.as_str().unwrap()];
    assert_eq!(inside["subject"], "inner");
    assert_eq!(inside["bodyValues"]["1"]["value"], "inside\n");
    assert_eq!(parsed["notFound"], json!(["B999999"]));
}
