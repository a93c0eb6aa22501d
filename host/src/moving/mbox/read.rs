//! mbox files as a source: one file, or a folder of them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::super::filling::Twins;
use super::super::safely::{self, Kind};
use super::super::{Contents, Filling, Folder, LeftOut, Message, Source, dates, file, item};
use super::split::{Part, Split};
use super::status::Absent;
use super::{Quoting, from_line};
use crate::admin::Failure;

/// Levels of folders that are looked into.
const MAX_DEPTH: usize = 32;

/// Messages of a file that somebody has sent, at most: each is remembered while the file is read.
const MOST_SENT: usize = 400_000;

/// An mbox, or a folder of them.
pub(crate) struct Mbox {
    root: PathBuf,
    /// The folder; none if it is a file.
    open: Option<safely::Folder>,
    quoting: Option<Quoting>,
    /// What it is for items, and what for people, if that is not its path.
    called: Option<(PathBuf, String)>,
}

impl Mbox {
    /// A file that its owner calls something else than it is here.
    pub(crate) fn called(path: &Path, item: String, name: &str) -> Result<Self, Failure> {
        Ok(Self {
            called: Some((item.into(), name.to_owned())),
            ..Self::at(path, None)?
        })
    }

    /// The file or folder at a path.
    pub(crate) fn at(path: &Path, quoting: Option<Quoting>) -> Result<Self, Failure> {
        let failed = |error| file(path, &error);
        let root = path.canonicalize().map_err(failed)?;
        let open = match root.is_dir() {
            true => Some(safely::Folder::at(&root).map_err(failed)?),
            false => None,
        };
        Ok(Self {
            root,
            open,
            quoting,
            called: None,
        })
    }

    /// Where a folder's file is.
    fn path(&self, folder: &Folder) -> PathBuf {
        match self.open {
            Some(_) => self.root.join(&folder.place),
            None => self.root.clone(),
        }
    }

    fn file(&self, folder: &Folder) -> std::io::Result<File> {
        let Some(open) = &self.open else {
            return safely::open(&self.root);
        };
        let place = Path::new(&folder.place);
        let above = place.parent().unwrap_or(Path::new(""));
        open.below(above)?
            .file(place.file_name().unwrap_or_default())
    }
}

/// What a file or folder is called as a level of a path.
fn level_of(name: &str) -> String {
    let name = name
        .strip_suffix(".mbox")
        .or_else(|| name.strip_suffix(".sbd"))
        .unwrap_or(name);
    let plain = super::level::unescaped(name);
    let text = waxwing_imap::utf7::decode(plain.as_bytes()).unwrap_or(plain);
    text.replace('/', "_")
}

/// Whether a file has messages, or is one that has none.
fn is_mbox(place: &safely::Folder, name: &OsStr) -> std::io::Result<bool> {
    let mut start = [0; 5];
    let taken = place.file(name)?.read(&mut start)?;
    Ok(match taken {
        0 => name.as_bytes().ends_with(b".mbox"),
        taken => start.get(..taken) == Some(b"From "),
    })
}

/// Files that are looked for.
struct Search<'a> {
    root: &'a Path,
    found: Contents,
}

impl Search<'_> {
    /// Looks for files that are mboxes: `Work`, `Work.mbox`, and those in folders `Work`, `Work.sbd` below them. What a link leads to is none: whoever
    /// owns the folder can make it.
    fn look(
        &mut self,
        place: &safely::Folder,
        at: &Path,
        above: &str,
        depth: usize,
    ) -> std::io::Result<()> {
        for (name, kind) in place.entries()? {
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            let here = at.join(&name);
            let level = level_of(&name.to_string_lossy());
            let below = match above {
                "" => level,
                above => format!("{above}/{level}"),
            };
            if let Err(why) = self.entry(place, kind, &here, &below, depth) {
                self.found.left_out.push(LeftOut {
                    path: below,
                    name: self.root.join(&here).display().to_string(),
                    why,
                });
            }
        }
        Ok(())
    }

    /// Looks at one of them; or why it cannot be looked at, though it may be an mbox.
    fn entry(
        &mut self,
        place: &safely::Folder,
        kind: Kind,
        at: &Path,
        path: &str,
        depth: usize,
    ) -> Result<(), String> {
        let name = at.file_name().unwrap_or_default();
        let failed = |error: std::io::Error| error.to_string();
        let wanted = match kind {
            Kind::Link if matches!(place.led_to(name), Some(Kind::File | Kind::Folder)) => {
                return Err("it is a link, which is not followed".to_owned());
            }
            Kind::Link | Kind::Other => false,
            Kind::File => is_mbox(place, name).map_err(failed)?,
            Kind::Folder if depth >= MAX_DEPTH => return Err("it lies too deep".to_owned()),
            Kind::Folder => true,
        };
        if !wanted {
            return Ok(());
        }
        let text = at.to_str().ok_or("its name is not in UTF-8")?;
        if kind == Kind::File {
            self.found.folders.push(Folder {
                path: path.to_owned(),
                place: text.to_owned(),
            });
            return Ok(());
        }
        let open = place.below(Path::new(name)).map_err(failed)?;
        self.look(&open, at, path, depth + 1).map_err(failed)
    }
}

