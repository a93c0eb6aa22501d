//! mbox files as a source: one file, or a folder of them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::super::filling::Twins;
use super::super::{Contents, Filling, Folder, Message, Source, file, item, safely};
use super::split::{Part, Split};
use super::{Quoting, from_line};
use crate::admin::Failure;

/// Levels of folders that are looked into.
const MAX_DEPTH: usize = 32;

/// An mbox, or a folder of them.
pub(crate) struct Mbox {
    root: PathBuf,
    quoting: Option<Quoting>,
}

impl Mbox {
    /// The file or folder at a path.
    pub(crate) fn at(path: &Path, quoting: Option<Quoting>) -> Result<Self, Failure> {
        let root = path.canonicalize().map_err(|error| file(path, &error))?;
        Ok(Self { root, quoting })
    }

    /// Looks for files that are mboxes: `Work`, `Work.mbox`, and those in folders `Work`, `Work.sbd` below them.
    fn look(
        &self,
        place: &Path,
        above: &str,
        depth: usize,
        found: &mut Vec<Folder>,
    ) -> Result<(), Failure> {
        for entry in fs::read_dir(place).map_err(|error| file(place, &error))? {
            let path = entry.map_err(|error| file(place, &error))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let level = level_of(name);
            let below = if above.is_empty() {
                level
            } else {
                format!("{above}/{level}")
            };
            if safely::is_folder(&path) && depth < MAX_DEPTH {
                self.look(&path, &below, depth + 1, found)?;
            } else if is_mbox(&path).map_err(|error| file(&path, &error))? {
                found.push(Folder {
                    path: below,
                    place: path.to_string_lossy().into_owned(),
                });
            }
        }
        Ok(())
    }
}

/// What a file or folder is called as a level of a path.
fn level_of(name: &str) -> String {
    let name = name
        .strip_suffix(".mbox")
        .or_else(|| name.strip_suffix(".sbd"))
        .unwrap_or(name);
    let text = waxwing_imap::utf7::decode(name.as_bytes()).unwrap_or_else(|_| name.to_owned());
    text.replace('/', "_")
}

/// Whether a file has messages, or is one that has none. What a link leads to is none: whoever owns the folder can make it.
fn is_mbox(path: &Path) -> std::io::Result<bool> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut start = [0; 5];
    let taken = safely::open(path)?.read(&mut start)?;
    let named = path
        .extension()
        .is_some_and(|extension| extension == "mbox");
    Ok(match taken {
        0 => named,
        taken => start.get(..taken) == Some(b"From "),
    })
}

impl Source for Mbox {
    fn open(&mut self) -> Result<Contents, Failure> {
        let mut folders = Vec::new();
        if self.root.is_dir() {
            self.look(&self.root, "", 0, &mut folders)?;
            if folders.is_empty() {
                return Err(Failure::data(format!(
                    "{}: no mbox is in it",
                    self.root.display()
                )));
            }
        } else {
            // One file says nothing about where it belongs.
            folders.push(Folder {
                path: "INBOX".to_owned(),
                place: self.root.to_string_lossy().into_owned(),
            });
        }
        folders.sort_by(|a, b| a.path.cmp(&b.path));
        let listed = safely::text(&self.root.join(super::write::SUBSCRIPTIONS));
        Ok(Contents {
            folders,
            subscriptions: listed.lines().map(ToOwned::to_owned).collect(),
        })
    }

    fn bring(&mut self, folder: &Folder, into: &mut Filling<'_>) -> Result<(), Failure> {
        let path = Path::new(&folder.place);
        let failed = |error: std::io::Error| file(path, &error);
        let mut split =
            Split::new(safely::open(path).map_err(failed)?, self.quoting).map_err(failed)?;
        let mut twins = Twins::default();
        loop {
            let begin = split.position().map_err(failed)?;
            let Some(part) = split.part().map_err(failed)? else {
                return Ok(());
            };
            if part.status.removed {
                continue;
            }
            into.begin(folder, 1);
            let message = message(&folder.place, part, &mut twins).map_err(failed)?;
            if into.wanted(std::slice::from_ref(&message.item))?.is_empty() {
                continue;
            }
            into.take(&format!("{} near octet {begin}", folder.place), message)?;
        }
    }
}

/// A message of a file. What it is there is told by its line `From` and its octets, and how many such came before it: a place would move when
/// other messages are removed.
fn message(place: &str, part: Part, twins: &mut Twins) -> std::io::Result<Message> {
    let mut content = part.content;
    let digest = content.digest()?;
    let like = item(&[b"mbox", place.as_bytes(), &part.from, &digest]);
    let twin = twins.number(&like);
    Ok(Message {
        item: item(&[like.as_bytes(), &twin.to_be_bytes()]),
        marks: part.status.marks,
        date: from_line::time(&part.from).unwrap_or_default(),
        offset: 0,
        content,
    })
}
