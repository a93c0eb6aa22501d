//! A WebSocket client (RFC 6455): frames as they are, so that a test can send what no library would.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use serde_json::Value;

use super::{Connection, need_line};

/// What a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Text.
    Text(String),
    /// The end, with its code if it has one.
    Close(Option<u16>),
    /// Is somebody there?
    Ping(Vec<u8>),
    /// Yes.
    Pong(Vec<u8>),
}

/// A connection that was upgraded.
pub struct WebSocket {
    connection: Connection,
}

/// What the server says to the wish for an upgrade: its status line and the header, in lower case.
pub(super) type Head = Vec<String>;

impl WebSocket {
    /// Connects and upgrades, with header fields of its own.
    ///
    /// # Errors
    /// The network's; with the header, if there is no upgrade.
    pub fn open(address: SocketAddr, target: &str, fields: &[(&str, &str)]) -> io::Result<Self> {
        let (connection, head) = Self::ask(address, target, fields)?;
        let upgraded = head.first().is_some_and(|line| line.contains(" 101 "));
        // RFC 6455 §1.3: what the key of the request comes to.
        let accepted = "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=".to_owned();
        if !upgraded || !head.contains(&accepted) {
            return Err(io::Error::other(format!("no WebSocket: {head:?}")));
        }
        Ok(Self { connection })
    }

    /// Asks for an upgrade.
    ///
    /// # Errors
    /// The network's.
    pub fn ask(
        address: SocketAddr,
        target: &str,
        fields: &[(&str, &str)],
    ) -> io::Result<(Connection, Head)> {
        let mut connection = Connection::open(address)?;
        let mut head = format!(
            "GET {target} HTTP/1.1\r\nHost: mail.waxwing.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        for (name, value) in fields {
            head += &format!("{name}: {value}\r\n");
        }
        connection.send(format!("{head}\r\n").as_bytes())?;
        let mut lines = Vec::new();
        loop {
            let line = String::from_utf8_lossy(&need_line(&mut connection)?).into_owned();
            if line.is_empty() {
                return Ok((connection, lines));
            }
            lines.push(line.to_ascii_lowercase());
        }
    }

    /// Sends a frame: its first octet, and its content, masked with zeros (RFC 6455 §5.3).
    ///
    /// # Errors
    /// The network's.
    pub fn frame(&mut self, first: u8, content: &[u8]) -> io::Result<()> {
        let mut octets = vec![first];
        match (u8::try_from(content.len()), u16::try_from(content.len())) {
            (Ok(length), _) if length < 126 => octets.push(0x80 | length),
            (_, Ok(length)) => {
                octets.push(0x80 | 126);
                octets.extend(length.to_be_bytes());
            }
            _ => {
                octets.push(0x80 | 127);
                octets.extend((content.len() as u64).to_be_bytes());
            }
        }
        octets.extend([0; 4]);
        octets.extend(content);
        self.connection.send(&octets)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The network's.
    pub fn send(&mut self, message: &Value) -> io::Result<()> {
        self.frame(0x81, message.to_string().as_bytes())
    }

    /// The next frame, which is to be whole.
    ///
    /// # Errors
    /// The network's; what is no such frame.
    pub fn next_frame(&mut self) -> io::Result<Frame> {
        let head = self.connection.exactly(2)?;
        let length = match head[1] {
            126 => {
                let octets = self.connection.exactly(2)?;
                octets
                    .iter()
                    .fold(0, |length, octet| length << 8 | usize::from(*octet))
            }
            127 => {
                let octets = self.connection.exactly(8)?;
                octets
                    .iter()
                    .fold(0, |length, octet| length << 8 | usize::from(*octet))
            }
            length => usize::from(length),
        };
        let content = self.connection.exactly(length)?;
        let invalid = || io::Error::from(ErrorKind::InvalidData);
        match head[0] {
            0x81 => Ok(Frame::Text(
                String::from_utf8(content).map_err(|_| invalid())?,
            )),
            0x88 => {
                let code = content.first_chunk().map(|code| u16::from_be_bytes(*code));
                Ok(Frame::Close(code))
            }
            0x89 => Ok(Frame::Ping(content)),
            0x8A => Ok(Frame::Pong(content)),
            _ => Err(invalid()),
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// The network's; another frame; what is no JSON.
    pub fn message(&mut self) -> io::Result<Value> {
        match self.next_frame()? {
            Frame::Text(text) => serde_json::from_str(&text).map_err(io::Error::other),
            other => Err(io::Error::other(format!("no message: {other:?}"))),
        }
    }
}
