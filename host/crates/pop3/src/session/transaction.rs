//! TRANSACTION: commands on the open maildrop, and the work that takes more than one reply.
//!
//! Standards: RFC 1939 §5, §7 (TOP, UIDL), RFC 2449 §6.6 (pipelining).
//! Invariants: a long listing is written in pieces; of a message there is one chunk in memory; a message that breaks off in the middle
//! ends the session, for no reply could say so.

use waxwing_session::Step;

use super::{Phase, Pop3Session, WRITE};
use crate::ask::{Answer, Ask};
use crate::command::Command;
use crate::internationalized::has_address;
use crate::maildrop::{Entry, OpenMaildrop};
use crate::reply;
use crate::transfer::Encoder;

/// What a session in TRANSACTION is at.
pub(super) enum Work {
    /// The next line.
    Line,
    /// LIST or UIDL of all messages, from this number on.
    Listing { from: usize, unique_ids: bool },
    /// A message on its way out.
    Sending(Transfer),
}

impl Work {
    /// Whether a reply of several lines has begun and is not at its end: nothing else can be said then.
    pub(super) fn amid_reply(&self) -> bool {
        match self {
            Self::Line => false,
            Self::Listing { .. } => true,
            Self::Sending(transfer) => transfer.reply.is_none(),
        }
    }
}

/// A message on its way out.
pub(super) struct Transfer {
    number: usize,
    entry: Entry,
    /// Octets read of it.
    offset: u64,
    encoder: Encoder,
    /// The reply that comes before it; said when the first chunk is there, so that a failure can still be told.
    reply: Option<String>,
    /// All of it goes, as RETR wants.
    whole: bool,
}

impl Pop3Session {
    /// A line in TRANSACTION.
    pub(super) fn transaction(
        &mut self,
        mut maildrop: Box<OpenMaildrop>,
        line: &[u8],
    ) -> Option<Step<Ask>> {
        let mut work = Work::Line;
        match Command::parse(line) {
            Ok(Command::Quit) => return self.quit(&maildrop),
            Ok(command) => {
                self.mistakes = 0;
                work = self.command(&mut maildrop, &command);
                self.phase = Phase::Transaction(maildrop, work);
            }
            Err(mistake) => {
                self.phase = Phase::Transaction(maildrop, work);
                self.bad(&reply::mistake(&mistake));
            }
        }
        None
    }

    fn command(&mut self, maildrop: &mut OpenMaildrop, command: &Command<'_>) -> Work {
        match *command {
            Command::Stat => {
                let (count, octets) = maildrop.totals();
                self.say(&reply::totals(count, octets));
            }
            Command::List(None) => {
                let (count, octets) = maildrop.totals();
                self.say(&reply::list_follows(count, octets));
                return Work::Listing {
                    from: 1,
                    unique_ids: false,
                };
            }
            Command::Uidl(None) => {
                self.say(&reply::unique_ids_follow(maildrop.totals().0));
                return Work::Listing {
                    from: 1,
                    unique_ids: true,
                };
            }
            Command::List(Some(number)) => {
                self.about(maildrop, number, |entry| {
                    reply::scan_listing(number, entry.octets)
                });
            }
            Command::Uidl(Some(number)) => {
                self.about(maildrop, number, |entry| {
                    reply::unique_id(number, &maildrop.unique_id(entry))
                });
            }
            Command::Retr(number) => return self.send(maildrop, number, None),
            Command::Top { number, lines } => return self.send(maildrop, number, Some(lines)),
            Command::Dele(number) if maildrop.delete(number) => self.say(&reply::deleted(number)),
            Command::Dele(_) => self.say(reply::NO_MESSAGE),
            Command::Noop => self.say(reply::NOOP),
            Command::Rset => {
                maildrop.reset();
                let (count, octets) = maildrop.totals();
                self.say(&reply::reset(count, octets));
            }
            Command::Capa => self.say_capabilities(),
            // RFC 2595 §4: STLS belongs to AUTHORIZATION, and so do these (RFC 6856 §2). QUIT was taken before.
            Command::Stls
            | Command::Utf8
            | Command::User(_)
            | Command::Pass(_)
            | Command::Auth { .. }
            | Command::Quit => {
                self.say(reply::LOGGED_IN);
            }
        }
        Work::Line
    }

    fn about(&mut self, maildrop: &OpenMaildrop, number: usize, say: impl Fn(Entry) -> String) {
        match maildrop.get(number) {
            Some(entry) => self.say(&say(entry)),
            None => self.say(reply::NO_MESSAGE),
        }
    }

