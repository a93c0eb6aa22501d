//! A conversation with a server: from the greeting to the login, and commands one after the other.

use std::io::{self, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ClientConnection, StreamOwned};

use super::response::{Reader, Response, Value};
use super::{Security, Server};
use crate::admin::{Exit, Failure};

/// How long one address is tried.
const CONNECT: Duration = Duration::from_secs(30);
/// How long the server may say nothing.
const SILENCE: Duration = Duration::from_secs(300);

/// How a command ended.
#[derive(Debug)]
pub(super) enum Ended {
    Done,
    /// NO or BAD, with its text.
    Refused(String),
}

/// A connection that is logged in.
pub(super) struct Connection {
    stream: BufReader<Stream>,
    host: String,
    tag: u64,
    capabilities: Vec<String>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Connection {
    /// Connects and logs in.
    pub(super) fn open(server: &Server) -> Result<Self, Failure> {
        let socket = connect(server)?;
        let stream = match server.security {
            Security::Implicit => secured(socket, server)?,
            Security::Starttls | Security::None => Stream::Plain(socket),
        };
        let mut connection = Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            host: server.host.clone(),
            tag: 0,
            capabilities: Vec::new(),
        };
        let greeted = match connection.response()? {
            Response::Condition(condition, _) if condition == "OK" => false,
            Response::Condition(condition, _) if condition == "PREAUTH" => true,
            Response::Condition(_, text) => return Err(connection.no(Exit::Unavailable, &text)),
            _ => {
                return Err(connection.no(
                    Exit::Unavailable,
                    "it does not greet as an IMAP server does",
                ));
            }
        };
        if server.security == Security::Starttls {
            connection = connection.start_tls(server)?;
        }
        connection.ask_capabilities()?;
        if !greeted {
            connection.log_in(server)?;
            connection.ask_capabilities()?;
        }
        Ok(connection)
    }

