//! SPF through SMTP: each case says its HELO and MAIL to a real server behind a PROXY header, and its result is read off the message.
//!
//! The cases are those of `waxwing-auth`, and the published suite of RFC 7208 where `WAXWING_SPF_SUITE` names its file (`make spf`).

use std::collections::HashMap;
use std::net::IpAddr;

use serde::Deserialize as _;
use serde_yaml_ng::{Deserializer, Value};
use waxwing_tests::answers::{Answers, Record, Said, address, kind, name, texts};
use waxwing_tests::client::{Connection, Smtp};
use waxwing_tests::{Policy, Server, Setup, place};

/// Names of a scenario with what is there.
type Zone = HashMap<String, Vec<(String, Value)>>;

#[test]
fn own_cases() {
    let folder = place::repository().join("host/crates/auth/tests/spf");
    let text = std::fs::read_to_string(folder.join("mechanisms.yml")).unwrap();
    let count = run(&text);
    assert!(count > 10, "only {count} cases");
}

#[test]
fn the_published_suite_passes_whole() {
    let Some(path) = std::env::var_os("WAXWING_SPF_SUITE").filter(|path| !path.is_empty()) else {
        return eprintln!("SKIPPED: set WAXWING_SPF_SUITE to rfc7208-tests.yml");
    };
    let count = run(&std::fs::read_to_string(path).unwrap());
    assert!(count >= 198, "only {count} cases could be said in SMTP");
}

/// Runs all scenarios; how many cases were said.
fn run(text: &str) -> usize {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for document in Deserializer::from_str(text) {
        let document = Value::deserialize(document).unwrap();
        let zone = read(&document["zonedata"]);
        let names = Answers::serve(move |name, kind| tell(&zone, name, kind));
        let server = start(&names);
        let cases = document["tests"].as_mapping().into_iter().flatten();
        let mut expected = Vec::new();
        for (name, case) in cases {
            let name = name.as_str().unwrap();
            match say(&server, name, case) {
                Ok(()) => expected.push((name, case)),
                Err(why) => eprintln!("{name} cannot be said: {why}"),
            }
        }
        count += expected.len();
        let results = results(&server);
        for (name, case) in expected {
            let result = results.get(name).map_or("nothing", String::as_str);
            let allowed: Vec<&str> = match &case["result"] {
                Value::Sequence(several) => several.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            if !allowed.contains(&result) {
                wrong.push(format!("{name}: {result}, not {allowed:?}"));
            }
        }
    }
    eprintln!("{count} cases of SPF through SMTP");
    assert!(wrong.is_empty(), "{} of {count}: {wrong:#?}", wrong.len());
    count
}

fn start(names: &Answers) -> Server {
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nattempts = 1\nvalidate = \"never\"\n[auth]\ntime = \"60s\"\n\
         [[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\nproxy-protocol = true\nproxy-from = \"127.0.0.1\"\n",
        names.address()
    );
    Setup::new()
        .policy(Policy::Accepting)
        .settings(&settings)
        .start()
}

/// Sends a message as the case has it; an error says what SMTP has no words for.
fn say(server: &Server, name: &str, case: &Value) -> Result<(), String> {
    let client: IpAddr = case["host"].as_str().unwrap().parse().unwrap();
    let header = match client {
        IpAddr::V4(_) => format!("PROXY TCP4 {client} 198.51.100.25 4711 25\r\n"),
        IpAddr::V6(_) => format!("PROXY TCP6 {client} 2001:db8::25 4711 25\r\n"),
    };
    let mut smtp = Smtp {
        connection: Connection::open(server.address("mx")).unwrap(),
    };
    smtp.connection.send(header.as_bytes()).unwrap();
    smtp.reply().unwrap().class(2).unwrap();
    let helo = format!("HELO {}", case["helo"].as_str().unwrap());
    let mail = format!("MAIL FROM:<{}>", case["mailfrom"].as_str().unwrap());
    for line in [helo, mail] {
        let reply = smtp.command(&line).unwrap();
        if reply.code / 100 == 5 {
            return Err(format!("{line}: {}", reply.text));
        }
        reply.class(2).unwrap();
    }
    for (line, class) in [("RCPT TO:<alice@waxwing.test>", 2), ("DATA", 3)] {
        smtp.command(line).unwrap().class(class).unwrap();
    }
    let message = format!("Subject: {name}\r\n\r\n.");
    smtp.command(&message).unwrap().class(2).unwrap();
    Ok(())
}

