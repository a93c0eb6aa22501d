//! DMARC and iprev: cases as data.

use std::path::Path;

use serde_yaml_ng::Value;
use tokio::time::{Duration, Instant};
use waxwing_auth::dkim::{DkimOutcome, DkimReport};
use waxwing_auth::dmarc::{DmarcOutcome, DmarcRecord, authors, evaluate, external};
use waxwing_auth::dns::Lookups;
use waxwing_auth::spf::{SpfOutcome, SpfResult};
use waxwing_auth::{Message, Verdict, iprev};

use crate::zones::Zones;

fn cases(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(file);
    serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn lookups(zones: &Zones) -> Lookups<'_> {
    Lookups::new(zones, Instant::now() + Duration::from_secs(20), 100)
}

/// `pass example.com` in the case's words.
fn spf(case: &Value) -> SpfOutcome {
    let (result, domain) = case["spf"]
        .as_str()
        .unwrap_or("none x")
        .split_once(' ')
        .unwrap();
    let result = match result {
        "pass" => SpfResult::Pass,
        "temperror" => SpfResult::TempError,
        "none" => SpfResult::None,
        _ => SpfResult::Fail,
    };
    SpfOutcome {
        result,
        domain: domain.to_owned(),
        ..SpfOutcome::default()
    }
}

fn dkim(case: &Value) -> DkimReport {
    let one = |text: &str| {
        let (verdict, domain) = text.split_once(' ').unwrap();
        let verdict = match verdict {
            "pass" => Verdict::Pass,
            "temperror" => Verdict::TempError,
            _ => Verdict::Fail,
        };
        DkimOutcome {
            verdict,
            domain: domain.to_owned(),
            ..DkimOutcome::default()
        }
    };
    let all = case["dkim"].as_sequence().into_iter().flatten();
    DkimReport {
        signatures: all.map(|text| one(text.as_str().unwrap())).collect(),
        unread: 0,
    }
}

#[tokio::test]
async fn each_rule_of_dmarc_has_its_case() {
    let cases = cases("dmarc/evaluation.yml");
    let zones = Zones::read(&cases["zonedata"]);
    let mut wrong = Vec::new();
    for (name, case) in cases["tests"].as_mapping().unwrap() {
        let header = format!(
            "{}\r\n\r\n",
            case["from"]
                .as_str()
                .unwrap()
                .trim_end()
                .replace('\n', "\r\n")
        );
        let authors = authors(&Message::read(header.as_bytes()));
        let lookups = lookups(&zones);
        let found = evaluate(&authors, &spf(case), &dkim(case), &lookups).await;
        if let Some(why) = differs(case, &found) {
            wrong.push(format!("{}: {why}: {found:?}", name.as_str().unwrap()));
        }
        assert!(
            100 - lookups.left() <= 24,
            "{name:?} asked {} times",
            100 - lookups.left()
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn differs(case: &Value, found: &DmarcOutcome) -> Option<String> {
    let drawn = case["drawn"].as_u64().unwrap_or(0).try_into().unwrap();
    let found = [
        ("result", found.verdict.as_str()),
        ("policy", found.policy.as_str()),
        ("wanted", found.wanted(drawn).as_str()),
        ("record", &found.record_domain),
        ("organization", &found.organizational_domain),
        ("domain", &found.from_domain),
        (
            "aligned",
            match (found.spf_aligned, found.dkim_aligned) {
                (true, true) => "both",
                (true, false) => "spf",
                (false, true) => "dkim",
                (false, false) => "neither",
            },
        ),
        ("problem", found.problem.as_deref().unwrap_or_default()),
    ];
    found
        .into_iter()
        .find(|(key, value)| case[*key].as_str().is_some_and(|wanted| wanted != *value))
        .map(|(key, value)| format!("{key} is {value:?}"))
}

#[tokio::test]
async fn reports_go_where_they_are_wanted() {
    let cases = cases("dmarc/destinations.yml");
    let zones = Zones::read(&cases["zonedata"]);
    for (name, case) in cases["tests"].as_mapping().unwrap() {
        let record = DmarcRecord::parse(case["record"].as_str().unwrap().as_bytes()).unwrap();
        let domain = case["domain"].as_str().unwrap();
        let found = external::verified(domain, &record, &lookups(&zones)).await;
        let found: Vec<String> = match found {
            None => vec!["not answered".to_owned()],
            Some(uris) => uris
                .into_iter()
                .map(|uri| {
                    uri.address
                        + &uri
                            .limit
                            .map_or_else(String::new, |limit| format!("!{limit}"))
                })
                .collect(),
        };
        assert_eq!(case["allowed"], Value::from(found), "{name:?}");
    }
}

#[tokio::test]
async fn names_of_addresses() {
    let cases = cases("iprev.yml");
    let zones = Zones::read(&cases["zonedata"]);
    for (name, case) in cases["tests"].as_mapping().unwrap() {
        let client = case["client"].as_str().unwrap().parse().unwrap();
        let found = iprev::check(client, &lookups(&zones)).await;
        assert_eq!(
            case["result"],
            Value::from(found.verdict.as_str()),
            "{name:?}"
        );
        assert_eq!(case["name"].as_str(), found.name.as_deref(), "{name:?}");
    }
}

#[test]
fn records_are_read_as_far_as_they_can_be() {
    let read = |text: &str| DmarcRecord::parse(text.as_bytes());
    for none in [
        "",
        "v=DMARC1",
        "v=dmarc1; p=none",
        "v=DMARC12; p=none",
        "p=none; v=DMARC1",
        "v=DMARC1; p=nonsense",
        "v=spf1 -all",
    ] {
        assert_eq!(read(none), None, "{none}");
    }
    let odd = read("v=DMARC1 ;P=Reject; pct=101; sp=what; adkim=S;; rua=mailto:a@x.example!10m, https://x.example/, mailto:b%2cc@x.example").unwrap();
    assert_eq!(odd.policy.as_str(), "reject");
    assert_eq!(
        (odd.percent, odd.subdomains, odd.strict_dkim),
        (100, None, true)
    );
    let to: Vec<_> = odd
        .aggregate
        .iter()
        .map(|uri| (uri.address.as_str(), uri.limit))
        .collect();
    assert_eq!(
        to,
        [("a@x.example", Some(10 << 20)), ("b,c@x.example", None)]
            .as_slice()
            .get(..1)
            .unwrap()
    );
}
