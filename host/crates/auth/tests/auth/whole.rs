//! All checks together, and the fields that tell of them.

use proptest::prelude::*;
use serde_yaml_ng::Value;
use tokio::time::{Duration, Instant};
use waxwing_auth::dkim::DkimOutcome;
use waxwing_auth::dns::{Answer, LookUp, Outcome, RecordKind, Resolver};
use waxwing_auth::fields::{authentication_results, claims_id, received_spf};
use waxwing_auth::spf::SpfOutcome;
use waxwing_auth::{Envelope, Limits, Message, Results, Verdict, check_envelope, check_message};

use crate::signatures::NOW;
use crate::zones::Zones;

fn envelope<'a>(client: &str, helo: &'a str, sender: &'a str) -> Envelope<'a> {
    Envelope {
        client: client.parse().unwrap(),
        helo,
        sender,
        receiver: "mx.waxwing.test",
    }
}

async fn all(envelope: &Envelope<'_>, octets: &[u8], resolver: &dyn Resolver) -> Results {
    let deadline = Instant::now() + Duration::from_secs(10);
    let limits = Limits::default();
    let first = check_envelope(envelope, limits, NOW, deadline, resolver).await;
    check_message(
        &Message::read(octets),
        first,
        limits,
        NOW,
        deadline,
        resolver,
    )
    .await
}

#[tokio::test]
async fn a_message_and_its_fields() {
    let cases: Value = serde_yaml_ng::from_str(include_str!("../fields.yml")).unwrap();
    let zones = Zones::read(&cases["zonedata"]);
    for (name, case) in cases["tests"].as_mapping().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let envelope = envelope(text("client"), text("helo"), text("mailfrom"));
        let octets = text("message").replace('\n', "\r\n");
        let results = all(&envelope, octets.as_bytes(), &zones).await;
        let utf8 = case["utf8"].as_bool().unwrap_or(false);
        let plain = |field: String| field.replace("\r\n", "\n").replace('\t', "    ");
        let field = authentication_results("mx.waxwing.test", &envelope, &results, utf8);
        assert_eq!(plain(field), text("results"), "{name:?}");
        let field = received_spf("mx.waxwing.test", &envelope, &results.spf, utf8);
        assert_eq!(plain(field), text("received"), "{name:?}");
    }
}

/// A resolver that never answers.
struct Mute;

impl Resolver for Mute {
    fn look_up<'a>(&'a self, _name: &'a str, _kind: RecordKind) -> LookUp<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_dns_costs_no_more_than_the_deadline() {
    let began = Instant::now();
    let message = "DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=x; h=from; bh=YQ==; b=YQ==\r\nFrom: a@a.example\r\n\r\n";
    let results = all(
        &envelope("192.0.2.1", "a.example", "a@a.example"),
        message.as_bytes(),
        &Mute,
    )
    .await;
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    assert_eq!(results.spf.result.as_str(), "temperror");
    assert_eq!(results.iprev.verdict, Verdict::TempError);
    assert_eq!(results.dmarc.verdict, Verdict::TempError);
}

/// A resolver whose every name has everything, and leads to more names.
struct Endless;

impl Resolver for Endless {
    fn look_up<'a>(&'a self, name: &'a str, kind: RecordKind) -> LookUp<'a> {
        use waxwing_auth::dns::Record;
        let more = |n: usize| format!("n{n}.{}", name.get(..40).unwrap_or(name));
        let records = match kind {
            RecordKind::A | RecordKind::Aaaa => vec![Record::Address([198, 51, 100, 1].into())],
            RecordKind::Mx => (0..10)
                .map(|n| Record::Mx {
                    preference: 1,
                    exchange: more(n),
                })
                .collect(),
            RecordKind::Ptr => (0..100).map(|n| Record::Name(more(n))).collect(),
            RecordKind::Txt => vec![Record::Text(
                b"v=spf1 mx ptr include:a.%{d} mx:b.%{d} exists:%{p}.x.example ?all".to_vec(),
            )],
        };
        Box::pin(async move { Answer::found(records, Duration::ZERO) })
    }
}

#[tokio::test]
async fn no_record_makes_questions_without_end() {
    let deadline = Instant::now() + Duration::from_secs(10);
    let limits = Limits::default();
    let envelope = envelope("192.0.2.1", "a.example", "a@a.example");
    let results = check_envelope(&envelope, limits, NOW, deadline, &Endless).await;
    assert_eq!(results.spf.result.as_str(), "permerror", "{results:?}");
    assert!(results.spf.terms <= 11);
    let none = waxwing_auth::dns::Lookups::new(&Endless, deadline, 0);
    assert_eq!(
        none.ask("a.example", RecordKind::A).await.outcome,
        Outcome::Failed
    );
}

#[test]
fn results_in_our_name_are_recognised() {
    let ours = |value: &str| claims_id(value.as_bytes(), "mx.waxwing.test");
    for value in [
        " mx.waxwing.test; spf=pass",
        "MX.Waxwing.Test 1; none",
        "\r\n\t(a (nested\\) comment) ) mx.waxwing.test; none",
        " \"mx.waxwing\\.test\"; none",
        " mx.waxwing.test(x); none",
        "",
        " (comment without end",
        " \"quote without end",
    ] {
        assert!(ours(value), "{value:?}");
    }
    for value in [
        " mx.other.test; spf=pass",
        " waxwing.test; none",
        " x mx.waxwing.test",
        " mx.waxwing.test.evil.example; none",
    ] {
        assert!(!ours(value), "{value:?}");
    }
    assert!(claims_id(
        "bücher.test; none".as_bytes(),
        "xn--bcher-kva.test"
    ));
    assert!(claims_id(b"\xff; none", "mx.waxwing.test"));
}

proptest! {
    /// Whatever strangers write, a field stays one field.
    #[test]
    fn nothing_gets_out_of_its_field(helo in ".*", sender in ".*", problem in ".*", domain in ".*", utf8: bool) {
        let envelope = envelope("2001:db8::1", &helo, &sender);
        let spf = SpfOutcome { problem: Some(problem.clone()), mechanism: Some(domain.clone()), ..SpfOutcome::default() };
        let results = Results {
            spf: spf.clone(),
            dkim: waxwing_auth::dkim::DkimReport {
                signatures: vec![DkimOutcome { domain, selector: helo.clone(), beginning: sender.clone(), problem: Some(problem), ..DkimOutcome::default() }],
                unread: 0,
            },
            ..Results::default()
        };
        for field in [
            authentication_results("mx.waxwing.test", &envelope, &results, utf8),
            received_spf("mx.waxwing.test", &envelope, &spf, utf8),
        ] {
            let body = field.strip_suffix("\r\n").unwrap();
            prop_assert!(body.split("\r\n").skip(1).all(|line| line.starts_with('\t')));
            prop_assert!(!body.replace("\r\n\t", " ").contains(['\r', '\n', '\0']));
            prop_assert!(utf8 || field.is_ascii());
            prop_assert!(!claims_id(field.split_once(':').unwrap().1.as_bytes(), "other.test") || field.starts_with("Received"));
        }
    }
}
