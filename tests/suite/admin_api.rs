//! Administration over real HTTP: who may do what, what is written down, and that the document tells the truth.

mod document;
mod rules;
pub(crate) mod trials;

use serde_json::{Value, json};
use waxwing_tests::client::{Http, Page};
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n\
                   [[listener]]\nname = \"secure\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
                   [[listener]]\nname = \"clear\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\n\
                   [[listener]]\nname = \"proxied\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n\
                   proxy-protocol = true\nproxy-from = [\"127.0.0.0/8\"]\n";
const ROOT: &str = "/admin/api/v1";
const ALICE: &str = "alice@waxwing.test";

fn start() -> Server {
    Setup::new().settings(WEB).start()
}

/// A token with these scopes, made as administrators make them.
fn token(server: &Server, name: &str, scopes: &str) -> String {
    let made = server.cli(&["token", "add", name, "--scope", scopes]);
    made.trim().to_owned()
}

/// Takes a token back.
fn take_back(server: &Server, name: &str) {
    let listed = server.json(&["token", "list"]);
    let tokens = listed.as_array().unwrap();
    let found = tokens.iter().find(|token| token["name"] == name).unwrap();
    assert_eq!(
        server.cli(&["token", "remove", &found["id"].to_string()]),
        ""
    );
}

/// A connection of whoever has a token.
fn with(server: &Server, token: &str) -> Http {
    let mut http = Http::open(server.address("web")).unwrap();
    http.authorize(Some(format!("Bearer {token}")));
    http
}

fn ask(http: &mut Http, method: &str, path: &str, body: Option<&Value>) -> Page {
    let text = body.map(ToString::to_string).unwrap_or_default();
    let kind = body.map(|_| "application/json");
    http.request(method, &format!("{ROOT}{path}"), kind, text.as_bytes())
        .unwrap()
}

/// The answer to what must be done.
fn must(http: &mut Http, method: &str, path: &str, body: Option<&Value>) -> Value {
    let page = ask(http, method, path, body);
    assert!(page.status < 300, "{method} {path}: {page:?}");
    match page.body.is_empty() {
        true => Value::Null,
        false => page.json(),
    }
}

/// A refusal, which must say what to do next.
fn refused(page: &Page) -> (u16, String) {
    assert_eq!(
        page.header("content-type"),
        Some("application/problem+json"),
        "{page:?}"
    );
    let problem = page.json();
    assert_eq!(problem["status"], page.status);
    let next = problem["next"].as_str().unwrap();
    assert!(next.len() > 10, "{problem}");
    (page.status, problem["title"].as_str().unwrap().to_owned())
}

/// A token of the same form that differs in its last digit.
fn other(token: &str) -> String {
    let (most, last) = token.split_at(token.len() - 1);
    format!("{most}{}", if last == "0" { "1" } else { "0" })
}

#[test]
fn who_is_let_in() {
    let server = start();
    let good = token(&server, "good", "status:read");
    let mut http = Http::open(server.address("web")).unwrap();
    let page = ask(&mut http, "GET", "/status", None);
    assert_eq!(
        page.header("www-authenticate"),
        Some("Bearer realm=\"Waxwing administration\"")
    );
    assert_eq!(refused(&page).0, 401);
    let of_account = server.cli(&["account", "token", "add", ALICE]);
    let over = token(&server, "over", "*");
    assert_eq!(
        ask(&mut with(&server, &over), "GET", "/status", None).status,
        200
    );
    take_back(&server, "over");
    let short = server.cli(&["token", "add", "short", "--scope", "*", "--expires", "1s"]);
    until("a token ends", PATIENCE, || {
        let page = ask(&mut with(&server, short.trim()), "GET", "/status", None);
        (page.status == 401).then_some(())
    });
    for wrong in [
        format!("Bearer {over}"),
        format!("Bearer {}", short.trim()),
        format!("Bearer {}", of_account.trim()),
        format!("Bearer {}", other(&good)),
        format!("Bearer {}", good.to_uppercase()),
        format!("Bearer {good} {good}"),
        format!("Basic {good}"),
        good.clone(),
        "Bearer".to_owned(),
    ] {
        http.authorize(Some(wrong.clone()));
        assert_eq!(
            refused(&ask(&mut http, "GET", "/status", None)).0,
            401,
            "{wrong}"
        );
    }
    // A token is looked for in its field only.
    http.authorize(None);
    let page = ask(
        &mut http,
        "GET",
        &format!("/status?access_token={good}"),
        None,
    );
    assert_eq!(page.status, 401);
    http.authorize(Some(format!("bearer {good}")));
    let page = ask(&mut http, "GET", "/status", None);
    assert_eq!(
        (page.status, page.header("cache-control")),
        (200, Some("no-store"))
    );
    assert_eq!(page.header("access-control-allow-origin"), None);
}