/// What Received-SPF says of each message, by its subject.
fn results(server: &Server) -> HashMap<String, String> {
    let mut imap = server.imap("alice@waxwing.test");
    imap.select("INBOX").unwrap();
    let field = |text: &str, name: &str| -> Option<String> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    let fetched = imap.fetch("1:*").unwrap();
    let read = fetched.iter().filter_map(|message| {
        let text = String::from_utf8_lossy(&message.octets);
        Some((field(&text, "Subject:")?, field(&text, "Received-SPF:")?))
    });
    read.collect()
}

fn read(zones: &Value) -> Zone {
    let mut zone = Zone::new();
    for (name, records) in zones.as_mapping().into_iter().flatten() {
        let list = zone
            .entry(name.as_str().unwrap().to_ascii_lowercase())
            .or_default();
        for record in records.as_sequence().into_iter().flatten() {
            match record {
                Value::Mapping(map) => list.extend(
                    map.iter()
                        .map(|(kind, value)| (kind.as_str().unwrap().to_owned(), value.clone())),
                ),
                other => list.push((other.as_str().unwrap().to_owned(), Value::Null)),
            }
        }
    }
    zone
}

/// `TIMEOUT` says that nobody answers for what else is asked of the name; `SPF` stands for a text, unless the name has texts of its own.
fn tell(zone: &Zone, asked: &str, of: u16) -> Said {
    let Some(records) = zone.get(asked) else {
        return Said::NoSuchName;
    };
    let all = |wanted: &str| -> Vec<&Value> {
        let matching = records.iter().filter(|(kind, _)| kind == wanted);
        matching.map(|(_, value)| value).collect()
    };
    let record = |kind, data| Record {
        owner: asked.to_owned(),
        kind,
        data,
    };
    if let [Value::String(target)] = all("CNAME").as_slice() {
        let mut found = vec![record(kind::CNAME, name(target))];
        if let Said::Records(more) = tell(zone, &target.to_ascii_lowercase(), of) {
            found.extend(more);
        }
        return Said::Records(found);
    }
    let wanted = match of {
        kind::A => "A",
        kind::AAAA => "AAAA",
        kind::MX => "MX",
        kind::PTR => "PTR",
        kind::TXT if all("TXT").is_empty() => "SPF",
        kind::TXT => "TXT",
        _ => return Said::Records(Vec::new()),
    };
    let there = all(wanted);
    let told = there.iter().filter(|value| value.as_str() != Some("NONE"));
    let found: Vec<Record> = told.map(|value| record(of, data(of, value))).collect();
    if found.is_empty() && !all("TIMEOUT").is_empty() {
        return Said::Failure;
    }
    Said::Records(found)
}

fn data(of: u16, value: &Value) -> Vec<u8> {
    match (of, value) {
        (kind::A | kind::AAAA, Value::String(text)) => address(text.parse().unwrap()),
        (kind::PTR, Value::String(target)) => name(target),
        (kind::TXT, Value::String(text)) => texts([text.as_str()].into_iter()),
        (kind::TXT, Value::Sequence(several)) => texts(several.iter().filter_map(Value::as_str)),
        (kind::MX, Value::Sequence(pair)) => {
            let preference = u16::try_from(pair[0].as_u64().unwrap()).unwrap();
            [
                &preference.to_be_bytes()[..],
                &name(pair[1].as_str().unwrap()),
            ]
            .concat()
        }
        _ => panic!("no record of type {of}: {value:?}"),
    }
}
