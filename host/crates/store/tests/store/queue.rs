//! The queue: put in with local deliveries, leased, settled, looked after.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use waxwing_store::{
    BodyKind, DeliverBy, Error, Leased, LegState, NewRecipient, Notify, Outgoing,
    Place, QueueAction, QueueEntry, QueueEnvelope, QueueFilter, QueuePage, RecipientOutcome,
    RecipientState, ReturnContent, Settled, Settlement, Store,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    local_and_remote_recipients_are_one_commit;
    what_is_refused_queues_nothing;
    all_that_was_asked_comes_back;
    a_lease_that_ends_is_taken_over;
    a_lost_lease_says_only_what_was_relayed;
    recipients_have_outcomes_of_their_own;
    notices_are_recorded_with_the_outcome;
    urgent_mail_goes_first;
    destinations_can_wait;
    operators_hold_release_retry_and_remove;
    listings_have_pages;
    the_last_leg_takes_a_large_content_along;
    workers_are_told;
}

/// A moment after which no lease of these tests lasts.
pub(crate) const MINUTE: i64 = 60_000;

pub(crate) fn now(setup: &Setup) -> i64 {
    setup.now.load(Ordering::SeqCst)
}

/// A message to these addresses, due now.
pub(crate) fn outgoing(setup: &Setup, id: &str, to: &[&str]) -> Outgoing {
    let recipient = |address: &&str| NewRecipient {
        address: (*address).to_owned(),
        destination: address.rsplit_once('@').unwrap().1.to_owned(),
        notify: Notify::NOT_ASKED,
        orcpt: String::new(),
    };
    Outgoing {
        content: format!("Subject: {id}\r\n\r\n").into(),
        envelope: QueueEnvelope {
            queue_id: id.to_owned(),
            sender: "alice@example.org".to_owned(),
            received: now(setup),
            expires: now(setup) + 5 * 86_400_000,
            ..QueueEnvelope::default()
        },
        recipients: to.iter().map(recipient).collect(),
        due: now(setup),
        held: false,
    }
}

pub(crate) async fn queue(store: &Store, outgoing: Outgoing) {
    store
        .submit(Vec::new(), Vec::new(), vec![outgoing])
        .await
        .unwrap();
}

pub(crate) async fn lease(store: &Store, setup: &Setup, owner: &str) -> Vec<Leased> {
    let until = now(setup) + MINUTE;
    store.lease(owner, until, 100, &[]).await.unwrap()
}

fn ids(leased: &[Leased]) -> Vec<&str> {
    leased
        .iter()
        .map(|leased| leased.message.envelope.queue_id.as_str())
        .collect()
}

/// All recipients of a leg come to the same.
pub(crate) fn settlement(leased: &Leased, state: RecipientState, retry_at: i64) -> Settlement {
    let outcome = |number| RecipientOutcome {
        number,
        state,
        said: "250 2.0.0 OK".to_owned(),
        owed: String::new(),
        delay_told: false,
    };
    Settlement {
        leg: leased.leg,
        lease: leased.lease,
        at: leased.until - MINUTE,
        host: "mx.example.net [192.0.2.1]".to_owned(),
        said: "250 2.0.0 OK".to_owned(),
        outcomes: leased
            .recipients
            .iter()
            .map(|r| outcome(r.number))
            .collect(),
        retry_at,
        tell_at: retry_at,
        stores: false,
        told: Vec::new(),
        goes_on: false,
    }
}

pub(crate) async fn settle(store: &Store, settlement: Settlement) -> Settled {
    store
        .settle(settlement, Vec::new(), Vec::new())
        .await
        .unwrap()
}

pub(crate) fn everything() -> QueuePage {
    QueuePage {
        filter: QueueFilter::All,
        held: None,
        after: None,
        limit: 100,
    }
}

async fn local_and_remote_recipients_are_one_commit(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let outgoing = outgoing(&setup, "Q1", &["a@one.net", "b@two.net", "c@one.net"]);
    let local = delivery(outgoing.content.clone(), vec![target(alice)]);
    let (commits, contents) = (store.commits(), setup.count("blobs").await);
    let done = store
        .submit(vec![local], Vec::new(), vec![outgoing])
        .await
        .unwrap();
    assert_eq!(store.commits(), commits + 1);
    assert_eq!(
        setup.count("blobs").await,
        contents + 1,
        "one content for all"
    );
    assert_eq!((done.stored.len(), done.legs.len()), (1, 2));
    let leased = lease(&store, &setup, "w").await;
    let of = |leased: &Leased| {
        let addresses = leased.recipients.iter().map(|r| r.address.clone());
        (leased.destination.clone(), addresses.collect::<Vec<_>>())
    };
    assert_eq!(
        leased.iter().map(of).collect::<Vec<_>>(),
        [
            (
                "one.net".to_owned(),
                vec!["a@one.net".to_owned(), "c@one.net".to_owned()]
            ),
            ("two.net".to_owned(), vec!["b@two.net".to_owned()]),
        ]
    );
    assert_eq!(leased[0].message.blob, done.stored[0].blob);
    // The content stays for the local copy.
    for leased in &leased {
        settle(&store, settlement(leased, RecipientState::Relayed, 0)).await;
    }
    assert_eq!(setup.count("queue_messages").await, 0);
    assert_eq!(store.blob(done.stored[0].blob).await.unwrap().len(), 15);
    assert_sound(&store).await;
    store.close().await;
}

