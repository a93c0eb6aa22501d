//! What a domain publishes: printed as a zone that a DNS serves, checked against it, and its MTA-STS policy served.

use std::process::Output;

use serde_json::Value;
use waxwing_tests::authority::{Authority, Issued, Tunnel};
use waxwing_tests::client::Connection;
use waxwing_tests::names::{Names, Zones};
use waxwing_tests::pages::page;
use waxwing_tests::{Server, Setup, process};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n";

/// The address of a host that nobody reaches.
const ADDRESS: &str = "192.0.2.25";

/// The zones of the domain and of its host, of the lines that a server prints, and the address of the host.
fn serve(lines: &str, address: &str) -> Names {
    let of = |zone: &str| {
        let suffix = format!("{zone}.");
        let lines = lines.lines().filter(|line| {
            let owner = line.split(' ').next().unwrap_or_default();
            line.starts_with(';') || owner.ends_with(&suffix)
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let host = of("waxwing.example") + &format!("\nmx IN A {address}\n");
    Zones::new()
        .zone("test", "")
        .zone("example", "")
        .zone("waxwing.test", &of("waxwing.test"))
        .zone("waxwing.example", &host)
        .zone("2.0.192.in-addr.arpa", "25 IN PTR mx.waxwing.example.")
        .serve()
}

fn check(server: &Server, names: &Names) -> (Option<i32>, String) {
    let mut command = server.command(&["domain", "check", "waxwing.test"]);
    command.env("WAXWING_DNS_SERVERS", names.address().to_string());
    let Output { status, stdout, .. } = process::run(&mut command, "");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned())
}

/// A mail host, and a server of the same name that looks at what is published, with a web of its own.
struct Places {
    authority: Authority,
    _host: Server,
    _web: Tunnel,
    server: Server,
}

impl Places {
    /// The mail host shows this certificate, the web that one and this page.
    fn new(
        authority: Authority,
        mail: &Issued,
        web: &Issued,
        page: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let host = Setup::new().settings(&mail.settings()).start();
        let tunnel = Tunnel::serve(web, move |_, _| page());
        let settings = format!(
            "{}[dns]\nvalidate = \"never\"\n[queue]\nport = {}\nprivate-hosts = true\nhttps-proxy = \"{}\"\n",
            mail.settings(),
            host.address("smtp").port(),
            tunnel.address(),
        );
        let server = Setup::new()
            .settings(&settings)
            .environment("SSL_CERT_FILE", authority.roots())
            .start();
        let _set = server.cli(&[
            "domain",
            "mta-sts",
            "waxwing.test",
            "--mode",
            "enforce",
            "--max-age",
            "604800",
        ]);
        Self {
            authority,
            _host: host,
            _web: tunnel,
            server,
        }
    }

    /// What is said of what is printed, once it is published.
    fn check(mut self) -> Vec<String> {
        let _added = self.server.cli(&["domain", "key", "add", "waxwing.test"]);
        let printed = self.server.cli(&["domain", "dns", "waxwing.test"]);
        self.server.stop();
        let names = serve(&printed, "127.0.0.1");
        let mut command = self.server.command(&["domain", "check", "waxwing.test"]);
        command
            .env("WAXWING_DNS_SERVERS", names.address().to_string())
            .env("SSL_CERT_FILE", self.authority.roots());
        let said = String::from_utf8(process::run(&mut command, "").stdout).unwrap();
        // This machine is called localhost, whatever a zone says.
        let lines = said.lines().filter(|line| !line.starts_with("iprev: "));
        lines.map(str::to_owned).collect()
    }
}

const POLICY: &str =
    "version: STSv1\r\nmode: enforce\r\nmx: mx.waxwing.example\r\nmax_age: 604800\r\n";

/// Whether there is a line that begins with each of these.
fn tells(said: &[String], beginnings: &[&str]) {
    for beginning in beginnings {
        assert!(
            said.iter().any(|line| line.starts_with(beginning)),
            "{beginning}: {said:#?}"
        );
    }
}

#[test]
fn what_others_see_is_looked_at() {
    let authority = Authority::new();
    let (mail, web) = (
        authority.issue("mx.waxwing.example"),
        authority.issue("mta-sts.waxwing.test"),
    );
    let places = Places::new(authority, &mail, &web, || page("200 OK", POLICY));
    assert_eq!(places.check(), Vec::<String>::new());

    // Certificates of other names.
    let authority = Authority::new();
    let (mail, web) = (
        authority.issue("mail.elsewhere.example"),
        authority.issue("www.waxwing.test"),
    );
    let places = Places::new(authority, &mail, &web, || page("200 OK", POLICY));
    tells(
        &places.check(),
        &[
            "tls: mx.waxwing.example shows a certificate that is for mail.elsewhere.example, and not for mx.waxwing.example; ",
            "mta-sts: mta-sts.waxwing.test shows a certificate that is for www.waxwing.test, and not for mta-sts.waxwing.test; ",
            "mta-sts: https://mta-sts.waxwing.test/.well-known/mta-sts.txt cannot be fetched: TLS with ",
        ],
    );

    // One of an authority that nobody knows, and another policy.
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (mail, web) = (
        stranger.issue("mx.waxwing.example"),
        authority.issue("mta-sts.waxwing.test"),
    );
    let other = POLICY.replace("enforce", "testing");
    let places = Places::new(authority, &mail, &web, move || page("200 OK", &other));
    tells(
        &places.check(),
        &[
            "tls: mx.waxwing.example shows a certificate of no certification authority that this system knows; ",
            "mta-sts: mta-sts.waxwing.test serves another policy than this server has; ",
        ],
    );
}

#[test]
fn certificates_that_end_are_told_of() {
    let authority = Authority::new();
    let ended = authority.issue_until("mx.waxwing.example", (2020, 1, 1));
    let web = authority.issue("mta-sts.waxwing.test");
    let places = Places::new(authority, &ended, &web, || page("404 Not Found", ""));
    tells(
        &places.check(),
        &[
            "tls: mx.waxwing.example shows a certificate that has expired, 2020-01-01; ",
            "mta-sts: https://mta-sts.waxwing.test/.well-known/mta-sts.txt cannot be fetched: the answer is 404; ",
        ],
    );

    let authority = Authority::new();
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let soon = now.date().checked_add(jiff::Span::new().days(5)).unwrap();
    let day = (
        soon.year().into(),
        soon.month().unsigned_abs(),
        soon.day().unsigned_abs(),
    );
    let ending = authority.issue_until("mx.waxwing.example", day);
    let web = authority.issue("mta-sts.waxwing.test");
    let said = Places::new(authority, &ending, &web, || page("200 OK", POLICY)).check();
    let line = format!("tls: mx.waxwing.example shows a certificate that expires {soon}; ");
    tells(&said, &[&line]);
    assert_eq!(said.len(), 1, "{said:#?}");
}

#[test]
fn what_is_printed_is_right_when_it_is_published() {
    let mut server = Setup::new()
        .settings("[dns]\nvalidate = \"never\"\n")
        .start();
    let _added = server.cli(&["domain", "key", "add", "waxwing.test"]);
    let _set = server.cli(&["domain", "mta-sts", "waxwing.test", "--mode", "testing"]);
    let printed = server.cli(&["domain", "dns", "waxwing.test"]);
    for line in [
        "waxwing.test. 3600 IN MX 10 mx.waxwing.example.",
        "waxwing.test. 3600 IN TXT \"v=spf1 mx ~all\"",
        "_dmarc.waxwing.test. 3600 IN TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@waxwing.test\"",
        "mta-sts.waxwing.test. 3600 IN CNAME mx.waxwing.example.",
        "_smtp._tls.waxwing.test. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@waxwing.test\"",
        "_25._tcp.mx.waxwing.example. 3600 IN TLSA 3 1 1 ",
        // RFC 6186 §3.4: ports that change are as good as none.
        "_imaps._tcp.waxwing.test. 3600 IN SRV 0 0 0 .",
        "_submission._tcp.waxwing.test. 3600 IN SRV 0 0 0 .",
        // RFC 8620 §2.2: JMAP is where the web is under TLS.
        "_jmap._tcp.waxwing.test. 3600 IN SRV 0 0 0 .",
    ] {
        assert!(printed.contains(&format!("\n{line}")), "{line}: {printed}");
    }
    assert_eq!(
        printed
            .matches("._domainkey.waxwing.test. 3600 IN TXT \"v=DKIM1; ")
            .count(),
        2
    );
    let listed = server.json(&["domain", "dns", "waxwing.test"]);
    let types: Vec<&str> = listed["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types.iter().filter(|of| **of == "SRV").count(),
        7,
        "{types:?}"
    );

    // The commands work without a server, and ask the DNS that they are told.
    server.stop();
    // Nobody takes mail for this machine here; what others would see is another test's.
    let (_, right) = check(&server, &serve(&printed, ADDRESS));
    let records = right
        .lines()
        .filter(|line| !line.starts_with("tls: ") && !line.starts_with("mta-sts: https://"));
    assert_eq!(records.collect::<Vec<_>>(), Vec::<&str>::new());

    let wrong = printed
        .replace("MX 10 mx.waxwing.example.", "MX 10 mail.elsewhere.example.")
        .replace("v=spf1 mx ~all", "v=spf1 ip4:198.51.100.1 -all")
        .replace("v=DKIM1; k=ed25519", "v=DKIM1; k=rsa")
        .replace("_dmarc.waxwing.test.", "_gone.waxwing.test.")
        .replace("v=STSv1; id=", "v=STSv1; id=0; was=")
        .replace("TLSA 3 1 1 ", "TLSA 3 0 1 ")
        .replace(
            "_imaps._tcp.waxwing.test. 3600 IN SRV 0 0 0 .",
            "_imaps._tcp.waxwing.test. 3600 IN SRV 0 1 993 mail.elsewhere.example.",
        );
    let (code, said) = check(&server, &serve(&wrong, ADDRESS));
    assert_eq!(code, Some(1), "{said}");
    for beginning in [
        "mx: mail for waxwing.test goes to mail.elsewhere.example, and not to mx.waxwing.example; publish `waxwing.test. IN MX",
        "spf: the SPF record of waxwing.test says fail of 192.0.2.25",
        "dkim: the key e",
        "dmarc: there is no DMARC record at _dmarc.waxwing.test; publish",
        "mta-sts: _mta-sts.waxwing.test has the id 0",
        "dane: no TLSA record at _25._tcp.mx.waxwing.example is of the certificate in use",
        "srv: _imaps._tcp.waxwing.test leads elsewhere",
    ] {
        assert!(
            said.lines().any(|line| line.starts_with(beginning)),
            "{beginning}: {said}"
        );
    }
}

#[test]
fn a_domain_that_publishes_nothing_is_told_what_to_do() {
    let mut server = Setup::new()
        .settings("[dns]\nvalidate = \"never\"\n")
        .start();
    server.stop();
    let names = Zones::new()
        .zone("waxwing.test", "")
        .zone("waxwing.example", "")
        .serve();
    let (code, said) = check(&server, &names);
    assert_eq!(code, Some(1));
    let about: Vec<&str> = said
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(about, ["mx", "host", "spf", "dkim", "dmarc"], "{said}");
    assert!(
        said.contains("`waxwing domain key add waxwing.test`"),
        "{said}"
    );
}

#[test]
fn who_may_issue_certificates_is_held_against_who_is_asked() {
    // The host has no address, so that nothing is ordered meanwhile.
    let names = Zones::new()
        .zone("waxwing.test", "@ IN CAA 0 issue \"other.example\"")
        .zone(
            "waxwing.example",
            "@ IN CAA 0 issue \"other.example\"\nmx IN CAA 0 issue \"letsencrypt.org\"",
        )
        .serve();
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nvalidate = \"never\"\n\
         [acme]\ndirectory = \"https://acme-v02.api.letsencrypt.org/directory\"\n{WEB}\
         [[listener]]\nname = \"clear\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\n",
        names.address()
    );
    let mut server = Setup::new().settings(&settings).start();
    server.stop();
    let (code, said) = check(&server, &names);
    assert_eq!(code, Some(1), "{said}");
    let about: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("caa: "))
        .collect();
    assert_eq!(
        about,
        [
            "caa: the CAA records of waxwing.test let other.example issue certificates for autoconfig.waxwing.test, and not letsencrypt.org, \
             which they are ordered from; publish `waxwing.test. IN CAA 0 issue \"letsencrypt.org\"` as well"
        ]
    );
}

