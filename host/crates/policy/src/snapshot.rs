//! Snapshots of generations: the files that each was made of, so that it can be loaded again when they are long gone or broken.
//!
//! `objects/` holds contents by their digest, written once and never changed; `generations/N/` is a policy as an operator would lay it
//! out (`policy.toml`, its settings files, `plugins/NAME.wasm`), made of links to them. It is loaded like any other policy.
//!
//! Settings files outside the folder of `policy.toml` are kept in a folder of their own; secrets are not kept.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::code::hex;

/// Generations that are kept.
const KEPT: usize = 20;

/// The files of a generation.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// `policy.toml` and the settings files, by their place in a snapshot.
    texts: Vec<(PathBuf, Arc<str>)>,
    /// The plugins by their names, with the digests of what they are.
    plugins: Vec<(String, String)>,
    digest: String,
}

impl Files {
    /// The files of a policy as they were read, each by its place in a snapshot.
    pub(crate) fn new(texts: &[(PathBuf, Arc<str>)], mut plugins: Vec<(String, String)>) -> Self {
        let mut seen = BTreeSet::new();
        let mut kept = Vec::new();
        let mut hasher = Sha256::new();
        for (place, text) in texts {
            if !seen.insert(place) {
                continue;
            }
            hasher.update(place.as_os_str().as_encoded_bytes());
            hasher.update([0]);
            hasher.update(Sha256::digest(text.as_bytes()));
            kept.push((place.clone(), text.clone()));
        }
        plugins.sort();
        for (name, digest) in &plugins {
            hasher.update(name.as_bytes());
            hasher.update([0]);
            hasher.update(digest.as_bytes());
        }
        Self {
            texts: kept,
            plugins,
            digest: hex(&hasher.finalize()),
        }
    }

    /// One digest of all of them.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }
}

/// The folder of snapshots.
#[derive(Clone, Debug)]
pub(crate) struct Snapshots {
    folder: PathBuf,
}

impl Snapshots {
    /// Opens or makes the folder.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        for inner in ["objects", "generations"] {
            fs::create_dir_all(folder.join(inner))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Keeps a content under its digest.
    pub(crate) fn put(&self, digest: &str, octets: &[u8]) -> io::Result<()> {
        let path = self.object(digest);
        if path.exists() {
            return Ok(());
        }
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(self.folder.join("objects"))?;
        file.write_all(octets)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    fn object(&self, digest: &str) -> PathBuf {
        self.folder.join("objects").join(digest)
    }

    /// Keeps the files of a generation, and lets the oldest generation go.
    pub(crate) fn keep(&self, generation: u64, files: &Files) -> io::Result<()> {
        let place = self.generation(generation);
        if place.exists() {
            return Ok(());
        }
        let fresh = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(self.folder.join("generations"))?;
        for (relative, text) in &files.texts {
            let digest = hex(&Sha256::digest(text.as_bytes()));
            self.put(&digest, text.as_bytes())?;
            self.link(&digest, &fresh.path().join(relative))?;
        }
        for (name, digest) in &files.plugins {
            let path = fresh.path().join("plugins").join(format!("{name}.wasm"));
            self.link(digest, &path)?;
        }
        File::open(self.folder.join("objects"))?.sync_all()?;
        fs::rename(fresh.keep(), place)?;
        File::open(self.folder.join("generations"))?.sync_all()?;
        self.prune();
        Ok(())
    }

    fn link(&self, digest: &str, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let object = self.object(digest);
        // Some file systems have no hard links.
        fs::hard_link(&object, path).or_else(|_| fs::copy(&object, path).map(|_| ()))
    }

    /// Where a generation lies; nothing may be there.
    pub(crate) fn generation(&self, number: u64) -> PathBuf {
        self.folder.join("generations").join(number.to_string())
    }

    /// Whether a generation can be loaded from here.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.generation(number).join("policy.toml").is_file()
    }

    /// Removes the oldest generations beyond the bound, and contents that none has.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(self.folder.join("generations")) else {
            return;
        };
        let mut numbers: Vec<u64> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let excess = numbers.len().saturating_sub(KEPT);
        if excess == 0 {
            return;
        }
        for number in numbers.into_iter().take(excess) {
            let _ = fs::remove_dir_all(self.generation(number));
        }
        let objects = fs::read_dir(self.folder.join("objects"));
        for object in objects.into_iter().flatten().flatten() {
            // What a load that is under way has put there is young.
            let old = |data: &fs::Metadata| {
                data.nlink() == 1
                    && data
                        .modified()
                        .ok()
                        .and_then(|at| at.elapsed().ok())
                        .is_some_and(|age| age.as_secs() > 3600)
            };
            if object.metadata().is_ok_and(|data| old(&data)) {
                let _ = fs::remove_file(object.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Files {
        let policy = (PathBuf::from("policy.toml"), Arc::from(text));
        let rules = (PathBuf::from("rules/a.toml"), Arc::from("x = 1"));
        let outside = (PathBuf::from(".outside/f/a.toml"), Arc::from("y = 1"));
        Files::new(
            &[policy, rules, outside],
            vec![("rules".into(), "d1".into())],
        )
    }

    #[test]
    fn a_generation_lies_there_as_an_operator_would_lay_it_out() {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(folder.path()).unwrap();
        snapshots.put("d1", b"component").unwrap();
        for number in 1..=25 {
            snapshots
                .keep(number, &files(&format!("n = {number}")))
                .unwrap();
        }
        assert!(!snapshots.has(5) && snapshots.has(6) && snapshots.has(25));
        let place = snapshots.generation(25);
        let read = |name: &str| fs::read_to_string(place.join(name)).unwrap();
        assert_eq!(read("policy.toml"), "n = 25");
        assert_eq!(read("rules/a.toml"), "x = 1");
        assert_eq!(read(".outside/f/a.toml"), "y = 1");
        assert_eq!(read("plugins/rules.wasm"), "component");
    }

    #[test]
    fn the_digest_tells_every_change_and_nothing_else() {
        assert_eq!(files("a").digest(), files("a").digest());
        assert_ne!(files("a").digest(), files("b").digest());
    }
}
