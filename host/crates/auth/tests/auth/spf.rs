//! SPF: the cases of this repository, and the published suite of RFC 7208 where it is given.

use std::path::Path;

use serde::Deserialize as _;
use serde_yaml_ng::{Deserializer, Value};
use tokio::time::{Duration, Instant};
use waxwing_auth::dns::Lookups;
use waxwing_auth::spf::{SpfOutcome, SpfRequest, check_mail_from};

use crate::zones::Zones;

#[tokio::test]
async fn each_rule_has_its_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spf");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        count += run(&std::fs::read_to_string(entry.path()).unwrap()).await;
    }
    assert!(count > 50, "only {count} cases");
}

/// The suite is not ours to ship: `WAXWING_SPF_SUITE` names its file, or it lies at `../shared/suites` beside the repository.
#[tokio::test]
async fn the_published_suite_passes_whole() {
    let given = std::env::var_os("WAXWING_SPF_SUITE").filter(|path| !path.is_empty());
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/suites/rfc7208-tests.yml");
    let path = given.map_or(beside, Into::into);
    let Ok(suite) = std::fs::read_to_string(&path) else {
        eprintln!(
            "SKIPPED: no SPF suite at {}; set WAXWING_SPF_SUITE to rfc7208-tests.yml",
            path.display()
        );
        return;
    };
    let count = run(&suite).await;
    assert!(count > 200, "only {count} cases were read");
}

/// Runs all documents of a file; how many cases there were.
async fn run(text: &str) -> usize {
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in Deserializer::from_str(text) {
        let document = Value::deserialize(document).unwrap();
        let zones = Zones::read(&document["zonedata"]);
        for (name, case) in document["tests"].as_mapping().into_iter().flatten() {
            count += 1;
            let outcome = outcome(case, &zones).await;
            if let Err(why) = judge(case, &outcome) {
                wrong.push(format!("{}: {why}: {outcome:?}", name.as_str().unwrap()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}: {wrong:#?}", wrong.len());
    count
}

async fn outcome(case: &Value, zones: &Zones) -> SpfOutcome {
    let request = SpfRequest {
        client: case["host"].as_str().unwrap().parse().unwrap(),
        helo: case["helo"].as_str().unwrap(),
        receiver: "mx.waxwing.test",
        now: 1_800_000_000,
    };
    let lookups = Lookups::new(zones, Instant::now() + Duration::from_secs(20), 200);
    check_mail_from(&request, case["mailfrom"].as_str().unwrap(), &lookups).await
}

fn judge(case: &Value, outcome: &SpfOutcome) -> Result<(), String> {
    let allowed: Vec<&str> = match &case["result"] {
        Value::Sequence(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    if !allowed.contains(&outcome.result.as_str()) {
        return Err(format!("expected {allowed:?}"));
    }
    // DEFAULT is what a server says where the domain has nothing to say.
    let explanation = outcome.explanation.as_deref().unwrap_or("DEFAULT");
    if let Some(expected) = case["explanation"].as_str()
        && expected != explanation
    {
        return Err(format!("expected the explanation {expected:?}"));
    }
    let numbers = [("terms", outcome.terms), ("voids", outcome.voids)];
    for (key, number) in numbers {
        if case[key].as_u64().is_some_and(|n| n != u64::from(number)) {
            return Err(format!("expected {key} of {:?}", case[key]));
        }
    }
    let texts = [
        ("mechanism", &outcome.mechanism),
        ("problem", &outcome.problem),
    ];
    for (key, text) in texts {
        if let Some(expected) = case[key].as_str()
            && text.as_deref() != Some(expected)
        {
            return Err(format!("expected {key} {expected:?}"));
        }
    }
    Ok(())
}