/// A request and what comes back.
fn get(server: &Server, host: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    converse(server, &request)
}

/// A request, and all of its answer.
fn converse(server: &Server, request: &str) -> String {
    let mut connection = Connection::open_tls(server.address("web")).unwrap();
    connection.send(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while let Some(line) = connection.line().unwrap() {
        answer.extend_from_slice(&line);
        answer.extend_from_slice(b"\r\n");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn id(server: &Server) -> Value {
    let printed = server.json(&["domain", "dns", "waxwing.test"]);
    let records = printed["records"].as_array().unwrap();
    let found = records
        .iter()
        .find(|record| record["name"] == "_mta-sts.waxwing.test.");
    found.map_or(Value::Null, |record| record["data"].clone())
}

#[test]
fn the_policy_is_served() {
    const PATH: &str = "/.well-known/mta-sts.txt";
    let server = Setup::new().settings(WEB).start();
    assert!(get(&server, "mta-sts.waxwing.test", PATH).starts_with("HTTP/1.1 404 "));
    assert_eq!(id(&server), Value::Null);
    let set = |mode: &[&str]| {
        let arguments = [&["domain", "mta-sts", "waxwing.test"][..], mode].concat();
        server.cli(&arguments)
    };
    let said = set(&["--mode", "testing", "--max-age", "86400"]);
    assert!(
        said.contains("mode: testing\nmx: mx.waxwing.example\nmax_age: 86400\n"),
        "{said}"
    );
    let testing = id(&server);
    let answer = get(&server, "MTA-STS.waxwing.test:443", PATH);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer
            .to_ascii_lowercase()
            .contains("\r\ncontent-type: text/plain\r\n"),
        "{answer}"
    );
    let policy =
        "\r\n\r\nversion: STSv1\r\nmode: testing\r\nmx: mx.waxwing.example\r\nmax_age: 86400\r\n";
    assert!(answer.ends_with(policy), "{answer}");
    for (host, path) in [
        ("waxwing.test", PATH),
        ("mta-sts.elsewhere.example", PATH),
        ("mta-sts.waxwing.test", "/"),
    ] {
        let answer = get(&server, host, path);
        assert!(
            answer.starts_with("HTTP/1.1 404 "),
            "{host}{path}: {answer}"
        );
    }
    // Another id exactly when it is another policy.
    set(&["--mode", "testing", "--max-age", "86400"]);
    assert_eq!(id(&server), testing);
    set(&["--mode", "enforce", "--max-age", "86400"]);
    assert_ne!(id(&server), testing);
    set(&["--mode", "testing", "--max-age", "86400"]);
    assert_eq!(id(&server), testing);
    set(&["--remove"]);
    assert!(get(&server, "mta-sts.waxwing.test", PATH).starts_with("HTTP/1.1 404 "));
}

/// What programs ask for when they know an address: told of a domain that is served, whoever has an account in it, and of no other.
#[test]
fn programs_are_told_their_settings() {
    let server = Setup::new().settings(WEB).start();
    let config =
        |host: &str, query: &str| get(&server, host, &format!("/mail/config-v1.1.xml{query}"));
    for (host, query) in [
        ("autoconfig.waxwing.test", ""),
        ("waxwing.test", ""),
        ("mx.waxwing.example", "?emailaddress=nobody%40WAXWING.test"),
    ] {
        let told = config(host, query);
        assert!(told.starts_with("HTTP/1.1 200 "), "{host}: {told}");
        assert!(told.contains("<domain>waxwing.test</domain>"), "{told}");
    }
    for (host, query) in [
        ("autoconfig.elsewhere.example", ""),
        ("mx.waxwing.example", ""),
        (
            "autoconfig.waxwing.test",
            "?emailaddress=alice%40elsewhere.example",
        ),
    ] {
        let told = config(host, query);
        assert!(told.starts_with("HTTP/1.1 404 "), "{host}: {told}");
    }
    let profile = get(
        &server,
        "mx.waxwing.example",
        "/apple.mobileconfig?address=alice@waxwing.test",
    );
    assert!(
        profile.contains("application/x-apple-aspen-config"),
        "{profile}"
    );
    assert!(
        profile.contains("<string>alice@waxwing.test</string>"),
        "{profile}"
    );
    let profile = get(
        &server,
        "mx.waxwing.example",
        "/apple.mobileconfig?address=alice@elsewhere.example",
    );
    assert!(profile.starts_with("HTTP/1.1 404 "), "{profile}");
}

#[test]
fn outlook_is_told_its_settings() {
    const SCHEMA: &str =
        "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
    let server = Setup::new().settings(WEB).start();
    let ask = |address: &str| {
        let question = format!(
            "<Autodiscover><Request><EMailAddress>{address}</EMailAddress>\
             <AcceptableResponseSchema>{SCHEMA}</AcceptableResponseSchema></Request></Autodiscover>"
        );
        let header = format!(
            "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: waxwing.test\r\nConnection: close\r\nContent-Type: text/xml\r\n\
             Content-Length: {}\r\n\r\n",
            question.len()
        );
        converse(&server, &(header + &question))
    };
    let told = ask("alice@waxwing.test");
    assert!(told.contains("<Action>settings</Action>"), "{told}");
    assert!(told.contains("<DisplayName>alice@waxwing.test<"), "{told}");
    assert!(ask("alice@elsewhere.example").contains("<ErrorCode>500<"));
    assert!(ask("").contains("<ErrorCode>600<"));
    let large = ask(&"a".repeat(20_000));
    assert!(large.starts_with("HTTP/1.1 413 "), "{large}");
}
