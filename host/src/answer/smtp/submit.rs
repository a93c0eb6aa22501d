//! A message that is submitted without a connection of its own (JMAP): the same session as over a socket, told the same commands, so that every
//! rule of submission holds, and asked the same of policy.
//!
//! Standards: RFC 6409; RFC 8621 §7.5.

use std::time::Instant;

use bytes::Bytes;
use waxwing_mail::{EnhancedStatus, Identity, Release, Reply, ReplyCode};
use waxwing_session::{Session, Step};
use waxwing_smtp::{Answer, Ask, Decision, ServerSession};
use waxwing_store::NewRecord;

use super::super::gate::Gate;
use super::SmtpAnswers;
use crate::answer::now_millis;
use crate::config::{Listener, Service};

/// An address with its parameters, as they stand in a command.
pub(crate) struct Path {
    pub(crate) address: String,
    /// `NAME=value`, each behind a blank.
    pub(crate) parameters: String,
}

/// What is to be sent.
pub(crate) struct Submission {
    pub(crate) sender: Path,
    pub(crate) recipients: Vec<Path>,
    pub(crate) content: Bytes,
}

/// A message that was taken.
#[derive(Debug)]
pub(crate) struct Taken {
    /// When it goes, milliseconds of Unix time.
    pub(crate) send_at: i64,
    /// It waits until then.
    pub(crate) held: bool,
}

/// What was refused first.
#[derive(Debug)]
pub(crate) enum Refused {
    Sender(Reply),
    Recipients(Vec<(String, Reply)>),
    Message(Reply),
}

/// What is known of a message when it is about to be stored.
pub(crate) struct About<'a> {
    pub(crate) queue_id: &'a str,
    pub(crate) send_at: i64,
}

/// The other side of the session.
struct Conversation<R> {
    session: ServerSession,
    answers: SmtpAnswers,
    identity: Identity,
    /// What is to be kept with the message.
    record: Option<R>,
    taken: Option<Taken>,
    /// What the session has said since it last read.
    said: Vec<u8>,
}

