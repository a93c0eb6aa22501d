//! What plugins learn from beyond the server, on a real one: a DNS and a web server on the loopback, and a plugin that tells what it was told.

use std::fs;
use std::time::{Duration, Instant};

use waxwing_tests::live::replace;
use waxwing_tests::names::Zones;
use waxwing_tests::pages::{Pages, page};
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Policy, Server, Setup};

const MESSAGE: &str = "From: Ann <ann@example.org>\r\nTo: alice@waxwing.test\r\nSubject: Offer\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbuy at https://shop.example/x or mailto:ann@example.org\r\n\
    --b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=\"a.zip\"\r\n\r\nPK\r\n--b--\r\n";

/// A step of the plugin that asks, before those that accept.
fn asking(members: &str, settings: &str) -> String {
    format!("[[step]]\nplugin = \"asking\"\n{members}\n[step.settings]\n{settings}\n{ACCEPTING}")
}

fn grants(more: &str) -> String {
    format!(
        "grants = [\"message\", \"actions\", \"kv\", \"auth-results\", \"dns\", \"dnsbl\", \"http\", \"passwords\"]\n{more}"
    )
}

/// The plugin imports all of them, so its step needs lists and servers, whether they are asked or not.
const SOMEBODY: &str =
    "dnsbl = { zones = [\"list.example\"] }\nhttp = { hosts = [\"api.example.org\"] }";

/// Sends a message; the code of the answer.
fn send(server: &Server) -> u16 {
    let to = ["alice@waxwing.test"];
    let answer = server
        .smtp()
        .send("bob@example.net", &to, MESSAGE.as_bytes());
    answer.unwrap().code
}

