//! A connection to another server with its conversation, kept while there is more to send.
//!
//! Invariants: between two messages the session waits at its question what is next, or for its word of the first to be noted, so that
//! nothing runs while nobody drives it; a message that was begun with the end of another is the one that is sent next, or none is.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{timeout, timeout_at};
use tokio_rustls::client::TlsStream;
use waxwing_session::{Session, Step};
use waxwing_smtp::client::{
    Answer, Ask, Cause, ClientConfig, ClientSession, Failure, Offers, Outcome, Outgoing, Stage,
};

use super::dial::Connection;
use super::resolve::literal;
use super::tls::Handshake;

/// Octets read at a time.
const PIECE: usize = 8 * 1024;
/// RFC 9266 §4.2: the label of tls-exporter.
const EXPORTER: &[u8] = b"EXPORTER-Channel-Binding";

/// What a line needs to come up.
pub(super) struct Terms<'a> {
    pub(super) config: ClientConfig,
    pub(super) handshake: Option<Handshake>,
    /// The host's name.
    pub(super) name: &'a str,
    /// How long what is written may stay unread.
    pub(super) write: Duration,
}

/// A connection that is up.
pub(super) struct Line {
    session: ClientSession,
    stream: Stream,
    handshake: Option<Handshake>,
    name: String,
    write: Duration,
    /// The peer's extensions; none once the conversation is over.
    pub(super) offers: Option<Box<Offers>>,
    /// `TLSv1.3` and the like.
    pub(super) tls: Option<&'static str>,
    /// Why the handshake failed.
    trouble: Option<String>,
    /// What was begun with the end of the last message.
    begun: Option<Outgoing>,
}

/// Why a line did not come up.
#[derive(Debug)]
pub(super) struct Down {
    pub(super) failure: Failure,
    /// What the TLS library said, if it was the handshake.
    pub(super) trouble: Option<String>,
    /// What was wrong with the host's certificate, if that was it.
    pub(super) noted: Option<rustls::Error>,
}

enum Stream {
    Clear(Connection),
    Secure(Box<TlsStream<Connection>>),
    Gone,
}

impl Line {
    /// Greets, secures and logs in, to where the first message may be sent.
    pub(super) async fn open(stream: Connection, terms: Terms<'_>) -> Result<Self, Down> {
        let mut line = Self {
            session: ClientSession::new(terms.config, Instant::now()),
            stream: Stream::Clear(stream),
            handshake: terms.handshake,
            name: terms.name.to_owned(),
            write: terms.write,
            offers: None,
            tls: None,
            trouble: None,
            begun: None,
        };
        match line.next().await {
            Some(Ask::Next(offers)) => {
                line.offers = Some(offers);
                Ok(line)
            }
            Some(Ask::Failed(failure)) => {
                line.session.answer(Answer::Noted, Instant::now());
                // What the session still says is a goodbye.
                let _closed = line.next().await;
                let noted = line.noted().cloned();
                Err(Down {
                    failure,
                    trouble: line.trouble,
                    noted,
                })
            }
            _ => Err(Down {
                failure: Failure {
                    stage: Stage::Greeting,
                    cause: Cause::Closed,
                },
                trouble: line.trouble,
                noted: None,
            }),
        }
    }

    /// What is wrong with the host's certificate, if that was looked at and did not matter.
    pub(super) fn noted(&self) -> Option<&rustls::Error> {
        self.handshake.as_ref()?.noted.get()
    }

    /// Whether the next message was begun with the last one.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Sends a message, and begins the next one with its end if the peer lets it: that one is to be sent next then, over this line or
    /// another. Afterwards the line is up for it, or [`Line::offers`] is none.
    pub(super) async fn send(
        &mut self,
        message: Outgoing,
        content: &Bytes,
        mut next: Option<Outgoing>,
    ) -> Outcome {
        let recipients = message.envelope.recipients.len();
        let known = self.offers.take();
        let mut answer = match self.begun.take() {
            None => Answer::Send(Box::new(message)),
            Some(begun) if begun == message => Answer::Noted,
            // Whom it was begun for gets nothing else.
            Some(_) => {
                self.stream.close(self.write).await;
                return untried(recipients);
            }
        };
        let (mut handed, mut outcome) = (None, None);
        loop {
            self.session.answer(answer, Instant::now());
            answer = match self.next().await {
                Some(Ask::Content { offset, most }) => {
                    let piece = piece(content, offset, most);
                    let end = offset.saturating_add(piece.len() as u64);
                    match next.take_if(|_| end >= content.len() as u64) {
                        Some(next) => {
                            handed = Some(next.clone());
                            Answer::Last(piece, Box::new(next))
                        }
                        None => Answer::Content(piece),
                    }
                }
                Some(Ask::Done(done)) if self.session.has_begun_ahead() => {
                    (self.begun, self.offers) = (handed, known);
                    return *done;
                }
                Some(Ask::Done(done)) => {
                    // Behind it comes that of what was begun with it, if the connection is gone: untried, and asked about by nobody.
                    outcome.get_or_insert(*done);
                    Answer::Noted
                }
                Some(Ask::Failed(_)) => Answer::Noted,
                Some(Ask::Next(offers)) => {
                    self.offers = Some(offers);
                    break;
                }
                None => break,
            };
        }
        outcome.unwrap_or_else(|| lost(recipients))
    }

