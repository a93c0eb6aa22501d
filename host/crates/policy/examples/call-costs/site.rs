//! Policies in folders of their own, and the connections and transactions that they are asked about.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use waxwing_mail::{Address, ForwardPath, Protocol, Recipient, ReversePath};
use waxwing_policy::{
    ConnectionFacts, Decision, MemoryServices, Policy, PolicyConfig, PolicySession, Transaction,
    TransactionFacts,
};

use crate::timed;

pub(crate) const RECIPIENT: &str = "alice@waxwing.test";

/// A folder with `policy.toml`, plugins and compiled code.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) services: Arc<MemoryServices>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("plugins")).expect("a folder for plugins");
        let services = Arc::new(MemoryServices::new());
        services.add_domain("waxwing.test");
        services.add_account(RECIPIENT, "waxwing-demo");
        Self { folder, services }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn plugin(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.path(&format!("plugins/{name}.wasm")), octets)
            .expect("a plugin is written");
    }

    pub(crate) fn policy(&self, text: &str) {
        std::fs::write(self.path("policy.toml"), text).expect("a policy is written");
    }

    /// The policy, serving.
    pub(crate) async fn start(&self) -> Policy {
        self.start_of(self.path("policy.toml"), self.path("plugins"))
            .await
    }

    /// The policy of another file, serving.
    pub(crate) async fn start_of(&self, file: PathBuf, plugins: PathBuf) -> Policy {
        let mut config = PolicyConfig::new(file, vec![plugins], self.path("compiled"));
        config.watch = false;
        let policy = Policy::start(config, self.services.clone())
            .await
            .expect("an engine");
        let problems = policy.status().problems;
        assert!(problems.is_empty(), "{problems:#?}");
        policy
    }

    /// The one file of compiled code.
    pub(crate) fn compiled(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.path("compiled")).expect("compiled code");
        let mut paths = entries.flatten().map(|entry| entry.path());
        paths.find(|path| path.extension() == Some("compiled".as_ref()))
    }
}

pub(crate) fn session(policy: &Policy) -> PolicySession {
    let facts = ConnectionFacts {
        id: "c1".into(),
        protocol: Protocol::Smtp,
        listener: "mx".into(),
        client: "192.0.2.7:4321".parse().expect("an address"),
        local: "192.0.2.1:25".parse().expect("an address"),
        tls: None,
    };
    PolicySession::new(policy.current(), facts)
}

pub(crate) fn transaction(policy: &Policy, session: &mut PolicySession) -> Transaction {
    let facts = TransactionFacts {
        queue_id: "q1".into(),
        sender: ReversePath::Address(address("bob@example.org")),
        params: Vec::new(),
        declared_size: Some(4096),
        smtputf8: false,
    };
    session.transaction(policy.current(), facts)
}

pub(crate) fn recipient() -> Recipient {
    Recipient::new(ForwardPath::Address(address(RECIPIENT)))
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

/// How long the hook `connect` takes, each time for another connection.
pub(crate) async fn connects(policy: &Policy, count: usize) -> Vec<Duration> {
    let mut sessions: Vec<_> = (0..count).map(|_| session(policy)).collect();
    let mut times = Vec::with_capacity(count);
    for session in &mut sessions {
        let (decision, took) = timed(session.connect()).await;
        passes(&decision);
        times.push(took);
    }
    times
}

/// How long the hook `rcpt-to` takes, all in one transaction.
pub(crate) async fn recipients(policy: &Policy, count: usize) -> Vec<Duration> {
    let mut transaction = transaction(policy, &mut session(policy));
    let recipient = recipient();
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let (decision, took) = timed(transaction.rcpt_to(&recipient)).await;
        passes(&decision);
        times.push(took);
    }
    times
}

/// A decision for going on, or the measurement ends.
pub(crate) fn passes(decision: &Decision) {
    assert!(matches!(decision, Decision::Pass), "{decision:?}");
}

/// About 4 KB of mail as people send it: text, HTML, a few links.
pub(crate) fn message() -> bytes::Bytes {
    let mut text = String::from(
        "From: Bob <bob@example.org>\r\nTo: Alice <alice@waxwing.test>\r\nSubject: =?utf-8?q?The_minutes_of_our_meeting?=\r\n\
         Date: Wed, 25 Nov 2026 12:00:00 +0100\r\nMessage-ID: <minutes@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=\"edge\"\r\n\r\n--edge\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
    );
    for number in 1..=20 {
        text.push_str(&format!(
            "{number}. We talked about the roof, the garden and the price of both.\r\n"
        ));
    }
    text.push_str("--edge\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n");
    for number in 1..=20 {
        text.push_str(&format!("<p>{number}. We talked about <a href=\"https://www.example.org/{number}\">the roof</a>, the garden and the price of both.</p>\r\n"));
    }
    text.push_str("</body></html>\r\n--edge--\r\n");
    text.into()
}

/// The octets of a file.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).expect("a file").len()
}
