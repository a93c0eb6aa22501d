//! Tells when the files of a policy change: by the file system's events, and by looking now and then, since events get lost
//! on network file systems.
//!
//! Folders are watched rather than files: editors replace a file by another of the same name.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, timeout_at};

/// Files that are written in pieces have settled when nothing happens for so long.
const QUIET: Duration = Duration::from_millis(20);
/// A change is told after so long even if more keep coming.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often to look without having been told.
const LOOK: Duration = Duration::from_secs(3);
/// Entries of a folder that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// A watch over files and folders.
pub(crate) struct Watch {
    events: mpsc::Receiver<()>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    seen: u64,
    looks: tokio::time::Interval,
}

impl Watch {
    /// A watch over nothing yet. Must be called within a tokio runtime.
    pub(crate) fn new() -> Self {
        let (told, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = event.map_or(true, |event| !matches!(event.kind, EventKind::Access(_)));
            if matters {
                // A full channel says already what this would say.
                let _ = told.try_send(());
            }
        })
        .inspect_err(|error| tracing::warn!(%error, "no events from the file system: policy files are looked at every {LOOK:?}"))
        .ok();
        let mut looks = tokio::time::interval_at(Instant::now() + LOOK, LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            events,
            watcher,
            watched: BTreeSet::new(),
            files: Vec::new(),
            folders: Vec::new(),
            seen: 0,
            looks,
        }
    }

    /// Watches these files, and what appears in these folders, from now on. Gives whether these are others than before.
    pub(crate) fn follow(&mut self, files: Vec<PathBuf>, folders: Vec<PathBuf>) -> bool {
        if self.files == files && self.folders == folders {
            return false;
        }
        let wanted: BTreeSet<PathBuf> = files
            .iter()
            .filter_map(|file| file.parent().map(normal))
            .chain(folders.iter().map(|folder| normal(folder)))
            .collect();
        if let Some(watcher) = &mut self.watcher {
            for gone in self.watched.difference(&wanted) {
                let _ = watcher.unwatch(gone);
            }
            self.watched.retain(|folder| wanted.contains(folder));
            for new in wanted {
                // A folder that does not exist yet is found by looking.
                if !self.watched.contains(&new)
                    && watcher.watch(&new, RecursiveMode::NonRecursive).is_ok()
                {
                    self.watched.insert(new);
                }
            }
        }
        self.files = files;
        self.folders = folders;
        true
    }

    /// Notes how things are, so that [`Watch::changed`] tells of what differs from now. Call it before reading the files.
    pub(crate) fn note(&mut self) {
        self.seen = self.fingerprint();
    }

    /// Waits until something differs from what was noted. Cancel safe.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::select! {
                told = self.events.recv() => {
                    if told.is_none() {
                        self.looks.tick().await;
                    }
                    self.settle().await;
                }
                _ = self.looks.tick() => {}
            }
            if self.fingerprint() != self.seen {
                return;
            }
        }
    }

    /// Waits for a pause in the events.
    async fn settle(&mut self) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let quiet = (Instant::now() + QUIET).min(patience);
            match timeout_at(quiet, self.events.recv()).await {
                Ok(Some(())) if quiet < patience => {}
                _ => return,
            }
        }
    }

    /// A number that differs when a file is another, longer, newer, there or gone.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for file in &self.files {
            stamp(file).hash(&mut hasher);
        }
        for folder in &self.folders {
            let mut entries: Vec<PathBuf> = fs::read_dir(folder)
                .into_iter()
                .flatten()
                .flatten()
                .take(MAX_ENTRIES)
                .map(|entry| entry.path())
                .filter(|path| counts(path))
                .collect();
            entries.sort();
            for entry in entries {
                (stamp(&entry), entry).hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

/// Whether a file of a folder may be part of a policy.
fn counts(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden
        && path
            .extension()
            .is_some_and(|extension| extension == "toml" || extension == "wasm")
}

fn stamp(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let data = fs::metadata(path).ok()?;
    Some((data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
}

fn normal(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn within<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::from_secs(5), future)
            .await
            .ok()
    }

    #[tokio::test]
    async fn changes_replacements_and_new_files_are_told_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.toml");
        fs::write(&file, "a").unwrap();
        let mut watch = Watch::new();
        watch.follow(vec![file.clone()], vec![folder.path().to_owned()]);
        watch.note();

        fs::write(&file, "b!").unwrap();
        within(watch.changed())
            .await
            .expect("a written file is told");
        watch.note();

        fs::write(folder.path().join("new"), "c").unwrap();
        fs::rename(folder.path().join("new"), &file).unwrap();
        within(watch.changed())
            .await
            .expect("a replaced file is told");
        watch.note();

        fs::write(folder.path().join("rules.toml"), "d").unwrap();
        within(watch.changed()).await.expect("a new file is told");
        watch.note();

        fs::write(folder.path().join("notes.txt"), "e").unwrap();
        let told = tokio::time::timeout(Duration::from_millis(300), watch.changed()).await;
        assert!(told.is_err(), "what is no part of a policy is not told");

        fs::remove_file(&file).unwrap();
        within(watch.changed())
            .await
            .expect("a removed file is told");
    }
}
