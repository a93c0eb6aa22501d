//! `auth-results`, as the world says: `pass`, `fail` and so on for each method, about the domain that stands behind it.

use super::super::network::AuthFacts;
use super::world;

pub use crate::bindings::imports::auth_results::{
    ArcVerdict, DkimVerdict, DmarcPolicy, DmarcVerdict, DomainVerdict, Verdict,
};

fn facts<R>(read: impl FnOnce(&AuthFacts) -> R) -> R {
    world(|world| read(&world.network.auth))
}

/// `pass example.org` as a result and a domain.
fn read(text: &str) -> (Verdict, String) {
    let (word, domain) = text.split_once(' ').unwrap_or((text, ""));
    let verdict = match word {
        "pass" => Verdict::Pass,
        "fail" => Verdict::Fail,
        "softfail" => Verdict::Softfail,
        "neutral" => Verdict::Neutral,
        "policy" => Verdict::Policy,
        "temperror" => Verdict::Temperror,
        "permerror" => Verdict::Permerror,
        _ => Verdict::None,
    };
    (verdict, domain.to_owned())
}

fn domain(text: &str) -> DomainVerdict {
    let (verdict, domain) = read(text);
    DomainVerdict {
        verdict,
        domain,
        detail: String::new(),
    }
}

pub fn iprev() -> DomainVerdict {
    facts(|facts| domain(&facts.iprev))
}

pub fn spf_helo() -> DomainVerdict {
    facts(|facts| domain(&facts.spf_helo))
}

pub fn spf() -> DomainVerdict {
    facts(|facts| domain(&facts.spf))
}

pub fn dkim() -> Vec<DkimVerdict> {
    facts(|facts| {
        let signature = |text: &String| {
            let (verdict, domain) = read(text);
            DkimVerdict {
                verdict,
                domain,
                selector: "selector".to_owned(),
                algorithm: "rsa-sha256".to_owned(),
                testing: false,
                detail: String::new(),
            }
        };
        facts.dkim.iter().map(signature).collect()
    })
}

pub fn dmarc() -> DmarcVerdict {
    facts(|facts| {
        let (verdict, domain) = read(&facts.dmarc);
        let passes = |text: &String| text.starts_with("pass ");
        DmarcVerdict {
            verdict,
            record_domain: domain.clone(),
            from_domain: domain,
            policy: match facts.dmarc_policy.as_str() {
                "none" => DmarcPolicy::None,
                "quarantine" => DmarcPolicy::Quarantine,
                "reject" => DmarcPolicy::Reject,
                _ => DmarcPolicy::Absent,
            },
            spf_aligned: verdict == Verdict::Pass && passes(&facts.spf),
            dkim_aligned: verdict == Verdict::Pass && facts.dkim.iter().any(passes),
        }
    })
}

pub fn arc() -> ArcVerdict {
    facts(|facts| {
        let (verdict, sealer) = read(&facts.arc);
        ArcVerdict {
            verdict,
            sealers: Some(sealer)
                .filter(|sealer| !sealer.is_empty())
                .into_iter()
                .collect(),
        }
    })
}
