//! Logging in at a browser: what a cookie opens and for whom, and what its owner does with what he is known by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use waxwing_tests::client::{Connection, Http, Imap, Page};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n\
                   [[listener]]\nname = \"secure\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
                   [[listener]]\nname = \"clear\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\n";
const ALICE: &str = "alice@waxwing.test";
const JSON: &str = "application/json";

fn start() -> Server {
    Setup::new().settings(WEB).start()
}

/// A browser that has a page of ours open.
struct Browser {
    http: Http,
    cookie: String,
}

impl Browser {
    fn open(server: &Server) -> Self {
        Self::over(Http::open(server.address("web")).unwrap())
    }

    fn over(mut http: Http) -> Self {
        http.field("X-Waxwing", "1");
        http.field("Sec-Fetch-Site", "same-origin");
        http.field("User-Agent", "Test/1");
        Self {
            http,
            cookie: String::new(),
        }
    }

    fn logged_in(server: &Server) -> Self {
        let mut browser = Self::open(server);
        assert_eq!(browser.log_in(PASSWORD, "").status, 200);
        browser
    }

    fn log_in(&mut self, password: &str, code: &str) -> Page {
        let typed = json!({"username": ALICE, "password": password, "code": code});
        self.post("/account/login", &typed)
    }

    fn get(&mut self, path: &str) -> Page {
        self.http.get(path).unwrap()
    }

    fn post(&mut self, path: &str, object: &Value) -> Page {
        let page = self.http.post(path, JSON, object.to_string().as_bytes());
        self.keep(page.unwrap())
    }

    fn delete(&mut self, path: &str) -> Page {
        self.http.request("DELETE", path, None, b"").unwrap()
    }

    /// As a browser does with a cookie.
    fn keep(&mut self, page: Page) -> Page {
        if let Some(set) = page.header("set-cookie") {
            self.cookie = set.split(';').next().unwrap().to_owned();
            let empty = self.cookie.ends_with('=');
            self.http
                .field("Cookie", if empty { "" } else { &self.cookie });
        }
        page
    }

    fn session(&mut self) -> u16 {
        self.get("/.well-known/jmap").status
    }
}

