use std::collections::HashMap;

use bytes::Bytes;

use super::image::Entry;
use super::*;
use crate::shared::lock;
use crate::{BlobId, Flags, MessageFlags};

fn entry(uid: u32, modseq: u64) -> Entry {
    Entry {
        flags: MessageFlags {
            uid,
            modseq,
            flags: Flags::NONE,
            keywords: Vec::new(),
        },
        internal_date: 0,
        internal_offset: 0,
        saved: 0,
        size: 0,
        blob: BlobId(1),
        created: 1,
        thread: 0,
        summary: Bytes::new(),
    }
}

fn image(modseq: u64, uids: impl IntoIterator<Item = u32>) -> Image {
    Image::new(
        AccountId(1),
        modseq,
        uids.into_iter().map(|uid| entry(uid, 1)).collect(),
    )
}

fn range(first: u32, last: u32) -> UidRange {
    UidRange { first, last }
}

fn uids(messages: &[Message]) -> Vec<u32> {
    messages.iter().map(|message| message.flags.uid).collect()
}

#[test]
fn messages_are_found_once_whatever_ranges_ask_for_them() {
    let image = image(1, [2, 4, 6, u32::MAX]);
    let all = [range(4, 5), range(1, 4), range(6, u32::MAX), range(9, 8)];
    assert_eq!(uids(&image.messages(&all, false)), [2, 4, 6, u32::MAX]);
    assert_eq!(
        uids(&image.messages(&[range(5, 5)], false)),
        Vec::<u32>::new()
    );
}

#[test]
fn what_changed_is_taken_in_twice_as_once() {
    let mut image = image(1, [2, 4, 6]);
    for _ in 0..2 {
        image.apply(
            vec![entry(4, 9), entry(7, 9)],
            &[range(1, 3), range(6, 6)],
            9,
        );
        let now: Vec<_> = image.flags().iter().map(|m| (m.uid, m.modseq)).collect();
        assert_eq!(now, [(4, 9), (7, 9)]);
        assert_eq!(image.octets, 2 * size_of::<Entry>());
    }
}

#[test]
fn summaries_are_kept_while_flags_change() {
    let images = Images::default();
    images.put(MailboxId(1), image(5, [2, 4, 6]));
    let summary = |octets: usize| Bytes::from(vec![7; octets]);
    let summaries = [
        (4, summary(10)),
        (5, summary(10)),
        (6, summary(SUMMARY + 1)),
    ];
    images.learn(MailboxId(1), &HashMap::from(summaries));
    images.learn(MailboxId(2), &HashMap::new());
    let mut image = images.get(MailboxId(1)).unwrap();
    image.apply(vec![entry(4, 9)], &[range(2, 2)], 9);
    let found = image.messages(&[UidRange::ALL], true);
    let known: Vec<_> = found
        .iter()
        .map(|m| (m.flags.uid, m.summary.len()))
        .collect();
    assert_eq!(known, [(4, 10), (6, 0)]);
    assert_eq!(image.octets, 2 * size_of::<Entry>() + 10);
    // Nothing is copied for it.
    image.learn(&HashMap::from([(6, summary(1))]));
    assert_eq!(image.octets, 2 * size_of::<Entry>() + 11);
    let other = image.clone();
    image.learn(&HashMap::from([(6, summary(3))]));
    assert_eq!(image.octets, 2 * size_of::<Entry>() + 11);
    assert_eq!(uids(&other.messages(&[UidRange::ALL], true)), [4, 6]);
}

#[test]
fn images_stay_within_their_room_and_never_go_back() {
    let images = Images::default();
    let many = u32::try_from(ROOM / 4 / size_of::<Entry>()).unwrap();
    for number in 0..6 {
        images.put(MailboxId(number), image(5, 1..many));
    }
    assert!(images.get(MailboxId(0)).is_none());
    assert!(images.get(MailboxId(5)).is_some());
    assert!(lock(&images.0).octets <= ROOM);
    images.put(MailboxId(5), image(4, [1]));
    assert_eq!(images.get(MailboxId(5)).unwrap().modseq, 5);
    // Nothing that is empty stays for ever.
    for number in 0..i64::try_from(2 * ROOM / IMAGE).unwrap() {
        images.put(MailboxId(100 + number), image(5, []));
    }
    assert!(lock(&images.0).images.len() <= ROOM / IMAGE);
    // What takes half of the room for itself alone is not kept.
    let large = image(5, 1..3 * many);
    images.put(MailboxId(7), large.clone());
    assert!(images.get(MailboxId(7)).is_none());
    // Nor is it in the database, from where it would be read to no avail, and written again.
    assert!(!large.is_worth_it(1) && image(5, 1..many).is_worth_it(1));
}

