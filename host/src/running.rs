//! A server from its start to its end; `waxwing serve` and tests begin here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answer::Door;
use crate::answer::jmap::push;
use crate::config::{Config, Service};
use crate::listen::{Bound, ListenError};
use crate::shutdown::{self, Phase};
use crate::tls::TlsError;
use crate::wiring::Parts;
use crate::{acme, admin, flow, http, indexing, keys, listen, outgoing, reports};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error("data directory: {}: {cause}", path.display())]
    Data {
        /// What of it.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] waxwing_store::Error),
    /// Names cannot be looked up.
    #[error(transparent)]
    Dns(#[from] crate::dns::Error),
    /// The policy cannot be started.
    #[error("policy: {0}")]
    Policy(#[from] waxwing_policy::StartError),
    /// An address cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A server that answers on all its listeners.
pub struct Running {
    parts: Arc<Parts>,
    bound: Arc<[Bound]>,
    /// One task a listening socket, and the queue's; each ends when its sessions have.
    listeners: JoinSet<()>,
    /// What runs beside them and is cut at the end.
    background: JoinSet<()>,
}

/// Starts a server. It answers on all listeners when this returns.
///
/// # Errors
/// See [`StartError`]; nothing is left running then.
pub async fn run(mut config: Config) -> Result<Running, StartError> {
    config.complete();
    make_folder(&config)?;
    let parts = Arc::new(Parts::open(config).await?);
    match open(&parts) {
        Ok(running) => Ok(running),
        Err(error) => {
            parts.close().await;
            Err(error)
        }
    }
}

fn make_folder(config: &Config) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data);
    made.map_err(|cause| StartError::Data {
        path: config.data.clone(),
        cause,
    })
}

fn open(parts: &Arc<Parts>) -> Result<Running, StartError> {
    let mut sockets = Vec::new();
    for listener in &parts.config.listeners {
        let door = Arc::new(Door::new(listener.clone(), &parts.config));
        for (socket, bound) in listen::bind(listener)? {
            sockets.push((socket, bound, Arc::clone(&door)));
        }
    }
    let bound: Arc<[Bound]> = sockets.iter().map(|(_, bound, _)| bound.clone()).collect();
    parts.set_bound(Arc::clone(&bound));
    let data = |path: PathBuf| move |cause| StartError::Data { path, cause };
    let socket = parts.config.admin_socket();
    let administration = admin::bind(&socket).map_err(data(socket.clone()))?;
    write_listeners(&parts.config, &bound).map_err(data(parts.config.listeners_file()))?;

    let mut background = JoinSet::new();
    background.spawn(admin::serve(administration, Arc::clone(parts)));
    background.spawn(keys::run(Arc::clone(parts)));
    background.spawn(acme::run(Arc::clone(parts)));
    background.spawn(parts.certificates.clone().watch());
    background.spawn(parts.figures.clone().upkeep());
    background.spawn(flow::run(Arc::clone(parts)));
    background.spawn(Arc::clone(&parts.gauges).watch(
        parts.store.clone(),
        parts.config.limits.clone(),
        parts.config.data.clone(),
    ));
    background.spawn(reload_on_hangup(Arc::clone(parts)));
    background.spawn(reports::run(Arc::clone(parts)));
    background.spawn(indexing::run(Arc::clone(parts)));
    background.spawn(push::run(Arc::clone(parts)));
    let policy = parts.policy.clone();
    background.spawn(async move { policy.run().await });
    let mut listeners = JoinSet::new();
    for (socket, bound, door) in sockets {
        if bound.service == Service::Metrics {
            let mut phase = parts.shutdown.phase();
            let end = async move { shutdown::stopping(&mut phase).await };
            background.spawn(http::serve(socket, Arc::clone(parts), end));
        } else {
            listeners.spawn(listen::serve(socket, door, Arc::clone(parts)));
        }
        tracing::info!(listener = bound.name, service = bound.service.as_str(), address = %bound.address, "listening");
    }
    listeners.spawn(outgoing::run(Arc::clone(parts)));
    Ok(Running {
        parts: Arc::clone(parts),
        bound,
        listeners,
        background,
    })
}

/// Tells programs outside where the server listens; written whole or not at all.
fn write_listeners(config: &Config, bound: &[Bound]) -> std::io::Result<()> {
    let path = config.listeners_file();
    let fresh = path.with_extension("json.new");
    let mut text = serde_json::to_vec_pretty(bound)?;
    text.push(b'\n');
    std::fs::write(&fresh, text)?;
    std::fs::rename(fresh, path)
}

/// SIGHUP reads certificate and policy again, for file systems that cannot be watched.
async fn reload_on_hangup(parts: Arc<Parts>) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => return tracing::warn!(%error, "SIGHUP cannot be listened to"),
    };
    while hangup.recv().await.is_some() {
        parts.certificates.reload();
        parts.reload_policy().await;
    }
}

impl Running {
    /// The address of a listener, by its name; the first, if it has several.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.bound
            .iter()
            .find(|bound| bound.name == name)
            .map(|bound| bound.address)
    }

    /// All listening sockets, in the order of the configuration.
    #[must_use]
    pub fn listeners(&self) -> &[Bound] {
        &self.bound
    }

    /// Stops accepting, lets running transactions end within the configured time, and closes the store.
    pub async fn shutdown(mut self) {
        tracing::info!("the server ends");
        self.parts.shutdown.enter(Phase::Draining);
        let end = Instant::now() + self.parts.config.timeouts.shutdown.duration();
        let ended = async { while self.listeners.join_next().await.is_some() {} };
        if tokio::time::timeout_at(end, ended).await.is_err() {
            self.parts.shutdown.enter(Phase::Stopping);
            while self.listeners.join_next().await.is_some() {}
        }
        self.parts.answering.end(end).await;
        self.parts.shutdown.enter(Phase::Stopping);
        self.background.shutdown().await;
        for path in [
            self.parts.config.admin_socket(),
            self.parts.config.listeners_file(),
        ] {
            // Missing is as good as removed.
            let _missing = std::fs::remove_file(path);
        }
        self.parts.close().await;
    }
}
