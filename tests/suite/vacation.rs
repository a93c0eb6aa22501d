//! Somebody is away: what they set over JMAP is answered to who writes to them, once, and to nobody who is not to be answered.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use waxwing_tests::client::{Events, Http};
use waxwing_tests::database::Database;
use waxwing_tests::live::replace;
use waxwing_tests::peer::{Act, Peer, Taken};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n";
const ALICE: &str = "alice@waxwing.test";
const BOB: &str = "bob@waxwing.test";
const CAROL: &str = "carol@remote.example";
const USING: [&str; 2] = [
    "urn:ietf:params:jmap:core",
    "urn:ietf:params:jmap:vacationresponse",
];

/// A server whose answers go to a peer, with these settings of the step.
fn away(route: &Peer, settings: &str) -> Server {
    let policy = format!(
        "[[step]]\nplugin = \"login\"\ngrants = [\"credentials\", \"kv\"]\nlimits = {{ deadline-ms = 15000 }}\n\
         settings = {{ trust = [\"127.0.0.0/8\"] }}\n\
         [[step]]\nplugin = \"recipients\"\ngrants = [\"directory\", \"relay\"]\n\
         [[step]]\nplugin = \"autoresponder\"\ngrants = [\"message\", \"actions\", \"directory\", \"vacation\"]\n\
         on-error = \"skip\"\nsettings = {{ {settings} }}\n\
         [[step]]\nplugin = \"filing\"\ngrants = [\"message\", \"actions\", \"directory\"]\n\
         [[step]]\nplugin = \"outbound\"\n[step.settings]\nretry-after-seconds = [1]\n\
         routes.\"*\" = {{ hosts = [{{ host = \"127.0.0.1\", port = {} }}] }}\n",
        route.address().port()
    );
    Setup::new()
        .policy(Policy::Text(policy))
        .settings(WEB)
        .start()
}

struct Jmap {
    http: Http,
    account: String,
}

impl Jmap {
    fn of(server: &Server, user: &str) -> Self {
        let mut http = Http::open(server.address("web")).unwrap();
        let said = STANDARD.encode(format!("{user}:{PASSWORD}"));
        http.authorize(Some(format!("Basic {said}")));
        let session = http.get("/.well-known/jmap").unwrap().json();
        assert!(session["capabilities"].get(USING[1]).is_some());
        let accounts = session["accounts"].as_object().unwrap();
        let (account, offered) = accounts.iter().next().unwrap();
        assert_eq!(offered["accountCapabilities"][USING[1]], json!({}));
        let account = account.clone();
        Self { http, account }
    }

    fn call(&mut self, method: &str, mut arguments: Value) -> Value {
        arguments["accountId"] = self.account.clone().into();
        let request = json!({ "using": USING, "methodCalls": [[method, arguments, "c"]] });
        let body = request.to_string();
        let page = self.http.post("/jmap", "application/json", body.as_bytes());
        let responses = page.unwrap().json()["methodResponses"].clone();
        assert_eq!(responses[0][0], method, "{responses:#}");
        responses[0][1].clone()
    }

    /// Changes what is answered.
    fn set(&mut self, patch: &Value) {
        let set = json!({ "update": { "singleton": patch } });
        let said = self.call("VacationResponse/set", set);
        assert_eq!(said["updated"], json!({ "singleton": null }), "{said:#}");
    }

    fn get(&mut self) -> Value {
        self.call("VacationResponse/get", json!({ "ids": null }))
    }
}

/// A letter with more fields.
fn letter(from: &str, subject: &str, fields: &str) -> String {
    format!(
        "From: Carol <{from}>\r\nTo: Alice <{ALICE}>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@remote.example>\r\n\
         {fields}\r\nhello\r\n"
    )
}

fn send(server: &Server, from: &str, to: &str, message: &str) {
    let mut smtp = server.smtp();
    let sent = smtp.send(from, &[to], message.as_bytes());
    sent.unwrap().class(2).unwrap();
}

/// Sends something that is answered, and waits for that: what was to be answered before has been by then.
fn marked(server: &Server, peer: &Peer, mark: &str) -> Vec<Taken> {
    let from = format!("{mark}@mark.example");
    send(server, &from, ALICE, &letter(&from, mark, ""));
    let wanted = format!("RCPT TO:<{from}>");
    let told = || {
        let taken = peer.taken();
        let there = taken
            .iter()
            .any(|one| one.rcpt.iter().any(|rcpt| rcpt.starts_with(&wanted)));
        there.then_some(taken)
    };
    until("the mark is answered", PATIENCE, told).0
}

fn usual() -> Peer {
    Peer::start(|_, _| Act::Usual)
}

/// To whom answers went, without marks.
fn told(taken: &[Taken]) -> Vec<&str> {
    let rcpt = taken.iter().flat_map(|one| &one.rcpt);
    rcpt.filter(|line| !line.contains("@mark.example"))
        .map(|line| line.split(['<', '>']).nth(1).unwrap())
        .collect()
}

