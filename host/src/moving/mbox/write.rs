//! mbox files as a target: one for each mailbox, `Work/Old.mbox`, named as [`level`](super::level) says.
//!
//! Beside each file stands `.Work.mbox.state`: what it was exported from and how, how much of it is whole, and which messages are in it. It is
//! written after the file is on disk, so that what a killed run left behind is cut off, and nothing else ever is.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use waxwing_store::Flags;

use super::super::{Marks, Spool, Target, alone, file};
use super::{Quoting, from_line, is_from, name_of, status};
use crate::admin::Failure;
use crate::admin::mail::{MailboxRow, MessageRow};

/// The file of subscribed paths, a line each.
pub(super) const SUBSCRIPTIONS: &str = ".subscriptions";
/// Octets after which a file is synced and its state noted.
const STEP: u64 = 16 << 20;
/// Octets of a line that are written at a time.
const PIECE: u64 = 64 * 1024;
/// Octets of a header that are searched for the sender.
const SEARCHED: u64 = 64 * 1024;

/// A folder of mboxes that is written.
pub(crate) struct MboxTarget {
    root: PathBuf,
    quoting: Quoting,
    address: String,
    /// Keeps others out.
    lock: Option<File>,
    open: Option<Open>,
}

/// The file that is being written.
struct Open {
    path: PathBuf,
    out: BufWriter<File>,
    state: State,
    /// Octets that were written, and how many of them the state on disk knows.
    octets: u64,
    noted: u64,
}

/// What a file is exported from, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Origin {
    address: String,
    mailbox: i64,
    /// The mailbox's, whose UIDs mean something only with it.
    uid_validity: u32,
    quoting: Quoting,
}

/// How far a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct State {
    origin: Origin,
    /// The highest UID in the file: it has all up to it.
    uid: u32,
    /// But for these, which could not be read when it was their turn.
    missing: BTreeSet<u32>,
    /// Octets of the file that are whole.
    octets: u64,
    /// All was written: the file is longer only if somebody else made it so.
    done: bool,
}

impl MboxTarget {
    pub(crate) fn at(root: &Path, quoting: Quoting) -> Self {
        Self {
            root: root.to_owned(),
            quoting,
            address: String::new(),
            lock: None,
            open: None,
        }
    }

    fn path_of(&self, mailbox: &str) -> PathBuf {
        self.root.join(name_of(mailbox))
    }

    fn path(&self) -> &Path {
        self.open.as_ref().map_or(&self.root, |open| &open.path)
    }
}

fn state_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.state"))
}

impl Open {
    /// Opens the file of a mailbox where it was left.
    fn new(path: PathBuf, origin: Origin) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut out = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let length = out.seek(SeekFrom::End(0))?;
        let state = State::read(&path)?.unwrap_or_else(|| State {
            origin: origin.clone(),
            uid: 0,
            missing: BTreeSet::new(),
            octets: 0,
            done: length > 0,
        });
        let foreign = if state.done {
            length != state.octets
        } else {
            length < state.octets
        };
        if foreign || state.origin != origin {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                state.origin.unlike(&origin),
            ));
        }
        out.set_len(state.octets)?;
        out.seek(SeekFrom::Start(state.octets))?;
        let mut open = Self {
            octets: state.octets,
            noted: state.octets,
            path,
            out: BufWriter::with_capacity(128 * 1024, out),
            state,
        };
        open.note(false)?;
        Ok(open)
    }

    fn message(&mut self, message: &MessageRow, content: Spool) -> io::Result<()> {
        let quoting = self.state.origin.quoting;
        self.octets += write_message(&mut self.out, quoting, message, content)?;
        self.state.missing.remove(&message.uid);
        self.state.uid = self.state.uid.max(message.uid);
        if self.octets - self.noted >= STEP {
            self.note(false)?;
        }
        Ok(())
    }

    /// Has the file on disk, and then its state.
    fn note(&mut self, done: bool) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_data()?;
        self.state.octets = self.octets;
        self.state.done = done;
        self.state.write(&self.path)?;
        self.noted = self.octets;
        Ok(())
    }
}

/// Writes a message with its line `From ` before it and an empty one behind; how many octets that are.
pub(in super::super) fn write_message(
    out: &mut impl Write,
    quoting: Quoting,
    message: &MessageRow,
    content: Spool,
) -> io::Result<u64> {
    let marks = Marks {
        flags: Flags::from_bits(message.flags),
        keywords: message.keywords.clone(),
        lost: Vec::new(),
    };
    let mut text = Spool::of(&mut content.for_file(message.verbatim)?)?;
    let end = if text.is_all_crlf() { "\r\n" } else { "\n" };
    let seen = Survey::of(&mut text)?;
    let mut fields = status::fields(&marks, end);
    if let (Quoting::Cl2, Some(body)) = (quoting, seen.body) {
        fields = format!("{fields}Content-Length: {}{end}", text.octets() - body);
    }
    let mut out = Counted(out, 0);
    write!(out, "{}{end}", from_line::line(&seen.sender, message.date))?;
    let unfinished = !text.ends_with_line();
    let mut lines = text.again()?;
    header(&mut (&mut lines).take(seen.header), &mut out)?;
    if unfinished && seen.body.is_none() {
        out.write_all(end.as_bytes())?;
    }
    out.write_all(fields.as_bytes())?;
    pour(&mut lines, &mut out, quoting)?;
    if unfinished && seen.body.is_some() {
        out.write_all(end.as_bytes())?;
    }
    out.write_all(end.as_bytes())?;
    Ok(out.1)
}

