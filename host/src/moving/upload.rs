//! A file that somebody has sent, an mbox or one message, as a source for one mailbox.
//!
//! What a message is there is told by the file's name, the mailbox and its octets: who sends the same file again because something broke off gets
//! what is missing, and nothing twice.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::mbox::Mbox;
use super::{Contents, Filling, Folder, Message, Source, Spool, dates, file, item};
use crate::admin::Failure;
use crate::answer::now_millis;

/// The folder of the data directory where files are while they are taken; what is there at a start was left behind.
pub(crate) const FOLDER: &str = "imports";

/// The file at a path, which its owner calls something else.
pub(crate) struct Upload {
    path: PathBuf,
    name: String,
    mailbox: String,
}

impl Upload {
    pub(crate) fn new(path: &Path, name: &str, mailbox: &str) -> Self {
        Self {
            path: path.to_owned(),
            name: name.to_owned(),
            mailbox: mailbox.to_owned(),
        }
    }

    fn is_mbox(&self) -> std::io::Result<bool> {
        let mut start = Vec::new();
        std::fs::File::open(&self.path)?
            .take(5)
            .read_to_end(&mut start)?;
        Ok(start == b"From ")
    }

    fn message(&self) -> std::io::Result<Message> {
        let mut content = Spool::of(&mut std::fs::File::open(&self.path)?)?;
        let digest = content.digest()?;
        let date = dates::of(&mut content)?.unwrap_or_else(now_millis);
        Ok(Message {
            item: item(&[b"upload", self.mailbox.as_bytes(), &digest]),
            marks: super::Marks::default(),
            date,
            offset: 0,
            verbatim: content.is_verbatim(),
            content,
        })
    }
}

impl Source for Upload {
    fn open(&mut self) -> Result<Contents, Failure> {
        Ok(Contents {
            folders: vec![Folder {
                path: self.mailbox.clone(),
                place: String::new(),
            }],
            ..Contents::default()
        })
    }

    fn bring(&mut self, folder: &Folder, into: &mut Filling<'_>) -> Result<(), Failure> {
        let failed = |error: std::io::Error| file(Path::new(&self.name), &error);
        if self.is_mbox().map_err(failed)? {
            let called = format!("upload:{}:{}", self.mailbox, self.name);
            let mut mbox = Mbox::called(&self.path, called, &self.name)?;
            return mbox.bring(folder, into);
        }
        into.begin(folder, 1);
        // Before it is written down once more.
        let octets = std::fs::metadata(&self.path).map_err(failed)?.len();
        if let Some(why) = into.too_large(octets) {
            into.pass(&self.name, &why);
            return Ok(());
        }
        let message = self.message().map_err(failed)?;
        if into.wanted(std::slice::from_ref(&message.item))?.is_empty() {
            return Ok(());
        }
        into.take(&self.name, message)
    }
}