async fn what_is_refused_queues_nothing(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    let mut nowhere = target(alice);
    nowhere.mailbox = Place::Path {
        path: "Nowhere".to_owned(),
        create: false,
    };
    let refused = store
        .submit(
            vec![delivery("one", vec![nowhere])],
            Vec::new(),
            vec![outgoing(&setup, "Q1", &["a@one.net"])],
        )
        .await;
    assert!(
        matches!(refused, Err(Error::NoSuchMailbox(_))),
        "{refused:?}"
    );
    let nobody = store
        .submit(Vec::new(), Vec::new(), vec![outgoing(&setup, "Q2", &[])])
        .await;
    assert!(matches!(nobody, Err(Error::NotAllowed(_))), "{nobody:?}");
    let mut large = outgoing(&setup, "Q3", &["a@one.net"]);
    large.envelope.context = "x".repeat(70_000);
    let large = store.submit(Vec::new(), Vec::new(), vec![large]).await;
    assert!(matches!(large, Err(Error::TooLarge { .. })), "{large:?}");
    assert_eq!(store.next_due(&[]).await.unwrap(), None);
    assert_eq!(setup.count("blobs").await, 0);
    assert_sound(&store).await;
    store.close().await;
}

async fn all_that_was_asked_comes_back(setup: Arc<Setup>) {
    let store = setup.open().await;
    let mut outgoing = outgoing(&setup, "Q1", &["a@one.net"]);
    outgoing.envelope = QueueEnvelope {
        queue_id: "Q1".to_owned(),
        sender: "jö@exämple.org".to_owned(),
        ret: ReturnContent::Headers,
        envid: "QQ314159".to_owned(),
        body: BodyKind::Binary,
        smtp_utf8: true,
        require_tls: true,
        priority: -3,
        deliver_by: Some(DeliverBy {
            at: now(&setup) + 5,
            give_up: true,
            trace: true,
        }),
        received: now(&setup),
        expires: now(&setup) + 1000,
        context: r#"{"identity":"alice"}"#.to_owned(),
    };
    outgoing.recipients[0].notify = Notify(Notify::SUCCESS.0 | Notify::DELAY.0);
    outgoing.recipients[0].orcpt = "rfc822;a@one.net".to_owned();
    let (wanted, recipient) = (outgoing.envelope.clone(), outgoing.recipients[0].clone());
    queue(&store, outgoing).await;
    let leased = lease(&store, &setup, "w").await;
    assert_eq!(leased[0].message.envelope, wanted);
    let found = &leased[0].recipients[0];
    assert_eq!(
        (found.notify, &found.orcpt),
        (recipient.notify, &recipient.orcpt)
    );
    store.close().await;
}

async fn a_lease_that_ends_is_taken_over(setup: Arc<Setup>) {
    let store = setup.open().await;
    queue(&store, outgoing(&setup, "Q1", &["a@one.net"])).await;
    let mut later = outgoing(&setup, "Q2", &["a@two.net"]);
    later.due += 2 * MINUTE;
    queue(&store, later).await;
    assert_eq!(store.next_due(&[]).await.unwrap(), Some(now(&setup)));
    let first = lease(&store, &setup, "dies").await;
    assert_eq!(ids(&first), ["Q1"]);
    assert!(lease(&store, &setup, "other").await.is_empty());
    assert_eq!(
        store.next_due(&[]).await.unwrap(),
        Some(now(&setup) + MINUTE)
    );
    let entry = &store.queue(&everything()).await.unwrap()[0];
    assert_eq!(
        entry.state,
        LegState::Leased {
            owner: "dies".to_owned()
        }
    );
    // Renewed, it lasts.
    let kept = store
        .renew_lease(first[0].lease, &[first[0].leg], now(&setup) + MINUTE + 5)
        .await
        .unwrap();
    assert_eq!(kept, [first[0].leg]);
    setup.advance(Duration::from_millis(60_001));
    assert!(lease(&store, &setup, "other").await.is_empty());
    // The process dies with it.
    store.close().await;
    drop(store);
    let store = setup.open().await;
    setup.advance(Duration::from_millis(10));
    let second = lease(&store, &setup, "other").await;
    assert_eq!(ids(&second), ["Q1"]);
    let kept = store
        .renew_lease(first[0].lease, &[first[0].leg], now(&setup) + MINUTE)
        .await
        .unwrap();
    assert!(kept.is_empty());
    // Given back, it is due when it was said to be.
    let back = [(second[0].leg, now(&setup) + 7)];
    store.give_back(second[0].lease, &back).await.unwrap();
    assert_eq!(store.next_due(&[]).await.unwrap(), Some(now(&setup) + 7));
    store.close().await;
}

