use super::*;
use crate::images::{Entry, Image};
use crate::statement::Sql;
use crate::writer::Operation;
use crate::writer::flags::StoreFlags;
use crate::{Database, FlagChange, FlagOperation, FlagScope, Flags, StoreConfig, UidRange};

const ALICE: AccountId = AccountId(1);
const MAILBOXES: i64 = 8;

static DOMAIN: Sql = Sql::new(
    "INSERT INTO domains (id, name, created, quota_bytes, quota_messages) VALUES (1, 'example.org', 0, -1, -1)",
);
static ACCOUNT: Sql = Sql::new(
    "INSERT INTO accounts (id, domain, address, password, created, quota_bytes, quota_messages, modseq)
     VALUES (1, 1, 'alice@example.org', '', 0, -1, -1, 1)",
);
static MAILBOX: Sql = Sql::new(
    "INSERT INTO mailboxes (id, account, path, special_use, selectable, uid_validity, uid_next, highest_modseq, messages, unseen, bytes, recent_from,
     vanished_floor) VALUES ($1, 1, 'box ' || $1, '', 1, $1, 6, 1, 5, 3, 5, 1, 0)",
);
static MESSAGE: Sql = Sql::new(
    "INSERT INTO messages (mailbox, uid, blob, modseq, flags, changed, size, internal_date, internal_offset, keywords)
     VALUES ($1, $2, 1, 1, $2 - 1, 0, 1, 0, 0, '')",
);

/// Mailboxes of five messages, no two of the same flags, whose images are in memory.
async fn transaction(config: &StoreConfig) -> Transaction {
    let connector = Connector::new(config).unwrap();
    let mut connection = connector.connect().await.unwrap();
    connector.migrate(&mut connection).await.unwrap();
    let images = Arc::new(Images::default());
    connection.fetch(&DOMAIN, Vec::new()).await.unwrap();
    connection.fetch(&ACCOUNT, Vec::new()).await.unwrap();
    for mailbox in 1..=MAILBOXES {
        let arguments = vec![mailbox.into()];
        connection.fetch(&MAILBOX, arguments).await.unwrap();
        for uid in 1..=5 {
            let arguments = vec![mailbox.into(), uid.into()];
            connection.fetch(&MESSAGE, arguments).await.unwrap();
        }
        let lines = (1..=5).map(|uid| format!("{uid} 1 {} 0 1 1 0 0 1 0 ", uid - 1));
        let entries = lines.map(|line| Entry::of_line(&line).unwrap());
        images.put(MailboxId(mailbox), Image::new(ALICE, 1, entries.collect()));
    }
    Transaction::new(connection, connector, images, config)
}

/// Sets a keyword of one message or of all, or takes it away: a statement of ranges or one of rows.
fn change(mailbox: i64, all: bool, set: bool) -> StoreFlags {
    let (last, keyword) = if all { (5, "all") } else { (1, "one") };
    StoreFlags {
        account: ALICE,
        mailbox: MailboxId(mailbox),
        uids: vec![UidRange { first: 1, last }],
        change: FlagChange {
            operation: if set {
                FlagOperation::Add
            } else {
                FlagOperation::Remove
            },
            flags: Flags::NONE,
            keywords: vec![keyword.to_owned()],
            unchanged_since: None,
        },
        scope: FlagScope::ALL,
    }
}

/// Whoever sees a commit may ask for images before it is published.
#[tokio::test]
async fn no_image_is_settled_once_a_commit_can_be_seen() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.sqlite");
    let config = StoreConfig::new(Database::Sqlite(file), "unused");
    let mut transaction = transaction(&config).await;
    let images = Arc::clone(&transaction.images);
    let mut rest = images.at_rest().unwrap();
    for set in [true, false] {
        let accounts = BTreeSet::from([ALICE]);
        transaction.start(&accounts).await.unwrap();
        change(1, true, set).apply(&mut transaction).await.unwrap();
        assert_eq!(images.at_rest(), Some(rest));
        transaction.commit().await.unwrap();
        let seen = images.at_rest().unwrap();
        assert!(seen > rest);
        rest = seen;
        transaction.publish(&Shared::default());
    }
    transaction.close().await;
}

#[tokio::test]
async fn joined_texts_stay_few_however_changes_of_flags_mix() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.sqlite");
    let config = StoreConfig::new(Database::Sqlite(file), "unused");
    let mut transaction = transaction(&config).await;
    let (shared, accounts) = (Shared::default(), BTreeSet::from([ALICE]));
    let mut set = BTreeSet::new();
    // Every order of the two statements that there is in a commit of so many changes.
    for order in 0..1 << MAILBOXES {
        transaction.start(&accounts).await.unwrap();
        for mailbox in 1..=MAILBOXES {
            let all = order >> (mailbox - 1) & 1 == 1;
            let is_new = set.insert((mailbox, all));
            if !is_new {
                set.remove(&(mailbox, all));
            }
            let mut change = change(mailbox, all, is_new);
            let changed = change.apply(&mut transaction).await.unwrap();
            assert_eq!(changed.replaced.len(), if all { 5 } else { 1 });
        }
        transaction.commit().await.unwrap();
        transaction.publish(&shared);
    }
    let texts = transaction.texts.len();
    assert!(texts <= 64, "{texts} texts");
    transaction.close().await;
}
