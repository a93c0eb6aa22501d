//! Every test of the store, on SQLite and on PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod account_log;
mod accounts;
mod acl;
mod administration;
mod answers;
mod changes;
mod closing;
mod commit;
mod crash;
mod credentials;
mod delivery;
mod domain_keys;
mod emails;
mod full;
mod images;
mod imports;
mod kv;
mod ledger;
mod mailbox_shapes;
mod mailboxes;
mod messages;
mod metadata;
mod properties;
mod push_subscriptions;
mod queue;
mod queue_batch;
mod queue_crash;
mod queue_hosts;
mod queue_leased;
mod queue_many;
mod queue_owed;
mod records;
mod references;
mod replace;
mod setup;
mod text_packs;
mod trouble;
mod uploads;
mod verify;
mod web_logins;
