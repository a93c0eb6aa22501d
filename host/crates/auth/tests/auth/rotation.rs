//! The life of keys, with a clock of the test's own.

use proptest::prelude::*;
use serde_yaml_ng::Value;
use tokio::time::Instant;
use waxwing_auth::dkim::rotation::{
    Action, Phase, RotatingKey, Rotation, Schedule, Sight, look_up,
};
use waxwing_auth::dkim::{Algorithm, SigningKey};
use waxwing_auth::dns::Lookups;

use crate::zones::Zones;

const DAY: u64 = 86_400;
const START: u64 = 1_800_000_000;

fn empty() -> Rotation {
    Rotation {
        keys: Vec::new(),
        schedule: Schedule::default(),
    }
}

/// Does what is asked, with a DNS that publishes at once.
fn obey(rotation: &mut Rotation, actions: &[Action], now: u64) {
    for action in actions {
        match action {
            Action::Generate(algorithm) => {
                let selector = rotation.new_selector(*algorithm, now);
                rotation.keys.push(RotatingKey {
                    selector,
                    algorithm: *algorithm,
                    phase: Phase::Generated,
                });
            }
            Action::LookUp(selector) => rotation.seen(selector, Sight::Published(7200), now),
            Action::Withdraw(_) => {}
        }
    }
}

fn signing(rotation: &Rotation) -> Vec<&str> {
    rotation
        .signing()
        .into_iter()
        .map(|key| key.selector.as_str())
        .collect()
}

#[test]
fn a_domain_comes_to_its_first_keys() {
    let mut rotation = empty();
    let made = rotation.step(START);
    assert_eq!(
        made,
        [
            Action::Generate(Algorithm::RsaSha256),
            Action::Generate(Algorithm::Ed25519Sha256)
        ]
    );
    obey(&mut rotation, &made, START);
    // While the record is not there, nothing is signed, however long that takes.
    let wanted = [
        Action::LookUp("r20270115".to_owned()),
        Action::LookUp("e20270115".to_owned()),
    ];
    for hours in [1, 2, 1000] {
        let now = START + hours * 3600;
        assert_eq!(rotation.step(now), wanted);
        rotation.seen("r20270115", Sight::Absent, now);
        rotation.seen("e20270115", Sight::Unknown, now);
        assert!(signing(&rotation).is_empty());
    }
    // The TTL is longer than what the schedule waits at least.
    let seen = START + 4_000_000;
    rotation.seen("r20270115", Sight::Published(7200), seen);
    rotation.seen("e20270115", Sight::Published(60), seen);
    rotation.step(seen + 3600);
    assert_eq!(signing(&rotation), ["e20270115"]);
    rotation.step(seen + 7199);
    assert_eq!(signing(&rotation), ["e20270115"]);
    rotation.step(seen + 7200);
    assert_eq!(signing(&rotation), ["r20270115", "e20270115"]);
}

#[test]
fn keys_are_replaced_in_time_and_withdrawn_late() {
    let mut rotation = empty();
    let (mut withdrawn, mut first) = (Vec::new(), None);
    for hour in 0..(400 * 24) {
        let now = START + hour * 3600;
        let actions = rotation.step(now);
        for action in &actions {
            if let Action::Withdraw(selector) = action {
                withdrawn.push((selector.clone(), hour / 24));
            }
        }
        obey(&mut rotation, &actions, now);
        if hour > 4 {
            assert_eq!(rotation.signing().len(), 2, "day {}", hour / 24);
        }
        first = first.or_else(|| rotation.signing().first().map(|key| key.selector.clone()));
    }
    // Two keys retired after 180 days and again after 360, and were kept for seven days more.
    let days: Vec<u64> = withdrawn.iter().map(|(_, day)| *day).collect();
    assert_eq!(days, [187, 187, 367, 367]);
    assert_eq!(
        withdrawn.first().map(|(selector, _)| selector),
        first.as_ref()
    );
}

#[test]
fn without_a_successor_the_old_key_signs_on() {
    let mut rotation = empty();
    rotation.keys.push(RotatingKey {
        selector: "old".to_owned(),
        algorithm: Algorithm::RsaSha256,
        phase: Phase::Signing {
            since: START,
            until: START + 180 * DAY,
        },
    });
    let now = START + 1000 * DAY;
    assert!(
        rotation
            .step(now)
            .contains(&Action::Generate(Algorithm::RsaSha256))
    );
    assert_eq!(signing(&rotation), ["old"]);
}

#[test]
fn what_is_to_be_replaced_signs_until_another_can() {
    let mut rotation = empty();
    rotation.keys.push(RotatingKey {
        selector: "old".to_owned(),
        algorithm: Algorithm::RsaSha256,
        phase: Phase::Signing {
            since: START,
            until: START + 180 * DAY,
        },
    });
    let now = START + DAY;
    rotation.replace(now);
    let made = rotation.step(now);
    assert!(made.contains(&Action::Generate(Algorithm::RsaSha256)));
    obey(&mut rotation, &made, now);
    let seen = rotation.step(now + 1);
    obey(&mut rotation, &seen, now + 1);
    rotation.step(now + 7200);
    assert_eq!(signing(&rotation), ["old"]);
    rotation.step(now + 7201);
    assert_eq!(signing(&rotation), ["r20270116", "e20270116"]);
    let old = &rotation.keys[0];
    let until = now + 7201 + 7 * DAY;
    assert_eq!(old.phase, Phase::Retiring { until });
}

