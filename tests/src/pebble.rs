//! A certification authority that speaks ACME: Pebble, from Debian's package, on ports of the loopback that were free.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::json;
use tempfile::TempDir;

use crate::authority::Authority;
use crate::process;
use crate::wait::{PATIENCE, until};

/// How an authority is to be.
#[derive(Clone, Default)]
pub struct Manner {
    /// Where it looks names up.
    pub names: Option<SocketAddr>,
    /// How many of a hundred good nonces it refuses; by itself it refuses five.
    pub refused_nonces: Option<u8>,
    /// The identifier and the key (base64url) without which nobody gets an account.
    pub external: Option<(&'static str, &'static str)>,
}

/// An authority; it ends with this value.
pub struct Pebble {
    folder: TempDir,
    manner: Manner,
    process: Option<Child>,
    port: u16,
    management: u16,
    http: Relay,
    tls: Relay,
    own: Authority,
}

impl Pebble {
    /// Whether it is there; says what is missing.
    #[must_use]
    pub fn is_installed() -> bool {
        let there = process::has("pebble");
        if !there {
            eprintln!("SKIPPED: pebble is not installed; tools/setup.sh test installs it");
        }
        there
    }

    /// Starts one.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn start(manner: Manner) -> Self {
        let mut pebble = Self::away(manner);
        pebble.come();
        pebble
    }

    /// One that has a place and does not answer yet.
    ///
    /// # Panics
    /// If there are no ports.
    #[must_use]
    pub fn away(manner: Manner) -> Self {
        let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
        let [port, management] =
            taken.map(|listener| listener.local_addr().expect("it is bound").port());
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            manner,
            process: None,
            port,
            management,
            http: Relay::new(),
            tls: Relay::new(),
            own: Authority::new(),
        }
    }

    /// It looks names up there, when it comes.
    pub fn asks(&mut self, names: SocketAddr) {
        self.manner.names = Some(names);
    }

    /// It answers from now on, and knows of no account.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn come(&mut self) {
        self.go();
        let certificate = self.own.issue("127.0.0.1");
        let keys = self.manner.external.map(|(id, key)| json!({ id: key }));
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{}", self.port),
            "managementListenAddress": format!("127.0.0.1:{}", self.management),
            "certificate": certificate.certificate,
            "privateKey": certificate.key,
            "httpPort": self.http.address.port(),
            "tlsPort": self.tls.address.port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": keys.is_some(),
            "externalAccountMACKeys": keys,
        }});
        let path = self.folder.path().join("pebble.json");
        fs::write(&path, config.to_string()).expect("its configuration is written");
        let said = fs::File::create(self.folder.path().join("said")).expect("a file");
        let mut command = Command::new("pebble");
        command
            .arg("-config")
            .arg(path)
            .env("PEBBLE_VA_NOSLEEP", "1")
            // Each order is to be proved anew.
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("a file"))
            .stderr(said);
        if let Some(names) = self.manner.names {
            command.arg("-dnsserver").arg(names.to_string());
        }
        if let Some(share) = self.manner.refused_nonces {
            command.env("PEBBLE_WFE_NONCEREJECT", share.to_string());
        }
        self.process = Some(command.spawn().expect("pebble starts"));
        for port in [self.port, self.management] {
            until("pebble answers", PATIENCE, || {
                TcpStream::connect(("127.0.0.1", port)).ok()
            });
        }
    }

    /// It answers no more.
    pub fn go(&mut self) {
        if let Some(mut process) = self.process.take() {
            process::kill(&mut process);
        }
    }

    /// Lines of `waxwing.toml` for a server that gets its certificates there.
    #[must_use]
    pub fn settings(&self) -> String {
        format!(
            "[acme]\ndirectory = {:?}\nroots = {:?}\n",
            self.directory(),
            self.own.roots().display().to_string()
        )
    }

    /// Where its directory is.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// What the authority's own server is verified by.
    #[must_use]
    pub fn roots(&self) -> PathBuf {
        self.own.roots()
    }

    /// A file with the root of the certificates that it issues now.
    ///
    /// # Panics
    /// If it does not say.
    #[must_use]
    pub fn issued_by(&self) -> PathBuf {
        let url = format!("https://127.0.0.1:{}/roots/0", self.management);
        let roots = self.own.roots().display().to_string();
        let got = process::ask("curl", &["-sS", "--cacert", &roots, &url]);
        assert!(
            got.status.success(),
            "{}",
            String::from_utf8_lossy(&got.stderr)
        );
        let path = self.folder.path().join("issued-by.pem");
        fs::write(&path, got.stdout).expect("a file");
        path
    }

    /// Where it looks at pages, and at certificates, from now on.
    pub fn looks_at(&self, http: Option<SocketAddr>, tls: Option<SocketAddr>) {
        self.http.lead(http);
        self.tls.lead(tls);
    }

    /// What it said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.go();
        if std::thread::panicking() {
            eprintln!("Pebble's log:\n{}", self.log());
        }
    }
}

/// A port that leads to another one, which is told later: who connects waits for that.
struct Relay {
    address: SocketAddr,
    to: Arc<(Mutex<Option<SocketAddr>>, Condvar)>,
}

impl Relay {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let to = Arc::<(Mutex<Option<SocketAddr>>, Condvar)>::default();
        let known = Arc::clone(&to);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let known = Arc::clone(&known);
                std::thread::spawn(move || pass_on(stream, &known));
            }
        });
        Self { address, to }
    }

    fn lead(&self, to: Option<SocketAddr>) {
        let (known, told) = &*self.to;
        *known.lock().expect("nobody panics with it") = to;
        told.notify_all();
    }
}

/// Both directions, until either ends.
fn pass_on(stream: TcpStream, known: &(Mutex<Option<SocketAddr>>, Condvar)) -> io::Result<()> {
    let (known, told) = known;
    let mut to = known.lock().expect("nobody panics with it");
    while to.is_none() {
        to = told.wait(to).expect("nobody panics with it");
    }
    let to = to.expect("it is known");
    let other = TcpStream::connect(to)?;
    let (mut from, mut into) = (other.try_clone()?, stream.try_clone()?);
    let back = std::thread::spawn(move || {
        let _ended = io::copy(&mut from, &mut into);
        let _gone = into.shutdown(std::net::Shutdown::Write);
    });
    let (mut from, mut into) = (stream, other);
    let _ended = io::copy(&mut from, &mut into);
    let _gone = into.shutdown(std::net::Shutdown::Write);
    let _done = back.join();
    Ok(())
}
