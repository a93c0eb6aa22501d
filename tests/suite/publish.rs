//! What a domain publishes: printed as a zone that a DNS serves, checked against it, and its MTA-STS policy served.

use std::process::Output;

use serde_json::Value;
use waxwing_tests::client::Connection;
use waxwing_tests::names::{Names, Zones};
use waxwing_tests::{Server, Setup};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n";

/// The zones of the domain and of its host, of the lines that a server prints, and the address of the host with its name.
fn serve(lines: &str) -> Names {
    let of = |zone: &str| {
        let suffix = format!("{zone}.");
        let lines = lines.lines().filter(|line| {
            let owner = line.split(' ').next().unwrap_or_default();
            line.starts_with(';') || owner.ends_with(&suffix)
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let host = of("waxwing.example") + "\nmx IN A 192.0.2.25\n";
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
    let Output { status, stdout, .. } = command.output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned())
}

#[test]
fn what_is_printed_is_right_when_it_is_published() {
    let mut server = Setup::new()
        .settings("[dns]\nvalidate = \"never\"\n")
        .start();
    let _added = server.cli(&["domain", "key", "add", "waxwing.test"]);
    let _set = server.cli(&["domain", "mta-sts", "waxwing.test", "--mode", "enforce"]);
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
        6,
        "{types:?}"
    );

    // The commands work without a server, and ask the DNS that they are told.
    server.stop();
    let right = check(&server, &serve(&printed));
    assert_eq!(right, (Some(0), String::new()));

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
    let (code, said) = check(&server, &serve(&wrong));
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

/// A request and what comes back.
fn get(server: &Server, host: &str, path: &str) -> String {
    let mut connection = Connection::open_tls(server.address("web")).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
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
