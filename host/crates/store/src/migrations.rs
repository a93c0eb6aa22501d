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
        "recovery_codes",
        include_str!("../migrations/sqlite/0027_recovery_codes.sql"),
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
        "recovery_codes",
        include_str!("../migrations/postgres/0027_recovery_codes.sql"),
    ),
];