#[test]
fn who_writes_is_told_once() {
    let peer = usual();
    let server = away(&peer, "");
    let mut alice = Jmap::of(&server, ALICE);
    let before = alice.get();
    assert_eq!(before["list"][0]["isEnabled"], false);
    send(&server, CAROL, ALICE, &letter(CAROL, "before", ""));
    alice.set(&json!({ "isEnabled": true, "subject": "Im Urlaub \u{2600}", "textBody": "Bin weg.\nGr\u{fc}\u{df}e" }));
    assert_ne!(alice.get()["state"], before["state"]);

    let references = "References: <1@remote.example>\r\n <2@remote.example>\r\n";
    send(&server, CAROL, ALICE, &letter(CAROL, "first", references));
    send(&server, CAROL, ALICE, &letter(CAROL, "second", ""));
    let taken = marked(&server, &peer, "m1");
    assert_eq!(told(&taken), [CAROL]);
    let answer = &taken[0];
    assert!(answer.mail.starts_with("MAIL FROM:<>"), "{answer:?}");
    let unfolded = answer.content.replace("\r\n ", " ");
    for line in [
        "From: alice@waxwing.test",
        "To: carol@remote.example",
        "Auto-Submitted: auto-replied",
        "In-Reply-To: <first@remote.example>",
        "References: <1@remote.example> <2@remote.example> <first@remote.example>",
        "Content-Type: text/plain; charset=utf-8",
        "Bin weg.",
        "Gr=C3=BC=C3=9Fe",
    ] {
        assert!(
            unfolded.lines().any(|known| known == line),
            "{line}: {unfolded}"
        );
    }
    assert!(
        unfolded.contains("Subject: Im Urlaub =?utf-8?"),
        "{unfolded}"
    );

    // Another answer is told those, too, who got the one before.
    alice.set(&json!({ "textBody": "Back on Monday." }));
    send(&server, CAROL, ALICE, &letter(CAROL, "third", ""));
    let taken = marked(&server, &peer, "m2");
    assert_eq!(told(&taken), [CAROL, CAROL]);
    alice.set(&json!({ "isEnabled": false }));
    let from = "dave@remote.example";
    send(&server, from, ALICE, &letter(from, "fourth", ""));
    alice.set(&json!({ "isEnabled": true }));
    assert_eq!(told(&marked(&server, &peer, "m3")), [CAROL, CAROL]);
    server.verify();
}

#[test]
fn nobody_else_is_answered() {
    let peer = usual();
    let server = away(&peer, "never = [\"*@shop.example\"]");
    Jmap::of(&server, ALICE).set(&json!({ "isEnabled": true }));
    let lists = [
        "List-Id: <rust.remote.example>\r\n",
        "Precedence: bulk\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "X-Auto-Response-Suppress: All\r\n",
    ];
    for (number, fields) in lists.into_iter().enumerate() {
        let from = format!("sender{number}@remote.example");
        send(&server, &from, ALICE, &letter(&from, "list", fields));
    }
    for from in [
        "",
        "MAILER-DAEMON@remote.example",
        "owner-rust@remote.example",
        "rust-request@remote.example",
        "news@shop.example",
    ] {
        send(&server, from, ALICE, &letter(CAROL, "machine", ""));
    }
    let elsewhere = letter(CAROL, "elsewhere", "").replace(ALICE, "team@remote.example");
    send(&server, CAROL, ALICE, &elsewhere);
    assert_eq!(told(&marked(&server, &peer, "m1")), [""; 0]);
    let figures = server.metrics();
    let sent = "waxwing_responses_total{outcome=\"sent\"} 1";
    assert!(figures.contains(sent), "{figures}");
}

#[test]
fn a_change_is_pushed() {
    let server = Setup::new().settings(WEB).start();
    let authorization = format!("Basic {}", STANDARD.encode(format!("{ALICE}:{PASSWORD}")));
    let fields = [("Authorization", authorization.as_str())];
    let target = "/jmap/events?types=VacationResponse,Identity&closeafter=no&ping=0";
    let mut events = Events::open(server.address("web"), target, &fields).unwrap();
    events.next_event().unwrap().unwrap();
    let mut alice = Jmap::of(&server, ALICE);
    alice.set(&json!({ "isEnabled": true }));
    let told: Value = serde_json::from_str(&events.named("state").unwrap().data).unwrap();
    let states = &told["changed"][&alice.account];
    assert_eq!(*states, json!({ "VacationResponse": alice.get()["state"] }));
}

