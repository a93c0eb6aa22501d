//! MTA-STS and DANE: which hosts and certificates a domain stands for.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData as _, date_time_ymd,
};
use serde_yaml_ng::Value;
use tokio::time::{Duration, Instant};
use waxwing_auth::dane::{DaneVerdict, Tlsa, verify};
use waxwing_auth::dns::Lookups;
use waxwing_auth::mta_sts::{Mode, StsError, StsPolicy, StsRecord, look_up, policy_url, record_id};

use crate::zones::Zones;

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n";

#[test]
fn the_policy_of_rfc_8461_section_3_2() {
    let policy = StsPolicy::parse(POLICY.as_bytes()).unwrap();
    assert_eq!((policy.mode, policy.max_age), (Mode::Enforce, 604_800));
    for host in [
        "mail.example.com",
        "MAIL.example.com.",
        "a.example.net",
        "backupmx.example.com",
    ] {
        assert!(policy.allows(host), "{host}");
    }
    for host in [
        "example.net",
        "a.b.example.net",
        "mail2.example.com",
        "mail.example.com.evil.example",
        "",
    ] {
        assert!(!policy.allows(host), "{host}");
    }
    assert_eq!(
        StsPolicy::parse(policy.to_text().as_bytes()).unwrap(),
        policy
    );
    assert_eq!(
        policy_url("example.com"),
        "https://mta-sts.example.com/.well-known/mta-sts.txt"
    );
}

#[test]
fn what_is_no_policy_is_refused() {
    let refused = |text: &str| StsPolicy::parse(text.as_bytes()).unwrap_err();
    assert_eq!(refused(""), StsError::Field("version"));
    assert_eq!(
        refused(&POLICY.replace("STSv1", "STSv2")),
        StsError::Field("version")
    );
    assert_eq!(
        refused(&POLICY.replace("enforce", "Enforce")),
        StsError::Field("mode")
    );
    assert_eq!(
        refused(&POLICY.replace("604800", "-1")),
        StsError::Field("max_age")
    );
    assert_eq!(
        refused(&POLICY.replace("*.example.net", "*.*.net")),
        StsError::Field("mx")
    );
    assert_eq!(
        refused("version: STSv1\nmode: testing\nmax_age: 1\n"),
        StsError::Field("mx")
    );
    assert_eq!(refused(&"x".repeat(70_000)), StsError::TooLarge);
    assert_eq!(StsPolicy::parse(b"\xff").unwrap_err(), StsError::NoText);
    let none =
        StsPolicy::parse(b"version: STSv1\r\nmode: none\r\nmax_age: 9999999999\r\n").unwrap();
    assert_eq!((none.mode, none.max_age), (Mode::None, 31_557_600));
    // The first of two counts, and what is not known is passed over.
    let odd = format!("{POLICY}mode: none\nfuture: x\nno field\n");
    assert_eq!(
        StsPolicy::parse(odd.as_bytes()).unwrap().mode,
        Mode::Enforce
    );
}

#[tokio::test]
async fn records_of_mta_sts() {
    let zones = "
        _mta-sts.one.example: [{TXT: 'v=STSv1; id=20160831085700Z;'}, {TXT: other}]
        _mta-sts.two.example: [{TXT: 'v=STSv1; id=1;'}, {TXT: 'v=STSv1; id=2;'}]
        _mta-sts.mute.example: [TIMEOUT]";
    let zones = Zones::read(&serde_yaml_ng::from_str::<Value>(zones).unwrap());
    let lookups = Lookups::new(&zones, Instant::now() + Duration::from_secs(5), 10);
    assert_eq!(
        look_up("one.example", &lookups).await,
        StsRecord::Id("20160831085700Z".to_owned())
    );
    assert_eq!(look_up("two.example", &lookups).await, StsRecord::Absent);
    assert_eq!(look_up("none.example", &lookups).await, StsRecord::Absent);
    assert_eq!(look_up("mute.example", &lookups).await, StsRecord::Unknown);
    for none in [
        "v=STSv1",
        "v=STSv1; id=",
        "v=STSv1; id=a-b",
        "id=1; v=STSv1",
        "v=STSv10; id=1",
    ] {
        assert_eq!(record_id(none.as_bytes()), None, "{none}");
    }
}

const NOW: u64 = 1_800_000_000;

/// A chain of an own certificate and its issuer, for mx.example.com.
struct Chain {
    own: Vec<u8>,
    own_key: Vec<u8>,
    issuer: Vec<u8>,
    issuer_key: Vec<u8>,
}

fn chain(until: i32) -> Chain {
    let issuer_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = params.self_signed(&issuer_key).unwrap();
    let by = Issuer::from_params(&params, &issuer_key);
    let own_key = KeyPair::generate().unwrap();
    let mut own = CertificateParams::new(vec!["mx.example.com".to_owned()]).unwrap();
    own.not_before = date_time_ymd(2020, 1, 1);
    own.not_after = date_time_ymd(until, 1, 1);
    let own = own.signed_by(&own_key, &by).unwrap();
    Chain {
        own: own.der().to_vec(),
        own_key: own_key.subject_public_key_info(),
        issuer: issuer.der().to_vec(),
        issuer_key: issuer_key.subject_public_key_info(),
    }
}

