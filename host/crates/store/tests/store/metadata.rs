//! What clients note of mailboxes.

use std::sync::Arc;

use waxwing_store::{
    AccountId, AclChange, Error, Grantee, MAX_METADATA, MAX_METADATA_ENTRIES, MAX_METADATA_VALUE,
    MetadataChange, MetadataName, MetadataOf, Result, RightsOperation, Store,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound};

on_both! {
    what_is_shared_is_seen_and_what_is_ones_own_is_not;
    all_entries_change_or_none;
    entries_go_with_their_mailbox_and_account;
    entries_are_bounded;
    changes_are_told_of_in_their_order;
    changes_are_told_to_those_who_see_them;
    those_who_watch_are_told;
    the_log_is_bounded;
}

fn name(name: &str) -> MetadataName {
    let (scope, rest) = name.split_at(name[1..].find('/').unwrap() + 1);
    MetadataName {
        private: scope == "/private",
        name: rest.to_owned(),
    }
}

fn entry(entry: &str, value: Option<&str>) -> MetadataChange {
    MetadataChange {
        name: name(entry),
        value: value.map(|value| value.as_bytes().to_vec()),
    }
}

fn text(name: &MetadataName) -> String {
    let scope = if name.private { "private" } else { "shared" };
    format!("/{scope}{}", name.name)
}

async fn set(
    store: &Store,
    of: MetadataOf,
    who: AccountId,
    name: &str,
    value: &str,
) -> Result<u64> {
    let change = vec![entry(name, Some(value))];
    store.set_metadata(of, who, change).await
}

/// Names and values, as one text.
async fn told(store: &Store, of: MetadataOf, who: AccountId) -> String {
    let entries = store.metadata(of, who).await.unwrap();
    let names: Vec<MetadataName> = entries.iter().map(|entry| entry.name.clone()).collect();
    let values = store.metadata_values(of, who, &names).await.unwrap();
    let told = entries.iter().zip(&values).map(|(entry, (name, value))| {
        assert_eq!(entry.name, *name);
        assert_eq!(entry.size, value.len() as u64);
        format!("{}={}", text(name), String::from_utf8_lossy(value))
    });
    told.collect::<Vec<_>>().join(" ")
}

/// What an account hears of since a number, as `owner/path: entry` each, and the next number.
async fn news(store: &Store, who: AccountId, since: u64) -> (String, u64) {
    let news = store.metadata_news(who, since, true).await.unwrap();
    assert!(!news.more);
    let told = news.changed.iter().map(|changed| {
        let place = match changed.of {
            MetadataOf::Server => String::new(),
            MetadataOf::Mailbox(..) => format!("{}/{}", changed.owner, changed.path),
        };
        format!("{place}: {}", text(&changed.name))
    });
    (told.collect::<Vec<_>>().join(", "), news.number)
}

async fn what_is_shared_is_seen_and_what_is_ones_own_is_not(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    for (who, name, value) in [
        (alice, "/shared/comment", "for all"),
        (alice, "/private/comment", "mine"),
        (bob, "/private/comment", "bob's"),
        (bob, "/shared/vendor/x", "by bob"),
        (alice, "/shared/comment", "for all of you"),
    ] {
        set(&store, of, who, name, value).await.unwrap();
    }
    let shared = "/shared/comment=for all of you /shared/vendor/x=by bob";
    let own = format!("{shared} /private/comment=mine");
    assert_eq!(told(&store, of, alice).await, own);
    let other = format!("{shared} /private/comment=bob's");
    assert_eq!(told(&store, of, bob).await, other);
    let server = MetadataOf::Server;
    set(&store, server, bob, "/private/comment", "of the server")
        .await
        .unwrap();
    assert_eq!(told(&store, server, alice).await, "");
    let told = told(&store, server, bob).await;
    assert_eq!(told, "/private/comment=of the server");
    assert!(matches!(
        set(&store, server, bob, "/shared/comment", "x").await,
        Err(Error::NotAllowed(_))
    ));
    let wrong = MetadataOf::Mailbox(bob, inbox);
    assert!(matches!(
        set(&store, wrong, bob, "/shared/comment", "x").await,
        Err(Error::NoSuchMailbox(_))
    ));
    assert_sound(&store).await;
}

async fn all_entries_change_or_none(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    let large = "x".repeat(MAX_METADATA_VALUE + 1);
    let changes = vec![
        entry("/private/a", Some("1")),
        entry("/shared/b", Some(&large)),
    ];
    assert!(matches!(
        store.set_metadata(of, alice, changes).await,
        Err(Error::TooLarge {
            what: "metadata value",
            ..
        })
    ));
    assert_eq!(told(&store, of, alice).await, "");
    let changes = vec![
        entry("/private/a", Some("1")),
        entry("/shared/b", Some("\0")),
        entry("/shared/none", None),
    ];
    store.set_metadata(of, alice, changes).await.unwrap();
    assert_eq!(told(&store, of, alice).await, "/shared/b=\0 /private/a=1");
    let changes = vec![entry("/private/a", None), entry("/shared/b", Some(""))];
    store.set_metadata(of, alice, changes).await.unwrap();
    assert_eq!(told(&store, of, alice).await, "/shared/b=");
}

