//! DKIM and ARC: messages that others signed, the RFCs' among them.

use std::path::Path;

use serde_yaml_ng::Value;
use tokio::time::{Duration, Instant};
use waxwing_auth::arc::{self, ArcOutcome};
use waxwing_auth::dkim::{self, DkimLimits, DkimReport};
use waxwing_auth::dns::Lookups;
use waxwing_auth::{Message, Verdict};

use crate::zones::Zones;

/// All cases were signed then, or before.
pub(crate) const NOW: u64 = 1_800_000_000;

#[tokio::test]
async fn dkim() {
    assert!(run("dkim.yml").await > 30);
}

#[tokio::test]
async fn arc() {
    assert!(run("arc.yml").await > 10);
}

#[tokio::test]
async fn the_examples_of_the_rfcs() {
    assert_eq!(run("rfcs.yml").await, 3);
}

async fn run(file: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/signatures")
        .join(file);
    let cases: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let zones = Zones::read(&cases["zonedata"]);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, case) in cases["tests"].as_mapping().unwrap() {
        count += 1;
        let octets = case["message"].as_str().unwrap().replace('\n', "\r\n");
        let (dkim, arc) = verify(octets.as_bytes(), &zones).await;
        for why in judge(case, &dkim, &arc) {
            wrong.push(format!("{}: {why}", name.as_str().unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    count
}

pub(crate) async fn verify(octets: &[u8], zones: &Zones) -> (DkimReport, ArcOutcome) {
    let message = Message::read(octets);
    let lookups = Lookups::new(zones, Instant::now() + Duration::from_secs(20), 100);
    let limits = DkimLimits::default();
    (
        dkim::verify(&message, limits, NOW, &lookups).await,
        arc::verify(&message, limits, NOW, &lookups).await,
    )
}

/// Verdict, domain, selector and algorithm in one line.
pub(crate) fn line(outcome: &dkim::DkimOutcome) -> String {
    let or_dash = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    let mut words = vec![
        outcome.verdict.as_str().to_owned(),
        or_dash(&outcome.domain),
        or_dash(&outcome.selector),
        or_dash(outcome.algorithm),
    ];
    if outcome.testing {
        words.push("testing".to_owned());
    }
    words.join(" ")
}

fn judge(case: &Value, dkim: &DkimReport, arc: &ArcOutcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |key: &str, found: Value| {
        if !case[key].is_null() && case[key] != found {
            wrong.push(format!("{key} is {found:?}: {dkim:?} {arc:?}"));
        }
    };
    let lines: Vec<String> = dkim.signatures.iter().map(line).collect();
    let problems = dkim.signatures.iter().find_map(|one| one.problem.clone());
    expect("dkim", lines.into());
    expect("problem", problems.unwrap_or_default().into());
    expect("unread", dkim.unread.into());
    let unsigned = dkim.signatures.first().map(|one| one.unsigned_octets);
    expect("unsigned", unsigned.unwrap_or_default().into());
    expect("arc", arc.verdict.as_str().into());
    expect("sealers", arc.sealers.clone().into());
    expect("oldest", arc.oldest_pass.unwrap_or(u32::MAX).into());
    expect(
        "problem_arc",
        arc.problem.clone().unwrap_or_default().into(),
    );
    // What holds has no problem, and the other way round.
    for one in &dkim.signatures {
        if (one.verdict == Verdict::Pass) != one.problem.is_none() {
            wrong.push(format!("{one:?}"));
        }
    }
    wrong
}
