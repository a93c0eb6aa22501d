//! From the results of SPF and DKIM to that of DMARC (RFC 7489 §4.2, §6.6).

use mail_auth::AuthenticatedMessage;

use super::record::{DmarcRecord, Policy, Psd};
use super::walk::{Unanswered, Walker, organizational, related};
use crate::dkim::DkimReport;
use crate::dns::{Lookups, Outcome, RecordKind, is_name};
use crate::message::Message;
use crate::spf::{SpfOutcome, SpfResult};
use crate::verdict::Verdict;

/// Domains of authors that are looked at; messages with more are nobody's.
const MAX_AUTHORS: usize = 4;
/// Octets of From fields that are read.
const MAX_FROM: usize = 64 * 1024;

/// What came of DMARC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DmarcOutcome {
    /// None without a record; pass; fail; temperror; permerror if there is no author that could have one.
    pub verdict: Verdict,
    /// The author's domain, in lower-case A-labels.
    pub from_domain: String,
    /// Whose record counts; empty without one.
    pub record_domain: String,
    /// The author's organizational domain.
    pub organizational_domain: String,
    /// What the record asks for, for this author.
    pub policy: Policy,
    /// SPF passed for a domain that fits.
    pub spf_aligned: bool,
    /// A signature of a domain that fits holds.
    pub dkim_aligned: bool,
    /// The record.
    pub record: Option<DmarcRecord>,
    /// What is wrong, for people.
    pub problem: Option<String>,
}

impl DmarcOutcome {
    /// What the domain wants to be done with a message that failed, by a number from 0 to 99 drawn for it (RFC 7489 §6.6.4, RFC 9989 `t=`).
    #[must_use]
    pub fn wanted(&self, drawn: u8) -> Policy {
        let Some(record) = self
            .record
            .as_ref()
            .filter(|_| self.verdict == Verdict::Fail)
        else {
            return Policy::None;
        };
        if record.testing || drawn >= record.percent {
            self.policy.lessened()
        } else {
            self.policy
        }
    }
}

