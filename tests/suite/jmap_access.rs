//! JMAPACCESS (RFC 9698): who has logged in by IMAP is told where JMAP is exactly if he can log in there with the same; and what he finds
//! there has the same ids, in his own mailboxes and in those of others.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use waxwing_tests::client::{Http, Imap};
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup};

use crate::jmap::{ALICE, WEB};

const BOB: &str = "bob@waxwing.test";

/// What a login is told of JMAP: whether the capability is there, which the command bears out.
fn told(imap: &mut Imap) -> Option<String> {
    let capabilities = imap.command("CAPABILITY").unwrap().ok().unwrap().text();
    let offered = capabilities.contains(" JMAPACCESS");
    let reply = imap.command("GETJMAPACCESS").unwrap();
    if !offered {
        assert!(reply.tagged.starts_with("BAD"), "{reply:?}");
        return None;
    }
    let text = reply.ok().unwrap().text();
    let url = text.trim().strip_prefix("* JMAPACCESS \"").unwrap();
    Some(url.strip_suffix('"').unwrap().to_owned())
}

fn url(server: &Server) -> String {
    let port = server.address("secure").port();
    format!("https://mx.waxwing.example:{port}/.well-known/jmap")
}

/// A secret that the server makes.
fn made(server: &Server, words: &[&str]) -> String {
    server.cli(words).trim().to_owned()
}

fn session(server: &Server, said: &str) -> (Http, Value) {
    let mut http = Http::open_tls(server.address("secure")).unwrap();
    http.authorize(Some(said.to_owned()));
    let page = http.get("/.well-known/jmap").unwrap();
    let told = match page.status {
        200 => page.json(),
        _ => Value::Null,
    };
    (http, told)
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{ALICE}:{password}")))
}

#[test]
fn who_can_log_in_there_is_told_where_it_is() {
    let server = Setup::new().settings(WEB).start();
    let login = |password: &str| Imap::login(server.address("imap"), ALICE, password).unwrap();
    let scoped = |scopes: &[&str]| {
        let mut words = vec!["account", "app-password", "add", ALICE];
        words.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
        made(&server, &words)
    };
    let both = scoped(&["imap", "jmap"]);
    let mail = scoped(&["imap"]);
    for (password, there) in [
        (PASSWORD, true),
        (both.as_str(), true),
        (mail.as_str(), false),
    ] {
        let known = there.then(|| url(&server));
        assert_eq!(told(&mut login(password)), known);
        assert_eq!(session(&server, &basic(password)).1.is_object(), there);
    }
    // Before a login nobody is told.
    let mut imap = Imap::open(server.address("imap")).unwrap();
    let before = imap.command("CAPABILITY").unwrap().text();
    assert!(!before.contains("JMAPACCESS"), "{before}");
    let token = |scopes: &[&str]| {
        let mut words = vec!["account", "token", "add", ALICE];
        words.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
        made(&server, &words)
    };
    for (scopes, there) in [(&["imap", "jmap"][..], true), (&["imap"][..], false)] {
        let token = token(scopes);
        let said = STANDARD.encode(format!("n,a={ALICE},\x01auth=Bearer {token}\x01\x01"));
        let mut imap = Imap::open(server.address("imap")).unwrap();
        let authenticate = format!("AUTHENTICATE OAUTHBEARER {said}");
        imap.command(&authenticate).unwrap().ok().unwrap();
        assert_eq!(told(&mut imap), there.then(|| url(&server)));
        let bearer = format!("Bearer {token}");
        assert_eq!(session(&server, &bearer).1.is_object(), there);
    }
}

#[test]
fn where_there_is_no_such_listener_nothing_is_told() {
    let clear = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n";
    let server = Setup::new().settings(clear).start();
    assert_eq!(told(&mut server.imap(ALICE)), None);
}

/// What stands in parentheses behind a word.
fn behind<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("{word} ("))?;
    rest.split(')').next()
}

#[test]
fn ids_are_the_same_in_own_mailboxes_and_in_those_of_others() {
    let server = Setup::new().settings(WEB).start();
    let (mut alice, mut bob) = (server.imap(ALICE), server.imap(BOB));
    for command in ["CREATE Work", "CREATE Hidden", "SETACL Work alice lr"] {
        bob.command(command).unwrap().ok().unwrap();
    }
    for (own, mailbox, id) in [
        (true, "INBOX", 1),
        (true, "Archive", 2),
        (false, "Work", 3),
        (false, "Hidden", 4),
    ] {
        let text = format!(
            "Subject: {id}\r\nMessage-ID: <{id}@example.org>\r\nReferences: <t@example.org>\r\n\r\n{id}\r\n"
        );
        let imap = if own { &mut alice } else { &mut bob };
        let appended = imap.append(mailbox, "", text.as_bytes());
        appended.unwrap().ok().unwrap();
    }
    let (mut http, told) = session(&server, &basic(PASSWORD));
    let accounts = told["accounts"].as_object().unwrap();
    assert_eq!(accounts.len(), 2);
    for (account, access) in accounts {
        let own = access["isPersonal"] == true;
        let mut call = |method: &str, arguments: Value| {
            let mut arguments = arguments;
            arguments["accountId"] = json!(account);
            let using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"];
            let request = json!({ "using": using, "methodCalls": [[method, arguments, "c"]] });
            let body = request.to_string();
            let page = http.post("/jmap", "application/json", body.as_bytes());
            page.unwrap().json()["methodResponses"][0][1]["list"].clone()
        };
        let mailboxes = call("Mailbox/get", json!({}));
        let mut seen = BTreeSet::new();
        for mailbox in mailboxes.as_array().unwrap() {
            let name = mailbox["name"].as_str().unwrap();
            let path = match own {
                true => name.to_owned(),
                false => format!("Other users/{BOB}/{name}"),
            };
            let status = format!("STATUS \"{path}\" (MAILBOXID)");
            let status = alice.command(&status).unwrap().ok().unwrap().text();
            assert_eq!(
                behind(&status, "MAILBOXID"),
                mailbox["id"].as_str(),
                "{path}"
            );
            if alice.select(&path).unwrap() == 0 {
                continue;
            }
            let fetched = alice.command("FETCH 1:* (EMAILID THREADID)").unwrap();
            for line in fetched.ok().unwrap().text().lines() {
                let id = behind(line, "EMAILID").unwrap().to_owned();
                let email = call("Email/get", json!({ "ids": [id] }))[0].clone();
                assert_eq!(
                    email["threadId"].as_str(),
                    behind(line, "THREADID"),
                    "{line}"
                );
                assert_eq!(email["mailboxIds"][mailbox["id"].as_str().unwrap()], true);
                seen.insert(id);
            }
        }
        let all = call("Email/get", json!({ "properties": ["id"] }));
        assert_eq!(all.as_array().unwrap().len(), seen.len());
        assert_eq!(seen.len(), if own { 2 } else { 1 });
    }
}
