//! A Maildir as a source.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::super::safely::{self, Kind};
use super::super::{Contents, Filling, Folder, LeftOut, Message, Source, Spool, file, item};
use super::{dovecot, names};
use crate::admin::Failure;

/// Levels of folders in folders that are looked into.
const MAX_DEPTH: usize = 32;
const LINK: &str = "it is a link, which is not followed";

/// A Maildir.
pub(crate) struct Maildir {
    root: PathBuf,
    open: safely::Folder,
}

/// Where a file lies in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    New,
    Cur,
}

/// A file in a folder.
#[derive(Debug)]
struct Mail {
    half: Half,
    name: OsString,
}

/// A folder that is read.
struct Place {
    path: PathBuf,
    new: Option<safely::Folder>,
    cur: Option<safely::Folder>,
}

impl Maildir {
    /// The Maildir at a path.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        let failed = |error| file(path, &error);
        let root = path.canonicalize().map_err(failed)?;
        let open = safely::Folder::at(&root).map_err(failed)?;
        Ok(Self { root, open })
    }

    /// Opens a folder and its halves. What of it cannot be read is told of.
    fn place(&self, folder: &Folder, into: &mut Filling<'_>) -> Option<(safely::Folder, Place)> {
        let path = self.root.join(&folder.place);
        let open = match self.open.below(Path::new(&folder.place)) {
            Ok(open) => open,
            Err(error) => {
                into.leave_out(&path.display().to_string(), &error.to_string());
                return None;
            }
        };
        let mut half = |name: &str| match open.below(Path::new(name)) {
            Ok(half) => Some(half),
            Err(error) => {
                if error.kind() != ErrorKind::NotFound {
                    let called = path.join(name);
                    into.leave_out(&called.display().to_string(), &error.to_string());
                }
                None
            }
        };
        let (new, cur) = (half("new"), half("cur"));
        Some((open, Place { path, new, cur }))
    }
}

impl Place {
    fn half(&self, half: Half) -> Option<&safely::Folder> {
        match half {
            Half::New => self.new.as_ref(),
            Half::Cur => self.cur.as_ref(),
        }
    }

    fn path_of(&self, mail: &Mail) -> PathBuf {
        let half = match mail.half {
            Half::New => "new",
            Half::Cur => "cur",
        };
        self.path.join(half).join(&mail.name)
    }

    /// Its messages in the order in which they came.
    fn mails(
        &self,
        uids: &HashMap<String, u32>,
        into: &mut Filling<'_>,
    ) -> Result<Vec<Mail>, Failure> {
        let mut mails: HashMap<Vec<u8>, Mail> = HashMap::new();
        // Whoever moves from `new` to `cur` meanwhile is found in one of them.
        for half in [Half::New, Half::Cur] {
            let entries = self.half(half).map(safely::Folder::entries);
            for (name, kind) in entries
                .transpose()
                .map_err(|error| file(&self.path, &error))?
                .unwrap_or_default()
            {
                // Names that begin with a dot are no messages, nor are folders. What is no file is told of when it cannot be opened.
                if name.as_bytes().starts_with(b".") || kind == Kind::Folder {
                    continue;
                }
                let mail = Mail { half, name };
                match mails.entry(base(&mail.name).to_vec()) {
                    Entry::Vacant(entry) => drop(entry.insert(mail)),
                    Entry::Occupied(mut entry) => self.twice(entry.get_mut(), mail, into),
                }
            }
        }
        let mut mails: Vec<Mail> = mails.into_values().collect();
        mails.sort_by_cached_key(|mail| order(&mail.name.to_string_lossy(), uids));
        Ok(mails)
    }

    /// A name, but for its flags, is found a second time: the file has moved, or there are two.
    fn twice(&self, known: &mut Mail, again: Mail, into: &mut Filling<'_>) {
        let there = |mail: &Mail| self.half(mail.half)?.kind(&mail.name);
        if there(known).is_none() {
            *known = again;
        } else if there(&again).is_some() {
            let called = self.path_of(&again).display().to_string();
            let why = "another message of the folder has its name, but for the flags";
            into.leave_out(&called, why);
        }
    }

    /// Opens a file, wherever it is since its flags were changed; and its name.
    fn open(&self, mail: &Mail) -> io::Result<(std::fs::File, OsString)> {
        let half = self.half(mail.half).ok_or(ErrorKind::NotFound)?;
        match half.file(&mail.name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return Ok((opened?, mail.name.clone())),
        }
        let cur = self.cur.as_ref().ok_or(ErrorKind::NotFound)?;
        let mut entries = cur.entries()?.into_iter().map(|(name, _)| name);
        let renamed = entries.find(|name| base(name) == base(&mail.name));
        let renamed = renamed.ok_or(ErrorKind::NotFound)?;
        Ok((cur.file(&renamed)?, renamed))
    }

    fn bring(
        &self,
        mail: &Mail,
        item: String,
        keywords: &[String],
        into: &Filling<'_>,
    ) -> io::Result<Message> {
        let (mut file, name) = self.open(mail)?;
        let known = file.metadata()?;
        // Before all of it is read.
        if let Some(why) = into.too_large(known.len()) {
            return Err(io::Error::other(why));
        }
        let changed = known.modified()?.duration_since(UNIX_EPOCH);
        let date = changed.unwrap_or_default().as_millis();
        let content = Spool::of(&mut file)?;
        Ok(Message {
            item,
            marks: names::marks(&name.to_string_lossy(), keywords),
            date: i64::try_from(date).unwrap_or(i64::MAX),
            offset: 0,
            verbatim: content.is_verbatim(),
            content,
        })
    }
}

