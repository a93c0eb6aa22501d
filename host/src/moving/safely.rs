//! Folders and files of a source that its owner wrote: what lies elsewhere, or is no file, is not read, whoever runs the import.
//!
//! Invariant: a folder that is open stays the one it was. What is in it is looked for there, so that a link which takes its place meanwhile, or
//! that of a folder above, leads nowhere.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};

/// Octets of a file beside messages, at most; the rest is not read.
const MAX_TEXT: u64 = 16 << 20;

/// A folder that is open.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    Link,
    /// A pipe, a device, a socket.
    Other,
}

impl Folder {
    /// The folder at a path that the operator named.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// A folder below this one: on the way there is no link, and nothing leads up.
    pub(super) fn below(&self, path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut place = self.0.try_clone()?;
        for level in path.components() {
            let Component::Normal(name) = level else {
                return Err(ErrorKind::InvalidInput.into());
            };
            place = openat(&place, name, flags, Mode::empty())?;
        }
        Ok(Self(place))
    }

    /// What is in it, in no order.
    pub(super) fn entries(&self) -> io::Result<Vec<(OsString, Kind)>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let octets = entry.file_name().to_bytes();
            if matches!(octets, b"." | b"..") {
                continue;
            }
            let name = OsString::from_vec(octets.to_vec());
            let kind = match entry.file_type() {
                // Some file systems do not tell; and what is gone meanwhile is nothing.
                FileType::Unknown => self.kind(&name),
                known => Some(Kind::of(known)),
            };
            entries.extend(kind.map(|kind| (name, kind)));
        }
        Ok(entries)
    }

    /// What a name in it stands for; nothing if there is none.
    pub(super) fn kind(&self, name: impl AsRef<OsStr>) -> Option<Kind> {
        let found = statat(&self.0, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Kind::of(FileType::from_raw_mode(found.st_mode)))
    }

    /// What a link in it leads to; nothing if it leads nowhere.
    pub(super) fn led_to(&self, name: &OsStr) -> Option<Kind> {
        let found = statat(&self.0, name, AtFlags::empty()).ok()?;
        Some(Kind::of(FileType::from_raw_mode(found.st_mode)))
    }

    /// Opens a regular file in it, and neither what a link points to nor a pipe that nobody writes into.
    pub(super) fn file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        regular(openat(self.0.as_fd(), name.as_ref(), FILE, Mode::empty())?)
    }

    /// The text of a file in it; nothing where there is none, or where it is none.
    pub(super) fn text(&self, name: &str) -> String {
        let mut octets = Vec::new();
        let read = self
            .file(name)
            .and_then(|file| file.take(MAX_TEXT).read_to_end(&mut octets));
        match read {
            Ok(_) => String::from_utf8_lossy(&octets).into_owned(),
            Err(_) => String::new(),
        }
    }
}

impl Kind {
    fn of(file: FileType) -> Self {
        match file {
            FileType::Directory => Self::Folder,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}

const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// Opens a regular file by its path.
pub(super) fn open(path: &Path) -> io::Result<File> {
    regular(openat(CWD, path, FILE, Mode::empty())?)
}

fn regular(opened: OwnedFd) -> io::Result<File> {
    let file = File::from(opened);
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        "it is no regular file",
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_and_pipes_are_not_read() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("secret"), "of others").unwrap();
        symlink(at("secret"), at("link")).unwrap();
        symlink(place.path(), at("loop")).unwrap();
        rustix::fs::mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let folder = Folder::at(place.path()).unwrap();
        assert_eq!(folder.text("secret"), "of others");
        for (name, kind) in [
            ("link", Some(Kind::Link)),
            ("loop", Some(Kind::Link)),
            ("pipe", Some(Kind::Other)),
            ("missing", None),
        ] {
            assert!(open(&at(name)).is_err(), "{name}");
            assert!(folder.file(name).is_err(), "{name}");
            assert_eq!(folder.text(name), "", "{name}");
            assert!(folder.below(Path::new(name)).is_err(), "{name}");
            assert_eq!(folder.kind(name), kind, "{name}");
        }
        let mut kinds: Vec<Kind> = folder
            .entries()
            .unwrap()
            .into_iter()
            .map(|(_, kind)| kind)
            .collect();
        kinds.sort_by_key(|kind| *kind as u8);
        assert_eq!(kinds, [Kind::File, Kind::Link, Kind::Link, Kind::Other]);
        assert!(folder.below(Path::new("../x")).is_err());
    }

    #[test]
    fn a_folder_that_a_link_takes_the_place_of_is_still_the_one_it_was() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for (folder, text) in [("work/cur", "own"), ("secret/cur", "of others")] {
            fs::create_dir_all(at(folder)).unwrap();
            fs::write(at(folder).join("file"), text).unwrap();
        }
        let root = Folder::at(place.path()).unwrap();
        let work = root.below(Path::new("work")).unwrap();
        let cur = work.below(Path::new("cur")).unwrap();
        fs::rename(at("work"), at("away")).unwrap();
        symlink(at("secret"), at("work")).unwrap();
        assert_eq!(cur.text("file"), "own");
        assert_eq!(work.below(Path::new("cur")).unwrap().text("file"), "own");
        assert!(root.below(Path::new("work/cur")).is_err());
    }
}
