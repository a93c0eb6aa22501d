//! Import from other servers over IMAP: another Waxwing, and Dovecot where it is installed.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use waxwing_tests::authority::Authority;
use waxwing_tests::client::Imap;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::wait::{PATIENCE, until};
use waxwing_tests::{Server, Setup, process};

use super::{ALICE, done, text};

/// Puts mail into an account by IMAP: mailboxes, flags, dates, a subscription.
fn fill(imap: &mut Imap, separator: char) {
    let old = format!("Work{separator}Old");
    for command in [
        "CREATE Work".to_owned(),
        format!("CREATE \"{old}\""),
        "CREATE Entw&APw-rfe".to_owned(),
        format!("SUBSCRIBE \"{old}\""),
    ] {
        imap.command(&command).unwrap().ok().unwrap();
    }
    let flags = [
        "",
        "\\Seen",
        "\\Flagged \\Answered $Forwarded work",
        "\\Draft",
        "\\Deleted",
    ];
    for mailbox in ["INBOX", "Work", &old, "Entw&APw-rfe"] {
        for (number, flags) in flags.into_iter().enumerate() {
            let message = format!(
                "Subject: {} {number}\r\n\r\nGrüße\r\n{}",
                mailbox.replace(separator, "/"),
                "x\r\n".repeat(number * 20_000)
            );
            // With a date, in another zone, beside the flags.
            let flags = format!("{flags}) \"0{}-Nov-2025 10:11:12 +0530\" (", number + 1);
            append(imap, mailbox, &flags, message.as_bytes());
        }
    }
}

fn append(imap: &mut Imap, mailbox: &str, flags: &str, message: &[u8]) {
    let flags = flags.strip_suffix(" (").unwrap();
    let (flags, date) = flags.split_once(") ").unwrap();
    let command = format!(
        "a APPEND \"{mailbox}\" ({flags}) {date} {{{}}}\r\n",
        message.len()
    );
    imap.connection.send(command.as_bytes()).unwrap();
    let line = imap.connection.line().unwrap().unwrap();
    assert!(line.starts_with(b"+"), "{}", String::from_utf8_lossy(&line));
    imap.connection.send(&[message, b"\r\n"].concat()).unwrap();
    loop {
        let line = imap.connection.line().unwrap().unwrap();
        if let Some(rest) = line.strip_prefix(b"a ") {
            assert!(
                rest.starts_with(b"OK"),
                "{}",
                String::from_utf8_lossy(&line)
            );
            return;
        }
    }
}

/// All that an account has, as text: mailbox, flags, date, content.
fn all(imap: &mut Imap, separator: char) -> Vec<String> {
    let mut all = Vec::new();
    for mailbox in [
        "INBOX".to_owned(),
        "Work".into(),
        format!("Work{separator}Old"),
        "Entw&APw-rfe".into(),
    ] {
        let count = imap.select(&mailbox).unwrap();
        let reply = imap
            .command("FETCH 1:* (FLAGS INTERNALDATE)")
            .unwrap()
            .ok()
            .unwrap();
        for row in &reply.untagged {
            let row = String::from_utf8_lossy(row)
                .replace(" \\Recent", "")
                .replace("\\Recent", "");
            if let Some((_, row)) = row.split_once(" FETCH ") {
                let (flags, date) = row.split_once("INTERNALDATE").unwrap();
                let flags = flags
                    .trim_matches(|c| "() ".contains(c))
                    .trim_start_matches("FLAGS (");
                let mut flags: Vec<&str> = flags.split(' ').collect();
                flags.sort_unstable();
                all.push(format!(
                    "{} {flags:?} {}",
                    mailbox.replace(separator, "/"),
                    date.trim_matches(|c| "() ".contains(c))
                ));
            }
        }
        assert_eq!(count, 5, "{mailbox}");
        let messages = imap.fetch("1:*").unwrap().into_iter();
        all.extend(messages.map(|message| String::from_utf8_lossy(&message.octets).into_owned()));
    }
    all
}

fn check(server: &Server, mut there: Imap, separator: char) {
    let mut here = server.imap(ALICE);
    assert_eq!(all(&mut here, '/'), all(&mut there, separator));
    let subscribed = here.command("LSUB \"\" \"Work/*\"").unwrap().text();
    assert!(subscribed.contains("Work/Old"), "{subscribed}");
}

