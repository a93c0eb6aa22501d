//! Logging in over each protocol by what is not a password in clear: proofs, with and without channel binding.

use std::fs;
use std::net::SocketAddr;

use waxwing_sasl::{ChannelBinding, ClientExchange, Credentials, Login, Mechanism};
use waxwing_tests::client::{Connection, Smtp};
use waxwing_tests::database::Database;
use waxwing_tests::live::replace;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup};

const PLUS: Mechanism = Mechanism::ScramSha256Plus;
const SCRAM: Mechanism = Mechanism::ScramSha256;

/// How a protocol carries an exchange.
struct Carrier {
    listener: &'static str,
    /// What a client says first.
    hello: Option<&'static str>,
    /// Before the mechanism.
    command: &'static str,
    /// Before a challenge.
    challenge: &'static str,
    /// What the last line begins with if all is well, and if it is not.
    ends: [&'static str; 2],
}

const CARRIERS: [Carrier; 3] = [
    Carrier {
        listener: "submission",
        hello: Some("EHLO client.example"),
        command: "AUTH",
        challenge: "334 ",
        ends: ["235 ", "535 5.7.8"],
    },
    Carrier {
        listener: "imap",
        hello: None,
        command: "a AUTHENTICATE",
        challenge: "+ ",
        ends: ["a OK", "a NO [AUTHENTICATIONFAILED]"],
    },
    Carrier {
        listener: "pop3",
        hello: None,
        command: "AUTH",
        challenge: "+ ",
        ends: ["+OK", "-ERR [AUTH]"],
    },
];

fn text(connection: &mut Connection) -> String {
    let line = connection.line().unwrap().expect("a line");
    String::from_utf8(line).unwrap()
}

impl Carrier {
    /// Connects and takes the greeting.
    fn open(&self, server: &Server, tls: bool) -> Connection {
        let name = format!("{}{}", self.listener, if tls { "-tls" } else { "" });
        let at: SocketAddr = server.address(&name);
        let mut connection = if tls {
            Connection::open_tls(at).unwrap()
        } else {
            Connection::open(at).unwrap()
        };
        text(&mut connection);
        if let Some(hello) = self.hello {
            connection.send(format!("{hello}\r\n").as_bytes()).unwrap();
            while text(&mut connection).as_bytes()[3] == b'-' {}
        }
        connection
    }

    /// Runs an exchange to its end: the last line, and the salts that were shown.
    fn run(
        &self,
        connection: &mut Connection,
        mechanism: Mechanism,
        user: &str,
        password: &str,
        channel: Option<&ChannelBinding>,
    ) -> (String, Vec<String>) {
        let begun = self.begin(connection, mechanism, user, password, channel);
        self.finish(connection, begun)
    }

    /// Begins an exchange, up to the server's first message.
    fn begin(
        &self,
        connection: &mut Connection,
        mechanism: Mechanism,
        user: &str,
        password: &str,
        channel: Option<&ChannelBinding>,
    ) -> (String, ClientExchange) {
        let login = Login {
            credentials: Credentials::new(user, password),
            nonce: "fyko+d2lbbFgONRv9qkxdawL".to_owned(),
        };
        let (initial, exchange) = ClientExchange::start(mechanism, &login, channel).unwrap();
        let initial = initial.expect("SCRAM has an initial response");
        let said = format!("{} {mechanism} {initial}\r\n", self.command);
        connection.send(said.as_bytes()).unwrap();
        (text(connection), exchange)
    }

    /// Goes on from a line of the server's.
    fn finish(
        &self,
        connection: &mut Connection,
        (mut line, mut exchange): (String, ClientExchange),
    ) -> (String, Vec<String>) {
        let mut salts = Vec::new();
        loop {
            let Some(challenge) = line.strip_prefix(self.challenge) else {
                assert_eq!(
                    exchange.succeeded().is_ok(),
                    line.starts_with(self.ends[0]),
                    "{line}"
                );
                return (line, salts);
            };
            salts.extend(salt(challenge));
            let said;
            (said, exchange) = exchange.respond(challenge).unwrap();
            connection.send(format!("{said}\r\n").as_bytes()).unwrap();
            line = text(connection);
        }
    }