    /// Whether the server says that it can do something.
    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities
            .iter()
            .any(|known| known.eq_ignore_ascii_case(capability))
    }

    /// Gives a command that must be done, and hands on the data that come; they are the command's, and what else the server tells.
    pub(super) fn command(
        &mut self,
        command: &str,
        data: impl FnMut(Vec<Value>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self.attempt(command, data)? {
            Ended::Done => Ok(()),
            Ended::Refused(text) => Err(self.no(Exit::Data, &text)),
        }
    }

    /// Gives a command that may be refused.
    pub(super) fn attempt(
        &mut self,
        command: &str,
        mut data: impl FnMut(Vec<Value>) -> Result<(), Failure>,
    ) -> Result<Ended, Failure> {
        let tag = self.send(command)?;
        loop {
            match self.response()? {
                Response::Data(values) => data(values)?,
                Response::Tagged(found, condition, _) if found == tag && condition == "OK" => {
                    return Ok(Ended::Done);
                }
                Response::Tagged(found, _, text) if found == tag => {
                    return Ok(Ended::Refused(text));
                }
                Response::Condition(condition, text) if condition == "BYE" => {
                    return Err(self.no(Exit::Temporary, &text));
                }
                _ => {}
            }
        }
    }

    fn start_tls(mut self, server: &Server) -> Result<Self, Failure> {
        self.command("STARTTLS", |_| Ok(()))?;
        // RFC 3501 §6.2.1 with RFC 3207 §4.2: what came in clear after it counts for nothing, and should not be there.
        if !self.stream.buffer().is_empty() {
            return Err(self.no(Exit::Unavailable, "it went on in clear after STARTTLS"));
        }
        let Stream::Plain(socket) = self.stream.into_inner() else {
            return Err(Failure::new(Exit::Software, "TLS is active already"));
        };
        self.stream = BufReader::with_capacity(64 * 1024, secured(socket, server)?);
        Ok(self)
    }

    fn ask_capabilities(&mut self) -> Result<(), Failure> {
        let mut capabilities = Vec::new();
        self.command("CAPABILITY", |mut values| {
            if values
                .first_mut()
                .is_some_and(|first| first.text().eq_ignore_ascii_case("CAPABILITY"))
            {
                capabilities = values.iter_mut().skip(1).map(Value::text).collect();
            }
            Ok(())
        })?;
        self.capabilities = capabilities;
        Ok(())
    }

    fn log_in(&mut self, server: &Server) -> Result<(), Failure> {
        let command = if self.can("AUTH=PLAIN") {
            "AUTHENTICATE PLAIN".to_owned()
        } else if self.can("LOGINDISABLED") {
            return Err(self.no(
                Exit::Unavailable,
                "it takes no password here: try --tls starttls or implicit",
            ));
        } else {
            format!(
                "LOGIN {} {}",
                quoted(&server.user),
                quoted(&server.password)
            )
        };
        let tag = self.send(&command)?;
        loop {
            match self.response()? {
                Response::Continue => {
                    // RFC 4616 §2: `[authzid] NUL authcid NUL passwd`.
                    let plain = format!("\0{}\0{}", server.user, server.password);
                    let mut line = STANDARD.encode(plain);
                    line.push_str("\r\n");
                    self.write(line.as_bytes())?;
                }
                Response::Tagged(found, condition, _) if found == tag && condition == "OK" => {
                    return Ok(());
                }
                Response::Tagged(found, _, text) if found == tag => {
                    return Err(self.no(Exit::Data, &format!("the login is refused: {text}")));
                }
                Response::Condition(condition, text) if condition == "BYE" => {
                    return Err(self.no(Exit::Temporary, &text));
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, command: &str) -> Result<String, Failure> {
        self.tag += 1;
        let tag = format!("w{}", self.tag);
        self.write(format!("{tag} {command}\r\n").as_bytes())?;
        Ok(tag)
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        let stream = self.stream.get_mut();
        let written = stream.write_all(octets).and_then(|()| stream.flush());
        written.map_err(|error| self.lost(&error))
    }

    fn response(&mut self) -> Result<Response, Failure> {
        Reader::response(&mut self.stream).map_err(|error| self.lost(&error))
    }

    fn lost(&self, error: &io::Error) -> Failure {
        self.no(Exit::Temporary, &error.to_string())
    }

    fn no(&self, exit: Exit, text: &str) -> Failure {
        Failure::new(exit, format!("{}: {text}", self.host))
    }
}

/// A string in quotes (RFC 3501 §9). What cannot stand there is left to the server to refuse.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn connect(server: &Server) -> Result<TcpStream, Failure> {
    let place = (server.host.as_str(), server.port);
    let unreachable = |error: &io::Error| {
        let text = format!("{} port {}: {error}", server.host, server.port);
        Failure::new(Exit::Unavailable, text)
    };
    let mut told = io::Error::from(io::ErrorKind::NotFound);
    for address in place
        .to_socket_addrs()
        .map_err(|error| unreachable(&error))?
    {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(socket) => {
                let set = socket
                    .set_read_timeout(Some(SILENCE))
                    .and_then(|()| socket.set_write_timeout(Some(SILENCE)))
                    .and_then(|()| socket.set_nodelay(true));
                return set.map(|()| socket).map_err(|error| unreachable(&error));
            }
            Err(error) => told = error,
        }
    }
    Err(unreachable(&told))
}

fn secured(socket: TcpStream, server: &Server) -> Result<Stream, Failure> {
    let connection = server.trust.connection(&server.host)?;
    let mut stream = Box::new(StreamOwned::new(connection, socket));
    // The handshake, so that a certificate that will not do is told as that.
    let shaken = stream.conn.complete_io(&mut stream.sock);
    shaken.map_err(|error| {
        Failure::new(Exit::Unavailable, format!("{}: TLS: {error}", server.host))
    })?;
    Ok(Stream::Tls(stream))
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(out),
            Self::Tls(stream) => stream.read(out),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(octets),
            Self::Tls(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