#[test]
fn what_vanishes_before_it_signs_starts_again() {
    let mut rotation = empty();
    rotation.keys.push(RotatingKey {
        selector: "new".to_owned(),
        algorithm: Algorithm::RsaSha256,
        phase: Phase::Published { ready: START + 10 },
    });
    rotation.seen("new", Sight::Unknown, START);
    assert!(matches!(rotation.keys[0].phase, Phase::Published { .. }));
    rotation.seen("new", Sight::Absent, START);
    assert_eq!(rotation.keys[0].phase, Phase::Generated);
}

#[test]
fn what_leaked_signs_no_more() {
    let mut rotation = empty();
    rotation.keys.push(RotatingKey {
        selector: "leaked".to_owned(),
        algorithm: Algorithm::RsaSha256,
        phase: Phase::Signing {
            since: START,
            until: START + 180 * DAY,
        },
    });
    rotation.revoke("leaked");
    assert!(signing(&rotation).is_empty());
    assert!(
        rotation
            .step(START)
            .contains(&Action::Generate(Algorithm::RsaSha256))
    );
}

#[tokio::test]
async fn the_dns_is_looked_at() {
    let key = SigningKey::read(&SigningKey::generate(Algorithm::Ed25519Sha256).unwrap()).unwrap();
    let record = key.record();
    let rotating = |selector: &str| RotatingKey {
        selector: selector.to_owned(),
        algorithm: Algorithm::Ed25519Sha256,
        phase: Phase::Generated,
    };
    let zones = format!(
        "here._domainkey.a.example: [{{TXT: {record:?}}}]\nother._domainkey.a.example: [{{TXT: \"v=DKIM1; p=\"}}]\n\
         twice._domainkey.a.example: [{{TXT: {record:?}}}, {{TXT: x}}]\nmute._domainkey.a.example: [TIMEOUT]"
    );
    let zones = Zones::read(&serde_yaml_ng::from_str::<Value>(&zones).unwrap());
    let lookups = Lookups::new(
        &zones,
        Instant::now() + std::time::Duration::from_secs(5),
        10,
    );
    for (selector, sight) in [
        ("here", Sight::Published(300)),
        ("other", Sight::Absent),
        ("twice", Sight::Absent),
        ("gone", Sight::Absent),
        ("mute", Sight::Unknown),
    ] {
        assert_eq!(
            look_up(&rotating(selector), &record, "a.example", &lookups).await,
            sight,
            "{selector}"
        );
    }
}

#[test]
fn keys_are_kept_as_text() {
    let key = RotatingKey {
        selector: "r1".to_owned(),
        algorithm: Algorithm::RsaSha256,
        phase: Phase::Retiring { until: 7 },
    };
    let text = serde_json::to_string(&key).unwrap();
    assert_eq!(
        text,
        r#"{"selector":"r1","algorithm":"rsa-sha256","phase":{"retiring":{"until":7}}}"#
    );
    assert_eq!(serde_json::from_str::<RotatingKey>(&text).unwrap(), key);
}

proptest! {
    /// Whatever the DNS says and whenever one looks: no two keys of a kind sign, and none signs that was not seen for long enough.
    #[test]
    fn only_what_was_seen_signs(steps in prop::collection::vec((0_u64..30 * DAY, 0_u8..4), 1..80)) {
        let mut rotation = empty();
        let mut now = START;
        let mut seen = std::collections::HashMap::new();
        for (pause, mood) in steps {
            now += pause;
            let actions = rotation.step(now);
            for action in actions {
                match action {
                    Action::LookUp(selector) => {
                        let sight = [Sight::Published(60), Sight::Absent, Sight::Unknown, Sight::Published(10 * DAY)][usize::from(mood)];
                        // From the first sight on, unless it is gone again.
                        match sight {
                            Sight::Published(ttl) => {
                                seen.entry(selector.clone()).or_insert(now + ttl.max(3600));
                            }
                            Sight::Absent => drop(seen.remove(&selector)),
                            Sight::Unknown => {}
                        }
                        rotation.seen(&selector, sight, now);
                    }
                    other => obey(&mut rotation, &[other], now),
                }
            }
            let signing = rotation.signing();
            for key in &signing {
                prop_assert!(seen.get(&key.selector).is_some_and(|ready| *ready <= now));
            }
            let rsa = signing.iter().filter(|key| key.algorithm == Algorithm::RsaSha256).count();
            prop_assert!(rsa <= 1 && signing.len() - rsa <= 1);
        }
    }
}