#[test]
fn nothing_is_told_in_the_clear() {
    let server = start();
    let all = token(&server, "all", "*");
    let mut clear = Http::open(server.address("clear")).unwrap();
    clear.authorize(Some(format!("Bearer {all}")));
    let (status, title) = refused(&ask(&mut clear, "GET", "/status", None));
    assert_eq!((status, title.contains("TLS")), (403, true), "{title}");
    let mut secure = Http::open_tls(server.address("secure")).unwrap();
    secure.authorize(Some(format!("Bearer {all}")));
    assert_eq!(ask(&mut secure, "GET", "/status", None).status, 200);
}

#[test]
fn guesses_are_counted() {
    let limits = "[rates]\nwindow = \"1h\"\n[rates.address]\nerrors = 5\n";
    let server = Setup::new().settings(&format!("{limits}{WEB}")).start();
    let good = token(&server, "good", "status:read");
    let from = |host: u8, token: &str| {
        let header = format!("PROXY TCP4 192.0.2.{host} 198.51.100.25 4711 80\r\n");
        let mut http = Http::open_for(server.address("proxied"), header.as_bytes()).unwrap();
        http.authorize(Some(format!("Bearer {token}")));
        ask(&mut http, "GET", "/status", None).status
    };
    let guesses: Vec<u16> = (0..8).map(|_| from(7, "wxa_guess")).collect();
    assert_eq!(guesses, [401, 401, 401, 401, 401, 429, 429, 429]);
    assert_eq!(from(8, "wxa_guess"), 401);
    assert_eq!(from(8, &good), 200);
    assert!(
        server
            .metrics()
            .contains("waxwing_logins_total{protocol=\"admin\",outcome=\"failure\"}")
    );
}

#[test]
fn a_token_does_what_it_says_and_no_more() {
    let server = start();
    let document = must(&mut with(&server, "none"), "GET", "/openapi.json", None);
    let areas = [
        "accounts", "audit", "domains", "flow", "policy", "queue", "reports", "status", "trace",
    ];
    let mut readers = Vec::new();
    for area in areas {
        let others: Vec<String> = areas
            .iter()
            .filter(|other| **other != area)
            .map(|other| format!("{other}:write"))
            .collect();
        let others = token(&server, &format!("not-{area}"), &others.join(","));
        let reads = token(&server, &format!("reads-{area}"), &format!("{area}:read"));
        readers.push((area, with(&server, &others), with(&server, &reads)));
    }
    let mut all_read = with(&server, &token(&server, "sees", "*:read"));
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(scope) = operation["x-scope"].as_str() else {
                continue;
            };
            let (area, right) = scope.split_once(':').unwrap();
            let (_, others, reads) = readers
                .iter_mut()
                .find(|(known, ..)| *known == area)
                .unwrap();
            let path = path.replace(['{', '}'], "");
            let method = method.to_uppercase();
            let body = json!({});
            let body = operation.get("requestBody").map(|_| &body);
            let (status, title) = refused(&ask(others, &method, &path, body));
            assert_eq!(
                (status, title),
                (403, format!("The token has no scope {scope}")),
                "{method} {path}"
            );
            if right == "write" {
                for reader in [&mut *reads, &mut all_read] {
                    assert_eq!(
                        refused(&ask(reader, &method, &path, body)).0,
                        403,
                        "{method} {path}"
                    );
                }
            }
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
    // Nothing of it was done.
    assert_eq!(
        server.json(&["audit", "--who", "token sees"])["items"],
        json!([])
    );
    for scope in [
        "",
        "queue",
        "queue:*",
        "Queue:read",
        "*:write",
        "tokens:write",
    ] {
        let made = server.run(&["token", "add", "x", "--scope", scope], "");
        assert_eq!(made.status.code(), Some(64), "{scope}");
    }
    let me = must(&mut all_read, "GET", "/me", None);
    assert_eq!(
        (me["name"].as_str(), &me["scopes"]),
        (Some("sees"), &json!(["*:read"]))
    );
}

