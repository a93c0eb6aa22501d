//! Push subscriptions, with a push service of the test's own: what it gets, who can read it, and when it gets no more.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use waxwing_tests::authority::{Authority, Tunnel};
use waxwing_tests::client::Http;
use waxwing_tests::names::{Names, Zones};
use waxwing_tests::push_client::{PushClient, claims};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup};

use crate::jmap_push::{ALICE, WEB, basic, deliver};

const CORE: &str = "urn:ietf:params:jmap:core";
const URL: &str = "https://push.example/to/me?x=1";

/// A message as the service got it: the header of the request, and its content.
type Got = (String, Vec<u8>);

/// A push service that answers the next requests with these, and all others with 201.
struct Service {
    authority: Authority,
    tunnel: Tunnel,
    names: Names,
    got: Receiver<Got>,
    answers: Arc<Mutex<Vec<&'static str>>>,
}

impl Service {
    fn start() -> Self {
        let authority = Authority::new();
        let issued = authority.issue("push.example");
        let answers = Arc::<Mutex<Vec<&'static str>>>::default();
        // The proxy does not connect to it.
        let zones = Zones::new().zone(
            "push.example",
            "@ IN A 9.9.9.9\nin IN A 9.9.9.9\nin IN A 127.0.0.1",
        );
        let (next, (send, got)) = (Arc::clone(&answers), channel());
        let send = Mutex::new(send);
        let tunnel = Tunnel::serve(&issued, move |head, content| {
            let status = next.lock().unwrap().pop().unwrap_or("201 Created");
            let message = (head.to_owned(), content.to_vec());
            let _over = send.lock().unwrap().send(message);
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into()
        });
        Self {
            authority,
            tunnel,
            names: zones.serve(),
            got,
            answers,
        }
    }

    fn server(&self) -> Server {
        let proxy = format!(
            "[dns]\nservers = [\"{}\"]\nvalidate = \"never\"\n[queue]\nhttps-proxy = \"{}\"\n",
            self.names.address(),
            self.tunnel.address()
        );
        Setup::new()
            .settings(&format!("{WEB}{proxy}"))
            .environment("SSL_CERT_FILE", self.authority.roots())
            .start()
    }

    fn next(&self) -> Got {
        self.got.recv_timeout(PATIENCE).unwrap()
    }
}

struct Client {
    http: Http,
}

impl Client {
    fn of(server: &Server, authorization: String) -> Self {
        let mut http = Http::open(server.address("web")).unwrap();
        http.authorize(Some(authorization));
        Self { http }
    }

    fn call(&mut self, method: &str, arguments: &Value) -> Value {
        let request = json!({"using": [CORE], "methodCalls": [[method, arguments, "c"]]});
        let page = self
            .http
            .post("/jmap", "application/json", request.to_string().as_bytes())
            .unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        page.json()["methodResponses"][0][1].clone()
    }

    fn subscribe(&mut self, object: &Value) -> String {
        let set = self.call("PushSubscription/set", &json!({"create": {"a": object}}));
        let id = set["created"]["a"]["id"].as_str();
        id.unwrap_or_else(|| panic!("{set}")).to_owned()
    }

    fn verify(&mut self, id: &str, code: &Value) -> Value {
        let update = json!({"update": {id: {"verificationCode": code}}});
        self.call("PushSubscription/set", &update)
    }

