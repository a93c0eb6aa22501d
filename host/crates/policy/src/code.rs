//! Compiled plugins on disk, so that a start and a swap back cost milliseconds instead of a compilation.
//!
//! Invariants: a file's name says what it was compiled from and by what; it is written under another name, synced and renamed,
//! and never changed after that, since it is mapped while it serves; its digest stands in a file beside it and is compared before it is
//! mapped; the folder belongs to this server alone; nothing compiled comes from anywhere else.

use std::fs::{self, DirBuilder, File, Permissions};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compiler::{Compiler, compile};

/// Compiled files that are kept; those go first that were used longest ago. More than the plugins of any policy, so that a start finds all of them.
const MAX_FILES: usize = 2000;
/// Octets of a component that is taken.
pub(crate) const MAX_COMPONENT: u64 = 64 << 20;

/// The folder of compiled code.
#[derive(Debug)]
pub(crate) struct CodeCache {
    folder: PathBuf,
    /// What the compiler and this processor are, as far as compiled code depends on them.
    compatibility: String,
    /// The program that compiles, if it is not this process.
    compiler: Option<Compiler>,
}

impl CodeCache {
    /// Opens or makes the folder, readable and writable by this user alone.
    pub(crate) fn open(
        folder: &Path,
        engine: &Engine,
        compiler: Option<Compiler>,
    ) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let owner = fs::metadata(folder)?.uid();
        // SAFETY: geteuid reads a number of this process and cannot fail.
        #[expect(unsafe_code, reason = "libc has no safe form of geteuid")]
        let own = unsafe { libc::geteuid() };
        if owner != own {
            return Err(io::Error::other(format!(
                "it belongs to user {owner}, not to this server's user {own}"
            )));
        }
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let mut hasher = ShaHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.write(env!("CARGO_PKG_VERSION").as_bytes());
        Ok(Self {
            folder: folder.to_owned(),
            compatibility: hex(&hasher.0.finalize()),
            compiler,
        })
    }

    /// The component of these octets, from the folder or compiled now. `digest` is their SHA-256 in hexadecimal.
    /// Takes up to a second or so: call it where blocking is allowed.
    ///
    /// # Errors
    /// One sentence about the component; trouble with the folder costs only time and is logged.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        octets: &[u8],
        digest: &str,
    ) -> Result<Component, String> {
        let path = self.path(digest);
        if let Some(component) = self.map(engine, &path) {
            return Ok(component);
        }
        let compiled = compile(engine, self.compiler.as_ref(), octets)?;
        if let Err(error) = self.keep(&path, &compiled) {
            tracing::warn!(path = %path.display(), %error, "a compiled plugin cannot be kept; it is compiled again at the next start");
        } else if let Some(component) = self.map(engine, &path) {
            return Ok(component);
        }
        Self::unkept(engine, &compiled)
    }

    /// Code for which the folder has no room serves from memory.
    fn unkept(engine: &Engine, compiled: &[u8]) -> Result<Component, String> {
        // SAFETY: the octets are this compiler's output: made by this process, or read just now from a child of it that runs the same program.
        #[expect(unsafe_code, reason = "code that cannot be kept must run all the same")]
        let component = unsafe { Component::deserialize(engine, compiled) };
        component.map_err(|error| format!("does not compile: {error:#}"))
    }

    fn path(&self, digest: &str) -> PathBuf {
        let compatibility = self.compatibility.get(..16).unwrap_or_default();
        self.folder
            .join(format!("{digest}-{compatibility}.compiled"))
    }

    /// Maps a file whose digest is the one that was noted when it was written.
    fn map(&self, engine: &Engine, path: &Path) -> Option<Component> {
        let noted = fs::read_to_string(digest_path(path)).ok()?;
        let octets = fs::read(path).ok()?;
        if hex(&Sha256::digest(&octets)) != noted.trim() {
            tracing::warn!(path = %path.display(), "a compiled plugin is not what was written; it is compiled again");
            return None;
        }
        // SAFETY: the octets are those that `keep` wrote from this compiler's output: their digest was noted beside them in a
        // folder that only this user can write to, and files there are never changed, only replaced or unlinked.
        #[expect(unsafe_code, reason = "mapping compiled code is what the cache is for")]
        let component = unsafe { Component::deserialize_file(engine, path) };
        // A use: what is used stays. That the time cannot be set costs at most a compilation, some day.
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
        component
            .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "a compiled plugin cannot be mapped; it is compiled again"))
            .ok()
    }

    /// Writes code and digest so that either both are there or the code does not count.
    fn keep(&self, path: &Path, compiled: &[u8]) -> io::Result<()> {
        write_synced(&self.folder, path, compiled)?;
        write_synced(
            &self.folder,
            &digest_path(path),
            hex(&Sha256::digest(compiled)).as_bytes(),
        )?;
        self.prune(path);
        Ok(())
    }

    /// Unlinks the files beyond the bound that were used longest ago. What is mapped stays mapped.
    fn prune(&self, newest: &Path) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "compiled")
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        let excess = files.len().saturating_sub(MAX_FILES);
        for (_, path) in files
            .into_iter()
            .take(excess)
            .filter(|(_, path)| path != newest)
        {
            let _ = fs::remove_file(digest_path(&path));
            let _ = fs::remove_file(path);
        }
    }
}