#[test]
fn what_is_changed_is_written_down_and_no_secret_with_it() {
    let server = start();
    let all = token(&server, "console", "*");
    let mut http = with(&server, &all);
    let new = json!({ "address": "carol@waxwing.test", "password": "pa55-of-carol", "quota": { "bytes": 1000 } });
    must(&mut http, "POST", "/accounts", Some(&new));
    assert_eq!(
        refused(&ask(&mut http, "POST", "/accounts", Some(&new))).0,
        409
    );
    let path = "/accounts/carol@waxwing.test";
    must(
        &mut http,
        "PUT",
        &format!("{path}/password"),
        Some(&json!({ "password": "0ther-of-carol" })),
    );
    let made = must(
        &mut http,
        "POST",
        &format!("{path}/app-passwords"),
        Some(&json!({ "name": "phone", "scopes": ["imap"] })),
    );
    let secret = made["secret"].as_str().unwrap();
    assert!(
        waxwing_tests::client::Imap::login(server.address("imap"), "carol@waxwing.test", secret)
            .is_ok()
    );
    must(&mut http, "DELETE", path, None);
    let _named = server.cli(&["domain", "add", "other.test"]);

    let log = must(&mut http, "GET", "/audit?limit=100", None);
    let rows = log["items"].as_array().unwrap();
    let did: Vec<_> = rows
        .iter()
        .filter(|row| row["who"] == "token console")
        .map(|row| {
            (
                row["action"].as_str().unwrap(),
                row["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        did,
        [
            ("account-remove", "done"),
            ("credential-add", "done"),
            ("account-password", "done"),
            ("account-add", "failed: already exists: carol@waxwing.test"),
            ("account-add", "done"),
        ]
    );
    let own = rows
        .iter()
        .find(|row| row["action"] == "domain-add" && row["subject"] == "other.test")
        .unwrap();
    assert_eq!(
        (own["origin"].as_str(), own["outcome"].as_str()),
        (Some("socket"), Some("done"))
    );
    let first = rows
        .iter()
        .find(|row| row["action"] == "account-remove")
        .unwrap();
    assert_eq!(first["origin"], "127.0.0.1");
    let text = log.to_string();
    for hidden in [
        "pa55-of-carol",
        "0ther-of-carol",
        secret,
        &all,
        "waxwing-demo",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
        assert!(!server.log().contains(hidden), "{hidden}");
    }
    // By pages, in the same order.
    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let page = must(&mut http, "GET", &format!("/audit?limit=2{before}"), None);
        paged.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(&paged, rows);
    let printed = server.cli(&["audit", "--subject", "carol@waxwing.test"]);
    assert!(
        printed.contains("token console") && printed.contains("already exists"),
        "{printed}"
    );
}

#[test]
fn the_console_is_served_beside_it() {
    let server = start();
    let mut http = Http::open(server.address("web")).unwrap();
    let page = http.get("/admin").unwrap();
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8")),
        "{page:?}"
    );
    assert_eq!(http.get("/admin/").unwrap().body, page.body);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"));
    assert!(
        !policy.contains("unsafe") && !policy.contains("data:"),
        "{policy}"
    );
    assert!(page.header("set-cookie").is_none());
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let named: Vec<&str> = text
        .split('"')
        .filter(|part| part.starts_with("/admin/assets/"))
        .collect();
    assert!(named.iter().any(|path| path.ends_with(".js")), "{named:?}");
    for path in named {
        let asset = http.get(path).unwrap();
        assert!(
            asset.status == 200 && asset.header("cache-control").unwrap().contains("immutable"),
            "{path}"
        );
    }
    for path in [
        "/admin/nothing",
        "/admin/../mail/",
        "/admin/headers.json",
        "/admin/assets/",
    ] {
        assert_eq!(http.get(path).unwrap().status, 404, "{path}");
    }
    // What is asked of the API is refused as such, and no page.
    assert_eq!(refused(&http.get("/admin/api/v1/nothing").unwrap()).0, 401);
    let mut clear = Http::open(server.address("clear")).unwrap();
    let page = clear.get("/admin").unwrap();
    assert!([307, 403].contains(&page.status), "{page:?}");
}

#[test]
fn pages_of_others_make_a_browser_do_nothing() {
    let server = start();
    let all = token(&server, "all", "*");
    let mut http = Http::open(server.address("web")).unwrap();
    // The cookie of a login to the webmail, and one that somebody calls so.
    http.field("X-Waxwing", "1");
    http.field("Sec-Fetch-Site", "same-origin");
    let typed =
        json!({ "username": ALICE, "password": waxwing_tests::setup::PASSWORD, "code": "" });
    let page = http
        .post(
            "/account/login",
            "application/json",
            typed.to_string().as_bytes(),
        )
        .unwrap();
    let cookie = page.header("set-cookie").unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap();
    let domain = json!({ "domain": "other.test" });
    for cookie in [
        cookie.to_owned(),
        format!("token={all}"),
        format!("Authorization=Bearer {all}"),
    ] {
        http.field("Cookie", &cookie);
        let page = ask(&mut http, "POST", "/domains", Some(&domain));
        assert_eq!(refused(&page).0, 401, "{cookie}");
    }
    http.field("Cookie", "");
    // What a form of another site can send says neither that it is JSON nor whose it is.
    http.field("Origin", "https://elsewhere.example");
    http.field("Sec-Fetch-Site", "cross-site");
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let page = http
            .post(
                &format!("{ROOT}/domains"),
                kind,
                domain.to_string().as_bytes(),
            )
            .unwrap();
        assert_eq!(refused(&page).0, 401, "{kind}");
    }
    // Whoever wants to send the field from there must ask first, and is not let.
    http.field("Access-Control-Request-Method", "POST");
    http.field("Access-Control-Request-Headers", "authorization");
    let page = http
        .request("OPTIONS", &format!("{ROOT}/domains"), None, b"")
        .unwrap();
    assert!(page.status >= 400, "{page:?}");
    assert!(
        !page
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("access-control-")),
        "{page:?}"
    );
    let listed = server.cli(&["domain", "list"]);
    assert!(!listed.contains("other.test"), "{listed}");
    assert!(!server.log().contains(&all));
}

