//! What results mean: decisions without a host.

use crate::settings::{Measure, Settings};
use waxwing_plugin::host::auth_results::{
    ArcVerdict, DkimVerdict, DmarcPolicy, DmarcVerdict, DomainVerdict, Verdict,
};

/// All results of a message.
#[derive(Debug)]
pub struct Results {
    /// The client's name and address.
    pub iprev: DomainVerdict,
    /// The reverse-path.
    pub spf: DomainVerdict,
    /// The signatures.
    pub dkim: Vec<DkimVerdict>,
    /// The author's domain.
    pub dmarc: DmarcVerdict,
    /// Who passed it on.
    pub arc: ArcVerdict,
}

/// A finding and its evidence.
pub type Found = (&'static str, Vec<String>);

/// What follows, and from which finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Pass,
    /// Kept for the operator, with this reason.
    Quarantine(String),
    /// Refused, with the last number of the enhanced code (5.7.x) and a sentence for the sender.
    Reject(u16, String),
}

/// The findings and what follows.
pub fn judge(settings: &Settings, results: &Results) -> (Vec<Found>, Outcome) {
    let sealer = trusted_sealer(settings, &results.arc);
    let mut found = Vec::new();
    found.extend(dkim(&results.dkim));
    found.extend(iprev(&results.iprev));
    if let Some(sealer) = sealer {
        found.push(("ARC_TRUSTED", vec![sealer.to_owned()]));
    }
    let spf = spf(&results.spf);
    let dmarc = dmarc(&results.dmarc);
    // What is passed on comes from another client than its domain's, and is often changed: RFC 8617 §7.2.1.
    let counts = |of: &Found| sealer.is_none() || matches!(of.0, "SPF_PASS" | "DMARC_PASS");
    let mut outcome = Outcome::Pass;
    // DMARC knows more than SPF, and so goes first.
    for one in [dmarc, spf].into_iter().flatten().filter(counts) {
        if outcome == Outcome::Pass {
            outcome = consequence(settings, &one);
        }
        found.push(one);
    }
    (found, outcome)
}

/// The newest sealer of a chain that holds, if it is trusted.
fn trusted_sealer<'a>(settings: &Settings, arc: &'a ArcVerdict) -> Option<&'a str> {
    let newest = arc.sealers.first().map(String::as_str)?;
    let trusted = settings.trusted_sealers.iter().any(|one| one == newest);
    (arc.verdict == Verdict::Pass && trusted).then_some(newest)
}

fn spf(of: &DomainVerdict) -> Option<Found> {
    let name = match of.verdict {
        Verdict::Pass => "SPF_PASS",
        Verdict::Fail => "SPF_FAIL",
        Verdict::Softfail => "SPF_SOFTFAIL",
        Verdict::Permerror => "SPF_ERROR",
        _ => return None,
    };
    Some((name, vec![of.domain.clone()]))
}

fn dkim(of: &[DkimVerdict]) -> Option<Found> {
    let that = |verdict: fn(Verdict) -> bool| -> Vec<String> {
        let some = of.iter().filter(|one| verdict(one.verdict));
        some.map(|one| one.domain.clone()).collect()
    };
    let holds = that(|verdict| verdict == Verdict::Pass);
    if !holds.is_empty() {
        return Some(("DKIM_PASS", holds));
    }
    // A key that could not be looked up says nothing against a signature.
    let unknown = of.iter().any(|one| one.verdict == Verdict::Temperror);
    (!of.is_empty() && !unknown).then(|| ("DKIM_FAIL", that(|_| true)))
}

fn dmarc(of: &DmarcVerdict) -> Option<Found> {
    let name = match (of.verdict, of.policy) {
        (Verdict::Pass, _) => "DMARC_PASS",
        (Verdict::Fail, DmarcPolicy::Reject) => "DMARC_REJECT",
        (Verdict::Fail, DmarcPolicy::Quarantine) => "DMARC_QUARANTINE",
        (Verdict::Fail, _) => "DMARC_FAIL",
        _ => return None,
    };
    Some((name, vec![of.from_domain.clone()]))
}

fn iprev(of: &DomainVerdict) -> Option<Found> {
    let fails = matches!(of.verdict, Verdict::Fail | Verdict::Permerror);
    let name = Some(of.domain.clone()).filter(|name| !name.is_empty());
    fails.then(|| ("IPREV_FAIL", name.into_iter().collect()))
}

fn consequence(settings: &Settings, (name, about): &Found) -> Outcome {
    let domain = about.first().map(String::as_str).unwrap_or_default();
    // RFC 7372 §3.3: X.7.26, multiple authentication checks failed; §3.2: X.7.23, SPF validation failed.
    let (measure, detail, text) = match *name {
        "DMARC_REJECT" => (settings.dmarc_reject, 26, "asks to refuse it (DMARC)"),
        "DMARC_QUARANTINE" => (
            settings.dmarc_quarantine,
            26,
            "asks to put it aside (DMARC)",
        ),
        "SPF_FAIL" => (settings.spf_fail, 23, "does not let this client send (SPF)"),
        _ => return Outcome::Pass,
    };
    let text = match detail {
        26 => format!("The message is not from {domain}, which {text}"),
        _ => format!("{domain} {text}"),
    };
    match measure {
        Measure::Tag => Outcome::Pass,
        Measure::Quarantine => Outcome::Quarantine(text),
        Measure::Reject => Outcome::Reject(detail, text),
    }
}
