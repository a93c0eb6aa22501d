//! JMAP's push over real HTTP: what is told of changes, whichever protocol made them, and to whom.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use waxwing_tests::client::{Event, Events, Frame, Http, WebSocket};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup};

pub(crate) const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n";
pub(crate) const ALICE: &str = "alice@waxwing.test";

pub(crate) fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{PASSWORD}")))
}

fn start() -> Server {
    Setup::new().settings(WEB).start()
}

fn listen(server: &Server, query: &str, last: Option<&str>) -> Events {
    let authorization = basic(ALICE);
    let mut fields = vec![("Authorization", authorization.as_str())];
    fields.extend(last.map(|id| ("Last-Event-ID", id)));
    let target = format!("/jmap/events?{query}");
    Events::open(server.address("web"), &target, &fields).unwrap()
}

/// The id that a listener begins with.
fn first(events: &mut Events) -> String {
    let event = events.next_event().unwrap().unwrap();
    assert_eq!((event.name.as_str(), event.data.as_str()), ("", ""));
    event.id.unwrap()
}

pub(crate) fn deliver(server: &Server, to: &str, subject: &str) {
    let content = format!("From: x@sender.example\r\nSubject: {subject}\r\n\r\nx\r\n");
    let mut smtp = server.smtp();
    let reply = smtp.send("x@sender.example", &[to], content.as_bytes());
    reply.unwrap().class(2).unwrap();
}

/// The types that an event tells of, whose states are its id.
fn types(event: &Event) -> Vec<String> {
    let object: Value = serde_json::from_str(&event.data).unwrap();
    assert_eq!(object["@type"], "StateChange");
    let changed = object["changed"].as_object().unwrap();
    assert_eq!(changed.len(), 1, "{object}");
    let states = changed.values().next().unwrap().as_object().unwrap();
    let id = event.id.as_deref().unwrap();
    let moment = id.split('-').next();
    for (name, state) in states {
        assert!(name == "Quota" || state.as_str() == moment, "{event:?}");
    }
    states.keys().cloned().collect()
}

#[test]
fn what_any_protocol_changes_is_told() {
    let server = start();
    let mut events = listen(&server, "types=*&closeafter=no&ping=0", None);
    let begun = first(&mut events);
    deliver(&server, ALICE, "one");
    let delivered = events.named("state").unwrap();
    assert_eq!(
        types(&delivered),
        ["Email", "EmailDelivery", "Mailbox", "Thread"]
    );
    assert_ne!(delivered.id.as_ref(), Some(&begun));
    let mut imap = server.imap(ALICE);
    imap.select("INBOX").unwrap();
    imap.command("STORE 1 +FLAGS (\\Seen)")
        .unwrap()
        .ok()
        .unwrap();
    assert_eq!(types(&events.named("state").unwrap()), ["Email", "Mailbox"]);
    imap.command("CREATE Box").unwrap().ok().unwrap();
    assert_eq!(types(&events.named("state").unwrap()), ["Mailbox"]);
    imap.command("MOVE 1 Box").unwrap().ok().unwrap();
    assert_eq!(types(&events.named("state").unwrap()), ["Email", "Mailbox"]);
    // What happens to others is nothing to her: of this and what follows only her own is told.
    deliver(&server, "bob@waxwing.test", "not hers");
    imap.select("Box").unwrap();
    imap.command("STORE 1 +FLAGS (\\Deleted)")
        .unwrap()
        .ok()
        .unwrap();
    // RFC 8621 §4.1.1: with the flag it is gone for JMAP.
    assert_eq!(
        types(&events.named("state").unwrap()),
        ["Email", "Mailbox", "Thread"]
    );
    imap.command("EXPUNGE").unwrap().ok().unwrap();
    let expunged = types(&events.named("state").unwrap());
    assert!(expunged.contains(&"Mailbox".to_owned()), "{expunged:?}");
    server.verify();
}