fn digest_path(path: &Path) -> PathBuf {
    path.with_extension("sha256")
}

fn write_synced(folder: &Path, path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)?;
    file.write_all(octets)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Octets in hexadecimal.
pub(crate) fn hex(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    octets.iter().fold(
        String::with_capacity(2 * octets.len()),
        |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        },
    )
}

/// Feeds what is hashed to SHA-256, whose result is the same in every process.
struct ShaHasher(Sha256);

impl Hasher for ShaHasher {
    fn write(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    }

    fn component() -> Vec<u8> {
        // The preamble of a component without sections.
        b"\0asm\x0d\0\x01\0".to_vec()
    }

    #[test]
    fn code_is_kept_checked_and_compiled_again_if_it_was_touched() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = CodeCache::open(folder.path(), &engine, None).unwrap();
        cache.load(&engine, &component(), "abc").unwrap();
        let kept = files(folder.path());
        assert_eq!(kept.len(), 2, "{kept:?}");
        let code = kept
            .iter()
            .find(|path| path.extension().unwrap() == "compiled")
            .unwrap();
        let good = fs::read(code).unwrap();
        let inode = fs::metadata(code).unwrap().ino();

        cache.load(&engine, &component(), "abc").unwrap();
        assert_eq!(
            fs::metadata(code).unwrap().ino(),
            inode,
            "what is good is not written again"
        );

        fs::write(code, b"evil").unwrap();
        cache.load(&engine, &component(), "abc").unwrap();
        assert_eq!(fs::read(code).unwrap(), good);
    }

    #[test]
    fn where_nothing_can_be_kept_code_serves_from_memory() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let inner = folder.path().join("gone");
        let cache = CodeCache::open(&inner, &engine, None).unwrap();
        // As a full disk: nothing can be written.
        fs::remove_dir(&inner).unwrap();
        cache.load(&engine, &component(), "abc").unwrap();
        assert!(!inner.exists());
    }

    #[test]
    fn code_that_was_used_lately_stays() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = CodeCache::open(folder.path(), &engine, None).unwrap();
        cache.load(&engine, &component(), "used").unwrap();
        let used = cache.path("used");
        let long_ago = SystemTime::UNIX_EPOCH;
        for path in (0..MAX_FILES).map(|n| folder.path().join(format!("{n}.compiled"))) {
            let file = File::create(path).unwrap();
            file.set_modified(long_ago + std::time::Duration::from_secs(1))
                .unwrap();
        }
        File::open(&used).unwrap().set_modified(long_ago).unwrap();
        cache.load(&engine, &component(), "used").unwrap();
        cache.load(&engine, &component(), "new").unwrap();
        assert!(used.exists() && cache.path("new").exists());
        let compiled = files(folder.path()).into_iter();
        let compiled = compiled.filter(|path| path.extension().unwrap() == "compiled");
        assert_eq!(compiled.count(), MAX_FILES);
    }

    #[test]
    fn what_is_no_component_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = CodeCache::open(folder.path(), &engine, None).unwrap();
        let error = cache.load(&engine, b"\0asm\x01\0\0\0", "m").err().unwrap();
        assert!(error.starts_with("does not compile"), "{error}");
        assert!(files(folder.path()).is_empty());
    }

    #[test]
    fn the_folder_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        CodeCache::open(&inner, &Engine::default(), None).unwrap();
        assert_eq!(fs::metadata(&inner).unwrap().mode() & 0o777, 0o700);
    }
}