async fn a_lost_lease_says_only_what_was_relayed(setup: Arc<Setup>) {
    let store = setup.open().await;
    queue(&store, outgoing(&setup, "Q1", &["a@one.net", "b@one.net"])).await;
    let slow = lease(&store, &setup, "slow").await;
    setup.advance(Duration::from_secs(61));
    let quick = lease(&store, &setup, "quick").await;
    let mut late = settlement(&slow[0], RecipientState::Failed, 0);
    late.outcomes[1].state = RecipientState::Relayed;
    let notice = outgoing(&setup, "DSN", &["alice@example.org"]);
    // What was to be stored by it is not, and so is not relayed either.
    let mut storing = late.clone();
    storing.stores = true;
    let settled = store
        .settle(storing, Vec::new(), vec![notice.clone()])
        .await;
    assert_eq!(settled.unwrap(), Settled::Lost);
    let entries = store.queue(&everything()).await.unwrap();
    let states = |entry: &QueueEntry| {
        entry
            .recipients
            .iter()
            .map(|one| one.state)
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&entries[0]), [RecipientState::Open; 2]);
    let settled = store.settle(late, Vec::new(), vec![notice]).await.unwrap();
    assert_eq!(settled, Settled::Lost);
    let entries = store.queue(&everything()).await.unwrap();
    assert_eq!(entries.len(), 1, "no notice");
    assert_eq!(
        states(&entries[0]),
        [RecipientState::Open, RecipientState::Relayed]
    );
    let settled = settle(&store, settlement(&quick[0], RecipientState::Failed, 0)).await;
    assert!(matches!(settled, Settled::Recorded { .. }));
    assert_eq!(
        settle(&store, settlement(&slow[0], RecipientState::Failed, 0)).await,
        Settled::Lost
    );
    assert_eq!(store.next_due(&[]).await.unwrap(), None);
    assert_sound(&store).await;
    store.close().await;
}

async fn recipients_have_outcomes_of_their_own(setup: Arc<Setup>) {
    let store = setup.open().await;
    queue(
        &store,
        outgoing(&setup, "Q1", &["a@one.net", "b@one.net", "c@one.net"]),
    )
    .await;
    let leased = lease(&store, &setup, "w").await;
    let mut first = settlement(&leased[0], RecipientState::Relayed, now(&setup) + 300);
    first.outcomes[1].state = RecipientState::Open;
    first.outcomes[1].said = "450 4.2.0 greylisted".to_owned();
    first.outcomes[2].state = RecipientState::Failed;
    first.said = "é".repeat(3000);
    first.outcomes[1].delay_told = true;
    settle(&store, first).await;
    assert_eq!(store.next_due(&[]).await.unwrap(), Some(now(&setup) + 300));
    assert_sound(&store).await;
    setup.advance(Duration::from_millis(300));
    let again = lease(&store, &setup, "w").await;
    assert_eq!((again[0].attempts, again[0].recipients.len()), (1, 1));
    assert_eq!(again[0].recipients[0].delay_told, now(&setup) - 300);
    assert_eq!(again[0].recipients[0].address, "b@one.net");
    assert_eq!(again[0].recipients[0].said, "450 4.2.0 greylisted");
    let history = store.queue_attempts("Q1").await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].said.len(), 2000, "bounded");
    settle(&store, settlement(&again[0], RecipientState::Relayed, 0)).await;
    for table in [
        "queue_messages",
        "queue_legs",
        "queue_recipients",
        "queue_attempts",
        "blobs",
    ] {
        assert_eq!(setup.count(table).await, 0, "{table}");
    }
    assert_sound(&store).await;
    store.close().await;
}

