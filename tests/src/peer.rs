//! A mail server that does as a test says: it answers as usual, refuses, falls silent or hangs up at a chosen command.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::wait::{PATIENCE, until};

/// What a peer does at a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// What a server does that has no objection.
    Usual,
    /// This reply, without its line end.
    Say(&'static str),
    /// Nothing, until the other side has enough.
    Silent,
    /// The connection ends.
    Close,
}

/// A message that a peer has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The line of MAIL.
    pub mail: String,
    /// The lines of RCPT that had a yes.
    pub rcpt: Vec<String>,
    /// The content, its dots unstuffed.
    pub content: String,
    /// A command came with its end, before there was an answer.
    pub followed: bool,
    /// The connection that it came over, from 0.
    pub connection: usize,
}

/// Decides by the connection's number, from 0, and the command: `GREETING`, a line as it came, or `.` for the end of a content.
type Script = dyn Fn(usize, &str) -> Act + Send + Sync;

/// A server on a port of its own; its threads end with the test.
pub struct Peer {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Peer {
    /// Starts it.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let taken = Arc::<Mutex<Vec<Taken>>>::default();
        let script: Arc<Script> = Arc::new(script);
        let into = Arc::clone(&taken);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let (script, into) = (Arc::clone(&script), Arc::clone(&into));
                thread::spawn(move || {
                    let mut conversation = Conversation {
                        stream,
                        connection,
                        script,
                        into,
                    };
                    let _broken = conversation.run();
                });
            }
        });
        Peer { address, taken }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has taken so far.
    ///
    /// # Panics
    /// If a thread of it has panicked.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("no thread panics").clone()
    }

    /// Waits until it has taken so many messages.
    ///
    /// # Panics
    /// If it does not come to that.
    #[must_use]
    pub fn takes(&self, count: usize) -> Vec<Taken> {
        let enough = || Some(self.taken()).filter(|taken| taken.len() >= count);
        until("the peer takes messages", PATIENCE, enough).0
    }
}

struct Conversation {
    stream: TcpStream,
    connection: usize,
    script: Arc<Script>,
    into: Arc<Mutex<Vec<Taken>>>,
}

impl Conversation {
    fn run(&mut self) -> std::io::Result<()> {
        let mut lines = BufReader::new(self.stream.try_clone()?);
        self.act("GREETING", "220 peer.example")?;
        let (mut mail, mut rcpt) = (String::new(), Vec::new());
        loop {
            let Some(line) = read(&mut lines)? else {
                return Ok(());
            };
            let word = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
            match word.as_str() {
                "EHLO" => {
                    self.act(&line, "250-peer.example\r\n250-PIPELINING\r\n250 8BITMIME")?;
                }
                "MAIL" => {
                    rcpt.clear();
                    mail.clear();
                    if self.act(&line, "250 OK")? {
                        mail = line;
                    }
                }
                "RCPT" if mail.is_empty() => self.say("503 from whom?")?,
                "RCPT" => {
                    if self.act(&line, "250 OK")? {
                        rcpt.push(line);
                    }
                }
                "DATA" if rcpt.is_empty() => self.say("503 for whom?")?,
                "DATA" => {
                    if self.act(&line, "354 go ahead")? {
                        let content = content(&mut lines)?;
                        let followed = !lines.buffer().is_empty();
                        if self.act(".", "250 taken")? {
                            let taken = Taken {
                                mail: mail.clone(),
                                rcpt: std::mem::take(&mut rcpt),
                                content,
                                followed,
                                connection: self.connection,
                            };
                            self.into.lock().expect("no thread panics").push(taken);
                        }
                    }
                }
                "QUIT" => return self.say("221 bye"),
                _ => {
                    self.act(&line, "250 OK")?;
                }
            }
        }
    }

    /// Does what the script says; whether it was a yes.
    fn act(&mut self, command: &str, usual: &str) -> std::io::Result<bool> {
        match (self.script)(self.connection, command) {
            Act::Usual => self.say(usual).map(|()| true),
            Act::Say(reply) => self.say(reply).map(|()| reply.starts_with(['2', '3'])),
            Act::Silent => {
                let mut rest = BufReader::new(self.stream.try_clone()?);
                while read(&mut rest)?.is_some() {}
                Err(std::io::ErrorKind::ConnectionAborted.into())
            }
            Act::Close => Err(std::io::ErrorKind::ConnectionAborted.into()),
        }
    }

    fn say(&mut self, reply: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{reply}\r\n").as_bytes())
    }
}

fn read(lines: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let count = lines.read_until(b'\n', &mut line)?;
    let text = String::from_utf8_lossy(&line);
    Ok((count > 0).then(|| text.trim_end().to_owned()))
}

fn content(lines: &mut impl BufRead) -> std::io::Result<String> {
    let mut content = String::new();
    while let Some(line) = read(lines)? {
        if line == "." {
            return Ok(content);
        }
        content.push_str(line.strip_prefix('.').unwrap_or(&line));
        content.push('\n');
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}
