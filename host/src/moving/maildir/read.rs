//! A Maildir as a source.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::super::{Contents, Filling, Folder, Message, Source, Spool, file, item, safely};
use super::{dovecot, names};
use crate::admin::Failure;

/// Levels of folders in folders that are looked into.
const MAX_DEPTH: usize = 32;

/// A Maildir.
pub(crate) struct Maildir {
    root: PathBuf,
}

/// A file in one of its folders.
struct Mail {
    path: PathBuf,
    name: String,
}

impl Maildir {
    /// The Maildir at a path.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        let root = path.canonicalize().map_err(|error| file(path, &error))?;
        Ok(Self { root })
    }

    /// Looks for Maildirs in a folder: `.Work.Old` beside `cur` is one, and so are folders that have a `cur` themselves. Links are not followed:
    /// whoever owns a Maildir can make them lead to what is somebody else's.
    fn look(
        &self,
        place: &Path,
        above: &str,
        depth: usize,
        found: &mut Vec<Folder>,
    ) -> Result<(), Failure> {
        for entry in fs::read_dir(place).map_err(|error| file(place, &error))? {
            let entry = entry.map_err(|error| file(place, &error))?;
            let path = entry.path();
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|_| safely::is_folder(&path)) else {
                continue;
            };
            let (level, deeper) = match name {
                "cur" | "new" | "tmp" => continue,
                _ if name.starts_with('.') => (names::path_of(name), false),
                _ => (names::level_of(name), true),
            };
            let Some(level) = level else {
                continue;
            };
            let below = if above.is_empty() {
                level
            } else {
                format!("{above}/{level}")
            };
            if safely::is_folder(&path.join("cur")) {
                found.push(self.folder(&path, below.clone()));
            }
            if deeper && depth < MAX_DEPTH {
                self.look(&path, &below, depth + 1, found)?;
            }
        }
        Ok(())
    }

    fn folder(&self, path: &Path, name: String) -> Folder {
        let place = path.strip_prefix(&self.root).unwrap_or(path);
        Folder {
            path: name,
            place: place.to_string_lossy().into_owned(),
        }
    }

    /// The messages of a folder in the order in which they came.
    fn mails(&self, folder: &Path) -> Result<Vec<Mail>, Failure> {
        let mut mails = Vec::new();
        // What moves from `new` to `cur` meanwhile is found twice, and taken once.
        for half in ["new", "cur"] {
            let place = folder.join(half);
            if !safely::is_folder(&place) {
                continue;
            }
            let entries = match fs::read_dir(&place) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries.map_err(|error| file(&place, &error))?,
            };
            for entry in entries {
                let entry = entry.map_err(|error| file(&place, &error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                // Names that begin with a dot are no messages, nor are folders. What is no file is told of when it cannot be opened.
                if !name.starts_with('.') && !safely::is_folder(&entry.path()) {
                    mails.push(Mail {
                        path: entry.path(),
                        name,
                    });
                }
            }
        }
        let uids = dovecot::uids(folder);
        mails.sort_by_cached_key(|mail| order(&mail.name, &uids));
        Ok(mails)
    }

    fn bring_one(
        &self,
        folder: &Folder,
        mail: &Mail,
        item: String,
        keywords: &[String],
    ) -> std::io::Result<Message> {
        let mut file = match safely::open(&mail.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                safely::open(&self.renamed(folder, mail)?)?
            }
            file => file?,
        };
        let changed = file.metadata()?.modified()?;
        let date = changed
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        Ok(Message {
            item,
            marks: names::marks(&mail.name, keywords),
            date: i64::try_from(date).unwrap_or(i64::MAX),
            offset: 0,
            content: Spool::of(&mut file)?,
        })
    }

    /// Where a file is whose flags were changed since the folder was read.
    fn renamed(&self, folder: &Folder, mail: &Mail) -> std::io::Result<PathBuf> {
        let base = names::base(&mail.name);
        let place = self.root.join(&folder.place).join("cur");
        for entry in fs::read_dir(&place)? {
            let name = entry?.file_name();
            if names::base(&name.to_string_lossy()) == base {
                return Ok(place.join(name));
            }
        }
        Err(ErrorKind::NotFound.into())
    }
}

/// By UID where one is known; then by the time in the name, and by the name.
fn order(name: &str, uids: &HashMap<String, u32>) -> (u32, u64, String) {
    let base = names::base(name);
    let time = base.split('.').next().and_then(|time| time.parse().ok());
    (
        uids.get(base).copied().unwrap_or(u32::MAX),
        time.unwrap_or(u64::MAX),
        base.to_owned(),
    )
}

impl Source for Maildir {
    fn open(&mut self) -> Result<Contents, Failure> {
        let mut folders = Vec::new();
        if safely::is_folder(&self.root.join("cur")) {
            folders.push(self.folder(&self.root, "INBOX".to_owned()));
        }
        self.look(&self.root, "", 0, &mut folders)?;
        if folders.is_empty() {
            return Err(Failure::data(format!(
                "{}: no Maildir: it has no folder `cur`",
                self.root.display()
            )));
        }
        folders.sort_by(|a, b| (a.path != "INBOX", &a.path).cmp(&(b.path != "INBOX", &b.path)));
        Ok(Contents {
            folders,
            subscriptions: dovecot::subscriptions(&self.root),
        })
    }

    fn bring(&mut self, folder: &Folder, into: &mut Filling<'_>) -> Result<(), Failure> {
        let place = self.root.join(&folder.place);
        let keywords = dovecot::keywords(&place);
        let mails = self.mails(&place)?;
        let root = self.root.to_string_lossy();
        let name = |mail: &Mail| {
            let base = names::base(&mail.name);
            item(&[
                b"maildir",
                root.as_bytes(),
                folder.place.as_bytes(),
                base.as_bytes(),
            ])
        };
        let items: Vec<String> = mails.iter().map(name).collect();
        into.begin(folder, mails.len());
        for place in into.wanted(&items)? {
            let (Some(mail), Some(item)) = (mails.get(place), items.get(place)) else {
                continue;
            };
            let called = mail.path.display().to_string();
            match self.bring_one(folder, mail, item.clone(), &keywords) {
                Ok(message) => into.take(&called, message)?,
                Err(error) => into.leave_out(&called, &error.to_string()),
            }
        }
        Ok(())
    }
}