#[test]
fn only_what_is_wanted_is_told() {
    let server = start();
    let mut events = listen(
        &server,
        "types=EmailDelivery,CalendarEvent&closeafter=no&ping=0",
        None,
    );
    first(&mut events);
    let mut imap = server.imap(ALICE);
    imap.command("CREATE Box").unwrap().ok().unwrap();
    deliver(&server, ALICE, "one");
    assert_eq!(types(&events.named("state").unwrap()), ["EmailDelivery"]);
    imap.select("INBOX").unwrap();
    imap.command("STORE 1 +FLAGS (\\Flagged)")
        .unwrap()
        .ok()
        .unwrap();
    deliver(&server, ALICE, "two");
    assert_eq!(types(&events.named("state").unwrap()), ["EmailDelivery"]);
}

#[test]
fn a_burst_is_few_events() {
    let server = start();
    let mut events = listen(&server, "types=Email&closeafter=no&ping=0", None);
    first(&mut events);
    let mut imap = server.imap(ALICE);
    for _ in 0..40 {
        let message = b"Subject: x\r\n\r\nx\r\n";
        imap.append("INBOX", "", message).unwrap().ok().unwrap();
    }
    let mut now = listen(&server, "types=Email&closeafter=state&ping=0", Some("0"));
    let until = now.named("state").unwrap().id;
    let mut count = 1;
    while events.named("state").unwrap().id != until {
        count += 1;
    }
    assert!(count <= 20, "{count} events of 40 messages");
}

#[test]
fn who_comes_back_hears_at_once_what_was_missed() {
    let server = start();
    let query = "types=*&closeafter=state&ping=0";
    let mut events = listen(&server, query, None);
    let begun = first(&mut events);
    deliver(&server, ALICE, "one");
    let told = events.named("state").unwrap();
    // closeafter=state: the response ends.
    assert_eq!(events.next_event().unwrap(), None);
    deliver(&server, ALICE, "two");
    // What a client heard last; what is no id of ours; what was never a moment.
    for last in [told.id.unwrap(), begun, "x".into(), "99999999999".into()] {
        let mut again = listen(&server, query, Some(&last));
        first(&mut again);
        let event = again.named("state").unwrap();
        assert!(
            types(&event).contains(&"EmailDelivery".to_owned()),
            "{last}"
        );
    }
}

#[test]
fn pings_set_no_id() {
    let server = start();
    let mut events = listen(&server, "types=Email&closeafter=no&ping=1", None);
    first(&mut events);
    let ping = events.named("ping").unwrap();
    assert_eq!(ping.id, None);
    let data: Value = serde_json::from_str(&ping.data).unwrap();
    assert_eq!(data, json!({"interval": 5}));
}

#[test]
fn quotas_are_told_like_everything() {
    let server = start();
    let mut events = listen(&server, "types=Quota&closeafter=no&ping=0", None);
    let begun = first(&mut events);
    // Nothing limits her yet.
    deliver(&server, ALICE, "one");
    let _told = server.cli(&[
        "account",
        "quota",
        ALICE,
        "--quota-bytes",
        "1MiB",
        "--quota-messages",
        "100",
    ]);
    deliver(&server, ALICE, "two");
    let event = events.named("state").unwrap();
    assert_eq!(types(&event), ["Quota"]);
    let mut http = Http::open(server.address("web")).unwrap();
    http.authorize(Some(basic(ALICE)));
    let session = http.get("/.well-known/jmap").unwrap().json();
    let uri = "urn:ietf:params:jmap:quota";
    let account = session["primaryAccounts"][uri].as_str().unwrap();
    let pushed: Value = serde_json::from_str(&event.data).unwrap();
    let state = &pushed["changed"][account]["Quota"];
    let calls = json!([
        ["Quota/changes", {"accountId": account, "sinceState": "0"}, "c"],
        ["Quota/get", {"accountId": account, "#ids": {"resultOf": "c", "name": "Quota/changes", "path": "/created"}}, "g"],
        ["Quota/query", {"accountId": account, "filter": {"resourceType": "count"}}, "q"]]);
    let request = json!({"using": ["urn:ietf:params:jmap:core", uri], "methodCalls": calls});
    let octets = request.to_string();
    let page = http.post("/jmap", "application/json", octets.as_bytes());
    let responses = page.unwrap().json()["methodResponses"].clone();
    assert_eq!(&responses[0][1]["newState"], state);
    assert_eq!(&responses[1][1]["state"], state);
    let quotas = responses[1][1]["list"].as_array().unwrap();
    let of = |kind| {
        quotas
            .iter()
            .find(|quota| quota["resourceType"] == kind)
            .unwrap()
    };
    assert_eq!(
        (&of("count")["used"], &of("count")["hardLimit"]),
        (&json!(2), &json!(100))
    );
    assert_eq!(
        (&of("octets")["name"], &of("octets")["scope"]),
        (&json!(ALICE), &json!("account"))
    );
    let octets = server
        .imap(ALICE)
        .command("GETQUOTAROOT INBOX")
        .unwrap()
        .text();
    let used = of("octets")["used"].as_u64().unwrap().div_ceil(1024);
    assert!(octets.contains(&format!("STORAGE {used} 1024")), "{octets}");
    assert_eq!(responses[2][1]["ids"], json!([of("count")["id"]]));
    // Who was told of it is not told again.
    let last = event.id.unwrap();
    for (id, kind) in [(begun, "Quota"), (last, "ping")] {
        let mut again = listen(&server, "types=Quota&closeafter=no&ping=1", Some(&id));
        first(&mut again);
        let next = again.next_event().unwrap().unwrap();
        assert_eq!(next.name == "ping", kind == "ping", "{next:?}");
    }
}