#[test]
fn requests_that_are_none() {
    let server = start();
    let mut http = with(&server, &token(&server, "all", "*"));
    let mut post = |path: &str, kind, body: &str| {
        let page = http
            .request("POST", &format!("{ROOT}{path}"), kind, body.as_bytes())
            .unwrap();
        refused(&page).0
    };
    let json = Some("application/json");
    assert_eq!(
        post("/domains", Some("text/plain"), "{\"domain\":\"x.test\"}"),
        415
    );
    assert_eq!(
        post(
            "/domains",
            Some("application/x-www-form-urlencoded"),
            "domain=x.test"
        ),
        415
    );
    assert_eq!(post("/domains", json, "{"), 400);
    assert_eq!(
        post("/domains", json, "{\"domain\":\"x.test\",\"more\":1}"),
        400
    );
    assert_eq!(post("/domains", json, "{\"domain\":\"not a domain\"}"), 422);
    assert_eq!(
        post("/accounts", json, "{\"address\":\"a@nowhere.test\"}"),
        404
    );
    assert_eq!(
        post(
            "/queue/actions",
            json,
            "{\"action\":\"remove\",\"which\":\"some\"}"
        ),
        400
    );
    let reason = format!("{{\"reason\":\"{}\"}}", "x".repeat(2000));
    assert_eq!(post("/plugins/rollback", json, &reason), 400);
    assert_eq!(
        post("/plugins/rollback", json, "{\"reason\":\"a\\nb\"}"),
        400
    );
    assert_eq!(post("/nothing", json, "{}"), 404);
    assert_eq!(post("/status", json, "{}"), 405);
    let mut get = |path: &str| refused(&ask(&mut http, "GET", path, None));
    assert_eq!(get("/queue?sendr=x").0, 400);
    assert_eq!(get("/queue?sender=a&destination=b").0, 400);
    assert_eq!(get("/queue?limit=0").0, 400);
    assert_eq!(get("/queue?limit=501").0, 400);
    assert_eq!(get("/queue?held=maybe").0, 400);
    assert_eq!(get("/queue?limit=1&limit=2").0, 400);
    assert_eq!(get("/accounts?search=%ff").0, 400);
    assert_eq!(get("/audit?before=x").0, 422);
    assert_eq!(get("/trace/nothing").0, 404);
    assert_eq!(get("/domains/elsewhere.example/check").0, 404);
    assert_eq!(get("/domains/elsewhere.example/records").0, 404);
    assert_eq!(get("/queue/nothing").0, 404);
    assert_eq!(get("/plugins/comparison?step=nothing").0, 422);
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
    let page = http
        .request(
            "POST",
            &format!("{ROOT}/rules/x/check"),
            json,
            large.as_bytes(),
        )
        .unwrap();
    assert_eq!(refused(&page).0, 413);
}