fn kind(page: &Page) -> (u16, String) {
    assert_eq!(
        page.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let object = page.json();
    let kind = object["type"].as_str().unwrap();
    let name = kind.strip_prefix("urn:waxwing:error:").unwrap_or(kind);
    (page.status, name.to_owned())
}

fn refused(name: &str) -> (u16, String) {
    (403, name.to_owned())
}

#[test]
fn a_password_once_and_a_cookie_from_then_on() {
    let mut server = start();
    let mut browser = Browser::open(&server);
    assert_eq!(
        browser.get("/account/login").json(),
        json!({"username": null})
    );
    let page = browser.get("/.well-known/jmap");
    assert_eq!(page.status, 401);
    // No browser asks for a password by itself then.
    assert_eq!(
        page.header("www-authenticate"),
        Some("Cookie realm=\"Waxwing\"")
    );
    assert_eq!(kind(&browser.log_in("guess", "")), refused("wrongPassword"));
    let nobody = json!({"username": "nobody@waxwing.test", "password": PASSWORD});
    let page = browser.post("/account/login", &nobody);
    assert_eq!(kind(&page), refused("wrongPassword"));
    assert!(page.header("set-cookie").is_none());

    let page = browser.log_in(PASSWORD, "");
    assert_eq!(page.json(), json!({"username": ALICE}));
    let set = page.header("set-cookie").unwrap();
    let (secret, attributes) = set.split_once("; ").unwrap();
    assert_eq!(secret.strip_prefix("waxwing=").unwrap().len(), 64);
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
    assert_eq!(
        browser.get("/account/login").json(),
        json!({"username": ALICE})
    );
    assert_eq!(browser.session(), 200);
    let calls =
        json!({"using": ["urn:ietf:params:jmap:core"], "methodCalls": [["Core/echo", {}, "x"]]});
    assert_eq!(browser.post("/jmap", &calls).status, 200);
    // Only a hash of it is kept, and it is as good after a restart.
    assert_eq!(server.stop().code(), Some(0));
    let secret = browser.cookie.strip_prefix("waxwing=").unwrap();
    let database = std::fs::read(server.data().join("waxwing.db")).unwrap();
    assert!(!database.windows(64).any(|found| found == secret.as_bytes()));
    server.start();
    let cookie = browser.cookie.clone();
    let mut browser = Browser::open(&server);
    browser.http.field("Cookie", &cookie);
    assert_eq!(browser.session(), 200);

    assert_eq!(browser.post("/account/logout", &json!({})).status, 204);
    assert_eq!(browser.cookie, "waxwing=");
    browser.http.field("Cookie", &cookie);
    assert_eq!(browser.session(), 401);
    assert!(!server.log().contains(PASSWORD));
}

#[test]
fn under_tls_the_cookie_is_bound_to_the_host() {
    let server = start();
    let mut browser = Browser::over(Http::open_tls(server.address("secure")).unwrap());
    let page = browser.log_in(PASSWORD, "");
    let set = page.header("set-cookie").unwrap();
    let (secret, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Strict");
    assert_eq!(browser.session(), 200);
    // By the name without the prefix, which others could have set, it opens nothing.
    let secret = secret.strip_prefix("__Host-waxwing=").unwrap();
    browser.http.field("Cookie", &format!("waxwing={secret}"));
    assert_eq!(browser.session(), 401);
    let mut clear = Browser::over(Http::open(server.address("clear")).unwrap());
    assert_eq!(clear.log_in(PASSWORD, "").status, 403);
    assert!(clear.cookie.is_empty());
}

#[test]
fn a_browser_remembers_where_that_is_set() {
    let lifetimes = "[webmail]\nlogin-idle = \"1h\"\nlogin-longest = \"2d\"\nremember = true\n";
    let server = Setup::new().settings(&format!("{lifetimes}{WEB}")).start();
    let mut browser = Browser::open(&server);
    let page = browser.log_in(PASSWORD, "");
    let set = page.header("set-cookie").unwrap();
    assert!(set.ends_with("; SameSite=Strict; Max-Age=172800"), "{set}");
    assert_eq!(browser.session(), 200);
}

#[test]
fn only_our_own_pages_may_use_it() {
    let server = start();
    let mut browser = Browser::logged_in(&server);
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "none"),
        ("Origin", "https://evil.example"),
        ("Origin", "https://mail.waxwing.test"),
        ("Origin", "null"),
    ] {
        browser.http.field(name, value);
        assert_eq!(browser.session(), 403, "{name}: {value}");
        let mut page = browser.post("/account/logout", &json!({}));
        assert_eq!(kind(&page), refused("otherPage"), "{name}: {value}");
        page = browser.log_in(PASSWORD, "");
        assert_eq!(kind(&page), refused("otherPage"), "{name}: {value}");
        browser.http.field("Origin", "");
        browser.http.field("Sec-Fetch-Site", "same-origin");
    }
    browser.http.field("Origin", "http://mail.waxwing.test");
    assert_eq!(browser.session(), 200);
    browser.http.field("Origin", "");
    // A link in a mail to what is attached to it, and a form.
    browser.http.field("X-Waxwing", "");
    for path in ["/jmap/download/1/B1/x?accept=text/html", "/account/logins"] {
        assert_eq!(browser.get(path).status, 403, "{path}");
    }
    let body = b"{\"x\":\"=\"}";
    let page = browser
        .http
        .post("/account/logout", "text/plain", body)
        .unwrap();
    assert_eq!(page.status, 403);
    browser.http.field("X-Waxwing", "1");
    assert_eq!(browser.session(), 200);
    // A name that somebody else made to lead here.
    browser.http.field("Host", "evil.example:80");
    assert_eq!(browser.session(), 421);
    assert_eq!(browser.log_in(PASSWORD, "").status, 421);
    for host in ["localhost:2080", "[::1]:2080", "127.0.0.1", "waxwing.test"] {
        browser.http.field("Host", host);
        assert_eq!(browser.session(), 200, "{host}");
    }
}

#[test]
fn each_login_has_a_secret_of_its_own() {
    let server = start();
    let planted = Browser::logged_in(&server).cookie;
    let mut browser = Browser::open(&server);
    browser.http.field("Cookie", &planted);
    assert_eq!(browser.log_in(PASSWORD, "").status, 200);
    assert_ne!(browser.cookie, planted);
    assert_eq!(browser.session(), 200);
    // What was there before is nobody's.
    let mut thief = Browser::open(&server);
    thief.http.field("Cookie", &planted);
    assert_eq!(thief.session(), 401);
    // Two of them, and nobody knows which is meant.
    let both = format!("{planted}; {}", browser.cookie);
    browser.http.field("Cookie", &both);
    assert_eq!(browser.session(), 401);
    for none in ["waxwing=", "waxwing=x", "waxwing=%00"] {
        browser.http.field("Cookie", none);
        assert_eq!(browser.session(), 401, "{none}");
    }
}