#[test]
fn identities_are_told_too() {
    let server = start();
    let mut events = listen(
        &server,
        "types=Identity,EmailSubmission&closeafter=no&ping=0",
        None,
    );
    first(&mut events);
    // Of mail nothing is told here.
    deliver(&server, ALICE, "one");
    let mut http = Http::open(server.address("web")).unwrap();
    http.authorize(Some(basic(ALICE)));
    let session = http.get("/.well-known/jmap").unwrap().json();
    let uri = "urn:ietf:params:jmap:submission";
    let account = session["primaryAccounts"][uri].as_str().unwrap();
    let create = json!({"a": {"name": "Alice", "email": ALICE}});
    let calls = json!([["Identity/set", {"accountId": account, "create": create}, "s"]]);
    let request = json!({"using": ["urn:ietf:params:jmap:core", uri], "methodCalls": calls});
    let octets = request.to_string();
    let page = http.post("/jmap", "application/json", octets.as_bytes());
    let set = page.unwrap().json()["methodResponses"][0][1].clone();
    assert!(set["created"]["a"].is_object(), "{set}");
    let event = events.named("state").unwrap();
    assert_eq!(types(&event), ["Identity"]);
    assert_eq!(set["newState"].as_str(), event.id.as_deref());
}

const CORE: &str = "urn:ietf:params:jmap:core";
const JMAP: (&str, &str) = ("Sec-WebSocket-Protocol", "jmap");

fn websocket(server: &Server) -> WebSocket {
    let fields = [("Authorization", basic(ALICE)), (JMAP.0, JMAP.1.into())];
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    WebSocket::open(server.address("web"), "/jmap/ws", &fields).unwrap()
}

fn echo(id: &str, text: &str) -> Value {
    json!({"@type": "Request", "id": id, "using": [CORE], "methodCalls": [["Core/echo", {"a": text}, "c"]]})
}

