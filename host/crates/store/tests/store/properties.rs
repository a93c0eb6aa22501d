//! Any sequence of operations: the store agrees with a simple model, a client that only follows the changes agrees with
//! the store, and `verify` finds nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use waxwing_store::{
    AccountId, FlagChange, FlagOperation, Flags, Mailbox, MailboxId, Place, Store, Target, UidRange,
};

use crate::on_both;
use crate::setup::{Setup, account, assert_sound, delivery, target};

on_both! {
    any_sequence_of_operations;
}

#[derive(Debug, Clone)]
enum Step {
    Deliver {
        to: usize,
        flags: u8,
    },
    Flag {
        of: usize,
        uids: UidRange,
        operation: u8,
        flags: u8,
    },
    Copy {
        from: usize,
        to: usize,
        uids: UidRange,
        moving: bool,
    },
    Expunge {
        of: usize,
        uids: UidRange,
        deleted_only: bool,
    },
    Follow {
        of: usize,
    },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let uids = || {
        (1..12u32, 0..6u32).prop_map(|(first, length)| UidRange {
            first,
            last: first + length,
        })
    };
    let step = prop_oneof![
        6 => (0..3usize, any::<u8>()).prop_map(|(to, flags)| Step::Deliver { to, flags }),
        3 => (0..3usize, uids(), 0..3u8, any::<u8>()).prop_map(|(of, uids, operation, flags)| Step::Flag { of, uids, operation, flags }),
        2 => (0..3usize, 0..3usize, uids(), any::<bool>()).prop_map(|(from, to, uids, moving)| Step::Copy { from, to, uids, moving }),
        2 => (0..3usize, uids(), any::<bool>()).prop_map(|(of, uids, deleted_only)| Step::Expunge { of, uids, deleted_only }),
        3 => (0..3usize).prop_map(|of| Step::Follow { of }),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..60)
}

/// A mailbox as the model has it, and as a client that follows its changes has it.
#[derive(Default)]
struct Model {
    messages: BTreeMap<u32, Flags>,
    next: u32,
    replica: BTreeMap<u32, Flags>,
    followed: u64,
}

async fn any_sequence_of_operations(setup: Arc<Setup>) {
    let mut runner = TestRunner::default();
    // What was opened is in memory and, from one start to the next, in the database.
    let mut config = setup.config();
    config.image_messages = 1;
    let mut store = Store::open(config.clone()).await.unwrap();
    for case in 0..12 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let id = account(&store, &format!("case{case}")).await.id;
        let mut models: [Model; 3] = Default::default();
        for (at, step) in steps.iter().enumerate() {
            if matches!(step, Step::Reopen) {
                store.close().await;
                drop(store);
                store = Store::open(config.clone()).await.unwrap();
            } else {
                take(&store, id, &mut models, step).await;
            }
            check(
                &store,
                id,
                &models,
                &format!("after step {at} of {steps:?}"),
            )
            .await;
        }
    }
    assert_sound(&store).await;
}

const PATHS: [&str; 3] = ["INBOX", "Junk", "Archive"];

async fn mailbox(store: &Store, account: AccountId, at: usize) -> Mailbox {
    store.mailbox(account, PATHS[at]).await.unwrap()
}

fn within(model: &Model, uids: UidRange) -> Vec<(u32, Flags)> {
    model
        .messages
        .range(uids.first..=uids.last)
        .map(|(uid, flags)| (*uid, *flags))
        .collect()
}