#[test]
fn logins_are_seen_and_ended() {
    let server = start();
    let mut here = Browser::logged_in(&server);
    let mut there = Browser::logged_in(&server);
    let mut bob = Browser::open(&server);
    let typed = json!({"username": "bob@waxwing.test", "password": PASSWORD});
    assert_eq!(bob.post("/account/login", &typed).status, 200);
    let list = here.get("/account/logins").json()["logins"].clone();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[0]["current"], true);
    assert_eq!(list[1]["current"], false);
    assert_eq!(list[1]["client"], "127.0.0.1");
    assert_eq!(list[1]["agent"], "Test/1");
    assert!(list[0].get("hash").is_none() && !list.to_string().contains("waxwing="));

    // Events that go on there.
    let request = format!(
        "GET /jmap/events?types=*&closeafter=no&ping=300 HTTP/1.1\r\nHost: waxwing.test\r\nX-Waxwing: 1\r\nCookie: {}\r\n\r\n",
        there.cookie
    );
    let mut events = Connection::open(server.address("web")).unwrap();
    events.send(request.as_bytes()).unwrap();
    assert_eq!(events.line().unwrap().unwrap(), b"HTTP/1.1 200 OK");

    let other = format!("/account/logins/{}", list[1]["id"].as_str().unwrap());
    assert_eq!(bob.delete(&other).status, 404);
    assert_eq!(there.session(), 200);
    assert_eq!(here.delete(&other).status, 204);
    while events.line().unwrap_or(None).is_some() {}
    let mut there = Browser {
        http: Browser::open(&server).http,
        cookie: there.cookie.clone(),
    };
    there.http.field("Cookie", &there.cookie.clone());
    assert_eq!(there.session(), 401);
    assert_eq!(here.delete(&other).status, 404);

    let mut third = Browser::logged_in(&server);
    assert_eq!(here.delete("/account/logins").status, 204);
    assert!(
        third
            .http
            .get("/.well-known/jmap")
            .map_or(true, |page| page.status == 401)
    );
    assert_eq!((here.session(), bob.session()), (200, 200));
    // Not by another way of logging in.
    let mut basic = Http::open(server.address("web")).unwrap();
    let pair = STANDARD.encode(format!("{ALICE}:{PASSWORD}"));
    basic.authorize(Some(format!("Basic {pair}")));
    basic.field("X-Waxwing", "1");
    assert_eq!(basic.get("/account/logins").unwrap().status, 401);
}