fn record(usage: u8, selector: u8, matching: u8, of: &[u8]) -> Tlsa {
    let association = match matching {
        1 => digest(&SHA256, of).as_ref().to_vec(),
        2 => digest(&SHA512, of).as_ref().to_vec(),
        _ => of.to_vec(),
    };
    Tlsa {
        usage,
        selector,
        matching,
        association,
    }
}

fn judge(chain: &Chain, names: &[&str], records: &[Tlsa]) -> DaneVerdict {
    verify(&[&chain.own, &chain.issuer], names, records, NOW)
}

#[test]
fn an_own_certificate_or_its_key_is_published() {
    let chain = chain(2021);
    for matching in [0, 1, 2] {
        for (selector, of) in [(0, &chain.own), (1, &chain.own_key)] {
            // RFC 7672 §3.1.1: neither a wrong name nor a date long past counts.
            let records = [record(3, selector, matching, of)];
            assert_eq!(
                judge(&chain, &["other.example"], &records),
                DaneVerdict::EndEntity
            );
        }
    }
    let wrong = [record(3, 1, 1, &chain.issuer_key), record(3, 0, 1, b"x")];
    assert_eq!(
        judge(&chain, &["mx.example.com"], &wrong),
        DaneVerdict::Mismatch
    );
    assert_eq!(
        verify(&[], &["mx.example.com"], &wrong, NOW),
        DaneVerdict::Mismatch
    );
}

#[test]
fn an_issuer_is_published() {
    let valid = chain(2040);
    for matching in [0, 1, 2] {
        for (selector, of) in [(0, &valid.issuer), (1, &valid.issuer_key)] {
            let records = [record(2, selector, matching, of)];
            assert_eq!(
                judge(&valid, &["mx.example.com"], &records),
                DaneVerdict::TrustAnchor
            );
            assert_eq!(
                judge(&valid, &["other.example", "mx.example.com"], &records),
                DaneVerdict::TrustAnchor
            );
            assert_eq!(
                judge(&valid, &["other.example"], &records),
                DaneVerdict::Mismatch
            );
            assert_eq!(
                judge(&chain(2040), &["mx.example.com"], &records),
                DaneVerdict::Mismatch
            );
        }
    }
    let expired = chain(2021);
    let records = [record(2, 1, 1, &expired.issuer_key)];
    assert_eq!(
        judge(&expired, &["mx.example.com"], &records),
        DaneVerdict::Mismatch
    );
    // An anchor that is published whole need not be sent.
    let whole = [record(2, 0, 0, &valid.issuer)];
    assert_eq!(
        verify(&[&valid.own], &["mx.example.com"], &whole, NOW),
        DaneVerdict::TrustAnchor
    );
    let digest_only = [record(2, 0, 1, &valid.issuer)];
    assert_eq!(
        verify(&[&valid.own], &["mx.example.com"], &digest_only, NOW),
        DaneVerdict::Mismatch
    );
    // Somebody else's certificate in the chain proves nothing of the first.
    let other = chain(2040);
    let mixed = [other.own.as_slice(), &valid.issuer];
    assert_eq!(
        verify(&mixed, &["mx.example.com"], &whole, NOW),
        DaneVerdict::Mismatch
    );
}

#[test]
fn records_that_cannot_be_used() {
    let chain = chain(2040);
    let unusable = [
        record(0, 0, 1, &chain.issuer),
        record(1, 1, 1, &chain.own_key),
        record(3, 2, 1, &chain.own),
        record(3, 1, 3, &chain.own_key),
        Tlsa {
            usage: 3,
            selector: 1,
            matching: 1,
            association: vec![0; 31],
        },
        record(3, 1, 0, b""),
    ];
    assert_eq!(
        judge(&chain, &["mx.example.com"], &unusable),
        DaneVerdict::Unusable
    );
    let mut with_one = unusable.to_vec();
    with_one.push(record(3, 1, 1, &chain.own_key));
    assert_eq!(
        judge(&chain, &["mx.example.com"], &with_one),
        DaneVerdict::EndEntity
    );
}

proptest! {
    #[test]
    fn no_octets_make_matching_panic(own in prop::collection::vec(any::<u8>(), 0..200), usage in 0_u8..5, selector in 0_u8..3, matching in 0_u8..4) {
        let records = [record(usage, selector, matching, &own)];
        let verdict = verify(&[&own, &own], &["mx.example.com"], &records, NOW);
        prop_assert_ne!(verdict, DaneVerdict::TrustAnchor);
        let _either = StsPolicy::parse(&own);
    }
}