async fn notices_are_recorded_with_the_outcome(setup: Arc<Setup>) {
    let store = setup.open().await;
    let alice = account(&store, "alice").await.id;
    queue(&store, outgoing(&setup, "Q1", &["a@one.net"])).await;
    let leased = lease(&store, &setup, "w").await;
    let failed = settlement(&leased[0], RecipientState::Failed, 0);
    let mut nowhere = target(alice);
    nowhere.mailbox = Place::Path {
        path: "Nowhere".to_owned(),
        create: false,
    };
    let refused = store
        .settle(
            failed.clone(),
            vec![delivery("dsn", vec![nowhere])],
            Vec::new(),
        )
        .await;
    assert!(refused.is_err());
    assert_eq!(
        store.queue(&everything()).await.unwrap().len(),
        1,
        "as before"
    );
    let commits = store.commits();
    let mut remote = outgoing(&setup, "DSN", &["postmaster@else.net"]);
    remote.envelope.sender = String::new();
    let settled = store
        .settle(
            failed,
            // Two of them for one mailbox, and each is kept.
            vec![
                delivery("dsn", vec![target(alice)]),
                delivery("another dsn", vec![target(alice)]),
            ],
            vec![remote],
        )
        .await
        .unwrap();
    assert_eq!(store.commits(), commits + 1);
    let Settled::Recorded { stored, legs } = settled else {
        panic!("{settled:?}");
    };
    assert_eq!((stored.len(), legs.len()), (2, 1));
    let left = lease(&store, &setup, "w").await;
    assert_eq!(ids(&left), ["DSN"]);
    assert_sound(&store).await;
    store.close().await;
}

async fn urgent_mail_goes_first(setup: Arc<Setup>) {
    let store = setup.open().await;
    for (id, priority) in [("low", -9), ("normal", 0), ("high", 9), ("normal2", 0)] {
        let mut outgoing = outgoing(&setup, id, &["a@one.net"]);
        outgoing.envelope.priority = priority;
        queue(&store, outgoing).await;
    }
    let until = now(&setup) + MINUTE;
    let first = store.lease("w", until, 2, &[]).await.unwrap();
    assert_eq!(ids(&first), ["high", "normal"]);
    let rest = store.lease("w", until, 9, &[]).await.unwrap();
    assert_eq!(ids(&rest), ["normal2", "low"]);
    assert_eq!(store.next_due(&[]).await.unwrap(), Some(until));
    store.close().await;
}

async fn destinations_can_wait(setup: Arc<Setup>) {
    let store = setup.open().await;
    for (id, to) in [
        ("Q1", "a@one.net"),
        ("Q2", "a@one.net"),
        ("Q3", "a@two.net"),
    ] {
        queue(&store, outgoing(&setup, id, &[to])).await;
    }
    let (until, busy) = (now(&setup) + MINUTE, ["one.net".to_owned()]);
    let leased = store.lease("w", until, 9, &busy).await.unwrap();
    assert_eq!(ids(&leased), ["Q3"]);
    assert_eq!(store.next_due(&busy).await.unwrap(), Some(until));
    let freed = store.lease_for("one.net", "w", until, 1).await.unwrap();
    assert_eq!(ids(&freed), ["Q1"]);
    let back = [(freed[0].leg, now(&setup))];
    store.give_back(freed[0].lease, &back).await.unwrap();
    assert_eq!(
        store.put_off("one.net", now(&setup) + 500).await.unwrap(),
        2
    );
    assert!(lease(&store, &setup, "w").await.is_empty());
    assert_eq!(store.next_due(&[]).await.unwrap(), Some(now(&setup) + 500));
    assert_eq!(
        store.put_off("two.net", until + 500).await.unwrap(),
        0,
        "it is leased"
    );
    setup.advance(Duration::from_millis(500));
    assert_eq!(ids(&lease(&store, &setup, "w").await), ["Q1", "Q2"]);
    store.close().await;
}