/// RFC 6238 over a secret in base 32, now.
fn code(secret: &str) -> String {
    let mut bits = 0_u64;
    let mut held = 0;
    let mut key = Vec::new();
    for letter in secret.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            _ => letter - b'2' + 26,
        };
        bits = bits << 5 | u64::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            key.push((bits >> held) as u8);
        }
    }
    let step = jiff::Timestamp::now().as_second() / 30;
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 0xf);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[test]
fn a_code_is_asked_for_where_one_is_wanted() {
    let server = start();
    let mut browser = Browser::logged_in(&server);
    let overview = json!({"username": ALICE, "password": true, "totp": false, "recoveryCodes": 0});
    assert_eq!(browser.get("/account").json(), overview);
    let proposed = browser.post("/account/totp/secret", &json!({})).json();
    let secret = proposed["secret"].as_str().unwrap().to_owned();
    assert!(
        proposed["uri"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/Waxwing:alice")
    );
    assert!(proposed["qr"].as_str().unwrap().starts_with("<svg "));
    let wish = |password: &str, confirmation: &str| json!({"password": password, "secret": secret, "confirmation": confirmation});
    let mut on = |wish: &Value| browser.post("/account/totp/on", wish);
    assert_eq!(
        kind(&on(&wish("guess", &code(&secret)))),
        refused("wrongPassword")
    );
    assert_eq!(kind(&on(&wish(PASSWORD, "000000"))), refused("wrongCode"));
    let short = json!({"password": PASSWORD, "secret": "AAAA", "confirmation": "000000"});
    assert_eq!(on(&short).status, 400);
    let page = on(&wish(PASSWORD, &code(&secret)));
    assert_eq!(page.json()["recoveryCodes"].as_array().unwrap().len(), 10);
    assert_eq!(browser.get("/account").json()["totp"], true);
    // Who was logged in stays so.
    assert_eq!(browser.session(), 200);

    let mut next = Browser::open(&server);
    assert_eq!(kind(&next.log_in(PASSWORD, "")), refused("codeRequired"));
    assert_eq!(kind(&next.log_in("guess", "")), refused("wrongPassword"));
    assert_eq!(
        kind(&next.log_in(PASSWORD, "000000")),
        refused("wrongPassword")
    );
    assert!(next.cookie.is_empty());
    // In other protocols nobody is told that only the code was missing.
    let basic = |password: &str| {
        let mut http = Http::open(server.address("web")).unwrap();
        let pair = STANDARD.encode(format!("{ALICE}:{password}"));
        http.authorize(Some(format!("Basic {pair}")));
        http.get("/.well-known/jmap").unwrap()
    };
    let (lacking, wrong) = (basic(PASSWORD), basic("guess"));
    assert_eq!((lacking.status, &lacking.body), (401, &wrong.body));
    // The code that was the confirmation is used up; one of the next step is good, and any of a later one.
    let off = server.cli(&["account", "totp", "disable", ALICE]);
    assert_eq!(off.trim(), "");
    let uri = server.cli(&["account", "totp", "enable", ALICE]);
    let secret = uri
        .split("secret=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let now = code(secret);
    let page = next.log_in(PASSWORD, &format!("{} {}", &now[..3], &now[3..]));
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(
        kind(&Browser::open(&server).log_in(PASSWORD, &now)),
        refused("wrongPassword")
    );
    let page = next.post("/account/totp/off", &json!({"password": PASSWORD}));
    assert_eq!(kind(&page), refused("codeRequired"));
}

#[test]
fn recovery_codes_stand_in_for_an_authenticator() {
    let server = start();
    let mut browser = Browser::logged_in(&server);
    let path = "/account/totp/recovery";
    let asked = json!({"password": PASSWORD});
    assert_eq!(browser.post(path, &asked).status, 400, "no code is wanted");
    let said = server.cli(&["account", "totp", "enable", ALICE]);
    let codes: Vec<&str> = said.lines().skip(1).collect();
    assert_eq!(codes.len(), 10, "{said}");
    assert!(codes.iter().all(|code| code.len() == 19), "{said}");

    let mut next = Browser::open(&server);
    assert_eq!(
        kind(&next.log_in("guess", codes[0])),
        refused("wrongPassword")
    );
    let made_up = next.log_in(PASSWORD, "abcd-efgh-jkmn-pqrs");
    assert_eq!(kind(&made_up), refused("wrongPassword"));
    // However it is typed; and once.
    let typed = codes[0].replace('-', " ").to_uppercase();
    assert_eq!(next.log_in(PASSWORD, &typed).status, 200);
    assert_eq!(next.get("/account").json()["recoveryCodes"], 9);
    let again = Browser::open(&server).log_in(PASSWORD, codes[0]);
    assert_eq!(kind(&again), refused("wrongPassword"));
    // Behind the password in other protocols, too.
    let behind = format!("{PASSWORD}{}", codes[1]);
    Imap::login(server.address("imap"), ALICE, &behind).unwrap();
    assert!(Imap::login(server.address("imap"), ALICE, &behind).is_err());

    // New ones are for who shows that he is the owner.
    assert_eq!(kind(&next.post(path, &asked)), refused("codeRequired"));
    let proved = json!({"password": PASSWORD, "code": codes[2]});
    let fresh = next.post(path, &proved).json()["recoveryCodes"].clone();
    assert_eq!(fresh.as_array().unwrap().len(), 10);
    let old = Browser::open(&server).log_in(PASSWORD, codes[3]);
    assert_eq!(kind(&old), refused("wrongPassword"));
    let made = server.cli(&["account", "totp", "recovery", ALICE]);
    let last = made.lines().next().unwrap();
    let replaced = fresh[0].as_str().unwrap();
    let old = Browser::open(&server).log_in(PASSWORD, replaced);
    assert_eq!(kind(&old), refused("wrongPassword"));
    let off = json!({"password": PASSWORD, "code": last});
    assert_eq!(next.post("/account/totp/off", &off).status, 204);
    assert_eq!(next.get("/account").json()["recoveryCodes"], 0);
    let log = server.log();
    assert!(codes.iter().all(|code| !log.contains(code)));
}

#[test]
fn passwords_for_programs() {
    let server = start();
    let mut browser = Browser::logged_in(&server);
    let new = |password: &str, scopes: Value| json!({"name": "telephone", "scopes": scopes, "password": password});
    let path = "/account/app-passwords";
    let both = json!(["imap", "jmap"]);
    assert_eq!(
        kind(&browser.post(path, &new("guess", both.clone()))),
        refused("wrongPassword")
    );
    assert_eq!(browser.post(path, &new(PASSWORD, json!([]))).status, 400);
    assert_eq!(
        browser.post(path, &new(PASSWORD, json!(["root"]))).status,
        400
    );
    let made = browser.post(path, &new(PASSWORD, both)).json();
    let secret = made["secret"].as_str().unwrap();
    let list = browser.get(path).json()["appPasswords"].clone();
    assert_eq!(
        (&list[0]["name"], &list[0]["id"]),
        (&json!("telephone"), &made["id"])
    );
    assert!(!list.to_string().contains(secret));
    Imap::login(server.address("imap"), ALICE, secret).unwrap();
    // It opens mail, and no settings.
    let mut program = Browser::open(&server);
    assert_eq!(kind(&program.log_in(secret, "")), refused("appPassword"));
    assert!(program.cookie.is_empty());
    assert_eq!(program.session(), 401);
    let page = browser.post(path, &new(secret, json!(["imap"])));
    assert_eq!(kind(&page), refused("appPassword"));

    let mut bob = Browser::open(&server);
    let typed = json!({"username": "bob@waxwing.test", "password": PASSWORD});
    assert_eq!(bob.post("/account/login", &typed).status, 200);
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(bob.delete(&one).status, 404);
    let mut browser = Browser::logged_in(&server);
    assert_eq!(browser.delete(&one).status, 204);
    assert_eq!(browser.delete(&one).status, 404);
    assert!(Imap::login(server.address("imap"), ALICE, secret).is_err());
}

#[test]
fn another_password_ends_the_other_logins() {
    let server = start();
    let mut browser = Browser::logged_in(&server);
    let mut other = Browser::logged_in(&server);
    let path = "/account/password";
    let wish = |password: &str, new: &str| json!({"password": password, "new": new});
    let wrong = browser.post(path, &wish("guess", "correct horse"));
    assert_eq!(kind(&wrong), refused("wrongPassword"));
    let short = browser.post(path, &wish(PASSWORD, "horse"));
    assert_eq!(kind(&short), (400, "weakPassword".to_owned()));
    assert_eq!(other.session(), 200);
    let before = browser.cookie.clone();
    let page = browser.post(path, &wish(PASSWORD, "correct horse"));
    assert_eq!(page.status, 200, "{page:?}");
    assert_ne!(browser.cookie, before);
    assert_eq!(browser.session(), 200);
    let gone = other.http.get("/.well-known/jmap");
    assert!(gone.map_or(true, |page| page.status == 401));
    let mut next = Browser::open(&server);
    assert_eq!(kind(&next.log_in(PASSWORD, "")), refused("wrongPassword"));
    assert_eq!(next.log_in("correct horse", "").status, 200);
    // By the administrator's command as well.
    let changed = server.run(
        &["account", "password", ALICE, "--password-stdin"],
        PASSWORD,
    );
    assert!(changed.status.success(), "{changed:?}");
    assert_eq!(next.session(), 401);
}

#[test]
fn what_is_no_request() {
    let server = start();
    let mut browser = Browser::logged_in(&server);
    let mut post = |path: &str, body: &[u8]| {
        let page = browser.http.post(path, JSON, body).unwrap();
        assert!(!String::from_utf8_lossy(&page.body).contains("secret1"));
        page.status
    };
    for body in [
        &b"{"[..],
        b"[]",
        b"{\"username\": 1, \"password\": \"secret1\"}",
        b"{\"username\": \"secret1\"}",
        b"\xff",
    ] {
        assert_eq!(post("/account/login", body), 400);
    }
    assert_eq!(post("/account/login", &vec![b' '; 17_000]), 400);
    assert_eq!(post("/account", b"{}"), 405);
    assert_eq!(browser.delete("/account/logins/x").status, 400);
}
