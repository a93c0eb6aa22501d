//! Packs leave out no message that holds a text, however they came to be; and whatever octets they are made of, nothing panics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;
use waxwing_index::{Grams, MAX_MESSAGES, Needles, Pack, sift};

/// A pack of these texts, one a message; UIDs from `first` on, every second one. `None`: nothing is known of the message.
fn pack(first: u32, texts: &[Option<String>]) -> Pack {
    let (mut pack, mut grams) = (Pack::default(), Grams::default());
    for (uid, text) in (first..).step_by(2).zip(texts) {
        let added = match text {
            Some(text) => {
                grams.add(text);
                pack.push(uid, &mut grams)
            }
            None => pack.push_unknown(uid),
        };
        assert!(added);
    }
    pack
}

/// The messages that a search for all of `needle` has to read.
fn may_hold(octets: &[u8], needle: &[String]) -> Vec<u32> {
    let absent = sift(octets, &Needles::new(&[needle.to_vec()])).unwrap();
    let mut uids = Pack::read(octets).unwrap().uids().to_vec();
    uids.retain(|uid| !absent[0].contains(uid));
    uids
}

/// Few letters, so that needles occur; some of them of several octets.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[abcdé字 ]{0,40}").unwrap()
}

fn texts(most: usize) -> impl Strategy<Value = Vec<Option<String>>> {
    proptest::collection::vec(proptest::option::weighted(0.9, text()), 0..most)
}

fn needle() -> impl Strategy<Value = Vec<String>> {
    let needle = proptest::string::string_regex("[abcdé字 ]{0,5}").unwrap();
    proptest::collection::vec(needle, 1..3)
}

/// Whether each of these messages can hold the needle, as far as can be told from its trigrams: with the UID of each.
fn expected(first: u32, texts: &[Option<String>], needle: &[String]) -> Vec<u32> {
    let has = |text: &String, gram: &[u8]| text.as_bytes().windows(3).any(|window| window == gram);
    let may = |text: &Option<String>| {
        text.as_ref().is_none_or(|text| {
            let mut grams = needle
                .iter()
                .flat_map(|needle| needle.as_bytes().windows(3));
            grams.all(|gram| has(text, gram))
        })
    };
    let messages = (first..).step_by(2).zip(texts);
    let found = messages.filter(|(_, text)| may(text));
    found.map(|(uid, _)| uid).collect()
}

proptest! {
    #[test]
    fn the_messages_with_all_trigrams_are_left(texts in texts(80), needle in needle()) {
        let octets = pack(7, &texts).encode();
        prop_assert_eq!(may_hold(&octets, &needle), expected(7, &texts, &needle));
    }

    #[test]
    fn packs_are_read_joined_and_thinned_out(one in texts(60), other in texts(60), needle in needle(), modulus in 1u32..5) {
        let (first, second) = (1, 2 * one.len() as u32 + 1);
        let mut joined = Pack::read(&pack(first, &one).encode()).unwrap();
        let more = pack(second, &other);
        prop_assert!(joined.takes(&more));
        joined.append(&more);
        prop_assert_eq!(may_hold(&joined.clone().encode(), &needle), {
            let mut both = expected(first, &one, &needle);
            both.extend(expected(second, &other, &needle));
            both
        });
        let mut before = may_hold(&joined.clone().encode(), &needle);
        joined.retain(|uid| uid % modulus == 0);
        before.retain(|uid| uid % modulus == 0);
        prop_assert_eq!(may_hold(&joined.encode(), &needle), before);
    }

    #[test]
    fn several_needles_are_looked_for_at_once(texts in texts(40), needles in proptest::collection::vec(needle(), 0..6)) {
        let octets = pack(1, &texts).encode();
        let absent = sift(&octets, &Needles::new(&needles)).unwrap();
        for (needle, absent) in needles.iter().zip(absent) {
            let alone = sift(&octets, &Needles::new(std::slice::from_ref(needle))).unwrap();
            prop_assert_eq!(&absent, &alone[0]);
        }
    }

    #[test]
    fn changed_octets_are_refused(texts in texts(20), at in any::<prop::sample::Index>(), bits in 1u8..) {
        let mut octets = pack(1, &texts).encode();
        let at = at.index(octets.len());
        octets[at] ^= bits;
        prop_assert!(Pack::read(&octets).is_err());
        prop_assert!(sift(&octets, &Needles::new(&[vec!["abc"]])).is_err());
    }

    #[test]
    fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut whole = crc32fast::hash(&octets).to_le_bytes().to_vec();
        whole.extend(octets);
        let _refused = sift(&whole, &Needles::new(&[vec!["abc"], vec!["", "de"]]));
        if let Ok(mut pack) = Pack::read(&whole) {
            pack.append(&pack.clone());
            pack.retain(|uid| uid % 2 == 0);
            let _octets = pack.encode();
        }
    }
}

#[test]
fn a_pack_has_an_end() {
    let texts = vec![Some("abc".to_owned()); MAX_MESSAGES];
    let mut full = pack(1, &texts);
    assert!(full.is_full());
    let uid = full.uids().last().unwrap() + 1;
    assert!(!full.push_unknown(uid));
    assert!(!full.push(uid, &mut Grams::default()));
    let one = pack(uid, &texts[..1]);
    assert!(!full.takes(&one));
    let before = full.clone();
    full.append(&one);
    assert_eq!(full, before);
    // UIDs ascend.
    let mut first = pack(5, &texts[..1]);
    assert!(!first.push_unknown(5));
    assert!(!first.takes(&pack(4, &texts[..1])));
    assert_eq!(
        may_hold(&full.encode(), &["abc".to_owned()]).len(),
        MAX_MESSAGES
    );
}