/// What has to be known of a message before it is written.
struct Survey {
    /// Octets of the header, without the empty line after it.
    header: u64,
    /// Where the body begins; none without that line.
    body: Option<u64>,
    /// Who sent it (RFC 5321 §4.4, Return-Path), or who sends what nobody did.
    sender: String,
}

impl Survey {
    fn of(text: &mut Spool) -> io::Result<Self> {
        let mut lines = text.again()?;
        let mut survey = Self {
            header: 0,
            body: None,
            sender: "MAILER-DAEMON".to_owned(),
        };
        let mut first = true;
        loop {
            let mut line = Vec::new();
            let read = (&mut lines).take(PIECE).read_until(b'\n', &mut line)? as u64;
            if read == 0 {
                return Ok(survey);
            }
            if first && matches!(line.as_slice(), b"\n" | b"\r\n") {
                survey.body = Some(survey.header + read);
                return Ok(survey);
            }
            if first && survey.header < SEARCHED {
                survey.sender = sender(&line).unwrap_or(survey.sender);
            }
            survey.header += read;
            first = line.ends_with(b"\n");
        }
    }
}

/// The address in a line `Return-Path: <address>`.
fn sender(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let (name, value) = line.split_once(':')?;
    let address = value.trim().trim_matches(['<', '>']);
    let good = !address.is_empty() && address.bytes().all(|octet| octet.is_ascii_graphic());
    (name.trim().eq_ignore_ascii_case("return-path") && good).then(|| address.to_owned())
}

/// Copies a header. The message's own fields that would be taken for the mbox's are quoted as lines `From ` are, which no length can tell here.
fn header(lines: &mut impl BufRead, out: &mut impl Write) -> io::Result<()> {
    copy(lines, out, |line| is_from(line) || status::is_field(line))
}

/// Copies the lines of a body, those quoted that need it.
fn pour(lines: &mut impl BufRead, out: &mut impl Write, quoting: Quoting) -> io::Result<()> {
    copy(lines, out, |line| match quoting {
        Quoting::Rd => is_from(line),
        Quoting::O => line.starts_with(b"From "),
        Quoting::Cl2 => false,
    })
}

fn copy(
    lines: &mut impl BufRead,
    out: &mut impl Write,
    quoted: impl Fn(&[u8]) -> bool,
) -> io::Result<()> {
    let mut first = true;
    loop {
        let mut line = Vec::new();
        if lines.take(PIECE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if first && quoted(&line) {
            out.write_all(b">")?;
        }
        out.write_all(&line)?;
        first = line.ends_with(b"\n");
    }
}

/// Counts what is written.
struct Counted<'a, W>(&'a mut W, u64);

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.0.write(octets)?;
        self.1 += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Origin {
    /// Why a file of this origin is not gone on with from another one.
    fn unlike(&self, other: &Self) -> String {
        let what = match self {
            same if same == other => "it was changed since it was exported".to_owned(),
            _ if self.address != other.address => format!("it was exported from {}", self.address),
            _ if self.quoting != other.quoting => "it was exported with another quoting".to_owned(),
            _ => "it was exported from another mailbox".to_owned(),
        };
        format!("{what}: export into another folder, or move it away")
    }
}

impl State {
    /// The state of a file; none if there is none.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(state_path(path)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it whole or not at all.
    fn write(&self, path: &Path) -> io::Result<()> {
        let path = state_path(path);
        let fresh = path.with_extension("fresh");
        let mut out = File::create(&fresh)?;
        out.write_all(&serde_json::to_vec(self)?)?;
        out.sync_all()?;
        fs::rename(fresh, path)
    }
}

impl Target for MboxTarget {
    fn open(&mut self, address: &str) -> Result<(), Failure> {
        address.clone_into(&mut self.address);
        self.lock = Some(alone::in_folder(&self.root)?);
        Ok(())
    }

    fn mailbox(&mut self, mailbox: &MailboxRow) -> Result<(), Failure> {
        let path = self.path_of(&mailbox.path);
        let origin = Origin {
            address: self.address.clone(),
            mailbox: mailbox.id,
            uid_validity: mailbox.uid_validity,
            quoting: self.quoting,
        };
        self.open = Some(Open::new(path.clone(), origin).map_err(|error| file(&path, &error))?);
        Ok(())
    }

    fn has(&self, message: &MessageRow) -> bool {
        self.open.as_ref().is_some_and(|open| {
            message.uid <= open.state.uid && !open.state.missing.contains(&message.uid)
        })
    }

    fn left_out(&mut self, message: &MessageRow) {
        if let Some(open) = &mut self.open {
            open.state.missing.insert(message.uid);
            open.state.uid = open.state.uid.max(message.uid);
        }
    }

    fn message(&mut self, message: &MessageRow, content: Spool) -> Result<Vec<String>, Failure> {
        let written = match &mut self.open {
            Some(open) => open.message(message, content),
            None => Ok(()),
        };
        written.map_err(|error| file(self.path(), &error))?;
        Ok(Vec::new())
    }

    fn done(&mut self) -> Result<(), Failure> {
        let noted = match &mut self.open {
            Some(open) => open.note(true),
            None => Ok(()),
        };
        noted.map_err(|error| file(self.path(), &error))
    }

    fn subscriptions(&mut self, paths: &[String]) -> Result<(), Failure> {
        let path = self.root.join(SUBSCRIPTIONS);
        let text: String = paths.iter().map(|path| format!("{path}\n")).collect();
        fs::write(&path, text).map_err(|error| file(&path, &error))
    }
}
