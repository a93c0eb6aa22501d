//! JMAP over real HTTP: who is let in, what is told, and what is kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use waxwing_tests::client::{Http, Page};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup};

pub(crate) const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n\
                   [[listener]]\nname = \"secure\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
                   [[listener]]\nname = \"clear\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\n";
pub(crate) const ALICE: &str = "alice@waxwing.test";

fn start() -> Server {
    Setup::new().settings(WEB).start()
}

fn basic(user: &str, password: &str) -> Option<String> {
    Some(format!(
        "Basic {}",
        STANDARD.encode(format!("{user}:{password}"))
    ))
}

pub(crate) fn alice(server: &Server) -> Http {
    as_user(server, ALICE)
}

pub(crate) fn as_user(server: &Server, user: &str) -> Http {
    let mut http = Http::open(server.address("web")).unwrap();
    http.authorize(basic(user, PASSWORD));
    http
}

fn session(http: &mut Http) -> Value {
    let page = http.get("/.well-known/jmap").unwrap();
    assert_eq!(page.status, 200, "{page:?}");
    page.json()
}

pub(crate) fn account(http: &mut Http) -> String {
    let session = session(http);
    let accounts = session["accounts"].as_object().unwrap();
    accounts.keys().next().unwrap().clone()
}

/// The responses to calls.
fn call(http: &mut Http, calls: &Value) -> Value {
    let request = json!({"using": ["urn:ietf:params:jmap:core"], "methodCalls": calls});
    let page = http
        .post("/jmap", "application/json", request.to_string().as_bytes())
        .unwrap();
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["methodResponses"].clone()
}

fn problem(page: &Page) -> (u16, Value) {
    assert_eq!(
        page.header("content-type"),
        Some("application/problem+json")
    );
    (page.status, page.json()["type"].clone())
}

#[test]
fn who_is_let_in() {
    let server = start();
    let mut http = Http::open(server.address("web")).unwrap();
    let page = http.get("/.well-known/jmap").unwrap();
    assert_eq!(page.status, 401);
    let challenges: Vec<&str> = page
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(
        challenges,
        [
            "Basic realm=\"Waxwing\", charset=\"UTF-8\"",
            "Bearer realm=\"Waxwing\""
        ]
    );
    for wrong in [
        basic(ALICE, "guess"),
        basic("nobody@waxwing.test", PASSWORD),
        Some("Bearer wxt_0".into()),
        Some("Basic".into()),
    ] {
        http.authorize(wrong.clone());
        assert_eq!(
            http.get("/.well-known/jmap").unwrap().status,
            401,
            "{wrong:?}"
        );
    }
    // The same connection, and each request says who asks.
    http.authorize(basic(ALICE, PASSWORD));
    assert_eq!(session(&mut http)["username"], ALICE);
    http.authorize(basic("bob@waxwing.test", PASSWORD));
    assert_eq!(session(&mut http)["username"], "bob@waxwing.test");
    http.authorize(None);
    assert_eq!(
        http.post("/jmap", "application/json", b"{}")
            .unwrap()
            .status,
        401
    );

    let token = |scope| server.cli(&["account", "token", "add", ALICE, "--scope", scope]);
    http.authorize(Some(format!("Bearer {}", token("jmap").trim())));
    assert_eq!(session(&mut http)["username"], ALICE);
    http.authorize(Some(format!("Bearer {}", token("imap").trim())));
    assert_eq!(http.get("/.well-known/jmap").unwrap().status, 401);
}

#[test]
fn nothing_is_told_without_tls() {
    let server = start();
    let mut clear = Http::open(server.address("clear")).unwrap();
    clear.authorize(basic(ALICE, PASSWORD));
    assert_eq!(clear.get("/.well-known/jmap").unwrap().status, 403);
    let mut secure = Http::open_tls(server.address("secure")).unwrap();
    secure.authorize(basic(ALICE, PASSWORD));
    let session = session(&mut secure);
    assert_eq!(session["apiUrl"], "https://mail.waxwing.test/jmap");
}

