//! A running server.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

use crate::admin::Admin;
use crate::client::{Imap, Pop3, Smtp};
use crate::setup::PASSWORD;
use crate::wait::{PATIENCE, until};
use crate::{place, process};

/// A socket that the server listens on, from its `listeners.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Listener {
    /// The name in the configuration.
    pub name: String,
    /// What is spoken: `smtp`, `submission`, `lmtp`, `imap`, `pop3`, `metrics`.
    pub protocol: String,
    /// `none`, `starttls` or `implicit`.
    pub tls: String,
    /// Where.
    pub address: SocketAddr,
}

/// A server in a folder of its own; it ends with this value.
pub struct Server {
    folder: TempDir,
    environment: Vec<(String, PathBuf)>,
    process: Option<Child>,
    listeners: Vec<Listener>,
    log: Arc<Mutex<String>>,
    started_in: Duration,
    /// How long a start may take.
    patience: Duration,
}

impl Server {
    /// Starts a server from the configuration in a folder.
    pub(crate) fn new(
        folder: TempDir,
        environment: Vec<(String, PathBuf)>,
        patience: Duration,
    ) -> Self {
        let mut server = Self::in_folder(folder, environment, patience);
        server.start();
        server
    }

    /// A server whose configuration is in a folder, to be started.
    #[must_use]
    pub fn in_folder(
        folder: TempDir,
        environment: Vec<(String, PathBuf)>,
        patience: Duration,
    ) -> Self {
        Server {
            folder,
            environment,
            process: None,
            listeners: Vec::new(),
            log: Arc::new(Mutex::new(String::new())),
            started_in: Duration::ZERO,
            patience,
        }
    }

    /// The same, with a variable of the environment for it and its commands.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: PathBuf) -> Self {
        self.environment.push((name.to_owned(), value));
        self
    }

    /// Starts it, again.
    ///
    /// # Panics
    /// If it does not get ready; with what it said.
    pub fn start(&mut self) {
        let _old = fs::remove_file(self.data().join("listeners.json"));
        let begun = Instant::now();
        let mut process = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let ready = self.follow(process.stderr.take().expect("its standard error is piped"));
        self.process = Some(process);
        let deadline = self.patience;
        match ready.recv_timeout(deadline) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                panic!("the server was not ready in {deadline:?}:\n{}", self.log())
            }
            Err(RecvTimeoutError::Disconnected) => {
                panic!("the server ended before it was ready:\n{}", self.log())
            }
        }
        self.started_in = begun.elapsed();
        let text = fs::read_to_string(self.data().join("listeners.json"))
            .expect("a ready server has written listeners.json");
        self.listeners =
            serde_json::from_str(&text).expect("listeners.json is a list of listeners");
    }

    /// Keeps what the server says, and tells when it said `ready`.
    fn follow(&self, stderr: impl std::io::Read + Send + 'static) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if line.trim() == "ready" {
                    let _gone = sender.send(());
                }
                log.lock()
                    .expect("no test panics with the log")
                    .push_str(&(line + "\n"));
            }
        });
        receiver
    }

    /// How long the last start took, until `ready`.
    #[must_use]
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The folder with `waxwing.toml`, `policy.toml`, `rules/`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// All that the server has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log
            .lock()
            .expect("no test panics with the log")
            .clone()
    }

    /// The process id.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// Everything that is listened on.
    #[must_use]
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Where the listener of a name is.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn address(&self, name: &str) -> SocketAddr {
        let listener = self.listeners.iter().find(|listener| listener.name == name);
        listener
            .unwrap_or_else(|| panic!("no listener is called {name}"))
            .address
    }

    /// An SMTP connection to the MX.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn smtp(&self) -> Smtp {
        Smtp::open(self.address("smtp"))
            .unwrap_or_else(|error| panic!("SMTP: {error}\n{}", self.log()))
    }

    /// An IMAP connection, logged in.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn imap(&self, user: &str) -> Imap {
        Imap::login(self.address("imap"), user, PASSWORD)
            .unwrap_or_else(|error| panic!("IMAP: {error}\n{}", self.log()))
    }

    /// A POP3 connection, logged in.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn pop3(&self, user: &str) -> Pop3 {
        Pop3::login(self.address("pop3"), user, PASSWORD)
            .unwrap_or_else(|error| panic!("POP3: {error}\n{}", self.log()))
    }

    /// The administration over the server's socket.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::new(self.data().join("admin.sock"))
    }

    /// The metrics page.
    ///
    /// # Panics
    /// If it cannot be had.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut connection = crate::client::Connection::open(self.address("metrics"))
            .expect("the metrics listener answers");
        connection
            .send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("a request is sent");
        let mut text = String::new();
        while let Some(line) = connection.line().expect("the page is read") {
            text.push_str(&String::from_utf8_lossy(&line));
            text.push('\n');
        }
        text
    }

    /// A command of the binary on this server's configuration.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(place::binary());
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder().join("waxwing.toml"))
            .arg("--data")
            .arg(self.data());
        for variable in [
            "WAXWING_DATABASE_URL",
            "WAXWING_BLOB_URL",
            "WAXWING_DNS_SERVERS",
            "RUST_LOG",
        ] {
            command.env_remove(variable);
        }
        let own = self.environment.iter();
        command.envs(own.map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command, with this on its standard input, to its end.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        process::run(&mut self.command(arguments), input)
    }

    /// Runs a command that must succeed, and gives what it printed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "waxwing {arguments:?}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a command with `--json` and reads what it printed.
    ///
    /// # Panics
    /// If it fails or prints no JSON.
    #[must_use]
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let text = self.cli(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("waxwing {arguments:?} --json: {error}: {text}"))
    }

    /// Checks the store.
    ///
    /// # Panics
    /// With every problem.
    pub fn verify(&self) {
        let output = self.run(&["verify"], "");
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "waxwing verify: {said}");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process::kill(&mut process);
        }
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// If it does not.
    pub fn stop(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the server runs");
        self.signal_to(process.id(), "TERM");
        let (status, _) = until("the server ends", PATIENCE, || {
            process.try_wait().expect("it can be waited for")
        });
        status
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        self.signal_to(self.pid(), name);
    }

    fn signal_to(&self, pid: u32, name: &str) {
        let sent = process::ask("kill", &["-s", name, &pid.to_string()]);
        assert!(
            sent.status.success(),
            "kill -s {name} {pid}\n{}",
            self.log()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}
