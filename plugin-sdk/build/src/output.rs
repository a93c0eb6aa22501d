//! Components reach their directory whole, at once, and only if they changed.

use crate::{Built, Error};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes each component as `NAME.wasm` into `directory`.
pub(crate) fn write_all(
    directory: &Path,
    components: Vec<(String, Vec<u8>)>,
) -> Result<Vec<Built>, Error> {
    fs::create_dir_all(directory).map_err(|source| Error::Io {
        path: directory.to_owned(),
        source,
    })?;
    components
        .into_iter()
        .map(|(name, component)| {
            let path = directory.join(format!("{name}.wasm"));
            let changed = write_if_changed(&path, &component)?;
            Ok(Built {
                name,
                path,
                bytes: component.len() as u64,
                changed,
            })
        })
        .collect()
}

/// True if the file was written; false if it held these bytes already.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    // The name begins with a dot and does not end in .wasm: no watcher takes it for a plugin. The
    // process number keeps two builds apart.
    let temporary = temporary_name(path);
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        let _ = fs::remove_file(&temporary);
        return Err(Error::Io {
            path: path.to_owned(),
            source,
        });
    }
    Ok(true)
}

fn temporary_name(path: &Path) -> PathBuf {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_second_write_of_the_same_bytes_leaves_the_file_alone() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("deep/plugins");
        let first = write_all(
            &out,
            vec![("a".into(), b"one".to_vec()), ("b".into(), b"two".to_vec())],
        )
        .unwrap();
        assert!(first.iter().all(|built| built.changed));
        let before = fs::metadata(out.join("a.wasm"))
            .unwrap()
            .modified()
            .unwrap();
        let second = write_all(
            &out,
            vec![("a".into(), b"one".to_vec()), ("b".into(), b"2".to_vec())],
        )
        .unwrap();
        assert_eq!(
            second.iter().map(|built| built.changed).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(
            fs::metadata(out.join("a.wasm"))
                .unwrap()
                .modified()
                .unwrap(),
            before
        );
        assert_eq!(fs::read(out.join("b.wasm")).unwrap(), b"2");
        assert_eq!(entries(&out), ["a.wasm", "b.wasm"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_and_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("a.wasm")).unwrap();
        let error = write_all(home.path(), vec![("a".into(), b"one".to_vec())]).unwrap_err();
        assert!(error.to_string().contains("a.wasm"), "{error}");
        assert_eq!(entries(home.path()), ["a.wasm"]);
    }
}
