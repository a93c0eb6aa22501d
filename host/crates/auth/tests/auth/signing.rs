//! Signing and sealing: what is made here holds, and breaks when it should.

use std::fmt::Write as _;

use serde_yaml_ng::Value;
use waxwing_auth::arc::{ArcOutcome, SealError, Sealer};
use waxwing_auth::dkim::{self, Algorithm, DkimSigner, SigningKey, is_published, zone_strings};
use waxwing_auth::{Message, Verdict};

use crate::signatures::{NOW, line, verify};
use crate::zones::Zones;

const MESSAGE: &str = "From: Ann <ann@first.example>\r\nTo: bob@second.example\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Thu, 26 Nov 2026 08:00:00 +0000\r\n\
    Message-ID: <1@first.example>\r\nList-Id: <l.first.example>\r\n\r\nHello.  \r\n \t\r\n\r\n";

fn signer(algorithm: Algorithm, domain: &str, selector: &str) -> DkimSigner {
    let der = SigningKey::generate(algorithm).unwrap();
    DkimSigner {
        key: SigningKey::read(&der).unwrap(),
        domain: domain.to_owned(),
        selector: selector.to_owned(),
    }
}

fn both() -> [DkimSigner; 2] {
    [
        signer(Algorithm::RsaSha256, "first.example", "r"),
        signer(Algorithm::Ed25519Sha256, "first.example", "e"),
    ]
}

fn publish(signers: &[&DkimSigner]) -> Zones {
    let mut zones = "{}:\n".to_owned();
    for signer in signers {
        let (selector, domain) = (&signer.selector, &signer.domain);
        let record = signer.key.record();
        writeln!(
            zones,
            "{selector}._domainkey.{domain}: [{{TXT: {record:?}}}]"
        )
        .unwrap();
    }
    let text = zones.trim_start_matches("{}:\n");
    Zones::read(&serde_yaml_ng::from_str::<Value>(text).unwrap())
}

#[tokio::test]
async fn what_both_keys_sign_holds() {
    let signers = both();
    let zones = publish(&[&signers[0], &signers[1]]);
    let fields = dkim::sign(&Message::read(MESSAGE.as_bytes()), &signers, NOW).unwrap();
    assert!(fields.lines().all(|line| line.len() <= 78), "{fields}");
    let (report, _) = verify((fields + MESSAGE).as_bytes(), &zones).await;
    let lines: Vec<_> = report.signatures.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "pass first.example r rsa-sha256",
            "pass first.example e ed25519-sha256"
        ]
    );
}

#[tokio::test]
async fn nobody_adds_a_field_that_readers_would_see() {
    let signers = both();
    let zones = publish(&[&signers[0], &signers[1]]);
    let fields = dkim::sign(&Message::read(MESSAGE.as_bytes()), &signers, NOW).unwrap();
    let added = [
        "From: x@evil.example",
        "Subject: x",
        "Cc: x@evil.example",
        "Content-Type: text/html",
    ];
    for added in added {
        let message = format!("{added}\r\n{fields}{MESSAGE}");
        let (report, _) = verify(message.as_bytes(), &zones).await;
        let all = report
            .signatures
            .iter()
            .all(|one| one.verdict == Verdict::Fail);
        assert!(all, "{added}: {report:?}");
    }
}

#[tokio::test]
async fn a_chain_grows_and_holds() {
    let first = signer(Algorithm::RsaSha256, "one.example", "a");
    let second = signer(Algorithm::Ed25519Sha256, "two.example", "a");
    let zones = publish(&[&first, &second]);
    let mut message = MESSAGE.to_owned();
    for (signer, sealers) in [
        (&first, &["one.example"][..]),
        (&second, &["two.example", "one.example"]),
        (&first, &["one.example", "two.example", "one.example"]),
    ] {
        let (_, found) = verify(message.as_bytes(), &zones).await;
        let id = format!("mx.{}", signer.domain);
        let sealer = Sealer {
            signer,
            authserv_id: &id,
        };
        let read = Message::read(message.as_bytes());
        let set = sealer.seal(&read, &found, " spf=pass smtp.mailfrom=first.example", NOW);
        message = set.unwrap() + &message;
        let (_, found) = verify(message.as_bytes(), &zones).await;
        assert_eq!(found.verdict, Verdict::Pass, "{message}\n{found:?}");
        assert_eq!(found.sealers, sealers);
    }
    assert!(message.contains("ARC-Authentication-Results: i=2; mx.two.example; spf=pass"));
}

