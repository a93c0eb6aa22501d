//! What a test wants of its server: configuration, policy, accounts; written into a folder of its own.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::database::Database;
use crate::place;
use crate::server::Server;
use crate::wait::PATIENCE;

/// The server's name in all tests.
pub const HOST: &str = "mx.waxwing.example";
/// The domain that tests deliver to.
pub const DOMAIN: &str = "waxwing.test";
/// Everybody's password.
pub const PASSWORD: &str = "waxwing-demo";

/// The steps of a policy that accepts everything for who exists.
pub const ACCEPTING: &str =
    "[[step]]\nplugin = \"accepting\"\ngrants = [\"directory\", \"credentials\"]\n";

/// Which policy a server runs.
#[derive(Clone, Debug)]
pub enum Policy {
    /// `config/policy.toml` with its rules and the shipped plugins.
    Shipped,
    /// Everything is accepted, by one plugin made for tests.
    Accepting,
    /// The text of a `policy.toml`.
    Text(String),
}

/// A server to be.
#[derive(Clone, Debug)]
pub struct Setup {
    policy: Policy,
    database: Database,
    own_plugins: bool,
    more_plugins: Option<PathBuf>,
    own_code: bool,
    compiles: u32,
    every_listener: bool,
    policy_settings: String,
    settings: String,
    contact: String,
    accounts: Vec<String>,
    environment: Vec<(String, PathBuf)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// The shipped policy on SQLite, `waxwing.test` with alice and bob.
    #[must_use]
    pub fn new() -> Self {
        Setup {
            policy: Policy::Shipped,
            database: Database::Sqlite,
            own_plugins: false,
            more_plugins: None,
            own_code: false,
            compiles: 0,
            every_listener: false,
            policy_settings: String::new(),
            settings: String::new(),
            contact: String::new(),
            accounts: vec![
                "alice@waxwing.test".to_owned(),
                "bob@waxwing.test".to_owned(),
            ],
            environment: Vec::new(),
        }
    }

    /// Another policy.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Another database.
    #[must_use]
    pub fn database(mut self, database: Database) -> Self {
        self.database = database;
        self
    }

    /// A copy of the plugins beside the policy, which the test may change.
    #[must_use]
    pub fn own_plugins(mut self) -> Self {
        self.own_plugins = true;
        self
    }

    /// A folder where plugins are looked for that the usual one does not have.
    #[must_use]
    pub fn plugins(mut self, folder: PathBuf) -> Self {
        self.more_plugins = Some(folder);
        self
    }

    /// A folder of its own for compiled plugins, for tests that make so many: the first start compiles them all.
    #[must_use]
    pub fn own_code(mut self, plugins: u32) -> Self {
        self.own_code = true;
        self.compiles = plugins;
        self
    }

    /// Listeners for every combination of protocol, TLS and plaintext logins, as dialogues want them.
    #[must_use]
    pub fn every_listener(mut self) -> Self {
        self.every_listener = true;
        self
    }

    /// Lines for the table `[policy]` of `waxwing.toml`.
    #[must_use]
    pub fn policy_settings(mut self, lines: &str) -> Self {
        self.policy_settings.push_str(lines);
        self
    }

    /// Lines for `waxwing.toml`: whole tables, `[limits]` for instance.
    #[must_use]
    pub fn settings(mut self, lines: &str) -> Self {
        self.settings.push_str(lines);
        self.settings.push('\n');
        self
    }

    /// How the administrator is reached.
    #[must_use]
    pub fn contact(mut self, uri: &str) -> Self {
        uri.clone_into(&mut self.contact);
        self
    }

    /// A variable of the server's environment, whose value is a path.
    #[must_use]
    pub fn environment(mut self, name: &str, value: PathBuf) -> Self {
        self.environment.push((name.to_owned(), value));
        self
    }

    /// Other accounts than alice and bob; their domains are added.
    #[must_use]
    pub fn accounts<S: Into<String>>(mut self, accounts: impl IntoIterator<Item = S>) -> Self {
        self.accounts = accounts.into_iter().map(Into::into).collect();
        self
    }

    /// Writes everything and starts the server, with its domains and accounts.
    ///
    /// # Panics
    /// If it does not start; with what it said.
    #[must_use]
    pub fn start(self) -> Server {
        let server = Server::new(self.write(), self.environment.clone(), self.patience());
        server.admin().add_accounts(&self.accounts);
        server
    }

