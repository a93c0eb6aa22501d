//! Files of a source that its owner wrote: what lies elsewhere, or is no file, is not read, whoever runs the import.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Octets of a file beside messages, at most; the rest is not read.
const MAX_TEXT: u64 = 16 << 20;

/// Opens a regular file, and neither what a link points to nor a pipe that nobody writes into.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        "it is no regular file",
    ))
}

/// The text of a file; nothing where there is none, or where it is none.
pub(super) fn text(path: &Path) -> String {
    let mut octets = Vec::new();
    let read = open(path).and_then(|file| file.take(MAX_TEXT).read_to_end(&mut octets));
    match read {
        Ok(_) => String::from_utf8_lossy(&octets).into_owned(),
        Err(_) => String::new(),
    }
}

/// Whether a path is a folder, and no link to one.
pub(super) fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_and_pipes_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("secret"), "of others").unwrap();
        symlink(at("secret"), at("link")).unwrap();
        symlink(folder.path(), at("loop")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert_eq!(text(&at("secret")), "of others");
        for name in ["link", "loop", "pipe", "missing"] {
            assert!(open(&at(name)).is_err(), "{name}");
            assert_eq!(text(&at(name)), "", "{name}");
            assert!(!is_folder(&at(name)), "{name}");
        }
        assert!(is_folder(folder.path()));
    }
}