#[tokio::test]
async fn a_broken_chain_is_marked_once_and_then_left_alone() {
    let signer = signer(Algorithm::RsaSha256, "one.example", "a");
    let zones = publish(&[&signer]);
    let sealer = Sealer {
        signer: &signer,
        authserv_id: "mx.one.example",
    };
    let none = ArcOutcome::default();
    let set = sealer
        .seal(&Message::read(MESSAGE.as_bytes()), &none, " none", NOW)
        .unwrap();
    let broken = (set + MESSAGE).replace("Hello", "Hullo");
    let (_, found) = verify(broken.as_bytes(), &zones).await;
    assert_eq!(found.verdict, Verdict::Fail);
    let set = sealer
        .seal(&Message::read(broken.as_bytes()), &found, " arc=fail", NOW)
        .unwrap();
    assert!(
        set.starts_with("ARC-Seal: i=2;") && set.contains("cv=fail"),
        "{set}"
    );
    let marked = set + &broken;
    let (_, found) = verify(marked.as_bytes(), &zones).await;
    assert_eq!(found.verdict, Verdict::Fail);
    let again = sealer.seal(&Message::read(marked.as_bytes()), &found, " arc=fail", NOW);
    assert_eq!(again, Err(SealError::FailedBefore));
}

#[test]
fn nothing_is_sealed_while_the_dns_is_silent() {
    let signer = signer(Algorithm::Ed25519Sha256, "one.example", "a");
    let sealer = Sealer {
        signer: &signer,
        authserv_id: "mx.one.example",
    };
    let found = ArcOutcome {
        verdict: Verdict::TempError,
        ..ArcOutcome::default()
    };
    let sealed = sealer.seal(&Message::read(MESSAGE.as_bytes()), &found, " none", NOW);
    assert_eq!(sealed, Err(SealError::NotKnown));
}

#[test]
fn a_key_knows_its_record() {
    for algorithm in [Algorithm::RsaSha256, Algorithm::Ed25519Sha256] {
        let generate = || SigningKey::read(&SigningKey::generate(algorithm).unwrap()).unwrap();
        let (key, other) = (generate(), generate());
        let record = key.record();
        let published = |text: &str| is_published(&record, algorithm, text.as_bytes());
        assert!(published(&record), "{record}");
        assert!(!published(&other.record()));
        assert!(!published("v=DKIM1; p="));
        assert!(!published(&format!("{record}; s=web")));
    }
}

#[test]
fn what_is_no_key_is_refused_in_words() {
    let refused = |file: &[u8]| SigningKey::read(file).unwrap_err().to_string();
    assert!(refused(b"").starts_with("this is no private key"));
    assert!(
        refused(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
            .starts_with("this is no private key")
    );
    assert!(refused(&vec![b'x'; 70_000]).contains("too large"));
    // RFC 6376 Appendix C: a key of 1024 bits, which RFC 8301 §3.2 calls too short to sign with.
    let short = include_str!("../signatures/rfc6376-appendix-c.pem");
    let why = refused(short.as_bytes());
    assert!(why.contains("RSA with 2048 bits"), "{why}");
    let ec = include_str!("../signatures/ec.pem");
    let why = refused(ec.as_bytes());
    assert!(why.contains("neither RSA"), "{why}");
}

#[test]
fn long_records_are_cut_for_zone_files() {
    let text = "x".repeat(300);
    let strings = zone_strings(&text);
    assert_eq!(
        strings,
        format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45))
    );
}
