//! The index follows what happens in a mailbox, and leaves out nothing that a search finds.

use bytes::Bytes;
use waxwing_imap::types::{TextKey, UidSet};
use waxwing_message::Summary;
use waxwing_store::{
    Account, Database, Delivery, Flags, PackOutline, Place, Quota, StoreConfig, Target, TextPack,
    TextPackChange, UidRange,
};

use super::*;

const WORDS: [&str; 6] = ["xylophone", "lunch", "Grüße", "漢字", "quarterly", "ab"];

/// A store with a mailbox that is indexed.
struct World {
    _folder: tempfile::TempDir,
    indexer: Indexer,
    account: Account,
    inbox: MailboxId,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("store.db"));
        let config = StoreConfig::new(database, folder.path().join("blobs"));
        let store = Store::open(config).await.unwrap();
        store.add_domain("waxwing.test").await.unwrap();
        let account = store
            .add_account("alice@waxwing.test", None, Quota::default())
            .await
            .unwrap();
        let inbox = store.mailbox(account.id, "INBOX").await.unwrap().id;
        Self {
            _folder: folder,
            indexer: Indexer {
                store,
                packer: Packer::default(),
            },
            account,
            inbox,
        }
    }

    fn store(&self) -> &Store {
        &self.indexer.store
    }

    /// Messages of which every number-th has the word of that number.
    async fn deliver(&self, numbers: std::ops::Range<usize>) {
        let deliveries = numbers.map(|number| {
            let words = WORDS.iter().enumerate();
            let words = words.filter(|(every, _)| number % (every + 2) == 0);
            let words: String = words.map(|(_, word)| format!("{word} ")).collect();
            let content = Bytes::from(format!("Subject: {number}\r\n\r\n{words}\r\n"));
            Delivery {
                summary: Summary::read(&content).encode(),
                content,
                targets: vec![Target {
                    account: self.account.id,
                    mailbox: Place::Inbox,
                    flags: Flags::NONE,
                    keywords: Vec::new(),
                }],
                internal_date: 0,
                internal_offset: 0,
                thread: 0,
                ledger: None,
            }
        });
        let deliveries: Vec<_> = deliveries.collect();
        self.store().deliver_each(deliveries).await.unwrap();
    }

    async fn look_after(&mut self, care: Care) {
        let (account, inbox) = (self.account.id, self.inbox);
        self.indexer.look_after(account, inbox, care).await;
    }

    async fn packs(&self) -> Vec<PackOutline> {
        let packs = self.store().text_pack_outlines(self.inbox, VERSION).await;
        packs.unwrap()
    }

    async fn uids(&self) -> UidSet {
        let snapshot = self
            .store()
            .select(self.account.id, self.inbox, false)
            .await;
        let messages = snapshot.unwrap().messages;
        messages.iter().map(|message| message.uid).collect()
    }

    /// Which messages the index leaves out for each word; none of them has it.
    async fn left_out(&self) -> Vec<UidSet> {
        let (store, uids) = (self.store(), self.uids().await);
        let keys = WORDS.map(|word| TextKey::Body(waxwing_message::Sought::new(word)));
        let needles = keys.each_ref().map(TextKey::needle);
        let absent = absent(store, self.account.id, self.inbox, &uids, &needles).await;
        let all = store
            .fetch(self.account.id, self.inbox, &[UidRange::ALL], false)
            .await;
        for message in all.unwrap() {
            let matched = TextKey::matches(&keys, &store.blob(message.blob).await.unwrap());
            for (number, absent) in absent.iter().enumerate() {
                let has = matched >> number & 1 == 1;
                assert!(
                    !has || !absent.contains(message.flags.uid),
                    "{}",
                    WORDS[number]
                );
            }
        }
        absent
    }
}

fn ranges(packs: &[PackOutline]) -> Vec<(u32, u32, u32)> {
    let range = |pack: &PackOutline| (pack.uids.first, pack.uids.last, pack.messages);
    packs.iter().map(range).collect()
}