    fn send(&mut self, maildrop: &OpenMaildrop, number: usize, lines: Option<u64>) -> Work {
        let Some(entry) = maildrop.get(number) else {
            self.say(reply::NO_MESSAGE);
            return Work::Line;
        };
        let reply = match lines {
            None => reply::message_follows(entry.octets),
            Some(_) => reply::top_follows(number),
        };
        let encoder = Encoder::new(lines);
        Work::Sending(Transfer {
            number,
            entry,
            offset: 0,
            encoder,
            reply: Some(reply),
            whole: lines.is_none(),
        })
    }

    /// RFC 1939 §6: QUIT enters UPDATE, where there is something to do.
    fn quit(&mut self, maildrop: &OpenMaildrop) -> Option<Step<Ask>> {
        let (remove, seen) = maildrop.update();
        if remove.is_empty() && seen.is_empty() {
            self.say(reply::BYE);
            return None;
        }
        self.phase = Phase::Updating;
        self.ask(Ask::Update { remove, seen })
    }

    /// Goes on with what takes more than one step.
    pub(super) fn work(&mut self, maildrop: Box<OpenMaildrop>, work: Work) -> Option<Step<Ask>> {
        match work {
            Work::Line => {
                self.phase = Phase::Transaction(maildrop, Work::Line);
                None
            }
            Work::Listing { from, unique_ids } => {
                let work = self.list(&maildrop, from, unique_ids);
                self.phase = Phase::Transaction(maildrop, work);
                None
            }
            Work::Sending(transfer) => self.read_on(maildrop, transfer),
        }
    }

    /// Writes a piece of a listing.
    fn list(&mut self, maildrop: &OpenMaildrop, from: usize, unique_ids: bool) -> Work {
        for (number, entry) in maildrop.listed(from) {
            if self.output.len() >= WRITE {
                return Work::Listing {
                    from: number,
                    unique_ids,
                };
            }
            let line = if unique_ids {
                format!("{number} {}", maildrop.unique_id(entry))
            } else {
                format!("{number} {}", entry.octets)
            };
            self.say(&line);
        }
        self.say(reply::END);
        Work::Line
    }

    /// Asks for the next chunk of a message, or ends it.
    fn read_on(
        &mut self,
        mut maildrop: Box<OpenMaildrop>,
        mut transfer: Transfer,
    ) -> Option<Step<Ask>> {
        let left = transfer.entry.octets.saturating_sub(transfer.offset);
        if left == 0 || transfer.encoder.satisfied() {
            self.begin(&mut transfer);
            self.output.extend_from_slice(transfer.encoder.end());
            if transfer.whole {
                maildrop.read(transfer.number);
            }
            self.phase = Phase::Transaction(maildrop, Work::Line);
            return None;
        }
        let length = u32::try_from(left)
            .unwrap_or(u32::MAX)
            .min(self.options.limits.chunk.max(1));
        let ask = Ask::Read {
            uid: transfer.entry.uid,
            offset: transfer.offset,
            length,
        };
        self.phase = Phase::Transaction(maildrop, Work::Sending(transfer));
        self.ask(ask)
    }

    /// Says the reply that comes before a message, once.
    fn begin(&mut self, transfer: &mut Transfer) {
        if let Some(reply) = transfer.reply.take() {
            self.say(&reply);
        }
    }

    /// What came of the ask for a chunk.
    pub(super) fn worked(&mut self, maildrop: Box<OpenMaildrop>, work: Work, answer: Answer) {
        let Work::Sending(mut transfer) = work else {
            return self.say(reply::OUT_OF_STEP);
        };
        let trouble = match answer {
            // RFC 6856 §5: before the first octet.
            Answer::Octets(chunk)
                if !self.utf8 && transfer.reply.is_some() && has_address(&chunk) =>
            {
                reply::NEEDS_UTF8.to_owned()
            }
            Answer::Octets(chunk) if !chunk.is_empty() => {
                let left = transfer.entry.octets.saturating_sub(transfer.offset);
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
                self.begin(&mut transfer);
                transfer.offset += take as u64;
                let encoded = transfer.encoder.encode(&chunk.slice(..take));
                self.say_octets(encoded);
                self.phase = Phase::Transaction(maildrop, Work::Sending(transfer));
                return;
            }
            Answer::Gone => reply::GONE.to_owned(),
            Answer::Failed(failure) => reply::failed(&failure),
            _ => reply::OUT_OF_STEP.to_owned(),
        };
        // Before the first octet it can be said; after it, only a closed connection tells the client that the message is not whole.
        if transfer.reply.is_some() {
            self.say(&trouble);
            self.phase = Phase::Transaction(maildrop, Work::Line);
        }
    }
}
