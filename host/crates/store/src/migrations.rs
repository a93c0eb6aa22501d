//! The migrations of both databases. What one of a number does to SQLite, the other does to PostgreSQL.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The migrations of one database, in order; all of them are tried at every start.
pub(crate) fn migrator(texts: &'static [(&'static str, &'static str)]) -> Migrator {
    let migration = |(version, (name, text)): (i64, &(&'static str, &'static str))| {
        Migration::new(
            version,
            Cow::Borrowed(*name),
            MigrationType::Simple,
            text.into_sql_str(),
            false,
        )
    };
    Migrator::with_migrations((1..).zip(texts).map(migration).collect())
}

pub(crate) const SQLITE_MIGRATIONS: &[(&str, &str)] = &[
    ("store", include_str!("../migrations/sqlite/0001_store.sql")),
    (
        "sweeps",
        include_str!("../migrations/sqlite/0002_sweeps.sql"),
    ),
    ("queue", include_str!("../migrations/sqlite/0003_queue.sql")),
    (
        "signing",
        include_str!("../migrations/sqlite/0004_signing.sql"),
    ),
    (
        "rosters",
        include_str!("../migrations/sqlite/0005_rosters.sql"),
    ),
    ("scram", include_str!("../migrations/sqlite/0006_scram.sql")),
    (
        "credentials",
        include_str!("../migrations/sqlite/0007_credentials.sql"),
    ),
    ("owed", include_str!("../migrations/sqlite/0008_owed.sql")),
    (
        "delays",
        include_str!("../migrations/sqlite/0009_delays.sql"),
    ),
    ("saved", include_str!("../migrations/sqlite/0010_saved.sql")),
    (
        "imported",
        include_str!("../migrations/sqlite/0011_imported.sql"),
    ),
    (
        "text_packs",
        include_str!("../migrations/sqlite/0012_text_packs.sql"),
    ),
    ("acl", include_str!("../migrations/sqlite/0013_acl.sql")),
    (
        "metadata",
        include_str!("../migrations/sqlite/0014_metadata.sql"),
    ),
    (
        "metadata_changes",
        include_str!("../migrations/sqlite/0015_metadata_changes.sql"),
    ),
    (
        "uploads",
        include_str!("../migrations/sqlite/0016_uploads.sql"),
    ),
    (
        "departures",
        include_str!("../migrations/sqlite/0017_departures.sql"),
    ),
    (
        "images",
        include_str!("../migrations/sqlite/0018_images.sql"),
    ),
    (
        "records",
        include_str!("../migrations/sqlite/0019_records.sql"),
    ),
    (
        "web_logins",
        include_str!("../migrations/sqlite/0020_web_logins.sql"),
    ),
    (
        "administration",
        include_str!("../migrations/sqlite/0021_administration.sql"),
    ),
    (
        "push_subscriptions",
        include_str!("../migrations/sqlite/0022_push_subscriptions.sql"),
    ),
    (
        "references",
        include_str!("../migrations/sqlite/0023_references.sql"),
    ),
    (
        "answers",
        include_str!("../migrations/sqlite/0024_answers.sql"),
    ),
    (
        "recovery_codes",
        include_str!("../migrations/sqlite/0025_recovery_codes.sql"),
    ),
];
pub(crate) const POSTGRES_MIGRATIONS: &[(&str, &str)] = &[
    (
        "store",
        include_str!("../migrations/postgres/0001_store.sql"),
    ),
    (
        "sweeps",
        include_str!("../migrations/postgres/0002_sweeps.sql"),
    ),
    (
        "queue",
        include_str!("../migrations/postgres/0003_queue.sql"),
    ),
    (
        "signing",
        include_str!("../migrations/postgres/0004_signing.sql"),
    ),
    (
        "rosters",
        include_str!("../migrations/postgres/0005_rosters.sql"),
    ),
    (
        "scram",
        include_str!("../migrations/postgres/0006_scram.sql"),
    ),
    (
        "credentials",
        include_str!("../migrations/postgres/0007_credentials.sql"),
    ),
    ("owed", include_str!("../migrations/postgres/0008_owed.sql")),
    (
        "delays",
        include_str!("../migrations/postgres/0009_delays.sql"),
    ),
    (
        "saved",
        include_str!("../migrations/postgres/0010_saved.sql"),
    ),
    (
        "imported",
        include_str!("../migrations/postgres/0011_imported.sql"),
    ),
    (
        "text_packs",
        include_str!("../migrations/postgres/0012_text_packs.sql"),
    ),
    ("acl", include_str!("../migrations/postgres/0013_acl.sql")),
    (
        "metadata",
        include_str!("../migrations/postgres/0014_metadata.sql"),
    ),
    (
        "metadata_changes",
        include_str!("../migrations/postgres/0015_metadata_changes.sql"),
    ),
    (
        "uploads",
        include_str!("../migrations/postgres/0016_uploads.sql"),
    ),
    (
        "departures",
        include_str!("../migrations/postgres/0017_departures.sql"),
    ),
    (
        "images",
        include_str!("../migrations/postgres/0018_images.sql"),
    ),
    (
        "records",
        include_str!("../migrations/postgres/0019_records.sql"),
    ),
    (
        "web_logins",
        include_str!("../migrations/postgres/0020_web_logins.sql"),
    ),
    (
        "administration",
        include_str!("../migrations/postgres/0021_administration.sql"),
    ),
    (
        "push_subscriptions",
        include_str!("../migrations/postgres/0022_push_subscriptions.sql"),
    ),
    (
        "references",
        include_str!("../migrations/postgres/0023_references.sql"),
    ),
    (
        "answers",
        include_str!("../migrations/postgres/0024_answers.sql"),
    ),
    (
        "recovery_codes",
        include_str!("../migrations/postgres/0025_recovery_codes.sql"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A migration's number is its place in the list: two of one number, or one that is left out, would be seen by nobody else.
    fn check(database: &str, texts: &[(&str, &str)]) {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let directory = directory.join(database);
        let entries = std::fs::read_dir(&directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        let listed = (1..).zip(texts);
        let expected: Vec<String> = listed
            .map(|(number, (name, _))| format!("{number:04}_{name}.sql"))
            .collect();
        assert_eq!(names, expected, "{database}");
        for (name, (_, text)) in names.iter().zip(texts) {
            let file = std::fs::read_to_string(directory.join(name)).unwrap();
            assert_eq!(&file, text, "{database}/{name}");
        }
    }

    #[test]
    fn files_have_the_numbers_that_they_are_known_by() {
        check("sqlite", SQLITE_MIGRATIONS);
        check("postgres", POSTGRES_MIGRATIONS);
    }

    #[test]
    fn both_databases_have_the_same_ones() {
        let names = |texts: &[(&'static str, &str)]| -> Vec<&str> {
            texts.iter().map(|(name, _)| *name).collect()
        };
        assert_eq!(names(SQLITE_MIGRATIONS), names(POSTGRES_MIGRATIONS));
    }
}