async fn entries_go_with_their_mailbox_and_account(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let made = store
        .create_mailbox(alice, "box/below", None)
        .await
        .unwrap();
    let of = MetadataOf::Mailbox(alice, made.id);
    for who in [alice, bob] {
        set(&store, of, who, "/private/comment", "own")
            .await
            .unwrap();
    }
    set(&store, of, alice, "/shared/comment", "all")
        .await
        .unwrap();
    store
        .rename_mailbox(alice, "box/below", "moved")
        .await
        .unwrap();
    assert_eq!(
        told(&store, of, bob).await,
        "/shared/comment=all /private/comment=own"
    );
    store.delete_mailbox(alice, "moved").await.unwrap();
    assert_eq!(setup.count("metadata").await, 0);
    // An INBOX that is renamed keeps them, and what it becomes has them, too.
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    set(&store, of, alice, "/shared/comment", "all")
        .await
        .unwrap();
    set(&store, of, bob, "/private/comment", "own")
        .await
        .unwrap();
    store.rename_mailbox(alice, "INBOX", "old").await.unwrap();
    let old = store.mailbox(alice, "old").await.unwrap().id;
    for mailbox in [inbox, old] {
        let of = MetadataOf::Mailbox(alice, mailbox);
        assert_eq!(told(&store, of, alice).await, "/shared/comment=all");
    }
    store.remove_account("bob@example.org").await.unwrap();
    assert_eq!(setup.count("metadata").await, 2);
    store.remove_account("alice@example.org").await.unwrap();
    assert_eq!(setup.count("metadata").await, 0);
    assert_sound(&store).await;
}

async fn entries_are_bounded(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    for number in 0..MAX_METADATA_ENTRIES {
        let name = format!("/shared/{number}");
        set(&store, of, alice, &name, "").await.unwrap();
    }
    let more = set(&store, of, bob, "/shared/more", "").await;
    assert!(matches!(
        more,
        Err(Error::TooLarge {
            what: "metadata",
            ..
        })
    ));
    set(&store, of, bob, "/private/more", "").await.unwrap();
    set(&store, of, alice, "/shared/0", "again").await.unwrap();
    // What is shared in a mailbox counts for its owner, whoever noted it.
    let value = "x".repeat(MAX_METADATA_VALUE);
    let fit = usize::try_from(MAX_METADATA).unwrap() / MAX_METADATA_VALUE;
    assert_eq!(fit, MAX_METADATA_ENTRIES);
    for number in 1..MAX_METADATA_ENTRIES {
        let name = format!("/shared/{number}");
        set(&store, of, bob, &name, &value).await.unwrap();
    }
    let drafts = store.mailbox(alice, "Drafts").await.unwrap().id;
    let drafts = MetadataOf::Mailbox(alice, drafts);
    let more = set(&store, drafts, bob, "/shared/x", &value).await;
    assert!(matches!(
        more,
        Err(Error::TooLarge {
            what: "metadata",
            ..
        })
    ));
    set(&store, drafts, bob, "/private/x", &value)
        .await
        .unwrap();
    // A mailbox that an INBOX becomes has them only as far as there is room for them.
    let before = setup.count("metadata").await;
    store.rename_mailbox(alice, "INBOX", "old").await.unwrap();
    assert_eq!(setup.count("metadata").await, before);
    // Entries without a value are not free.
    let long = "x".repeat(MAX_METADATA_VALUE);
    let names = set(&store, drafts, bob, &format!("/shared/{long}"), "").await;
    assert!(matches!(
        names,
        Err(Error::TooLarge {
            what: "metadata",
            ..
        })
    ));
    // Less is always possible.
    set(&store, of, bob, "/shared/1", "less").await.unwrap();
    set(&store, drafts, bob, "/shared/x", &value).await.unwrap();
}

