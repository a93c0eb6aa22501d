//! JMAP methods that change mail and send it, over real HTTP: IMAP sees the same, policy is asked and told the same, and what is sent arrives.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use waxwing_tests::client::{Http, Imap};
use waxwing_tests::live::replace;
use waxwing_tests::setup::{ACCEPTING, PASSWORD};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n";
pub(crate) const ALICE: &str = "alice@waxwing.test";
pub(crate) const BOB: &str = "bob@waxwing.test";

pub(crate) fn start() -> Server {
    Setup::new().settings(WEB).start()
}

/// A client of JMAP, and the account that it is at.
pub(crate) struct Jmap {
    http: Http,
    pub(crate) account: String,
}

impl Jmap {
    pub(crate) fn of(server: &Server, user: &str) -> Self {
        let mut http = Http::open(server.address("web")).unwrap();
        let said = STANDARD.encode(format!("{user}:{PASSWORD}"));
        http.authorize(Some(format!("Basic {said}")));
        let session = http.get("/.well-known/jmap").unwrap().json();
        let accounts = session["accounts"].as_object().unwrap();
        let account = accounts.keys().next().unwrap().clone();
        Self { http, account }
    }

    /// All responses to calls.
    pub(crate) fn calls(&mut self, calls: &Value) -> Vec<Value> {
        let using = ["core", "mail", "submission", "mdn"]
            .map(|name| format!("urn:ietf:params:jmap:{name}"));
        let request = json!({ "using": using, "methodCalls": calls, "createdIds": {} });
        let body = request.to_string();
        let page = self.http.post("/jmap", "application/json", body.as_bytes());
        let page = page.unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        page.json()["methodResponses"].as_array().unwrap().clone()
    }

    /// The arguments of the response to one call.
    pub(crate) fn call(&mut self, method: &str, mut arguments: Value) -> Value {
        arguments["accountId"] = self.account.clone().into();
        let responses = self.calls(&json!([[method, arguments, "c"]]));
        assert_eq!(responses[0][0], method, "{responses:#?}");
        responses[0][1].clone()
    }

    pub(crate) fn upload(&mut self, octets: &[u8]) -> String {
        let path = format!("/jmap/upload/{}", self.account);
        let page = self.http.post(&path, "message/rfc822", octets).unwrap();
        page.json()["blobId"].as_str().unwrap().to_owned()
    }

