//! A listener at an event source (the server-sent events of HTML): a response that goes on, read event by event.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use super::{Connection, need_line};

/// An event, or what comes instead of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The id that was set.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// A listener.
pub struct Events {
    connection: Connection,
    /// Of the body, what has come and was not read.
    text: String,
    ended: bool,
}

impl Events {
    /// Connects and asks for the events of a target, with header fields of its own.
    ///
    /// # Errors
    /// The network's; a response that is no stream of events.
    pub fn open(address: SocketAddr, target: &str, fields: &[(&str, &str)]) -> io::Result<Self> {
        let mut connection = Connection::open(address)?;
        let mut head = format!("GET {target} HTTP/1.1\r\nHost: mail.waxwing.test\r\n");
        for (name, value) in fields {
            head += &format!("{name}: {value}\r\n");
        }
        connection.send(format!("{head}\r\n").as_bytes())?;
        let mut lines = Vec::new();
        loop {
            let line = String::from_utf8_lossy(&need_line(&mut connection)?).into_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line.to_ascii_lowercase());
        }
        let streams = lines.first().is_some_and(|line| line.contains(" 200 "))
            && lines.contains(&"content-type: text/event-stream".to_owned())
            && lines.contains(&"transfer-encoding: chunked".to_owned());
        if !streams {
            return Err(io::Error::other(format!("no events: {lines:?}")));
        }
        Ok(Self {
            connection,
            text: String::new(),
            ended: false,
        })
    }

    /// The next block of lines; `None` at the end of the response.
    ///
    /// # Errors
    /// The network's; what is no stream of events.
    pub fn next_event(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = event(block);
                self.text = rest.to_owned();
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&need_line(&mut self.connection)?).into_owned();
            let size = usize::from_str_radix(&line, 16)
                .map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
            let piece = self.connection.exactly(size)?;
            need_line(&mut self.connection)?;
            self.ended = size == 0;
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    /// The next event of a name; others are passed over.
    ///
    /// # Errors
    /// The network's; a response that ends before.
    pub fn named(&mut self, name: &str) -> io::Result<Event> {
        loop {
            let event = self.next_event()?.ok_or(ErrorKind::UnexpectedEof)?;
            if event.name == name {
                return Ok(event);
            }
        }
    }
}

fn event(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "id" => event.id = Some(value),
            "event" => event.name = value,
            "data" => event.data = value,
            _ => {}
        }
    }
    event
}