async fn take(store: &Store, account: AccountId, models: &mut [Model; 3], step: &Step) {
    match *step {
        Step::Deliver { to, flags } => {
            let id = mailbox(store, account, to).await.id;
            let to_target = Target {
                mailbox: Place::Id(id),
                flags: Flags::from_bits(flags),
                ..target(account)
            };
            let stored = store
                .deliver(delivery("content", vec![to_target]))
                .await
                .unwrap();
            models[to].next += 1;
            assert_eq!(stored[0].uid, models[to].next);
            models[to]
                .messages
                .insert(stored[0].uid, Flags::from_bits(flags));
        }
        Step::Flag {
            of,
            uids,
            operation,
            flags,
        } => {
            let flags = Flags::from_bits(flags);
            let operation = [
                FlagOperation::Add,
                FlagOperation::Remove,
                FlagOperation::Replace,
            ][usize::from(operation)];
            let change = FlagChange {
                operation,
                flags,
                keywords: Vec::new(),
                unchanged_since: None,
            };
            store
                .store_flags(
                    account,
                    mailbox(store, account, of).await.id,
                    &[uids],
                    change,
                )
                .await
                .unwrap();
            for (_, has) in models[of].messages.range_mut(uids.first..=uids.last) {
                *has = match operation {
                    FlagOperation::Add => has.with(flags),
                    FlagOperation::Remove => has.without(flags),
                    FlagOperation::Replace => flags,
                };
            }
        }
        Step::Copy {
            from,
            to,
            uids,
            moving,
        } => {
            let (source, goal): (MailboxId, MailboxId) = (
                mailbox(store, account, from).await.id,
                mailbox(store, account, to).await.id,
            );
            let copied = match moving {
                true => store
                    .move_messages(account, source, &[uids], goal)
                    .await
                    .unwrap(),
                false => store.copy(account, source, &[uids], goal).await.unwrap(),
            };
            let expected = within(&models[from], uids);
            assert!(
                copied
                    .uids
                    .iter()
                    .map(|(old, _)| *old)
                    .eq(expected.iter().map(|(uid, _)| *uid))
            );
            for (uid, flags) in expected {
                models[to].next += 1;
                let next = models[to].next;
                models[to].messages.insert(next, flags);
                if moving {
                    models[from].messages.remove(&uid);
                }
            }
        }
        Step::Expunge {
            of,
            uids,
            deleted_only,
        } => {
            let removed = store
                .expunge(
                    account,
                    mailbox(store, account, of).await.id,
                    &[uids],
                    deleted_only,
                )
                .await
                .unwrap();
            let gone = within(&models[of], uids)
                .into_iter()
                .filter(|(_, flags)| !deleted_only || flags.contains(Flags::DELETED));
            let gone: Vec<u32> = gone.map(|(uid, _)| uid).collect();
            assert_eq!(removed, gone);
            models[of].messages.retain(|uid, _| !gone.contains(uid));
        }
        Step::Follow { of } => {
            let changes = store
                .changes(
                    account,
                    mailbox(store, account, of).await.id,
                    models[of].followed,
                )
                .await
                .unwrap();
            assert!(changes.complete);
            let model = &mut models[of];
            for message in changes.changed {
                model.replica.insert(message.uid, message.flags);
            }
            model.replica.retain(|uid, _| {
                !changes
                    .vanished
                    .iter()
                    .any(|range| (range.first..=range.last).contains(uid))
            });
            model.followed = changes.mailbox.highest_modseq;
            assert_eq!(model.replica, model.messages);
        }
        Step::Reopen => {}
    }
}

async fn check(store: &Store, account: AccountId, models: &[Model; 3], when: &str) {
    for (at, model) in models.iter().enumerate() {
        let kept = mailbox(store, account, at).await;
        let snapshot = store.select(account, kept.id, false).await.unwrap();
        let found: BTreeMap<u32, Flags> =
            snapshot.messages.iter().map(|m| (m.uid, m.flags)).collect();
        assert_eq!(found, model.messages, "{} {when}", PATHS[at]);
        assert_eq!(
            (kept.messages as usize, kept.uid_next),
            (found.len(), model.next + 1),
            "{} {when}",
            PATHS[at]
        );
        assert_eq!(
            kept.unseen as usize,
            found
                .values()
                .filter(|flags| !flags.contains(Flags::SEEN))
                .count(),
            "{} {when}",
            PATHS[at]
        );
    }
}