#[test]
fn an_image_that_somebody_looks_at_stays_as_it_is() {
    let images = Images::default();
    images.put(MailboxId(1), image(5, [2, 4]));
    let flagged = || {
        Change::Flagged(Flagged {
            mailbox: MailboxId(1),
            after: 5,
            modseq: 6,
            messages: vec![entry(4, 6).flags],
        })
    };
    let looked_at = images.get(MailboxId(1));
    images.take_in([flagged()]);
    assert_eq!(images.get(MailboxId(1)).unwrap().modseq, 5);
    drop(looked_at);
    images.take_in([flagged()]);
    assert_eq!(images.get(MailboxId(1)).unwrap().modseq, 6);
    // Only the one that was seen is taken out.
    images.take(MailboxId(1), 5);
    assert!(images.get(MailboxId(1)).is_some());
    images.take(MailboxId(1), 6);
    assert!(images.get(MailboxId(1)).is_none());
    assert_eq!(lock(&images.0).octets, 0);
}

#[test]
fn a_change_of_flags_is_taken_in_where_it_comes_next_and_told_of_while_it_is_known() {
    let many = 5000;
    let mut image = image(5, 1..=many);
    let flagged = |after: u64, uids: &[u32]| Flagged {
        mailbox: MailboxId(1),
        after,
        modseq: after + 1,
        messages: uids
            .iter()
            .map(|uid| entry(*uid, after + 1).flags)
            .collect(),
    };
    let told = |image: &Image, since: u64| {
        let (changed, removed) = image.since(since)?;
        let uids: Vec<u32> = changed.iter().map(|message| message.uid).collect();
        Some((uids, removed))
    };
    // Not the next one: it is left to who reads what changed.
    image.flagged(&flagged(6, &[1]));
    assert_eq!((image.modseq, told(&image, 5)), (5, Some((vec![], false))));
    image.flagged(&flagged(5, &[3, 2]));
    image.flagged(&flagged(6, &[3, many + 1]));
    assert_eq!(image.modseq, 7);
    assert_eq!(told(&image, 5), Some((vec![2, 3], false)));
    assert_eq!(told(&image, 6), Some((vec![3], false)));
    assert_eq!(told(&image, 4), None);
    image.apply(vec![entry(many + 2, 8)], &[range(2, 2)], 8);
    assert_eq!(told(&image, 5), Some((vec![3, many + 2], true)));
    assert_eq!(told(&image, 8), Some((vec![], false)));
    // More than are remembered.
    image.flagged(&flagged(8, &(1..=many).collect::<Vec<_>>()));
    assert_eq!(told(&image, 8), None);
    assert_eq!(told(&image, 9), Some((vec![], false)));
}

#[test]
fn messages_that_come_are_taken_in_all_of_a_modification_sequence_or_none() {
    let images = Images::default();
    let mailbox = MailboxId(1);
    images.put(mailbox, image(5, [2, 4]));
    let came = |after: u64, modseq: u64, uid: u32| {
        let mut entry = entry(uid, modseq);
        entry.created = modseq;
        Change::Came(Came {
            mailbox,
            after,
            entry,
        })
    };
    let now = || {
        let image = images.get(mailbox).unwrap();
        let uids: Vec<u32> = image.flags().iter().map(|message| message.uid).collect();
        (image.modseq, uids)
    };
    images.take_in([came(6, 7, 9)]);
    assert_eq!(now(), (5, vec![2, 4]));
    let looked_at = images.get(mailbox);
    images.take_in([came(5, 6, 5), came(6, 6, 6)]);
    drop(looked_at);
    assert_eq!(now(), (5, vec![2, 4]));
    images.take_in([came(5, 6, 5), came(6, 6, 6), came(6, 7, 7)]);
    assert_eq!(now(), (7, vec![2, 4, 5, 6, 7]));
    let image = images.get(mailbox).unwrap();
    assert_eq!(image.octets, 5 * size_of::<Entry>());
    let (changed, removed) = image.since(5).unwrap();
    assert_eq!((changed.len(), removed), (3, false));
    drop(image);
    // What an image has already is in it once.
    let mut newer = images.get(mailbox).unwrap();
    images.forget(mailbox);
    newer.apply(vec![entry(8, 9)], &[], 8);
    images.put(mailbox, newer);
    images.take_in([came(8, 9, 8)]);
    assert_eq!(now(), (9, vec![2, 4, 5, 6, 7, 8]));
}

#[test]
fn what_is_settled_is_not_while_something_is_committed_and_after_it() {
    let images = Images::default();
    let mailbox = MailboxId(1);
    images.put(mailbox, image(5, [2, 4]));
    let is_settled = || {
        let image = images.get(mailbox).unwrap();
        image.is_settled(AccountId(1), images.at_rest())
    };
    images.settle(mailbox, 5, images.at_rest());
    assert!(is_settled());
    images.commit_begins();
    assert!(!is_settled());
    // What is read now may be what there was before, or what there will be.
    images.settle(mailbox, 5, images.at_rest());
    assert!(!is_settled());
    images.commit_ended();
    assert!(!is_settled());
    images.settle(mailbox, 5, images.at_rest());
    assert!(is_settled());
    // One that nobody saw the end of.
    images.commit_begins();
    images.commit_begins();
    images.settle(mailbox, 5, images.at_rest());
    assert!(!is_settled());
    images.commit_ended();
    images.settle(mailbox, 5, images.at_rest());
    assert!(is_settled());
}