#[test]
fn a_websocket_takes_requests() {
    let server = start();
    let mut http = Http::open(server.address("web")).unwrap();
    http.authorize(Some(basic(ALICE)));
    let session = http.get("/.well-known/jmap").unwrap().json();
    assert_eq!(
        session["capabilities"]["urn:ietf:params:jmap:websocket"],
        json!({"url": "ws://mail.waxwing.test/jmap/ws", "supportsPush": true})
    );
    let mut socket = websocket(&server);
    socket.send(&echo("R1", "x")).unwrap();
    socket.send(&echo("R2", &"y".repeat(100_000))).unwrap();
    let told = socket.message().unwrap();
    assert_eq!(
        (&told["@type"], &told["requestId"]),
        (&json!("Response"), &json!("R1"))
    );
    assert_eq!(told["sessionState"], session["state"]);
    assert_eq!(
        told["methodResponses"],
        json!([["Core/echo", {"a": "x"}, "c"]])
    );
    assert_eq!(socket.message().unwrap()["requestId"], "R2");
    // What is refused is answered, and the connection goes on.
    socket.frame(0x81, b"{").unwrap();
    let refused = socket.message().unwrap();
    assert_eq!(refused["type"], "urn:ietf:params:jmap:error:notJSON");
    assert_eq!(
        (&refused["@type"], &refused["requestId"]),
        (&json!("RequestError"), &Value::Null)
    );
    socket.send(&echo("R3", &"y".repeat(10_000_000))).unwrap();
    let refused = socket.message().unwrap();
    assert_eq!(refused["limit"], "maxSizeRequest");
    // In two frames, with a ping between.
    let message = echo("R4", "z").to_string();
    let (first, rest) = message.as_bytes().split_at(10);
    socket.frame(0x01, first).unwrap();
    socket.frame(0x89, b"there?").unwrap();
    assert_eq!(
        socket.next_frame().unwrap(),
        Frame::Pong(b"there?".to_vec())
    );
    socket.frame(0x80, rest).unwrap();
    assert_eq!(socket.message().unwrap()["requestId"], "R4");
    // RFC 8887 §4.2: text and nothing else.
    socket.frame(0x82, b"{}").unwrap();
    assert_eq!(socket.next_frame().unwrap(), Frame::Close(Some(1003)));
}

#[test]
fn who_may_open_a_websocket() {
    let server = start();
    let authorization = basic(ALICE);
    let known = ("Authorization", authorization.as_str());
    let status = |fields: &[(&str, &str)]| {
        let (_, head) = WebSocket::ask(server.address("web"), "/jmap/ws", fields).unwrap();
        head[0].clone()
    };
    assert!(status(&[JMAP]).contains(" 401 "));
    assert!(status(&[known]).contains(" 400 "));
    assert!(status(&[known, ("Sec-WebSocket-Protocol", "chat")]).contains(" 400 "));
    assert!(status(&[known, JMAP, ("Origin", "http://elsewhere.example")]).contains(" 403 "));
    assert!(status(&[known, JMAP, ("Origin", "http://mail.waxwing.test")]).contains(" 101 "));
    let mut http = Http::open(server.address("web")).unwrap();
    http.authorize(Some(authorization.clone()));
    assert_eq!(http.get("/jmap/ws").unwrap().status, 400);
    // So many at a time and no more.
    let server = start();
    let _held: Vec<WebSocket> = (0..4).map(|_| websocket(&server)).collect();
    let (_, head) = WebSocket::ask(server.address("web"), "/jmap/ws", &[known, JMAP]).unwrap();
    assert!(head[0].contains(" 400 "), "{head:?}");
}

#[test]
fn a_websocket_tells_of_changes_while_it_is_asked_to() {
    let mut server = start();
    let mut socket = websocket(&server);
    let enable = |types: Value, since: Value| json!({"@type": "WebSocketPushEnable", "dataTypes": types, "pushState": since});
    // What was never a moment: all may have changed since.
    socket
        .send(&enable(json!(["EmailDelivery", "Mailbox"]), json!("x")))
        .unwrap();
    let begun = socket.message().unwrap();
    assert_eq!(begun["@type"], "StateChange");
    deliver(&server, ALICE, "one");
    let told = socket.message().unwrap();
    let changed = told["changed"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    let names: Vec<&String> = changed.as_object().unwrap().keys().collect();
    assert_eq!(names, ["EmailDelivery", "Mailbox"]);
    assert_ne!(told["pushState"], begun["pushState"]);
    socket
        .send(&json!({"@type": "WebSocketPushDisable"}))
        .unwrap();
    deliver(&server, ALICE, "two");
    // Requests are answered and nothing else comes.
    socket.send(&echo("R1", "x")).unwrap();
    assert_eq!(socket.message().unwrap()["requestId"], "R1");
    socket
        .send(&enable(Value::Null, told["pushState"].clone()))
        .unwrap();
    let again = socket.message().unwrap();
    assert_eq!(again["@type"], "StateChange");
    // At its end the server says so.
    let stopped = std::thread::spawn(move || server.stop());
    assert_eq!(socket.next_frame().unwrap(), Frame::Close(Some(1001)));
    assert!(stopped.join().unwrap().success());
}