#[tokio::test]
async fn new_messages_are_packed_and_small_packs_joined() {
    let mut world = World::new().await;
    world.deliver(1..11).await;
    world.look_after(Care::Thorough).await;
    assert!(world.packs().await.is_empty(), "a few are read faster");
    for more in [21, 37, 600] {
        let from = world.uids().await.len() as usize + 1;
        world.deliver(from..more).await;
        world.look_after(Care::Usual).await;
    }
    // 36 of the first rounds are joined with what came then; what is left is no pack.
    assert_eq!(
        ranges(&world.packs().await),
        [(1, 36, 36), (37, 292, 256), (293, 548, 256), (549, 599, 51)]
    );
    let left_out = world.left_out().await;
    // Every second message has the first word; the last word is shorter than a trigram.
    assert_eq!(left_out[0].len(), 300);
    assert_eq!(left_out[3].len(), 599 - 119);
    assert!(left_out[5].is_empty());
}

#[tokio::test]
async fn messages_that_are_gone_go_from_their_packs() {
    let mut world = World::new().await;
    world.deliver(1..301).await;
    world.look_after(Care::Usual).await;
    let (account, inbox) = (world.account.id, world.inbox);
    let expunge = async |world: &World, first, last| {
        let uids = [UidRange { first, last }];
        world
            .store()
            .expunge(account, inbox, &uids, false)
            .await
            .unwrap();
    };
    expunge(&world, 10, 19).await;
    world.look_after(Care::Usual).await;
    assert_eq!(
        ranges(&world.packs().await),
        [(1, 256, 256), (257, 300, 44)],
        "not for ten of them"
    );
    world.look_after(Care::Thorough).await;
    assert_eq!(
        ranges(&world.packs().await),
        [(1, 256, 246), (257, 300, 44)]
    );
    expunge(&world, 20, 200).await;
    world.look_after(Care::Usual).await;
    assert_eq!(ranges(&world.packs().await), [(1, 256, 65), (257, 300, 44)]);
    assert_eq!(world.left_out().await[0].len(), 109 - 54);
    expunge(&world, 1, 290).await;
    world.look_after(Care::Usual).await;
    assert_eq!(ranges(&world.packs().await), [(291, 300, 10)]);
    expunge(&world, 1, 300).await;
    world.look_after(Care::Thorough).await;
    assert!(world.packs().await.is_empty());
}

#[tokio::test]
async fn a_damaged_pack_is_made_again() {
    let mut world = World::new().await;
    world.deliver(1..41).await;
    world.look_after(Care::Usual).await;
    let whole = world.left_out().await;
    let outline = world.packs().await[0];
    let change = TextPackChange {
        account: world.account.id,
        mailbox: world.inbox,
        version: VERSION,
        replaced: vec![outline.uids],
        pack: Some(TextPack {
            outline,
            octets: Bytes::from_static(b"no pack"),
        }),
    };
    assert!(world.store().put_text_pack(change).await.unwrap());
    assert!(world.left_out().await.iter().all(UidSet::is_empty));
    assert!(world.packs().await.is_empty(), "nobody reads it again");
    assert!(
        world
            .store()
            .changed_mailboxes()
            .contains(&(world.account.id, world.inbox))
    );
    world.look_after(Care::Usual).await;
    assert_eq!(world.left_out().await, whole);
}

#[tokio::test]
async fn a_mailbox_that_is_behind_is_found() {
    let mut world = World::new().await;
    let behind = async |world: &World| {
        let packings = world.store().packings(MailboxId(0)).await.unwrap();
        packings.iter().filter(|packing| is_behind(packing)).count()
    };
    assert_eq!(behind(&world).await, 0);
    world.deliver(1..41).await;
    assert_eq!(behind(&world).await, 1);
    world.look_after(Care::Usual).await;
    assert_eq!(behind(&world).await, 0);
    let uids = [UidRange::one(7)];
    world
        .store()
        .expunge(world.account.id, world.inbox, &uids, false)
        .await
        .unwrap();
    assert_eq!(behind(&world).await, 1);
    world.look_after(Care::Thorough).await;
    assert_eq!(behind(&world).await, 0);
}
