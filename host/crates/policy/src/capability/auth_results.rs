//! `auth-results`: what the host found out about who a message is from.

use std::sync::Arc;

use wasmtime::Result;

use crate::auth::{self, AuthResults, AuthVerdict};
use crate::bindings::waxwing::policy::auth_results::{
    ArcVerdict, DkimVerdict, DmarcPolicy, DmarcVerdict, DomainVerdict, Host, Verdict,
};
use crate::state::State;

/// Signatures and sealers that are told.
const MAX_TOLD: usize = 50;

impl Host for State {
    fn iprev(&mut self) -> Result<DomainVerdict> {
        self.host_call("auth-results.iprev", (), |state, ()| {
            Ok(domain(&state.auth().iprev))
        })
    }

    fn spf_helo(&mut self) -> Result<DomainVerdict> {
        self.host_call("auth-results.spf-helo", (), |state, ()| {
            Ok(domain(&state.auth().spf_helo))
        })
    }

    fn spf(&mut self) -> Result<DomainVerdict> {
        self.host_call("auth-results.spf", (), |state, ()| {
            Ok(domain(&state.auth().spf))
        })
    }

    fn dkim(&mut self) -> Result<Vec<DkimVerdict>> {
        self.host_call("auth-results.dkim", (), |state, ()| {
            Ok(state.auth().dkim.iter().take(MAX_TOLD).map(dkim).collect())
        })
    }

    fn dmarc(&mut self) -> Result<DmarcVerdict> {
        self.host_call("auth-results.dmarc", (), |state, ()| {
            Ok(dmarc(&state.auth().dmarc))
        })
    }

    fn arc(&mut self) -> Result<ArcVerdict> {
        self.host_call("auth-results.arc", (), |state, ()| {
            let results = state.auth();
            Ok(ArcVerdict {
                verdict: verdict(results.arc.verdict),
                sealers: results.arc.sealers.iter().take(MAX_TOLD).cloned().collect(),
            })
        })
    }
}

impl State {
    /// The results of the transaction at hand. They name domains, so that a view without addresses has none.
    fn auth(&self) -> Arc<AuthResults> {
        self.context
            .mail
            .as_ref()
            .filter(|_| self.sight().addresses())
            .and_then(|mail| mail.state().auth.clone())
            .unwrap_or_default()
    }
}

fn domain(of: &auth::DomainVerdict) -> DomainVerdict {
    DomainVerdict {
        verdict: verdict(of.verdict),
        domain: of.domain.clone(),
        detail: of.detail.clone(),
    }
}

fn dkim(of: &auth::DkimVerdict) -> DkimVerdict {
    DkimVerdict {
        verdict: verdict(of.verdict),
        domain: of.domain.clone(),
        selector: of.selector.clone(),
        algorithm: of.algorithm.clone(),
        testing: of.testing,
        detail: of.detail.clone(),
    }
}

fn dmarc(of: &auth::DmarcVerdict) -> DmarcVerdict {
    DmarcVerdict {
        verdict: verdict(of.verdict),
        from_domain: of.from_domain.clone(),
        record_domain: of.record_domain.clone(),
        policy: match of.policy {
            auth::DmarcPolicy::Absent => DmarcPolicy::Absent,
            auth::DmarcPolicy::None => DmarcPolicy::None,
            auth::DmarcPolicy::Quarantine => DmarcPolicy::Quarantine,
            auth::DmarcPolicy::Reject => DmarcPolicy::Reject,
        },
        spf_aligned: of.spf_aligned,
        dkim_aligned: of.dkim_aligned,
    }
}

fn verdict(of: AuthVerdict) -> Verdict {
    match of {
        AuthVerdict::None => Verdict::None,
        AuthVerdict::Pass => Verdict::Pass,
        AuthVerdict::Fail => Verdict::Fail,
        AuthVerdict::SoftFail => Verdict::Softfail,
        AuthVerdict::Neutral => Verdict::Neutral,
        AuthVerdict::Policy => Verdict::Policy,
        AuthVerdict::TempError => Verdict::Temperror,
        AuthVerdict::PermError => Verdict::Permerror,
    }
}