async fn changes_are_told_of_in_their_order(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    let begin = store.metadata_number().await.unwrap();
    let first = set(&store, of, alice, "/shared/b", "1").await.unwrap();
    let second = set(&store, of, alice, "/private/a", "2").await.unwrap();
    assert!(begin < first && first < second);
    let inbox = "alice@example.org/INBOX";
    let all = format!("{inbox}: /shared/b, {inbox}: /private/a");
    assert_eq!(news(&store, alice, begin).await, (all, second));
    let one = format!("{inbox}: /private/a");
    assert_eq!(news(&store, alice, first).await, (one, second));
    // What is as it was is no news; of what changed again only the last change is.
    assert_eq!(set(&store, of, alice, "/shared/b", "1").await.unwrap(), 0);
    let nothing = vec![entry("/shared/none", None)];
    assert_eq!(store.set_metadata(of, alice, nothing).await.unwrap(), 0);
    assert_eq!(news(&store, alice, second).await, (String::new(), second));
    let gone = vec![entry("/shared/b", None)];
    let third = store.set_metadata(of, alice, gone).await.unwrap();
    let again = format!("{inbox}: /private/a, {inbox}: /shared/b");
    assert_eq!(news(&store, alice, begin).await, (again, third));
    let server = MetadataOf::Server;
    let fourth = set(&store, server, alice, "/private/vendor/x/y", "3").await;
    let told = news(&store, alice, third).await;
    let whole = (": /private/vendor/x/y".to_owned(), fourth.unwrap());
    assert_eq!(told, whole);
    // What another process wrote is seen, too.
    let number = whole.1;
    store.close().await;
    let store = setup.open().await;
    assert_eq!(store.metadata_number().await.unwrap(), number);
    // Many changes are told of some at a time, none of them twice.
    for place in 0..20 {
        let path = format!("box{place}");
        let made = store.create_mailbox(alice, &path, None).await.unwrap();
        let names = (0..MAX_METADATA_ENTRIES).map(|at| entry(&format!("/shared/{at}"), Some("")));
        let of = MetadataOf::Mailbox(alice, made.id);
        store
            .set_metadata(of, alice, names.collect())
            .await
            .unwrap();
    }
    let (mut since, mut told, mut rounds) = (number, Vec::new(), 0);
    loop {
        let news = store.metadata_news(alice, since, true).await.unwrap();
        told.extend(news.changed.into_iter().map(|it| (it.of, it.name)));
        (since, rounds) = (news.number, rounds + 1);
        if !news.more {
            break;
        }
    }
    assert!(rounds > 1);
    assert_eq!(told.len(), 20 * MAX_METADATA_ENTRIES);
    assert_sound(&store).await;
}

async fn changes_are_told_to_those_who_see_them(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let drafts = store.mailbox(alice, "Drafts").await.unwrap().id;
    let begin = store.metadata_number().await.unwrap();
    let change = AclChange {
        grantee: Grantee::Account(bob),
        negative: false,
        operation: RightsOperation::Replace,
        rights: 1,
    };
    store.change_acl(alice, inbox, change).await.unwrap();
    for mailbox in [inbox, drafts] {
        let of = MetadataOf::Mailbox(alice, mailbox);
        set(&store, of, alice, "/shared/comment", "x")
            .await
            .unwrap();
        set(&store, of, alice, "/private/comment", "x")
            .await
            .unwrap();
    }
    let of = MetadataOf::Mailbox(alice, inbox);
    set(&store, of, bob, "/private/comment", "bob's")
        .await
        .unwrap();
    let owner = "alice@example.org";
    let (told, now) = news(&store, bob, begin).await;
    assert_eq!(
        told,
        format!("{owner}/INBOX: /shared/comment, {owner}/INBOX: /private/comment")
    );
    let none = store.metadata_news(bob, begin, false).await.unwrap();
    assert_eq!(none.changed.len(), 1);
    assert!(none.changed[0].name.private);
    let (told, _) = news(&store, alice, begin).await;
    assert_eq!(
        told,
        format!(
            "{owner}/INBOX: /shared/comment, {owner}/INBOX: /private/comment, \
             {owner}/Drafts: /shared/comment, {owner}/Drafts: /private/comment"
        )
    );
    // Of what is gone there is no news.
    set(&store, of, bob, "/shared/comment", "y").await.unwrap();
    store.remove_account("alice@example.org").await.unwrap();
    assert_eq!(news(&store, bob, now).await.0, "");
    assert_eq!(setup.count("metadata_changes").await, 0);
}

async fn those_who_watch_are_told(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    store.close().await;
    for (name, [to_alice, to_bob]) in [
        ("/shared/comment", [true, false]),
        ("/private/comment", [false, true]),
    ] {
        // Another one each time: PostgreSQL's own word of what was committed before may still be on its way to this one.
        let store = setup.open().await;
        let (of_alice, of_bob) = (store.subscribe(alice), store.subscribe(bob));
        set(&store, of, bob, name, "x").await.unwrap();
        assert_eq!(of_alice.has_changed().unwrap(), to_alice, "{name}");
        assert_eq!(of_bob.has_changed().unwrap(), to_bob, "{name}");
        store.close().await;
    }
}

async fn the_log_is_bounded(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let inbox = store.mailbox(alice, "INBOX").await.unwrap().id;
    let of = MetadataOf::Mailbox(alice, inbox);
    for number in 0..5 * MAX_METADATA_ENTRIES {
        let name = format!("/private/{number}");
        set(&store, of, alice, &name, "x").await.unwrap();
        let gone = vec![entry(&name, None)];
        store.set_metadata(of, alice, gone).await.unwrap();
    }
    let most = 4 * MAX_METADATA_ENTRIES as i64;
    assert_eq!(setup.count("metadata_changes").await, most);
    setup.advance(std::time::Duration::from_secs(100 * 86_400));
    store.sweep().await.unwrap();
    assert_eq!(setup.count("metadata_changes").await, 0);
}
