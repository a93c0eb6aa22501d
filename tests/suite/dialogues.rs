//! Every dialogue against the real server, over TCP; the protocol crates hold their sessions to the same files in memory.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use waxwing_dialogue::{Dialogue, Received, Wire, dialogues_in, run};
use waxwing_tests::client::{Connection, Imap};
use waxwing_tests::setup::{DOMAIN, PASSWORD};
use waxwing_tests::{Server, Setup, place};

/// Directives that a real server can be brought to fulfil.
const KNOWN: [&str; 10] = [
    "acl",
    "trusted",
    "extension",
    "listener",
    "tls",
    "plaintext-auth",
    "message",
    "account",
    "alias",
    "offline",
];
/// How long a line may take: policy may slow down whoever guesses passwords.
const PATIENCE: Duration = Duration::from_secs(30);
/// Logins are slow by design; more of them at once would only wait for each other.
const WORKERS: usize = 3;

#[test]
fn over_tcp() {
    let settings = "[limits]\nmessage-size = \"1MiB\"\nsessions-per-address = 20000\n";
    let server = Setup::new()
        .every_listener()
        .settings(settings)
        .accounts(Vec::<String>::new())
        .start();
    let folder = place::tests().join("dialogues");
    let files: Vec<_> = ["smtp", "imap", "pop3"]
        .iter()
        .flat_map(|protocol| dialogues_in(&folder.join(protocol)).unwrap_or_default())
        .collect();
    let (next, skipped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mismatches = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(index) else { break };
                    match check(&server, file, index) {
                        Ok(true) => {}
                        Ok(false) => drop(skipped.fetch_add(1, Ordering::Relaxed)),
                        Err(mismatch) => mismatches.lock().unwrap().push(mismatch),
                    }
                }
            });
        }
    });
    let mut mismatches = mismatches.into_inner().unwrap();
    mismatches.sort();
    eprintln!(
        "{} dialogues over TCP, {} only in memory",
        files.len() - skipped.load(Ordering::Relaxed),
        skipped.into_inner()
    );
    assert!(
        mismatches.is_empty(),
        "{} mismatches\n{}\n",
        mismatches.len(),
        mismatches.join("\n")
    );
}

/// Runs one dialogue in a domain of its own; false if it is not for a real server.
fn check(server: &Server, file: &Path, index: usize) -> Result<bool, String> {
    let source = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    // The same length, so that literals and limits stay what they are.
    let domain = format!("wax{index:04}.test");
    assert_eq!(domain.len(), DOMAIN.len());
    let source = source.replace(DOMAIN, &domain);
    let name = file
        .strip_prefix(place::repository())
        .unwrap_or(file)
        .display()
        .to_string();
    let dialogue = Dialogue::parse(&name, &source)?;
    let unknown = dialogue.directives.iter().find(|(word, value)| {
        !KNOWN.contains(&word.as_str()) || word == "extension" && value.starts_with("no-")
    });
    if dialogue.offline().is_some() || unknown.is_some() {
        return Ok(false);
    }
    prepare(server, &dialogue, &domain)
        .map_err(|error| format!("{name}: its world cannot be prepared: {error}"))?;
    let mut wire =
        Tcp::open(server, &dialogue, file).map_err(|error| format!("{name}: {error}"))?;
    run(&dialogue, &mut wire).map_err(|mismatch| mismatch.to_string())?;
    Ok(true)
}

/// The world that dialogues assume: alice and bob, and what the directives add.
fn prepare(server: &Server, dialogue: &Dialogue, domain: &str) -> io::Result<()> {
    let admin = server.admin();
    admin.add_domain(domain);
    // Passwords are slow to hash by design; whoever does not log in needs none.
    let logs_in = |user: &str| {
        dialogue.source.contains(PASSWORD) && dialogue.source.contains(&format!("{user}@"))
    };
    for user in ["alice", "bob"] {
        let has_mail = dialogue
            .directives("message")
            .chain(dialogue.directives("acl"))
            .any(|owner| owner.starts_with(user));
        admin.add_account(&format!("{user}@{domain}"), has_mail || logs_in(user), None);
    }
    for account in dialogue.directives("account") {
        let (address, quota) = account.split_once(" quota=").unwrap_or((account, ""));
        admin.add_account(address, true, quota.parse().ok());
    }
    for alias in dialogue.directives("alias") {
        let (address, targets) = alias.split_once(' ').unwrap_or((alias, ""));
        admin.add_alias(address, &targets.split(' ').collect::<Vec<_>>());
    }
    share(server, dialogue, domain)?;
    for message in dialogue.directives("message") {
        let mut words = message.splitn(4, ' ');
        let (Some(user), Some(mailbox), Some(file)) = (words.next(), words.next(), words.next())
        else {
            return Err(io::Error::other(format!(
                "% message {message}: account, mailbox and file are wanted"
            )));
        };
        let octets = message_file(file, domain)?;
        let mut imap = Imap::login(
            server.address("imap"),
            &format!("{user}@{domain}"),
            PASSWORD,
        )?;
        imap.append(mailbox, words.next().unwrap_or_default(), &octets)?
            .ok()?;
    }
    Ok(())
}

