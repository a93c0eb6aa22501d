//! Changes of what mail flow looks up and caches: other hosts find a number that has risen, and this one is told after the commit.

use super::Transaction;
use crate::Result;
use crate::shared::Shared;
use crate::statement::Sql;

static CHANGE_DIRECTORY: Sql =
    Sql::new("UPDATE sequences SET next = next + 1 WHERE name = 'directory'");
// It is not there before the first one.
static CHANGE_VACATIONS: Sql = Sql::new(
    "INSERT INTO sequences (name, next) VALUES ('vacations', 1) ON CONFLICT (name) DO UPDATE SET next = sequences.next + 1",
);

/// What of it the open transaction changes.
#[derive(Debug, Default)]
pub(super) struct LookedUp {
    directory: bool,
    vacations: bool,
}

impl LookedUp {
    /// After the commit.
    pub(super) fn publish(self, shared: &Shared) {
        if self.directory {
            shared.directory_changed();
        }
        if self.vacations {
            shared.vacations_changed();
        }
    }
}

impl Transaction {
    /// Notes that a directory look-up may answer differently from now on, here and on other hosts.
    pub(crate) async fn change_directory(&mut self) -> Result<()> {
        if !self.looked_up.directory {
            self.execute(&CHANGE_DIRECTORY, Vec::new()).await?;
            self.looked_up.directory = true;
        }
        Ok(())
    }

    /// Notes the same of what accounts answer. It is apart, because any user may change it at any time, and the directory of the whole
    /// server should not be read anew for that.
    pub(crate) async fn change_vacations(&mut self) -> Result<()> {
        if !self.looked_up.vacations {
            self.execute(&CHANGE_VACATIONS, Vec::new()).await?;
            self.looked_up.vacations = true;
        }
        Ok(())
    }
}
