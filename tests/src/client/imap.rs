//! An IMAP client (RFC 3501), as far as tests need one.

use std::io;
use std::net::SocketAddr;

use super::{Connection, need_line, unexpected};

/// An IMAP connection.
pub struct Imap {
    /// What is under it.
    pub connection: Connection,
    tag: u32,
}

/// What a command brought.
#[derive(Clone, Debug)]
pub struct ImapReply {
    /// Untagged responses, each whole: lines joined by CRLF where a literal stood, literals in place.
    pub untagged: Vec<Vec<u8>>,
    /// The tagged response after the tag: `OK …`, `NO …` or `BAD …`.
    pub tagged: String,
}

impl ImapReply {
    /// An error unless the command ended with OK.
    ///
    /// # Errors
    /// With what the server said.
    pub fn ok(self) -> io::Result<Self> {
        if self.tagged.starts_with("OK") {
            Ok(self)
        } else {
            Err(io::Error::other(self.tagged))
        }
    }

    /// The untagged responses as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.untagged
            .iter()
            .map(|line| String::from_utf8_lossy(line) + "\n")
            .collect()
    }
}

/// A message of a FETCH of `BODY[]`.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What stands before the literal: number, UID and flags as the server wrote them.
    pub items: String,
    /// The message.
    pub octets: Vec<u8>,
}

impl Imap {
    /// Connects and takes the greeting.
    ///
    /// # Errors
    /// The network's, or a refusal.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let mut imap = Imap {
            connection: Connection::open(address)?,
            tag: 0,
        };
        let greeting = need_line(&mut imap.connection)?;
        if greeting.starts_with(b"* OK") {
            Ok(imap)
        } else {
            Err(unexpected("no greeting", &greeting))
        }
    }

    /// Connects and logs in.
    ///
    /// # Errors
    /// The network's, or a refusal.
    pub fn login(address: SocketAddr, user: &str, password: &str) -> io::Result<Self> {
        let mut imap = Self::open(address)?;
        imap.command(&format!("LOGIN \"{user}\" \"{password}\""))?
            .ok()?;
        Ok(imap)
    }

    /// Sends a command and reads up to its tagged response.
    ///
    /// # Errors
    /// The network's.
    pub fn command(&mut self, command: &str) -> io::Result<ImapReply> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.connection
            .send(format!("{tag} {command}\r\n").as_bytes())?;
        self.finish(&tag)
    }

    /// Appends a message with a synchronising literal.
    ///
    /// # Errors
    /// The network's, or a refusal of the literal.
    pub fn append(&mut self, mailbox: &str, flags: &str, message: &[u8]) -> io::Result<ImapReply> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        let flags = if flags.is_empty() {
            String::new()
        } else {
            format!("({flags}) ")
        };
        self.connection.send(
            format!(
                "{tag} APPEND \"{mailbox}\" {flags}{{{}}}\r\n",
                message.len()
            )
            .as_bytes(),
        )?;
        let line = need_line(&mut self.connection)?;
        if let Some(refusal) = line.strip_prefix(tag.as_bytes()) {
            let tagged = String::from_utf8_lossy(refusal).trim_start().to_owned();
            return Ok(ImapReply {
                untagged: Vec::new(),
                tagged,
            });
        }
        if !line.starts_with(b"+") {
            return Err(unexpected("APPEND", &line));
        }
        self.connection.send(message)?;
        self.connection.send(b"\r\n")?;
        self.finish(&tag)
    }

    /// The number of messages of a mailbox, which stays selected.
    ///
    /// # Errors
    /// The network's, or a refusal.
    pub fn select(&mut self, mailbox: &str) -> io::Result<usize> {
        let reply = self.command(&format!("SELECT \"{mailbox}\""))?.ok()?;
        let exists = reply.untagged.iter().find_map(|line| {
            let text = std::str::from_utf8(line).ok()?;
            text.strip_prefix("* ")?
                .strip_suffix(" EXISTS")?
                .parse()
                .ok()
        });
        exists.ok_or_else(|| io::Error::other("SELECT without EXISTS"))
    }

    /// Whole messages, by a set of numbers, without setting `\Seen`.
    ///
    /// # Errors
    /// The network's, or a refusal.
    pub fn fetch(&mut self, set: &str) -> io::Result<Vec<Fetched>> {
        let reply = self
            .command(&format!("FETCH {set} (UID FLAGS BODY.PEEK[])"))?
            .ok()?;
        Ok(reply
            .untagged
            .into_iter()
            .filter_map(|response| split_literal(&response))
            .collect())
    }

    /// The messages of a mailbox that hold a text in their subject.
    ///
    /// # Errors
    /// The network's, or a refusal.
    pub fn search(&mut self, keys: &str) -> io::Result<Vec<u32>> {
        let reply = self.command(&format!("SEARCH {keys}"))?.ok()?;
        let numbers = reply.text();
        let line = numbers
            .lines()
            .find_map(|line| line.strip_prefix("* SEARCH"))
            .unwrap_or_default()
            .to_owned();
        Ok(line
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect())
    }

    fn finish(&mut self, tag: &str) -> io::Result<ImapReply> {
        let mut untagged = Vec::new();
        loop {
            let response = self.response()?;
            if let Some(rest) = response
                .strip_prefix(tag.as_bytes())
                .and_then(|rest| rest.strip_prefix(b" "))
            {
                return Ok(ImapReply {
                    untagged,
                    tagged: String::from_utf8_lossy(rest).into_owned(),
                });
            }
            if !response.starts_with(b"* ") {
                return Err(unexpected("no response", &response));
            }
            untagged.push(response);
        }
    }

    /// One response with its literals.
    fn response(&mut self) -> io::Result<Vec<u8>> {
        let mut response = need_line(&mut self.connection)?;
        while let Some(length) = literal(&response) {
            response.extend_from_slice(b"\r\n");
            let octets = self.connection.exactly(length)?;
            response.extend_from_slice(&octets);
            response.extend(need_line(&mut self.connection)?);
        }
        Ok(response)
    }
}

/// The length of the literal that a line announces.
fn literal(line: &[u8]) -> Option<usize> {
    let tail = &line[line.len().saturating_sub(24)..];
    let text = std::str::from_utf8(tail.strip_suffix(b"}")?).ok()?;
    text.rsplit_once('{')?.1.parse().ok()
}

fn split_literal(response: &[u8]) -> Option<Fetched> {
    let end = response.windows(3).position(|window| window == b"}\r\n")?;
    let length = literal(&response[..=end])?;
    let octets = response.get(end + 3..end + 3 + length)?.to_vec();
    let after = String::from_utf8_lossy(&response[end + 3 + length..]).into_owned();
    Some(Fetched {
        items: String::from_utf8_lossy(&response[..end]).into_owned() + &after,
        octets,
    })
}
