//! An SMTP client (RFC 5321), which also speaks LMTP.

use std::io;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Connection, need_line, unexpected};

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its code.
    pub code: u16,
    /// The texts of its lines, after the code, joined by line feeds.
    pub text: String,
}

impl Reply {
    /// An error, unless the code is of this class (2 for 2xx).
    ///
    /// # Errors
    /// With the reply's text.
    pub fn class(self, class: u16) -> io::Result<Self> {
        if self.code / 100 == class {
            Ok(self)
        } else {
            Err(io::Error::other(format!("{} {}", self.code, self.text)))
        }
    }
}

/// An SMTP connection.
pub struct Smtp {
    /// What is under it.
    pub connection: Connection,
}

impl Smtp {
    /// Connects, takes the greeting and says EHLO.
    ///
    /// # Errors
    /// The network's, or a refusal.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let mut smtp = Smtp {
            connection: Connection::open(address)?,
        };
        smtp.reply()?.class(2)?;
        smtp.command("EHLO client.example")?.class(2)?;
        Ok(smtp)
    }

    /// Reads a reply of one or more lines (RFC 5321 §4.2.1).
    ///
    /// # Errors
    /// The network's, or what is no reply.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut text = String::new();
        loop {
            let line = need_line(&mut self.connection)?;
            let said = String::from_utf8_lossy(&line).into_owned();
            let code = said
                .get(..3)
                .and_then(|code| code.parse().ok())
                .ok_or_else(|| unexpected("no reply", &line))?;
            text.push_str(said.get(4..).unwrap_or_default());
            if said.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, text });
            }
            text.push('\n');
        }
    }

    /// Sends a line and reads its reply.
    ///
    /// # Errors
    /// The network's.
    pub fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.connection.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// Begins TLS.
    ///
    /// # Errors
    /// The network's, the handshake's, or a refusal.
    pub fn starttls(&mut self) -> io::Result<()> {
        self.command("STARTTLS")?.class(2)?;
        self.connection.secure()?;
        self.command("EHLO client.example")?.class(2)?;
        Ok(())
    }

    /// Logs in by AUTH PLAIN.
    ///
    /// # Errors
    /// The network's.
    pub fn login(&mut self, user: &str, password: &str) -> io::Result<Reply> {
        let response = STANDARD.encode(format!("\0{user}\0{password}"));
        self.command(&format!("AUTH PLAIN {response}"))
    }

    /// Sends a message, whose lines end with CRLF, in one transaction; the reply is that to the content.
    ///
    /// # Errors
    /// The network's, or the first refusal on the way.
    pub fn send(&mut self, from: &str, to: &[&str], message: &[u8]) -> io::Result<Reply> {
        self.envelope(from, to)?;
        self.content(message)?;
        self.reply()
    }

    /// MAIL, RCPT and DATA, pipelined (RFC 2920), up to the go-ahead.
    ///
    /// # Errors
    /// The network's, or the first refusal.
    pub fn envelope(&mut self, from: &str, to: &[&str]) -> io::Result<()> {
        let mut lines = format!("MAIL FROM:<{from}>\r\n");
        for to in to {
            lines.push_str(&format!("RCPT TO:<{to}>\r\n"));
        }
        lines.push_str("DATA\r\n");
        self.connection.send(lines.as_bytes())?;
        let replies = (0..to.len() + 2)
            .map(|_| self.reply())
            .collect::<io::Result<Vec<_>>>()?;
        for (index, reply) in replies.into_iter().enumerate() {
            reply.class(if index == to.len() + 1 { 3 } else { 2 })?;
        }
        Ok(())
    }

    /// Content with its dots stuffed, and the final dot (RFC 5321 §4.5.2).
    ///
    /// # Errors
    /// The network's.
    pub fn content(&mut self, message: &[u8]) -> io::Result<()> {
        let mut octets = Vec::with_capacity(message.len() + 100);
        for line in message.split_inclusive(|octet| *octet == b'\n') {
            if line.starts_with(b".") {
                octets.push(b'.');
            }
            octets.extend_from_slice(line);
        }
        if !octets.is_empty() && !octets.ends_with(b"\r\n") {
            octets.extend_from_slice(b"\r\n");
        }
        octets.extend_from_slice(b".\r\n");
        self.connection.send(&octets)
    }
}