/// Mailboxes that their owners share: `% acl OWNER MAILBOX IDENTIFIER RIGHTS`.
fn share(server: &Server, dialogue: &Dialogue, domain: &str) -> io::Result<()> {
    for acl in dialogue.directives("acl") {
        let words: Vec<&str> = acl.split(' ').collect();
        let [owner, mailbox, identifier, rights] = words[..] else {
            return Err(io::Error::other(format!(
                "% acl {acl}: owner, mailbox, identifier and rights are wanted"
            )));
        };
        let owner = format!("{owner}@{domain}");
        let mut imap = Imap::login(server.address("imap"), &owner, PASSWORD)?;
        // It may be there already.
        imap.command(&format!("CREATE {mailbox}"))?;
        imap.command(&format!("SETACL {mailbox} {identifier} {rights}"))?
            .ok()?;
    }
    Ok(())
}

/// A message of `tests/messages`, with CRLF line ends and the dialogue's domain.
fn message_file(file: &str, domain: &str) -> io::Result<Vec<u8>> {
    let octets = std::fs::read(place::tests().join("messages").join(file))?;
    let text = String::from_utf8(octets).map_err(io::Error::other)?;
    Ok(text
        .replace("\r\n", "\n")
        .replace('\n', "\r\n")
        .replace(DOMAIN, domain)
        .into_bytes())
}

/// A TCP connection as a dialogue's wire.
struct Tcp {
    connection: Connection,
    outgoing: Vec<u8>,
}

impl Tcp {
    fn open(server: &Server, dialogue: &Dialogue, file: &Path) -> io::Result<Self> {
        let folder = file
            .parent()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let service = match dialogue.directive("listener").unwrap_or(folder) {
            "transfer" => "smtp",
            other => other,
        };
        let strict = dialogue.directive("plaintext-auth") == Some("off");
        let (suffix, tls) = match dialogue.directive("tls") {
            Some("implicit") => ("-tls", true),
            Some("absent" | "none") => ("-clear", false),
            _ if strict => ("-strict", false),
            _ if dialogue.directive("trusted").is_some() => ("-trusted", false),
            _ if dialogue
                .directives("extension")
                .any(|name| name == "binarymime") =>
            {
                ("-binary", false)
            }
            _ => ("", false),
        };
        let address = server.address(&format!("{service}{suffix}"));
        let connection = if tls {
            Connection::open_tls(address)?
        } else {
            Connection::open(address)?
        };
        connection.set_patience(PATIENCE);
        Ok(Tcp {
            connection,
            outgoing: Vec::new(),
        })
    }
}

impl Wire for Tcp {
    fn send(&mut self, octets: &[u8]) -> Result<(), String> {
        if !octets.is_empty() {
            self.outgoing.extend_from_slice(octets);
            return Ok(());
        }
        match self.connection.send(&std::mem::take(&mut self.outgoing)) {
            // A server that has had enough closes while the client is still sending; what it said is read next.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
                ) =>
            {
                Ok(())
            }
            other => other.map_err(|error| error.to_string()),
        }
    }

    fn line(&mut self) -> Result<Received, String> {
        match self.connection.line() {
            Ok(Some(line)) => Ok(Received::Line(line)),
            Ok(None) => Ok(Received::Closed),
            Err(error) => Err(format!("no line came: {error}")),
        }
    }

    fn secure(&mut self) -> Result<(), String> {
        self.connection
            .secure()
            .map_err(|error| format!("no TLS: {error}"))
    }

    fn hangup(&mut self) {
        self.connection.hangup();
    }
}