/// Submits a message for somebody who has logged in; what `record` says is kept with it, in the same commit.
pub(crate) async fn submit(
    gate: Gate,
    identity: Identity,
    submission: Submission,
    record: impl FnOnce(About<'_>) -> Option<NewRecord> + Send,
) -> Result<Taken, Refused> {
    let caller = gate.caller();
    // What is not said of submission here is what the server says of it everywhere.
    let listener = Listener {
        service: Service::Submission,
        plaintext_auth: true,
        ..caller.door.listener.clone()
    };
    let config = &gate.parts().config;
    let settings = crate::answer::smtp_settings(&listener, config);
    let client = caller.client.ip();
    let helo = match client.is_ipv6() {
        true => format!("[IPv6:{client}]"),
        false => format!("[{client}]"),
    };
    let secured = caller.tls.is_some();
    let session = ServerSession::new(settings, secured, Instant::now());
    let mut conversation = Conversation {
        session: session.at(jiff::Timestamp::now()).trusting(),
        answers: SmtpAnswers::of_gate(gate),
        identity,
        record: Some(record),
        taken: None,
        said: Vec::new(),
    };
    conversation.turn().await;
    let login = waxwing_mail::xtext::encode(&conversation.identity.account);
    let greeting = format!(
        "XCLIENT LOGIN={login} HELO={}",
        waxwing_mail::xtext::encode(&helo)
    );
    conversation.say(&greeting).await;
    let Path {
        address,
        parameters,
    } = &submission.sender;
    let reply = conversation
        .say(&format!("MAIL FROM:<{address}>{parameters}"))
        .await;
    if !reply.code.is_positive() {
        return Err(Refused::Sender(reply));
    }
    let mut refused = Vec::new();
    for Path {
        address,
        parameters,
    } in &submission.recipients
    {
        let reply = conversation
            .say(&format!("RCPT TO:<{address}>{parameters}"))
            .await;
        if !reply.code.is_positive() {
            refused.push((address.clone(), reply));
        }
    }
    if !refused.is_empty() {
        return Err(Refused::Recipients(refused));
    }
    let reply = conversation.content(&submission.content).await;
    match conversation.taken.take() {
        Some(taken) if reply.code.is_positive() => Ok(taken),
        _ => Err(Refused::Message(reply)),
    }
}

impl<R: FnOnce(About<'_>) -> Option<NewRecord> + Send> Conversation<R> {
    /// Says a line; the reply.
    async fn say(&mut self, line: &str) -> Reply {
        self.said.clear();
        self.session
            .receive(format!("{line}\r\n").as_bytes(), Instant::now());
        self.turn().await;
        last_reply(&self.said)
    }

    /// Hands the content over as one chunk (RFC 3030 §2), which needs no other form.
    async fn content(&mut self, content: &Bytes) -> Reply {
        self.said.clear();
        let command = format!("BDAT {} LAST\r\n", content.len());
        self.session.receive(command.as_bytes(), Instant::now());
        self.turn().await;
        // What a session takes at a time is bounded.
        for piece in content.chunks(64 * 1024) {
            self.session.receive(piece, Instant::now());
            self.turn().await;
        }
        last_reply(&self.said)
    }

    /// Answers what the session asks until it has nothing more to do.
    async fn turn(&mut self) {
        loop {
            match self.session.step() {
                Step::Write(bytes) => self.said.extend_from_slice(&bytes),
                Step::Content(bytes) => {
                    if let Some(running) = &mut self.answers.running {
                        running.content.push(bytes);
                    }
                }
                Step::Ask(ask) => {
                    let answer = Box::pin(self.answer(ask)).await;
                    self.session.answer(answer, Instant::now());
                }
                Step::Read | Step::Close | Step::StartTls | Step::Compress => return,
            }
        }
    }

    async fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            // It is known, and was let in: at the connection that it speaks through.
            Ask::Connect | Ask::Ehlo { .. } => Answer::Decision(Decision::Pass),
            Ask::Client(_) => Answer::Authenticated(self.identity.clone()),
            Ask::Message(message) => {
                let queue_id = self.answers.running.as_ref();
                let queue_id = queue_id.map(|running| running.queue_id.to_string());
                let now = now_millis();
                let send_at = match message.envelope.release {
                    Some(Release::After(time)) => {
                        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
                        Some(now.saturating_add(time))
                    }
                    Some(Release::At(at)) => Some(at.as_millisecond()),
                    None => None,
                };
                let about = About {
                    queue_id: queue_id.as_deref().unwrap_or_default(),
                    send_at: send_at.unwrap_or(now),
                };
                self.taken = Some(Taken {
                    send_at: about.send_at,
                    held: send_at.is_some(),
                });
                self.answers.record = self.record.take().and_then(|record| record(about));
                self.answers.decide(Ask::Message(message)).await
            }
            other => self.answers.decide(other).await,
        }
    }
}

/// The last reply in what the session said.
fn last_reply(said: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.last().copied().unwrap_or_default();
    let code = last.get(..3).and_then(|code| code.parse().ok());
    let code = code.and_then(ReplyCode::new);
    let rest = last.get(4..).unwrap_or_default();
    let (enhanced, rest) = enhanced(rest);
    match code {
        Some(code) => Reply {
            code,
            enhanced,
            text: rest.to_owned().into(),
        },
        // It said nothing: it ended.
        None => waxwing_smtp::replies::internal_error(),
    }
}

/// An enhanced status code (RFC 2034 §4) and what follows it.
fn enhanced(text: &str) -> (Option<EnhancedStatus>, &str) {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut numbers = first.split('.').map(str::parse::<u16>);
    let mut next = || numbers.next()?.ok();
    match (next(), next(), next(), next()) {
        (Some(class), Some(subject), Some(detail), None) => {
            let class = u8::try_from(class).unwrap_or(5);
            (Some(EnhancedStatus(class, subject, detail)), rest)
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reply_counts() {
        let reply = last_reply(b"250-a\r\n250 2.1.0 fine\r\n550-5.7.1 no\r\n550 5.7.1 not you\r\n");
        assert_eq!(reply.code.get(), 550);
        assert_eq!(reply.enhanced, Some(EnhancedStatus(5, 7, 1)));
        assert_eq!(reply.text, "not you");
        assert!(last_reply(b"354 go on\r\n").enhanced.is_none());
        assert!(last_reply(b"").code.is_transient());
    }
}
