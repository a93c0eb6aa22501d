//! A POP3 client (RFC 1939).

use std::io;
use std::net::SocketAddr;

use super::{Connection, need_line, unexpected};

/// A POP3 connection.
pub struct Pop3 {
    /// What is under it.
    pub connection: Connection,
}

impl Pop3 {
    /// Connects, takes the greeting and logs in.
    ///
    /// # Errors
    /// The network's, or a refusal.
    pub fn login(address: SocketAddr, user: &str, password: &str) -> io::Result<Self> {
        let mut pop3 = Pop3 {
            connection: Connection::open(address)?,
        };
        pop3.ok()?;
        // RFC 6856 §2.1: then every message comes as it is.
        pop3.command("UTF8")?;
        pop3.command(&format!("USER {user}"))?;
        pop3.command(&format!("PASS {password}"))?;
        Ok(pop3)
    }

    /// Sends a line and reads the status; its text, or an error for `-ERR`.
    ///
    /// # Errors
    /// The network's, or `-ERR`.
    pub fn command(&mut self, line: &str) -> io::Result<String> {
        self.connection.send(format!("{line}\r\n").as_bytes())?;
        self.ok()
    }

    /// Number and octets of the messages.
    ///
    /// # Errors
    /// The network's, or what is no answer to STAT.
    pub fn stat(&mut self) -> io::Result<(usize, u64)> {
        let text = self.command("STAT")?;
        let mut numbers = text.split(' ');
        match (
            numbers.next().map(str::parse),
            numbers.next().map(str::parse),
        ) {
            (Some(Ok(count)), Some(Ok(octets))) => Ok((count, octets)),
            _ => Err(unexpected("STAT", text.as_bytes())),
        }
    }

    /// A whole message, dots unstuffed.
    ///
    /// # Errors
    /// The network's, or `-ERR`.
    pub fn retrieve(&mut self, number: usize) -> io::Result<Vec<u8>> {
        self.command(&format!("RETR {number}"))?;
        let lines = self.lines()?;
        Ok(lines
            .into_iter()
            .flat_map(|line| [line, b"\r\n".to_vec()])
            .flatten()
            .collect())
    }

    /// The lines of a multi-line reply, after its status (RFC 1939 §3).
    ///
    /// # Errors
    /// The network's.
    pub fn lines(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        loop {
            let line = need_line(&mut self.connection)?;
            if line == b"." {
                return Ok(lines);
            }
            lines.push(line.strip_prefix(b".").map_or(line.clone(), <[u8]>::to_vec));
        }
    }

    fn ok(&mut self) -> io::Result<String> {
        let line = need_line(&mut self.connection)?;
        match line.strip_prefix(b"+OK") {
            Some(text) => Ok(String::from_utf8_lossy(text).trim_start().to_owned()),
            None => Err(unexpected("no +OK", &line)),
        }
    }
}
