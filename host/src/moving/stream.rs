//! An export that goes to somebody as it is made: one mailbox as an mbox, or all of an account as a zip archive of them.
//!
//! Invariants: what is in it is octet by octet what `waxwing export mbox` writes into files, but for notes of that program's own; no more is held
//! than a message that is small, the pieces on their way and a row for each mailbox. What could not be read is told of: in the archive by a file that says so, of an
//! mbox by its breaking off, since it has no room for a word. An export is whole only if its end was told.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::SendTimeoutError};

use super::mbox::{Quoting, name_of, write_message};
use super::zip::Zip;
use super::{Account, Progress, Spool, Target, emptying};
use crate::admin::mail::{MailboxRow, MessageRow};
use crate::admin::{Exit, Failure};

/// Octets that go at a time.
const PIECE: usize = 64 * 1024;
/// The file that tells what is not there.
const LEFT_OUT: &str = "LEFT-OUT.txt";

/// How long who reads may take for a piece: a thread waits meanwhile.
const WAIT: Duration = Duration::from_secs(60);

/// What comes of an export.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Octets(Bytes),
    /// All of it has come. Without this one it broke off, whyever that was.
    End,
}

/// Where the pieces go.
pub(crate) type Pieces = mpsc::Sender<Piece>;

/// Writes all mailboxes of an account, or one as it is, from a thread of the runtime that may wait.
pub(crate) fn export(account: &mut Account, mailbox: Option<&str>, pieces: Pieces) {
    let progress = Progress::unseen();
    let only: Vec<String> = mailbox.into_iter().map(str::to_owned).collect();
    let out = BufWriter::with_capacity(PIECE, Pipe(Some(pieces.clone())));
    let mut target = StreamTarget(match mailbox {
        Some(_) => Form::Mbox(out),
        None => Form::Zip(Zip::new(out)),
    });
    let ended = emptying::empty(account, &mut target, &only, &progress)
        .map_err(|failure| io::Error::other(failure.text))
        .and_then(|_| target.finish(&progress.said()))
        .and_then(|()| send(&pieces, Piece::End));
    if let Err(error) = ended {
        tracing::warn!(%error, account = account.address(), "an export broke off");
    }
}

/// Sends what is written, and waits while the one who reads is behind.
struct Pipe(Option<Pieces>);

fn send(pieces: &Pieces, piece: Piece) -> io::Result<()> {
    let sent = Handle::current().block_on(pieces.send_timeout(piece, WAIT));
    sent.map_err(|error| match error {
        SendTimeoutError::Timeout(_) => io::ErrorKind::TimedOut.into(),
        SendTimeoutError::Closed(_) => io::ErrorKind::BrokenPipe.into(),
    })
}

impl Write for Pipe {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let pieces = self.0.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        let sent = send(pieces, Piece::Octets(Bytes::copy_from_slice(octets)));
        if let Err(error) = sent {
            // What is written after it is not waited for once more.
            self.0 = None;
            return Err(error);
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct StreamTarget(Form);

enum Form {
    Mbox(BufWriter<Pipe>),
    Zip(Zip<BufWriter<Pipe>>),
}

impl StreamTarget {
    fn finish(self, said: &[String]) -> io::Result<()> {
        match self.0 {
            Form::Mbox(mut out) => match said.first() {
                None => out.flush(),
                Some(text) => Err(io::Error::other(text.clone())),
            },
            Form::Zip(mut zip) => {
                if !said.is_empty() {
                    zip.begin(LEFT_OUT)?;
                    zip.write_all((said.join("\n") + "\n").as_bytes())?;
                }
                zip.finish().map(drop)
            }
        }
    }
}

fn gone(error: &io::Error) -> Failure {
    Failure::new(Exit::Unavailable, error.to_string())
}

impl Target for StreamTarget {
    fn open(&mut self, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn mailbox(&mut self, mailbox: &MailboxRow) -> Result<(), Failure> {
        match &mut self.0 {
            Form::Mbox(_) => Ok(()),
            Form::Zip(zip) => zip
                .begin(&name_of(&mailbox.path))
                .map_err(|error| gone(&error)),
        }
    }

    fn has(&self, _: &MessageRow) -> bool {
        false
    }

    fn left_out(&mut self, _: &MessageRow) {}

    fn message(&mut self, message: &MessageRow, content: Spool) -> Result<Vec<String>, Failure> {
        let written = match &mut self.0 {
            Form::Mbox(out) => write_message(out, Quoting::Rd, message, content),
            Form::Zip(zip) => write_message(zip, Quoting::Rd, message, content),
        };
        written.map_err(|error| gone(&error))?;
        Ok(Vec::new())
    }

    fn done(&mut self) -> Result<(), Failure> {
        match &mut self.0 {
            Form::Mbox(_) => Ok(()),
            Form::Zip(zip) => zip.end().map_err(|error| gone(&error)),
        }
    }

    fn subscriptions(&mut self, _: &[String]) -> Result<(), Failure> {
        Ok(())
    }
}
