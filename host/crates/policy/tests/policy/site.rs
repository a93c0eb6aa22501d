//! A policy in a folder of its own, with the pretended services of `MemoryServices`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use waxwing_mail::{Address, ForwardPath, Protocol, Recipient, ReversePath};
use waxwing_policy::{
    ConnectionFacts, Decision, MemoryServices, Policy, PolicyConfig, PolicySession, Recorder,
    Transaction, TransactionFacts,
};

use crate::component::Plugin;

/// The folder.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) services: Arc<MemoryServices>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("plugins")).unwrap();
        let services = Arc::new(MemoryServices::new());
        services.add_domain("waxwing.test");
        services.add_account("alice@waxwing.test", "waxwing-demo");
        let site = Self { folder, services };
        site.policy("");
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn plugin(&self, name: &str, plugin: &Plugin) -> &Self {
        self.file(&format!("plugins/{name}.wasm"), &plugin.build())
    }

    pub(crate) fn policy(&self, text: &str) -> &Self {
        self.file("policy.toml", text.as_bytes())
    }

    /// Replaces a file at once, as build tools and careful editors do.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = self.path("new");
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, path).unwrap();
        self
    }

    pub(crate) fn config(&self) -> PolicyConfig {
        let mut config = PolicyConfig::new(
            self.path("policy.toml"),
            vec![self.path("plugins")],
            self.path("cache"),
        );
        config.instances = 24;
        config.watch = false;
        config
    }

    pub(crate) async fn start(&self) -> Policy {
        Policy::start(self.config(), self.services.clone())
            .await
            .unwrap()
    }

    /// A policy whose history is kept.
    pub(crate) async fn start_kept(&self) -> Policy {
        let config = PolicyConfig {
            state_dir: Some(self.path("policy")),
            ..self.config()
        };
        Policy::start(config, self.services.clone()).await.unwrap()
    }

    pub(crate) async fn start_watching(&self) -> Policy {
        let config = PolicyConfig {
            watch: true,
            ..self.config()
        };
        Policy::start(config, self.services.clone()).await.unwrap()
    }

    pub(crate) async fn start_recorded(&self, recorder: Arc<dyn Recorder>) -> Policy {
        Policy::start_recorded(self.config(), self.services.clone(), recorder)
            .await
            .unwrap()
    }

    /// A policy that loads, or the test fails with its problems.
    pub(crate) async fn serving(&self) -> Policy {
        let policy = self.start().await;
        assert!(
            policy.status().problems.is_empty(),
            "{:#?}",
            policy.status().problems
        );
        policy
    }

    /// The problems of a policy that does not load.
    pub(crate) async fn problems(&self) -> Vec<String> {
        let checked = Policy::check(&self.config()).await.unwrap();
        checked
            .problems
            .iter()
            .map(|problem| {
                problem
                    .to_string()
                    .replace(&format!("{}/", self.folder.path().display()), "")
            })
            .collect()
    }
}

/// A step of `policy.toml`.
pub(crate) fn step(plugin: &str, more: &str) -> String {
    format!(
        "[[step]]\nplugin = \"{plugin}\"\ngrants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\"]\n{more}\n"
    )
}

pub(crate) fn session_of(policy: &Policy, protocol: Protocol) -> PolicySession {
    session_from(policy, protocol, "192.0.2.7:4321")
}

pub(crate) fn session_from(policy: &Policy, protocol: Protocol, client: &str) -> PolicySession {
    let facts = ConnectionFacts {
        id: "c1".into(),
        protocol,
        listener: "mx".into(),
        client: client.parse().unwrap(),
        local: "192.0.2.1:25".parse().unwrap(),
        tls: None,
    };
    PolicySession::new(policy.current(), facts)
}

pub(crate) fn session(policy: &Policy) -> PolicySession {
    session_of(policy, Protocol::Smtp)
}

pub(crate) fn transaction_of(policy: &Policy, session: &mut PolicySession) -> Transaction {
    transaction_from(policy, session, "bob@example.org")
}

pub(crate) fn transaction_from(
    policy: &Policy,
    session: &mut PolicySession,
    sender: &str,
) -> Transaction {
    let facts = TransactionFacts {
        queue_id: "q1".into(),
        sender: ReversePath::Address(address(sender)),
        params: Vec::new(),
        declared_size: Some(100),
        smtputf8: false,
    };
    session.transaction(policy.current(), facts)
}

pub(crate) fn transaction(policy: &Policy) -> Transaction {
    transaction_of(policy, &mut session(policy))
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn recipient(text: &str) -> Recipient {
    Recipient::new(ForwardPath::Address(address(text)))
}

/// The code of a refusal; 250 for none.
pub(crate) fn code(decision: &Decision) -> u16 {
    match decision {
        Decision::Pass => 250,
        Decision::Refuse(reply) | Decision::Disconnect(reply) => reply.code.get(),
    }
}

/// Waits until something holds; the test fails if it does not within ten seconds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "waited in vain until {what}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

pub(crate) fn truncated(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}