    /// The same on a connection of its own, whose channel is bound to if the mechanism does so.
    fn login(&self, server: &Server, mechanism: Mechanism, user: &str, password: &str) -> String {
        let mut connection = self.open(server, mechanism == PLUS);
        let channel = connection.channel();
        let bound = channel.as_ref().filter(|_| mechanism == PLUS);
        self.run(&mut connection, mechanism, user, password, bound)
            .0
    }
}

/// The salt and the iterations of a server's first message.
fn salt(challenge: &str) -> Option<String> {
    use base64::Engine as _;
    let octets = base64::engine::general_purpose::STANDARD.decode(challenge);
    let message = String::from_utf8(octets.ok()?).ok()?;
    let (_, salt) = message.split_once(",s=")?;
    Some(salt.to_owned())
}

#[test]
fn passwords_are_proved() {
    for database in Database::all() {
        let server = Setup::new().database(database).start();
        for carrier in &CARRIERS {
            for mechanism in [SCRAM, PLUS] {
                let login = |user, password| carrier.login(&server, mechanism, user, password);
                let right = login("alice@waxwing.test", PASSWORD);
                assert!(right.starts_with(carrier.ends[0]), "{mechanism}: {right}");
                for (user, password) in [
                    ("alice@waxwing.test", "another"),
                    ("nobody@waxwing.test", PASSWORD),
                    ("nobody", PASSWORD),
                ] {
                    let wrong = login(user, password);
                    assert!(wrong.starts_with(carrier.ends[1]), "{mechanism}: {wrong}");
                }
            }
        }
        // A new password, and none.
        let change = [
            "account",
            "password",
            "alice@waxwing.test",
            "--password-stdin",
        ];
        assert!(server.run(&change, "changed\n").status.success());
        let imap = &CARRIERS[1];
        let login = |password| imap.login(&server, SCRAM, "alice@waxwing.test", password);
        assert!(login("changed").starts_with(imap.ends[0]));
        assert!(login(PASSWORD).starts_with(imap.ends[1]));
        let _ = server.cli(&["account", "password", "alice@waxwing.test", "--close"]);
        assert!(login("changed").starts_with(imap.ends[1]));
    }
}

#[test]
fn a_proof_is_bound_to_its_connection() {
    let server = Setup::new().start();
    for carrier in &CARRIERS {
        // RFC 5802 §9: who stands between two connections has another channel on each.
        let mut connection = carrier.open(&server, true);
        let elsewhere = [7; 32];
        let (line, _) = carrier.run(
            &mut connection,
            PLUS,
            "alice@waxwing.test",
            PASSWORD,
            Some(&elsewhere),
        );
        assert!(line.starts_with(carrier.ends[1]), "{line}");
        // RFC 5802 §6: a client that could bind and was not offered it, though the server offers it.
        let mut connection = carrier.open(&server, true);
        let believed_absent = connection.channel();
        let (line, _) = carrier.run(
            &mut connection,
            SCRAM,
            "alice@waxwing.test",
            PASSWORD,
            believed_absent.as_ref(),
        );
        assert!(!line.starts_with(carrier.ends[0]), "{line}");
    }
}

#[test]
fn a_listener_offers_the_mechanisms_that_it_names() {
    let only = |protocol: &str| {
        format!(
            "[[listener]]\nname = \"only-{protocol}\"\nprotocol = \"{protocol}\"\naddress = \"127.0.0.1:0\"\n\
             tls = \"none\"\nplaintext-auth = true\nmechanisms = [\"SCRAM-SHA-256\", \"OAUTHBEARER\"]\n"
        )
    };
    let settings = ["submission", "imap", "pop3"].map(only).concat();
    let server = Setup::new().settings(&settings).start();
    let open = |protocol: &str| {
        let mut connection = Connection::open(server.address(&format!("only-{protocol}"))).unwrap();
        let greeting = text(&mut connection);
        (connection, greeting)
    };
    let say = |connection: &mut Connection, line: &str| {
        connection.send(format!("{line}\r\n").as_bytes()).unwrap();
        text(connection)
    };
    let plain = "AGFsaWNlQHdheHdpbmcudGVzdAB3YXh3aW5nLWRlbW8=";

    let (mut smtp, _) = open("submission");
    let mut listed = vec![say(&mut smtp, "EHLO client.example")];
    while listed.last().unwrap().as_bytes()[3] == b'-' {
        listed.push(text(&mut smtp));
    }
    let offers = |line: &&String| line[4..].starts_with("AUTH ");
    let offered = listed.iter().find(offers).unwrap();
    assert_eq!(&offered[4..], "AUTH SCRAM-SHA-256 OAUTHBEARER");
    let said = say(&mut smtp, &format!("AUTH PLAIN {plain}"));
    assert!(said.starts_with("504 5.5.4 "), "{said}");

    let (mut imap, greeting) = open("imap");
    let end = " LOGINDISABLED AUTH=SCRAM-SHA-256 AUTH=OAUTHBEARER] ";
    assert!(greeting.contains(end), "{greeting}");
    for command in [
        format!("LOGIN alice@waxwing.test {PASSWORD}"),
        format!("AUTHENTICATE PLAIN {plain}"),
    ] {
        let said = say(&mut imap, &format!("a {command}"));
        assert!(said.starts_with("a NO [CANNOT] "), "{said}");
    }
    let (line, _) = CARRIERS[1].run(&mut imap, SCRAM, "alice@waxwing.test", PASSWORD, None);
    assert!(line.starts_with("a OK"), "{line}");

    let (mut pop3, _) = open("pop3");
    let said = say(&mut pop3, "USER alice@waxwing.test");
    assert!(said.starts_with("-ERR Passwords are not taken"), "{said}");
    let (line, _) = CARRIERS[2].run(&mut pop3, SCRAM, "alice@waxwing.test", PASSWORD, None);
    assert!(line.starts_with("+OK"), "{line}");
}

/// What a stranger is shown of a name.
fn shown(server: &Server, user: &str) -> (String, Vec<String>) {
    let imap = &CARRIERS[1];
    let mut connection = imap.open(server, false);
    imap.run(&mut connection, SCRAM, user, "guess", None)
}

/// A server that locks out after three failures.
fn strict() -> Server {
    let server = Setup::new().start();
    let policy = server.folder().join("policy.toml");
    let text = fs::read_to_string(&policy).unwrap();
    let trusting = "trust = [\"127.0.0.0/8\", \"::1\"]\naccount-failures = 20\n";
    let strict = "trust = []\nfree-failures = 100\naccount-failures = 3\ndefault-domain = \"waxwing.test\"\n";
    assert!(text.contains(trusting));
    server.change(|| replace(&policy, text.replace(trusting, strict)));
    server
}

#[test]
fn guesses_that_are_held_open_are_worth_no_more_than_others() {
    let alice = "alice@waxwing.test";
    for carrier in &CARRIERS {
        let server = strict();
        // All are begun before any has failed.
        let mut begun: Vec<_> = ["one", "two", "three", PASSWORD]
            .iter()
            .map(|password| {
                let mut connection = carrier.open(&server, false);
                let begun = carrier.begin(&mut connection, SCRAM, alice, password, None);
                (connection, begun)
            })
            .collect();
        let (mut last, right) = begun.pop().unwrap();
        for (mut connection, wrong) in begun {
            let (line, _) = carrier.finish(&mut connection, wrong);
            assert!(line.starts_with(carrier.ends[1]), "{line}");
        }
        // This one is right. The server's own proof would tell it, and make the exchange one that succeeded.
        let (line, _) = carrier.finish(&mut last, right);
        assert!(line.starts_with(carrier.ends[1]), "{line}");
    }
}

#[test]
fn a_login_that_is_locked_out_is_one_that_failed() {
    let server = strict();
    let policy = server.folder().join("policy.toml");
    let looks = "[[step]]\nplugin = \"fixture\"\ngrants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]\n\
        settings = { hooks = { message = \"everything\" } }\nhooks = [\"message\"]\n";
    let text = fs::read_to_string(&policy).unwrap();
    server.change(|| replace(&policy, format!("{looks}{text}")));
    let alice = "alice@waxwing.test";
    for _ in 0..3 {
        shown(&server, alice);
    }
    // Before its proof it is known that the login is refused; the steps are told of it afterwards all the same.
    let submission = &CARRIERS[0];
    let mut connection = submission.open(&server, false);
    let (line, _) = submission.run(&mut connection, SCRAM, alice, PASSWORD, None);
    assert!(line.starts_with(submission.ends[1]), "{line}");
    let mut smtp = Smtp { connection };
    let login = smtp.login("bob@waxwing.test", PASSWORD);
    login.unwrap().class(2).unwrap();
    let message = b"From: bob@waxwing.test\r\nSubject: x\r\n\r\nhello\r\n";
    let sent = smtp.send("bob@waxwing.test", &[alice], message);
    let reply = sent.unwrap().class(2).unwrap();
    let id = reply.text.split_whitespace().last().unwrap();
    let traced = server.cli(&["trace", id]);
    assert!(traced.contains("failures=1"), "{traced}");
}

#[test]
fn guessing_is_counted_and_tells_nothing() {
    let server = strict();

    let names = ["alice@waxwing.test", "nobody@waxwing.test"];
    let first = names.map(|name| shown(&server, name));
    // However a name is written, it is the same one, whether there is such an account or not.
    for (name, first) in ["Alice", "Nobody"].iter().zip(&first) {
        assert_eq!(&shown(&server, name), first);
    }
    // Quoted it is another name: the keys of the account are for its address as it is.
    for name in ["\"alice\"@waxwing.test", "a\\lice@waxwing.test"] {
        assert_ne!(shown(&server, name).1, first[0].1, "{name}");
    }
    for name in names {
        shown(&server, name);
    }
    // Three failures: both are locked now, whatever the password, and look as before.
    let imap = &CARRIERS[1];
    let locked = imap.login(&server, SCRAM, names[0], PASSWORD);
    assert!(locked.starts_with(imap.ends[1]), "{locked}");
    assert_eq!(names.map(|name| shown(&server, name)), first);
    let mut log = server.log();
    log.retain(|c| c != '"');
    assert!(
        log.contains("too many failures against the account"),
        "{log}"
    );
    // Where the password is said, it is the same count.
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    let said = smtp.login(names[0], PASSWORD).unwrap();
    assert_eq!(said.code, 535, "{}", said.text);
}