    /// Says goodbye; not in the middle of a message that nobody sends.
    pub(super) async fn quit(mut self) {
        if self.begun.is_some() {
            self.stream.close(self.write).await;
        } else if self.offers.is_some() {
            self.session.answer(Answer::Quit, Instant::now());
            let _closed = self.next().await;
        }
    }

    /// Drives to the next question; none when the conversation is over.
    async fn next(&mut self) -> Option<Ask> {
        loop {
            match self.session.step() {
                Step::Write(bytes) => {
                    if self.write(&bytes).await.is_err() {
                        self.session.disconnected();
                    }
                }
                Step::Ask(ask) => return Some(ask),
                Step::StartTls => match self.secure().await {
                    Ok(()) => self.session.secured(Instant::now()),
                    Err(error) => {
                        self.trouble = Some(error.to_string());
                        self.session.disconnected();
                    }
                },
                Step::Read => self.read().await,
                Step::Close | Step::Compress | Step::Content(_) => {
                    self.stream.close(self.write).await;
                    return None;
                }
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let write = async {
            match &mut self.stream {
                Stream::Clear(stream) => stream.write_all(bytes).await,
                Stream::Secure(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
                Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
            }
        };
        timeout(self.write, write).await?
    }

    async fn read(&mut self) {
        let mut buffer = [0; PIECE];
        let read = async {
            match &mut self.stream {
                Stream::Clear(stream) => stream.read(&mut buffer).await,
                Stream::Secure(stream) => stream.read(&mut buffer).await,
                Stream::Gone => Ok(0),
            }
        };
        let read = match self.session.deadline() {
            Some(deadline) => timeout_at(deadline.into(), read).await,
            None => Ok(read.await),
        };
        match read {
            Ok(Ok(count)) if count > 0 => {
                let piece = buffer.get(..count).unwrap_or_default();
                self.session.receive(piece, Instant::now());
            }
            Ok(_) => self.session.disconnected(),
            Err(_) => self.session.expire(Instant::now()),
        }
    }

    async fn secure(&mut self) -> io::Result<()> {
        let Stream::Clear(stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let Some(handshake) = &self.handshake else {
            return Err(io::Error::other("TLS cannot be set up here"));
        };
        let name = server_name(&self.name)?;
        let shake = handshake.connector.connect(name, stream);
        let stream = match self.session.deadline() {
            Some(deadline) => timeout_at(deadline.into(), shake).await??,
            None => shake.await?,
        };
        let connection = stream.get_ref().1;
        self.tls = Some(match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "TLSv1.2",
        });
        // RFC 9266 §3: of TLS 1.3 only, whose exporter is bound to the handshake.
        if self.tls == Some("TLSv1.3")
            && let Ok(channel) = connection.export_keying_material([0; 32], EXPORTER, Some(b""))
        {
            self.session.bind(channel);
        }
        self.stream = Stream::Secure(Box::new(stream));
        Ok(())
    }
}

/// What the certificate is for: a name, or of an address literal (RFC 5321 §4.1.3) the address.
fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    match literal(host) {
        Some(address) => Ok(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(host.to_owned()).map_err(io::Error::other),
    }
}

impl Stream {
    /// Says goodbye. What is still to be written may find a peer that reads no more: it is not waited for without end.
    async fn close(&mut self, limit: Duration) {
        let _gone = match std::mem::replace(self, Self::Gone) {
            Self::Clear(mut stream) => timeout(limit, stream.shutdown()).await,
            Self::Secure(mut stream) => timeout(limit, stream.shutdown()).await,
            Self::Gone => return,
        };
    }
}

fn piece(content: &Bytes, offset: u64, most: usize) -> Bytes {
    let from = usize::try_from(offset)
        .unwrap_or(usize::MAX)
        .min(content.len());
    content.slice(from..from.saturating_add(most).min(content.len()))
}

/// What is said of a message that was not handed to the session.
fn untried(recipients: usize) -> Outcome {
    Outcome {
        untried: true,
        ..lost(recipients)
    }
}

/// What is said of a message whose session ended without a word about it; sessions do not.
fn lost(recipients: usize) -> Outcome {
    let failed = waxwing_smtp::client::Fate::Failed(Failure {
        stage: Stage::Content,
        cause: Cause::Closed,
    });
    Outcome {
        fates: vec![failed; recipients],
        dsn: false,
        untried: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_literal_has_a_handshake_with_its_address() {
        for (host, address) in [
            ("[192.0.2.1]", "192.0.2.1"),
            ("[IPv6:2001:db8::1]", "2001:db8::1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            let address: std::net::IpAddr = address.parse().unwrap();
            assert_eq!(server_name(host).unwrap(), address.into(), "{host}");
        }
        let name = server_name("mx.remote.example").unwrap();
        assert_eq!(name.to_str(), "mx.remote.example");
        assert!(server_name("[what]").is_err());
    }
}