impl Source for Mbox {
    fn open(&mut self) -> Result<Contents, Failure> {
        let Some(open) = &self.open else {
            // One file says nothing about where it belongs.
            let inbox = Folder {
                path: "INBOX".to_owned(),
                place: String::new(),
            };
            return Ok(Contents {
                folders: vec![inbox],
                ..Contents::default()
            });
        };
        let mut search = Search {
            root: &self.root,
            found: Contents::default(),
        };
        let looked = search.look(open, Path::new(""), "", 0);
        looked.map_err(|error| file(&self.root, &error))?;
        let mut found = search.found;
        if found.folders.is_empty() && found.left_out.is_empty() {
            return Err(Failure::data(format!(
                "{}: no mbox is in it",
                self.root.display()
            )));
        }
        found.folders.sort_by(|a, b| a.path.cmp(&b.path));
        let listed = open.text(super::write::SUBSCRIPTIONS);
        found.subscriptions = listed.lines().map(ToOwned::to_owned).collect();
        Ok(found)
    }

    fn bring(&mut self, folder: &Folder, into: &mut Filling<'_>) -> Result<(), Failure> {
        let path = self.path(folder);
        let (named, called) = match &self.called {
            Some((item, name)) => (item.clone(), name.clone()),
            None => (path.clone(), path.display().to_string()),
        };
        let failed = |error: std::io::Error| file(&path, &error);
        let opened = self.file(folder).and_then(|file| {
            let changed = file.metadata()?.modified()?.duration_since(UNIX_EPOCH);
            let changed = changed.unwrap_or_default().as_millis();
            let changed = i64::try_from(changed).unwrap_or(i64::MAX);
            Ok((Split::new(file, self.quoting, into.largest())?, changed))
        });
        let (mut split, changed) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                into.leave_out(&called, &error.to_string());
                return Ok(());
            }
        };
        let most = self.called.as_ref().map_or(usize::MAX, |_| MOST_SENT);
        let (mut twins, mut removed, mut messages) = (Twins::default(), 0, 0);
        loop {
            let begin = split.position().map_err(failed)?;
            if messages == most && !split.is_at_end() {
                let name = format!("{called} from near octet {begin} on");
                let why = format!(
                    "the server takes {most} messages of a file at most; cut it into several"
                );
                into.leave_out(&name, &why);
                break;
            }
            let Some(part) = split.part().map_err(failed)? else {
                break;
            };
            messages += 1;
            match part.status.absent {
                Some(Absent::Removed) => removed += 1,
                Some(Absent::Notes) => into.say(&format!(
                    "{called}: the first message is none, but notes of another program (X-IMAP)"
                )),
                None => {
                    into.begin(folder, 1);
                    let message = message(&named, part, changed, &mut twins).map_err(failed)?;
                    if into.wanted(std::slice::from_ref(&message.item))?.is_empty() {
                        continue;
                    }
                    into.take(&format!("{called} near octet {begin}"), message)?;
                }
            }
        }
        if removed > 0 {
            let name = format!("{removed} messages of {called}");
            let why = "they are marked as removed (X-Mozilla-Status); have the folder compacted if they are";
            into.leave_out_all(&name, removed, why);
        }
        Ok(())
    }
}

/// A message of a file. What it is there is told by its line `From` and its octets, and how many such came before it: a place would move when
/// other messages are removed. If that line has no date, its header has, or its file, which was `changed` then.
fn message(path: &Path, part: Part, changed: i64, twins: &mut Twins) -> std::io::Result<Message> {
    let mut content = part.content;
    let digest = content.digest()?;
    let like = item(&[b"mbox", path.as_os_str().as_bytes(), &part.from, &digest]);
    let twin = twins.number(&like);
    let date = match from_line::time(&part.from) {
        Some(date) => date,
        None => dates::of(&mut content)?.unwrap_or(changed),
    };
    Ok(Message {
        item: item(&[like.as_bytes(), &twin.to_be_bytes()]),
        marks: part.status.marks,
        date,
        offset: 0,
        verbatim: content.is_verbatim(),
        content,
    })
}
