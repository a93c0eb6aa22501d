//! HTTP/1.1 over one connection: a request, its response, and the next one.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use serde_json::Value;

use super::Connection;

/// A connection for requests.
pub struct Http {
    connection: Connection,
    authorization: Option<String>,
    fields: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// Names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

impl Page {
    /// The value of a field, if it is there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The content as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

impl Http {
    /// Connects, in clear.
    ///
    /// # Errors
    /// The network's.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Connection::open(address).map(Self::over)
    }

    /// Connects as a proxy that speaks for somebody, whom the header names.
    ///
    /// # Errors
    /// The network's.
    pub fn open_for(address: SocketAddr, header: &[u8]) -> io::Result<Self> {
        let mut connection = Connection::open(address)?;
        connection.send(header)?;
        Ok(Self::over(connection))
    }

    /// Connects, under TLS.
    ///
    /// # Errors
    /// The network's and the handshake's.
    pub fn open_tls(address: SocketAddr) -> io::Result<Self> {
        Connection::open_tls(address).map(Self::over)
    }

    fn over(connection: Connection) -> Self {
        Self {
            connection,
            authorization: None,
            fields: Vec::new(),
        }
    }

    /// Says this of who asks, with each request from here on.
    pub fn authorize(&mut self, value: Option<String>) {
        self.authorization = value;
    }

    /// Sends this field, too, with each request from here on; an empty value takes it back.
    pub fn field(&mut self, name: &str, value: &str) {
        self.fields.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Gets a page.
    ///
    /// # Errors
    /// The network's; what is no HTTP.
    pub fn get(&mut self, target: &str) -> io::Result<Page> {
        self.request("GET", target, None, b"")
    }

    /// Sends a content of a type.
    ///
    /// # Errors
    /// The network's; what is no HTTP.
    pub fn post(&mut self, target: &str, kind: &str, body: &[u8]) -> io::Result<Page> {
        self.request("POST", target, Some(kind), body)
    }

    /// Sends a request with any method, and a content if it has a type.
    ///
    /// # Errors
    /// The network's; what is no HTTP.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        kind: Option<&str>,
        body: &[u8],
    ) -> io::Result<Page> {
        let mut page = self.begin(method, target, kind, body)?;
        if method != "HEAD" {
            page.body = self.body(&page)?;
        }
        Ok(page)
    }

    /// Gets a page that goes on: its head; [`Http::chunk`] gives the pieces.
    ///
    /// # Errors
    /// The network's; what is no HTTP.
    pub fn stream(&mut self, target: &str) -> io::Result<Page> {
        self.begin("GET", target, None, b"")
    }

    /// Sends a request, and reads the head of what comes back.
    fn begin(
        &mut self,
        method: &str,
        target: &str,
        kind: Option<&str>,
        body: &[u8],
    ) -> io::Result<Page> {
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !self.fields.iter().any(|(name, _)| name == "Host") {
            head += "Host: mail.waxwing.test\r\n";
        }
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(kind) = kind {
            head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        }
        if let Some(value) = &self.authorization {
            head += &format!("Authorization: {value}\r\n");
        }
        head += "\r\n";
        self.connection.send(&[head.as_bytes(), body].concat())?;
        self.page()
    }

    fn line(&mut self) -> io::Result<String> {
        let line = self.connection.line()?.ok_or(ErrorKind::UnexpectedEof)?;
        let text = String::from_utf8(line).map_err(|_| ErrorKind::InvalidData)?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn page(&mut self) -> io::Result<Page> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut page = Page {
            status: status.ok_or(ErrorKind::InvalidData)?,
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            page.headers
                .push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(page)
    }

    fn body(&mut self, page: &Page) -> io::Result<Vec<u8>> {
        let length = page.header("content-length").map(str::parse);
        match length {
            // RFC 9110 §8.6, §15.4.5: the length of what is not sent.
            Some(_) if page.status == 304 => Ok(Vec::new()),
            Some(length) => {
                let length = length.map_err(|_| ErrorKind::InvalidData)?;
                self.connection.exactly(length)
            }
            None if page.header("transfer-encoding") == Some("chunked") => self.chunks(),
            None => Ok(Vec::new()),
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let piece = self.chunk()?;
            if piece.is_empty() {
                return Ok(body);
            }
            body.extend(piece);
        }
    }

    /// The next piece of a response that goes on; empty at its end.
    ///
    /// # Errors
    /// The network's; what is no HTTP.
    pub fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let size = usize::from_str_radix(&self.line()?, 16).map_err(|_| ErrorKind::InvalidData)?;
        let piece = self.connection.exactly(size)?;
        self.line()?;
        Ok(piece)
    }
}
