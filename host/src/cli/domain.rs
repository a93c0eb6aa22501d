//! `waxwing domain dns`, `check` and `mta-sts`: what a domain publishes.

use std::fmt::Write;

use clap::{Args, ValueEnum};
use serde_json::Value;
use waxwing_store::{MtaSts, StsMode};

use super::print::{self, items, text};
use super::{Common, ask, put, show};
use crate::admin::{DomainRequest, Exit, Failure, Request};

/// RFC 8461 §3.2: about a year, in seconds.
const LONGEST: u32 = 31_557_600;
/// How long what is printed may be kept, in seconds.
const TTL: u32 = 3600;

/// The policy to set.
#[derive(Debug, Args)]
pub(in crate::cli) struct StsArgs {
    /// What others do where TLS fails: deliver and report (testing), or not deliver (enforce); none ends an earlier policy.
    #[arg(long, required_unless_present = "remove")]
    mode: Option<Mode>,
    /// For how many seconds they may keep the policy. A week is good for a start.
    #[arg(long, default_value_t = 604_800, value_parser = clap::value_parser!(u32).range(1..=i64::from(LONGEST)))]
    max_age: u32,
    /// Serve no policy any more; first serve mode none for as long as the old one may be kept.
    #[arg(long, conflicts_with = "mode")]
    remove: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    None,
    Testing,
    Enforce,
}

impl StsArgs {
    fn request(&self, domain: String) -> DomainRequest {
        let mode = match self.mode {
            Some(Mode::None) => StsMode::None,
            Some(Mode::Testing) => StsMode::Testing,
            Some(Mode::Enforce) => StsMode::Enforce,
            None => return DomainRequest::NoMtaSts { domain },
        };
        let policy = MtaSts {
            mode,
            max_age: self.max_age,
        };
        DomainRequest::MtaSts { domain, policy }
    }
}

pub(super) fn mta_sts(common: &Common, domain: String, arguments: &StsArgs) -> Result<(), Failure> {
    let request = Request::Domain(arguments.request(domain));
    show(common, &request, |answer| {
        let policy = text(answer, "policy");
        let serves = match policy.as_str() {
            "" => "No policy is served any more. Remove the records _mta-sts and mta-sts.\n"
                .to_owned(),
            policy => format!(
                "Served from now on, where a listener speaks http with TLS:\n\n{policy}\nPublish:\n\n"
            ),
        };
        serves + &zone(answer)
    })
}

pub(super) fn dns(common: &Common, domain: String) -> Result<(), Failure> {
    let request = Request::Domain(DomainRequest::Dns { domain });
    show(common, &request, |answer| zone(answer) + &notes(answer))
}

/// One line a finding; 1 if there is any.
pub(super) fn check(common: &Common, domain: String) -> Result<(), Failure> {
    let answer = ask(common, &Request::Domain(DomainRequest::Check { domain }))?;
    let findings = answer.get("findings").map(items).unwrap_or_default();
    if common.json {
        put(&print::json(&answer));
    }
    for finding in findings.iter().filter(|_| !common.json) {
        let [about, problem, advice] =
            ["about", "problem", "advice"].map(|member| text(finding, member));
        put(&format!("{about}: {problem}; {advice}\n"));
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Findings, "1 finding")),
        count => Err(Failure::new(Exit::Findings, format!("{count} findings"))),
    }
}

/// Lines of a zone file (RFC 1035 §5.1), each purpose before what serves it.
pub(super) fn zone(answer: &Value) -> String {
    let mut out = String::new();
    let mut told = String::new();
    for record in answer.get("records").map(items).unwrap_or_default() {
        let [name, kind, data, purpose] =
            ["name", "type", "data", "purpose"].map(|member| text(record, member));
        if purpose != told {
            let _infallible = writeln!(out, "; {purpose}.");
            told = purpose;
        }
        let _infallible = writeln!(out, "{name} {TTL} IN {kind} {data}");
    }
    out
}

/// What no record of the domain says.
pub(super) fn notes(answer: &Value) -> String {
    let [host, issuer] = ["host", "issuer"].map(|member| text(answer, member));
    let issuer = match issuer.as_str() {
        "" => "letsencrypt.org",
        known => known,
    };
    format!(
        "; Besides: {host} needs A and AAAA records, and its addresses PTR records that lead back to it, from whoever hosts\n\
         ; them: many servers take no mail from others.\n\
         ; You may say who issues certificates for it (RFC 8659), such as:\n\
         ; {host}. {TTL} IN CAA 0 issue \"{issuer}\"\n"
    )
}
