//! A DNS that answers what a function says: for answers that no zone file can hold.
//!
//! Standards: RFC 1035 §4.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Runtime;

/// Octets of an answer over UDP; more are asked for again over TCP.
const DATAGRAM: usize = 1200;

/// Types of records (RFC 1035 §3.2.2, RFC 3596 §2.1).
pub mod kind {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// Another name.
    pub const CNAME: u16 = 5;
    /// A name of an address.
    pub const PTR: u16 = 12;
    /// A host that takes mail.
    pub const MX: u16 = 15;
    /// Texts.
    pub const TXT: u16 = 16;
    /// An IPv6 address.
    pub const AAAA: u16 = 28;
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whose it is.
    pub owner: String,
    /// See [`kind`].
    pub kind: u16,
    /// Its data as it goes over the wire.
    pub data: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Said {
    /// These records; none: there is no such data.
    Records(Vec<Record>),
    /// There is no such name.
    NoSuchName,
    /// The server failed.
    Failure,
}

/// A DNS server; it ends with this value.
pub struct Answers {
    address: SocketAddr,
    _server: Runtime,
}

/// What is said of a name and a type.
type Saying = dyn Fn(&str, u16) -> Said + Send + Sync;

/// What is answered, and for how many seconds that holds.
#[derive(Clone)]
struct Tell {
    ttl: u32,
    said: Arc<Saying>,
}

impl Answers {
    /// Serves what `tell` says of a name, in lower case and without the last dot, and a type.
    ///
    /// # Panics
    /// If the machine has no loopback.
    #[must_use]
    pub fn serve(tell: impl Fn(&str, u16) -> Said + Send + Sync + 'static) -> Self {
        Self::serve_for(300, tell)
    }

    /// The same, with answers that may be kept for so many seconds.
    ///
    /// # Panics
    /// If the machine has no loopback.
    #[must_use]
    pub fn serve_for(ttl: u32, tell: impl Fn(&str, u16) -> Said + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let tell = Tell {
            ttl,
            said: Arc::new(tell),
        };
        let (udp, tcp) = runtime.block_on(crate::names::sockets());
        let address = udp.local_addr().expect("it is bound");
        runtime.spawn(datagrams(udp, tell.clone()));
        runtime.spawn(connections(tcp, tell));
        Self {
            address,
            _server: runtime,
        }
    }

    /// Where it is asked.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A name as it goes over the wire.
#[must_use]
pub fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut octets: Vec<u8> = labels
        .flat_map(|label| [&[octet(label.len())][..], label.as_bytes()].concat())
        .collect();
    octets.push(0);
    octets
}

/// Texts as they go over the wire: what is too long for one string becomes several, and no text an empty one (RFC 1035 §3.3.14).
#[must_use]
pub fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut octets = Vec::new();
    for text in texts.flat_map(|text| text.as_bytes().chunks(255)) {
        octets.push(octet(text.len()));
        octets.extend_from_slice(text);
    }
    if octets.is_empty() {
        octets.push(0);
    }
    octets
}

/// An address as it goes over the wire.
#[must_use]
pub fn address(of: IpAddr) -> Vec<u8> {
    match of {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn octet(count: usize) -> u8 {
    u8::try_from(count).expect("a label or a string has 255 octets at most")
}

async fn datagrams(socket: UdpSocket, tell: Tell) {
    let mut buffer = [0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        let Some(mut reply) = answer(&buffer[..length], &tell) else {
            continue;
        };
        if reply.len() > DATAGRAM {
            // RFC 1035 §4.1.1: TC, and no answers.
            reply.truncate(12 + question_length(&reply));
            reply[2] |= 2;
            reply[6..8].fill(0);
        }
        let _lost = socket.send_to(&reply, peer).await;
    }
}

async fn connections(listener: TcpListener, tell: Tell) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, tell.clone()));
    }
}

/// RFC 1035 §4.2.2: two octets of length before each message.
async fn connection(mut stream: TcpStream, tell: Tell) -> std::io::Result<()> {
    loop {
        let mut request = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut request).await?;
        if let Some(reply) = answer(&request, &tell) {
            let length = u16::try_from(reply.len()).map_err(std::io::Error::other)?;
            stream.write_u16(length).await?;
            stream.write_all(&reply).await?;
        }
    }
}

/// The reply to a request with one question.
fn answer(request: &[u8], tell: &Tell) -> Option<Vec<u8>> {
    let question = request.get(12..12 + question_length(request))?;
    let (name, rest) = question.split_at(question.len().checked_sub(4)?);
    let kind = u16::from_be_bytes([rest[0], rest[1]]);
    let (records, code) = match (tell.said)(&read(name), kind) {
        Said::Records(records) => (records, 0),
        Said::Failure => (Vec::new(), 2),
        Said::NoSuchName => (Vec::new(), 3),
    };
    // A response of an authority that recurses.
    let mut reply = vec![request[0], request[1], 0x84 | (request[2] & 1), 0x80 | code];
    let count = u16::try_from(records.len()).ok()?;
    for number in [1, count, 0, 0] {
        reply.extend_from_slice(&number.to_be_bytes());
    }
    reply.extend_from_slice(question);
    for record in records {
        reply.extend_from_slice(&self::name(&record.owner));
        reply.extend_from_slice(&record.kind.to_be_bytes());
        // Class IN.
        reply.extend_from_slice(&[0, 1]);
        reply.extend_from_slice(&tell.ttl.to_be_bytes());
        reply.extend_from_slice(&u16::try_from(record.data.len()).ok()?.to_be_bytes());
        reply.extend_from_slice(&record.data);
    }
    Some(reply)
}

/// The length of the question in a message: its name, type and class.
fn question_length(message: &[u8]) -> usize {
    let mut at = 12;
    while let Some(length) = message.get(at).filter(|length| **length > 0) {
        at += 1 + usize::from(*length);
    }
    at + 5 - 12
}

fn read(mut name: &[u8]) -> String {
    let mut labels = Vec::new();
    while let Some((length, rest)) = name.split_first().filter(|(length, _)| **length > 0) {
        let (label, after) = rest.split_at(usize::from(*length).min(rest.len()));
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        name = after;
    }
    labels.join(".")
}