    /// How long a start may take.
    fn patience(&self) -> Duration {
        let slowness = if cfg!(debug_assertions) { 3 } else { 1 };
        slowness * (PATIENCE + self.compiles * Duration::from_secs(1))
    }

    /// Writes the configuration into a new folder.
    fn write(&self) -> TempDir {
        let folder = tempfile::Builder::new()
            .prefix("waxwing-")
            .tempdir()
            .expect("a temporary folder");
        let root = folder.path();
        fs::write(root.join("waxwing.toml"), self.configuration(root))
            .expect("the configuration is written");
        let policy = match &self.policy {
            Policy::Shipped => {
                let config = place::repository().join("config");
                copy_folder(&config.join("rules"), &root.join("rules"));
                fs::read_to_string(config.join("policy.toml")).expect("config/policy.toml is there")
            }
            Policy::Accepting => ACCEPTING.to_owned(),
            Policy::Text(text) => text.clone(),
        };
        fs::create_dir_all(root.join("rules")).expect("a folder for rules");
        fs::write(root.join("policy.toml"), policy).expect("the policy is written");
        if self.own_plugins {
            copy_folder(&place::plugins(), &root.join("plugins"));
        }
        if !self.own_code {
            share_compiled(root);
        }
        folder
    }

    fn configuration(&self, root: &Path) -> String {
        let plugins = if self.own_plugins {
            root.join("plugins")
        } else {
            place::plugins()
        };
        let folders: Vec<String> = [Some(&plugins), self.more_plugins.as_ref()]
            .into_iter()
            .flatten()
            .map(|folder| folder.display().to_string())
            .collect();
        let contact = &self.contact;
        let mut text = format!("hostname = \"{HOST}\"\ndata = \"data\"\ncontact = \"{contact}\"\n");
        let _ = writeln!(
            text,
            "[policy]\nfile = \"policy.toml\"\nplugins = {folders:?}\n{}",
            self.policy_settings
        );
        if let Some(url) = self.database.url() {
            let _ = writeln!(text, "[store]\ndatabase = {url:?}");
        }
        if !self.settings.contains("[limits]") {
            text.push_str("[limits]\nsessions-per-address = 20000\n");
        }
        text.push_str(&self.settings);
        for service in ["smtp", "submission", "lmtp", "imap", "pop3"] {
            push_listener(&mut text, service, service, "starttls", true);
            if self.every_listener {
                push_listener(
                    &mut text,
                    &format!("{service}-strict"),
                    service,
                    "starttls",
                    false,
                );
                push_listener(
                    &mut text,
                    &format!("{service}-clear"),
                    service,
                    "none",
                    true,
                );
            }
            if self.every_listener && matches!(service, "smtp" | "submission") {
                push_listener(
                    &mut text,
                    &format!("{service}-trusted"),
                    service,
                    "starttls",
                    true,
                );
                text.push_str("xclient-from = \"127.0.0.1\"\n");
                push_listener(
                    &mut text,
                    &format!("{service}-binary"),
                    service,
                    "starttls",
                    true,
                );
                text.push_str("binary-mime = true\n");
            }
            push_listener(
                &mut text,
                &format!("{service}-tls"),
                service,
                "implicit",
                true,
            );
        }
        push_listener(&mut text, "metrics", "metrics", "none", false);
        text
    }
}

/// Compiled plugins are shared by all servers of the tests: files there are named by what they hold and never change.
///
/// # Panics
/// If a folder cannot be made.
pub fn share_compiled(root: &Path) {
    let shared = place::target().join("compiled-for-tests");
    fs::create_dir_all(&shared).expect("a folder for compiled plugins");
    fs::create_dir_all(root.join("data")).expect("the data folder");
    symlink(shared, root.join("data/compiled")).expect("a link to the compiled plugins");
}

fn push_listener(text: &mut String, name: &str, service: &str, tls: &str, plaintext: bool) {
    let _ = writeln!(
        text,
        "[[listener]]\nname = \"{name}\"\nprotocol = \"{service}\"\naddress = \"127.0.0.1:0\"\ntls = \"{tls}\"\nplaintext-auth = {plaintext}"
    );
}

/// Copies the files of a folder; a folder that is not there has none.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a file is copied");
        }
    }
}