/// The domains of the authors, each once, in lower-case A-labels: of all From fields, and of all addresses in them.
#[must_use]
pub fn authors(message: &Message<'_>) -> Vec<String> {
    let mut header = Vec::new();
    for field in message.named("From") {
        header.extend_from_slice(b"From:");
        header.extend_from_slice(field.value);
        if header.len() > MAX_FROM {
            break;
        }
    }
    header.extend_from_slice(b"\r\n");
    let mut domains: Vec<String> = Vec::new();
    let read = AuthenticatedMessage::parse(&header);
    for address in read
        .as_ref()
        .map(AuthenticatedMessage::froms)
        .unwrap_or_default()
    {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        let domain = idna::domain_to_ascii(domain.trim()).unwrap_or_default();
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    domains
}

/// Evaluates DMARC for the domains of the authors. RFC 7489 §6.6.1: of several, the one that fares worst counts.
pub async fn evaluate(
    authors: &[String],
    spf: &SpfOutcome,
    dkim: &DkimReport,
    lookups: &Lookups<'_>,
) -> DmarcOutcome {
    if authors.is_empty() || authors.len() > MAX_AUTHORS {
        return DmarcOutcome {
            verdict: Verdict::PermError,
            from_domain: authors.first().cloned().unwrap_or_default(),
            problem: Some(format!(
                "the message has {} authors' domains",
                authors.len()
            )),
            ..DmarcOutcome::default()
        };
    }
    let mut walker = Walker::new(lookups);
    let mut worst: Option<DmarcOutcome> = None;
    for author in authors {
        let outcome = one(author, spf, dkim, &mut walker, lookups).await;
        if worst
            .as_ref()
            .is_none_or(|so_far| rank(so_far) < rank(&outcome))
        {
            worst = Some(outcome);
        }
    }
    worst.unwrap_or_default()
}

/// How badly an author fares.
fn rank(outcome: &DmarcOutcome) -> (u8, Policy) {
    let badness = match outcome.verdict {
        Verdict::Pass => 0,
        Verdict::TempError => 2,
        Verdict::PermError => 3,
        Verdict::Fail => 4,
        _ => 1,
    };
    (badness, outcome.policy)
}

async fn one(
    author: &str,
    spf: &SpfOutcome,
    dkim: &DkimReport,
    walker: &mut Walker<'_>,
    lookups: &Lookups<'_>,
) -> DmarcOutcome {
    let mut outcome = DmarcOutcome {
        from_domain: author.to_owned(),
        ..DmarcOutcome::default()
    };
    if !is_name(author) {
        outcome.verdict = Verdict::PermError;
        outcome.problem = Some("the author has no domain".to_owned());
        return outcome;
    }
    if let Err(Unanswered(name)) = judge(&mut outcome, spf, dkim, walker, lookups).await {
        outcome.verdict = Verdict::TempError;
        outcome.problem = Some(format!("the DNS did not answer for {name}"));
    }
    outcome
}

async fn judge(
    outcome: &mut DmarcOutcome,
    spf: &SpfOutcome,
    dkim: &DkimReport,
    walker: &mut Walker<'_>,
    lookups: &Lookups<'_>,
) -> Result<(), Unanswered> {
    let author = outcome.from_domain.clone();
    let records = walker.records(&author).await?;
    let own = organizational(&author, &records);
    outcome.organizational_domain.clone_from(&own);
    // RFC 9989 §4.10.1: the record of the author's domain, or of the organizational domain, or of the public suffix.
    let of = |wanted: &str| records.iter().find(|(at, _)| at == wanted);
    let suffix = || records.iter().find(|(_, record)| record.psd == Psd::Yes);
    let Some((at, record)) = of(&author).or_else(|| of(&own)).or_else(suffix) else {
        return Ok(());
    };
    outcome.record_domain.clone_from(at);
    outcome.policy = if *at == author {
        record.policy
    } else {
        let subdomains = record.subdomains.unwrap_or(record.policy);
        match record.nonexistent {
            Some(policy) if !exists(&author, lookups).await => policy,
            _ => subdomains,
        }
    };
    outcome.record = Some(record.clone());

    let mut unsure = false;
    if !spf.domain.is_empty() && matches!(spf.result, SpfResult::Pass | SpfResult::TempError) {
        let fits = aligned(&spf.domain, &author, &own, record.strict_spf, walker).await?;
        outcome.spf_aligned = fits && spf.result == SpfResult::Pass;
        unsure |= fits && spf.result == SpfResult::TempError;
    }
    for signature in &dkim.signatures {
        if !matches!(signature.verdict, Verdict::Pass | Verdict::TempError) {
            continue;
        }
        let fits = aligned(&signature.domain, &author, &own, record.strict_dkim, walker).await?;
        outcome.dkim_aligned |= fits && signature.verdict == Verdict::Pass;
        unsure |= fits && signature.verdict == Verdict::TempError;
    }
    outcome.verdict = if outcome.spf_aligned || outcome.dkim_aligned {
        Verdict::Pass
    } else if unsure {
        // RFC 7489 §6.6.2: what might have passed is not a failure.
        outcome.problem = Some("the DNS did not answer for what might have passed".to_owned());
        Verdict::TempError
    } else {
        Verdict::Fail
    };
    Ok(())
}

/// RFC 7489 §3.1: whether a domain that passed speaks for the author's.
async fn aligned(
    domain: &str,
    author: &str,
    author_organization: &str,
    strict: bool,
    walker: &mut Walker<'_>,
) -> Result<bool, Unanswered> {
    if domain == author {
        return Ok(true);
    }
    if strict || !related(domain, author) {
        return Ok(false);
    }
    Ok(walker.organizational(domain).await? == author_organization)
}

/// RFC 9989 §3.2: a name that does not exist has no addresses and takes no mail; that there is no such name says it at once.
async fn exists(domain: &str, lookups: &Lookups<'_>) -> bool {
    for kind in [RecordKind::A, RecordKind::Aaaa, RecordKind::Mx] {
        match lookups.ask(domain, kind).await.outcome {
            Outcome::NoSuchName => return false,
            Outcome::NoData => {}
            Outcome::Found | Outcome::Failed => return true,
        }
    }
    false
}