    /// The id of the mailbox of this name.
    pub(crate) fn mailbox(&mut self, name: &str) -> String {
        let got = self.call("Mailbox/get", json!({}));
        let list = got["list"].as_array().unwrap();
        let found = list.iter().find(|mailbox| mailbox["name"] == name);
        found.unwrap_or_else(|| panic!("{list:#?}"))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The id of an email that is made, in one mailbox.
    fn email(&mut self, mailbox: &str, subject: &str) -> String {
        let object = json!({
            "mailboxIds": { mailbox: true }, "from": [{ "email": ALICE }], "to": [{ "email": BOB }], "subject": subject,
            "bodyValues": { "1": { "value": "hello" } }, "textBody": [{ "partId": "1" }],
        });
        let set = self.call("Email/set", json!({ "create": { "k": object } }));
        set["created"]["k"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{set:#}"))
            .to_owned()
    }
}

/// Each message's flags, in lower case, by UID.
pub(crate) fn flags(imap: &mut Imap, mailbox: &str) -> Vec<(u32, BTreeSet<String>)> {
    if imap.select(mailbox).unwrap() == 0 {
        return Vec::new();
    }
    let reply = imap.command("UID FETCH 1:* (FLAGS)").unwrap().ok().unwrap();
    let text = reply.text();
    let rows = text.lines().filter_map(|line| {
        let uid = line.split("UID ").nth(1)?.split([' ', ')']).next()?;
        let flags = line.split("FLAGS (").nth(1)?.split(')').next()?;
        let flags = flags.split_whitespace().filter(|flag| *flag != "\\Recent");
        Some((uid.parse().ok()?, flags.map(str::to_lowercase).collect()))
    });
    rows.collect()
}

fn set_of(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The one message of a mailbox.
pub(crate) fn only(imap: &mut Imap, mailbox: &str) -> String {
    assert_eq!(imap.select(mailbox).unwrap(), 1, "{mailbox}");
    let messages = imap.fetch("1:*").unwrap();
    String::from_utf8_lossy(&messages[0].octets).into_owned()
}

#[test]
fn imap_sees_what_is_changed() {
    let server = start();
    let mut jmap = Jmap::of(&server, ALICE);
    let mut imap = server.imap(ALICE);
    let (inbox, trash) = (jmap.mailbox("Inbox"), jmap.mailbox("Trash"));
    let (one, two) = (jmap.email(&inbox, "one"), jmap.email(&inbox, "two"));
    assert_eq!(flags(&mut imap, "INBOX").len(), 2);
    let patch = json!({ "keywords/$seen": true, "keywords/$Flagged": true, "keywords/work": true });
    let set = jmap.call("Email/set", json!({ "update": { &one: patch } }));
    assert_eq!(set["updated"], json!({ &one: null }));
    let wanted = set_of(&["\\seen", "\\flagged", "work"]);
    assert_eq!(
        flags(&mut imap, "INBOX"),
        [(1, wanted.clone()), (2, set_of(&[]))]
    );
    // A move: its UID in the other mailbox, and its flags.
    let path = format!("mailboxIds/{trash}");
    let from = format!("mailboxIds/{inbox}");
    let before = set["newState"].clone();
    let set = jmap.call(
        "Email/set",
        json!({ "update": { &one: { path: true, from: null } } }),
    );
    assert_eq!(set["oldState"], before);
    assert_eq!(flags(&mut imap, "INBOX"), [(2, set_of(&[]))]);
    assert_eq!(flags(&mut imap, "Trash"), [(1, wanted)]);
    let changes = jmap.call("Email/changes", json!({ "sinceState": before }));
    assert_eq!(changes["updated"], json!([&one]));
    assert_eq!(changes["newState"], set["newState"]);
    // In two mailboxes, and gone from both.
    let both = json!({ &inbox: true, &trash: true });
    jmap.call(
        "Email/set",
        json!({ "update": { &two: { "mailboxIds": both } } }),
    );
    assert_eq!(flags(&mut imap, "Trash").len(), 2);
    let set = jmap.call("Email/set", json!({ "destroy": [&one, &two, "M99"] }));
    assert_eq!(set["destroyed"].as_array().unwrap().len(), 2);
    assert_eq!(set["notDestroyed"]["M99"]["type"], "notFound");
    assert!(flags(&mut imap, "INBOX").is_empty() && flags(&mut imap, "Trash").is_empty());
}

#[test]
fn a_message_is_put_together() {
    let server = start();
    let mut jmap = Jmap::of(&server, ALICE);
    let drafts = jmap.mailbox("Drafts");
    let picture = jmap.upload(&(0..=255).cycle().take(300_000).collect::<Vec<u8>>());
    let object = json!({
        "mailboxIds": { &drafts: true }, "keywords": { "$draft": true, "$seen": true }, "receivedAt": "2026-01-02T03:04:05Z",
        "from": [{ "name": "Zoë", "email": ALICE }], "to": [{ "name": "B, C", "email": BOB }], "subject": "Déjà vu",
        "bodyValues": { "t": { "value": "grün\n" }, "h": { "value": "<p>grün</p>" } },
        "textBody": [{ "partId": "t" }], "htmlBody": [{ "partId": "h" }],
        "attachments": [{ "blobId": &picture, "type": "image/png", "name": "Bild ü.png" }],
    });
    let set = jmap.call("Email/set", json!({ "create": { "k": object } }));
    let made = &set["created"]["k"];
    let mut imap = server.imap(ALICE);
    let message = only(&mut imap, "Drafts");
    assert_eq!(made["size"], message.len());
    assert!(
        message
            .split("\r\n")
            .all(|line| line.len() <= 998 && line.is_ascii())
    );
    for part in [
        "Subject: =?utf-8?Q?D=C3=A9j=C3=A0?= vu\r\n",
        "From: =?utf-8?Q?Zo=C3=AB?= <alice@waxwing.test>\r\n",
        "Message-ID: <",
        "gr=C3=BCn",
        "filename*=utf-8''Bild%20%C3%BC.png",
    ] {
        assert!(message.contains(part), "{part}: {}", &message[..2000]);
    }
    let rows = flags(&mut imap, "Drafts");
    assert_eq!(rows[0].1, set_of(&["\\draft", "\\seen"]));
    let dated = imap.command("FETCH 1 INTERNALDATE").unwrap().ok().unwrap();
    assert!(dated.text().contains("2-Jan-2026 03:04:05 +0000"));
    // The attachment is what was uploaded.
    let fetched = imap
        .command("FETCH 1 BINARY.PEEK[2]")
        .unwrap()
        .ok()
        .unwrap();
    let octets = &fetched.untagged[0];
    let found: Vec<u8> = (0..=255).collect();
    assert!(octets.len() > 300_000 && octets.windows(256).any(|it| it == found));
    let missing = json!({ "mailboxIds": { &drafts: true }, "attachments": [{ "blobId": "B99999", "type": "image/png" }] });
    let set = jmap.call("Email/set", json!({ "create": { "k": missing } }));
    assert_eq!(set["notCreated"]["k"]["type"], "blobNotFound");
    assert_eq!(set["notCreated"]["k"]["notFound"], json!(["B99999"]));
}

#[test]
fn an_upload_is_imported() {
    let server = start();
    let mut jmap = Jmap::of(&server, ALICE);
    let inbox = jmap.mailbox("Inbox");
    let blob = jmap.upload(
        b"Received: from a by b; Fri, 2 Jan 2026 03:04:05 +0000\nSubject: from elsewhere\n\nline\n",
    );
    let broken = jmap.upload(b" no header\r\n");
    let emails = json!({
        "a": { "blobId": &blob, "mailboxIds": { &inbox: true }, "keywords": { "$seen": true } },
        "b": { "blobId": &broken, "mailboxIds": { &inbox: true } },
        "c": { "blobId": &blob, "mailboxIds": { "F999": true } },
    });
    let imported = jmap.call("Email/import", json!({ "emails": emails }));
    assert_eq!(imported["notCreated"]["b"]["type"], "invalidEmail");
    assert_eq!(
        imported["notCreated"]["c"]["properties"],
        json!(["mailboxIds"])
    );
    let mut imap = server.imap(ALICE);
    let message = only(&mut imap, "INBOX");
    assert!(message.ends_with("\r\n\r\nline\r\n"), "{message}");
    let dated = imap.command("FETCH 1 INTERNALDATE").unwrap().ok().unwrap();
    assert!(dated.text().contains("2-Jan-2026 03:04:05"));
}

#[test]
fn mailboxes_are_made_moved_and_removed() {
    let server = start();
    let mut jmap = Jmap::of(&server, ALICE);
    let create = json!({
        "a": { "name": "Inner", "parentId": "#b", "isSubscribed": true, "sortOrder": 3 },
        "b": { "name": "Outer", "role": "flagged" },
    });
    let set = jmap.call("Mailbox/set", json!({ "create": create }));
    let (inner, outer) = (
        set["created"]["a"]["id"].as_str().unwrap().to_owned(),
        set["created"]["b"]["id"].as_str().unwrap().to_owned(),
    );
    let mut imap = server.imap(ALICE);
    let list = imap.command("LIST \"\" \"Outer*\" RETURN (SUBSCRIBED SPECIAL-USE)");
    let list = list.unwrap().ok().unwrap().text();
    assert!(
        list.contains("\\Flagged") && list.contains("Outer/Inner"),
        "{list}"
    );
    // Its subscription goes along.
    let update = json!({ &inner: { "name": "Moved", "parentId": null }, &outer: { "role": null } });
    let set = jmap.call("Mailbox/set", json!({ "update": update }));
    assert_eq!(set["updated"].as_object().unwrap().len(), 2, "{set:#}");
    let got = jmap.call("Mailbox/get", json!({ "ids": [&inner, &outer] }));
    let moved = &got["list"][0];
    assert_eq!(
        (
            &moved["name"],
            &moved["parentId"],
            &moved["isSubscribed"],
            &moved["sortOrder"]
        ),
        (&json!("Moved"), &Value::Null, &json!(true), &json!(3))
    );
    assert_eq!(got["list"][1]["role"], Value::Null);
    let subscribed = imap
        .command("LSUB \"\" \"*\"")
        .unwrap()
        .ok()
        .unwrap()
        .text();
    assert!(subscribed.contains("Moved") && !subscribed.contains("Outer/Inner"));
    let taken = json!({ &inner: { "name": "Outer" }, &outer: { "parentId": &inner } });
    let set = jmap.call("Mailbox/set", json!({ "update": taken }));
    assert_eq!(set["updated"].as_object().unwrap().len(), 2, "{set:#}");
    jmap.email(&outer, "in it");
    let set = jmap.call("Mailbox/set", json!({ "destroy": [&inner, &outer] }));
    assert_eq!(set["notDestroyed"][&outer]["type"], "mailboxHasEmail");
    assert_eq!(set["notDestroyed"][&inner]["type"], "mailboxHasChild");
    let destroy = json!({ "destroy": [&inner, &outer], "onDestroyRemoveEmails": true });
    let set = jmap.call("Mailbox/set", destroy);
    assert_eq!(set["destroyed"].as_array().unwrap().len(), 2, "{set:#}");
    let list = imap
        .command("LIST \"\" \"*\"")
        .unwrap()
        .ok()
        .unwrap()
        .text();
    assert!(!list.contains("Outer") && !list.contains("Moved"), "{list}");
}

#[test]
fn policy_is_told_and_asked_as_over_imap() {
    let server = Setup::new().policy(Policy::Accepting).settings(WEB).start();
    let step = "[[step]]\nplugin = \"fixture\"\nname = \"hears\"\n\
                grants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]\n\
                settings = { hooks = { mailbox = \"tag\" } }\n";
    server.change(|| {
        let text = format!("{step}{ACCEPTING}");
        replace(&server.folder().join("policy.toml"), text);
    });
    let mut jmap = Jmap::of(&server, ALICE);
    let (inbox, junk) = (jmap.mailbox("Inbox"), jmap.mailbox("Junk"));
    let email = jmap.email(&inbox, "spam");
    let junked = json!({ "mailboxIds": { &junk: true }, "keywords/$junk": true });
    jmap.call("Email/set", json!({ "update": { &email: junked } }));
    let both = json!({ "mailboxIds": { &junk: true, &inbox: true }, "keywords/$junk": null });
    jmap.call("Email/set", json!({ "update": { &email: both } }));
    jmap.call("Email/set", json!({ "destroy": [&email] }));
    for line in [
        "jmap alice@waxwing.test append INBOX 1-1",
        "jmap alice@waxwing.test move INBOX Junk 1-1",
        "jmap alice@waxwing.test flag Junk 1-1 remove $junk",
        "jmap alice@waxwing.test copy Junk INBOX 2-2",
        "jmap alice@waxwing.test expunge Junk 1-1",
        "jmap alice@waxwing.test expunge INBOX 2-2",
    ] {
        until(line, PATIENCE, || server.log().contains(line).then_some(()));
    }
}

#[test]
fn one_call_gets_no_more_than_there_is_room_for() {
    let server = start();
    let mut jmap = Jmap::of(&server, ALICE);
    let (inbox, trash) = (jmap.mailbox("Inbox"), jmap.mailbox("Trash"));
    let (one, two) = (jmap.email(&inbox, "one"), jmap.email(&inbox, "two"));
    drop(server.cli(&["account", "quota", ALICE, "--quota-messages", "3"]));
    // Each would fit, if it were alone.
    let both = json!({ "mailboxIds": { &inbox: true, &trash: true } });
    let update = json!({ "update": { &one: both, &two: both } });
    let set = jmap.call("Email/set", update);
    let count = |of: &str| set[of].as_object().map_or(0, serde_json::Map::len);
    assert_eq!((count("updated"), count("notUpdated")), (1, 1), "{set:#}");
    let refused = &set["notUpdated"].as_object().unwrap().values().next();
    assert_eq!(refused.unwrap()["type"], "overQuota", "{set:#}");
}

#[test]
fn an_account_that_is_full_gets_no_more() {
    let server = start();
    let mut jmap = Jmap::of(&server, ALICE);
    let inbox = jmap.mailbox("Inbox");
    let trash = jmap.mailbox("Trash");
    let email = jmap.email(&inbox, "one");
    drop(server.cli(&["account", "quota", ALICE, "--quota-messages", "1"]));
    let both = json!({ "mailboxIds": { &inbox: true, &trash: true } });
    let set = jmap.call("Email/set", json!({ "update": { &email: both } }));
    assert_eq!(set["notUpdated"][&email]["type"], "overQuota", "{set:#}");
    let object = json!({ "mailboxIds": { &inbox: true } });
    let set = jmap.call("Email/set", json!({ "create": { "k": object } }));
    assert_eq!(set["notCreated"]["k"]["type"], "overQuota", "{set:#}");
    // A move takes no more room.
    let moved = json!({ "mailboxIds": { &trash: true } });
    let set = jmap.call("Email/set", json!({ "update": { &email: moved } }));
    assert_eq!(set["updated"], json!({ &email: null }));
}

#[test]
fn what_is_submitted_arrives_and_is_filed_as_sent() {
    let server = Setup::new()
        .settings(WEB)
        .accounts([
            "alice@waxwing.test",
            "bob@waxwing.test",
            "carol@waxwing.test",
        ])
        .start();
    let mut jmap = Jmap::of(&server, ALICE);
    let (drafts, sent) = (jmap.mailbox("Drafts"), jmap.mailbox("Sent"));
    let identities = jmap.call("Identity/get", json!({}));
    assert_eq!(identities["list"][0]["email"], ALICE);
    let identity = identities["list"][0]["id"].clone();
    let account = jmap.account.clone();
    let object = json!({
        "mailboxIds": { &drafts: true }, "keywords": { "$draft": true }, "from": [{ "email": ALICE }], "to": [{ "email": BOB }],
        "bcc": [{ "email": "carol@waxwing.test" }], "subject": "by JMAP", "bodyValues": { "1": { "value": "hello" } },
        "textBody": [{ "partId": "1" }],
    });
    let then = json!({
        "#s": { format!("mailboxIds/{drafts}"): null, format!("mailboxIds/{sent}"): true, "keywords/$draft": null, "keywords/$seen": true }
    });
    let responses = jmap.calls(&json!([
        ["Email/set", { "accountId": account, "create": { "k": object } }, "a"],
        ["EmailSubmission/set", {
            "accountId": account, "create": { "s": { "emailId": "#k", "identityId": identity } }, "onSuccessUpdateEmail": then
        }, "b"],
    ]));
    let names: Vec<&Value> = responses.iter().map(|response| &response[0]).collect();
    assert_eq!(
        names,
        ["Email/set", "EmailSubmission/set", "Email/set"],
        "{responses:#?}"
    );
    let submission = &responses[1][1]["created"]["s"];
    assert_eq!(submission["undoStatus"], "final", "{responses:#?}");
    for user in [BOB, "carol@waxwing.test"] {
        let message = only(&mut server.imap(user), "INBOX");
        assert!(message.contains("\r\nSubject: by JMAP\r\n"), "{message}");
        assert!(!message.contains("carol@"), "{message}");
    }
    let mut imap = server.imap(ALICE);
    assert_eq!(flags(&mut imap, "Sent"), [(1, set_of(&["\\seen"]))]);
    assert!(flags(&mut imap, "Drafts").is_empty());
    assert!(only(&mut imap, "Sent").contains("Bcc: carol@waxwing.test\r\n"));
    let id = submission["id"].clone();
    let got = jmap.call("EmailSubmission/get", json!({ "ids": [&id] }));
    assert_eq!(got["list"][0]["envelope"]["mailFrom"]["email"], ALICE);
    assert_eq!(got["list"][0]["deliveryStatus"][BOB]["delivered"], "yes");
    let found = jmap.call(
        "EmailSubmission/query",
        json!({ "filter": { "undoStatus": "final" } }),
    );
    assert_eq!(found["ids"], json!([&id]));
    let set = jmap.call(
        "EmailSubmission/set",
        json!({ "update": { id.as_str().unwrap(): { "undoStatus": "canceled" } } }),
    );
    assert_eq!(
        set["notUpdated"][id.as_str().unwrap()]["type"],
        "cannotUnsend"
    );
    let set = jmap.call("EmailSubmission/set", json!({ "destroy": [&id] }));
    assert_eq!(set["destroyed"], json!([&id]));
}

#[test]
fn what_is_held_back_can_be_called_back() {
    let server = start();
    let mut jmap = Jmap::of(&server, ALICE);
    let drafts = jmap.mailbox("Drafts");
    let email = jmap.email(&drafts, "too soon");
    let envelope = json!({
        "mailFrom": { "email": ALICE, "parameters": { "HOLDFOR": "600" } }, "rcptTo": [{ "email": BOB }],
    });
    let create = json!({ "s": { "emailId": email, "identityId": "I0", "envelope": envelope } });
    let set = jmap.call("EmailSubmission/set", json!({ "create": create }));
    let made = &set["created"]["s"];
    assert_eq!(made["undoStatus"], "pending", "{set:#}");
    let id = made["id"].as_str().unwrap().to_owned();
    let got = jmap.call("EmailSubmission/get", json!({ "ids": [&id] }));
    assert_eq!(got["list"][0]["undoStatus"], "pending");
    assert_eq!(got["list"][0]["deliveryStatus"][BOB]["delivered"], "queued");
    let state = set["newState"].clone();
    let set = jmap.call(
        "EmailSubmission/set",
        json!({ "update": { &id: { "undoStatus": "canceled" } } }),
    );
    assert_eq!(set["updated"], json!({ &id: null }), "{set:#}");
    let got = jmap.call("EmailSubmission/get", json!({ "ids": [&id] }));
    assert_eq!(got["list"][0]["undoStatus"], "canceled");
    assert_eq!(got["list"][0]["deliveryStatus"][BOB]["delivered"], "no");
    let changes = jmap.call("EmailSubmission/changes", json!({ "sinceState": state }));
    assert_eq!(changes["updated"], json!([&id]));
    assert!(!server.cli(&["queue", "list"]).contains(BOB));
    let too_long = json!({
        "mailFrom": { "email": ALICE, "parameters": { "HOLDFOR": "99999999" } }, "rcptTo": [{ "email": BOB }],
    });
    let create = json!({ "s": { "emailId": email, "identityId": "I0", "envelope": too_long } });
    let set = jmap.call("EmailSubmission/set", json!({ "create": create }));
    assert_eq!(
        set["notCreated"]["s"]["properties"],
        json!(["envelope"]),
        "{set:#}"
    );
}

#[test]
fn who_may_not_send_so_does_not() {
    let server = Setup::new().policy(Policy::Shipped).settings(WEB).start();
    let mut jmap = Jmap::of(&server, ALICE);
    let drafts = jmap.mailbox("Drafts");
    let email = jmap.email(&drafts, "mine");
    let other = json!({
        "mailboxIds": { &drafts: true }, "from": [{ "email": BOB }], "to": [{ "email": ALICE }], "subject": "not mine",
        "bodyValues": { "1": { "value": "x" } }, "textBody": [{ "partId": "1" }],
    });
    let set = jmap.call("Email/set", json!({ "create": { "k": other } }));
    let theirs = set["created"]["k"]["id"].clone();
    let to = |from: &str, to: &str| json!({ "mailFrom": { "email": from }, "rcptTo": [{ "email": to }] });
    let create = json!({
        "author": { "emailId": theirs, "identityId": "I0", "envelope": to(ALICE, ALICE) },
        "sender": { "emailId": email, "identityId": "I0", "envelope": to(BOB, ALICE) },
        "recipient": { "emailId": email, "identityId": "I0", "envelope": to(ALICE, "nobody@waxwing.test") },
        "none": { "emailId": email, "identityId": "I0", "envelope": { "mailFrom": { "email": ALICE }, "rcptTo": [] } },
    });
    let set = jmap.call("EmailSubmission/set", json!({ "create": create }));
    let kinds =
        ["author", "sender", "recipient", "none"].map(|name| &set["notCreated"][name]["type"]);
    let wanted = [
        "forbiddenFrom",
        "forbiddenMailFrom",
        "invalidRecipients",
        "noRecipients",
    ];
    assert_eq!(kinds, wanted.map(|kind| json!(kind)).each_ref(), "{set:#}");
    assert_eq!(
        set["notCreated"]["recipient"]["invalidRecipients"],
        json!(["nobody@waxwing.test"])
    );
    let identities = json!({ "a": { "email": BOB }, "b": { "email": ALICE, "name": "Alice", "textSignature": "-- \nA" } });
    let set = jmap.call("Identity/set", json!({ "create": identities }));
    assert_eq!(set["notCreated"]["a"]["type"], "forbiddenFrom", "{set:#}");
    let id = set["created"]["b"]["id"].as_str().unwrap().to_owned();
    let state = set["newState"].clone();
    let set = jmap.call("Identity/set", json!({ "destroy": [&id, "I0"] }));
    assert_eq!(set["notDestroyed"]["I0"]["type"], "forbidden", "{set:#}");
    let changes = jmap.call("Identity/changes", json!({ "sinceState": state }));
    assert_eq!(changes["destroyed"], json!([&id]));
    let got = jmap.call("Identity/get", json!({ "ids": ["I0"] }));
    assert_eq!(got["list"][0]["mayDelete"], false);
}