#[test]
fn the_figures_come_as_they_happen() {
    let server = start();
    let mut http = with(&server, &token(&server, "plots", "flow:read"));
    let mut live = with(&server, &token(&server, "live", "flow:read"));
    let page = live.stream(&format!("{ROOT}/flow/live")).unwrap();
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/event-stream"))
    );
    server
        .smtp()
        .send(
            "sender@example.net",
            &[ALICE],
            b"Subject: x\r\n\r\ntext\r\n",
        )
        .unwrap();
    let (sample, _) = until("a message is told of", PATIENCE, || {
        let chunk = String::from_utf8(live.chunk().unwrap()).unwrap();
        chunk.contains("\"group\":\"accepted\"").then_some(chunk)
    });
    let data = sample
        .strip_prefix("event: sample\ndata: ")
        .unwrap()
        .trim_end();
    let data: Value = serde_json::from_str(data).unwrap();
    let values = data["values"].as_array().unwrap();
    let amount = |group: &str, name: &str| {
        values
            .iter()
            .find(|value| value["group"] == group && value["name"] == name)
            .map(|value| value["value"].as_f64().unwrap())
    };
    assert_eq!(amount("accepted", "smtp"), Some(1.0));
    assert_eq!(amount("delivered", "all"), Some(1.0));
    assert!(amount("plugin-calls", "recipients") > Some(0.0));
    let flow = must(&mut http, "GET", "/flow?minutes=3", None);
    let total: f64 = flow["series"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|series| series["group"] == "verdict")
        .flat_map(|series| series["values"].as_array().unwrap())
        .map(|value| value.as_f64().unwrap())
        .sum();
    assert_eq!((total, flow["minutes"].as_u64()), (1.0, Some(3)), "{flow}");
    // Who listens hears no more once the token is taken back.
    take_back(&server, "live");
    until("the stream ends", PATIENCE, || match live.chunk() {
        Ok(chunk) if chunk.is_empty() => Some(()),
        Ok(_) => None,
        Err(_) => Some(()),
    });
}
