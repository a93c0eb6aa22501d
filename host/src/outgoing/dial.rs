//! A connection to an address, from a source of the configuration, or to a socket of this machine.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::timeout;

use crate::config::Queue;

/// What octets go over.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Wire for T {}

/// A connection, whatever it is over.
pub(super) type Connection = Box<dyn Wire>;

/// Connects to an address, or says why not.
pub(super) async fn connect(
    queue: &Queue,
    source: Option<&str>,
    to: SocketAddr,
) -> Result<Connection, String> {
    let from = from(queue, source, to.ip())?;
    let within = queue.connect.duration();
    match timeout(within, open(from, to)).await {
        Ok(opened) => Ok(Box::new(opened?)),
        Err(_) => Err(silent(within)),
    }
}

/// Connects to a socket of this machine, or says why not.
pub(super) async fn socket(queue: &Queue, path: &Path) -> Result<Connection, String> {
    let within = queue.connect.duration();
    match timeout(within, UnixStream::connect(path)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(silent(within)),
    }
}

async fn open(from: Option<IpAddr>, to: SocketAddr) -> Result<TcpStream, String> {
    let connect = async {
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        if let Some(from) = from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(to).await?;
        // Groups of commands are written at once: nothing is gained by waiting.
        stream.set_nodelay(true)?;
        std::io::Result::Ok(stream)
    };
    connect.await.map_err(|error| error.to_string())
}

/// The source's address of the other end's family. A source that is not configured, or has none, is no reason to send from another.
fn from(queue: &Queue, source: Option<&str>, to: IpAddr) -> Result<Option<IpAddr>, String> {
    let Some(name) = source else {
        return Ok(None);
    };
    let known = queue.sources.iter().find(|source| source.name == name);
    let known = known.ok_or_else(|| format!("there is no [[queue.source]] {name}"))?;
    let fits = |address: &&IpAddr| address.is_ipv4() == to.is_ipv4();
    match known.addresses.iter().find(fits) {
        Some(address) => Ok(Some(*address)),
        None => Err(format!("the source {name} has no address of this family")),
    }
}

fn silent(within: Duration) -> String {
    format!("no answer in {} s", within.as_secs_f64())
}