/// A file's name without its flags.
fn base(name: &OsStr) -> &[u8] {
    names::base_octets(name.as_bytes())
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

/// Folders that are looked for.
struct Search<'a> {
    root: &'a Path,
    found: Contents,
}

impl Search<'_> {
    /// Looks for Maildirs in a folder: `.Work.Old` beside `cur` is one, and so are folders that have a `cur` themselves. Links are not followed:
    /// whoever owns a Maildir can make them lead to what is somebody else's.
    fn look(
        &mut self,
        place: &safely::Folder,
        at: &Path,
        above: &str,
        depth: usize,
    ) -> io::Result<()> {
        for (name, kind) in place.entries()? {
            if matches!(name.as_bytes(), b"cur" | b"new" | b"tmp") {
                continue;
            }
            let (lossy, here) = (name.to_string_lossy(), at.join(&name));
            let level = if lossy.starts_with('.') {
                names::path_of(&lossy)
            } else {
                names::level_of(&lossy)
            };
            let below = match (above, level.as_deref().unwrap_or(&lossy)) {
                ("", level) => level.to_owned(),
                (above, level) => format!("{above}/{level}"),
            };
            let problem = match kind {
                Kind::Link if place.led_to(&name) == Some(Kind::Folder) => Some(LINK),
                Kind::Folder if name.to_str().is_none() => Some("its name is not in UTF-8"),
                Kind::Folder if level.is_none() => Some("its name is none of a mailbox"),
                Kind::Folder if depth >= MAX_DEPTH => Some("it lies too deep"),
                Kind::Folder => None,
                _ => continue,
            };
            match problem {
                Some(why) => self.leave_out(&here, &below, why),
                None => {
                    if let Err(error) = self.enter(place, &here, &below, depth) {
                        self.leave_out(&here, &below, &error.to_string());
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at a folder, and at those in it if it is none of Maildir++.
    fn enter(
        &mut self,
        above: &safely::Folder,
        at: &Path,
        path: &str,
        depth: usize,
    ) -> io::Result<()> {
        let name = at.file_name().unwrap_or_default();
        let open = above.below(Path::new(name))?;
        self.note(&open, at, path);
        if name.as_bytes().starts_with(b".") {
            return Ok(());
        }
        self.look(&open, at, path, depth + 1)
    }

    /// Notes a folder if it is a Maildir.
    fn note(&mut self, open: &safely::Folder, at: &Path, path: &str) {
        match open.kind("cur") {
            Some(Kind::Folder) => self.found.folders.push(Folder {
                path: path.to_owned(),
                place: at.to_string_lossy().into_owned(),
            }),
            Some(Kind::Link) => {
                self.leave_out(&at.join("cur"), path, LINK);
            }
            _ => {}
        }
    }

    fn leave_out(&mut self, at: &Path, path: &str, why: &str) {
        self.found.left_out.push(LeftOut {
            path: path.to_owned(),
            name: self.root.join(at).display().to_string(),
            why: why.to_owned(),
        });
    }
}

impl Source for Maildir {
    fn open(&mut self) -> Result<Contents, Failure> {
        let mut search = Search {
            root: &self.root,
            found: Contents::default(),
        };
        search.note(&self.open, Path::new(""), "INBOX");
        let looked = search.look(&self.open, Path::new(""), "", 0);
        looked.map_err(|error| file(&self.root, &error))?;
        let mut found = search.found;
        if found.folders.is_empty() && found.left_out.is_empty() {
            return Err(Failure::data(format!(
                "{}: no Maildir: it has no folder `cur`",
                self.root.display()
            )));
        }
        found
            .folders
            .sort_by(|a, b| (a.path != "INBOX", &a.path).cmp(&(b.path != "INBOX", &b.path)));
        found.subscriptions = dovecot::subscriptions(&self.open);
        Ok(found)
    }

    fn bring(&mut self, folder: &Folder, into: &mut Filling<'_>) -> Result<(), Failure> {
        let Some((open, place)) = self.place(folder, into) else {
            return Ok(());
        };
        let keywords = dovecot::keywords(&open);
        let mails = place.mails(&dovecot::uids(&open), into)?;
        let name = |mail: &Mail| {
            item(&[
                b"maildir",
                self.root.as_os_str().as_bytes(),
                folder.place.as_bytes(),
                base(&mail.name),
            ])
        };
        let items: Vec<String> = mails.iter().map(name).collect();
        into.begin(folder, mails.len());
        for number in into.wanted(&items)? {
            let (Some(mail), Some(item)) = (mails.get(number), items.get(number)) else {
                continue;
            };
            let called = place.path_of(mail).display().to_string();
            match place.bring(mail, item.clone(), &keywords, into) {
                Ok(message) => into.take(&called, message)?,
                Err(error) => into.leave_out(&called, &error.to_string()),
            }
        }
        Ok(())
    }
}