/// Sends a message and gives what the plugin wrote into it.
fn learnt(server: &Server) -> Vec<String> {
    assert_eq!(send(server), 250);
    let mut imap = server.imap("alice@waxwing.test");
    let count = imap.select("INBOX").unwrap();
    let fetched = imap.fetch(&count.to_string()).unwrap();
    let text = String::from_utf8_lossy(&fetched[0].octets);
    // Long values are folded.
    let unfolded = text.replace("\r\n ", " ").replace("\r\n\t", " ");
    // Each field is put on top of those before.
    unfolded
        .lines()
        .rev()
        .filter_map(|line| line.strip_prefix("X-Asked: "))
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn serve(server: &Server, text: String) {
    server.change(|| replace(&server.folder().join("policy.toml"), text));
}

fn dns_settings(names: &waxwing_tests::names::Names, more: &str) -> String {
    format!("[dns]\nservers = [\"{}\"]\n{more}", names.address())
}

#[test]
fn the_dns_is_asked_and_its_lists() {
    let names = Zones::new()
        .zone(
            "example.org",
            "@ IN MX 10 mx\n@ IN TXT \"v=spf1 \" \"-all\"\nmx IN A 192.0.2.25\nmx IN AAAA 2001:db8::25\nwww IN CNAME mx\n\
             _imaps._tcp IN SRV 0 5 993 mx\n_25._tcp.mx IN TLSA 3 1 1 c0ffee\n",
        )
        .zone(
            "list.example",
            "1.0.0.127 IN A 127.0.0.2\n1.0.0.127 IN TXT \"seen in a trap\"\nshop.example IN A 127.255.255.254\n",
        )
        .serve();
    let setup = Setup::new()
        .policy(Policy::Text(asking(
            &grants(SOMEBODY),
            "questions = [\"example.org MX\", \"example.org TXT\", \"www.example.org A\", \"mx.example.org AAAA\", \"_imaps._tcp.example.org SRV\", \
             \"_25._tcp.mx.example.org TLSA\", \"example.org SRV\", \"none.example.org A\", \"elsewhere.example A\", \"example.org TYPE6\", \"a..b A\"]\n\
             subjects = [\"client\", \"shop.example\", \"fine.example\"]",
        )))
        .settings(&dns_settings(&names, "timeout = \"500ms\""));
    let server = setup.start();
    let learnt = learnt(&server);
    let soa = learnt
        .iter()
        .find(|line| line.starts_with("dns example.org TYPE6 found indeterminate 026e73"));
    assert!(
        soa.is_some(),
        "another type comes as its octets: {learnt:#?}"
    );
    let expected = [
        "dns example.org MX found indeterminate 10 mx.example.org",
        "dns example.org TXT found indeterminate v=spf1 -all",
        "dns www.example.org A found indeterminate 192.0.2.25",
        "dns mx.example.org AAAA found indeterminate 2001:db8::25",
        "dns _imaps._tcp.example.org SRV found indeterminate 0 5 993 mx.example.org",
        "dns _25._tcp.mx.example.org TLSA found indeterminate 3 1 1 c0ffee",
        "dns example.org SRV no-data indeterminate",
        "dns none.example.org A no-such-name indeterminate",
        "dns elsewhere.example A temporary-failure indeterminate",
        "dns a..b A invalid-name indeterminate",
        "dnsbl client list.example listed 127.0.0.2 seen in a trap",
        "dnsbl shop.example list.example unavailable 127.255.255.254",
        "dnsbl fine.example list.example not-listed",
    ];
    let others: Vec<&String> = learnt
        .iter()
        .filter(|line| !line.contains("TYPE6"))
        .collect();
    assert_eq!(others, expected.iter().collect::<Vec<_>>());
}

#[test]
fn signatures_are_verified() {
    let zones = Zones::new()
        .signed_zone("signed.example", "@ IN A 192.0.2.1\nmail IN A 192.0.2.2\n")
        .forged_zone("forged.example", "@ IN A 192.0.2.3\n");
    let folder = tempfile::tempdir().unwrap();
    let anchors = folder.path().join("anchors");
    fs::write(&anchors, zones.anchors()).unwrap();
    let names = zones.serve();
    let server = Setup::new()
        .policy(Policy::Text(asking(
            &grants(SOMEBODY),
            "questions = [\"signed.example A\", \"signed.example MX\", \"none.signed.example A\", \"forged.example A\"]",
        )))
        .settings(&dns_settings(
            &names,
            &format!("validate = \"always\"\ntrust-anchors = {anchors:?}"),
        ))
        .start();
    assert_eq!(
        learnt(&server),
        [
            "dns signed.example A found secure 192.0.2.1",
            "dns signed.example MX no-data secure",
            "dns none.signed.example A no-such-name secure",
            "dns forged.example A temporary-failure bogus",
        ]
    );
}

#[test]
fn a_dns_that_does_not_answer_leaves_time_to_decide() {
    // Bound, and read by nobody.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = Setup::new()
        .policy(Policy::Text(asking(
            &grants(&format!(
                "limits = {{ deadline-ms = 1000, dns-queries = 2 }}\n{SOMEBODY}"
            )),
            "questions = [\"a.example A\", \"b.example A\", \"c.example A\"]",
        )))
        .settings(&format!(
            "[dns]\nservers = [\"{}\"]\ntimeout = \"30s\"\n",
            silent.local_addr().unwrap()
        ))
        .start();
    let begun = Instant::now();
    assert_eq!(
        learnt(&server),
        [
            "dns a.example A temporary-failure indeterminate",
            "dns b.example A temporary-failure indeterminate",
            "dns c.example A limit indeterminate",
        ]
    );
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

fn answers(target: &str) -> Option<Vec<u8>> {
    match target {
        "/large" => Some(page("200 OK", &"x".repeat(5000))),
        "/away" => Some(b"HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()),
        "/noise" => Some(b"220 mx.example ESMTP\r\n".to_vec()),
        "/never" => None,
        _ => Some(page("200 OK", "good")),
    }
}

#[test]
fn servers_are_asked_within_what_the_step_may() {
    let pages = Pages::serve(answers);
    let port = pages.address().port();
    let names = Zones::new()
        .zone("inside.example", "@ IN A 127.0.0.1\n")
        .serve();
    let server = Setup::new()
        .policy(Policy::Accepting)
        .settings(&dns_settings(&names, ""))
        .start();
    fs::write(server.folder().join("api.secret"), "t0p s3cret\n").unwrap();
    let hosts = format!("\"http://127.0.0.1:{port}\", \"http://inside.example:{port}\"");
    let list = "dnsbl = { zones = [\"list.example\"] }";
    let policy = |private: bool, requests: &str| {
        let http = format!(
            "http = {{ hosts = [{hosts}], max-response-kib = 4, timeout-ms = 500, private = {private}, secrets = {{ api = \"api.secret\" }} }}"
        );
        asking(
            &grants(&format!("{list}\n{http}")),
            &format!("requests = [{requests}]"),
        )
    };

    serve(
        &server,
        policy(
            true,
            &format!(
                "{{ url = \"http://127.0.0.1:{port}/good?a=b\", secret = \"api\" }}, {{ method = \"POST\", url = \"http://inside.example:{port}/in\", body = \"text\" }}, \
                 {{ url = \"http://127.0.0.1:{port}/large\" }}, {{ url = \"http://127.0.0.1:{port}/away\" }}, {{ url = \"http://127.0.0.1:{port}/noise\" }}, \
                 {{ method = \"DELETE\", url = \"http://127.0.0.1:{port}/\" }}, {{ url = \"http://localhost:{port}/\" }}, {{ url = \"http://127.0.0.1:{port}/\", secret = \"other\" }}"
            ),
        ),
    );
    assert_eq!(
        learnt(&server),
        [
            "http 200 good".to_owned(),
            "http 200 good".into(),
            "http too-large".into(),
            "http 302".into(),
            "http protocol".into(),
            "http not-granted the method DELETE".into(),
            format!("http not-granted the server http://localhost:{port}"),
            "http not-granted the secret \"other\"".into(),
        ]
    );
    let asked = pages.asked();
    let first = asked
        .iter()
        .find(|request| request.starts_with("GET /good?a=b HTTP/1.1\r\n"));
    let first = first.unwrap_or_else(|| panic!("the first request arrived: {asked:#?}"));
    assert!(
        first
            .to_lowercase()
            .contains("authorization: bearer t0p s3cret\r\n"),
        "{first}"
    );
    let host = format!("host: inside.example:{port}\r\n");
    assert!(
        asked.iter().any(|request| request.starts_with("POST /in ")
            && request.to_lowercase().contains(&host)
            && request.ends_with("\r\n\r\ntext")),
        "{asked:#?}"
    );
    assert!(
        !server.log().contains("t0p s3cret"),
        "a secret is told to nobody"
    );

    serve(
        &server,
        policy(
            true,
            &format!("{{ url = \"http://127.0.0.1:{port}/never\" }}"),
        ),
    );
    assert_eq!(learnt(&server), ["http timeout"]);

    // By name or by number: what is inside stays inside.
    let before = pages.asked().len();
    serve(
        &server,
        policy(
            false,
            &format!(
                "{{ url = \"http://127.0.0.1:{port}/\" }}, {{ url = \"http://inside.example:{port}/\" }}"
            ),
        ),
    );
    assert_eq!(
        learnt(&server),
        ["http address-refused", "http address-refused"]
    );
    assert_eq!(pages.asked().len(), before);
}

/// A loop: what a plugin asks of the server it runs in is answered by the same server, while the message waits for the plugin.
#[test]
fn a_plugin_that_asks_this_server_itself_holds_up_nobody() {
    let server = Setup::new().policy(Policy::Accepting).start();
    let (metrics, smtp) = (server.address("metrics"), server.address("smtp"));
    let list = "dnsbl = { zones = [\"list.example\"] }";
    let http = format!(
        "http = {{ hosts = [\"http://{metrics}\", \"http://{smtp}\"], max-response-kib = 4096, timeout-ms = 2000, private = true }}"
    );
    let requests = format!(
        "requests = [{{ url = \"http://{metrics}/nothing\" }}, {{ url = \"http://{smtp}/\" }}]"
    );
    let members = format!(
        "limits = {{ deadline-ms = 10000 }}\n{}",
        grants(&format!("{list}\n{http}"))
    );
    serve(&server, asking(&members, &requests));
    // Many at once: each waits for answers that this server has to give while all of them wait.
    let told: Vec<_> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8).map(|_| scope.spawn(|| send(&server))).collect();
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .collect()
    });
    assert_eq!(told, [250; 8]);
    let asked = learnt(&server);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].starts_with("http 404"), "{asked:?}");
    assert_eq!(asked[1], "http protocol");
}