async fn operators_hold_release_retry_and_remove(setup: Arc<Setup>) {
    let store = setup.open().await;
    for (id, to) in [
        ("Q1", ["a@one.net", "a@two.net"]),
        ("Q2", ["b@one.net", "b@two.net"]),
    ] {
        let mut outgoing = outgoing(&setup, id, &to);
        outgoing.due += 1000;
        queue(&store, outgoing).await;
    }
    let to_one = QueueFilter::Destination("one.net".to_owned());
    assert_eq!(store.operate(&to_one, QueueAction::Hold).await.unwrap(), 2);
    assert_eq!(store.operate(&to_one, QueueAction::Hold).await.unwrap(), 0);
    let depth = store.queue_depth().await.unwrap();
    assert_eq!((depth.waiting, depth.held), (2, 2));
    let listed = store.queued_as(&["Q2", "none", "Q2"]).await.unwrap();
    let to = listed.iter().flat_map(|entry| &entry.recipients);
    let to: Vec<&str> = to.map(|recipient| recipient.address.as_str()).collect();
    assert_eq!(to, ["b@one.net", "b@two.net"]);
    assert!(store.queued_as(&[]).await.unwrap().is_empty());
    let q2 = QueueFilter::QueueId("Q2".to_owned());
    assert_eq!(
        store.operate(&q2, QueueAction::Retry).await.unwrap(),
        1,
        "not the held one"
    );
    let leased = lease(&store, &setup, "w").await;
    assert_eq!(
        (ids(&leased), leased[0].destination.as_str()),
        (vec!["Q2"], "two.net")
    );
    assert_eq!(
        store.operate(&to_one, QueueAction::Release).await.unwrap(),
        2
    );
    assert_eq!(lease(&store, &setup, "w").await.len(), 2);
    // Held while it is tried: its worker still says how it ended.
    assert_eq!(store.operate(&q2, QueueAction::Hold).await.unwrap(), 2);
    settle(
        &store,
        settlement(&leased[0], RecipientState::Open, now(&setup)),
    )
    .await;
    let held = QueuePage {
        held: Some(true),
        ..everything()
    };
    assert_eq!(store.queue(&held).await.unwrap().len(), 2);
    assert_eq!(store.operate(&q2, QueueAction::Remove).await.unwrap(), 2);
    let one = store.queue(&everything()).await.unwrap()[0].leg;
    let one = QueueFilter::Leg(one);
    assert_eq!(store.operate(&one, QueueAction::Hold).await.unwrap(), 1);
    assert_eq!(store.operate(&one, QueueAction::Hold).await.unwrap(), 0);
    let alice = QueueFilter::Sender("alice@example.org".to_owned());
    assert_eq!(store.operate(&alice, QueueAction::Remove).await.unwrap(), 2);
    assert_eq!(setup.count("blobs").await, 0);
    let gone = settle(&store, settlement(&leased[0], RecipientState::Relayed, 0)).await;
    assert_eq!(gone, Settled::Lost);
    assert_sound(&store).await;
    store.close().await;
}

async fn listings_have_pages(setup: Arc<Setup>) {
    let store = setup.open().await;
    for i in 0..7 {
        queue(&store, outgoing(&setup, &format!("Q{i}"), &["a@one.net"])).await;
    }
    let mut page = QueuePage {
        limit: 3,
        ..everything()
    };
    let mut seen = Vec::new();
    loop {
        let entries = store.queue(&page).await.unwrap();
        let Some(last) = entries.last() else { break };
        page.after = Some(last.leg);
        seen.extend(entries.into_iter().map(|entry| entry.queue_id));
    }
    assert_eq!(seen, ["Q0", "Q1", "Q2", "Q3", "Q4", "Q5", "Q6"]);
    let none = QueuePage {
        filter: QueueFilter::Sender(String::new()),
        ..everything()
    };
    assert!(store.queue(&none).await.unwrap().is_empty());
    store.close().await;
}

async fn the_last_leg_takes_a_large_content_along(setup: Arc<Setup>) {
    let store = setup.open().await;
    let mut large = outgoing(&setup, "Q1", &["a@one.net", "a@two.net"]);
    large.content = vec![b'L'; 100_000].into();
    queue(&store, large).await;
    let leased = lease(&store, &setup, "w").await;
    let blob = leased[0].message.blob;
    settle(&store, settlement(&leased[0], RecipientState::Relayed, 0)).await;
    assert_eq!(store.read_blob(blob, 99_998, 10).await.unwrap().len(), 2);
    assert_sound(&store).await;
    settle(&store, settlement(&leased[1], RecipientState::Failed, 0)).await;
    assert_eq!(setup.count("garbage").await, 1);
    store.sweep().await.unwrap();
    assert_eq!(setup.count("garbage").await, 0);
    assert_sound(&store).await;
    store.close().await;
}

async fn workers_are_told(setup: Arc<Setup>) {
    let store = setup.open().await;
    let mut news = store.queue_news();
    news.mark_unchanged();
    let mut held = outgoing(&setup, "Q1", &["a@one.net"]);
    held.held = true;
    queue(&store, held).await;
    assert!(!news.has_changed().unwrap(), "nothing is due");
    queue(&store, outgoing(&setup, "Q2", &["a@one.net"])).await;
    news.changed().await.unwrap();
    store
        .operate(&QueueFilter::All, QueueAction::Release)
        .await
        .unwrap();
    news.changed().await.unwrap();
    store.close().await;
}
