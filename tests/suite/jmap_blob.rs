//! Contents by calls (RFC 9404), over real HTTP.

use serde_json::{Value, json};
use waxwing_tests::client::Http;
use waxwing_tests::{Server, Setup};

use crate::jmap_push::{ALICE, WEB, basic, deliver};

struct Client {
    http: Http,
    account: String,
}

impl Client {
    fn of(server: &Server, user: &str) -> Self {
        let mut http = Http::open(server.address("web")).unwrap();
        http.authorize(Some(basic(user)));
        let session = http.get("/.well-known/jmap").unwrap().json();
        let account = session["primaryAccounts"]["urn:ietf:params:jmap:blob"].as_str();
        let account = account.unwrap().to_owned();
        Self { http, account }
    }

    fn call(&mut self, method: &str, mut arguments: Value) -> Value {
        arguments["accountId"] = json!(self.account);
        let using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:blob"];
        let request = json!({"using": using, "methodCalls": [[method, arguments, "c"]]});
        let octets = request.to_string();
        let page = self
            .http
            .post("/jmap", "application/json", octets.as_bytes());
        page.unwrap().json()["methodResponses"][0][1].clone()
    }
}

#[test]
fn what_is_put_together_is_read_and_downloaded() {
    let server = Setup::new().settings(WEB).start();
    let mut client = Client::of(&server, ALICE);
    let make = |data: Value| json!({"create": {"a": {"data": data, "type": "text/plain"}}});
    let first = client.call(
        "Blob/upload",
        make(json!([{"data:asText": "The quick brown fox jumped over the "}])),
    );
    let first = first["created"]["a"]["id"].clone();
    let whole = client.call(
        "Blob/upload",
        make(json!([{"blobId": first}, {"data:asBase64": "bGF6eSA="}, {"data:asText": "dog."}])),
    );
    let blob = whole["created"]["a"]["id"].as_str().unwrap().to_owned();
    let text = "The quick brown fox jumped over the lazy dog.";
    assert_eq!(whole["created"]["a"]["size"], text.len());
    let properties = ["data", "size", "digest:sha", "digest:sha-256"];
    let got = client.call("Blob/get", json!({"ids": [blob], "properties": properties}));
    let object = &got["list"][0];
    assert_eq!(
        (&object["data:asText"], &object["size"]),
        (&json!(text), &json!(text.len()))
    );
    // As `openssl dgst -binary | base64` has them.
    assert_eq!(object["digest:sha"], "wIVPufsDxBzOOALLDSIFKebu+U4=");
    assert_eq!(
        object["digest:sha-256"],
        "aLEoK5HeLAVMNmKcuN1EfxLwltPjxYeXjcIkhERjNIM="
    );
    let page = client
        .http
        .get(&format!("/jmap/download/{}/{blob}/x", client.account));
    assert_eq!(page.unwrap().body, text.as_bytes());
    // A large one, which is not kept in a row.
    let large = json!([{"data:asText": "0123456789".repeat(50_000)}]);
    let large = client.call("Blob/upload", make(large))["created"]["a"]["id"].clone();
    let got = client.call(
        "Blob/get",
        json!({"ids": [large], "offset": 300_005, "length": 10}),
    );
    assert_eq!(got["list"][0]["data:asText"], "5678901234");
    // Nobody else's.
    let mut bob = Client::of(&server, "bob@waxwing.test");
    let got = bob.call("Blob/get", json!({"ids": [blob]}));
    assert_eq!(got["notFound"], json!([blob]));
    server.verify();
}

#[test]
fn a_content_is_found_where_it_is_used() {
    let server = Setup::new().settings(WEB).start();
    let mut client = Client::of(&server, ALICE);
    deliver(&server, ALICE, "one");
    let mut imap = server.imap(ALICE);
    imap.command("CREATE Copies").unwrap().ok().unwrap();
    imap.select("INBOX").unwrap();
    imap.command("COPY 1 Copies").unwrap().ok().unwrap();
    let ids = imap.command("FETCH 1 (EMAILID THREADID)").unwrap().text();
    let id = |name: &str| {
        let (_, rest) = ids.split_once(&format!("{name} (")).unwrap();
        rest.split_once(')').unwrap().0.to_owned()
    };
    let (email, thread) = (id("EMAILID"), id("THREADID"));
    let blob = format!("B{}", email.strip_prefix('M').unwrap());
    let types = ["Email", "Thread", "Mailbox"];
    let found = client.call(
        "Blob/lookup",
        json!({"typeNames": types, "ids": [blob, "B999999"]}),
    );
    let matched = &found["list"][0]["matchedIds"];
    assert_eq!(
        (&matched["Email"], &matched["Thread"]),
        (&json!([email]), &json!([thread]))
    );
    assert_eq!(matched["Mailbox"].as_array().unwrap().len(), 2);
    assert_eq!(found["notFound"], json!(["B999999"]));
}
