//! The numbers under which look-ups are cached, and how they follow what other hosts write.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Directory;
use crate::statement::Sql;
use crate::{Database, Result, StoreConfig};

static VERSIONS: Sql =
    Sql::new("SELECT name, next FROM sequences WHERE name IN ('directory', 'vacations')");

/// What the rows of the versions said when they were last looked at.
#[derive(Debug)]
pub(super) struct Versions {
    /// None where no other host writes.
    staleness: Option<Duration>,
    started: Instant,
    /// Milliseconds since `started` when they were last read; below 0: never.
    checked: AtomicI64,
    directory: AtomicU64,
    vacations: AtomicU64,
}

impl Versions {
    pub(super) fn new(config: &StoreConfig) -> Self {
        Self {
            staleness: matches!(config.database, Database::Postgres(_)).then_some(config.staleness),
            started: Instant::now(),
            checked: AtomicI64::new(-1),
            directory: AtomicU64::new(0),
            vacations: AtomicU64::new(0),
        }
    }
}

impl Directory {
    /// The version that answers read from now on are cached under.
    pub(crate) async fn version(&self) -> Result<u64> {
        self.look_at_versions().await?;
        Ok(self.shared.directory_version())
    }

    /// The same for what accounts answer.
    pub(crate) async fn vacations_version(&self) -> Result<u64> {
        self.look_at_versions().await?;
        Ok(self.shared.vacations_version())
    }

    async fn look_at_versions(&self) -> Result<()> {
        let Some(staleness) = self.versions.staleness else {
            return Ok(());
        };
        let now = self.versions.started.elapsed().as_millis();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let checked = self.versions.checked.load(Ordering::Acquire);
        let fresh = i64::try_from(staleness.as_millis()).unwrap_or(i64::MAX);
        if checked < 0 || now - checked >= fresh {
            Box::pin(self.read_versions()).await?;
            self.versions.checked.store(now, Ordering::Release);
        }
        Ok(())
    }

    async fn read_versions(&self) -> Result<()> {
        for row in self.readers.fetch(&VERSIONS, Vec::new()).await? {
            let version = row.natural(1)?;
            if row.text(0)? == "directory" {
                if self.versions.directory.swap(version, Ordering::AcqRel) != version {
                    self.shared.directory_changed();
                }
            } else if self.versions.vacations.swap(version, Ordering::AcqRel) != version {
                self.shared.vacations_changed();
            }
        }
        Ok(())
    }
}