#[test]
fn another_waxwing() {
    let authority = Authority::new();
    let issued = authority.issue("localhost");
    let files = format!(
        "[tls]\ncertificate = {:?}\nkey = {:?}\n",
        issued.certificate, issued.key
    );
    let from = Setup::new().settings(&files).start();
    let server = Setup::new().start();
    fill(&mut from.imap(ALICE), '/');

    let roots = authority.roots();
    let import = |listener: &str, tls: &str, more: &[&str]| {
        let port = from.address(listener).port().to_string();
        let start = [
            "import",
            "imap",
            ALICE,
            "localhost",
            "--port",
            &port,
            "--tls",
            tls,
        ];
        let arguments: Vec<String> = start
            .iter()
            .chain(more)
            .map(|text| (*text).to_owned())
            .collect();
        arguments
    };
    let run = |arguments: &[String], password: &str| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = server.run(&arguments, password);
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    // Nobody is trusted whom no authority vouches for, and no password goes there.
    let (code, said) = run(
        &import("imap-tls", "implicit", &["--password-stdin"]),
        PASSWORD,
    );
    assert!(code == 69 && said.contains("TLS"), "{code} {said}");
    let trusted = ["--authority", text(&roots), "--password-stdin"];
    let (code, said) = run(&import("imap-tls", "implicit", &trusted), "wrong");
    assert!(code == 65 && said.contains("refused"), "{code} {said}");

    let (code, said) = run(&import("imap-tls", "implicit", &trusted), PASSWORD);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said, "", "there is no bar where there is no terminal");
    check(&server, from.imap(ALICE), '/');
    // CRLF is how IMAP ends lines, and nothing of the messages.
    let out = server.folder().join("out");
    done(&server, &["export", "maildir", ALICE, text(&out)]);
    for file in fs::read_dir(out.join("cur")).unwrap() {
        let written = fs::read(file.unwrap().path()).unwrap();
        assert!(written.starts_with(b"Subject: INBOX") && !written.contains(&b'\r'));
    }

    // The rest comes with the next run, by other ways; what was there does not come again.
    from.imap(ALICE)
        .append("INBOX", "", b"Subject: late\r\n\r\n")
        .unwrap()
        .ok()
        .unwrap();
    let file = server.folder().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let arguments = import(
        "imap",
        "starttls",
        &["--authority", text(&roots), "--password-file", text(&file)],
    );
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Another port is another place.
    assert_eq!(
        done(
            &server,
            &[&arguments[..], &["--only", "INBOX", "--under", "again"]].concat()
        ),
        (6, 0)
    );
    assert_eq!(
        done(
            &server,
            &[&arguments[..], &["--only", "INBOX", "--under", "again"]].concat()
        ),
        (0, 6)
    );
    assert_eq!(server.imap(ALICE).select("again/INBOX").unwrap(), 6);
}

/// A Dovecot that runs in a folder; it ends with this value.
struct Dovecot {
    process: Child,
    address: SocketAddr,
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        process::end(&mut self.process);
    }
}

/// What `id` says of the user nobody.
fn nobody(which: &str) -> u32 {
    let said = process::ask("id", &[which, "nobody"]);
    String::from_utf8_lossy(&said.stdout)
        .trim()
        .parse()
        .expect("a number")
}

fn dovecot(base: &Path) -> Dovecot {
    let mail = base.join("mail");
    fs::create_dir_all(&mail).unwrap();
    let (user, group) = (nobody("-u"), nobody("-g"));
    chown(&mail, Some(user), Some(group)).unwrap();
    let users = base.join("users");
    fs::write(
        &users,
        format!("{ALICE}:{{PLAIN}}{PASSWORD}:{user}:{group}::/nonexistent\n"),
    )
    .unwrap();
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let text = format!(
        "base_dir = {base}/run\nstate_dir = {base}/state\ninstance_name = waxwing-test\nlog_path = {base}/log\nprotocols = imap\n\
         listen = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
         mail_location = maildir:{mail}/%u\npassdb {{\n driver = passwd-file\n args = {users}\n}}\n\
         userdb {{\n driver = passwd-file\n args = {users}\n}}\nservice imap-login {{\n inet_listener imap {{\n port = {port}\n }}\n}}\n\
         namespace inbox {{\n inbox = yes\n separator = .\n}}\n",
        base = base.display(),
        mail = mail.display(),
        users = users.display(),
        port = address.port(),
    );
    let configuration = base.join("dovecot.conf");
    fs::write(&configuration, text).unwrap();
    let process = Command::new("/usr/sbin/dovecot")
        .args(["-F", "-c"])
        .arg(&configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Dovecot starts");
    until("Dovecot answers", PATIENCE, || {
        TcpStream::connect(address).ok()
    });
    Dovecot { process, address }
}

#[test]
fn dovecot_by_imap_and_by_its_maildir() {
    if !process::is_root() || !process::has_file(Path::new("/usr/sbin/dovecot")) {
        eprintln!(
            "SKIPPED: Dovecot is not installed, or this is not root; tools/setup.sh clients installs it"
        );
        return;
    }
    let server = Setup::new().start();
    // Its processes run as another user, who has to get there.
    let base = tempfile::Builder::new()
        .prefix("waxwing-dovecot-")
        .tempdir()
        .unwrap();
    fs::set_permissions(
        base.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let dovecot = dovecot(base.path());
    let login = || Imap::login(dovecot.address, ALICE, PASSWORD).unwrap();
    fill(&mut login(), '.');
    let port = dovecot.address.port().to_string();
    let start = [
        "import",
        "imap",
        ALICE,
        "127.0.0.1",
        "--port",
        &port,
        "--tls",
        "none",
        "--password-stdin",
    ];
    let output = server.run(&start, PASSWORD);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    check(&server, login(), '.');

    let maildir = base.path().join("mail").join(ALICE);
    let bob = ["import", "maildir", "bob@waxwing.test", text(&maildir)];
    assert_eq!(done(&server, &bob), (20, 0));
    let (mut alice, mut bob) = (server.imap(ALICE), server.imap("bob@waxwing.test"));
    // Maildir has no zones: the time is the same.
    let without_dates = |rows: Vec<String>| {
        rows.into_iter()
            .map(|row| row.split(" \"0").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        without_dates(all(&mut alice, '/')),
        without_dates(all(&mut bob, '/'))
    );
}