#[test]
fn the_session_tells_what_works() {
    let server = start();
    let mut http = alice(&server);
    let session = session(&mut http);
    let capabilities: Vec<&String> = session["capabilities"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(
        capabilities,
        [
            "urn:ietf:params:jmap:blob",
            "urn:ietf:params:jmap:core",
            "urn:ietf:params:jmap:mail",
            "urn:ietf:params:jmap:mdn",
            "urn:ietf:params:jmap:quota",
            "urn:ietf:params:jmap:submission",
            "urn:ietf:params:jmap:vacationresponse",
            "urn:ietf:params:jmap:webpush-vapid",
            "urn:ietf:params:jmap:websocket",
            "urn:waxwing:params:jmap:why"
        ]
    );
    for url in ["apiUrl", "uploadUrl", "downloadUrl", "eventSourceUrl"] {
        let url = session[url].as_str().unwrap();
        assert!(url.starts_with("http://mail.waxwing.test/"), "{url}");
    }
    let account = &session["accounts"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    assert_eq!(account["isPersonal"], true);
    let echo = json!([["Core/echo", {"a": [1]}, "x"], ["Email/get", {}, "y"]]);
    let page = http
        .post(
            "/jmap",
            "application/json; charset=utf-8",
            json!({"using": ["urn:ietf:params:jmap:core"], "methodCalls": echo})
                .to_string()
                .as_bytes(),
        )
        .unwrap();
    let response = page.json();
    assert_eq!(response["sessionState"], session["state"]);
    assert_eq!(
        response["methodResponses"][0],
        json!(["Core/echo", {"a": [1]}, "x"])
    );
    assert_eq!(response["methodResponses"][1][1]["type"], "unknownMethod");
}

#[test]
fn requests_that_are_none() {
    let server = start();
    let mut http = alice(&server);
    let mut post = |kind, body: &[u8]| problem(&http.post("/jmap", kind, body).unwrap());
    let error = |name: &str| (400, json!(format!("urn:ietf:params:jmap:error:{name}")));
    assert_eq!(post("application/json", b"{"), error("notJSON"));
    assert_eq!(post("text/plain", b"{}"), error("notJSON"));
    assert_eq!(post("application/json", b"{}"), error("notRequest"));
    assert_eq!(
        post("application/json", br#"{"using":["x"],"methodCalls":[]}"#),
        error("unknownCapability")
    );
    assert_eq!(
        post("application/json", "[".repeat(100_000).as_bytes()),
        error("limit")
    );
}

#[test]
fn a_request_that_is_too_large_is_refused_before_it_is_read() {
    let server = start();
    let mut http = alice(&server);
    let large = vec![b' '; 10_000_001];
    let page = http.post("/jmap", "application/json", &large).unwrap();
    assert_eq!(problem(&page).0, 400);
    assert_eq!(page.json()["limit"], "maxSizeRequest");
}

#[test]
fn what_was_uploaded_is_downloaded() {
    let server = start();
    let mut http = alice(&server);
    let account = account(&mut http);
    let target = format!("/jmap/upload/{account}");
    for octets in [b"small".to_vec(), (0..=255).cycle().take(700_000).collect()] {
        let page = http.post(&target, "image/png", &octets).unwrap();
        assert_eq!(page.status, 201, "{page:?}");
        let told = page.json();
        assert_eq!(
            (&told["accountId"], &told["type"], &told["size"]),
            (&json!(account), &json!("image/png"), &json!(octets.len()))
        );
        let blob = told["blobId"].as_str().unwrap();
        let page = http
            .get(&format!(
                "/jmap/download/{account}/{blob}/caf%C3%A9.png?accept=image%2Fpng"
            ))
            .unwrap();
        assert_eq!(page.status, 200);
        assert_eq!(page.body, octets);
        assert_eq!(page.header("content-type"), Some("image/png"));
        assert_eq!(
            page.header("content-disposition"),
            Some("attachment; filename=\"caf_.png\"; filename*=UTF-8''caf%C3%A9.png")
        );
        assert_eq!(
            page.header("cache-control"),
            Some("private, immutable, max-age=31536000")
        );
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        // RFC 8620 §6.3: it is there already.
        let copy = json!([["Blob/copy", {"fromAccountId": account, "accountId": account, "blobIds": [blob, "B999999"]}, "c"]]);
        let copied = call(&mut http, &copy);
        assert_eq!(copied[0][1]["copied"], json!({blob: blob}));
        assert_eq!(copied[0][1]["notCopied"]["B999999"]["type"], "notFound");
        // Nobody else's.
        let mut bob = Http::open(server.address("web")).unwrap();
        bob.authorize(basic("bob@waxwing.test", PASSWORD));
        let own = self::account(&mut bob);
        for of in [&account, &own] {
            assert_eq!(
                bob.get(&format!("/jmap/download/{of}/{blob}/x"))
                    .unwrap()
                    .status,
                404
            );
        }
        assert_eq!(bob.post(&target, "image/png", b"x").unwrap().status, 404);
    }
    server.verify();
}

#[test]
fn a_part_is_downloaded_decoded() {
    let server = start();
    let mut http = alice(&server);
    let account = account(&mut http);
    let message = "Subject: x\r\n\r\naGVsbG8gd29ybGQ=\r\nb=C3=A4\r\n";
    let uploaded = http
        .post(
            &format!("/jmap/upload/{account}"),
            "message/rfc822",
            message.as_bytes(),
        )
        .unwrap()
        .json();
    let content = uploaded["blobId"]
        .as_str()
        .unwrap()
        .strip_prefix('B')
        .unwrap();
    let at = |text: &str| message.find(text).unwrap();
    for (part, expected) in [
        (format!("{}-{}-b", at("aGV"), at("b=C3")), "hello world"),
        (format!("{}-{}-q", at("b=C3"), message.len() - 2), "b\u{e4}"),
        ("0-10-i".to_owned(), "Subject: x"),
        (
            format!("{}-{}-i", message.len() - 2, message.len() + 1000),
            "\r\n",
        ),
    ] {
        let page = http
            .get(&format!("/jmap/download/{account}/P{content}-{part}/x"))
            .unwrap();
        assert_eq!(
            (page.status, String::from_utf8(page.body).unwrap().as_str()),
            (200, expected),
            "{part}"
        );
    }
}

#[test]
fn a_stream_of_events_pings() {
    let server = start();
    let mut http = alice(&server);
    for wrong in ["", "?types=*&closeafter=never&ping=5", "?types=*&ping=5"] {
        assert_eq!(
            http.get(&format!("/jmap/events{wrong}")).unwrap().status,
            400,
            "{wrong}"
        );
    }
    let head = "GET /jmap/events?types=*&closeafter=no&ping=1 HTTP/1.1\r\nHost: x\r\n";
    let mut listening = waxwing_tests::client::Connection::open(server.address("web")).unwrap();
    let request = format!(
        "{head}Authorization: {}\r\n\r\n",
        basic(ALICE, PASSWORD).unwrap()
    );
    listening.send(request.as_bytes()).unwrap();
    let mut lines = Vec::new();
    while !lines.iter().any(|line: &String| line.starts_with("data:")) {
        lines.push(String::from_utf8(listening.line().unwrap().unwrap()).unwrap());
    }
    assert_eq!(lines[0], "HTTP/1.1 200 OK");
    assert!(
        lines.contains(&"content-type: text/event-stream".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"event: ping".to_owned()));
    assert!(lines.contains(&"data: {\"interval\":5}".to_owned()));
    // The server does not wait for whoever listens.
    drop(server);
}