#[test]
fn words_are_learnt_and_passwords_hashed() {
    let server = Setup::new()
        .policy(Policy::Text(asking(
            &format!("limits = {{ deadline-ms = 20000 }}\n{}", grants(SOMEBODY)),
            "learn = [\"cheap\", \"pills\"]\npassword = \"correct horse\"",
        )))
        .start();
    for turn in 1..=2 {
        assert_eq!(
            learnt(&server),
            [
                format!("learn cheap {turn} {turn}"),
                format!("learn pills {turn} {turn}"),
                "password true false".to_owned(),
            ]
        );
    }
}

#[test]
fn a_view_hides_what_it_says() {
    let server = Setup::new().policy(Policy::Accepting).start();
    let view = |view: &str| {
        asking(
            &grants(&format!("view = \"{view}\"\n{SOMEBODY}")),
            "look = true",
        )
    };
    let seen = |view_name: &str| {
        serve(&server, view(view_name));
        learnt(&server)
            .into_iter()
            .filter_map(|line| line.strip_prefix("see ").map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let all = seen("all");
    for line in [
        "client 127.0.0.1",
        "sender bob@example.net",
        "recipients 1",
        "subject Offer",
        "from ann@example.org",
        "has [true, false]",
        "text true",
        "raw 4",
        "tokens true",
        "parts 3",
        "part-octets true",
        "part-digests 3",
        "part-names a.zip",
    ] {
        assert!(all.iter().any(|seen| seen == line), "{line}: {all:#?}");
    }
    let cases: [(&str, &[&str]); 4] = [
        (
            "headers",
            &[
                "client 127.0.0.1",
                "sender bob@example.net",
                "subject Offer",
                "from ann@example.org",
                "text false",
                "raw 4",
                "tokens false",
                "links",
                "parts 0",
            ],
        ),
        (
            "no-addresses",
            &[
                "client",
                "helo",
                "sender",
                "recipients 0",
                "subject Offer",
                "from",
                "has [false, false]",
                "fields Subject MIME-Version Content-Type",
                "text true",
                "raw 0",
                "tokens false",
                "links shop.example",
                "parts 3",
            ],
        ),
        (
            "urls",
            &[
                "client",
                "sender",
                "recipients 0",
                "subject",
                "from",
                "fields",
                "text false",
                "raw 0",
                "links shop.example example.org",
                "parts 0",
            ],
        ),
        (
            "attachment-digests",
            &[
                "client",
                "sender",
                "subject",
                "fields",
                "text false",
                "raw 0",
                "links",
                "parts 1",
                "part-octets false",
                "part-digests 1",
                "part-names",
            ],
        ),
    ];
    for (view, expected) in cases {
        let seen = seen(view);
        for line in expected {
            assert!(
                seen.iter().any(|seen| seen == line),
                "{view}: {line}: {seen:#?}"
            );
        }
    }
}

#[test]
fn what_is_not_granted_is_refused_with_what_to_add() {
    let server = Setup::new().policy(Policy::Accepting).start();
    let refused = |text: &str, expected: &[&str]| {
        replace(&server.folder().join("policy.toml"), asking(text, ""));
        until("the change is refused", PATIENCE, || {
            let problems = server.policy_problems();
            let told = |expected: &&str| problems.iter().any(|problem| problem.contains(expected));
            expected.iter().all(told).then_some(())
        });
    };
    refused(
        "grants = [\"message\", \"actions\", \"kv\", \"auth-results\", \"dns\", \"dnsbl\", \"passwords\"]\ndnsbl = { zones = [\"list.example\"] }",
        &["imports `http`, which is not granted: add "],
    );
    refused(
        &grants("dnsbl = { zones = [] }"),
        &[
            "`zones` must name at least one",
            "the grant `http` reaches nobody: say whom in `[step.http] hosts = […]`",
        ],
    );
    refused(
        &grants(
            "dnsbl = { zones = [\"a..b\"] }\nhttp = { hosts = [\"a.example/x\"], secrets = { api = \"missing\" } }",
        ),
        &[
            "`a..b` is no domain",
            "`a.example/x` is no server",
            "cannot be read: No such file",
        ],
    );
}
