//! A Maildir as a target: Maildir++ with Dovecot's lists of keywords and subscriptions.
//!
//! A message is written to `tmp`, synced, and moved to `cur`, under a name that says which message it is: a second run
//! finds it there, whatever flags its name has got meanwhile.

use std::collections::HashSet;
use std::fs::{self, File, FileTimes};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use waxwing_store::Flags;

use super::super::{Marks, Spool, Target, alone, file, safely};
use super::{dovecot, names};
use crate::admin::Failure;
use crate::admin::mail::{MailboxRow, MessageRow};

/// A Maildir that is written.
pub(crate) struct MaildirTarget {
    root: PathBuf,
    /// Keeps others out.
    lock: Option<File>,
    /// The folder that is being written.
    folder: PathBuf,
    uid_validity: u32,
    mailbox: i64,
    /// Names without flags of what is there.
    there: HashSet<String>,
    keywords: Vec<String>,
}

impl MaildirTarget {
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            lock: None,
            folder: PathBuf::new(),
            uid_validity: 0,
            mailbox: 0,
            there: HashSet::new(),
            keywords: Vec::new(),
        }
    }

    /// A message's name without flags and size.
    fn key(&self, message: &MessageRow) -> String {
        let seconds = message.date.div_euclid(1000).max(0);
        format!(
            "{seconds}.M{}V{}U{}.waxwing",
            self.mailbox, self.uid_validity, message.uid
        )
    }

    fn make(&mut self, path: &str) -> io::Result<()> {
        self.folder = self.root.join(names::folder_of(path));
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(self.folder.join(part))?;
        }
        if self.folder != self.root {
            // Maildir++: what tells a folder from a Maildir of its own.
            File::create(self.folder.join("maildirfolder"))?;
        }
        self.there.clear();
        for part in ["cur", "new"] {
            for entry in fs::read_dir(self.folder.join(part))? {
                let name = entry?.file_name();
                self.there
                    .insert(key_of(&name.to_string_lossy()).to_owned());
            }
        }
        self.keywords = dovecot::keywords(&safely::Folder::at(&self.folder)?);
        Ok(())
    }

    fn write(&mut self, message: &MessageRow, content: Spool) -> io::Result<Vec<String>> {
        let key = self.key(message);
        let temporary = self.folder.join("tmp").join(&key);
        let mut out = BufWriter::new(File::create(&temporary)?);
        let octets = io::copy(&mut content.for_file(message.verbatim)?, &mut out)?;
        out.flush()?;
        let written = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let date = Duration::from_millis(u64::try_from(message.date).unwrap_or(0));
        written.set_times(FileTimes::new().set_modified(UNIX_EPOCH + date))?;
        written.sync_all()?;
        let marks = Marks {
            flags: Flags::from_bits(message.flags),
            keywords: message.keywords.clone(),
            lost: Vec::new(),
        };
        let known = self.keywords.len();
        let (letters, lost) = names::letters(&marks, &mut self.keywords);
        if self.keywords.len() > known {
            // Before the name that means one of them.
            write_whole(
                &self.folder.join("dovecot-keywords"),
                &dovecot::keywords_file(&self.keywords),
            )?;
        }
        let name = format!("{key},S={octets}:2,{letters}");
        fs::rename(temporary, self.folder.join("cur").join(name))?;
        self.there.insert(key);
        Ok(lost)
    }
}

/// A name as [`MaildirTarget::key`] made it: without flags, and without the size.
fn key_of(name: &str) -> &str {
    let base = names::base(name);
    base.split_once(",S=").map_or(base, |(key, _)| key)
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_extension("fresh");
    let mut out = File::create(&fresh)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(fresh, path)
}

/// Has a folder's entries on disk.
fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems know no such thing.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

impl Target for MaildirTarget {
    fn open(&mut self, _address: &str) -> Result<(), Failure> {
        self.lock = Some(alone::in_folder(&self.root)?);
        Ok(())
    }

    fn mailbox(&mut self, mailbox: &MailboxRow) -> Result<(), Failure> {
        self.mailbox = mailbox.id;
        self.uid_validity = mailbox.uid_validity;
        let made = self.make(&mailbox.path);
        made.map_err(|error| file(&self.folder, &error))
    }

    fn has(&self, message: &MessageRow) -> bool {
        self.there.contains(&self.key(message))
    }

    fn message(&mut self, message: &MessageRow, content: Spool) -> Result<Vec<String>, Failure> {
        let written = self.write(message, content);
        written.map_err(|error| file(&self.folder, &error))
    }

    fn left_out(&mut self, _message: &MessageRow) {
        // No file has its name.
    }

    fn done(&mut self) -> Result<(), Failure> {
        sync(&self.folder.join("cur")).map_err(|error| file(&self.folder, &error))
    }

    fn subscriptions(&mut self, paths: &[String]) -> Result<(), Failure> {
        let path = self.root.join("subscriptions");
        let text = dovecot::subscriptions_file(paths.iter().map(|path| names::folder_of(path)));
        write_whole(&path, &text).map_err(|error| file(&path, &error))
    }
}