#[test]
fn there_is_a_window() {
    let peer = usual();
    let server = away(&peer, "");
    let mut alice = Jmap::of(&server, ALICE);
    alice.set(&json!({ "isEnabled": true, "fromDate": "2999-01-01T00:00:00Z" }));
    send(&server, CAROL, ALICE, &letter(CAROL, "early", ""));
    alice.set(&json!({ "fromDate": null, "toDate": "2020-01-01T00:00:00Z" }));
    send(&server, CAROL, ALICE, &letter(CAROL, "late", ""));
    alice.set(&json!({ "fromDate": "2020-01-01T00:00:00Z", "toDate": "2999-01-01T00:00:00Z" }));
    let taken = marked(&server, &peer, "m1");
    assert_eq!(told(&taken), [""; 0]);
    // Nothing was set but when.
    let content = &taken[0].content;
    assert!(
        content.lines().any(|line| line == "Subject: Auto: m1"),
        "{content}"
    );
    assert!(content.contains("I am away"), "{content}");
}

#[test]
fn an_account_answers_only_so_often() {
    let peer = usual();
    let server = away(&peer, "most-a-day = 2");
    Jmap::of(&server, ALICE).set(&json!({ "isEnabled": true }));
    for number in 0..4 {
        let from = format!("sender{number}@remote.example");
        send(&server, &from, ALICE, &letter(&from, "many", ""));
    }
    let taken = peer.takes(2);
    let mut to = told(&taken);
    to.sort_unstable();
    assert_eq!(to, ["sender0@remote.example", "sender1@remote.example"]);
    let figures = server.metrics();
    let kept = "waxwing_responses_total{outcome=\"too many\"} 2";
    assert!(figures.contains(kept), "{figures}");
}

#[test]
fn two_who_are_away_do_not_answer_each_other() {
    let server = Setup::new().settings(WEB).start();
    for user in [ALICE, BOB] {
        Jmap::of(&server, user)
            .set(&json!({ "isEnabled": true, "textBody": format!("{user} is away") }));
    }
    let note = format!("From: Bob <{BOB}>\r\nTo: {ALICE}\r\nSubject: hello\r\n\r\nhello\r\n");
    send(&server, BOB, ALICE, &note);
    // The answer is in the mailbox of who wrote, before they have their reply.
    let mut imap = server.imap(BOB);
    assert_eq!(imap.select("INBOX").unwrap(), 1);
    let answer = imap.fetch("1").unwrap();
    let text = String::from_utf8_lossy(&answer[0].octets);
    assert!(text.starts_with("Return-Path: <>\r\n"), "{text}");
    assert!(text.contains("alice@waxwing.test is away"), "{text}");
    assert_eq!(server.imap(ALICE).select("INBOX").unwrap(), 1);
    server.verify();
}

fn killed(database: Database) {
    let mut server = Setup::new().database(database).settings(WEB).start();
    Jmap::of(&server, ALICE).set(&json!({ "isEnabled": true }));
    let note = format!("From: Bob <{BOB}>\r\nTo: {ALICE}\r\nSubject: hello\r\n\r\nhello\r\n");
    send(&server, BOB, ALICE, &note);
    assert_eq!(server.imap(BOB).select("INBOX").unwrap(), 1);
    server.kill();
    server.start();
    assert_eq!(Jmap::of(&server, ALICE).get()["list"][0]["isEnabled"], true);
    send(&server, BOB, ALICE, &note);
    assert_eq!(server.imap(ALICE).select("INBOX").unwrap(), 2);
    assert_eq!(
        server.imap(BOB).select("INBOX").unwrap(),
        1,
        "no second answer"
    );
    server.verify();
}

#[test]
fn nobody_is_spoken_for_by_others() {
    let peer = usual();
    let server = away(&peer, "");
    let step = |author: &str| {
        format!(
            "[[step]]\nplugin = \"fixture\"\nhooks = [\"deliver\"]\n\
             grants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]\non-error = \"skip\"\n\
             settings = {{ hooks = {{ deliver = \"readdress\" }}, add-recipient = {author:?}, marker = \"robot\" }}\n"
        )
    };
    let file = server.folder().join("policy.toml");
    let policy = std::fs::read_to_string(&file).unwrap();
    server.change(|| replace(&file, format!("{}{policy}", step(BOB))));
    let sent = server
        .smtp()
        .send(CAROL, &[ALICE], letter(CAROL, "first", "").as_bytes());
    let reply = sent.unwrap().class(2).unwrap();
    let id = reply.text.split_whitespace().last().unwrap().to_owned();
    let traced = server.cli(&["trace", &id]);
    let fault = "an answer from bob@waxwing.test, which is no address of alice@waxwing.test";
    assert!(traced.contains(fault), "{traced}");
    server.change(|| replace(&file, format!("{}{policy}", step(ALICE))));
    send(&server, CAROL, ALICE, &letter(CAROL, "second", ""));
    let taken = peer.takes(1);
    assert_eq!(told(&taken), [CAROL]);
    assert!(taken[0].content.contains("From: alice@waxwing.test"));
    assert!(
        taken[0]
            .content
            .contains("In-Reply-To: <second@remote.example>")
    );
}

#[test]
fn a_kill_forgets_nobody() {
    for database in Database::all() {
        killed(database);
    }
}
