//! Results of authentication in the words that policy knows.

use waxwing_auth::dkim::DkimOutcome;
use waxwing_auth::dmarc::{DmarcOutcome, Policy};
use waxwing_auth::iprev::IprevOutcome;
use waxwing_auth::spf::{SpfOutcome, SpfResult};
use waxwing_auth::{EnvelopeResults, Results, Verdict};
use waxwing_policy::{
    ArcVerdict, AuthResults, AuthVerdict, DkimVerdict, DmarcPolicy, DmarcVerdict, DomainVerdict,
};

/// What is known before the content.
pub(super) fn envelope(of: &EnvelopeResults) -> AuthResults {
    AuthResults {
        iprev: iprev(&of.iprev),
        spf_helo: spf(&of.spf_helo),
        spf: spf(&of.spf),
        ..AuthResults::default()
    }
}

/// Everything.
pub(super) fn all(of: &Results) -> AuthResults {
    AuthResults {
        iprev: iprev(&of.iprev),
        spf_helo: spf(&of.spf_helo),
        spf: spf(&of.spf),
        dkim: of.dkim.signatures.iter().map(dkim).collect(),
        dmarc: dmarc(&of.dmarc),
        arc: ArcVerdict {
            verdict: verdict(of.arc.verdict),
            sealers: of.arc.sealers.clone(),
        },
    }
}

fn iprev(of: &IprevOutcome) -> DomainVerdict {
    DomainVerdict {
        verdict: verdict(of.verdict),
        domain: of.name.clone().unwrap_or_default(),
        detail: of.problem.clone().unwrap_or_default(),
    }
}

fn spf(of: &SpfOutcome) -> DomainVerdict {
    DomainVerdict {
        verdict: match of.result {
            SpfResult::None => AuthVerdict::None,
            SpfResult::Neutral => AuthVerdict::Neutral,
            SpfResult::Pass => AuthVerdict::Pass,
            SpfResult::Fail => AuthVerdict::Fail,
            SpfResult::SoftFail => AuthVerdict::SoftFail,
            SpfResult::TempError => AuthVerdict::TempError,
            SpfResult::PermError => AuthVerdict::PermError,
        },
        domain: of.domain.clone(),
        detail: of.detail(),
    }
}

fn dkim(of: &DkimOutcome) -> DkimVerdict {
    DkimVerdict {
        verdict: verdict(of.verdict),
        domain: of.domain.clone(),
        selector: of.selector.clone(),
        algorithm: of.algorithm.to_owned(),
        testing: of.testing,
        detail: of.problem.clone().unwrap_or_default(),
    }
}

fn dmarc(of: &DmarcOutcome) -> DmarcVerdict {
    // RFC 7489 §6.6.4: `pct=` and `t=` are about what is to be done with one message; plugins are told of this one.
    let policy = match of.verdict {
        Verdict::Fail => of.wanted(rand::random_range(0..100)),
        _ => of.policy,
    };
    DmarcVerdict {
        verdict: verdict(of.verdict),
        from_domain: of.from_domain.clone(),
        record_domain: of.record_domain.clone(),
        policy: match policy {
            Policy::Absent => DmarcPolicy::Absent,
            Policy::None => DmarcPolicy::None,
            Policy::Quarantine => DmarcPolicy::Quarantine,
            Policy::Reject => DmarcPolicy::Reject,
        },
        spf_aligned: of.spf_aligned,
        dkim_aligned: of.dkim_aligned,
    }
}

fn verdict(of: Verdict) -> AuthVerdict {
    match of {
        Verdict::None => AuthVerdict::None,
        Verdict::Pass => AuthVerdict::Pass,
        Verdict::Fail => AuthVerdict::Fail,
        Verdict::Policy => AuthVerdict::Policy,
        Verdict::Neutral => AuthVerdict::Neutral,
        Verdict::TempError => AuthVerdict::TempError,
        Verdict::PermError => AuthVerdict::PermError,
    }
}
