//! One export at a time writes into a folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use super::file;
use crate::admin::{Exit, Failure};

/// The file that whoever writes has locked. It stays: to remove it would let in two.
const LOCK: &str = ".waxwing-export";

/// Makes a folder, and keeps others out of it for as long as the file lives.
pub(super) fn in_folder(folder: &Path) -> Result<File, Failure> {
    let path = folder.join(LOCK);
    let opened = fs::create_dir_all(folder).and_then(|()| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).open(&path)
    });
    let lock = opened.map_err(|error| file(&path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Failure::new(
            Exit::Temporary,
            format!("{}: another export writes into it", folder.display()),
        )),
        Err(TryLockError::Error(error)) => Err(file(&path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_kept_out_until_the_first_has_ended() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("out");
        let first = in_folder(&folder).unwrap();
        let refused = in_folder(&folder).unwrap_err();
        assert_eq!(refused.exit, Exit::Temporary, "{}", refused.text);
        drop(first);
        in_folder(&folder).unwrap();
    }
}