    fn ids(&mut self) -> Vec<Value> {
        let got = self.call("PushSubscription/get", &json!({"ids": null}));
        let list = got["list"].as_array().unwrap().iter();
        list.map(|subscription| subscription["id"].clone())
            .collect()
    }
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[test]
fn a_client_is_told_what_only_it_can_read() {
    let service = Service::start();
    let server = service.server();
    let mut client = Client::of(&server, basic(ALICE));
    let session = client.http.get("/.well-known/jmap").unwrap().json();
    let vapid = &session["capabilities"]["urn:ietf:params:jmap:webpush-vapid"];
    let key = vapid["applicationServerKey"].as_str().unwrap().to_owned();
    let device = PushClient::new();
    let id = client.subscribe(&json!({"deviceClientId": "phone", "url": URL, "keys": device.keys(), "types": ["EmailDelivery", "Mailbox"]}));
    let (head, content) = service.next();
    assert!(head.starts_with("POST /to/me?x=1 HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "content-encoding"), Some("aes128gcm"));
    assert_eq!(field(&head, "content-type"), Some("application/json"));
    assert!(field(&head, "ttl").is_some());
    let claimed = claims(field(&head, "authorization").unwrap(), &key);
    assert_eq!(claimed["aud"], "https://push.example");
    let verification = device.open(&content);
    assert_eq!(verification["@type"], "PushVerification");
    assert_eq!(verification["pushSubscriptionId"], id);
    // Nothing is told before the code has come back.
    deliver(&server, ALICE, "before");
    let wrong = client.verify(&id, &json!("guess"));
    assert_eq!(wrong["notUpdated"][&id]["type"], "invalidProperties");
    let known = client.call("PushSubscription/get", &json!({"ids": [id]}));
    assert_eq!(known["list"][0]["verificationCode"], Value::Null);
    let right = client.verify(&id, &verification["verificationCode"]);
    assert_eq!(right["updated"], json!({ &id: null }));
    // What happened meanwhile is told now, and then what happens.
    for subject in ["", "after"] {
        if !subject.is_empty() {
            deliver(&server, ALICE, subject);
        }
        let (head, content) = service.next();
        assert_eq!(field(&head, "urgency"), Some("high"));
        let told = device.open(&content);
        assert_eq!(told["@type"], "StateChange");
        let changed = told["changed"]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap();
        let names: Vec<&String> = changed.as_object().unwrap().keys().collect();
        assert_eq!(names, ["EmailDelivery", "Mailbox"]);
    }
    // Neither the log nor the answers say where.
    assert!(!server.log().contains("/to/me"));
    let private = client.call(
        "PushSubscription/get",
        &json!({"ids": null, "properties": ["url"]}),
    );
    assert_eq!(private["type"], "forbidden");
    server.verify();
}

#[test]
fn a_subscription_lives_through_a_restart_and_ends_when_nobody_is_there() {
    let service = Service::start();
    let mut server = service.server();
    let mut client = Client::of(&server, basic(ALICE));
    let id = client.subscribe(&json!({"deviceClientId": "phone", "url": URL}));
    let plain = |got: Got| -> Value { serde_json::from_slice(&got.1).unwrap() };
    let code = plain(service.next())["verificationCode"].clone();
    client.verify(&id, &code);
    drop(client);
    assert!(server.stop().success());
    server.start();
    deliver(&server, ALICE, "one");
    assert_eq!(plain(service.next())["@type"], "StateChange");
    // RFC 8030 §7.3: the push service knows it no more.
    service.answers.lock().unwrap().push("410 Gone");
    deliver(&server, ALICE, "two");
    service.next();
    let mut client = Client::of(&server, basic(ALICE));
    until("it is forgotten", PATIENCE, || {
        client.ids().is_empty().then_some(())
    });
}

#[test]
fn subscriptions_are_of_a_login() {
    let service = Service::start();
    let server = service.server();
    let mut client = Client::of(&server, basic(ALICE));
    let own = client.subscribe(&json!({"deviceClientId": "one", "url": URL}));
    let token = server.cli(&["account", "token", "add", ALICE, "--scope", "jmap"]);
    let mut program = Client::of(&server, format!("Bearer {}", token.trim()));
    assert_eq!(program.ids(), Vec::<Value>::new());
    let other = program.subscribe(&json!({"deviceClientId": "two", "url": URL}));
    assert_eq!(
        (client.ids(), program.ids()),
        (vec![json!(own)], vec![json!(other)])
    );
    let gone = client.call("PushSubscription/set", &json!({"destroy": [other, own]}));
    assert_eq!(gone["destroyed"], json!([own]));
    assert_eq!(gone["notDestroyed"][&other]["type"], "notFound");
    assert_eq!(client.ids(), Vec::<Value>::new());
}

#[test]
fn nothing_is_sent_to_this_machine() {
    // No proxy: what is sent goes to the address itself.
    let server = Setup::new().settings(WEB).start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client = Client::of(&server, basic(ALICE));
    for host in ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "mailhost"] {
        let url = format!("https://{host}:{port}/");
        let create = json!({"create": {"a": {"deviceClientId": "x", "url": url}}});
        let set = client.call("PushSubscription/set", &create);
        let error = &set["notCreated"]["a"];
        assert_eq!(error["type"], "invalidProperties", "{host}: {set}");
        assert_eq!(error["properties"], json!(["url"]));
    }
    assert!(listener.accept().is_err(), "somebody came");
}

#[test]
fn codes_are_counted_whatever_became_of_their_subscriptions() {
    let service = Service::start();
    *service.answers.lock().unwrap() = vec!["503 Not now"; 32];
    let server = service.server();
    let mut client = Client::of(&server, basic(ALICE));
    let new = json!({"deviceClientId": "phone", "url": URL});
    for _ in 0..32 {
        let id = client.subscribe(&new);
        service.next();
        client.call("PushSubscription/set", &json!({"destroy": [id]}));
    }
    assert_eq!(client.ids(), Vec::<Value>::new());
    let set = client.call("PushSubscription/set", &json!({"create": {"a": new}}));
    assert_eq!(set["notCreated"]["a"]["type"], "overQuota", "{set}");
}

#[test]
fn a_proxy_is_led_to_no_network_of_ours() {
    let service = Service::start();
    let server = service.server();
    let mut client = Client::of(&server, basic(ALICE));
    for url in ["https://in.push.example/", URL] {
        client.subscribe(&json!({"deviceClientId": "phone", "url": url}));
    }
    service.next();
    let more = service.got.recv_timeout(Duration::from_millis(100));
    assert!(more.is_err(), "one of its addresses is this machine's");
    // By the address that was looked at, not by a name that may have another one now.
    let asked = service.tunnel.asked();
    assert_eq!(asked, ["9.9.9.9:443 POST /to/me?x=1 HTTP/1.1"]);
}

#[test]
fn what_is_not_taken_is_sent_again() {
    let service = Service::start();
    service.answers.lock().unwrap().push("503 Not now");
    let server = service.server();
    let mut client = Client::of(&server, basic(ALICE));
    client.subscribe(&json!({"deviceClientId": "phone", "url": URL}));
    let (first, again) = (service.next(), service.next());
    assert_eq!(first.1, again.1);
    let more = service.got.recv_timeout(Duration::from_millis(1));
    assert!(more.is_err(), "it was taken");
}
